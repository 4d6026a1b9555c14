//! What is reported of a DailyRoom, beside what is the same for any kind. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::events::EventType::{Normal, Warning};

use super::Room;
use super::plan::steps::{SecretEvent, Serving, Update};
use super::secret::{SecretKind, dial_string};
use super::view::View;
use crate::crd::condition::{self, Reason, kind};
use crate::crd::time::rfc3339;
use crate::crd::{Account, BindingRef, DailyRoomStatus, NumberSource, RoomInfo};
use crate::k8s::Note;
use crate::reconcile;
use crate::reconcile::lifecycle::{Keep, Report};
use crate::reconcile::report::note;
use crate::reconcile::steps::Outcome;

/// What becomes of the tokens that a Secret no longer contains.
const STAY_VALID: &str = "Tokens that it no longer contains stay valid until they expire, because Daily cannot revoke a meeting token.";

/// A write that is published as an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// The DailyRoom itself, after its room ended.
    ObjectDeleted,
    /// A Secret was written.
    Secret {
        name: String,
        kind: SecretKind,
        event: SecretEvent,
    },
}

/// The write that an update is published as. A renewal is published with its record, also if its answer was
/// lost.
pub fn updated(update: &Update) -> Option<reconcile::report::Applied<Room>> {
    (!update.renews).then(|| reconcile::report::Applied::Updated {
        drift: update.drift,
        properties: update.properties(),
    })
}

impl Report for Room {
    fn suspension(view: &View) -> Option<(Reason, String)> {
        let end = Self::ends_at(view)?;
        let renewal = view.spec.as_ref().ok()?.renewal_of(end)?;
        let message = format!(
            "The room was to be renewed at {}, but spec.suspend is true. It ends at {}, and its PIN with it. To renew \
             it, set spec.suspend to false.",
            rfc3339(renewal),
            rfc3339(end)
        );
        let is_due = (renewal..end).contains(&view.now.wall);
        is_due.then_some((Reason::RenewalSuspended, message))
    }

    /// A global number is named, with the reason if the spec names none.
    fn ready_message(serving: &Serving) -> String {
        let global = serving.content.numbers.first();
        let Some(global) = global.filter(|it| it.source == NumberSource::Global) else {
            return "The room is ready to receive calls.".to_owned();
        };
        let ready = format!(
            "The room is ready to receive calls on Daily's global number {}",
            global.phone_number
        );
        match &serving.why_global {
            Some(why) => format!("{ready}, because {why}"),
            None => format!("{ready}."),
        }
    }

    fn expired_message(view: &View) -> &'static str {
        match existed(view) {
            true => "The room has ended as planned.",
            false => "The end had passed before the room was created.",
        }
    }

    fn set_status(status: &mut DailyRoomStatus, view: &View, outcome: &Outcome<Self>) {
        match outcome {
            Outcome::Serving(serving, _) => {
                set_serving(status, view, serving);
                if let Some(room) = &mut status.room {
                    room.adopted = view.is_adopted();
                }
            }
            Outcome::Expired => set_expired(status, view),
            Outcome::Failing(problem) if !problem.served => remove_stale_pin(status, view),
            _ => {}
        }
        if view.omits_code() {
            remove_pin(status);
        }
    }

    fn applied_event(_: &View, applied: &Applied) -> Option<Note> {
        match applied {
            Applied::ObjectDeleted => {
                let text = "Deleted the DailyRoom, because its room ended longer ago than spec.ttlAfterExpired.";
                Some(note(Normal, "Deleted", "DeleteObject", text))
            }
            Applied::Secret { name, kind, event } => Some(secret_event(name, *kind, *event)),
        }
    }

    fn status_events(view: &View, new: &DailyRoomStatus) -> Vec<Note> {
        let old = &view.status;
        let mut events = Vec::new();
        let (before, now) = (old.dialin_code_revision, new.dialin_code_revision);
        if before.is_some_and(|before| now.is_some_and(|now| now > before)) {
            let text = "The PIN changed; the previous PIN no longer works. Tell those who hold it.";
            events.push(note(Warning, "DialinCodeChanged", "Reconcile", text));
        }
        let first =
            |status: &DailyRoomStatus| Some(status.phone_numbers.first()?.phone_number.clone());
        if let (Some(before), Some(now)) = (first(old), first(new))
            && before != now
        {
            let text = format!(
                "The room publishes {now} in place of {before}. Tell those who have the previous number."
            );
            events.push(note(Warning, "PhoneNumberChanged", "Reconcile", text));
        }
        let missed = |it: &&Condition| it.reason == Reason::RenewalSuspended.as_str();
        if let Some(missed) = new.conditions.iter().find(missed)
            && !old.conditions.iter().any(|it| it.reason == missed.reason)
        {
            let reason = Reason::RenewalSuspended.as_str();
            events.push(note(Warning, reason, "Reconcile", &missed.message));
        }
        let expired = |conditions| condition::is_true(conditions, kind::EXPIRED);
        if expired(&new.conditions) && !expired(&old.conditions) {
            let after = match existed(view) {
                false => "",
                true if view.is_suspended() => {
                    " Its PIN no longer works. Its Secret stays while spec.suspend is true."
                }
                true => " Its PIN no longer works, and the operator deletes its Secret.",
            };
            let text = format!("{}{after}", Self::expired_message(view));
            events.push(note(Normal, Reason::Expired.as_str(), "Expire", text));
        }
        events
    }
}

