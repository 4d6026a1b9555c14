//! kubeconform finds nothing in what the chart renders, by the schemas of this API server.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::{Map, Value, json};
use testbed::{Tool, tools};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::fixture::{Fixture, Setup};
use crate::stage::Stage;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = Setup::new().without_operator();
    vec![stage.trial("conform::installations", setup, installations)]
}

async fn installations(fx: &mut Fixture) {
    let folder = tempfile::tempdir().expect("there is a folder");
    let request = http::Request::get("/openapi/v2").body(Vec::new());
    let api = fx.client.request_text(request.expect("is a request")).await;
    let api = api.expect("the API server has an OpenAPI document");
    let api: Value = serde_json::from_str(&api).expect("is JSON");
    let kinds = write_schemas(api["definitions"].clone(), folder.path());
    assert!(kinds > 50, "{kinds} kinds have a schema");

    let helm = tools::path(Tool::Helm).await.expect("Helm is built");
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/daily-operator");
    let mut seen = 0;
    for entry in std::fs::read_dir(chart.join("ci")).expect("they can be listed") {
        let values = entry.expect("is an entry").path();
        let mut command = Command::new(&helm);
        command.args(["template", "daily-operator"]).arg(&chart);
        let rendered = command.arg("--values").arg(&values).output().await;
        let rendered = rendered.expect("Helm runs").stdout;
        let (passes, said) = conform(folder.path(), &rendered).await;
        assert!(passes, "{}: {said}", values.display());
        let broken = String::from_utf8_lossy(&rendered).replace("imagePullPolicy", "imagePolicy");
        let (passes, said) = conform(folder.path(), broken.as_bytes()).await;
        assert!(!passes && said.contains("imagePolicy"), "{said}");
        seen += 1;
    }
    assert!(seen >= 4, "the installations are found");
}

/// Whether kubeconform finds no fault in the objects, and what it says.
async fn conform(schemas: &Path, objects: &[u8]) -> (bool, String) {
    let kubeconform = tools::path(Tool::Kubeconform).await.expect("it is built");
    let mut command = Command::new(kubeconform);
    // The kinds of the Prometheus Operator are not served here.
    command.args(["-strict", "-summary", "-skip", "ServiceMonitor,PodMonitor"]);
    command.arg("-schema-location");
    command.arg(schemas.join("{{ .ResourceKind }}.json"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("kubeconform runs");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(objects).await.expect("it reads");
    drop(stdin);
    let ran = child.wait_with_output().await.expect("it ends");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    (ran.status.success(), said)
}

/// Writes a JSON schema for each kind, named after it, and gives how many. Kubernetes' OpenAPI says
/// nothing of unknown fields, which `-strict` is about, and of the types that are two.
fn write_schemas(definitions: Value, folder: &Path) -> usize {
    let Value::Object(mut definitions) = definitions else {
        panic!("there are definitions");
    };
    for (name, definition) in &mut definitions {
        match name.rsplit('.').next() {
            Some("IntOrString") => *definition = json!({"type": ["string", "integer"]}),
            Some("Quantity") => *definition = json!({"type": ["string", "number"]}),
            _ if definition.get("properties").is_some() => {
                definition["additionalProperties"] = json!(false);
            }
            _ => {}
        }
    }
    let mut kinds = 0;
    for (name, definition) in &definitions {
        let identities = definition["x-kubernetes-group-version-kind"].as_array();
        let Some([identity]) = identities.map(Vec::as_slice) else {
            continue;
        };
        let kind = identity["kind"].as_str().expect("is a text").to_lowercase();
        let path = folder.join(format!("{kind}.json"));
        let mut needed = Map::new();
        collect(name, &definitions, &mut needed);
        let schema = json!({"$ref": format!("#/definitions/{name}"), "definitions": needed});
        std::fs::write(path, schema.to_string()).expect("can be written");
        kinds += 1;
    }
    kinds
}

/// A definition and all that it refers to.
fn collect(name: &str, all: &Map<String, Value>, into: &mut Map<String, Value>) {
    if into.contains_key(name) {
        return;
    }
    let definition = &all[name];
    into.insert(name.to_owned(), definition.clone());
    let mut names = BTreeSet::new();
    references(definition, &mut names);
    for name in names {
        collect(&name, all, into);
    }
}

fn references(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            let target = fields.get("$ref").and_then(Value::as_str);
            into.extend(target.map(|it| it.trim_start_matches("#/definitions/").to_owned()));
            fields.values().for_each(|inner| references(inner, into));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, into)),
        _ => {}
    }
}
