//! The points on which nobody knows how Daily answers, each under the less likely answer.

use super::keep::{by_name, serves, serves_well, updates};
use super::*;
use crate::daily::pins::PinChanges;
use crate::room::view::{NumberProblem, Refusal};

fn two_numbers(it: &mut Room) {
    let dialin = it.config.dialin.as_mut().unwrap();
    dialin.insert("room_numbers".into(), json!([{"phone_number": NUMBER}]));
}

fn whole() -> Value {
    json!({"display_name": "Phone Caller", "wait_for_meeting_start": true})
}

fn change(properties: Value) -> RoomChange {
    RoomChange {
        privacy: None,
        properties: serde_json::from_value(properties).unwrap(),
    }
}

/// F-ROOM-22: where an update merges, numbers that are left out stay, and an empty list is sent.
#[test]
fn numbers_that_an_update_leaves_out_are_taken_away_in_both_ways() {
    let surplus = by_name(two_numbers);
    updates(&surplus, None, json!({"dialin": whole()}), false);
    let merges = surplus.with(|it| it.memory.merges = true);
    let mut with_list = whole();
    with_list["room_numbers"] = json!([]);
    updates(&merges, None, json!({"dialin": with_list}), false);
    let emptied = by_name(|it| {
        let dialin = it.config.dialin.as_mut().unwrap();
        dialin.insert("room_numbers".into(), json!([]));
    });
    serves_well(&emptied);

    let left_out = change(json!({"dialin": whole()}));
    let with_list = change(json!({"dialin": with_list}));
    let mut kept = room(&serving());
    two_numbers(&mut kept);
    assert!(keeps_numbers(&kept, &left_out) && !keeps_numbers(&kept, &with_list));
    assert!(!keeps_numbers(&room(&serving()), &left_out));
}

/// An update that is answered as done and not shown is not sent again and again; what is not shown
/// at all cannot be compared (F-PIN-9).
#[test]
fn it_is_told_whether_a_room_shows_a_change() {
    let shown = room(&serving());
    let table = [
        (json!({"exp": END}), true),
        (json!({"exp": END + 1}), false),
        (json!({"eject_at_room_exp": true}), true),
        (json!({"eject_at_room_exp": false}), false),
        (json!({"dialin": whole()}), true),
        (json!({"dialin": {"display_name": "Other"}}), false),
        (
            json!({"dialin": {"display_name": "Phone Caller", "more": 1}}),
            true,
        ),
        (
            json!({"exp": END, "dialin": {"display_name": "Other"}}),
            false,
        ),
    ];
    for (properties, expected) in table {
        assert_eq!(
            shows(&shown, &change(properties.clone())),
            expected,
            "{properties}"
        );
    }
    let private = RoomChange {
        privacy: Some("private"),
        ..RoomChange::default()
    };
    assert!(!shows(&shown, &private));
    let mut silent = shown;
    silent.config.dialin = None;
    assert!(shows(
        &silent,
        &change(json!({"dialin": {"display_name": "Other"}}))
    ));
}

#[test]
fn a_change_that_daily_does_not_heed_is_told_and_rests() {
    let private = by_name(|it| it.privacy = "private".into());
    let back = RoomChange {
        privacy: Some("public"),
        ..RoomChange::default()
    };
    let unheeded = private.with(|it| {
        it.memory.refusal = Some(Refusal {
            what: naming::fingerprint(&json!(back)),
            info: "it does not show it".into(),
            at: it.now.moment,
            until: it.now.moment.after(SOON),
            times: 1,
        });
    });
    let trouble = Trouble {
        reason: Reason::RejectedByDaily,
        message: "Daily refuses the change of the room: it does not show it".into(),
        needs: Needs::Person,
        served: true,
    };
    let again = Again::Drift(Some(END));
    serves(&unheeded, card(&unheeded), Some(trouble), again);
}

/// F-PIN-10: where listings show no PIN, the room is asked now and then.
#[test]
fn a_pin_that_listings_do_not_show_is_asked_for_by_name_now_and_then() {
    let hidden = serving().sees(Word::Listing, |it| it.config.dialin_code = None);
    looks(&hidden, Look::Room);
    let named = |seconds| hidden.clone().sight(|it| it.named = Some(ago(seconds)));
    serves_well(&named(3 * 300 + 149));
    looks(&named(3 * 300 + 150), Look::Room);
    // Where they show it, nobody has to be asked.
    serves_well(&serving());
}

/// F-PIN-22: a room that lost its end does not end; it is given one again.
#[test]
fn an_end_that_was_taken_away_is_put_back() {
    let endless = |view: View| view.sees(Word::Name, |it| it.config.exp = None).looked();
    updates(&endless(serving()), None, json!({"exp": END}), false);
    let over = endless(serving()).wall(END + 60).date(END + 60);
    updates(&over, None, json!({"exp": END + 63}), false);
    looks(&over.with(|it| it.looked = false), Look::Room);
}

