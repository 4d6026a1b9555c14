//! What was made under an earlier spec goes, and no PIN is shown that does not work any more.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, Setup};
use crate::objects::Kind::Room;
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::LATER;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial(
            "leftovers::former_secret_goes",
            Setup::new(),
            former_secret_goes,
        ),
        stage.trial(
            "leftovers::former_secret_and_deletion",
            Setup::new(),
            deleted_at_once,
        ),
        stage.trial(
            "leftovers::pin_that_was_lost_is_not_shown",
            Setup::new(),
            lost_pin,
        ),
    ]
}

async fn has_secret(fx: &Fixture, name: &str) {
    let named = |room: &Object| room.is_ready() && room.text("/status/binding/name") == name;
    fx.until(Room, "standup", "has the other Secret", LATER, named)
        .await;
}

/// The new one first, then the status, then the old one goes; and at the end the new one too.
async fn former_secret_goes(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    for (former, name) in [("standup-dialin", "second"), ("second", "third")] {
        let spec = json!({"ttl": "1h", "secret": {"name": name}});
        fx.room("standup", spec).await;
        has_secret(fx, name).await;
        let pin = fx.secret(name).await["dialin-code"].clone();
        assert_eq!(Some(pin.as_str()), before.pin());
        fx.until_secret(former, "goes", |secret| secret.is_none())
            .await;
    }
    let over = json!({"ttl": "10s", "secret": {"name": "third"}});
    fx.room("standup", over).await;
    let ended = |room: &Object| room.has("Expired", "True", "Expired");
    fx.until(Room, "standup", "ends", LATER, ended).await;
    fx.until_secret("third", "goes", |secret| secret.is_none())
        .await;
    let labelled = fx.secrets().list(&of_rooms()).await.expect("are listed");
    assert!(
        labelled.items.is_empty(),
        "{:?}",
        labelled.items.first().map(|it| &it.metadata)
    );
}

fn of_rooms() -> kube::api::ListParams {
    let label = "app.kubernetes.io/managed-by=daily-operator";
    kube::api::ListParams::default().labels(label)
}

/// The operator learns of the new name and of the deletion at once.
async fn deleted_at_once(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let made = fx.ready(Room, "standup").await;
    fx.operator().pause();
    fx.room(
        "standup",
        json!({"ttl": "1h", "secret": {"name": "second"}}),
    )
    .await;
    // The garbage collector takes a Secret whose owner is gone: as long as it is there, only the
    // operator does.
    let foreign = json!("example.com/kept");
    let both = json!([made.at("/metadata/finalizers/0"), foreign]);
    fx.merge(Room, "standup", json!({"metadata": {"finalizers": both}}))
        .await;
    fx.delete(Room, "standup").await;
    fx.operator().resume();
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
    let let_go = |room: &Object| room.at("/metadata/finalizers") == &json!([foreign]);
    fx.until(Room, "standup", "is let go", LATER, let_go).await;
    assert!(fx.rooms_at_daily().await.is_empty());
    fx.merge(Room, "standup", json!({"metadata": {"finalizers": null}}))
        .await;
    fx.gone(Room, "standup").await;
}

/// The room is recreated while the API server refuses the Secret with the new PIN.
async fn lost_pin(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    fx.patch_secret("standup-dialin", &json!({"immutable": true}))
        .await;
    let path = format!("/rooms/{}", before.room_name());
    fx.by_hand.delete(&path).await.expect("Daily answers");
    let refused = |room: &Object| room.has("Ready", "False", "SecretRefused");
    let room = fx.until(Room, "standup", "says so", LATER, refused).await;
    let status = room.at("/status").to_string();
    let dead = before.pin().expect("it had one");
    assert!(
        !status.contains(dead),
        "it shows a PIN that does not work: {status}"
    );
    fx.delete_secret("standup-dialin").await;
    let after = fx.ready(Room, "standup").await;
    assert_ne!(after.pin(), before.pin());
    let secret = fx.secret("standup-dialin").await;
    assert_eq!(Some(secret["dialin-code"].as_str()), after.pin());
}
