//! The folder of one run, and what a run that was killed has left.
//!
//! The folder has a locked file for as long as its process lives. A folder whose lock is free
//! belongs to nobody, and the next start removes it. Namespaces, mounts, devices and iptables rules
//! need no such care: the kernel drops them with the last process of the node.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::{NodeError, file};

const PREFIX: &str = "testbed-node-";
const LOCK: &str = "lock";

/// The folder. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Home {
    folder: TempDir,
    _lock: File,
}

impl Home {
    /// A new one, after removing folders that killed runs have left.
    pub(super) fn create() -> Result<Self, NodeError> {
        let parent = std::env::temp_dir();
        for left in abandoned(&parent) {
            // What cannot be removed, for example because a container still ends, waits for the
            // next start.
            let _ = std::fs::remove_dir_all(left);
        }
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir();
        let folder = folder.map_err(file(&parent, "written to"))?;
        // The name appears with the lock held, so that nobody takes it for abandoned.
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

    /// Creates a folder in it.
    pub(super) fn subfolder(&self, name: &str) -> Result<PathBuf, NodeError> {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).map_err(file(&path, "created"))?;
        Ok(path)
    }

    /// Writes a file in it.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, NodeError> {
        let path = self.path().join(name);
        std::fs::write(&path, text).map_err(file(&path, "written"))?;
        Ok(path)
    }
}

/// The folders of runs that have ended without removing them.
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
