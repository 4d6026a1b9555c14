//! A recorded room that Daily says is not there.

use super::*;
use crate::reconcile::lifecycle::Drive;

/// Daily has said for long that there is no room, and now by name.
fn vanished() -> View {
    let view = recorded().published().read_by_name();
    view.absent(ago(30), Some(moment()))
}

/// The record with which the room is created again.
fn replaced(view: &View, end: End, change: Change) -> AnyStep {
    let mut record = view.owned();
    record.former_id = record.made.take().map(|it| it.id);
    record.claim = Some(Claim {
        end: Some(end),
        after_end: change == Change::Replaced,
        ..Claim::at(view.now.wall)
    });
    if change == Change::Recreated {
        record.recreated.push(view.now.wall);
    }
    write(record, change)
}

#[track_caller]
fn recreates(view: &View) {
    acts(view, replaced(view, by_ttl(END), Change::Recreated));
}

#[track_caller]
fn misses(view: &View, resolved_by: ResolvedBy, says: &str) {
    let again = Requeue::AtDrift(Some(END));
    fails(view, Reason::Missing, resolved_by, again, says);
}

#[test]
fn a_missing_room_is_recreated_after_two_answers_half_the_quiet_period_apart() {
    recreates(&vanished());
    let margin = Duration::from_millis(50);
    // The second answer is still to come.
    let first = recorded().absent(ago(10), None);
    unchanged(&first, Duration::from_secs(20) + margin);
    let early = recorded().absent(ago(29), Some(moment())).read_by_name();
    unchanged(&early, Duration::from_secs(1) + margin);
    // It has to be an answer to the name.
    reads(&recorded().absent(ago(30), None), Read::Room);
    reads(&recorded().absent(ago(40), Some(ago(11))), Read::Room);
    unchanged(
        &recorded().absent(ago(40), Some(ago(11))).read_by_name(),
        RECHECK,
    );
    recreates(&recorded().absent(ago(40), Some(ago(10))));
    // An answer of long ago is asked for again.
    recreates(&recorded().absent(ago(900), Some(ago(600))));
    reads(&recorded().absent(ago(900), Some(ago(601))), Read::Room);
}

#[test]
fn nothing_is_missing_while_a_write_may_still_be_done() {
    let unknown = |at, by_name| {
        let view = recorded().absent(ago(300), Some(by_name));
        view.evidence(|it| it.unknown_write = Some(at))
    };
    let margin = Duration::from_millis(50);
    unchanged(&unknown(ago(59), moment()), Duration::from_secs(1) + margin);
    reads(&unknown(ago(61), ago(2)), Read::Room);
    recreates(&unknown(ago(60), moment()));
}

#[test]
fn nothing_is_missing_until_a_leader_before_is_past_unless_the_object_is_new_here() {
    let new = vanished().with(|it| it.trusted_from = at(100_020));
    unchanged(&new, Duration::from_millis(20_050));
    recreates(&new.with(|it| it.memory.began_here = true));
    let past = vanished().with(|it| it.trusted_from = moment());
    recreates(&past);
    // A wait is at most a minute.
    let long = vanished().with(|it| it.trusted_from = at(100_600));
    unchanged(&long, USER_RETRY);
}

#[test]
fn the_claim_is_of_dailys_clock_and_keeps_the_end() {
    let view = vanished().made(|it| it.end = Some(by_ttl(END + 9)));
    let view = view.date(NOW - 2).chosen();
    let mut record = view.owned();
    record.made = None;
    record.former_id = Some(ID.into());
    record.recreated = vec![NOW];
    record.claim = Some(Claim {
        end: Some(by_ttl(END + 9)),
        ..Claim::at(NOW - 2)
    });
    acts(&view, write(record, Change::Recreated));
}

const MASS: Losses = Losses::Mass { missing: 7, of: 9 };

#[track_caller]
fn is_suspended(view: &View) {
    let again = Requeue::AtDrift(Some(END));
    let reason = Reason::RecreationSuspended;
    fails(view, reason, ResolvedBy::User, again, "7 of 9 rooms");
}

#[test]
fn when_too_many_are_missing_none_is_recreated_unless_a_user_asks() {
    let lost = vanished().evidence(|it| it.losses = MASS);
    is_suspended(&lost);
    recreates(&lost.clone().forced());
    recreates(&lost.clone().edited(json!({"ttl": "8h"})));
    // It is said at once.
    let first = recorded().absent(moment(), None);
    let first = first.evidence(|it| it.losses = MASS);
    is_suspended(&first);
    // Who asks is still no proof.
    reads(&first.forced(), Read::Room);
}

