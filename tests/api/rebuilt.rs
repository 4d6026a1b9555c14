//! A cluster that was rebuilt: another id, and the DailyRooms of before.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::json;

use crate::adopt::{with_own_key, write_own_key};
use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::{Kind, Object};
use crate::stage::Stage;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let setup = || Setup::new().without_operator();
    vec![
        stage.trial("rebuilt::finds_its_rooms", setup(), finds_its_rooms),
        stage.trial("rebuilt::flag_set_late", setup(), flag_set_late),
        stage.trial("rebuilt::unknown_cluster", setup(), unknown_cluster),
        stage.trial(
            "rebuilt::adopts_after_a_lost_status",
            setup(),
            adopts_after_a_lost_status,
        ),
    ]
}

async fn start(fx: &mut Fixture, args: &[&str]) {
    let args: Vec<_> = args.iter().map(|&it| it.to_owned()).collect();
    fx.launch_operator_with(&args, &[]);
    fx.operator().ready_or_crashed().await;
}

/// The object as the first cluster had it. It is gone, and nothing of it was deleted at Daily.
async fn lost(fx: &Fixture, kind: Kind, name: &str) -> Object {
    let object = fx.ready(kind, name).await;
    fx.delete(kind, name).await;
    fx.merge(kind, name, json!({"metadata": {"finalizers": null}}))
        .await;
    fx.gone(kind, name).await;
    object
}

/// With a backup of the status, and from a manifest alone. New rooms are of the new cluster.
async fn finds_its_rooms(fx: &mut Fixture) {
    start(fx, &["--cluster-id=first"]).await;
    for name in ["restored", "applied"] {
        fx.room(name, json!({"ttl": "2h"})).await;
        fx.ready(Room, name).await;
    }
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    assert!(fx.operator().terminate().await.success());
    let mut rooms = Vec::new();
    for name in ["restored", "applied"] {
        rooms.push(lost(fx, Room, name).await);
    }
    let number = lost(fx, Number, "main-line").await;
    let mark = fx.mark().await;

    for name in ["restored", "applied", "new"] {
        fx.room(name, json!({"ttl": "2h"})).await;
    }
    fx.number("main-line", NUMBER).await;
    for (kind, object) in [(Room, &rooms[0]), (Number, &number)] {
        let name = object.text("/metadata/name");
        let status = object.at("/status").clone();
        fx.write_status(kind, name, status).await;
    }
    start(fx, &["--cluster-id=second", "--previous-cluster-ids=first"]).await;
    for before in &rooms {
        let after = fx.ready(Room, before.text("/metadata/name")).await;
        assert_eq!(after.pin(), before.pin());
        for field in ["/status/room/id", "/status/room/name"] {
            assert_eq!(after.at(field), before.at(field));
        }
    }
    let served = fx.ready(Number, "main-line").await;
    assert_eq!(served.at("/status/configId"), number.at("/status/configId"));
    let new = fx.ready(Room, "new").await;
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.done("POST", "/rooms"), 1, "{}", journal.tail(20));
    assert_eq!(fx.rooms_at_daily().await.len(), 3);

    // A restart without the flag changes nothing, and says why.
    assert!(fx.operator().terminate().await.success());
    start(fx, &["--cluster-id=second"]).await;
    let stalled = ("Stalled", "True", "InvalidSpec");
    let object = fx.condition(Room, "applied", stalled).await;
    let message = object.condition("Stalled").expect("is there").message;
    assert!(message.contains("--previous-cluster-ids"), "{message}");
    assert_eq!(fx.ready(Room, "new").await.pin(), new.pin());
    assert_eq!(fx.rooms_at_daily().await.len(), 3);
}

/// A room of the new id exists by then, and callers have its PIN.
async fn flag_set_late(fx: &mut Fixture) {
    let mut rooms = Vec::new();
    for id in ["--cluster-id=first", "--cluster-id=second"] {
        start(fx, &[id]).await;
        fx.room("standup", json!({"ttl": "2h"})).await;
        fx.ready(Room, "standup").await;
        assert!(fx.operator().terminate().await.success());
        rooms.push(lost(fx, Room, "standup").await);
    }
    let mark = fx.mark().await;
    fx.room("standup", json!({"ttl": "2h"})).await;
    start(fx, &["--cluster-id=second", "--previous-cluster-ids=first"]).await;
    let after = fx.ready(Room, "standup").await;
    assert_eq!(after.room_name(), rooms[1].room_name());
    assert_eq!(after.pin(), rooms[1].pin());
    fx.journal_since(mark)
        .await
        .expect_no_write("the room is as it was");
}

/// Without the flag, the rooms of another cluster are left alone.
async fn unknown_cluster(fx: &mut Fixture) {
    start(fx, &["--cluster-id=first"]).await;
    fx.room("standup", json!({"ttl": "2h"})).await;
    fx.ready(Room, "standup").await;
    assert!(fx.operator().terminate().await.success());
    let before = lost(fx, Room, "standup").await;
    let theirs = fx.room_at_daily(before.room_name()).await;
    start(fx, &["--cluster-id=second", "--previous-cluster-ids=third"]).await;
    fx.room("standup", json!({"ttl": "2h"})).await;
    let after = fx.ready(Room, "standup").await;
    assert_ne!(after.room_name(), before.room_name());
    assert_eq!(fx.room_at_daily(before.room_name()).await, theirs);
}

/// A chosen name and a number are found again without a status if the spec allows adoption.
async fn adopts_after_a_lost_status(fx: &mut Fixture) {
    write_own_key(fx).await;
    start(fx, &[]).await;
    let mut room = with_own_key(json!({"ttl": "2h", "roomName": "board"}));
    let mut number = with_own_key(json!({"phoneNumber": NUMBER}));
    fx.apply(Number, "main-line", &number).await;
    fx.ready(Number, "main-line").await;
    fx.room("standup", room.clone()).await;
    fx.ready(Room, "standup").await;
    assert!(fx.operator().terminate().await.success());
    let before = [
        lost(fx, Room, "standup").await,
        lost(fx, Number, "main-line").await,
    ];
    let mark = fx.mark().await;

    fx.room("standup", room.clone()).await;
    fx.apply(Number, "main-line", &number).await;
    start(fx, &[]).await;
    let taken = |reason| ("Stalled", "True", reason);
    fx.condition(Room, "standup", taken("NameTaken")).await;
    fx.condition(Number, "main-line", taken("NumberInUse"))
        .await;
    room["adoptionPolicy"] = json!("AdoptOrCreate");
    number["adoptionPolicy"] = json!("AdoptOrCreate");
    fx.room("standup", room).await;
    fx.apply(Number, "main-line", &number).await;
    let after = [
        fx.ready(Room, "standup").await,
        fx.ready(Number, "main-line").await,
    ];
    assert_eq!(after[0].pin(), before[0].pin());
    assert_eq!(after[0].dial_string(), before[0].dial_string());
    for field in ["/status/room/id", "/status/expirationTime"] {
        assert_eq!(after[0].at(field), before[0].at(field));
    }
    assert_eq!(
        after[1].at("/status/configId"),
        before[1].at("/status/configId")
    );
    fx.journal_since(mark)
        .await
        .expect_no_write("all is as it was");
}
