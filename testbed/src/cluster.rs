//! A cluster, accessed through kubectl as a user would.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::tools::{self, Tool, ToolError};

/// Applies stdin server-side, with the field manager `testbed`.
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
    /// kubectl is missing and could not be built.
    #[error("kubectl is not to be had")]
    Tool(#[from] ToolError),
    /// kubectl could not be executed.
    #[error("kubectl did not run")]
    Run(#[source] std::io::Error),
    /// kubectl exited with an error.
    #[error("`kubectl {command}` failed: {stderr}")]
    Kubectl {
        /// The arguments.
        command: String,
        /// The stderr of kubectl.
        stderr: String,
    },
    /// The output of kubectl is not JSON.
    #[error("`kubectl {command}` printed no JSON")]
    Json {
        /// The arguments.
        command: String,
        /// Why the output could not be parsed.
        source: serde_json::Error,
    },
    /// A kubeconfig could not be written.
    #[error("{} could not be written", path.display())]
    Write {
        /// The path of the kubeconfig.
        path: PathBuf,
        /// Why the write failed.
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
    /// The cluster of the current context of a kubeconfig.
    ///
    /// # Errors
    /// If kubectl is missing and cannot be built.
    pub async fn of(kubeconfig: &Path) -> Result<Self, ClusterError> {
        Ok(Self {
            kubeconfig: kubeconfig.to_owned(),
            kubectl: tools::path(Tool::Kubectl).await?,
        })
    }

    /// The kubeconfig of this user.
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

    /// A kubectl command without arguments. It is killed on drop.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs kubectl and returns its stdout.
    ///
    /// # Errors
    /// If kubectl cannot be executed or exits with an error.
    pub async fn run(&self, args: &[&str]) -> Result<String, ClusterError> {
        self.feed(args, "").await
    }

    /// Runs kubectl and parses its stdout as JSON.
    ///
    /// # Errors
    /// As [`Self::run`], and if the output is not JSON.
    pub async fn json(&self, args: &[&str]) -> Result<Value, ClusterError> {
        let text = self.run(args).await?;
        serde_json::from_str(&text).map_err(|source| ClusterError::Json {
            command: args.join(" "),
            source,
        })
    }

    /// Runs kubectl with `input` on its stdin, and returns its stdout.
    ///
    /// # Errors
    /// If kubectl cannot be executed or exits with an error.
    pub async fn feed(&self, args: &[&str], input: &str) -> Result<String, ClusterError> {
        let mut command = self.kubectl();
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(ClusterError::Run)?;
        if let Some(mut stdin) = child.stdin.take() {
            // If kubectl exits before it has read everything, its stderr says why.
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

    /// Applies manifests server-side, and returns kubectl's line for each.
    ///
    /// # Errors
    /// If the API server rejects one of them.
    pub async fn apply(&self, yaml: &str) -> Result<String, ClusterError> {
        self.feed(&APPLY, yaml).await
    }

    /// Like [`Self::apply`], with a default namespace for the manifests.
    ///
    /// # Errors
    /// If the API server rejects one of them, or one names another namespace.
    pub async fn apply_in(&self, namespace: &str, yaml: &str) -> Result<String, ClusterError> {
        let args = [&APPLY[..], &["--namespace", namespace]].concat();
        self.feed(&args, yaml).await
    }

    /// Writes a kubeconfig with a token of a ServiceAccount. The token is valid for 24 hours.
    ///
    /// # Errors
    /// If the ServiceAccount does not exist or the file cannot be written.
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

/// Writes a kubeconfig as JSON, which is valid YAML.
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
