//! One account: its rooms, its dial-in configs and its purchased numbers.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::change::keeps_pin;
use super::config_history::ConfigHistory;
use super::dialin::Dialin;
use super::pins::PinFate;
use super::room::{PinShown, Room, chosen_name};
use super::rooms::Rooms;
use super::{
    AccountId, DialinConfig, Means, PageRequest, PinBook, Refusal, RoomChange, random_id, seconds,
};
use crate::quirks::{
    Collector, CreateOverExpired, DialinNumber, GetExpired, ListingDialinCode, PinOnDialinAgain,
    PinWithoutDialin, RoomLimit, UpdateExpired, UpdateMissing,
};
use crate::{AccountConfig, Quirks};

/// At most this many rooms are on a page. // F-ROOM-12
const ROOMS_A_PAGE: usize = 100;

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    id: AccountId,
    pub domain: String,
    pub domain_id: String,
    /// How many rooms it may have at a time. // F-ROOM-42
    max_rooms: usize,
    rooms: Rooms,
    /// What was set of the domain. // F-DOM-3
    pub(super) settings: serde_json::Map<String, Value>,
    /// The ids of the rooms that were collected, by name: somebody may still be inside. // F-ROOM-32
    collected: HashMap<String, String>,
    /// The oldest first.
    pub(super) configs: Vec<DialinConfig>,
    pub(super) config_history: ConfigHistory,
    /// The earliest purchase first.
    pub numbers: Vec<PurchasedNumber>,
    /// Numbers that were given back. // F-NUM-18
    pub released: Vec<PurchasedNumber>,
    /// The numbers that it may show when it calls, listed with the purchased ones. // F-NUM-8
    pub caller_ids: Vec<CallerId>,
}

/// A number that an account has purchased. // F-NUM-1
#[derive(Clone, Debug)]
pub(crate) struct PurchasedNumber {
    pub id: String,
    pub pagination_id: u64,
    pub purchased_at: Timestamp,
    pub number: String,
}

/// A number that an account may show when it calls, without having purchased it. // F-NUM-8
#[derive(Clone, Debug)]
pub(crate) struct CallerId {
    pub pagination_id: u64,
    pub verified_at: Timestamp,
    pub number: String,
}

/// A room that was created, and the id of the expired room that lost its name to it.
pub(super) struct Created {
    pub name: String,
    pub collected: Option<String>,
}

/// Which call shows a room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Alone,
    Listed,
}

