//! The end of a room: when it counts as passed, and what follows.

use std::time::Duration;

use super::Plan;
use super::delete_secrets::secrets_are_deleted;
use super::steps::Step;
use crate::crd::condition::{self, kind};
use crate::daily::evidence::Observed;
use crate::reconcile::problem::Requeue;
use crate::reconcile::record::End;
use crate::reconcile::steps::{Outcome, Step as AnyStep, act};
use crate::room::spec::{EndSpec, Spec};
use crate::room::view::View;

/// An ended room needs no API key.
pub(super) fn before_access(view: &View, spec: &Spec) -> Result<(), Plan> {
    match past_from_the_start(view, spec) || stays_expired(view, spec) {
        true => Err(expire(view)),
        false => Ok(()),
    }
}

/// The end had passed when the object was created, by the API server's clock, and the object owns
/// nothing. Daily need not be asked.
fn past_from_the_start(view: &View, spec: &Spec) -> bool {
    let EndSpec::At(at) = spec.end else {
        return false;
    };
    let owns_nothing = view.recorded.record().is_none() && view.status.room.is_none();
    owns_nothing && at <= view.meta.created && at <= view.now.wall
}

/// An ended room stays Expired until the user asks for something else, whatever happens to its API key.
fn stays_expired(view: &View, spec: &Spec) -> bool {
    let made = view.record().and_then(|it| it.made.as_ref());
    let by_spec = spec.end_of(view.meta.created);
    let end = made.and_then(|it| it.end.as_ref()).unwrap_or(&by_spec);
    let unclaimed = view.record().is_none_or(|it| it.claim.is_none());
    let is_asked = view.is_edited() || view.forced || asks_for_another(view, spec, end);
    is_expired(view) && unclaimed && !is_asked && end.at <= view.now.wall
}

/// Whether the spec asks for a room after one that ended at `end`.
pub(super) fn asks_for_another(view: &View, spec: &Spec, end: &End) -> bool {
    let by_spec = spec.end_of(view.meta.created);
    let is_later = !by_spec.is_of_the_same_spec(end) && by_spec.at > view.now.wall;
    (is_later || spec.renewal.is_some()) && !view.is_suspended()
}

pub(super) fn is_expired(view: &View) -> bool {
    condition::is_true(&view.status.conditions, kind::EXPIRED)
}

/// Reports that the room has ended, then deletes the Secret, and in time the object itself.
pub(super) fn expire(view: &View) -> Plan {
    let status = &view.status;
    let reported = is_expired(view)
        && status.dialin_code.is_none()
        && condition::status_of(&status.conditions, kind::READY).is_none();
    if !reported {
        return Plan::Act(AnyStep::Report(Outcome::Expired));
    }
    match secrets_are_deleted(view) {
        Ok(()) => delete_in_time(view),
        Err(plan) => plan,
    }
}

/// Deletes the object `ttlAfterExpired` after the reported end.
fn delete_in_time(view: &View) -> Plan {
    let after = view.spec.as_ref().ok().and_then(|it| it.ttl_after_expired);
    let end = view.status.expiration_time.as_ref();
    let due = after
        .zip(end)
        .map(|(after, end)| end.0.as_second().saturating_add(after));
    match due {
        Some(due) if due <= view.now.wall => act(Step::DeleteObject),
        due => Plan::Rest(Outcome::Expired, Requeue::AtDrift(due)),
    }
}

/// Whether an end has passed by our clock and by Daily's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    Yes,
    No,
    /// The clocks differ, or Daily's is not known: nothing is concluded.
    Unconfirmed,
}

/// How long Daily keeps a room that ends then, by its own clock in the answer that showed the room.
pub(super) fn kept_by_daily(view: &View, end: i64, observed: &Observed) -> Option<Duration> {
    let left = u64::try_from(end.saturating_sub(date(view, observed)?)).ok()?;
    (left > 0).then(|| Duration::from_secs(left))
}

/// The time by Daily's clock, since the answer that showed the room.
pub(super) fn date(view: &View, observed: &Observed) -> Option<i64> {
    let since = observed.at.until(view.now.moment);
    Some(observed.date?.saturating_add_unsigned(since.as_secs()))
}

/// `date` is Daily's clock in the answer that this is decided on.
pub(super) fn passed(view: &View, end: i64, date: Option<i64>) -> Passed {
    match (view.now.wall >= end, date.map(|date| date >= end)) {
        (true, Some(true)) => Passed::Yes,
        (false, Some(false)) => Passed::No,
        _ => Passed::Unconfirmed,
    }
}
