//! The evidence for a failed step: the objects, their events, the end of the operator's log.

use serde_json::Value;

use super::look::{self, text};
use super::report::say;
use super::stage::{NAMESPACE, Stage};
use crate::with_causes;

/// Prints the evidence.
pub async fn show(stage: &Stage) {
    println!("\nWhat the objects say:");
    let kinds = look::KINDS.join(",");
    for object in list(stage, &kinds).await {
        let kind = text(&object, "/kind");
        say(format_args!("{kind} {}", text(&object, "/metadata/name")));
        for line in look::describe(&object).lines() {
            say(format_args!("  {line}"));
        }
    }
    println!("\nTheir events:");
    for event in list(stage, "events").await {
        let part = |pointer| text(&event, pointer);
        say(format_args!(
            "{} {}/{}: {}: {}",
            part("/type"),
            part("/involvedObject/kind"),
            part("/involvedObject/name"),
            part("/reason"),
            part("/message")
        ));
    }
    println!("\nThe end of the operator's log:");
    say(stage.operator.tail());
}

async fn list(stage: &Stage, kinds: &str) -> Vec<Value> {
    let args = ["get", kinds, "--namespace", NAMESPACE, "--output=json"];
    match stage.cluster.json(&args).await {
        Ok(list) => list
            .pointer("/items")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default(),
        Err(error) => {
            say(with_causes(&error));
            Vec::new()
        }
    }
}
