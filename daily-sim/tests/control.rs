//! The simulator's own endpoints: journal, clock, faults, health.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::time::{Duration, Instant};

use daily_sim::{FaultKind, FaultSpec};
use http::Method;
use serde_json::{Value, json};
use support::{KEY, OTHER_KEY, Stage, eventually, ok, text};

impl Stage {
    async fn install(&self, fault: &FaultSpec) {
        self.phone.fault(fault).await.expect("installs");
    }

    async fn exists(&self, room: &str) -> bool {
        self.api
            .get(&format!("/rooms/{room}"))
            .await
            .expect("is answered")
            .status
            == 200
    }

    async fn create(&self, room: &str) -> Result<daily_sim::ApiAnswer, daily_sim::ClientError> {
        self.api.post("/rooms", &json!({"name": room})).await
    }

    async fn post_sim(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/sim{path}", self.sim.origin());
        let response = reqwest::Client::new()
            .post(url)
            .json(body)
            .send()
            .await
            .expect("is answered");
        (
            response.status().as_u16(),
            response.json().await.expect("is JSON"),
        )
    }
}

#[tokio::test]
async fn the_journal_tells_every_call_in_order() {
    let stage = Stage::new().await;
    let room = ok(stage.create("a").await);
    ok(stage.api.get("/rooms?limit=1").await);
    ok(stage.api.delete("/rooms/a").await);
    stage
        .phone
        .api("wrong")
        .get("/")
        .await
        .expect("is answered");
    let journal = stage.phone.journal(0).await.expect("is told");
    let told: Vec<_> = (journal.iter())
        .map(|entry| {
            (
                entry.seq,
                entry.method.as_str(),
                entry.path.as_str(),
                entry.status,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "POST", "/rooms", 200),
            (2, "GET", "/rooms", 200),
            (3, "DELETE", "/rooms/a", 200),
            (4, "GET", "/", 401),
        ]
    );
    let id = Some(text(&room["id"]));
    assert_eq!(
        (
            &journal[0].room_id,
            &journal[1].room_id,
            &journal[2].room_id
        ),
        (&id, &None, &id)
    );
    assert_eq!(journal[0].body, Some(json!({"name": "a"})));
    assert_eq!(
        (journal[1].query.as_deref(), &journal[1].body),
        (Some("limit=1"), &None)
    );
    assert_eq!(
        (journal[0].account.as_deref(), &journal[3].account),
        (Some("demo"), &None)
    );
    assert_eq!(stage.phone.journal(2).await.expect("is told"), journal[2..]);
}

#[tokio::test]
async fn no_key_is_ever_in_the_journal() {
    let stage = Stage::new().await;
    let _ = stage
        .api
        .post("/rooms", &json!({"name": KEY, OTHER_KEY: [{"deep": KEY}]}))
        .await;
    let _ = stage
        .api
        .get(&format!("/rooms/{KEY}?key={OTHER_KEY}"))
        .await;
    let url = format!("{}/sim/journal", stage.sim.origin());
    let told = reqwest::get(url)
        .await
        .expect("is answered")
        .text()
        .await
        .expect("is text");
    assert!(!told.contains(KEY) && !told.contains(OTHER_KEY), "{told}");
    assert!(!told.to_lowercase().contains("bearer"), "{told}");
    assert_eq!(told.matches("[redacted]").count(), 5);
}

/// F-ROOM-1, F-ROOM-17: the clock is the one that rooms are made and ended by.
#[tokio::test]
async fn the_clock_goes_forward() {
    let stage = Stage::new().await;
    let before = stage.now().await;
    let view = stage
        .phone
        .advance(Duration::from_secs(86_400))
        .await
        .expect("advances");
    assert_eq!(view.ahead_seconds, 86_400);
    let room = ok(stage.create("a").await);
    let created: jiff::Timestamp = text(&room["created_at"]).parse().expect("is a time");
    assert!(created.as_second() >= before + 86_400);
    for bad in [
        json!({"advance": "-1h"}),
        json!({"advance": "later"}),
        json!({"advance": "1h", "by": 1}),
    ] {
        let (status, body) = stage.post_sim("/clock", &bad).await;
        assert!(status == 400 && text(&body["error"]).len() > 20, "{body}");
    }
}

#[tokio::test]
async fn unknown_keys_and_paths_are_refused_with_a_sentence() {
    let stage = Stage::new().await;
    for (path, body) in [
        ("/dial", json!({"dialString": "+12025550123", "loud": true})),
        ("/rooms/a/join", json!({"userName": "Ann", "role": "owner"})),
        (
            "/faults",
            json!({"kind": {"replyLost": true}, "path": "/rooms"}),
        ),
        ("/faults", json!({"kind": {"explode": true}})),
        (
            "/faults",
            json!({"kind": {"status": 500, "headers": {"a b": "c"}}}),
        ),
        ("/nothing", json!({})),
        ("/journal", json!({})),
    ] {
        let (status, body) = stage.post_sim(path, &body).await;
        assert!(
            [400, 404].contains(&status) && text(&body["error"]).contains(' '),
            "{path} {body}"
        );
    }
    let health = reqwest::get(format!("{}/sim/healthz", stage.sim.origin())).await;
    assert_eq!(health.expect("is answered").status(), 200);
}

