//! Deleting an object.

use super::*;

/// One that is being deleted, whose Secret is gone, and in whose room is nobody.
pub(super) fn leaving(view: View) -> View {
    view.deleting().inside(0).with(|it| {
        it.has_secret(Some(Found::Absent));
        it.memory.deleting_since = Some(moment());
    })
}

#[track_caller]
pub(super) fn releases(view: &View, how: Release) {
    acts(view, AnyStep::Release(how));
}

/// It is empty, and the room is deleted if it still is then.
#[track_caller]
pub(super) fn deletes(view: &View, id: &str) {
    acts(view, delete_step(view, id, true));
}

pub(super) fn delete_step(view: &View, id: &str, only_if_empty: bool) -> Step {
    Step::DeleteRoom {
        name: view.room_name(),
        id: id.to_owned(),
        only_if_empty,
    }
}

/// The object is let go, and a room is left alone.
#[track_caller]
fn orphans(view: &View, says: &str) {
    let Plan::Act(AnyStep::Release(Release::Orphaned(why))) = plan(view) else {
        panic!("orphans nothing: {:?}", plan(view));
    };
    assert!(why.contains(says), "{why}");
}

#[track_caller]
pub(super) fn waits_for(
    view: &View,
    reason: Reason,
    resolved_by: ResolvedBy,
    again: Duration,
    says: &str,
) {
    let planned = plan(view);
    let message = match &planned {
        Plan::Rest(Outcome::Deleting(problem), _) => problem.message.clone(),
        other => panic!("does not wait: {other:?}"),
    };
    assert!(message.contains(says), "{message}");
    let problem = Problem {
        reason,
        message,
        resolved_by,
        served: true,
    };
    check(
        view,
        Plan::Rest(Outcome::Deleting(problem), Requeue::After(again)),
    );
}

#[test]
fn an_object_that_is_not_held_is_done() {
    let view = leaving(unbound()).with(|it| it.meta.has_finalizer = false);
    check(&view, Plan::Rest(Outcome::Done, Requeue::OnChange));
}

#[test]
fn what_owns_nothing_is_let_go_without_a_key() {
    let held = |view: View| leaving(view).with(|it| it.access = None);
    releases(
        &held(claimed().with_record(|it| it.claim = None)),
        Release::Clean,
    );
    let bare = |view: View| {
        held(view.with(|it| {
            it.meta.has_finalizer = true;
            it.status.room = None;
        }))
    };
    releases(&bare(unbound().chosen()), Release::Clean);
    // A derived name may have a room, and so may what cannot be read.
    reads_access(&bare(unbound()));
    let unreadable = bare(unbound().chosen());
    let unreadable = unreadable.with(|it| it.recorded = Recorded::Unreadable);
    reads_access(&unreadable);
    reads_access(&held(claimed()));
}

#[test]
fn a_room_that_is_retained_stays() {
    let view = leaving(serving()).with(|it| {
        it.deletion.retain = Some(true);
        it.access = None;
    });
    releases(&view, Release::Retained);
}

#[test]
fn the_room_goes_first_then_the_secret_then_the_finalizer() {
    let view = serving().deleting();
    reads(&view, Read::Presence);
    let view = view.inside(0);
    deletes(&view, ID);
    let gone = view.absent(moment(), Some(moment()));
    acts(&gone, Step::DeleteSecret(secret_guard()));
    let secret = |found| gone.clone().with(|it| it.has_secret(found));
    reads(&secret(None), Read::Secret(SecretKind::Dialin));
    releases(&secret(Some(Found::Absent)), Release::Deleted);
    releases(&secret(Some(Found::Foreign)), Release::Deleted);
}

#[test]
fn a_spec_that_does_not_parse_is_no_obstacle() {
    let view = leaving(serving());
    let unfit = InvalidSpec("no".into());
    deletes(&view.with(|it| it.spec = Err(unfit)), ID);
}

#[test]
fn a_recorded_room_is_deleted_by_its_id_alone() {
    deletes(&leaving(recorded()), ID);
    let other = |it: &mut Room| it.id = "room-2".into();
    let listed = leaving(recorded().sees(Source::List, other));
    reads(&listed, Read::Room);
    // The read may show the recorded room, which then need not wait.
    let late = listed.evidence(|it| it.unknown_write = Some(moment()));
    reads(&late, Read::Room);
    let shown = leaving(recorded().sees(Source::Get, other).read_by_name());
    orphans(&shown, "its id is not the recorded one");
}

