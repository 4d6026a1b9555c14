//! Builds tools from their Go module into the cache.
//!
//! The cache has a folder for each state of a module and each version of Go. A changed pin is built into a
//! new folder, so the build never replaces a binary in use.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::Tool;
use crate::progress::{human, say, with_progress};

/// Interval between attempts to take the lock.
const PAUSE: Duration = Duration::from_millis(200);

/// Why a tool is not available.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// Go could not be executed.
    #[error(
        "Go is needed to build the tools of the test control plane, and `go` does not run: \
         install Go 1.26 or later from your distribution or go.dev"
    )]
    NoGo(#[source] std::io::Error),
    /// `go` exited with an error.
    #[error("`go {command}` failed in {}:\n{stderr}", folder.display())]
    Go {
        /// The first argument.
        command: String,
        /// The folder in which `go` ran.
        folder: PathBuf,
        /// The stderr of `go`.
        stderr: String,
    },
    /// The module does not pin k8s.io/kubernetes.
    #[error("{} does not pin k8s.io/kubernetes", .0.display())]
    NoPin(PathBuf),
    /// No cache folder is known.
    #[error("there is no cache folder: set XDG_CACHE_HOME or HOME")]
    NoCache,
    /// A file or folder could not be read or written.
    #[error("{} could not be {verb}", path.display())]
    File {
        /// The path of the file or folder.
        path: PathBuf,
        /// The operation that failed, as a past participle.
        verb: &'static str,
        /// Why the operation failed.
        source: std::io::Error,
    },
}

fn file(path: &Path, verb: &'static str) -> impl FnOnce(std::io::Error) -> ToolError {
    move |source| ToolError::File {
        path: path.to_owned(),
        verb,
        source,
    }
}

/// Builds the missing tools of one module, and returns the cache folder that contains them.
pub(super) async fn ensure(module: &str, tools: Vec<Tool>) -> Result<PathBuf, ToolError> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tools")
        .join(module);
    let target = target(&source, module).await?;
    let is_missing = |tool: &Tool| !target.join(tool.name()).is_file();
    if !tools.iter().any(is_missing) {
        return Ok(target);
    }
    std::fs::create_dir_all(&target).map_err(file(&target, "made"))?;
    let _lock = lock(&target).await?;
    // The previous holder of the lock may have built some of them.
    let missing: Vec<Tool> = tools.into_iter().filter(is_missing).collect();
    if !missing.is_empty() {
        build(&source, &target, &missing).await?;
    }
    Ok(target)
}

/// The cache folder for this state of the module and this version of Go.
async fn target(source: &Path, module: &str) -> Result<PathBuf, ToolError> {
    let mut hash = Sha256::new();
    let path = source.join("go.mod");
    hash.update(std::fs::read(&path).map_err(file(&path, "read"))?);
    // A module without dependencies has no go.sum. A module that only pins tools has no main.go.
    for name in ["go.sum", "main.go"] {
        let path = source.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => hash.update(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(file(&path, "read")(error)),
        }
    }
    hash.update(go(source, "version", &[]).await?);
    let digest = hash.finalize();
    let short: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let cache = cache().ok_or(ToolError::NoCache)?;
    Ok(cache
        .join("daily-operator/tools")
        .join(format!("{module}-{short}")))
}

fn cache() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))
}

/// Waits until no other process builds into the folder. Closing the file releases the lock.
async fn lock(target: &Path) -> Result<File, ToolError> {
    let path = target.join("lock");
    let lock = File::create(&path).map_err(file(&path, "made"))?;
    let taken = async {
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(error)) => return Err(file(&path, "locked")(error)),
            }
        }
    };
    with_progress(
        "waiting for another process that builds the same tools",
        taken,
    )
    .await?;
    Ok(lock)
}

