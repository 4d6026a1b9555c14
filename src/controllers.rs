//! The controllers: watches, what passes work with, and the listings of the accounts.

mod accounts;
mod inherited;
mod reopening;
mod watches;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Resource};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::accounts::{Listing, keys, used};
use self::inherited::trusted_from;
use self::watches::{Guarded, Rooms, Scopes, owner, waiting_for, watch};
use crate::cause::chain;
use crate::crd::{DailyRoom, PinDialinNumber};
use crate::daily::account::lock;
use crate::leader::Used;
use crate::memories::Memories;
use crate::number;
use crate::room;
use crate::run::Context;

/// How often memories of objects that are gone are thrown away.
const FORGET: Duration = Duration::from_secs(300);

/// Why the controllers do not work.
#[derive(Debug, thiserror::Error)]
pub enum ControllersError {
    /// A controller panicked.
    #[error("a controller has failed")]
    Broken(#[source] JoinError),
}

/// Runs the controllers until `stop` is cancelled and everything under way has ended. Returns what
/// was sent to Daily in the windows of its limits, if the next leader may rely on it.
///
/// # Errors
/// When a controller fails.
pub(crate) async fn run(
    context: Context,
    stop: CancellationToken,
) -> Result<Option<Used>, ControllersError> {
    let scopes = Scopes::new(&context);
    let rooms = scopes.controllers::<DailyRoom>();
    let numbers = scopes.controllers::<PinDialinNumber>();
    let secrets = scopes.secrets();
    let room_stores: Rooms = rooms.iter().map(|(it, _)| it.store()).collect();
    let listing = Listing::default();
    let keys = Arc::new(keys(&context, room_stores.clone(), Arc::clone(&listing)));

    let room_ctx = Arc::new(room::Ctx {
        client: context.client.clone(),
        config: Arc::clone(&context.config),
        cluster_id: context.cluster_id.clone(),
        trusted_from: trusted_from(&context.takeover, context.config.quiet_period),
        gate: context.gate.clone(),
        events: context.events.clone(),
        metrics: context.metrics.clone(),
        keys: Arc::clone(&keys),
        numbers: numbers.iter().map(|(it, _)| it.store()).collect(),
        secrets: secrets.iter().map(|(store, _)| store.clone()).collect(),
        memories: Memories::default(),
    });
    let number_ctx = number_ctx(&context, &room_ctx, room_stores.clone());
    let mut running = JoinSet::new();
    for ((rooms, api), (_, secrets)) in rooms.into_iter().zip(secrets) {
        let numbers: Api<Guarded<PinDialinNumber>> = scopes.same(&api);
        let controller = rooms
            .watches(numbers, watch(), waiting_for(room_stores.clone()))
            .watches_stream(secrets, owner)
            .graceful_shutdown_on(stop.clone().cancelled_owned());
        let ended = controller.run(
            room::reconcile,
            |_, _, _| unreachable(),
            Arc::clone(&room_ctx),
        );
        running.spawn(ended.for_each(log));
    }
    for (numbers, _) in numbers {
        let controller = numbers.graceful_shutdown_on(stop.clone().cancelled_owned());
        let ended = controller.run(
            number::reconcile,
            |_, _, _| unreachable(),
            Arc::clone(&number_ctx),
        );
        running.spawn(ended.for_each(log));
    }
    let background = Background(tokio::spawn(forget(room_ctx, number_ctx)));
    let ended = all(running).await;
    drop(background);
    lock(&listing).abort_all();
    ended?;
    Ok(used(&context, &keys))
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

fn number_ctx(context: &Context, rooms: &room::Ctx, stores: Rooms) -> Arc<number::Ctx> {
    Arc::new(number::Ctx {
        client: context.client.clone(),
        config: Arc::clone(&context.config),
        trusted_from: rooms.trusted_from,
        gate: context.gate.clone(),
        events: context.events.clone(),
        metrics: context.metrics.clone(),
        keys: Arc::clone(&rooms.keys),
        numbers: rooms.numbers.clone(),
        rooms: stores,
        memories: Memories::default(),
    })
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
async fn forget(rooms: Arc<room::Ctx>, numbers: Arc<number::Ctx>) {
    fn alive<K>(stores: &[Store<K>], namespace: &str, name: &str) -> bool
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + 'static,
    {
        let key = ObjectRef::new(name).within(namespace);
        stores.iter().any(|store| store.get(&key).is_some())
    }
    loop {
        tokio::time::sleep(FORGET).await;
        rooms
            .memories
            .retain(|namespace, name| alive(&numbers.rooms, namespace, name));
        numbers
            .memories
            .retain(|namespace, name| alive(&numbers.numbers, namespace, name));
    }
}
