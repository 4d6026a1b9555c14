//! Keeping a room that is recorded, and its Secret with it.

use super::*;
use crate::room::published_numbers::WhyGlobal;

/// The room as Daily says it by name in this reconcile.
pub(super) fn by_name(change: impl FnOnce(&mut Room)) -> View {
    serving().sees(Source::Get, change).read_by_name()
}

#[track_caller]
pub(super) fn serves(
    view: &View,
    content: SecretContent,
    problem: Option<Problem>,
    again: Requeue,
) {
    check(view, Plan::Rest(served(content, problem), again));
}

#[track_caller]
pub(super) fn serves_well(view: &View) {
    serves(view, content(view), None, Requeue::AtDrift(Some(END)));
}

/// The update that is planned: its privacy and properties.
#[track_caller]
pub(super) fn updates(view: &View, privacy: Option<&'static str>, properties: Value) {
    let (dialin, fingerprint) = match plan(view) {
        Plan::Act(AnyStep::Of(Step::UpdateRoom(planned))) => (planned.dialin, planned.fingerprint),
        other => panic!("{other:?}"),
    };
    let update = Update {
        name: view.room_name(),
        change: RoomChange {
            privacy,
            properties: serde_json::from_value(properties).unwrap(),
        },
        drift: !view.is_edited(),
        counts: !view.is_edited() && !view.late_write_may_be_ours(),
        renews: false,
        id: view.evidence.observed.as_ref().unwrap().room.id.clone(),
        dialin,
        fingerprint,
    };
    acts(view, Step::UpdateRoom(Box::new(update)));
}

fn with_end(view: &View, end: End) -> Record {
    let mut binding = view.owned();
    binding.made.as_mut().unwrap().end = Some(end);
    binding
}

#[test]
fn one_listing_serves_a_room_that_matches_its_spec() {
    serves_well(&serving());
    reads(&serving().forced(), Read::Room);
    serves_well(&by_name(|_| {}).forced());
}

#[test]
fn the_listing_is_asked_before_the_name() {
    let unseen = serving().with(|it| it.evidence = RoomEvidence::default());
    reads(&unseen, Read::Listing);
    let listed = unseen.with(|it| it.facts.awaited_listing = true);
    reads(&listed, Read::Room);
    unchanged(&listed.read_by_name(), RECHECK);
}

#[test]
fn another_room_of_the_name_is_believed_by_name_alone_and_left_alone() {
    let other = |it: &mut Room| it.id = "room-2".into();
    reads(&serving().sees(Source::List, other), Read::Room);
    let again = Requeue::Polling(USER_RETRY);
    let reason = Reason::NameTaken;
    let shown = by_name(other);
    fails(&shown, reason, ResolvedBy::User, again, "does not own");
    // While listings still show it, they are enough.
    let Plan::Rest(outcome, _) = plan(&shown) else {
        panic!("{:?}", plan(&shown));
    };
    let reported = status(&shown, &outcome);
    let known = serving().sees(Source::List, other);
    let known = known.with(|it| it.status = reported);
    fails(&known, reason, ResolvedBy::User, again, "does not own");
    reads(&known.forced(), Read::Room);
}

#[test]
fn another_pin_is_believed_by_name_alone() {
    let other = |it: &mut Room| it.config.dialin_code = Pin::new(OTHER_PIN);
    reads(&serving().sees(Source::List, other), Read::Room);
    let shown = by_name(other);
    let mut new = content(&shown);
    new.pin = Pin::new(OTHER_PIN).unwrap();
    new.revision = 2;
    let write = secret_write(&shown, &new, false);
    acts(&shown, Step::UpdateSecret(write, secret_guard()));
}

#[test]
fn an_answer_without_a_pin_changes_nothing() {
    let without = |it: &mut Room| it.config.dialin_code = None;
    let listed = serving().sees(Source::List, without);
    serves_well(&listed.evidence(|it| it.named = Some(moment())));
    serves_well(&by_name(without));
}

