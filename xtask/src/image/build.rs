//! Builds the static binaries and the images that hold nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::command::{command, output, show};
use super::dockerfile::build_stage;
use super::error::{ImageError, file};
use super::{NAME, SIMULATOR};
use crate::cargo::root;

/// Runs the build stage of the Dockerfile into `out/`, in a folder that holds only what the stage
/// copies, without the network once the crates are there.
///
/// The folder is outside of the tree, because cargo and rustup also read the folders above. Its name
/// is the same each time and `target` is the tree's own, so that little is built a second time.
///
/// # Errors
/// When a command of the stage fails.
pub fn binary(out: &Path) -> Result<PathBuf, ImageError> {
    let folder = clean_folder()?;
    let dockerfile = root().join("Dockerfile");
    let text = fs::read_to_string(&dockerfile).map_err(file(&dockerfile, "read"))?;
    let stage = build_stage(&text);
    for name in &stage.copies {
        // With the times of the files, by which cargo knows what has changed.
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
    // The link goes, and not the tree's own folder.
    fs::remove_dir_all(&folder).map_err(file(&folder, "removed"))?;
    Ok(out.join(NAME))
}

/// Builds the simulator in the same way, from the tree.
///
/// # Errors
/// When cargo fails.
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
/// When podman fails.
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
/// When podman fails.
pub fn simulator_image(out: &Path, tag: &str) -> Result<(), ImageError> {
    let mut podman = command(&root(), "podman", &["build", "--isolation=chroot"]);
    podman
        .args(["--file", "daily-sim/Dockerfile", "--tag", tag])
        .arg(out);
    show(&mut podman)
}

/// Saves an image as an archive, which `podman load`, `docker load` and `ctr images import` read.
///
/// # Errors
/// When podman fails.
pub fn archive(out: &Path, name: &str, tag: &str) -> Result<PathBuf, ImageError> {
    let path = archive_path(out, name);
    match fs::remove_file(&path) {
        // podman adds to an archive that exists.
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(file(&path, "removed")(error)),
    }
    let mut podman = command(&root(), "podman", &["save", "--quiet", "--output"]);
    podman.arg(&path).args(["--format=docker-archive", tag]);
    show(&mut podman)?;
    Ok(path)
}

/// Where an image is saved to.
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

/// Without what the outer cargo has set for this program.
fn clean(mut command: Command) -> Command {
    for name in crate::cargo::inherited() {
        command.env_remove(name);
    }
    command
}

/// As images name the architecture of this machine.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

/// As Rust names it.
fn target() -> &'static str {
    match architecture() {
        "arm64" => "aarch64-unknown-linux-gnu",
        _ => "x86_64-unknown-linux-gnu",
    }
}