/// Whether the object had a room.
fn existed(view: &View) -> bool {
    view.record().is_some() || view.status.room.is_some()
}

/// The event of a write of a Secret.
fn secret_event(name: &str, kind: SecretKind, event: SecretEvent) -> Note {
    let restored = format!("Restored the Secret {name}, which was deleted or edited.");
    let (type_, reason, text) = match (event, kind) {
        (SecretEvent::Repaired, SecretKind::Dialin) => {
            let text = format!("{restored} The PIN is the same.");
            (Warning, "SecretRepaired", text)
        }
        (SecretEvent::Repaired, SecretKind::Tokens) => {
            let text =
                format!("{restored} New meeting tokens replace those that it lost. {STAY_VALID}");
            (Warning, "SecretRepaired", text)
        }
        (SecretEvent::TokensIssued, _) => {
            let text = format!("Daily issued the meeting tokens in the new Secret {name}.");
            (Normal, "MeetingTokensChanged", text)
        }
        (SecretEvent::TokensChanged, _) => {
            let text = format!("Changed the meeting tokens in the Secret {name}. {STAY_VALID}");
            (Normal, "MeetingTokensChanged", text)
        }
    };
    note(type_, reason, "UpdateSecret", text)
}

fn set_serving(status: &mut DailyRoomStatus, view: &View, serving: &Serving) {
    let content = &serving.content;
    status.account = Some(Account {
        domain_name: serving.domain.name.clone(),
        domain_id: serving.domain.id.clone(),
    });
    status.room = Some(RoomInfo {
        name: content.room_name.clone(),
        id: serving.id.clone(),
        url: content.url.clone(),
        creation_time: time(serving.created),
        adopted: false,
    });
    let first = content.numbers.first();
    status.dial_string = first.map(|it| dial_string(&it.phone_number, &content.pin));
    status.dialin_code = Some(content.pin.digits().to_owned());
    status.dialin_code_revision = Some(content.revision);
    status.phone_numbers.clone_from(&content.numbers);
    status.expiration_time = time(content.end);
    let spec = view.spec.as_ref().ok();
    let renewal = spec.and_then(|it| it.renewal_of(content.end));
    status.renewal_time = renewal.and_then(time);
    status.binding = Some(BindingRef {
        name: content.secret_name.clone(),
    });
}

fn remove_pin(status: &mut DailyRoomStatus) {
    status.dialin_code = None;
    status.dial_string = None;
}

fn set_expired(status: &mut DailyRoomStatus, view: &View) {
    remove_pin(status);
    status.phone_numbers.clear();
    status.binding = None;
    status.renewal_time = None;
    let recorded = view.record().and_then(|it| it.made.as_ref()?.end.as_ref());
    let by_spec = || {
        let spec = view.spec.as_ref().ok();
        spec.map(|it| it.end_of(view.meta.created).at)
    };
    let end = recorded.map(|it| it.at).or_else(by_spec);
    status.expiration_time = end.and_then(time);
}

/// Removes the PIN of a room that no longer exists. The PIN of the recorded room stays, so that a change
/// of it is noticed.
fn remove_stale_pin(status: &mut DailyRoomStatus, view: &View) {
    let reported = status.room.as_ref().map(|it| it.id.as_str());
    if reported.is_some() && reported != view.made_id() {
        remove_pin(status);
    }
}

fn time(seconds: i64) -> Option<Time> {
    Timestamp::from_second(seconds).ok().map(Time)
}

#[cfg(test)]
mod tests;
