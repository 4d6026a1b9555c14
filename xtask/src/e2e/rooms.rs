//! Rooms as apps use them: a number, a room, two apps that dial, and the end of a room.

use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};
use testbed::progress::human;
use testbed::{Cluster, Look, eventually};

use super::error::{StoryError, seen};
use super::look::{self, text};
use super::report::{Failed, Report, say};
use super::sim::{NUMBER, ORIGIN};
use super::stage::{OPERATOR, Stage, TEAM};

/// How long a room may take to become Ready.
pub const SOON: Duration = Duration::from_secs(60);
/// How long an app may take to start once its Secret exists. The kubelet retries after up to two minutes.
const STARTED_WITHIN: Duration = Duration::from_secs(180);
/// How long a room with a `ttl` of one minute may take to expire.
const ENDED_WITHIN: Duration = Duration::from_secs(120);

/// A number in the operator's namespace and a room in another namespace, in one file as in the README.
const BOTH: &str = "\
apiVersion: daily-operator.io/v1alpha1
kind: PinDialinNumber
metadata:
  name: main-line
  namespace: daily-operator
spec:
  phoneNumber: \"+12025550123\"
  allowedRooms:
    namespaces:
      from: All
  ivrGreeting:
    message: Welcome. Please enter your PIN.
---
apiVersion: daily-operator.io/v1alpha1
kind: DailyRoom
metadata:
  name: standup
  namespace: team-a
spec:
  ttl: 8h
";

/// Runs the checks of this chapter.
///
/// # Errors
/// The check that failed.
pub async fn run(stage: &mut Stage, report: &mut Report) -> Result<(), Failed> {
    let name = "two apps wait for the Secret of a room that does not exist yet";
    report.check(name, apps(stage)).await?;
    let name = "a number and a room in one file become Ready, and the room has that number";
    report.check(name, both(stage)).await?;
    let name = "both apps start by themselves and dial into the room";
    report.check(name, calls(stage)).await?;
    let name = "kubectl logs shows the effects on the room";
    report.check(name, log(stage)).await?;
    let name = "a room of one minute ends, and its Secret is deleted";
    report.check(name, short(stage)).await
}

/// Applies two Deployments: one reads the dial string from a variable, one from a file.
async fn apps(stage: &mut Stage) -> Result<(), StoryError> {
    let cluster = stage.cluster();
    let ca = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"},
        "data": {"ca.crt": stage.tls.ca},
    });
    let reference = json!({"name": "standup-dialin", "key": "dial-string"});
    let variable = json!([{"name": "DIAL_STRING", "valueFrom": {"secretKeyRef": reference}}]);
    let volume = json!({"name": "dialin", "secret": {"secretName": "standup-dialin"}});
    let image = &stage.simulator.tag;
    let items = [
        ca,
        app("by-variable", image, variable, &[], None),
        app(
            "by-file",
            image,
            json!([]),
            &["--file=/dialin/dial-string"],
            Some(volume),
        ),
    ];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    say(cluster.apply_in(TEAM, &list.to_string()).await?);
    let waited = eventually("both pods wait for the Secret", SOON, async || {
        let pods = look::list(cluster, TEAM, "pods").await?;
        let waiting: Vec<_> = pods
            .iter()
            .map(|pod| {
                let state = text(pod, "/status/containerStatuses/0/state/waiting/reason");
                format!("{}: {state}", text(pod, "/metadata/name"))
            })
            .collect();
        let is_so = |name: &str, reason: &str| {
            waiting
                .iter()
                .any(|it| it.starts_with(name) && it.ends_with(reason))
        };
        Ok::<_, StoryError>(
            match is_so("by-variable", "CreateContainerConfigError")
                && is_so("by-file", "ContainerCreating")
            {
                true => Look::Done(waiting),
                false => Look::NotYet(waiting.join(", ")),
            },
        )
    });
    say(waited.await?.join("\n"));
    Ok(())
}

fn app(name: &str, image: &str, env: Value, args: &[&str], volume: Option<Value>) -> Value {
    let mut mounts = vec![json!({"name": "ca", "mountPath": "/ca"})];
    let mut volumes = vec![json!({"name": "ca", "configMap": {"name": "ca"}})];
    if let Some(volume) = volume {
        mounts.push(json!({"name": "dialin", "mountPath": "/dialin"}));
        volumes.push(volume);
    }
    let at = format!("--at={ORIGIN}");
    let all = [&["dial", "--stay", "--ca-file=/ca/ca.crt", &at][..], args].concat();
    let labels = json!({"app": name});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "securityContext": {
                    "runAsNonRoot": true,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": "app", "image": image, "imagePullPolicy": "Never",
                    "args": all, "env": env, "volumeMounts": mounts,
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }],
                "volumes": volumes,
            }},
        },
    })
}

