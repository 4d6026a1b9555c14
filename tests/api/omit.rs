//! A status without the PIN: the Secret alone has it, and each change of it is still reported once.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::edit::change_by_hand;
use crate::fixture::{Fixture, Setup};
use crate::kubectl::texts;
use crate::objects::{Kind::Room, Object};
use crate::stage::{Affected::By, Stage};
use crate::wait::{SOON, until};

const CRASH: &str = "omit::crash_with_a_new_pin";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let forced = Setup::new().value("codeInStatus", json!("omit"));
    let mut trials = vec![
        stage.trial("omit::by_an_edit", Setup::new(), by_an_edit),
        stage.trial("omit::another_secret", Setup::new(), another_secret),
        stage.trial(
            "omit::by_the_administrator",
            forced.clone(),
            by_the_administrator,
        ),
    ];
    let switches = ["pin-on-update", "listing-dialin-code", "reads"];
    trials.extend(stage.under_each_answer("omit::new_pin", forced, By(&switches), new_pin));
    for phase in ["before", "between", "after"] {
        let crash = Setup::new().stop_at(&format!("secret-update:{phase}"));
        let name = format!("{CRASH}:secret-update:{phase}");
        trials.extend(stage.under_each_answer(
            &name,
            crash,
            By(&["pin-on-update"]),
            crash_with_a_new_pin,
        ));
    }
    trials
}

fn spec(privacy: &str, code: &str) -> Value {
    json!({"ttl": "1h", "privacy": privacy, "dialin": {"codeInStatus": code}})
}

/// The PIN in the Secret, which is Daily's. The object has it nowhere.
async fn only_pin(fx: &Fixture) -> String {
    only_pin_in(fx, "standup-dialin").await
}

async fn only_pin_in(fx: &Fixture, secret: &str) -> String {
    let secret = fx.secret(secret).await;
    let room = fx.get(Room, "standup").await;
    let pin = secret["dialin-code"].clone();
    let at_daily = fx.room_at_daily(room.room_name()).await;
    assert_eq!(at_daily["config"]["dialin_code"], pin);
    let object = room.at("").to_string();
    assert!(!object.contains(&pin), "the object has the PIN: {object}");
    fx.pins
        .lock()
        .expect("nobody else has it")
        .insert(pin.clone());
    pin
}

fn revision(room: &Object) -> i64 {
    room.at("/status/dialinCodeRevision")
        .as_i64()
        .unwrap_or_default()
}

async fn tells_of_no_new_pin(fx: &Fixture) {
    let events = fx.events("standup").await;
    let told = events
        .iter()
        .any(|it| it.reason.as_deref() == Some("DialinCodeChanged"));
    assert!(!told, "no PIN has changed");
}

async fn by_an_edit(fx: &mut Fixture) {
    fx.room("standup", spec("Public", "Include")).await;
    let before = fx.ready(Room, "standup").await;
    let secret = fx.secret("standup-dialin").await;
    fx.room("standup", spec("Public", "Omit")).await;
    let omits = |room: &Object| room.pin().is_none() && room.dial_string().is_empty();
    fx.until(Room, "standup", "omits the PIN", SOON, omits)
        .await;
    let omitting = fx.ready(Room, "standup").await;
    assert_eq!(Some(only_pin(fx).await.as_str()), before.pin());
    assert_eq!(fx.secret("standup-dialin").await, secret);
    assert_eq!(revision(&omitting), 1);
    assert_eq!(
        omitting.at("/status/phoneNumbers"),
        before.at("/status/phoneNumbers")
    );

    fx.room("standup", spec("Public", "Include")).await;
    let shows = |room: &Object| room.pin() == before.pin() && room.is_ready();
    let again = fx
        .until(Room, "standup", "shows the PIN again", SOON, shows)
        .await;
    assert_eq!(
        (revision(&again), again.dial_string()),
        (1, before.dial_string())
    );
    tells_of_no_new_pin(fx).await;
}

