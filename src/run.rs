//! The life of an operator process: clients, probes, preflight, the Lease, the controllers, the drain,
//! and the release of the Lease.
//!
//! An invalid configuration shows before the process is ready and before it acquires the Lease, so that
//! a rolling update never replaces a working leader by one that cannot work.

mod identity;
mod lead_and_drain;
mod preflight;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use kube::Client;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, LEASE_NAME};
use crate::controllers::Context;
use crate::daily::client::{Client as DailyClient, ClientError as DailyClientError};
use crate::effect::Gate;
use crate::k8s::{self, ClientError, Events};
use crate::leader::{Elector, LeaderError, Takeover};
use crate::metrics::Metrics;
use crate::ops::{self, Readiness, Shown, Wait};

/// Why the operator ended with an error.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The handlers for SIGTERM and SIGINT could not be installed.
    #[error("the signal handlers could not be installed")]
    Signals(#[source] io::Error),
    /// The client for the API server could not be created.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The client for the Daily API could not be created.
    #[error(transparent)]
    Daily(#[from] DailyClientError),
    /// `--listen` cannot be used.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// This process lost the Lease.
    #[error(transparent)]
    Leader(#[from] LeaderError),
    /// A controller panicked.
    #[error("a controller failed")]
    Controllers(#[source] JoinError),
    /// A task ended that should run as long as the process.
    #[error("the task {0:?} ended unexpectedly")]
    Ended(&'static str),
}

impl RunError {
    /// Whether the flags or the files that they name are invalid, so that a restart does not help.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Daily(_))
    }
}

/// Runs the operator until it receives SIGTERM or SIGINT.
///
/// # Errors
/// When it cannot start, or has lost the Lease.
pub async fn run(config: Config) -> Result<(), RunError> {
    log_start(&config);
    let stop = cancelled_by_signals()?;
    let daily = DailyClient::configured(&config)?;
    let client = k8s::client().await?;
    let pod = identity::pod();
    let me = identity::lease_holder(&pod);
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
            stop,
        },
    };
    operator.run(elector).await
}

fn log_start(config: &Config) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        daily = config.daily_base_url,
        lease = format!("{}/{LEASE_NAME}", config.lease_namespace),
        "Starting"
    );
    if !config.writes {
        tracing::warn!(
            "Writes are disabled; the operator changes nothing at Daily or in the cluster"
        );
    }
}

/// A token that SIGTERM and SIGINT cancel.
fn cancelled_by_signals() -> Result<CancellationToken, RunError> {
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
}

impl Operator {
    /// Serves probes and metrics as long as the operator works.
    async fn run(self, elector: Elector) -> Result<(), RunError> {
        let needs = preflight::Needs::announce(&self.config, &self.shown.readiness);
        let listener = self.listen().await?;
        let server = tokio::spawn(ops::serve(listener, self.shown.clone()));
        tokio::select! {
            outcome = self.work(needs, elector) => outcome,
            _ = server => Err(RunError::Ended("probes and metrics")),
        }
    }

    async fn listen(&self) -> Result<TcpListener, RunError> {
        let address = self.config.listen;
        let failed = |error| RunError::Listen(address, error);
        let listener = ops::listen(address).await.map_err(failed)?;
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!(%address, "Serving probes and metrics");
        Ok(listener)
    }

    async fn work(&self, needs: preflight::Needs, mut elector: Elector) -> Result<(), RunError> {
        let Some(cluster_id) = needs.wait(&self.client, &self.shown.stop).await else {
            return Ok(());
        };
        let Some(takeover) = self.standby(&mut elector).await else {
            // A write of the Lease that got no response may have acquired it.
            lead_and_drain::release(elector, false).await;
            return Ok(());
        };
        let installation = self.config.identity(cluster_id.clone()).installation_id;
        tracing::info!(installation, "This installation");
        let previous_leader: &str = takeover.previous.into();
        tracing::info!(previous_leader, "Leading");
        lead_and_drain::lead(self.context(cluster_id, takeover), elector).await
    }

    /// Waits until this process is the leader. Meanwhile it is ready only if it could lead.
    async fn standby(&self, elector: &mut Elector) -> Option<Takeover> {
        let readiness = &self.shown.readiness;
        let acquired = tokio::select! {
            acquired = elector.acquire(&self.shown.stop) => acquired,
            () = preflight::keep_checking(&self.client, &self.config, readiness) => None,
        };
        // From here on the watches report missing kinds.
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
            stop: self.shown.stop.clone(),
        }
    }
}
