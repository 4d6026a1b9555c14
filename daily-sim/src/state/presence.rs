//! What presence and meetings show, which lags behind the truth.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::attendance::{Meeting, Stay};
use super::{AccountId, World};
use crate::quirks::HoldPresence;

/// Joins are recorded after this many seconds, and a visit that was shorter never is. // F-MEET-3
const RECORDED_AFTER: i64 = 10;
/// The records of those who are still there move in steps of this many seconds. // F-MEET-3
const STEP: i64 = 15;
/// A meeting with one participant is none before this many seconds. // F-MEET-5
const ALONE: i64 = 30;

/// A participant as the records of meetings have them.
struct Record<'a> {
    stay: &'a Stay,
    came: Timestamp,
    seconds: i64,
    ongoing: bool,
}

/// A meeting as its records have it.
pub(crate) struct MeetingRecord {
    pub id: String,
    pub room: String,
    pub start: i64,
    pub ongoing: bool,
    pub duration: i64,
    most: usize,
    pub participants: Vec<Value>,
}

impl MeetingRecord {
    /// The meeting without its participants. // F-MEET-4
    pub fn show(&self) -> Value {
        json!({
            "id": self.id,
            "room": self.room,
            "start_time": self.start,
            "duration": self.duration,
            "ongoing": self.ongoing,
            "max_participants": self.most,
        })
    }
}

impl World {
    /// Who is in the rooms of an account as far as presence knows, by the names of the rooms.
    ///
    /// Coming and going show 10 to 25 s late, each with a delay of its own, so that somebody who
    /// leaves and joins again can show twice. // F-PRES-2, F-PRES-3
    pub fn presences(&self, account: AccountId, now: Timestamp) -> BTreeMap<String, Vec<Value>> {
        let mut rooms: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let stays = self.attendance.stays.iter();
        for stay in stays.filter(|stay| stay.who.account == account) {
            if let Some(item) = self.show_presence(stay, now) {
                rooms
                    .entry(stay.who.room_name.clone())
                    .or_default()
                    .push(item);
            }
        }
        rooms
    }

    /// For how many seconds presence shows those who are in a room now. Nothing shows the others.
    pub fn shown_inside(&self, account: AccountId, room: &str, now: Timestamp) -> Vec<i64> {
        let stays = self.attendance.stays.iter();
        let here = stays.filter(|stay| {
            let who = &stay.who;
            who.account == account && who.room_name == room && stay.left.is_none()
        });
        let shown = here.filter_map(|stay| self.shown_from(stay));
        let shown = shown.map(|from| now.duration_since(from).as_secs());
        shown.filter(|seconds| *seconds >= 0).collect()
    }

    /// When presence begins to show somebody. // F-PRES-3
    fn shown_from(&self, stay: &Stay) -> Option<Timestamp> {
        let came = stay.came(self.hold_counts())?;
        came.checked_add(stay.lag(self.seed, "join")).ok()
    }

    // F-PRES-1
    fn show_presence(&self, stay: &Stay, now: Timestamp) -> Option<Value> {
        let came = stay.came(self.hold_counts())?;
        let shown = self.shown_from(stay)?;
        let gone = |left: Timestamp| {
            let hidden = left.checked_add(stay.lag(self.seed, "leave"));
            hidden.is_ok_and(|hidden| hidden <= now)
        };
        if now < shown || stay.left.is_some_and(gone) {
            return None;
        }
        let meeting = stay
            .meeting
            .and_then(|place| self.attendance.meetings.get(place));
        Some(json!({
            "room": stay.who.room_name,
            "id": stay.who.session,
            "userId": stay.who.user_id,
            "userName": stay.who.user_name,
            "mtgSessionId": meeting.map(|meeting| meeting.id.as_str()),
            "joinTime": format!("{came:.3}"),
            "duration": now.duration_since(came).as_secs(),
        }))
    }

    /// The meetings of an account as recorded by now, newest first. // F-MEET-1
    pub fn meetings(&self, account: AccountId, now: Timestamp) -> Vec<MeetingRecord> {
        let meetings = self.attendance.meetings.iter().enumerate().rev();
        meetings
            .filter(|(_, meeting)| meeting.account == account)
            .filter_map(|(place, meeting)| self.record(place, meeting, now))
            .collect()
    }

    fn record(&self, place: usize, meeting: &Meeting, now: Timestamp) -> Option<MeetingRecord> {
        let stays = self.attendance.stays.iter();
        let records: Vec<Record<'_>> = stays
            .filter(|stay| stay.meeting == Some(place))
            .filter_map(|stay| self.participant(stay, now))
            .collect();
        let start = meeting.start;
        let end = |record: &Record<'_>| record.came + SignedDuration::from_secs(record.seconds);
        let last = records.iter().map(end).max()?;
        if records.len() < 2 && last.duration_since(start).as_secs() < ALONE {
            return None;
        }
        Some(MeetingRecord {
            id: meeting.id.clone(),
            room: meeting.room_name.clone(),
            start: start.as_second(),
            ongoing: records.iter().any(|record| record.ongoing),
            duration: last.duration_since(start).as_secs(),
            most: most_at_once(&records),
            participants: records.iter().map(show_participant).collect(),
        })
    }

    /// A stay as recorded by now. // F-MEET-3
    fn participant<'a>(&self, stay: &'a Stay, now: Timestamp) -> Option<Record<'a>> {
        let came = stay.came(self.hold_counts())?;
        let stayed = stay.left.map(|left| left.duration_since(came).as_secs());
        let elapsed = now.duration_since(came).as_secs();
        if stayed.unwrap_or(elapsed) < RECORDED_AFTER {
            return None;
        }
        // A going is recorded with the step that follows it.
        let gone = stayed.filter(|stayed| elapsed >= stayed.div_euclid(STEP) * STEP + STEP);
        Some(Record {
            stay,
            came,
            seconds: gone.unwrap_or(elapsed.div_euclid(STEP) * STEP),
            ongoing: gone.is_none(),
        })
    }

    fn hold_counts(&self) -> bool {
        self.quirks.hold_presence == HoldPresence::Present
    }
}

fn show_participant(record: &Record<'_>) -> Value {
    json!({
        "user_id": record.stay.who.user_id,
        "participant_id": record.stay.who.session,
        "user_name": record.stay.who.user_name,
        "join_time": record.came.as_second(),
        "duration": record.seconds,
    })
}

/// The largest number of participants at one moment, which is one at which somebody came.
fn most_at_once(records: &[Record<'_>]) -> usize {
    let there_at = |moment: Timestamp| {
        let there = |record: &&Record<'_>| {
            record.came <= moment && record.stay.left.is_none_or(|left| left > moment)
        };
        records.iter().filter(there).count()
    };
    let moments = records.iter().map(|record| there_at(record.came));
    moments.max().unwrap_or_default()
}
