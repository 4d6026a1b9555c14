//! Those who come with browsers: joining, leaving, being thrown out.

use std::collections::HashSet;

use jiff::Timestamp;

use super::attendance::Attendee;
use super::derived::derived_id;
use super::phone::{Caller, Switchboard};
use super::room::Room;
use super::token::Token;
use super::{AccountId, Privacy, Refusal, World, random_id, seconds};
use crate::quirks::{EjectNobody, HoldPresence};
use crate::types::{Outcome, Presence, Visit};

/// Somebody who is in a room with a browser.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// The id under which presence and eject know them.
    pub session: String,
    pub account: AccountId,
    /// The id of the room.
    pub room: String,
    pub room_name: String,
    pub user_name: String,
    pub user_id: Option<String>,
    pub is_owner: bool,
    pub joined: Timestamp,
    /// Fixed at the join, in unix seconds. // F-CALL-8
    pub eject_at: Option<f64>,
}

/// Who must not come back while the meeting lasts: ids of rooms, with user ids. // F-PRES-6
pub(super) type Bans = HashSet<(String, String)>;

/// Whom an eject is for. // F-PRES-5
#[derive(Clone, Debug, Default)]
pub(crate) struct Ejection {
    pub ids: Vec<String>,
    pub user_ids: Vec<String>,
    pub ban: bool,
}

impl Ejection {
    fn hits(&self, who: &Attendee) -> bool {
        let by_user = |id: &String| self.user_ids.contains(id);
        self.ids.contains(&who.session) || who.user_id.as_ref().is_some_and(by_user)
    }
}

impl Person {
    fn attendee(&self) -> Attendee {
        Attendee {
            session: self.session.clone(),
            account: self.account,
            room: self.room.clone(),
            room_name: self.room_name.clone(),
            user_name: Some(self.user_name.clone()),
            user_id: self.user_id.clone(),
            arrived: self.joined,
            on_hold: false,
            eject_at: self.eject_at,
        }
    }
}

impl Caller {
    /// The id under which presence knows the caller.
    fn session(&self, seed: u64) -> String {
        derived_id(seed, "caller", &self.call.call_id)
    }

    fn attendee(&self, seed: u64) -> Attendee {
        Attendee {
            session: self.session(seed),
            account: self.account,
            room: self.room.clone(),
            room_name: self.call.room.clone(),
            user_name: self.call.display_name.clone(), // F-CALL-4
            user_id: None,
            arrived: self.call.since,
            on_hold: self.call.outcome == Outcome::OnHold,
            eject_at: self.eject_at,
        }
    }
}

impl Switchboard {
    fn attendees(&self, seed: u64) -> Vec<Attendee> {
        let people = self.people.iter().map(Person::attendee);
        let callers = self.calls.iter().map(|caller| caller.attendee(seed));
        people.chain(callers).collect()
    }
}

impl World {
    /// Writes down who has come and gone.
    pub(super) fn note_attendance(&mut self, now: Timestamp) {
        let there = self.switchboard.attendees(self.seed);
        self.attendance.note(&there, self.seed, now);
        let attendance = &self.attendance;
        // F-PRES-6
        self.bans.retain(|(room, _)| attendance.is_met_in(room));
    }

