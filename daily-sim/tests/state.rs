//! The state file: what was acknowledged outlives the program, however it ends.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use daily_sim::{AccountConfig, Config, Sim, SimClient};
use serde_json::{Value, json};
use support::{KEY, NUMBER, Stage, eventually, ok, pin_of, text, two_accounts};

/// The program with a state file.
struct Program {
    child: Child,
    client: SimClient,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(state: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daily-sim"));
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--limits",
        "off",
        "--domain",
        "demo",
    ]);
    command.args(["--api-key", KEY, "--purchased-number", NUMBER]);
    command.arg("--state").arg(state).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The same where no file can grow beyond 4 KiB, as on a full disk.
fn on_a_full_disk(state: &Path) -> Command {
    let program = command(state, &[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""]);
    shell.arg(program.get_program()).args(program.get_args());
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

impl Program {
    fn start(state: &Path) -> Self {
        Self::spawn(command(state, &[]))
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("starts");
        let stdout = child.stdout.take().expect("is piped");
        let mut line = String::new();
        let said = BufReader::new(stdout).read_line(&mut line);
        said.expect("says something");
        let mut words = line.split_whitespace();
        let url = words.find(|word| word.starts_with("http://"));
        let origin = url
            .and_then(|url| url.strip_suffix("/v1"))
            .expect("says where");
        let client = SimClient::new(origin).expect("builds a client");
        Self { child, client }
    }

    /// SIGKILL: it has no time for anything.
    fn kill(&mut self) {
        self.child.kill().expect("is killed");
        self.child.wait().expect("ends");
    }
}

fn dialin_room(name: &str) -> Value {
    let in_a_day = jiff::Timestamp::now().as_second() + 86_400;
    json!({"name": name, "properties": {"exp": in_a_day, "dialin": {"display_name": "Caller"}}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_outlives_a_kill_in_the_middle_of_a_burst() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let state = folder.path().join("state");
    let mut program = Program::start(&state);
    let acknowledged: Arc<Mutex<HashMap<String, Value>>> = Arc::default();
    let burst: Vec<_> = (0..8)
        .map(|client| {
            let (api, told) = (program.client.api(KEY), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                for room in 0.. {
                    let name = format!("r-{client}-{room}");
                    let Ok(answer) = api.post("/rooms", &dialin_room(&name)).await else {
                        return;
                    };
                    // A connection may end in the middle of a body: then nothing was acknowledged.
                    if answer.status == 200 && answer.body["id"].is_string() {
                        told.lock().expect("is whole").insert(name, answer.body);
                    }
                }
            })
        })
        .collect();
    let count = || acknowledged.lock().expect("is whole").len();
    eventually(|| async { (count() >= 60).then_some(()) }).await;
    program.kill();
    for client in burst {
        client.await.expect("gives up");
    }
    let acknowledged = acknowledged.lock().expect("is whole").clone();
    let program = Program::start(&state);
    for (name, room) in &acknowledged {
        let kept = ok(program.client.api(KEY).get(&format!("/rooms/{name}")).await);
        assert_eq!(
            (&kept["id"], pin_of(&kept)),
            (&room["id"], pin_of(room)),
            "{name}"
        );
    }
    // At most one room of each client was made and not acknowledged.
    let list = ok(program.client.api(KEY).get("/rooms?limit=1").await);
    let kept = usize::try_from(list["total_count"].as_u64().expect("counts")).expect("fits");
    assert!(
        (acknowledged.len()..=acknowledged.len() + 8).contains(&kept),
        "{kept}"
    );
    let written = std::fs::read_to_string(&state).expect("reads");
    assert!(!written.contains(KEY));
}

/// What cannot be kept is not acknowledged, and what was is there after the restart.
#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let state = folder.path().join("state");
    let mut program = Program::spawn(on_a_full_disk(&state));
    let api = program.client.api(KEY);
    let mut made = Vec::new();
    let refusal = loop {
        let name = format!("r-{}", made.len());
        let answer = api
            .post("/rooms", &dialin_room(&name))
            .await
            .expect("is answered");
        match answer.status {
            200 => made.push(answer.body),
            _ => break answer,
        }
    };
    assert_eq!(
        (refusal.status, &refusal.body["error"]),
        (500, &json!("server-error"))
    );
    assert!(
        text(&refusal.body["info"]).contains("state file"),
        "{}",
        refusal.body
    );
    let deleted = api.delete("/rooms/r-0").await.expect("is answered");
    assert_eq!(deleted.status, 500, "nothing is written behind a torn line");
    program
        .client
        .dial(NUMBER)
        .await
        .expect_err("is refused as well");
    let count = ok(api.get("/rooms?limit=1").await)["total_count"].clone();
    assert!(!made.is_empty() && count == made.len(), "{count}");
    program.kill();
    let written = std::fs::read(&state).expect("reads");
    assert_ne!(written.last(), Some(&b'\n'), "the last line is torn");

    let program = Program::start(&state);
    let list = ok(program.client.api(KEY).get("/rooms").await);
    let kept = list["data"].as_array().expect("is a list");
    assert_eq!(kept.len(), made.len());
    assert!(made.iter().all(|room| kept.contains(room)));
}

impl Stage {
    /// Waits until the simulator before it has let the file go.
    async fn with_state(state: &Path) -> Self {
        let config = two_accounts().state(state);
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sim = eventually(|| async { Sim::start(config.clone()).await.ok() }).await;
        let phone = sim.client().expect("builds a client");
        let (api, other) = (phone.api(KEY), phone.api(support::OTHER_KEY));
        Self {
            sim,
            phone,
            api,
            other,
        }
    }

    /// A bit of everything that changes the world, with reads and refusals between.
    async fn live(&self) -> String {
        self.configure(NUMBER).await;
        let room = self.dialin_room("a", true).await;
        ok(self
            .api
            .post("/rooms/a", &json!({"properties": {"lang": "de"}}))
            .await);
        ok(self.other.post("/rooms", &json!({"name": "a"})).await);
        self.dialin_room("gone", false).await;
        ok(self.api.delete("/rooms/gone").await);
        ok(self.api.get("/rooms").await);
        let taken = self.api.post("/rooms", &json!({"name": "a"})).await;
        assert_eq!(taken.expect("is answered").status, 400);
        // A random name is drawn before this is refused.
        let refused = self
            .api
            .post("/rooms", &json!({"properties": {"exp": 1}}))
            .await;
        assert_eq!(refused.expect("is answered").status, 400);
        let dial = format!("{NUMBER},,{}", pin_of(&room));
        let first = self.phone.dial(&dial).await.expect("dials");
        self.phone.dial(&dial).await.expect("dials");
        self.phone.hang_up(&first.call_id).await.expect("hangs up");
        self.phone.join_in("demo", "a", "Ann").await.expect("joins");
        self.phone.join_in("demo", "a", "Bob").await.expect("joins");
        self.phone
            .leave_in("demo", "a", "Ann")
            .await
            .expect("leaves");
        self.advance(600).await;
        ok(self.api.post("/rooms", &json!({"name": "later"})).await);
        dial
    }

    /// All that can be seen.
    async fn seen(&self) -> Vec<Value> {
        let mut seen = vec![json!(self.phone.calls().await.expect("lists"))];
        for api in [&self.api, &self.other] {
            for path in [
                "/",
                "/rooms",
                "/domain-dialin-config",
                "/purchased-phone-numbers",
            ] {
                seen.push(ok(api.get(path).await));
            }
        }
        seen
    }

    /// What chance gives next.
    async fn next(&self) -> [String; 2] {
        let room = ok(self.api.post("/rooms", &dialin_room("next")).await);
        [text(&room["id"]), pin_of(&room)]
    }
}

#[tokio::test]
async fn everything_is_as_it_was_and_chance_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let state = folder.path().join("state");
    let stage = Stage::with_state(&state).await;
    let dial = stage.live().await;
    let seen = stage.seen().await;
    stage.sim.stop().await;

    let again = Stage::with_state(&state).await;
    assert_eq!(again.seen().await, seen);
    assert_eq!(
        again.phone.clock().await.expect("has one").ahead_seconds,
        600
    );
    let presence = again
        .phone
        .join_in("demo", "a", "Cid")
        .await
        .expect("joins");
    assert_eq!(
        (presence.people, presence.callers.len()),
        (vec!["Bob".into(), "Cid".into()], 1)
    );
    let third = again.phone.dial(&dial).await.expect("dials");
    assert_eq!(third.call_id, "call-3");

    // The same life without a restart: the seed of `two_accounts` makes it the same.
    let unbroken = Stage::new().await;
    unbroken.live().await;
    let joined = unbroken.phone.join_in("demo", "a", "Cid").await;
    joined.expect("joins");
    assert_eq!(again.next().await, unbroken.next().await);
    again.sim.stop().await;

    let seen = Stage::with_state(&state).await.seen().await;
    assert!(support::names(&seen[2]).contains(&"next".to_owned()));
}

