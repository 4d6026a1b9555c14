//! `/meetings`, `/meetings/ID` and `/meetings/ID/participants`.

use serde_json::{Value, json};

use super::{Answer, Scene};
use crate::state::{MeetingRecord, Refusal, page};

/// At most this many meetings are on a page. // F-MEET-1
const MEETINGS_A_PAGE: usize = 100;

const FILTERS: [&str; 5] = [
    "room",
    "ongoing",
    "timeframe_start",
    "timeframe_end",
    "no_participants",
];

/// `GET /meetings`. A room that never existed has no meetings, which is no error. // F-MEET-1, F-MEET-2
pub(super) fn list(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    let request = scene.query.page(&FILTERS)?;
    let room = scene.query.get("room");
    let ongoing = scene.query.truth("ongoing")?;
    let from: Option<i64> = scene.query.number("timeframe_start")?;
    let to: Option<i64> = scene.query.number("timeframe_end")?;
    let bare = scene.query.truth("no_participants")? == Some(true);
    let mut found = scene.world.meetings(scene.account, scene.now);
    found.retain(|meeting| {
        room.is_none_or(|room| meeting.room == room)
            && ongoing.is_none_or(|wanted| meeting.ongoing == wanted)
            && from.is_none_or(|from| meeting.start >= from)
            && to.is_none_or(|to| meeting.start < to)
    });
    let shown = page(&found, &request, MEETINGS_A_PAGE, |meeting| {
        meeting.id.clone()
    })?;
    let data: Vec<Value> = shown.iter().map(|meeting| show(meeting, bare)).collect();
    Ok(Answer::ok(
        json!({"total_count": found.len(), "data": data}),
    ))
}

/// `GET /meetings/ID`. // F-MEET-4
pub(super) fn get(scene: &Scene<'_>, id: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    Ok(Answer::ok(find(scene, id)?.show()))
}

/// `GET /meetings/ID/participants`, in the order in which they joined. // F-MEET-4
pub(super) fn participants(scene: &Scene<'_>, id: &str) -> Result<Answer, Refusal> {
    scene
        .query
        .only(&["limit", "joined_after", "joined_before"])?;
    let mut shown = find(scene, id)?.participants;
    let place = |argument: &str| -> Result<Option<usize>, Refusal> {
        let Some(id) = scene.query.get(argument) else {
            return Ok(None);
        };
        let is_it = |item: &Value| item.get("participant_id").and_then(Value::as_str) == Some(id);
        let missing = || Refusal::invalid(format!("no participant '{id}' is in this meeting"));
        shown.iter().position(is_it).map(Some).ok_or_else(missing)
    };
    let (after, before) = (place("joined_after")?, place("joined_before")?);
    // A client that pages continues until there is a 404. // F-MEET-4
    if after.is_some_and(|place| place + 1 >= shown.len()) {
        return Err(Refusal::not_found("there are no more participants"));
    }
    shown.truncate(before.unwrap_or(shown.len()));
    shown.drain(..after.map_or(0, |place| place + 1).min(shown.len()));
    shown.truncate(scene.query.at_most(shown.len())?);
    Ok(Answer::ok(json!({"data": shown})))
}

fn find(scene: &Scene<'_>, id: &str) -> Result<MeetingRecord, Refusal> {
    let meetings = scene.world.meetings(scene.account, scene.now);
    let found = meetings.into_iter().find(|meeting| meeting.id == id);
    found.ok_or_else(|| Refusal::not_found(format!("meeting {id} not found")))
}

fn show(meeting: &MeetingRecord, bare: bool) -> Value {
    let mut shown = meeting.show();
    if let (false, Some(fields)) = (bare, shown.as_object_mut()) {
        fields.insert("participants".to_owned(), json!(meeting.participants));
    }
    shown
}
