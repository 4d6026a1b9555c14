//! The stage of the demo: a cluster, a simulated Daily and a running operator.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use daily_sim::SimClient;
use serde_json::json;
use tempfile::TempDir;
use testbed::process::Supervised;
use testbed::tools::{self, Tool};
use testbed::{Cluster, ControlPlane, Look, eventually};

use super::chart::{Chart, RELEASE};
use super::error::{DemoError, io};
use super::report::{Failed, Report, say, typed};
use super::{Args, look};
use crate::cargo;

/// The namespace of the operator and all objects.
pub const NAMESPACE: &str = "daily-demo";
/// The API key that the simulated Daily accepts.
pub const KEY: &str = "demo-key-0123456789abcdef";
/// The purchased number of the account, which the examples use.
pub const NUMBER: &str = "+12025550123";
/// The domain of the account.
const DOMAIN: &str = "demo";
/// The Secret with the operator's default key.
const KEY_SECRET: &str = "daily-default-key";
/// The operator learns from the next listing that the demo moved Daily's clock. The default would make the
/// viewer wait for minutes.
const DRIFT_INTERVAL: &str = "5s";
/// How long the simulator may take to listen.
const SOON: Duration = Duration::from_secs(20);
/// How long the operator may take to become ready. In an existing cluster another operator may still hold the
/// Lease, but a standby is ready too.
const READY: Duration = Duration::from_secs(60);

/// The running parts of the demo. Dropping it stops them.
#[derive(Debug)]
pub struct Stage {
    // Rust drops the fields in this order: the operator before the servers that it calls, the folder last.
    pub operator: Supervised,
    pub daily: Daily,
    /// The cluster, with administrator permissions.
    pub cluster: Cluster,
    plane: Option<ControlPlane>,
    _folder: TempDir,
}

/// The simulated Daily, a separate process.
#[derive(Debug)]
pub struct Daily {
    _process: Supervised,
    /// The origin of its URL.
    pub origin: String,
    /// The client of its telephone and control endpoints.
    pub phone: SimClient,
}

impl Stage {
    /// Starts the parts, step by step.
    ///
    /// # Errors
    /// The step that failed.
    pub async fn set(args: &Args, report: &mut Report) -> Result<Self, Failed> {
        let name = "build the operator and the simulated Daily";
        let programs = report.step(name, build()).await?;
        let name = "find or build kubectl, Helm and the test control plane";
        report.step(name, find_tools(args)).await?;
        let name = match &args.kubeconfig {
            None => "start etcd, kube-apiserver and kube-controller-manager".to_owned(),
            Some(path) => format!("reach the cluster of {}", path.display()),
        };
        let (cluster, plane) = report.step(&name, start_cluster(args)).await?;
        let folder = report.step("start the simulated Daily", start_daily(&programs));
        let (folder, daily) = folder.await?;
        let name = "install the CRDs and the rights that the chart renders";
        let chart = report.step(name, install(&cluster, &daily)).await?;
        let name = "start the operator under the chart's ServiceAccount, until it is ready";
        let starting = Starting {
            cluster: &cluster,
            program: &programs.join("daily-operator"),
            folder: folder.path(),
            key: &args.daily_key,
        };
        let operator = report.step(name, starting.operator(&chart)).await?;
        Ok(Self {
            operator,
            daily,
            cluster,
            plane,
            _folder: folder,
        })
    }

    /// Stops everything. In an existing cluster it deletes the objects of the demo.
    pub async fn strike(self) {
        match self.plane {
            Some(plane) => {
                drop((self.operator, self.daily));
                plane.stop().await;
            }
            None => clear(&self.cluster).await,
        }
    }
}

/// Builds both programs and returns their folder, which also contains this program.
async fn build() -> Result<PathBuf, DemoError> {
    let args = [
        "build",
        "--package",
        "daily-operator",
        "--package",
        "daily-sim",
        "--bins",
    ];
    typed(cargo::typed(&args));
    let status = tokio::process::Command::from(cargo::cargo(&args)).status();
    let status = status.await.map_err(io("cargo did not run"))?;
    if !status.success() {
        return Err(DemoError::Build(status));
    }
    let this = std::env::current_exe().map_err(io("this program does not know where it is"))?;
    Ok(this.parent().map(Path::to_owned).unwrap_or_default())
}

async fn find_tools(args: &Args) -> Result<(), DemoError> {
    let needed = match args.kubeconfig {
        None => &Tool::CONTROL_PLANE[..],
        Some(_) => &[Tool::Kubectl, Tool::Helm],
    };
    tools::prepare(needed).await?;
    for tool in needed {
        say(tools::path(*tool).await?.display());
    }
    Ok(())
}

