//! A real Kubernetes control plane on loopback, for tests and the demo.
//!
//! [`ControlPlane::start`] runs etcd, kube-apiserver and kube-controller-manager as child processes in a
//! temporary folder. It first builds missing binaries from the pinned Go modules in `tools/`. The control
//! plane does not schedule or run pods; [`Node::start`] adds a node that does.
//!
//! | module | purpose |
//! | --- | --- |
//! | [`tools`] | finds or builds etcd, kube-apiserver, kube-controller-manager, kubectl and Helm |
//! | [`process`] | child processes that never outlive this process |
//! | [`cluster`] | access to a cluster through kubectl: apply, read, tokens |
//! | [`control_plane`] | starts and stops the control plane |
//! | [`proxy`] | a real HTTP proxy |
//! | `faults` | a proxy that injects faults into the API server; with the feature `faults` |
//! | [`node`] | a control plane with a node that runs pods, in separate namespaces of the kernel |
//! | [`audit`] | the requests that the API server answered |
//! | [`wait`] | polling with a deadline |
//! | [`progress`] | reports the progress of long work |
//!
//! The crate has few dependencies because `cargo xtask` depends on it and has to build quickly.

pub mod audit;
mod certificates;
pub mod cluster;
pub mod control_plane;
#[cfg(feature = "faults")]
pub mod faults;
pub mod node;
pub mod process;
pub mod progress;
pub mod proxy;
mod tokens;
pub mod tools;
pub mod wait;

pub use cluster::Cluster;
pub use control_plane::ControlPlane;
pub use node::Node;
pub use process::Supervised;
pub use proxy::Proxy;
pub use tools::{Tool, helm};
pub use wait::{Look, eventually};
