//! What developers run, as `cargo xtask`.
//!
//! | module | what it is for |
//! | --- | --- |
//! | `crds` | writes the CRDs from the code, or says which files differ |
//! | `chart` | writes the chart's README and the manifest for those without Helm, or says which differ |
//! | `test` | every check and test of the project, with one summary |
//! | `contract` | what Daily's API is held to: the simulator, or a live account |
//! | `demo` | the whole product on one machine, shown step by step |
//! | `image` | the image as users install it: built, checked, left as an archive |
//! | `node` | a cluster with a real node, kept until Ctrl-C |
//! | `e2e` | the operator as users install it, on a cluster with a real node |
//! | `facts` | writes which test shows which fact about Daily, or says that it is not up to date |
//! | `browser` | the page of the simulator, tested in a real browser |
//! | `cargo` | runs cargo from within a program that cargo runs |

mod browser;
mod cargo;
mod chart;
mod contract;
mod crds;
mod demo;
mod e2e;
mod facts;
mod image;
mod node;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "What developers of daily-operator run"
)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Writes the CRDs into crds/ and the chart, from the code.
    Crds(crds::Args),
    /// Writes the chart's README and deploy/install.yaml, from the chart.
    Chart(chart::Args),
    /// Writes into the simulator's README which test shows which fact.
    Facts(facts::Args),
    /// Runs every check and test, and ends with one summary.
    Test,
    /// Holds the simulator, or a live account, to what is known of Daily's API.
    Contract(contract::Args),
    /// Shows the operator at work: control plane, simulated Daily, a room, a call, the end.
    Demo(demo::Args),
    /// Builds the operator's image with podman, checks it and leaves an archive in out/.
    Image(image::Args),
    /// Starts a cluster with a real node and keeps it until Ctrl-C; needs root and containerd.
    Node(node::Args),
    /// Installs the operator on a real node as the documentation says, and uses it to the end.
    E2eNode(e2e::Args),
    /// Tests the page of the simulator in a Chromium.
    Browser(browser::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    match Args::parse().task {
        Task::Crds(args) => crds::run(&args),
        Task::Chart(args) => chart::run(&args).await,
        Task::Facts(args) => facts::run(&args),
        Task::Test => test::run(),
        Task::Contract(args) => contract::run(&args).await,
        Task::Demo(args) => demo::run(&args).await,
        Task::Image(args) => image::run(&args),
        Task::Node(args) => node::run(&args).await,
        Task::E2eNode(args) => e2e::run(&args).await,
        Task::Browser(args) => browser::run(&args).await,
    }
}

/// An error with its causes, as one text.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
