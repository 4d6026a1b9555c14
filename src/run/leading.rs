//! The time as leader: the controllers work while the Lease is kept, then the drain, then the Lease
//! is given back.

use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::{Context, RunError};
use crate::cause::chain;
use crate::controllers::{self, ControllersError};
use crate::leader::{Elector, LeaderError, Released};

/// How long effects that are under way are waited for at the end.
const DRAIN: Duration = Duration::from_secs(8);

type Kept = Result<(Elector, Result<(), LeaderError>), JoinError>;

/// Leads until `stop`. The Lease is kept until the controllers have ended, as what they finish needs
/// it.
pub(super) async fn lead(
    context: Context,
    mut elector: Elector,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let drained = CancellationToken::new();
    let kept_until = drained.clone();
    let mut keeper = tokio::spawn(async move {
        let kept = elector.keep(&kept_until).await;
        (elector, kept)
    });
    let mut working = tokio::spawn(controllers::run(context, stop.clone()));
    let worked = tokio::select! {
        kept = &mut keeper => return hand_back(kept, false, stop).await,
        ended = &mut working => drained_to_its_end(ended, stop),
        () = drain_is_over(stop) => {
            tracing::warn!("The drain is over, and not everything that was under way has ended");
            Ok(false)
        }
    };
    drained.cancel();
    let clean = worked.as_ref().is_ok_and(|clean| *clean);
    hand_back(keeper.await, clean, stop).await?;
    worked.map(drop)
}

async fn drain_is_over(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN).await;
}

fn drained_to_its_end(
    ended: Result<Result<bool, ControllersError>, JoinError>,
    stop: &CancellationToken,
) -> Result<bool, RunError> {
    match ended {
        Ok(Ok(clean)) if stop.is_cancelled() => Ok(clean),
        Ok(Err(error)) => Err(RunError::Controllers(error)),
        Ok(Ok(_)) | Err(_) => Err(RunError::Ended("controllers")),
    }
}

/// Gives the Lease back, if it was kept. A leader that loses it at work ends with an error and starts
/// again as a standby; one that is shutting down ends well all the same.
async fn hand_back(kept: Kept, clean: bool, stop: &CancellationToken) -> Result<(), RunError> {
    match kept {
        Ok((elector, Ok(()))) => give_back(elector, clean).await,
        Ok((_, Err(error))) if stop.is_cancelled() => ends_without_the_lease(&error),
        Ok((_, Err(error))) => return Err(RunError::Leader(error)),
        Err(_) => return Err(RunError::Ended("renewal of the Lease")),
    }
    Ok(())
}

/// Gives the Lease back. To end without that is a clean end, too: `helm uninstall`, for one, takes
/// the rights away before the pod, and the Lease expires by itself.
pub(super) async fn give_back(elector: Elector, clean: bool) {
    match elector.release(clean).await {
        Ok(Released::GivenBack) => tracing::info!("The Lease is given back"),
        Ok(Released::NotHeld) => {}
        Err(error) => ends_without_the_lease(&error),
    }
}

fn ends_without_the_lease(error: &LeaderError) {
    let next = match error {
        LeaderError::Release(_) => "the next leader waits until the Lease expires",
        LeaderError::Lost(_) => "another process leads",
        LeaderError::Gone => "a process that has seen the Lease waits 15 s before it leads",
    };
    tracing::warn!(
        error = chain(error),
        "The operator ends without giving the Lease back; {next}"
    );
}
