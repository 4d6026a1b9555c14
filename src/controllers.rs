//! The controllers: watches, what passes work with, and the listings of the accounts.

mod accounts;
mod inherited;
mod reopening;
mod watches;
mod watching;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::accounts::{Bound, Listing, keys, outcomes_known};
use self::inherited::trusted_from;
use self::watches::{Rooms, Scopes, owner, waiting_for};
use crate::cause::chain;
use crate::keys::Keys;
use crate::number::{self, Number, Publishers};
use crate::reconcile::memory::Memories;
use crate::reconcile::object::Object;
use crate::reconcile::{Context, Kind, Reconciled, reconcile};
use crate::room::secret_index::SecretIndex;
use crate::room::{self, Room};
use crate::run::Context as RunContext;

/// How often memories of objects that are gone are thrown away.
const FORGET: Duration = Duration::from_secs(300);

/// Why the controllers do not work.
#[derive(Debug, thiserror::Error)]
pub enum ControllersError {
    /// A controller panicked.
    #[error("a controller has failed")]
    Broken(#[source] JoinError),
}

/// Runs the controllers until `stop` is cancelled and everything under way has ended. Returns whether
/// the next leader may rely on that nothing is under way at Daily.
///
/// # Errors
/// When a controller fails.
pub(crate) async fn run(
    context: RunContext,
    stop: CancellationToken,
) -> Result<bool, ControllersError> {
    let scopes = Scopes::new(&context);
    let rooms = scopes.controllers::<Room>();
    let numbers = scopes.controllers::<Number>();
    let secret_index = SecretIndex::default();
    let secrets = scopes.secrets(&secret_index);
    let stores = Stores {
        rooms: rooms.iter().map(|(it, _)| it.store()).collect(),
        numbers: numbers.iter().map(|(it, _)| it.store()).collect(),
    };
    let listing = Listing::default();
    let keys = Arc::new(keys(&context, stores.rooms.clone(), Arc::clone(&listing)));
    let shared = room::Shared {
        numbers: stores.numbers.clone(),
        secrets: secrets.iter().map(|(store, _)| store.clone()).collect(),
        secret_index,
    };
    let room_context = with(&context, &keys, stores.rooms.clone(), shared);
    let shared = number::Shared {
        publishers: publishers(stores.rooms.clone()),
    };
    let number_context = with(&context, &keys, stores.numbers.clone(), shared);
    let mut running = JoinSet::new();
    for ((rooms, namespace), (_, secrets)) in rooms.into_iter().zip(secrets) {
        let numbers = scopes.changes::<Number>(namespace.as_deref());
        let controller = rooms
            .watches_stream(numbers, waiting_for(stores.rooms.clone()))
            .watches_stream(secrets, owner)
            .graceful_shutdown_on(stop.clone().cancelled_owned());
        running.spawn(run_one(controller, &room_context));
    }
    for (numbers, _) in numbers {
        let controller = numbers.graceful_shutdown_on(stop.clone().cancelled_owned());
        running.spawn(run_one(controller, &number_context));
    }
    let background = Background(tokio::spawn(forget(room_context, number_context)));
    let ended = all(running).await;
    drop(background);
    listing.lock().abort_all();
    ended?;
    Ok(outcomes_known(&context, &keys))
}

/// Waits until all controllers have ended, or one has failed.
async fn all(mut running: JoinSet<()>) -> Result<(), ControllersError> {
    while let Some(ended) = running.join_next().await {
        ended.map_err(ControllersError::Broken)?;
    }
    Ok(())
}

/// A task that ends with the controllers.
struct Background(JoinHandle<()>);

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The objects that the watches show.
struct Stores {
    rooms: Rooms,
    numbers: Vec<Store<Object<Number>>>,
}

/// What passes over objects of a kind work with.
fn with<K: Kind>(
    context: &RunContext,
    keys: &Arc<Keys>,
    objects: Vec<Store<Object<K>>>,
    shared: K::Shared,
) -> Arc<Context<K>> {
    Arc::new(Context {
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
        shared,
    })
}

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
    context: &Arc<Context<K>>,
) -> impl Future<Output = ()> + Send + 'static {
    let ended = controller.run(reconcile::<K>, |_, _, _| unreachable(), Arc::clone(context));
    ended.for_each(log)
}

/// The error policy is never asked: a pass reports what goes wrong, and gives its action.
fn unreachable() -> Action {
    Action::requeue(Duration::from_secs(60))
}

async fn log<T>(passed: Result<T, controller::Error<Infallible, watcher::Error>>) {
    match passed {
        Ok(_) => {}
        // It was deleted while a pass over it was due.
        Err(controller::Error::ObjectNotFound(object)) => {
            tracing::debug!(%object, "The object is gone");
        }
        Err(error) => tracing::warn!(error = chain(&error), "A watch failed and is retried"),
    }
}

/// Throws memories of objects away that are gone.
async fn forget(rooms: Arc<Context<Room>>, numbers: Arc<Context<Number>>) {
    loop {
        tokio::time::sleep(FORGET).await;
        forget_gone(&rooms);
        forget_gone(&numbers);
        let mut bound = Bound::default();
        bound.add(&rooms.objects);
        bound.add(&numbers.objects);
        bound.forget_others(&rooms.keys);
    }
}

fn forget_gone<K: Kind>(context: &Context<K>) {
    context.memories.retain(|namespace, name| {
        let key = ObjectRef::new(name).within(namespace);
        let mut stores = context.objects.iter();
        stores.any(|store| store.get(&key).is_some())
    });
}
