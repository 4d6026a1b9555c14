//! Adopting a room that exists under the chosen name, and keeping it as it is.

use super::keep::{number_problem, updates};
use super::*;
use crate::crd::AdoptionPolicy;
use crate::reconcile::report::events;
use crate::reconcile::report::{Applied, warning};
use crate::room::spec::FARTHEST_END;

fn spec() -> Value {
    json!({"ttl": "8h", "roomName": "standup", "adoptionPolicy": "AdoptOrCreate"})
}

/// An object that may adopt the room, which somebody created without dial-in and without an end.
fn before(change: impl FnOnce(&mut Room)) -> View {
    let view = unbound().spec(spec()).with(|it| it.rival = Some(None));
    let view = view.sees(Source::Get, |it| {
        it.config.dialin = None;
        it.config.dialin_code = None;
        it.config.exp = None;
        it.config.eject_at_room_exp = None;
        it.privacy = "private".into();
        change(it);
    });
    view.read_by_name()
}

fn adopted_record(view: &View, end: End) -> Record {
    let made = Made {
        end: Some(end),
        ..Made::of(ID)
    };
    Record {
        adopted_id: Some(ID.into()),
        ..record_of(view, None, Some(made))
    }
}

/// One that has adopted the room.
fn after(change: impl FnOnce(&mut Room)) -> View {
    let view = before(change);
    let observed = view.evidence.observed.as_ref();
    let record = Record {
        private: observed.map(|it| it.room.privacy == "private"),
        ..adopted_record(&view, by_ttl(END))
    };
    view.bound(record).progressing()
}

#[track_caller]
fn refuses(view: &View, reason: Reason, says: &str) {
    let again = Requeue::Polling(USER_RETRY);
    fails(view, reason, ResolvedBy::User, again, says);
}

/// Another object has the room, which costs no call to see.
#[track_caller]
fn is_held(view: &View, says: &str) {
    let again = Requeue::After(USER_RETRY);
    fails(view, Reason::NameTaken, ResolvedBy::User, again, says);
}

#[test]
fn the_id_is_recorded_before_anything_is_written_to_daily() {
    let view = before(|_| ());
    acts(
        &view,
        write(adopted_record(&view, by_ttl(END)), Change::Adopted),
    );
    reads(
        &view.clone().with(|it| it.facts.read_by_name = false),
        Read::Room,
    );
    reads_rival(&view.clone().with(|it| it.rival = None));
    acts(
        &view.with(|it| it.meta.has_finalizer = false),
        AnyStep::AddFinalizer,
    );
}

#[test]
fn without_the_policy_or_the_right_key_the_room_is_left_alone() {
    let never = before(|_| ()).spec(json!({"ttl": "8h", "roomName": "standup"}));
    let never = never.with(|it| it.rival = Some(None));
    refuses(
        &never,
        Reason::NameTaken,
        "set adoptionPolicy to AdoptOrCreate",
    );
    let default_key = |view: View| view.with(|it| it.key_may_adopt = false);
    let with_it = default_key(before(|_| ()));
    refuses(
        &with_it,
        Reason::AdoptionNotAllowed,
        "--allow-adoption-with-default-key",
    );
    // After a restore without status nothing else keeps the PIN: it says what the default key needs as well.
    let says =
        "To take that room over, set adoptionPolicy to AdoptOrCreate, and set apiKeySecretRef to";
    refuses(&default_key(never), Reason::NameTaken, says);
    let chart = "(chart value daily.apiKey.allowAdoption)";
    refuses(&with_it, Reason::AdoptionNotAllowed, chart);
}

