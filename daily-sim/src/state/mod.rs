//! The accounts with their rooms, numbers and callers.
//!
//! Everything here is a pure function of what came before, the time that is passed in and the seed.

mod account;
mod attendance;
mod call_log;
mod change;
mod config_history;
mod derived;
mod dial_string;
mod dialin;
mod dialin_config;
mod domain;
mod filter;
mod for_sale;
mod gate;
mod jwt;
mod kinds;
mod listing;
mod nested;
mod overview;
mod page;
mod people;
mod phone;
mod pins;
mod presence;
mod properties;
mod refusal;
mod room;
mod rooms;
mod sip;
mod token;
mod undo;
mod values;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{Config, Quirks};

pub(crate) use self::account::{Account, CallerId, PurchasedNumber};
pub(crate) use self::call_log::Logged;
pub(crate) use self::dial_string::DialString;
pub(crate) use self::dialin_config::{ConfigFilter, ConfigKind, DialinConfig};
pub(crate) use self::filter::matches;
pub(crate) use self::for_sale::{ForSale, Release};
pub(crate) use self::page::{Cursor, PageRequest, page, page_around};
pub(crate) use self::people::Ejection;
pub(crate) use self::pins::PinBook;
pub(crate) use self::presence::MeetingRecord;
pub(crate) use self::refusal::Refusal;
pub(crate) use self::room::{Privacy, RoomChange};

use self::attendance::Attendance;
use self::call_log::CallLog;
use self::for_sale::Sold;
use self::jwt::Keys;
use self::people::Bans;
use self::phone::Switchboard;

/// Names an account of a [`World`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AccountId(usize);

impl AccountId {
    pub fn index(self) -> usize {
        self.0
    }
}

/// What a change of an account is made with.
struct Means<'a> {
    pins: &'a mut PinBook,
    rng: &'a mut fastrand::Rng,
    quirks: &'a Quirks,
    now: Timestamp,
}

impl Means<'_> {
    fn make_pin(&mut self, account: AccountId, name: &str) -> String {
        (self.pins).make(account, name, self.quirks.pin_zero, self.rng)
    }
}

/// All accounts, and those who are on the telephone or in rooms.
#[derive(Clone, Debug)]
pub(crate) struct World {
    accounts: Vec<Account>,
    pins: PinBook,
    switchboard: Switchboard,
    attendance: Attendance,
    bans: Bans,
    sold: Sold,
    /// Of each account.
    logs: Vec<CallLog>,
    /// Of each account; they show nowhere.
    keys: Vec<Keys>,
    seed: u64,
    rng: fastrand::Rng,
    /// How it answers what nobody knows.
    pub quirks: Quirks,
}

impl World {
    pub fn new(config: &Config, seed: u64, now: Timestamp) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let accounts = (config.accounts)
            .iter()
            .enumerate()
            .map(|(index, account)| {
                Account::new(AccountId(index), account, config.max_rooms, now, &mut rng)
            })
            .collect();
        Self {
            accounts,
            pins: PinBook::default(),
            switchboard: Switchboard::default(),
            attendance: Attendance::default(),
            bans: Bans::default(),
            sold: Sold::default(),
            logs: vec![CallLog::default(); config.accounts.len()],
            keys: (config.accounts.iter())
                .map(|account| Keys::new(&account.keys))
                .collect(),
            seed,
            rng,
            quirks: Quirks::default(),
        }
    }

    pub fn account_ids(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..self.accounts.len()).map(AccountId)
    }

    /// # Panics
    /// Never: ids are handed out by [`World::account_ids`] alone, and accounts do not go away.
    #[expect(clippy::indexing_slicing, reason = "see above")]
    pub fn account(&self, id: AccountId) -> &Account {
        &self.accounts[id.0]
    }

    #[expect(clippy::indexing_slicing, reason = "as World::account")]
    fn parts(&mut self, id: AccountId, now: Timestamp) -> (&mut Account, Means<'_>) {
        let means = Means {
            pins: &mut self.pins,
            rng: &mut self.rng,
            quirks: &self.quirks,
            now,
        };
        (&mut self.accounts[id.0], means)
    }

    /// Does what became due by itself. Every look at the world and every change of it begins with this.
    pub fn settle(&mut self, now: Timestamp) {
        for id in self.account_ids() {
            let (account, mut means) = self.parts(id, now);
            account.collect(&mut means);
        }
        self.switchboard.settle(seconds(now), &self.quirks);
        self.note_attendance(now);
    }

    /// Creates a room, collecting an expired one that has the name.
    pub fn create_room(
        &mut self,
        id: AccountId,
        name: Option<&str>,
        change: &RoomChange,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let (account, mut means) = self.parts(id, now);
        let created = account.create_room(name, change, &mut means)?;
        if let Some(collected) = created.collected {
            self.switchboard.clear_room(&collected);
        }
        Ok(created.name)
    }

    /// Changes a room.
    pub fn update_room(
        &mut self,
        id: AccountId,
        name: &str,
        change: &RoomChange,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (account, mut means) = self.parts(id, now);
        account.update_room(name, change, &mut means)
    }

    /// Deletes a room with everybody in it, and answers its id. // F-ROOM-27
    pub fn delete_room(
        &mut self,
        id: AccountId,
        name: &str,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let (account, mut means) = self.parts(id, now);
        let (room, expired) = account.remove_room(name, &mut means)?;
        self.switchboard.clear_room(&room);
        match expired {
            // F-ROOM-26
            true => Err(Refusal::room_not_found(name).deleted(room)),
            false => Ok(room),
        }
    }

    /// Creates a dial-in config and answers its id.
    pub fn create_config(
        &mut self,
        id: AccountId,
        config: DialinConfig,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        self.note_configs(id, now);
        let (account, means) = self.parts(id, now);
        account.create_config(config, means.rng)
    }

    /// Changes settings of a domain.
    pub fn set_domain(
        &mut self,
        id: AccountId,
        settings: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.note_configs(id, now);
        let (account, means) = self.parts(id, now);
        account.set_domain(settings, means.quirks, means.rng)
    }

    /// Runs a change of many things that takes effect as a whole or not at all. // F-BATCH-4
    pub fn whole<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut copy = self.clone();
        let done = change(&mut copy)?;
        *self = copy;
        Ok(done)
    }

    /// The dial-in configs of an account, to be changed.
    #[expect(clippy::indexing_slicing, reason = "as World::account")]
    pub fn account_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.accounts[id.0]
    }
}

/// A random UUID.
fn random_id(rng: &mut fastrand::Rng) -> String {
    let bytes = rng.u128(..).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// Unix seconds with their fraction, as `exp` and `nbf` are compared.
fn seconds(time: Timestamp) -> f64 {
    time.as_duration().as_secs_f64()
}
