//! The loop that takes, keeps and gives back the Lease.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::election::{Election, Step};
use super::problem::Problem;
use super::{Leadership, Now, RENEW, RETRY, STANDBY, State, Takeover, VALID, is_younger, lease};
use crate::clock;
use crate::config::LEASE_NAME;
use crate::effect::Effect;
use crate::effect::points::{self, Phase};
use crate::k8s::{KubeError, MANAGER, at_once};
use crate::log;

/// For each call: a renewal that is not answered leaves time for another one.
const DEADLINE: Duration = Duration::from_secs(5);
/// The Lease may be written by one of our own calls that was given up, so a second try is fair.
const RELEASES: usize = 2;
/// Before the second try.
const BETWEEN_RELEASES: Duration = Duration::from_millis(500);
/// For giving the Lease back, all tries together. It comes on top of the drain, and both have to fit
/// into the time that a pod has to end.
const RELEASE: Duration = Duration::from_secs(8);

/// Why this process does not lead any more.
#[derive(Debug, thiserror::Error)]
pub enum LeaderError {
    /// Another process has the Lease.
    #[error("the Lease was lost to {0}")]
    Lost(String),
    /// The Lease was deleted or emptied.
    #[error("the Lease was deleted or emptied")]
    Gone,
    /// It could not be given back; the next leader waits until it has expired.
    #[error("the Lease could not be given back")]
    Release(#[source] KubeError),
}

/// What giving the Lease back came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It is free for the next leader.
    GivenBack,
    /// It was not held.
    NotHeld,
}

/// Takes, keeps and gives back the Lease.
pub struct Elector {
    api: Api<Lease>,
    namespace: String,
    election: Election,
    state: watch::Sender<State>,
}

