//! The accounts at Daily: their API keys, their listings, and whether their writes have ended.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kube::ResourceExt;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::Context;
use super::after_previous_leader::{trusted_from, used_up};
use crate::clock;
use crate::daily::account::listings::{Expected, ExpectedRoom};
use crate::daily::account::{Account, Setup};
use crate::daily::evidence::replica_lag;
use crate::keys::Keys;
use crate::reconcile::meta::Meta;
use crate::reconcile::steps::CACHE_RETRY;
use crate::reconcile::{self, Kind};
use crate::room::{self, Rooms};

/// The pause after a panic: long enough that a defect does not use up Daily's rate limit.
const AFTER_PANIC: Duration = Duration::from_secs(30);

/// The tasks that list the rooms, one for each account.
pub(super) type Listings = Arc<Mutex<JoinSet<()>>>;

/// The API keys. The first key of a domain starts the listings of its account.
pub(super) fn keys(context: &Context, rooms: Rooms, listings: Listings) -> Keys {
    let setup = Setup {
        client: context.daily.clone(),
        gate: context.gate.clone(),
        metrics: context.metrics.clone(),
        stop: context.stop.clone(),
        used_up: used_up(&context.takeover),
        replica_lag: replica_lag(context.config.quiet_period),
        cluster_id: context.own.cluster_id.clone(),
    };
    let expected: Expected = Arc::new(move |domain| expected(&rooms, domain));
    let interval = context.config.drift_interval;
    let watches = context.metrics.health().watches.clone();
    let new_account = move |domain, key, on_refused| {
        let account = Account::new(domain, key, setup.clone(), on_refused);
        let (listed, expected) = (Arc::clone(&account), Arc::clone(&expected));
        let mut listings = listings.lock();
        // A JoinSet keeps ended tasks until they are joined.
        while listings.try_join_next().is_some() {}
        let watches = watches.clone();
        listings.spawn(async move {
            // Without all DailyRooms, a listing shows no mass loss.
            while !watches.are_filled() {
                tokio::time::sleep(CACHE_RETRY).await;
            }
            keep_listing(listed, interval, expected).await;
        });
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

/// Lists the rooms of an account until nobody uses it. The listings survive a panic.
async fn keep_listing(account: Arc<Account>, interval: Duration, expected: Expected) {
    loop {
        let listing = account.keep_listing(interval, Arc::clone(&expected));
        if AssertUnwindSafe(listing).catch_unwind().await.is_ok() {
            return;
        }
        let domain = &account.domain().name;
        tracing::error!(
            domain,
            "Listing the rooms panicked; the operator retries it"
        );
        tokio::time::sleep(AFTER_PANIC).await;
    }
}

/// The rooms that a listing of this domain must contain, as the objects have recorded them.
fn expected(rooms: &Rooms, domain: &str) -> Vec<ExpectedRoom> {
    let now = clock::wall().as_second();
    rooms
        .iter()
        .flat_map(|store| store.state())
        .filter_map(|it| room::expected(&it, domain, now))
        .collect()
}

/// What the objects have recorded.
#[derive(Default)]
pub(super) struct Recorded {
    /// Namespaces with the ids of their domains.
    domains: HashSet<(String, String)>,
    /// Names of rooms, and phone numbers, also those that objects wait for.
    names: HashSet<String>,
}

impl Recorded {
    /// Adds the records of the objects of a kind, also those that a watch does not show yet.
    pub(super) fn add<K: Kind>(&mut self, context: &reconcile::Context<K>) {
        for object in context.objects.iter().flat_map(|store| store.state()) {
            let newer = context.memories.newer(&*object);
            let Some(record) = newer.as_ref().unwrap_or(&object.recorded).record() else {
                // It may wait for a name that something else has: listings show for how long.
                let names =
                    Meta::of(&*object).map(|it| K::own_names(&context.own, &it, &object.names));
                self.names.extend(names.into_iter().flatten());
                continue;
            };
            let namespace = object.namespace().unwrap_or_default();
            self.names.insert(record.name.clone());
            self.domains.insert((namespace, record.domain_id.clone()));
        }
    }

    /// Lets keys and accounts forget what no record names.
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

/// Whether the outcomes of all writes to Daily are known, of this leader and of the previous one.
pub(super) fn outcomes_known(context: &Context, keys: &Keys) -> bool {
    let quiet_period = context.config.quiet_period;
    let now = clock::now();
    let accounts = keys.accounts();
    now >= trusted_from(&context.takeover, quiet_period)
        && accounts
            .iter()
            .all(|it| it.evidence().outcomes_known(now, quiet_period))
}
