//! The operator stops before, between and after every effect; the next one finishes the work.
//!
//! A debug build stops itself with SIGABRT at the point that it is told: `before` the effect,
//! `between` the effect and its reply, or `after` the reply. Whatever the point, there is one room
//! with one PIN, and nothing is left after the deletion.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use testbed::faults::{Fault, Requests};

use crate::adopt::{adopting, room_by_hand};
use crate::edit::seconds;
use crate::fixture::{Fixture, NUMBER, Setup, stop_at};
use crate::kubectl::texts;
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::renewal::{becomes_due, record_end};
use crate::stage::{Affected::By, Stage};
use crate::wait::{LATER, SOON, until};

const PHASES: [&str; 3] = ["before", "between", "after"];

/// What creating a room does. The id is recorded with the status that has the PIN.
const CREATION: [&str; 5] = [
    "finalizer-add",
    "record",
    "room-create",
    "secret-create",
    "status",
];
const DELETION: [&str; 3] = ["room-delete", "secret-delete", "finalizer-remove"];

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for phase in PHASES {
        for effect in CREATION {
            trials.extend(crash(stage, format!("{effect}:{phase}"), creation));
        }
        trials.extend(crash(
            stage,
            format!("room-create:{phase}"),
            creation_of_a_chosen_name,
        ));
        for effect in DELETION {
            trials.extend(crash(stage, format!("{effect}:{phase}"), deletion));
        }
        trials.extend(crash(stage, format!("room-update:{phase}"), update));
        trials.extend(crash(stage, format!("room-update:{phase}"), renewal));
        trials.extend(crash(stage, format!("object-delete:{phase}"), collection));
        for effect in ["record", "room-update"] {
            trials.extend(crash(stage, format!("{effect}:{phase}"), adoption));
        }
        trials.extend(crash(stage, format!("secret-update:{phase}"), repair));
        trials.extend(crash(stage, format!("token-issue:{phase}"), tokens));
        trials.extend(crash(stage, format!("config-create:{phase}"), number));
        trials.extend(crash(
            stage,
            format!("config-update:{phase}"),
            number_update,
        ));
        trials.extend(crash(
            stage,
            format!("config-delete:{phase}"),
            number_deletion,
        ));
        for effect in ["lease-acquire", "lease-renew"] {
            trials.extend(crash(stage, format!("{effect}:{phase}"), lease));
        }
        trials.extend(crash(
            stage,
            format!("lease-release:{phase}"),
            lease_release,
        ));
    }
    trials.push(stage.trial(
        "restart::twice_in_a_row",
        Setup::new().without_operator(),
        twice_in_a_row,
    ));
    trials.push(stage.trial("restart::changes_nothing", Setup::new(), changes_nothing));
    trials.push(stage.trial(
        "restart::a_published_number_waits_for_all_rooms",
        Setup::new().without_operator(),
        a_published_number_waits_for_all_rooms,
    ));
    trials
}

/// A scenario whose first operator stops at this point.
///
/// Between a call's effect and its reply the next one is told by what it reads, so these run under
/// the answers that change what is read.
fn crash<F>(stage: &Arc<Stage>, point: String, scenario: F) -> Vec<Trial>
where
    F: AsyncFn(&mut Fixture) + Copy + Send + 'static,
{
    let affected: &[&str] = match point.as_str() {
        "room-create:between" => &["reads", "dialin-shown"],
        "room-update:between" => &["reads", "pin-on-update", "listing-dialin-code"],
        "room-delete:between" => &["reads", "get-expired"],
        "config-update:between" => &["config-put"],
        _ => &[],
    };
    let theme = std::any::type_name::<F>()
        .rsplit("::")
        .next()
        .unwrap_or_default()
        .to_owned();
    let name = format!("restart::{theme}:{point}");
    let setup = Setup::new().stop_at(&point);
    stage.under_each_answer(&name, setup, By(affected), scenario)
}

/// Waits for the crash, and starts the next operator.
pub async fn crash_and_restart(fx: &mut Fixture) {
    fx.operator().crashed().await;
    fx.free_lease().await;
    fx.start_operator(&[]).await;
}

/// One room, one PIN, one success of the create, and nothing left after the deletion.
async fn whole_life(fx: &mut Fixture) {
    let room = fx.ready(Room, "standup").await;
    one_room_one_pin(fx).await;
    assert_eq!(room.at("/status/dialinCodeRevision"), 1);
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 1);
    fx.delete(Room, "standup").await;
    nothing_left(fx).await;
}

