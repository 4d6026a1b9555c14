//! The rooms of an account, found by name and kept in the order of listings.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::listing::Index;
use super::room::Room;

/// Newest first, then by id. // F-ROOM-11
pub(super) type Place = (Reverse<i64>, String);

/// The rooms of an account, expired ones that were not collected among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rooms {
    pub(super) in_order: BTreeMap<Place, Room>,
    by_name: HashMap<String, Place>,
    pub(super) index: Index,
}

impl Rooms {
    pub fn insert(&mut self, room: Room) {
        let place = (Reverse(room.created_at), room.id.clone());
        self.by_name.insert(room.name.clone(), place.clone());
        self.index.add(&room, &place);
        self.in_order.insert(place, room);
    }

    pub fn get(&self, name: &str) -> Option<&Room> {
        self.in_order.get(self.by_name.get(name)?)
    }

    /// Takes a room out; a change of a room is made outside.
    pub fn remove(&mut self, name: &str) -> Option<Room> {
        let room = self.in_order.remove(&self.by_name.remove(name)?)?;
        self.index.remove(&room);
        Some(room)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Room> {
        self.in_order.values()
    }
}
