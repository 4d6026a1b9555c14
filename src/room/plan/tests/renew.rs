//! A room that is renewed: its end moves on in time, never back, and no second room is made.

use super::*;
use crate::crd::condition::{is_true, kind};
use crate::room::spec::FARTHEST_END;

const BEFORE: i64 = 3600;
const DUE: i64 = END - BEFORE;

fn standing() -> Value {
    json!({"ttl": "8h", "renewal": {"before": "1h"}})
}

/// A room that is renewed, as a read by name shows it, at this time by both clocks.
fn at_time(time: i64, change: impl FnOnce(&mut Room)) -> View {
    let view = recorded().spec(standing()).wall(time);
    view.sees(Source::Get, change).published().read_by_name()
}

fn ends_at(exp: i64) -> impl FnOnce(&mut Room) {
    move |room| room.config.exp = Some(exp)
}

fn renewed_to(at: i64) -> End {
    End {
        counts_from: Some(at - TTL),
        ..by_ttl(at)
    }
}

/// The one property that the update sends, and whether it renews.
#[track_caller]
fn sends(view: &View) -> (Value, bool) {
    match plan(view) {
        Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) => {
            assert_eq!(update.change.privacy, None);
            (json!(update.change.properties), update.renews)
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn renews(view: &View, end: i64) {
    assert_eq!(sends(view), (json!({"exp": end}), true));
}

#[track_caller]
fn records(view: &View, end: End, change: Change) {
    let mut record = view.owned();
    record.made.as_mut().unwrap().end = Some(end);
    acts(view, write(record, change));
}

#[track_caller]
fn waits_until(view: &View, time: i64) {
    match plan(view) {
        Plan::Rest(Outcome::Serving(_, None), requeue) => {
            assert_eq!(requeue, Requeue::AtDrift(Some(time)));
        }
        other => panic!("{other:?}"),
    }
}

/// The end is right, and goes into the Secret.
#[track_caller]
fn publishes(view: &View) {
    let planned = plan(view);
    let is = matches!(&planned, Plan::Act(AnyStep::Of(Step::UpdateSecret(..))));
    assert!(is, "{planned:?}");
}

#[test]
fn it_is_renewed_in_time_and_the_end_is_sent_alone() {
    waits_until(&at_time(DUE - 1, |_| ()), DUE);
    renews(&at_time(DUE, |_| ()), END + TTL);
    // Whatever else is to be changed, and whatever is rejected.
    let private = |view: View| {
        let mut spec = standing();
        spec["privacy"] = json!("Private");
        view.edited(spec)
    };
    renews(&private(at_time(DUE, |_| ())), END + TTL);
    let no_numbers = at_time(DUE, |_| ()).with(|view| view.facts.numbers = None);
    renews(&no_numbers, END + TTL);
}

#[test]
fn what_shows_the_new_end_was_renewed_whoever_sent_it() {
    let view = at_time(DUE, ends_at(END + TTL));
    records(&view, renewed_to(END + TTL), Change::Renewed(END + TTL));
    // Also if the process is new, and an earlier one may have sent it.
    let restarted = view.with(|view| view.trusted_from = ago(1));
    records(
        &restarted,
        renewed_to(END + TTL),
        Change::Renewed(END + TTL),
    );
    let recorded = restarted.made(|it| it.end = Some(renewed_to(END + TTL)));
    let again = recorded.wall(DUE + TTL).date(DUE + TTL);
    renews(&again, END + 2 * TTL);
}

/// A listing may be from before somebody moved the end.
#[test]
fn a_listing_alone_renews_nothing() {
    let listed = recorded().published().sees(Source::List, |_| {});
    let listed = listed.edited(standing()).wall(DUE).date(DUE);
    reads(&listed, Read::Room);
}

#[test]
fn dailys_clock_decides_when() {
    waits_until(&at_time(DUE, |_| ()).date(DUE - 60), END);
    renews(&at_time(DUE - 600, |_| ()).date(DUE), END + TTL);
    // Our clock is past the end, and Daily still has the room.
    renews(&at_time(END + 60, |_| ()).date(END - 60), END + TTL);
    let unknown = at_time(DUE, |_| ()).evidence(|it| it.observed.as_mut().unwrap().date = None);
    renews(&unknown, END + TTL);
}

#[test]
fn an_end_that_was_moved_at_daily_counts() {
    let moved = at_time(DUE, ends_at(END + 60));
    records(&moved, by_ttl(END + 60), Change::EndMoved(END + 60));
    let taken_over = moved.made(|it| it.end = Some(by_ttl(END + 60)));
    publishes(&taken_over);
    renews(&taken_over.wall(DUE + 60).date(DUE + 60), END + 60 + TTL);
    let nearer = at_time(DUE - 60, ends_at(END - 60));
    renews(
        &nearer.made(|it| it.end = Some(by_ttl(END - 60))),
        END - 60 + TTL,
    );
}

#[test]
fn no_renewal_leads_further_ahead_than_daily_accepts() {
    let longest = at_time(DUE, |_| ()).spec(json!({"ttl": "8736h", "renewal": {"before": "1h"}}));
    let of = longest.parsed().end.of();
    let end = End { of, ..by_ttl(END) };
    let longest = longest.made(|it| it.end = Some(end));
    renews(&longest, DUE + FARTHEST_END);
}

#[test]
fn an_edited_ttl_counts_from_the_last_renewal_and_ends_nothing() {
    let edited = |ttl: &str| {
        let view = at_time(END - 60, ends_at(END + TTL)).made(|it| {
            it.end = Some(renewed_to(END + TTL));
        });
        view.edited(json!({"ttl": ttl, "renewal": {"before": "10m"}}))
    };
    assert_eq!(
        sends(&edited("9h")),
        (json!({"exp": END + 9 * 3600}), false)
    );
    assert_eq!(
        sends(&edited("4h")),
        (json!({"exp": END + 4 * 3600}), false)
    );
    let later = edited("1h")
        .wall(END + 2 * 3600 + 5)
        .date(END + 2 * 3600 + 5);
    assert_eq!(sends(&later), (json!({"exp": END + 3 * 3600}), false));
    // Without the renewal the room ends where it would have ended, and no sooner.
    let without = edited("8h").spec(json!({"ttl": "8h", "ejectAtRoomExpiry": false}));
    publishes(&without);
    // A due renewal and an edit: the end is sent alone.
    let due = edited("9h")
        .made(|it| it.end = Some(by_ttl(END)))
        .sees(Source::Get, |_| ());
    renews(&due, END + 3600);
}

#[test]
fn a_renewal_that_daily_rejects_is_a_problem_and_nothing_else_is_sent() {
    let mut spec = standing();
    spec["privacy"] = json!("Private");
    let view = at_time(DUE, |_| ()).edited(spec);
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    let rejected = |info: &str| Rejection::after(None, &update.fingerprint, info.into(), moment());
    let rejected = view.with(|view| view.memory.rejection = Some(rejected("no")));
    let Plan::Rest(Outcome::Serving(_, Some(problem)), _) = plan(&rejected) else {
        panic!("{:?}", plan(&rejected));
    };
    assert_eq!(problem.reason, Reason::RejectedByDaily);
}

#[test]
fn a_room_that_ended_before_its_renewal_is_replaced() {
    let now = END + 7000;
    let ended = || {
        let view = recorded().spec(standing()).published().wall(now);
        view.absent(ago(300), Some(moment()))
            .read_by_name()
            .date(now)
    };
    let replaced = |view: &View| {
        let mut record = view.owned();
        record.former_id = record.made.take().map(|it| it.id);
        record.claim = Some(Claim {
            end: Some(renewed_to(now + TTL)),
            after_end: true,
            ..Claim::at(now)
        });
        write(record, Change::Replaced)
    };
    acts(&ended(), replaced(&ended()));
    acts(&ended().expired(), replaced(&ended()));
    let mut suspended = standing();
    suspended["suspend"] = json!(true);
    acts(
        &ended().edited(suspended),
        AnyStep::Report(Outcome::Expired),
    );
    // One clock alone says so.
    unchanged(&ended().date(END - 60), RECHECK);
    // The claim of a room that could not be created in time is for a later end.
    let late = claimed().spec(standing()).wall(now).free().date(now);
    let Plan::Act(AnyStep::Of(Step::CreateRoom(request))) = plan(&late) else {
        panic!("{:?}", plan(&late));
    };
    assert_eq!(request.properties["exp"], now + TTL);
    let new = unbound().spec(standing()).wall(now);
    let Plan::Act(AnyStep::Record(record, Change::Claimed, _)) = plan(&new) else {
        panic!("{:?}", plan(&new));
    };
    assert_eq!(record.claim.unwrap().end, Some(renewed_to(now + TTL)));
}

#[test]
fn a_renewal_that_is_suspended_is_said_once() {
    let mut spec = standing();
    spec["suspend"] = json!(true);
    let view = at_time(DUE - 60, |_| ()).edited(spec);
    let rests = |view: &View, due| {
        let requeue = Requeue::AtDrift(Some(due));
        check(view, Plan::Rest(Outcome::Suspended, requeue));
    };
    // The warning comes in time.
    rests(&view, DUE);
    rests(&view.clone().wall(DUE), END);
    let reason = |view: &View| {
        let after = status(view, &Outcome::Suspended);
        assert!(is_true(&after.conditions, kind::SUSPENDED));
        (after.reason.clone().unwrap(), after)
    };
    assert_eq!(reason(&view).0, "Suspended");
    let due = view.wall(DUE);
    let (said, after) = reason(&due);
    assert_eq!(said, "RenewalSuspended");
    let said = |view: &View| {
        let notes = crate::reconcile::report::events(view, &after, &[]);
        notes.iter().map(|it| it.reason).collect::<Vec<_>>()
    };
    assert_eq!(said(&due), ["RenewalSuspended"]);
    let again = due.clone().with(|view| view.status = after.clone());
    assert_eq!(said(&again), Vec::<&str>::new());
    assert_eq!(reason(&again.wall(END)).0, "Suspended");
}
