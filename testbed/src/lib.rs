//! A real Kubernetes control plane on loopback, for tests and the demo.
//!
//! [`ControlPlane::start`] runs etcd, kube-apiserver and kube-controller-manager as children in a
//! temporary folder. What is missing of their binaries is built from the pinned Go modules below
//! `tools/` first. Nothing schedules or runs pods there; [`Node::start`] adds what does.
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`tools`] | finds or builds etcd, kube-apiserver, kube-controller-manager, kubectl and Helm |
//! | [`process`] | children that never outlive this process |
//! | [`cluster`] | a cluster seen through kubectl: apply, read, tokens |
//! | [`control_plane`] | starts and stops the cluster |
//! | [`proxy`] | a real HTTP proxy |
//! | `faults` | a proxy that makes the API server fail; with the feature `faults` |
//! | [`node`] | the same with a node that runs pods, in namespaces of its own |
//! | [`audit`] | what the API server was asked |
//! | [`wait`] | polling with a deadline |
//! | [`progress`] | says what long work does |
//!
//! Dependencies are few on purpose: `cargo xtask` depends on this crate and should start quickly.

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
