//! What is there, over all accounts: for people who look, not for clients of the API.

use jiff::Timestamp;

use super::dialin::Dialin;
use super::room::Room;
use super::{Account, AccountId, DialinConfig, World, seconds};
use crate::numbers::GLOBAL_NUMBERS;
use crate::types::{DialinConfigView, NumberView, Numbers, RoomView, Rooms};

/// At most this many rooms are shown.
const MOST_ROOMS: usize = 200;

impl World {
    /// The account of a domain.
    pub fn account_of_domain(&self, domain: &str) -> Option<AccountId> {
        self.account_ids()
            .find(|id| self.account(*id).domain == domain)
    }

    /// The newest rooms, of this account or of all.
    pub fn rooms(&mut self, only: Option<AccountId>, now: Timestamp) -> Rooms {
        self.settle(now);
        let mut all: Vec<(AccountId, &Room)> = self
            .account_ids()
            .filter(|id| only.is_none_or(|only| only == *id))
            .flat_map(|id| {
                let rooms = self.account(id).live_rooms(seconds(now));
                rooms.map(move |room| (id, room))
            })
            .collect();
        // Each account has its own in this order already, so this is a merge.
        all.sort_by_key(|(_, room)| std::cmp::Reverse(room.created_at));
        Rooms {
            rooms: (all.iter().take(MOST_ROOMS))
                .map(|(id, room)| self.room_view(*id, room))
                .collect(),
            total: all.len(),
        }
    }

    fn room_view(&self, id: AccountId, room: &Room) -> RoomView {
        let presence = self.presence(id, &room.name);
        RoomView {
            url: room.url(&presence.account),
            account: presence.account,
            name: room.name.clone(),
            id: room.id.clone(),
            dialin_code: room.pin.clone(),
            phone_numbers: self.account(id).numbers_of(room),
            expiration_time: room.exp().and_then(time),
            people: presence.people,
            callers: presence.callers,
        }
    }

    /// The numbers of all accounts, and Daily's own.
    pub fn numbers(&self) -> Numbers {
        Numbers {
            numbers: (self.account_ids())
                .flat_map(|id| self.account(id).number_views())
                .collect(),
            global: GLOBAL_NUMBERS.map(str::to_owned).to_vec(),
        }
    }
}

impl Account {
    /// The numbers that a room chose, or else the account's earliest. // F-PIN-15, F-PIN-17
    fn numbers_of(&self, room: &Room) -> Vec<String> {
        let Some(dialin) = Dialin::of(&room.properties) else {
            return Vec::new();
        };
        match dialin.numbers.is_empty() {
            false => dialin.numbers,
            true => (self.numbers.first().into_iter())
                .map(|earliest| earliest.number.clone())
                .collect(),
        }
    }

    fn number_views(&self) -> impl Iterator<Item = NumberView> {
        self.numbers.iter().map(|purchased| {
            let mut configs = self.configs.iter();
            let config =
                configs.find(|config| config.phone_number() == Some(purchased.number.as_str()));
            NumberView {
                account: self.domain.clone(),
                phone_number: purchased.number.clone(),
                dialin_config: config.map(view),
            }
        })
    }
}

fn view(config: &DialinConfig) -> DialinConfigView {
    DialinConfigView {
        id: config.id.clone(),
        kind: config.kind.name().to_owned(),
        name_prefix: config.name_prefix().map(str::to_owned),
    }
}

/// Unix seconds with their fraction as a time, unless they are beyond the years that it knows.
fn time(seconds: f64) -> Option<Timestamp> {
    let since = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(since).ok()
}
