//! The accounts at Daily: their keys, their listings, and whether their writes have ended.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::inherited::{sent_before, trusted_from};
use super::watches::Rooms;
use crate::clock;
use crate::daily::account::{Account, Expected, ExpectedRoom, lock};
use crate::daily::ledger::reads_lag;
use crate::keys::Keys;
use crate::reconcile::object::Object;
use crate::room::Room;
use crate::run::Context;

/// The tasks that list the accounts, one for each.
pub(super) type Listing = Arc<std::sync::Mutex<JoinSet<()>>>;

/// The API keys, and an account with its listings for each domain that one of them proves.
pub(super) fn keys(context: &Context, rooms: Rooms, listing: Listing) -> Keys {
    let sent = sent_before(&context.takeover);
    let expected: Expected = Arc::new(move |domain| expected(&rooms, domain));
    let interval = context.config.drift_interval;
    let lag = reads_lag(context.config.quiet_period);
    let (gate, metrics) = (context.gate.clone(), context.metrics.clone());
    let client = context.daily.clone();
    let new_account = move |domain, key| {
        let account = Account::new(
            domain,
            key,
            client.clone(),
            gate.clone(),
            metrics.clone(),
            sent,
            lag,
        );
        let (listed, expected) = (Arc::clone(&account), Arc::clone(&expected));
        lock(&listing).spawn(async move { listed.keep_listing(interval, expected).await });
        account
    };
    Keys::new(
        context.client.clone(),
        context.daily.clone(),
        context.metrics.clone(),
        context.config.default_key.clone(),
        context.config.lease_namespace.clone(),
        Box::new(new_account),
    )
}

/// The rooms that should be in a listing of this domain: those that are recorded.
fn expected(rooms: &Rooms, domain: &str) -> Vec<ExpectedRoom> {
    let room = |object: Arc<Object<Room>>| {
        let record = object.recorded.record()?;
        let made = record
            .made
            .as_ref()
            .filter(|_| record.domain_id == domain)?;
        Some(ExpectedRoom {
            name: record.name.clone(),
            end: made.end.as_ref()?.at,
        })
    };
    rooms
        .iter()
        .flat_map(|store| store.state())
        .filter_map(room)
        .collect()
}

/// Whether nothing is under way at Daily any more: neither an earlier leader's writes nor our own may
/// still be done.
pub(super) fn is_settled(context: &Context, keys: &Keys) -> bool {
    let quiet = context.config.quiet_period;
    let now = clock::now();
    let trusted = trusted_from(&context.takeover, quiet);
    now >= trusted && keys.accounts().iter().all(|it| it.settled(now, quiet))
}
