//! The one way of every effect on Daily and on Kubernetes.
//!
//! Each effect has a name here. [`Gate::pass`] is the only way to have one: it asks whether writes
//! are enabled and whether this process still leads, makes the live check of the object, sends, and
//! lets a test stop the process before, between doing and reply, and after.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};

use crate::clock;
use crate::leader::Leadership;
use crate::log::{self, On};
use crate::metrics::Metrics;

/// From the start of the live check to the start of the send; longer, and it is checked again.
const FRESH: Duration = Duration::from_secs(2);
/// How often a check that took too long is made again before the effect is given up.
const CHECKS: usize = 3;

/// Everything that the operator can do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The finalizer is added to an object.
    FinalizerAdd,
    /// The record of an object is written.
    Record,
    /// The status of an object is written.
    Status,
    /// The finalizer of an object is removed.
    FinalizerRemove,
    /// A Secret is made.
    SecretCreate,
    /// A Secret is put right.
    SecretUpdate,
    /// A Secret is deleted.
    SecretDelete,
    /// A room is made.
    RoomCreate,
    /// A room is changed.
    RoomUpdate,
    /// A room is deleted.
    RoomDelete,
    /// A dial-in config is made.
    ConfigCreate,
    /// A dial-in config is changed.
    ConfigUpdate,
    /// A dial-in config is deleted.
    ConfigDelete,
    /// The Lease is taken.
    LeaseAcquire,
    /// The Lease is renewed.
    LeaseRenew,
    /// The Lease is given back.
    LeaseRelease,
}

impl Effect {
    /// Its name in logs, metrics and tests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FinalizerAdd => "finalizer-add",
            Self::Record => "record",
            Self::Status => "status",
            Self::FinalizerRemove => "finalizer-remove",
            Self::SecretCreate => "secret-create",
            Self::SecretUpdate => "secret-update",
            Self::SecretDelete => "secret-delete",
            Self::RoomCreate => "room-create",
            Self::RoomUpdate => "room-update",
            Self::RoomDelete => "room-delete",
            Self::ConfigCreate => "config-create",
            Self::ConfigUpdate => "config-update",
            Self::ConfigDelete => "config-delete",
            Self::LeaseAcquire => "lease-acquire",
            Self::LeaseRenew => "lease-renew",
            Self::LeaseRelease => "lease-release",
        }
    }
}

