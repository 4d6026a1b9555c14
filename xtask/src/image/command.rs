//! Runs programs, shown as a person would type them.

use std::path::Path;
use std::process::{Command, Stdio};

use super::error::ImageError;

/// As a person would type it.
fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Shows the command and what it prints, and waits for it.
///
/// # Errors
/// When it does not run or fails.
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

/// Gives what a command prints.
///
/// # Errors
/// When it does not run or fails.
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

/// A program in a folder, with arguments.
pub fn command(folder: &Path, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    command
}
