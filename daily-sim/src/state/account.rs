//! One account: its rooms, its dial-in configs and its purchased numbers.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::dialin::{Dialin, check_end};
use super::pins::PinFate;
use super::room::{Room, check_name, random_name};
use super::rooms::Rooms;
use super::{
    AccountId, DialinConfig, PageRequest, PinBook, Refusal, RoomChange, properties, random_id,
    seconds,
};
use crate::AccountConfig;

/// At most this many rooms are on a page. // F-ROOM-12
const ROOMS_A_PAGE: usize = 100;

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    id: AccountId,
    pub domain: String,
    pub domain_id: String,
    rooms: Rooms,
    /// What was set of the domain. // F-DOM-3
    pub(super) settings: serde_json::Map<String, Value>,
    /// The oldest first.
    pub(super) configs: Vec<DialinConfig>,
    /// The earliest purchase first.
    pub numbers: Vec<PurchasedNumber>,
}

/// A number that an account has purchased. // F-NUM-1
#[derive(Clone, Debug)]
pub(crate) struct PurchasedNumber {
    pub id: String,
    pub pagination_id: u64,
    pub purchased_at: Timestamp,
    pub number: String,
}

/// A room that was created, and the id of the expired one that went for its name.
pub(super) struct Created {
    pub name: String,
    pub collected: Option<String>,
}

/// What a room is after a change, if the change is allowed.
struct Changed {
    properties: serde_json::Map<String, Value>,
    has_dialin: bool,
}

impl Account {
    pub fn new(
        id: AccountId,
        config: &AccountConfig,
        now: Timestamp,
        rng: &mut fastrand::Rng,
    ) -> Self {
        let domain_id = random_id(rng);
        let mut number = |(place, number): (u32, &String)| PurchasedNumber {
            id: random_id(rng),
            // Ids are drawn from one row for all accounts, and rise with the date. // F-NUM-4
            pagination_id: 1000 * (id.index() as u64 + 1) + u64::from(place),
            // A year ago and then one a day, so that nothing depends on who was configured when.
            purchased_at: now - SignedDuration::from_hours(24 * (365 - i64::from(place))),
            number: number.clone(),
        };
        let numbers = (0..)
            .zip(&config.purchased_numbers)
            .map(&mut number)
            .collect();
        Self {
            id,
            domain: config.domain.clone(),
            domain_id,
            rooms: Rooms::default(),
            settings: serde_json::Map::new(),
            configs: Vec::new(),
            numbers,
        }
    }

    /// A room that has not expired. // F-ROOM-31
    pub(super) fn room(&self, name: &str, now: Timestamp) -> Option<&Room> {
        self.any_room(name)
            .filter(|room| !room.is_expired(seconds(now)))
    }

    /// A room, expired or not.
    pub(super) fn any_room(&self, name: &str) -> Option<&Room> {
        self.rooms.get(name)
    }

    /// The rooms that have not expired, the newest first.
    pub(super) fn live_rooms(&self, now: f64) -> impl Iterator<Item = &Room> {
        self.rooms.iter().filter(move |room| !room.is_expired(now))
    }

    /// Whether there is a room that has not expired.
    pub fn room_exists(&self, name: &str, now: Timestamp) -> bool {
        self.room(name, now).is_some()
    }

    /// Whether there is a room, expired or not.
    pub fn keeps_room(&self, name: &str) -> bool {
        self.any_room(name).is_some()
    }

    /// A room as every call shows it. // F-ROOM-16
    pub fn show_room(&self, name: &str, now: Timestamp) -> Result<Value, Refusal> {
        let room = self.room(name, now);
        let room = room.ok_or_else(|| Refusal::room_not_found(name))?;
        Ok(self.show(room))
    }

    /// A page of the rooms, and how many there are. // F-ROOM-14, F-ROOM-30
    pub fn list_rooms(
        &self,
        request: &PageRequest,
        now: Timestamp,
    ) -> Result<(usize, Vec<Value>), Refusal> {
        let now = seconds(now);
        let shown = self.rooms.page(request, ROOMS_A_PAGE, now)?;
        let shown = shown.into_iter().map(|room| self.show(room));
        Ok((self.rooms.live_count(now), shown.collect()))
    }

