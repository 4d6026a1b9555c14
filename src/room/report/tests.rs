//! The status after each outcome, and the events.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition as KubeCondition;
use kube::runtime::events::EventType;
use serde_json::json;

use super::*;
use crate::crd::PublishedNumber;
use crate::crd::time::rfc3339;
use crate::daily::types::Pin;
use crate::reconcile::problem::{Problem, ResolvedBy};
use crate::reconcile::report::{Applied as AnyApplied, events, status};
use crate::reconcile::steps::{Change, Outcome as AnyOutcome, Release};
use crate::room::Room;
use crate::room::plan::steps::SecretEvent;
use crate::room::plan::tests::{
    END, ID, NOW, OTHER_PIN, PIN, claimed, content, recorded, served, serving, unbound,
};
use crate::room::published_numbers::WhyGlobal;
use crate::room::secret::{SecretContent, SecretKind};

type Outcome = AnyOutcome<Room>;

fn problem(resolved_by: ResolvedBy) -> Problem {
    Problem::new(Reason::RejectedByDaily, resolved_by, "no")
}

fn failing(resolved_by: ResolvedBy) -> Outcome {
    Outcome::Failing(problem(resolved_by))
}

/// A Secret with another PIN.
fn new_content(view: &View) -> SecretContent {
    SecretContent {
        pin: Pin::new(OTHER_PIN).unwrap(),
        revision: 2,
        ..content(view)
    }
}

/// Served by a room that was recreated.
fn served_by_another_room(content: SecretContent) -> Outcome {
    match served(content, None) {
        Outcome::Serving(mut serving, problem) => {
            serving.id = "room-2".into();
            Outcome::Serving(serving, problem)
        }
        other => other,
    }
}

fn shown(status: &DailyRoomStatus) -> Vec<String> {
    let line = |it: &KubeCondition| format!("{}={}/{}", it.type_, it.status, it.reason);
    status.conditions.iter().map(line).collect()
}

fn reasons(notes: &[Note]) -> Vec<&str> {
    notes.iter().map(|it| it.reason).collect()
}

/// The events of an outcome.
fn published(view: &View, outcome: &Outcome, applied: &[AnyApplied<Room>]) -> Vec<Note> {
    events(view, &status(view, outcome), applied)
}

#[test]
fn the_status_of_a_served_room_is_complete() {
    let view = recorded();
    let status = status(&view, &served(content(&view), None));
    let name = view.room_name();
    assert_eq!(shown(&status), ["Ready=True/Available"]);
    let mut json = json!(status);
    json.as_object_mut().unwrap().remove("conditions");
    assert_eq!(
        json,
        json!({
            "observedGeneration": 1,
            "reason": "Available",
            "message": "The room is ready to receive calls on Daily's global number +12025550123.",
            "account": {"domainName": "demo", "domainId": "domain-1"},
            "room": {"name": name, "id": ID, "url": format!("https://demo.daily.co/{name}"),
                     "creationTime": rfc3339(NOW)},
            "dialinCode": PIN,
            "dialString": format!("+12025550123,,{PIN}"),
            "dialinCodeRevision": 1,
            "phoneNumbers": [{"phoneNumber": "+12025550123", "source": "Global", "country": "US"}],
            "expirationTime": rfc3339(END),
            "binding": {"name": "standup-dialin"},
            "record": view.record().unwrap().text(),
        })
    );
}

#[test]
fn a_global_number_is_named_with_the_reason() {
    let serve = |view: &View, why: Option<WhyGlobal>| {
        let Outcome::Serving(mut serving, _) = served(content(view), None) else {
            panic!("it serves");
        };
        serving.why_global = why;
        status(view, &Outcome::Serving(serving, None))
    };
    let message = |status: &DailyRoomStatus| status.conditions[0].message.clone();
    let new = recorded();
    let first = serve(&new, Some(WhyGlobal::Stalled("main".into())));
    let why = "The room is ready to receive calls on Daily's global number +12025550123, because the \
               PinDialinNumber main is stalled. Check its status.";
    assert_eq!(message(&first), why);
    // Later it has the reason of then.
    let later = new.with(|it| it.status = first.clone());
    let kept = serve(&later, Some(WhyGlobal::PublishedBefore));
    let why = "number +12025550123, because it has published this number before. To publish a purchased number, \
               name it in spec.dialin.roomNumbers.";
    assert!(message(&kept).ends_with(why), "{}", message(&kept));
    // The spec names the number, or the room keeps it while the spec names one that is not ready.
    let named = "The room is ready to receive calls on Daily's global number +12025550123.";
    assert_eq!(message(&serve(&later, None)), named);
    // A number of the account needs no reason.
    let own = later.with(|it| {
        it.facts.numbers.as_mut().unwrap().as_mut().unwrap()[0].source = NumberSource::Purchased;
    });
    let mut content = content(&own);
    content.numbers[0].source = NumberSource::Purchased;
    let status = status(&own, &served(content, None));
    assert_eq!(message(&status), "The room is ready to receive calls.");
}

