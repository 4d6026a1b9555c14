//! The stage of the story: the images, the node and the simulated Daily.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use testbed::tools::{self, Tool};
use testbed::{Cluster, Node};

use super::console::Console;
use super::error::{StoryError, io};
use super::report::{Failed, Report, say};
use super::sim::{self, Tls};
use super::{evidence, killed};
use crate::image::{self, Image};

/// The namespace of the operator, as in the documentation.
pub const OPERATOR: &str = "daily-operator";
/// A namespace with rooms.
pub const TEAM: &str = "team-a";

/// The running parts of the story. Dropping it stops them.
#[derive(Debug)]
pub struct Stage {
    /// The cluster and its node.
    pub node: Node,
    /// The shell for the commands of the documentation.
    pub console: Console,
    /// The simulated Daily's CA.
    pub tls: Tls,
    /// The image of the simulated Daily. The apps use it too.
    pub simulator: Image,
    folder: TempDir,
}

impl Stage {
    /// Starts the parts.
    ///
    /// # Errors
    /// The check that failed.
    pub async fn set(no_build: bool, report: &mut Report) -> Result<Self, Failed> {
        let (operator, simulator) = report.check("build the images", images(no_build)).await?;
        let name = "find or build the programs of the node and Helm";
        report.check(name, programs()).await?;
        let node = report.check("start a cluster with a node", start()).await?;
        let ready = prepare(&node, &operator, &simulator, report).await;
        match ready {
            Ok((folder, console, tls)) => Ok(Self {
                node,
                console,
                tls,
                simulator,
                folder,
            }),
            Err(failed) => {
                evidence::show(&node).await;
                Err(failed)
            }
        }
    }

    /// The cluster, with administrator permissions.
    pub fn cluster(&self) -> &Cluster {
        self.node.cluster()
    }

    /// A temporary folder for files of the story.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and returns its path.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, StoryError> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).map_err(io(format!("{name} could not be written")))?;
        Ok(path)
    }
}

/// Prepares the node for the first command of the documentation.
async fn prepare(
    node: &Node,
    operator: &Image,
    simulator: &Image,
    report: &mut Report,
) -> Result<(TempDir, Console, Tls), Failed> {
    let name = "a second node runs beside it, is killed, and leaves nothing running";
    report.check(name, killed::check()).await?;
    let name = "import the images";
    report
        .check(name, import(node, [operator, simulator]))
        .await?;
    let name = "start the simulated Daily as a pod, with TLS from a CA of its own";
    let tls = report.check(name, daily(node.cluster(), simulator)).await?;
    let name = "open a shell for the commands of the documentation";
    let (folder, console) = report.check(name, shell(node.cluster())).await?;
    Ok((folder, console, tls))
}

/// Builds both images on a blocking thread, because the builds wait for programs.
async fn images(no_build: bool) -> Result<(Image, Image), StoryError> {
    if no_build {
        return Ok((image::built_operator(), image::built_simulator()));
    }
    let built = tokio::task::spawn_blocking(|| {
        let operator = image::operator()?;
        Ok::<_, image::ImageError>((operator, image::simulator()?))
    });
    let built = built.await;
    Ok(built.map_err(|error| StoryError::Seen(format!("the build was cut off: {error}")))??)
}

async fn programs() -> Result<(), StoryError> {
    let needed = [&Tool::CONTROL_PLANE[..], &Tool::NODE[..]].concat();
    tools::prepare(&needed).await?;
    Ok(())
}

async fn start() -> Result<Node, StoryError> {
    let node = Node::start().await?;
    let nodes = node.cluster().run(&["get", "nodes", "--output=wide"]).await;
    say(nodes?);
    Ok(node)
}

async fn import(node: &Node, images: [&Image; 2]) -> Result<(), StoryError> {
    for image in images {
        say(node.import(&image.archive).await?);
    }
    Ok(())
}

async fn daily(cluster: &Cluster, simulator: &Image) -> Result<Tls, StoryError> {
    let tls = Tls::generate()?;
    sim::start(cluster, &simulator.tag, &tls).await?;
    Ok(tls)
}

async fn shell(cluster: &Cluster) -> Result<(TempDir, Console), StoryError> {
    let folder = tempfile::Builder::new().prefix("daily-story-").tempdir();
    let folder = folder.map_err(io("there is no temporary folder"))?;
    let console = Console::new(folder.path(), cluster.kubeconfig()).await?;
    Ok((folder, console))
}
