//! A cluster with a real node, kept until Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use testbed::Node;
use testbed::node::{self, NodeError};

use crate::with_causes;

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Import the images of this archive, which `cargo xtask image` wrote; may be repeated.
    #[arg(long, value_name = "ARCHIVE")]
    image: Vec<PathBuf>,
}

/// Starts the cluster, and stops it at Ctrl-C.
pub async fn run(args: &Args) -> ExitCode {
    if let Some(reason) = node::missing() {
        eprintln!("{reason}");
        return ExitCode::FAILURE;
    }
    println!("Starting a control plane and a node.");
    let ended = tokio::select! {
        ended = keep(args) => ended,
        // This drops the other future, which stops the cluster.
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

async fn keep(args: &Args) -> Result<(), NodeError> {
    let node = Node::start().await?;
    for archive in &args.image {
        print!("{}", node.import(archive).await?);
    }
    let kubectl = node.cluster().kubectl();
    println!("\nThe node runs until Ctrl-C. In another shell:");
    println!(
        "  export KUBECONFIG={}",
        node.cluster().kubeconfig().display()
    );
    println!(
        "  alias kubectl={}",
        kubectl.as_std().get_program().to_string_lossy()
    );
    println!("  kubectl get nodes,pods --all-namespaces");
    println!(
        "Images come only from archives: `cargo xtask node --image ARCHIVE`.\n\
         Logs are in {}.",
        node.folder().display()
    );
    std::future::pending::<()>().await;
    node.stop().await;
    Ok(())
}
