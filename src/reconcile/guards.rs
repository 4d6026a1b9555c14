//! What has to hold before an object is reconciled, whatever its kind. No I/O.
//!
//! Each guard returns what it checks, or as its error the plan that has to come first.

use std::time::Duration;

use super::kind::Kind;
use super::lifecycle::Delete;
use super::problem::{Problem, Requeue, ResolvedBy};
use super::record::{Record, Recorded};
use super::steps::{Change, Outcome, Plan, Read, Release, failing, record};
use super::view::View;
use crate::clock::{Moment, doubling};
use crate::crd::Status;
use crate::crd::condition::Reason;
use crate::daily::types::Domain;
use crate::keys::KeyProblem;

/// How soon a missing key is read again at first; each time half as often. The operator does not watch
/// the Secrets of users, and whoever creates one should not wait for long.
const KEY_FIRST_RETRY: Duration = Duration::from_secs(5);
/// How often a missing key is read in the long run.
const KEY_RETRY: Duration = Duration::from_secs(30);
/// How often an object of another installation is checked: that installation may give it up.
const OWNED_ELSEWHERE_RETRY: Duration = Duration::from_secs(60);
/// How long after its request a deletion without a usable key is given up, if this process has found none for as
/// long: rotating a key or restoring a Secret takes minutes.
const KEYLESS_DELETION_TIMEOUT: Duration = Duration::from_secs(600);
/// How long this process must have missed something before it gives up on it, so that an operator that was
/// down for an hour does not give up at its first look.
const LEAST_WAIT: Duration = Duration::from_secs(60);

/// The object does not belong to another installation, or this one takes it over.
pub(super) fn owned_here<K: Kind>(view: &View<K>) -> Result<(), Plan<K>> {
    let Some(found) = view.recorded.record() else {
        return Ok(());
    };
    let (theirs, ours) = (&found.installation_id, &view.own.installation_id);
    let of_this_object = view.record().or(view.former_record());
    if theirs == ours || of_this_object.is_none() {
        return Ok(());
    }
    if view.own.takes_over.contains(theirs) {
        let taken_over = Record {
            installation_id: ours.clone(),
            ..found.clone()
        };
        return Err(record(taken_over, Change::TakenOver));
    }
    let message = format!(
        "The installation {theirs} of the operator owns this object, so this installation ({ours}) does not change it. \
         If that installation no longer exists, start this one with --take-over-installation-ids={theirs} (chart value \
         takeOverInstallationIds)."
    );
    let problem = Problem::for_user(Reason::OtherInstallation, message);
    let requeue = Requeue::After(OWNED_ELSEWHERE_RETRY);
    Err(Plan::Rest(Outcome::OwnedElsewhere(problem), requeue))
}

/// The spec is valid, and the record can be read.
pub(super) fn readable_spec<K: Kind>(view: &View<K>) -> Result<&K::Spec, Plan<K>> {
    let invalid = |message: &str| {
        let problem = Problem::for_user(Reason::InvalidSpec, message);
        failing(problem, Requeue::AtDrift(None))
    };
    if view.recorded == Recorded::Unreadable {
        return Err(invalid(
            "This version of the operator cannot read status.record, so it changes nothing. Run the version that \
             wrote the record, or restore the status from a backup.",
        ));
    }
    view.spec.as_ref().map_err(|it| invalid(&it.0))
}

/// There is an API key, and it belongs to the domain that holds what the object owns.
pub(super) fn proven_domain<K: Kind>(view: &View<K>) -> Result<&Domain, Plan<K>> {
    let Some(access) = &view.access else {
        return Err(Plan::Read(Read::Access));
    };
    let domain = access.as_ref().map_err(|problem| {
        let resolved_by = match problem.reason {
            // A new object may be applied before its key. Later, somebody removed the key.
            Reason::ApiKeyNotFound | Reason::ApiKeyNotAllowed if view.made_id().is_none() => {
                ResolvedBy::Waiting
            }
            _ => ResolvedBy::User,
        };
        let problem = Problem::new(problem.reason, resolved_by, problem.message.clone());
        failing(problem, key_requeue(view))
    })?;
    let recorded = view.record().map(|it| (&it.domain_id, &it.domain_name));
    let reported = view.status.common().account.as_ref();
    let reported = reported.map(|it| (&it.domain_id, &it.domain_name));
    match recorded.or(reported.filter(|_| view.former_record().is_none())) {
        Some((id, name)) if *id != domain.id => {
            let message = format!(
                "The API key belongs to the Daily domain {}, but the {} is in the domain {name}. Use an API key of \
                 {name}, or create another {}.",
                domain.name,
                K::THING,
                K::NAME,
            );
            let problem = Problem::for_user(Reason::AccountChanged, message);
            Err(failing(problem, key_requeue(view)))
        }
        _ => Ok(domain),
    }
}