/// A user recreates the others one by one, after which few are missing.
#[test]
fn a_room_of_a_mass_loss_waits_for_its_own_request_or_its_return() {
    let lost = vanished().evidence(|it| it.losses = MASS);
    let Plan::Rest(outcome, _) = plan(&lost) else {
        panic!("{:?}", plan(&lost));
    };
    let reported = lost.with(|it| it.status = status(it, &outcome));
    for losses in [
        Losses::Few,
        Losses::Unknown,
        Losses::Mass { missing: 6, of: 9 },
    ] {
        let view = reported.clone().evidence(|it| it.losses = losses);
        is_suspended(&view);
        assert_eq!(status(&view, &outcome), view.status, "nothing is written");
    }
    // Nor does a suspension ask for it, which ends the condition Stalled.
    let few = reported.evidence(|it| it.losses = Losses::Few);
    let paused = few.clone().with(|it| it.suspended = true);
    let paused = status(&paused, &Outcome::Suspended);
    is_suspended(&few.clone().with(|it| it.status = paused));
    recreates(&few.clone().forced());
    recreates(&few.clone().edited(json!({"ttl": "8h"})));
    // Nor does another problem in between, which takes the place of the condition.
    let keyless = Problem::for_user(Reason::Unauthorized, "no key");
    let keyless = status(&few, &Outcome::Failing(keyless));
    let mut forgotten = few.clone().with(|it| it.status = keyless);
    crate::room::Room::on_reported(&mut forgotten, &outcome);
    is_suspended(&forgotten);
    let back = plan(&few.sees(Source::List, |_| {}));
    let Plan::Rest(Outcome::Serving(_, None), _) = back else {
        panic!("{back:?}");
    };
}

#[test]
fn none_is_recreated_before_a_listing_shows_how_many_are_missing() {
    let unlisted = vanished().evidence(|it| it.losses = Losses::Unknown);
    misses(&unlisted, ResolvedBy::Waiting, "few rooms are missing");
    recreates(&unlisted.clone().forced());
    let first = recorded().absent(moment(), None);
    let margin = Duration::from_millis(50);
    unchanged(&first, Duration::from_secs(30) + margin);
}

#[test]
fn a_room_that_only_a_user_recreates_is_reported_alike_when_many_are_missing() {
    let report = json!({"ttl": "8h", "missingRoomPolicy": "Report"});
    let lost = vanished().evidence(|it| it.losses = MASS);
    misses(
        &lost.clone().spec(report),
        ResolvedBy::User,
        "no longer works",
    );
    let often = lost.with_record(|it| it.recreated = vec![NOW - 3, NOW - 2, NOW - 1]);
    misses(&often, ResolvedBy::User, "three times");
}

#[test]
fn a_request_does_not_replace_the_second_answer() {
    let early = recorded().absent(ago(29), Some(moment())).read_by_name();
    let wait = Duration::from_millis(1_050);
    unchanged(&early.clone().forced(), wait);
    unchanged(&early.edited(json!({"ttl": "8h"})), wait);
}

#[test]
fn a_room_that_keeps_vanishing_is_not_recreated_forever() {
    let day = 24 * 3600;
    let lately = |times: Vec<i64>| vanished().with_record(|it| it.recreated = times);
    let third = lately(vec![NOW - day + 1, NOW - 5, NOW - 1]);
    misses(&third, ResolvedBy::User, "three times");
    let second = lately(vec![NOW - 5, NOW - 1]);
    recreates(&second);
    recreates(&third.clone().forced());
    recreates(&third.edited(json!({"ttl": "8h"})));
    // What is a day ago is forgotten.
    let old = lately(vec![NOW - day, NOW - 5, NOW - 1]);
    let expected = second.with(|it| it.now = old.now);
    acts(&old, replaced(&expected, by_ttl(END), Change::Recreated));
}

#[test]
fn a_room_that_is_only_reported_waits_for_a_person() {
    let report = json!({"ttl": "8h", "missingRoomPolicy": "Report"});
    let view = vanished().spec(report.clone());
    misses(&view, ResolvedBy::User, "its PIN no longer works");
    recreates(&view.clone().forced());
    recreates(&view.edited(report));
}