/// The recorded name is the room's, also when the id of the cluster was changed since.
#[test]
fn a_room_is_deleted_by_its_recorded_name() {
    let other = |it: &mut Record| it.name = "team-other_x".into();
    let view = leaving(recorded().with_record(other));
    assert_eq!(view.room_name(), "team-other_x");
    deletes(&view, ID);
}

#[test]
fn without_an_id_a_derived_name_is_proof() {
    let view = leaving(claimed());
    reads(&view, Read::Room);
    deletes(&view.clone().sees(Source::Get, |_| {}).read_by_name(), ID);
    let unrecorded = view.with(|it| it.recorded = Recorded::Nothing);
    deletes(&unrecorded.sees(Source::Get, |_| {}).read_by_name(), ID);
}

#[test]
fn without_an_id_a_chosen_name_needs_its_claim_and_a_create_of_ours() {
    let found = |create_attempts, change: fn(&mut Room)| {
        let view = leaving(claimed().chosen());
        let view = view
            .sees(Source::Get, change)
            .read_by_name()
            .create_attempts(create_attempts);
        view.with(|it| it.rival = Some(None))
    };
    let says = "nothing proves";
    let unknown_rivals = found(CreateAttempts::Unknown, |_| {}).with(|it| it.rival = None);
    reads_rival(&unknown_rivals);
    let held = found(CreateAttempts::Unknown, |_| {}).with(|it| it.rival = rival("team"));
    orphans(&held, says);
    deletes(&found(CreateAttempts::Unknown, |_| {}), ID);
    deletes(
        &found(CreateAttempts::None, |_| {}).sees(Source::Create, |_| {}),
        ID,
    );
    let restarted = found(CreateAttempts::EarlierProcess, |_| {});
    deletes(&restarted, ID);
    orphans(&found(CreateAttempts::Refused, |_| {}), says);
    // A process before this one may have sent one whose answer nobody has.
    let refused = found(CreateAttempts::EarlierProcess.and_refused(), |_| {});
    deletes(&refused, ID);
    orphans(&found(CreateAttempts::None, |_| {}), says);
    orphans(
        &found(CreateAttempts::Unknown, |it| it.created_at = NOW - 1),
        says,
    );
    // It has to be what we would have sent.
    orphans(
        &found(CreateAttempts::Unknown, |it| it.privacy = "private".into()),
        says,
    );
    let unbound = restarted.with(|it| it.recorded = Recorded::Unreadable);
    orphans(&unbound, says);
}

/// While the stranger is there a late create of ours is refused; should the stranger go, it is not.
#[test]
fn a_stranger_in_the_name_frees_nothing_while_our_create_may_still_be_done() {
    let stranger: fn(&mut Room) = |it| it.privacy = "private".into();
    let claim = leaving(claimed().chosen()).with(|it| it.rival = Some(None));
    let other: fn(&mut Room) = |it| it.id = "room-2".into();
    for (view, change, says) in [
        (claim, stranger, "nothing proves"),
        (leaving(recorded()), other, "its id is not the recorded one"),
    ] {
        let view = view.sees(Source::Get, change).read_by_name();
        let view = view.create_attempts(CreateAttempts::Unknown);
        let unknown = |at| view.clone().evidence(|it| it.unknown_write = Some(at));
        let wait = Duration::from_secs(20) + Duration::from_millis(50);
        let still = "may still take effect";
        waits_for(
            &unknown(ago(40)),
            Reason::Progressing,
            ResolvedBy::Waiting,
            wait,
            still,
        );
        // The answer has to come after that, not only the decision.
        let early = unknown(ago(61)).evidence(|it| {
            if let Some(observed) = &mut it.observed {
                observed.at = ago(2);
            }
        });
        let again = "asks Daily for the room again";
        waits_for(
            &early,
            Reason::Progressing,
            ResolvedBy::Waiting,
            RECHECK,
            again,
        );
        reads(&early.with(|it| it.facts.read_by_name = false), Read::Room);
        orphans(&unknown(ago(60)), says);
        let crashed = view.clone().with(|it| it.trusted_from = at(100_020));
        waits_for(
            &crashed,
            Reason::Progressing,
            ResolvedBy::Waiting,
            wait,
            still,
        );
    }
}

