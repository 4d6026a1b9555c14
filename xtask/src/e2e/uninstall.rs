//! `helm uninstall` keeps all objects, a new installation adopts them, and the documented order removes them.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use testbed::{Look, eventually};

use super::error::{StoryError, io, seen};
use super::install::{SETTINGS, readme};
use super::look::{self, text};
use super::report::{Failed, Report, say};
use super::sim;
use super::stage::{OPERATOR, Stage, TEAM};

const PAGE: &str = "docs/install.md";
const SOON: Duration = Duration::from_secs(60);
/// How long a deletion may take after it waited for an operator. If the previous operator ended without
/// releasing its Lease, its last call may still take effect at Daily, so the new operator waits first.
const DELETED_WITHIN: Duration = Duration::from_secs(180);
/// The room that the story deletes while no operator runs.
const WAITING: (&str, &str) = (TEAM, "dailyroom/standup");

/// Runs the checks of this chapter.
///
/// # Errors
/// The check that failed.
pub async fn run(stage: &mut Stage, report: &mut Report) -> Result<(), Failed> {
    let name = "helm uninstall: the pods end with 0, and objects, Secrets and CRDs stay";
    let secrets = report.check(name, uninstall(stage)).await?;
    let name = "a room that is deleted without an operator waits";
    report.check(name, wait(stage)).await?;
    let name = "helm install again: same rooms and PINs, and the deletion is finished";
    report.check(name, again(stage, secrets)).await?;
    let name = "in the documented order everything is removed, and no finalizer stays";
    report.check(name, remove(stage)).await?;
    let name = "every command of docs/install.md was run";
    report.check(name, all_ran(stage)).await
}

type Secrets = std::collections::BTreeMap<String, String>;

async fn uninstall(stage: &mut Stage) -> Result<Secrets, StoryError> {
    let secrets = look::secrets(stage.cluster(), TEAM).await?;
    let before = look::list(stage.cluster(), TEAM, "dailyrooms").await?.len();
    let pods = look::list(stage.cluster(), OPERATOR, "pods").await?;
    let is_operator = |pod: &&Value| text(pod, "/metadata/ownerReferences/0/kind") == "ReplicaSet";
    let names: Vec<_> = pods
        .iter()
        .filter(is_operator)
        .map(|pod| text(pod, "/metadata/name"))
        .collect();
    let mut watches = Vec::new();
    for name in &names {
        watches.push(ends(stage, name)?);
    }
    let commands = stage.console.commands(PAGE, "Uninstall")?;
    let Some(first) = commands
        .into_iter()
        .find(|it| it.starts_with("helm uninstall"))
    else {
        return seen(format!("{PAGE} does not say how to uninstall"));
    };
    stage.console.run(&[first]).await?;
    for (name, watch) in names.iter().zip(watches) {
        look::gone(stage.cluster(), (OPERATOR, &format!("pod/{name}")), SOON).await?;
        let seen_codes = watch.codes().await?;
        say(format_args!("{name}: exit codes {seen_codes:?}"));
        if seen_codes != ["0"] {
            return seen(format!(
                "{name} must end with 0, and ended with {seen_codes:?}"
            ));
        }
    }
    let left = look::secrets(stage.cluster(), TEAM).await?;
    if left != secrets {
        return seen(format!("Secrets have changed: {secrets:?} became {left:?}"));
    }
    let rooms = look::list(stage.cluster(), TEAM, "dailyrooms").await?.len();
    match rooms == before {
        true => Ok(secrets),
        false => seen(format!("of {before} DailyRooms {rooms} are left")),
    }
}

/// A watch of a pod that records the exit codes of its container.
#[derive(Debug)]
struct Ends(tokio::process::Child);

fn ends(stage: &Stage, pod: &str) -> Result<Ends, StoryError> {
    let path =
        "--output=jsonpath={.status.containerStatuses[0].state.terminated.exitCode}{\"\\n\"}";
    let mut kubectl = stage.cluster().kubectl();
    kubectl
        .args(["get", "pod", pod, "--namespace", OPERATOR, "--watch", path])
        .stdout(Stdio::piped());
    Ok(Ends(kubectl.spawn().map_err(io("kubectl did not run"))?))
}

