//! Watches over an API server that answers as a test says.

use std::collections::VecDeque;

use http::{Response, StatusCode};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::*;

/// One answer of the API server.
enum Answer {
    Json(u16, Value),
    /// A watch that sends these events and stays open.
    Open(Vec<Value>),
    /// A watch that sends these events and is closed.
    Closed(Vec<Value>),
    /// A list that breaks off.
    Broken,
}

/// What was asked, as `list` or `watch VERSION`.
type Asked = Arc<Mutex<Vec<String>>>;

/// An API server that answers one call after the other so, and then none.
fn api_server(answers: Vec<Answer>) -> (Client, Asked) {
    let asked = Asked::default();
    let (log, answers) = (
        Arc::clone(&asked),
        Arc::new(Mutex::new(VecDeque::from(answers))),
    );
    let service = tower::service_fn(move |request: Request<Body>| {
        let query = request.uri().query().unwrap_or_default();
        let version = query
            .split('&')
            .find_map(|it| it.strip_prefix("resourceVersion="));
        log.lock().push(match query.contains("watch=true") {
            true => format!("watch {}", version.unwrap_or_default()),
            false => "list".to_owned(),
        });
        let next = answers.lock().pop_front();
        async move {
            match next {
                Some(Answer::Json(code, body)) => {
                    let mut answer = Response::new(axum::body::Body::from(body.to_string()));
                    *answer.status_mut() = StatusCode::from_u16(code).unwrap();
                    Ok::<_, kube::Error>(answer)
                }
                Some(Answer::Broken) => Ok(Response::new(axum::body::Body::from("{\"items\": ["))),
                Some(Answer::Closed(events)) => {
                    Ok(Response::new(axum::body::Body::from(lines(&events))))
                }
                Some(Answer::Open(events)) => {
                    let lines = lines(&events);
                    let first = futures::stream::once(async move { Ok::<_, kube::Error>(lines) });
                    let lines = first.chain(futures::stream::pending());
                    Ok(Response::new(axum::body::Body::from_stream(lines)))
                }
                None => std::future::pending().await,
            }
        }
    });
    (Client::new(service, "default"), asked)
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|it| format!("{it}\n")).collect()
}

fn listed(version: &str) -> Answer {
    let list = json!({"apiVersion": "v1", "kind": "ConfigMapList", "items": [],
        "metadata": {"resourceVersion": version}});
    Answer::Json(200, list)
}

fn status(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "no", "reason": "Because", "code": code})
}

fn refused(code: u16) -> Answer {
    Answer::Json(code, status(code))
}

