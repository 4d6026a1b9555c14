//! Binding an object and making its room.

use super::*;
use crate::daily::ledger::reads_lag;
use crate::naming;
use crate::room::view::{NumberProblem, Refusal};

fn claim(at: i64, end: i64) -> Option<Claim> {
    Some(Claim {
        at,
        end: Some(by_ttl(end)),
        past_end: None,
    })
}

fn free_chosen() -> View {
    unbound().chosen().free()
}

fn request_of(view: &View, end: i64) -> CreateRoom {
    let Plan::Act(Step::CreateRoom(request)) = plan(view) else {
        panic!("makes no room: {:?}", plan(view));
    };
    assert_eq!(request.properties.get("exp"), Some(&json!(end)));
    request
}

fn refusal(view: &View, times: u32) -> Refusal {
    Refusal {
        what: naming::fingerprint(&json!(request_of(view, END))),
        info: "no".into(),
        at: ago(60),
        until: moment().after(SOON),
        times,
    }
}

/// A create was refused in this pass, and the name shows nothing.
fn refused(times: u32) -> View {
    let view = claimed();
    let refusal = refusal(&view, times);
    let view = view.free().posts(Posts::Refused);
    view.with(|view| view.memory.refusal = Some(refusal))
}

#[test]
fn the_key_is_proven_before_anything_else() {
    looks(&unbound().with(|it| it.access = None), Look::Access);
    looks(&serving().with(|it| it.access = None), Look::Access);
    for (reason, needs) in [
        (Reason::Unauthorized, Needs::Person),
        (Reason::ApiKeyNotFound, Needs::Time),
        (Reason::ApiKeyNotAllowed, Needs::Time),
        (Reason::DailyUnavailable, Needs::Retry),
    ] {
        let problem = KeyProblem {
            reason,
            message: "no key".into(),
            definite: true,
        };
        let view = unbound().with(|it| it.access = Some(Err(problem)));
        fails(&view, reason, needs, Again::In(SOON), "no key");
    }
}

#[test]
fn a_derived_name_is_bound_at_once() {
    let view = unbound();
    let bound = binding_of(&view, claim(NOW, END), None);
    acts(&view, Step::Bind(bound));
    looks(&view.with(|it| it.numbers = None), Look::Numbers);
}

#[test]
fn nothing_is_bound_while_its_numbers_are_missing() {
    for (waits, needs) in [(true, Needs::Time), (false, Needs::Person)] {
        let problem = NumberProblem {
            reason: Reason::NumberNotReady,
            message: "not yet".into(),
            waits,
            again: SOON,
        };
        let view = unbound().with(|it| it.numbers = Some(Err(problem)));
        let reason = Reason::NumberNotReady;
        fails(&view, reason, needs, Again::In(SOON), "not yet");
    }
}

#[test]
fn a_chosen_name_must_be_free_and_is_claimed_by_dailys_clock() {
    let view = unbound().chosen();
    looks(&view, Look::Room);
    looks(&free_chosen(), Look::Rivals);
    let free = free_chosen().date(NOW + 7).with(|it| it.rival = Some(None));
    let bound = binding_of(&view, claim(NOW + 7, END), None);
    acts(&free, Step::Bind(bound));
    let again = Again::In(LATER);
    let held = free.with(|it| it.rival = Some(Some("team/first".into())));
    fails(&held, Reason::NameTaken, Needs::Person, again, "team/first");
    let seen = view.sees(Word::Name, |_| {}).looked();
    let seen = seen.with(|it| it.rival = Some(None));
    fails(&seen, Reason::NameTaken, Needs::Person, again, "roomName");
}

#[test]
fn a_record_of_an_earlier_object_is_a_hint_alone() {
    let other = |view: View| view.record(|it| it.uid = "uid-0".into());
    let view = other(recorded().chosen()).with(|it| it.rival = Some(None));
    looks(&view, Look::Room);
    let seen = view.sees(Word::Name, |_| {}).looked();
    let mut taken_over = recorded().chosen().binding();
    taken_over.claim = None;
    acts(&seen, Step::Bind(taken_over));
    // Another room, or a record of another domain or name, proves nothing.
    let another = seen.clone().made(|it| it.id = "room-0".into());
    let elsewhere = seen.clone().record(|it| it.domain_id = "domain-0".into());
    let named = seen.record(|it| it.name = "other".into());
    for view in [another, elsewhere, named] {
        let again = Again::In(LATER);
        fails(&view, Reason::NameTaken, Needs::Person, again, "exists");
    }
    // A derived name finds its room by itself.
    let derived = other(recorded());
    looks(&derived, Look::Room);
    let bound = binding_of(&derived, claim(NOW, END), None);
    acts(
        &derived.sees(Word::Name, |_| {}).looked(),
        Step::Bind(bound),
    );
}

