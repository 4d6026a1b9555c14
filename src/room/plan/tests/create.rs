//! Claiming a name and creating the room.

use super::*;
use crate::reconcile::object::Object;
use crate::reconcile::record::Drain;
use crate::reconcile::rivals;

fn claim(at: i64, end: i64) -> Option<Claim> {
    Some(Claim {
        end: Some(by_ttl(end)),
        ..Claim::at(at)
    })
}

fn free_chosen() -> View {
    unbound().chosen().free()
}

fn request_of(view: &View, end: i64) -> CreateRoom {
    let Plan::Act(AnyStep::Of(Step::CreateRoom(request))) = plan(view) else {
        panic!("makes no room: {:?}", plan(view));
    };
    assert_eq!(request.properties.get("exp"), Some(&json!(end)));
    *request
}

fn refusal(view: &View, times: u32) -> Rejection {
    Rejection {
        what: naming::fingerprint(&json!(request_of(view, END))),
        info: "no".into(),
        until: moment().after(RECHECK),
        times,
    }
}

/// A create was refused in this reconcile, and the name shows nothing.
fn refused(times: u32) -> View {
    let view = claimed();
    let refusal = refusal(&view, times);
    let view = view.free().create_attempts(CreateAttempts::Refused);
    view.with(|view| view.memory.rejection = Some(refusal))
}

#[test]
fn the_key_is_proven_before_anything_else() {
    reads_access(&unbound().with(|it| it.access = None));
    reads_access(&serving().with(|it| it.access = None));
    for (reason, resolved_by) in [
        (Reason::Unauthorized, ResolvedBy::User),
        (Reason::ApiKeyNotFound, ResolvedBy::Waiting),
        (Reason::ApiKeyNotAllowed, ResolvedBy::Waiting),
    ] {
        let problem = KeyProblem {
            reason,
            message: "no key".into(),
        };
        let view = unbound().with(|it| it.access = Some(Err(problem)));
        fails(
            &view,
            reason,
            resolved_by,
            Requeue::After(RECHECK),
            "no key",
        );
    }
}

/// Once a room is made, a key that is gone is not one that is still to come. Callers are served.
#[test]
fn a_key_that_goes_while_callers_are_served_stalls_and_stays_ready() {
    for reason in [Reason::ApiKeyNotFound, Reason::ApiKeyNotAllowed] {
        let problem = KeyProblem {
            reason,
            message: "no key".into(),
        };
        let view = serving().with(|it| it.access = Some(Err(problem)));
        fails(
            &view,
            reason,
            ResolvedBy::User,
            Requeue::After(RECHECK),
            "no key",
        );
        let Plan::Rest(outcome, _) = plan(&view) else {
            panic!("{:?}", plan(&view));
        };
        let conditions = status(&view, &outcome).conditions;
        let shown: Vec<_> = conditions
            .iter()
            .map(|it| format!("{}={}/{}", it.type_, it.status, it.reason))
            .collect();
        let stalled = format!("Stalled=True/{}", reason.as_str());
        assert_eq!(shown, ["Ready=True/Available".to_owned(), stalled]);
    }
}

#[test]
fn a_derived_name_is_bound_at_once() {
    let view = unbound();
    let bound = record_of(&view, claim(NOW, END), None);
    acts(&view, bind(bound));
    reads(&view.with(|it| it.facts.numbers = None), Read::Numbers);
}

#[test]
fn nothing_is_bound_while_its_numbers_are_missing() {
    for (resolved_by, again) in [
        (ResolvedBy::Waiting, Requeue::After(RECHECK)),
        (ResolvedBy::User, Requeue::Polling(RECHECK)),
    ] {
        let reason = Reason::NumberNotReady;
        let problem = NumberProblem::new(reason, resolved_by, "not yet".into(), RECHECK);
        let view = unbound().with(|it| it.facts.numbers = Some(Err(problem)));
        fails(&view, reason, resolved_by, again, "not yet");
    }
}

