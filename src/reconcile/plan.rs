//! What to do next for an object of either kind. No I/O: pure and total.
//!
//! [`plan`] answers with one thing at a time. A look fills the view, a step changes the world and
//! the view, and both come back here; a rest ends the pass with what is reported. After a step of
//! unknown outcome the pass ends, and the next one begins with observing.

use serde_json::Value;

use super::guards::{
    another_name, keyless, other_installation, proven_domain, readable_spec, wrong_domain,
};
use super::problem::{Problem, Requeue};
use super::record::{Claim, Record};
use super::view::View;
use super::{Kind, Named};
use crate::crd::Status;

/// So many requests that differ are noted in a claim: each edit of the spec before something is
/// created adds one, and the oldest that may still take effect is not older than a few minutes.
const MOST_SENT: usize = 8;

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan<K: Kind> {
    /// Something has to be known first.
    Look(Look<K>),
    /// Something has to be done.
    Act(Step<K>),
    /// Nothing is to be done now.
    Rest(Rest<K>),
}

/// What has to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look<K: Kind> {
    /// The key that applies, and its domain.
    Access,
    /// Something that only this kind has.
    Of(K::Look),
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<K: Kind> {
    /// Add the finalizer.
    AddFinalizer,
    /// Replace the record.
    Record(Record, Change, Written),
    /// Report before going on.
    Report(Outcome<K>),
    /// Remove the finalizer.
    Release(Release),
    /// Something that only this kind has.
    Of(K::Step),
}

/// When a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Before anything else.
    Now,
    /// With the next status, for what can be found again without it.
    WithStatus,
}

/// Why a record is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The name is free: it is claimed.
    Claimed,
    /// The name belongs to somebody else: the claim is withdrawn.
    Withdrawn,
    /// What was created has this id.
    Created,
    /// What was made for this name before is used again.
    Found,
    /// What vanished is created again.
    Recreated,
    /// The room that ended is followed by a new one.
    Renewed,
    /// The end was moved at Daily, to this unix time, and is taken over.
    EndMoved(i64),
    /// What was sent is noted.
    Sent,
    /// Another installation owned the object before.
    TakenOver,
}

impl Change {
    /// Whether the record claims a name for a create that is still to be sent.
    #[must_use]
    pub fn claims(self) -> bool {
        matches!(self, Self::Claimed | Self::Recreated | Self::Renewed)
    }
}

/// How an object is let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// It owns nothing at Daily.
    Clean,
    /// What it owned was deleted.
    Deleted,
    /// What it owns stays, as the deletionPolicy says.
    Retained,
    /// Something may be left at Daily: why.
    Orphaned(String),
}

/// Why nothing is to be done now, and until when.
#[derive(Clone, Debug, PartialEq)]
pub struct Rest<K: Kind> {
    /// What is reported.
    pub outcome: Outcome<K>,
    /// When to reconcile again at the latest.
    pub requeue: Requeue,
}

/// What a pass came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<K: Kind> {
    /// Reconciliation has begun.
    Progressing,
    /// Callers are served. With a problem, something else waits or needs the user.
    Serving(Box<K::Serving>, Option<Problem>),
    /// The object is not as its spec asks.
    Failing(Problem),
    /// The room has ended.
    Expired,
    /// Something is being confirmed; what was reported stands.
    Unchanged,
    /// The deletion waits for this.
    Deleting(Problem),
    /// Another installation owns the object, and nothing is written to it.
    OwnedElsewhere(Problem),
    /// The object is gone, or owns nothing.
    Done,
}

impl<K: Kind> Outcome<K> {
    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Failing(problem) | Self::Deleting(problem) | Self::OwnedElsewhere(problem) => {
                Some(problem)
            }
            Self::Serving(_, problem) => problem.as_ref(),
            Self::Progressing | Self::Expired | Self::Unchanged | Self::Done => None,
        }
    }

    /// Whether it says anew what is wrong, or that nothing is.
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        !matches!(self, Self::Progressing | Self::Unchanged | Self::Done)
    }
}

impl<K: Kind> Look<K> {
    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Access => "look-access",
            Self::Of(look) => look.name(),
        }
    }
}