/// A listing that still shows the room costs no further call, until the user asks for something or the room is gone.
#[test]
fn a_room_that_a_listing_still_shows_is_not_read_again() {
    let never = json!({"ttl": "8h", "roomName": "standup"});
    for (spec, may_adopt, reason) in [
        (never.clone(), true, Reason::NameTaken),
        (spec(), false, Reason::AdoptionNotAllowed),
    ] {
        let by_name = before(|_| ()).spec(spec.clone());
        let by_name = by_name.with(|it| it.key_may_adopt = may_adopt);
        let Plan::Rest(outcome, _) = plan(&by_name) else {
            panic!("{:?}", plan(&by_name));
        };
        let reported = status(&by_name, &outcome);
        let listed = by_name.with(|it| {
            it.facts.read_by_name = false;
            it.evidence.observed.as_mut().unwrap().source = Source::List;
        });
        reads(&listed, Read::Room);
        let known = listed.with(|it| it.status = reported.clone());
        refuses(&known, reason, "standup exists");
        reads(&known.clone().forced(), Read::Room);
        reads(&known.clone().edited(spec), Read::Room);
        let allowed = known.clone().spec(self::spec());
        reads(&allowed.with(|it| it.key_may_adopt = true), Read::Room);
        reads(&known.absent(ago(9), None), Read::Room);
    }
    let withdrawn = claimed().chosen().with_record(|it| it.claim = None);
    let withdrawn = withdrawn.with(|it| it.rival = Some(None));
    let shown = withdrawn.sees(Source::Get, |_| ()).read_by_name();
    let Plan::Rest(outcome, _) = plan(&shown) else {
        panic!("{:?}", plan(&shown));
    };
    let listed = shown.clone().sees(Source::List, |_| ());
    let listed = listed.with(|it| it.facts.read_by_name = false);
    reads(&listed, Read::Room);
    let known = listed.with(|it| it.status = status(&shown, &outcome));
    refuses(&known, Reason::NameTaken, "standup exists");
    // Its owner is named, and not its deletion.
    let held = known.clone().with(|it| it.rival = rival("team"));
    is_held(&held, "The DailyRoom first holds");
    let former = known.with_record(|it| it.former_id = Some(ID.into()));
    reads(&former, Read::Room);
}

/// Also one that came later: the room may be what it has just created.
#[test]
fn a_room_that_another_object_claims_is_never_adopted() {
    for is_first in [true, false] {
        let view = before(|_| ()).with(|it| {
            it.rival = rival("other");
            if let Some(Some(rival)) = &mut it.rival {
                rival.is_first = is_first;
            }
        });
        is_held(&view, "A DailyRoom in another namespace holds");
    }
}

/// If a record was written late, two objects may have recorded one room.
#[test]
fn a_room_that_another_object_holds_first_is_not_written_to() {
    let view = after(|_| ());
    reads_rival(&view.clone().with(|it| it.rival = None));
    let held = view.with(|it| it.rival = rival("team"));
    is_held(&held, "The DailyRoom first holds");
}

/// A late DELETE of another object, or of an earlier leader, would delete what callers were just given.
#[test]
fn nothing_is_adopted_while_an_earlier_write_may_take_effect() {
    let waits = |view: &View| {
        let planned = plan(view);
        let Plan::Rest(Outcome::Failing(problem), _) = planned else {
            panic!("{planned:?}");
        };
        assert_eq!(problem.reason, Reason::Progressing);
    };
    waits(&before(|_| ()).evidence(|it| it.unknown_write = Some(moment())));
    waits(&before(|_| ()).with(|it| it.trusted_from = it.now.moment.after(QUIET)));
}

/// A backup was restored with its status.
#[test]
fn an_adopted_room_of_a_restored_object_stays_adopted() {
    let view = before(|_| ());
    let record = adopted_record(&view, by_ttl(END));
    let earlier = Record {
        uid: "earlier".into(),
        ..record.clone()
    };
    let restored = view.with(|it| it.recorded = earlier.into());
    acts(&restored, write(record, Change::Found));
}

#[test]
fn a_room_with_a_derived_name_is_never_adopted() {
    let derived = naming::derived_room_name("other", "team", "standup");
    let view = before(|it| it.name = derived);
    refuses(&view, Reason::NameTaken, "or another one");
}

/// Daily may find it by any case of its name (F-ROOM-37). Presence and listings show its own.
#[test]
fn a_room_of_the_name_in_another_case_is_never_adopted() {
    let says = "with the roomName StandUp";
    let other_case = |it: &mut Room| it.name = "StandUp".into();
    refuses(&before(other_case), Reason::NameTaken, says);
    let never = before(other_case).spec(json!({"ttl": "8h", "roomName": "standup"}));
    let never = never.with(|it| it.rival = Some(None));
    refuses(&never, Reason::NameTaken, says);
}

