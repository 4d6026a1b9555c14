//! Builds the static binaries and the images that contain only one binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::command::{command, output, show};
use super::dockerfile::build_stage;
use super::error::{ImageError, file};
use super::{NAME, SIMULATOR};
use crate::cargo::root;

/// Runs the build stage of the Dockerfile into `out/`. The stage runs in a folder that contains only the
/// files that it copies, and without the network after `cargo fetch`.
///
/// The folder is outside of the tree, because cargo and rustup also read the parent folders. It has the same
/// name each time and links to the tree's `target`, so that cargo rebuilds little.
///
/// # Errors
/// If a command of the stage fails.
pub fn binary(out: &Path) -> Result<PathBuf, ImageError> {
    let folder = clean_folder()?;
    let dockerfile = root().join("Dockerfile");
    let text = fs::read_to_string(&dockerfile).map_err(file(&dockerfile, "read"))?;
    let stage = build_stage(&text);
    for name in &stage.copies {
        // Keep the modification times, by which cargo detects changes.
        show(command(&root(), "cp", &["-a", "-t"]).arg(&folder).arg(name))?;
    }
    let target = folder.join("target");
    let own = root().join("target");
    std::os::unix::fs::symlink(own, &target).map_err(file(&target, "created"))?;
    show(&mut command(&folder, "cargo", &["fetch", "--locked"]))?;
    for run in &stage.runs {
        let mut command = command(&folder, "sh", &["-c", run]);
        command
            .env("TARGETARCH", architecture())
            .env("DESTDIR", out)
            .env("CARGO_NET_OFFLINE", "true");
        show(&mut clean(command))?;
    }
    // This removes the link to `target` but not the tree's folder.
    fs::remove_dir_all(&folder).map_err(file(&folder, "removed"))?;
    Ok(out.join(NAME))
}

/// Builds a static binary of the simulator in the tree.
///
/// # Errors
/// If cargo fails.
pub fn simulator(out: &Path) -> Result<PathBuf, ImageError> {
    let target = target();
    let args = [
        "build",
        "--release",
        "--locked",
        "--package",
        SIMULATOR,
        "--target",
        target,
    ];
    let mut cargo = crate::cargo::cargo(&args);
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    show(&mut cargo)?;
    let built = root()
        .join("target")
        .join(target)
        .join("release")
        .join(SIMULATOR);
    let path = out.join(SIMULATOR);
    fs::copy(&built, &path).map_err(file(&path, "written"))?;
    Ok(path)
}

/// Builds the operator's image from the folder with its binary.
///
/// # Errors
/// If podman fails.
pub fn image(out: &Path, tag: &str) -> Result<(), ImageError> {
    let git = |args: &[&str]| {
        let said = output(&mut command(&root(), "git", args));
        said.map_or_else(|_| "unknown".to_owned(), |said| said.trim().to_owned())
    };
    let revision = git(&["rev-parse", "HEAD"]);
    let created = git(&["log", "-1", "--format=%cI"]);
    let mut podman = command(&root(), "podman", &["build", "--isolation=chroot"]);
    podman
        .arg(format!("--build-context=build={}", out.display()))
        .arg(format!("--build-arg=TARGETARCH={}", architecture()))
        .arg(format!("--build-arg=VERSION={}", env!("CARGO_PKG_VERSION")))
        .arg(format!("--build-arg=REVISION={revision}"))
        .arg(format!("--build-arg=CREATED={created}"))
        .args(["--tag", tag, "."]);
    show(&mut podman)
}

/// Builds the simulator's image from the folder with its binary.
///
/// # Errors
/// If podman fails.
pub fn simulator_image(out: &Path, tag: &str) -> Result<(), ImageError> {
    let mut podman = command(&root(), "podman", &["build", "--isolation=chroot"]);
    podman
        .args(["--file", "daily-sim/Dockerfile", "--tag", tag])
        .arg(out);
    show(&mut podman)
}

/// Saves an image as an archive for `podman load`, `docker load` and `ctr images import`.
///
/// # Errors
/// If podman fails.
pub fn archive(out: &Path, name: &str, tag: &str) -> Result<PathBuf, ImageError> {
    let path = archive_path(out, name);
    match fs::remove_file(&path) {
        // Remove an existing archive, because podman would add to it.
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(file(&path, "removed")(error)),
    }
    let mut podman = command(&root(), "podman", &["save", "--quiet", "--output"]);
    podman.arg(&path).args(["--format=docker-archive", tag]);
    show(&mut podman)?;
    Ok(path)
}

/// The path of an image's archive.
pub fn archive_path(out: &Path, name: &str) -> PathBuf {
    let version = env!("CARGO_PKG_VERSION");
    out.join(format!("{name}-{version}-{}.tar", architecture()))
}

/// An empty folder outside of the tree.
fn clean_folder() -> Result<PathBuf, ImageError> {
    let tree = root().display().to_string();
    let digest = Sha256::digest(tree.as_bytes());
    let short: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = std::env::temp_dir().join(format!("daily-operator-build-{short}"));
    match fs::remove_dir_all(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(file(&folder, "removed")(error)),
    }
    fs::create_dir(&folder).map_err(file(&folder, "created"))?;
    Ok(folder)
}

/// Removes the variables that the outer cargo sets for this program.
fn clean(mut command: Command) -> Command {
    for name in crate::cargo::inherited() {
        command.env_remove(name);
    }
    command
}

/// The architecture of this machine in the notation of images.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

/// The target triple of this machine.
fn target() -> &'static str {
    match architecture() {
        "arm64" => "aarch64-unknown-linux-gnu",
        _ => "x86_64-unknown-linux-gnu",
    }
}
