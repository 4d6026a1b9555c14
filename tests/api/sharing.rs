//! What accounts, keys and namespaces share must not let one of them keep others waiting.
//!
//! Nothing here is measured by the clock: what counts is what came before what.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec, JournalEntry};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{DOMAIN, Fixture, OTHER_DOMAIN, OTHER_KEY, Setup};
use crate::journal::Journal;
use crate::kubectl::texts;
use crate::objects::Kind::Room;
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::{SOON, until};

/// More than passes are worked on at a time.
const MANY: usize = 700;
/// Daily takes 20 calls a second, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(300);
/// So many creates of another account may come first: what Daily takes in some seconds.
const CREATES_BEFORE: usize = 150;
/// And so many DELETEs, of which Daily takes 50 in 30 seconds.
const DELETES_BEFORE: usize = 30;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let slow = || Setup::new().value("driftInterval", json!("1h"));
    vec![
        stage.trial(
            "sharing::accounts_do_not_wait_for_each_other",
            slow().busy(),
            accounts_do_not_wait_for_each_other,
        ),
        stage.trial(
            "sharing::namespaces_of_an_account_take_turns",
            slow().busy().neighbour(),
            namespaces_of_an_account_take_turns,
        ),
        stage.trial(
            "sharing::no_key_waits_for_the_proof_of_another",
            slow(),
            no_key_waits_for_the_proof_of_another,
        ),
        stage.trial(
            "sharing::one_401_does_not_end_the_listings",
            Setup::new(),
            one_401_does_not_end_the_listings,
        ),
        stage.trial(
            "sharing::an_odd_room_costs_the_others_nothing",
            Setup::new(),
            an_odd_room_costs_the_others_nothing,
        ),
    ]
}

/// Makes many DailyRooms in this namespace.
async fn many(fx: &Fixture, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|nth| format!("room-{nth:03}")).collect();
    futures::stream::iter(&names)
        .for_each_concurrent(16, async |name| {
            fx.room(name, json!({"ttl": "8h"})).await;
        })
        .await;
    names
}

/// A room of the other account.
fn of_the_other() -> Value {
    json!({"ttl": "8h", "apiKeySecretRef": {"name": "their-key"}})
}

/// How many such calls of the one account came before the first create of this one.
fn before_the_create(journal: &Journal, account: &str, method: &str, path: &str) -> usize {
    let of = |account: &str, call: &JournalEntry| call.account.as_deref() == Some(account);
    let creates = journal.calls("POST", "/rooms");
    let create = creates.iter().find(|call| of(account, call));
    let create = create.expect("its room was created").seq;
    let calls = journal.calls(method, path);
    let before = |call: &&&JournalEntry| call.seq < create && of(DOMAIN, call);
    calls.iter().filter(before).count()
}

async fn accounts_do_not_wait_for_each_other(fx: &mut Fixture) {
    fx.write_key("their-key", OTHER_KEY).await;
    let names = many(fx, MANY).await;
    let mark = fx.mark().await;
    fx.room("other-0", of_the_other()).await;
    fx.until(Room, "other-0", "becomes Ready", PATIENCE, Object::is_ready)
        .await;
    let journal = fx.journal_since(mark).await;
    let creates = before_the_create(&journal, OTHER_DOMAIN, "POST", "/rooms");
    assert!(creates < CREATES_BEFORE, "{creates} creates came first");
    all_are_ready(fx, MANY + 1).await;

    futures::stream::iter(&names)
        .for_each_concurrent(16, async |name| fx.delete(Room, name).await)
        .await;
    // From here on each DELETE has to wait.
    until("the first DELETEs are done", PATIENCE, async || {
        let done = fx.journal().await.done("DELETE", "/rooms/*");
        (done >= 50).then_some(()).ok_or(done)
    })
    .await;
    let mark = fx.mark().await;
    fx.room("other-1", of_the_other()).await;
    fx.room("new", json!({"ttl": "8h"})).await;
    for name in ["other-1", "new"] {
        fx.until(Room, name, "becomes Ready", PATIENCE, Object::is_ready)
            .await;
    }
    let journal = fx.journal_since(mark).await;
    for account in [OTHER_DOMAIN, DOMAIN] {
        let deletes = before_the_create(&journal, account, "DELETE", "/rooms/*");
        assert!(
            deletes < DELETES_BEFORE,
            "{account}: {deletes} DELETEs came first"
        );
    }
}

async fn all_are_ready(fx: &Fixture, count: usize) {
    until("all are Ready", PATIENCE, async || {
        let rooms = fx.list(Room).await;
        let ready = rooms.iter().filter(|room| room.is_ready()).count();
        (ready == count).then_some(()).ok_or(ready)
    })
    .await;
}