/// Another name for the Secret counts no new PIN, also after a restart, when neither the status nor a Secret of
/// that name has the PIN.
async fn another_secret(fx: &mut Fixture) {
    fx.room("standup", spec("Public", "Omit")).await;
    fx.ready(Room, "standup").await;
    let pin = only_pin(fx).await;
    for (former, name) in [("standup-dialin", "second"), ("second", "third")] {
        let is_down = name == "third";
        if is_down {
            assert!(fx.operator().terminate().await.success());
        }
        let mut named = spec("Public", "Omit");
        named["secret"] = json!({"name": name});
        fx.room("standup", named).await;
        if is_down {
            fx.start_operator(&[]).await;
        }
        fx.until_secret(former, "goes", |secret| secret.is_none())
            .await;
        let room = fx.ready(Room, "standup").await;
        assert_eq!(room.text("/status/binding/name"), name);
        assert_eq!(revision(&room), 1);
        assert_eq!(only_pin_in(fx, name).await, pin);
    }
    tells_of_no_new_pin(fx).await;
}

/// Whatever a spec says. Who edits the Secret changes no PIN, also while no operator runs.
async fn by_the_administrator(fx: &mut Fixture) {
    fx.room("standup", spec("Public", "Include")).await;
    fx.ready(Room, "standup").await;
    let pin = only_pin(fx).await;
    let edit = json!({"data": {"dialin-code": "MTIz"}});
    fx.patch_secret("standup-dialin", &edit).await;
    fx.event("standup", "Warning", "SecretRepaired").await;
    assert_eq!(only_pin(fx).await, pin);

    fx.operator().kill().await;
    fx.patch_secret("standup-dialin", &edit).await;
    fx.free_lease().await;
    fx.start_operator(&[]).await;
    let has_pin = |it: Option<&Secret>| it.is_some_and(|it| texts(it)["dialin-code"] == pin);
    fx.until_secret("standup-dialin", "is repaired", has_pin)
        .await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(revision(&room), 1);
    tells_of_no_new_pin(fx).await;
}

/// Somebody changes the room at Daily, and its PIN with it.
async fn new_pin(fx: &mut Fixture) {
    fx.room("standup", spec("Public", "Include")).await;
    let room = fx.ready(Room, "standup").await;
    let before = only_pin(fx).await;
    change_by_hand(fx, &room, &json!({"privacy": "private"})).await;
    fx.event("standup", "Normal", "DriftCorrected").await;
    if fx.answer("pin-on-update") == "kept" {
        fx.ready(Room, "standup").await;
        assert_eq!(only_pin(fx).await, before);
        return tells_of_no_new_pin(fx).await;
    }
    fx.event("standup", "Warning", "DialinCodeChanged").await;
    assert_ne!(only_pin(fx).await, before);
}

/// The process dies between the Secret with a new PIN and the status that counts it.
async fn crash_with_a_new_pin(fx: &mut Fixture) {
    fx.room("standup", spec("Public", "Omit")).await;
    fx.ready(Room, "standup").await;
    let before = only_pin(fx).await;
    let changes = fx.answer("pin-on-update") == "changed";
    let mut edit = spec("Private", "Omit");
    // Another end changes the Secret in any case.
    edit["ttl"] = json!("2h");
    fx.room("standup", edit).await;
    fx.operator().crashed().await;
    fx.free_lease().await;
    fx.start_operator(&[]).await;
    let counted = if changes { 2 } else { 1 };
    until("the PIN is counted", SOON, async || {
        let room = fx.get(Room, "standup").await;
        (room.is_ready() && revision(&room) == counted)
            .then_some(())
            .ok_or("not yet")
    })
    .await;
    assert_eq!(only_pin(fx).await != before, changes);
    match changes {
        true => drop(fx.event("standup", "Warning", "DialinCodeChanged").await),
        false => tells_of_no_new_pin(fx).await,
    }
    fx.force_pass(Room, "standup", "again").await;
    let echoed = |room: &Object| room.text("/status/lastHandledReconcileAt") == "again";
    let room = fx
        .until(Room, "standup", "echoes the forced pass", SOON, echoed)
        .await;
    assert_eq!(revision(&room), counted, "it counts once");
}