/// The API key may be gone, or Daily away, so that nothing confirms the end.
#[test]
fn nobody_is_served_past_the_recorded_end() {
    for by in [ResolvedBy::User, ResolvedBy::Waiting, ResolvedBy::Retry] {
        let ready = |wall: i64| {
            let view = serving().with(|it| it.now.wall = wall);
            shown(&status(&view, &failing(by)))[0].clone()
        };
        assert_eq!(ready(END - 1), "Ready=True/Available");
        assert_eq!(ready(END), "Ready=False/RejectedByDaily");
    }
    // An edit of the end does not count before it is recorded.
    let longer = serving().edited(json!({"ttl": "24h"}));
    let longer = longer.with(|it| it.now.wall = END);
    let status = status(&longer, &failing(ResolvedBy::User));
    assert_eq!(shown(&status)[0], "Ready=False/RejectedByDaily");
}

#[test]
fn a_problem_is_shown_before_the_callers_who_are_served() {
    let view = serving();
    let shown = |outcome: &Outcome| {
        let status = status(&view, outcome);
        (status.reason.unwrap(), status.message.unwrap())
    };
    let ready = "The room is ready to receive calls on Daily's global number +12025550123.";
    let available = ("Available".to_owned(), ready.to_owned());
    assert_eq!(shown(&served(content(&view), None)), available);
    let stalled = ("RejectedByDaily".to_owned(), "no".to_owned());
    let served = served(content(&view), Some(problem(ResolvedBy::User)));
    assert_eq!(shown(&served), stalled);
    let ended = (
        "Expired".to_owned(),
        "The room has ended as planned.".to_owned(),
    );
    assert_eq!(shown(&Outcome::Expired), ended);
}

#[test]
fn nothing_is_published_twice() {
    let view = serving();
    assert_eq!(status(&view, &served(content(&view), None)), view.status);
    assert_eq!(status(&view, &Outcome::Unchanged), view.status);
    assert_eq!(status(&view, &Outcome::Done), view.status);
    assert_eq!(
        published(&view, &served(content(&view), None), &[]),
        Vec::new()
    );
}

#[test]
fn at_the_end_the_pin_goes_and_what_it_was_stays() {
    let view = serving().made(|made| {
        if let Some(end) = &mut made.end {
            end.at = END + 5;
        }
    });
    let status = status(&view, &Outcome::Expired);
    assert_eq!(shown(&status), ["Expired=True/Expired"]);
    assert_eq!((&status.dialin_code, &status.dial_string), (&None, &None));
    assert!(status.phone_numbers.is_empty() && status.binding.is_none());
    assert_eq!(status.dialin_code_revision, Some(1));
    assert_eq!(status.room, view.status.room);
    assert_eq!(status.expiration_time, time(END + 5));
    assert!(!json!(status).to_string().contains(PIN));
    let never = unbound();
    let status = crate::reconcile::report::status(&never, &Outcome::Expired);
    assert_eq!(status.expiration_time, time(END), "as the spec says");
}

/// Callers have it on paper.
#[test]
fn another_first_number_is_published_as_an_event() {
    let view = serving();
    let on = |numbers: &[&str]| {
        let mut content = content(&view);
        let one = content.numbers[0].clone();
        let numbers = numbers.iter().map(|it| PublishedNumber {
            phone_number: (*it).to_owned(),
            ..one.clone()
        });
        content.numbers = numbers.collect();
        served(content, None)
    };
    let changed = published(&view, &on(&["+12095038039"]), &[]);
    assert_eq!(reasons(&changed), ["PhoneNumberChanged"]);
    assert_eq!(changed[0].type_, EventType::Warning);
    let says = "The room publishes +12095038039 in place of +12025550123.";
    assert!(changed[0].note.starts_with(says), "{}", changed[0].note);
    let more = published(&view, &on(&["+12025550123", "+12095038039"]), &[]);
    assert_eq!(more, Vec::new());
    let first = published(&recorded(), &on(&["+12095038039"]), &[]);
    assert_eq!(first, Vec::new());
}