/// The end that is put back moves on with the clock, and what Daily refuses of it is not sent again.
#[test]
fn an_end_that_passed_is_refused_once_and_not_each_second() {
    let over = |seconds| {
        let endless = serving().sees(Word::Name, |it| it.config.exp = None);
        endless.looked().wall(END + seconds).date(END + seconds)
    };
    let Plan::Act(Step::UpdateRoom(sent)) = plan(&over(60)) else {
        panic!("{:?}", plan(&over(60)));
    };
    let later = over(61).with(|it| {
        it.memory.refusal = Some(Refusal {
            what: sent.mark,
            info: "no".into(),
            at: it.now.moment,
            until: it.now.moment.after(SOON),
            times: 1,
        });
    });
    let Plan::Rest(resting) = plan(&later) else {
        panic!("{:?}", plan(&later));
    };
    let Verdict::Serving(_, Some(trouble)) = resting.verdict else {
        panic!("{:?}", resting.verdict);
    };
    assert_eq!(trouble.reason, Reason::RejectedByDaily);
}

/// F-PIN-11, F-PIN-24, F-PIN-25: what has changed a PIN before is said before it is sent.
#[test]
fn a_change_that_has_changed_a_pin_before_is_announced() {
    let mut pins = PinChanges::default();
    pins.noted(&change(json!({"exp": 1})), true);
    let announced = |view: View| {
        let planned = plan(&view.with(|it| it.pin_changes = pins.clone()));
        let Plan::Act(Step::UpdateRoom(update)) = planned else {
            panic!("updates nothing: {planned:?}");
        };
        update.changes_pin
    };
    assert!(announced(by_name(|_| {}).edited(json!({"ttl": "9h"}))));
    let renamed = json!({"ttl": "8h", "dialin": {"displayName": "Caller"}});
    assert!(!announced(by_name(|_| {}).edited(renamed)));
}

/// What was seen before a write whose outcome is unknown is no longer so.
#[test]
fn after_an_unknown_write_the_room_is_looked_at_first() {
    let unsure = serving().sight(|it| it.unknown_write = Some(at(100_001)));
    looks(&unsure, Look::Room);
    let before = serving().sight(|it| it.unknown_write = Some(ago(1)));
    serves_well(&before);
}

/// F-ROOM-41: a read that does not show what was just made says nothing yet.
#[test]
fn a_room_that_is_not_shown_yet_is_not_given_up() {
    let leaving = serving().deleting();
    let delete = Step::DeleteRoom {
        name: leaving.room_name(),
        id: ID.into(),
    };
    acts(&leaving, delete.clone());
    let disputed = |until| leaving.clone().sight(|it| it.disputed = Some(until));
    let planned = plan(&disputed(at(100_003)));
    let Plan::Rest(Rest {
        verdict: Verdict::Deleting(_),
        again: Again::In(wait),
    }) = planned
    else {
        panic!("does not wait: {planned:?}");
    };
    assert!(wait > Duration::from_secs(3) && wait < Duration::from_secs(4));
    acts(&disputed(moment()), delete);
}

/// The same of a room that is kept: nothing is sent in that pass, and then it is asked for again.
#[test]
fn a_room_that_is_not_shown_yet_is_not_written_to() {
    let edited = serving().edited(json!({"ttl": "8h", "privacy": "Private"}));
    let disputed = |until| edited.clone().sight(|it| it.disputed = Some(until));
    unchanged(
        &disputed(at(100_003)).looked(),
        Duration::from_millis(3_050),
    );
    updates(&disputed(at(100_003)), Some("private"), json!({}), false);
    looks(&disputed(moment()), Look::Room);
    updates(
        &disputed(moment()).looked(),
        Some("private"),
        json!({}),
        false,
    );
}

/// F-AUTH-8: without a card Daily tells no numbers, and then none can be published.
#[test]
fn numbers_that_daily_does_not_tell_are_no_numbers() {
    let refused = || {
        Some(Err(NumberProblem {
            reason: Reason::RejectedByDaily,
            message: "no card".into(),
            waits: false,
            again: LATER,
        }))
    };
    let new = unbound().with(|it| it.numbers = refused());
    let reason = Reason::RejectedByDaily;
    fails(&new, reason, Needs::Person, Again::In(LATER), "no card");
    let served = serving().with(|it| it.numbers = refused());
    let trouble = Trouble {
        reason,
        message: "no card".into(),
        needs: Needs::Person,
        served: true,
    };
    serves(
        &served,
        card(&served),
        Some(trouble),
        Again::Drift(Some(END)),
    );
}
