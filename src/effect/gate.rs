//! The gate that every effect passes: are writes enabled, is the object unchanged, does this process
//! still lead?

use std::error::Error as StdError;

use futures::future::{BoxFuture, FutureExt};

use super::test_points::{self, Phase};
use super::{Blocked, Effect, EffectError};
use crate::clock;
use crate::k8s::{DEADLINE, KubeError};
use crate::leader::Leadership;
use crate::log::{self, On};
use crate::metrics::Metrics;

/// The live check of an effect, and the object for the log.
pub struct Check {
    read: Option<BoxFuture<'static, Result<(), Blocked>>>,
    on: Option<On>,
}

impl Check {
    /// No live check: the write carries uid and resourceVersion, which the API server checks.
    pub fn by_version() -> Self {
        Self {
            read: None,
            on: None,
        }
    }

    /// A live check that reads the object when the effect is about to be sent.
    pub fn live(read: impl Future<Output = Result<(), Blocked>> + Send + 'static) -> Self {
        Self {
            read: Some(read.boxed()),
            on: None,
        }
    }

    /// The same live check, with one more condition after it.
    #[must_use]
    pub fn and(self, condition: impl FnOnce() -> Result<(), Blocked> + Send + 'static) -> Self {
        let read = self.read.map(|read| {
            let both = async move { read.await.and_then(|()| condition()) };
            both.boxed()
        });
        Self { read, ..self }
    }

    /// Names the object for the log.
    #[must_use]
    pub fn on(self, on: On) -> Self {
        Self {
            on: Some(on),
            ..self
        }
    }
}

/// The gate that every effect passes.
#[derive(Clone)]
pub struct Gate {
    leadership: Leadership,
    writes: bool,
    metrics: Metrics,
}

impl Gate {
    /// A gate for this leadership. Without `writes` it blocks every effect.
    pub fn new(leadership: Leadership, writes: bool, metrics: Metrics) -> Self {
        Self {
            leadership,
            writes,
            metrics,
        }
    }

    /// Whether writes are enabled.
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// Checks the preconditions of an effect and sends it.
    ///
    /// # Errors
    /// When a precondition failed, or the effect was sent and failed.
    pub async fn pass<T, E: StdError + 'static>(
        &self,
        effect: Effect,
        check: Check,
        send: impl Future<Output = Result<T, E>>,
    ) -> Result<T, EffectError<E>> {
        let start = clock::now();
        let Check { read, on } = check;
        let result = match self.admit(effect, read).await {
            Ok(()) => {
                let answer = send.await;
                test_points::at(effect, Phase::Between).await;
                answer.map_err(|error| EffectError::Failed(effect, error))
            }
            Err(why) => Err(EffectError::Blocked(effect, why)),
        };
        let took = start.until(clock::now());
        self.metrics.effect(effect, &result);
        log::effect(effect, on.as_ref(), &result, took);
        if !matches!(result, Err(EffectError::Blocked(..))) {
            test_points::at(effect, Phase::After).await;
        }
        result
    }

    async fn admit(
        &self,
        effect: Effect,
        read: Option<BoxFuture<'static, Result<(), Blocked>>>,
    ) -> Result<(), Blocked> {
        if !self.writes {
            return Err(Blocked::WritesDisabled);
        }
        test_points::at(effect, Phase::Before).await;
        if let Some(read) = read {
            // A slow API server must not hold up the slots of Daily's rate limit that the write has taken.
            let checked = tokio::time::timeout(DEADLINE, read).await;
            let late = |_| Blocked::Unchecked(KubeError::TimedOut(DEADLINE));
            checked.map_err(late)??;
        }
        match self.leadership.may_send() {
            true => Ok(()),
            false => Err(Blocked::NotLeading),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// The check may take seconds, in which another process may become the leader.
    #[tokio::test]
    async fn an_effect_is_sent_if_this_process_leads_after_the_live_check() {
        let passes = async |leadership, writes| {
            let gate = Gate::new(leadership, writes, Metrics::default());
            let (checked, sent) = (Arc::new(AtomicBool::default()), Cell::new(false));
            let reads = Arc::clone(&checked);
            let check = Check::live(async move {
                reads.store(true, Ordering::Relaxed);
                Ok(())
            });
            let send = async {
                sent.set(true);
                Ok::<_, KubeError>(())
            };
            let passed = gate.pass(Effect::RoomCreate, check, send).await;
            let why = passed.err().map(|it| crate::cause::chain(&it));
            (checked.load(Ordering::Relaxed), sent.get(), why)
        };
        let (leads, blind) = (Leadership::for_tests, Leadership::blind_for_tests);
        assert_eq!(passes(leads(), true).await, (true, true, None));
        let blocked = |why: &str| Some(format!("room-create was not sent: {why}"));
        let not_leading = blocked("this process is not the leader");
        assert_eq!(passes(blind(), true).await, (true, false, not_leading));
        let disabled = blocked("writes are disabled");
        assert_eq!(passes(leads(), false).await, (false, false, disabled));
    }
}
