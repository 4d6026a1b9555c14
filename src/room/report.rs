//! What is reported of a DailyRoom: its status and its events. No I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::runtime::events::EventType;

use super::plan::{Change, Serving, Update, Verdict};
use super::secret::{dial_string, rfc3339};
use super::view::View;
use crate::crd::condition::{self, Reason, kind};
use crate::crd::{Account, BindingRef, DailyRoomStatus, NumberSource, RoomInfo};
use crate::kube::Note;
use crate::standing::{Needs, Standing, Trouble, conditions, news};

/// Something that was done in a pass and is to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// The record was replaced.
    Recorded(Change),
    /// The room was changed.
    Updated(Update),
    /// The Secret was made again or put right.
    SecretRepaired(String),
    /// The object was let go: its room was deleted.
    Deleted(String),
    /// The object was let go, and its room stays.
    Orphaned {
        /// Why.
        why: String,
        /// Whether that was asked for.
        asked: bool,
    },
}

/// The status of an object that stands so.
#[must_use]
pub fn status(view: &View, verdict: &Verdict) -> DailyRoomStatus {
    let mut status = view.status.clone();
    let standing = match verdict {
        Verdict::Unchanged | Verdict::Done => return status,
        Verdict::Progressing => Standing::Progressing,
        Verdict::Serving(serving, trouble) => {
            serve(&mut status, serving);
            Standing::Serving(trouble.as_ref())
        }
        Verdict::Failing(trouble) => Standing::Failing(trouble),
        Verdict::Expired => {
            expire(&mut status, view);
            Standing::Expired
        }
        Verdict::Deleting(trouble) => Standing::Deleting(trouble),
    };
    let settled = match verdict {
        Verdict::Failing(trouble) => trouble.needs != Needs::Retry,
        Verdict::Progressing => false,
        _ => true,
    };
    let generation = view.subject.generation;
    let unserved = unserved(view, verdict);
    let standing = match (&unserved, standing) {
        (Some(trouble), Standing::Failing(_)) => Standing::Failing(trouble),
        (_, standing) => standing,
    };
    status.conditions = conditions(&view.status.conditions, generation, view.now.wall, standing);
    if let Verdict::Serving(serving, _) = verdict {
        say_which_number(&mut status, view, serving);
    }
    if settled || status.observed_generation.is_none() {
        status.observed_generation = Some(generation);
    }
    if settled && view.forced {
        status
            .last_handled_reconcile_at
            .clone_from(&view.subject.requested);
    }
    status
}

/// While a room is made anew nobody is served, whatever the trouble says.
fn unserved(view: &View, verdict: &Verdict) -> Option<Trouble> {
    let made = view.subject.binding().is_some_and(|it| it.made.is_some());
    match verdict {
        Verdict::Failing(trouble) if view.subject.binding().is_some() && !made => Some(Trouble {
            served: false,
            ..trouble.clone()
        }),
        _ => None,
    }
}

fn serve(status: &mut DailyRoomStatus, serving: &Serving) {
    let card = &serving.card;
    let pin = card.pin.digits().to_owned();
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
        name: card.room_name.clone(),
        id: serving.id.clone(),
        url: card.url.clone(),
        creation_time: time(serving.created),
    });
    let first = card.numbers.first();
    status.dial_string = first.map(|it| dial_string(&it.phone_number, &card.pin));
    status.dialin_code = Some(pin);
    status.phone_numbers.clone_from(&card.numbers);
    status.expiration_time = time(card.end);
    status.binding = Some(BindingRef {
        name: card.secret_name.clone(),
    });
}

/// A global number is said to be one, with the reason for as long as the room publishes it.
fn say_which_number(status: &mut DailyRoomStatus, view: &View, serving: &Serving) {
    let global = serving.card.numbers.first();
    let Some(global) = global.filter(|it| it.source == NumberSource::Global) else {
        return;
    };
    let is_served = |it: &&Condition| it.type_ == kind::READY && it.status == "True";
    let before = view.status.conditions.iter().find(is_served);
    let before = before.filter(|_| view.status.phone_numbers == serving.card.numbers);
    let served = format!(
        "callers are served on Daily's global number {}",
        global.phone_number
    );
    let message = match (&serving.why_global, before) {
        (Some(why), _) => format!("{served}, because {why}"),
        (None, Some(before)) => before.message.clone(),
        (None, None) => served,
    };
    let mut conditions = status.conditions.iter_mut();
    if let Some(ready) = conditions.find(|it| is_served(&&**it)) {
        ready.message = message;
    }
}

