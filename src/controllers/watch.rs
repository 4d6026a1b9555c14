//! One watch that never ends and never fails: it logs, counts and retries failures by itself, so that
//! no watch waits for another one.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use http::Request;
use kube::client::Body;
use kube::core::Status;
use kube::runtime::watcher::{self, Config, Error, Event};
use kube::{Api, Client, Resource};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::cause::{Recurring, chain};
use crate::clock::doubling;
use crate::health::{Watch, Watches};
use crate::k8s::KubeError;

/// After an outage the API server may no longer have the resourceVersion from which a watch continues,
/// and answers 410 Gone.
const GONE: u16 = 410;
/// A watch works if it delivers an event or stays open for this time. The API server or a proxy before it
/// may accept watches and close them at once: that is a failure, too.
const WORKS_AFTER: Duration = Duration::from_secs(5);
/// The first retry, and the longest back-off. kube's own back-off grows to 30 s, and for as long a
/// controller would be blind after the API server is back.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(4);

/// What can be watched.
pub(super) trait Watchable:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static
{
}

impl<K> Watchable for K where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static
{
}

/// Watches what this API lists. That is of one namespace, or of all.
pub(super) fn watch<K: Watchable>(
    client: &Client,
    namespace: Option<&str>,
    api: impl FnOnce(Client) -> Api<K>,
    config: Config,
    watches: &Watches,
) -> BoxStream<'static, watcher::Result<Event<K>>> {
    let contact = Arc::new(Contact {
        watch: watches.begin(&K::plural(&()), namespace),
        state: Mutex::default(),
    });
    let api = api(observed(client, &contact));
    let retried = Retried {
        stream: watcher::watcher(api.clone(), config.clone()).boxed(),
        api,
        config,
        contact,
        listed: false,
    };
    futures::stream::unfold(retried, |mut retried| async {
        let event = retried.next().await;
        Some((Ok(event), retried))
    })
    .boxed()
}

/// The requests of a watch, as the log and the health of the process report them.
struct Contact {
    watch: Watch,
    state: Mutex<State>,
}

/// The state of a watch since it last worked.
#[derive(Default)]
struct State {
    /// When the API server last opened the watch, unless it has failed since.
    opened: Option<Instant>,
    /// Whether the objects were listed again because of a 410 Gone.
    relisted: bool,
    failures: u32,
    failure: Recurring,
}

impl Contact {
    /// The watch received an event, or has stayed open.
    fn works(&self) {
        self.watch.progressed();
        let mut before = std::mem::take(&mut *self.state.lock());
        if before.failure.succeeded() {
            let of = self.watch.of();
            tracing::info!(
                kind = of.kind,
                namespace = of.namespace,
                "The watch works again"
            );
        }
    }

    fn opened(&self) {
        self.state.lock().opened = Some(Instant::now());
    }

    /// Whether the watch has stayed open for long enough; `None` if it is not open.
    fn stays_open(&self) -> Option<bool> {
        let opened = self.state.lock().opened;
        opened.map(|at| at.elapsed() >= WORKS_AFTER)
    }

    /// The pause before the watch is opened. kube opens it at once after the API server has closed it.
    fn before_opening(&self) -> Duration {
        match self.stays_open() {
            Some(false) => self.failed("the API server closed the watch at once", false),
            Some(true) => {
                self.works();
                Duration::ZERO
            }
            None => Duration::ZERO,
        }
    }

    /// The API server no longer has the resourceVersion. Returns whether that is no failure, which it is
    /// again and again.
    fn may_relist(&self) -> bool {
        let mut state = self.state.lock();
        state.opened = None;
        !std::mem::replace(&mut state.relisted, true)
    }

    /// Reports a failure. Returns the pause before the retry.
    fn failed(&self, cause: &str, denied: bool) -> Duration {
        self.watch.call_failed(denied);
        let mut state = self.state.lock();
        state.opened = None;
        state.failures = state.failures.saturating_add(1);
        if state.failure.failed(cause) {
            self.log_failure(cause, denied);
        }
        pause(state.failures)
    }

    fn log_failure(&self, cause: &str, denied: bool) {
        let of = self.watch.of();
        let message = match denied && of.namespace.is_some() {
            true => {
                "The namespace is not served; allow the ServiceAccount to list and watch this kind \
                 there (rbac.create=true in the chart), or remove it from --watch-namespaces"
            }
            false => "The watch failed; the operator retries it within 5 s",
        };
        tracing::warn!(
            kind = of.kind,
            namespace = of.namespace,
            error = cause,
            "{message}"
        );
    }
}