fn key_requeue<K: Kind>(view: &View<K>) -> Requeue {
    let before = view.memory.key_problems.saturating_sub(1);
    Requeue::After(doubling(KEY_FIRST_RETRY, before, KEY_RETRY))
}

/// The spec names what is recorded.
pub(super) fn fixed_name<K: Kind>(view: &View<K>, record: &Record) -> Result<(), Plan<K>> {
    let own = view.own_name();
    if own.as_ref().is_none_or(|own| *own == record.name) {
        return Ok(());
    }
    let message = format!(
        "The {} is named {} and cannot be renamed to {}. Create another {} for the new name. If the operator's cluster \
         ID has changed, set the earlier one with --previous-cluster-ids.",
        K::THING,
        record.name,
        own.unwrap_or_default(),
        K::NAME,
    );
    let problem = Problem::for_user(Reason::InvalidSpec, message);
    Err(failing(problem, Requeue::AtDrift(None)))
}

/// The API key belongs to the domain that holds what is to be deleted.
pub(super) fn recorded_domain<K: Delete>(view: &View<K>, domain: &Domain) -> Result<(), Plan<K>> {
    if view.recorded_domain().is_none_or(|id| id == domain.id) {
        return Ok(());
    }
    let recorded = view
        .record()
        .map(|it| format!("the domain {}", it.domain_name));
    let message = format!(
        "the API key belongs to the Daily domain {}, but the {} is in {}",
        domain.name,
        K::THING,
        recorded.as_deref().unwrap_or("another domain"),
    );
    let problem = KeyProblem {
        reason: Reason::AccountChanged,
        message,
    };
    Err(without_key(view, &problem))
}

/// There is no key to delete with, and no earlier one is remembered.
pub(super) fn without_key<K: Delete>(view: &View<K>, problem: &KeyProblem) -> Plan<K> {
    if let Err(waits) = no_key_in_time(view, problem) {
        return waits;
    }
    let why = format!(
        "The {} stays at Daily{}, because no API key could delete it: {}",
        view.named_thing(),
        K::UNTIL,
        problem.message,
    );
    K::release(view, Release::Orphaned(why))
}

/// The deletion has waited for an API key for long enough.
pub(crate) fn no_key_in_time<K: Kind>(view: &View<K>, problem: &KeyProblem) -> Result<(), Plan<K>> {
    let KeyProblem { reason, message } = problem;
    let since = view.memory.keyless_since;
    let since = since.filter(|at| at.until(view.now.moment) >= KEYLESS_DELETION_TIMEOUT);
    // Without a key nobody can ask for Daily's clock, and ours alone may be ahead.
    let timeout = KEYLESS_DELETION_TIMEOUT.as_secs().cast_signed();
    if has_waited(view, view.meta.deleting, since, timeout) {
        return Ok(());
    }
    let message = format!(
        "The {} cannot be deleted yet: {message}. After ten minutes without a usable key the operator gives up.",
        K::NAME
    );
    let problem = Problem::for_user(*reason, message);
    Err(Plan::Rest(Outcome::Deleting(problem), key_requeue(view)))
}

/// Whether something was requested this many seconds ago, and this process has waited for it `since` long enough.
pub(crate) fn has_waited<K: Kind>(
    view: &View<K>,
    requested: Option<i64>,
    since: Option<Moment>,
    timeout: i64,
) -> bool {
    let now = view.now;
    let has_timed_out = requested.is_some_and(|at| now.wall.saturating_sub(at) >= timeout);
    let least = Duration::from_secs(timeout.unsigned_abs()).min(LEAST_WAIT);
    has_timed_out && since.is_some_and(|at| at.until(now.moment) >= least)
}
