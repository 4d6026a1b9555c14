//! The copy of the sources into which the suite plants misbehaviours.

use std::path::{Path, PathBuf};

use super::Planted;
use crate::cargo::root;
use crate::contract::Error;

/// A copy of the workspace's sources.
pub struct Copied {
    folder: PathBuf,
}

/// The parts of the workspace that a build needs.
const PARTS: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "src",
    "tests",
    "contract",
    "daily-sim",
    "testbed",
    "xtask",
];

impl Copied {
    /// Copies the files that differ from the last copy, so that cargo rebuilds only those.
    pub fn make() -> Result<Self, Error> {
        let folder = root().join("target/planted");
        let copied = Self { folder };
        for part in PARTS {
            copy(&root().join(part), &copied.sources().join(part))?;
        }
        Ok(copied)
    }

    /// The folder with the sources.
    pub fn sources(&self) -> PathBuf {
        self.folder.join("sources")
    }

    /// The target folder of the build.
    pub fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// The simulator that the build produces.
    pub fn program(&self) -> PathBuf {
        self.target().join("debug/daily-sim")
    }

    /// Replaces the text of a misbehaviour, or returns why it cannot.
    pub fn plant(&self, planted: &Planted) -> Result<Result<(), String>, Error> {
        let path = self.sources().join(planted.file);
        let text = std::fs::read_to_string(&path).map_err(told(&path))?;
        let found = text.matches(planted.find).count();
        if found != 1 {
            let (find, file) = (planted.find, planted.file);
            return Ok(Err(format!("{find:?} occurs {found} times in {file}")));
        }
        let changed = text.replace(planted.find, planted.replace);
        std::fs::write(&path, changed).map_err(told(&path))?;
        Ok(Ok(()))
    }

    /// Restores the original file.
    pub fn restore(&self, file: &str) -> Result<(), Error> {
        copy(&root().join(file), &self.sources().join(file))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if from.is_dir() {
        std::fs::create_dir_all(to).map_err(told(to))?;
        remove_others(from, to)?;
        for entry in std::fs::read_dir(from).map_err(told(from))? {
            let name = entry.map_err(told(from))?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    let wanted = std::fs::read(from).map_err(told(from))?;
    if std::fs::read(to).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(told(folder))?;
    }
    std::fs::write(to, wanted).map_err(told(to))
}

/// Removes files that the source tree no longer has.
fn remove_others(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in std::fs::read_dir(to).map_err(told(to))? {
        let entry = entry.map_err(told(to))?;
        if from.join(entry.file_name()).exists() {
            continue;
        }
        let path = entry.path();
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        removed.map_err(told(&path))?;
    }
    Ok(())
}

fn told(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}