#[test]
fn a_chosen_name_must_be_free_and_is_claimed_by_dailys_clock() {
    let view = unbound().chosen();
    reads_rival(&view);
    reads(&view.clone().with(|it| it.rival = Some(None)), Read::Room);
    let free = free_chosen().date(NOW + 7).with(|it| it.rival = Some(None));
    let bound = record_of(&view, claim(NOW + 7, END), None);
    acts(&free, bind(bound));
    let again = Requeue::After(USER_RETRY);
    let held = |namespace| free.clone().with(|it| it.rival = rival(namespace));
    let (taken, user) = (Reason::NameTaken, ResolvedBy::User);
    fails(
        &held("team"),
        taken,
        user,
        again,
        "The DailyRoom first holds",
    );
    // Objects of other namespaces are not named.
    fails(
        &held("other"),
        taken,
        user,
        again,
        "A DailyRoom in another namespace holds",
    );
    // Also by one that came later: of two claims, one create would fail.
    let mut later = rival("team");
    later.as_mut().unwrap().as_mut().unwrap().is_first = false;
    let claimed_first = free.with(|it| it.rival = later);
    let says = "Create a DailyRoom with another roomName";
    fails(&claimed_first, taken, user, again, says);
    let observed = view.sees(Source::Get, |_| {}).read_by_name();
    let observed = observed.with(|it| it.rival = Some(None));
    let again = Requeue::Polling(USER_RETRY);
    fails(
        &observed,
        Reason::NameTaken,
        ResolvedBy::User,
        again,
        "roomName",
    );
}

/// An object whose room has ended stays as long as its owner likes, and holds the name no longer.
#[test]
fn a_name_is_held_in_any_case_until_the_room_has_ended() {
    let rival = |expired: &str| {
        let record = record_of(&unbound(), None, Some(Made::of(ID)));
        let record = Record {
            uid: "uid-2".into(),
            name: "StandUp".into(),
            ..record
        };
        let other: Object<Kind> = serde_json::from_value(json!({
            "metadata": {"namespace": "other", "name": "first", "uid": "uid-2",
                "resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-12-01T08:00:00Z"},
            "spec": {"ttl": "1h"},
            "status": {"record": record.text(), "conditions": [{"type": "Expired",
                "status": expired, "reason": "Expired", "message": "",
                "lastTransitionTime": "2026-12-01T08:00:00Z"}]},
        }))
        .unwrap();
        let others = [(&other, &other.recorded)];
        rivals::first(&unbound().chosen(), "domain-1", others.into_iter())
    };
    assert_eq!(rival("False").unwrap().made.as_deref(), Some(ID));
    assert_eq!(rival("True"), None);
}

#[test]
fn a_record_of_an_earlier_object_is_a_hint_alone() {
    let other = |view: View| view.with_record(|it| it.uid = "uid-0".into());
    let view = other(recorded().chosen()).with(|it| it.rival = Some(None));
    reads(&view, Read::Room);
    let observed = view.sees(Source::Get, |_| {}).read_by_name();
    let mut taken_over = recorded().chosen().owned();
    taken_over.claim = None;
    acts(&observed, write(taken_over, Change::Found));
    // Another room, or a record of another domain or name, proves nothing.
    let another = observed.clone().made(|it| it.id = "room-0".into());
    let elsewhere = observed
        .clone()
        .with_record(|it| it.domain_id = "domain-0".into());
    let named = observed.with_record(|it| it.name = "other".into());
    for view in [another, elsewhere, named] {
        let again = Requeue::Polling(USER_RETRY);
        fails(&view, Reason::NameTaken, ResolvedBy::User, again, "exists");
    }
    // A derived name finds its room by itself.
    let derived = other(recorded());
    reads(&derived, Read::Room);
    let bound = record_of(&derived, claim(NOW, END), None);
    acts(
        &derived.sees(Source::Get, |_| {}).read_by_name(),
        bind(bound),
    );
}

