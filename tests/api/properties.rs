//! Properties of a room beside its end and its `dialin`: what an edit sends, and what somebody changes at
//! Daily.

use std::sync::Arc;

use daily_sim::Outcome;
use k8s_openapi::jiff::Timestamp;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::edit::{change_by_hand, seconds, the_update, update_of};
use crate::fixture::{Fixture, Setup};
use crate::objects::Kind::Room;
use crate::stage::{Affected::By, Stage};
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let joined = [
        stage.under_each_answer(
            "properties::max_participants",
            Setup::new(),
            By(&["pin-on-update", "reads"]),
            max_participants,
        ),
        stage.under_each_answer(
            "properties::not_before",
            Setup::new(),
            By(&["pin-on-update", "pin-on-exp", "past-nbf", "nbf-for-callers"]),
            not_before,
        ),
    ];
    joined.into_iter().flatten().collect()
}

/// The properties of the room at Daily become these, by one update with this body.
async fn is_put_back(fx: &Fixture, mark: u64, body: Value) {
    until("the properties are put back", SOON, async || {
        match fx.journal_since(mark).await.writes().len() {
            0 => Err("nothing was sent"),
            _ => Ok(()),
        }
    })
    .await;
    fx.event("standup", "Normal", "DriftCorrected").await;
    let room = fx.get(Room, "standup").await;
    let sent = the_update(&fx.journal_since(mark).await, &room);
    assert_eq!(sent, body);
}

async fn max_participants(fx: &mut Fixture) {
    let twenty = json!({"ttl": "1h", "maxParticipants": 20});
    fx.room("standup", twenty.clone()).await;
    let room = fx.ready(Room, "standup").await;
    let shown = async || fx.rooms_at_daily().await[0]["config"]["max_participants"].clone();
    assert_eq!(shown().await, 20);
    let plain = update_of(fx, json!({"ttl": "1h"})).await;
    assert_eq!(plain, json!({"properties": {"max_participants": null}}));
    let again = update_of(fx, twenty).await;
    assert_eq!(again, json!({"properties": {"max_participants": 20}}));
    let five = json!({"properties": {"max_participants": 5}});
    change_by_hand(fx, &room, &five).await;
    is_put_back(fx, fx.mark().await, again).await;
}

/// Nobody joins before the start, and a ttl counts from it. The start and the end move together in one
/// update; a start in the past keeps nobody out, so that it is taken away at Daily.
async fn not_before(fx: &mut Fixture) {
    let start = Timestamp::now().as_second() + 3600;
    let spec = |start: i64| {
        let start = Timestamp::from_second(start).expect("is a time");
        json!({"ttl": "1h", "notBeforeTime": start.to_string()})
    };
    fx.room("standup", spec(start)).await;
    let room = fx.ready(Room, "standup").await;
    let config = fx.rooms_at_daily().await[0]["config"].clone();
    assert_eq!(
        (&config["nbf"], &config["exp"]),
        (&json!(start), &json!(start + 3600))
    );
    assert_eq!(seconds(&room, "/status/expirationTime"), start + 3600);
    let call = async |room: &str| fx.sim.dial(room).await.expect("it can be dialled").outcome;
    let early = match fx.answer("nbf-for-callers") {
        "holds" => Outcome::Dropped,
        _ => Outcome::OnHold,
    };
    assert_eq!(call(room.dial_string()).await, early);

    let moved = update_of(fx, spec(start + 600)).await;
    let later = json!({"properties": {"exp": start + 4200, "nbf": start + 600}});
    assert_eq!(moved, later);
    change_by_hand(fx, &room, &json!({"properties": {"nbf": start}})).await;
    is_put_back(
        fx,
        fx.mark().await,
        json!({"properties": {"nbf": start + 600}}),
    )
    .await;

    // The end of a room without a start counts from the creation of its object.
    let created = seconds(&room, "/metadata/creationTimestamp");
    until(
        "the PIN of the last update is published",
        SOON,
        async || {
            let at_daily = fx.rooms_at_daily().await[0]["config"]["dialin_code"].clone();
            let told = fx.get(Room, "standup").await;
            (told.pin() == at_daily.as_str())
                .then_some(())
                .ok_or("another one")
        },
    )
    .await;
    let past = update_of(fx, spec(created - 60)).await;
    assert_eq!(
        past,
        json!({"properties": {"exp": created + 3600, "nbf": null}})
    );
    let room = fx.get(Room, "standup").await;
    assert_eq!(call(room.dial_string()).await, Outcome::OnHold);
}
