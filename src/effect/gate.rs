//! The gate that every effect passes: are writes enabled, is the object unchanged, does this process
//! still lead?

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};

use super::points::{self, Phase};
use super::{Blocked, Effect, EffectError};
use crate::clock;
use crate::leader::Leadership;
use crate::log::{self, On};
use crate::metrics::Metrics;

/// How old the start of a live check may be when the effect is sent. A GET takes milliseconds; a
/// slower one may show a state that is already outdated.
const FRESH: Duration = Duration::from_secs(2);
/// How often a live check is made before the effect is blocked. Then the reconcile backs off.
const CHECKS: usize = 3;

/// The live check of an effect, and the object for the log.
#[derive(Clone)]
pub struct Check {
    read: Option<Arc<Read>>,
    on: Option<On>,
}

type Read = dyn Fn() -> BoxFuture<'static, Result<(), Blocked>> + Send + Sync;

impl Check {
    /// No live check: the write carries uid and resourceVersion, which the API server checks.
    #[must_use]
    pub fn by_version() -> Self {
        Self {
            read: None,
            on: None,
        }
    }

    /// A live check that reads the object.
    pub fn live<F>(read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Blocked>> + Send + 'static,
    {
        Self {
            read: Some(Arc::new(move || read().boxed())),
            on: None,
        }
    }

    /// Names the object for the log.
    #[must_use]
    pub fn on(self, on: On) -> Self {
        Self {
            on: Some(on),
            ..self
        }
    }

    async fn make(&self) -> Result<(), Blocked> {
        match &self.read {
            Some(read) => read().await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.read.is_some() {
            "live"
        } else {
            "by version"
        };
        f.write_str(kind)
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
    #[must_use]
    pub fn new(leadership: Leadership, writes: bool, metrics: Metrics) -> Self {
        Self {
            leadership,
            writes,
            metrics,
        }
    }

    /// Whether writes are enabled.
    #[must_use]
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
        check: &Check,
        send: impl Future<Output = Result<T, E>>,
    ) -> Result<T, EffectError<E>> {
        let start = clock::now();
        let result = match self.admit(effect, check).await {
            Ok(()) => {
                let answer = send.await;
                points::at(effect, Phase::Between).await;
                answer.map_err(|error| EffectError::Failed(effect, error))
            }
            Err(why) => Err(EffectError::Blocked(effect, why)),
        };
        let took = start.until(clock::now());
        self.metrics.effect(effect, &result);
        log::effect(effect, check.on.as_ref(), &result, took);
        if !matches!(result, Err(EffectError::Blocked(..))) {
            points::at(effect, Phase::After).await;
        }
        result
    }

    async fn admit(&self, effect: Effect, check: &Check) -> Result<(), Blocked> {
        if !self.writes {
            return Err(Blocked::WritesDisabled);
        }
        points::at(effect, Phase::Before).await;
        for _ in 0..CHECKS {
            let start = clock::now();
            check.make().await?;
            if !self.leadership.may_send() {
                return Err(Blocked::NotLeading);
            }
            if start.until(clock::now()) <= FRESH {
                return Ok(());
            }
        }
        Err(Blocked::Slow)
    }
}
