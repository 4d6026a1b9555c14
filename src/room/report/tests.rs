//! What each verdict makes of a status, and what is told.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::daily::types::{Pin, RoomChange};
use crate::room::numbers::WhyGlobal;
use crate::room::plan::tests::{
    END, ID, NOW, OTHER_PIN, PIN, card, claimed, recorded, served, serving, unbound,
};
use crate::room::secret::Card;

fn trouble(needs: Needs, served: bool) -> Trouble {
    Trouble {
        reason: Reason::RejectedByDaily,
        message: "no".into(),
        needs,
        served,
    }
}

fn failing(needs: Needs) -> Verdict {
    Verdict::Failing(trouble(needs, true))
}

/// A card with another PIN.
fn new_card(view: &View) -> Card {
    Card {
        pin: Pin::new(OTHER_PIN).unwrap(),
        ..card(view)
    }
}

/// Served by a room that was made anew.
fn served_anew(card: Card) -> Verdict {
    match served(card, None) {
        Verdict::Serving(mut serving, trouble) => {
            serving.id = "room-2".into();
            Verdict::Serving(serving, trouble)
        }
        other => other,
    }
}

fn shown(status: &DailyRoomStatus) -> Vec<String> {
    let line = |it: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        format!("{}={}/{}", it.type_, it.status, it.reason)
    };
    status.conditions.iter().map(line).collect()
}

fn reasons(notes: &[Note]) -> Vec<&str> {
    notes.iter().map(|it| it.reason).collect()
}

/// What is told when this verdict follows on that view.
fn told(view: &View, verdict: &Verdict, deeds: &[Deed]) -> Vec<Note> {
    notes(view, &status(view, verdict), deeds)
}

#[test]
fn a_served_room_is_told_whole() {
    let view = recorded();
    let status = status(&view, &served(card(&view), None));
    let name = view.room_name();
    assert_eq!(shown(&status), ["Ready=True/Available"]);
    let mut json = json!(status);
    json.as_object_mut().unwrap().remove("conditions");
    assert_eq!(
        json,
        json!({
            "observedGeneration": 1,
            "account": {"domainName": "demo", "domainId": "domain-1"},
            "room": {"name": name, "id": ID, "url": format!("https://demo.daily.co/{name}"),
                     "creationTime": rfc3339(NOW)},
            "dialinCode": PIN,
            "dialString": format!("+12025550123,,{PIN}"),
            "dialinCodeRevision": 1,
            "phoneNumbers": [{"phoneNumber": "+12025550123", "source": "Global", "country": "US"}],
            "expirationTime": rfc3339(END),
            "binding": {"name": "standup-dialin"},
        })
    );
}

#[test]
fn a_global_number_is_said_to_be_one_and_why() {
    let serve = |view: &View, why: Option<WhyGlobal>| {
        let Verdict::Serving(mut serving, _) = served(card(view), None) else {
            panic!("it serves");
        };
        serving.why_global = why;
        status(view, &Verdict::Serving(serving, None))
    };
    let message = |status: &DailyRoomStatus| status.conditions[0].message.clone();
    let new = recorded();
    let first = serve(&new, Some(WhyGlobal::Stalled("main".into())));
    let why = "callers are served on Daily's global number +12025550123, because the \
               PinDialinNumber main is stalled: look at its status";
    assert_eq!(message(&first), why);
    // Later passes keep the number, and the reason with it.
    let later = new.with(|it| it.status = first.clone());
    assert_eq!(serve(&later, None), first);
    // Of a room whose status was lost nobody knows the reason any more.
    let lost = "callers are served on Daily's global number +12025550123";
    assert_eq!(message(&serve(&recorded(), None)), lost);
    // A number of the account needs no reason.
    let own = later.with(|it| {
        it.numbers.as_mut().unwrap().as_mut().unwrap()[0].source = NumberSource::Purchased;
    });
    let mut card = card(&own);
    card.numbers[0].source = NumberSource::Purchased;
    let status = status(&own, &served(card, None));
    assert_eq!(message(&status), "callers are served");
}

#[test]
fn nothing_is_told_twice() {
    let view = serving();
    assert_eq!(status(&view, &served(card(&view), None)), view.status);
    assert_eq!(status(&view, &Verdict::Unchanged), view.status);
    assert_eq!(status(&view, &Verdict::Done), view.status);
    assert_eq!(told(&view, &served(card(&view), None), &[]), Vec::new());
}

