//! Services: kube-proxy for their addresses and CoreDNS for their names.

use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::error::{NodeError, file};
use super::home::Home;
use super::machine::Machine;
use super::network::Network;
use crate::control_plane::ControlPlane;
use crate::process::{ProcessError, Supervised};
use crate::tokens::User;
use crate::tools::{self, Tool};
use crate::wait::{Look, eventually};

const READY_WITHIN: Duration = Duration::from_secs(60);
/// The port at which CoreDNS reports whether it is ready.
const READY_PORT: u16 = 8181;

/// The permissions of CoreDNS, for which Kubernetes has no built-in role.
const DNS_RIGHTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: system:coredns
rules:
  - apiGroups: ['']
    resources: [services, pods, namespaces]
    verbs: [list, watch]
  - apiGroups: [discovery.k8s.io]
    resources: [endpointslices]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: system:coredns
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: system:coredns
subjects:
  - apiGroup: rbac.authorization.k8s.io
    kind: User
    name: system:coredns
";

pub(super) async fn start_proxy(
    home: &Home,
    network: &Network,
    machine: &Machine,
    plane: &ControlPlane,
) -> Result<Supervised, NodeError> {
    let kubeconfig = home.path().join("proxy.kubeconfig");
    plane
        .kubeconfig_for(User::Proxy, &kubeconfig)
        .map_err(file(&kubeconfig, "written"))?;
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "bindAddress": network.address(),
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "hostnameOverride": super::kubelet::NAME,
        "clientConnection": {"kubeconfig": kubeconfig},
        "clusterCIDR": "10.244.0.0/24",
        // Zero leaves these settings unchanged, because they apply to the whole machine.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    });
    let config = home.write("proxy.json", &config.to_string())?;
    let mut command = Command::new(tools::path(Tool::Proxy).await?);
    command.arg(format!("--config={}", config.display()));
    let log = home.path().join("kube-proxy.log");
    Ok(Supervised::start_under(
        &machine.launcher(),
        "kube-proxy",
        &command,
        &log,
    )?)
}

/// Starts CoreDNS and waits until it has read the Services.
pub(super) async fn start_dns(
    home: &Home,
    network: &Network,
    machine: &Machine,
    plane: &ControlPlane,
) -> Result<Supervised, NodeError> {
    plane.cluster().apply(DNS_RIGHTS).await?;
    let kubeconfig = home.path().join("dns.kubeconfig");
    plane
        .kubeconfig_for(User::Dns, &kubeconfig)
        .map_err(file(&kubeconfig, "written"))?;
    let corefile = corefile(&network.address(), &kubeconfig.display().to_string());
    let corefile = home.write("Corefile", &corefile)?;
    let mut command = Command::new(tools::path(Tool::CoreDns).await?);
    command.arg("-conf").arg(&corefile);
    let log = home.path().join("coredns.log");
    let mut process = Supervised::start_under(&machine.launcher(), "coredns", &command, &log)?;
    let address = network.address();
    let ready = eventually("CoreDNS knows the Services", READY_WITHIN, async || {
        process.running()?;
        Ok::<_, ProcessError>(match knows_services(&address).await {
            Ok(true) => Look::Done(()),
            Ok(false) => Look::NotYet("it answers that it does not yet".to_owned()),
            Err(error) => Look::NotYet(error.to_string()),
        })
    });
    ready.await.map_err(|source| NodeError::NotReady {
        part: "CoreDNS",
        tail: process.tail(),
        source: Box::new(source),
    })?;
    Ok(process)
}

/// Asks CoreDNS over HTTP whether it is ready.
async fn knows_services(address: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((address, READY_PORT)).await?;
    stream.write_all(b"GET /ready HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split_whitespace().nth(1);
    Ok(status == Some("200"))
}

fn corefile(address: &str, kubeconfig: &str) -> String {
    format!(
        "cluster.local:53 in-addr.arpa:53 {{
    bind {address}
    errors
    ready {address}:{READY_PORT}
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
    }}
}}
"
    )
}
