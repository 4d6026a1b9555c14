//! The control groups of the node's containers. They are the one thing that the kernel keeps when
//! the last process in them has ended.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROOT: &str = "/sys/fs/cgroup";
/// How long killed processes may take to leave their groups.
const EMPTY_WITHIN: Duration = Duration::from_secs(5);
/// Interval between polls.
const PAUSE: Duration = Duration::from_millis(50);

/// The groups below this name, in every hierarchy. Empty ones are removed when this is dropped.
#[derive(Debug)]
pub(super) struct Cgroups {
    name: String,
}

impl Cgroups {
    /// The groups of this name, after removing empty ones that an earlier run has left.
    pub(super) fn of(name: &str) -> Self {
        let groups = Self {
            name: name.to_owned(),
        };
        groups.remove();
        groups
    }

    fn remove(&self) {
        let groups: Vec<_> = hierarchies(Path::new(ROOT))
            .into_iter()
            .map(|hierarchy| hierarchy.join(&self.name))
            .collect();
        let start = Instant::now();
        loop {
            groups.iter().for_each(|group| remove(group));
            // Killed processes are in their groups until the kernel is done with them.
            if start.elapsed() > EMPTY_WITHIN || !groups.iter().any(|group| group.exists()) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The root itself, which is one hierarchy with cgroup v2, and its folders, each of which is one
/// with v1.
fn hierarchies(root: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    let folders = folders.map(|entry| entry.path());
    std::iter::once(root.to_owned()).chain(folders).collect()
}

/// Removes a group and those below it. A group with processes is not removed; the kernel refuses.
fn remove(group: &Path) {
    let below = std::fs::read_dir(group).into_iter().flatten().flatten();
    for entry in below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove(&entry.path());
    }
    let _ = std::fs::remove_dir(group);
}
