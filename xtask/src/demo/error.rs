//! The errors of the demo.

use std::process::ExitStatus;

use daily_sim::ClientError;
use testbed::cluster::ClusterError;
use testbed::control_plane::StartError;
use testbed::process::ProcessError;
use testbed::tools::ToolError;
use testbed::wait::WaitError;

/// Why a step of the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The operator or the simulator could not be built.
    #[error("cargo did not build them ({0})")]
    Build(ExitStatus),
    /// A file or folder could not be read or written, or a program could not be executed.
    #[error("{what}")]
    Io {
        /// The operation that failed.
        what: String,
        source: std::io::Error,
    },
    /// A tool is not available.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The control plane did not start.
    #[error(transparent)]
    Start(Box<StartError>),
    /// kubectl failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The operator or the simulator exited.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A call to the simulator failed.
    #[error(transparent)]
    Daily(#[from] ClientError),
    /// Helm did not render the chart.
    #[error("Helm did not render the chart: {0}")]
    Helm(String),
    /// A condition did not hold in time.
    #[error(transparent)]
    Wait(Box<WaitError<DemoError>>),
    /// The demo observed something unexpected.
    #[error("{0}")]
    Seen(String),
    /// The user pressed Ctrl-C.
    #[error("the demo was interrupted")]
    Interrupted,
}

impl From<StartError> for DemoError {
    fn from(error: StartError) -> Self {
        Self::Start(Box::new(error))
    }
}

impl From<WaitError<DemoError>> for DemoError {
    fn from(error: WaitError<DemoError>) -> Self {
        Self::Wait(Box::new(error))
    }
}

/// Adds the failed operation to an I/O error.
pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> DemoError {
    let what = what.into();
    move |source| DemoError::Io { what, source }
}