#[test]
fn between_the_clocks_an_absent_room_is_neither_missing_nor_ended() {
    let view = vanished();
    let left = Duration::from_secs(u64::try_from(END - NOW).unwrap());
    unchanged(&view.clone().date(END), left);
    unchanged(&view.clone().wall(END), RECHECK);
    acts(&view.wall(END).date(END), AnyStep::Report(Outcome::Expired));
}

#[test]
fn without_dailys_clock_no_end_has_passed() {
    for seconds in [-3600, 0, 3600] {
        let undated = vanished().wall(END + seconds).evidence(|it| {
            it.observed.iter_mut().for_each(|it| it.date = None);
            it.absence.iter_mut().for_each(|it| it.date = None);
        });
        unchanged(&undated, RECHECK);
    }
}

#[test]
fn a_recorded_end_decides_and_not_the_spec() {
    let end = |at| vanished().made(|it| it.end = Some(by_ttl(at)));
    acts(&end(NOW), AnyStep::Report(Outcome::Expired));
    let later = end(END + 60).wall(END).date(END);
    acts(
        &later,
        replaced(&later, by_ttl(END + 60), Change::Recreated),
    );
}

#[test]
fn a_later_end_after_the_end_makes_a_new_room() {
    let ended = vanished().wall(END).date(END);
    check(
        &ended.clone().expired(),
        Plan::Rest(Outcome::Expired, Requeue::AtDrift(None)),
    );
    let edited = ended.edited(json!({"ttl": "9h"}));
    let end = edited.parsed().end_of(CREATED);
    acts(&edited, replaced(&edited, end, Change::Replaced));
    // An edit that is past too changes nothing.
    let past = edited.clone().spec(json!({"ttl": "7h"}));
    acts(&past, AnyStep::Report(Outcome::Expired));
    let far = edited.spec(json!({"expirationTime": "2028-12-01T08:00:00Z"}));
    let again = Requeue::AtDrift(None);
    fails(
        &far,
        Reason::InvalidSpec,
        ResolvedBy::User,
        again,
        "364 days",
    );
}

#[test]
fn a_chosen_name_is_asked_for_before_it_is_claimed_again() {
    let ended = recorded().chosen().absent(ago(300), None);
    let edited = ended.wall(END).date(END).edited(json!({"ttl": "9h"}));
    let edited = edited.chosen();
    reads(&edited, Read::Room);
    let view = edited.read_by_name();
    let end = view.parsed().end_of(CREATED);
    acts(&view, replaced(&view, end, Change::Replaced));
}

#[test]
fn an_object_is_deleted_in_time_after_its_room_has_ended() {
    let ended = |after: &str, now: i64| {
        let view = vanished().spec(json!({"ttl": "8h", "ttlAfterExpired": after}));
        view.wall(now).date(now)
    };
    let expired = |after: &str, now: i64| ended(after, now).expired();
    let waits = |view: &View, due: i64| {
        let requeue = Requeue::AtDrift(Some(due));
        check(view, Plan::Rest(Outcome::Expired, requeue));
    };
    waits(&expired("1h", END), END + 3600);
    waits(&expired("1h", END + 3599), END + 3600);
    acts(&expired("1h", END + 3600), Step::DeleteObject);
    // First it is said, and the Secret goes.
    acts(&ended("1m", END + 600), AnyStep::Report(Outcome::Expired));
    let with_secret = expired("1m", END + 600).with(|view| {
        let secret = secret_of(view, &content(view));
        view.has_secret(Some(secret));
    });
    acts(&with_secret, Step::DeleteSecret(secret_guard()));
    // A later end in the spec comes before, and a suspension holds it back.
    let edited = expired("1m", END + 600).edited(json!({"ttl": "9h", "ttlAfterExpired": "1m"}));
    assert!(matches!(plan(&edited), Plan::Act(AnyStep::Record(..))));
    let suspended = expired("1m", END + 600).with(|view| view.suspended = true);
    check(
        &suspended,
        Plan::Rest(Outcome::Suspended, Requeue::AtDrift(None)),
    );
    // Without a key, and without a room.
    let past = unbound().spec(
        json!({"expirationTime": crate::crd::time::rfc3339(CREATED - 5), "ttlAfterExpired": "1m"}),
    );
    acts(
        &past.expired().with(|view| view.access = None),
        Step::DeleteObject,
    );
}
