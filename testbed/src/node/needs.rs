//! What a machine needs to run a node.

use std::path::{Path, PathBuf};

/// The folder in which Debian's `containernetworking-plugins` installs the CNI plugins.
pub(super) const CNI: &str = "/usr/lib/cni";
/// The required programs, each with its Debian package.
const PROGRAMS: [(&str, &str); 9] = [
    ("containerd", "containerd"),
    ("containerd-shim-runc-v2", "containerd"),
    ("ctr", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
];
/// The required CNI plugins.
const PLUGINS: [&str; 3] = ["ptp", "host-local", "loopback"];

/// Why no node can run on this machine, in one sentence; `None` if one can.
pub fn missing() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    reason(is_root(), &folders, Path::new(CNI))
}

/// The owner of `/proc/self` is the user of this process. The standard library has no call for the user id.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn reason(is_root: bool, folders: &[PathBuf], plugins: &Path) -> Option<String> {
    if !is_root {
        return Some("a node needs root, and this user is not root".to_owned());
    }
    let is_there = |name: &str| folders.iter().any(|folder| folder.join(name).is_file());
    let programs = PROGRAMS.into_iter().filter(|(name, _)| !is_there(name));
    let plugins = PLUGINS
        .into_iter()
        .filter(|name| !plugins.join(name).is_file())
        .map(|name| (name, "containernetworking-plugins"));
    let (names, packages): (Vec<_>, Vec<_>) = programs.chain(plugins).unzip();
    if names.is_empty() {
        return None;
    }
    let mut packages = packages;
    packages.dedup();
    Some(format!(
        "a node needs {}, which this machine does not have: install Debian's {} or their like",
        names.join(", "),
        packages.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn the_sentence_names_what_to_install() {
        let programs = folder_with(&PROGRAMS.map(|(name, _)| name));
        let plugins = folder_with(&PLUGINS);
        let folders = [programs.path().to_owned()];
        assert_eq!(reason(true, &folders, plugins.path()), None);

        let not_root = reason(false, &folders, plugins.path()).unwrap();
        assert!(not_root.contains("root"), "{not_root}");

        let sentence = reason(true, &[], &plugins.path().join("none")).unwrap();
        for word in [
            "containerd",
            "nsenter",
            "ptp",
            "containernetworking-plugins",
        ] {
            assert!(sentence.contains(word), "{sentence}");
        }
    }
}
