//! The telephone: who dials what meets whom.

use jiff::Timestamp;

use super::dialin::Dialin;
use super::people::Person;
use super::pins::PinFate;
use super::{AccountId, ConfigKind, DialString, World, seconds};
use crate::Quirks;
use crate::numbers::{is_free, is_global};
use crate::quirks::{CallersAlone, GlobalNumbers, NumbersOfPin, PinTries};
use crate::types::{DialAnswer, LiveCall, Outcome};

const DEFAULT_GREETING: &str = "Please enter the PIN of your meeting.";
const HOLD_MUSIC: &str = "(hold music)";
const WRONG_PIN: &str = "That PIN is not valid. Goodbye.";
const AGAIN: &str = "That PIN is not valid. Please try again.";
const THE_ROOM: &str = "(the voices in the room)";

/// Those who are in rooms, with browsers and with telephones.
#[derive(Clone, Debug, Default)]
pub(super) struct Switchboard {
    pub people: Vec<Person>,
    pub calls: Vec<Caller>,
    last_call: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub account: AccountId,
    /// The id of the room.
    pub room: String,
    pub eject_at: Option<f64>,
    pub call: LiveCall,
}

/// Where a number leads.
struct Line {
    greeting: String,
    /// None for a global number, which takes the PINs of all accounts. // F-GLOB-4
    account: Option<AccountId>,
}

impl Switchboard {
    /// Ends everything that goes on in a room. // F-ROOM-27
    pub fn clear_room(&mut self, room: &str) {
        self.people.retain(|person| person.room != room);
        self.calls.retain(|caller| caller.room != room);
    }

    /// Ejects those whose time has come. // F-ROOM-29, F-CALL-8
    pub fn settle(&mut self, now: f64, quirks: &Quirks) {
        let stays = |eject_at: Option<f64>| eject_at.is_none_or(|at| now < at);
        self.people.retain(|person| stays(person.eject_at));
        self.calls.retain(|caller| stays(caller.eject_at));
        // F-CALL-14
        if quirks.callers_alone == CallersAlone::Dropped {
            let people = &self.people;
            let has_company = |room: &str| people.iter().any(|person| person.room == room);
            self.calls.retain(|caller| {
                caller.call.outcome == Outcome::OnHold || has_company(&caller.room)
            });
        }
    }

    fn next_call(&mut self) -> String {
        self.last_call += 1;
        format!("call-{}", self.last_call)
    }

    pub fn sessions(&self, room: &str) -> usize {
        self.calls
            .iter()
            .filter(|caller| caller.room == room)
            .count()
    }

    /// How many are in the room, those on hold left out.
    pub fn inside(&self, room: &str) -> usize {
        let people = self.people.iter().filter(|person| person.room == room);
        let callers = self
            .calls
            .iter()
            .filter(|caller| caller.room == room && caller.call.outcome == Outcome::InRoom);
        people.count() + callers.count()
    }

    /// Whether a caller would find somebody. One on hold is nobody. // F-CALL-9
    fn is_somebody_in(&self, room: &str) -> bool {
        let in_room =
            |caller: &Caller| caller.room == room && caller.call.outcome == Outcome::InRoom;
        self.people.iter().any(|person| person.room == room) || self.calls.iter().any(in_room)
    }

    /// Lets those in who were waiting for somebody. // F-CALL-2
    pub fn admit_waiting(&mut self, room: &str) {
        let waits =
            |caller: &&mut Caller| caller.room == room && caller.call.outcome == Outcome::OnHold;
        for caller in self.calls.iter_mut().filter(waits) {
            caller.call.outcome = Outcome::InRoom;
            caller.call.heard.push(THE_ROOM.to_owned());
        }
    }
}

impl World {
    /// Dials, and says what the caller meets.
    pub fn dial(&mut self, dialled: &DialString, now: Timestamp) -> DialAnswer {
        self.settle(now);
        let mut answer = DialAnswer {
            outcome: Outcome::NotAnswered,
            heard: Vec::new(),
            account: None,
            room: None,
            display_name: None,
            call_id: self.switchboard.next_call(),
        };
        // F-CALL-1
        let Some(line) = self.line(&dialled.number) else {
            return answer;
        };
        if !line.greeting.is_empty() {
            answer.heard.push(line.greeting.clone());
        }
        answer.outcome = Outcome::WrongPin;
        if dialled.pins.is_empty() {
            answer.heard.push(WRONG_PIN.to_owned());
        }
        // F-CALL-5
        let tries = match self.quirks.pin_tries {
            PinTries::One => 1,
            PinTries::Three => 3,
        };
        for (n, pin) in (1..).zip(dialled.pins.iter().take(tries)) {
            let found = self.look_up(&line, &dialled.number, pin, now);
            let (account, name) = match &found {
                Some((account, name, _)) => (Some(*account), Some(name.clone())),
                None => (None, None),
            };
            answer.account = account.map(|account| self.account(account).domain.clone());
            answer.room = name;
            answer.outcome = match found {
                Some((account, name, false)) => {
                    return self.enter(account, &name, answer, &dialled.number, now);
                }
                // F-CALL-13, F-PIN-13
                Some((_, _, true)) => Outcome::Expired,
                None => Outcome::WrongPin,
            };
            let heard = if n < tries { AGAIN } else { WRONG_PIN };
            answer.heard.push(heard.to_owned());
        }
        answer
    }

