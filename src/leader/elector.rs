//! The loop that acquires, renews and releases the Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::observed_lease::ObservedLease;
use super::{
    Leadership, Now, RENEWAL_VALIDITY, RETRY_INTERVAL, STANDBY_INTERVAL, State, Takeover,
    is_recent, lease,
};
use crate::cause::{Recurring, chain};
use crate::clock;
use crate::config::LEASE_NAME;
use crate::effect::Effect;
use crate::effect::test_points::{self, Phase};
use crate::k8s::{KubeError, MANAGER, within};
use crate::log;

/// For each request. A renewal that gets no response leaves time for another one within
/// [`RENEWAL_VALIDITY`].
const DEADLINE: Duration = Duration::from_secs(5);
/// A second attempt helps if the first one conflicts with an earlier write of our own that got no
/// response.
const RELEASE_ATTEMPTS: usize = 2;
const RELEASE_RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// For all attempts to release the Lease. The release follows the drain, and both must fit into the
/// termination grace period of a pod.
const RELEASE_DEADLINE: Duration = Duration::from_secs(8);

/// Why this process is no longer the leader, or could not release the Lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaderError {
    #[error("this process lost the Lease to {0}")]
    Lost(String),
    #[error("the Lease was deleted or emptied")]
    Gone,
    /// The next leader waits until the Lease expires.
    #[error("the Lease could not be released")]
    Release(#[source] KubeError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The next leader can acquire it.
    Free,
    /// This process did not hold it.
    NotHeld,
}

pub struct Elector {
    api: Api<Lease>,
    namespace: String,
    observed: ObservedLease,
    state: watch::Sender<State>,
}

