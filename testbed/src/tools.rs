//! Finds the binaries of the control plane and Helm, and builds those that are missing.
//!
//! A binary in the folder `KUBEBUILDER_ASSETS` is used as it is. The others are built with Go from
//! the modules below `tools/`, once, into `daily-operator/tools/` of the user's cache folder.

mod build;

use std::path::PathBuf;

pub use self::build::ToolError;

/// A binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// etcd.
    Etcd,
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kubectl.
    Kubectl,
    /// Helm.
    Helm,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Etcd,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Kubectl,
        Self::Helm,
    ];

    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
            Self::Helm => "helm",
        }
    }

    /// The Go package that it is built from.
    fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::ApiServer => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::ControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Helm => "helm.sh/helm/v4/cmd/helm",
        }
    }

    /// The folder below `tools/` with the module that pins it.
    fn module(self) -> &'static str {
        match self {
            Self::Helm => "helm",
            _ => "kubernetes",
        }
    }

    /// Where the user has it, if they have it.
    fn provided(self) -> Option<PathBuf> {
        let folder = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?);
        Some(folder.join(self.name())).filter(|path| path.is_file())
    }
}

/// Builds what is missing of these; those of one module together, which is faster than one by one.
///
/// # Errors
/// When Go is missing or a build fails.
pub async fn prepare(tools: &[Tool]) -> Result<(), ToolError> {
    for module in ["kubernetes", "helm"] {
        let wanted = |tool: &Tool| tool.module() == module && tool.provided().is_none();
        let missing: Vec<Tool> = tools.iter().copied().filter(wanted).collect();
        if !missing.is_empty() {
            build::ensure(module, missing).await?;
        }
    }
    Ok(())
}

/// Where a binary is, after building it if need be.
///
/// # Errors
/// When Go is missing or the build fails.
pub async fn path(tool: Tool) -> Result<PathBuf, ToolError> {
    match tool.provided() {
        Some(path) => Ok(path),
        None => Ok(build::ensure(tool.module(), vec![tool])
            .await?
            .join(tool.name())),
    }
}

/// Where Helm is, after building it if need be.
///
/// # Errors
/// When Go is missing or the build fails.
pub async fn helm() -> Result<PathBuf, ToolError> {
    path(Tool::Helm).await
}
