//! How a name at Daily is claimed, the same for both kinds. No I/O.
//!
//! A claim is recorded before the create is sent, so that a create whose answer was lost can be
//! attributed to its object.

use serde_json::Value;

use super::kind::Kind;
use super::record::{Claim, Record};
use super::rivals::Rival;
use super::steps::{Change, Plan, Read, record};
use super::view::View;

/// How many different requests a claim records. Each edit of the spec before the create succeeds adds
/// one; a request older than the last eight can no longer take effect.
const MAX_RECORDED_REQUESTS: usize = 8;

/// The object that holds the name before this one, if any.
pub fn rival<K: Kind>(view: &View<K>) -> Result<Option<&Rival>, Plan<K>> {
    let rival = view.rival.as_ref().ok_or(Plan::Read(Read::Rival))?;
    Ok(rival.as_ref())
}

/// Records what a create asks for before it is sent, unless it is recorded already.
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
        ..claim.clone()
    };
    Err(record(owned.with_claim(claim), Change::Sent))
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