#[test]
fn a_forced_pass_is_echoed_when_it_has_come_to_something() {
    let ask = |view: View| {
        let view = view.forced();
        view.with(|it| it.meta.requested = Some("now".into()))
    };
    let view = ask(serving());
    let echo = |outcome: &Outcome| status(&view, outcome).last_handled_reconcile_at;
    let now = Some("now".to_owned());
    assert_eq!(echo(&served(content(&view), None)), now);
    assert_eq!(echo(&failing(ResolvedBy::User)), now);
    assert_eq!(echo(&failing(ResolvedBy::Waiting)), now);
    assert_eq!(echo(&failing(ResolvedBy::Retry)), None);
    assert_eq!(echo(&Outcome::Progressing), None);
    assert_eq!(echo(&Outcome::Unchanged), None);
    let unasked = serving().with(|it| it.meta.requested = Some("now".into()));
    let status = status(&unasked, &served(content(&view), None));
    assert_eq!(status.last_handled_reconcile_at, None);
}

#[test]
fn a_generation_is_observed_when_it_was_acted_on() {
    let view = serving().edited(json!({"ttl": "9h"}));
    let observed = |outcome: &Outcome| status(&view, outcome).observed_generation;
    assert_eq!(observed(&served(content(&view), None)), Some(2));
    assert_eq!(observed(&failing(ResolvedBy::User)), Some(2));
    assert_eq!(observed(&failing(ResolvedBy::Retry)), Some(1));
    assert_eq!(observed(&Outcome::Progressing), Some(1));
    assert_eq!(observed(&Outcome::Unchanged), Some(1));
    let first = status(&unbound(), &Outcome::Progressing);
    assert_eq!(first.observed_generation, Some(1));
    // Ready's own generation is the one that it is true for.
    let kept = status(&view, &failing(ResolvedBy::User));
    assert_eq!(kept.conditions[0].observed_generation, Some(1));
    assert_eq!(kept.conditions[1].observed_generation, Some(2));
}

#[test]
fn callers_stay_served_in_a_problem_unless_the_room_is_being_created() {
    let stalled = "Stalled=True/RejectedByDaily";
    let person = failing(ResolvedBy::User);
    let ready = status(&serving(), &person);
    assert_eq!(shown(&ready), ["Ready=True/Available", stalled]);
    assert_eq!(ready.dialin_code.as_deref(), Some(PIN));
    let anew = claimed().with(|it| it.status = serving().status);
    let lost = status(&anew, &person);
    assert_eq!(shown(&lost), ["Ready=False/RejectedByDaily", stalled]);
    let view = serving();
    let served = served(content(&view), Some(problem(ResolvedBy::User)));
    let both = status(&view, &served);
    assert_eq!(shown(&both), ["Ready=True/Available", stalled]);
}

#[test]
fn what_a_deletion_waits_for_is_a_condition_beside_the_others() {
    let waiting = Outcome::Deleting(problem(ResolvedBy::Waiting));
    let status = status(&serving(), &waiting);
    let expected = ["Ready=True/Available", "Reconciling=True/RejectedByDaily"];
    assert_eq!(shown(&status), expected);
}

fn update(drift: bool) -> AnyApplied<Room> {
    AnyApplied::Updated {
        drift,
        properties: vec!["privacy".to_owned(), "exp".to_owned()],
    }
}

fn secret(kind: SecretKind, event: SecretEvent) -> AnyApplied<Room> {
    let name = "s".into();
    AnyApplied::Of(Applied::Secret { name, kind, event })
}

fn recorded_as(change: Change) -> AnyApplied<Room> {
    AnyApplied::Recorded(change)
}

fn released(how: Release) -> AnyApplied<Room> {
    AnyApplied::Released(how)
}

