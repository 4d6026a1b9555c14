//! Ready is True exactly while callers are served.

use std::sync::Arc;

use daily_sim::Outcome;
use libtest_mimic::Trial;
use serde_json::json;

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::Kind::Room;
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::LATER;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![stage.trial(
        "served::not_by_a_number_without_config",
        Setup::new(),
        number_without_config,
    )]
}

/// The config of a number that a room names is deleted by hand: nobody picks up.
async fn number_without_config(fx: &mut Fixture) {
    let config = json!({"type": "pin_dialin", "phone_number": NUMBER});
    let made = fx.by_hand.post("/domain-dialin-config", &config).await;
    let id = made.expect("Daily answers").body["id"].clone();
    let spec = json!({"ttl": "1h", "dialin": {"roomNumbers": [{"phoneNumber": NUMBER}]}});
    fx.room("standup", spec).await;
    let room = fx.ready(Room, "standup").await;
    let path = format!("/domain-dialin-config/{}", id.as_str().expect("it has one"));
    fx.by_hand.delete(&path).await.expect("Daily answers");
    let call = fx
        .sim
        .dial(room.dial_string())
        .await
        .expect("it can be dialled");
    assert_eq!(call.outcome, Outcome::NotAnswered, "{call:?}");
    let not_served = |room: &Object| room.has("Ready", "False", "NumberNotReady");
    fx.until(Room, "standup", "says so", LATER, not_served)
        .await;

    fx.by_hand
        .post("/domain-dialin-config", &config)
        .await
        .expect("Daily answers");
    let after = fx.ready(Room, "standup").await;
    assert_eq!(after.dial_string(), room.dial_string());
}
