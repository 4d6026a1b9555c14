//! The folder of one run, and the cleanup after killed runs.
//!
//! The folder contains a file that the process keeps locked. If nobody holds the lock, the next start removes
//! the folder. Namespaces, mounts, devices and iptables rules need no cleanup: the kernel drops them with the
//! last process of the node.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::{NodeError, file};

const PREFIX: &str = "testbed-node-";
const LOCK: &str = "lock";

/// The folder of a run. Dropping it removes the folder.
#[derive(Debug)]
pub(super) struct Home {
    folder: TempDir,
    _lock: File,
}

impl Home {
    /// Creates a folder, after removing folders that killed runs left behind.
    pub(super) fn create() -> Result<Self, NodeError> {
        let parent = std::env::temp_dir();
        for left in abandoned(&parent) {
            // The next start retries a folder that cannot be removed, for example because a container has not
            // ended yet.
            let _ = std::fs::remove_dir_all(left);
        }
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir();
        let folder = folder.map_err(file(&parent, "written to"))?;
        // Lock the file before it gets its name, so that no other start mistakes the folder for an abandoned
        // one.
        let early = folder.path().join("lock.new");
        let lock = File::create(&early).map_err(file(&early, "created"))?;
        lock.lock().map_err(file(&early, "locked"))?;
        let path = folder.path().join(LOCK);
        std::fs::rename(&early, &path).map_err(file(&path, "created"))?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn subfolder(&self, name: &str) -> Result<PathBuf, NodeError> {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).map_err(file(&path, "created"))?;
        Ok(path)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, NodeError> {
        let path = self.path().join(name);
        std::fs::write(&path, text).map_err(file(&path, "written"))?;
        Ok(path)
    }
}

/// The folders of runs that ended without removing them.
fn abandoned(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with(PREFIX))
    });
    ours.map(|entry| entry.path())
        .filter(|path| {
            let lock = File::open(path.join(LOCK));
            lock.is_ok_and(|lock| lock.try_lock().is_ok())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_nobody_holds_is_abandoned() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let folder = parent.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            File::create(folder.join(LOCK)).unwrap()
        };
        let held = make("testbed-node-held");
        held.lock().unwrap();
        drop(make("testbed-node-left"));
        drop(make("another-folder"));
        std::fs::create_dir(parent.path().join("testbed-node-begun")).unwrap();
        let left = parent.path().join("testbed-node-left");
        assert_eq!(abandoned(parent.path()), [left]);
    }
}
