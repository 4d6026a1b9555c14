//! Runs cargo from a program that cargo runs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// cargo at the root of the workspace, with the environment of a shell.
///
/// Removes the variables that the outer cargo sets for this package. Build scripts depend on some of them, so
/// cargo would rebuild their dependents each time a user switches between this program and a shell.
pub fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    for name in inherited() {
        command.env_remove(name);
    }
    command
}

/// The variables that describe this package.
pub fn inherited() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let is_ours = |name: &String| {
        name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_BIN_")
            || name == "CARGO_PRIMARY_PACKAGE"
            || name == "CARGO_TARGET_TMPDIR"
    };
    names.filter(is_ours).collect()
}

/// The command line as a user types it.
pub fn typed(args: &[&str]) -> String {
    format!("cargo {}", args.join(" "))
}