#[test]
fn at_the_end_the_pin_goes_and_what_it_was_stays() {
    let view = serving().made(|made| {
        if let Some(end) = &mut made.end {
            end.at = END + 5;
        }
    });
    let status = status(&view, &Verdict::Expired);
    assert_eq!(shown(&status), ["Expired=True/Expired"]);
    assert_eq!((&status.dialin_code, &status.dial_string), (&None, &None));
    assert!(status.phone_numbers.is_empty() && status.binding.is_none());
    assert_eq!(status.dialin_code_revision, Some(1));
    assert_eq!(status.room, view.status.room);
    assert_eq!(status.expiration_time, time(END + 5));
    assert!(!json!(status).to_string().contains(PIN));
    let never = unbound();
    let status = super::status(&never, &Verdict::Expired);
    assert_eq!(status.expiration_time, time(END), "as the spec says");
}

#[test]
fn each_new_pin_counts_once() {
    let revision = |view: &View, verdict: &Verdict| status(view, verdict).dialin_code_revision;
    let view = serving();
    assert_eq!(revision(&view, &served(card(&view), None)), Some(1));
    assert_eq!(revision(&view, &served(new_card(&view), None)), Some(2));
    assert_eq!(revision(&view, &served_anew(new_card(&view))), Some(2));
    // After an end there is no PIN to compare with, but another room.
    let expired = serving().expired();
    assert_eq!(
        revision(&expired, &served_anew(new_card(&expired))),
        Some(2)
    );
    assert_eq!(revision(&expired, &served(card(&expired), None)), Some(1));
    // A status that was lost begins anew.
    assert_eq!(revision(&recorded(), &served(card(&view), None)), Some(1));
}

#[test]
fn a_forced_pass_is_echoed_when_it_has_come_to_something() {
    let ask = |view: View| {
        let view = view.forced();
        view.with(|it| it.subject.requested = Some("now".into()))
    };
    let view = ask(serving());
    let echo = |verdict: &Verdict| status(&view, verdict).last_handled_reconcile_at;
    let now = Some("now".to_owned());
    assert_eq!(echo(&served(card(&view), None)), now);
    assert_eq!(echo(&failing(Needs::Person)), now);
    assert_eq!(echo(&failing(Needs::Time)), now);
    assert_eq!(echo(&failing(Needs::Retry)), None);
    assert_eq!(echo(&Verdict::Progressing), None);
    assert_eq!(echo(&Verdict::Unchanged), None);
    let unasked = serving().with(|it| it.subject.requested = Some("now".into()));
    let status = status(&unasked, &served(card(&view), None));
    assert_eq!(status.last_handled_reconcile_at, None);
}

#[test]
fn a_generation_is_observed_when_it_was_acted_on() {
    let view = serving().edited(json!({"ttl": "9h"}));
    let observed = |verdict: &Verdict| status(&view, verdict).observed_generation;
    assert_eq!(observed(&served(card(&view), None)), Some(2));
    assert_eq!(observed(&failing(Needs::Person)), Some(2));
    assert_eq!(observed(&failing(Needs::Retry)), Some(1));
    assert_eq!(observed(&Verdict::Progressing), Some(1));
    assert_eq!(observed(&Verdict::Unchanged), Some(1));
    let first = status(&unbound(), &Verdict::Progressing);
    assert_eq!(first.observed_generation, Some(1));
    // Ready's own generation is the one that it is true for.
    let kept = status(&view, &failing(Needs::Person));
    assert_eq!(kept.conditions[0].observed_generation, Some(1));
    assert_eq!(kept.conditions[1].observed_generation, Some(2));
}

#[test]
fn callers_stay_served_in_trouble_unless_the_room_is_to_be_made() {
    let stalled = "Stalled=True/RejectedByDaily";
    let person = failing(Needs::Person);
    let ready = status(&serving(), &person);
    assert_eq!(shown(&ready), ["Ready=True/Available", stalled]);
    assert_eq!(ready.dialin_code.as_deref(), Some(PIN));
    let anew = claimed().with(|it| it.status = serving().status);
    let lost = status(&anew, &person);
    assert_eq!(shown(&lost), ["Ready=False/RejectedByDaily", stalled]);
    let view = serving();
    let served = served(card(&view), Some(trouble(Needs::Person, true)));
    let both = status(&view, &served);
    assert_eq!(shown(&both), ["Ready=True/Available", stalled]);
}

#[test]
fn what_a_deletion_waits_for_is_told_beside_the_rest() {
    let waiting = Verdict::Deleting(trouble(Needs::Time, true));
    let status = status(&serving(), &waiting);
    let expected = ["Ready=True/Available", "Reconciling=True/RejectedByDaily"];
    assert_eq!(shown(&status), expected);
}

