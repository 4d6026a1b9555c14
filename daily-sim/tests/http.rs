//! What HTTP itself allows: methods, paths and content types.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use http::Method;
use serde_json::{Value, json};
use support::{KEY, Stage, names, ok};

impl Stage {
    /// A call of which the test decides all but the key.
    async fn raw(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("{}{path}", self.sim.base_url());
        reqwest::Client::new().request(method, url).bearer_auth(KEY)
    }
}

async fn sent(request: reqwest::RequestBuilder) -> reqwest::Response {
    request.send().await.expect("is answered")
}

/// F-ERR-16.
#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    for (path, status) in [
        ("/", 200),
        ("/rooms", 200),
        ("/rooms/a", 200),
        ("/rooms/b", 404),
    ] {
        let get = sent(stage.raw(Method::GET, path).await).await;
        let head = sent(stage.raw(Method::HEAD, path).await).await;
        assert_eq!(
            (head.status(), get.status().as_u16()),
            (get.status(), status)
        );
        for header in ["content-type", "content-length"] {
            assert_eq!(head.headers()[header], get.headers()[header], "{path}");
        }
        assert_eq!(head.text().await.expect("ends"), "");
        assert!(!get.text().await.expect("ends").is_empty());
    }
    let journal = stage.phone.journal(0).await.expect("is told");
    assert!(journal.iter().any(|call| call.method == "HEAD"));
}

/// F-ERR-18: in each call that names a room. What needs its percent sign keeps it.
#[tokio::test]
async fn a_character_that_needs_no_percent_sign_may_have_one() {
    let stage = Stage::new().await;
    let room = stage.room("a-1_b", json!({})).await;
    for path in ["/rooms/%61-1_b", "/rooms/a%2D1%5Fb", "/%72ooms/a%2d%31_b"] {
        assert_eq!(ok(stage.api.get(path).await), room, "{path}");
    }
    for path in [
        "/rooms/a%2F1_b",
        "/rooms/%",
        "/rooms/%6",
        "/rooms/%%61",
        "/rooms/%ä1",
    ] {
        let answer = sent(stage.raw(Method::GET, path).await).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    ok(stage.api.delete("/rooms/%61-1_b").await);
    assert!(names(&ok(stage.api.get("/rooms").await)).is_empty());
}

/// F-ERR-17.
#[tokio::test]
async fn a_body_that_is_not_called_json_is_read_ignored_or_refused() {
    for (name, value) in [
        ("content-type", "any"),
        ("content-type", "ignored"),
        ("content-type", "refused"),
    ] {
        let stage = Stage::with_quirk(name, value).await;
        for (n, kind) in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
        ]
        .into_iter()
        .enumerate()
        {
            let room = format!("a{n}");
            let body = json!({"name": room}).to_string();
            let mut request = stage.raw(Method::POST, "/rooms").await.body(body);
            if let Some(kind) = kind {
                request = request.header("content-type", kind);
            }
            let answer = sent(request).await;
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.expect("is JSON");
            match value {
                "any" => assert_eq!((status, &body["name"]), (200, &json!(room))),
                "ignored" => {
                    let random = body["name"].as_str().expect("has a name");
                    assert_eq!((status, random.len()), (200, 20), "as without a body");
                }
                _ => assert_eq!(
                    (status, &body["error"]),
                    (400, &json!("invalid-request-error"))
                ),
            }
        }
        let json = "Application/JSON; charset=utf-8";
        let request = stage.raw(Method::POST, "/rooms").await;
        let request = request
            .header("content-type", json)
            .body(r#"{"name": "b"}"#);
        let body: Value = sent(request).await.json().await.expect("is JSON");
        assert_eq!(body["name"], "b", "{value}");
        ok(stage.api.get("/rooms").await);
    }
}
