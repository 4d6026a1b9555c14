//! What people look at: the page, and what it reads.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use daily_sim::types::{Numbers, Rooms};
use http::StatusCode;
use serde_json::json;
use support::{
    GLOBAL_NUMBER, KEY, NUMBER, OTHER_KEY, OTHER_NUMBER, SECOND_NUMBER, Stage, ok, pin_of, text,
};

impl Stage {
    async fn look(&self, path: &str) -> reqwest::Response {
        let url = format!("{}{path}", self.sim.origin());
        reqwest::get(url).await.expect("is answered")
    }

    async fn rooms(&self, query: &str) -> Rooms {
        let answer = self.look(&format!("/sim/rooms{query}")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("is a list of rooms")
    }
}

fn names(rooms: &Rooms) -> Vec<&str> {
    rooms.rooms.iter().map(|room| room.name.as_str()).collect()
}

/// F-PIN-15: a room without numbers of its own is dialled at the earliest of its account.
#[tokio::test]
async fn a_room_is_told_with_what_a_caller_needs() {
    let stage = Stage::new().await;
    let made = stage.dialin_room("a", true).await;
    let chosen = json!({"dialin": {"room_numbers": [{"phone_number": SECOND_NUMBER}]}});
    stage.advance(1).await;
    stage.room("b", chosen).await;
    stage.advance(1).await;
    stage.room("c", json!({})).await;
    stage.phone.join("a", "Ann").await.expect("joins");
    stage.configure(NUMBER).await;
    let dial_string = format!("{NUMBER},,{}", pin_of(&made));
    let call = stage.phone.dial(&dial_string).await.expect("is answered");

    let told = stage.rooms("").await;
    assert_eq!((names(&told), told.total), (vec!["c", "b", "a"], 3));
    let [c, b, a] = told.rooms.as_slice() else {
        panic!("three rooms")
    };
    assert_eq!((&c.dialin_code, c.phone_numbers.len()), (&None, 0));
    assert_eq!(b.phone_numbers, [SECOND_NUMBER]);
    assert_eq!(a.dialin_code, Some(pin_of(&made)));
    assert_eq!(a.phone_numbers, [NUMBER]);
    assert_eq!(
        (a.account.as_str(), &a.id, &a.url),
        ("demo", &text(&made["id"]), &text(&made["url"]))
    );
    let end = a.expiration_time.expect("ends").as_second();
    assert_eq!(json!(end), made["config"]["exp"]);
    assert_eq!(
        (&a.people, &a.callers),
        (&vec!["Ann".into()], &vec![call.call_id])
    );
}

#[tokio::test]
async fn rooms_of_all_accounts_or_of_one_are_told_until_they_expire() {
    let stage = Stage::new().await;
    stage.dialin_room("a", true).await;
    stage.advance(1).await;
    ok(stage.other.post("/rooms", &json!({"name": "b"})).await);
    assert_eq!(names(&stage.rooms("").await), ["b", "a"]);
    assert_eq!(names(&stage.rooms("?account=other").await), ["b"]);
    stage.advance(3600).await;
    let told = stage.rooms("").await;
    assert_eq!((names(&told), told.total), (vec!["b"], 1));
    for (query, status) in [("?account=nobody", 404), ("?acount=demo", 400)] {
        let answer = stage.look(&format!("/sim/rooms{query}")).await;
        assert_eq!(answer.status().as_u16(), status, "{query}");
        assert!(answer.text().await.expect("is text").contains("error"));
    }
}

#[tokio::test]
async fn of_very_many_rooms_the_newest_are_told() {
    let stage = Stage::new().await;
    for number in 0..201 {
        let wish = json!({"name": format!("room-{number}")});
        ok(stage.api.post("/rooms", &wish).await);
        if number == 0 {
            stage.advance(1).await;
        }
    }
    let told = stage.rooms("").await;
    assert_eq!((told.rooms.len(), told.total), (200, 201));
    assert!(!names(&told).contains(&"room-0"));
}

/// F-CFG-2, F-GLOB-2.
#[tokio::test]
async fn numbers_are_told_with_their_configs() {
    let stage = Stage::new().await;
    let config = stage.configure(SECOND_NUMBER).await;
    let told: Numbers = (stage.look("/sim/numbers").await.json().await).expect("is read");
    let numbers: Vec<_> = (told.numbers.iter())
        .map(|number| (number.account.as_str(), number.phone_number.as_str()))
        .collect();
    assert_eq!(
        numbers,
        [
            ("demo", NUMBER),
            ("demo", SECOND_NUMBER),
            ("other", OTHER_NUMBER)
        ]
    );
    assert_eq!(told.numbers[0].dialin_config, None);
    let shown = told.numbers[1].dialin_config.as_ref().expect("is there");
    assert_eq!(
        (&shown.id, shown.kind.as_str()),
        (&text(&config["id"]), "pin_dialin")
    );
    assert!(told.global.contains(&GLOBAL_NUMBER.to_owned()));
}

#[tokio::test]
async fn the_end_of_the_journal_can_be_asked_for() {
    let stage = Stage::new().await;
    for _ in 0..3 {
        ok(stage.api.get("/rooms").await);
    }
    let told = stage.look("/sim/journal?last=2").await;
    let told: serde_json::Value = told.json().await.expect("is JSON");
    let entries = told["entries"].as_array().expect("is a list");
    let seqs: Vec<_> = entries.iter().map(|entry| entry["seq"].clone()).collect();
    assert_eq!((seqs, &told["last"]), (vec![json!(2), json!(3)], &json!(3)));
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_is_not_kept() {
    let stage = Stage::new().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = stage.look(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        for (name, value) in [
            ("content-type", kind),
            ("content-security-policy", "default-src 'self'"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}");
        }
    }
}

#[tokio::test]
async fn no_key_is_told() {
    let stage = Stage::new().await;
    stage.dialin_room("a", true).await;
    for path in ["/sim/rooms", "/sim/numbers", "/sim/journal?last=9"] {
        let told = stage.look(path).await.text().await.expect("is text");
        assert!(!told.contains(KEY) && !told.contains(OTHER_KEY), "{told}");
    }
}
