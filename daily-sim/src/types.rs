//! What goes over the wire under `/sim`: the same types serve the server and [`SimClient`](crate::SimClient).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::faults::{Chance, FaultKind, FaultMatch, FaultSpec, FaultView};

/// What somebody who dials meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The caller is in the room with somebody.
    InRoom,
    /// The caller hears hold music until somebody joins.
    OnHold,
    /// The PIN was right, but the call was ended.
    Dropped,
    /// No room has this PIN, or none any more.
    WrongPin,
    /// The room of this PIN has expired.
    Expired,
    /// Nobody picks up this number.
    NotAnswered,
    /// The room has as many telephone sessions as it takes.
    RoomFull,
}

/// Body of `POST /sim/dial`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DialRequest {
    /// For instance `+12025550123,,12345678987`.
    pub dial_string: String,
}

/// Answer of `POST /sim/dial`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DialAnswer {
    /// What became of the call.
    pub outcome: Outcome,
    /// What the caller heard, in order. Sounds that are not speech are in parentheses.
    pub heard: Vec<String>,
    /// The domain whose room the PIN led to.
    pub account: Option<String>,
    /// The room that the PIN led to.
    pub room: Option<String>,
    /// The name under which the room shows the caller.
    pub display_name: Option<String>,
    /// Names the call in `GET /sim/calls` while it lasts.
    pub call_id: String,
}

/// A call that is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveCall {
    /// As answered by `POST /sim/dial`.
    pub call_id: String,
    /// `InRoom` or `OnHold`.
    pub outcome: Outcome,
    /// What the caller has heard so far.
    pub heard: Vec<String>,
    /// The domain of the room.
    pub account: String,
    /// The room.
    pub room: String,
    /// The name under which the room shows the caller.
    pub display_name: Option<String>,
    /// The number that was dialled.
    pub number: String,
    /// When the call began.
    pub since: Timestamp,
}

/// Answer of `GET /sim/calls`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calls {
    /// The calls, the oldest first.
    pub calls: Vec<LiveCall>,
}

/// Body of `POST /sim/rooms/NAME/join` and `/leave`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Visit {
    /// Who joins or leaves.
    pub user_name: String,
    /// The domain, needed when several accounts have a room of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The meeting token to join with; a private room needs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Answer of `POST /sim/rooms/NAME/join` and `/leave`: who is in the room now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// The domain of the room.
    pub account: String,
    /// The room.
    pub room: String,
    /// Those who joined, without callers.
    pub people: Vec<String>,
    /// Those of them who own the meeting, by their token.
    #[serde(default)]
    pub owners: Vec<String>,
    /// Ids of the calls in the room or on hold before it.
    pub callers: Vec<String>,
}

/// One call of the API, as `GET /sim/journal` shows it. It never contains API keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// Counts from 1, in the order in which the calls took effect.
    pub seq: u64,
    /// When it took effect, by the simulator's clock.
    pub time: Timestamp,
    /// The same in real milliseconds since the start, which no advance of the clock moves.
    pub elapsed_ms: u64,
    /// The domain; none when the key was not accepted.
    pub account: Option<String>,
    /// `GET`, `POST`, `PUT`, `DELETE`.
    pub method: String,
    /// Below the base path: `/rooms/demo`.
    pub path: String,
    /// The query as it came, without the question mark.
    pub query: Option<String>,
    /// The status that was answered, or would have been if the reply was lost.
    pub status: u16,
    /// The request body; a string when it was not JSON.
    pub body: Option<Value>,
    /// The id of the room that a write made, changed or removed, also if its reply was lost or it
    /// removed an expired one; none when there were none or several.
    pub room_id: Option<String>,
    /// The ids of all rooms that a write made, changed or removed.
    #[serde(default)]
    pub room_ids: Vec<String>,
    /// Of those who were in a room that the call deleted: for how many seconds presence had shown each.
    #[serde(default)]
    pub put_out: Vec<i64>,
    /// The kind of the fault that applied.
    pub fault: Option<String>,
}

/// Answer of `GET /sim/journal`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Journal {
    /// The entries after the one asked for, the oldest first.
    pub entries: Vec<JournalEntry>,
    /// The sequence number of the last entry there is: the next `after`.
    pub last: u64,
}

/// Answer of `GET /sim/rooms`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rooms {
    /// The newest rooms that have not expired, the newest first.
    pub rooms: Vec<RoomView>,
    /// How many have not expired, told here or not.
    pub total: usize,
}

/// A room as a caller and those who join see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomView {
    /// The domain of the room.
    pub account: String,
    /// The room.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Where one joins it with a browser.
    pub url: String,
    /// The PIN; none without dial-in.
    pub dialin_code: Option<String>,
    /// The purchased numbers that the room is to be dialled at.
    pub phone_numbers: Vec<String>,
    /// When it ends.
    pub expiration_time: Option<Timestamp>,
    /// Those who joined, without callers.
    pub people: Vec<String>,
    /// Ids of the calls in the room or on hold before it.
    pub callers: Vec<String>,
}

/// Answer of `GET /sim/numbers`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Numbers {
    /// The purchased numbers by account, the earliest purchase first.
    pub numbers: Vec<NumberView>,
    /// Daily's own numbers, which take the PINs of all accounts.
    pub global: Vec<String>,
}

/// A purchased number, and what makes it pick up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberView {
    /// The domain that owns it.
    pub account: String,
    /// The number in E.164.
    pub phone_number: String,
    /// None when nobody picks up.
    pub dialin_config: Option<DialinConfigView>,
}

/// The dial-in config of a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DialinConfigView {
    /// Its id.
    pub id: String,
    /// `pin_dialin` or `pinless_dialin`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its prefix, when it was chosen.
    pub name_prefix: Option<String>,
}

/// Body of `POST /sim/clock`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    /// By how much: `1h`, `90s`, `30d`.
    pub advance: String,
}

/// Answer of `GET` and `POST /sim/clock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockView {
    /// What the simulator takes for now.
    pub now: Timestamp,
    /// How far that is ahead of real time; negative while it is behind.
    pub ahead_seconds: i64,
}

/// Answer of `GET` and `DELETE /sim/faults`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Faults {
    /// The faults in the order in which they are tried.
    pub faults: Vec<FaultView>,
}

/// Answer of `POST /sim/faults/release/NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// How many replies were held and are now sent.
    pub released: usize,
}

/// Body of `POST /sim/keys/revoke`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// The API key.
    pub key: String,
}

impl std::fmt::Debug for Revoke {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Revoke")
    }
}

/// Answer of `POST /sim/keys/revoke`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Always true.
    pub revoked: bool,
}

/// A quirk, as `GET /sim/quirks` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuirkView {
    /// The name of the switch.
    pub name: String,
    /// The answer that holds now.
    pub value: String,
    /// The possible answers; the first is the default.
    pub values: Vec<String>,
    /// The fact in `docs/daily-api-facts.md` that it belongs to.
    pub fact: String,
    /// What is switched.
    pub about: String,
}

/// Answer of `GET` and `POST /sim/quirks`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuirkViews {
    /// All of them.
    pub quirks: Vec<QuirkView>,
}

/// How the control endpoints refuse: a sentence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refused {
    /// The sentence.
    pub error: String,
}

/// Headers that a fault adds to an answer.
pub type Headers = BTreeMap<String, String>;