/// One namespace has many rooms to make, and another one of the same account has one.
async fn namespaces_of_an_account_take_turns(fx: &mut Fixture) {
    let (rooms, before) = (400, 150);
    many(fx, rooms).await;
    let mark = fx.mark().await;
    let neighbour = fx.neighbour();
    let home = fx.go_to(neighbour);
    let named = json!({"ttl": "8h", "dialin": {"displayName": "Neighbour"}});
    fx.room("one", named).await;
    fx.until(Room, "one", "becomes Ready", PATIENCE, Object::is_ready)
        .await;
    fx.go_to(home);
    let journal = fx.journal_since(mark).await;
    let of_neighbour = |call: &&JournalEntry| {
        let body = call.body.as_ref();
        body.is_some_and(|body| body["properties"]["dialin"]["display_name"] == "Neighbour")
    };
    let creates = journal.calls("POST", "/rooms");
    let first = creates.iter().position(of_neighbour);
    let first = first.expect("its room was created");
    assert!(
        first < before,
        "{first} creates of the other namespace came first"
    );
    all_are_ready(fx, rooms).await;
}

/// While Daily does not say whose one key is, rooms with another key are served.
async fn no_key_waits_for_the_proof_of_another(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let hold = FaultSpec::next("GET", "/", FaultKind::Hold("proof".into())).times(0);
    fx.sim.fault(&hold).await.expect("the fault is installed");
    fx.write_key("their-key", OTHER_KEY).await;
    fx.room("other", of_the_other()).await;
    let held = async || fx.sim.faults().await.expect("they are told")[0].held;
    until("the proof is held", SOON, async || {
        (held().await > 0).then_some(()).ok_or("not yet")
    })
    .await;
    let renamed = json!({"ttl": "1h", "dialin": {"displayName": "Another"}});
    fx.room("standup", renamed).await;
    fx.ready(Room, "standup").await;
    // The call that proves the key has not even been given up yet.
    let given_up = r#"daily_api_requests_total{method="GET",route="/",code="none"}"#;
    let metrics = fx.operator().get("/metrics").await.body;
    assert!(!metrics.contains(given_up), "the edit waited for it");
    assert!(!fx.get(Room, "other").await.is_ready());
    fx.sim.clear_faults().await.expect("the faults go");
    fx.sim.release("proof").await.expect("it goes on");
    fx.ready(Room, "other").await;
}

/// The key is proven again, and what vanishes later is seen.
async fn one_401_does_not_end_the_listings(fx: &mut Fixture) {
    fx.room(
        "standup",
        json!({"ttl": "1h", "missingRoomPolicy": "Report"}),
    )
    .await;
    let room = fx.ready(Room, "standup").await;
    let refused = FaultKind::Status {
        status: 401,
        body: Some(json!({"error": "authentication-error"})),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/rooms", refused);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    until("a listing is refused", SOON, async || {
        let faults = fx.sim.faults().await.expect("they are told");
        (faults[0].applied > 0).then_some(()).ok_or("not yet")
    })
    .await;
    let path = format!("/rooms/{}", room.room_name());
    fx.by_hand.delete(&path).await.expect("Daily answers");
    fx.condition(Room, "standup", ("Ready", "False", "Missing"))
        .await;
    assert!(
        !fx.get(Room, "standup")
            .await
            .has("Stalled", "True", "Unauthorized")
    );
}

/// A room of somebody else's of which the operator does not know what to think, in all listings.
async fn an_odd_room_costs_the_others_nothing(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let listing = fx.by_hand.get("/rooms").await.expect("Daily answers").body;
    let mut odd = listing.clone();
    let rooms = odd["data"].as_array_mut().expect("it has rooms");
    let mut foreign = rooms[0].clone();
    foreign["id"] = json!("00000000-0000-4000-8000-000000000000");
    foreign["name"] = json!("foreign");
    foreign["config"]["dialin"] = json!(true);
    rooms.insert(0, foreign);
    odd["total_count"] = json!(rooms.len());
    let answered = FaultKind::Status {
        status: 200,
        body: Some(odd),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/rooms", answered).times(0);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    fx.operator().terminate().await;
    let mark = fx.mark().await;
    fx.delete_secret("standup-dialin").await;
    fx.start_operator(&[]).await;
    let is_back = |secret: Option<&Secret>| {
        let texts = secret.map(texts).unwrap_or_default();
        room.pin().is_some() && texts.get("dialin-code").map(String::as_str) == room.pin()
    };
    fx.until_secret("standup-dialin", "comes back", is_back)
        .await;
    let by_name = format!("/rooms/{}", room.room_name());
    let looks = fx.journal_since(mark).await.calls("GET", &by_name).len();
    assert_eq!(looks, 0, "the listing shows the room");
}
