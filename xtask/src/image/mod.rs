//! Builds and checks the image that users install, and saves it as an archive.
//!
//! | module | purpose |
//! | --- | --- |
//! | `dockerfile` | reads the build stage of the Dockerfile |
//! | `build` | builds the static binaries and the images |
//! | `checks` | checks an image |
//! | `elf` | whether a program is static |
//! | `command` | runs programs |

mod build;
mod checks;
mod command;
mod dockerfile;
mod elf;
mod error;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use sha2::{Digest, Sha256};
use testbed::progress::human;

pub use self::error::ImageError;
use self::error::file;
use crate::cargo::root;
use crate::with_causes;

/// The name of the operator's binary and image.
const NAME: &str = "daily-operator";
/// The name of the simulated Daily's binary and image.
const SIMULATOR: &str = "daily-sim";

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also build the image of the simulated Daily, which tests on a node need.
    #[arg(long)]
    simulator: bool,
}

/// An image and its archive.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name and tag.
    pub tag: String,
    /// The path of the archive.
    pub archive: PathBuf,
}

/// Builds and checks the images, and prints the counts on the last line.
pub fn run(args: &Args) -> ExitCode {
    if let Some(reason) = missing() {
        println!("skipped: {reason}\n0 passed, 0 failed, 1 skipped");
        return ExitCode::SUCCESS;
    }
    let mut made = operator().map(drop);
    if made.is_ok() && args.simulator {
        made = simulator().map(drop);
    }
    match made {
        Ok(()) => {
            println!("1 passed, 0 failed, 0 skipped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!(
                "FAILED: {}\n0 passed, 1 failed, 0 skipped",
                with_causes(&error)
            );
            ExitCode::FAILURE
        }
    }
}

/// Why this machine cannot build images, in one sentence; `None` if it can.
pub fn missing() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let is_there = |name: &&str| folders.iter().any(|folder| folder.join(name).is_file());
    let missing: Vec<_> = ["podman", "runc"]
        .into_iter()
        .filter(|name| !is_there(name))
        .collect();
    (!missing.is_empty()).then(|| {
        let names = missing.join(" and ");
        format!("an image needs {names}, which this machine does not have: install the packages of that name")
    })
}

/// Builds the operator's image, checks it and saves its archive.
///
/// # Errors
/// If a step or a check fails.
pub fn operator() -> Result<Image, ImageError> {
    let out = out()?;
    let tag = tag(NAME);
    let path = step(
        "run the build stage of the Dockerfile in a clean folder",
        || build::binary(&out),
    )?;
    let roots = step("look into the binary", || checks::program(&path))?;
    println!("   static, with {roots} public CA certificates");
    step("build the image", || build::image(&out, &tag))?;
    let archive = step("save it", || build::archive(&out, NAME, &tag))?;
    let compressed = step("look into the image", || {
        checks::contents(&checks::unpack(&archive)?)
    })?;
    println!("   {NAME} and nothing else, {compressed} bytes compressed");
    step(
        "run it as 65532, read-only and without capabilities",
        || checks::runs(&tag),
    )?;
    let image = Image { tag, archive };
    image.show()?;
    Ok(image)
}

/// Builds the image of the simulated Daily and saves its archive.
///
/// # Errors
/// If a step fails.
pub fn simulator() -> Result<Image, ImageError> {
    let out = out()?;
    let tag = tag(SIMULATOR);
    step("build the simulated Daily", || build::simulator(&out))?;
    step("build its image", || build::simulator_image(&out, &tag))?;
    let archive = step("save it", || build::archive(&out, SIMULATOR, &tag))?;
    let image = Image { tag, archive };
    image.show()?;
    Ok(image)
}

/// The operator's image from an earlier build.
pub fn built_operator() -> Image {
    built(NAME)
}

/// The simulated Daily's image from an earlier build.
pub fn built_simulator() -> Image {
    built(SIMULATOR)
}

fn built(name: &str) -> Image {
    Image {
        tag: tag(name),
        archive: build::archive_path(&root().join("out"), name),
    }
}

impl Image {
    /// Prints the path, the digest and the size of the archive.
    fn show(&self) -> Result<(), ImageError> {
        let bytes = fs::read(&self.archive).map_err(file(&self.archive, "read"))?;
        let digest = Sha256::digest(&bytes);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        println!(
            "\n{} is in {}\nsha256:{digest}, {} bytes, for {}",
            self.tag,
            self.archive.display(),
            bytes.len(),
            build::architecture()
        );
        Ok(())
    }
}

/// Creates the folder for binaries and archives.
fn out() -> Result<PathBuf, ImageError> {
    let out = root().join("out");
    fs::create_dir_all(&out).map_err(file(&out, "created"))?;
    Ok(out)
}

fn tag(name: &str) -> String {
    format!("localhost/{name}:{}", env!("CARGO_PKG_VERSION"))
}

/// Prints a step, runs it, and prints how long it took.
fn step<T>(name: &str, work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    println!("\n=== {name}");
    let start = Instant::now();
    let done = work()?;
    println!("   ok, {}", human(start.elapsed()));
    Ok(done)
}