async fn one_room_one_pin(fx: &Fixture) {
    let room = fx.get(Room, "standup").await;
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms.len(), 1, "{rooms:#?}");
    assert_eq!(rooms[0]["id"], room.text("/status/room/id"));
    let at_daily = fx.room_at_daily(room.room_name()).await;
    let pin = at_daily["config"]["dialin_code"].as_str();
    assert_eq!(room.pin(), pin);
    let secret = fx.secret("standup-dialin").await;
    assert_eq!(Some(secret["dialin-code"].as_str()), pin);
}

async fn nothing_left(fx: &Fixture) {
    fx.gone(Room, "standup").await;
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    let rooms = fx.rooms_at_daily().await;
    assert!(rooms.is_empty(), "{rooms:#?}");
}

async fn creation(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    crash_and_restart(fx).await;
    whole_life(fx).await;
}

/// Here the claim tells our own room apart from somebody else's.
async fn creation_of_a_chosen_name(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    crash_and_restart(fx).await;
    whole_life(fx).await;
}

/// A room that somebody created is adopted once, and stays when its object is deleted.
async fn adoption(fx: &mut Fixture) {
    let theirs = room_by_hand(fx).await;
    fx.room("standup", adopting()).await;
    crash_and_restart(fx).await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(room.at("/status/room/id"), &theirs["id"]);
    one_room_one_pin(fx).await;
    assert_eq!(fx.room_at_daily("board").await["privacy"], "private");
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    assert_eq!(fx.rooms_at_daily().await.len(), 1);
}

async fn deletion(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.delete(Room, "standup").await;
    crash_and_restart(fx).await;
    nothing_left(fx).await;
    assert_eq!(fx.journal().await.done("DELETE", "/rooms/*"), 1);
}

/// A token that nobody has got is issued again.
async fn tokens(fx: &mut Fixture) {
    let tokens = json!([{"key": "host", "role": "Owner"}]);
    fx.room(
        "standup",
        json!({"ttl": "1h", "meetingTokens": {"tokens": tokens}}),
    )
    .await;
    crash_and_restart(fx).await;
    let written = |secret: Option<&Secret>| secret.is_some_and(|it| texts(it).contains_key("host"));
    fx.until_secret("standup-tokens", "has its token", written)
        .await;
    whole_life(fx).await;
    fx.until_secret("standup-tokens", "goes", |secret| secret.is_none())
        .await;
}

