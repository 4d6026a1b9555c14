//! Checks an image: the contents of its archive, and the running container.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::NAME;
use super::command::{command, output};
use super::elf;
use super::error::{ImageError, file};

/// The user and group of the image.
const USER: &str = "65532:65532";
/// The maximum compressed size in bytes. A registry stores and a node pulls the compressed image.
const MOST_COMPRESSED: u64 = 12 * 1024 * 1024;
/// The labels that describe the image and its origin.
const LABELS: [&str; 7] = [
    "title",
    "description",
    "vendor",
    "licenses",
    "version",
    "revision",
    "created",
];
/// Runs a container like a node with the strictest Pod Security Standard. The limits replace podman's
/// defaults, which only a user who may raise limits can set.
const STRICT: [&str; 9] = [
    "--runtime=runc",
    "--ulimit=nofile=1024:2048",
    "--ulimit=nproc=1024:1024",
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--network=none",
    "--pull=never",
    "--name",
];
/// How long the operator may take to start.
const SOON: Duration = Duration::from_secs(20);

/// The contents of an archive.
#[derive(Debug)]
pub struct Contents {
    config: Value,
    layers: Vec<PathBuf>,
    /// The unpacked files.
    _folder: tempfile::TempDir,
}

/// Unpacks an archive.
///
/// # Errors
/// If the archive does not have podman's format.
pub fn unpack(archive: &Path) -> Result<Contents, ImageError> {
    let folder = tempfile::tempdir().map_err(file(archive, "unpacked"))?;
    output(command(folder.path(), "tar", &["-xf"]).arg(archive))?;
    let json = |name: &str| -> Result<Value, ImageError> {
        let path = folder.path().join(name);
        let bytes = fs::read(&path).map_err(file(&path, "read"))?;
        serde_json::from_slice(&bytes).map_err(|error| ImageError::Content {
            path,
            what: error.to_string(),
        })
    };
    let manifest = json("manifest.json")?;
    let strings = |pointer: &str| -> Vec<String> {
        let found = manifest.pointer(pointer);
        let list = found.and_then(Value::as_array).into_iter().flatten();
        let list = list.chain(found.filter(|it| it.is_string()));
        list.filter_map(|it| Some(it.as_str()?.to_owned()))
            .collect()
    };
    let config = strings("/0/Config");
    Ok(Contents {
        config: json(config.first().map_or("", String::as_str))?,
        layers: strings("/0/Layers")
            .iter()
            .map(|name| folder.path().join(name))
            .collect(),
        _folder: folder,
    })
}

/// Checks the files and the configuration of an image, and returns its compressed size in bytes.
///
/// # Errors
/// The first check that failed.
pub fn contents(contents: &Contents) -> Result<u64, ImageError> {
    described(&contents.config).map_err(ImageError::Check)?;
    let mut names = Vec::new();
    let mut compressed = 0;
    for layer in &contents.layers {
        let listed = output(command(Path::new("."), "tar", &["-tf"]).arg(layer))?;
        names.extend(listed.lines().map(str::to_owned));
        let script = r#"gzip --stdout "$0" | wc --bytes"#;
        let size = output(command(Path::new("."), "sh", &["-c", script]).arg(layer))?;
        compressed += size.trim().parse().unwrap_or(u64::MAX);
    }
    if names != [NAME] {
        return Err(ImageError::Check(format!(
            "the image must hold {NAME} alone, and it holds {names:?}"
        )));
    }
    if compressed > MOST_COMPRESSED {
        return Err(ImageError::Check(format!(
            "the image has {compressed} bytes compressed, and may have {MOST_COMPRESSED}"
        )));
    }
    Ok(compressed)
}

/// Checks the user and the labels in the configuration.
fn described(config: &Value) -> Result<(), String> {
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    if text("/config/User") != Some(USER) {
        let user = text("/config/User");
        return Err(format!(
            "the image must run as {USER}, and its user is {user:?}"
        ));
    }
    let missing = LABELS.into_iter().find(|label| {
        let value = text(&format!("/config/Labels/org.opencontainers.image.{label}"));
        value.is_none_or(|value| value.is_empty() || value == "unknown")
    });
    match missing {
        Some(label) => Err(format!(
            "the image has no label org.opencontainers.image.{label}"
        )),
        None => Ok(()),
    }
}

/// Checks that the program needs no loader and no library, and contains every public root certificate. The
/// tests of the Daily client check which roots it trusts.
///
/// # Errors
/// If the program needs a loader, or a root certificate is missing.
pub fn program(path: &Path) -> Result<usize, ImageError> {
    let program = fs::read(path).map_err(file(path, "read"))?;
    match elf::is_static(&program) {
        Ok(true) => {}
        Ok(false) => {
            return Err(ImageError::Check(format!(
                "{} is not static: it asks for a loader",
                path.display()
            )));
        }
        Err(what) => {
            return Err(ImageError::Content {
                path: path.to_owned(),
                what: what.to_owned(),
            });
        }
    }
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    let missing = roots.iter().filter(|root| !holds(&program, root)).count();
    if missing > 0 || roots.is_empty() {
        return Err(ImageError::Check(format!(
            "{missing} of {} public CA certificates are not in {}",
            roots.len(),
            path.display()
        )));
    }
    Ok(roots.len())
}

