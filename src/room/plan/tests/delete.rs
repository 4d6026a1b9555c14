//! Letting an object go.

use super::*;
use crate::room::view::Keyless;

/// One that is being deleted, and whose Secret is gone.
fn leaving(view: View) -> View {
    view.deleting().with(|it| it.secret = Some(Found::Absent))
}

#[track_caller]
fn releases(view: &View, how: Release) {
    acts(view, Step::Release(how));
}

#[track_caller]
fn deletes(view: &View, id: &str) {
    let name = view.room_name();
    let id = id.to_owned();
    acts(view, Step::DeleteRoom { name, id });
}

/// The object is let go, and a room is left alone.
#[track_caller]
fn orphans(view: &View, says: &str) {
    let Plan::Act(Step::Release(Release::Orphaned(why))) = plan(view) else {
        panic!("orphans nothing: {:?}", plan(view));
    };
    assert!(why.contains(says), "{why}");
}

#[track_caller]
fn waits_for(view: &View, reason: Reason, needs: Needs, again: Duration, says: &str) {
    let planned = plan(view);
    let message = match &planned {
        Plan::Rest(Rest {
            verdict: Verdict::Deleting(trouble),
            ..
        }) => trouble.message.clone(),
        other => panic!("does not wait: {other:?}"),
    };
    assert!(message.contains(says), "{message}");
    let trouble = Trouble {
        reason,
        message,
        needs,
        served: true,
    };
    check(view, rest(Verdict::Deleting(trouble), Again::In(again)));
}

#[test]
fn an_object_that_is_not_held_is_done() {
    let view = leaving(unbound());
    check(&view, rest(Verdict::Done, Again::Never));
}

#[test]
fn what_owns_nothing_is_let_go_without_a_key() {
    let held = |view: View| leaving(view).with(|it| it.access = None);
    releases(
        &held(claimed().record(|it| it.claim = None)),
        Release::Clean,
    );
    let bare = |view: View| {
        held(view.with(|it| {
            it.subject.finalizers = it.subject.finalizers_with_ours();
            it.status.room = None;
        }))
    };
    releases(&bare(unbound().chosen()), Release::Clean);
    // A derived name may have a room, and so may what cannot be read.
    looks(&bare(unbound()), Look::Access);
    let unreadable = bare(unbound().chosen());
    let unreadable = unreadable.with(|it| it.subject.recorded = Recorded::Unreadable);
    looks(&unreadable, Look::Access);
    looks(&held(claimed()), Look::Access);
}

#[test]
fn a_room_that_is_retained_stays() {
    let view = leaving(serving()).with(|it| {
        it.wishes.retain = true;
        it.access = None;
    });
    releases(&view, Release::Retained(view.room_name()));
}

#[test]
fn the_room_goes_first_then_the_secret_then_the_finalizer() {
    let view = serving().deleting();
    deletes(&view, ID);
    let gone = view.absent(moment(), Some(moment()));
    acts(&gone, Step::DeleteSecret(secret_guard()));
    let secret = |found| gone.clone().with(|it| it.secret = found);
    looks(&secret(None), Look::Secret);
    releases(&secret(Some(Found::Absent)), Release::Deleted);
    releases(&secret(Some(Found::Foreign)), Release::Deleted);
}

#[test]
fn a_spec_that_does_not_parse_is_no_obstacle() {
    let view = leaving(serving());
    let unfit = crate::room::desired::Unfit("no".into());
    deletes(&view.with(|it| it.desired = Err(unfit)), ID);
}

#[test]
fn a_recorded_room_is_deleted_by_its_id_alone() {
    deletes(&leaving(recorded()), ID);
    let other = |it: &mut Room| it.id = "room-2".into();
    looks(&leaving(recorded().sees(Word::Listing, other)), Look::Room);
    let told = leaving(recorded().sees(Word::Name, other).looked());
    orphans(&told, "another id");
}

#[test]
fn a_record_of_another_name_deletes_nothing() {
    let other = |it: &mut Binding| it.name = "team-other_x".into();
    orphans(&leaving(recorded().record(other)), "is not the name");
    orphans(&leaving(claimed().record(other)), "is not the name");
}

#[test]
fn without_an_id_a_derived_name_is_proof() {
    let view = leaving(claimed());
    looks(&view, Look::Room);
    deletes(&view.clone().sees(Word::Name, |_| {}).looked(), ID);
    let unrecorded = view.with(|it| it.subject.recorded = Recorded::None);
    deletes(&unrecorded.sees(Word::Name, |_| {}).looked(), ID);
}