#[test]
fn what_is_over_from_the_start_is_expired_and_a_ttl_asks_daily_first() {
    let over = unbound().spec(json!({"expirationTime": "2026-12-01T08:00:00Z"}));
    let over = over.with(|it| it.access = None);
    acts(&over, AnyStep::Report(Outcome::Expired));
    check(
        &over.expired(),
        Plan::Rest(Outcome::Expired, Requeue::AtDrift(None)),
    );
    let ttl = unbound().wall(END);
    reads(&ttl, Read::Room);
    acts(&ttl.clone().free(), AnyStep::Report(Outcome::Expired));
    let bound = record_of(&ttl, claim(END, END), None);
    let found = ttl.sees(Source::Get, |it| it.config.exp = Some(END + 60));
    acts(&found.read_by_name(), bind(bound));
}

#[test]
fn an_end_too_far_ahead_waits_for_its_day() {
    let far = unbound().spec(json!({"expirationTime": "2028-12-01T08:00:00Z"}));
    let end = far.parsed().end_of(CREATED).at;
    let day = Requeue::AtDrift(Some(end - 364 * 24 * 3600));
    fails(&far, Reason::InvalidSpec, ResolvedBy::User, day, "364 days");
    let come = far.wall(end - 364 * 24 * 3600);
    assert!(matches!(plan(&come), Plan::Act(AnyStep::Record(..))));
    // So does one that was edited while the room is still to be made.
    let edited = claimed().edited(json!({"expirationTime": "2028-12-01T08:00:00Z"}));
    fails(
        &edited,
        Reason::InvalidSpec,
        ResolvedBy::User,
        day,
        "364 days",
    );
}

#[test]
fn a_lost_finalizer_and_a_lost_status_come_first() {
    let loose = recorded().with(|it| it.meta.has_finalizer = false);
    acts(&loose, AnyStep::AddFinalizer);
    // It comes before the first record, too.
    let new = unbound().with(|it| it.meta.has_finalizer = false);
    acts(&new, AnyStep::AddFinalizer);
    let silent = recorded().with(|it| it.status.conditions.clear());
    acts(&silent, AnyStep::Report(Outcome::Progressing));
}

#[test]
fn a_name_is_sticky() {
    // The id of the cluster was changed: neither name is used.
    let earlier = naming::derived_room_name("cluster-0", "team", "standup");
    let earlier = claimed().with_record(|it| it.name.clone_from(&earlier));
    let theirs = naming::derived_room_name("cluster-1", "team", "retro");
    let theirs = claimed().with_record(|it| it.name.clone_from(&theirs));
    let again = Requeue::AtDrift(None);
    let unset = claimed().with_record(|it| it.name = "standup".into());
    let other = claimed()
        .chosen()
        .with_record(|it| it.name = "other".into());
    for view in [earlier, theirs, unset, other] {
        let says = "cannot be renamed";
        fails(&view, Reason::InvalidSpec, ResolvedBy::User, again, says);
    }
}

#[test]
fn what_another_installation_owns_is_not_written_to() {
    let theirs = serving().with_record(|it| it.installation_id = "ns/other".into());
    for view in [theirs.clone(), theirs.clone().deleting()] {
        let Plan::Rest(Outcome::OwnedElsewhere(problem), Requeue::After(_)) = plan(&view) else {
            panic!("{:?}", plan(&view));
        };
        assert_eq!(problem.reason, Reason::OtherInstallation);
        assert!(
            problem
                .message
                .contains("--take-over-installation-ids=ns/other")
        );
        let outcome = Outcome::OwnedElsewhere(problem);
        assert_eq!(status(&view, &outcome), view.status);
    }
    // Its administrator says that it is gone.
    let taken_over = theirs.with(|it| it.own.takes_over = vec!["ns/other".into()]);
    let mut ours = taken_over.owned();
    ours.installation_id
        .clone_from(&taken_over.own.installation_id);
    acts(&taken_over, write(ours, Change::TakenOver));
}

