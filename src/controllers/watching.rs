//! A watch that never ends and never fails: what goes wrong is logged, counted and tried again here,
//! so that no watch waits for another one.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use http::Request;
use kube::client::Body;
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher::{self, Config, Error, Event};
use kube::{Api, Client, Resource};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::reopening::Reopening;
use crate::cause::chain;
use crate::health::{Watch, Watches};
use crate::k8s::KubeError;

/// After an outage the API server knows the version no more from which a watch goes on, and says so:
/// then the objects are listed at once. If it says so again within this time, something else is wrong.
const EXPIRED_AGAIN: Duration = Duration::from_secs(10);
const EXPIRED: u16 = 410;

/// Watches a kind in a namespace, or in all of them. A kind that may not be listed or watched is
/// asked for again every few seconds.
pub(super) fn watching<K>(
    client: &Client,
    namespace: Option<&str>,
    config: Config,
    watches: &Watches,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + 'static,
{
    let contact = Arc::new(Contact {
        watch: watches.begin(&K::plural(&()), namespace),
        problem: Mutex::default(),
    });
    let client = observed(client, &contact);
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let opened = Opened {
        stream: watcher::watcher(api.clone(), config.clone()).boxed(),
        api,
        config,
        contact,
        reopening: Reopening::default(),
        expired: None,
    };
    futures::stream::unfold(opened, |mut opened| async {
        let event = opened.next().await;
        Some((Ok(event), opened))
    })
}

/// What the calls of a watch have come to.
struct Contact {
    watch: Watch,
    /// The last that was logged, as long as it lasts.
    problem: Mutex<Option<String>>,
}

impl Contact {
    /// The watch is open, or tells of an object.
    fn works(&self) {
        self.watch.call_answered();
        let problem = self.swap(None);
        if problem.is_some() {
            let of = self.watch.of();
            tracing::info!(
                kind = of.kind,
                namespace = of.namespace,
                "The watch works again"
            );
        }
    }

    /// The head of an answer is there. A list that has begun may still stop.
    fn is_answered(&self, opens_watch: bool) {
        match opens_watch {
            true => self.works(),
            false => self.watch.call_answered(),
        }
    }

    /// A call has failed. It is logged once for each cause.
    fn fails(&self, cause: &str, denied: bool) {
        self.watch.call_failed(denied);
        if self.swap(Some(cause.to_owned())).as_deref() == Some(cause) {
            return;
        }
        let of = self.watch.of();
        let next = match denied && of.namespace.is_some() {
            true => {
                "The namespace is not served; allow the ServiceAccount to list and watch this kind \
                 there (rbac.create=true in the chart), or remove it from --watch-namespaces"
            }
            false => "The watch failed; it is opened again within 5 s",
        };
        tracing::warn!(
            kind = of.kind,
            namespace = of.namespace,
            error = cause,
            "{next}"
        );
    }

    /// Whether something is wrong as far as is known.
    fn is_failing(&self) -> bool {
        let problem = self.problem.lock();
        problem.is_some()
    }

    fn swap(&self, problem: Option<String>) -> Option<String> {
        let mut last = self.problem.lock();
        std::mem::replace(&mut *last, problem)
    }
}

/// A client that reports each call. A watch that sees no change makes calls all the same.
fn observed(client: &Client, contact: &Arc<Contact>) -> Client {
    // The client's own task ends some time after the watch, which is forgotten at once.
    let (client, contact) = (client.clone(), Arc::downgrade(contact));
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, contact) = (client.clone(), contact.upgrade());
        async move {
            let query = request.uri().query().unwrap_or_default();
            let opens_watch = query.split('&').any(|it| it == "watch=true");
            if let Some(contact) = &contact {
                contact.watch.call_started();
            }
            let answer = client.send(request).await?;
            match contact {
                Some(contact) if answer.status().is_success() => contact.is_answered(opens_watch),
                _ => {}
            }
            Ok::<_, kube::Error>(answer)
        }
    });
    Client::new(service, namespace)
}

struct Opened<K> {
    stream: BoxStream<'static, watcher::Result<Event<K>>>,
    api: Api<K>,
    config: Config,
    contact: Arc<Contact>,
    reopening: Reopening,
    /// When the API server last said that the version is known no more.
    expired: Option<Instant>,
}

impl<K> Opened<K>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    async fn next(&mut self) -> Event<K> {
        loop {
            match self.stream.next().await {
                Some(Ok(event)) => {
                    // kube says `Init` before it calls.
                    if !matches!(event, Event::Init) {
                        self.contact.works();
                    }
                    if matches!(event, Event::InitDone) {
                        self.contact.watch.cache_filled();
                    }
                    return event;
                }
                Some(Err(error)) => {
                    let pause = self.failed(&error);
                    tokio::time::sleep(pause).await;
                }
                // It does not end; if it does, it begins again.
                None => self.open(),
            }
        }
    }

    fn open(&mut self) {
        self.stream = watcher::watcher(self.api.clone(), self.config.clone()).boxed();
    }

    /// How long to wait after this failure.
    fn failed(&mut self, error: &Error) -> Duration {
        let expired = is_expired(error);
        if expired && matches!(error, Error::WatchStartFailed(_)) {
            // kube would ask for the same version again and again.
            self.open();
        }
        let again = self.expired.is_some_and(|at| at.elapsed() < EXPIRED_AGAIN);
        if expired && !again {
            self.expired = Some(Instant::now());
            return Duration::ZERO;
        }
        if !self.contact.is_failing() {
            self.reopening = Reopening::default();
        }
        let (cause, denied) = cause(error);
        self.contact.fails(&cause, denied);
        self.reopening.next().unwrap_or_default()
    }
}

fn is_expired(error: &Error) -> bool {
    match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status))
        | Error::WatchFailed(kube::Error::Api(status))
        | Error::WatchError(status) => status.code == EXPIRED,
        _ => false,
    }
}

/// What to say of a failure, and whether the call may not be made at all.
fn cause(error: &Error) -> (String, bool) {
    let status = match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status))
        | Error::WatchFailed(kube::Error::Api(status))
        | Error::WatchError(status) => status,
        // The parser quotes what it cannot read.
        Error::InitialListFailed(kube::Error::SerdeError(error))
        | Error::WatchFailed(kube::Error::SerdeError(error)) => {
            let (line, column) = (error.line(), error.column());
            return (KubeError::Unreadable { line, column }.to_string(), false);
        }
        other => return (chain(other), false),
    };
    let error = KubeError::from(kube::Error::Api(status.clone()));
    (chain(&error), error.is_denied() && status.code != EXPIRED)
}

#[cfg(test)]
mod tests;
