//! How a name at Daily is claimed, the same for both kinds. No I/O.
//!
//! A claim is recorded before the create is sent, and each request right before it is sent, so that a
//! create whose answer was lost can be attributed to its object. A claim that records no request proves
//! nothing: what has its name was created by somebody else, for example from the same manifest in
//! another cluster.

use serde_json::Value;

use super::kind::Kind;
use super::problem::{Problem, Requeue, ResolvedBy};
use super::record::{Claim, Record};
use super::steps::{
    Change, MARGIN, MAY_TAKE_EFFECT, Plan, Read, Step, Written, deletion_waits, failing, record,
};
use super::view::{Rival, View};
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::daily::evidence::CreateAttempts;

/// How many different requests a claim records. Each edit of the spec before the create succeeds adds
/// one; a request older than the last eight can no longer take effect.
const MAX_RECORDED_REQUESTS: usize = 8;

/// The object that holds the name before this one, if any. Whichever has claimed it does once Daily has refused
/// what this one asked for.
pub fn rival<K: Kind>(view: &View<K>) -> Result<Option<&Rival>, Plan<K>> {
    let holds = view.record().is_none_or(Record::holds_name);
    Ok(holder(view)?.filter(|it| it.is_first || !holds))
}

/// Any other object that claims or owns the name. What exists may be what it has just created, or will create
/// next, so it matters before a claim or an adoption even if it came later.
pub fn holder<K: Kind>(view: &View<K>) -> Result<Option<&Rival>, Plan<K>> {
    let rival = view.rival.as_ref().ok_or(Plan::Read(Read::Rival))?;
    Ok(rival.as_ref())
}

/// What an object with the operator's default key needs to adopt what exists.
pub const ADOPTION_NEEDS: &str = "set apiKeySecretRef to a Secret in this namespace with an API key of the Daily \
                                  account, or ask the operator's administrator to set \
                                  --allow-adoption-with-default-key (chart value daily.apiKey.allowAdoption)";

/// How the user lets the object adopt what exists.
pub fn how_to_adopt<K: Kind>(view: &View<K>) -> String {
    let policy = "set adoptionPolicy to AdoptOrCreate";
    match view.key_may_adopt {
        true => policy.to_owned(),
        false => format!("{policy}, and {ADOPTION_NEEDS}"),
    }
}

/// Records what a create asks for right before it is sent, unless it is recorded already.
pub fn record_request<K: Kind>(
    owned: &Record,
    claim: &Claim,
    request: Value,
) -> Result<(), Plan<K>> {
    if claim.sent.contains(&request) {
        return Ok(());
    }
    let mut sent = claim.sent.clone();
    sent.push(request);
    sent.drain(..sent.len().saturating_sub(MAX_RECORDED_REQUESTS));
    let claim = Claim {
        sent,
        refused: false,
        ..claim.clone()
    };
    Err(record(owned.with_claim(claim), Change::Sent))
}

/// No earlier write to the name may still take effect, whichever object sent it: a late DELETE would hit
/// what is created or adopted now. A create of our own may, because the name can exist only once. `inherited` is
/// until when writes of an earlier leader count.
pub fn no_late_write<K: Kind>(view: &View<K>, inherited: Option<Moment>) -> Result<(), Plan<K>> {
    match view.evidence.create_attempts {
        CreateAttempts::Unknown => Ok(()),
        _ => none_may_take_effect(view, inherited),
    }
}

/// The same, and no create of our own may.
pub fn none_may_take_effect<K: Kind>(
    view: &View<K>,
    inherited: Option<Moment>,
) -> Result<(), Plan<K>> {
    let unknown = view.evidence.unknown_write;
    let until = unknown.map(|at| at.after(view.quiet_period)).max(inherited);
    let Some(until) = until.filter(|until| *until > view.now.moment) else {
        return Ok(());
    };
    let wait = view.now.moment.until(until) + MARGIN;
    if view.meta.deleting.is_some() {
        return Err(deletion_waits(MAY_TAKE_EFFECT, wait));
    }
    let problem = Problem::new(Reason::Progressing, ResolvedBy::Waiting, MAY_TAKE_EFFECT);
    Err(failing(problem, Requeue::After(wait)))
}

/// Drops the recorded requests once Daily has refused each of them: none can take effect any more, and until the next
/// one another object may claim the name.
pub fn forget_refused<K: Kind>(
    view: &View<K>,
    owned: &Record,
    claim: &Claim,
) -> Result<(), Plan<K>> {
    if claim.sent.is_empty() || view.create_may_have_succeeded() {
        return Ok(());
    }
    let claim = Claim {
        sent: Vec::new(),
        refused: true,
        ..claim.clone()
    };
    let forgotten = owned.with_claim(claim);
    Err(Plan::Act(Step::Record(
        Box::new(forgotten),
        Change::Sent,
        Written::WithStatus,
    )))
}

/// Withdraws the claim of a name that something else has. If a create of ours may still take effect,
/// the claim stays, so that what it creates is recognized, and `otherwise` comes next.
pub fn withdraw<K: Kind>(view: &View<K>, owned: &Record, otherwise: Plan<K>) -> Plan<K> {
    if view.create_may_have_succeeded() {
        return otherwise;
    }
    let withdrawn = Record {
        claim: None,
        ..owned.clone()
    };
    record(withdrawn, Change::Withdrawn)
}
