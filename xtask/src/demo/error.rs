//! Why a step of the demo failed.

use std::process::ExitStatus;

use daily_sim::ClientError;
use testbed::cluster::ClusterError;
use testbed::control_plane::StartError;
use testbed::process::ProcessError;
use testbed::tools::ToolError;
use testbed::wait::WaitError;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The operator or the simulator could not be built.
    #[error("cargo did not build them ({0})")]
    Build(ExitStatus),
    /// A file or folder could not be read or written, or a program did not run.
    #[error("{what}")]
    Io {
        /// What could not be done.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// A tool is not to be had.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The control plane did not start.
    #[error(transparent)]
    Start(Box<StartError>),
    /// kubectl did not do it.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The operator or the simulator ended.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The simulator did not do it.
    #[error(transparent)]
    Daily(#[from] ClientError),
    /// Helm did not render the chart.
    #[error("Helm did not render the chart: {0}")]
    Helm(String),
    /// What was waited for did not come.
    #[error(transparent)]
    Wait(Box<WaitError<DemoError>>),
    /// Something else was seen than what must happen.
    #[error("{0}")]
    Seen(String),
    /// Ctrl-C.
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

/// What could not be done with a file or a program.
pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> DemoError {
    let what = what.into();
    move |source| DemoError::Io { what, source }
}
