//! What has to hold before an object is reconciled, whatever its kind. No I/O.
//!
//! Each guard gives what it checks, or as its error the plan that comes instead.

use std::time::Duration;

use super::Kind;
use super::plan::{Change, Look, Outcome, Plan, Release, failing, record, rest};
use super::problem::{Problem, Requeue, ResolvedBy};
use super::record::{Record, Recorded};
use super::view::View;
use crate::crd::Status;
use crate::crd::condition::Reason;
use crate::daily::types::Domain;
use crate::keys::KeyProblem;

/// A missing key is looked for this soon, then half as often each time, up to [`KEY_LAST`]: no watch
/// shows a Secret that is not ours, and whoever creates it should not wait for long.
const KEY_FIRST: Duration = Duration::from_secs(5);
/// See [`KEY_FIRST`].
const KEY_LAST: Duration = Duration::from_secs(30);
/// How often an object of another installation is looked at: its owner may give it up.
const OWNED_ELSEWHERE: Duration = Duration::from_secs(60);
/// A deletion without a usable key is given up this many seconds after it was requested, and not
/// before: whoever rotates a key, or restores a Secret, needs minutes.
const KEYLESS_FOR: i64 = 600;
/// And only when a definite answer was repeated.
const KEYLESS_ANSWERS: u32 = 2;

/// Another installation's object is left alone, unless its administrator said otherwise.
pub(super) fn other_installation<K: Kind>(view: &View<K>) -> Result<(), Plan<K>> {
    let Some(found) = view.recorded.record() else {
        return Ok(());
    };
    let (theirs, ours) = (&found.installation_id, &view.own.installation_id);
    let known = view.record().or(view.former_record());
    if theirs == ours || known.is_none() {
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
        "The installation {theirs} of the operator owns this object; this installation is {ours} and does not \
         change it. If that installation is gone for good, start this one with \
         --take-over-installation-ids={theirs} (chart value takeOverInstallationIds)."
    );
    let problem = Problem::new(Reason::OtherInstallation, ResolvedBy::User, message);
    let requeue = Requeue::After(OWNED_ELSEWHERE);
    Err(rest(Outcome::OwnedElsewhere(problem), requeue))
}

/// The spec, and a record that can be read.
pub(super) fn readable_spec<K: Kind>(view: &View<K>) -> Result<&K::Spec, Plan<K>> {
    let invalid = |message: String| {
        let problem = Problem::new(Reason::InvalidSpec, ResolvedBy::User, message);
        failing(problem, Requeue::AtDrift(None))
    };
    if view.recorded == Recorded::Unreadable {
        return Err(invalid(
            "status.record cannot be read by this version of the operator, which changes nothing as long as that is \
             so. Run the version that wrote it, or restore the status from a backup."
                .to_owned(),
        ));
    }
    view.spec.as_ref().map_err(|it| invalid(it.0.clone()))
}

/// The domain of the key in force, which must be the one that holds what the object owns.
pub(super) fn proven_domain<K: Kind>(view: &View<K>) -> Result<&Domain, Plan<K>> {
    let Some(access) = &view.access else {
        return Err(Plan::Look(Look::Access));
    };
    let domain = access.as_ref().map_err(|problem| {
        let resolved_by = match problem.reason {
            Reason::Unauthorized | Reason::InvalidSpec => ResolvedBy::User,
            // Once something is made, a key that is gone is not one that is still to come.
            Reason::ApiKeyNotFound | Reason::ApiKeyNotAllowed if view.made_id().is_some() => {
                ResolvedBy::User
            }
            Reason::ApiKeyNotFound | Reason::ApiKeyNotAllowed => ResolvedBy::Waiting,
            _ => ResolvedBy::Retry,
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
                "The API key in force belongs to the Daily domain {}, but the {} is in the domain {name}. Use an API \
                 key of {name}, or create another {}.",
                domain.name,
                K::THING,
                K::NAME,
            );
            let problem = Problem::new(Reason::AccountChanged, ResolvedBy::User, message);
            Err(failing(problem, key_requeue(view)))
        }
        _ => Ok(domain),
    }
}

/// When to look for a key again.
pub(super) fn key_requeue<K: Kind>(view: &View<K>) -> Requeue {
    let doublings = view.memory.key_problems.saturating_sub(1).min(4);
    Requeue::After((KEY_FIRST * 2u32.saturating_pow(doublings)).min(KEY_LAST))
}

/// The recorded name never changes.
pub(super) fn another_name<K: Kind>(view: &View<K>, record: &Record) -> Result<(), Plan<K>> {
    let own = K::own_name(view);
    if own.as_ref().is_none_or(|own| *own == record.name) {
        return Ok(());
    }
    let message = format!(
        "The {} is recorded as {}, but the spec gives it the name {}, and a name cannot change. If the cluster id was \
         changed, set it back with --cluster-id; otherwise create another {}.",
        K::THING,
        record.name,
        own.unwrap_or_default(),
        K::NAME,
    );
    let problem = Problem::new(Reason::InvalidSpec, ResolvedBy::User, message);
    Err(failing(problem, Requeue::AtDrift(None)))
}

/// The key in force is of the domain that holds what is to be deleted.
pub(super) fn wrong_domain<K: Kind>(view: &View<K>, domain: &Domain) -> Result<(), Plan<K>> {
    if view.recorded_domain().is_none_or(|id| id == domain.id) {
        return Ok(());
    }
    let message = format!(
        "the API key in force belongs to the Daily domain {}, and the {} is in another one",
        domain.name,
        K::THING
    );
    let problem = KeyProblem {
        reason: Reason::AccountChanged,
        message,
        definite: true,
    };
    Err(keyless(view, &problem))
}

/// There is no key to delete with, and no earlier one is remembered.
pub(super) fn keyless<K: Kind>(view: &View<K>, problem: &KeyProblem) -> Plan<K> {
    let KeyProblem {
        reason,
        message,
        definite,
    } = problem;
    if *definite && view.memory.keyless_answers >= KEYLESS_ANSWERS {
        let why = format!(
            "No API key could delete the {}, which stays at Daily{}: {message}",
            K::owned(view),
            K::UNTIL,
        );
        return K::release(view, Release::Orphaned(why));
    }
    let resolved_by = match definite {
        true => ResolvedBy::User,
        false => ResolvedBy::Retry,
    };
    let message = format!("The {} cannot be deleted yet: {message}", K::THING);
    let problem = Problem::new(*reason, resolved_by, message);
    rest(Outcome::Deleting(problem), key_requeue(view))
}

/// Whether a definite answer that there is no key counts towards giving a deletion up.
pub(super) fn counts_as_keyless<K: Kind>(view: &View<K>) -> bool {
    let since = view.meta.deleting.unwrap_or(view.now.wall);
    let waited = view.now.wall.saturating_sub(since) >= KEYLESS_FOR;
    view.meta.deleting.is_some() && waited
}
