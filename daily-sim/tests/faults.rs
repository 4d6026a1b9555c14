//! Faults on the wire, as an HTTP client meets them, and which calls they hit.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use daily_sim::{FaultKind, FaultSpec, JournalEntry};
use reqwest::Response;
use serde_json::{Value, json};
use support::{KEY, Stage, names, ok};

impl Stage {
    /// Installs a fault as JSON has it, and answers the status and the body.
    async fn install(&self, fault: Value) -> (u16, Value) {
        let url = format!("{}/sim/faults", self.sim.origin());
        let answer = reqwest::Client::new().post(url).json(&fault).send().await;
        let answer = answer.expect("is answered");
        let status = answer.status().as_u16();
        (status, answer.json().await.expect("is JSON"))
    }

    /// Lets the next POST /rooms meet this kind of fault, and creates the room `a`.
    async fn create_under(&self, kind: Value) -> reqwest::Result<Response> {
        let fault = json!({"match": {"method": "POST", "path": "/rooms"}, "kind": kind});
        assert_eq!(self.install(fault).await.0, 200);
        let request = reqwest::Client::new().post(format!("{}/rooms", self.sim.base_url()));
        let request = request.bearer_auth(KEY).json(&json!({"name": "a"}));
        request.send().await
    }

    async fn last_entry(&self) -> JournalEntry {
        let journal = self.phone.journal(0).await.expect("is told");
        journal.last().expect("has an entry").clone()
    }

    /// The room `a` was made, and the journal says so under this kind of fault.
    async fn made_under(&self, kind: &str) {
        let entry = self.last_entry().await;
        assert_eq!((entry.status, entry.fault.as_deref()), (200, Some(kind)));
        let room = ok(self.api.get("/rooms/a").await);
        assert_eq!(entry.room_id.as_deref(), room["id"].as_str());
    }
}

fn content_type(response: &Response) -> &str {
    let value = response.headers().get("content-type");
    value.map_or("", |value| value.to_str().expect("is text"))
}

fn is_reset(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionReset)
        || error.source().is_some_and(is_reset)
}