fn expire(status: &mut DailyRoomStatus, view: &View) {
    status.dialin_code = None;
    status.dial_string = None;
    status.phone_numbers.clear();
    status.binding = None;
    let recorded = view
        .subject
        .binding()
        .and_then(|it| it.made.as_ref()?.end.as_ref());
    let wanted = || {
        let desired = view.desired.as_ref().ok();
        desired.map(|it| it.end_of(view.subject.created).at)
    };
    let end = recorded.map(|it| it.at).or_else(wanted);
    status.expiration_time = end.and_then(time);
}

fn time(seconds: i64) -> Option<Time> {
    Timestamp::from_second(seconds).ok().map(Time)
}

/// What is told: each deed, and each trouble that is new.
#[must_use]
pub fn notes(view: &View, new: &DailyRoomStatus, deeds: &[Deed]) -> Vec<Note> {
    let old = &view.status;
    let mut notes: Vec<Note> = deeds.iter().filter_map(|deed| told(view, deed)).collect();
    let changed = old
        .dialin_code_revision
        .is_some_and(|before| new.dialin_code_revision.is_some_and(|now| now > before));
    if changed {
        notes.push(warning(
            "DialinCodeChanged",
            "Reconcile",
            "the room has a new PIN, and the one before is dead: tell those who hold it".to_owned(),
        ));
    }
    let expired = |conditions| condition::is_true(conditions, kind::EXPIRED);
    if expired(&new.conditions) && !expired(&old.conditions) {
        let note = "the room has ended as planned; its PIN is dead and its Secret goes";
        notes.push(normal(Reason::Expired.as_str(), "Expire", note.to_owned()));
    }
    if let Some(trouble) = news(&old.conditions, &new.conditions)
        && let Some(reason) = Reason::ALL.iter().find(|it| it.as_str() == trouble.reason)
    {
        notes.push(warning(
            reason.as_str(),
            "Reconcile",
            trouble.message.clone(),
        ));
    }
    notes
}

/// What is told before a change that has changed the PIN of a room of this account before.
#[must_use]
pub fn will_change(view: &View, update: &Update) -> Note {
    let room = view.room_name();
    let what = keys(update);
    let note = format!(
        "the room {room} is about to be changed ({what}), and in this account such a change has \
         changed the PIN of a room before: expect a new PIN, and see DialinCodeChanged"
    );
    warning("DialinCodeWillChange", "UpdateRoom", note)
}

fn told(view: &View, deed: &Deed) -> Option<Note> {
    let room = view.room_name();
    Some(match deed {
        Deed::Recorded(Change::Made) => normal(
            "Created",
            "CreateRoom",
            format!("the room {room} was made at Daily"),
        ),
        Deed::Recorded(Change::Found) => {
            let note =
                format!("the room {room}, which was made for this name before, is used again");
            normal("Adopted", "Reconcile", note)
        }
        Deed::Recorded(Change::Anew) => {
            let note =
                format!("the room {room} has vanished at Daily before its end, and is made anew");
            warning(Reason::Missing.as_str(), "CreateRoom", note)
        }
        Deed::Recorded(Change::EndTakenOver(end)) => {
            let note = format!(
                "the end was moved at Daily to {}, and is taken over",
                rfc3339(*end)
            );
            normal("Updated", "Reconcile", note)
        }
        Deed::Recorded(_) => return None,
        Deed::Updated(update) if update.drift => {
            let note = format!(
                "the room {room} was changed at Daily, and is put right: {}",
                keys(update)
            );
            normal("DriftCorrected", "UpdateRoom", note)
        }
        Deed::Updated(update) => {
            let note = format!("the room {room} was changed at Daily: {}", keys(update));
            normal("Updated", "UpdateRoom", note)
        }
        Deed::SecretRepaired(name) => {
            let note =
                format!("the Secret {name} was gone or edited, and is put right with the same PIN");
            warning("SecretRepaired", "UpdateSecret", note)
        }
        Deed::Deleted(name) => normal(
            "Deleted",
            "DeleteRoom",
            format!("the room {name} is gone at Daily"),
        ),
        Deed::Orphaned { why, asked: true } => normal("Orphaned", "DeleteRoom", why.clone()),
        Deed::Orphaned { why, asked: false } => warning("Orphaned", "DeleteRoom", why.clone()),
    })
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

fn normal(reason: &'static str, action: &'static str, note: String) -> Note {
    Note {
        type_: EventType::Normal,
        reason,
        action,
        note,
    }
}

fn warning(reason: &'static str, action: &'static str, note: String) -> Note {
    Note {
        type_: EventType::Warning,
        reason,
        action,
        note,
    }
}

#[cfg(test)]
mod tests;
