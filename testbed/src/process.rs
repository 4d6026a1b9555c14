//! Child processes that never outlive this process.
//!
//! Each child runs under a small `sh` that reads a pipe. A line on the pipe names a signal for the child; the
//! end of the pipe means SIGKILL. The kernel closes the pipe when this process ends, however it ends, so no
//! child survives a `kill -9` of a test run either. (The kernel's parent-death signal needs unsafe code, and
//! exists on Linux only.)

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait::{Look, WaitError, eventually};

/// Runs `$@`, forwards signals from the pipe on its stdin, and exits with the child's exit code.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
{ while read -r signal <&3; do kill -s "$signal" "$child"; done; kill -s KILL "$child"; } 2>/dev/null &
watcher=$!
wait "$child" 2>/dev/null
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"#;

/// How many lines of a log an error quotes.
const TAIL: usize = 20;

/// Why a child process failed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The log could not be created, or the process did not start.
    #[error("{name} could not be started")]
    Start {
        /// The name of the child.
        name: String,
        /// Why it did not start.
        source: std::io::Error,
    },
    /// The child exited.
    #[error("{name} ended by itself ({status}); the end of {}:\n{tail}", log.display())]
    Ended {
        /// The name of the child.
        name: String,
        /// The exit status.
        status: ExitStatus,
        /// The path of the log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// The system did not report the state of the child.
    #[error("{name} cannot be reached")]
    Lost {
        /// The name of the child.
        name: String,
        /// Why the state is unknown.
        source: std::io::Error,
    },
}

/// A running child process. It is killed on drop, and when this process ends.
#[derive(Debug)]
pub struct Supervised {
    name: String,
    log: PathBuf,
    supervisor: Child,
    /// Dropping the pipe kills the child.
    pipe: Option<ChildStdin>,
}

impl Supervised {
    /// Starts the command with an empty stdin, and with stdout and stderr in a log file.
    ///
    /// # Errors
    /// If the log cannot be created or `sh` does not start. A missing program is not an error here;
    /// [`Self::running`] reports that it exited.
    pub fn start(name: &str, command: &Command, log: &Path) -> Result<Self, ProcessError> {
        Self::start_under(&[], name, command, log)
    }

    /// Like [`Self::start`], with a launcher such as `nsenter ... --` in front. The launcher starts the
    /// supervisor, so signals reach the child and not the launcher.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_under(
        launcher: &[String],
        name: &str,
        command: &Command,
        log: &Path,
    ) -> Result<Self, ProcessError> {
        let spawned = spawn(launcher, command, log).map_err(|source| ProcessError::Start {
            name: name.to_owned(),
            source,
        });
        let mut supervisor = spawned?;
        Ok(Self {
            name: name.to_owned(),
            log: log.to_owned(),
            pipe: supervisor.stdin.take(),
            supervisor,
        })
    }

    /// The log with stdout and stderr of the child.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last 20 lines of the log.
    pub fn tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let skipped = text.lines().count().saturating_sub(TAIL);
        text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }

    /// Checks that the child is running.
    ///
    /// # Errors
    /// If the child exited, with the end of its log.
    pub fn running(&mut self) -> Result<(), ProcessError> {
        match self.exit()? {
            None => Ok(()),
            Some(status) => Err(ProcessError::Ended {
                name: self.name.clone(),
                status,
                log: self.log.clone(),
                tail: self.tail(),
            }),
        }
    }

    /// Sends SIGTERM and waits until the child exits. The exit code is 143 if the signal itself ended it.
    ///
    /// # Errors
    /// If the child does not exit within the deadline.
    pub async fn terminate(
        &mut self,
        within: Duration,
    ) -> Result<ExitStatus, WaitError<ProcessError>> {
        let what = format!("the end of {} after SIGTERM", self.name);
        if let Some(pipe) = &mut self.pipe {
            // The write fails if the child has already exited, which the next poll finds.
            let _ = pipe.write_all(b"TERM\n");
        }
        eventually(&what, within, async || {
            Ok(match self.exit()? {
                Some(status) => Look::Done(status),
                None => Look::NotYet("it still runs".to_owned()),
            })
        })
        .await
    }

    /// The exit status of the child, or `None` while it runs.
    fn exit(&mut self) -> Result<Option<ExitStatus>, ProcessError> {
        self.supervisor
            .try_wait()
            .map_err(|source| ProcessError::Lost {
                name: self.name.clone(),
                source,
            })
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // The supervisor exits right after the child. Its exit status does not matter here.
        let _ = self.supervisor.wait();
    }
}

fn spawn(launcher: &[String], command: &Command, log: &Path) -> std::io::Result<Child> {
    let output = File::create(log)?;
    let words = launcher.iter().map(String::as_str);
    let mut words = words.chain(["sh", "-c", SUPERVISOR, "supervisor"]);
    let mut supervisor = Command::new(words.next().unwrap_or("sh"));
    supervisor
        .args(words)
        .arg(command.get_program())
        .args(command.get_args())
        // In a separate process group, so that Ctrl-C reaches only this process, which then ends its children
        // in order.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(output.try_clone()?)
        .stderr(output);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => supervisor.env(name, value),
            None => supervisor.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        supervisor.current_dir(folder);
    }
    supervisor.spawn()
}