async fn update(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    fx.room("standup", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    crash_and_restart(fx).await;
    let after = fx.ready(Room, "standup").await;
    let changes = fx.answer("pin-on-update") == "changed";
    assert_eq!(after.pin() != before.pin(), changes);
    assert_eq!(fx.rooms_at_daily().await[0]["privacy"], "private");
    one_room_one_pin(fx).await;
}

/// Whoever renews the room, its end moves by one ttl.
async fn renewal(fx: &mut Fixture) {
    let standing = json!({"ttl": "1h", "renewal": {"before": "20m"}});
    fx.room("standup", standing).await;
    let before = fx.ready(Room, "standup").await;
    let end = "/status/expirationTime";
    let renewed = seconds(&before, end) + 3600;
    becomes_due(fx).await;
    crash_and_restart(fx).await;
    let is = |room: &Object| room.is_ready() && seconds(room, end) == renewed;
    fx.until(Room, "standup", "is renewed", LATER, is).await;
    fx.event("standup", "Normal", "Renewed").await;
    assert_eq!(fx.rooms_at_daily().await[0]["config"]["exp"], renewed);
    one_room_one_pin(fx).await;
}

/// An object that is deleted some time after its room has ended.
async fn collection(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h", "ttlAfterExpired": "1m"}))
        .await;
    let room = fx.ready(Room, "standup").await;
    let path = format!("/rooms/{}", room.room_name());
    fx.by_hand.delete(&path).await.expect("Daily answers");
    record_end(fx, Timestamp::now().as_second() - 90).await;
    crash_and_restart(fx).await;
    nothing_left(fx).await;
}

async fn repair(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let before = fx.secret("standup-dialin").await;
    let mark = fx.mark().await;
    fx.patch_secret("standup-dialin", &json!({"data": {"dialin-code": "MTIz"}}))
        .await;
    crash_and_restart(fx).await;
    let repaired = async || match fx.secret("standup-dialin").await == before {
        true => Ok(()),
        false => Err("it has the edited PIN"),
    };
    until("the Secret is put right", SOON, repaired).await;
    fx.journal_since(mark)
        .await
        .expect_no_write("the room has nothing to do with it");
}

fn greeting(message: &str) -> Value {
    json!({"phoneNumber": NUMBER, "ivrGreeting": {"message": message}})
}

pub async fn number(fx: &mut Fixture) {
    fx.apply(Number, "main-line", &greeting("Hello.")).await;
    crash_and_restart(fx).await;
    let number = fx.ready(Number, "main-line").await;
    let configs = fx.configs_at_daily().await;
    assert_eq!(configs.len(), 1);
    assert_eq!(configs[0]["id"], number.text("/status/configId"));
    fx.delete(Number, "main-line").await;
    fx.gone(Number, "main-line").await;
    assert!(fx.configs_at_daily().await.is_empty());
}

pub async fn number_update(fx: &mut Fixture) {
    fx.apply(Number, "main-line", &greeting("Hello.")).await;
    let before = fx.ready(Number, "main-line").await;
    fx.apply(Number, "main-line", &greeting("Good day.")).await;
    crash_and_restart(fx).await;
    let after = fx.ready(Number, "main-line").await;
    assert_eq!(after.at("/status/configId"), before.at("/status/configId"));
    let configs = fx.configs_at_daily().await;
    assert_eq!(configs[0]["config"]["ivr_greeting"]["message"], "Good day.");
}

pub async fn number_deletion(fx: &mut Fixture) {
    fx.apply(Number, "main-line", &greeting("Hello.")).await;
    let number = fx.ready(Number, "main-line").await;
    let mark = fx.mark().await;
    fx.delete(Number, "main-line").await;
    crash_and_restart(fx).await;
    fx.gone(Number, "main-line").await;
    assert!(fx.configs_at_daily().await.is_empty());
    let (method, path) = fx.config_route("DELETE", number.text("/status/configId"));
    assert_eq!(fx.journal_since(mark).await.done(method, &path), 1);
}

async fn lease(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    crash_and_restart(fx).await;
    whole_life(fx).await;
}

async fn lease_release(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let status = fx.operator().terminate().await;
    assert!(!status.success(), "it stops at its crash point");
    fx.free_lease().await;
    fx.start_operator(&[]).await;
    whole_life(fx).await;
}

async fn twice_in_a_row(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    for point in [
        "room-create:between",
        "record:between",
        "secret-create:between",
    ] {
        fx.start_operator(&[stop_at(point)]).await;
        fx.operator().crashed().await;
        fx.free_lease().await;
    }
    fx.start_operator(&[stop_at("room-delete:between")]).await;
    fx.ready(Room, "standup").await;
    one_room_one_pin(fx).await;
    fx.delete(Room, "standup").await;
    fx.operator().crashed().await;
    fx.free_lease().await;
    fx.start_operator(&[stop_at("finalizer-remove:before")])
        .await;
    fx.operator().crashed().await;
    fx.free_lease().await;
    fx.start_operator(&[]).await;
    nothing_left(fx).await;
    assert_eq!(fx.journal().await.done("POST", "/rooms"), 1);
}

/// A restart confirms what is there, by the listing, and writes nothing.
async fn changes_nothing(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    let before = fx.ready(Room, "standup").await;
    assert!(fx.operator().terminate().await.success());
    let mark = fx.mark().await;
    fx.start_operator(&[]).await;
    let listed = async || match fx.journal_since(mark).await.done("GET", "/rooms") {
        0 => Err("the rooms are not listed yet"),
        _ => Ok(()),
    };
    until("the next operator looks at Daily", SOON, listed).await;
    fx.force_pass(Room, "standup", "after the restart").await;
    let echoed = |room: &crate::objects::Object| {
        room.text("/status/lastHandledReconcileAt") == "after the restart"
    };
    let after = fx
        .until(Room, "standup", "echoes the forced pass", SOON, echoed)
        .await;
    assert!(after.is_ready() && after.pin() == before.pin());
    fx.journal_since(mark)
        .await
        .expect_no_write("nothing changed");
}

/// A deleted number is published, and after a restart the cache of PinDialinNumbers is filled before that
/// of DailyRooms.
async fn a_published_number_waits_for_all_rooms(fx: &mut Fixture) {
    let (proxy, env) = fx.faults().await;
    fx.start_operator(std::slice::from_ref(&env)).await;
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    fx.delete(Number, "main-line").await;
    let deferred = ("Reconciling", "True", "DeletionDeferred");
    fx.condition(Number, "main-line", deferred).await;
    assert!(fx.operator().terminate().await.success());
    // After a hand-over the first DELETE would wait for Daily's rate limit.
    fx.delete_lease().await;
    // The first list asks whether the kind exists.
    let rooms = Requests::list("dailyrooms").after(1);
    let late = proxy.inject(rooms, Fault::Delay(Duration::from_secs(4)));
    fx.launch_operator(&[env]);
    fx.operator().readyz(200, "ok\n").await;
    assert!(late.hits() > 0, "the list of DailyRooms came late");
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    fx.gone(Number, "main-line").await;
    let journal = fx.journal().await;
    let first = journal.calls("DELETE", "*")[0];
    assert!(first.path.starts_with("/rooms/"), "{}", journal.tail(20));
}
