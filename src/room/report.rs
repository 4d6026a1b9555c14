//! What is reported of a DailyRoom, beside what holds for any kind. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::events::EventType::{Normal, Warning};

use super::plan::{Serving, Update};
use super::secret::{dial_string, rfc3339};
use super::view::View;
use crate::crd::condition::{self, Reason, kind};
use crate::crd::{Account, BindingRef, DailyRoomStatus, NumberSource, RoomInfo};
use crate::k8s::Note;
use crate::reconcile::plan::Change;
use crate::reconcile::report::note;

/// Something that was done for a DailyRoom and is published.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// The room was changed.
    Updated(Update),
    /// The Secret was written.
    SecretWritten {
        /// Its name.
        name: String,
        /// Whether just this was reported as written before.
        was_reported: bool,
        /// Whether what was there said something else, or nothing was there.
        says_anew: bool,
    },
}

/// What the status says of a room that serves callers.
pub(super) fn serving(status: &mut DailyRoomStatus, serving: &Serving) {
    let content = &serving.content;
    let pin = content.pin.digits().to_owned();
    let same_pin = match &status.dialin_code {
        Some(before) => *before == pin,
        None => status.room.as_ref().is_none_or(|it| it.id == serving.id),
    };
    let revision = status.dialin_code_revision;
    status.dialin_code_revision = Some(match revision {
        None => 1,
        Some(revision) if same_pin => revision,
        Some(revision) => revision.saturating_add(1),
    });
    status.account = Some(Account {
        domain_name: serving.domain.name.clone(),
        domain_id: serving.domain.id.clone(),
    });
    status.room = Some(RoomInfo {
        name: content.room_name.clone(),
        id: serving.id.clone(),
        url: content.url.clone(),
        creation_time: time(serving.created),
    });
    let first = content.numbers.first();
    status.dial_string = first.map(|it| dial_string(&it.phone_number, &content.pin));
    status.dialin_code = Some(pin);
    status.phone_numbers.clone_from(&content.numbers);
    status.expiration_time = time(content.end);
    status.binding = Some(BindingRef {
        name: content.secret_name.clone(),
    });
}

/// The message of Ready. A global number is named, with the reason for as long as the room publishes
/// it.
pub(super) fn served_message(view: &View, serving: &Serving) -> String {
    let numbers = &serving.content.numbers;
    let global = numbers.first();
    let Some(global) = global.filter(|it| it.source == NumberSource::Global) else {
        return "The room is ready to receive calls.".to_owned();
    };
    let is_ready = |it: &&Condition| it.type_ == kind::READY && it.status == "True";
    let before = view.status.conditions.iter().find(is_ready);
    let before = before.filter(|_| view.status.phone_numbers == *numbers);
    let ready = format!(
        "The room is ready to receive calls on Daily's global number {}",
        global.phone_number
    );
    match (&serving.why_global, before) {
        (Some(why), _) => format!("{ready}, because {why}"),
        (None, Some(before)) => before.message.clone(),
        (None, None) => format!("{ready}."),
    }
}

/// The message of Expired.
pub(super) fn expired_message(view: &View) -> &'static str {
    match view.record().is_some() || view.status.room.is_some() {
        true => "The room has ended as planned.",
        false => "The end had passed before a room was created.",
    }
}

/// What the status says once the end has come.
pub(super) fn expired(status: &mut DailyRoomStatus, view: &View) {
    status.dialin_code = None;
    status.dial_string = None;
    status.phone_numbers.clear();
    status.binding = None;
    let recorded = view.record().and_then(|it| it.made.as_ref()?.end.as_ref());
    let by_spec = || {
        let spec = view.spec.as_ref().ok();
        spec.map(|it| it.end_of(view.meta.created).at)
    };
    let end = recorded.map(|it| it.at).or_else(by_spec);
    status.expiration_time = end.and_then(time);
}

/// The PIN of a room that was replaced reaches nobody. One that is still the room's stays, so that a
/// later PIN is counted as another one.
pub(super) fn unserved(status: &mut DailyRoomStatus, view: &View) {
    let reported = status.room.as_ref().map(|it| it.id.as_str());
    if reported.is_some() && reported != view.made_id() {
        status.dialin_code = None;
        status.dial_string = None;
    }
}

fn time(seconds: i64) -> Option<Time> {
    Timestamp::from_second(seconds).ok().map(Time)
}

/// The events of a status that changes.
pub(super) fn status_events(view: &View, new: &DailyRoomStatus) -> Vec<Note> {
    let old = &view.status;
    let mut events = Vec::new();
    let changed = old
        .dialin_code_revision
        .is_some_and(|before| new.dialin_code_revision.is_some_and(|now| now > before));
    if changed {
        let text = "The PIN changed; the previous PIN no longer works. Tell those who hold it.";
        events.push(note(Warning, "DialinCodeChanged", "Reconcile", text));
    }
    let expired = |conditions| condition::is_true(conditions, kind::EXPIRED);
    if expired(&new.conditions) && !expired(&old.conditions) {
        let text = format!(
            "{} Its PIN no longer works, and its Secret is deleted.",
            expired_message(view)
        );
        events.push(note(Normal, Reason::Expired.as_str(), "Expire", text));
    }
    events
}

/// The event of a record that was replaced.
pub(super) fn recorded_event(view: &View, change: Change) -> Option<Note> {
    let room = view.room_name();
    Some(match change {
        Change::Created => note(
            Normal,
            "Created",
            "CreateRoom",
            format!("Room {room} was created at Daily."),
        ),
        Change::Found => note(
            Normal,
            "Adopted",
            "Reconcile",
            format!("Room {room}, which was created for this DailyRoom before, is used again."),
        ),
        Change::Recreated => note(
            Warning,
            Reason::Missing.as_str(),
            "CreateRoom",
            format!("Room {room} is missing at Daily before its end, and is recreated."),
        ),
        Change::EndMoved(end) => note(
            Normal,
            "Updated",
            "Reconcile",
            format!(
                "The end was moved at Daily to {}, which is taken over.",
                rfc3339(end)
            ),
        ),
        Change::Claimed
        | Change::Withdrawn
        | Change::Renewed
        | Change::Sent
        | Change::TakenOver => return None,
    })
}

/// The event of what only a DailyRoom does.
pub(super) fn applied_event(view: &View, applied: &Applied) -> Option<Note> {
    let room = view.room_name();
    match applied {
        Applied::Updated(update) if update.drift => {
            let text = format!(
                "Room {room} was changed at Daily, and is corrected: {}.",
                keys(update)
            );
            Some(note(Normal, "DriftCorrected", "UpdateRoom", text))
        }
        Applied::Updated(update) => {
            let text = format!("Room {room} was updated at Daily: {}.", keys(update));
            Some(note(Normal, "Updated", "UpdateRoom", text))
        }
        Applied::SecretWritten {
            name,
            was_reported,
            says_anew,
        } => {
            // One that was written before, and says something else now, was deleted or edited. One
            // of an earlier version of the operator may only miss a label.
            let is_repaired = *was_reported && *says_anew;
            let text = format!(
                "The Secret {name} was deleted or edited, and is restored with the same PIN."
            );
            is_repaired.then(|| note(Warning, "SecretRepaired", "UpdateSecret", text))
        }
    }
}

/// The properties that an update has changed, without their values.
fn keys(update: &Update) -> String {
    let privacy = update.change.privacy.map(|_| "privacy");
    let properties = update.change.properties.keys().map(String::as_str);
    privacy
        .into_iter()
        .chain(properties)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
