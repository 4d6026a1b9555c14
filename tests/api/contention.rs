//! S11: another writer undoes what the operator puts back at Daily, again and again.

use std::sync::Arc;

use daily_sim::JournalEntry;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::stage::Stage;
use crate::stake::Stake;
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial("contention::s11_room", Setup::new(), room),
        stage.trial("contention::s11_number", Setup::new(), number),
    ]
}

/// How often the operator puts a property back.
const MAX_CORRECTIONS: usize = 3;

const CONTENDED: (&str, &str, &str) = ("Stalled", "True", "Contended");

/// The operator stops, callers are served, and a neighbour is not written to. A user lets it try again.
async fn room(fx: &mut Fixture) {
    fx.room("bystander", json!({"ttl": "1h"})).await;
    let bystander = Stake::of(fx, Room, "bystander").await;
    fx.room("standup", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    let before = fx.ready(Room, "standup").await;
    let mark = fx.mark().await;
    let privacy = async |fx: &Fixture, wanted: &str| {
        until(&format!("the room is {wanted}"), SOON, async || {
            let room = fx.room_at_daily("board").await;
            (room["privacy"] == wanted)
                .then_some(())
                .ok_or(room["privacy"].clone())
        })
        .await;
    };
    let by_others = json!({"privacy": "private"});
    for _ in 0..MAX_CORRECTIONS {
        change(fx, "/rooms/board", &by_others).await;
        privacy(fx, "public").await;
    }
    change(fx, "/rooms/board", &by_others).await;
    let stalled = fx.condition(Room, "standup", CONTENDED).await;
    assert!(
        stalled.has("Ready", "True", "Available"),
        "callers are served"
    );
    assert_eq!(stalled.pin(), before.pin());
    let message = stalled.condition("Stalled").expect("is there").message;
    assert!(message.contains("privacy"), "{message}");
    fx.event("standup", "Warning", "Contended").await;
    listed_twice(fx).await;
    let written = updates(fx, mark, "/rooms/board").await;
    assert_eq!(written, MAX_CORRECTIONS);

    // An edit of anything lets it try again.
    let edited = json!({"ttl": "1h", "roomName": "board", "dialin": {"displayName": "Guest"}});
    fx.room("standup", edited).await;
    privacy(fx, "public").await;
    fx.until(Room, "standup", "heals", SOON, heals).await;
    bystander.is_untouched(fx).await;
    let journal = fx.journal_since(mark).await;
    let path = format!("/rooms/{}", bystander.object.room_name());
    assert!(
        journal.calls("POST", &path).is_empty(),
        "{}",
        journal.tail(20)
    );
}

async fn number(fx: &mut Fixture) {
    let spec = json!({"phoneNumber": NUMBER, "namePrefix": "front"});
    fx.apply(Number, "main-line", &spec).await;
    let number = fx.ready(Number, "main-line").await;
    let path = format!("/domain-dialin-config/{}", number.text("/status/configId"));
    let mark = fx.mark().await;
    let by_others = json!({"phone_number": NUMBER, "name_prefix": "others"});
    let prefix = async |fx: &Fixture| {
        let config = fx.configs_at_daily().await.remove(0);
        config["config"]["name_prefix"].clone()
    };
    for nth in 1..=MAX_CORRECTIONS {
        fx.by_hand
            .put(&path, &by_others)
            .await
            .expect("Daily answers");
        put_back(fx, mark, &path, nth).await;
    }
    fx.by_hand
        .put(&path, &by_others)
        .await
        .expect("Daily answers");
    let stalled = fx.condition(Number, "main-line", CONTENDED).await;
    assert!(
        stalled.has("Ready", "True", "Available"),
        "it still answers"
    );
    assert_eq!(prefix(fx).await, "others");
    let by_hand = fx.by_hand.writes();
    let journal = fx.journal_since(mark).await;
    let ours = journal.calls("PUT", &path);
    let ours = ours.iter().filter(|it| !by_hand.contains(&it.seq)).count();
    assert_eq!(ours, MAX_CORRECTIONS, "{}", journal.tail(20));
    fx.force_pass(Number, "main-line", "the other writer is gone")
        .await;
    fx.until(Number, "main-line", "heals", SOON, heals).await;
    assert_eq!(prefix(fx).await, "front");
}

fn heals(object: &Object) -> bool {
    object.is_ready() && object.condition("Stalled").is_none()
}

async fn change(fx: &Fixture, path: &str, body: &Value) {
    let answer = fx.by_hand.post(path, body).await.expect("Daily answers");
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

/// The operator has seen the room as the others left it, twice.
async fn listed_twice(fx: &Fixture) {
    let mark = fx.mark().await;
    until("the rooms are listed twice", SOON, async || {
        match fx.journal_since(mark).await.done("GET", "/rooms") {
            0 | 1 => Err("not yet"),
            _ => Ok(()),
        }
    })
    .await;
}

/// The operator has changed the config so often, and has read it after that. Who undoes the change before leaves
/// it no way to know whether Daily has applied it. Seen in the journal, since calls by hand count to Daily's limits.
async fn put_back(fx: &Fixture, mark: u64, path: &str, times: usize) {
    let by_hand = fx.by_hand.writes();
    until("the prefix is put back", SOON, async || {
        let journal = fx.journal_since(mark).await;
        let ours = |call: &&&JournalEntry| !by_hand.contains(&call.seq);
        let changes = journal.calls("PUT", path);
        let changes: Vec<_> = changes.iter().filter(ours).collect();
        let reads = journal.calls("GET", "/domain-dialin-config");
        let is_read = |last: u64| reads.iter().any(|it| it.seq > last);
        let is_back = changes.len() == times && changes.last().is_some_and(|it| is_read(it.seq));
        is_back.then_some(()).ok_or(changes.len())
    })
    .await;
}

/// How often the operator has changed a room since then.
async fn updates(fx: &Fixture, mark: u64, path: &str) -> usize {
    let by_hand = fx.by_hand.writes();
    let journal = fx.journal_since(mark).await;
    let calls = journal.calls("POST", path);
    calls.iter().filter(|it| !by_hand.contains(&it.seq)).count()
}
