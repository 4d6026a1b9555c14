//! Runs short commands of the system, such as `ip`.

use std::process::Stdio;

use tokio::process::Command;

use super::error::NodeError;

/// Runs a command and returns its stdout.
pub(super) async fn run(words: &[&str]) -> Result<String, NodeError> {
    run_under(&[], words).await
}

/// Like [`run`], with a launcher such as `nsenter ... --` in front of the command.
pub(super) async fn run_under(launcher: &[String], words: &[&str]) -> Result<String, NodeError> {
    let all: Vec<&str> = launcher
        .iter()
        .map(String::as_str)
        .chain(words.iter().copied())
        .collect();
    let Some((program, args)) = all.split_first() else {
        return Ok(String::new());
    };
    let command = || words.join(" ");
    let ran = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let ran = ran.map_err(|source| NodeError::Run {
        command: command(),
        source,
    })?;
    if !ran.status.success() {
        return Err(NodeError::Command {
            command: command(),
            stderr: String::from_utf8_lossy(&ran.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}
