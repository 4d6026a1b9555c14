//! The node loses its power, and a namespace goes with its rooms.

use std::time::Duration;

use super::error::{StoryError, seen};
use super::look;
use super::report::{Failed, Report, say};
use super::rooms;
use super::sim;
use super::stage::{OPERATOR, Stage, TEAM};

/// For a namespace with rooms to go.
const DELETED_WITHIN: &str = "--timeout=60s";
const DOOMED: &str = "team-b";
/// For a room once all pods run again.
const SOON: Duration = Duration::from_secs(30);

/// Tells it.
///
/// # Errors
/// The check that failed.
pub async fn tell(stage: &mut Stage, report: &mut Report) -> Result<(), Failed> {
    let name = "the node loses its power and boots again: same PINs, and new rooms work";
    report.check(name, reboot(stage)).await?;
    let name = "a namespace with rooms is deleted: nothing sticks, and the rooms are gone at Daily";
    report.check(name, delete(stage)).await
}

async fn reboot(stage: &mut Stage) -> Result<(), StoryError> {
    let before = look::secrets(stage.cluster(), TEAM).await?;
    stage.node.reboot().await?;
    let cluster = stage.cluster();
    look::available(cluster, sim::NAMESPACE, "daily-sim").await?;
    look::available(cluster, OPERATOR, "daily-operator").await?;
    rooms::room_within(cluster, "after-reboot", SOON).await?;
    let after = look::secrets(cluster, TEAM).await?;
    match before
        .iter()
        .all(|(name, data)| after.get(name) == Some(data))
    {
        true => Ok(()),
        false => seen(format!("Secrets have changed: {before:?} became {after:?}")),
    }
}

async fn delete(stage: &mut Stage) -> Result<(), StoryError> {
    let cluster = stage.cluster();
    cluster.run(&["create", "namespace", DOOMED]).await?;
    let before = sim::rooms(cluster).await?.len();
    for name in ["one", "two", "three"] {
        rooms::room(cluster, DOOMED, name, "8h").await?;
    }
    say(cluster
        .run(&["delete", "namespace", DOOMED, DELETED_WITHIN])
        .await?);
    match sim::rooms(cluster).await?.len() {
        left if left == before => Ok(()),
        left => seen(format!("Daily has {left} rooms, and had {before} before")),
    }
}
