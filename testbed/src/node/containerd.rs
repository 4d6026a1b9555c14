//! containerd, which runs the containers and stores the images.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::command::{run, run_under};
use super::error::{NodeError, file};
use super::home::Home;
use super::machine::Machine;
use super::needs::CNI;
use crate::process::{ProcessError, Supervised};
use crate::wait::{Look, eventually};

/// The socket of containerd in the node.
pub(super) const SOCKET: &str = "/run/containerd/containerd.sock";
/// The image of the first process of every pod.
const PAUSE_IMAGE: &str = "testbed.invalid/pause:1";
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Starts containerd and waits until it answers.
pub(super) async fn start(
    home: &Home,
    machine: &Machine,
    pause: &Path,
) -> Result<Supervised, NodeError> {
    let networks = home.subfolder("cni")?;
    home.write("cni/10-testbed.conflist", &network())?;
    let config = home.write("containerd.toml", &config(&networks))?;
    let mut command = Command::new("containerd");
    command.arg("--config").arg(&config);
    let log = home.path().join("containerd.log");
    let mut process = Supervised::start_under(&machine.launcher(), "containerd", &command, &log)?;
    let launcher = machine.launcher();
    let ready = eventually("containerd answers", READY_WITHIN, async || {
        process.running()?;
        let answer = run_under(&launcher, &["ctr", "--address", SOCKET, "version"]).await;
        Ok::<_, ProcessError>(match answer {
            Ok(_) => Look::Done(()),
            Err(error) => Look::NotYet(error.to_string()),
        })
    });
    ready.await.map_err(|source| NodeError::NotReady {
        part: "containerd",
        tail: process.tail(),
        source: Box::new(source),
    })?;
    let archive = pause_image(home, pause).await?;
    import(machine, &archive).await?;
    Ok(process)
}

/// Imports the images of an archive from `docker save` or `podman save`.
pub(super) async fn import(machine: &Machine, archive: &Path) -> Result<String, NodeError> {
    let archive = archive.display().to_string();
    let words = [
        "ctr",
        "--address",
        SOCKET,
        "--namespace=k8s.io",
        "images",
        "import",
        &archive,
    ];
    run_under(&machine.launcher(), &words).await
}

/// Disables AppArmor, which needs a profile on this machine, and restricts OOM scores to values that this
/// user may set.
fn config(networks: &Path) -> String {
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# What other runs of containerd on this machine offer is not wanted.
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE_IMAGE}"
disable_apparmor = true
restrict_oom_score_adj = true
disable_tcp_service = true

[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{CNI}"
conf_dir = "{networks}"
"#,
        networks = networks.display()
    )
}

/// Gives each pod a point-to-point link instead of a bridge. Packets between pods then always pass the rules
/// of kube-proxy, without a kernel module that applies them to bridges.
fn network() -> String {
    let ranges = json!([[{"subnet": "10.244.0.0/24"}]]);
    json!({
        "cniVersion": "0.4.0",
        "name": "testbed",
        "plugins": [{
            "type": "ptp",
            "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "ranges": ranges,
                "routes": [{"dst": "0.0.0.0/0"}],
                // In /run, so that a reboot frees all addresses.
                "dataDir": "/run/cni/networks",
            },
        }],
    })
    .to_string()
}

/// Writes an archive with an image that contains only this program.
async fn pause_image(home: &Home, pause: &Path) -> Result<std::path::PathBuf, NodeError> {
    let folder = home.subfolder("pause")?;
    let program = folder.join("pause");
    std::fs::copy(pause, &program).map_err(file(&program, "written"))?;
    let path = |name: &str| folder.join(name).display().to_string();
    let (place, layer) = (folder.display().to_string(), path("layer.tar"));
    run(&["tar", "-C", &place, "-cf", &layer, "pause"]).await?;
    let bytes = std::fs::read(&layer).map_err(file(Path::new(&layer), "read"))?;
    let digest = Sha256::digest(&bytes);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let config = json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    });
    let manifest =
        json!([{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]);
    home.write("pause/config.json", &config.to_string())?;
    home.write("pause/manifest.json", &manifest.to_string())?;
    let archive = path("image.tar");
    let names = ["config.json", "manifest.json", "layer.tar"];
    let words = [&["tar", "-C", &place, "-cf", &archive][..], &names].concat();
    run(&words).await?;
    Ok(archive.into())
}

/// The architecture in the notation of images.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}
