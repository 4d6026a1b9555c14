//! Starts and stops a control plane.
//!
//! etcd listens on Unix sockets in a folder that only this user can enter. So no other etcd can
//! answer in its place, as one may on a port that was taken. The API server has a port; a process that answers
//! there must show a certificate that was made for this run, so it is ours too.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::audit::{self, AuditEvent};
use crate::certificates::{
    self, ACCOUNT_KEY, ACCOUNT_PUBLIC_KEY, CA, CertificateError, KUBELET_CLIENT_CERTIFICATE,
    KUBELET_CLIENT_KEY, SERVER_CERTIFICATE, SERVER_KEY,
};
use crate::cluster::{Cluster, ClusterError, write_kubeconfig};
use crate::process::{ProcessError, Supervised};
use crate::tokens::{TOKENS, Tokens, User};
use crate::tools::{self, Tool, ToolError};
use crate::wait::{Look, WaitError, eventually};

/// How long a component may take until it answers, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How many ports are tried. Between finding a free one and its use another process may take it.
const PORTS: usize = 5;
/// The port of an API server that has its network for itself.
const PORT: u16 = 6443;
/// The first address of the services, which is that of the API server.
const SERVICES: &str = "10.96.0.0/16";
const API_SERVICE: &str = "10.96.0.1";
const KUBECONFIG: &str = "kubeconfig";
const AUDIT_LOG: &str = "audit.log";

/// Metadata of every request, and what a status is set to: the operator records there what it owns.
/// A test needs answered requests only.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: Request
    verbs: [patch, update]
    resources:
      - group: daily-operator.io
        resources: [dailyrooms/status, pindialinnumbers/status]
  - level: Metadata
";

