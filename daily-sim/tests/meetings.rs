//! What the records of meetings show.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use serde_json::{Value, json};
use support::{GLOBAL_NUMBER, Stage, ok, pin_of, refused, text};

impl Stage {
    async fn meetings(&self, query: &str) -> Vec<Value> {
        let shown = ok(self.api.get(&format!("/meetings{query}")).await);
        shown["data"].as_array().expect("is a list").clone()
    }

    async fn join(&self, room: &str, user_name: &str) {
        self.phone.join(room, user_name).await.expect("joins");
    }

    async fn leave(&self, room: &str, user_name: &str) {
        self.phone.leave(room, user_name).await.expect("leaves");
    }
}

/// F-MEET-1, F-MEET-3, F-MEET-5: after 10 s, in steps of 15 s.
#[tokio::test]
async fn a_meeting_is_recorded_late_and_in_steps() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    let start = stage.now().await;
    stage.join("a", "Ann").await;
    stage.join("a", "Bob").await;
    stage.advance(8).await;
    assert!(stage.meetings("").await.is_empty());
    stage.advance(4).await;
    let meeting = stage.meetings("").await.remove(0);
    assert_eq!(meeting["duration"], 0);
    stage.advance(20).await;
    let meeting = stage.meetings("?room=a&ongoing=true").await.remove(0);
    let started = meeting["start_time"].as_i64().expect("is a number");
    assert!((start..=start + 1).contains(&started));
    assert_eq!(
        (&meeting["duration"], &meeting["max_participants"]),
        (&json!(30), &json!(2))
    );
    let participants = meeting["participants"].as_array().expect("is a list");
    assert_eq!(participants.len(), 2);
    assert_eq!(
        participants[0],
        json!({
            "user_id": null, "participant_id": participants[0]["participant_id"],
            "user_name": "Ann", "join_time": started, "duration": 30
        })
    );

    stage.advance(7).await;
    stage.leave("a", "Ann").await;
    stage.leave("a", "Bob").await;
    assert_eq!(
        stage.meetings("").await[0]["ongoing"],
        true,
        "a step is not over"
    );
    stage.advance(7).await;
    let ended = stage.meetings("?ongoing=false").await.remove(0);
    let duration = ended["duration"].as_i64().expect("is a number");
    assert!((39..=40).contains(&duration), "{duration}");
}

/// F-MEET-3: who was there for less than 10 s is in no record. F-MEET-5: 30 s alone make a meeting.
#[tokio::test]
async fn short_visits_are_no_meetings() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    stage.join("a", "Ann").await;
    stage.advance(20).await;
    assert!(stage.meetings("").await.is_empty(), "alone");
    stage.join("a", "Bob").await;
    stage.advance(5).await;
    stage.leave("a", "Bob").await;
    stage.advance(6).await;
    let meeting = stage.meetings("").await.remove(0);
    assert_eq!(
        meeting["participants"].as_array().expect("is a list").len(),
        1
    );
}

/// F-MEET-5: each time the room is empty a meeting ends. F-MEET-1: newest first.
#[tokio::test]
async fn another_meeting_begins_after_the_last_has_left() {
    let stage = Stage::new().await;
    stage.room("a", json!({})).await;
    for name in ["Ann", "Bob"] {
        stage.join("a", name).await;
        stage.advance(40).await;
        stage.leave("a", name).await;
        stage.advance(40).await;
    }
    let meetings = stage.meetings("").await;
    assert_eq!(meetings.len(), 2);
    assert_eq!(meetings[0]["participants"][0]["user_name"], "Bob");
    let start = |place: usize| meetings[place]["start_time"].as_i64().expect("is a number");
    let (newer, older) = (start(0), start(1));
    // A time frame is one of starts, from its first second to before its last.
    for (frame, found) in [
        (format!("?timeframe_start={older}"), meetings.clone()),
        (
            format!("?timeframe_start={}", older + 1),
            vec![meetings[0].clone()],
        ),
        (format!("?timeframe_end={newer}"), vec![meetings[1].clone()]),
        (format!("?timeframe_end={}", newer + 1), meetings.clone()),
        (format!("?timeframe_end={older}"), vec![]),
    ] {
        assert_eq!(stage.meetings(&frame).await, found, "{frame}");
    }
    let one = ok(stage.api.get("/meetings?limit=1&room=a").await);
    assert_eq!(
        one["total_count"], 2,
        "of all that match, whatever the page"
    );
    let first = text(&meetings[0]["id"]);
    assert_eq!(
        stage.meetings(&format!("?starting_after={first}")).await,
        [meetings[1].clone()]
    );
    assert_eq!(stage.meetings("?limit=1").await.len(), 1);
    assert!(
        stage.meetings("?no_participants=true").await[0]
            .get("participants")
            .is_none()
    );
}

/// F-MEET-2, F-MEET-4: beyond the last participant there is a 404.
#[tokio::test]
async fn one_meeting_is_read_by_its_id() {
    let stage = Stage::new().await;
    let none = ok(stage.api.get("/meetings?room=never").await);
    assert_eq!(none, json!({"total_count": 0, "data": []}));
    stage.room("a", json!({})).await;
    for name in ["Ann", "Bob", "Eve"] {
        stage.join("a", name).await;
    }
    stage.advance(40).await;
    let mut listed = stage.meetings("").await.remove(0);
    let id = text(&listed["id"]);
    let people = listed
        .as_object_mut()
        .expect("is an object")
        .remove("participants");
    let people = people.expect("are listed");
    assert_eq!(ok(stage.api.get(&format!("/meetings/{id}")).await), listed);
    let path = format!("/meetings/{id}/participants");
    assert_eq!(ok(stage.api.get(&path).await), json!({"data": people}));
    let bob = text(&people[1]["participant_id"]);
    let after = ok(stage.api.get(&format!("{path}?joined_after={bob}")).await);
    assert_eq!(after, json!({"data": [people[2]]}));
    let before = ok(stage
        .api
        .get(&format!("{path}?joined_before={bob}&limit=1"))
        .await);
    assert_eq!(before, json!({"data": [people[0]]}));
    let eve = text(&people[2]["participant_id"]);
    let beyond = stage.api.get(&format!("{path}?joined_after={eve}")).await;
    refused(beyond, 404, "not-found", "participants");
    for (api, id) in [(&stage.api, "none"), (&stage.other, id.as_str())] {
        refused(
            api.get(&format!("/meetings/{id}")).await,
            404,
            "not-found",
            "meeting",
        );
    }
}

/// F-CALL-9, F-MEET-1: callers are in the records from when their hold ended, or from its beginning.
#[tokio::test]
async fn callers_are_in_the_records() {
    let stage = Stage::new().await;
    let room = stage.dialin_room("a", true).await;
    let dialled = format!("{GLOBAL_NUMBER},,{}", pin_of(&room));
    stage.phone.dial(&dialled).await.expect("dials");
    stage.advance(60).await;
    assert!(stage.meetings("").await.is_empty());
    stage.join("a", "Ann").await;
    stage.advance(31).await;
    let caller = |meetings: Vec<Value>| {
        let people = meetings[0]["participants"]
            .as_array()
            .expect("is a list")
            .clone();
        let found = people.into_iter().find(|it| it["user_name"] == "Caller");
        found.expect("is recorded")["duration"].clone()
    };
    assert_eq!(caller(stage.meetings("").await), 30);
    let set = stage.phone.set_quirk("hold-presence", "present").await;
    set.expect("is set");
    assert_eq!(caller(stage.meetings("").await), 90);
}
