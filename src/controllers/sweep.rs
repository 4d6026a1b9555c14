//! Finds rooms at Daily that no DailyRoom has (S8), and reports them. With `--orphan-policy=delete` it deletes
//! those of which this process knows that nobody kept them.

pub(super) mod deletions;
mod orphans;

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use kube::Client;
use tracing::{error, info, warn};

use self::deletions::{Deletion, Deletions};
use self::orphans::{Sweep, Verdict};
use super::Context;
use super::sources::PAGE_SIZE;
use crate::cause::{Recurring, chain};
use crate::clock;
use crate::daily::account::Account;
use crate::daily::account::presence::RECONNECTS;
use crate::daily::types::Domain;
use crate::effect::{Blocked, Check};
use crate::k8s::{KubeError, for_each_object, get_object};
use crate::keys::{For, Keys, Session};
use crate::reconcile::meta::{Identity, Meta};
use crate::reconcile::object::Object;
use crate::room::{self, Room, Rooms};

/// The sweeps of all accounts.
struct Sweeper {
    context: Context,
    keys: Arc<Keys>,
    rooms: Rooms,
    deletions: Deletions,
    sweeps: HashMap<Domain, Sweep>,
    problem: Recurring,
}

/// Looks for orphans after each listing of an account. Survives a panic. Never returns.
pub(super) fn keep_sweeping(
    context: &Context,
    keys: &Arc<Keys>,
    rooms: Rooms,
    deletions: Deletions,
) -> impl Future<Output = ()> + Send + 'static {
    let interval = context.config.drift_interval;
    let mut sweeper = Sweeper {
        context: context.clone(),
        keys: Arc::clone(keys),
        rooms,
        deletions,
        sweeps: HashMap::new(),
        problem: Recurring::default(),
    };
    async move {
        loop {
            tokio::time::sleep(interval).await;
            let sweeping = AssertUnwindSafe(sweeper.sweep_all());
            if sweeping.catch_unwind().await.is_err() {
                error!("Looking for orphans panicked; the operator retries it");
            }
        }
    }
}

impl Sweeper {
    async fn sweep_all(&mut self) {
        let accounts = self.keys.accounts();
        for account in &accounts {
            self.sweep(account).await;
        }
        self.deletions.retain(|_, deletion| {
            let mut domains = accounts.iter().map(|it| it.domain());
            domains.any(|it| it.id == deletion.domain_id)
        });
        self.sweeps.retain(|domain, _| {
            let in_use = accounts.iter().any(|it| it.domain() == domain);
            if !in_use {
                self.context.metrics.orphans(&domain.name, None);
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
            for name in objects.flat_map(|it| names_of(&self.context.own, &it)) {
                marked.unknown.remove(&name);
            }
        }
        let mut sweep = self.sweeps.remove(domain).unwrap_or_default();
        sweep.listed(begun, marked);
        self.deletions
            .retain(|room, it| it.domain_id != domain.id || it.at >= begun || sweep.shows(room));
        let suspects = sweep.suspects(self.context.config.orphan_age, clock::now());
        if !suspects.is_empty()
            && let Some(orphans) = self.without_objects(suspects).await
        {
            report(&domain.name, sweep.compared(&orphans, clock::now()));
            if self.context.config.deletes_orphans && self.context.gate.writes() {
                self.delete_orphans(domain, &mut sweep).await;
            }
        }
        let metrics = &self.context.metrics;
        metrics.orphans(&domain.name, Some(sweep.orphans()));
        self.sweeps.insert(domain.clone(), sweep);
    }

    /// The [`unclaimed`] among these names; `None` if the API server does not list the DailyRooms.
    async fn without_objects(&mut self, names: HashSet<String>) -> Option<HashSet<String>> {
        match unclaimed(&self.context.client, &self.context.own, names).await {
            Ok(names) => {
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

    /// Deletes the orphans of which this process knows that nobody kept them, one after the other. The next
    /// comparison decides anew about those that it did not delete, or of which Daily did not say so.
    async fn delete_orphans(&self, domain: &Domain, sweep: &mut Sweep) {
        let deletable = sweep.deletable(&domain.id, |room| self.deletions.get(room));
        for (room, deletion) in deletable {
            let (domain, id) = (&domain.name, deletion.id.clone());
            match self.delete_orphan(&room, deletion).await {
                Ok(()) => {
                    sweep.deleted(&room);
                    info!(domain, room, id, "Orphaned room deleted");
                }
                Err(cause) => {
                    info!(domain, room, id, cause, "Orphaned room not deleted");
                }
            }
        }
    }

    /// Deletes an orphan with the API key that would serve its DailyRoom now. Returns why it did not.
    async fn delete_orphan(&self, room: &str, deletion: Deletion) -> Result<(), String> {
        let (namespace, key) = (&deletion.namespace, deletion.key.as_ref());
        let session = self.keys.session(For::Rooms, namespace, key).await;
        let Session { account, key, .. } = session.map_err(|error| chain(&error))?;
        if account.domain().id != deletion.domain_id {
            return Err("the API key belongs to another Daily domain".to_owned());
        }
        if !account.is_empty(&key, room).await {
            return Err(Blocked::Occupied.to_string());
        }
        let pause = RECONNECTS.min(self.context.config.quiet_period);
        tokio::time::sleep(pause).await;
        let (room, id) = (room.to_owned(), deletion.id.clone());
        let check = self.still_an_orphan(room.clone(), deletion);
        let deleted = account.delete_orphan(key, room, id, check).await;
        deleted.map_err(|error| chain(&error))
    }

    /// The live check: no DailyRoom of the cluster has the room, and none has had it since.
    fn still_an_orphan(&self, room: String, deletion: Deletion) -> Check {
        let (client, own) = (self.context.client.clone(), self.context.own.clone());
        let deletions = self.deletions.clone();
        Check::live(async move {
            let unclaimed = unclaimed(&client, &own, HashSet::from([room.clone()])).await;
            let is_unclaimed = !unclaimed.map_err(Blocked::Unchecked)?.is_empty();
            // The list of many objects takes seconds. Only this object can have the derived name.
            let (namespace, name) = (&deletion.namespace, &deletion.name);
            let read = get_object::<Object<Room>>(&client, namespace, name).await;
            let is_gone = read.map_err(Blocked::Unchecked)?.is_none();
            match is_unclaimed && is_gone && deletions.get(&room) == Some(deletion) {
                true => Ok(()),
                false => Err(Blocked::Changed("a DailyRoom has the room again")),
            }
        })
    }
}

/// Which of these names no DailyRoom of the cluster has, as the API server lists them now, in all namespaces.
async fn unclaimed(
    client: &Client,
    own: &Identity,
    mut names: HashSet<String>,
) -> Result<HashSet<String>, KubeError> {
    let listed = for_each_object(client, PAGE_SIZE, |object: Object<Room>| {
        for name in names_of(own, &object) {
            names.remove(&name);
        }
    });
    listed.await.map(|()| names)
}

/// The names that a DailyRoom has or may get back: the recorded one, and the one that is derived from the
/// object.
fn names_of(own: &Identity, object: &Object<Room>) -> impl Iterator<Item = String> + use<> {
    let recorded = object.recorded.record().map(|it| it.name.clone());
    let derived = Meta::of(object).map(|it| room::derived_name(own, &it));
    recorded.into_iter().chain(derived)
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
