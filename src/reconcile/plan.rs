//! What to do next for an object of either kind. No I/O: pure and total.
//!
//! [`plan`] answers with one thing at a time. A read fills the view, a step writes and updates the
//! view, and both come back here; a rest ends the reconcile with what is reported. After a step of
//! unknown outcome the reconcile ends, and the next one begins with observing.

use super::guards::{
    fixed_name, owned_here, proven_domain, readable_spec, recorded_domain, without_key,
};
use super::lifecycle::Decide;
use super::problem::Requeue;
use super::record::Record;
use super::steps::{Outcome, Plan, Planned, Read, Release, Step};
use super::view::View;
use crate::crd::Status;

/// What comes next.
pub fn plan<K: Decide>(view: &View<K>) -> Plan<K> {
    let planned = match view.meta.deleting {
        Some(_) => delete(view),
        None if view.suspended => suspended(view),
        None => reconcile(view),
    };
    let planned = planned.unwrap_or_else(|first| first);
    // The finalizer is added before the first record: what is recorded has to be deleted.
    let records = matches!(planned, Plan::Act(Step::Record(..)));
    if records && !view.meta.has_finalizer && view.meta.deleting.is_none() {
        return Plan::Act(Step::AddFinalizer);
    }
    planned
}

/// What comes next for an object that is not being deleted.
fn reconcile<K: Decide>(view: &View<K>) -> Planned<K> {
    owned_here(view)?;
    let spec = readable_spec(view)?;
    K::before_access(view, spec)?;
    let domain = proven_domain(view)?;
    let Some(record) = view.record() else {
        return K::claim(view, spec, domain);
    };
    fixed_name(view, record)?;
    if !view.meta.has_finalizer {
        return Err(Plan::Act(Step::AddFinalizer));
    }
    if view.status.common().conditions.is_empty() {
        return Err(Plan::Act(Step::Report(Outcome::Progressing)));
    }
    match (&record.made, &record.claim) {
        (Some(made), _) => K::keep(view, spec, domain, record, made),
        (None, Some(claim)) => K::create(view, spec, record, claim),
        (None, None) => K::claim_again(view, spec, record),
    }
}

/// What comes next for a suspended object: nothing, until what it owns has ended. Then what shows that is
/// read, as if the object were not suspended, and reported.
fn suspended<K: Decide>(view: &View<K>) -> Planned<K> {
    owned_here(view)?;
    // Somebody removed it. Without it, a deletion would leave behind what the object owns at Daily.
    if !view.meta.has_finalizer && view.record().is_some_and(Record::may_own) {
        return Ok(Plan::Act(Step::AddFinalizer));
    }
    let rest = |requeue| Ok(Plan::Rest(Outcome::Suspended, requeue));
    let end = K::ends_at(view);
    if end.is_none_or(|end| end > view.now.wall) {
        return rest(Requeue::AtDrift(end.map(|end| K::next_time(view, end))));
    }
    match reconcile(view).unwrap_or_else(|first| first) {
        Plan::Rest(_, requeue) => rest(requeue),
        Plan::Act(step) if step != Step::Report(Outcome::Expired) => rest(Requeue::AtDrift(None)),
        reads_or_reports => Ok(reads_or_reports),
    }
}

/// What comes next for an object that is being deleted.
fn delete<K: Decide>(view: &View<K>) -> Planned<K> {
    if !view.meta.has_finalizer {
        return Ok(Plan::Rest(Outcome::Done, Requeue::OnChange));
    }
    owned_here(view)?;
    let owns = view.record().map(Record::may_own);
    if !owns.unwrap_or_else(|| K::may_own_unrecorded(view)) {
        return Ok(K::release(view, Release::Clean));
    }
    if view.retains() {
        K::before_retain(view)?;
        return Ok(K::release(view, Release::Retained));
    }
    K::before_delete(view)?;
    let domain = match &view.access {
        None => return Err(Plan::Read(Read::Access)),
        Some(Ok(domain)) => domain,
        Some(Err(problem)) => return Err(without_key(view, problem)),
    };
    recorded_domain(view, domain)?;
    K::delete(view)
}