#[test]
fn what_is_over_from_the_start_is_expired_and_a_ttl_asks_daily_first() {
    let over = unbound().spec(json!({"expirationTime": "2026-12-01T08:00:00Z"}));
    let over = over.with(|it| it.access = None);
    acts(&over, Step::Show(Verdict::Expired));
    check(&over.expired(), rest(Verdict::Expired, Again::Drift(None)));
    let ttl = unbound().wall(END);
    looks(&ttl, Look::Room);
    acts(&ttl.clone().free(), Step::Show(Verdict::Expired));
    let bound = binding_of(&ttl, claim(END, END), None);
    let found = ttl.sees(Word::Name, |it| it.config.exp = Some(END + 60));
    acts(&found.looked(), Step::Bind(bound));
}

#[test]
fn an_end_too_far_ahead_waits_for_its_day() {
    let far = unbound().spec(json!({"expirationTime": "2028-12-01T08:00:00Z"}));
    let end = far.desired().end_of(CREATED).at;
    let day = Again::Drift(Some(end - 364 * 24 * 3600));
    fails(&far, Reason::InvalidSpec, Needs::Person, day, "364 days");
    let come = far.wall(end - 364 * 24 * 3600);
    assert!(matches!(plan(&come), Plan::Act(Step::Bind(_))));
    // So does one that was edited while the room is still to be made.
    let edited = claimed().edited(json!({"expirationTime": "2028-12-01T08:00:00Z"}));
    fails(&edited, Reason::InvalidSpec, Needs::Person, day, "364 days");
}

#[test]
fn a_lost_finalizer_and_a_lost_status_come_first() {
    let loose = recorded().with(|it| it.subject.finalizers.clear());
    let bound = loose.binding();
    acts(&loose, Step::Bind(bound));
    let silent = recorded().with(|it| it.status = DailyRoomStatus::default());
    acts(&silent, Step::Show(Verdict::Progressing));
}

#[test]
fn a_name_is_sticky() {
    // Whoever may edit the object may edit the record: a name of another cluster or object is not
    // believed, and the room is not made under the new name either.
    let earlier = naming::derived_room_name("cluster-0", "team", "standup");
    let earlier = claimed().record(|it| it.name.clone_from(&earlier));
    let theirs = naming::derived_room_name("cluster-1", "team", "retro");
    let theirs = claimed().record(|it| it.name.clone_from(&theirs));
    let again = Again::Drift(None);
    let unset = claimed().record(|it| it.name = "standup".into());
    let other = claimed().chosen().record(|it| it.name = "other".into());
    for view in [earlier, theirs, unset, other] {
        let says = "a name never changes";
        fails(&view, Reason::InvalidSpec, Needs::Person, again, says);
    }
}

#[test]
fn what_others_hold_or_edited_is_left_alone() {
    let theirs = serving().record(|it| it.installation_id = "ns/other".into());
    for view in [theirs.clone(), theirs.deleting()] {
        let reason = Reason::OtherInstallation;
        fails(&view, reason, Needs::Person, Again::In(LATER), "ns/other");
    }
    let edited = serving().with(|it| it.subject.recorded = Recorded::Unreadable);
    let again = Again::Drift(None);
    let says = crate::crd::BINDING_ANNOTATION;
    fails(&edited, Reason::InvalidSpec, Needs::Person, again, says);
}

#[test]
fn a_key_of_another_domain_does_nothing() {
    let other = Domain {
        name: "other".into(),
        id: "domain-2".into(),
    };
    let bound = serving().with(|it| it.access = Some(Ok(other.clone())));
    // The record is gone, and the status still knows.
    let known = bound
        .clone()
        .with(|it| it.subject.recorded = Recorded::None);
    for view in [bound, known.clone()] {
        let reason = Reason::AccountChanged;
        let again = Again::In(SOON);
        fails(&view, reason, Needs::Person, again, "the room is in demo");
    }
    // What a restore has kept of the status binds nobody.
    let copied = recorded().record(|it| it.uid = "uid-0".into());
    let copied = copied.with(|it| {
        it.status.account = Some(Account {
            domain_name: "demo".into(),
            domain_id: "domain-1".into(),
        });
        it.access = Some(Ok(other.clone()));
    });
    assert!(matches!(plan(&copied), Plan::Act(Step::Bind(_))));
}

