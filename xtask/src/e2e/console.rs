//! Runs the commands of the documentation in a shell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use testbed::tools::{self, Tool};
use tokio::process::Command;

use super::docs::{self, filled_in};
use super::error::{StoryError, io};
use super::report::{say, typed};
use crate::cargo::root;

/// Commands of `docs/install.md` that the story does not run, by their start, each with the reason.
const NOT_RUN: [(&str, &str); 8] = [
    (
        "podman build --tag REGISTRY/daily-operator",
        "cargo xtask image builds the same Dockerfile without a registry",
    ),
    (
        "podman push ",
        "the node has no registry: its images come from archives",
    ),
    (
        "kubectl apply --server-side -k deploy",
        "tests/install.rs does it",
    ),
    (
        "kubectl exec --namespace daily-operator ",
        "it is for an installation without Helm; helm test runs the same program",
    ),
    (
        "kubectl create secret generic daily-api-key ",
        "the tests on a real API server do it",
    ),
    (
        "kubectl patch dailyroom NAME ",
        "it is for a cluster that has lost its operator",
    ),
    (
        "helm install daily-operator charts/daily-operator --namespace daily-operator --take-ownership",
        "tests/install.rs does it",
    ),
    ("helm test ", "the README's does it"),
];

/// A shell for the commands of the documentation.
#[derive(Debug)]
pub struct Console {
    /// A folder with links to kubectl and helm.
    programs: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
    /// The values of placeholders such as `REGISTRY`.
    values: BTreeMap<&'static str, String>,
    /// The arguments that each `helm install` and `helm upgrade` gets in addition.
    helm: String,
    /// The commands that ran, as the pages write them.
    ran: Vec<String>,
}

impl Console {
    /// A console for this cluster, with its files in this folder.
    ///
    /// # Errors
    /// If Helm cannot be built or the folder cannot be written to.
    pub async fn new(folder: &Path, kubeconfig: &Path) -> Result<Self, StoryError> {
        let programs = folder.join("bin");
        std::fs::create_dir_all(&programs).map_err(io("no folder for programs"))?;
        for (tool, name) in [(Tool::Kubectl, "kubectl"), (Tool::Helm, "helm")] {
            let link = programs.join(name);
            std::os::unix::fs::symlink(tools::path(tool).await?, link)
                .map_err(io(format!("no link to {name}")))?;
        }
        Ok(Self {
            programs,
            kubeconfig: kubeconfig.to_owned(),
            home: folder.join("home"),
            values: BTreeMap::new(),
            helm: String::new(),
            ran: Vec::new(),
        })
    }

    /// Sets the value of a placeholder.
    pub fn set(&mut self, word: &'static str, value: impl Into<String>) {
        self.values.insert(word, value.into());
    }

    /// Sets the arguments that each `helm install` and `helm upgrade` gets in addition: the URL of the
    /// simulated Daily, and the values that a check changes.
    pub fn add_to_helm(&mut self, args: impl Into<String>) {
        self.helm = args.into();
    }

    /// The commands below a heading of a page.
    ///
    /// # Errors
    /// If the page cannot be read, or has no commands below this heading.
    pub fn commands(&self, page: &str, heading: &str) -> Result<Vec<String>, StoryError> {
        let text = read(page)?;
        let commands = docs::commands(&text, heading);
        match commands.is_empty() {
            true => Err(StoryError::Seen(format!(
                "{page} has no commands below {heading:?}"
            ))),
            false => Ok(commands),
        }
    }

    /// Runs commands of the documentation in order.
    ///
    /// # Errors
    /// If a command fails.
    pub async fn run(&mut self, commands: &[String]) -> Result<(), StoryError> {
        for command in commands {
            self.note(command);
            say(self.shell(&self.complete(command)).await?);
        }
        Ok(())
    }

    /// Records that a command of the documentation ran.
    pub fn note(&mut self, command: &str) {
        self.ran.push(command.to_owned());
    }

    /// Runs a line in bash and returns its stdout.
    ///
    /// # Errors
    /// If the line fails.
    pub async fn shell(&self, line: &str) -> Result<String, StoryError> {
        typed(line);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.programs.clone()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(folders)
            .map_err(|error| StoryError::Seen(format!("PATH cannot be set: {error}")))?;
        let ran = Command::new("bash")
            .args(["-o", "errexit", "-o", "pipefail", "-c", line])
            .current_dir(root())
            .env("PATH", path)
            .env("KUBECONFIG", &self.kubeconfig)
            // Neither read nor write the Helm files of this user.
            .env("HOME", &self.home)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(io("bash did not run"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        match ran.status.success() {
            true => Ok(text(&ran.stdout)),
            false => Err(StoryError::Command {
                command: line.to_owned(),
                said: format!("{}\n{}", text(&ran.stdout), text(&ran.stderr)),
            }),
        }
    }

    /// The command with its placeholders filled in, and with the additional arguments for Helm.
    fn complete(&self, command: &str) -> String {
        let values = self.values.iter().map(|(name, it)| (*name, it.as_str()));
        let values: Vec<_> = values.collect();
        let command = filled_in(command, &values);
        let is_helm = ["helm install ", "helm upgrade "]
            .iter()
            .any(|start| command.starts_with(start));
        match is_helm {
            true => format!("{command} {}", self.helm),
            false => command,
        }
    }

    /// The commands of a page that did not run and have no reason in `NOT_RUN`.
    ///
    /// # Errors
    /// If the page cannot be read.
    pub fn not_run(&self, page: &str) -> Result<Vec<String>, StoryError> {
        let text = read(page)?;
        let all = docs::headings(&text)
            .into_iter()
            .flat_map(|heading| docs::commands(&text, &heading));
        let is_excused =
            |command: &String| NOT_RUN.iter().any(|(start, _)| command.starts_with(start));
        Ok(all
            .filter(|command| !self.ran.contains(command) && !is_excused(command))
            .collect())
    }
}

fn read(page: &str) -> Result<String, StoryError> {
    std::fs::read_to_string(root().join(page)).map_err(io(format!("{page} could not be read")))
}
