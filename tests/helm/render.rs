//! Runs Helm on the chart.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use testbed::Tool;

/// Helm 4, which is built once if need be.
pub static HELM: LazyLock<PathBuf> = LazyLock::new(|| tool(Tool::Helm));
/// Helm 3.
pub static HELM_3: LazyLock<PathBuf> = LazyLock::new(|| tool(Tool::Helm3));

fn tool(tool: Tool) -> PathBuf {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let path = runtime.block_on(testbed::tools::path(tool));
    path.expect("Helm is built")
}

pub fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/daily-operator")
}

/// Neither Helm asks a cluster here, and Helm 3 would take it for an old one.
pub const CLUSTER: [&str; 2] = ["--kube-version", "1.36.0"];

/// Runs Helm with this as its values, written as a user would.
pub fn run(helm: &Path, command: &[&str], values: &str) -> Output {
    let folder = tempfile::tempdir().expect("there is a folder");
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values).expect("the values can be written");
    let ran = Command::new(helm)
        .args(command)
        .arg(chart())
        .args(["--namespace", "daily-operator", "--values"])
        .arg(&file)
        .output();
    ran.expect("Helm runs")
}

/// All objects that the chart renders.
pub struct Rendered(Vec<Value>);

/// Renders the chart as release `daily-operator`, or gives what Helm says against it.
pub fn render_with(helm: &Path, values: &str) -> Result<Rendered, String> {
    let command = [&["template", "daily-operator"][..], &CLUSTER[..]].concat();
    let ran = run(helm, &command, values);
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let objects = serde_saphyr::from_multiple(&text);
    Ok(Rendered(objects.map_err(|e| format!("{e}:\n{text}"))?))
}

/// Renders the chart with Helm 4.
pub fn render(values: &str) -> Rendered {
    render_with(&HELM, values).unwrap_or_else(|said| panic!("{values}: {said}"))
}

impl Rendered {
    pub fn all(&self) -> &[Value] {
        &self.0
    }

    /// The objects of a kind.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.iter().filter(move |it| it["kind"] == kind)
    }

    /// The object with this kind and name, written `Kind/name`, or the first of the kind.
    pub fn find(&self, object: &str) -> Option<&Value> {
        let (kind, name) = object.split_once('/').unwrap_or((object, ""));
        let fits = |it: &&Value| {
            name.is_empty() || it.pointer("/metadata/name").and_then(Value::as_str) == Some(name)
        };
        self.0.iter().filter(|it| it["kind"] == kind).find(fits)
    }

    /// A part of an object, or null.
    pub fn at(&self, object: &str, pointer: &str) -> Value {
        let part = self.find(object).and_then(|it| it.pointer(pointer));
        part.cloned().unwrap_or_default()
    }

    /// The arguments of the operator.
    pub fn args(&self) -> Vec<String> {
        let args = self.at("Deployment", "/spec/template/spec/containers/0/args");
        serde_json::from_value(args).expect("the container has arguments")
    }
}
