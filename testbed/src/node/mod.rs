//! A cluster with one node: a kubelet, containerd, kube-proxy and DNS beside the control plane.
//!
//! | module | what it is for |
//! | --- | --- |
//! | `needs` | what a machine must have for it |
//! | `home` | the folder of a run, and what a killed one has left |
//! | `network` | the network namespace with all addresses and rules |
//! | `machine` | the namespaces for processes, mounts and the name; a reboot |
//! | `cgroups` | the control groups of the containers |
//! | `containerd`, `kubelet`, `services` | the processes of the node and their configuration |
//! | `command` | short commands of the system |

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

/// A running cluster with a node. It is stopped, and what it made is removed, when it is dropped;
/// when this process is killed, the next start removes what is left.
#[derive(Debug)]
pub struct Node {
    // Dropped in this order: what is in the machine, the machine, the control plane, the network.
    running: Option<Running>,
    _scheduler: Supervised,
    plane: ControlPlane,
    pause: PathBuf,
    network: Network,
    home: Home,
}

/// What a reboot ends.
#[derive(Debug)]
struct Running {
    _dns: Supervised,
    _proxy: Supervised,
    _kubelet: Supervised,
    _containerd: Supervised,
    machine: Machine,
}

impl Node {
    /// Starts one, after building the binaries that are missing.
    ///
    /// # Errors
    /// When this machine cannot have one, a binary cannot be built, or a part is not ready in time.
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

    /// Cuts the power of the node and boots it again: every process and container in it ends
    /// without being asked, and what was in memory is gone. The control plane goes on.
    ///
    /// # Errors
    /// When a part is not ready in time.
    pub async fn reboot(&mut self) -> Result<(), NodeError> {
        let running = self.running.take();
        // Joining fails only when the runtime ends, and then the drop has happened as well.
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

    /// The cluster, with the rights of an administrator.
    pub fn cluster(&self) -> &Cluster {
        self.plane.cluster()
    }

    /// The folder with everything of this run: logs, keys, data.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// The requests that the API server has answered so far.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub fn audit_events(&self) -> std::io::Result<Vec<crate::audit::AuditEvent>> {
        self.plane.audit_events()
    }

    /// Imports the images of an archive, as `docker save` and `podman save` write it.
    ///
    /// # Errors
    /// When containerd refuses it.
    pub async fn import(&self, archive: &Path) -> Result<String, NodeError> {
        match &self.running {
            Some(running) => containerd::import(&running.machine, archive).await,
            None => Err(NodeError::Missing("it did not boot again".to_owned())),
        }
    }

    /// Stops it without blocking the runtime, as dropping it would.
    pub async fn stop(self) {
        // Joining fails only when the runtime ends, and then the drop has happened as well.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}