impl Account {
    pub fn new(
        id: AccountId,
        config: &AccountConfig,
        max_rooms: usize,
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
        // They are dated before the numbers, to expose a client that takes the first entry for the
        // earliest number.
        let caller_id = |(place, number): (u32, &String)| CallerId {
            pagination_id: 1000 * (id.index() as u64 + 1) - 500 + u64::from(place),
            verified_at: now - SignedDuration::from_hours(24 * (730 - i64::from(place))),
            number: number.clone(),
        };
        let caller_ids = (0..)
            .zip(&config.verified_caller_ids)
            .map(caller_id)
            .collect();
        Self {
            id,
            domain: config.domain.clone(),
            domain_id,
            max_rooms,
            rooms: Rooms::default(),
            settings: serde_json::Map::new(),
            collected: HashMap::new(),
            configs: Vec::new(),
            config_history: ConfigHistory::default(),
            numbers,
            released: Vec::new(),
            caller_ids,
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
    pub fn room_exists(&self, name: &str, quirks: &Quirks, now: Timestamp) -> bool {
        self.live_name(name, quirks, now).is_some()
    }

    /// The own name of a room that has not expired.
    pub fn live_name(&self, name: &str, quirks: &Quirks, now: Timestamp) -> Option<&str> {
        let room = self.find_room(name, quirks)?;
        (!room.is_expired(seconds(now))).then_some(&room.name)
    }

    /// Whether there is a room, expired or not.
    pub fn keeps_room(&self, name: &str, quirks: &Quirks) -> bool {
        self.find_room(name, quirks).is_some()
    }

    /// The room that a client means by a name, expired or not. // F-ROOM-37
    pub(super) fn find_room(&self, name: &str, quirks: &Quirks) -> Option<&Room> {
        self.rooms.find(name, quirks.name_case)
    }

    /// The id of a room that was collected. // F-ROOM-32
    pub(super) fn collected_room(&self, name: &str) -> Option<&str> {
        self.collected.get(name).map(String::as_str)
    }

    /// A room as the write that made or changed it answers it.
    pub fn written_room(&self, name: &str, quirks: &Quirks, now: Timestamp) -> Option<Value> {
        let room = self.find_room(name, quirks)?;
        Some(self.show(room, Shown::Alone, quirks, now))
    }

    /// A room as GET shows it. // F-ROOM-16, F-ROOM-39, F-ROOM-41
    pub fn read_room(&self, name: &str, quirks: &Quirks, now: Timestamp) -> Result<Value, Refusal> {
        let seen = self.rooms.seen(name, quirks.name_case, quirks.reads, now);
        let shown = |room: &&Room| match quirks.get_expired {
            GetExpired::NotFound => !room.is_expired(seconds(now)),
            GetExpired::Shown => true,
        };
        let room = seen.filter(shown);
        let room = room.ok_or_else(|| Refusal::room_not_found(name))?;
        Ok(self.show(room, Shown::Alone, quirks, now))
    }

    /// A page of the rooms, and how many there are. // F-ROOM-14, F-ROOM-30, F-ROOM-41
    pub fn list_rooms(
        &self,
        request: &PageRequest,
        quirks: &Quirks,
        now: Timestamp,
    ) -> Result<(usize, Vec<Value>), Refusal> {
        let (page, total_count) = self.rooms.page(request, ROOMS_A_PAGE, quirks, now)?;
        let shown = page.into_iter();
        let shown = shown.map(|room| self.show(room, Shown::Listed, quirks, now));
        Ok((total_count, shown.collect()))
    }

    pub(super) fn create_room(
        &mut self,
        name: Option<&str>,
        change: &RoomChange,
        means: &mut Means<'_>,
    ) -> Result<Created, Refusal> {
        let (quirks, now) = (means.quirks, means.now);
        let name = chosen_name(name, quirks, means.rng)?;
        let holder = self.find_room(&name, quirks);
        let clashes = |room: &&Room| {
            let expired = room.is_expired(seconds(now));
            // F-ROOM-33
            !expired || quirks.create_over_expired == CreateOverExpired::Clashes
        };
        if holder.filter(clashes).is_some() {
            // F-ROOM-9, F-ROOM-10
            return Err(Refusal::invalid_quoted(format!(
                "a room named {name} already exists"
            )));
        }
        let holder = holder.map(|room| room.name.clone());
        let properties = self.changed_properties(None, change, quirks, now)?;
        self.check_room_limit(quirks, now)?;
        let collected = holder.and_then(|expired| self.take_room(&expired, means));
        let has_dialin = properties.contains_key("dialin");
        // F-PIN-29
        let shows_one = !has_dialin && quirks.pin_without_dialin == PinWithoutDialin::Shown;
        let dead_pin = shows_one.then(|| {
            let pin = means.make_pin(self.id, &name);
            means.pins.retire(&pin, PinFate::Dead);
            pin
        });
        self.rooms.put(
            Room {
                id: random_id(means.rng),
                name: name.clone(),
                privacy: change.privacy.unwrap_or_default(),
                created_at: now.as_second(),
                properties,
                pin: has_dialin.then(|| means.make_pin(self.id, &name)),
                last_pin: dead_pin,
            },
            quirks.reads,
            now,
        );
        Ok(Created {
            name,
            collected: collected.map(|room| room.id),
        })
    }

    /// Expired rooms do not count. // F-ROOM-42
    fn check_room_limit(&self, quirks: &Quirks, now: Timestamp) -> Result<(), Refusal> {
        let now = seconds(now);
        let live = || self.rooms.iter().filter(|room| !room.is_expired(now));
        let info = "the account has as many rooms as it may have at a time";
        match quirks.room_limit {
            RoomLimit::None => Ok(()),
            _ if live().count() < self.max_rooms => Ok(()),
            RoomLimit::BadRequest => Err(Refusal::invalid(info)),
            RoomLimit::Forbidden => Err(Refusal::made_up(403, "forbidden-error", info)),
        }
    }

    pub(super) fn update_room(
        &mut self,
        name: &str,
        change: &RoomChange,
        means: &mut Means<'_>,
    ) -> Result<(), Refusal> {
        let (quirks, now) = (means.quirks, means.now);
        // F-ROOM-23
        let missing = || match quirks.update_missing {
            UpdateMissing::NotFound => Refusal::room_not_found(name),
            UpdateMissing::BadRequest => Refusal::invalid_quoted("room not found"),
        };
        let before = self.find_room(name, quirks).ok_or_else(missing)?;
        let expired = before.is_expired(seconds(now));
        if expired && quirks.update_expired == UpdateExpired::NotFound {
            return Err(missing());
        }
        let mut after = before.clone();
        after.properties = self.changed_properties(Some(before), change, quirks, now)?;
        after.privacy = change.privacy.unwrap_or(before.privacy);
        if after.is_expired(seconds(now)) {
            // Only a later end revives a room. // F-ROOM-40
            return Err(missing());
        }
        let keeps = !expired && keeps_pin(before, &after, quirks);
        if expired {
            self.retire_pin(before, means.pins, now);
            (after.pin, after.last_pin) = (None, None);
        }
        self.step_pin(&mut after, keeps, means);
        self.rooms.put(after, quirks.reads, now);
        Ok(())
    }

    /// Gives a room the PIN that it has after an update. `keeps` says whether one survives it.
    fn step_pin(&self, room: &mut Room, keeps: bool, means: &mut Means<'_>) {
        let has_dialin = room.properties.contains_key("dialin");
        match (has_dialin, room.pin.take()) {
            (true, Some(pin)) if keeps => room.pin = Some(pin),
            // F-PIN-11, F-PIN-24, F-PIN-25
            (true, Some(pin)) => {
                means.pins.retire(&pin, PinFate::Dead);
                room.pin = Some(means.make_pin(self.id, &room.name));
            }
            // F-PIN-2, F-PIN-12
            (true, None) => {
                room.pin = match (means.quirks.pin_on_dialin_again, room.last_pin.take()) {
                    (PinOnDialinAgain::Same, Some(pin)) => {
                        means.pins.revive(&pin, self.id, &room.name);
                        Some(pin)
                    }
                    _ => Some(means.make_pin(self.id, &room.name)),
                };
            }
            (false, Some(pin)) => {
                means.pins.retire(&pin, PinFate::Dead);
                room.last_pin = Some(pin);
            }
            (false, None) => {}
        }
    }

    /// Removes a room, expired or not, and answers its id and whether it had expired.
    pub(super) fn remove_room(
        &mut self,
        name: &str,
        means: &mut Means<'_>,
    ) -> Result<(String, bool), Refusal> {
        let found = self.find_room(name, means.quirks);
        let name = found.map_or(name, |room| room.name.as_str()).to_owned();
        // F-ROOM-25
        let room = self
            .take_room(&name, means)
            .ok_or_else(|| Refusal::room_not_found(&name))?;
        let expired = room.is_expired(seconds(means.now));
        Ok((room.id, expired))
    }

    fn take_room(&mut self, name: &str, means: &mut Means<'_>) -> Option<Room> {
        let room = self.rooms.take(name, means.quirks.reads, means.now)?;
        self.retire_pin(&room, means.pins, means.now);
        Some(room)
    }

    /// Ends the PIN of a room that goes. // F-PIN-13
    fn retire_pin(&self, room: &Room, pins: &mut PinBook, now: Timestamp) {
        let fate = match room.is_expired(seconds(now)) {
            true => PinFate::Expired {
                account: self.id,
                name: room.name.clone(),
            },
            false => PinFate::Dead,
        };
        if let Some(pin) = &room.pin {
            pins.retire(pin, fate);
        }
    }

    /// Collects the expired rooms whose time has come; whoever is inside stays. // F-ROOM-32
    pub(super) fn collect(&mut self, means: &mut Means<'_>) {
        let wait = match means.quirks.collector {
            Collector::Never => return,
            Collector::OneMinute => 60.0,
            Collector::OneHour => 3600.0,
        };
        let due = seconds(means.now) - wait;
        let due = self.rooms.iter().filter(|room| room.is_expired(due));
        let due: Vec<String> = due.map(|room| room.name.clone()).collect();
        for name in due {
            if let Some(room) = self.take_room(&name, means) {
                self.collected.insert(name, room.id);
            }
        }
    }

    fn show(&self, room: &Room, shown: Shown, quirks: &Quirks, now: Timestamp) -> Value {
        let hidden = shown == Shown::Listed
            // F-PIN-10
            && quirks.listing_dialin_code == ListingDialinCode::Hidden;
        // An expired room has no PIN. // F-ROOM-39, F-PIN-13
        let shown = |_: &&str| !hidden && !room.is_expired(seconds(now));
        let pin = room.pin.as_deref().filter(shown);
        // F-PIN-29
        let dead_pin = match quirks.pin_without_dialin {
            PinWithoutDialin::Shown => room.last_pin.as_deref().filter(shown),
            PinWithoutDialin::Hidden => None,
        };
        let chosen = Dialin::of(&room.properties).unwrap_or_default().numbers;
        let earliest = self.numbers.first().map(|number| number.number.as_str());
        // F-PIN-15, F-PIN-17
        let number = match quirks.dialin_number {
            DialinNumber::UnlessChosen => earliest.filter(|_| chosen.is_empty()),
            DialinNumber::Always => chosen.first().map(String::as_str).or(earliest),
            DialinNumber::Never => None,
        };
        let dead_pin = dead_pin.map(|pin| PinShown { pin, number: None });
        let pin = pin.map(|pin| PinShown { pin, number }).or(dead_pin);
        room.show(&self.domain, pin.as_ref(), quirks)
    }

    pub(super) fn owns(&self, number: &str) -> bool {
        self.numbers.iter().any(|owned| owned.number == number)
    }

    // F-CFG-5
    pub(super) fn not_associated(&self, number: &str) -> Refusal {
        Refusal::invalid_quoted(format!(
            "Failed to configure pin dialin: {} not associated with domain: {}",
            number.trim_start_matches('+'),
            self.domain
        ))
    }
}