#[test]
fn writes_are_published_with_their_reasons() {
    use SecretEvent::{Repaired, TokensChanged, TokensIssued};
    use SecretKind::{Dialin, Tokens};
    let normal = EventType::Normal;
    let warning = EventType::Warning;
    let cases = [
        (recorded_as(Change::Created), "Created", normal),
        (recorded_as(Change::Found), "Adopted", normal),
        (recorded_as(Change::Recreated), "Missing", warning),
        (recorded_as(Change::EndMoved(END)), "Updated", normal),
        (recorded_as(Change::TakenOver), "TakenOver", normal),
        (update(false), "Updated", normal),
        (update(true), "DriftCorrected", normal),
        (secret(Dialin, Repaired), "SecretRepaired", warning),
        (secret(Tokens, Repaired), "SecretRepaired", warning),
        (secret(Tokens, TokensIssued), "MeetingTokensChanged", normal),
        (
            secret(Tokens, TokensChanged),
            "MeetingTokensChanged",
            normal,
        ),
        (released(Release::Deleted), "Deleted", normal),
        (released(Release::Retained), "Orphaned", normal),
        (
            released(Release::Orphaned("why".into())),
            "Orphaned",
            warning,
        ),
    ];
    let view = serving();
    for (applied, reason, type_) in cases {
        let notes = published(&view, &Outcome::Unchanged, std::slice::from_ref(&applied));
        assert_eq!(reasons(&notes), [reason], "{applied:?}");
        assert_eq!(notes[0].type_, type_, "{applied:?}");
    }
    let silent = [
        recorded_as(Change::Replaced),
        recorded_as(Change::Sent),
        recorded_as(Change::Withdrawn),
        recorded_as(Change::Claimed),
        released(Release::Clean),
    ];
    for applied in silent {
        let notes = published(&view, &Outcome::Unchanged, std::slice::from_ref(&applied));
        assert_eq!(notes, Vec::new(), "{applied:?}");
    }
    let keys = published(&view, &Outcome::Unchanged, &[update(false)]);
    assert!(
        keys[0].note.ends_with(": privacy, exp."),
        "{}",
        keys[0].note
    );
}

#[test]
fn a_new_pin_is_published_and_the_first_one_is_not() {
    let view = serving();
    let changed = published(&view, &served(new_content(&view), None), &[]);
    assert_eq!(reasons(&changed), ["DialinCodeChanged"]);
    assert_eq!(changed[0].type_, EventType::Warning);
    let expired = serving().expired();
    let anew = published(
        &expired,
        &served_by_another_room(new_content(&expired)),
        &[],
    );
    assert_eq!(reasons(&anew), ["DialinCodeChanged"]);
    let first = recorded();
    assert_eq!(
        published(&first, &served(content(&first), None), &[]),
        Vec::new()
    );
}

#[test]
fn an_end_is_published_once() {
    let view = serving();
    assert_eq!(
        reasons(&published(&view, &Outcome::Expired, &[])),
        ["Expired"]
    );
    let text = |view: &View| published(view, &Outcome::Expired, &[]).remove(0).note;
    let deletes = "Its PIN no longer works, and the operator deletes its Secret.";
    assert!(text(&view).ends_with(deletes), "{}", text(&view));
    let suspended = view.clone().with(|it| it.suspended = true);
    let stays = "Its PIN no longer works. Its Secret stays while spec.suspend is true.";
    assert!(text(&suspended).ends_with(stays), "{}", text(&suspended));
    let never = "The end had passed before the room was created.";
    assert_eq!(text(&unbound()), never);
    assert_eq!(
        published(&view.expired(), &Outcome::Expired, &[]),
        Vec::new()
    );
}

#[test]
fn a_problem_is_published_when_it_is_new() {
    let view = serving();
    let outcome = failing(ResolvedBy::User);
    assert_eq!(
        reasons(&published(&view, &outcome, &[])),
        ["RejectedByDaily"]
    );
    let known = status(&view, &outcome);
    let view = view.with(|it| it.status = known);
    assert_eq!(published(&view, &outcome, &[]), Vec::new());
    let later = view.wall(NOW + 60);
    assert_eq!(published(&later, &outcome, &[]), Vec::new());
    let other = Outcome::Failing(Problem {
        reason: Reason::Unauthorized,
        ..problem(ResolvedBy::User)
    });
    assert_eq!(reasons(&published(&later, &other, &[])), ["Unauthorized"]);
}

#[test]
fn no_note_has_a_pin_in_it() {
    let view = serving();
    let applied = [
        recorded_as(Change::Created),
        recorded_as(Change::Found),
        recorded_as(Change::Recreated),
        update(true),
        update(false),
        secret(SecretKind::Dialin, SecretEvent::Repaired),
        released(Release::Deleted),
    ];
    for outcome in [
        served(new_content(&view), Some(problem(ResolvedBy::User))),
        Outcome::Expired,
    ] {
        let status = status(&view, &outcome);
        let conditions = json!(status.conditions).to_string();
        let notes = format!("{:?}{conditions}", events(&view, &status, &applied));
        assert!(
            !notes.contains(PIN) && !notes.contains(OTHER_PIN),
            "{notes}"
        );
        assert!(
            !notes.contains("123456789"),
            "no value is published: {notes}"
        );
    }
}