#[test]
fn the_room_is_made_as_the_spec_says() {
    let spec = json!({"ttl": "8h", "privacy": "Private", "ejectAtRoomExpiry": false, "dialin": {
        "displayName": "Caller", "waitForMeetingStart": false,
        "roomNumbers": [{"phoneNumber": NUMBER}]}});
    let view = claimed().spec(spec);
    let request = CreateRoom {
        name: view.room_name(),
        privacy: "private",
        properties: serde_json::from_value(json!({
            "exp": END, "eject_at_room_exp": false,
            "dialin": {"display_name": "Caller", "wait_for_meeting_start": false,
                       "room_numbers": [{"phone_number": NUMBER}]},
        }))
        .unwrap(),
    };
    acts(&view, Step::CreateRoom(request));
    // No room numbers are sent for a room that names none.
    let plain = request_of(&claimed(), END);
    let dialin = json!({"display_name": "Phone Caller", "wait_for_meeting_start": true});
    assert_eq!(plain.properties.get("dialin"), Some(&dialin));
}

#[test]
fn the_claimed_end_is_kept_until_the_spec_changes() {
    let kept = claimed().claim(|it| it.end = Some(by_ttl(END + 5)));
    request_of(&kept, END + 5);
    request_of(&kept.edited(json!({"ttl": "9h"})), END + 3600);
}

#[test]
fn a_create_that_may_have_been_done_is_looked_for_first() {
    let view = claimed().chosen();
    looks(&view, Look::Room);
    request_of(&view.clone().free(), END);
    let here = view.with(|it| it.memory.claimed_here = true);
    request_of(&here, END);
    for posts in [Posts::Unknown, Posts::Refused] {
        looks(&here.clone().posts(posts), Look::Room);
        looks(&claimed().posts(posts), Look::Room);
    }
    // Its repeat waits for nothing else.
    request_of(&here.posts(Posts::Unknown).free(), END);
}

fn found_record(view: &View, id: &str, end: i64, sent: bool) -> Binding {
    let dialin = view.desired().dialin(&[NUMBER.to_owned()]);
    let made = Made {
        id: id.into(),
        sent: sent.then(|| naming::fingerprint(&json!(dialin))),
        end: Some(by_ttl(end)),
    };
    binding_of(view, None, Some(made))
}

#[test]
fn a_room_of_a_derived_name_is_ours_and_keeps_its_own_end() {
    let view = claimed();
    let made = view.clone().sees(Word::Create, |_| {});
    acts(
        &made,
        Step::Record(found_record(&view, ID, END, true), Change::Made),
    );
    let own_end = |room: &mut Room| {
        room.config.exp = Some(END + 77);
        room.created_at = CREATED - 5;
    };
    looks(&view.clone().sees(Word::Listing, own_end), Look::Room);
    let found = view.clone().sees(Word::Name, own_end).looked();
    let record = found_record(&view, ID, END + 77, false);
    acts(&found, Step::Record(record, Change::Found));
}

