//! The controllers, which run while this process is the leader.

mod accounts;
mod after_previous_leader;
mod attached_rooms;
mod sources;
mod sweep;
mod triggers;
mod watch;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::Client;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use self::accounts::{Listings, Recorded, keys, outcomes_known};
use self::after_previous_leader::trusted_from;
use self::attached_rooms::Counter;
use self::sources::{CONCURRENCY, Sources};
use self::sweep::deletions::Deletions;
use self::sweep::keep_sweeping;
use self::triggers::{owner, rooms_of_namespace, rooms_to_reconcile};
use crate::cause::chain;
use crate::concurrency::Permits;
use crate::config::Config;
use crate::daily::client::Client as DailyClient;
use crate::effect::Gate;
use crate::k8s::Events;
use crate::keys::Keys;
use crate::leader::Takeover;
use crate::metrics::Metrics;
use crate::name_locks::NameLocks;
use crate::number::attached_rooms::AttachedRooms;
use crate::number::{self, Number, Publishers};
use crate::reconcile::memory::Memories;
use crate::reconcile::meta::Identity;
use crate::reconcile::object::Object;
use crate::reconcile::{self, Kind, Reconciled, reconcile};
use crate::room::namespaces::Namespaces;
use crate::room::secret_index::SecretIndex;
use crate::room::{self, Room, Rooms};

/// How often the memory of objects that no longer exist is freed.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(300);

/// What the controllers are built from.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) config: Arc<Config>,
    pub(crate) client: Client,
    pub(crate) daily: DailyClient,
    pub(crate) own: Identity,
    pub(crate) gate: Gate,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    pub(crate) takeover: Takeover,
    /// Cancelled when the operator stops.
    pub(crate) stop: CancellationToken,
}

/// Runs the controllers until the operator stops and the last reconcile has ended. Returns whether the
/// next leader may trust that no write to Daily is still in flight.
///
/// # Errors
/// When a controller panics.
pub(crate) async fn run(context: Context) -> Result<bool, JoinError> {
    let sources = Sources::new(&context);
    let deletions = Deletions::new(&context.own);
    let rooms = sources.rooms(&deletions);
    let (numbers, number_changes) = sources.numbers();
    let secret_index = SecretIndex::default();
    let secrets = sources.secrets(&secret_index);
    let (namespace_stores, namespaces): (Vec<_>, Vec<_>) = sources.namespaces().into_iter().unzip();
    let namespace_stores = Namespaces(namespace_stores);
    let room_store: Rooms = rooms.iter().map(Controller::store).collect();
    let number_store: Vec<_> = numbers.iter().map(Controller::store).collect();
    let listings = Listings::default();
    let keys = Arc::new(keys(&context, room_store.clone(), Arc::clone(&listings)));
    let shared = room::Shared {
        numbers: number_store.clone(),
        namespaces: namespace_stores.clone(),
        secrets: secrets.iter().map(|(store, _)| store.clone()).collect(),
        secret_index,
    };
    let room_context = reconcile_context(&context, &keys, room_store.clone(), shared);
    let attached = AttachedRooms::default();
    let of_rooms = room_store.clone();
    let (counter, recounted) = Counter::new(&context, of_rooms, &number_store, attached.clone());
    let shared = number::Shared {
        publishers: publishers(room_store.clone()),
        attached,
    };
    let number_context = reconcile_context(&context, &keys, number_store.clone(), shared);
    let mut running = JoinSet::new();
    let sources_of_rooms = number_changes.into_iter().zip(secrets).zip(namespaces);
    for (rooms, ((numbers, (_, secrets)), namespaces)) in rooms.into_iter().zip(sources_of_rooms) {
        let of_number = rooms_to_reconcile(room_store.clone(), namespace_stores.clone());
        let of_namespace = rooms_of_namespace(
            room_store.clone(),
            number_store.clone(),
            namespace_stores.clone(),
        );
        let controller = rooms
            .watches_stream(numbers, of_number)
            .watches_stream(secrets, owner)
            .watches_stream(namespaces, of_namespace);
        running.spawn(run_one(controller, &room_context));
    }
    for (numbers, recounted) in numbers.into_iter().zip(recounted) {
        let controller = numbers.watches_stream(recounted, |number| [ObjectRef::from_obj(&number)]);
        running.spawn(run_one(controller, &number_context));
    }
    // Dropping a JoinSet aborts its tasks.
    let mut background = JoinSet::new();
    background.spawn(clean_up(room_context, number_context));
    background.spawn(counter.run());
    background.spawn(keep_sweeping(&context, &keys, room_store, deletions));
    let ended = join(running).await;
    drop(background);
    listings.lock().abort_all();
    ended?;
    Ok(outcomes_known(&context, &keys))
}

