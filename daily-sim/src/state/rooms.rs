//! The rooms of an account, found by name and kept in the order of listings.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::room::Room;
use super::undo::UndoLog;
use crate::quirks::{NameCase, Reads};

/// Newest first, then by id. // F-ROOM-11
pub(super) type Place = (Reverse<i64>, String);

/// The rooms of an account, expired ones that were not collected among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rooms {
    in_order: BTreeMap<Place, Room>,
    by_name: HashMap<String, Place>,
    /// The names, found by the same name in small letters. // F-ROOM-37
    by_folded_name: HashMap<String, String>,
    /// Where rooms were that are gone, by their ids. // F-ROOM-36
    gone: HashMap<String, Place>,
    undo: UndoLog,
}

impl Rooms {
    /// Puts a room in, in the place of one with its name.
    pub fn put(&mut self, room: Room, reads: Reads, now: Timestamp) {
        self.take(&room.name, reads, now);
        let place = place(&room);
        self.gone.remove(&room.id);
        self.by_name.insert(room.name.clone(), place.clone());
        let folded = room.name.to_ascii_lowercase();
        self.by_folded_name.insert(folded, room.name.clone());
        self.in_order.insert(place, room);
    }

    /// Takes the room with exactly this name out.
    pub fn take(&mut self, name: &str, reads: Reads, now: Timestamp) -> Option<Room> {
        let before = match reads {
            Reads::Fresh => None,
            Reads::Lagging => self.get(name).cloned(),
        };
        self.undo.note(name, before, reads, now);
        let room = self.in_order.remove(&self.by_name.remove(name)?)?;
        self.gone.insert(room.id.clone(), place(&room));
        let folded = name.to_ascii_lowercase();
        if self
            .by_folded_name
            .get(&folded)
            .is_some_and(|it| it == name)
        {
            self.by_folded_name.remove(&folded);
        }
        Some(room)
    }

    /// The room with exactly this name.
    pub fn get(&self, name: &str) -> Option<&Room> {
        self.in_order.get(self.by_name.get(name)?)
    }

    /// The room that a client means by a name. // F-ROOM-37
    pub fn find(&self, name: &str, case: NameCase) -> Option<&Room> {
        let folded = || {
            let exact = self.by_folded_name.get(&name.to_ascii_lowercase())?;
            self.get(exact)
        };
        match case {
            NameCase::Distinct => self.get(name),
            NameCase::Folded => self.get(name).or_else(folded),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Room> {
        self.in_order.values()
    }

    /// The room that a read finds. // F-ROOM-41
    pub fn seen(&self, name: &str, case: NameCase, reads: Reads, now: Timestamp) -> Option<&Room> {
        let same = |other: &str| match case {
            NameCase::Distinct => other == name,
            NameCase::Folded => other.eq_ignore_ascii_case(name),
        };
        let mut earlier = self.undo.earlier(reads, now).into_iter();
        match earlier.find(|(changed, _)| same(changed)) {
            Some((_, before)) => before,
            None => self.find(name, case),
        }
    }

    /// The rooms that a listing sees, in order. // F-ROOM-41
    pub fn all_seen(&self, reads: Reads, now: Timestamp) -> Vec<&Room> {
        let earlier = self.undo.earlier(reads, now);
        if earlier.is_empty() {
            return self.iter().collect();
        }
        let unchanged = self.iter();
        let unchanged = unchanged.filter(|room| !earlier.contains_key(room.name.as_str()));
        let mut rooms: Vec<&Room> = unchanged
            .chain(earlier.values().copied().flatten())
            .collect();
        rooms.sort_by_key(|room| place(room));
        rooms
    }

    /// Where a room is or was in the order of listings. // F-ROOM-36
    pub fn place_of(&self, id: &str) -> Option<Place> {
        let there = || self.iter().find(|room| room.id == id).map(place);
        self.gone.get(id).cloned().or_else(there)
    }
}

pub(super) fn place(room: &Room) -> Place {
    (Reverse(room.created_at), room.id.clone())
}