#[test]
fn without_any_pin_there_is_no_secret() {
    let without = |it: &mut Room| it.config.dialin_code = None;
    let lost = |view: View| view.with(|it| it.status.dialin_code = None);
    reads(&lost(serving().sees(Source::List, without)), Read::Room);
    let again = Requeue::Polling(USER_RETRY);
    let reason = Reason::RejectedByDaily;
    let silent = lost(by_name(without));
    fails(&silent, reason, ResolvedBy::User, again, "no PIN");
    // The PIN of a room before this one is none of this room's.
    let earlier = by_name(without).with(|it| it.status.room.as_mut().unwrap().id = "room-0".into());
    fails(&earlier, reason, ResolvedBy::User, again, "no PIN");
    // A listing is enough for a PIN that was told before, not for the first one.
    reads(&lost(serving()), Read::Room);
}

#[test]
fn an_end_is_concluded_by_name_and_both_clocks() {
    // One listing shows all rooms that end at once; a room that it still shows is asked for by name.
    let ended = serving().wall(END).date(END);
    reads(&ended, Read::NextListing);
    // Daily keeps the room by its own clock, which goes on since its answer: nobody has to be asked.
    let seen = |date, seconds| {
        let view = serving().wall(END).date(date);
        view.evidence(|it| it.observed.as_mut().unwrap().at = ago(seconds))
    };
    unchanged(&seen(END - 90, 0), Duration::from_secs(90));
    unchanged(&seen(END - 90, 60), Duration::from_secs(30));
    reads(&seen(END - 90, 90), Read::NextListing);
    let listed = ended.with(|it| it.facts.awaited_next_listing = true);
    reads(&listed, Read::Room);
    let gone = listed.absent(moment(), None).date(END);
    acts(&gone, AnyStep::Report(Outcome::Expired));
    let shown = |exp: i64, date: i64| {
        let view = by_name(|it| it.config.exp = Some(exp)).wall(END);
        view.date(date)
    };
    acts(&shown(END, END), AnyStep::Report(Outcome::Expired));
    unchanged(&shown(END, END - 1), Duration::from_secs(1));
    // It was moved later at Daily by our own clock too, and is taken over.
    let later = shown(END + 60, END);
    let end = by_ttl(END + 60);
    let record = write(with_end(&later, end), Change::EndMoved(END + 60));
    acts(&later, record);
    // Before the end our clock alone keeps it.
    serves_well(&by_name(|_| {}).date(END + 60));
}

#[test]
fn an_end_is_reported_first_then_the_secret_is_deleted_and_nothing_at_daily() {
    let ended = by_name(|_| {}).wall(END).date(END);
    acts(&ended, AnyStep::Report(Outcome::Expired));
    let expired = ended.clone().expired();
    reads(
        &expired.clone().with(|it| it.has_secret(None)),
        Read::Secret(SecretKind::Dialin),
    );
    let secret = ended.facts.secrets.get(&SecretKind::Dialin).cloned();
    acts(
        &expired.clone().with(|it| it.has_secret(secret)),
        Step::DeleteSecret(secret_guard()),
    );
    check(
        &expired,
        Plan::Rest(Outcome::Expired, Requeue::AtDrift(None)),
    );
    // A status that still has the PIN is not reported yet.
    let unreported = expired.with(|it| it.status.dialin_code = Some(PIN.into()));
    acts(&unreported, AnyStep::Report(Outcome::Expired));
}

#[test]
fn the_secret_has_the_content_of_the_room() {
    let view = serving();
    let secret = |found| view.clone().with(|it| it.has_secret(found));
    reads(&secret(None), Read::Secret(SecretKind::Dialin));
    acts(
        &secret(Some(Found::Absent)),
        Step::CreateSecret(secret_write(&view, &content(&view), true)),
    );
    let mut old = content(&view);
    old.end = END - 1;
    let edited = secret_of(&view, &old);
    acts(
        &secret(Some(edited)),
        Step::UpdateSecret(secret_write(&view, &content(&view), true), secret_guard()),
    );
    let again = Requeue::After(RECHECK * 3);
    let foreign = secret(Some(Found::Foreign));
    let reason = Reason::SecretConflict;
    fails(&foreign, reason, ResolvedBy::User, again, "standup-dialin");
}