/// Waits until all controllers have ended, or one has panicked.
async fn join(mut running: JoinSet<()>) -> Result<(), JoinError> {
    while let Some(ended) = running.join_next().await {
        ended?;
    }
    Ok(())
}

/// What the reconciles of a kind work with.
fn reconcile_context<K: Kind>(
    context: &Context,
    keys: &Arc<Keys>,
    objects: Vec<Store<Object<K>>>,
    shared: K::Shared,
) -> Arc<reconcile::Context<K>> {
    Arc::new(reconcile::Context {
        client: context.client.clone(),
        config: Arc::clone(&context.config),
        own: context.own.clone(),
        trusted_from: trusted_from(&context.takeover, context.config.quiet_period),
        gate: context.gate.clone(),
        events: context.events.clone(),
        metrics: context.metrics.clone(),
        keys: Arc::clone(keys),
        objects,
        memories: Memories::default(),
        name_locks: NameLocks::default(),
        stop: context.stop.clone(),
        permits: Permits::new(CONCURRENCY.into()),
        shared,
    })
}

/// Counts the rooms that publish a number, which a PinDialinNumber waits for when it is deleted.
fn publishers(rooms: Rooms) -> Publishers {
    Arc::new(move |number, domain| {
        let rooms = rooms.iter().flat_map(|store| store.state());
        rooms
            .filter(|it| room::publishes(it, number, domain))
            .count()
    })
}

fn run_one<K: Reconciled>(
    controller: Controller<Object<K>>,
    context: &Arc<reconcile::Context<K>>,
) -> impl Future<Output = ()> + Send + 'static {
    let controller = controller.graceful_shutdown_on(context.stop.clone().cancelled_owned());
    let ended = controller.run(reconcile::<K>, |_, _, _| unreachable(), Arc::clone(context));
    ended.for_each(log)
}

/// kube requires an error policy, but a reconcile never returns an error: it reports its failures and
/// returns an action.
fn unreachable() -> Action {
    Action::requeue(Duration::from_secs(60))
}

async fn log<T>(ended: Result<T, controller::Error<Infallible, watcher::Error>>) {
    match ended {
        Ok(_) => {}
        Err(controller::Error::ObjectNotFound(object)) => {
            tracing::debug!(%object, "The object was deleted before its reconcile");
        }
        Err(error) => tracing::warn!(error = chain(&error), "A watch failed and is retried"),
    }
}

/// Frees the memory of objects that no longer exist, from time to time, also after a panic.
async fn clean_up(rooms: Arc<reconcile::Context<Room>>, numbers: Arc<reconcile::Context<Number>>) {
    loop {
        tokio::time::sleep(CLEANUP_INTERVAL).await;
        let forget = AssertUnwindSafe(|| forget_unneeded(&rooms, &numbers));
        if catch_unwind(forget).is_err() {
            tracing::error!("Freeing memory panicked; the operator retries it");
        }
    }
}

fn forget_unneeded(rooms: &reconcile::Context<Room>, numbers: &reconcile::Context<Number>) {
    forget_deleted(rooms);
    forget_deleted(numbers);
    let mut recorded = Recorded::default();
    recorded.add(rooms);
    recorded.add(numbers);
    recorded.forget_others(&rooms.keys);
}

fn forget_deleted<K: Kind>(context: &reconcile::Context<K>) {
    context.memories.retain(|namespace, name| {
        let key = ObjectRef::new(name).within(namespace);
        let mut stores = context.objects.iter();
        stores.any(|store| store.get(&key).is_some())
    });
}

#[cfg(test)]
mod tests;
