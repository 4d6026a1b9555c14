//! The errors of a node.

use std::path::{Path, PathBuf};

use crate::cluster::ClusterError;
use crate::control_plane::StartError;
use crate::process::ProcessError;
use crate::tools::ToolError;
use crate::wait::WaitError;

/// Why a node did not start, or why an operation on it failed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// This machine cannot run a node.
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
        /// The path of the file or folder.
        path: PathBuf,
        /// The operation that failed, as a past participle.
        verb: &'static str,
        /// Why the operation failed.
        source: std::io::Error,
    },
    /// A program could not be executed.
    #[error("`{command}` did not run")]
    Run {
        /// The program and its arguments.
        command: String,
        /// Why the program could not be executed.
        source: std::io::Error,
    },
    /// A program exited with an error.
    #[error("`{command}` failed: {stderr}")]
    Command {
        /// The program and its arguments.
        command: String,
        /// The stderr of the program.
        stderr: String,
    },
    /// A component was not ready in time, or exited.
    #[error("{part} is not ready; the end of its log:\n{tail}")]
    NotReady {
        /// The name of the component.
        part: &'static str,
        /// The end of its log.
        tail: String,
        /// Why the wait ended.
        source: Box<WaitError<ProcessError>>,
    },
    /// The maximum number of nodes already run on this machine.
    #[error("{0} test nodes run on this machine already: end one of them")]
    TooMany(u8),
}

impl From<StartError> for NodeError {
    fn from(error: StartError) -> Self {
        Self::ControlPlane(Box::new(error))
    }
}

/// Adds the path and the operation to an I/O error.
pub(super) fn file(path: &Path, verb: &'static str) -> impl FnOnce(std::io::Error) -> NodeError {
    move |source| NodeError::File {
        path: path.to_owned(),
        verb,
        source,
    }
}
