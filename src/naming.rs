//! The names of rooms and Secrets. No I/O.
//!
//! Daily has no tags on rooms, so only the name shows which object a room belongs to. A derived name is
//! `<readable>_<hash>_<mark>`: `hash` is 128 bits of SHA-256 over cluster, kind, namespace and name;
//! `mark` is 64 bits over the cluster and the rest, so that an operator can recognize the rooms of its
//! cluster by name alone. Both are lower-case base32. All parts stay the same when an object is deleted
//! and applied again, so the same object finds its room and PIN.

use data_encoding::{BASE32_NOPAD, Encoding};
use sha2::{Digest, Sha256};

/// The longest name of a room that Daily accepts (F-ROOM-5).
const MAX_ROOM_NAME: usize = 128;
const HASH_BYTES: usize = 16;
const HASH_CHARS: usize = 26;
const MARK_BYTES: usize = 8;
const MARK_CHARS: usize = 13;

fn base32(bytes: &[u8]) -> String {
    let encoding: &Encoding = &BASE32_NOPAD;
    encoding.encode(bytes).to_ascii_lowercase()
}

/// SHA-256 over the parts. The length before each part keeps different lists of parts apart.
fn digest(parts: &[&str], bytes: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let out = hash.finalize();
    base32(out.get(..bytes).unwrap_or_default())
}

/// The default name of the room of a DailyRoom.
pub fn derived_room_name(cluster: &str, namespace: &str, name: &str) -> String {
    let readable: String = format!("{namespace}-{name}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(MAX_ROOM_NAME - HASH_CHARS - MARK_CHARS - 2)
        .collect();
    let hash = digest(&[cluster, "DailyRoom", namespace, name], HASH_BYTES);
    let body = format!("{readable}_{hash}");
    let mark = digest(&[cluster, &body], MARK_BYTES);
    format!("{body}_{mark}")
}

/// Whether a name has the form of a derived name, of any cluster.
pub fn looks_derived(room_name: &str) -> bool {
    let is_base32 = |s: &str, len: usize| {
        s.len() == len
            && s.bytes()
                .all(|b| b.is_ascii_alphabetic() || (b'2'..=b'7').contains(&b))
    };
    let mut parts = room_name.rsplitn(3, '_');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(mark), Some(hash), Some(_)) => {
            is_base32(mark, MARK_CHARS) && is_base32(hash, HASH_CHARS)
        }
        _ => false,
    }
}

/// Whether an operator of this cluster derived a name: it carries the cluster's mark.
pub fn has_mark(cluster: &str, room_name: &str) -> bool {
    let marked = room_name.rsplit_once('_');
    looks_derived(room_name)
        && marked.is_some_and(|(body, mark)| mark == digest(&[cluster, body], MARK_BYTES))
}

/// The label that connects a Secret with its object. A hash, because names may be longer than the value of
/// a label.
pub fn owner_label(namespace: &str, name: &str) -> String {
    digest(&[namespace, name], HASH_BYTES)
}

pub fn default_secret_name(room: &str) -> String {
    format!("{room}-dialin")
}

/// The default name of the Secret with the meeting tokens of a DailyRoom.
pub fn default_token_secret_name(room: &str) -> String {
    format!("{room}-tokens")
}

/// A fingerprint of a request, to be compared with later requests.
pub fn fingerprint(value: &serde_json::Value) -> String {
    digest(&[&value.to_string()], HASH_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_derived_name_is_stable_and_tells_its_origin() {
        let name = derived_room_name("c1", "team-a", "standup");
        assert_eq!(name, derived_room_name("c1", "team-a", "standup"));
        assert!(name.starts_with("team-a-standup_"), "{name}");
        assert!(looks_derived(&name));
    }

    #[test]
    fn the_mark_of_a_name_shows_its_cluster() {
        let name = derived_room_name("c1", "team-a", "standup");
        assert!(has_mark("c1", &name));
        assert!(!has_mark("c2", &name));
        let other = name.replace("standup", "retro");
        for forged in [&other, &name.to_uppercase(), "standup", "a_b_c", ""] {
            assert!(!has_mark("c1", forged), "{forged}");
        }
    }

    #[test]
    fn shifted_boundaries_and_other_clusters_give_other_names() {
        let name = derived_room_name("c", "a-b", "c");
        assert_ne!(name, derived_room_name("c", "a", "b-c"));
        assert_ne!(name, derived_room_name("d", "a-b", "c"));
    }

    #[test]
    fn chosen_names_do_not_look_derived() {
        for name in ["standup", "a_b_c", "room_2", ""] {
            assert!(!looks_derived(name), "{name}");
        }
    }

    /// Neighbours of the same text with other boundaries, other marks between words, and the longest names
    /// that Kubernetes accepts, which differ in what does not fit into the readable part.
    fn namespace_and_name(nth: usize) -> (String, String) {
        let word = format!("{:x}", nth / 8);
        let long = |length: usize| format!("{}{word}", "z".repeat(length - word.len()));
        match nth % 8 {
            0 => (word.clone(), word),
            1 => (format!("{word}-a"), "b".to_owned()),
            2 => (word, "a-b".to_owned()),
            3 => (word, "a.b".to_owned()),
            4 => ("a".to_owned(), format!("b-{word}")),
            5 => (long(63), "a".to_owned()),
            6 => ("a".to_owned(), long(253)),
            _ => (long(63), long(253)),
        }
    }

    /// Daily folds the case of names.
    #[test]
    fn a_million_derived_names_are_legal_ours_and_differ() {
        let mut seen = std::collections::HashSet::new();
        for nth in 0..1_000_000 {
            let (namespace, name) = namespace_and_name(nth);
            let room = derived_room_name("0b1c", &namespace, &name);
            let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            assert!(
                room.len() <= MAX_ROOM_NAME && room.chars().all(legal),
                "{room}"
            );
            assert!(has_mark("0b1c", &room), "{room}");
            let hash = Sha256::digest(room.to_ascii_lowercase());
            assert!(seen.insert(hash), "{namespace}/{name}: {room}");
        }
    }

    proptest! {
        #[test]
        fn every_derived_name_is_one_that_daily_accepts(
            ns in "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
            name in "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?",
        ) {
            let room = derived_room_name("0b1c", &ns, &name);
            prop_assert!(room.len() <= MAX_ROOM_NAME);
            prop_assert!(room.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
            prop_assert!(looks_derived(&room));
        }
    }
}
