//! Finds the binaries of the control plane and Helm, and builds the missing ones.
//!
//! A binary in the folder `KUBEBUILDER_ASSETS` is used unchanged. Go builds the others once, from the modules
//! in `tools/`, into `daily-operator/tools/` in the user's cache folder.

mod build;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use self::build::ToolError;

/// A binary that tests or the demo run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// kube-proxy.
    Proxy,
    /// kubectl.
    Kubectl,
    /// The kubelet, of an older release than the control plane.
    Kubelet,
    /// CoreDNS.
    CoreDns,
    /// The first process of every pod.
    Pause,
    /// Helm 4.
    Helm,
    /// Helm 3.
    Helm3,
    /// kubeconform.
    Kubeconform,
    /// helm-docs.
    HelmDocs,
    /// gopher-lua.
    Lua,
    /// Computes an object's status from its conditions as Flux and Helm 4 do.
    Kstatus,
}

impl Tool {
    /// The binaries of a control plane, and Helm.
    pub const CONTROL_PLANE: [Self; 5] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Kubectl,
        Self::Helm,
    ];

    /// The binaries that a node needs in addition to a control plane.
    pub const NODE: [Self; 5] = [
        Self::Scheduler,
        Self::Proxy,
        Self::Kubelet,
        Self::CoreDns,
        Self::Pause,
    ];

    /// The file name of the binary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Proxy => "kube-proxy",
            Self::Kubectl => "kubectl",
            Self::Kubelet => "kubelet",
            Self::CoreDns => "coredns",
            Self::Pause => "pause",
            Self::Helm => "helm",
            Self::Helm3 => "helm3",
            Self::Kubeconform => "kubeconform",
            Self::HelmDocs => "helm-docs",
            Self::Lua => "glua",
            Self::Kstatus => "kstatus",
        }
    }

    /// The Go package of the binary.
    fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::ControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::Scheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Proxy => "k8s.io/kubernetes/cmd/kube-proxy",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Kubelet => "k8s.io/kubernetes/cmd/kubelet",
            Self::CoreDns => "github.com/coredns/coredns",
            Self::Pause | Self::Kstatus => ".",
            Self::Helm => "helm.sh/helm/v4/cmd/helm",
            Self::Helm3 => "helm.sh/helm/v3/cmd/helm",
            Self::Kubeconform => "github.com/yannh/kubeconform/cmd/kubeconform",
            Self::HelmDocs => "github.com/norwoodj/helm-docs/cmd/helm-docs",
            Self::Lua => "github.com/yuin/gopher-lua/cmd/glua",
        }
    }

    /// The folder in `tools/` with the Go module that pins the binary.
    fn module(self) -> &'static str {
        match self {
            Self::Etcd
            | Self::ApiServer
            | Self::ControllerManager
            | Self::Scheduler
            | Self::Proxy
            | Self::Kubectl => "kubernetes",
            Self::Kubelet => "kubelet",
            Self::CoreDns => "coredns",
            Self::Pause => "pause",
            Self::Helm => "helm",
            Self::Helm3 => "helm3",
            Self::Kubeconform => "kubeconform",
            Self::HelmDocs => "helm-docs",
            Self::Lua => "gopher-lua",
            Self::Kstatus => "kstatus",
        }
    }

    /// The path in `KUBEBUILDER_ASSETS`, if the binary is there.
    fn provided(self) -> Option<PathBuf> {
        let folder = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?);
        Some(folder.join(self.name())).filter(|path| path.is_file())
    }
}

/// Builds the missing binaries. Builds all binaries of one module together, which is faster.
///
/// # Errors
/// If Go is missing or a build fails.
pub async fn prepare(tools: &[Tool]) -> Result<(), ToolError> {
    let mut missing: BTreeMap<&str, Vec<Tool>> = BTreeMap::new();
    for tool in tools.iter().filter(|tool| tool.provided().is_none()) {
        missing.entry(tool.module()).or_default().push(*tool);
    }
    for (module, tools) in missing {
        build::ensure(module, tools).await?;
    }
    Ok(())
}

/// The path of a binary. Builds the binary if it is missing.
///
/// # Errors
/// If Go is missing or the build fails.
pub async fn path(tool: Tool) -> Result<PathBuf, ToolError> {
    match tool.provided() {
        Some(path) => Ok(path),
        None => Ok(build::ensure(tool.module(), vec![tool])
            .await?
            .join(tool.name())),
    }
}

/// The path of Helm 4. Builds Helm if it is missing.
///
/// # Errors
/// If Go is missing or the build fails.
pub async fn helm() -> Result<PathBuf, ToolError> {
    path(Tool::Helm).await
}
