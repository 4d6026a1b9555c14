//! The status and the events of an object of either kind. No I/O.

use kube::runtime::events::EventType::{self, Normal, Warning};

use super::conditions::{Health, conditions, new_problem, suspended};
use super::kind::Kind;
use super::lifecycle::{Keep, Report};
use super::problem::{Problem, ResolvedBy};
use super::steps::{Change, Outcome, Release};
use super::view::View;
use crate::crd::condition::Reason;
use crate::crd::time::rfc3339;
use crate::crd::{Status, summary};
use crate::k8s::Note;

/// A write of this reconcile that is published as an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied<K: Kind> {
    Recorded(Change),
    /// What the object owns was changed at Daily.
    Updated {
        /// Whether the change corrects a change that somebody made at Daily.
        drift: bool,
        /// The properties that were changed, without their values.
        properties: Vec<String>,
    },
    Released(Release),
    /// A write that only this kind has.
    Of(K::Applied),
}

/// The status after this outcome.
pub fn status<K: Report + Keep>(view: &View<K>, outcome: &Outcome<K>) -> K::Status {
    let mut status = view.status.clone();
    *status.common_mut().record = view.record_text();
    let outcome = &while_it_exists(view, outcome);
    K::set_status(&mut status, view, outcome);
    let ready;
    let health = match outcome {
        Outcome::Unchanged | Outcome::Done | Outcome::OwnedElsewhere(_) => return status,
        Outcome::Progressing => Health::Progressing,
        Outcome::Serving(serving, problem) => {
            ready = K::ready_message(serving);
            Health::Serving(&ready, problem.as_ref())
        }
        Outcome::Failing(problem) => Health::Failing(problem),
        Outcome::Expired => Health::Expired(K::expired_message(view)),
        Outcome::Suspended => Health::Suspended,
        Outcome::Deleting(problem) => Health::Deleting(problem),
    };
    let reconciled = match outcome {
        Outcome::Failing(problem) => problem.resolved_by != ResolvedBy::Retry,
        Outcome::Progressing => false,
        _ => true,
    };
    let generation = view.meta.generation;
    let old = view.status.common().conditions;
    let mut new = conditions(old, generation, view.now.wall, health);
    if view.is_suspended() {
        let (reason, message) = K::suspension(view).unwrap_or_else(suspension::<K>);
        new.push(suspended(
            old,
            generation,
            view.now.wall,
            (reason, &message),
        ));
    }
    let common = status.common_mut();
    (*common.reason, *common.message) = summary(&new);
    *common.conditions = new;
    // The edit that resumes an object counts as seen from the first reconcile on, so that it never asks
    // for what other edits ask for.
    if reconciled || view.is_resumed() || common.observed_generation.is_none() {
        *common.observed_generation = Some(generation);
    }
    if reconciled && view.forced {
        common
            .last_handled_reconcile_at
            .clone_from(&view.meta.requested);
    }
    status
}

/// While what the object owns is being recreated, and once its end has passed, nobody is served, whatever the
/// problem is.
fn while_it_exists<K: Keep>(view: &View<K>, outcome: &Outcome<K>) -> Outcome<K> {
    let is_missing = view.record().is_some_and(|it| it.made.is_none());
    let has_ended = || K::ends_at(view).is_some_and(|end| end <= view.now.wall);
    match outcome {
        Outcome::Failing(problem) if is_missing || has_ended() => {
            Outcome::Failing(problem.clone().unserved())
        }
        outcome => outcome.clone(),
    }
}

/// Reason and message of Suspended.
fn suspension<K: Kind>() -> (Reason, String) {
    let message = format!(
        "The operator changes nothing for this {}, because spec.suspend is true. To resume, set spec.suspend to false.",
        K::NAME
    );
    (Reason::Suspended, message)
}

