//! The operator as a real process.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::wait::{LATER, SOON, until};

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

/// How `daily-operator check` ended.
pub struct Checked {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub output: String,
}

/// A running operator. It is killed when it is dropped.
pub struct Operator {
    child: Child,
    log: PathBuf,
    http: reqwest::Client,
}

/// What one of the operator's addresses answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// Whether this process leads, by its metrics.
    fn leads(&self) -> Option<bool> {
        let name = r#"leader_election_master_status{name="daily-operator"} "#;
        let value = self.body.lines().find_map(|line| line.strip_prefix(name))?;
        Some(value == "1")
    }
}

impl Launch {
    /// Starts a process, the `nth` of this fixture, with these arguments after its own.
    pub fn start(&self, nth: usize, args: &[String], env: &[(String, String)]) -> Operator {
        let log = self.folder.join(format!("operator-{nth}.log"));
        let file = File::create(&log).expect("the log can be written");
        let copy = file.try_clone().expect("the log can be shared");
        let child = Command::new(env!("CARGO_BIN_EXE_daily-operator"))
            .args(&self.args)
            .args(args)
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy)
            .kill_on_drop(true)
            .spawn()
            .expect("the operator starts");
        let http = reqwest::Client::builder().no_proxy().build();
        Operator {
            child,
            log,
            http: http.expect("an HTTP client can be built"),
        }
    }
}

impl Launch {
    /// Runs the check that an operator with these arguments would pass or not, and these after them.
    pub async fn check(&self, kubeconfig: &Path, args: &[&str]) -> Checked {
        let of_run = self.args.iter().skip(1);
        let ended = Command::new(env!("CARGO_BIN_EXE_daily-operator"))
            .arg("check")
            .args(of_run)
            .args(args)
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .output()
            .await
            .expect("the check runs");
        let mut output = String::from_utf8(ended.stdout).expect("it prints text");
        output.push_str(&String::from_utf8_lossy(&ended.stderr));
        Checked {
            code: ended.status.code().expect("it ends by itself"),
            output,
        }
    }
}

impl Operator {
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its log so far, line by line.
    pub fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).expect("the log can be read");
        let lines = text.lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The lines of its log that say this.
    pub fn said(&self, message: &str) -> Vec<Value> {
        let says = |line: &Value| {
            line["message"]
                .as_str()
                .is_some_and(|it| it.contains(message))
        };
        self.lines().into_iter().filter(says).collect()
    }

    /// Waits until its log says this, and gives the line.
    pub async fn says(&self, message: &str) -> Value {
        until(&format!("the log says {message:?}"), SOON, async || {
            self.said(message).pop().ok_or("it does not")
        })
        .await
    }

    async fn address(&self) -> SocketAddr {
        let line = self.says("Serving probes and metrics").await;
        let address = line["address"].as_str().and_then(|it| it.parse().ok());
        address.expect("the log names the address")
    }

    /// What it answers at this path.
    pub async fn get(&self, path: &str) -> Answer {
        let url = format!("http://{}{path}", self.address().await);
        let answer = self.http.get(url).send().await.expect("it answers");
        Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.expect("the answer is text"),
        }
    }

    /// Waits until `/readyz` answers so.
    pub async fn readyz(&self, status: u16, body: &str) {
        let wanted = Answer {
            status,
            body: body.to_owned(),
        };
        until(&format!("/readyz answers {wanted:?}"), LATER, async || {
            let answer = self.get("/readyz").await;
            let right = answer == wanted;
            right.then_some(()).ok_or(format!("{answer:?}"))
        })
        .await;
    }

    /// That it is alive, which holds from its first moment to its last.
    pub async fn is_healthy(&self) {
        let answer = self.get("/healthz").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    }

    /// Whether it leads, by its metrics.
    pub async fn leads(&self) -> bool {
        let answer = self.get("/metrics").await;
        assert_eq!(answer.status, 200);
        answer.leads().expect("the metrics say whether it leads")
    }

    /// Waits until its metrics say that it leads, or does not.
    pub async fn leads_is(&self, wanted: bool) {
        until(&format!("it leads: {wanted}"), LATER, async || {
            (self.leads().await == wanted).then_some(()).ok_or("not so")
        })
        .await;
    }

    /// Waits until it is ready, or has stopped itself at its crash point before that.
    pub async fn ready_or_crashed(&mut self) {
        until("the operator is ready", LATER, async || {
            let ended = self.child.try_wait().expect("can be waited for");
            if let Some(status) = ended {
                assert_eq!(status.signal(), Some(ABORTED), "it ended: {status}");
                return Ok(());
            }
            match self.ask_readyz().await {
                Some(Answer { status: 200, .. }) => Ok(()),
                seen => Err(format!("{seen:?}")),
            }
        })
        .await;
    }

    /// What `/readyz` answers; nothing while it does not serve, or no longer.
    async fn ask_readyz(&self) -> Option<Answer> {
        let serving = self.said("Serving probes and metrics").pop()?;
        let url = format!("http://{}/readyz", serving["address"].as_str()?);
        let answer = self.http.get(url).send().await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.text().await.ok()?;
        Some(Answer { status, body })
    }

    /// Its metrics, while it serves them.
    pub async fn metrics(&self) -> Option<String> {
        let serving = self.said("Serving probes and metrics").pop()?;
        let url = format!("http://{}/metrics", serving["address"].as_str()?);
        self.http.get(url).send().await.ok()?.text().await.ok()
    }

    /// Asks it to end.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("the operator runs");
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("it has a process id"), signal).expect("it takes the signal");
    }

    /// Asks it to end, and gives how it did.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.ask_to_end();
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
        // A DELETE waits until Daily's window is empty for sure.
        self.crashed_within(LATER).await;
    }

    pub async fn crashed_within(&mut self, within: Duration) {
        let what = "the operator stops at its crash point";
        let status = self.ended_within(what, within).await;
        assert_eq!(
            status.signal(),
            Some(ABORTED),
            "it ended in another way: {status}"
        );
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self, what: &str) -> ExitStatus {
        self.ended_within(what, SOON).await
    }

    async fn ended_within(&mut self, what: &str, within: Duration) -> ExitStatus {
        let child = &mut self.child;
        until(what, within, async || {
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

    /// The peak in KiB.
    pub fn peak_kib(&self) -> u64 {
        let peak = self.peak_memory();
        let kib = peak.trim_end_matches(" kB").parse();
        kib.expect("the peak is a number of kB")
    }

    /// Checks that the peak so far is within the chart's memory limit.
    pub fn keeps_the_memory_limit(&self) {
        let values = include_str!("../../charts/daily-operator/values.yaml");
        let limit = values
            .split_once("limits:")
            .and_then(|(_, limits)| limits.split_once("memory: "))
            .and_then(|(_, memory)| memory.split_once("Mi"))
            .and_then(|(mib, _)| mib.parse::<u64>().ok())
            .expect("the chart has a memory limit in Mi");
        let peak = self.peak_kib();
        assert!(
            peak <= limit * 1024,
            "peak memory {peak} KiB, limit {limit}Mi"
        );
    }
}
