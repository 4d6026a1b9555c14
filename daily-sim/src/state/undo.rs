//! What rooms were like a moment ago, for reads from a replica that lags. // F-ROOM-41

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::room::Room;
use crate::quirks::Reads;

/// How far a replica lags behind.
pub(super) const LAG: SignedDuration = SignedDuration::from_secs(2);

/// The changes of the last moments, the oldest first. Nothing is kept as long as reads are fresh.
#[derive(Clone, Debug, Default)]
pub(super) struct UndoLog(VecDeque<Change>);

#[derive(Clone, Debug)]
struct Change {
    time: Timestamp,
    name: String,
    before: Option<Room>,
}

impl UndoLog {
    /// Notes what a name led to before it changes.
    pub fn note(&mut self, name: &str, before: Option<Room>, reads: Reads, now: Timestamp) {
        match reads {
            Reads::Fresh => self.0.clear(),
            Reads::Lagging => {
                self.0.retain(|change| is_recent(change, now));
                self.0.push_back(Change {
                    time: now,
                    name: name.to_owned(),
                    before,
                });
            }
        }
    }

    /// What was there before the changes that a replica has not seen yet, by name.
    pub fn earlier(&self, reads: Reads, now: Timestamp) -> HashMap<&str, Option<&Room>> {
        let mut earlier = HashMap::new();
        if reads == Reads::Lagging {
            for change in self.0.iter().filter(|change| is_recent(change, now)) {
                let before = change.before.as_ref();
                earlier.entry(change.name.as_str()).or_insert(before);
            }
        }
        earlier
    }
}

fn is_recent(change: &Change, now: Timestamp) -> bool {
    now.duration_since(change.time) < LAG
}
