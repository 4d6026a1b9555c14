//! Simulators for the suite: in this process, or as a separate program.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use contract::target::{Account, Fleet, accounts};
use daily_sim::{AccountConfig, Config, Sim};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::Error;

/// How long the program may take to print its address.
const START: Duration = Duration::from_secs(20);

/// Starts a simulator in this process.
pub async fn in_process() -> Result<(Sim, Fleet), Error> {
    let accounts = accounts();
    let config = |account: &Account| {
        let keys: Vec<&str> = account.keys.iter().map(|key| key.secret()).collect();
        let numbers: Vec<&str> = account.numbers.iter().map(String::as_str).collect();
        AccountConfig::new(&account.domain, &keys, &numbers)
    };
    let config = Config::new(accounts.iter().map(config).collect());
    let sim = Sim::start(config).await.map_err(Error::Simulator)?;
    let origin = sim.base_url().trim_end_matches("/v1").to_owned();
    Ok((sim, Fleet { origin, accounts }))
}

/// Starts a simulator program. It stops when the returned child is dropped.
pub async fn program(path: &Path) -> Result<(Child, Fleet), Error> {
    let accounts = accounts();
    let mut command = Command::new(path);
    command.args(["--listen", "127.0.0.1:0"]);
    for account in &accounts {
        let mut text = format!("domain={}", account.domain);
        for key in &account.keys {
            text.push_str(&format!(",key={}", key.secret()));
        }
        for number in &account.numbers {
            text.push_str(&format!(",number={number}"));
        }
        command.args(["--account", &text]);
    }
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = spawned.map_err(|source| Error::Program {
        program: path.display().to_string(),
        source,
    })?;
    let stdout = child.stdout.take().ok_or(Error::Silent)?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(START, lines.next_line()).await;
    let line = line
        .ok()
        .and_then(Result::ok)
        .flatten()
        .ok_or(Error::Silent)?;
    let address = line
        .strip_prefix("daily-sim listens on ")
        .and_then(|rest| rest.split(": ").next())
        .ok_or(Error::Silent)?;
    let origin = format!("http://{address}");
    Ok((child, Fleet { origin, accounts }))
}
