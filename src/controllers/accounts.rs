//! The accounts at Daily: their keys, their listings, and whether their writes have ended.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kube::ResourceExt;
use kube::runtime::reflector::Store;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::inherited::{sent_before, trusted_from};
use super::watches::Rooms;
use crate::clock;
use crate::daily::account::listings::{Expected, ExpectedRoom};
use crate::daily::account::{Account, Setup};
use crate::daily::evidence::replica_lag;
use crate::keys::Keys;
use crate::reconcile::Kind;
use crate::reconcile::object::Object;
use crate::room::Room;
use crate::run::Context;

/// After a panic an account is listed again this much later.
const AFTER_PANIC: Duration = Duration::from_secs(30);

/// The tasks that list the accounts, one for each.
pub(super) type Listing = Arc<Mutex<JoinSet<()>>>;

/// The API keys, and an account with its listings for each domain that one of them proves.
pub(super) fn keys(context: &Context, rooms: Rooms, listing: Listing) -> Keys {
    let setup = Setup {
        client: context.daily.clone(),
        gate: context.gate.clone(),
        metrics: context.metrics.clone(),
        used: sent_before(&context.takeover),
        replica_lag: replica_lag(context.config.quiet_period),
    };
    let expected: Expected = Arc::new(move |domain| expected(&rooms, domain));
    let interval = context.config.drift_interval;
    let new_account = move |domain, key, on_refused| {
        let account = Account::new(domain, key, setup.clone(), on_refused);
        let (listed, expected) = (Arc::clone(&account), Arc::clone(&expected));
        let mut listing = listing.lock();
        // What has ended is not kept.
        while listing.try_join_next().is_some() {}
        listing.spawn(keep_listing(listed, interval, expected));
        account
    };
    Keys::new(
        context.client.clone(),
        context.daily.clone(),
        context.metrics.clone(),
        context.config.default_key.clone(),
        context.config.lease_namespace.clone(),
        new_account,
    )
}

/// Lists the rooms of an account. A panic is not the end of its listings.
async fn keep_listing(account: Arc<Account>, interval: Duration, expected: Expected) {
    loop {
        let listing = account.keep_listing(interval, Arc::clone(&expected));
        if AssertUnwindSafe(listing).catch_unwind().await.is_ok() {
            return;
        }
        let domain = &account.domain().name;
        tracing::error!(domain, "Listing the rooms panicked; it is tried again");
        tokio::time::sleep(AFTER_PANIC).await;
    }
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

/// What the records of objects name.
#[derive(Default)]
pub(super) struct Bound {
    /// A namespace with a domain.
    domains: HashSet<(String, String)>,
    /// Names of rooms, and numbers.
    names: HashSet<String>,
}

impl Bound {
    /// Adds what the records of the objects of a kind name.
    pub(super) fn add<K: Kind>(&mut self, stores: &[Store<Object<K>>]) {
        for object in stores.iter().flat_map(|store| store.state()) {
            let Some(record) = object.recorded.record() else {
                continue;
            };
            let namespace = object.namespace().unwrap_or_default();
            self.names.insert(record.name.clone());
            self.domains.insert((namespace, record.domain_id.clone()));
        }
    }

    /// Forgets of keys and accounts what no object needs any more.
    pub(super) fn forget_others(&self, keys: &Keys) {
        keys.forget_unused(|namespace, domain_id| {
            let domain = (namespace.to_owned(), domain_id.to_owned());
            self.domains.contains(&domain)
        });
        for account in keys.accounts() {
            account.retain(|name| self.names.contains(name));
        }
    }
}

/// Whether nothing is under way at Daily any more: neither an earlier leader's writes nor our own may
/// still be done.
pub(super) fn outcomes_known(context: &Context, keys: &Keys) -> bool {
    let quiet = context.config.quiet_period;
    let now = clock::now();
    let trusted = trusted_from(&context.takeover, quiet);
    now >= trusted
        && keys
            .accounts()
            .iter()
            .all(|it| it.outcomes_known(now, quiet))
}