#[test]
fn an_adoption_ends_no_room_at_once() {
    let over = |view: View| view.wall(END + 60);
    refuses(
        &over(before(|_| ())),
        Reason::AdoptionNotAllowed,
        "Set a later end",
    );
    let its_own = over(before(|it| it.config.exp = Some(END + 600)));
    let record = adopted_record(&its_own, by_ttl(END + 600));
    acts(&its_own, write(record, Change::Adopted));
    let fixed = json!({"expirationTime": "2027-01-15T08:30:00Z", "roomName": "standup",
        "adoptionPolicy": "AdoptOrCreate"});
    let fixed = before(|it| it.config.exp = Some(END + 600)).spec(fixed);
    let fixed = fixed.with(|it| it.rival = Some(None)).wall(END + 60);
    refuses(&fixed, Reason::AdoptionNotAllowed, "Set a later end");
}

/// Daily enables dial-in in no such room (F-PIN-8), and with a `ttl` the room keeps its end.
#[test]
fn a_room_that_ends_too_late_for_dialin_is_not_adopted() {
    let far = NOW + FARTHEST_END + 1;
    let late = before(|it| it.config.exp = Some(far));
    refuses(
        &late,
        Reason::AdoptionNotAllowed,
        "Set expirationTime in place of ttl",
    );
    let fixed = json!({"expirationTime": "2027-01-15T18:30:00Z", "roomName": "standup",
        "adoptionPolicy": "AdoptOrCreate"});
    let fixed = late.spec(fixed).with(|it| it.rival = Some(None));
    let adopts = |view: &View| {
        let planned = plan(view);
        assert!(
            matches!(planned, Plan::Act(AnyStep::Record(_, Change::Adopted, _))),
            "{planned:?}"
        );
    };
    adopts(&fixed);
    adopts(&before(|it| {
        it.config.exp = Some(far);
        it.config.dialin = Some(Map::new());
    }));
}

/// No PIN follows from the update that Daily rejected, or from the number.
#[test]
fn without_dialin_the_message_says_what_kept_it_from_being_enabled() {
    let view = after(|_| ());
    let planned = plan(&view);
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = planned else {
        panic!("{planned:?}");
    };
    let rejection = Rejection {
        what: update.fingerprint,
        info: "invalid property name".into(),
        until: moment().after(RECHECK),
        times: 1,
    };
    let rejected = view
        .clone()
        .with(|it| it.memory.rejection = Some(rejection));
    let says = "Daily rejected the change of the room: invalid property name";
    let Plan::Rest(Outcome::Failing(problem), again) = plan(&rejected) else {
        panic!("{:?}", plan(&rejected));
    };
    assert!(problem.message.starts_with(says), "{}", problem.message);
    let whole = (problem.reason, problem.served, again);
    let polling = Requeue::Polling(USER_RETRY);
    assert_eq!(whole, (Reason::RejectedByDaily, false, polling));
    let numberless = view.with(|it| {
        it.facts.numbers = number_problem(false);
        let observed = it.evidence.observed.as_mut().unwrap();
        observed.room.config.exp = Some(END);
    });
    let (Some(Err(number)), again) = (number_problem(false), Requeue::After(RECHECK)) else {
        panic!("a problem");
    };
    check(
        &numberless,
        Plan::Rest(Outcome::Failing(number.problem), again),
    );
}

#[test]
fn one_update_enables_dialin_and_leaves_the_rest_as_it_is() {
    let dialin = json!({"display_name": "Phone Caller", "wait_for_meeting_start": true});
    let view = after(|_| ());
    updates_first(&view, None, json!({"dialin": dialin, "exp": END}));
    // A room with an end keeps it.
    let ends = after(|it| it.config.exp = Some(END));
    updates_first(&ends, None, json!({"dialin": dialin}));
    // What the spec sets is sent with it.
    let set = json!({"ttl": "8h", "roomName": "standup", "adoptionPolicy": "AdoptOrCreate",
        "privacy": "Public", "ejectAtRoomExpiry": true});
    let set = view.spec(set).with(|it| it.rival = Some(None));
    let properties = json!({"dialin": dialin, "exp": END, "eject_at_room_exp": true});
    updates_first(&set, Some("public"), properties);
}