#[test]
fn without_an_id_a_chosen_name_needs_its_claim_and_a_create_of_ours() {
    let found = |posts, change: fn(&mut Room)| {
        let view = leaving(claimed().chosen());
        let view = view.sees(Word::Name, change).looked().posts(posts);
        view.with(|it| it.memory.claimed_here = true)
            .with(|it| it.rival = Some(None))
    };
    let says = "is not proven";
    let unknown_rivals = found(Posts::Unknown, |_| {}).with(|it| it.rival = None);
    looks(&unknown_rivals, Look::Rivals);
    let held = found(Posts::Unknown, |_| {}).with(|it| it.rival = Some(Some("a/b".into())));
    orphans(&held, says);
    deletes(&found(Posts::Unknown, |_| {}), ID);
    deletes(&found(Posts::None, |_| {}).sees(Word::Create, |_| {}), ID);
    let restarted = found(Posts::None, |_| {}).with(|it| it.memory.claimed_here = false);
    deletes(&restarted, ID);
    orphans(&found(Posts::Refused, |_| {}), says);
    // A process before this one may have sent one whose answer nobody has.
    let refused = found(Posts::Refused, |_| {}).with(|it| it.memory.claimed_here = false);
    deletes(&refused, ID);
    orphans(&found(Posts::None, |_| {}), says);
    orphans(&found(Posts::Unknown, |it| it.created_at = NOW - 1), says);
    // It has to be what we would have sent.
    orphans(
        &found(Posts::Unknown, |it| it.privacy = "private".into()),
        says,
    );
    let unbound = restarted.with(|it| it.subject.recorded = Recorded::Unreadable);
    orphans(&unbound, says);
}

/// While the stranger is there a late create of ours is refused; should the stranger go, it is not.
#[test]
fn a_stranger_in_the_name_frees_nothing_while_our_create_may_still_be_done() {
    let stranger: fn(&mut Room) = |it| it.privacy = "private".into();
    let claim = leaving(claimed().chosen()).with(|it| it.rival = Some(None));
    let other: fn(&mut Room) = |it| it.id = "room-2".into();
    for (view, change, says) in [
        (claim, stranger, "is not proven"),
        (leaving(recorded()), other, "another id"),
    ] {
        let view = view.sees(Word::Name, change).looked();
        let view = view.posts(Posts::Unknown);
        let unknown = |at| view.clone().sight(|it| it.unknown_write = Some(at));
        let wait = Duration::from_secs(20) + Duration::from_millis(50);
        let still = "may still be done";
        waits_for(
            &unknown(ago(40)),
            Reason::Progressing,
            Needs::Time,
            wait,
            still,
        );
        // The answer has to come after that, not only the decision.
        let early = unknown(ago(61)).sight(|it| {
            if let Some(seen) = &mut it.seen {
                seen.at = ago(2);
            }
        });
        let again = "asked again";
        waits_for(&early, Reason::Progressing, Needs::Time, SOON, again);
        looks(&early.with(|it| it.looked = false), Look::Room);
        orphans(&unknown(ago(60)), says);
        let crashed = view.clone().with(|it| it.trusted_from = at(100_020));
        waits_for(&crashed, Reason::Progressing, Needs::Time, wait, still);
    }
}

#[test]
fn the_finalizer_waits_until_the_room_is_gone_for_sure() {
    let margin = Duration::from_millis(50);
    let gone = |by_name| leaving(recorded().absent(ago(300), by_name));
    looks(&gone(None), Look::Room);
    let asked = "asked again";
    let reason = Reason::Progressing;
    waits_for(&gone(None).looked(), reason, Needs::Time, SOON, asked);
    releases(&gone(Some(ago(200))), Release::Deleted);
    // A write may still be done.
    let unknown = |at, by_name| {
        let view = gone(Some(by_name));
        view.sight(|it| it.unknown_write = Some(at))
    };
    let wait = Duration::from_secs(20) + margin;
    let says = "may still be done";
    waits_for(&unknown(ago(40), moment()), reason, Needs::Time, wait, says);
    looks(&unknown(ago(61), ago(2)), Look::Room);
    releases(&unknown(ago(60), moment()), Release::Deleted);
    // So may one of the leader before, unless the object was bound here.
    let new = gone(Some(moment())).with(|it| it.trusted_from = at(100_020));
    waits_for(&new, reason, Needs::Time, wait, says);
    releases(
        &new.with(|it| it.memory.bound_here = true),
        Release::Deleted,
    );
}

/// No key, as definitely as it is said, after so many definite answers over so long.
fn keyless(definite: bool, answers: u32, seconds: u64) -> View {
    let problem = KeyProblem {
        reason: Reason::ApiKeyNotFound,
        message: "no key".into(),
        definite,
    };
    leaving(serving()).with(|it| {
        it.access = Some(Err(problem));
        it.memory.keyless = Some(Keyless {
            since: ago(seconds),
            answers,
        });
    })
}

#[test]
fn a_room_without_a_key_is_given_up_after_five_definite_answers_over_ten_minutes() {
    orphans(&keyless(true, 5, 600), "no API key");
    let reason = Reason::ApiKeyNotFound;
    let says = "cannot be deleted yet";
    for view in [keyless(true, 4, 600), keyless(true, 5, 599)] {
        waits_for(&view, reason, Needs::Person, SOON, says);
    }
    waits_for(&keyless(false, 9, 900), reason, Needs::Retry, SOON, says);
}

#[test]
fn a_key_of_another_domain_is_none() {
    let other = Domain {
        name: "other".into(),
        id: "domain-2".into(),
    };
    let with_other = |view: View| view.with(|it| it.access = Some(Ok(other.clone())));
    let reason = Reason::AccountChanged;
    let view = with_other(leaving(serving()));
    waits_for(&view, reason, Needs::Person, SOON, "the Daily domain other");
    // There is no room in that domain either, and it says nothing.
    let absent = view.absent(ago(300), Some(moment()));
    waits_for(
        &absent,
        reason,
        Needs::Person,
        SOON,
        "the Daily domain other",
    );
    orphans(&with_other(keyless(true, 5, 600)), "no API key");
}
