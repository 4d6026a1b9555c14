//! Runs programs, and prints their command lines.

use std::path::Path;
use std::process::{Command, Stdio};

use super::error::ImageError;

/// The command line as a user types it.
fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Prints the command line, runs the command and lets its output pass through.
///
/// # Errors
/// If the command cannot be executed or fails.
pub fn show(command: &mut Command) -> Result<(), ImageError> {
    let typed = typed(command);
    println!("   $ {typed}");
    let status = command.stdin(Stdio::null()).status();
    let status = status.map_err(|source| ImageError::Run {
        command: typed.clone(),
        source,
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(ImageError::Failed {
            command: typed,
            status,
            said: String::new(),
        }),
    }
}

/// Runs a command and returns its stdout.
///
/// # Errors
/// If the command cannot be executed or fails.
pub fn output(command: &mut Command) -> Result<String, ImageError> {
    let typed = typed(command);
    let ran = command.stdin(Stdio::null()).output();
    let ran = ran.map_err(|source| ImageError::Run {
        command: typed.clone(),
        source,
    })?;
    match ran.status.success() {
        true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
        false => Err(ImageError::Failed {
            command: typed,
            status: ran.status,
            said: format!(": {}", String::from_utf8_lossy(&ran.stderr).trim()),
        }),
    }
}

/// A command that runs in this folder.
pub fn command(folder: &Path, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    command
}
