//! A control plane starts, works, and leaves nothing behind.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use testbed::cluster::ClusterError;
use testbed::process::ProcessError;
use testbed::wait::WaitError;
use testbed::{ControlPlane, Look, Supervised, eventually};

/// How long a controller may take.
const SOON: Duration = Duration::from_secs(60);
/// Set for the process that [`children_end_with_a_killed_parent`] kills.
const PARENT_OF: &str = "TESTBED_PARENT_OF";

/// All checks share one control plane, because a start takes seconds.
#[tokio::test]
async fn a_control_plane_works_and_leaves_nothing_behind() {
    let plane = ControlPlane::start().await.unwrap();
    let folder = plane.folder().to_owned();
    let running = programs_in(&folder);
    for program in ["etcd", "kube-apiserver", "kube-controller-manager", "sh"] {
        assert!(running.contains(program), "{running:?}");
    }
    kubectl_accepts_the_version(&plane).await;
    namespaces_come_and_go(&plane).await;
    what_an_owner_leaves_is_collected(&plane).await;
    a_token_has_the_rights_of_its_account(&plane).await;
    plane.stop().await;
    assert_eq!(programs_in(&folder), BTreeSet::new(), "a process is left");
    assert!(!folder.exists(), "the folder is left");
}

async fn kubectl_accepts_the_version(plane: &ControlPlane) {
    let versions = plane
        .cluster()
        .json(&["version", "--output=json"])
        .await
        .unwrap();
    for side in ["clientVersion", "serverVersion"] {
        assert_eq!(versions[side]["major"], "1", "{versions}");
    }
}

async fn namespaces_come_and_go(plane: &ControlPlane) {
    plane
        .cluster()
        .run(&["create", "namespace", "passing"])
        .await
        .unwrap();
    plane
        .cluster()
        .run(&["delete", "namespace", "passing", "--timeout=60s"])
        .await
        .unwrap();
    eventually("the deletion in the audit log", SOON, async || {
        let events = plane.audit_events()?;
        let deleted = |event: &&testbed::audit::AuditEvent| {
            (&*event.verb, &*event.resource, &*event.name) == ("delete", "namespaces", "passing")
        };
        Ok::<_, std::io::Error>(match events.iter().find(deleted) {
            Some(event) => {
                assert_eq!((&*event.user, event.code), ("admin", 200));
                Look::Done(())
            }
            None => Look::NotYet(format!("{} other requests", events.len())),
        })
    })
    .await
    .unwrap();
}

async fn what_an_owner_leaves_is_collected(plane: &ControlPlane) {
    let cluster = plane.cluster();
    cluster
        .run(&["create", "configmap", "owner"])
        .await
        .unwrap();
    let owner = cluster
        .json(&["get", "configmap", "owner", "--output=json"])
        .await
        .unwrap();
    let uid = owner["metadata"]["uid"].as_str().unwrap();
    let manifest = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: owned\n  \
         ownerReferences: [{{apiVersion: v1, kind: ConfigMap, name: owner, uid: {uid}}}]\n"
    );
    cluster.apply_in("default", &manifest).await.unwrap();
    cluster
        .run(&["delete", "configmap", "owner"])
        .await
        .unwrap();
    eventually("the owned ConfigMap is gone", SOON, async || {
        let args = [
            "get",
            "configmap",
            "owned",
            "--ignore-not-found",
            "--output=name",
        ];
        let left = cluster.run(&args).await?;
        Ok::<_, ClusterError>(if left.is_empty() {
            Look::Done(())
        } else {
            Look::NotYet(left)
        })
    })
    .await
    .unwrap();
}

async fn a_token_has_the_rights_of_its_account(plane: &ControlPlane) {
    let path = plane.folder().join("account");
    let admin = plane.cluster();
    admin
        .service_account_kubeconfig("default", "default", &path)
        .await
        .unwrap();
    let account = admin.with_kubeconfig(&path);
    let who = account.run(&["auth", "whoami"]).await.unwrap();
    assert!(
        who.contains("system:serviceaccount:default:default"),
        "{who}"
    );
    let refused = account.run(&["get", "secrets"]).await.unwrap_err();
    assert!(refused.to_string().contains("forbidden"), "{refused}");
}

/// The programs of the processes whose command line names the folder.
fn programs_in(folder: &Path) -> BTreeSet<String> {
    let folder = folder.to_str().unwrap();
    let program = |process: std::io::Result<DirEntry>| {
        // The process may have ended in the meantime.
        let line = std::fs::read(process.unwrap().path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let program = line.split('\0').next()?;
        let name = Path::new(program).file_name()?.to_str()?;
        line.contains(folder).then(|| name.to_owned())
    };
    let processes = std::fs::read_dir("/proc").unwrap();
    processes.filter_map(program).collect()
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[tokio::test]
async fn a_child_that_ends_is_told_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut child =
        Supervised::start("the child", &shell("echo no port >&2; exit 3"), &log).unwrap();
    let ended = eventually("the child ends", SOON, async || {
        Ok(child.running().map_or_else(
            |error| Look::Done(error.to_string()),
            |()| Look::NotYet(String::new()),
        ))
    });
    let error = ended
        .await
        .map_err(|error: WaitError<ProcessError>| error)
        .unwrap();
    assert!(
        error.contains("the child ended by itself (exit status: 3)"),
        "{error}"
    );
    assert!(error.ends_with("no port"), "{error}");
}

#[tokio::test]
async fn a_child_can_be_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = "trap 'echo bye; exit 7' TERM; echo hello; while :; do sleep 0.05; done";
    let mut child = Supervised::start("the child", &shell(script), &log).unwrap();
    eventually("the child listens to signals", SOON, async || {
        child.running()?;
        Ok::<_, ProcessError>(match child.tail().as_str() {
            "hello" => Look::Done(()),
            other => Look::NotYet(other.to_owned()),
        })
    })
    .await
    .unwrap();
    let status = child.terminate(SOON).await.unwrap();
    assert_eq!(
        (status.code(), child.tail().as_str()),
        (Some(7), "hello\nbye")
    );
}

/// Runs this test binary as a parent with a child, and kills the parent.
#[tokio::test]
async fn children_end_with_a_killed_parent() {
    if let Some(folder) = std::env::var_os(PARENT_OF) {
        return be_a_parent(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "children_end_with_a_killed_parent",
            "--nocapture",
        ])
        .env(PARENT_OF, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("the child runs")));
    eventually(
        "the child and its supervisor run",
        SOON,
        running(folder.path(), &["sh", "tail"]),
    )
    .await
    .unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually("neither runs", SOON, running(folder.path(), &[]))
        .await
        .unwrap();
}

fn running(
    folder: &Path,
    wanted: &[&str],
) -> impl AsyncFnMut() -> Result<Look<()>, std::io::Error> {
    async move || {
        let running = programs_in(folder);
        Ok(if running.iter().eq(wanted) {
            Look::Done(())
        } else {
            Look::NotYet(format!("{running:?}"))
        })
    }
}

fn be_a_parent(folder: &Path) {
    let mut child = Command::new("tail");
    child.arg("-f").arg(folder.join("log"));
    let _child = Supervised::start("the child", &child, &folder.join("log")).unwrap();
    println!("the child runs");
    // The test kills this process. The sleep bounds its lifetime if the test fails first.
    std::thread::sleep(SOON);
}
