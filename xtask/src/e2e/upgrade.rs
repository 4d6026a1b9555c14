//! Upgrades the chart, rolls it back, and lets two replicas take over from each other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::progress::human;
use testbed::{Look, eventually};

use super::error::{StoryError, io, seen};
use super::look::{self, text};
use super::report::{Failed, Report, say};
use super::stage::{OPERATOR, Stage, TEAM};
use super::{rooms, sim};
use crate::cargo::root;

/// How long a new room may take while Kubernetes replaces the pods.
const ROLLING: Duration = Duration::from_secs(10);
/// How long a new room may take after the leader ended, in addition to the duration of the Lease.
const TAKEOVER: Duration = Duration::from_secs(5);
/// How long it may take until a pod holds the Lease again.
const SOON: Duration = Duration::from_secs(60);
/// A field that the chart's CRD does not have.
const NEW_FIELD: &str = "fieldOfTheNextVersion";
const PAGE: &str = "docs/install.md";

/// Runs the checks of this chapter.
///
/// # Errors
/// The check that failed.
pub async fn run(stage: &mut Stage, report: &mut Report) -> Result<(), Failed> {
    let name = "helm upgrade to a chart with another value and one more field: nothing changes, and new rooms work meanwhile";
    report.check(name, upgrade(stage)).await?;
    let name = "helm rollback: nothing changes, and new rooms work meanwhile";
    report.check(name, rollback(stage)).await?;
    report.check("two replicas", two(stage)).await?;
    let name = "the leader's pod is deleted: a new room within the Lease plus 5 s";
    report
        .check(name, take_over(stage, "graceful", &[]))
        .await?;
    let name = "the leader's pod is deleted without grace: a new room within the Lease plus 5 s";
    let without = ["--grace-period=0", "--force"];
    report
        .check(name, take_over(stage, "forced", &without))
        .await
}

/// The Secrets of all rooms, which an upgrade must not change.
async fn secrets(stage: &Stage) -> Result<BTreeMap<String, String>, StoryError> {
    look::secrets(stage.cluster(), TEAM).await
}

async fn upgrade(stage: &mut Stage) -> Result<(), StoryError> {
    let chart = next_chart(stage)?;
    let commands = stage.console.commands(PAGE, "Upgrade")?;
    let args = "--timeout=90s --set driftInterval=4m";
    stage.console.add_to_helm(args);
    let commands = on_chart(stage, commands, &chart);
    unchanged(stage, commands, "upgraded").await?;
    let crd = look::object(
        stage.cluster(),
        OPERATOR,
        "crd/dailyrooms.daily-operator.io",
    )
    .await?;
    match crd.is_some_and(|crd| crd.to_string().contains(NEW_FIELD)) {
        true => Ok(()),
        false => seen(format!(
            "the CRD has no field {NEW_FIELD} after the upgrade"
        )),
    }
}

async fn rollback(stage: &mut Stage) -> Result<(), StoryError> {
    let command =
        format!("helm rollback daily-operator --namespace {OPERATOR} --wait --timeout=90s");
    unchanged(stage, vec![command], "rolled-back").await
}

/// Runs commands that replace the pods. Meanwhile new rooms must become Ready, Daily must receive no other
/// writes, and the existing Secrets must not change.
async fn unchanged(
    stage: &mut Stage,
    commands: Vec<String>,
    prefix: &str,
) -> Result<(), StoryError> {
    let before = secrets(stage).await?;
    let (_, entry) = sim::writes(stage.cluster(), 0).await?;
    let cluster = stage.cluster().clone();
    let new_rooms = async {
        for number in 1..=3 {
            rooms::room_within(&cluster, &format!("{prefix}-{number}"), ROLLING).await?;
        }
        Ok::<_, StoryError>(())
    };
    let (ran, made) = tokio::join!(stage.console.run(&commands), new_rooms);
    ran?;
    made?;
    look::available(stage.cluster(), OPERATOR, "daily-operator").await?;
    // Create one more room, now that only the new pods run.
    rooms::room_within(stage.cluster(), &format!("{prefix}-4"), ROLLING).await?;

    let after = secrets(stage).await?;
    let changed: Vec<_> = before
        .iter()
        .filter(|(name, data)| after.get(*name) != Some(data))
        .map(|(name, _)| name)
        .collect();
    if !changed.is_empty() {
        return seen(format!("the Secrets {changed:?} have changed"));
    }
    let (writes, _) = sim::writes(stage.cluster(), entry).await?;
    say(writes.join("\n"));
    match writes
        .iter()
        .filter(|it| !it.starts_with("POST /rooms "))
        .count()
        + 4
    {
        4 if writes.len() == 4 => Ok(()),
        _ => seen("Daily must be asked for the four new rooms and for nothing else"),
    }
}

