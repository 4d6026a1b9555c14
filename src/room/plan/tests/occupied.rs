//! A new room that would remove the participants of an ended one.

use super::*;

const LONGEST: i64 = 3600;

/// The name is free, and claimed this many seconds ago. The claim follows an ended room, or none that is known.
fn claimed_ago(seconds: i64, after_end: bool) -> View {
    let change = |it: &mut Claim| {
        it.at = NOW - seconds;
        it.after_end = after_end;
    };
    claimed().claim(change).free()
}

fn unknown(view: View) -> View {
    view.with(|it| it.facts.presence = Some(Err("no answer".into())))
}

/// Since when this process has seen somebody, in seconds before now.
fn seen(view: View, seconds: u64) -> View {
    view.with(|it| it.memory.kind.occupied_since = Some(ago(seconds)))
}

#[track_caller]
fn creates(view: &View) {
    let planned = plan(view);
    let creates = matches!(planned, Plan::Act(AnyStep::Of(Step::CreateRoom(_))));
    assert!(creates, "{planned:?}");
}

#[track_caller]
fn waits(view: &View, says: &str) {
    let (reason, again) = (Reason::RoomOccupied, Requeue::After(RECHECK));
    fails(view, reason, ResolvedBy::Waiting, again, says);
}

#[test]
fn presence_is_read_before_a_room_is_created() {
    for after_end in [false, true] {
        let view = claimed_ago(0, after_end);
        reads(
            &view.clone().with(|it| it.facts.presence = None),
            Read::Presence,
        );
        creates(&view.clone().inside(0));
        let until = crate::crd::time::rfc3339(NOW + LONGEST);
        waits(&view.clone().inside(2), &format!("at {until} with"));
    }
    let says = "whether somebody is in the room: no answer.";
    waits(&unknown(claimed_ago(0, true)), says);
    creates(&unknown(claimed_ago(0, false)));
}

#[test]
fn participants_may_be_in_the_room_that_an_earlier_create_made() {
    let view = claimed().inside(1);
    reads(&view, Read::Room);
    let found = view.sees(Source::Get, |_| ()).read_by_name();
    assert!(matches!(
        plan(&found),
        Plan::Act(AnyStep::Record(_, Change::Found, _))
    ));
}

/// The wait counts from the claim, whichever processes waited.
#[test]
fn a_restart_prolongs_the_wait_by_a_minute_at_most() {
    let occupied = |claimed, first| seen(claimed_ago(claimed, true).inside(1), first);
    waits(
        &occupied(LONGEST - 1, 3599),
        "Participants are in the room.",
    );
    waits(&occupied(LONGEST, 59), "Participants are in the room.");
    waits(
        &claimed_ago(LONGEST, true).inside(1),
        "Participants are in the room.",
    );
    creates(&occupied(LONGEST, 60));
    // A clock that is ahead removes nobody.
    let early = occupied(LONGEST, 60).date(NOW - 1);
    waits(&early, "Participants are in the room.");
    creates(&unknown(occupied(LONGEST, 60)));
}

/// The annotation of a manifest that is applied anew is no consent to remove anybody.
#[test]
fn a_request_ends_the_wait_once_it_is_reported() {
    let view = claimed_ago(0, false).inside(1);
    waits(&view.clone().forced(), "set the annotation");
    let Plan::Rest(outcome, _) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    let reported = status(&view, &outcome);
    creates(&view.with(|it| it.status = reported).forced());
}
