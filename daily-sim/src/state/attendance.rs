//! The register of who was where: what presence and meetings are answered from, both of which lag
//! behind the truth that the switchboard holds.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::derived::{derived, derived_id};
use super::{AccountId, seconds};

/// Somebody who is in a room or on hold before it.
#[derive(Clone, Debug)]
pub(super) struct Attendee {
    /// The id under which presence, meetings and eject know them.
    pub session: String,
    pub account: AccountId,
    /// The id of the room.
    pub room: String,
    pub room_name: String,
    pub user_name: Option<String>,
    /// From the token; callers have none. // F-PRES-7
    pub user_id: Option<String>,
    pub arrived: Timestamp,
    pub on_hold: bool,
    /// When they are ejected, in unix seconds.
    pub eject_at: Option<f64>,
}

/// One stay of somebody in a room.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub who: Attendee,
    /// When the hold was over; none while it lasts, or if it never was.
    pub entered: Option<Timestamp>,
    pub left: Option<Timestamp>,
    /// Index of the meeting; none for who never got beyond the hold.
    pub meeting: Option<usize>,
}

/// A meeting: the time from the first who enters to the last who leaves. // F-MEET-5
#[derive(Clone, Debug)]
pub(super) struct Meeting {
    pub id: String,
    pub account: AccountId,
    /// The id of the room.
    room: String,
    pub room_name: String,
    pub start: Timestamp,
    ongoing: bool,
}

/// Every stay and every meeting, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Attendance {
    pub stays: Vec<Stay>,
    pub meetings: Vec<Meeting>,
    /// Places of the stays that nobody has ended yet.
    open: Vec<usize>,
}

impl Attendance {
    /// Writes down who has come and gone, from those who are there now.
    pub fn note(&mut self, there: &[Attendee], seed: u64, now: Timestamp) {
        if self.open.is_empty() && there.is_empty() {
            return;
        }
        self.close_gone(there, now);
        self.end_meetings();
        for who in there {
            let known = |place: &&usize| {
                let stay = self.stays.get(**place);
                stay.is_some_and(|stay| stay.who.session == who.session)
            };
            let known = self.open.iter().find(known).copied();
            let place = known.unwrap_or_else(|| self.open_stay(who));
            self.enter(place, who, seed, now);
        }
    }

    /// Whether a meeting goes on in a room. // F-MEET-5
    pub fn is_met_in(&self, room: &str) -> bool {
        let here = |meeting: &Meeting| meeting.ongoing && meeting.room == room;
        self.meetings.iter().any(here)
    }

    fn open_stay(&mut self, who: &Attendee) -> usize {
        let place = self.stays.len();
        self.open.push(place);
        self.stays.push(Stay {
            who: who.clone(),
            entered: None,
            left: None,
            meeting: None,
        });
        place
    }

    /// Whoever is not there any more has left now, or when they were to be ejected.
    fn close_gone(&mut self, there: &[Attendee], now: Timestamp) {
        let stays = &mut self.stays;
        self.open.retain(|place| {
            let Some(stay) = stays.get_mut(*place) else {
                return false;
            };
            let is_there = there.iter().any(|who| who.session == stay.who.session);
            if !is_there {
                let ejected = stay.who.eject_at.filter(|at| *at <= seconds(now));
                stay.left = Some(ejected.and_then(timestamp).unwrap_or(now));
            }
            is_there
        });
    }

    /// A meeting goes on as long as somebody is in it.
    fn end_meetings(&mut self) {
        let of = |place: &usize| self.stays.get(*place).and_then(|stay| stay.meeting);
        let going_on: HashSet<usize> = self.open.iter().filter_map(of).collect();
        for (place, meeting) in self.meetings.iter_mut().enumerate() {
            meeting.ongoing = going_on.contains(&place);
        }
    }

    /// Takes somebody who is not on hold into the meeting of the room. // F-CALL-9, F-MEET-5
    fn enter(&mut self, place: usize, who: &Attendee, seed: u64, now: Timestamp) {
        let Some(stay) = self.stays.get_mut(place) else {
            return;
        };
        if who.on_hold || stay.entered.is_some() {
            return;
        }
        stay.entered = Some(now);
        let goes_on = |meeting: &Meeting| meeting.ongoing && meeting.room == who.room;
        stay.meeting = Some(self.meetings.iter().position(goes_on).unwrap_or_else(|| {
            self.meetings.push(Meeting {
                id: derived_id(seed, "meeting", &self.meetings.len().to_string()),
                account: who.account,
                room: who.room.clone(),
                room_name: who.room_name.clone(),
                start: now,
                ongoing: true,
            });
            self.meetings.len() - 1
        }));
    }
}

impl Stay {
    /// When they came, where waiting on hold counts or not. // F-CALL-9
    pub fn came(&self, hold_counts: bool) -> Option<Timestamp> {
        match hold_counts {
            true => Some(self.who.arrived),
            false => self.entered,
        }
    }

    /// How long after the coming or the going it shows. // F-PRES-3
    pub fn lag(&self, seed: u64, kind: &str) -> SignedDuration {
        let millis = derived(seed, kind, &self.who.session).i64(10_000..=25_000);
        SignedDuration::from_millis(millis)
    }
}

/// Unix seconds as a time.
fn timestamp(seconds: f64) -> Option<Timestamp> {
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(since).ok()
}