#[test]
fn the_finalizer_waits_until_the_room_is_gone_for_sure() {
    let margin = Duration::from_millis(50);
    let gone = |by_name| leaving(recorded().absent(ago(300), by_name));
    reads(&gone(None), Read::Room);
    let asked = "asks Daily for the room again";
    let reason = Reason::Progressing;
    waits_for(
        &gone(None).read_by_name(),
        reason,
        ResolvedBy::Waiting,
        RECHECK,
        asked,
    );
    releases(&gone(Some(ago(200))), Release::Deleted);
    // A write may still be done.
    let unknown = |at, by_name| {
        let view = gone(Some(by_name));
        view.evidence(|it| it.unknown_write = Some(at))
    };
    let wait = Duration::from_secs(20) + margin;
    let says = "may still take effect";
    waits_for(
        &unknown(ago(40), moment()),
        reason,
        ResolvedBy::Waiting,
        wait,
        says,
    );
    reads(&unknown(ago(61), ago(2)), Read::Room);
    releases(&unknown(ago(60), moment()), Release::Deleted);
    // So may one of the leader before, unless the object was bound here.
    let new = gone(Some(moment())).with(|it| it.trusted_from = at(100_020));
    waits_for(&new, reason, ResolvedBy::Waiting, wait, says);
    releases(
        &new.with(|it| it.memory.began_here = true),
        Release::Deleted,
    );
}

/// No key so many seconds after the deletion was requested by our clock, and since this moment of this process.
fn keyless(seconds: i64, since: Moment) -> View {
    let problem = KeyProblem {
        reason: Reason::ApiKeyNotFound,
        message: "no key".into(),
    };
    leaving(serving()).with(|it| {
        it.access = Some(Err(problem));
        it.meta.deleting = Some(it.now.wall - seconds);
        it.memory.keyless_since = Some(since);
    })
}

#[test]
fn a_room_without_a_key_is_given_up_after_ten_minutes_by_both_clocks() {
    orphans(&keyless(600, ago(600)), "no API key could delete it");
    for view in [keyless(599, ago(600)), keyless(9000, ago(599))] {
        let says = "cannot be deleted yet";
        let reason = Reason::ApiKeyNotFound;
        waits_for(&view, reason, ResolvedBy::User, RECHECK, says);
    }
}

#[test]
fn a_missing_key_is_read_less_and_less_often() {
    let after = |problems, seconds| {
        let view = keyless(0, moment()).with(|it| it.memory.key_problems = problems);
        let wait = Duration::from_secs(seconds);
        let says = "cannot be deleted yet";
        waits_for(&view, Reason::ApiKeyNotFound, ResolvedBy::User, wait, says);
    };
    for (problems, seconds) in [(0, 5), (1, 5), (2, 10), (3, 20), (4, 30), (99, 30)] {
        after(problems, seconds);
    }
}

#[test]
fn a_key_of_another_domain_is_none() {
    let other = Domain {
        name: "other".into(),
        id: "domain-2".into(),
    };
    let with_other = |view: View| view.with(|it| it.access = Some(Ok(other.clone())));
    let (reason, user) = (Reason::AccountChanged, ResolvedBy::User);
    let view = with_other(leaving(serving()));
    let says = "the Daily domain other";
    waits_for(&view, reason, user, RECHECK, says);
    // There is no room in that domain either, and it says nothing.
    let absent = view.absent(ago(300), Some(moment()));
    waits_for(&absent, reason, user, RECHECK, says);
    orphans(
        &with_other(keyless(600, ago(600))),
        "no API key could delete it",
    );
}

#[test]
fn a_secret_of_an_earlier_name_is_deleted_with_the_object() {
    let gone = leaving(serving()).absent(moment(), Some(moment()));
    // Before the watch has shown all Secrets nobody knows.
    let unknown = gone.clone().with(|it| it.facts.other_secrets = None);
    unchanged(&unknown, Duration::from_secs(1));
    let other = gone.with(|it| it.facts.other_secrets = Some(vec!["old".into()]));
    reads(&other, Read::FormerSecrets);
    let former = Guard {
        name: "old".into(),
        ..secret_guard()
    };
    let found = |former| {
        other
            .clone()
            .with(|it| it.facts.former_secrets = Some(former))
    };
    acts(
        &found(vec![(SecretKind::Dialin, former.clone())]),
        Step::DeleteSecret(former),
    );
    // A label alone is no proof: what was read and is not ours stays.
    releases(&found(Vec::new()), Release::Deleted);
}
