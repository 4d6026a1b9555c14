//! An end moves nearer only for the room that is the object's, and only as long as the spec says so.

use std::sync::Arc;
use std::time::Duration;

use daily_sim::{FaultKind, FaultSpec};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, Setup};
use crate::objects::Kind::Room;
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::{LATER, SOON, until, until_true};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    // Only the edit may show that the room is another one.
    let unlisted = Setup::new().value("driftInterval", json!("1h"));
    let patient = Setup::new().value("quietPeriod", json!("8s"));
    let ahead = Setup::new().clock_behind(Duration::from_secs(600));
    let ahead = ahead.without_operator();
    vec![
        stage.trial(
            "ends::nearer_spares_a_room_of_others",
            unlisted,
            spares_others,
        ),
        stage.trial("ends::nearer_that_runs_late_is_undone", patient, runs_late),
        stage.trial(
            "ends::our_clock_alone_ends_nothing",
            ahead,
            our_clock_is_ahead,
        ),
    ]
}

/// The room was deleted by hand, and somebody else has made one of its name.
async fn spares_others(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "2h", "roomName": "board"}))
        .await;
    fx.ready(Room, "standup").await;
    fx.by_hand.delete("/rooms/board").await.expect("answers");
    let exp = Timestamp::now().as_second() + 7200;
    let theirs = json!({"name": "board", "properties": {"exp": exp, "eject_at_room_exp": true}});
    fx.by_hand.post("/rooms", &theirs).await.expect("answers");
    fx.sim.join("board", "somebody").await.expect("joins");
    let theirs = fx.room_at_daily("board").await;
    let mark = fx.mark().await;
    let edited = fx
        .room("standup", json!({"ttl": "10s", "roomName": "board"}))
        .await;
    let seen = |room: &Object| {
        let now = room.at("/status/observedGeneration").as_i64() >= edited.generation();
        now && !room.has("Ready", "True", "Available")
    };
    fx.until(Room, "standup", "is not Ready any more", SOON, seen)
        .await;
    assert_eq!(fx.room_at_daily("board").await, theirs);
    let journal = fx.journal_since(mark).await;
    journal.expect_no_write("the room is somebody else's");
}

/// An edit is taken back while the call that carries it is under way.
async fn runs_late(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "2h"})).await;
    let before = fx.ready(Room, "standup").await;
    let path = format!("/rooms/{}", before.room_name());
    let late = FaultKind::ExecuteAfter(Duration::from_secs(4));
    let fault = FaultSpec::next("POST", &path, late);
    fx.sim.fault(&fault).await.expect("the fault is installed");
    let mark = fx.mark().await;
    fx.room("standup", json!({"ttl": "10m"})).await;
    fx.fault_applies().await;
    fx.room("standup", json!({"ttl": "2h"})).await;
    let exp = async || {
        let room = fx.room_at_daily(before.room_name()).await;
        room["config"]["exp"].as_i64().expect("it has an end")
    };
    let end: Timestamp = before
        .text("/status/expirationTime")
        .parse()
        .expect("is a time");
    until("the late call has run", SOON, async || {
        let ran = fx.journal_since(mark).await.done("POST", &path);
        (ran > 0).then_some(()).ok_or("it has not")
    })
    .await;
    until("the end of the spec is back", LATER, async || {
        let exp = exp().await;
        (exp == end.as_second()).then_some(()).ok_or(exp)
    })
    .await;
    let kept = |room: &Object| {
        let time = "/status/expirationTime";
        room.is_ready() && room.text(time) == before.text(time)
    };
    let after = fx
        .until(Room, "standup", "keeps its end", LATER, kept)
        .await;
    assert_eq!(after.pin(), before.pin());
}

/// When the operator sees the object for the first time its end has passed by our clock, and by
/// Daily's it has not.
async fn our_clock_is_ahead(fx: &mut Fixture) {
    let end = Timestamp::now() + SignedDuration::from_secs(2);
    let end: Timestamp = format!("{end:.0}").parse().expect("is a time");
    fx.room("standup", json!({"expirationTime": end.to_string()}))
        .await;
    until_true("it has passed", SOON, async || Timestamp::now() > end).await;
    fx.start_operator(&[]).await;
    until("Daily is asked again and again", SOON, async || {
        let looks = fx.journal().await.calls("GET", "/rooms*").len();
        (looks > 2).then_some(()).ok_or(looks)
    })
    .await;
    let between = fx.get(Room, "standup").await;
    assert!(
        !between.has("Expired", "True", "Expired"),
        "Daily's clock disagrees"
    );
    assert!(
        fx.events("standup")
            .await
            .iter()
            .all(|it| it.reason.as_deref() != Some("Expired"))
    );

    fx.sim
        .advance(Duration::from_secs(700))
        .await
        .expect("the clock moves");
    let ended = |room: &Object| room.has("Expired", "True", "Expired");
    let after = fx.until(Room, "standup", "is Expired", LATER, ended).await;
    if fx.journal().await.done("POST", "/rooms") == 0 {
        let message = after.condition("Expired").expect("is there").message;
        assert!(
            !message.contains("has ended as planned"),
            "there was no room: {message}"
        );
    }
}