fn config_map(version: &str) -> Value {
    json!({"type": "ADDED", "object": {"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "x", "namespace": "team", "resourceVersion": version}}})
}

fn error_event(code: u16) -> Value {
    json!({"type": "ERROR", "object": status(code)})
}

/// What a watch of ConfigMaps in the namespace `team` makes of these answers, until the object is
/// there: what was asked, and how long it took.
async fn watched(answers: Vec<Answer>) -> (Vec<String>, Duration, Watches) {
    let (client, asked) = api_server(answers);
    let watches = Watches::default();
    let start = Instant::now();
    let events = watch::<ConfigMap>(&client, Some("team"), Api::all, Config::default(), &watches);
    let mut events = std::pin::pin!(events);
    let arrived = async {
        while let Some(event) = events.next().await {
            if matches!(event, Ok(Event::Apply(_))) {
                return;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), arrived).await;
    assert!(in_time.is_ok(), "{:?}", asked.lock());
    let asked = asked.lock().clone();
    (asked, start.elapsed(), watches)
}

/// The API server says so in two ways: as an event, and as the answer itself.
#[tokio::test]
async fn a_version_that_is_known_no_more_is_listed_again_at_once() {
    for expired in [Answer::Open(vec![error_event(410)]), refused(410)] {
        let there = Answer::Open(vec![config_map("21")]);
        let answers = vec![listed("10"), expired, listed("20"), there];
        let (asked, took, watches) = watched(answers).await;
        assert_eq!(asked, ["list", "watch 10", "list", "watch 20"]);
        assert!(took < Duration::from_millis(400), "{took:?}");
        assert_eq!(watches.failures()["configmaps"], 0);
    }
}

#[tokio::test]
async fn a_version_that_is_known_no_more_again_and_again_is_a_failure() {
    let there = Answer::Open(vec![config_map("31")]);
    let answers = vec![
        listed("10"),
        refused(410),
        listed("20"),
        refused(410),
        listed("30"),
        there,
    ];
    let (asked, took, watches) = watched(answers).await;
    assert_eq!(asked.len(), 6, "{asked:?}");
    assert!(took > Duration::from_millis(400), "{took:?}");
    assert_eq!(watches.failures()["configmaps"], 1);
}

/// kube says that it begins before each call, which is no answer.
#[tokio::test]
async fn each_failure_waits_longer_than_the_one_before() {
    let there = Answer::Open(vec![config_map("11")]);
    let answers = vec![
        refused(503),
        refused(500),
        refused(429),
        listed("10"),
        there,
    ];
    let (asked, took, watches) = watched(answers).await;
    assert_eq!(asked, ["list", "list", "list", "list", "watch 10"]);
    // 0.5 s, 1 s and 2 s, and a quarter more at most.
    assert!(took > Duration::from_millis(3400), "{took:?}");
    assert_eq!(watches.failures()["configmaps"], 3);
}

/// A watch that the API server opens does not work yet.
#[tokio::test]
async fn a_watch_that_is_closed_or_fails_at_once_backs_off() {
    for event in [None, Some(error_event(500))] {
        let closed = || Answer::Closed(event.clone().into_iter().collect());
        let there = Answer::Open(vec![config_map("11")]);
        let answers = vec![listed("10"), closed(), closed(), closed(), there];
        let (asked, took, watches) = watched(answers).await;
        assert_eq!(asked[1..], ["watch 10"; 4]);
        // 0.5 s, 1 s and 2 s, and a quarter more at most.
        assert!(took > Duration::from_millis(3400), "{took:?}");
        assert_eq!(watches.failures()["configmaps"], 3);
    }
}

/// The head of an answer is no progress: the metric would say that the operator sees changes.
#[tokio::test]
async fn lists_that_break_off_are_no_progress() {
    let (client, asked) = api_server(vec![Answer::Broken, Answer::Broken]);
    let watches = Watches::default();
    let start = Instant::now();
    let events = watch::<ConfigMap>(&client, None, Api::all, Config::default(), &watches);
    let mut events = events.boxed();
    while asked.lock().len() < 3 {
        let _ = tokio::time::timeout(Duration::from_millis(10), events.next()).await;
    }
    let ages: Vec<_> = watches.ages().into_values().collect();
    assert!(
        ages[0] + Duration::from_millis(50) > start.elapsed(),
        "{ages:?}"
    );
}

#[tokio::test]
async fn a_namespace_that_may_not_be_seen_is_skipped_until_it_may() {
    let (client, asked) = api_server(vec![refused(403)]);
    let watches = Watches::default();
    let events = watch::<ConfigMap>(&client, Some("team"), Api::all, Config::default(), &watches);
    let mut events = events.boxed();
    let second = async {
        while asked.lock().len() < 2 {
            tokio::select! {
                _ = events.next() => {}
                () = tokio::task::yield_now() => {}
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), second).await;
    assert!(in_time.is_ok(), "it is asked again");
    assert!(watches.skipped()["team"]);
    drop(events);

    let there = Answer::Open(vec![config_map("11")]);
    let (_, _, watches) = watched(vec![refused(403), listed("10"), there]).await;
    assert!(
        watches.skipped().is_empty(),
        "a watch that ends is forgotten"
    );
}

#[test]
fn what_the_api_server_sends_is_not_quoted() {
    let quoted = serde_json::from_str::<bool>("\"12345678901\"").unwrap_err();
    let (cause, denied) = cause(&Error::WatchFailed(kube::Error::SerdeError(quoted)));
    assert!(!cause.contains("12345") && !denied, "{cause}");
}

#[test]
fn only_what_may_not_be_seen_is_denied() {
    for (code, expected) in [
        (403, true),
        (404, true),
        (410, false),
        (429, false),
        (500, false),
    ] {
        let status = kube::core::Status::failure("no", "Because").with_code(code);
        let (_, denied) = cause(&Error::WatchError(status.boxed()));
        assert_eq!(denied, expected, "{code}");
    }
}

#[test]
fn the_back_off_grows_and_never_exceeds_five_seconds() {
    for (failures, least) in (1..).zip([500, 1000, 2000, 4000, 4000, 4000]) {
        let least = Duration::from_millis(least);
        let pause = pause(failures);
        assert!((least..=least * 5 / 4).contains(&pause), "{pause:?}");
    }
    assert!(pause(u32::MAX) <= LONGEST_BACKOFF * 5 / 4);
}
