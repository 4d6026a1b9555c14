//! Points at which a test stops, holds or panics the process. In a release build they do nothing.

use super::Effect;

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Phase {
    /// Nothing is sent yet; the live check follows.
    Before,
    /// The effect is applied, and this process has not handled the answer yet.
    Between,
    /// The answer is handled.
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
    const POLL: Duration = Duration::from_millis(20);

    /// `effect:phase[:n]`: the process aborts when it reaches the point for the nth time.
    static STOP: LazyLock<Option<(String, usize)>> = LazyLock::new(|| {
        let value = std::env::var(STOP_AT).ok()?;
        let mut parts = value.splitn(3, ':');
        let point = format!("{}:{}", parts.next()?, parts.next()?);
        let nth = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
        Some((point, nth))
    });
    /// `effect:phase[,effect:phase]=FILE`: the process waits at these points while the file exists.
    static HOLD: LazyLock<Option<(String, PathBuf)>> = LazyLock::new(|| {
        let value = std::env::var(HOLD_AT).ok()?;
        let (points, file) = value.split_once('=')?;
        Some((points.to_owned(), PathBuf::from(file)))
    });
    /// `effect:phase`: the reconcile that first reaches the point panics.
    static PANIC: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(PANIC_AT).ok());
    static PANICKED: AtomicBool = AtomicBool::new(false);
    static REACHED: AtomicUsize = AtomicUsize::new(0);

    pub(crate) async fn at(effect: Effect, phase: Phase) {
        let phase: &str = phase.into();
        let here = format!("{}:{phase}", effect.name());
        if let Some((point, nth)) = &*STOP
            && *point == here
            && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *nth
        {
            std::process::abort();
        }
        if PANIC.as_ref() == Some(&here) && !PANICKED.swap(true, Ordering::SeqCst) {
            #[allow(clippy::panic, reason = "a test asks for it")]
            {
                panic!("a test asks for it at {here}");
            }
        }
        if let Some((points, file)) = &*HOLD
            && points.split(',').any(|point| point == here)
        {
            while file.exists() {
                tokio::time::sleep(POLL).await;
            }
        }
    }
}