fn update(drift: bool) -> Deed {
    let exp = ("exp".to_owned(), json!(123_456_789));
    Deed::Updated(Update {
        name: "standup".into(),
        change: RoomChange {
            privacy: Some("private"),
            properties: [exp].into_iter().collect(),
        },
        nearer: false,
        drift,
        changes_pin: false,
        mark: String::new(),
    })
}

#[test]
fn each_deed_is_told_by_its_word() {
    let orphaned = |asked| Deed::Orphaned {
        why: "why".into(),
        asked,
    };
    let normal = EventType::Normal;
    let warning = EventType::Warning;
    let cases = [
        (Deed::Recorded(Change::Made), "Created", normal),
        (Deed::Recorded(Change::Found), "Adopted", normal),
        (Deed::Recorded(Change::Anew), "Missing", warning),
        (Deed::Recorded(Change::EndTakenOver(END)), "Updated", normal),
        (update(false), "Updated", normal),
        (update(true), "DriftCorrected", normal),
        (Deed::SecretRepaired("s".into()), "SecretRepaired", warning),
        (Deed::Deleted("r".into()), "Deleted", normal),
        (orphaned(true), "Orphaned", normal),
        (orphaned(false), "Orphaned", warning),
    ];
    let view = serving();
    for (deed, reason, type_) in cases {
        let notes = told(&view, &Verdict::Unchanged, std::slice::from_ref(&deed));
        assert_eq!(reasons(&notes), [reason], "{deed:?}");
        assert_eq!(notes[0].type_, type_, "{deed:?}");
    }
    for silent in [
        Change::After,
        Change::Sent,
        Change::Withdrawn,
        Change::Claimed,
    ] {
        let notes = told(&view, &Verdict::Unchanged, &[Deed::Recorded(silent)]);
        assert_eq!(notes, Vec::new());
    }
    let keys = told(&view, &Verdict::Unchanged, &[update(false)]);
    assert!(keys[0].note.ends_with(": privacy, exp"), "{}", keys[0].note);
}

#[test]
fn a_new_pin_is_told_and_the_first_one_is_not() {
    let view = serving();
    let changed = told(&view, &served(new_card(&view), None), &[]);
    assert_eq!(reasons(&changed), ["DialinCodeChanged"]);
    assert_eq!(changed[0].type_, EventType::Warning);
    let expired = serving().expired();
    let anew = told(&expired, &served_anew(new_card(&expired)), &[]);
    assert_eq!(reasons(&anew), ["DialinCodeChanged"]);
    let first = recorded();
    assert_eq!(told(&first, &served(card(&first), None), &[]), Vec::new());
}

#[test]
fn an_end_is_told_once() {
    let view = serving();
    assert_eq!(reasons(&told(&view, &Verdict::Expired, &[])), ["Expired"]);
    assert_eq!(told(&view.expired(), &Verdict::Expired, &[]), Vec::new());
}

#[test]
fn a_trouble_is_told_when_it_is_new() {
    let view = serving();
    let verdict = failing(Needs::Person);
    assert_eq!(reasons(&told(&view, &verdict, &[])), ["RejectedByDaily"]);
    let known = status(&view, &verdict);
    let view = view.with(|it| it.status = known);
    assert_eq!(told(&view, &verdict, &[]), Vec::new());
    let later = view.wall(NOW + 60).with(|it| it.quiet = Duration::ZERO);
    assert_eq!(told(&later, &verdict, &[]), Vec::new());
    let other = Verdict::Failing(Trouble {
        reason: Reason::Unauthorized,
        ..trouble(Needs::Person, true)
    });
    assert_eq!(reasons(&told(&later, &other, &[])), ["Unauthorized"]);
}

#[test]
fn no_note_has_a_pin_in_it() {
    let view = serving();
    let deeds = [
        Deed::Recorded(Change::Made),
        Deed::Recorded(Change::Found),
        Deed::Recorded(Change::Anew),
        update(true),
        update(false),
        Deed::SecretRepaired("standup-dialin".into()),
        Deed::Deleted("standup".into()),
    ];
    for verdict in [
        served(new_card(&view), Some(trouble(Needs::Person, true))),
        Verdict::Expired,
    ] {
        let status = status(&view, &verdict);
        let conditions = json!(status.conditions).to_string();
        let notes = format!("{:?}{conditions}", notes(&view, &status, &deeds));
        assert!(
            !notes.contains(PIN) && !notes.contains(OTHER_PIN),
            "{notes}"
        );
        assert!(!notes.contains("123456789"), "no value is told: {notes}");
    }
}
