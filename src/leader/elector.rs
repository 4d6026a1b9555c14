//! The loop that takes, keeps and gives back the Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::election::{Election, Step};
use super::{Leadership, Now, RENEW, RETRY, Takeover, Used, lease};
use crate::clock;
use crate::config::LEASE_NAME;
use crate::effect::Effect;
use crate::effect::points::{self, Phase};
use crate::kube::{KubeError, MANAGER, within};
use crate::telemetry::chain;

/// For each call: a renewal that is not answered leaves time for another one.
const DEADLINE: Duration = Duration::from_secs(5);
/// The Lease may be written by one of our own calls that was given up, so a second try is fair.
const RELEASES: usize = 2;

/// Why this process leads no more.
#[derive(Debug, thiserror::Error)]
pub enum LeaderError {
    /// Another process has the Lease.
    #[error("the Lease was lost to {0}")]
    Lost(String),
    /// The Lease was deleted or emptied.
    #[error("the Lease was taken away")]
    Gone,
    /// It could not be given back; the next leader waits until it has expired.
    #[error("the Lease could not be given back")]
    Release(#[source] KubeError),
}

/// Takes, keeps and gives back the Lease.
pub struct Elector {
    api: Api<Lease>,
    namespace: String,
    election: Election,
    renewed: watch::Sender<Option<Now>>,
}

impl Elector {
    /// An elector, and what it says to all effects. `me` is this process and no other, restarts
    /// included.
    #[must_use]
    pub fn new(client: Client, namespace: &str, me: String) -> (Self, Leadership) {
        let (sender, renewed) = watch::channel(None);
        let elector = Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            election: Election::new(me),
            renewed: sender,
        };
        (elector, Leadership { renewed })
    }

    /// Waits until this process leads; `None` when it is to stop. `looked` is told each time that
    /// the Lease was read: from then on this process is a standby.
    pub async fn acquire(
        &mut self,
        stop: &CancellationToken,
        looked: impl Fn(),
    ) -> Option<Takeover> {
        while !stop.is_cancelled() {
            match self.reach(&looked).await {
                Ok(Some(takeover)) => return Some(takeover),
                Ok(None) => {}
                Err(error) => warn(&error, "The Lease cannot be taken"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(RETRY) => {}
            }
        }
        None
    }

    async fn reach(&mut self, looked: &impl Fn()) -> Result<Option<Takeover>, KubeError> {
        let holder = self.election.other_holder().map(str::to_owned);
        self.read().await?;
        looked();
        if self.election.decide(Now::read()) == Step::Wait {
            match self.election.other_holder() {
                now if now == holder.as_deref() => {}
                now => tracing::info!(holder = now, "Waiting for the Lease"),
            }
            return Ok(None);
        }
        points::at(Effect::LeaseAcquire, Phase::Before).await;
        let begun = Now::read();
        let first = lease::new(&self.namespace, LEASE_NAME);
        let wanted = self.election.acquisition(first, begun);
        match self.write(Effect::LeaseAcquire, wanted, begun).await {
            Ok(()) => {}
            // Another one was faster.
            Err(KubeError::Conflict | KubeError::AlreadyExists) => return Ok(None),
            Err(error) => return Err(error),
        }
        let how = self.election.left(Now::read());
        let since = clock::now();
        Ok(Some(Takeover { since, how }))
    }

    /// Renews the Lease until it is to stop. While the API server does not answer, nothing may be
    /// sent, but the Lease is still ours as long as nobody has written it.
    ///
    /// # Errors
    /// When it is ours no more.
    pub async fn keep(&mut self, stop: &CancellationToken) -> Result<(), LeaderError> {
        let mut pause = RENEW;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
            pause = match self.renew().await {
                Ok(()) => RENEW,
                // One of our own renewals that was given up may have come through.
                Err(KubeError::Conflict | KubeError::NotFound) => match self.read().await {
                    Ok(()) => self.still_ours().map(|()| Duration::ZERO)?,
                    Err(error) => {
                        warn(&error, "The Lease cannot be read");
                        RETRY
                    }
                },
                Err(error) => {
                    warn(&error, "The Lease cannot be renewed");
                    RETRY
                }
            };
        }
    }

    fn still_ours(&self) -> Result<(), LeaderError> {
        if self.election.is_ours() {
            return Ok(());
        }
        self.renewed.send_replace(None);
        match self.election.other_holder() {
            Some(holder) => Err(LeaderError::Lost(holder.to_owned())),
            None => Err(LeaderError::Gone),
        }
    }

    async fn renew(&mut self) -> Result<(), KubeError> {
        points::at(Effect::LeaseRenew, Phase::Before).await;
        let begun = Now::read();
        let wanted = self.election.renewal(begun).ok_or(KubeError::Conflict)?;
        self.write(Effect::LeaseRenew, wanted, begun).await
    }

    /// Gives the Lease back, if it was taken. From here on nothing may be sent.
    ///
    /// With `used` the next leader trusts that nothing is under way and that no more than this was
    /// sent. Give none when either is not known, or when the leader before this one ended without
    /// giving the Lease back so lately that its own calls may still be carried out.
    ///
    /// # Errors
    /// When it could not be given back; it then expires.
    pub async fn release(mut self, used: Option<Used>) -> Result<(), LeaderError> {
        self.renewed.send_replace(None);
        if !self.election.reached() {
            return Ok(());
        }
        let mut last = KubeError::Conflict;
        for _ in 0..RELEASES {
            if !self.election.is_ours() {
                self.read().await.map_err(LeaderError::Release)?;
            }
            points::at(Effect::LeaseRelease, Phase::Before).await;
            let Some(wanted) = self.election.release(used, Now::read()) else {
                return Ok(());
            };
            match self.send(Effect::LeaseRelease, &wanted).await {
                Ok(_) | Err(KubeError::NotFound) => return Ok(()),
                Err(error) => last = error,
            }
            self.read().await.map_err(LeaderError::Release)?;
        }
        Err(LeaderError::Release(last))
    }

    async fn read(&mut self) -> Result<(), KubeError> {
        let lease = within(DEADLINE, self.api.get_opt(LEASE_NAME)).await?;
        self.election.saw(lease, Now::read());
        Ok(())
    }

    /// Writes, and counts from when it was begun.
    async fn write(&mut self, effect: Effect, lease: Lease, begun: Now) -> Result<(), KubeError> {
        let written = self.send(effect, &lease).await?;
        self.election.saw(Some(written), Now::read());
        self.renewed.send_replace(Some(begun));
        Ok(())
    }

    /// Creates or replaces; a replacement carries the resourceVersion that was read.
    async fn send(&self, effect: Effect, lease: &Lease) -> Result<Lease, KubeError> {
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        let answer = match lease.metadata.resource_version {
            None => within(DEADLINE, self.api.create(&params, lease)).await,
            Some(_) => within(DEADLINE, self.api.replace(LEASE_NAME, &params, lease)).await,
        };
        points::at(effect, Phase::Between).await;
        points::at(effect, Phase::After).await;
        answer
    }
}

fn warn(error: &KubeError, what: &'static str) {
    tracing::warn!(error = chain(error), "{what}");
}
