//! Runs cargo from within a program that cargo runs.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// cargo at the root of the workspace, as if it were run from a shell.
///
/// Removes what the outer cargo says about this package from the environment: build scripts
/// watch some of it, and each crate above them would be built again at every change of sides.
pub fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    for name in inherited() {
        command.env_remove(name);
    }
    command
}

/// The variables that tell about this package.
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

/// As a person would type it.
pub fn typed(args: &[&str]) -> String {
    format!("cargo {}", args.join(" "))
}
