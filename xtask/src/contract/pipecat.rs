//! Drives the simulator with a third-party client of Daily, the one of pipecat.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use contract::run::{End, Outcome};
use daily_sim::{Config, Sim};
use tokio::process::Command;

use crate::cargo::root;

const KEY: &str = "pipecat-key-0123456789abcdef0123456789abcdef";

/// Runs the client. Any reason that prevents the run is a failure.
pub async fn run() -> Outcome {
    println!("pipecat's client of Daily, from a virtual environment in target/pipecat");
    let end = match drive().await {
        Ok(()) => End::Ok,
        Err(why) => End::Failed(why),
    };
    Outcome {
        name: "pipecat::its_client_of_daily_works",
        facts: &[],
        end,
    }
}

async fn drive() -> Result<(), String> {
    let venv = environment().await?;
    let sim = Sim::start(Config::single("pipecat", KEY, &["+12025550123"]));
    let sim = sim.await.map_err(|error| error.to_string())?;
    let mut script = Command::new(venv.join("bin/python"));
    script
        .arg(here().join("run.py"))
        .env("DAILY_API_URL", sim.base_url())
        .env("DAILY_API_KEY", KEY);
    done("run.py", script).await
}

fn here() -> PathBuf {
    root().join("contract/pipecat")
}

/// The virtual environment with the pinned packages. Creates it again if the pins changed.
async fn environment() -> Result<PathBuf, String> {
    let venv = root().join("target/pipecat");
    let wanted = std::fs::read_to_string(here().join("requirements.txt"))
        .map_err(|error| format!("requirements.txt: {error}"))?;
    let mark = venv.join("installed.txt");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(venv);
    }
    if venv.exists() {
        std::fs::remove_dir_all(&venv).map_err(|error| format!("{}: {error}", venv.display()))?;
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&venv);
    done("python3 -m venv", make).await?;
    let mut install = Command::new(venv.join("bin/python"));
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
        ])
        .args([
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "--requirement",
        ])
        .arg(here().join("requirements.txt"));
    done("pip install", install).await?;
    write(&mark, &wanted)?;
    Ok(venv)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

async fn done(what: &str, mut command: Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let output = output.map_err(|error| format!("{what} did not run: {error}"))?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{what} failed ({}): {}",
        output.status,
        told.trim()
    ))
}
