//! The check of losses sees each kind of loss.

use daily_sim::JournalEntry;
use serde_json::{Value, json};

use super::{Drain, Known};
use crate::audit::{Named, Story};

const BEGAN: &str = "2026-01-01T00:00:00Z";

fn call(seq: u64, method: &str, path: &str, id: Option<&str>, body: Value) -> JournalEntry {
    let entry = json!({
        "seq": seq, "time": BEGAN, "elapsedMs": seq * 1000, "account": "acme", "method": method,
        "path": path, "query": null, "status": 200, "body": body, "roomId": id, "fault": null,
    });
    serde_json::from_value(entry).expect("is an entry")
}

fn named(plural: &str, name: &str) -> Named {
    Named {
        plural: plural.to_owned(),
        namespace: "team".to_owned(),
        name: name.to_owned(),
    }
}

/// `standup` holds room-1 and `main-line` holds config-1. What is `condemned` was so two seconds
/// after the begin.
fn known(condemned: &[Named]) -> Known {
    let asked = "2026-01-01T00:00:02Z".parse().expect("is a time");
    let story = Story {
        condemned: condemned.iter().map(|it| (it.clone(), asked)).collect(),
        reported: vec![
            (
                named("dailyrooms", "standup"),
                "the id is room-1".to_owned(),
            ),
            (
                named("pindialinnumbers", "main-line"),
                "the id is config-1, or pin_dialin:+1".to_owned(),
            ),
        ],
    };
    let number = ("+1".to_owned(), "team".to_owned(), "main-line".to_owned());
    Known {
        began: BEGAN.parse().expect("is a time"),
        stories: vec![story],
        numbers: [number].into(),
        ..Known::default()
    }
}

pub fn sees_who_lost_what() {
    let standup = named("dailyrooms", "standup");
    let evil = named("dailyrooms", "evil");
    let main_line = named("pindialinnumbers", "main-line");
    let end = |end: i64| json!({"properties": {"exp": end}});
    let room = |seq| call(seq, "DELETE", "/rooms/board", Some("room-1"), Value::Null);
    let config = |method, body| call(3, method, "/domain-dialin-config/config-1", None, body);
    let nearer = |id| {
        vec![
            call(1, "POST", "/rooms", Some(id), end(2000)),
            call(2, "POST", "/rooms/board", Some(id), end(1000)),
        ]
    };
    let moved = |number: &str| vec![config("PUT", json!({"phone_number": number}))];

    let list = |seq, entries: Value| {
        let body = json!({"properties": {"pin_dialin": entries}});
        call(seq, "POST", "/", None, body)
    };
    let (ours, theirs) = (json!({"phone_number": "+1"}), json!({"phone_number": "+3"}));
    let both = || list(1, json!([ours, theirs]));
    let created = || {
        let body = json!({"type": "pin_dialin", "phone_number": "+1"});
        call(4, "POST", "/domain-dialin-config", None, body)
    };
    let by_hand = |mut known: Known, seq| {
        known.by_hand.insert(seq);
        known
    };
    let changed = json!([{"phone_number": "+1", "name_prefix": "new"}, theirs]);

    let harmless = [
        (
            known(std::slice::from_ref(&main_line)),
            vec![both(), list(3, json!([theirs]))],
        ),
        (known(&[]), vec![both(), list(3, changed)]),
        (
            known(&[]),
            vec![both(), list(3, json!([theirs])), created()],
        ),
        (
            known(&[]),
            vec![config("DELETE", Value::Null), list(4, json!([ours]))],
        ),
        (by_hand(known(&[]), 3), vec![both(), list(3, json!([]))]),
        (by_hand(known(&[]), 1), vec![both(), list(3, json!([ours]))]),
        (known(std::slice::from_ref(&standup)), vec![room(3)]),
        (known(&[named("dailyrooms", "")]), vec![room(3)]),
        (known(&[]), nearer("room-1")),
        (known(&[]), moved("+1")),
        (known(&[main_line]), vec![config("DELETE", Value::Null)]),
    ];
    for (known, calls) in harmless {
        assert_eq!(known.check(&calls), Ok(()));
    }
    // Somebody was inside for a minute, when the deletion was two seconds old.
    let puts_out = |spec: Value, shown: i64| {
        let mut known = known(std::slice::from_ref(&standup));
        let object = ("team".to_owned(), "standup".to_owned());
        let mut drain = Drain::default();
        drain.note(&spec);
        known.drains = vec![[(object, drain)].into()];
        let mut call = room(4);
        call.put_out = vec![shown];
        known.check(&[call])
    };
    assert_eq!(puts_out(json!({}), 9), Ok(()), "nobody could see them");
    assert_eq!(puts_out(json!({"deletionPolicy": "Delete"}), 60), Ok(()));
    for spec in [
        json!({}),
        json!({"maxDrain": "10s"}),
        json!({"maxDrain": "2m"}),
    ] {
        assert!(puts_out(spec.clone(), 60).is_err(), "{spec}");
    }
    let mut shared = known(&[]);
    let reported = (evil.clone(), "the id is room-1".to_owned());
    shared.stories[0].reported.push(reported);
    let read = call(2, "GET", "/", None, Value::Null);
    let losses = [
        (
            by_hand(known(&[]), 1),
            vec![both(), read, list(3, json!([ours]))],
        ),
        (known(&[]), vec![both(), list(3, json!([theirs]))]),
        (
            known(&[]),
            vec![
                both(),
                list(3, json!([ours, {"phone_number": "+3", "x": 1}])),
            ],
        ),
        (known(&[]), vec![config("DELETE", Value::Null), created()]),
        (known(&[standup]), vec![room(1)]),
        (known(&[evil]), vec![room(3)]),
        (known(&[]), nearer("room-2")),
        (shared, nearer("room-1")),
        (known(&[]), moved("+2")),
        (known(&[]), vec![config("DELETE", Value::Null)]),
    ];
    for (known, calls) in losses {
        let seen = known.check(&calls);
        assert!(seen.is_err(), "{calls:#?}");
    }
}
