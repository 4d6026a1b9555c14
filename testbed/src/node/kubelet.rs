//! Configures and starts the kubelet.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::containerd::SOCKET;
use super::error::{NodeError, file};
use super::home::Home;
use super::machine::Machine;
use super::network::Network;
use crate::cluster::Cluster;
use crate::control_plane::ControlPlane;
use crate::process::{ProcessError, Supervised};
use crate::tokens::User;
use crate::tools::{self, Tool};
use crate::wait::{Look, eventually};

/// The name of the node.
pub(super) const NAME: &str = "node";
const READY_WITHIN: Duration = Duration::from_secs(120);

/// Starts the kubelet and waits until the node is Ready.
pub(super) async fn start(
    home: &Home,
    network: &Network,
    machine: &Machine,
    plane: &ControlPlane,
) -> Result<Supervised, NodeError> {
    let kubeconfig = home.path().join("kubelet.kubeconfig");
    plane
        .kubeconfig_for(User::Kubelet, &kubeconfig)
        .map_err(file(&kubeconfig, "written"))?;
    let config = config(network, &plane.ca());
    let config = home.write("kubelet.json", &config.to_string())?;
    let before = heartbeat(plane.cluster()).await;
    let mut command = Command::new(tools::path(Tool::Kubelet).await?);
    command
        .arg(format!("--config={}", config.display()))
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .arg(format!("--hostname-override={NAME}"))
        .arg(format!("--node-ip={}", network.address()));
    let log = home.path().join("kubelet.log");
    let mut process = Supervised::start_under(&machine.launcher(), "kubelet", &command, &log)?;
    let ready = ready(plane.cluster(), &mut process, &before).await;
    ready.map_err(|source| NodeError::NotReady {
        part: "the kubelet",
        tail: process.tail(),
        source: Box::new(source),
    })?;
    Ok(process)
}

async fn ready(
    cluster: &Cluster,
    process: &mut Supervised,
    before: &Value,
) -> Result<(), crate::wait::WaitError<ProcessError>> {
    eventually("the node is Ready", READY_WITHIN, async || {
        process.running()?;
        let node = cluster.json(&["get", "node", NAME, "--output=json"]).await;
        Ok(match node {
            Ok(node) if is_ready(&node) && beat(&node) != *before => Look::Done(()),
            Ok(node) => Look::NotYet(node.pointer("/status/conditions").map_or_else(
                || "the node has no conditions yet".to_owned(),
                Value::to_string,
            )),
            Err(error) => Look::NotYet(error.to_string()),
        })
    })
    .await
}

/// When the kubelet last wrote the node's status. After a reboot the stale status still says Ready.
async fn heartbeat(cluster: &Cluster) -> Value {
    let node = cluster.json(&["get", "node", NAME, "--output=json"]).await;
    node.map_or(Value::Null, |node| beat(&node))
}

fn beat(node: &Value) -> Value {
    let beat = node.pointer("/status/conditions/0/lastHeartbeatTime");
    beat.cloned().unwrap_or_default()
}

/// Whether pods can start: the node is Ready and has no taints, such as `node.kubernetes.io/not-ready`.
fn is_ready(node: &Value) -> bool {
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    let is_ready = |condition: &Value| {
        condition.pointer("/type") == Some(&json!("Ready"))
            && condition.pointer("/status") == Some(&json!("True"))
    };
    conditions.into_iter().flatten().any(is_ready) && node.pointer("/spec/taints").is_none()
}

/// The kubelet's configuration. The comments say which settings this machine requires.
fn config(network: &Network, ca: &Path) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": network.address(),
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": ca},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [network.address()],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        // The node's processes share one cgroup, and the machine may have cgroup v1.
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": false,
        "enforceNodeAllocatable": [],
        // Without a cgroup for each pod the kubelet can panic when it looks for resized pods.
        "featureGates": {"InPlacePodVerticalScaling": false},
        "failCgroupV1": false,
        "failSwapOn": false,
        // The node shares the machine's disk, which may be almost full and still suffice for tests.
        "evictionHard": {},
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": false,
        // Pods resolve no external names.
        "resolvConf": "",
        "healthzPort": 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_with_a_taint_is_not_ready_yet() {
        let mut node = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        assert!(is_ready(&node));
        node["spec"] = json!({"taints": [{"key": "node.kubernetes.io/not-ready"}]});
        assert!(!is_ready(&node));
        assert!(!is_ready(&json!({"status": {"conditions": []}})));
    }
}