/// Why there is no control plane.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A binary is not available.
    #[error("a tool of the test control plane is not to be had")]
    Tool(#[from] ToolError),
    /// No keys or certificates.
    #[error("the test control plane has no certificates")]
    Certificate(#[from] CertificateError),
    /// A file could not be written, or no port is free.
    #[error("the test control plane could not be prepared")]
    Prepare(#[from] std::io::Error),
    /// A process could not be started.
    #[error("a process of the test control plane does not run")]
    Process(#[from] ProcessError),
    /// kubectl does not work.
    #[error("the test control plane cannot be talked to")]
    Cluster(#[from] ClusterError),
    /// A part was not ready in time, or ended.
    #[error("the test control plane is not ready; the end of the log of {part}:\n{tail}")]
    NotReady {
        /// Which part.
        part: &'static str,
        /// The end of its log.
        tail: String,
        /// What was waited for.
        source: WaitError<ProcessError>,
    },
    /// Another process took every free port before it was used.
    #[error("{PORTS} ports that were free were taken before the API server had them")]
    Ports,
}

/// A running control plane. It is stopped, and its folder removed, when it is dropped; when this
/// process is killed it is stopped too, but its folder stays.
#[derive(Debug)]
pub struct ControlPlane {
    cluster: Cluster,
    url: String,
    tokens: Tokens,
    // Fields are dropped in this order: clients before servers, and the folder last.
    _controller_manager: Supervised,
    _api_server: Supervised,
    _etcd: Supervised,
    folder: TempDir,
}

/// Where a control plane runs.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// On loopback of this machine, without nodes.
    Loopback,
    /// In a network of its own, with a node that reaches it there.
    Network {
        /// Runs a program in that network.
        launcher: Vec<String>,
        /// The address in it, which this machine reaches as well.
        address: String,
        /// The folder for everything of the run.
        folder: PathBuf,
    },
}

impl Place {
    fn launcher(&self) -> &[String] {
        match self {
            Self::Loopback => &[],
            Self::Network { launcher, .. } => launcher,
        }
    }

    fn address(&self) -> &str {
        match self {
            Self::Loopback => "127.0.0.1",
            Self::Network { address, .. } => address,
        }
    }

    /// Additional addresses in the API server's certificate.
    fn addresses(&self) -> Vec<String> {
        match self {
            Self::Loopback => Vec::new(),
            Self::Network { address, .. } => vec![address.clone(), API_SERVICE.to_owned()],
        }
    }

    /// A port for the API server. In a network of its own every port is free.
    fn port(&self) -> std::io::Result<u16> {
        match self {
            Self::Loopback => Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()),
            Self::Network { .. } => Ok(PORT),
        }
    }

    fn temporary_folder(&self) -> std::io::Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        match self {
            Self::Loopback => builder.prefix("testbed-").tempdir(),
            Self::Network { folder, .. } => builder.prefix("control-plane-").tempdir_in(folder),
        }
    }
}

impl ControlPlane {
    /// Starts one, after building the binaries that are missing.
    ///
    /// # Errors
    /// When a binary is not available, or a component is not ready within a minute.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_at(&Place::Loopback).await
    }

    /// The same in this place.
    pub(crate) async fn start_at(place: &Place) -> Result<Self, StartError> {
        tools::prepare(&[
            Tool::Etcd,
            Tool::ApiServer,
            Tool::ControllerManager,
            Tool::Kubectl,
        ])
        .await?;
        let folder = place.temporary_folder()?;
        let path = folder.path();
        certificates::write(path, &place.addresses())?;
        let tokens = Tokens::generate()?;
        tokens.write(path)?;
        std::fs::write(path.join("audit.yaml"), AUDIT_POLICY)?;

        let cluster = Cluster::of(&path.join(KUBECONFIG)).await?;
        let etcd = start(Tool::Etcd, place, path, etcd_args(path)).await?;
        let (api_server, url) = start_api_server(&cluster, place, path, &tokens).await?;
        let args = controller_manager_args(path);
        let mut controller_manager = start(Tool::ControllerManager, place, path, args).await?;
        controllers_work(&cluster, &mut controller_manager).await?;
        Ok(Self {
            cluster,
            url,
            tokens,
            _controller_manager: controller_manager,
            _api_server: api_server,
            _etcd: etcd,
            folder,
        })
    }

    /// The cluster, with the rights of an administrator.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A kubeconfig with the rights of an administrator.
    pub fn kubeconfig(&self) -> &Path {
        self.cluster.kubeconfig()
    }

    /// The folder with everything of this run: logs, keys, data. More may be put there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The audit log, one JSON object a line. Writes of a status have their body, all others have not.
    ///
    /// The API server writes a line after it has answered, so the last answers may be missing.
    pub fn audit_log(&self) -> PathBuf {
        self.folder.path().join(AUDIT_LOG)
    }

    /// The requests that were answered so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn audit_events(&self) -> std::io::Result<Vec<AuditEvent>> {
        Ok(audit::parse(&std::fs::read_to_string(self.audit_log())?))
    }

    /// The file with the certificate of the CA.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join(CA)
    }

    /// Writes a kubeconfig for this user.
    pub(crate) fn kubeconfig_for(&self, user: User, path: &Path) -> std::io::Result<()> {
        let server = json!({"server": self.url, "certificate-authority": self.ca()});
        write_kubeconfig(path, &server, &self.tokens.of(user))
    }

    /// Starts kube-scheduler, which only clusters with nodes need.
    pub(crate) async fn start_scheduler(&self, place: &Place) -> Result<Supervised, StartError> {
        let path = self.folder.path().join("scheduler.kubeconfig");
        self.kubeconfig_for(User::Scheduler, &path)?;
        let args = vec![
            format!("--kubeconfig={}", path.display()),
            "--leader-elect=false".to_owned(),
            "--secure-port=0".to_owned(),
        ];
        start(Tool::Scheduler, place, self.folder.path(), args).await
    }

    /// Stops it without blocking the runtime, as dropping it would.
    pub async fn stop(self) {
        // Joining fails only when the runtime ends, and then the drop has happened as well.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

async fn start(
    tool: Tool,
    place: &Place,
    folder: &Path,
    args: Vec<String>,
) -> Result<Supervised, StartError> {
    let mut command = Command::new(tools::path(tool).await?);
    command.args(args).current_dir(folder);
    let log = folder.join(format!("{}.log", tool.name()));
    let started = Supervised::start_under(place.launcher(), tool.name(), &command, &log);
    Ok(started?)
}

fn etcd_args(folder: &Path) -> Vec<String> {
    let socket = |name| format!("unix://{}", folder.join(name).display());
    // A member must advertise a host and port, though a single one is never asked for them.
    let nowhere = "http://127.0.0.1:1";
    vec![
        "--name=testbed".to_owned(),
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={}", socket("etcd.sock")),
        format!("--advertise-client-urls={nowhere}"),
        format!("--listen-peer-urls={}", socket("peer.sock")),
        format!("--initial-advertise-peer-urls={nowhere}"),
        format!("--initial-cluster=testbed={nowhere}"),
        // The data need not survive a power cut.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ]
}

/// Starts the API server on a free port and waits until it is ready.
async fn start_api_server(
    cluster: &Cluster,
    place: &Place,
    folder: &Path,
    tokens: &Tokens,
) -> Result<(Supervised, String), StartError> {
    for _ in 0..PORTS {
        let port = place.port()?;
        let url = format!("https://{}:{port}", place.address());
        let server = json!({
            "server": url,
            "certificate-authority": folder.join(CA),
        });
        write_kubeconfig(cluster.kubeconfig(), &server, &tokens.of(User::Admin))?;
        let args = api_server_args(place, folder, port);
        let mut process = start(Tool::ApiServer, place, folder, args).await?;
        match api_server_ready(cluster, &mut process).await {
            Ok(()) => return Ok((process, url)),
            Err(_) if process.tail().contains("address already in use") => {}
            Err(source) => return Err(not_ready(Tool::ApiServer, &process, source)),
        }
    }
    Err(StartError::Ports)
}

fn api_server_args(place: &Place, folder: &Path, port: u16) -> Vec<String> {
    let path = |name| folder.join(name).display().to_string();
    let mut args = vec![
        format!("--etcd-servers=unix://{}", path("etcd.sock")),
        format!("--bind-address={}", place.address()),
        format!("--advertise-address={}", place.address()),
        format!("--secure-port={port}"),
        format!("--tls-cert-file={}", path(SERVER_CERTIFICATE)),
        format!("--tls-private-key-file={}", path(SERVER_KEY)),
        format!("--token-auth-file={}", path(TOKENS)),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", path(ACCOUNT_PUBLIC_KEY)),
        format!("--service-account-signing-key-file={}", path(ACCOUNT_KEY)),
        format!("--service-cluster-ip-range={SERVICES}"),
        format!("--audit-policy-file={}", path("audit.yaml")),
        format!("--audit-log-path={}", path(AUDIT_LOG)),
        "--audit-log-mode=blocking".to_owned(),
        // In MB. By default the API server begins a new file after 100 MB, which the readers would miss.
        "--audit-log-maxsize=100000".to_owned(),
    ];
    args.extend(match place {
        Place::Loopback => vec![
            "--authorization-mode=RBAC".to_owned(),
            // Nobody reaches the API server through the Service `kubernetes`, and loopback is
            // refused as an endpoint of it.
            "--endpoint-reconciler-type=none".to_owned(),
        ],
        Place::Network { .. } => vec![
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            // Nothing resolves the name of the node.
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            // Without a certificate the kubelet refuses logs and exec.
            format!(
                "--kubelet-client-certificate={}",
                path(KUBELET_CLIENT_CERTIFICATE)
            ),
            format!("--kubelet-client-key={}", path(KUBELET_CLIENT_KEY)),
        ],
    });
    args
}

async fn api_server_ready(
    cluster: &Cluster,
    process: &mut Supervised,
) -> Result<(), WaitError<ProcessError>> {
    eventually("the API server is ready", READY_WITHIN, async || {
        process.running()?;
        let answer = cluster
            .run(&["get", "--raw=/readyz", "--request-timeout=5s"])
            .await;
        Ok(answer.map_or_else(|error| Look::NotYet(error.to_string()), |_| Look::Done(())))
    })
    .await
}

fn controller_manager_args(folder: &Path) -> Vec<String> {
    let path = |name| folder.join(name).display().to_string();
    let kubeconfig = path(KUBECONFIG);
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--service-account-private-key-file={}", path(ACCOUNT_KEY)),
        format!("--root-ca-file={}", path(CA)),
        // As on a real cluster, each controller has its own rights.
        "--use-service-account-credentials".to_owned(),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
        // The defaults are for a machine that has other things to do; tests wait for this one.
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
    ]
}

/// Waits for the first object that the controllers create.
async fn controllers_work(cluster: &Cluster, process: &mut Supervised) -> Result<(), StartError> {
    let waited = eventually("the controllers work", READY_WITHIN, async || {
        process.running()?;
        let account = cluster.run(&["get", "serviceaccount", "default"]).await;
        Ok(account.map_or_else(|error| Look::NotYet(error.to_string()), |_| Look::Done(())))
    })
    .await;
    waited.map_err(|source| not_ready(Tool::ControllerManager, process, source))
}

fn not_ready(part: Tool, process: &Supervised, source: WaitError<ProcessError>) -> StartError {
    StartError::NotReady {
        part: part.name(),
        tail: process.tail(),
        source,
    }
}
