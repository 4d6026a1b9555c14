//! When all is said and done, nothing is written: not to Daily, and to Kubernetes only the Lease.

use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use serde_json::json;

use crate::audit;
use crate::fixture::{FOREIGN_NUMBER, Fixture, NUMBER, OTHER_KEY, Setup, WRONG_KEY};
use crate::objects::Kind::{Number, Room};
use crate::stage::Stage;
use crate::wait::{LATER, until};

/// The one fixed wait: several drift passes and Lease renewals fit in.
const IDLE: Duration = Duration::from_secs(10);
/// Calls beside listings meanwhile, for all objects that wait for a change at Daily. At a drift interval of 2
/// seconds the operator asks for numbers every 4 seconds, in three calls for each object that waits alone, and listings
/// show whether a chosen name is taken.
const CALLS: usize = 30;
/// For so long nothing new has to be in journal and audit log before the wait begins: the last
/// event and the audit log's last lines come after what the objects show.
const CALM: Duration = Duration::from_secs(3);

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![stage.trial("idle::nothing_is_written", Setup::new(), nothing_is_written)]
}

async fn nothing_is_written(fx: &mut Fixture) {
    everything_happens(fx).await;
    until_settled(fx).await;
    until_calm(fx).await;

    let mark = fx.mark().await;
    let before = fx.plane.requests(&fx.namespace).len();
    tokio::time::sleep(IDLE).await;
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("nothing is left to do");
    assert!(
        journal.done("GET", "/rooms") > 0,
        "drift passes went on: {}",
        journal.tail(20)
    );
    let calls = journal.all().iter().filter(|it| it.path != "/rooms");
    let calls = calls.count();
    println!("{calls} calls beside listings");
    assert!(calls <= CALLS, "{calls} calls: {}", journal.tail(calls));
    let after = fx.plane.requests(&fx.namespace).split_off(before);
    let writes = audit::writes(&after);
    assert!(writes.is_empty(), "{writes:#?}");
    assert!(
        after.iter().any(|request| request.resource == "leases"),
        "the operator lives"
    );
}

/// One object in every state that lasts.
async fn everything_happens(fx: &Fixture) {
    fx.write_key("wrong-key", WRONG_KEY).await;
    fx.write_key("their-key", OTHER_KEY).await;
    fx.by_hand
        .post("/rooms", &json!({"name": "board"}))
        .await
        .expect("Daily answers");

    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.number("same-line", NUMBER).await;
    fx.number("no-line", FOREIGN_NUMBER).await;
    let numbers = json!([{"numberRef": {"name": "main-line"}}]);
    fx.room(
        "ready",
        json!({"ttl": "1h", "dialin": {"roomNumbers": numbers}}),
    )
    .await;
    fx.room("ended", json!({"ttl": "10s"})).await;
    fx.room("edited", json!({"ttl": "1h"})).await;
    fx.room("moved", json!({"ttl": "1h"})).await;
    fx.room(
        "vanished",
        json!({"ttl": "1h", "missingRoomPolicy": "Report"}),
    )
    .await;
    fx.room(
        "refused",
        json!({"ttl": "1h", "apiKeySecretRef": {"name": "wrong-key"}}),
    )
    .await;
    fx.room(
        "keyless",
        json!({"ttl": "1h", "apiKeySecretRef": {"name": "not-there"}}),
    )
    .await;
    fx.room("taken", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    let waiting = json!([{"numberRef": {"name": "never"}}]);
    fx.room(
        "waiting",
        json!({"ttl": "1h", "dialin": {"roomNumbers": waiting}}),
    )
    .await;
    for name in ["ready", "edited", "moved", "vanished"] {
        fx.ready(Room, name).await;
    }
    fx.room("edited", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    fx.room(
        "moved",
        json!({"ttl": "1h", "apiKeySecretRef": {"name": "their-key"}}),
    )
    .await;
    let room = fx.get(Room, "vanished").await;
    let path = format!("/rooms/{}", room.room_name());
    fx.by_hand.delete(&path).await.expect("Daily answers");
    fx.delete_secret("ready-dialin").await;
}

async fn until_settled(fx: &Fixture) {
    fx.ready(Room, "edited").await;
    for (name, condition) in [
        ("ended", ("Expired", "True", "Expired")),
        ("moved", ("Stalled", "True", "AccountChanged")),
        ("vanished", ("Stalled", "True", "Missing")),
        ("refused", ("Stalled", "True", "Unauthorized")),
        ("keyless", ("Ready", "False", "ApiKeyNotFound")),
        ("taken", ("Stalled", "True", "NameTaken")),
        ("waiting", ("Ready", "False", "NumberNotFound")),
    ] {
        let (type_, status, reason) = condition;
        let is = |room: &crate::objects::Object| room.has(type_, status, reason);
        fx.until(Room, name, reason, LATER, is).await;
    }
    fx.condition(Number, "same-line", ("Stalled", "True", "NumberInUse"))
        .await;
    fx.condition(Number, "no-line", ("Stalled", "True", "NumberNotPurchased"))
        .await;
    // The rooms "ready", "edited", "moved" and "vanished" publish it; the count comes after them.
    let counted = |number: &crate::objects::Object| *number.at("/status/attachedRooms") == 4;
    fx.until(Number, "main-line", "is counted", LATER, counted)
        .await;
    fx.until_secret("ready-dialin", "comes back", |secret| secret.is_some())
        .await;
    fx.until_secret("ended-dialin", "goes", |secret| secret.is_none())
        .await;
}

async fn writes(fx: &Fixture) -> (usize, usize) {
    let to_kubernetes = audit::writes(&fx.plane.requests(&fx.namespace));
    (to_kubernetes.len(), fx.journal().await.writes().len())
}

async fn until_calm(fx: &Fixture) {
    let mut last = (writes(fx).await, Instant::now());
    until("the operator has finished", LATER, async || {
        let now = writes(fx).await;
        if now != last.0 {
            last = (now, Instant::now());
        }
        if last.1.elapsed() > CALM {
            Ok(())
        } else {
            Err(format!("{now:?} writes"))
        }
    })
    .await;
}
