//! The points on which nobody knows how Daily answers, each under the less likely answer.

use super::delete::delete_step;
use super::keep::{by_name, serves, serves_well, updates};
use super::*;

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
    updates(&surplus, None, json!({"dialin": whole()}));
    let merges = surplus.with(|it| it.memory.kind.merges = true);
    let mut with_list = whole();
    with_list["room_numbers"] = json!([]);
    updates(&merges, None, json!({"dialin": with_list}));
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

/// A change that Daily accepts without applying it is not sent again and again.
#[test]
fn a_change_that_is_accepted_and_not_applied_is_remembered() {
    let private = by_name(|it| it.privacy = "private".into());
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(sent))) = plan(&private) else {
        panic!("{:?}", plan(&private));
    };
    let fingerprint = sent.fingerprint.clone();
    let accepted = |sent| private.clone().with(|it| it.facts.updated = Some(sent));
    acts(
        &accepted(*sent.clone()),
        Step::RememberUnapplied { fingerprint },
    );
    // Another change that is due is sent.
    let other = Update {
        fingerprint: "another".into(),
        ..*sent.clone()
    };
    acts(&accepted(other), Step::UpdateRoom(sent));
    // Where Daily merges what it is sent, numbers are taken away explicitly from then on.
    let surplus = by_name(two_numbers);
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(sent))) = plan(&surplus) else {
        panic!("{:?}", plan(&surplus));
    };
    let kept = surplus.with(|it| it.facts.updated = Some(*sent));
    acts(&kept, Step::RememberMerge);
}

/// What Daily rejects of a room may be its way of saying that the room is gone (F-ROOM-23).
#[test]
fn after_a_rejected_change_the_room_is_read() {
    let private = serving().sees(Source::List, |it| it.privacy = "private".into());
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(sent))) = plan(&private) else {
        panic!("{:?}", plan(&private));
    };
    let rejected = private.with(|it| {
        let now = it.now.moment;
        it.memory.rejection = Some(Rejection::after(None, &sent.fingerprint, "no".into(), now));
        it.retry_rejected();
    });
    reads(&rejected, Read::Room);
}

#[test]
fn a_change_that_daily_does_not_apply_is_reported_and_not_repeated() {
    let private = by_name(|it| it.privacy = "private".into());
    let back = RoomChange {
        privacy: Some("public"),
        ..RoomChange::default()
    };
    let unheeded = private.with(|it| {
        it.memory.rejection = Some(Rejection {
            what: naming::fingerprint(&json!(back)),
            info: "it does not show it".into(),
            until: it.now.moment.after(RECHECK),
            times: 1,
        });
    });
    let problem = Problem {
        reason: Reason::RejectedByDaily,
        message: "Daily rejected the change of the room: it does not show it. Correct the spec, or ask Daily's support.".into(),
        resolved_by: ResolvedBy::User,
        served: true,
    };
    let again = Requeue::AtDrift(Some(END));
    serves(&unheeded, content(&unheeded), Some(problem), again);
}

/// F-PIN-10: where listings show no PIN, the room is asked now and then.
#[test]
fn a_pin_that_listings_do_not_show_is_asked_for_by_name_now_and_then() {
    let hidden = serving().sees(Source::List, |it| it.config.dialin_code = None);
    reads(&hidden, Read::Room);
    let named = |seconds| hidden.clone().evidence(|it| it.named = Some(ago(seconds)));
    serves_well(&named(3 * 300 + 149));
    reads(&named(3 * 300 + 150), Read::Room);
    // Where they show it, nobody has to be asked.
    serves_well(&serving());
}

/// F-PIN-22: a room that lost its end does not end; it is given one again.
#[test]
fn an_end_that_was_taken_away_is_put_back() {
    let endless = |view: View| {
        view.sees(Source::Get, |it| it.config.exp = None)
            .read_by_name()
    };
    updates(&endless(serving()), None, json!({"exp": END}));
    let over = endless(serving()).wall(END + 60).date(END + 60);
    updates(&over, None, json!({"exp": END + 63}));
    let unseen = over.with(|it| it.facts.read_by_name = false);
    reads(&unseen, Read::NextListing);
    reads(
        &unseen.with(|it| it.facts.awaited_next_listing = true),
        Read::Room,
    );
}

