//! An object does not lose what is its own, whatever happens between the writes that record it.

use std::sync::Arc;

use daily_sim::{FaultKind, FaultSpec};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Setup};
use crate::objects::Kind::Room;
use crate::stage::Stage;
use crate::stake::Stake;
use crate::wait::{SOON, until};

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let crash = || Setup::new().stop_at("room-create:between");
    vec![
        stage.trial(
            "ownership::edited_while_it_was_made",
            crash(),
            edited_while_it_was_made,
        ),
        stage.trial(
            "ownership::not_shown_for_a_while",
            Setup::new(),
            not_shown_for_a_while,
        ),
    ]
}

fn chosen() -> Value {
    json!({"ttl": "2h", "roomName": "board"})
}

async fn is_deleted_with_its_room(fx: &Fixture) {
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let left = fx.rooms_at_daily().await;
    assert!(left.is_empty(), "a room that nobody knows of: {left:#?}");
    assert_eq!(fx.journal().await.done("DELETE", "/rooms/board"), 1);
}

/// The create ran, the process ended, and the spec was edited before the next one began: the room
/// is known by what was sent, not by what the spec says now.
async fn edited_while_it_was_made(fx: &mut Fixture) {
    fx.room("standup", chosen()).await;
    fx.operator().crashed().await;
    let mut edited = chosen();
    edited["privacy"] = json!("Private");
    edited["dialin"] = json!({"displayName": "Other", "waitForMeetingStart": false});
    fx.room("standup", edited).await;
    fx.age_lease().await;
    fx.start_operator(&[]).await;
    let room = fx.ready(Room, "standup").await;
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0]["id"], room.text("/status/room/id"));
    assert_eq!(rooms[0]["privacy"], "private");
    is_deleted_with_its_room(fx).await;
}

/// Daily shows the room neither by its name nor in listings, and says that it exists when it is to
/// be recreated. Then it shows it again: the same room, with the same PIN.
async fn not_shown_for_a_while(fx: &mut Fixture) {
    fx.room("standup", chosen()).await;
    let stake = Stake::of(fx, Room, "standup").await;
    let answer = |status, body| FaultKind::Status {
        status,
        body: Some(body),
        headers: Default::default(),
    };
    let nothing = answer(200, json!({"total_count": 0, "data": []}));
    let exists = "a room named board already exists";
    let exists = answer(
        400,
        json!({"error": "invalid-request-error", "info": exists}),
    );
    let unknown = answer(404, json!({"error": "not-found"}));
    let mark = fx.mark().await;
    for (method, path, kind) in [
        ("GET", "/rooms", nothing),
        ("GET", "/rooms/board", unknown),
        ("POST", "/rooms", exists),
    ] {
        let fault = FaultSpec::next(method, path, kind).times(0);
        fx.sim.fault(&fault).await.expect("the fault is installed");
    }
    until("the create is refused", SOON, async || {
        let refused = fx.journal_since(mark).await.calls("POST", "/rooms").len();
        (refused > 0).then_some(()).ok_or("it is not sent")
    })
    .await;
    fx.sim.clear_faults().await.expect("the faults go");
    stake.is_untouched(fx).await;
    is_deleted_with_its_room(fx).await;
}
