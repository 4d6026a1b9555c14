//! The machine as the node sees it: namespaces for processes, mounts and the host name.
//!
//! The machine has a separate `/run`, `/var/lib` and `/var/log`. When its first process ends, the kernel
//! kills all other processes in the namespaces and drops the mounts. So no container or mount remains,
//! however the run ends. A node that loses power behaves the same way.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cgroups::Cgroups;
use super::error::NodeError;
use super::home::Home;
use super::network::{Network, announced};
use crate::process::Supervised;

/// Kernel settings that the kubelet requires. Files with these values hide the real settings, so that the
/// kubelet does not change them for the whole machine.
const KERNEL: [(&str, &str); 6] = [
    ("kernel/keys/root_maxbytes", "25000000"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
];

/// Enters the machine's cgroups, in every hierarchy of cgroup v1 or the only one of v2. Then it continues as
/// the first process of a cgroup namespace, in which they are the root.
const GROUPS: &str = r#"
set -e
groups=/sys/fs/cgroup
[ -e "$groups/cgroup.procs" ] || groups='/sys/fs/cgroup/*'
for group in $groups; do
    [ -e "$group/cgroup.procs" ] || continue
    mkdir -p "$group/$2/processes"
    for rule in cpuset.cpus cpuset.mems; do
        # Without processors and memory a group of v1 takes no process; those of v2 inherit them.
        [ ! -e "$group/cgroup.controllers" ] && [ -e "$group/$rule" ] || continue
        cat "$group/$rule" > "$group/$2/$rule"
        cat "$group/$rule" > "$group/$2/processes/$rule"
    done
    echo 0 > "$group/$2/cgroup.procs"
done
exec unshare --cgroup sh -c "$BOOT" "$0" "$@"
"#;

/// Sets up the machine, prints its process id, and waits. It reads the id before it mounts a new `/proc`, to
/// get the id outside of the namespace.
const BOOT: &str = r#"
set -e
read -r pid rest < /proc/self/stat
groups=/sys/fs/cgroup
[ -e "$groups/cgroup.procs" ] || groups='/sys/fs/cgroup/*'
for group in $groups; do
    [ -e "$group/$2/cgroup.procs" ] || continue
    echo 0 > "$group/$2/processes/cgroup.procs"
    mount --bind "$group/$2" "$group"
done
mount -t proc proc /proc
mount --make-rshared /
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
mount --bind "$1/lib" /var/lib
mount --bind "$1/log" /var/log
for setting in $(cd "$1/kernel" && find . -type f); do
    mount --bind "$1/kernel/$setting" "/proc/sys/$setting"
done
hostname node
echo "machine $pid"
exec "$0"
"#;

/// Enters the cgroup of the node's own processes. cgroup v2 allows no processes next to the containers'
/// cgroups.
const JOIN: &str = r#"
for group in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ ! -e "$group/processes/cgroup.procs" ] || echo 0 > "$group/processes/cgroup.procs"
done
exec "$@"
"#;

/// A running machine. Dropping it is a power failure for the node.
#[derive(Debug)]
pub(super) struct Machine {
    first: u32,
    _process: Supervised,
    // Dropped after the processes, which are in these cgroups.
    _cgroups: Cgroups,
}

impl Machine {
    /// Creates the namespaces and starts the first process.
    pub(super) async fn boot(
        home: &Home,
        network: &Network,
        pause: &Path,
    ) -> Result<Self, NodeError> {
        let folder = disk(home)?;
        let cgroups = Cgroups::of(&network.name());
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--pid",
                "--ipc",
                "--uts",
                "--fork",
                "--kill-child",
            ])
            .args(["--propagation=private", "sh", "-c", GROUPS])
            .args([pause, &folder])
            .arg(network.name())
            .env("BOOT", BOOT);
        let log = home.path().join("machine.log");
        let launcher = network.launcher();
        let mut process = Supervised::start_under(&launcher, "the machine", &command, &log)?;
        let first = announced(&mut process, "machine").await?;
        Ok(Self {
            first,
            _process: process,
            _cgroups: cgroups,
        })
    }

    /// The command prefix that runs a program in the machine.
    pub(super) fn launcher(&self) -> Vec<String> {
        let target = format!("--target={}", self.first);
        let namespaces = [
            "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--",
        ];
        ["nsenter", &target]
            .into_iter()
            .chain(namespaces)
            .chain(["sh", "-c", JOIN, "join"])
            .map(str::to_owned)
            .collect()
    }
}

/// The folder with the files that survive a reboot.
fn disk(home: &Home) -> Result<PathBuf, NodeError> {
    let folder = home.subfolder("disk")?;
    for name in ["lib", "log", "kernel/kernel/keys", "kernel/vm"] {
        home.subfolder(&format!("disk/{name}"))?;
    }
    for (name, value) in KERNEL {
        home.write(&format!("disk/kernel/{name}"), &format!("{value}\n"))?;
    }
    Ok(folder)
}
