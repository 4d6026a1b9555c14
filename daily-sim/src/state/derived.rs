//! What follows from the seed and a name without drawing from the world's own row of random numbers:
//! a read may need it, and a read must change nothing.

/// A generator of its own for each kind of thing and name.
pub(super) fn derived(seed: u64, kind: &str, name: &str) -> fastrand::Rng {
    // FNV-1a, which is the same in every build; nobody has to be kept from guessing it.
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = seed.to_be_bytes().into_iter().chain(kind.bytes());
    let bytes = bytes.chain([b'/']).chain(name.bytes());
    fastrand::Rng::with_seed(bytes.fold(0xcbf2_9ce4_8422_2325, mix))
}

/// An id that is the same whenever it is asked for.
pub(super) fn derived_id(seed: u64, kind: &str, name: &str) -> String {
    super::random_id(&mut derived(seed, kind, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_name_and_seed_has_its_own() {
        let ids = [
            derived_id(1, "a", "b"),
            derived_id(1, "a", "c"),
            derived_id(1, "b", "b"),
            derived_id(2, "a", "b"),
        ];
        let once: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(once.len(), ids.len());
        assert_eq!(ids[0], derived_id(1, "a", "b"));
    }
}