/// The update after an adoption corrects nothing.
#[track_caller]
fn updates_first(view: &View, privacy: Option<&'static str>, properties: Value) {
    let planned = plan(view);
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = planned else {
        panic!("{planned:?}");
    };
    assert!(!update.drift && !update.counts);
    assert_eq!(update.change.privacy, privacy);
    assert_eq!(json!(update.change.properties), properties);
}

/// An adopted room with dial-in of its own, whose callers are served.
fn published(change: impl FnOnce(&mut Room)) -> View {
    let theirs = json!({"display_name": "Reception", "wait_for_meeting_start": false});
    let view = after(|it| {
        it.config.exp = Some(END);
        it.config.dialin = theirs.as_object().cloned();
        it.config.dialin_code = Pin::new(PIN);
        change(it);
    });
    view.published()
}

#[test]
fn a_room_with_dialin_keeps_its_settings_and_its_pin() {
    let view = published(|_| ());
    let Plan::Rest(Outcome::Serving(serving, None), _) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    assert_eq!(serving.content.pin.digits(), PIN);
    assert!(view.status.room.as_ref().is_some_and(|it| it.adopted));
    // What the spec sets is put back, and what it does not set may change.
    let mut sets = spec();
    sets["dialin"] = json!({"displayName": "Phone Caller"});
    let named = json!({"display_name": "Phone Caller", "wait_for_meeting_start": false});
    let edited = published(|_| ())
        .edited(sets)
        .with(|it| it.rival = Some(None));
    updates(&edited, None, json!({"dialin": named}));
    let with_numbers = |dialin: Value| {
        let mut sets = spec();
        sets["dialin"] = dialin;
        let view = published(|it| {
            let dialin = it.config.dialin.as_mut().unwrap();
            dialin.insert("room_numbers".into(), json!([{"phone_number": NUMBER}]));
        });
        view.edited(sets).with(|it| it.rival = Some(None))
    };
    let planned = plan(&with_numbers(json!({"globalNumbers": ["US"]})));
    assert!(
        matches!(planned, Plan::Rest(Outcome::Serving(_, None), _)),
        "{planned:?}"
    );
    // The spec names a global number, which is not sent.
    let global = with_numbers(json!({"roomNumbers": [{"phoneNumber": NUMBER}]}));
    let theirs = json!({"display_name": "Reception", "wait_for_meeting_start": false});
    updates(&global, None, json!({"dialin": theirs}));
    let dialin = json!({"display_name": "Phone Caller", "wait_for_meeting_start": true});
    let without = published(|it| it.config.dialin = None);
    updates(&without, None, json!({"dialin": dialin}));
}

#[test]
fn a_room_of_the_name_is_adopted_after_the_claim_was_withdrawn() {
    let view = before(|_| ());
    let withdrawn = record_of(&view, None, None);
    let view = view.bound(withdrawn).progressing();
    acts(
        &view,
        write(adopted_record(&view, by_ttl(END)), Change::Adopted),
    );
}

/// It would be recorded as created otherwise, and deleted with its object.
#[test]
fn an_adopted_room_that_reappears_is_still_adopted_and_what_replaces_it_is_not() {
    let missing = published(|_| ()).owned().replacing(Claim::at(NOW));
    assert!(missing.has_adopted(ID));
    assert!(missing.owning(Made::of(ID)).is_adopted());
    assert!(!missing.owning(Made::of("room-2")).is_adopted());
}