/// A client that writes its key into a room has the room back, and the key is in no file.
#[tokio::test]
async fn no_key_is_ever_in_the_file() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let state = folder.path().join("state");
    let stage = Stage::with_state(&state).await;
    ok(stage.api.post("/rooms", &json!({"name": KEY})).await);
    ok(stage
        .api
        .post(
            &format!("/rooms/{KEY}"),
            &json!({"properties": {"lang": "de"}}),
        )
        .await);
    stage.phone.join(KEY, KEY).await.expect("joins");
    let room = ok(stage.api.get(&format!("/rooms/{KEY}")).await);
    stage.sim.stop().await;
    let written = std::fs::read_to_string(&state).expect("reads");
    assert!(
        !written.contains(KEY) && !written.to_lowercase().contains("bearer"),
        "{written}"
    );
    let again = Stage::with_state(&state).await;
    assert_eq!(ok(again.api.get(&format!("/rooms/{KEY}")).await), room);
    again.phone.leave(KEY, KEY).await.expect("leaves");
}

/// A call of the past has the time that it had then, not the one of the restart.
#[tokio::test]
async fn calls_are_replayed_with_their_time() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let state = folder.path().join("state");
    let stage = Stage::with_state(&state).await;
    ok(stage.api.post("/rooms", &json!({"name": "a"})).await);
    stage.sim.stop().await;
    let written = std::fs::read_to_string(&state).expect("reads");
    let earlier = written.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("is JSON");
        if line.get("at").is_some() {
            line["at"] = json!("2020-02-02T02:02:02.5Z");
        }
        format!("{line}\n")
    });
    std::fs::write(&state, earlier.collect::<String>()).expect("writes");
    let again = Stage::with_state(&state).await;
    let room = ok(again.api.get("/rooms/a").await);
    assert_eq!(room["created_at"], "2020-02-02T02:02:02.000Z");
}

