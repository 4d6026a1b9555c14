//! Why there is no node.

use std::path::{Path, PathBuf};

use crate::cluster::ClusterError;
use crate::control_plane::StartError;
use crate::process::ProcessError;
use crate::tools::ToolError;
use crate::wait::WaitError;

/// Why there is no node, or why it did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// This machine cannot have one.
    #[error("a node cannot run here: {0}")]
    Missing(String),
    /// A binary could not be found or built.
    #[error("a tool of the node could not be found or built")]
    Tool(#[from] ToolError),
    /// The control plane did not start.
    #[error("the control plane of the node did not start")]
    ControlPlane(#[source] Box<StartError>),
    /// A process could not be started.
    #[error("a process of the node could not be started")]
    Process(#[from] ProcessError),
    /// kubectl failed.
    #[error("the control plane of the node refused a request")]
    Cluster(#[from] ClusterError),
    /// A file or folder could not be read or written.
    #[error("{} could not be {verb}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What was to be done with it.
        verb: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A program did not run.
    #[error("`{command}` did not run")]
    Run {
        /// The program and its arguments.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program failed.
    #[error("`{command}` failed: {stderr}")]
    Command {
        /// The program and its arguments.
        command: String,
        /// What it printed.
        stderr: String,
    },
    /// A part was not ready in time, or ended.
    #[error("{part} is not ready; the end of its log:\n{tail}")]
    NotReady {
        /// Which part.
        part: &'static str,
        /// The end of its log.
        tail: String,
        /// What was waited for.
        source: Box<WaitError<ProcessError>>,
    },
    /// Too many nodes run on this machine.
    #[error("{0} test nodes run on this machine already: end one of them")]
    TooMany(u8),
}

impl From<StartError> for NodeError {
    fn from(error: StartError) -> Self {
        Self::ControlPlane(Box::new(error))
    }
}

/// What could not be done with a file.
pub(super) fn file(path: &Path, verb: &'static str) -> impl FnOnce(std::io::Error) -> NodeError {
    move |source| NodeError::File {
        path: path.to_owned(),
        verb,
        source,
    }
}
