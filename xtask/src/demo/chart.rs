//! The chart as Helm renders it: the manifests to install, and the arguments of the operator.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::error::{DemoError, io};
use crate::cargo::root;

/// The name of the release, and so of the operator's ServiceAccount.
pub const RELEASE: &str = "daily-operator";
/// Kinds that the demo does not install. It runs the operator as a process, because the cluster has no node.
const NOT_INSTALLED: [&str; 2] = ["Deployment", "Service"];
const CRD: &str = "CustomResourceDefinition";

/// The objects that the chart renders.
#[derive(Debug)]
pub struct Chart(Vec<Value>);

impl Chart {
    /// Renders the chart for a namespace. `values` override the top-level values of the chart.
    ///
    /// # Errors
    /// If Helm is not available or fails.
    pub async fn render(namespace: &str, values: &Value) -> Result<Self, DemoError> {
        let mut helm = Command::new(testbed::helm().await?);
        helm.args(["template", RELEASE])
            .arg(root().join("charts/daily-operator"))
            .args(["--namespace", namespace, "--skip-tests"]);
        for (name, value) in values.as_object().into_iter().flatten() {
            helm.arg("--set-json").arg(format!("{name}={value}"));
        }
        let rendered = helm.stdin(Stdio::null()).output().await;
        let rendered = rendered.map_err(io("Helm did not run"))?;
        if !rendered.status.success() {
            let said = String::from_utf8_lossy(&rendered.stderr);
            return Err(DemoError::Helm(said.trim().to_owned()));
        }
        let text = String::from_utf8_lossy(&rendered.stdout);
        let documents = serde_saphyr::from_multiple(&text);
        Ok(Self(documents.map_err(|e| DemoError::Helm(e.to_string()))?))
    }

    /// The CRDs, as one manifest.
    pub fn crds(&self) -> String {
        self.list(|kind| kind == CRD)
    }

    /// The ServiceAccount and its permissions, as one manifest.
    pub fn rights(&self) -> String {
        self.list(|kind| kind != CRD && !NOT_INSTALLED.contains(&kind))
    }

    fn list(&self, wanted: impl Fn(&str) -> bool) -> String {
        let items: Vec<_> = self.0.iter().filter(|item| wanted(kind(item))).collect();
        json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
    }

    /// The arguments of the operator, with a free loopback port to listen on.
    ///
    /// # Errors
    /// If the chart renders no Deployment with arguments.
    pub fn operator_args(&self) -> Result<Vec<String>, DemoError> {
        let deployment = self.0.iter().find(|item| kind(item) == "Deployment");
        let args = deployment
            .and_then(|it| it.pointer("/spec/template/spec/containers/0/args"))
            .and_then(Value::as_array)
            .ok_or_else(|| DemoError::Helm("there is no Deployment with arguments".to_owned()))?;
        let on_loopback = |arg: &Value| match arg.as_str().unwrap_or_default() {
            arg if arg.starts_with("--listen=") => "--listen=127.0.0.1:0".to_owned(),
            arg => arg.to_owned(),
        };
        Ok(args.iter().map(on_loopback).collect())
    }
}

fn kind(manifest: &Value) -> &str {
    manifest
        .pointer("/kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart {
        let args = json!(["run", "--listen=:8080", "--writes=enabled"]);
        let pod = json!({"spec": {"containers": [{"args": args}]}});
        Chart(vec![
            json!({"kind": CRD}),
            json!({"kind": "Role"}),
            json!({"kind": "Service"}),
            json!({"kind": "Deployment", "spec": {"template": pod}}),
        ])
    }

    #[test]
    fn rights_are_all_but_the_crds_and_what_needs_a_node() {
        let item = |manifest: String| {
            let list: Value = serde_json::from_str(&manifest).unwrap();
            list["items"].clone()
        };
        assert_eq!(item(chart().rights()), json!([{"kind": "Role"}]));
        assert_eq!(item(chart().crds()), json!([{"kind": CRD}]));
    }

    #[test]
    fn the_operator_listens_where_it_disturbs_nobody() {
        let args = chart().operator_args().unwrap();
        assert_eq!(args, ["run", "--listen=127.0.0.1:0", "--writes=enabled"]);
        assert!(Chart(Vec::new()).operator_args().is_err());
    }
}