#[tokio::test]
async fn a_room_whose_reply_was_lost_is_kept() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let state = folder.path().join("state");
    let stage = Stage::with_state(&state).await;
    let lost = daily_sim::FaultSpec::next("POST", "/rooms", daily_sim::FaultKind::ReplyLost);
    stage.phone.fault(&lost).await.expect("installs");
    let created = stage.api.post("/rooms", &json!({"name": "a"})).await;
    created.expect_err("no reply comes");
    let room = ok(stage.api.get("/rooms/a").await);
    stage.sim.stop().await;
    let again = Stage::with_state(&state).await;
    assert_eq!(ok(again.api.get("/rooms/a").await), room);
    // Faults and the journal are not kept.
    assert!(again.phone.faults().await.expect("lists").is_empty());
    assert_eq!(again.phone.journal(0).await.expect("is told").len(), 1);
}

/// Without `--seed` the program takes the one of the file, and says so when another is written.
#[tokio::test]
async fn it_refuses_a_file_of_others_with_a_sentence() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("makes a folder");
    let state = folder.path().join("state");
    let config = Config::single("demo", KEY, &[NUMBER]).seed(7).state(&state);
    let sim = Sim::start(config).await.expect("starts");
    let said = |more: &[&str]| {
        let output = command(&state, more).output().expect("runs");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(&[]).contains("in use"));
    sim.stop().await;
    eventually(|| async { said(&["--seed", "8"]).contains("--seed 7").then_some(()) }).await;
    let more = ["--account", "domain=more,key=k"];
    assert!(said(&more).contains("other accounts"));
    let other = AccountConfig::new("demo", &["another"], &[NUMBER]);
    let changed = Config::new(vec![other]).seed(7).state(&state);
    let error = Sim::start(changed).await.expect_err("must be refused");
    assert!(
        error.to_string().contains("same domains, keys and numbers"),
        "{error}"
    );
    let mut program = Program::start(&state);
    program.kill();
}
