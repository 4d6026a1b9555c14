//! Generates the chart's README, and the manifest for an installation without Helm.

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use serde_json::{Value, json};
use testbed::Tool;
use testbed::tools::{self, ToolError};
use tokio::process::Command;

use crate::cargo::root;
use crate::with_causes;

const CHART: &str = "charts/daily-operator";
const README: &str = "charts/daily-operator/README.md";
const MANIFEST: &str = "deploy/install.yaml";
/// The name and namespace of the installation without Helm.
const NAME: &str = "daily-operator";
/// Labels that apply only to a Helm release.
const LABELS_OF_HELM: [&str; 2] = ["app.kubernetes.io/managed-by", "helm.sh/chart"];
const HEADER: &str = "\
# daily-operator without Helm: the chart with its default values in the namespace daily-operator, and
# the default API key in the Secret daily there. Written by `cargo xtask chart`.
";

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write nothing; fail if a file differs from the chart.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, thiserror::Error)]
enum ChartError {
    #[error("a tool could not be built")]
    Tool(#[from] ToolError),
    #[error("{program} does not run")]
    Run {
        program: &'static str,
        source: std::io::Error,
    },
    #[error("{program} failed: {said}")]
    Failed { program: &'static str, said: String },
    #[error("the chart renders no YAML")]
    Parse(#[source] serde_saphyr::Error),
    #[error("an object could not be written as YAML")]
    Print(#[source] serde_saphyr::ser::Error),
    #[error("{} could not be written", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
}

pub async fn run(args: &Args) -> ExitCode {
    match synchronise(args.check).await {
        Ok(differing) if differing.is_empty() => {
            println!("{README} and {MANIFEST} are up to date");
            ExitCode::SUCCESS
        }
        Ok(differing) => {
            let verb = if args.check { "differs" } else { "written" };
            for path in differing {
                println!("{verb}: {path}");
            }
            if args.check {
                eprintln!("run `cargo xtask chart` and commit what it writes");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// The files that differ from the chart. Writes them unless `check` is set.
async fn synchronise(check: bool) -> Result<Vec<&'static str>, ChartError> {
    let mut differing = Vec::new();
    for (file, text) in [(README, readme().await?), (MANIFEST, manifest().await?)] {
        let path = root().join(file);
        if std::fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        if !check {
            std::fs::write(&path, &text).map_err(|source| ChartError::File { path, source })?;
        }
        differing.push(file);
    }
    Ok(differing)
}

/// The chart's README, generated from README.md.gotmpl and the comments in values.yaml.
async fn readme() -> Result<String, ChartError> {
    let mut command = Command::new(tools::path(Tool::HelmDocs).await?);
    command.args(["--dry-run", "--sort-values-order=file", "--log-level=error"]);
    command.arg("--chart-search-root").arg(root().join(CHART));
    let text = output("helm-docs", &mut command).await?;
    let lines = text.trim().lines().map(str::trim_end);
    Ok(lines.map(|line| format!("{line}\n")).collect())
}

/// The chart with its default values, without the labels and annotations that only Helm uses.
async fn manifest() -> Result<String, ChartError> {
    let mut command = Command::new(tools::path(Tool::Helm).await?);
    command.args(["template", NAME]).arg(root().join(CHART));
    command.args(["--namespace", NAME, "--skip-tests"]);
    command.args(["--set", "daily.apiKey.existingSecret.name=daily"]);
    let text = output("helm", &mut command).await?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(ChartError::Parse)?;
    let mut manifest = HEADER.to_owned();
    for object in std::iter::once(namespace()).chain(objects.into_iter().map(without_helm)) {
        let object = serde_saphyr::to_string(&object).map_err(ChartError::Print)?;
        manifest.push_str(&format!("---\n{}\n", object.trim()));
    }
    Ok(manifest)
}

fn namespace() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAME,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    })
}

fn without_helm(mut object: Value) -> Value {
    for path in ["/metadata", "/spec/template/metadata"] {
        let Some(metadata) = object.pointer_mut(path).and_then(Value::as_object_mut) else {
            continue;
        };
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            labels.retain(|name, _| !LABELS_OF_HELM.contains(&name.as_str()));
        }
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.retain(|name, _| !name.starts_with("helm.sh/"));
        }
    }
    object
}

async fn output(program: &'static str, command: &mut Command) -> Result<String, ChartError> {
    let ran = command.stdin(Stdio::null()).output().await;
    let ran = ran.map_err(|source| ChartError::Run { program, source })?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
        return Err(ChartError::Failed { program, said });
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_helm_is_left() {
        let labels =
            json!({"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "x", "a": "b"});
        let annotations = json!({"helm.sh/resource-policy": "keep", "c": "d"});
        let object = json!({
            "metadata": {"labels": labels, "annotations": annotations},
            "spec": {"template": {"metadata": {"labels": labels}}},
        });
        let expected = json!({
            "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
            "spec": {"template": {"metadata": {"labels": {"a": "b"}}}},
        });
        assert_eq!(without_helm(object), expected);
    }
}
