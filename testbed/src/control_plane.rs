//! Starts and stops a control plane.
//!
//! etcd listens on Unix sockets in a folder that only this user can enter, so no other process can answer in
//! its place. The API server listens on a port. Clients accept only a certificate that was created for this
//! run, so they cannot mistake another process for it.

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

/// How long a component may take to become ready on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How many ports the API server tries. Another process may take a free port before the API server binds it.
const PORTS: usize = 5;
/// The port of the API server in a separate network.
const PORT: u16 = 6443;
/// The address range of Services. Its first address is the Service of the API server.
const SERVICES: &str = "10.96.0.0/16";
const API_SERVICE: &str = "10.96.0.1";
const KUBECONFIG: &str = "kubeconfig";
const AUDIT_LOG: &str = "audit.log";

/// Logs the metadata of every answered request, and also the body of status writes, because the operator
/// records there what it owns.
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

/// Why the control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A binary is not available.
    #[error("a tool of the test control plane is not to be had")]
    Tool(#[from] ToolError),
    /// The keys or certificates could not be created.
    #[error("the test control plane has no certificates")]
    Certificate(#[from] CertificateError),
    /// A file could not be written, or no port is free.
    #[error("the test control plane could not be prepared")]
    Prepare(#[from] std::io::Error),
    /// A process could not be started.
    #[error("a process of the test control plane does not run")]
    Process(#[from] ProcessError),
    /// kubectl failed.
    #[error("the test control plane cannot be talked to")]
    Cluster(#[from] ClusterError),
    /// A component was not ready in time, or exited.
    #[error("the test control plane is not ready; the end of the log of {part}:\n{tail}")]
    NotReady {
        /// The name of the component.
        part: &'static str,
        /// The end of its log.
        tail: String,
        /// Why the wait ended.
        source: WaitError<ProcessError>,
    },
    /// Other processes took each free port before the API server bound it.
    #[error("{PORTS} ports that were free were taken before the API server had them")]
    Ports,
}

/// A running control plane. Dropping it stops the processes and removes the folder. If this process is
/// killed, the processes stop too, but the folder remains.
#[derive(Debug)]
pub struct ControlPlane {
    cluster: Cluster,
    url: String,
    tokens: Tokens,
    // Rust drops the fields in this order: clients before servers, and the folder last.
    _controller_manager: Supervised,
    _api_server: Supervised,
    _etcd: Supervised,
    folder: TempDir,
}

/// Where a control plane runs.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// On the loopback interface of this machine, without nodes.
    Loopback,
    /// In a separate network, with a node.
    Network {
        /// The command prefix that runs a program in that network.
        launcher: Vec<String>,
        /// The address in that network. This machine reaches it as well.
        address: String,
        /// The parent of the control plane's folder.
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

    /// A port for the API server. In a separate network every port is free.
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
    /// Starts a control plane, after building the missing binaries.
    ///
    /// # Errors
    /// If a binary is not available, or a component is not ready within a minute.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_at(&Place::Loopback).await
    }

    /// Like [`Self::start`], in this place.
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

    /// The cluster, with administrator permissions.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A kubeconfig with administrator permissions.
    pub fn kubeconfig(&self) -> &Path {
        self.cluster.kubeconfig()
    }

    /// The folder of this run, with logs, keys and data. Callers may add files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The audit log, one JSON object per line. Only status writes to the operator's resources include the
    /// body.
    ///
    /// The API server writes a line after it has answered, so the last answers may be missing.
    pub fn audit_log(&self) -> PathBuf {
        self.folder.path().join(AUDIT_LOG)
    }

    /// The requests that the API server has answered so far.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn audit_events(&self) -> std::io::Result<Vec<AuditEvent>> {
        Ok(audit::parse(&std::fs::read_to_string(self.audit_log())?))
    }

    /// The file with the CA's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join(CA)
    }

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

    /// Stops the control plane without blocking the runtime, as a drop would.
    pub async fn stop(self) {
        // Joining fails only if the runtime shuts down, and then the value is dropped as well.
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
    // etcd requires advertised URLs with a host and a port, but a single member never uses them.
    let nowhere = "http://127.0.0.1:1";
    vec![
        "--name=testbed".to_owned(),
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={}", socket("etcd.sock")),
        format!("--advertise-client-urls={nowhere}"),
        format!("--listen-peer-urls={}", socket("peer.sock")),
        format!("--initial-advertise-peer-urls={nowhere}"),
        format!("--initial-cluster=testbed={nowhere}"),
        // The data need not survive a power failure.
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
        // In MB. By default the API server rotates the log after 100 MB, and the readers would miss the older
        // file.
        "--audit-log-maxsize=100000".to_owned(),
    ];
    args.extend(match place {
        Place::Loopback => vec![
            "--authorization-mode=RBAC".to_owned(),
            // No client uses the Service `kubernetes`, and Kubernetes rejects loopback addresses as its
            // endpoints.
            "--endpoint-reconciler-type=none".to_owned(),
        ],
        Place::Network { .. } => vec![
            "--authorization-mode=Node,RBAC".to_owned(),
            "--enable-admission-plugins=NodeRestriction".to_owned(),
            // Nothing resolves the name of the node.
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
            // Without this certificate the kubelet rejects requests for logs and exec.
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
        // Give each controller its own permissions, as on a real cluster.
        "--use-service-account-credentials".to_owned(),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
        // Tests wait for the controllers, and the default rate limits would slow them down.
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
    ]
}

/// Waits for the first object that the controllers create, the ServiceAccount `default`.
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