/// The end that is put back moves on with the clock, and what Daily refuses of it is not sent again.
#[test]
fn an_end_that_passed_is_refused_once_and_not_each_second() {
    let over = |seconds| {
        let endless = serving().sees(Source::Get, |it| it.config.exp = None);
        endless
            .read_by_name()
            .wall(END + seconds)
            .date(END + seconds)
    };
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(sent))) = plan(&over(60)) else {
        panic!("{:?}", plan(&over(60)));
    };
    let later = over(61).with(|it| {
        it.memory.rejection = Some(Rejection {
            what: sent.fingerprint,
            info: "no".into(),
            until: it.now.moment.after(RECHECK),
            times: 1,
        });
    });
    let Plan::Rest(outcome, _) = plan(&later) else {
        panic!("{:?}", plan(&later));
    };
    let Outcome::Serving(_, Some(problem)) = outcome else {
        panic!("{:?}", outcome);
    };
    assert_eq!(problem.reason, Reason::RejectedByDaily);
}

/// An end that differs may be our own: a write that Daily did not answer took effect late, after the
/// user had changed the spec back.
#[test]
fn an_end_of_ours_that_comes_late_is_put_back() {
    let late = |unknown: Option<Moment>, trusted_from| {
        let view = by_name(|it| it.config.exp = Some(NOW + 600));
        view.evidence(|it| it.unknown_write = unknown)
            .with(|it| it.trusted_from = trusted_from)
    };
    let never = Moment::default();
    let put_back = json!({"exp": END});
    updates(&late(Some(ago(12)), never), None, put_back.clone());
    updates(&late(Some(ago(359)), never), None, put_back.clone());
    // So may one of the leader before.
    updates(&late(None, ago(299)), None, put_back);
    for settled in [late(Some(ago(361)), never), late(None, ago(301))] {
        let planned = plan(&settled);
        let taken_over = matches!(
            planned,
            Plan::Act(AnyStep::Record(_, Change::EndMoved(_), _))
        );
        assert!(taken_over, "{planned:?}");
    }
}

/// What was seen before a write whose outcome is unknown is no longer so.
#[test]
fn after_an_unknown_write_the_room_is_read_first() {
    let unsure = serving().evidence(|it| it.unknown_write = Some(at(100_001)));
    reads(&unsure, Read::Room);
    let before = serving().evidence(|it| it.unknown_write = Some(ago(1)));
    serves_well(&before);
}

/// F-ROOM-41: a read that does not show what was just made says nothing yet.
#[test]
fn a_room_that_is_not_shown_yet_is_not_given_up() {
    let leaving = serving().deleting().inside(0);
    let delete = delete_step(&leaving, ID, true);
    acts(&leaving, delete.clone());
    let stale = |until| {
        leaving
            .clone()
            .evidence(|it| it.maybe_stale_until = Some(until))
    };
    let planned = plan(&stale(at(100_003)));
    let Plan::Rest(Outcome::Deleting(_), Requeue::After(wait)) = planned else {
        panic!("does not wait: {planned:?}");
    };
    assert!(wait > Duration::from_secs(3) && wait < Duration::from_secs(4));
    acts(&stale(moment()), delete);
}

/// The same of a room that is kept: nothing is sent in that reconcile, and then it is asked for again.
#[test]
fn a_room_that_is_not_shown_yet_is_not_written_to() {
    let edited = serving().edited(json!({"ttl": "8h", "privacy": "Private"}));
    let stale = |until| {
        edited
            .clone()
            .evidence(|it| it.maybe_stale_until = Some(until))
    };
    unchanged(
        &stale(at(100_003)).read_by_name(),
        Duration::from_millis(3_050),
    );
    updates(&stale(at(100_003)), Some("private"), json!({}));
    reads(&stale(moment()), Read::Room);
    updates(&stale(moment()).read_by_name(), Some("private"), json!({}));
}

/// F-AUTH-8: without a content Daily tells no numbers, and then none can be published.
#[test]
fn numbers_that_daily_refuses_to_list_cannot_be_published() {
    let refused = || {
        let (reason, message) = (Reason::RejectedByDaily, "no content".to_owned());
        let resolved_by = ResolvedBy::User;
        Some(Err(NumberProblem::new(
            reason,
            resolved_by,
            message,
            USER_RETRY,
        )))
    };
    let new = unbound().with(|it| it.facts.numbers = refused());
    let reason = Reason::RejectedByDaily;
    fails(
        &new,
        reason,
        ResolvedBy::User,
        Requeue::Polling(USER_RETRY),
        "no content",
    );
    let served = serving().with(|it| it.facts.numbers = refused());
    let problem = Problem {
        reason,
        message: "no content".into(),
        resolved_by: ResolvedBy::User,
        served: true,
    };
    serves(
        &served,
        content(&served),
        Some(problem),
        Requeue::AtDrift(Some(END)),
    );
}
