//! Children that never outlive this process.
//!
//! Each runs under a small `sh` that reads a pipe. A line on the pipe is the name of a signal for
//! the child; the end of the pipe means SIGKILL. The kernel closes the pipe when this process
//! ends, however it ends, so no child survives a `kill -9` of a test run either. (The kernel's own
//! parent-death signal needs unsafe code, and exists on Linux only.)

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait::{Look, WaitError, eventually};

/// Runs `$@`, obeys the pipe on its stdin, and exits as the child did.
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

/// Why a child could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Its log could not be created, or no process started.
    #[error("{name} could not be started")]
    Start {
        /// Which child.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// It has ended.
    #[error("{name} ended by itself ({status}); the end of {}:\n{tail}", log.display())]
    Ended {
        /// Which child.
        name: String,
        /// How.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of that.
        tail: String,
    },
    /// The system did not report its state, or did not accept a signal for it.
    #[error("{name} cannot be reached")]
    Lost {
        /// Which child.
        name: String,
        /// Why.
        source: std::io::Error,
    },
}

/// A running child. It is killed when this is dropped, and when this process ends.
#[derive(Debug)]
pub struct Supervised {
    name: String,
    log: PathBuf,
    supervisor: Child,
    /// Taken out to end the child.
    pipe: Option<ChildStdin>,
}

impl Supervised {
    /// Starts the command with stdout and stderr in a log file. Its stdin is empty.
    ///
    /// # Errors
    /// When the log cannot be created or `sh` does not start. A program that does not exist ends by
    /// itself, which [`Self::running`] reports.
    pub fn start(name: &str, command: &Command, log: &Path) -> Result<Self, ProcessError> {
        Self::start_under(&[], name, command, log)
    }

    /// The same for a child that a launcher such as `nsenter ... --` runs. The supervisor is started
    /// by the launcher, so that a signal reaches the child and not the launcher.
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

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its output.
    pub fn tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let skipped = text.lines().count().saturating_sub(TAIL);
        text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }

    /// Checks that it runs.
    ///
    /// # Errors
    /// When it has ended, with the end of its log.
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

    /// Asks it to end with SIGTERM and waits until it has; its exit code is 143 when the signal
    /// itself ended it.
    ///
    /// # Errors
    /// When it has not ended within the deadline.
    pub async fn terminate(
        &mut self,
        within: Duration,
    ) -> Result<ExitStatus, WaitError<ProcessError>> {
        let what = format!("the end of {} after SIGTERM", self.name);
        if let Some(pipe) = &mut self.pipe {
            // The pipe is broken when the child has ended already, which is found next.
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

    /// How it ended, if it did.
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
        // The supervisor ends as soon as the child has; what it says of that is of no use here.
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
        // A group of its own: Ctrl-C reaches this process, which ends its children in order.
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