/// A copy of the chart with an additional field in the CRD of DailyRooms.
fn next_chart(stage: &Stage) -> Result<PathBuf, StoryError> {
    let chart = stage.folder().join("next-chart");
    copy(&root().join("charts/daily-operator"), &chart)?;
    let path = chart.join("files/crds/dailyrooms.yaml");
    let text = std::fs::read_to_string(&path).map_err(io("the CRD could not be read"))?;
    let mut crd: Value = serde_saphyr::from_str(&text)
        .map_err(|error| StoryError::Seen(format!("the CRD is no YAML: {error}")))?;
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    match crd.pointer_mut(spec).and_then(Value::as_object_mut) {
        Some(fields) => fields.insert(NEW_FIELD.to_owned(), serde_json::json!({"type": "string"})),
        None => return seen("the CRD has no fields"),
    };
    // JSON is valid YAML.
    std::fs::write(&path, crd.to_string()).map_err(io("the CRD could not be written"))?;
    Ok(chart)
}

fn copy(from: &Path, to: &Path) -> Result<(), StoryError> {
    let failed = || io(format!("{} could not be copied", from.display()));
    std::fs::create_dir_all(to).map_err(failed())?;
    for entry in std::fs::read_dir(from).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &target)?,
            false => std::fs::copy(&path, &target).map(drop).map_err(failed())?,
        }
    }
    Ok(())
}

/// Replaces the path of the chart in commands, and records the original commands as run.
fn on_chart(stage: &mut Stage, commands: Vec<String>, chart: &Path) -> Vec<String> {
    let chart = chart.display().to_string();
    commands
        .into_iter()
        .map(|command| {
            stage.console.note(&command);
            command.replace("charts/daily-operator", &chart)
        })
        .collect()
}

async fn two(stage: &mut Stage) -> Result<(), StoryError> {
    let commands = stage.console.commands(PAGE, "Upgrade")?;
    stage
        .console
        .add_to_helm("--timeout=90s --set replicaCount=2");
    stage.console.run(&commands).await?;
    look::available(stage.cluster(), OPERATOR, "daily-operator").await
}

async fn take_over(stage: &mut Stage, name: &str, args: &[&str]) -> Result<(), StoryError> {
    let cluster = stage.cluster();
    let (pod, lease) = leader(stage).await?;
    say(format_args!("{pod} leads"));
    let delete = [
        "delete",
        "pod",
        &pod,
        "--namespace",
        OPERATOR,
        "--wait=false",
    ];
    say(cluster.run(&[&delete[..], args].concat()).await?);
    let start = Instant::now();
    // The old leader may still create the first room.
    let first = format!("{name}-1");
    rooms::room_within(cluster, &first, lease + TAKEOVER).await?;
    let (next, _) = leader(stage).await?;
    say(format_args!(
        "{next} leads after {}",
        human(start.elapsed())
    ));
    let left = (lease + TAKEOVER).saturating_sub(start.elapsed());
    rooms::room_within(cluster, &format!("{name}-2"), left).await?;
    look::available(cluster, OPERATOR, "daily-operator").await
}

/// The pod that holds the Lease, and the duration of the Lease. Waits while no pod holds it.
async fn leader(stage: &Stage) -> Result<(String, Duration), StoryError> {
    let cluster = stage.cluster();
    let waited = eventually("a pod holds the Lease", SOON, async || {
        let leases = look::list(cluster, OPERATOR, "leases").await?;
        let pods = look::list(cluster, OPERATOR, "pods").await?;
        Ok::<_, StoryError>(match holder(&leases, &pods) {
            Some(found) => Look::Done(found),
            None => Look::NotYet(format!("{} Leases and {} pods", leases.len(), pods.len())),
        })
    });
    Ok(waited.await?)
}

/// The name of the pod that holds one of the Leases, and the duration of this Lease.
fn holder(leases: &[Value], pods: &[Value]) -> Option<(String, Duration)> {
    let names = || {
        pods.iter()
            .filter(|pod| text(pod, "/metadata/deletionTimestamp").is_empty())
            .map(|pod| text(pod, "/metadata/name"))
    };
    leases.iter().find_map(|lease| {
        let holder = text(lease, "/spec/holderIdentity");
        let pod = names().find(|pod| holder.starts_with(pod))?;
        let seconds = lease.pointer("/spec/leaseDurationSeconds")?.as_u64()?;
        Some((pod.to_owned(), Duration::from_secs(seconds)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_that_is_being_deleted_does_not_lead() {
        let lease = json!({"spec": {"holderIdentity": "pod-1_x", "leaseDurationSeconds": 15}});
        let pod = |name: &str| json!({"metadata": {"name": name}});
        let pods = [pod("pod-2"), pod("pod-1")];
        let expected = ("pod-1".to_owned(), Duration::from_secs(15));
        assert_eq!(holder(std::slice::from_ref(&lease), &pods), Some(expected));
        let mut deleted = pod("pod-1");
        deleted["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(
            holder(std::slice::from_ref(&lease), &[pod("pod-2"), deleted]),
            None
        );
        assert_eq!(
            holder(&[json!({"spec": {"holderIdentity": ""}})], &pods),
            None
        );
    }
}