    /// What picks up a number.
    fn line(&self, number: &str) -> Option<Line> {
        if is_global(number) {
            // F-GLOB-1
            let greeting = DEFAULT_GREETING.to_owned();
            return Some(Line {
                greeting,
                account: None,
            });
        }
        self.account_ids().find_map(|id| {
            // A config that outlived its number answers nothing. // F-NUM-19
            let account = Some(self.account(id)).filter(|account| account.owns(number))?;
            let config = account.configs.iter().find(|config| {
                config.kind == ConfigKind::Pin && config.phone_number() == Some(number)
            })?;
            let greeting = config.greeting().unwrap_or(DEFAULT_GREETING).to_owned();
            Some(Line {
                greeting,
                account: Some(id),
            })
        })
    }

    /// The room of a PIN on this line, and whether it has expired. // F-CALL-11, F-CALL-12, F-GLOB-5
    fn look_up(
        &self,
        line: &Line,
        number: &str,
        pin: &str,
        now: Timestamp,
    ) -> Option<(AccountId, String, bool)> {
        let (account, name, collected) = match self.pins.fate(pin)? {
            PinFate::Room { account, name } => (*account, name, false),
            PinFate::Expired { account, name } => (*account, name, true),
            PinFate::Dead => return None,
        };
        let is_closed =
            !is_free(number) && self.quirks.global_numbers == GlobalNumbers::UsAndCanada;
        if line.account.map_or(is_closed, |only| only != account) {
            return None;
        }
        let room = self.account(account).room(name, now);
        let room = room.filter(|_| !collected);
        if line.account.is_some() && self.quirks.numbers_of_pin == NumbersOfPin::Listed {
            let chosen = room.and_then(|room| Dialin::of(&room.properties));
            let chosen = chosen.unwrap_or_default().numbers;
            if !chosen.is_empty() && !chosen.iter().any(|listed| listed == number) {
                return None;
            }
        }
        Some((account, name.clone(), room.is_none()))
    }

    /// Brings a caller with the right PIN into the room, or says why not.
    fn enter(
        &mut self,
        account: AccountId,
        name: &str,
        mut answer: DialAnswer,
        number: &str,
        now: Timestamp,
    ) -> DialAnswer {
        let Some(room) = self.account(account).room(name, now) else {
            return answer;
        };
        let dialin = Dialin::of(&room.properties).unwrap_or_default();
        let waits = dialin.waits(&self.quirks);
        answer.display_name = dialin.display_name;
        let (outcome, heard) = match self.turned_away(room, now) {
            Some(turned_away) => turned_away,
            // F-CALL-4
            None if self.switchboard.is_somebody_in(&room.id) => (Outcome::InRoom, THE_ROOM),
            None if waits => (Outcome::OnHold, HOLD_MUSIC), // F-CALL-2
            // F-CALL-3
            None => (Outcome::Dropped, "Nobody is in the meeting. Goodbye."),
        };
        answer.outcome = outcome;
        if !heard.is_empty() {
            answer.heard.push(heard.to_owned());
        }
        if matches!(outcome, Outcome::InRoom | Outcome::OnHold) {
            let caller = Caller {
                account,
                room: room.id.clone(),
                eject_at: room.eject_at(seconds(now)),
                call: live_call(&answer, number, now),
            };
            self.switchboard.calls.push(caller);
            self.note_attendance(now);
        }
        answer
    }

    /// The calls that are going on, the oldest first.
    pub fn calls(&mut self, now: Timestamp) -> Vec<LiveCall> {
        self.settle(now);
        self.switchboard
            .calls
            .iter()
            .map(|caller| caller.call.clone())
            .collect()
    }

    /// Ends a call from the caller's side.
    pub fn hang_up(&mut self, call_id: &str, now: Timestamp) -> Option<LiveCall> {
        self.settle(now);
        let calls = &mut self.switchboard.calls;
        let place = calls
            .iter()
            .position(|caller| caller.call.call_id == call_id)?;
        let ended = calls.remove(place).call;
        self.note_attendance(now);
        Some(ended)
    }
}

fn live_call(answer: &DialAnswer, number: &str, now: Timestamp) -> LiveCall {
    LiveCall {
        call_id: answer.call_id.clone(),
        outcome: answer.outcome,
        heard: answer.heard.clone(),
        account: answer.account.clone().unwrap_or_default(),
        room: answer.room.clone().unwrap_or_default(),
        display_name: answer.display_name.clone(),
        number: number.to_owned(),
        since: now,
    }
}