#[test]
fn nothing_is_done_by_a_record_that_cannot_be_read() {
    let unreadable = serving().with(|it| {
        it.status.record = Some("{".into());
        it.recorded = Recorded::Unreadable;
    });
    let again = Requeue::AtDrift(None);
    let user = ResolvedBy::User;
    fails(
        &unreadable,
        Reason::InvalidSpec,
        user,
        again,
        "status.record",
    );
    // It is not lost with the next status either.
    let reported = status(&unreadable, &Outcome::Expired);
    assert_eq!(reported.record.as_deref(), Some("{"));
}

#[test]
fn a_key_of_another_domain_does_nothing() {
    let other = Domain {
        name: "other".into(),
        id: "domain-2".into(),
    };
    let bound = serving().with(|it| it.access = Some(Ok(other.clone())));
    // The record is gone, and the status still knows.
    let known = bound.clone().with(|it| it.recorded = Recorded::Nothing);
    for view in [bound, known.clone()] {
        let reason = Reason::AccountChanged;
        let again = Requeue::After(RECHECK);
        fails(
            &view,
            reason,
            ResolvedBy::User,
            again,
            "the room is in the domain demo",
        );
    }
    // What a restore has kept of the status binds nobody.
    let copied = recorded().with_record(|it| it.uid = "uid-0".into());
    let copied = copied.with(|it| {
        it.status.account = Some(Account {
            domain_name: "demo".into(),
            domain_id: "domain-1".into(),
        });
        it.access = Some(Ok(other.clone()));
    });
    assert!(matches!(plan(&copied), Plan::Act(AnyStep::Record(..))));
}