#[tokio::test]
async fn a_connection_is_reset_in_the_middle_of_a_body() {
    let stage = Stage::new().await;
    let answer = stage.create_under(json!({"resetMidBody": true})).await;
    let mut answer = answer.expect("has a head");
    assert_eq!(
        (answer.status().as_u16(), content_type(&answer)),
        (200, "application/json")
    );
    let length = answer.content_length().expect("says how long it is");
    let mut got = 0;
    let error = loop {
        match answer.chunk().await {
            Ok(part) => got += part.expect("does not end by itself").len() as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(got, length / 2);
    assert!(is_reset(&error), "{error:?}");
    stage.made_under("resetMidBody").await;
}

#[tokio::test]
async fn a_slow_body_takes_its_time_and_is_whole() {
    let stage = Stage::new().await;
    let (over, started) = (Duration::from_millis(300), Instant::now());
    let answer = stage.create_under(json!({"slowBody": "300ms"})).await;
    let room: Value = (answer.expect("has a head").json().await).expect("is whole");
    assert!(started.elapsed() >= over);
    assert_eq!(room["name"], "a");
    stage.made_under("slowBody").await;
}

/// A client that gives up in the middle of a slow body stops nothing.
#[tokio::test]
async fn a_slow_body_trickles_and_who_does_not_wait_for_it_stops_nothing() {
    let stage = Stage::new().await;
    let answer = stage.create_under(json!({"slowBody": "20s"})).await;
    let mut answer = answer.expect("has a head");
    let length = answer.content_length().expect("says how long it is");
    let piece = answer.chunk().await.expect("is read").expect("is a piece");
    assert!(
        (1..length).contains(&(piece.len() as u64)),
        "{}",
        piece.len()
    );
    drop(answer);
    stage.made_under("slowBody").await;
}

#[tokio::test]
async fn json_comes_under_another_content_type() {
    let stage = Stage::new().await;
    let answer = stage
        .create_under(json!({"wrongContentType": "text/html"}))
        .await;
    let answer = answer.expect("is answered");
    assert_eq!(
        (answer.status().as_u16(), content_type(&answer)),
        (200, "text/html")
    );
    let room: Value = answer.json().await.expect("is JSON all the same");
    assert_eq!(room["name"], "a");
    stage.made_under("wrongContentType").await;
}

#[tokio::test]
async fn a_proxy_answers_in_html() {
    let stage = Stage::new().await;
    let page = "<h1>502 Bad Gateway</h1>";
    let kind = json!({"status": 502, "body": page, "headers": {"Content-Type": "text/html"}});
    let answer = stage.create_under(kind).await.expect("is answered");
    assert_eq!(
        (answer.status().as_u16(), content_type(&answer)),
        (502, "text/html")
    );
    assert_eq!(answer.text().await.expect("is text"), page);
    assert_eq!(stage.last_entry().await.room_ids, Vec::<String>::new());
    assert_eq!(
        stage.api.get("/rooms/a").await.expect("is answered").status,
        404
    );
    // Without such a header a string is JSON like anything else.
    let kind = json!({"status": 502, "body": page});
    let answer = stage.create_under(kind).await.expect("is answered");
    assert_eq!(content_type(&answer), "application/json");
    assert_eq!(answer.json::<String>().await.expect("is JSON"), page);
}

/// F-ROOM-14 would be wrong of such a page: the count says that more was to come.
#[tokio::test]
async fn a_listing_is_cut_short_behind_its_count() {
    let stage = Stage::new().await;
    for name in ["a", "b", "c", "d"] {
        ok(stage.api.post("/rooms", &json!({"name": name})).await);
    }
    let whole = ok(stage.api.get("/rooms").await);
    let kind = FaultKind::TruncatedListing(3);
    let fault = FaultSpec::next("GET", "/rooms", kind);
    stage.phone.fault(&fault).await.expect("installs");
    let cut = ok(stage.api.get("/rooms").await);
    assert_eq!(names(&cut), names(&whole)[..3]);
    assert_eq!(cut["total_count"], 4);
}

#[tokio::test]
async fn a_success_comes_without_a_body_and_a_refusal_with_one() {
    let stage = Stage::new().await;
    let answer = stage.create_under(json!({"emptyOk": true})).await;
    let answer = answer.expect("is answered");
    assert_eq!(
        (answer.status().as_u16(), answer.content_length()),
        (200, Some(0))
    );
    stage.made_under("emptyOk").await;
    let again = stage.create_under(json!({"emptyOk": true})).await;
    let again = again.expect("is answered");
    assert_eq!(again.status(), 400);
    let refusal: Value = again.json().await.expect("is JSON");
    assert_eq!(refusal["error"], "invalid-request-error");
}

#[tokio::test]
async fn a_star_stands_for_one_segment() {
    let stage = Stage::new().await;
    let fault = json!({
        "match": {"path": "/rooms/*/presence"}, "times": 0, "kind": {"status": 503}
    });
    assert_eq!(stage.install(fault).await.0, 200);
    let mut statuses = Vec::new();
    for path in [
        "/rooms/x/presence",
        "/rooms/y/presence",
        "/rooms/x",
        "/rooms/x/y/presence",
    ] {
        statuses.push(stage.api.get(path).await.expect("is answered").status);
    }
    assert_eq!(statuses, [503, 503, 404, 404]);
}

#[tokio::test]
async fn chance_hits_the_same_calls_in_each_run() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let stage = Stage::new().await;
        let fault = json!({"times": 0, "chance": 0.5, "seed": 7, "kind": {"status": 503}});
        assert_eq!(stage.install(fault).await.0, 200);
        let mut hits = Vec::new();
        for _ in 0..32 {
            hits.push(stage.api.get("/").await.expect("is answered").status == 503);
        }
        runs.push(hits);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&true) && runs[0].contains(&false));
}

#[tokio::test]
async fn a_fault_that_cannot_be_is_refused_with_what_to_write() {
    let stage = Stage::new().await;
    let lost = json!({"replyLost": true});
    for (fault, part) in [
        (json!({"kind": lost, "chance": 2}), "like 0.1"),
        (json!({"kind": lost, "seed": 2}), "\"chance\": 0.1"),
        (
            json!({"kind": lost, "match": {"path": "rooms"}}),
            "like /rooms",
        ),
        (json!({"kind": {"slowBody": "soon"}}), "like 500ms"),
        (
            json!({"kind": {"resetMidBody": 1}}),
            "{\"resetMidBody\": true}",
        ),
        (
            json!({"kind": {"wrongContentType": "a\nb"}}),
            "like text/html",
        ),
        (
            json!({"kind": {"status": 503, "headers": ["a"]}}),
            "Retry-After",
        ),
    ] {
        let (status, body) = stage.install(fault).await;
        let said = body["error"].as_str().expect("is a sentence");
        assert!(status == 400 && said.contains(part), "{said}");
    }
}
