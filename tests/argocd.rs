//! The health check for Argo CD, run by Argo CD's own Lua.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use testbed::Tool;

const KINDS: [&str; 2] = ["DailyRoom", "PinDialinNumber"];

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy/argocd")
        .join(name);
    fs::read_to_string(path).expect("the file is there")
}

/// A JSON value as a literal of Lua. A field that is null is absent, as in Argo CD.
fn lua(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| format!("[{key:?}]={}", lua(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(lua).collect();
            format!("{{{}}}", items.join(","))
        }
        Value::Null => "nil".to_owned(),
        other => other.to_string(),
    }
}

/// What the script says of each object, as `status|message`.
async fn health(script: &str, objects: &[Value]) -> Vec<String> {
    let mut program = format!("local function check()\n{script}\nend\n");
    for object in objects {
        let object = lua(object);
        let line = "local h = check(); print(h.status .. '|' .. h.message)";
        writeln!(program, "do obj = {object}; {line} end").expect("a string can be written to");
    }
    let folder = tempfile::tempdir().expect("there is a folder");
    let path = folder.path().join("check.lua");
    fs::write(&path, program).expect("the script can be written");
    let interpreter = testbed::tools::path(Tool::Lua).await.expect("Lua is built");
    let ran = Command::new(interpreter).arg(&path).output();
    let ran = ran.expect("Lua runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}{ran:?}");
    said.lines().map(str::to_owned).collect()
}

/// An object of generation 2 with conditions `Type=Status/Reason`, which the operator has seen.
fn object(conditions: &[&str]) -> Value {
    let condition = |text: &&str| {
        let (kind, rest) = text.split_once('=').expect("Type=");
        let (status, reason) = rest.split_once('/').expect("Status/Reason");
        json!({"type": kind, "status": status, "reason": reason, "message": "why"})
    };
    let conditions: Vec<Value> = conditions.iter().map(condition).collect();
    json!({
        "metadata": {"name": "standup", "generation": 2},
        "status": {"observedGeneration": 2, "conditions": conditions},
    })
}

#[tokio::test]
async fn each_state_has_its_health() {
    let waiting = "Progressing|Waiting for the operator";
    let mut deleted = object(&["Ready=True/Available"]);
    let mut edited = deleted.clone();
    if let Some(metadata) = deleted["metadata"].as_object_mut() {
        metadata.insert(
            "deletionTimestamp".to_owned(),
            json!("2026-12-01T08:00:00Z"),
        );
    }
    edited["metadata"]["generation"] = json!(3);
    let cases = [
        (json!({"metadata": {"generation": 1}}), waiting),
        (
            json!({"metadata": {"generation": 1}, "status": {"observedGeneration": 1}}),
            waiting,
        ),
        (
            object(&["Ready=Unknown/Progressing", "Reconciling=True/Progressing"]),
            "Progressing|Progressing: why",
        ),
        (object(&["Ready=True/Available"]), "Healthy|Available: why"),
        (
            object(&[
                "Ready=False/NumberNotReady",
                "Reconciling=True/NumberNotReady",
            ]),
            "Progressing|NumberNotReady: why",
        ),
        (
            object(&["Ready=True/Available", "Reconciling=True/DailyUnavailable"]),
            "Progressing|DailyUnavailable: why",
        ),
        (
            object(&["Ready=False/InvalidSpec", "Stalled=True/InvalidSpec"]),
            "Degraded|InvalidSpec: why",
        ),
        (
            object(&["Ready=True/Available", "Stalled=True/Unauthorized"]),
            "Degraded|Unauthorized: why",
        ),
        (object(&["Expired=True/Expired"]), "Healthy|Expired: why"),
        (
            object(&["Ready=True/Available", "Suspended=True/Suspended"]),
            "Suspended|Suspended: why",
        ),
        (
            object(&["Expired=True/Expired", "Suspended=True/Suspended"]),
            "Healthy|Expired: why",
        ),
        (object(&["Ready=Unknown/Progressing"]), waiting),
        (
            edited,
            "Progressing|Waiting for the operator to observe the last change",
        ),
        (deleted, "Progressing|The deletion is not complete"),
    ];
    let (objects, expected): (Vec<Value>, Vec<&str>) = cases.into_iter().unzip();
    assert_eq!(health(&file("health.lua"), &objects).await, expected);
}

/// The patch for Argo CD's ConfigMap has the script for both kinds.
#[tokio::test]
async fn the_patch_has_the_script() {
    let patch: Value = serde_saphyr::from_str(&file("argocd-cm.yaml")).expect("is YAML");
    for kind in KINDS {
        let key = format!("resource.customizations.health.daily-operator.io_{kind}");
        let script = patch["data"][&key].as_str().unwrap_or_default();
        assert_eq!(script.trim_end(), file("health.lua").trim_end(), "{kind}");
    }
    let scripts = patch["data"].as_object().map(serde_json::Map::len);
    assert_eq!(scripts, Some(KINDS.len()));
}
