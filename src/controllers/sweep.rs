//! Finds rooms at Daily that no DailyRoom has (S8), and reports them. It deletes nothing.

mod orphans;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tracing::{error, warn};

use self::orphans::{Sweep, Verdict};
use super::Context;
use super::sources::PAGE_SIZE;
use crate::cause::{Recurring, chain};
use crate::clock;
use crate::daily::account::Account;
use crate::daily::types::Domain;
use crate::k8s::for_each_object;
use crate::keys::Keys;
use crate::reconcile::meta::Meta;
use crate::reconcile::object::Object;
use crate::room::{self, Room, Rooms};

/// The sweeps of all accounts.
struct Sweeper {
    context: Context,
    rooms: Rooms,
    sweeps: HashMap<Domain, Sweep>,
    problem: Recurring,
}

/// Looks for orphans after each listing of an account. Survives a panic. Never returns.
pub(super) fn keep_sweeping(
    context: &Context,
    keys: &Arc<Keys>,
    rooms: Rooms,
) -> impl Future<Output = ()> + Send + 'static {
    let (interval, keys) = (context.config.drift_interval, Arc::clone(keys));
    let mut sweeper = Sweeper {
        context: context.clone(),
        rooms,
        sweeps: HashMap::new(),
        problem: Recurring::default(),
    };
    async move {
        loop {
            tokio::time::sleep(interval).await;
            let accounts = keys.accounts();
            let sweeping = AssertUnwindSafe(sweeper.sweep_all(&accounts));
            if sweeping.catch_unwind().await.is_err() {
                error!("Looking for orphans panicked; the operator retries it");
            }
        }
    }
}

impl Sweeper {
    async fn sweep_all(&mut self, accounts: &[Arc<Account>]) {
        for account in accounts {
            self.sweep(account).await;
        }
        self.sweeps.retain(|domain, _| {
            let in_use = accounts.iter().any(|it| it.domain() == domain);
            if !in_use {
                self.context.metrics.forget_orphans(&domain.name);
            }
            in_use
        });
    }

    async fn sweep(&mut self, account: &Account) {
        let Some((begun, mut marked)) = account.take_marked() else {
            return;
        };
        let domain = account.domain();
        if !marked.unknown.is_empty() {
            let objects = self.rooms.iter().flat_map(|store| store.state());
            for name in objects.flat_map(|it| self.names(&it)) {
                marked.unknown.remove(&name);
            }
        }
        let mut sweep = self.sweeps.remove(domain).unwrap_or_default();
        sweep.listed(begun, marked);
        let suspects = sweep.suspects(self.context.config.orphan_age, clock::now());
        if !suspects.is_empty()
            && let Some(orphans) = self.without_objects(suspects).await
        {
            report(&domain.name, sweep.compared(&orphans, clock::now()));
        }
        let metrics = &self.context.metrics;
        metrics.orphans(&domain.name, sweep.orphans());
        self.sweeps.insert(domain.clone(), sweep);
    }

    /// The names that a DailyRoom has or may get back: the recorded one, and the one that is derived from
    /// the object.
    fn names(&self, object: &Object<Room>) -> impl Iterator<Item = String> + use<> {
        let recorded = object.recorded.record().map(|it| it.name.clone());
        let derived = Meta::of(object).map(|it| room::derived_name(&self.context.own, &it));
        recorded.into_iter().chain(derived)
    }

    /// Which of these names no DailyRoom of the cluster has, as the API server lists them now, in all
    /// namespaces. `None` if it does not list them.
    async fn without_objects(&mut self, mut names: HashSet<String>) -> Option<HashSet<String>> {
        let client = self.context.client.clone();
        let listed = for_each_object(&client, PAGE_SIZE, |object: Object<Room>| {
            for name in self.names(&object) {
                names.remove(&name);
            }
        });
        match listed.await {
            Ok(()) => {
                self.problem.succeeded();
                Some(names)
            }
            Err(error) => {
                let error = chain(&error);
                if self.problem.failed(&error) {
                    warn!(
                        error,
                        "The operator cannot list the DailyRooms of all namespaces, so it reports no orphans"
                    );
                }
                None
            }
        }
    }
}

fn report(domain: &str, verdict: Verdict) {
    match verdict {
        Verdict::Orphans(rooms) => {
            for (room, id) in rooms {
                warn!(domain, room, id, "Room without a DailyRoom");
            }
        }
        Verdict::Refused { orphans, marked } => {
            warn!(domain, orphans, marked, "Sweep refused");
        }
    }
}