/// The spec has no privacy.
#[test]
fn what_replaces_an_adopted_room_is_no_more_open() {
    let recorded = |view: View, private| {
        let owned = Record {
            private,
            ..view.owned()
        };
        view.with(|it| it.recorded = owned.into())
    };
    // The record gets what Daily shows: an earlier version recorded nothing, or somebody changed the room.
    for (privacy, private) in [("private", true), ("public", false)] {
        let view = published(|it| it.privacy = privacy.into());
        for before in [None, Some(!private)] {
            let outdated = recorded(view.clone(), before);
            acts(&outdated, write(view.owned(), Change::Sent));
        }
    }
    for (private, privacy) in [
        (Some(true), "private"),
        (Some(false), "public"),
        // It vanished before it was recorded.
        (None, "private"),
    ] {
        let view = recorded(published(|_| ()), private).read_by_name();
        let vanished = view.clone().absent(ago(30), Some(moment()));
        let ended = vanished.clone().wall(END).date(END);
        let ended = ended.edited(json!({"ttl": "9h", "roomName": "standup"}));
        let ended = ended.with(|it| it.rival = Some(None));
        for gone in [vanished, ended] {
            let Plan::Act(AnyStep::Record(replaced, ..)) = plan(&gone) else {
                panic!("{:?}", plan(&gone));
            };
            let request = gone.parsed().privacy_of_created(&replaced);
            assert_eq!(request, privacy, "{private:?}");
            assert_eq!(
                replaced.owning(Made::of("room-2")).private,
                replaced.private
            );
        }
    }
    // It stays so.
    let created = published(|it| it.id = "room-2".into()).with(|it| {
        let owned = it.owned();
        let end = owned.made.as_ref().unwrap().end.clone();
        let made = Made {
            end,
            ..Made::of("room-2")
        };
        it.recorded = owned.owning(made).into();
    });
    let planned = plan(&created);
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = planned else {
        panic!("{planned:?}");
    };
    assert_eq!(update.change.privacy, None);
}

#[test]
fn an_adopted_room_outlives_its_object_unless_the_spec_says_otherwise() {
    let deleted = |policy: Option<&str>| {
        let mut spec = spec();
        if let Some(policy) = policy {
            spec["deletionPolicy"] = json!(policy);
        }
        let view = published(|_| ()).spec(spec).deleting().inside(0);
        let view = view.with(|it| it.has_secret(Some(Found::Absent)));
        plan(&view)
    };
    let retained = Plan::Act(AnyStep::Release(Release::Retained));
    assert_eq!(deleted(None), retained);
    assert_eq!(deleted(Some("Retain")), retained);
    let delete = |only_if_empty| {
        let step = Step::DeleteRoom {
            name: "standup".into(),
            id: ID.into(),
            only_if_empty,
        };
        Plan::Act(step.into())
    };
    assert_eq!(deleted(Some("Delete")), delete(false));
    assert_eq!(deleted(Some("DeleteWhenEmpty")), delete(true));
    // One that is being recreated reappears during the deletion.
    let missing = published(|_| ()).deleting().with(|it| {
        let replaced = it.owned().replacing(Claim::at(NOW));
        it.recorded = replaced.into();
        it.has_secret(Some(Found::Absent));
    });
    assert_eq!(plan(&missing), retained);
}

#[test]
fn an_adoption_needs_a_chosen_name() {
    let spec: DailyRoomSpec =
        serde_json::from_value(json!({"ttl": "8h", "adoptionPolicy": "AdoptOrCreate"})).unwrap();
    assert_eq!(spec.adoption_policy, AdoptionPolicy::AdoptOrCreate);
    let invalid = Spec::parse(&spec).unwrap_err();
    assert!(invalid.0.contains("needs roomName"), "{}", invalid.0);
}

#[test]
fn an_adoption_and_its_end_are_told() {
    let view = published(|_| ());
    let told = |applied| events(&view, &view.status, &[applied]).remove(0);
    let adopted = told(Applied::Recorded(Change::Adopted));
    assert_eq!(adopted.reason, "Adopted");
    assert!(adopted.note.contains("adoptionPolicy"), "{}", adopted.note);
    let retained = told(Applied::Released(Release::Retained));
    assert!(retained.note.contains("adopted it"), "{}", retained.note);
    let taken = warning(&Problem::for_user(Reason::AdoptionNotAllowed, "no"));
    assert_eq!(taken.reason, "AdoptionNotAllowed");
}
