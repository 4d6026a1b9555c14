//! A cluster with one node: kubelet, containerd, kube-proxy and DNS in addition to the control plane.
//!
//! | module | purpose |
//! | --- | --- |
//! | `needs` | what a machine needs to run a node |
//! | `home` | the folder of a run, and the cleanup after killed runs |
//! | `network` | the network namespace with all addresses and rules |
//! | `machine` | the namespaces for processes, mounts and the host name; a reboot |
//! | `cgroups` | the cgroups of the containers |
//! | `containerd`, `kubelet`, `services` | the processes of the node and their configuration |
//! | `command` | runs short commands of the system |

mod cgroups;
mod command;
mod containerd;
mod error;
mod home;
mod kubelet;
mod machine;
mod needs;
mod network;
mod services;

use std::path::{Path, PathBuf};

use self::home::Home;
use self::machine::Machine;
use self::network::Network;
use crate::cluster::Cluster;
use crate::control_plane::{ControlPlane, Place};
use crate::process::Supervised;
use crate::progress::say;
use crate::tools::{self, Tool};

pub use self::error::NodeError;
pub use self::needs::missing;

/// A running cluster with a node. Dropping it stops the processes and removes their files. If this process is
/// killed, the next start removes the files.
#[derive(Debug)]
pub struct Node {
    // Rust drops the fields in this order: the processes in the machine, the machine, the control plane, the
    // network.
    running: Option<Running>,
    _scheduler: Supervised,
    plane: ControlPlane,
    pause: PathBuf,
    network: Network,
    home: Home,
}

/// The processes that a reboot ends.
#[derive(Debug)]
struct Running {
    _dns: Supervised,
    _proxy: Supervised,
    _kubelet: Supervised,
    _containerd: Supervised,
    machine: Machine,
}

impl Node {
    /// Starts a cluster with a node, after building the missing binaries.
    ///
    /// # Errors
    /// If this machine cannot run a node, a binary cannot be built, or a component is not ready in time.
    pub async fn start() -> Result<Self, NodeError> {
        if let Some(reason) = missing() {
            return Err(NodeError::Missing(reason));
        }
        tools::prepare(&Tool::NODE).await?;
        let home = Home::create()?;
        let pause = tools::path(Tool::Pause).await?;
        let network = Network::create(home.path(), &pause).await?;
        say(format_args!("the network {} is up", network.address()));
        let place = Place::Network {
            launcher: network.launcher(),
            address: network.address(),
            folder: home.path().to_owned(),
        };
        let plane = ControlPlane::start_at(&place).await?;
        say("the control plane answers");
        let scheduler = plane.start_scheduler(&place).await?;
        let mut node = Self {
            running: None,
            _scheduler: scheduler,
            plane,
            pause,
            network,
            home,
        };
        node.boot().await?;
        Ok(node)
    }

    /// Cuts the power of the node and boots it again. The kernel kills every process and container at once, and
    /// the node's memory is lost. The control plane keeps running.
    ///
    /// # Errors
    /// If a component is not ready in time.
    pub async fn reboot(&mut self) -> Result<(), NodeError> {
        let running = self.running.take();
        // Joining fails only if the runtime shuts down, and then the value is dropped as well.
        let _ = tokio::task::spawn_blocking(move || drop(running)).await;
        self.boot().await
    }

    async fn boot(&mut self) -> Result<(), NodeError> {
        let (home, network, plane) = (&self.home, &self.network, &self.plane);
        let machine = Machine::boot(home, network, &self.pause).await?;
        let containerd = containerd::start(home, &machine, &self.pause).await?;
        say("containerd answers");
        let proxy = services::start_proxy(home, network, &machine, plane).await?;
        let dns = services::start_dns(home, network, &machine, plane).await?;
        say("kube-proxy runs and CoreDNS answers");
        let kubelet = kubelet::start(home, network, &machine, plane).await?;
        say("the node is Ready");
        self.running = Some(Running {
            _dns: dns,
            _proxy: proxy,
            _kubelet: kubelet,
            _containerd: containerd,
            machine,
        });
        Ok(())
    }

    /// The cluster, with administrator permissions.
    pub fn cluster(&self) -> &Cluster {
        self.plane.cluster()
    }

    /// The folder of this run, with logs, keys and data.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// The requests that the API server has answered so far.
    ///
    /// # Errors
    /// If the audit log cannot be read.
    pub fn audit_events(&self) -> std::io::Result<Vec<crate::audit::AuditEvent>> {
        self.plane.audit_events()
    }

    /// Imports the images of an archive from `docker save` or `podman save`.
    ///
    /// # Errors
    /// If containerd rejects the archive.
    pub async fn import(&self, archive: &Path) -> Result<String, NodeError> {
        match &self.running {
            Some(running) => containerd::import(&running.machine, archive).await,
            None => Err(NodeError::Missing("it did not boot again".to_owned())),
        }
    }

    /// Stops the cluster without blocking the runtime, as a drop would.
    pub async fn stop(self) {
        // Joining fails only if the runtime shuts down, and then the value is dropped as well.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}
