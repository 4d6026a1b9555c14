//! What is reported of an object of either kind: its status and its events. No I/O.

use kube::runtime::events::EventType;

use super::Kind;
use super::conditions::{Health, conditions, new_problem};
use super::plan::{Change, Outcome, Release};
use super::problem::{Problem, ResolvedBy};
use super::view::View;
use crate::crd::condition::Reason;
use crate::crd::{Status, summary};
use crate::k8s::Note;

/// Something that was done in a pass and is published.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied<K: Kind> {
    /// The record was replaced.
    Recorded(Change),
    /// The object was let go.
    Released(Release),
    /// Something that only this kind does.
    Of(K::Applied),
}

/// The status after this outcome.
#[must_use]
pub fn status<K: Kind>(view: &View<K>, outcome: &Outcome<K>) -> K::Status {
    let mut status = view.status.clone();
    *status.common_mut().record = view.record_text();
    let served;
    let unserved;
    let health = match outcome {
        Outcome::Unchanged | Outcome::Done | Outcome::OwnedElsewhere(_) => return status,
        Outcome::Progressing => Health::Progressing,
        Outcome::Serving(serving, problem) => {
            K::report_serving(&mut status, view, serving);
            served = K::served_message(view, serving);
            Health::Serving(&served, problem.as_ref())
        }
        Outcome::Failing(problem) => {
            unserved = unserved_problem(view, problem);
            if !unserved.served {
                K::report_unserved(&mut status, view);
            }
            Health::Failing(&unserved)
        }
        Outcome::Expired => {
            K::report_expired(&mut status, view);
            Health::Expired(K::expired_message(view))
        }
        Outcome::Deleting(problem) => Health::Deleting(problem),
    };
    let reconciled = match outcome {
        Outcome::Failing(problem) => problem.resolved_by != ResolvedBy::Retry,
        Outcome::Progressing => false,
        _ => true,
    };
    let generation = view.meta.generation;
    let old = view.status.common().conditions;
    let new = conditions(old, generation, view.now.wall, health);
    let common = status.common_mut();
    (*common.reason, *common.message) = summary(&new);
    *common.conditions = new;
    if reconciled || common.observed_generation.is_none() {
        *common.observed_generation = Some(generation);
    }
    if reconciled && view.forced {
        common
            .last_handled_reconcile_at
            .clone_from(&view.meta.requested);
    }
    status
}

/// While what the object owns is created again nobody is served, whatever the problem says.
fn unserved_problem<K: Kind>(view: &View<K>, problem: &Problem) -> Problem {
    let between = view.record().is_some_and(|it| it.made.is_none());
    Problem {
        served: problem.served && !between,
        ..problem.clone()
    }
}

/// What is published: what was done, what the status says anew, and a problem that is new.
#[must_use]
pub fn events<K: Kind>(view: &View<K>, new: &K::Status, applied: &[Applied<K>]) -> Vec<Note> {
    let done = applied.iter().filter_map(|it| event(view, it));
    let mut events: Vec<Note> = done.chain(K::status_events(view, new)).collect();
    let (old, new) = (view.status.common(), new.common());
    if let Some(condition) = new_problem(old.conditions, new.conditions)
        && let Some(reason) = Reason::named(&condition.reason)
    {
        events.push(note(
            EventType::Warning,
            reason.as_str(),
            "Reconcile",
            condition.message.clone(),
        ));
    }
    events
}

fn event<K: Kind>(view: &View<K>, applied: &Applied<K>) -> Option<Note> {
    let (type_, reason, why) = match applied {
        Applied::Recorded(Change::TakenOver) => {
            let why =
                "This installation takes the object over, as --take-over-installation-ids says.";
            (EventType::Normal, "TakenOver", why.to_owned())
        }
        Applied::Recorded(change) => return K::recorded_event(view, *change),
        Applied::Of(applied) => return K::applied_event(view, applied),
        Applied::Released(Release::Clean) => return None,
        Applied::Released(Release::Deleted) => {
            let why = format!("The {} is gone at Daily.", K::owned(view));
            (EventType::Normal, "Deleted", why)
        }
        Applied::Released(Release::Retained) => {
            let why = format!(
                "The {} stays at Daily{}, as the deletionPolicy says.",
                K::owned(view),
                K::UNTIL
            );
            (EventType::Normal, "Orphaned", why)
        }
        Applied::Released(Release::Orphaned(why)) => (EventType::Warning, "Orphaned", why.clone()),
    };
    Some(note(type_, reason, "Reconcile", why))
}

/// The event of a problem.
#[must_use]
pub fn warning(problem: &Problem) -> Note {
    let message = problem.message.clone();
    note(
        EventType::Warning,
        problem.reason.as_str(),
        "Reconcile",
        message,
    )
}

/// An event.
#[must_use]
pub fn note(
    type_: EventType,
    reason: &'static str,
    action: &'static str,
    text: impl Into<String>,
) -> Note {
    Note {
        type_,
        reason,
        action,
        note: text.into(),
    }
}