/// Whether the write that is planned repairs what somebody did.
#[track_caller]
fn repairs(view: &View) -> bool {
    match plan(view) {
        Plan::Act(AnyStep::Of(Step::CreateSecret(write) | Step::UpdateSecret(write, _))) => {
            write.event == Some(SecretEvent::Repaired)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_what_somebody_did_to_the_secret_is_repaired() {
    let written = |view: View| {
        let secret = view.facts.secrets[&SecretKind::Dialin].clone();
        view.with(|it| {
            let fingerprint = secret.fingerprint().unwrap().to_owned();
            it.memory.kind.written = [("standup-dialin".to_owned(), fingerprint)].into();
        })
    };
    let lost = |view: View| view.with(|it| it.has_secret(Some(Found::Absent)));
    let labelled = json!({"ttl": "8h", "secret": {"labels": {"team": "a"}}});
    // Another process may have written it, and nobody knows whether before the edit.
    assert!(repairs(&lost(serving())));
    assert!(!repairs(&lost(serving().edited(labelled.clone()))));
    assert!(!repairs(&lost(recorded().sees(Source::Get, |_| {}))));
    // This process has written it.
    let edited = written(serving()).edited(labelled);
    assert!(!repairs(&edited));
    assert!(repairs(&lost(edited)));
    let unlabelled = written(serving()).with(|it| {
        if let Some(Found::Ours {
            has_common_labels, ..
        }) = it.facts.secrets.get_mut(&SecretKind::Dialin)
        {
            *has_common_labels = false;
        }
    });
    assert!(!repairs(&unlabelled));
    // A policy has set other values when the Secret was written last.
    let identity = secret::fingerprint(&secret::wanted(&unlabelled.meta, &content(&unlabelled)));
    let of_policy = unlabelled.with(|it| {
        it.secret_rejected(SecretKind::Dialin, &identity, "a policy".into());
        it.now.moment = it.now.moment.after(Duration::from_secs(3600));
        it.evidence.named = Some(it.now.moment);
    });
    serves_well(&of_policy);
}

pub(super) fn number_problem(waits: bool) -> Option<Result<Vec<PublishedNumber>, NumberProblem>> {
    let resolved_by = match waits {
        true => ResolvedBy::Waiting,
        false => ResolvedBy::User,
    };
    let (reason, message) = (Reason::NumberNotReady, "not yet".to_owned());
    Some(Err(NumberProblem::new(
        reason,
        resolved_by,
        message,
        RECHECK,
    )))
}

/// Ready says whether callers reach the room: on a number that does not answer they do not. A
/// permission that was withdrawn changes nothing for them.
#[test]
fn callers_are_served_as_long_as_their_number_answers() {
    reads(&serving().with(|it| it.facts.numbers = None), Read::Numbers);
    let cases = [
        (Reason::NumberNotReady, true, false),
        (Reason::NumberNotFound, true, false),
        (Reason::NumberNotFound, true, true),
        (Reason::NumberNotPurchased, false, false),
        (Reason::NumberNotAllowed, false, true),
        (Reason::RejectedByDaily, false, true),
    ];
    for (reason, waits, served) in cases {
        let (resolved_by, again) = match waits {
            true => (ResolvedBy::Waiting, Requeue::After(RECHECK)),
            false if !served => (ResolvedBy::User, Requeue::After(RECHECK)),
            // The PinDialinNumber wakes the room when its allowedRooms change.
            false => (ResolvedBy::User, Requeue::AtDrift(Some(END))),
        };
        let problem = Problem {
            served,
            ..Problem::new(reason, resolved_by, "not yet")
        };
        let numbers = NumberProblem {
            problem: problem.clone(),
            retry: RECHECK,
        };
        let view = serving().with(|it| it.facts.numbers = Some(Err(numbers)));
        let expected = match served {
            true => Plan::Rest(super::served(content(&view), Some(problem.clone())), again),
            false => Plan::Rest(Outcome::Failing(problem.clone()), again),
        };
        check(&view, expected);
        // A tenant can write a Secret: without an answer its numbers prove nothing when the status is lost.
        let lost = view.clone().with(|it| it.status.phone_numbers.clear());
        let again = Requeue::After(RECHECK);
        check(&lost, Plan::Rest(Outcome::Failing(problem), again));
    }
    let view = serving().with(|it| {
        it.facts.numbers = number_problem(false);
        it.status.phone_numbers.clear();
        it.has_secret(Some(Found::Absent));
    });
    let problem = Problem::for_user(Reason::NumberNotReady, "not yet").unserved();
    check(
        &view,
        Plan::Rest(Outcome::Failing(problem), Requeue::After(RECHECK)),
    );
}

/// Whoever changes `spec.secret.name` would otherwise leave the PIN in the Secret of before.
#[test]
fn the_secret_of_an_earlier_name_goes_once_the_status_names_the_new_one() {
    let renamed = serving().with(|it| it.facts.other_secrets = Some(vec!["old".into()]));
    reads(&renamed, Read::FormerSecrets);
    let former = Guard {
        name: "old".into(),
        ..secret_guard()
    };
    let found = renamed
        .with(|it| it.facts.former_secrets = Some(vec![(SecretKind::Dialin, former.clone())]));
    acts(&found, Step::DeleteSecret(former));
    let unnamed = found.with(|it| it.status.binding.as_mut().unwrap().name = "old".into());
    let outcome = served(content(&unnamed), None);
    acts(&unnamed, AnyStep::Report(outcome));
    serves_well(&serving().with(|it| it.facts.former_secrets = Some(Vec::new())));
}

/// Apps read the Secret that the status names.
#[test]
fn a_secret_that_cannot_be_written_leaves_the_bound_one_to_its_callers() {
    let bound_to_old = serving().with(|it| {
        it.status.binding.as_mut().unwrap().name = "old".into();
        it.facts.other_secrets = Some(vec!["old".into()]);
        it.has_secret(Some(Found::Foreign));
    });
    reads(&bound_to_old, Read::FormerSecrets);
    let holds = |view: &View, kinds: &[SecretKind]| {
        let old = Guard {
            name: "old".into(),
            ..secret_guard()
        };
        let former = kinds.iter().map(|kind| (*kind, old.clone())).collect();
        let view = view.clone();
        view.with(|it| it.facts.former_secrets = Some(former))
    };
    let problem = |view: &View| match plan(view) {
        Plan::Rest(Outcome::Serving(serving, Some(problem)), Requeue::After(_)) => {
            Ok((serving.content.secret_name, problem))
        }
        Plan::Rest(Outcome::Failing(problem), Requeue::After(_)) => Err(problem),
        other => panic!("{other:?}"),
    };
    let taken = holds(&bound_to_old, &[SecretKind::Dialin]);
    let (bound, conflict) = problem(&taken).unwrap();
    assert_eq!(
        (bound.as_str(), conflict.reason),
        ("old", Reason::SecretConflict)
    );
    assert!(
        conflict
            .message
            .contains("the Secret old keeps the number and PIN")
    );
    // The API server rejects the new name.
    let absent = taken.clone().with(|it| it.has_secret(Some(Found::Absent)));
    let Plan::Act(AnyStep::Of(Step::CreateSecret(write))) = plan(&absent) else {
        panic!("{:?}", plan(&absent));
    };
    let reject = |view: &mut View, identity: &str| {
        view.secret_rejected(SecretKind::Dialin, identity, "a quota".into());
    };
    let refused = absent.with(|it| reject(it, &write.identity));
    let (bound, refusal) = problem(&refused).unwrap();
    assert_eq!(
        (bound.as_str(), refusal.reason),
        ("old", Reason::SecretRefused)
    );
    // The bound Secret is gone or has another type; or its PIN or number is not the room's any more.
    let gone = holds(&bound_to_old, &[]);
    let other_pin = taken
        .clone()
        .with(|it| it.status.dialin_code = Some(OTHER_PIN.into()));
    let other_number = taken.clone().with(|it| {
        it.status.phone_numbers[0].phone_number = "+14155550100".into();
    });
    for view in [
        gone,
        holds(&bound_to_old, &[SecretKind::Tokens]),
        other_pin.sees(Source::Get, |_| {}),
        other_number,
    ] {
        let conflict = problem(&view).unwrap_err();
        assert!(!conflict.served && !conflict.message.contains("keeps"));
    }
    // An update of the Secret itself is rejected.
    let labelled = json!({"ttl": "8h", "secret": {"labels": {"team": "a"}}});
    let labelled = serving().edited(labelled);
    let Plan::Act(AnyStep::Of(Step::UpdateSecret(write, _))) = plan(&labelled) else {
        panic!("{:?}", plan(&labelled));
    };
    let refused = labelled.with(|it| reject(it, &write.identity));
    assert_eq!(problem(&refused).unwrap().0, "standup-dialin");
    // What else keeps callers out is not hidden by it.
    for view in [taken, refused] {
        let dead = view.with(|it| it.facts.numbers = number_problem(false));
        let dead = problem(&dead).unwrap_err();
        assert_eq!((dead.reason, dead.served), (Reason::NumberNotReady, false));
    }
}

#[test]
fn an_update_is_meant_for_the_room_that_was_seen() {
    let stranger = by_name(|it| it.id = "room-2".into()).edited(json!({"ttl": "7h"}));
    let later = Requeue::Polling(USER_RETRY);
    fails(
        &stranger,
        Reason::NameTaken,
        ResolvedBy::User,
        later,
        "does not own",
    );
}

#[test]
fn a_refused_secret_is_reported_and_the_dead_pin_goes() {
    let view = recorded().sees(Source::Create, |_| {}).published();
    let wanted = secret::fingerprint(&secret::wanted(&view.meta, &content(&view)));
    let wanted = format!("{wanted} for nothing");
    let refused = view.with(|it| {
        it.has_secret(Some(Found::Absent));
        let now = it.now.moment;
        let rejection = Rejection::after(None, &wanted, "a quota".into(), now);
        it.memory.kind.secret_rejections = [(SecretKind::Dialin, rejection)].into();
    });
    let again = Requeue::After(RECHECK);
    let later = refused
        .clone()
        .with(|it| it.now.moment = moment().after(RECHECK));
    let forced = refused.clone().forced().read_by_name();
    let retried = |what: &str| forced.clone().with(|it| it.retried.push(what.into()));
    for view in [forced.clone(), retried("another write"), later] {
        let write = secret_write(&view, &content(&view), true);
        acts(&view, Step::CreateSecret(write));
    }
    let (reason, user) = (Reason::SecretRefused, ResolvedBy::User);
    fails(&retried(&wanted), reason, user, again, "a quota");
    fails(
        &refused,
        Reason::SecretRefused,
        ResolvedBy::User,
        again,
        "a quota",
    );
    let Plan::Rest(outcome, _) = plan(&refused) else {
        panic!("{:?}", plan(&refused));
    };
    assert_eq!(status(&refused, &outcome).dialin_code.as_deref(), Some(PIN));
    // The room was recreated, and what the status says is the PIN of the one before.
    let recreated = refused.with(|it| it.status.room.as_mut().unwrap().id = "room-0".into());
    assert_eq!(status(&recreated, &outcome).dialin_code, None);
}

/// No watch shows that a quota or policy has changed.
#[test]
fn a_refused_secret_is_sent_again_within_thirty_seconds_and_once_at_a_users_request() {
    let absent = |it: &mut View| drop(it.facts.secrets.insert(SecretKind::Dialin, Found::Absent));
    let mut view = serving().with(absent).forced().read_by_name();
    for seconds in [5, 10, 20, 30, 30] {
        let write = secret_write(&view, &content(&view), true);
        acts(&view, Step::CreateSecret(write.clone()));
        view.secret_rejected(SecretKind::Dialin, &write.identity, "a quota".into());
        let (reason, wait) = (Reason::SecretRefused, Duration::from_secs(seconds));
        fails(
            &view,
            reason,
            ResolvedBy::User,
            Requeue::After(wait),
            "a quota",
        );
        view.forced = false;
        view.now.moment = view.now.moment.after(wait);
    }
}

#[test]
fn a_request_is_granted_once_in_ten_seconds() {
    let mut view = serving().with(|it| it.meta.requested = Some("now".into()));
    let mut granted_after = |millis: u64, handled: Option<&str>| {
        view.now.moment = moment().after(Duration::from_millis(millis));
        view.status.last_handled_reconcile_at = handled.map(str::to_owned);
        view.grant_request();
        view.forced
    };
    assert!(granted_after(0, None));
    assert!(!granted_after(9_900, None));
    assert!(granted_after(10_000, Some("before")));
    assert!(!granted_after(30_000, Some("now")), "it is acknowledged");
}

#[test]
fn only_what_differs_is_sent() {
    updates(
        &by_name(|it| it.privacy = "private".into()),
        Some("public"),
        json!({}),
    );
    updates(
        &by_name(|it| it.config.eject_at_room_exp = None),
        None,
        json!({"eject_at_room_exp": true}),
    );
    let edited = by_name(|_| {}).edited(json!({"ttl": "8h", "privacy": "Private"}));
    updates(&edited, Some("private"), json!({}));
}

/// An invalid API key may have held up an edit, whose generation the status has observed. A room that an
/// earlier object of the name left may differ as well.
#[test]
fn only_what_changed_since_it_was_ready_is_drift() {
    let private = json!({"ttl": "8h", "privacy": "Private"});
    let differs = |it: &mut Room| it.privacy = "public".into();
    let is_drift = |view: &View| match plan(view) {
        Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) => update.drift,
        other => panic!("{other:?}"),
    };
    let edited = by_name(|_| {}).edited(private.clone());
    let problem = Problem::for_user(Reason::Unauthorized, "no");
    let stalled = status(&edited, &Outcome::Failing(problem));
    assert!(!is_drift(&edited.clone().with(|it| it.status = stalled)));
    let denied = Problem::for_user(Reason::PropertyNotAllowed, "no");
    let denied = status(&edited, &Outcome::Failing(denied));
    assert!(is_drift(
        &edited.clone().with(|it| it.status = denied.clone())
    ));
    let edited_again = edited.with(|it| {
        it.status = denied;
        it.meta.generation += 1;
    });
    assert!(!is_drift(&edited_again));
    let found = recorded().spec(private.clone()).sees(Source::Get, differs);
    assert!(!is_drift(&found.read_by_name()));
    let ready = recorded().spec(private).published();
    let changed = ready.sees(Source::Get, differs).read_by_name();
    assert!(is_drift(&changed));
}

#[test]
fn dialin_is_sent_whole() {
    let whole = json!({"display_name": "Caller", "wait_for_meeting_start": true});
    let edited = by_name(|_| {}).edited(json!({"ttl": "8h", "dialin": {"displayName": "Caller"}}));
    updates(&edited, None, json!({"dialin": whole}));
    let surplus = by_name(|it| {
        let dialin = it.config.dialin.as_mut().unwrap();
        dialin.insert("room_numbers".into(), json!([{"phone_number": NUMBER}]));
    });
    let whole = json!({"display_name": "Phone Caller", "wait_for_meeting_start": true});
    updates(&surplus, None, json!({"dialin": whole}));
    updates(
        &by_name(|it| it.config.dialin = None),
        None,
        json!({"dialin": whole}),
    );
    // While the numbers are not known it is left as it is.
    let unknown = by_name(|it| it.config.dialin = None);
    let unknown = unknown.with(|it| it.facts.numbers = number_problem(true));
    assert!(matches!(plan(&unknown), Plan::Rest(..)));
}

#[test]
fn what_daily_does_not_show_is_not_sent_again() {
    let silent = |it: &mut Room| {
        let dialin = it.config.dialin.as_mut().unwrap();
        dialin.remove("wait_for_meeting_start");
    };
    serves_well(&by_name(silent));
    let other = by_name(silent).made(|it| it.sent = Some("other".into()));
    let whole = json!({"display_name": "Phone Caller", "wait_for_meeting_start": true});
    updates(&other, None, json!({"dialin": whole}));
    // Once it is sent, what is not shown of it is recorded, and what is shown not at all stays.
    let sent = recorded().owned().made.unwrap().sent;
    let here = |view: View| view.with(|it| it.memory.kind.dialin_sent.clone_from(&sent));
    let mut record = other.owned();
    record.made.clone_from(&recorded().owned().made);
    acts(&here(other), write(record, Change::Sent));
    serves_well(&here(by_name(|it| it.config.dialin = None)));
    // A listing need not show it: the name is asked for before anything is sent.
    let listed = serving().sees(Source::List, |it| it.config.dialin = None);
    reads(&listed, Read::Room);
    serves_well(&here(listed));
}

#[test]
fn an_answer_that_was_lost_is_recorded() {
    let view = by_name(|_| {}).made(|it| it.sent = None);
    let mut record = view.owned();
    record.made.clone_from(&recorded().owned().made);
    acts(&view, write(record, Change::Sent));
}

#[test]
fn the_end_of_a_ttl_is_dailys_and_another_end_is_put_back() {
    let moved = |by: i64| by_name(move |it| it.config.exp = Some(END + by));
    for by in [-60, 60] {
        let view = moved(by);
        let record = with_end(&view, by_ttl(END + by));
        acts(&view, write(record, Change::EndMoved(END + by)));
    }
    // An object that says less than the recorded end, with the same ttl, shortens nothing.
    let longer = by_name(|it| it.config.exp = Some(END + 60)).made(|it| {
        it.end = Some(by_ttl(END + 60));
    });
    assert!(matches!(
        plan(&longer),
        Plan::Act(AnyStep::Of(Step::UpdateSecret(..)))
    ));
    let fixed = |by: i64| {
        let view = moved(by).spec(json!({"expirationTime": crate::crd::time::rfc3339(END)}));
        let end = view.parsed().end_of(CREATED);
        view.made(|it| it.end = Some(end))
    };
    updates(&fixed(60), None, json!({"exp": END}));
    updates(&fixed(-60), None, json!({"exp": END}));
}

#[test]
fn an_edit_moves_the_end_in_place() {
    let edited = |ttl: &str| by_name(|_| {}).edited(json!({"ttl": ttl}));
    updates(&edited("9h"), None, json!({"exp": END + 3600}));
    updates(&edited("7h"), None, json!({"exp": END - 3600}));
    // Into the past: as early as Daily takes it, by the later clock.
    updates(&edited("10s"), None, json!({"exp": NOW + 3}));
    updates(
        &edited("10s").date(NOW + 20),
        None,
        json!({"exp": NOW + 23}),
    );
    // From a ttl to a fixed end, and back.
    let fixed = |at: i64| {
        let spec = json!({"expirationTime": crate::crd::time::rfc3339(at)});
        by_name(|_| {}).edited(spec)
    };
    updates(&fixed(END + 60), None, json!({"exp": END + 60}));
    updates(&fixed(END - 60), None, json!({"exp": END - 60}));
    updates(&fixed(NOW - 60), None, json!({"exp": NOW + 3}));
    let was_fixed = fixed(END).parsed().end_of(CREATED);
    let back = |ttl: &str| edited(ttl).made(|it| it.end = Some(was_fixed.clone()));
    updates(&back("9h"), None, json!({"exp": END + 3600}));
    acts(
        &back("8h"),
        write(with_end(&back("8h"), by_ttl(END)), Change::Sent),
    );
    // What was sent is recorded, also when the answer was lost.
    let sent = by_name(|it| it.config.exp = Some(END + 3600)).edited(json!({"ttl": "9h"}));
    let end = sent.parsed().end_of(CREATED);
    acts(&sent, write(with_end(&sent, end), Change::Sent));
    let ending = by_name(|it| it.config.exp = Some(NOW + 3)).edited(json!({"ttl": "10s"}));
    let mut end = ending.parsed().end_of(CREATED);
    end.at = NOW + 3;
    acts(&ending, write(with_end(&ending, end), Change::Sent));
}

#[test]
fn an_end_too_far_ahead_is_refused_and_callers_are_served() {
    let far = by_name(|_| {}).edited(json!({"expirationTime": "2028-12-01T08:00:00Z"}));
    let Plan::Rest(Outcome::Serving(_, Some(problem)), _) = plan(&far) else {
        panic!("{:?}", plan(&far));
    };
    assert_eq!(problem.reason, Reason::InvalidSpec);
    serves(
        &far,
        content(&far),
        Some(problem),
        Requeue::AtDrift(Some(END)),
    );
}

#[test]
fn a_refused_change_is_kept_until_its_time_and_callers_are_served() {
    let change = RoomChange {
        privacy: Some("private"),
        ..RoomChange::default()
    };
    let refusal = Rejection {
        what: naming::fingerprint(&json!(change)),
        info: "no".into(),
        until: moment().after(RECHECK),
        times: 1,
    };
    let refused = by_name(|_| {}).edited(json!({"ttl": "8h", "privacy": "Private"}));
    let refused = refused.with(|it| it.memory.rejection = Some(refusal));
    let problem = Problem {
        reason: Reason::RejectedByDaily,
        message:
            "Daily rejected the change of the room: no. Correct the spec, or ask Daily's support."
                .into(),
        resolved_by: ResolvedBy::User,
        served: true,
    };
    let kept = Requeue::AtDrift(Some(END));
    serves(&refused, content(&refused), Some(problem.clone()), kept);
    let later = refused
        .clone()
        .with(|it| it.now.moment = moment().after(RECHECK));
    updates(&later, Some("private"), json!({}));
    let eased = refused
        .clone()
        .edited(json!({"ttl": "8h", "ejectAtRoomExpiry": false}));
    updates(&eased, None, json!({"eject_at_room_exp": false}));
    // A person may ask for another try: one.
    let forced = refused.forced();
    updates(&forced, Some("private"), json!({}));
    let tried = forced.with(|it| it.retry_rejected());
    serves(&tried, content(&tried), Some(problem), kept);
}

#[test]
fn a_new_room_looks_once_more_for_a_number_before_it_publishes_a_global_one() {
    let made = || recorded().sees(Source::Create, |_| {});
    let aged = |age: i64, why: Option<WhyGlobal>| {
        made().with(|it| {
            it.now.wall = it.meta.created + age;
            it.facts.why_global = why;
        })
    };
    for (age, left) in [(0, 2), (1, 1)] {
        let again = Requeue::After(Duration::from_secs(left));
        let view = aged(age, Some(WhyGlobal::NothingConfigured));
        assert_eq!(plan(&view), Plan::Rest(Outcome::Unchanged, again), "{age}");
    }
    let goes_on = [
        aged(2, Some(WhyGlobal::NothingConfigured)),
        // By a clock that is behind it would wait for long.
        aged(-1, Some(WhyGlobal::NothingConfigured)),
        aged(0, Some(WhyGlobal::NothingPurchased)),
        aged(0, Some(WhyGlobal::Stalled("main".into()))),
        // It was published before.
        aged(0, None),
    ];
    for view in goes_on {
        reads(&view, Read::Secret(SecretKind::Dialin));
    }
    // One that is awaited by now is waited for, although the room is made.
    let awaited = made().with(|it| it.facts.numbers = number_problem(true));
    let unpublished = awaited.with(|it| it.has_secret(Some(Found::Absent)));
    let (reason, again) = (Reason::NumberNotReady, Requeue::After(RECHECK));
    let problem = Problem::new(reason, ResolvedBy::Waiting, "not yet").unserved();
    check(&unpublished, generic::failing(problem, again));
}