#[tokio::test]
async fn a_status_fault_answers_instead_of_the_work() {
    let stage = Stage::new().await;
    let spec = json!({
        "match": {"method": "POST", "path": "/rooms"}, "skip": 1, "times": 2,
        "kind": {"status": 503, "body": {"error": "server-error"}, "headers": {"Retry-After": "1"}}
    });
    assert_eq!(stage.post_sim("/faults", &spec).await.0, 200);
    let mut statuses = Vec::new();
    for room in ["a", "b", "c", "d"] {
        statuses.push(stage.create(room).await.expect("is answered").status);
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    assert!(stage.exists("a").await && !stage.exists("b").await && stage.exists("d").await);
    let journal = stage.phone.journal(1).await.expect("is told");
    assert_eq!(
        (journal[0].status, journal[0].fault.as_deref()),
        (503, Some("status"))
    );
    let view = stage.phone.faults().await.expect("lists").remove(0);
    assert_eq!((view.skipped, view.applied), (1, 2));
}

#[tokio::test]
async fn a_lost_reply_leaves_the_work_done() {
    let stage = Stage::new().await;
    stage
        .install(&FaultSpec::next("POST", "/rooms", FaultKind::ReplyLost))
        .await;
    stage.create("a").await.expect_err("no reply comes");
    assert!(stage.exists("a").await);
    let journal = stage.phone.journal(0).await.expect("is told");
    assert_eq!(
        (journal[0].status, journal[0].fault.as_deref()),
        (200, Some("replyLost"))
    );
    assert!(journal[0].room_id.is_some());
}

#[tokio::test]
async fn a_call_can_be_executed_after_the_client_gave_up() {
    let stage = Stage::new().await;
    let later = FaultKind::ExecuteAfter(Duration::from_millis(500));
    let started = Instant::now();
    stage
        .install(&FaultSpec::next("POST", "/rooms", later))
        .await;
    stage.create("a").await.expect_err("no reply comes");
    assert!(!stage.exists("a").await || started.elapsed() >= Duration::from_millis(500));
    eventually(|| async { stage.exists("a").await.then_some(()) }).await;
    assert!(started.elapsed() >= Duration::from_millis(500));
    let journal = stage.phone.journal(0).await.expect("is told");
    assert!(
        journal
            .iter()
            .any(|entry| entry.fault.as_deref() == Some("executeAfter"))
    );
}

#[tokio::test]
async fn a_reply_can_be_held_until_it_is_released() {
    let stage = Stage::new().await;
    stage
        .install(&FaultSpec::next(
            "POST",
            "/rooms",
            FaultKind::Hold("gate".into()),
        ))
        .await;
    let api = stage.api.clone();
    let create = tokio::spawn(async move { api.post("/rooms", &json!({"name": "a"})).await });
    eventually(|| async {
        let view = stage.phone.faults().await.expect("lists").remove(0);
        (view.held == 1).then_some(())
    })
    .await;
    assert!(stage.exists("a").await && !create.is_finished());
    assert_eq!(stage.phone.release("another").await.expect("releases"), 0);
    assert_eq!(stage.phone.release("gate").await.expect("releases"), 1);
    ok(create.await.expect("ends"));
}

#[tokio::test]
async fn clearing_the_faults_releases_what_they_hold() {
    let stage = Stage::new().await;
    stage
        .install(&FaultSpec::next(
            "POST",
            "/rooms",
            FaultKind::Hold("gate".into()),
        ))
        .await;
    let api = stage.api.clone();
    let create = tokio::spawn(async move { api.post("/rooms", &json!({"name": "a"})).await });
    eventually(|| async { stage.exists("a").await.then_some(()) }).await;
    stage.phone.clear_faults().await.expect("clears");
    ok(create.await.expect("ends"));
    assert!(stage.phone.faults().await.expect("lists").is_empty());
}

#[tokio::test]
async fn latency_delays_a_reply_and_a_client_that_gives_up_stops_nothing() {
    let stage = Stage::new().await;
    let latency = Duration::from_millis(300);
    let spec = FaultSpec::next("POST", "/rooms", FaultKind::Latency(latency)).times(2);
    stage.install(&spec).await;
    let started = Instant::now();
    ok(stage.create("a").await);
    assert!(started.elapsed() >= latency);
    let api = stage.api.clone();
    let client = tokio::spawn(async move { api.post("/rooms", &json!({"name": "b"})).await });
    eventually(|| async {
        let view = stage.phone.faults().await.expect("lists").remove(0);
        (view.applied == 2).then_some(())
    })
    .await;
    client.abort();
    eventually(|| async { stage.exists("b").await.then_some(()) }).await;
}

/// F-PIN-10: how a listing without `dialin_code` would look.
#[tokio::test]
async fn a_key_can_be_dropped_from_the_configs_of_a_reply() {
    let stage = Stage::new().await;
    stage.dialin_room("a", true).await;
    let spec = FaultSpec::next("GET", "/rooms*", FaultKind::Drop("dialin_code".into())).times(2);
    stage.install(&spec).await;
    let list = ok(stage.api.get("/rooms").await);
    assert_eq!(list["data"][0]["config"].get("dialin_code"), None);
    assert_eq!(
        ok(stage.api.get("/rooms/a").await)["config"].get("dialin_code"),
        None
    );
    let intact = ok(stage.api.call(Method::GET, "/rooms/a", None).await);
    assert!(intact["config"].get("dialin_code").is_some());
}

/// What is stopped or dropped answers no more.
#[tokio::test]
async fn a_simulator_stops() {
    let stage = Stage::new().await;
    let addr = stage.sim.addr();
    stage.sim.stop().await;
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}
