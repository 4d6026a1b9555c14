//! For which names evidence is kept.

use super::*;
use crate::daily::evidence::writes::REMEMBERED;

/// The listing kept only what was wanted when it began.
#[test]
fn the_last_listing_says_nothing_of_a_name_that_was_not_wanted() {
    let mut evidence = Evidence::default();
    evidence.lists(10, &["other"], true);
    for name in ["other", "later"] {
        let room = evidence.room(name, UID);
        assert!(room.observed.is_none() && room.absence.is_none(), "{name}");
    }
    assert!(evidence.room("b", UID).absence.is_some(), "that was wanted");
}

#[test]
fn names_that_no_object_has_are_forgotten() {
    let hour = REMEMBERED.as_secs();
    let mut evidence = lagging(true);
    for name in ["asked", "ours", "gone"] {
        let _ = evidence.room(name, UID);
    }
    evidence.writes("gone").unanswered(at(20));
    evidence.retain(|name| name == "ours", at(30));
    let left = |evidence: &Evidence| {
        let mut names: Vec<String> = evidence.names().into_iter().collect();
        names.sort();
        names
    };
    // A recent write is kept: its outcome may still matter.
    assert_eq!(left(&evidence), ["a", "gone", "ours"]);
    assert!(!evidence.outcomes_known(at(30), QUIET));
    evidence.retain(|name| name == "ours", at(10 + hour));
    assert_eq!(left(&evidence), ["gone", "ours"]);
    evidence.retain(|name| name == "ours", at(20 + hour));
    assert_eq!(left(&evidence), ["ours"]);
}
