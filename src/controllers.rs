//! The controllers: watches, what passes work with, and the listings of the accounts.

mod inherited;
mod watches;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use self::inherited::{sent_before, trusted_from};
use self::watches::{Guarded, Numbers, Rooms, Scopes, owner, secrets, waiting_for, watch};
use crate::clock;
use crate::crd::{DailyRoom, PinDialinNumber};
use crate::daily::account::{Account, Expected, ExpectedRoom, lock};
use crate::daily::client::{Client, ClientError};
use crate::daily::ledger::reads_lag;
use crate::keys::Keys;
use crate::kube::{KubeError, within};
use crate::leader::Used;
use crate::memories::Memories;
use crate::number;
use crate::ops::Readiness;
use crate::room;
use crate::run::Context;
use crate::subject::Subject;
use crate::telemetry::chain;

const READ: Duration = Duration::from_secs(10);
/// How often memories of objects that are gone are thrown away.
const FORGET: Duration = Duration::from_secs(300);

/// Why the controllers do not work.
#[derive(Debug, thiserror::Error)]
pub enum ControllersError {
    /// The certificates to trust cannot be read.
    #[error("the file of --daily-ca-file cannot be read")]
    CaFile(#[source] std::io::Error),
    /// No client of Daily's API can be made.
    #[error("no client of the Daily API can be made")]
    Daily(#[from] ClientError),
    /// A controller ended that should not.
    #[error("a controller has failed")]
    Broken(#[source] JoinError),
    /// The id of the cluster cannot be read.
    #[error(
        "the id of the cluster, which is the uid of the namespace kube-system, cannot be read; \
         allow it, or set --cluster-id"
    )]
    ClusterId(#[source] KubeError),
}

type Listing = Arc<std::sync::Mutex<JoinSet<()>>>;

/// Works until told to stop and everything under way has ended. Gives what was sent to Daily in
/// the windows of its limits, if the next leader may rely on it.
///
/// # Errors
/// When the controllers cannot begin.
pub(crate) async fn run(
    context: Context,
    stop: CancellationToken,
) -> Result<Option<Used>, ControllersError> {
    let daily = daily_client(&context).await?;
    let cluster_id = cluster_id(&context).await?;
    let scopes = Scopes::new(&context);
    let rooms = scopes.controllers::<DailyRoom>();
    let numbers = scopes.controllers::<PinDialinNumber>();
    let room_stores: Rooms = rooms.iter().map(|(it, _)| it.store()).collect();
    let listing = Listing::default();
    let keys = Arc::new(keys(
        &context,
        daily,
        room_stores.clone(),
        Arc::clone(&listing),
    ));
    let secrets: Vec<_> = scopes.apis().map(secrets).collect();

    let room_ctx = Arc::new(room::Ctx {
        client: context.client.clone(),
        config: Arc::clone(&context.config),
        cluster_id,
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
    let numbers_ready = room_ctx.numbers.clone();
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
    let background = Background(vec![
        tokio::spawn(ready(context.readiness.clone(), room_stores, numbers_ready)),
        tokio::spawn(forget(room_ctx, number_ctx)),
    ]);
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

/// Tasks that end with the controllers.
struct Background(Vec<JoinHandle<()>>);

impl Drop for Background {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Says that the caches are there once they are.
async fn ready(readiness: Readiness, rooms: Rooms, numbers: Numbers) {
    for store in &rooms {
        // Fails only when the watch has ended, and then the process does.
        let _ = store.wait_until_ready().await;
    }
    for store in &numbers {
        let _ = store.wait_until_ready().await;
    }
    readiness.done(crate::run::CACHES);
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

async fn daily_client(context: &Context) -> Result<Client, ControllersError> {
    let config = &context.config;
    let ca = match &config.daily_ca_file {
        Some(file) => Some(
            tokio::fs::read(file)
                .await
                .map_err(ControllersError::CaFile)?,
        ),
        None => None,
    };
    Ok(Client::new(&config.daily_base_url, ca.as_deref())?)
}

async fn cluster_id(context: &Context) -> Result<String, ControllersError> {
    if let Some(id) = &context.config.cluster_id {
        return Ok(id.clone());
    }
    let namespaces: Api<Namespace> = Api::all(context.client.clone());
    let read = within(READ, namespaces.get("kube-system")).await;
    let namespace = read.map_err(ControllersError::ClusterId)?;
    namespace
        .uid()
        .ok_or(ControllersError::ClusterId(KubeError::NotFound))
}

fn keys(context: &Context, daily: Client, rooms: Rooms, listing: Listing) -> Keys {
    let sent = sent_before(&context.takeover);
    let expected: Expected = Arc::new(move |domain| expected(&rooms, domain));
    let interval = context.config.drift_interval;
    let lag = reads_lag(context.config.quiet_period);
    let (gate, metrics) = (context.gate.clone(), context.metrics.clone());
    let client = daily.clone();
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
        daily,
        context.config.default_key.clone(),
        context.config.lease_namespace.clone(),
        Box::new(new_account),
    )
}

/// The rooms that should be in a listing of this domain: those that are recorded.
fn expected(rooms: &Rooms, domain: &str) -> Vec<ExpectedRoom> {
    let room = |object: Arc<Guarded<DailyRoom>>| {
        let subject = Subject::of(object.meta())?;
        let binding = subject.binding().filter(|it| it.domain_id == domain)?;
        Some(ExpectedRoom {
            name: binding.name.clone(),
            end: binding.made.as_ref()?.end.as_ref()?.at,
        })
    };
    rooms
        .iter()
        .flat_map(|store| store.state())
        .filter_map(room)
        .collect()
}

async fn log<T>(passed: Result<T, controller::Error<Infallible, watcher::Error>>) {
    match passed {
        Ok(_) => {}
        // It was deleted while a pass over it was due.
        Err(controller::Error::ObjectNotFound(object)) => {
            tracing::debug!(%object, "The object is gone");
        }
        Err(error) => tracing::warn!(error = chain(&error), "A watch failed, and is opened anew"),
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

/// What the accounts have used of their limits, at most; nothing while an earlier leader's or our
/// own writes may still be done.
fn used(context: &Context, keys: &Keys) -> Option<Used> {
    let quiet = context.config.quiet_period;
    let now = clock::now();
    let accounts = keys.accounts();
    let trusted = trusted_from(&context.takeover, quiet);
    let settled = now >= trusted && accounts.iter().all(|it| it.settled(now, quiet));
    settled.then(|| {
        let usages = accounts.iter().map(|it| it.limiter().usage());
        let most = usages.fold((0, 0), |most, it| (most.0.max(it.0), most.1.max(it.1)));
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Used {
            calls: count(most.0),
            deletes: count(most.1),
        }
    })
}
