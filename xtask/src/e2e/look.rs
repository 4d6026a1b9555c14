//! Reads the cluster: objects, conditions, Deployments and Secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use testbed::{Cluster, Look, eventually};

use super::error::StoryError;

/// How long a Deployment may take, including the kubelet's retry intervals.
const AVAILABLE_WITHIN: Duration = Duration::from_secs(180);

/// The text at a JSON pointer; empty if there is none.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

/// An object; `None` if it does not exist.
///
/// # Errors
/// If kubectl fails.
pub async fn object(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Option<Value>, StoryError> {
    let args = [
        "get",
        name,
        "--namespace",
        namespace,
        "--ignore-not-found",
        "--output=json",
    ];
    let printed = cluster.run(&args).await?;
    Ok(serde_json::from_str(&printed).ok())
}

/// The objects of a kind in a namespace.
///
/// # Errors
/// If kubectl fails.
pub async fn list(
    cluster: &Cluster,
    namespace: &str,
    kind: &str,
) -> Result<Vec<Value>, StoryError> {
    let args = ["get", kind, "--namespace", namespace, "--output=json"];
    let list = cluster.json(&args).await?;
    let items = list.pointer("/items").and_then(Value::as_array).cloned();
    Ok(items.unwrap_or_default())
}

pub fn has(object: &Value, condition: &str, status: &str) -> bool {
    conditions(object).any(|it| (text(it, "/type"), text(it, "/status")) == (condition, status))
}

fn conditions(object: &Value) -> impl Iterator<Item = &Value> {
    let found = object.pointer("/status/conditions");
    found.and_then(Value::as_array).into_iter().flatten()
}

/// The conditions on one line.
pub fn describe(object: &Value) -> String {
    let line = |condition: &Value| {
        let part = |pointer| text(condition, pointer);
        let (kind, status) = (part("/type"), part("/status"));
        format!("{kind}={status} {}: {}", part("/reason"), part("/message"))
    };
    let lines: Vec<_> = conditions(object).map(line).collect();
    lines.join("; ")
}

/// Waits until an object satisfies `is_so`.
///
/// # Errors
/// If it does not within the deadline.
pub async fn until(
    cluster: &Cluster,
    (namespace, name): (&str, &str),
    what: &str,
    within: Duration,
    is_so: impl Fn(&Value) -> bool,
) -> Result<Value, StoryError> {
    let what = format!("{name} {what}");
    let waited = eventually(&what, within, async || {
        Ok::<_, StoryError>(match object(cluster, namespace, name).await? {
            Some(object) if is_so(&object) => Look::Done(object),
            Some(object) => Look::NotYet(describe(&object)),
            None => Look::NotYet("there is none".to_owned()),
        })
    });
    Ok(waited.await?)
}

/// Waits until a condition is True.
///
/// # Errors
/// If it is not True within the deadline.
pub async fn condition(
    cluster: &Cluster,
    object: (&str, &str),
    condition: &str,
    within: Duration,
) -> Result<Value, StoryError> {
    let what = format!("is {condition}");
    until(cluster, object, &what, within, |it| {
        has(it, condition, "True")
    })
    .await
}

/// Waits until an object is deleted.
///
/// # Errors
/// If it still exists at the deadline.
pub async fn gone(
    cluster: &Cluster,
    (namespace, name): (&str, &str),
    within: Duration,
) -> Result<(), StoryError> {
    let what = format!("{name} is gone");
    let waited = eventually(&what, within, async || {
        Ok::<_, StoryError>(match object(cluster, namespace, name).await? {
            Some(object) => Look::NotYet(describe(&object)),
            None => Look::Done(()),
        })
    });
    Ok(waited.await?)
}

/// Waits until every replica of a Deployment's current generation is available.
///
/// # Errors
/// If one is not available in time.
pub async fn available(cluster: &Cluster, namespace: &str, name: &str) -> Result<(), StoryError> {
    let deployment = format!("deployment/{name}");
    let object = (namespace, deployment.as_str());
    let is_so = |it: &Value| {
        let number = |pointer| {
            it.pointer(pointer)
                .and_then(Value::as_i64)
                .unwrap_or_default()
        };
        let wanted = number("/spec/replicas");
        number("/status/observedGeneration") == number("/metadata/generation")
            && number("/status/updatedReplicas") == wanted
            && number("/status/availableReplicas") == wanted
            && number("/status/replicas") == wanted
    };
    until(cluster, object, "is available", AVAILABLE_WITHIN, is_so).await?;
    Ok(())
}

/// The resource version and the encoded data of each Secret of a room in a namespace, by name. An upgrade
/// must not change them.
///
/// # Errors
/// If kubectl fails.
pub async fn secrets(
    cluster: &Cluster,
    namespace: &str,
) -> Result<BTreeMap<String, String>, StoryError> {
    let all = list(cluster, namespace, "secrets").await?;
    let ours = all
        .iter()
        .filter(|secret| text(secret, "/type") == "servicebinding.io/daily-dialin");
    let data = |secret: &Value| {
        let version = text(secret, "/metadata/resourceVersion");
        let data = secret.pointer("/data").cloned().unwrap_or_default();
        (
            text(secret, "/metadata/name").to_owned(),
            format!("{version} {data}"),
        )
    };
    Ok(ours.map(data).collect())
}