/// Why an effect was not sent.
#[derive(Debug, thiserror::Error)]
pub enum Barred {
    /// `--writes=disabled`.
    #[error("writes are disabled")]
    WritesDisabled,
    /// The Lease is not held, or was not renewed lately.
    #[error("this process does not lead")]
    NotLeading,
    /// The object is no longer what the effect was decided for.
    #[error("the object has changed: {0}")]
    Changed(&'static str),
    /// What is there is not what the effect was decided for.
    #[error("at Daily there is something else: {0}")]
    Unproven(&'static str),
    /// The live check could not be made.
    #[error("the object could not be read before the effect")]
    Unchecked(#[source] Box<dyn StdError + Send + Sync>),
    /// Again and again the check took too long.
    #[error("the object could not be read quickly enough before the effect")]
    Slow,
}

/// Why an effect did not come about.
#[derive(Debug, thiserror::Error)]
pub enum EffectError<E: StdError + 'static> {
    /// It was not sent.
    #[error("{} was not sent", .0.name())]
    Barred(Effect, #[source] Barred),
    /// It was sent and failed.
    #[error("{} failed", .0.name())]
    Failed(Effect, #[source] E),
}

/// What an effect is on, and the look at it right before, which says why the effect must not be.
#[derive(Clone)]
pub struct Check {
    read: Option<Arc<Read>>,
    on: Option<On>,
}

type Read = dyn Fn() -> BoxFuture<'static, Result<(), Barred>> + Send + Sync;

impl Check {
    /// For effects that carry uid and resourceVersion, which the API server checks itself.
    #[must_use]
    pub fn by_version() -> Self {
        Self {
            read: None,
            on: None,
        }
    }

    /// Reads the object.
    pub fn live<F>(read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Barred>> + Send + 'static,
    {
        Self {
            read: Some(Arc::new(move || read().boxed())),
            on: None,
        }
    }

    /// Names the object, for the log.
    #[must_use]
    pub fn on(self, on: On) -> Self {
        Self {
            on: Some(on),
            ..self
        }
    }

    async fn make(&self) -> Result<(), Barred> {
        match &self.read {
            Some(read) => read().await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.read.is_some() {
            "live"
        } else {
            "by version"
        })
    }
}

/// What every effect passes.
#[derive(Clone)]
pub struct Gate {
    leadership: Leadership,
    writes: bool,
    metrics: Metrics,
}

impl Gate {
    /// A gate for this leadership; without `writes` nothing passes.
    #[must_use]
    pub fn new(leadership: Leadership, writes: bool, metrics: Metrics) -> Self {
        Self {
            leadership,
            writes,
            metrics,
        }
    }

    /// Whether anything passes at all.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// Has an effect: checks, sends, and gives what was answered.
    ///
    /// # Errors
    /// When it was not sent, or failed.
    pub async fn pass<T, E: StdError + 'static>(
        &self,
        effect: Effect,
        check: &Check,
        send: impl Future<Output = Result<T, E>>,
    ) -> Result<T, EffectError<E>> {
        let start = clock::now();
        let had = match self.admit(effect, check).await {
            Ok(()) => {
                let answer = send.await;
                points::at(effect, points::Phase::Between).await;
                answer.map_err(|error| EffectError::Failed(effect, error))
            }
            Err(why) => Err(EffectError::Barred(effect, why)),
        };
        let took = start.until(clock::now());
        self.metrics.effect(effect, &had);
        log::effect(effect, check.on.as_ref(), &had, took);
        if !matches!(had, Err(EffectError::Barred(..))) {
            points::at(effect, points::Phase::After).await;
        }
        had
    }

    async fn admit(&self, effect: Effect, check: &Check) -> Result<(), Barred> {
        if !self.writes {
            return Err(Barred::WritesDisabled);
        }
        points::at(effect, points::Phase::Before).await;
        for _ in 0..CHECKS {
            let start = clock::now();
            check.make().await?;
            if !self.leadership.may_send() {
                return Err(Barred::NotLeading);
            }
            if start.until(clock::now()) <= FRESH {
                return Ok(());
            }
        }
        Err(Barred::Slow)
    }
}

/// Where a test stops the process. In a release build these do nothing.
pub(crate) mod points {
    use super::Effect;

    /// When, seen from the effect.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Phase {
        /// Nothing is sent yet; the live check comes after it.
        Before,
        /// It is done and nobody here knows.
        Between,
        /// The answer is known.
        After,
    }

    #[cfg(not(debug_assertions))]
    pub(crate) async fn at(_: Effect, _: Phase) {}

    #[cfg(debug_assertions)]
    pub(crate) use armed::at;

    #[cfg(debug_assertions)]
    mod armed {
        use std::path::PathBuf;
        use std::sync::LazyLock;
        use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
        use std::time::Duration;

        use super::{Effect, Phase};

        const STOP_AT: &str = "DAILY_OPERATOR_STOP_AT";
        const HOLD_AT: &str = "DAILY_OPERATOR_HOLD_AT";
        const PANIC_AT: &str = "DAILY_OPERATOR_PANIC_AT";
        const LOOK: Duration = Duration::from_millis(20);

        /// `effect:phase[:n]`: the process aborts the nth time it comes by.
        static STOP: LazyLock<Option<(String, usize)>> = LazyLock::new(|| {
            let value = std::env::var(STOP_AT).ok()?;
            let mut parts = value.splitn(3, ':');
            let point = format!("{}:{}", parts.next()?, parts.next()?);
            let nth = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
            Some((point, nth))
        });
        /// `effect:phase=FILE`: the process waits there while the file exists.
        static HOLD: LazyLock<Option<(String, PathBuf)>> = LazyLock::new(|| {
            let value = std::env::var(HOLD_AT).ok()?;
            let (point, file) = value.split_once('=')?;
            Some((point.to_owned(), PathBuf::from(file)))
        });
        /// `effect:phase`: the pass panics the first time that one comes by.
        static PANIC: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(PANIC_AT).ok());
        static PANICKED: AtomicBool = AtomicBool::new(false);
        static PASSED: AtomicUsize = AtomicUsize::new(0);

        pub(crate) async fn at(effect: Effect, phase: Phase) {
            let phase = match phase {
                Phase::Before => "before",
                Phase::Between => "between",
                Phase::After => "after",
            };
            let here = format!("{}:{phase}", effect.name());
            if let Some((point, nth)) = &*STOP
                && *point == here
                && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth
            {
                std::process::abort();
            }
            if PANIC.as_ref() == Some(&here) && !PANICKED.swap(true, Ordering::SeqCst) {
                #[allow(clippy::panic, reason = "a test asks for it")]
                {
                    panic!("a test asks for it at {here}");
                }
            }
            if let Some((point, file)) = &*HOLD
                && *point == here
            {
                while file.exists() {
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }
}
