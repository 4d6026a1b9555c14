//! Calls to the API server: their deadline, and their number at a time.

use std::sync::LazyLock;
use std::time::Duration;

use super::KubeError;
use crate::concurrency::Permits;

/// The deadline of a call. Watches have deadlines of their own.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// How many calls are in flight at a time. The API server rejects a client that takes too large a share
/// with 429: in tests it did with 512 calls, and 48 calls serve 3,000 DailyRooms in a few seconds.
const CONCURRENCY: usize = 48;
static PERMITS: LazyLock<Permits> = LazyLock::new(|| Permits::new(CONCURRENCY));

/// Makes a call about this namespace, once it may be in flight beside the others. A namespace whose calls
/// are slow, for example because of a webhook, keeps no other one waiting. The deadline starts with the
/// call.
///
/// # Errors
/// As [`within`].
pub async fn call<T>(
    namespace: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubeError> {
    let _permit = PERMITS.queue(namespace).await;
    within(DEADLINE, call).await
}

/// Makes a call without waiting for others. For the Lease, which the operator must not lose because it is
/// busy, and for the few calls outside of reconciles.
///
/// # Errors
/// When the API server answers with an error, or not within the deadline.
pub async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubeError> {
    match tokio::time::timeout(deadline, call).await {
        Ok(answer) => answer.map_err(KubeError::from),
        Err(_) => Err(KubeError::TimedOut(deadline)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_is_not_answered_ends() {
        let never = std::future::pending::<kube::Result<()>>();
        let error = within(Duration::from_millis(1), never).await.unwrap_err();
        assert!(matches!(error, KubeError::TimedOut(_)), "{error:?}");
    }
}