impl Ends {
    /// The recorded exit codes. Call it after the pod is deleted.
    async fn codes(mut self) -> Result<Vec<String>, StoryError> {
        self.0.start_kill().map_err(io("kubectl cannot be ended"))?;
        let ended = self.0.wait_with_output().await;
        let ended = ended.map_err(io("kubectl cannot be read"))?;
        let mut codes: Vec<_> = String::from_utf8_lossy(&ended.stdout)
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        codes.dedup();
        Ok(codes)
    }
}

async fn wait(stage: &mut Stage) -> Result<(), StoryError> {
    let cluster = stage.cluster();
    let (namespace, name) = WAITING;
    let delete = ["delete", name, "--namespace", namespace, "--timeout=5s"];
    match cluster.run(&delete).await {
        Err(error) => say(error),
        Ok(said) => return seen(format!("the deletion did not wait: {said}")),
    }
    let room = look::object(cluster, namespace, name).await?;
    match room.is_some_and(|room| !text(&room, "/metadata/deletionTimestamp").is_empty()) {
        true => Ok(()),
        false => seen("the room is not marked as deleted"),
    }
}

async fn again(stage: &mut Stage, secrets: Secrets) -> Result<(), StoryError> {
    let args = format!("{SETTINGS} --set daily.caBundle.configMapName=daily-ca --timeout=60s");
    stage.console.add_to_helm(args);
    let commands = readme(stage, |it| it.starts_with("helm install"))?;
    stage.console.run(&commands).await?;
    let cluster = stage.cluster();
    look::gone(cluster, WAITING, DELETED_WITHIN).await?;
    super::rooms::room_within(cluster, "after-reinstall", SOON).await?;
    let after = look::secrets(cluster, TEAM).await?;
    let changed: Vec<_> = secrets
        .iter()
        .filter(|(name, data)| *name != "standup-dialin" && after.get(*name) != Some(data))
        .map(|(name, _)| name)
        .collect();
    match changed.is_empty() && !after.contains_key("standup-dialin") {
        true => Ok(()),
        false => seen(format!(
            "the Secrets {changed:?} have changed, or that of the deleted room is there: {after:?}"
        )),
    }
}

async fn remove(stage: &mut Stage) -> Result<(), StoryError> {
    let commands = stage.console.commands(PAGE, "Uninstall")?;
    let order: Vec<_> = commands.into_iter().skip(1).collect();
    stage.console.run(&order).await?;
    let cluster = stage.cluster();
    let rooms = sim::rooms(cluster).await?;
    if !rooms.is_empty() {
        return seen(format!("Daily still has the rooms {rooms:?}"));
    }
    // A namespace that remains would wait for a finalizer.
    let waited = eventually("the namespaces are gone", SOON, async || {
        let delete = [
            "delete",
            "namespace",
            TEAM,
            OPERATOR,
            "--ignore-not-found",
            "--wait=false",
        ];
        cluster.run(&delete).await?;
        let namespaces = cluster.run(&["get", "namespaces", "--output=name"]).await?;
        let is_left = |name: &str| {
            namespaces
                .lines()
                .any(|it| it == format!("namespace/{name}"))
        };
        Ok::<_, StoryError>(match is_left(TEAM) || is_left(OPERATOR) {
            true => Look::NotYet(namespaces),
            false => Look::Done(()),
        })
    });
    waited.await?;
    let named = [
        "get",
        "crds,clusterroles,clusterrolebindings,rolebindings,roles",
        "--all-namespaces",
        "--output=name",
    ];
    let all = cluster.run(&named).await?;
    let left: Vec<_> = all
        .lines()
        .filter(|it| it.contains("daily-operator"))
        .collect();
    match left.is_empty() {
        true => Ok(()),
        false => seen(format!("these are left: {left:?}")),
    }
}

async fn all_ran(stage: &mut Stage) -> Result<(), StoryError> {
    let left = stage.console.not_run(PAGE)?;
    match left.is_empty() {
        true => Ok(()),
        false => seen(format!(
            "the story does not run these commands of {PAGE}: {left:#?}"
        )),
    }
}
