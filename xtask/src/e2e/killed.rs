//! Starts a second node beside the first, and kills its process.

use std::process::Stdio;
use std::time::Duration;

use testbed::{Look, eventually};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::error::{StoryError, io, seen};
use super::report::say;

/// The start of the last line that `cargo xtask node` prints before it waits.
const RUNS: &str = "Logs are in ";
/// How long the kernel may take to end the processes and the link.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// Starts a second node, kills it, and waits until its processes and its link are gone.
///
/// # Errors
/// If the node does not start, or a process or the link remains.
pub async fn check() -> Result<(), StoryError> {
    let links = links().await?;
    let this = std::env::current_exe().map_err(io("this program does not know where it is"))?;
    let mut second = Command::new(this)
        .arg("node")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(io("the second node did not start"))?;
    let folder = folder(&mut second).await?;
    let running = processes(&folder)?;
    say(format_args!("{running} processes, in {folder}"));
    second.kill().await.map_err(io("it cannot be killed"))?;
    if running == 0 {
        return seen("none of its processes was found, so none can be seen to end");
    }
    let waited = eventually("nothing of it runs", GONE_WITHIN, async || {
        let (running, now) = (processes(&folder)?, self::links().await?);
        Ok::<_, StoryError>(match running == 0 && now == links {
            true => Look::Done(()),
            false => Look::NotYet(format!("{running} processes, and the links {now:?}")),
        })
    });
    Ok(waited.await?)
}

/// Waits until the second node is Ready, and returns its folder.
async fn folder(second: &mut tokio::process::Child) -> Result<String, StoryError> {
    let Some(stdout) = second.stdout.take() else {
        return seen("its output cannot be read");
    };
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.map_err(io("no line"))? {
        if let Some(folder) = line.strip_prefix(RUNS) {
            return Ok(folder.trim_end_matches('.').to_owned());
        }
    }
    seen("it ended before it was Ready")
}

/// How many processes have the folder in their command lines.
fn processes(folder: &str) -> Result<usize, StoryError> {
    let all = std::fs::read_dir("/proc").map_err(io("/proc cannot be read"))?;
    // A process may have ended in the meantime.
    let lines = all
        .flatten()
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let has_it = |line: &Vec<u8>| String::from_utf8_lossy(line).contains(folder);
    Ok(lines.filter(has_it).count())
}

/// The network links of this machine.
async fn links() -> Result<Vec<String>, StoryError> {
    let listed = Command::new("ip").args(["-oneline", "link"]).output().await;
    let listed = listed.map_err(io("ip did not run"))?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let name = |line: &str| line.split(':').nth(1).map(|name| name.trim().to_owned());
    Ok(text.lines().filter_map(name).collect())
}
