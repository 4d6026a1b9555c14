//! The cgroups of the node's containers. The kernel does not remove a cgroup when its last process ends.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROOT: &str = "/sys/fs/cgroup";
/// How long killed processes may take to leave their cgroups.
const EMPTY_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// The cgroups with this name, in every hierarchy. Dropping this removes the empty ones.
#[derive(Debug)]
pub(super) struct Cgroups {
    name: String,
}

impl Cgroups {
    /// The cgroups with this name. Removes empty ones that an earlier run left behind.
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
            // The kernel keeps killed processes in their cgroups until it has cleaned them up.
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

/// The root, which is the only hierarchy of cgroup v2, and its folders, each of which is a hierarchy of v1.
fn hierarchies(root: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    let folders = folders.map(|entry| entry.path());
    std::iter::once(root.to_owned()).chain(folders).collect()
}

/// Removes a cgroup and its children. The kernel refuses to remove a cgroup that has processes.
fn remove(group: &Path) {
    let below = std::fs::read_dir(group).into_iter().flatten().flatten();
    for entry in below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove(&entry.path());
    }
    let _ = std::fs::remove_dir(group);
}