impl Elector {
    /// An elector, and the leadership that it publishes. `me` must identify this process uniquely,
    /// across restarts, too.
    pub fn new(client: Client, namespace: &str, me: String) -> (Self, Leadership) {
        let (sender, state) = watch::channel(State::default());
        let elector = Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            observed: ObservedLease::new(me),
            state: sender,
        };
        (elector, Leadership { state })
    }

    /// Waits until this process is the leader; `None` if `stop` is cancelled before.
    pub async fn acquire(&mut self, stop: &CancellationToken) -> Option<Takeover> {
        let mut failure = Recurring::default();
        while !stop.is_cancelled() {
            match self.try_acquire(stop).await {
                Ok(Some(takeover)) => return Some(takeover),
                Ok(None) => {
                    if failure.succeeded() {
                        tracing::info!("The Lease can be read and acquired again");
                    }
                }
                Err(error) => {
                    let error = chain(&error);
                    if failure.failed(&error) {
                        tracing::warn!(error, "The Lease cannot be read or acquired");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(STANDBY_INTERVAL) => {}
            }
        }
        None
    }

    /// Reads the Lease, and acquires it if it is free or expired. `stop` cancels only the read: after a
    /// cancelled write this process would not know whether it has to release the Lease.
    async fn try_acquire(
        &mut self,
        stop: &CancellationToken,
    ) -> Result<Option<Takeover>, KubeError> {
        let last_holder = self.observed.other_holder().map(str::to_owned);
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            read = self.read() => read?,
        }
        if !self.observed.may_acquire(Now::read()) {
            let holder = self.observed.other_holder();
            if holder != last_holder.as_deref() {
                tracing::info!(holder, "Waiting for the Lease");
            }
            return Ok(None);
        }
        test_points::at(Effect::LeaseAcquire, Phase::Before).await;
        match self.write_acquisition().await {
            Ok(()) => Ok(Some(Takeover {
                since: clock::now(),
                previous: self.observed.previous(),
            })),
            // Another process was faster.
            Err(KubeError::Conflict | KubeError::AlreadyExists) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Renews the Lease until `stop` is cancelled. While the API server does not answer, this process may
    /// not send, but it keeps the Lease as long as nobody else acquires it.
    ///
    /// # Errors
    /// When this process no longer holds the Lease.
    pub async fn keep(&mut self, stop: &CancellationToken) -> Result<(), LeaderError> {
        let mut failure = Recurring::default();
        let mut pause = self.state.borrow().until_renewal(Now::read());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
            // A cancelled renewal may still be applied; releasing the Lease takes that into account.
            let renewed = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                renewed = self.renew_or_read() => renewed,
            };
            pause = match renewed {
                Ok(true) => {
                    if failure.succeeded() {
                        tracing::info!("The Lease is renewed again");
                    }
                    self.state.borrow().until_renewal(Now::read())
                }
                Ok(false) if self.observed.is_ours() => RETRY_INTERVAL,
                Ok(false) => return Err(self.lost()),
                Err(error) => {
                    let error = chain(&error);
                    if failure.failed(&error) {
                        tracing::warn!(error, "The Lease cannot be renewed");
                    }
                    RETRY_INTERVAL
                }
            };
        }
    }

    /// Renews the Lease, or reads who holds it. Returns whether it was renewed.
    async fn renew_or_read(&mut self) -> Result<bool, KubeError> {
        let Err(error) = self.renew().await else {
            return Ok(true);
        };
        self.read().await?;
        // If this process has led until now, no other one can have led meanwhile.
        let renewed = self.state.borrow().renewed;
        if self.observed.is_deleted() && is_recent(renewed, RENEWAL_VALIDITY, Now::read()) {
            return self.recreate().await;
        }
        match error {
            // An earlier renewal that got no response may have been applied.
            KubeError::Conflict | KubeError::NotFound => Ok(false),
            // Whatever the error, a Lease that another process holds cannot be renewed.
            _ if !self.observed.is_ours() => Ok(false),
            error => Err(error),
        }
    }

    /// Recreates the Lease after someone deleted it. The other processes wait for a deleted Lease to
    /// expire, too.
    async fn recreate(&mut self) -> Result<bool, KubeError> {
        match self.write_acquisition().await {
            Ok(()) => {
                tracing::warn!("The Lease was deleted; the operator has recreated it");
                Ok(true)
            }
            Err(KubeError::AlreadyExists) => {
                self.read().await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the leadership, because this process no longer holds the Lease.
    fn lost(&self) -> LeaderError {
        self.end_leadership();
        match self.observed.other_holder() {
            Some(holder) => LeaderError::Lost(holder.to_owned()),
            None => LeaderError::Gone,
        }
    }

    fn end_leadership(&self) {
        self.state.send_modify(|state| state.renewed = None);
    }

    /// Ends the leadership and releases the Lease. With `clean` the next leader trusts that no effect of
    /// this one is still in flight.
    ///
    /// # Errors
    /// When the Lease could not be released and expires by itself, or another process holds it.
    pub async fn release(mut self, clean: bool) -> Result<Released, LeaderError> {
        self.end_leadership();
        if !self.observed.was_claimed() {
            return Ok(Released::NotHeld);
        }
        let released = tokio::time::timeout(RELEASE_DEADLINE, self.try_release(clean)).await;
        released.unwrap_or(Err(LeaderError::Release(KubeError::TimedOut(
            RELEASE_DEADLINE,
        ))))
    }

    async fn try_release(&mut self, clean: bool) -> Result<Released, LeaderError> {
        let held = self.observed.is_ours();
        let mut last = KubeError::Conflict;
        for attempt in 0..RELEASE_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(RELEASE_RETRY_INTERVAL).await;
            }
            // The last write may have been applied without a response.
            if attempt > 0 || !held {
                self.read().await.map_err(LeaderError::Release)?;
            }
            test_points::at(Effect::LeaseRelease, Phase::Before).await;
            let Some(wanted) = self.observed.release(clean, Now::read()) else {
                return match held {
                    false => Ok(Released::NotHeld),
                    true if self.observed.is_free() => Ok(Released::Free),
                    true => Err(self.lost()),
                };
            };
            match self.send(Effect::LeaseRelease, &wanted).await {
                Ok(_) => return Ok(Released::Free),
                Err(error) => last = error,
            }
        }
        Err(LeaderError::Release(last))
    }

    async fn read(&mut self) -> Result<(), KubeError> {
        self.request_started();
        let lease = within(DEADLINE, self.api.get_opt(LEASE_NAME)).await?;
        let now = Now::read();
        self.observed.observe(lease, now);
        // A free Lease is about to be acquired. Until then this process neither leads nor waits for a
        // leader, so it is not ready.
        if self.observed.is_ours() || self.observed.other_holder().is_some() {
            self.state.send_modify(|state| state.observed = Some(now));
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), KubeError> {
        test_points::at(Effect::LeaseRenew, Phase::Before).await;
        let start = Now::read();
        let wanted = self.observed.renewal(start).ok_or(KubeError::Conflict)?;
        self.write(Effect::LeaseRenew, wanted, start).await
    }

    async fn write_acquisition(&mut self) -> Result<(), KubeError> {
        let start = Now::read();
        let first = lease::new(&self.namespace, LEASE_NAME);
        let wanted = self.observed.acquisition(first, start);
        self.write(Effect::LeaseAcquire, wanted, start).await
    }

    /// Writes the Lease. The leadership counts from the start of the write.
    async fn write(&mut self, effect: Effect, lease: Lease, start: Now) -> Result<(), KubeError> {
        let written = self.send(effect, &lease).await?;
        let now = Now::read();
        self.observed.observe(Some(written), now);
        self.state.send_modify(|state| {
            state.observed = Some(now);
            state.renewed = Some(start);
        });
        Ok(())
    }

    fn request_started(&self) {
        let now = Some(clock::now());
        self.state.send_modify(|state| state.requested = now);
    }

    /// Creates or replaces the Lease; a replacement carries the resourceVersion that was read.
    async fn send(&self, effect: Effect, lease: &Lease) -> Result<Lease, KubeError> {
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        self.request_started();
        let start = clock::now();
        let answer = match lease.metadata.resource_version {
            None => within(DEADLINE, self.api.create(&params, lease)).await,
            Some(_) => within(DEADLINE, self.api.replace(LEASE_NAME, &params, lease)).await,
        };
        test_points::at(effect, Phase::Between).await;
        test_points::at(effect, Phase::After).await;
        if answer.is_ok() {
            log::lease(effect, start.until(clock::now()));
        }
        answer
    }
}

#[cfg(test)]
mod tests;