/// The events of what was applied, of the status change, and of a new problem.
pub fn events<K: Report>(view: &View<K>, new: &K::Status, applied: &[Applied<K>]) -> Vec<Note> {
    let applied = applied.iter().filter_map(|it| event(view, it));
    let mut events: Vec<Note> = applied.chain(K::status_events(view, new)).collect();
    let (old, new) = (view.status.common(), new.common());
    if let Some(condition) = new_problem(old.conditions, new.conditions)
        && let Some(reason) = Reason::named(&condition.reason)
    {
        let message = &condition.message;
        events.push(note(Warning, reason.as_str(), "Reconcile", message));
    }
    events
}

fn event<K: Report>(view: &View<K>, applied: &Applied<K>) -> Option<Note> {
    let (_, update) = K::ACTIONS;
    let thing = view.named_thing();
    Some(match applied {
        Applied::Recorded(change) => return recorded_event(view, *change),
        Applied::Of(applied) => return K::applied_event(view, applied),
        Applied::Updated { drift, properties } => {
            let what = match properties.is_empty() {
                true => thing,
                false => format!("{thing}: {}", properties.join(", ")),
            };
            let (reason, done) = match drift {
                true => ("DriftCorrected", "Reverted changes made at Daily to the"),
                false => ("Updated", "Updated the"),
            };
            note(Normal, reason, update, format!("{done} {what}."))
        }
        Applied::Released(Release::Clean) => return None,
        Applied::Released(Release::Deleted) => {
            let text = format!("The {thing} no longer exists at Daily.");
            note(Normal, "Deleted", "Reconcile", text)
        }
        Applied::Released(Release::Retained) => {
            let (until, kind) = (K::UNTIL, K::NAME);
            let why = match view.deletion.retain {
                Some(_) => "because deletionPolicy is Retain".to_owned(),
                None => format!("because the {kind} adopted it and sets no deletionPolicy"),
            };
            let text = format!("The {thing} stays at Daily{until}, {why}.");
            note(Normal, "Orphaned", "Reconcile", text)
        }
        Applied::Released(Release::Orphaned(why)) => note(Warning, "Orphaned", "Reconcile", why),
    })
}

/// The event of a new record.
fn recorded_event<K: Report>(view: &View<K>, change: Change) -> Option<Note> {
    let (create, update) = K::ACTIONS;
    let (thing, kind) = (view.named_thing(), K::NAME);
    let (type_, reason, action, text) = match change {
        Change::Created => (
            Normal,
            "Created",
            create,
            format!("Created the {thing} at Daily."),
        ),
        Change::Found => (
            Normal,
            "Adopted",
            "Reconcile",
            format!("Adopted the {thing}, which was created for this {kind} before."),
        ),
        Change::Adopted => (
            Normal,
            "Adopted",
            "Reconcile",
            format!(
                "Adopted the {thing}, which existed at Daily, as adoptionPolicy allows. It stays at Daily when the \
                 {kind} is deleted, unless deletionPolicy says otherwise."
            ),
        ),
        Change::Recreated => (
            Warning,
            Reason::Missing.as_str(),
            create,
            format!("The {thing} is missing at Daily and is being recreated."),
        ),
        Change::EndMoved(end) => (
            Normal,
            "Updated",
            "Reconcile",
            format!(
                "The end of the {thing} was changed at Daily to {}. The operator keeps the new end.",
                rfc3339(end)
            ),
        ),
        Change::Renewed(end) => (
            Normal,
            "Renewed",
            update,
            format!("Renewed the {thing}. It ends at {}.", rfc3339(end)),
        ),
        Change::TakenOver => (
            Normal,
            "TakenOver",
            "Reconcile",
            "This installation took over the object, as --take-over-installation-ids allows."
                .into(),
        ),
        Change::Claimed | Change::Withdrawn | Change::Replaced | Change::Sent => return None,
    };
    Some(note(type_, reason, action, text))
}

pub fn warning(problem: &Problem) -> Note {
    let reason = problem.reason.as_str();
    note(Warning, reason, "Reconcile", &problem.message)
}

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
