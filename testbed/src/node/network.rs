//! The network of a node: a network namespace with one link to this machine.
//!
//! All servers listen in the namespace, and kube-proxy's rules are in it, so they cannot conflict with those
//! of another node or of this machine. The namespace ends with its first process, and the link ends with the
//! namespace.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::command::{run, run_under};
use super::error::NodeError;
use crate::process::{ProcessError, Supervised};
use crate::wait::{Look, eventually};

/// How many nodes can run on this machine at the same time.
const NODES: u8 = 64;
const SOON: Duration = Duration::from_secs(20);
/// Prints its process id, and waits.
const HOLD: &str = r#"read -r pid rest < /proc/self/stat; echo "holder $pid"; exec "$0""#;

#[derive(Debug)]
pub(super) struct Network {
    /// The number of this node among the nodes of this machine.
    number: u8,
    holder: u32,
    _process: Supervised,
}

impl Network {
    /// Creates the namespace and the link.
    pub(super) async fn create(folder: &Path, pause: &Path) -> Result<Self, NodeError> {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", HOLD]).arg(pause);
        let log = folder.join("network.log");
        let mut process = Supervised::start("the network's holder", &command, &log)?;
        let holder = announced(&mut process, "holder").await?;
        let number = link(holder).await?;
        let network = Self {
            number,
            holder,
            _process: process,
        };
        network.configure().await?;
        Ok(network)
    }

    /// The command prefix that runs a program in the namespace.
    pub(super) fn launcher(&self) -> Vec<String> {
        let target = format!("--target={}", self.holder);
        ["nsenter", &target, "--net", "--"]
            .map(str::to_owned)
            .into()
    }

    pub(super) fn address(&self) -> String {
        address(self.number, 2)
    }

    /// A name that is unique among the nodes of this machine.
    pub(super) fn name(&self) -> String {
        device(self.number)
    }

    async fn configure(&self) -> Result<(), NodeError> {
        let (here, there) = (address(self.number, 1), address(self.number, 2));
        let device = device(self.number);
        let with_mask = |address: &str| format!("{address}/30");
        run(&["ip", "address", "add", &with_mask(&here), "dev", &device]).await?;
        run(&["ip", "link", "set", &device, "up"]).await?;
        let launcher = self.launcher();
        let there = with_mask(&there);
        for words in [
            &["ip", "link", "set", "lo", "up"][..],
            &["ip", "address", "add", &there, "dev", "eth0"],
            &["ip", "link", "set", "eth0", "up"],
            // The kernel looks for a route to a Service address before it applies kube-proxy's rules.
            &["ip", "route", "add", "default", "via", &here],
            &["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
        ] {
            run_under(&launcher, words).await?;
        }
        Ok(())
    }
}

/// Waits until the log of a process has a line with this word and a number, and returns the number.
pub(super) async fn announced(process: &mut Supervised, word: &str) -> Result<u32, NodeError> {
    let prefix = format!("{word} ");
    let found = eventually("its first line", SOON, async || {
        process.running()?;
        let log = process.tail();
        let number = log.lines().find_map(|line| line.strip_prefix(&prefix));
        Ok::<_, ProcessError>(match number.and_then(|it| it.trim().parse().ok()) {
            Some(number) => Look::Done(number),
            None => Look::NotYet(log),
        })
    });
    found.await.map_err(|source| NodeError::NotReady {
        part: "a namespace of the node",
        tail: process.tail(),
        source: Box::new(source),
    })
}

/// Creates the link to the namespace of this process. The device name reserves the number, because the kernel
/// rejects a second device with the same name.
async fn link(holder: u32) -> Result<u8, NodeError> {
    let holder = holder.to_string();
    for number in 0..NODES {
        let device = device(number);
        let words = [
            "ip", "link", "add", &device, "type", "veth", "peer", "name", "eth0", "netns", &holder,
        ];
        match run(&words).await {
            Ok(_) => return Ok(number),
            Err(NodeError::Command { stderr, .. }) if stderr.contains("File exists") => {}
            Err(error) => return Err(error),
        }
    }
    Err(NodeError::TooMany(NODES))
}

/// The name of the link's device on this machine.
fn device(number: u8) -> String {
    format!("testbed{number}")
}

/// An address from the range for benchmark tests (RFC 2544). Each node has four addresses.
fn address(number: u8, last: u8) -> String {
    format!("198.18.0.{}", number * 4 + last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_has_addresses_of_its_own() {
        assert_eq!(address(0, 1), "198.18.0.1");
        assert_eq!(address(NODES - 1, 2), "198.18.0.254");
    }
}
