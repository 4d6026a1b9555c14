//! The errors of the story.

use testbed::cluster::ClusterError;
use testbed::node::NodeError;
use testbed::tools::ToolError;
use testbed::wait::WaitError;

use crate::image::ImageError;

/// Why a check of the story failed.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// An image could not be built.
    #[error(transparent)]
    Image(Box<ImageError>),
    /// The node failed.
    #[error(transparent)]
    Node(Box<NodeError>),
    /// A tool could not be found or built.
    #[error(transparent)]
    Tool(Box<ToolError>),
    /// kubectl failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A file could not be read or written, or a program could not be executed.
    #[error("{what}")]
    Io {
        /// The operation that failed.
        what: String,
        source: std::io::Error,
    },
    /// The certificates could not be generated.
    #[error("the certificates of the simulated Daily could not be made")]
    Certificate(#[from] rcgen::Error),
    /// A command of the documentation failed.
    #[error("`{command}` failed: {said}")]
    Command {
        /// The command with its placeholders filled in.
        command: String,
        /// The output of the command.
        said: String,
    },
    /// A condition did not hold in time.
    #[error(transparent)]
    Wait(Box<WaitError<StoryError>>),
    /// The story observed something unexpected.
    #[error("{0}")]
    Seen(String),
    /// The user pressed Ctrl-C.
    #[error("the story was interrupted")]
    Interrupted,
}

impl From<ImageError> for StoryError {
    fn from(error: ImageError) -> Self {
        Self::Image(Box::new(error))
    }
}

impl From<NodeError> for StoryError {
    fn from(error: NodeError) -> Self {
        Self::Node(Box::new(error))
    }
}

impl From<ToolError> for StoryError {
    fn from(error: ToolError) -> Self {
        Self::Tool(Box::new(error))
    }
}

impl From<WaitError<StoryError>> for StoryError {
    fn from(error: WaitError<StoryError>) -> Self {
        Self::Wait(Box::new(error))
    }
}

/// Adds the failed operation to an I/O error.
pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> StoryError {
    let what = what.into();
    move |source| StoryError::Io { what, source }
}

/// Fails with an unexpected observation.
pub fn seen<T>(what: impl Into<String>) -> Result<T, StoryError> {
    Err(StoryError::Seen(what.into()))
}
