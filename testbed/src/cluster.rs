//! A cluster seen through kubectl, as a user sees it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::tools::{self, Tool, ToolError};

/// Applies stdin with a field manager of its own.
const APPLY: [&str; 5] = [
    "apply",
    "--server-side",
    "--force-conflicts",
    "--field-manager=testbed",
    "--filename=-",
];

/// Why kubectl failed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no kubectl.
    #[error("kubectl is not to be had")]
    Tool(#[from] ToolError),
    /// kubectl did not run.
    #[error("kubectl did not run")]
    Run(#[source] std::io::Error),
    /// kubectl answered with an error.
    #[error("`kubectl {command}` failed: {stderr}")]
    Kubectl {
        /// Its arguments.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// kubectl printed something else than JSON.
    #[error("`kubectl {command}` printed no JSON")]
    Json {
        /// Its arguments.
        command: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A kubeconfig could not be written.
    #[error("{} could not be written", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A cluster and the user that connects to it.
#[derive(Clone, Debug)]
pub struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
}

impl Cluster {
    /// The cluster of a kubeconfig's current context.
    ///
    /// # Errors
    /// When kubectl is neither there nor can be built.
    pub async fn of(kubeconfig: &Path) -> Result<Self, ClusterError> {
        Ok(Self {
            kubeconfig: kubeconfig.to_owned(),
            kubectl: tools::path(Tool::Kubectl).await?,
        })
    }

    /// The kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The same cluster with another kubeconfig.
    pub fn with_kubeconfig(&self, kubeconfig: &Path) -> Self {
        Self {
            kubeconfig: kubeconfig.to_owned(),
            ..self.clone()
        }
    }

    /// kubectl, without arguments yet.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs kubectl and gives what it printed.
    ///
    /// # Errors
    /// When it does not run or answers with an error.
    pub async fn run(&self, args: &[&str]) -> Result<String, ClusterError> {
        self.feed(args, "").await
    }

    /// Runs kubectl and gives the JSON that it printed.
    ///
    /// # Errors
    /// As [`Self::run`], and when that is not JSON.
    pub async fn json(&self, args: &[&str]) -> Result<Value, ClusterError> {
        let text = self.run(args).await?;
        serde_json::from_str(&text).map_err(|source| ClusterError::Json {
            command: args.join(" "),
            source,
        })
    }

    /// Runs kubectl with this on its stdin, and gives what it printed.
    ///
    /// # Errors
    /// When it does not run or answers with an error.
    pub async fn feed(&self, args: &[&str], input: &str) -> Result<String, ClusterError> {
        let mut command = self.kubectl();
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(ClusterError::Run)?;
        if let Some(mut stdin) = child.stdin.take() {
            // kubectl that ends before it has read everything says why itself.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let ran = child.wait_with_output().await.map_err(ClusterError::Run)?;
        if !ran.status.success() {
            return Err(ClusterError::Kubectl {
                command: args.join(" "),
                stderr: String::from_utf8_lossy(&ran.stderr).trim().to_owned(),
            });
        }
        Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
    }

    /// Applies manifests, server-side, and gives kubectl's line for each.
    ///
    /// # Errors
    /// When one of them is refused.
    pub async fn apply(&self, yaml: &str) -> Result<String, ClusterError> {
        self.feed(&APPLY, yaml).await
    }

    /// Applies manifests that name no namespace in this one, as [`Self::apply`] does.
    ///
    /// # Errors
    /// When one of them is refused or names another namespace.
    pub async fn apply_in(&self, namespace: &str, yaml: &str) -> Result<String, ClusterError> {
        let args = [&APPLY[..], &["--namespace", namespace]].concat();
        self.feed(&args, yaml).await
    }

    /// Writes a kubeconfig with a token of a ServiceAccount that lives for a day.
    ///
    /// # Errors
    /// When there is no such ServiceAccount or the file cannot be written.
    pub async fn service_account_kubeconfig(
        &self,
        namespace: &str,
        name: &str,
        path: &Path,
    ) -> Result<(), ClusterError> {
        let token = self
            .run(&[
                "create",
                "token",
                name,
                "--namespace",
                namespace,
                "--duration=24h",
            ])
            .await?;
        let own = self.json(&[
            "config",
            "view",
            "--minify",
            "--flatten",
            "--raw",
            "--output=json",
        ]);
        let cluster = own.await?.pointer("/clusters/0/cluster").cloned();
        write_kubeconfig(path, &cluster.unwrap_or_default(), token.trim()).map_err(|source| {
            ClusterError::Write {
                path: path.to_owned(),
                source,
            }
        })
    }
}

/// Writes a kubeconfig, as JSON, which is YAML too.
pub(crate) fn write_kubeconfig(path: &Path, cluster: &Value, token: &str) -> std::io::Result<()> {
    let text = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": cluster}],
        "users": [{"name": "testbed", "user": {"token": token}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "testbed"}}],
        "current-context": "testbed",
    });
    std::fs::write(path, text.to_string())
}
