//! Which changes of a room have changed its PIN in this account. No I/O.
//!
//! Nobody says whether a PIN survives a change of its room (F-PIN-11, F-PIN-24, F-PIN-25). An
//! account shows it with the first change, and from then on it can be said before it happens.

use std::collections::BTreeSet;

use super::types::RoomChange;

/// A part of a room that a change may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    End,
    Dialin,
    Other,
}

/// What the changes of an account's rooms have shown so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinChanges {
    /// With changes of these parts a PIN has changed, each time that they were made.
    changed: Vec<BTreeSet<Part>>,
}

impl PinChanges {
    /// A change was made, and the PIN is another one now, or is not.
    pub fn noted(&mut self, change: &RoomChange, is_another: bool) {
        let parts = parts(change);
        if !is_another {
            // What has not changed it this time is not what changes it.
            self.changed.retain(|it| !it.is_subset(&parts));
        } else if !self.expects(change) {
            self.changed.push(parts);
        }
    }

    /// Whether this change is likely to change the PIN.
    #[must_use]
    pub fn expects(&self, change: &RoomChange) -> bool {
        let parts = parts(change);
        self.changed.iter().any(|it| it.is_subset(&parts))
    }
}

fn parts(change: &RoomChange) -> BTreeSet<Part> {
    let of_property = |name: &String| match name.as_str() {
        "exp" => Part::End,
        "dialin" => Part::Dialin,
        _ => Part::Other,
    };
    let privacy = change.privacy.map(|_| Part::Other);
    let properties = change.properties.keys().map(of_property);
    privacy.into_iter().chain(properties).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(properties: &[&str]) -> RoomChange {
        let with = |name: &&str| ((*name).to_owned(), json!(1));
        RoomChange {
            privacy: None,
            properties: properties.iter().map(with).collect(),
        }
    }

    #[test]
    fn what_has_changed_a_pin_is_expected_to_do_so_again() {
        let mut pins = PinChanges::default();
        assert!(!pins.expects(&change(&["exp"])));
        pins.noted(&change(&["exp"]), true);
        assert!(pins.expects(&change(&["exp"])));
        assert!(pins.expects(&change(&["exp", "dialin"])));
        assert!(!pins.expects(&change(&["dialin"])));
        assert!(!pins.expects(&change(&["eject_at_room_exp"])));
    }

    #[test]
    fn of_several_parts_none_is_blamed_alone() {
        let mut pins = PinChanges::default();
        pins.noted(&change(&["exp", "dialin"]), true);
        assert!(!pins.expects(&change(&["exp"])));
        assert!(pins.expects(&change(&["exp", "dialin"])));
    }

    #[test]
    fn a_pin_that_stays_takes_the_blame_away() {
        let mut pins = PinChanges::default();
        pins.noted(&change(&["exp"]), true);
        pins.noted(&change(&["dialin"]), false);
        assert!(pins.expects(&change(&["exp"])));
        pins.noted(&change(&["exp", "dialin"]), false);
        assert_eq!(pins, PinChanges::default());
    }

    #[test]
    fn privacy_is_another_part_of_a_room() {
        let mut pins = PinChanges::default();
        let private = RoomChange {
            privacy: Some("private"),
            ..RoomChange::default()
        };
        pins.noted(&private, true);
        assert!(pins.expects(&change(&["eject_at_room_exp"])));
        assert!(!pins.expects(&change(&["exp"])));
    }
}