impl Elector {
    /// An elector, and what it says to all effects. `me` is this process and no other, restarts
    /// included.
    #[must_use]
    pub fn new(client: Client, namespace: &str, me: String) -> (Self, Leadership) {
        let (sender, state) = watch::channel(State::default());
        let elector = Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            election: Election::new(me),
            state: sender,
        };
        (elector, Leadership { state })
    }

    /// Waits until this process leads; `None` when it has to stop before.
    pub async fn acquire(&mut self, stop: &CancellationToken) -> Option<Takeover> {
        let mut problem = Problem::new(
            "The Lease cannot be read or acquired",
            "The Lease can be read and acquired again",
        );
        while !stop.is_cancelled() {
            match self.reach(stop).await {
                Ok(Some(takeover)) => return Some(takeover),
                Ok(None) => problem.over(),
                Err(error) => problem.with(&error),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(STANDBY) => {}
            }
        }
        None
    }

    /// Reads the Lease, and takes it if it is free. Only the read is cut off by `stop`: of a write
    /// that was cut off nobody would know whether the Lease has to be given back.
    async fn reach(&mut self, stop: &CancellationToken) -> Result<Option<Takeover>, KubeError> {
        let holder = self.election.other_holder().map(str::to_owned);
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            read = self.read() => read?,
        }
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
        let how = self.election.left();
        let since = clock::now();
        Ok(Some(Takeover { since, how }))
    }

    /// Renews the Lease until it is to stop. While the API server does not answer, nothing may be
    /// sent, but the Lease is still ours as long as nobody has written it. Every retry waits.
    ///
    /// # Errors
    /// When it is ours no more.
    pub async fn keep(&mut self, stop: &CancellationToken) -> Result<(), LeaderError> {
        let mut problem = Problem::new("The Lease cannot be renewed", "The Lease is renewed again");
        let mut pause = RENEW;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
            // A renewal that is cut off may still come through; giving the Lease back reckons
            // with that.
            let renewed = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                renewed = self.renew_or_read() => renewed,
            };
            pause = match renewed {
                Ok(true) => {
                    problem.over();
                    RENEW
                }
                Ok(false) if self.election.is_ours() => RETRY,
                Ok(false) => return Err(self.lost()),
                Err(error) => {
                    problem.with(&error);
                    RETRY
                }
            };
        }
    }

    /// Renews the Lease, or finds out whose it is; gives whether it was renewed.
    async fn renew_or_read(&mut self) -> Result<bool, KubeError> {
        let Err(error) = self.renew().await else {
            return Ok(true);
        };
        self.read().await?;
        if self.election.is_deleted() && self.still_counts() {
            return self.create_again().await;
        }
        match error {
            // One of our own renewals that was given up may have come through.
            KubeError::Conflict | KubeError::NotFound => Ok(false),
            // A Lease that is not ours any more cannot be renewed, however that is worded.
            _ if !self.election.is_ours() => Ok(false),
            error => Err(error),
        }
    }

    /// Whether this process led until now: then nobody else can have led meanwhile.
    fn still_counts(&self) -> bool {
        is_younger(self.state.borrow().renewed, VALID, Now::read())
    }

    /// Creates the Lease again that somebody has deleted. Whoever has seen it leaves it alone for as
    /// long as if it were there.
    async fn create_again(&mut self) -> Result<bool, KubeError> {
        let begun = Now::read();
        let first = lease::new(&self.namespace, LEASE_NAME);
        let wanted = self.election.acquisition(first, begun);
        match self.write(Effect::LeaseAcquire, wanted, begun).await {
            Ok(()) => {
                tracing::warn!("The Lease was deleted, and is created again");
                Ok(true)
            }
            Err(KubeError::AlreadyExists) => {
                self.read().await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Who has the Lease, when it is no longer ours. From here on nothing may be sent.
    fn lost(&self) -> LeaderError {
        self.send_nothing_more();
        match self.election.other_holder() {
            Some(holder) => LeaderError::Lost(holder.to_owned()),
            None => LeaderError::Gone,
        }
    }

    fn send_nothing_more(&self) {
        self.state.send_modify(|state| state.renewed = None);
    }

    async fn renew(&mut self) -> Result<(), KubeError> {
        points::at(Effect::LeaseRenew, Phase::Before).await;
        let begun = Now::read();
        let wanted = self.election.renewal(begun).ok_or(KubeError::Conflict)?;
        self.write(Effect::LeaseRenew, wanted, begun).await
    }

    /// Gives the Lease back, if it was taken. From here on nothing may be sent.
    ///
    /// With `clean` the next leader trusts that nothing is under way. It is not when that is not
    /// known, or when the leader before this one ended without giving the Lease back so lately that
    /// its own calls may still be carried out.
    ///
    /// # Errors
    /// When it could not be given back, and so expires; or when it is no longer ours.
    pub async fn release(mut self, clean: bool) -> Result<Released, LeaderError> {
        self.send_nothing_more();
        if !self.election.reached() {
            return Ok(Released::NotHeld);
        }
        let released = tokio::time::timeout(RELEASE, self.give_back(clean)).await;
        let too_late = KubeError::TimedOut(RELEASE);
        released.unwrap_or(Err(LeaderError::Release(too_late)))
    }

    async fn give_back(&mut self, clean: bool) -> Result<Released, LeaderError> {
        let held = self.election.is_ours();
        let mut last = KubeError::Conflict;
        for nth in 0..RELEASES {
            if nth > 0 {
                tokio::time::sleep(BETWEEN_RELEASES).await;
            }
            // The last write may have come through without an answer.
            if nth > 0 || !held {
                self.read().await.map_err(LeaderError::Release)?;
            }
            points::at(Effect::LeaseRelease, Phase::Before).await;
            let Some(wanted) = self.election.release(clean, Now::read()) else {
                return match held {
                    false => Ok(Released::NotHeld),
                    true if self.election.is_free() => Ok(Released::GivenBack),
                    true => Err(self.lost()),
                };
            };
            match self.send(Effect::LeaseRelease, &wanted).await {
                Ok(_) => return Ok(Released::GivenBack),
                Err(error) => last = error,
            }
        }
        Err(LeaderError::Release(last))
    }

    async fn read(&mut self) -> Result<(), KubeError> {
        self.call_started();
        let lease = at_once(DEADLINE, self.api.get_opt(LEASE_NAME)).await?;
        let now = Now::read();
        self.election.saw(lease, now);
        // A Lease that nobody holds is about to be taken: until then this process neither leads nor
        // waits for one that does.
        if self.election.is_ours() || self.election.other_holder().is_some() {
            self.state.send_modify(|state| state.seen = Some(now));
        }
        Ok(())
    }

    /// Writes, and counts from when it was begun.
    async fn write(&mut self, effect: Effect, lease: Lease, begun: Now) -> Result<(), KubeError> {
        let written = self.send(effect, &lease).await?;
        let now = Now::read();
        self.election.saw(Some(written), now);
        self.state.send_modify(|state| {
            state.seen = Some(now);
            state.renewed = Some(begun);
        });
        Ok(())
    }

    /// For the health of this process: a call about the Lease is begun.
    fn call_started(&self) {
        self.state
            .send_modify(|state| state.tried = Some(clock::now()));
    }

    /// Creates or replaces; a replacement carries the resourceVersion that was read.
    async fn send(&self, effect: Effect, lease: &Lease) -> Result<Lease, KubeError> {
        let params = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        self.call_started();
        let start = clock::now();
        let answer = match lease.metadata.resource_version {
            None => at_once(DEADLINE, self.api.create(&params, lease)).await,
            Some(_) => at_once(DEADLINE, self.api.replace(LEASE_NAME, &params, lease)).await,
        };
        points::at(effect, Phase::Between).await;
        points::at(effect, Phase::After).await;
        if answer.is_ok() {
            log::lease(effect, start.until(clock::now()));
        }
        answer
    }
}
