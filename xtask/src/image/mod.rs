//! The image as users install it: built, checked, and left as an archive.
//!
//! | module | what it is for |
//! | --- | --- |
//! | `dockerfile` | what the build stage of the Dockerfile copies and runs |
//! | `build` | the static binaries and the images |
//! | `checks` | what an image must be |
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

/// The operator.
const NAME: &str = "daily-operator";
/// The simulated Daily.
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
    /// Its name and tag.
    pub tag: String,
    /// The file that it was saved to.
    pub archive: PathBuf,
}

/// Builds and checks.
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

/// Why no image can be built here, in one sentence, or `None` when one can.
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

/// Builds the operator's image, checks it and leaves its archive.
///
/// # Errors
/// When a step fails, or the image is not as it must be.
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

/// Builds the image of the simulated Daily and leaves its archive.
///
/// # Errors
/// When a step fails.
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

/// The operator's image as an earlier build has left it.
pub fn built_operator() -> Image {
    built(NAME)
}

/// The simulated Daily's image as an earlier build has left it.
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
    /// Shows where it is, its digest and its size.
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

/// The folder of what is built.
fn out() -> Result<PathBuf, ImageError> {
    let out = root().join("out");
    fs::create_dir_all(&out).map_err(file(&out, "created"))?;
    Ok(out)
}

fn tag(name: &str) -> String {
    format!("localhost/{name}:{}", env!("CARGO_PKG_VERSION"))
}

/// Shows a step, does it, and shows how long it took.
fn step<T>(name: &str, work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    println!("\n=== {name}");
    let start = Instant::now();
    let done = work()?;
    println!("   ok, {}", human(start.elapsed()));
    Ok(done)
}
