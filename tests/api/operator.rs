//! The operator as a real process.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::wait::{SOON, until};

/// The signal with which a process ends at a crash point.
const ABORTED: i32 = 6;

/// What every process of a fixture is started with.
pub struct Launch {
    /// The arguments that the chart renders.
    pub args: Vec<String>,
    /// A kubeconfig with the token of the chart's ServiceAccount.
    pub kubeconfig: PathBuf,
    /// Where the logs go.
    pub folder: PathBuf,
}

/// A running operator. It is killed when it is dropped.
pub struct Operator {
    child: Child,
    log: PathBuf,
}

impl Launch {
    /// Starts a process, the `nth` of this fixture.
    pub fn start(&self, nth: usize, env: &[(String, String)]) -> Operator {
        let log = self.folder.join(format!("operator-{nth}.log"));
        let file = File::create(&log).expect("the log can be written");
        let copy = file.try_clone().expect("the log can be shared");
        let child = Command::new(env!("CARGO_BIN_EXE_daily-operator"))
            .args(&self.args)
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy)
            .kill_on_drop(true)
            .spawn()
            .expect("the operator starts");
        Operator { child, log }
    }
}

impl Operator {
    pub fn log(&self) -> &Path {
        &self.log
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("the operator runs");
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("it has a process id"), signal).expect("it takes the signal");
    }

    /// Asks it to end, and gives how it did.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended("the operator ends after SIGTERM").await
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("the operator can be killed");
    }

    /// Stops its clock: it does nothing until it is resumed.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits until it has stopped itself at its crash point.
    pub async fn crashed(&mut self) {
        let status = self.ended("the operator stops at its crash point").await;
        assert_eq!(
            status.signal(),
            Some(ABORTED),
            "it ended in another way: {status}"
        );
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self, what: &str) -> ExitStatus {
        let child = &mut self.child;
        until(what, SOON, async || {
            let status = child.try_wait().expect("the process can be waited for");
            status.ok_or("it still runs")
        })
        .await
    }

    /// Its peak memory, as the kernel tells it.
    pub fn peak_memory(&self) -> String {
        let id = self.child.id().expect("the operator runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status"));
        let status = status.expect("the kernel tells the status of a process");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.expect("the kernel tells the peak").trim().to_owned()
    }
}