    /// Lets somebody join with a browser.
    pub fn join(
        &mut self,
        account: AccountId,
        name: &str,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Presence, String> {
        self.settle(now);
        let room = self.open_room(account, name, now)?;
        let person = self.guest(account, room, visit, now)?;
        let session = random_id(&mut self.rng);
        let room = person.room.clone();
        self.switchboard.people.push(Person { session, ..person });
        self.switchboard.admit_waiting(&room);
        self.note_attendance(now);
        Ok(self.presence(account, name))
    }

    /// Who wants to join a room, when the token allows it.
    fn guest(
        &self,
        account: AccountId,
        room: &Room,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Person, String> {
        let read = |token: &String| self.read_token(account, token, false, now);
        let token = visit.token.as_ref().map(read).transpose()?;
        let name = &room.name;
        match &token {
            // F-TOKEN-9
            None if room.privacy == Privacy::Private => {
                return Err(format!(
                    "room {name} is private: write a \"token\" to join it"
                ));
            }
            Some(token) if !token.admits_to(name, self.quirks.name_case) => {
                return Err(format!("the token is not for room {name}"));
            }
            _ => {}
        }
        let text = |claim| token.as_ref().and_then(|token| token.text(claim));
        let user_id = text("ud").map(str::to_owned);
        // F-PRES-6
        let banned = |id: &String| self.bans.contains(&(room.id.clone(), id.clone()));
        if user_id.as_ref().is_some_and(banned) {
            return Err(format!("this user id is banned from room {name}"));
        }
        let of_room = room.eject_at(seconds(now));
        Ok(Person {
            session: String::new(),
            account,
            room: room.id.clone(),
            room_name: name.clone(),
            user_name: text("u").unwrap_or(&visit.user_name).to_owned(),
            user_id,
            is_owner: token.as_ref().is_some_and(Token::is_owner),
            joined: now,
            eject_at: match &token {
                Some(token) => token.eject_at(seconds(now), of_room),
                None => of_room,
            },
        })
    }

    /// Lets somebody leave; callers stay, or are dropped. // F-CALL-14
    pub fn leave(
        &mut self,
        account: AccountId,
        name: &str,
        user_name: &str,
        now: Timestamp,
    ) -> Result<Presence, String> {
        self.settle(now);
        let id = self.room_id(account, name).unwrap_or_default();
        let people = &mut self.switchboard.people;
        let is_it = |person: &Person| person.room == id && person.user_name == user_name;
        let nobody = || format!("nobody called {user_name:?} is in room {name}");
        let place = people.iter().position(is_it).ok_or_else(nobody)?;
        people.remove(place);
        self.settle(now);
        Ok(self.presence(account, name))
    }

    /// Throws people and callers out of a room, and answers its id and those of whom it threw out.
    pub fn eject(
        &mut self,
        account: AccountId,
        name: &str,
        ejection: &Ejection,
        now: Timestamp,
    ) -> Result<(String, Vec<String>), Refusal> {
        // F-PRES-8
        let missing = || Refusal::room_not_found(name);
        let room = self.account(account).find_room(name, &self.quirks);
        let room = room.filter(|room| !room.is_expired(seconds(now)));
        let room = room.ok_or_else(missing)?.id.clone();
        let hold_counts = self.quirks.hold_presence == HoldPresence::Present;
        let mut there = self.switchboard.attendees(self.seed);
        // Only those whom presence would show can be ejected. // F-CALL-9
        there.retain(|who| who.room == room && (hold_counts || !who.on_hold));
        if there.is_empty() && self.quirks.eject_nobody == EjectNobody::NotFound {
            return Err(Refusal::not_found("not found")); // F-PRES-9
        }
        if ejection.ban {
            let banned = ejection.user_ids.iter();
            self.bans
                .extend(banned.map(|id| (room.clone(), id.clone())));
        }
        there.retain(|who| ejection.hits(who));
        let ejected: Vec<String> = there.into_iter().map(|who| who.session).collect();
        let seed = self.seed;
        let board = &mut self.switchboard;
        board.people.retain(|it| !ejected.contains(&it.session));
        board
            .calls
            .retain(|it| !ejected.contains(&it.session(seed)));
        Ok((room, ejected))
    }

    /// The account that has a room of this name, expired or not, when there is exactly one.
    pub fn account_of_room(&self, name: &str, domain: Option<&str>) -> Result<AccountId, String> {
        let fits = |id: &AccountId| {
            let account = self.account(*id);
            self.room_id(*id, name).is_some()
                && domain.is_none_or(|domain| account.domain == domain)
        };
        let mut found = self.account_ids().filter(fits);
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => Err(format!("there is no room named {name}")),
            (Some(_), Some(_)) => Err(format!(
                "several accounts have a room named {name}: write which one as \"account\""
            )),
        }
    }

    fn room_id(&self, account: AccountId, name: &str) -> Option<String> {
        let account = self.account(account);
        let id = match account.find_room(name, &self.quirks) {
            Some(room) => &room.id,
            None => account.collected_room(name)?,
        };
        Some(id.to_owned())
    }

    /// Who is in a room now, without any lag.
    pub(super) fn presence(&self, account: AccountId, name: &str) -> Presence {
        let id = self.room_id(account, name).unwrap_or_default();
        let here: Vec<&Person> = (self.switchboard.people.iter())
            .filter(|person| person.room == id)
            .collect();
        let owners = here.iter().filter(|person| person.is_owner);
        let callers = self.switchboard.calls.iter();
        Presence {
            account: self.account(account).domain.clone(),
            room: name.to_owned(),
            people: here.iter().map(|person| person.user_name.clone()).collect(),
            owners: owners.map(|person| person.user_name.clone()).collect(),
            callers: callers
                .filter(|caller| caller.room == id)
                .map(|caller| caller.call.call_id.clone())
                .collect(),
        }
    }
}
