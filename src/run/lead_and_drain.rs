//! The time as leader: the controllers run while the Lease is renewed; then the drain, then the release
//! of the Lease.

use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::RunError;
use crate::cause::chain;
use crate::controllers::{self, Context};
use crate::leader::{Elector, LeaderError, Released};

/// How long a stopping leader waits for its last reconciles. The drain and the release of the Lease must
/// fit into the termination grace period of a pod.
const DRAIN_DEADLINE: Duration = Duration::from_secs(8);

type Kept = Result<(Elector, Result<(), LeaderError>), JoinError>;

/// Leads until `stop` is cancelled. Renewals continue until the controllers have ended, because their
/// last effects need the Lease.
pub(super) async fn lead(context: Context, mut elector: Elector) -> Result<(), RunError> {
    let stop = &context.stop.clone();
    let drained = CancellationToken::new();
    let kept_until = drained.clone();
    let mut keeper = tokio::spawn(async move {
        let kept = elector.keep(&kept_until).await;
        (elector, kept)
    });
    let mut working = tokio::spawn(controllers::run(context));
    let worked = tokio::select! {
        kept = &mut keeper => return end(kept, false, stop).await,
        ended = &mut working => outcome(ended, stop),
        () = drain_deadline(stop) => {
            tracing::warn!("The drain timed out; some reconciles have not ended");
            Ok(false)
        }
    };
    drained.cancel();
    let clean = worked.as_ref().is_ok_and(|clean| *clean);
    end(keeper.await, clean, stop).await?;
    worked.map(drop)
}

async fn drain_deadline(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN_DEADLINE).await;
}

/// Whether the next leader may trust that no write is in flight. Controllers that end by themselves are
/// an error.
fn outcome(
    ended: Result<Result<bool, JoinError>, JoinError>,
    stop: &CancellationToken,
) -> Result<bool, RunError> {
    match ended {
        Ok(Ok(clean)) if stop.is_cancelled() => Ok(clean),
        Ok(Err(error)) => Err(RunError::Controllers(error)),
        Ok(Ok(_)) | Err(_) => Err(RunError::Ended("controllers")),
    }
}

/// Releases the Lease if this process still holds it. A leader that loses the Lease ends with an error
/// and restarts as a standby; if it is shutting down anyway, that is no error.
async fn end(kept: Kept, clean: bool, stop: &CancellationToken) -> Result<(), RunError> {
    match kept {
        Ok((elector, Ok(()))) => release(elector, clean).await,
        Ok((_, Err(error))) if stop.is_cancelled() => log_unreleased(&error),
        Ok((_, Err(error))) => return Err(RunError::Leader(error)),
        Err(_) => return Err(RunError::Ended("renewal of the Lease")),
    }
    Ok(())
}

/// Releases the Lease. A failure is only logged, because the Lease expires by itself: `helm uninstall`,
/// for example, deletes the operator's permissions before the pod ends.
pub(super) async fn release(elector: Elector, clean: bool) {
    match elector.release(clean).await {
        Ok(Released::Free) => tracing::info!("The Lease is released"),
        Ok(Released::NotHeld) => {}
        Err(error) => log_unreleased(&error),
    }
}

fn log_unreleased(error: &LeaderError) {
    let next = match error {
        LeaderError::Release(_) => "the next leader waits until the Lease expires",
        LeaderError::Lost(_) => "another process is the leader",
        LeaderError::Gone => "a standby that has seen the Lease waits 15 s before it leads",
    };
    tracing::warn!(
        error = chain(error),
        "The operator ends without releasing the Lease; {next}"
    );
}