async fn start_cluster(args: &Args) -> Result<(Cluster, Option<ControlPlane>), DemoError> {
    let (cluster, plane) = match &args.kubeconfig {
        Some(path) => (Cluster::of(path).await?, None),
        None => {
            let plane = ControlPlane::start().await?;
            (plane.cluster().clone(), Some(plane))
        }
    };
    let version = cluster.json(&["version", "--output=json"]).await?;
    let version = look::text(&version, "/serverVersion/gitVersion").to_owned();
    say(format_args!("Kubernetes {version}"));
    Ok((cluster, plane))
}

async fn start_daily(programs: &Path) -> Result<(TempDir, Daily), DemoError> {
    let folder = tempfile::Builder::new().prefix("daily-demo-").tempdir();
    let folder = folder.map_err(io("there is no temporary folder"))?;
    let mut command = Command::new(programs.join("daily-sim"));
    command
        .args(["--listen", "127.0.0.1:0", "--domain", DOMAIN])
        .args(["--api-key", KEY, "--purchased-number", NUMBER]);
    let log = folder.path().join("daily-sim.log");
    let mut process = Supervised::start("daily-sim", &command, &log)?;
    let origin = eventually("daily-sim listens", SOON, async || {
        process.running()?;
        let said = process.tail();
        let base = said
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        Ok::<_, DemoError>(match base.and_then(|base| base.strip_suffix("/v1")) {
            Some(origin) => Look::Done(origin.to_owned()),
            None => Look::NotYet(said),
        })
    })
    .await?;
    say(format_args!(
        "{origin}, the account {DOMAIN} with the purchased number {NUMBER}"
    ));
    say(
        "open this address in a browser: the page shows the rooms and callers, and has a telephone",
    );
    let daily = Daily {
        phone: SimClient::new(&origin)?,
        _process: process,
        origin,
    };
    Ok((folder, daily))
}

async fn install(cluster: &Cluster, daily: &Daily) -> Result<Chart, DemoError> {
    let values = json!({
        "daily": {
            "baseUrl": format!("{}/v1", daily.origin),
            "apiKey": {"existingSecret": {"name": KEY_SECRET}},
        },
        "watchNamespaces": [NAMESPACE],
        "log": {"format": "text"},
        "driftInterval": DRIFT_INTERVAL,
    });
    let chart = Chart::render(NAMESPACE, &values).await?;
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    say(cluster.apply(&namespace.to_string()).await?);
    say(cluster.apply(&chart.crds()).await?);
    let established = ["wait", "--for=condition=Established", "--timeout=30s"];
    let crds = look::KINDS.map(|kind| format!("crd/{kind}.daily-operator.io"));
    let args: Vec<_> = established
        .into_iter()
        .chain(crds.iter().map(String::as_str))
        .collect();
    cluster.run(&args).await?;
    say(cluster.apply(&chart.rights()).await?);
    Ok(chart)
}

/// The inputs for a start of the operator.
struct Starting<'a> {
    cluster: &'a Cluster,
    program: &'a Path,
    folder: &'a Path,
    key: &'a str,
}

impl Starting<'_> {
    async fn operator(&self, chart: &Chart) -> Result<Supervised, DemoError> {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": KEY_SECRET},
            "stringData": {"api-key": self.key},
        });
        say(self
            .cluster
            .apply_in(NAMESPACE, &secret.to_string())
            .await?);
        let kubeconfig = self.folder.join("operator.kubeconfig");
        self.cluster
            .service_account_kubeconfig(NAMESPACE, RELEASE, &kubeconfig)
            .await?;
        let args = chart.operator_args()?;
        typed(format_args!("daily-operator {}", args.join(" ")));
        let mut command = Command::new(self.program);
        command.args(args).env("KUBECONFIG", kubeconfig);
        let log = self.folder.join("operator.log");
        let mut process = Supervised::start("the operator", &command, &log)?;
        eventually("the operator is ready", READY, async || {
            process.running()?;
            Ok::<_, DemoError>(match look::readyz(&process.tail()).await {
                Ok(()) => Look::Done(()),
                Err(seen) => Look::NotYet(seen),
            })
        })
        .await?;
        say(format_args!(
            "/readyz answers ok; the operator serves only the namespace {NAMESPACE}"
        ));
        Ok(process)
    }
}

/// Deletes the objects of the demo while the operator still runs and can remove its finalizers.
async fn clear(cluster: &Cluster) {
    let kinds = look::KINDS.join(",");
    for args in [
        &[
            "delete",
            &kinds,
            "--all",
            "--namespace",
            NAMESPACE,
            "--timeout=30s",
        ][..],
        &["delete", "namespace", NAMESPACE, "--timeout=60s"],
    ] {
        typed(format_args!("kubectl {}", args.join(" ")));
        match cluster.run(args).await {
            Ok(said) => say(said),
            Err(error) => say(format_args!("{error}; it is left in the cluster")),
        }
    }
    say("the CRDs, the operator's ClusterRole and its Role in kube-system stay");
}