fn holds(program: &[u8], part: &[u8]) -> bool {
    // Certificates begin with the same bytes, which makes a naive search slow.
    memchr::memmem::find(program, part).is_some()
}

/// Checks that the operator runs under the strictest rules and prints its version, and that the image has no
/// shell.
///
/// # Errors
/// If a check fails.
pub fn runs(tag: &str) -> Result<(), ImageError> {
    let name = format!("daily-operator-check-{}", std::process::id());
    let run = |before: &[&str], after: &[&str]| {
        let mut podman = Command::new("podman");
        podman.args(["run", "--rm"]).args(STRICT).arg(&name);
        podman.args(before).arg(tag).args(after);
        output(&mut podman)
    };
    let version = run(&[], &["--version"])?;
    let expected = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    if version.trim() != expected {
        return Err(ImageError::Check(format!(
            "--version must print {expected:?}, and it prints {:?}",
            version.trim()
        )));
    }
    match run(&["--entrypoint=/bin/sh"], &["-c", "true"]) {
        Err(ImageError::Failed { said, .. }) if said.contains("no such file") => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(ImageError::Check("the image has a shell".to_owned())),
    }
    let status = status_while_running(tag, &name)?;
    for line in [
        "Uid:\t65532\t65532\t65532\t65532",
        "CapEff:\t0000000000000000",
    ] {
        if !status.lines().any(|found| found == line) {
            return Err(ImageError::Check(format!(
                "/proc/PID/status of the running operator must have the line {line:?}:\n{status}"
            )));
        }
    }
    Ok(())
}

/// `/proc/PID/status` of the operator while it tries to reach an API server.
fn status_while_running(tag: &str, name: &str) -> Result<String, ImageError> {
    let kubeconfig = kubeconfig()?;
    let volume = format!("--volume={}:/kubeconfig:ro", kubeconfig.path().display());
    let mut podman = Command::new("podman");
    podman.args(["run", "--detach"]).args(STRICT).arg(name);
    podman.args([&volume, "--env=KUBECONFIG=/kubeconfig", tag]);
    output(&mut podman)?;
    let start = Instant::now();
    let found = loop {
        let args = ["inspect", "--format={{.State.Pid}}", name];
        let pid = output(&mut command(Path::new("."), "podman", &args))?;
        let status = fs::read_to_string(format!("/proc/{}/status", pid.trim()));
        match status {
            Ok(status) => break Ok(status),
            Err(_) if start.elapsed() < SOON => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => break Err(error),
        }
    };
    let logs = output(&mut command(Path::new("."), "podman", &["logs", name]));
    output(&mut command(
        Path::new("."),
        "podman",
        &["rm", "--force", name],
    ))?;
    found.map_err(|error| {
        let logs = logs.unwrap_or_default();
        ImageError::Check(format!(
            "the operator did not run in the image ({error}): {logs}"
        ))
    })
}

/// A kubeconfig for an API server that does not answer, so that the operator keeps retrying.
fn kubeconfig() -> Result<tempfile::NamedTempFile, ImageError> {
    use std::os::unix::fs::PermissionsExt;
    let text = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "none", "cluster": {
            "server": "https://127.0.0.1:1",
            "certificate-authority-data": authority()?,
        }}],
        "users": [{"name": "none", "user": {"token": "none"}}],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
        "current-context": "none",
    });
    let place = Path::new("a kubeconfig");
    let kubeconfig = tempfile::NamedTempFile::new().map_err(file(place, "created"))?;
    fs::write(kubeconfig.path(), text.to_string()).map_err(file(place, "written"))?;
    // The operator runs as another user in the container.
    fs::set_permissions(kubeconfig.path(), fs::Permissions::from_mode(0o644))
        .map_err(file(place, "written"))?;
    Ok(kubeconfig)
}

/// A CA certificate in the encoding of a kubeconfig. The image contains no CA files to fall back on.
fn authority() -> Result<String, ImageError> {
    let made = rcgen::generate_simple_self_signed(Vec::new());
    let made = made.map_err(|error| ImageError::Check(format!("no certificate: {error}")))?;
    Ok(BASE64.encode(made.cert.pem().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Value {
        let labels: serde_json::Map<_, _> = LABELS
            .into_iter()
            .map(|label| (format!("org.opencontainers.image.{label}"), json!("x")))
            .collect();
        json!({"config": {"User": USER, "Labels": labels}})
    }

    #[test]
    fn an_image_says_what_it_is_and_whom_it_runs_as() {
        assert_eq!(described(&config()), Ok(()));
        let mut root = config();
        root["config"]["User"] = json!("");
        assert!(described(&root).unwrap_err().contains(USER));
        for label in LABELS {
            let mut unlabelled = config();
            unlabelled["config"]["Labels"][format!("org.opencontainers.image.{label}")] =
                json!("unknown");
            assert!(described(&unlabelled).unwrap_err().contains(label));
        }
    }

    #[test]
    fn a_root_is_found_only_whole() {
        assert!(holds(b"xxabcxx", b"abc"));
        assert!(!holds(b"xxabxcx", b"abc"));
    }
}