/// A client that reports each request. A watch without events sends requests, too.
fn observed(client: &Client, contact: &Arc<Contact>) -> Client {
    // Weak, because a task of the client outlives the watch for a while.
    let (client, contact) = (client.clone(), Arc::downgrade(contact));
    let namespace = client.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, contact) = (client.clone(), contact.upgrade());
        async move {
            let query = request.uri().query().unwrap_or_default();
            let opens_watch = query.split('&').any(|it| it == "watch=true");
            if let Some(contact) = &contact {
                contact.watch.call_started();
                if opens_watch {
                    tokio::time::sleep(contact.before_opening()).await;
                }
            }
            let answer = client.send(request).await?;
            if let Some(contact) = contact.filter(|_| opens_watch && answer.status().is_success()) {
                contact.opened();
            }
            Ok::<_, kube::Error>(answer)
        }
    });
    Client::new(service, namespace)
}

struct Retried<K> {
    stream: BoxStream<'static, watcher::Result<Event<K>>>,
    api: Api<K>,
    config: Config,
    contact: Arc<Contact>,
    /// Whether the last event completed a list.
    listed: bool,
}

impl<K: Watchable> Retried<K> {
    async fn next(&mut self) -> Event<K> {
        // Whoever polls for the next event has stored the list.
        if std::mem::take(&mut self.listed) {
            self.contact.watch.cache_filled();
        }
        loop {
            let next = tokio::time::timeout(WORKS_AFTER, self.stream.next());
            let Ok(next) = next.await else {
                if self.contact.stays_open() == Some(true) {
                    self.contact.works();
                }
                continue;
            };
            match next {
                Some(Ok(event)) => {
                    match event {
                        // kube yields `Init` before it sends a request, and a list may still fail.
                        Event::Init | Event::InitApply(_) => {}
                        Event::InitDone => self.listed = true,
                        Event::Apply(_) | Event::Delete(_) => self.contact.works(),
                    }
                    return event;
                }
                Some(Err(error)) => {
                    let pause = self.failed(&error);
                    tokio::time::sleep(pause).await;
                }
                // A watcher does not end; this is only for the type.
                None => self.restart(),
            }
        }
    }

    fn restart(&mut self) {
        self.stream = watcher::watcher(self.api.clone(), self.config.clone()).boxed();
    }

    /// Reports a failure. Returns the pause before the retry.
    fn failed(&mut self, error: &Error) -> Duration {
        let is_gone = status(error).is_some_and(|it| it.code == GONE);
        if is_gone && matches!(error, Error::WatchStartFailed(_)) {
            // kube would retry with the same resourceVersion.
            self.restart();
        }
        if is_gone && self.contact.may_relist() {
            return Duration::ZERO;
        }
        let (cause, denied) = cause(error);
        self.contact.failed(&cause, denied)
    }
}

/// The back-off after so many failures in a row. It doubles each time; up to a quarter is added at
/// random, so that the watches do not retry at the same moment.
fn pause(failures: u32) -> Duration {
    let least = doubling(FIRST_RETRY, failures.saturating_sub(1), LONGEST_BACKOFF);
    least.mul_f64(1.0 + fastrand::f64() / 4.0)
}

/// The answer of the API server, if the error is one.
fn status(error: &Error) -> Option<&Status> {
    match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status))
        | Error::WatchFailed(kube::Error::Api(status))
        | Error::WatchError(status) => Some(status),
        _ => None,
    }
}

/// The cause for the log, and whether the operator may not watch at all.
fn cause(error: &Error) -> (String, bool) {
    if let Some(status) = status(error) {
        let error = KubeError::from(kube::Error::Api(Box::new(status.clone())));
        return (chain(&error), error.is_denied() && status.code != GONE);
    }
    match error {
        // The parser's message quotes the object.
        Error::InitialListFailed(kube::Error::SerdeError(error))
        | Error::WatchFailed(kube::Error::SerdeError(error)) => {
            let (line, column) = (error.line(), error.column());
            (KubeError::Unreadable { line, column }.to_string(), false)
        }
        other => (chain(other), false),
    }
}

#[cfg(test)]
mod tests;