async fn build(source: &Path, target: &Path, tools: &[Tool]) -> Result<(), ToolError> {
    let start = Instant::now();
    let names = tools
        .iter()
        .map(|tool| tool.name())
        .collect::<Vec<_>>()
        .join(", ");
    say(format_args!(
        "building {names} with Go, once; from cold this takes one to seven minutes on two cores"
    ));

    // In the target folder, so that a rename is atomic and an interrupted build leaves no partial binary.
    let folder = tempfile::Builder::new()
        .prefix("building-")
        .tempdir_in(target);
    let folder = folder.map_err(file(target, "written to"))?;
    let output = format!("{}/", folder.path().display());
    let flags = linker_flags(source)?;
    let mut args = vec!["-trimpath", "-ldflags", &flags, "-o", &output];
    args.extend(tools.iter().map(|tool| tool.package()));
    with_progress(&format!("building {names}"), go(source, "build", &args)).await?;

    for tool in tools {
        let built = folder.path().join(built_as(*tool));
        std::fs::rename(&built, target.join(tool.name())).map_err(file(&built, "moved"))?;
    }
    say(format_args!(
        "built {names} in {} into {}",
        human(start.elapsed()),
        target.display()
    ));
    Ok(())
}

/// Go names a binary after the folder of its package, which is not always the name of the tool.
fn built_as(tool: Tool) -> &'static str {
    match tool {
        Tool::Etcd => "server",
        Tool::Helm3 => "helm",
        _ => tool.name(),
    }
}

/// The linker flags that set Kubernetes' version. Without them kubectl and Helm refuse to connect.
fn linker_flags(source: &Path) -> Result<String, ToolError> {
    if !["kubernetes", "kubelet"]
        .iter()
        .any(|it| source.ends_with(it))
    {
        return Ok("-s -w".to_owned());
    }
    let path = source.join("go.mod");
    let module = std::fs::read_to_string(&path).map_err(file(&path, "read"))?;
    let version = pinned_version(&module).ok_or(ToolError::NoPin(path))?;
    let mut parts = version.trim_start_matches('v').split('.');
    let mut part = || parts.next().unwrap_or_default();
    let (major, minor) = (part(), part());
    let set = |name, value| format!("-X k8s.io/component-base/version.{name}={value}");
    let settings = [
        set("gitVersion", version),
        set("gitMajor", major),
        set("gitMinor", minor),
    ];
    Ok(format!("-s -w {}", settings.join(" ")))
}

/// The version in the line `k8s.io/kubernetes vX.Y.Z`, which a comment may follow.
fn pinned_version(module: &str) -> Option<&str> {
    module
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .and_then(|rest| rest.split_whitespace().next())
}

/// Runs `go` in a folder and returns its stdout.
async fn go(folder: &Path, command: &str, args: &[&str]) -> Result<String, ToolError> {
    let ran = Command::new("go")
        .arg(command)
        .args(args)
        .current_dir(folder)
        // Make the binaries independent of the user's Go settings.
        .envs([
            ("CGO_ENABLED", "0"),
            ("GOFLAGS", "-mod=readonly"),
            ("GOWORK", "off"),
        ])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(ToolError::NoGo)?;
    if !ran.status.success() {
        return Err(ToolError::Go {
            command: command.to_owned(),
            folder: folder.to_owned(),
            stderr: String::from_utf8_lossy(&ran.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubernetes_is_told_the_version_that_is_pinned() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/kubernetes");
        let flags = linker_flags(&source).unwrap();
        assert!(flags.contains("version.gitVersion=v1."), "{flags}");
        assert!(flags.contains("version.gitMajor=1 "), "{flags}");
        assert!(!flags.contains("//"), "{flags}");
    }

    #[test]
    fn the_pin_is_the_requirement_and_no_replacement() {
        let module = "require k8s.io/api v0\n\tk8s.io/kubernetes v1.2.3 // indirect\n";
        assert_eq!(pinned_version(module), Some("v1.2.3"));
    }
}