#[test]
fn the_room_is_created_as_the_spec_says() {
    let spec = json!({"ttl": "8h", "privacy": "Private", "ejectAtRoomExpiry": false, "dialin": {
        "displayName": "Caller", "waitForMeetingStart": false,
        "roomNumbers": [{"phoneNumber": NUMBER}]}});
    let named = PublishedNumber {
        source: NumberSource::RoomNumber,
        ..number(NUMBER)
    };
    let view = claimed().spec(spec);
    let view = view.with(|it| it.facts.numbers = Some(Ok(vec![named])));
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
    acts(&view, Step::CreateRoom(Box::new(request)));
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
fn a_create_that_may_have_succeeded_is_read_first() {
    let view = claimed().chosen();
    reads(&view, Read::Room);
    request_of(&view.clone().free(), END);
    let here = view.create_attempts(CreateAttempts::None);
    request_of(&here, END);
    for create_attempts in [CreateAttempts::Unknown, CreateAttempts::Refused] {
        reads(
            &here.clone().create_attempts(create_attempts.clone()),
            Read::Room,
        );
        reads(&claimed().create_attempts(create_attempts), Read::Room);
    }
    // Its repeat waits for nothing else.
    request_of(&here.create_attempts(CreateAttempts::Unknown).free(), END);
}

fn found_record(view: &View, id: &str, end: i64, sent: bool) -> Record {
    let dialin = view.parsed().dialin(&[NUMBER.to_owned()]);
    let made = Made {
        sent: sent.then(|| naming::fingerprint(&json!(dialin))),
        end: Some(by_ttl(end)),
        ..Made::of(id)
    };
    record_of(view, None, Some(made))
}

#[test]
fn a_room_of_a_derived_name_is_ours_and_keeps_its_own_end() {
    let view = claimed();
    let made = view.clone().sees(Source::Create, |_| {});
    acts(
        &made,
        with_status(found_record(&view, ID, END, true), Change::Created),
    );
    let own_end = |room: &mut Room| {
        room.config.exp = Some(END + 77);
        room.created_at = CREATED - 5;
    };
    reads(&view.clone().sees(Source::List, own_end), Read::Room);
    let found = view.clone().sees(Source::Get, own_end).read_by_name();
    let record = found_record(&view, ID, END + 77, false);
    acts(&found, with_status(record, Change::Found));
}

/// Somebody removed the finalizer of a DailyRoom that waited for participants, and applied it again.
#[test]
fn the_end_that_a_deletion_gave_is_nobodys() {
    let (near, view) = (NOW + 3660, claimed());
    let drained = |room: &mut Room| {
        room.config.exp = Some(NOW + 3660);
        room.config.eject_at_room_exp = Some(false);
    };
    let found = view.clone().sees(Source::Get, drained).read_by_name();
    let mut record = found_record(&view, ID, END, false);
    record.made.as_mut().unwrap().end = Some(End::of_deletion(near));
    acts(&found, with_status(record.clone(), Change::Found));
    let kept = found
        .bound(record)
        .with(|it| it.status.phone_numbers = vec![number(NUMBER)]);
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = plan(&kept) else {
        panic!("does not extend the room: {:?}", plan(&kept));
    };
    let properties = &json!(update.change)["properties"];
    assert_eq!(properties["exp"], json!(END));
    assert_eq!(properties["eject_at_room_exp"], json!(true));
    // A room that never removes participants, or ends later, keeps its own end.
    let spec = json!({"ttl": "8h", "ejectAtRoomExpiry": false});
    for (view, at) in [(view.clone().spec(spec), near), (view, END + 77)] {
        let own = |room: &mut Room| {
            drained(room);
            room.config.exp = Some(at);
        };
        let record = found_record(&view, ID, at, false);
        let found = view.sees(Source::Get, own).read_by_name();
        acts(&found, with_status(record, Change::Found));
    }
}

/// A backup of the status was taken while a deletion waited for participants.
#[test]
fn a_restored_record_does_not_go_on_with_a_deletion() {
    let drain = |end| Drain {
        until: NOW + 3600,
        end,
        earlier_ends: Vec::new(),
        end_before: END,
        ejects_before: true,
    };
    for (end, owns) in [
        (NOW + 3660, End::of_deletion(NOW + 3660)),
        (END, by_ttl(END)),
    ] {
        // By a derived name too, where ejectAtRoomExpiry: false would hide it.
        let chosen = recorded().chosen().with(|it| it.rival = Some(None));
        let never_ejects = json!({"ttl": "8h", "ejectAtRoomExpiry": false});
        for view in [chosen, recorded().spec(never_ejects)] {
            let mut taken_over = view.owned();
            taken_over.made.as_mut().unwrap().end = Some(owns.clone());
            let restored = view.with_record(|it| {
                it.uid = "uid-0".into();
                it.made.as_mut().unwrap().drain = Some(drain(end));
            });
            let found = restored.sees(Source::Get, |_| {}).read_by_name();
            acts(&found, write(taken_over, Change::Found));
        }
    }
}

#[test]
fn a_room_of_a_chosen_name_is_ours_only_with_proof() {
    let view = claimed().chosen();
    let found = |create_attempts, change: fn(&mut Room)| {
        let view = view.clone().sees(Source::Get, change).read_by_name();
        view.create_attempts(create_attempts)
            .with(|it| it.rival = Some(None))
    };
    let unknown_rivals = found(CreateAttempts::Unknown, |_| {}).with(|it| it.rival = None);
    reads_rival(&unknown_rivals);
    let ours = write(found_record(&view, ID, END, false), Change::Found);
    let mut withdrawn = view.owned();
    withdrawn.claim = None;
    let theirs = write(withdrawn, Change::Withdrawn);
    acts(&found(CreateAttempts::Unknown, |_| {}), ours.clone());
    // A room that is not ours withdraws no claim while a create of ours may still be done.
    let named: fn(&mut Room) = |it| {
        let dialin = it.config.dialin.as_mut().unwrap();
        dialin.insert("display_name".into(), json!("Somebody"));
    };
    let strangers: [fn(&mut Room); 7] = [
        |it| it.created_at = NOW - 1,
        |it| it.privacy = "private".into(),
        |it| it.config.eject_at_room_exp = None,
        |it| it.config.dialin = None,
        |it| it.config.nbf = Some(NOW + 60),
        |it| it.config.max_participants = Some(20),
        named,
    ];
    let (reason, later) = (Reason::NameTaken, Requeue::Polling(USER_RETRY));
    let says = "nothing shows that it was created for this DailyRoom";
    for stranger in strangers {
        let view = found(CreateAttempts::Unknown, stranger);
        fails(&view, reason, ResolvedBy::User, later, says);
        let restarted = found(CreateAttempts::EarlierProcess, stranger);
        fails(&restarted, reason, ResolvedBy::User, later, says);
    }
    // Daily may find it by any case of its name (F-ROOM-37), and a create gives it the name of the claim.
    let other_case = found(CreateAttempts::Unknown, |it| it.name = "BOARD".into());
    fails(
        &other_case,
        reason,
        ResolvedBy::User,
        later,
        "roomName BOARD",
    );
    let held = found(CreateAttempts::Unknown, |_| {}).with(|it| it.rival = rival("team"));
    let (says, later) = ("The DailyRoom first holds", Requeue::After(USER_RETRY));
    fails(&held, reason, ResolvedBy::User, later, says);
    // Only where each was refused, or none was sent, nothing can come of the claim any more.
    acts(&found(CreateAttempts::Refused, |_| {}), theirs.clone());
    acts(&found(CreateAttempts::None, |_| {}), theirs);
    let refused = CreateAttempts::EarlierProcess.and_refused();
    acts(&found(refused, |_| {}), ours.clone());
    let restarted = found(CreateAttempts::EarlierProcess, |_| {});
    acts(&restarted, ours);
    let made = found(CreateAttempts::None, |_| {}).sees(Source::Create, |_| {});
    let record = found_record(&view, ID, END, true);
    acts(&made, write(record, Change::Created));
}

#[test]
fn a_refused_create_is_not_repeated_before_its_time() {
    let again = Requeue::After(RECHECK);
    let reason = Reason::RejectedByDaily;
    fails(&refused(1), reason, ResolvedBy::User, again, "no");
    request_of(
        &refused(1).with(|it| it.now.moment = moment().after(RECHECK)),
        END,
    );
    request_of(&refused(1).forced(), END);
    let tried = refused(1).forced().with(|it| it.retry_rejected());
    fails(&tried, reason, ResolvedBy::User, again, "no");
    request_of(&refused(1).edited(json!({"ttl": "9h"})), END + 3600);
}

/// What takes the name may be a room that has ended (F-ROOM-33), or one of somebody else that no read
/// shows yet (F-ROOM-41).
#[test]
fn nothing_is_deleted_to_make_room() {
    let reason = Reason::RejectedByDaily;
    let says = "Daily rejected the room: no. Correct the spec";
    for times in [1, 2, 9] {
        let again = Requeue::After(RECHECK);
        fails(&refused(times), reason, ResolvedBy::User, again, says);
    }
    reads(
        &refused(2).with(|it| it.facts.read_by_name = false),
        Read::Room,
    );
}

/// Two clusters may claim one name by the same manifest. Only a create that was sent makes a room ours.
#[test]
fn a_claim_that_sent_nothing_owns_no_room() {
    let view = claimed().chosen().with(|it| it.rival = Some(None));
    let unsent = view.clone().claim(|it| it.sent.clear());
    for attempts in [CreateAttempts::EarlierProcess, CreateAttempts::Unknown] {
        let found = unsent
            .clone()
            .create_attempts(attempts)
            .sees(Source::Get, |_| {});
        let mut withdrawn = view.owned();
        withdrawn.claim = None;
        acts(&found.read_by_name(), write(withdrawn, Change::Withdrawn));
    }
    // Nor does one whose requests Daily has refused.
    let refused = refused(1).chosen();
    let refusal = refusal(&refused.clone().with(|it| it.memory.rejection = None), 1);
    let refused = refused.with(|it| it.memory.rejection = Some(refusal));
    let dropped = |view: &View| {
        let claim = |it: &mut Claim| {
            it.sent.clear();
            it.refused = true;
        };
        view.clone().claim(claim)
    };
    let forgotten = dropped(&refused);
    let stays = |view: &View| {
        let (reason, again) = (Reason::RejectedByDaily, Requeue::After(RECHECK));
        fails(view, reason, ResolvedBy::User, again, "no");
    };
    acts(&refused, with_status(forgotten.owned(), Change::Sent));
    stays(&forgotten);
    // One of unknown outcome may have taken effect, and be what Daily has refused the next one for.
    stays(&refused.create_attempts(CreateAttempts::Unknown));
}

/// Two objects want one name, and Daily refuses what the first one asks for.
#[test]
fn a_claim_that_daily_refused_holds_no_name_until_the_next_request() {
    let refused = claimed().chosen().free().claim(|it| {
        it.sent.clear();
        it.refused = true;
    });
    assert!(refused.owned().may_own() && !refused.owned().holds_name());
    reads_rival(&refused);
    let alone = refused.clone().with(|it| it.rival = Some(None));
    let Plan::Act(AnyStep::Record(again, Change::Sent, Written::Now)) = plan(&alone) else {
        panic!("{:?}", plan(&alone));
    };
    assert!(again.holds_name());
    // Another object has claimed the name, even if it came later.
    let later = |it: &mut View| {
        it.rival = rival("team");
        it.rival.as_mut().unwrap().as_mut().unwrap().is_first = false;
    };
    let mut withdrawn = refused.owned();
    withdrawn.claim = None;
    let lost = refused.clone().with(later);
    acts(&lost, write(withdrawn, Change::Withdrawn));
    // A request that is on its way keeps it, and so does a room that may reappear.
    request_of(&claimed().chosen().free().with(later), END);
    let former = refused.with_record(|it| it.former_id = Some(ID.into()));
    assert!(former.owned().holds_name());
}

/// A DELETE of another object's, which had the name, may hit the room that is created now.
#[test]
fn a_create_waits_until_no_other_write_to_the_name_may_take_effect() {
    let late = |at| claimed().evidence(|it| it.unknown_write = Some(at));
    for attempts in [CreateAttempts::None, CreateAttempts::Refused] {
        let view = late(ago(40)).free().create_attempts(attempts.clone());
        let wait = Requeue::After(Duration::from_secs(20) + Duration::from_millis(50));
        let says = "may still take effect";
        fails(&view, Reason::Progressing, ResolvedBy::Waiting, wait, says);
        request_of(&late(ago(60)).free().create_attempts(attempts), END);
    }
    let own = late(ago(40))
        .free()
        .create_attempts(CreateAttempts::Unknown);
    request_of(&own, END);
    // An earlier leader may have sent one, to a name that anybody can choose.
    let inherited = |view: View| {
        let until = moment().after(Duration::from_secs(20));
        view.free().with(|it| it.trusted_from = until)
    };
    let wait = Requeue::After(Duration::from_secs(20) + Duration::from_millis(50));
    let says = "may still take effect";
    let chosen = inherited(claimed().chosen());
    fails(
        &chosen,
        Reason::Progressing,
        ResolvedBy::Waiting,
        wait,
        says,
    );
    request_of(&inherited(claimed()), END);
}

#[test]
fn what_is_sent_under_a_chosen_name_is_noted_before() {
    let view = claimed().chosen().free();
    request_of(&view, END);
    let edited = view.edited(json!({"ttl": "8h", "roomName": "standup", "privacy": "Private"}));
    let mut record = edited.owned();
    let sent = super::super::claim::comparable(&request(&edited, END));
    record.claim.as_mut().unwrap().sent.push(sent);
    acts(&edited, write(record.clone(), Change::Sent));
    let noted = edited.with(|it| it.recorded = record.into());
    assert_eq!(request_of(&noted, END).privacy, "private");
    // Either of the two is ours, whatever the spec asks for now.
    for privacy in ["public", "private"] {
        let found = noted
            .clone()
            .sees(Source::Get, |it| it.privacy = privacy.into());
        let found = found.read_by_name().with(|it| it.rival = Some(None));
        let planned = plan(&found);
        let is_found = matches!(
            planned,
            Plan::Act(AnyStep::Record(_, Change::Found, Written::Now))
        );
        assert!(is_found, "{privacy}: {planned:?}");
    }
}

#[test]
fn a_room_that_comes_back_after_it_was_missed_is_still_ours() {
    let back = |view: View| {
        let view = view
            .chosen()
            .with_record(|it| it.former_id = Some(ID.into()));
        let view = view.with(|it| it.rival = Some(None));
        view.create_attempts(CreateAttempts::Refused)
            .sees(Source::Get, |it| it.created_at = 1)
            .read_by_name()
    };
    let claimed_again = back(claimed());
    let withdrawn = back(claimed()).with_record(|it| it.claim = None);
    for view in [claimed_again, withdrawn] {
        let Plan::Act(AnyStep::Record(record, Change::Found, _)) = plan(&view) else {
            panic!("{:?}", plan(&view));
        };
        assert_eq!(record.made.unwrap().id, ID);
        assert_eq!(record.former_id, None);
        let stranger = view.sees(Source::Get, |it| it.id = "room-2".into());
        let planned = plan(&stranger);
        let ours = matches!(planned, Plan::Act(AnyStep::Record(_, Change::Found, _)));
        assert!(!ours, "{planned:?}");
    }
}

/// An operator whose clock is ahead must not call a room ended that was never created.
#[test]
fn a_room_that_was_never_created_does_not_expire_by_our_clock_alone() {
    let end = crate::crd::time::rfc3339(CREATED + 300);
    let ahead = unbound().spec(json!({"expirationTime": end}));
    reads(&ahead, Read::Room);
    unchanged(&ahead.clone().free().date(CREATED + 299), RECHECK);
    let over = ahead.free().date(CREATED + 300);
    acts(&over, AnyStep::Report(Outcome::Expired));
    let said = status(&over, &Outcome::Expired);
    assert_eq!(
        said.conditions[0].message,
        "The end had passed before the room was created."
    );
}

#[test]
fn an_end_that_passed_while_the_room_was_to_be_made_is_concluded_by_both_clocks() {
    let view = claimed().wall(END);
    reads(&view, Read::Room);
    acts(&view.clone().free(), AnyStep::Report(Outcome::Expired));
    unchanged(&view.free().date(END - 1), RECHECK);
}

#[test]
fn a_withdrawn_claim_waits_until_the_name_is_free() {
    let view = claimed().chosen().with_record(|it| it.claim = None);
    reads(&view, Read::Room);
    let again = Requeue::Polling(USER_RETRY);
    let taken = view.clone().sees(Source::Get, |_| {}).read_by_name();
    let taken = taken.with(|it| it.rival = Some(None));
    fails(
        &taken,
        Reason::NameTaken,
        ResolvedBy::User,
        again,
        "roomName",
    );
    let free = view.clone().free().date(NOW + 3);
    reads_rival(&free);
    let free = free.with(|it| it.rival = Some(None));
    let mut record = view.owned();
    record.claim = claim(NOW + 3, END);
    acts(&free, write(record, Change::Claimed));
    acts(&view.wall(END).free(), AnyStep::Report(Outcome::Expired));
}
