//! The node loses power, and a user deletes a namespace with rooms.

use std::collections::BTreeSet;
use std::time::Duration;

use testbed::{Cluster, Look, eventually};

use super::error::{StoryError, seen};
use super::look::{self, text};
use super::report::{Failed, Report, say};
use super::rooms;
use super::sim;
use super::stage::{OPERATOR, Stage, TEAM};

/// How long kubectl waits for the deletion of a namespace with rooms.
const DELETED_WITHIN: &str = "--timeout=60s";
const DOOMED: &str = "team-b";
/// How long all containers may take to restart.
const RESTARTED_WITHIN: Duration = Duration::from_secs(120);
/// How long a room may take once all pods run again.
const SOON: Duration = Duration::from_secs(30);

/// Runs the checks of this chapter.
///
/// # Errors
/// The check that failed.
pub async fn run(stage: &mut Stage, report: &mut Report) -> Result<(), Failed> {
    let name = "the node loses power and boots again: same PINs, and new rooms work";
    report.check(name, reboot(stage)).await?;
    let name =
        "a namespace with rooms is deleted: nothing is stuck, and the rooms are deleted at Daily";
    report.check(name, delete(stage)).await
}

async fn reboot(stage: &mut Stage) -> Result<(), StoryError> {
    let before = look::secrets(stage.cluster(), TEAM).await?;
    let old = containers(stage.cluster()).await?;
    stage.node.reboot().await?;
    let cluster = stage.cluster();
    // Until the kubelet updates their status, pods show the containers from before the reboot.
    let restarted = eventually("all containers are new", RESTARTED_WITHIN, async || {
        let now = containers(cluster).await?;
        Ok::<_, StoryError>(match now.is_disjoint(&old) {
            true => Look::Done(()),
            false => Look::NotYet(format!("{now:?}")),
        })
    });
    restarted.await?;
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

/// The ids of the containers of the operator and the simulated Daily.
async fn containers(cluster: &Cluster) -> Result<BTreeSet<String>, StoryError> {
    let mut all = BTreeSet::new();
    for namespace in [OPERATOR, sim::NAMESPACE] {
        let pods = look::list(cluster, namespace, "pods").await?;
        let of_deployments = pods
            .iter()
            .filter(|pod| text(pod, "/metadata/ownerReferences/0/kind") == "ReplicaSet");
        all.extend(
            of_deployments
                .map(|pod| text(pod, "/status/containerStatuses/0/containerID").to_owned()),
        );
    }
    Ok(all)
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
