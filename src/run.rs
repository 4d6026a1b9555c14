//! The operator from start to end: one task serves health and metrics, one keeps the Lease, and
//! while this process leads the controllers work.

mod kinds;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::{Config, LEASE_NAME};
use crate::controllers::ControllersError;
use crate::effect::Gate;
use crate::kube::{ClientError, Events};
use crate::leader::{Elector, LeaderError, Leadership, Takeover};
use crate::metrics::Metrics;
use crate::ops::{self, Readiness, Shown};

/// How long effects that are under way are waited for at the end.
const DRAIN: Duration = Duration::from_secs(8);

const KINDS: &str = "the CustomResourceDefinitions";
const LEASE: &str = "the Lease";
pub(crate) const CACHES: &str = "caches";

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No signal can be waited for.
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
    /// There is no client of the API server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
    /// Health and metrics are served no more.
    #[error("health and metrics can no longer be served")]
    Serve(#[source] io::Error),
    /// This process leads no more.
    #[error(transparent)]
    Leader(#[from] LeaderError),
    /// The controllers cannot begin.
    #[error(transparent)]
    Controllers(#[from] ControllersError),
    /// A task ended that should not.
    #[error("the {0} ended unasked")]
    Ended(&'static str),
}

/// What the controllers work with.
#[derive(Clone)]
pub struct Context {
    /// How the operator was started.
    pub config: Arc<Config>,
    /// The API server.
    pub client: Client,
    /// What every effect passes.
    pub gate: Gate,
    /// Where events are told.
    pub events: Events,
    /// Where all is counted.
    pub metrics: Metrics,
    /// What has still to come.
    pub readiness: Readiness,
    /// How this process came to lead.
    pub takeover: Takeover,
}

/// Runs the operator until it is told to end.
///
/// # Errors
/// When it cannot start, or may lead no more.
pub async fn run(config: Config) -> Result<(), RunError> {
    say_hello(&config);
    let stop = on_signals()?;
    let client = crate::kube::client().await?;
    let pod = instance();
    let me = format!("{pod}_{}", Uuid::new_v4());
    let (elector, leadership) = Elector::new(client.clone(), &config.lease_namespace, me);
    let operator = Operator {
        events: Events::new(client.clone(), &pod, config.writes),
        config: Arc::new(config),
        client,
        shown: Shown {
            readiness: Readiness::default(),
            leadership,
            metrics: Metrics::default(),
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
        installation = config.installation_id,
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
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("Told to end");
        told.cancel();
    });
    Ok(stop)
}

/// The name of this pod or host.
fn instance() -> String {
    let named = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    let pod = std::env::var("HOSTNAME").ok().and_then(named);
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    pod.or_else(|| host().and_then(named))
        .unwrap_or_else(|| "daily-operator".to_owned())
}

struct Operator {
    config: Arc<Config>,
    client: Client,
    events: Events,
    shown: Shown,
    stop: CancellationToken,
}

impl Operator {
    async fn run(self, elector: Elector) -> Result<(), RunError> {
        let address = self.config.listen;
        let failed = |error| RunError::Listen(address, error);
        let listener = ops::listen(address).await.map_err(failed)?;
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!(%address, "Serving health and metrics");
        for what in [KINDS, LEASE] {
            self.shown.readiness.wait_for(what);
        }
        let end = CancellationToken::new();
        let served = ops::serve(listener, self.shown.clone(), end.clone().cancelled_owned());
        let mut server = tokio::spawn(served);
        let outcome = tokio::select! {
            outcome = self.work(elector) => outcome,
            served = &mut server => Err(match served {
                Ok(Err(error)) => RunError::Serve(error),
                _ => RunError::Ended("server of health and metrics"),
            }),
        };
        end.cancel();
        outcome
    }

    async fn work(&self, mut elector: Elector) -> Result<(), RunError> {
        let readiness = &self.shown.readiness;
        if !kinds::wait(&self.client, &self.config.watch_namespaces, &self.stop).await {
            return Ok(());
        }
        readiness.done(KINDS);
        let looked = || readiness.done(LEASE);
        let Some(takeover) = elector.acquire(&self.stop, looked).await else {
            // A write of the Lease that was not answered may have taken it.
            return Ok(elector.release(None).await?);
        };
        tracing::info!(how = ?takeover.how, "Leading");
        readiness.wait_for(CACHES);
        self.lead(elector, takeover).await
    }

    /// The Lease is kept until the controllers have ended, as what they finish needs it.
    async fn lead(&self, mut elector: Elector, takeover: Takeover) -> Result<(), RunError> {
        let drained = CancellationToken::new();
        let kept_until = drained.clone();
        let mut keeper = tokio::spawn(async move {
            let kept = elector.keep(&kept_until).await;
            (elector, kept)
        });
        let work = crate::controllers::run(self.context(takeover), self.stop.clone());
        let mut working = tokio::spawn(work);
        let in_time = async {
            self.stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        let ended = tokio::select! {
            kept = &mut keeper => {
                let lost = kept.ok().and_then(|(_, kept)| kept.err());
                return Err(lost.map_or(RunError::Ended("renewal of the Lease"), RunError::Leader));
            }
            used = &mut working => match used {
                Ok(Ok(used)) if self.stop.is_cancelled() => Ok(used),
                Ok(Err(error)) => Err(RunError::Controllers(error)),
                Ok(Ok(_)) | Err(_) => Err(RunError::Ended("controllers")),
            },
            () = in_time => {
                tracing::warn!("Not everything that was under way has ended");
                Ok(None)
            }
        };
        drained.cancel();
        let (elector, kept) = keeper
            .await
            .map_err(|_| RunError::Ended("renewal of the Lease"))?;
        kept?;
        elector.release(*ended.as_ref().unwrap_or(&None)).await?;
        tracing::info!("The Lease is given back");
        ended.map(drop)
    }

    fn context(&self, takeover: Takeover) -> Context {
        Context {
            config: self.config.clone(),
            client: self.client.clone(),
            gate: Gate::new(
                self.leadership(),
                self.config.writes,
                self.shown.metrics.clone(),
            ),
            events: self.events.clone(),
            metrics: self.shown.metrics.clone(),
            readiness: self.shown.readiness.clone(),
            takeover,
        }
    }

    fn leadership(&self) -> Leadership {
        self.shown.leadership.clone()
    }
}
