//! The watches of the controllers, with their caches.

use futures::channel::mpsc::{UnboundedReceiver, unbounded};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::runtime::controller::{self, Controller};
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, predicates, watcher};

use super::Context;
use super::sweep::deletions::Deletions;
use super::triggers::Known;
use super::watch::watch;
use crate::clock;
use crate::health::Watches;
use crate::k8s::{MetadataOf, Served};
use crate::number::Number;
use crate::reconcile::Kind;
use crate::reconcile::object::Object;
use crate::room::Room;
use crate::room::namespaces::NamespaceMeta;
use crate::room::secret::OWNER_LABEL;
use crate::room::secret_index::SecretIndex;
use crate::room::trimmed_metadata::{trim_namespace, trim_secret};

/// How many objects of a kind are reconciled at a time, for each controller. A reconcile mostly waits for
/// Daily's rate limit; with this many, accounts at their limit leave room for the others.
pub(super) const CONCURRENCY: u16 = 512;
/// How long the API server keeps a watch open, in seconds. With kube's default of 290 s a dead connection
/// would go unnoticed for minutes; and the health of a watch relies on a request at least this often.
const WATCH_TIMEOUT: u32 = 45;
/// How many objects a page of a list has. A whole page is in memory as text and as objects, and a tenant
/// may write more than 500 KiB of metadata into each: with kube's default of 500, a restart took 405 MB,
/// and with 20 it took 162 MB. A list of 3,000 objects is 600 requests.
pub(super) const PAGE_SIZE: u32 = 5;

/// The controllers of a kind, one for each watched namespace.
pub(super) type Controllers<K> = Vec<Controller<Object<K>>>;
/// PinDialinNumbers of which something has changed that rooms use.
pub(super) type NumberChanges = UnboundedReceiver<watcher::Result<Object<Number>>>;

/// The metadata of Secrets: the cache, and the changes.
pub(super) type WatchedSecrets = (
    Store<MetadataOf<Secret>>,
    BoxStream<'static, watcher::Result<MetadataOf<Secret>>>,
);

/// The metadata of namespaces: the cache, and those whose labels have changed.
pub(super) type WatchedNamespaces = (
    Store<NamespaceMeta>,
    BoxStream<'static, watcher::Result<NamespaceMeta>>,
);

/// The watches of the controllers: one of each kind for each namespace in `--watch-namespaces`, or one
/// of each kind for all namespaces.
pub(super) struct Sources {
    client: kube::Client,
    namespaces: Vec<Option<String>>,
    watches: Watches,
}

impl Sources {
    pub(super) fn new(context: &Context) -> Self {
        let scopes = context.config.scopes().into_iter();
        Self {
            client: context.client.clone(),
            watches: context.metrics.health().watches.clone(),
            namespaces: scopes.map(|it| it.map(str::to_owned)).collect(),
        }
    }

    /// The controllers of DailyRooms, whose deletions are remembered.
    pub(super) fn rooms(&self, deletions: &Deletions) -> Controllers<Room> {
        self.controllers(|namespace| {
            let (deletions, namespace) = (deletions.clone(), namespace.map(str::to_owned));
            move |event: &Event<_>| {
                deletions.observe(namespace.as_deref(), event, clock::now());
            }
        })
    }

    /// The controllers of PinDialinNumbers, and for each controller of DailyRooms the changes in all
    /// namespaces: a room may publish a number of another one.
    pub(super) fn numbers(&self) -> (Controllers<Number>, Vec<NumberChanges>) {
        let channels = self.namespaces.iter().map(|_| unbounded());
        let (senders, changes): (Vec<_>, _) = channels.unzip();
        let controllers = self.controllers(|_| {
            let (senders, mut known) = (senders.clone(), Known::default());
            move |event: &Event<_>| {
                for number in known.changed(event) {
                    for sender in &senders {
                        // It fails only after the controller of the rooms has ended.
                        let _ = sender.unbounded_send(Ok(number.clone()));
                    }
                }
            }
        });
        (controllers, changes)
    }

    /// `observer` makes what sees each event of the watch of a namespace, once the cache has it.
    fn controllers<K: Kind, O>(&self, observer: impl Fn(Option<&str>) -> O) -> Controllers<K>
    where
        O: FnMut(&Event<Object<K>>) + Send + 'static,
    {
        let config = controller::Config::default().concurrency(CONCURRENCY);
        let namespaces = self.namespaces.iter();
        namespaces
            .map(|namespace| {
                let (store, writer) = reflector::store();
                let namespace = namespace.as_deref();
                let events = self.watch(namespace, watch_config());
                let events = events.reflect(writer).inspect_ok(observer(namespace));
                let controller = Controller::for_stream(events.applied_objects(), store);
                controller.with_config(config.clone())
            })
            .collect()
    }

    /// The metadata of the Secrets with the operator's label.
    pub(super) fn secrets(&self, index: &SecretIndex) -> Vec<WatchedSecrets> {
        let ours = watch_config().labels(OWNER_LABEL);
        let namespaces = self.namespaces.iter();
        namespaces
            .map(|namespace| {
                let (store, writer) = reflector::store();
                let events = self.watch(namespace.as_deref(), ours.clone());
                let events = events.modify(trim_secret);
                let (index, namespace) = (index.clone(), namespace.clone());
                let listed = store.clone();
                let events = events.reflect(writer).inspect_ok(move |event| match event {
                    Event::Apply(secret) | Event::InitApply(secret) => index.applied(secret),
                    Event::Delete(secret) => index.deleted(secret),
                    Event::InitDone => index.listed(namespace.as_deref(), &listed.state()),
                    Event::Init => {}
                });
                (store, events.touched_objects().boxed())
            })
            .collect()
    }

    /// The metadata of the served namespaces. With `--watch-namespaces`, each watch shows one of them, which is
    /// all that the ClusterRole then grants.
    pub(super) fn namespaces(&self) -> Vec<WatchedNamespaces> {
        let namespaces = self.namespaces.iter();
        namespaces
            .map(|namespace| {
                let config = match namespace {
                    Some(name) => watch_config().fields(&format!("metadata.name={name}")),
                    None => watch_config(),
                };
                let (store, writer) = reflector::store();
                let name = namespace.as_deref();
                let events = watch(&self.client, name, Api::all, config, &self.watches);
                let events = events.modify(trim_namespace).reflect(writer);
                let changed = events.touched_objects();
                let changed = changed.predicate_filter(predicates::labels, Default::default());
                (store, changed.boxed())
            })
            .collect()
    }

    /// Watches a namespaced kind in one namespace, or in all.
    fn watch<K: Served + Send + 'static>(
        &self,
        namespace: Option<&str>,
        config: watcher::Config,
    ) -> BoxStream<'static, watcher::Result<Event<K>>> {
        let api = |client| match namespace {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        };
        watch(&self.client, namespace, api, config, &self.watches)
    }
}

fn watch_config() -> watcher::Config {
    let config = watcher::Config::default().timeout(WATCH_TIMEOUT);
    config.page_size(PAGE_SIZE)
}
