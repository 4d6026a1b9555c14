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
                "the id is config-1".to_owned(),
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

    let harmless = [
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
    let losses = [
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
