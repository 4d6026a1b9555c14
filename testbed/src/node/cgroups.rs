//! The control groups of the node's containers. They are the one thing that the kernel keeps when
//! the last process in them has ended.

use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";

/// The groups below this name, in every hierarchy. Empty ones are removed when this is dropped.
#[derive(Debug)]
pub(super) struct Cgroups {
    name: String,
}

impl Cgroups {
    /// Those of this name, after removing the empty ones that an earlier run has left.
    pub(super) fn of(name: &str) -> Self {
        let groups = Self {
            name: name.to_owned(),
        };
        groups.remove();
        groups
    }

    fn remove(&self) {
        for hierarchy in hierarchies(Path::new(ROOT)) {
            remove(&hierarchy.join(&self.name));
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
