//! What is reported of a PinDialinNumber: its status and its events. No I/O.

use kube::runtime::events::EventType;

use super::plan::{Change, Update, Verdict};
use super::view::View;
use crate::crd::condition::Reason;
use crate::crd::{Account, PinDialinNumberStatus};
use crate::kube::Note;
use crate::phone;
use crate::standing::{Needs, Standing, Trouble, conditions, news};

/// Something that was done in a pass and is to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// The record was replaced.
    Recorded(Change),
    /// The config was changed.
    Updated(Update),
    /// The object was let go: its config is gone.
    Deleted,
    /// The object was let go, and its config stays.
    Orphaned {
        /// Why.
        why: String,
        /// Whether that was asked for.
        asked: bool,
    },
}

/// The status of an object that stands so.
#[must_use]
pub fn status(view: &View, verdict: &Verdict) -> PinDialinNumberStatus {
    let mut status = view.status.clone();
    let unserved = unserved(view, verdict);
    let standing = match verdict {
        Verdict::Unchanged | Verdict::Done => return status,
        Verdict::Progressing => Standing::Progressing,
        Verdict::Serving(serving, trouble) => {
            status.account = Some(Account {
                domain_name: serving.domain.name.clone(),
                domain_id: serving.domain.id.clone(),
            });
            status.config_id = Some(serving.id.clone());
            status.country = view.number().and_then(phone::country);
            Standing::Serving(trouble.as_ref())
        }
        Verdict::Failing(trouble) => Standing::Failing(unserved.as_ref().unwrap_or(trouble)),
        Verdict::Deleting(trouble) => Standing::Deleting(trouble),
    };
    let settled = match verdict {
        Verdict::Failing(trouble) => trouble.needs != Needs::Retry,
        Verdict::Progressing => false,
        _ => true,
    };
    let generation = view.subject.generation;
    status.conditions = conditions(&view.status.conditions, generation, view.now.wall, standing);
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

/// While the config is made anew the number does not answer, whatever the trouble says.
fn unserved(view: &View, verdict: &Verdict) -> Option<Trouble> {
    let binding = view.subject.binding()?;
    match verdict {
        Verdict::Failing(trouble) if binding.made.is_none() => Some(Trouble {
            served: false,
            ..trouble.clone()
        }),
        _ => None,
    }
}

/// What is told: each deed, and each trouble that is new.
#[must_use]
pub fn notes(view: &View, new: &PinDialinNumberStatus, deeds: &[Deed]) -> Vec<Note> {
    let mut notes: Vec<Note> = deeds.iter().filter_map(|deed| told(view, deed)).collect();
    if let Some(trouble) = news(&view.status.conditions, &new.conditions)
        && let Some(reason) = Reason::ALL.iter().find(|it| it.as_str() == trouble.reason)
    {
        notes.push(Note {
            type_: EventType::Warning,
            reason: reason.as_str(),
            action: "Reconcile",
            note: trouble.message.clone(),
        });
    }
    notes
}

fn told(view: &View, deed: &Deed) -> Option<Note> {
    let number = view.number().unwrap_or("the number");
    let (type_, reason, action, note) = match deed {
        Deed::Recorded(Change::Made) => (
            EventType::Normal,
            "Created",
            "CreateConfig",
            format!("the dial-in config of {number} was made at Daily"),
        ),
        Deed::Recorded(Change::Anew) => (
            EventType::Warning,
            Reason::Missing.as_str(),
            "CreateConfig",
            format!("the dial-in config of {number} has vanished at Daily, and is made anew"),
        ),
        Deed::Recorded(Change::Withdrawn | Change::Claimed) => return None,
        Deed::Updated(update) if update.drift => (
            EventType::Normal,
            "DriftCorrected",
            "UpdateConfig",
            format!("the dial-in config of {number} was changed at Daily, and is put right"),
        ),
        Deed::Updated(_) => (
            EventType::Normal,
            "Updated",
            "UpdateConfig",
            format!("the dial-in config of {number} was changed at Daily"),
        ),
        Deed::Deleted => (
            EventType::Normal,
            "Deleted",
            "DeleteConfig",
            format!("the dial-in config of {number} is gone at Daily"),
        ),
        Deed::Orphaned { why, asked: true } => {
            (EventType::Normal, "Orphaned", "DeleteConfig", why.clone())
        }
        Deed::Orphaned { why, asked: false } => {
            (EventType::Warning, "Orphaned", "DeleteConfig", why.clone())
        }
    };
    Some(Note {
        type_,
        reason,
        action,
        note,
    })
}