impl<K: Kind> Step<K> {
    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddFinalizer => "add-finalizer",
            Self::Record(..) => "record",
            Self::Report(_) => "report",
            Self::Release(_) => "release",
            Self::Of(step) => step.name(),
        }
    }
}

/// What a deletion says while it waits for the quiet period. It does not count down: each other
/// sentence would be a write of the status.
pub const MAY_TAKE_EFFECT: &str =
    "Waiting: a request that Daily did not answer may still take effect.";

/// The pass ends.
#[must_use]
pub fn rest<K: Kind>(outcome: Outcome<K>, requeue: Requeue) -> Plan<K> {
    Plan::Rest(Rest { outcome, requeue })
}

/// The pass ends with a problem.
#[must_use]
pub fn failing<K: Kind>(problem: Problem, requeue: Requeue) -> Plan<K> {
    rest(Outcome::Failing(problem), requeue)
}

/// The record is replaced now.
#[must_use]
pub fn record<K: Kind>(record: Record, change: Change) -> Plan<K> {
    Plan::Act(Step::Record(record, change, Written::Now))
}

/// What a create asks for is noted before it is sent, unless it is already.
#[must_use]
pub fn note<K: Kind>(owned: &Record, claim: &Claim, sent: Value) -> Option<Plan<K>> {
    if claim.sent.contains(&sent) {
        return None;
    }
    let mut all = claim.sent.clone();
    all.push(sent);
    all.drain(..all.len().saturating_sub(MOST_SENT));
    let claim = Claim {
        sent: all,
        ..claim.clone()
    };
    let noted = Record {
        claim: Some(claim),
        ..owned.clone()
    };
    Some(record(noted, Change::Sent))
}

/// What comes next.
#[must_use]
pub fn plan<K: Kind>(view: &View<K>) -> Plan<K> {
    let planned = match view.meta.deleting {
        Some(_) => delete(view),
        None => keep(view),
    };
    let planned = planned.unwrap_or_else(|first| first);
    // The finalizer comes before the first record: what is recorded has to be deleted.
    let records = matches!(planned, Plan::Act(Step::Record(..)));
    if records && !view.meta.has_finalizer() && view.meta.deleting.is_none() {
        return Plan::Act(Step::AddFinalizer);
    }
    planned
}

/// What comes next for an object that stays; an error is what comes before that.
fn keep<K: Kind>(view: &View<K>) -> Result<Plan<K>, Plan<K>> {
    other_installation(view)?;
    let spec = readable_spec(view)?;
    if let Some(plan) = K::before_access(view, spec) {
        return Ok(plan);
    }
    let domain = proven_domain(view)?;
    let Some(record) = view.record() else {
        return Ok(K::claim(view, spec, domain));
    };
    another_name(view, record)?;
    if !view.meta.has_finalizer() {
        return Err(Plan::Act(Step::AddFinalizer));
    }
    if view.status.common().conditions.is_empty() {
        return Err(Plan::Act(Step::Report(Outcome::Progressing)));
    }
    Ok(match (&record.made, &record.claim) {
        (Some(made), _) => K::keep(view, spec, domain, record, made),
        (None, Some(claim)) => K::create(view, spec, record, claim),
        (None, None) => K::claim_again(view, spec, record),
    })
}

/// What comes next for an object that goes; an error is what comes before that.
fn delete<K: Kind>(view: &View<K>) -> Result<Plan<K>, Plan<K>> {
    if !view.meta.has_finalizer() {
        return Ok(rest(Outcome::Done, Requeue::OnChange));
    }
    other_installation(view)?;
    let owned = view
        .record()
        .map(|it| it.claim.is_some() || it.made.is_some() || it.former_id.is_some());
    if !owned.unwrap_or_else(|| K::may_own_unrecorded(view)) {
        return Ok(K::release(view, Release::Clean));
    }
    if view.deletion.retain {
        return Ok(K::release(view, Release::Retained));
    }
    if let Some(plan) = K::before_delete(view) {
        return Ok(plan);
    }
    let domain = match &view.access {
        None => return Err(Plan::Look(Look::Access)),
        Some(Ok(domain)) => domain,
        Some(Err(problem)) => return Err(keyless(view, problem)),
    };
    wrong_domain(view, domain)?;
    Ok(K::delete(view))
}
