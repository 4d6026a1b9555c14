//! The operator from start to end.
//!
//! [`run`] reads from top to bottom: configuration, clients, probes, preflight, the Lease, the
//! controllers, the drain, and the Lease given back. Whatever can be wrong with the configuration
//! is found before this process is ready and before it takes the Lease, so that a rolling update
//! never replaces a leader that works with one that cannot.

mod identity;
mod leading;
mod preflight;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use kube::Client;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, LEASE_NAME};
use crate::controllers::ControllersError;
use crate::daily::client::{Client as DailyClient, ClientError as DailyClientError};
use crate::effect::Gate;
use crate::k8s::{ClientError, Events};
use crate::leader::{Elector, LeaderError, Takeover};
use crate::metrics::Metrics;
use crate::ops::{self, Readiness, Shown, Wait};
use crate::reconcile::meta::Identity;

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// SIGTERM and SIGINT cannot be received.
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
    /// There is no client of the API server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// There is no client of Daily's API.
    #[error(transparent)]
    Daily(#[from] DailyClientError),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// This process lost the Lease.
    #[error(transparent)]
    Leader(#[from] LeaderError),
    /// The controllers failed.
    #[error(transparent)]
    Controllers(#[from] ControllersError),
    /// A task ended before the process was asked to end.
    #[error("the task {0:?} ended unexpectedly")]
    Ended(&'static str),
}

impl RunError {
    /// Whether the operator was started with something that cannot work: only an edit of its flags
    /// or files helps.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Daily(_))
    }
}

/// What the controllers work with.
#[derive(Clone)]
pub struct Context {
    /// How the operator was started.
    pub config: Arc<Config>,
    /// The API server.
    pub client: Client,
    /// Daily's API.
    pub daily: DailyClient,
    /// Who this operator is.
    pub own: Identity,
    /// What every effect passes.
    pub gate: Gate,
    /// Where events are published.
    pub events: Events,
    /// Where everything is counted.
    pub metrics: Metrics,
    /// How this process came to lead.
    pub takeover: Takeover,
}

/// Runs the operator until it receives SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or has lost the Lease.
pub async fn run(config: Config) -> Result<(), RunError> {
    say_hello(&config);
    let stop = on_signals()?;
    let daily = DailyClient::configured(&config)?;
    let client = crate::k8s::client().await?;
    let pod = identity::pod();
    let me = identity::of_this_process(&pod);
    let (elector, leadership) = Elector::new(client.clone(), &config.lease_namespace, me);
    let operator = Operator {
        events: Events::new(client.clone(), &pod, config.writes),
        config: Arc::new(config),
        client,
        daily,
        shown: Shown {
            readiness: Readiness::default(),
            leadership,
            metrics: Metrics::default(),
            stop: stop.clone(),
        },
        stop,
    };
    operator.run(elector).await
}

fn say_hello(config: &Config) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        daily = config.daily_base_url,
        lease = format!("{}/{LEASE_NAME}", config.lease_namespace),
        "Starting"
    );
    if !config.writes {
        tracing::warn!("Writes are disabled: nothing is changed at Daily or in the cluster");
    }
}

/// Cancelled by SIGTERM and SIGINT.
fn on_signals() -> Result<CancellationToken, RunError> {
    let stop = CancellationToken::new();
    let mut term = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "Shutting down");
        stopping.cancel();
    });
    Ok(stop)
}

struct Operator {
    config: Arc<Config>,
    client: Client,
    daily: DailyClient,
    events: Events,
    shown: Shown,
    stop: CancellationToken,
}

impl Operator {
    /// Serves the probes from the first moment to the last, and works meanwhile.
    async fn run(self, elector: Elector) -> Result<(), RunError> {
        let needs = preflight::Needs::announce(&self.config, &self.shown.readiness);
        let listener = self.listen().await?;
        let end = CancellationToken::new();
        let served = ops::serve(listener, self.shown.clone(), end.clone().cancelled_owned());
        let mut server = tokio::spawn(served);
        let outcome = tokio::select! {
            outcome = self.work(needs, elector) => outcome,
            _ = &mut server => Err(RunError::Ended("health and metrics")),
        };
        end.cancel();
        outcome
    }

    async fn listen(&self) -> Result<TcpListener, RunError> {
        let address = self.config.listen;
        let failed = |error| RunError::Listen(address, error);
        let listener = ops::listen(address).await.map_err(failed)?;
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!(%address, "Serving health and metrics");
        Ok(listener)
    }

    async fn work(&self, needs: preflight::Needs, mut elector: Elector) -> Result<(), RunError> {
        let Some(cluster_id) = needs.wait(&self.client, &self.stop).await else {
            return Ok(());
        };
        let Some(takeover) = self.standby(&mut elector).await else {
            // A write of the Lease that was not answered may have taken it.
            leading::give_back(elector, false).await;
            return Ok(());
        };
        let installation = self.config.identity(cluster_id.clone()).installation_id;
        tracing::info!(installation, "This installation");
        tracing::info!(previous_leader = takeover.how.name(), "Leading");
        leading::lead(self.context(cluster_id, takeover), elector, &self.stop).await
    }

    /// Waits until this process leads. Meanwhile it is ready only while it could.
    async fn standby(&self, elector: &mut Elector) -> Option<Takeover> {
        let readiness = &self.shown.readiness;
        let acquired = tokio::select! {
            acquired = elector.acquire(&self.stop) => acquired,
            () = preflight::keep_asking(&self.client, &self.config, readiness) => None,
        };
        // From here on the watches say what is missing.
        readiness.done(&Wait::Kinds);
        acquired
    }

    fn context(&self, cluster_id: String, takeover: Takeover) -> Context {
        let (leadership, metrics) = (self.shown.leadership.clone(), self.shown.metrics.clone());
        Context {
            own: self.config.identity(cluster_id),
            config: Arc::clone(&self.config),
            client: self.client.clone(),
            daily: self.daily.clone(),
            gate: Gate::new(leadership, self.config.writes, metrics.clone()),
            events: self.events.clone(),
            metrics,
            takeover,
        }
    }
}
