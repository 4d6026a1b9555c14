//! Which names the ledger remembers, and which it was told nothing of.

use super::*;

/// The listing kept only what was wanted when it began.
#[test]
fn a_name_that_was_not_wanted_hears_nothing_of_the_last_listing() {
    let mut ledger = Ledger::default();
    ledger.hears(10, &["other"], true);
    assert_eq!(ledger.sight("other", UID), Sight::default());
    assert_eq!(ledger.sight("later", UID), Sight::default());
    assert!(ledger.sight("b", UID).absence.is_some(), "that was wanted");
}

#[test]
fn names_that_no_object_has_are_forgotten() {
    let hour = KEPT.as_secs();
    let mut ledger = lagging(true);
    for name in ["asked", "ours", "gone"] {
        let _ = ledger.sight(name, UID);
    }
    ledger.unanswered("gone", at(20));
    ledger.retain(|name| name == "ours", at(30));
    let left = |ledger: &Ledger| {
        let mut names: Vec<String> = ledger.names().into_iter().collect();
        names.sort();
        names
    };
    // What was written to is kept for a while: its outcome may still matter.
    assert_eq!(left(&ledger), ["a", "gone", "ours"]);
    assert!(!ledger.settled(at(30), QUIET));
    ledger.retain(|name| name == "ours", at(10 + hour));
    assert_eq!(left(&ledger), ["gone", "ours"]);
    ledger.retain(|name| name == "ours", at(20 + hour));
    assert_eq!(left(&ledger), ["ours"]);
}
