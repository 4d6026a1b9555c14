//! A suspended DailyRoom: nothing is written for it, and its room still ends.

use super::delete::deletes;
use super::*;
use crate::crd::condition::{is_true, kind};

fn suspended(view: View) -> View {
    view.edited(json!({"ttl": "8h", "suspend": true, "privacy": "Private"}))
}

#[track_caller]
fn rests(view: &View, requeue: Requeue) {
    check(view, Plan::Rest(Outcome::Suspended, requeue));
}

/// The view after the object was found suspended, and then resumed by this spec.
fn resumed(view: View, spec: Value) -> View {
    let view = suspended(view);
    let status = status(&view, &Outcome::Suspended);
    let view = view.with(|view| view.status = status).spec(spec);
    view.with(|view| view.meta.generation = 3)
}

#[test]
fn nothing_is_written_while_it_is_suspended() {
    let drift = Requeue::AtDrift(Some(END));
    rests(&suspended(unbound()), Requeue::AtDrift(None));
    rests(&suspended(claimed()), Requeue::AtDrift(None));
    rests(&suspended(serving()), drift);
    rests(&suspended(serving()).forced(), drift);
    let no_secret = serving().with(|view| view.has_secret(Some(Found::Absent)));
    rests(&suspended(no_secret), drift);
    let vanished = recorded().absent(ago(30), Some(moment()));
    rests(&suspended(vanished), drift);
    let invalid = suspended(serving()).with(|view| view.spec = Err(InvalidSpec(String::new())));
    rests(&invalid, drift);
}

#[test]
fn its_room_ends_on_dailys_word_and_the_secret_stays() {
    let over = |view: View| suspended(view.published()).wall(END + 5);
    let ended = over(recorded().absent(ago(3), Some(moment()))).date(END + 5);
    acts(&ended, AnyStep::Report(Outcome::Expired));
    let reported = ended.clone().expired().with(|view| view.has_secret(None));
    rests(&reported, Requeue::AtDrift(None));
    let conditions = &reported.status.conditions;
    assert!(is_true(conditions, kind::EXPIRED) && is_true(conditions, kind::SUSPENDED));
    let shown = over(recorded().sees(Source::List, |_| {})).date(END + 5);
    reads(&shown, Read::NextListing);
    let clocks_differ = over(recorded().absent(ago(3), Some(moment()))).date(END - 5);
    rests(&clocks_differ, Requeue::After(RECHECK));
    // A later end in the spec waits for the resumption.
    let later = ended.spec(json!({"ttl": "9h", "suspend": true}));
    acts(&later, AnyStep::Report(Outcome::Expired));
}

/// Without it, a deletion would leave the room at Daily.
#[test]
fn a_finalizer_that_somebody_removed_comes_back() {
    let without = |view: View| view.with(|it| it.meta.has_finalizer = false);
    acts(&without(suspended(serving())), AnyStep::AddFinalizer);
    let drift = Requeue::AtDrift(None);
    rests(&without(suspended(unbound())), drift);
}

#[test]
fn a_deletion_is_not_suspended() {
    let view = suspended(serving()).deleting().inside(0);
    deletes(&view, ID);
}

#[test]
fn to_resume_asks_for_nothing_else() {
    let spec = json!({"ttl": "8h", "missingRoomPolicy": "Report"});
    let vanished = || recorded().published().absent(ago(30), Some(moment()));
    let again = Requeue::AtDrift(Some(END));
    let view = resumed(vanished(), spec.clone());
    fails(
        &view,
        Reason::Missing,
        ResolvedBy::User,
        again,
        "edit the spec",
    );
    // Nor after a reconcile that Daily did not answer.
    let problem = Problem::new(Reason::DailyUnavailable, ResolvedBy::Retry, "no");
    let status = status(&view, &Outcome::Failing(problem));
    assert!(!is_true(&status.conditions, kind::SUSPENDED));
    let view = view.with(|view| view.status = status);
    fails(
        &view,
        Reason::Missing,
        ResolvedBy::User,
        again,
        "edit the spec",
    );
    let edited = view.edited(spec).with(|view| view.meta.generation = 4);
    assert!(matches!(plan(&edited), Plan::Act(AnyStep::Record(..))));
}

#[test]
fn what_was_edited_meanwhile_counts_when_it_is_resumed() {
    let ended = recorded().absent(ago(3), Some(moment())).wall(END + 5);
    let ended = ended.date(END + 5).expired();
    let view = resumed(ended, json!({"ttl": "9h"})).inside(0);
    let Plan::Act(AnyStep::Record(record, Change::Replaced, _)) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    assert_eq!(record.claim.unwrap().end.unwrap().at, CREATED + 9 * 3600);
    let unanswered = view.with(|view| view.meta.generation = 2);
    assert!(matches!(plan(&unanswered), Plan::Act(AnyStep::Record(..))));
}

#[test]
fn ready_stays_as_it_was_and_no_problem_stays() {
    let stalled = Problem::for_user(Reason::RejectedByDaily, "no");
    let view = recorded().published();
    let with_problem = status(&view, &served(content(&view), Some(stalled)));
    let view = suspended(view.with(|view| view.status = with_problem));
    let after = status(&view, &Outcome::Suspended);
    let types: Vec<&str> = after
        .conditions
        .iter()
        .map(|it| it.type_.as_str())
        .collect();
    assert_eq!(types, ["Ready", "Suspended"]);
    assert_eq!(after.conditions[0], view.status.conditions[0]);
    assert_eq!(
        (after.observed_generation, after.reason.as_deref()),
        (Some(2), Some("Suspended"))
    );
    assert_eq!(after.dialin_code, view.status.dialin_code);
    let resumed = view.with(|view| view.suspended = false);
    let after = status(&resumed, &served(content(&resumed), None));
    assert!(!is_true(&after.conditions, kind::SUSPENDED));
}