#[test]
fn a_room_of_a_chosen_name_is_ours_only_with_proof() {
    let view = claimed().chosen();
    let found = |posts, change: fn(&mut Room)| {
        let view = view.clone().sees(Word::Name, change).looked();
        view.posts(posts)
            .with(|it| it.memory.claimed_here = true)
            .with(|it| it.rival = Some(None))
    };
    let unknown_rivals = found(Posts::Unknown, |_| {}).with(|it| it.rival = None);
    looks(&unknown_rivals, Look::Rivals);
    let ours = Step::Record(found_record(&view, ID, END, false), Change::Found);
    let mut withdrawn = view.binding();
    withdrawn.claim = None;
    let theirs = Step::Record(withdrawn, Change::Withdrawn);
    acts(&found(Posts::Unknown, |_| {}), ours.clone());
    // A room that is not ours withdraws no claim while a create of ours may still be done.
    let named: fn(&mut Room) = |it| {
        let dialin = it.config.dialin.as_mut().unwrap();
        dialin.insert("display_name".into(), json!("Somebody"));
    };
    let strangers: [fn(&mut Room); 5] = [
        |it| it.created_at = NOW - 1,
        |it| it.privacy = "private".into(),
        |it| it.config.eject_at_room_exp = None,
        |it| it.config.dialin = None,
        named,
    ];
    let (reason, later) = (Reason::NameTaken, Again::In(LATER));
    let says = "is not this object's";
    for stranger in strangers {
        let view = found(Posts::Unknown, stranger);
        fails(&view, reason, Needs::Person, later, says);
        let restarted = found(Posts::Refused, stranger).with(|it| it.memory.claimed_here = false);
        fails(&restarted, reason, Needs::Person, later, says);
    }
    let held = found(Posts::Unknown, |_| {}).with(|it| it.rival = Some(Some("a/b".into())));
    fails(&held, reason, Needs::Person, later, says);
    // Only where each was refused, or none was sent, nothing can come of the claim any more.
    acts(&found(Posts::Refused, |_| {}), theirs.clone());
    acts(&found(Posts::None, |_| {}), theirs);
    let refused = found(Posts::Refused, |_| {}).with(|it| it.memory.claimed_here = false);
    acts(&refused, ours.clone());
    let restarted = found(Posts::None, |_| {}).with(|it| it.memory.claimed_here = false);
    acts(&restarted, ours);
    let made = found(Posts::None, |_| {}).sees(Word::Create, |_| {});
    let record = found_record(&view, ID, END, true);
    acts(&made, Step::Record(record, Change::Made));
}

#[test]
fn a_refused_create_is_not_repeated_before_its_time() {
    let again = Again::In(SOON);
    let reason = Reason::RejectedByDaily;
    fails(&refused(1), reason, Needs::Person, again, "no");
    request_of(
        &refused(1).with(|it| it.now.moment = moment().after(SOON)),
        END,
    );
    request_of(&refused(1).forced(), END);
    let tried = refused(1).forced().with(|it| it.tried = true);
    fails(&tried, reason, Needs::Person, again, "no");
    request_of(&refused(1).edited(json!({"ttl": "9h"})), END + 3600);
}

#[test]
fn what_takes_a_name_unseen_is_cleared_only_after_our_own_end_and_quiet() {
    let reason = Reason::RejectedByDaily;
    let again = Again::In(SOON);
    let quiet = 60;
    let after = |times| refused(times).claim(|it| it.past_end = Some(NOW - quiet));
    let name = after(2).room_name();
    acts(&after(2), Step::Collect { name });
    for view in [
        refused(9),
        after(1),
        after(2).claim(|it| it.past_end = Some(NOW - quiet + 1)),
        after(2).date(NOW - 1),
    ] {
        fails(
            &view,
            reason,
            Needs::Person,
            again,
            "Daily refuses the room",
        );
    }
    // A read must not lag behind what refused it: that may be somebody's new room. // F-ROOM-41
    let just_now = after(2).with(|it| {
        let refusal = it.memory.refusal.as_mut().unwrap();
        refusal.at = it.now.moment;
    });
    let soon = Again::In(reads_lag(just_now.quiet).min(SOON));
    fails(
        &just_now,
        reason,
        Needs::Person,
        soon,
        "Daily refuses the room",
    );
    // Once: what is still refused then is refused for another reason.
    let collected = after(2).with(|it| it.memory.collected = true);
    fails(
        &collected,
        reason,
        Needs::Person,
        again,
        "Daily refuses the room",
    );
    // It is looked at by name before each of these.
    looks(&after(2).with(|it| it.looked = false), Look::Room);
}

#[test]
fn an_end_that_passed_while_the_room_was_to_be_made_is_concluded_by_both_clocks() {
    let view = claimed().wall(END);
    looks(&view, Look::Room);
    acts(&view.clone().free(), Step::Show(Verdict::Expired));
    unchanged(&view.free().date(END - 1), SOON);
}

#[test]
fn a_withdrawn_claim_waits_until_the_name_is_free() {
    let view = claimed().chosen().record(|it| it.claim = None);
    looks(&view, Look::Room);
    let again = Again::In(LATER);
    let taken = view.clone().sees(Word::Name, |_| {}).looked();
    fails(&taken, Reason::NameTaken, Needs::Person, again, "roomName");
    let free = view.clone().free().date(NOW + 3);
    let mut binding = view.binding();
    binding.claim = claim(NOW + 3, END);
    acts(&free, Step::Record(binding, Change::Claimed));
    acts(&view.wall(END).free(), Step::Show(Verdict::Expired));
}