async fn both(stage: &mut Stage) -> Result<(), StoryError> {
    let file = stage.write("both.yaml", BOTH)?;
    let apply = format!("kubectl apply --filename={}", file.display());
    say(stage.console.shell(&apply).await?);
    let cluster = stage.cluster();
    let number = (OPERATOR, "pindialinnumber/main-line");
    look::condition(cluster, number, "Ready", SOON).await?;
    look::condition(cluster, (TEAM, "dailyroom/standup"), "Ready", SOON).await?;
    let dial = dial_string(cluster, "standup").await?;
    match dial.starts_with(&format!("{NUMBER},,")) {
        true => Ok(()),
        false => seen(format!(
            "the dial string must have {NUMBER}, and it is {dial}"
        )),
    }
}

/// The dial string in the Secret of a room.
async fn dial_string(cluster: &Cluster, room: &str) -> Result<String, StoryError> {
    let name = format!("secret/{room}-dialin");
    let secret = look::object(cluster, TEAM, &name).await?;
    let data = secret.as_ref().map(|it| text(it, "/data/dial-string"));
    let bytes = data.and_then(|data| BASE64.decode(data.as_bytes()).ok());
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| StoryError::Seen(format!("there is no dial string in {name}")))
}

async fn calls(stage: &mut Stage) -> Result<(), StoryError> {
    let cluster = stage.cluster();
    for app in ["by-variable", "by-file"] {
        let start = Instant::now();
        let what = format!("{app} has dialled into the room");
        let log = eventually(&what, STARTED_WITHIN, async || {
            let args = ["logs", "--namespace", TEAM, &format!("deployment/{app}")];
            let said = cluster.run(&args).await;
            Ok::<_, StoryError>(match said {
                Ok(log) if log.contains("outcome: OnHold, room: ") => Look::Done(log),
                Ok(log) => Look::NotYet(log),
                Err(error) => Look::NotYet(error.to_string()),
            })
        });
        say(log.await?);
        say(format_args!("{app}: after {}", human(start.elapsed())));
    }
    Ok(())
}

/// The log must have a line for the creation of the room, and must not contain its PIN or the API key.
async fn log(stage: &mut Stage) -> Result<(), StoryError> {
    let command = format!("kubectl logs --namespace {OPERATOR} deployment/daily-operator");
    let log = stage.console.shell(&command).await?;
    let effects: Vec<_> = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|line| line.to_string())
        .filter(|line| {
            ["\"INFO\"", "standup", TEAM, "room-create"]
                .iter()
                .all(|part| line.contains(part))
        })
        .collect();
    if effects.is_empty() {
        return seen(format!(
            "no line at INFO is about the creation of the room:\n{log}"
        ));
    }
    say(effects.join("\n"));
    let dial = dial_string(stage.cluster(), "standup").await?;
    let pin = dial.rsplit(',').next().unwrap_or(&dial);
    match [pin, super::sim::FIRST_KEY]
        .iter()
        .any(|it| log.contains(it))
    {
        true => seen("the log has a PIN or an API key"),
        false => Ok(()),
    }
}

async fn short(stage: &mut Stage) -> Result<(), StoryError> {
    let cluster = stage.cluster();
    room(cluster, TEAM, "short", "1m").await?;
    let object = (TEAM, "dailyroom/short");
    look::condition(cluster, object, "Expired", ENDED_WITHIN).await?;
    look::gone(cluster, (TEAM, "secret/short-dialin"), SOON).await
}

/// Applies a room, waits until it is Ready, and returns how long that took.
///
/// # Errors
/// If the room is not Ready in time.
pub async fn room(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    ttl: &str,
) -> Result<Duration, StoryError> {
    let start = Instant::now();
    let room = json!({
        "apiVersion": "daily-operator.io/v1alpha1", "kind": "DailyRoom",
        "metadata": {"name": name}, "spec": {"ttl": ttl},
    });
    cluster.apply_in(namespace, &room.to_string()).await?;
    let object = format!("dailyroom/{name}");
    look::condition(cluster, (namespace, &object), "Ready", SOON).await?;
    say(format_args!(
        "{name} is Ready after {}",
        human(start.elapsed())
    ));
    Ok(start.elapsed())
}

/// Like [`room`], with a shorter deadline.
///
/// # Errors
/// If the room is not Ready within the deadline.
pub async fn room_within(
    cluster: &Cluster,
    name: &str,
    within: Duration,
) -> Result<(), StoryError> {
    match room(cluster, TEAM, name, "8h").await? {
        took if took <= within => Ok(()),
        took => seen(format!(
            "the room {name} may take {} and took {}",
            human(within),
            human(took)
        )),
    }
}
