//! Development tasks, run as `cargo xtask`.
//!
//! | module | purpose |
//! | --- | --- |
//! | `crds` | generates the CRDs and docs/reference.md from the code, or names the files that differ |
//! | `chart` | generates the chart's README and deploy/install.yaml, or names the files that differ |
//! | `test` | runs every check and test of the project, and prints one summary |
//! | `contract` | runs the contract tests of Daily's API, against the simulator or a live account |
//! | `demo` | shows the operator at work on one machine, step by step |
//! | `image` | builds the image, checks it and writes an archive |
//! | `node` | starts a cluster with a real node, and keeps it until Ctrl-C |
//! | `e2e` | runs the commands of the documentation on a cluster with a real node |
//! | `facts` | generates the tables of facts and tests in the simulator's README, or says that they differ |
//! | `browser` | tests the simulator's page in a real browser |
//! | `cargo` | runs cargo from a program that cargo runs |

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
    about = "Development tasks of daily-operator"
)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Generate the CRDs in crds/ and in the chart, and docs/reference.md, from the code.
    Crds(crds::Args),
    /// Generate the chart's README and deploy/install.yaml from the chart.
    Chart(chart::Args),
    /// Generate the tables of facts and tests in the simulator's README.
    Facts(facts::Args),
    /// Run every check and test, and print one summary.
    Test,
    /// Run the contract tests of Daily's API against the simulator or a live account.
    Contract(contract::Args),
    /// Show the operator at work: a control plane, a simulated Daily, a room, a call, the end of the room.
    Demo(demo::Args),
    /// Build the operator's image with podman, check it and write an archive into out/.
    Image(image::Args),
    /// Start a cluster with a real node and keep it until Ctrl-C; needs root and containerd.
    Node(node::Args),
    /// Run the commands of the documentation on a cluster with a real node.
    E2eNode(e2e::Args),
    /// Test the simulator's page in Chromium.
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

/// An error with all its causes, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