    pub(super) fn create_room(
        &mut self,
        name: Option<&str>,
        change: &RoomChange,
        pins: &mut PinBook,
        rng: &mut fastrand::Rng,
        now: Timestamp,
    ) -> Result<Created, Refusal> {
        let name = match name {
            Some(name) => {
                check_name(name)?;
                name.to_owned()
            }
            None => random_name(rng),
        };
        if self.room(&name, now).is_some() {
            // F-ROOM-9, F-ROOM-10
            return Err(Refusal::invalid(format!(
                "a room named {name} already exists"
            )));
        }
        let Changed {
            properties,
            has_dialin,
        } = self.apply(&Default::default(), change, now)?;
        // Only an expired room can still have the name here. // F-ROOM-33
        let collected = self.remove_room(&name, pins, now).ok().map(|(id, _)| id);
        self.rooms.insert(Room {
            id: random_id(rng),
            name: name.clone(),
            privacy: change.privacy.unwrap_or_default(),
            created_at: now.as_second(),
            properties,
            pin: has_dialin.then(|| pins.make(self.id, &name, rng)),
        });
        Ok(Created { name, collected })
    }

    pub(super) fn update_room(
        &mut self,
        name: &str,
        change: &RoomChange,
        pins: &mut PinBook,
        rng: &mut fastrand::Rng,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        // F-ROOM-23
        let room = self
            .room(name, now)
            .ok_or_else(|| Refusal::room_not_found(name))?;
        let Changed {
            properties,
            has_dialin,
        } = self.apply(&room.properties, change, now)?;
        let account = self.id;
        let Some(mut room) = self.rooms.remove(name) else {
            return Err(Refusal::room_not_found(name));
        };
        room.properties = properties;
        room.privacy = change.privacy.unwrap_or(room.privacy);
        match (has_dialin, room.pin.take()) {
            // F-PIN-11
            (true, Some(pin)) => room.pin = Some(pin),
            // F-PIN-2
            (true, None) => room.pin = Some(pins.make(account, name, rng)),
            // F-PIN-12
            (false, Some(pin)) => pins.retire(&pin, PinFate::Dead),
            (false, None) => {}
        }
        self.rooms.insert(room);
        Ok(())
    }

    /// Removes a room, expired or not, and answers its id and whether it had expired.
    pub(super) fn remove_room(
        &mut self,
        name: &str,
        pins: &mut PinBook,
        now: Timestamp,
    ) -> Result<(String, bool), Refusal> {
        // F-ROOM-25
        let room = self
            .rooms
            .remove(name)
            .ok_or_else(|| Refusal::room_not_found(name))?;
        let expired = room.is_expired(seconds(now));
        if let Some(pin) = &room.pin {
            let fate = match expired {
                true => PinFate::Expired {
                    account: self.id,
                    name: room.name,
                },
                false => PinFate::Dead,
            };
            pins.retire(pin, fate);
        }
        Ok((room.id, expired))
    }

    /// What the properties of a room are after a change, once all rules are checked.
    fn apply(
        &self,
        current: &serde_json::Map<String, Value>,
        change: &RoomChange,
        now: Timestamp,
    ) -> Result<Changed, Refusal> {
        let properties = properties::merge(current, &change.properties, seconds(now))?;
        let dialin = Dialin::of(&properties)?;
        if let Some(dialin) = &dialin {
            check_end(properties.get("exp").and_then(Value::as_f64), seconds(now))?;
            // F-PIN-16
            let foreign = dialin.numbers.iter().find(|number| !self.owns(number));
            if let Some(foreign) = foreign {
                return Err(self.not_associated(foreign));
            }
        }
        Ok(Changed {
            properties,
            has_dialin: dialin.is_some(),
        })
    }

    fn show(&self, room: &Room) -> Value {
        let dialin = Dialin::of(&room.properties).ok().flatten();
        let chose_none = dialin.is_some_and(|dialin| dialin.numbers.is_empty());
        // F-PIN-15, F-PIN-17
        let earliest = self.numbers.first().filter(|_| chose_none);
        room.show(&self.domain, earliest.map(|number| number.number.as_str()))
    }

    pub(super) fn owns(&self, number: &str) -> bool {
        self.numbers.iter().any(|owned| owned.number == number)
    }

    // F-CFG-5
    pub(super) fn not_associated(&self, number: &str) -> Refusal {
        Refusal::invalid(format!(
            "Failed to configure pin dialin: {} not associated with domain: {}",
            number.trim_start_matches('+'),
            self.domain
        ))
    }
}
