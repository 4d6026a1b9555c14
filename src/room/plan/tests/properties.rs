//! The properties of a room that the spec sets one by one.

use super::super::properties::recorded as recorded_properties;
use super::keep::{by_name, serves, serves_well, updates};
use super::*;

/// An hour after [`NOW`].
const START: i64 = NOW + 3600;

fn start() -> String {
    crate::crd::time::rfc3339(START)
}

#[test]
fn a_number_of_participants_is_sent_and_taken_away() {
    let twenty = json!({"ttl": "8h", "maxParticipants": 20});
    let create = claimed().edited(twenty.clone());
    assert_eq!(request(&create, END).properties["max_participants"], 20);
    let plain = request(&claimed(), END);
    assert!(!plain.properties.contains_key("max_participants"));
    let edited = by_name(|_| {}).edited(twenty);
    updates(&edited, None, json!({"max_participants": 20}));
    // Somebody set another number at Daily, or the spec names none any more.
    let other = by_name(|it| it.config.max_participants = Some(20));
    updates(&other, None, json!({"max_participants": null}));
    // Daily does not show its default, and a spec may name it.
    for shown in [None, Some(200)] {
        serves_well(&by_name(|it| it.config.max_participants = shown));
    }
    let default = by_name(|_| {}).spec(json!({"ttl": "8h", "maxParticipants": 200}));
    serves_well(&default);
}

#[test]
fn a_start_moves_the_end_of_a_ttl_with_it_and_not_a_fixed_end() {
    let ttl = by_name(|_| {}).edited(json!({"ttl": "8h", "notBeforeTime": start()}));
    updates(&ttl, None, json!({"exp": START + TTL, "nbf": START}));
    let end = crate::crd::time::rfc3339(END);
    let fixed = json!({"expirationTime": end, "notBeforeTime": start()});
    let fixed = by_name(|_| {}).edited(fixed);
    updates(&fixed, None, json!({"nbf": START}));
    // The end moves back when the start is taken away.
    let early = by_name(|it| {
        it.config.nbf = Some(START);
        it.config.exp = Some(START + TTL);
    });
    let early = early.made(|it| {
        it.end = Some(End {
            at: START + TTL,
            counts_from: None,
            of: format!("ttl={TTL}"),
            not_before: Some(START),
        });
    });
    updates(&early, None, json!({"exp": END, "nbf": null}));
}

/// A start in the past keeps nobody out: it is neither sent nor missed, and moves no end.
#[test]
fn a_start_that_has_passed_changes_nothing() {
    let past = json!({"ttl": "8h", "notBeforeTime": crate::crd::time::rfc3339(CREATED - 60)});
    serves_well(&by_name(|_| {}).spec(past.clone()));
    serves_well(&by_name(|it| it.config.nbf = Some(NOW)));
    let request = request(&claimed().spec(past), END);
    assert!(!request.properties.contains_key("nbf"));
    let moved = by_name(|it| it.config.nbf = Some(NOW + 1));
    updates(&moved, None, json!({"nbf": null}));
}

fn spec_with(properties: &Value) -> Value {
    json!({"ttl": "8h", "roomProperties": properties})
}

/// A room that has these properties by its spec and its record, and is shown so by name.
fn having(properties: &Value) -> View {
    showing(properties, |_| {})
}

/// The same; when they were sent, Daily showed the room so, and still does.
fn showing(properties: &Value, change: fn(&mut Room)) -> View {
    let view = serving()
        .spec(spec_with(properties))
        .sees(Source::Get, change);
    let shown = view.evidence.observed.clone().unwrap().room;
    let wanted = view.parsed().properties.clone();
    let view = view.read_by_name().made(|made| {
        *made = recorded_properties(&wanted, &shown, made.clone());
    });
    view.with(|it| it.status.record = it.record_text())
}

fn others(room: &mut Room, name: &str, value: Value) {
    let set = |all: &mut Map<String, Value>| drop(all.insert(name.to_owned(), value));
    room.config.others.edit(set);
}

/// The same view after Daily accepted the planned update, and shows the room so.
fn updated(view: View, change: fn(&mut Room)) -> View {
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    let view = view.with(|it| it.facts.updated = Some(*update));
    view.sees(Source::Get, change)
}

#[test]
fn properties_are_created_with_the_room_and_recorded() {
    let view = claimed().spec(spec_with(&json!({"enable_chat": true, "lang": "en"})));
    let properties = request(&view, END).properties;
    assert_eq!(
        (&properties["enable_chat"], &properties["lang"]),
        (&json!(true), &json!("en"))
    );
    // Daily does not show what is its default.
    let created = view.sees(Source::Create, |it| {
        it.config.others.edit(|all| drop(all.remove("lang")))
    });
    let Plan::Act(AnyStep::Record(record, Change::Created, _)) = plan(&created) else {
        panic!("{:?}", plan(&created));
    };
    let made = record.made.unwrap();
    assert_eq!(made.properties.len(), 2);
    assert_eq!(made.properties_shown.keys().collect::<Vec<_>>(), ["lang"]);
}

#[test]
fn only_properties_that_differ_are_sent_and_a_removed_one_is_reset() {
    let both = json!({"enable_chat": true, "recordings_template": "a"});
    serves_well(&having(&both));
    let edited = |to: Value| having(&both).edited(spec_with(&to));
    let longer = json!({"enable_chat": true, "recordings_template": "b", "geo": "us-west-2"});
    let change = json!({"recordings_template": "b", "geo": "us-west-2"});
    updates(&edited(longer), None, change);
    updates(
        &edited(json!({"enable_chat": true})),
        None,
        json!({"recordings_template": null}),
    );
    // Once Daily shows it no more, the record forgets it.
    let removed = edited(json!({"enable_chat": true}));
    let reset = updated(removed, |it| {
        it.config
            .others
            .edit(|all| drop(all.remove("recordings_template")))
    });
    let Plan::Act(AnyStep::Record(record, Change::Sent, _)) = plan(&reset) else {
        panic!("{:?}", plan(&reset));
    };
    assert_eq!(
        record.made.unwrap().properties.keys().collect::<Vec<_>>(),
        ["enable_chat"]
    );
    // What nobody set here stays.
    let foreign = having(&both).sees(Source::Get, |it| others(it, "enable_knocking", json!(true)));
    serves_well(&foreign);
}

#[test]
fn drift_is_put_back_once_a_read_by_name_shows_it() {
    let properties = json!({"max_seats": 5});
    let other: fn(&mut Room) = |it| others(it, "max_seats", json!(6));
    let listed = having(&properties).sees(Source::List, other);
    reads(
        &listed.clone().with(|it| it.facts.read_by_name = false),
        Read::Room,
    );
    updates(
        &having(&properties).sees(Source::Get, other),
        None,
        properties,
    );
}

/// Daily shows nothing of one value, and another form of the other.
#[test]
fn another_form_of_a_value_is_no_drift() {
    let properties = json!({"enable_screenshare": true, "enable_recording": "cloud"});
    let other_form: fn(&mut Room) = |it| {
        it.config
            .others
            .edit(|all| drop(all.remove("enable_screenshare")));
        others(it, "enable_recording", json!(["cloud"]));
    };
    serves_well(&showing(&properties, other_form));
    let listed = showing(&properties, other_form).sees(Source::List, other_form);
    serves_well(&listed);
    let drifted = showing(&properties, other_form).sees(Source::Get, |it| {
        others(it, "enable_screenshare", json!(false));
        others(it, "enable_recording", json!(["cloud"]));
    });
    updates(&drifted, None, json!({"enable_screenshare": true}));
    // The record is lost: both are sent once, and recorded as they are shown.
    let lost = showing(&properties, other_form).made(|it| {
        it.properties.clear();
        it.properties_shown.clear();
    });
    updates(&lost, None, properties.clone());
    let sent = updated(lost, other_form);
    let kept = showing(&properties, other_form).owned();
    acts(&sent, write(kept, Change::Sent));
    // A property that Daily never showed is reset without being seen.
    let unset =
        showing(&properties, other_form).edited(spec_with(&json!({"enable_recording": "cloud"})));
    updates(&unset, None, json!({"enable_screenshare": null}));
    let reset = updated(unset, other_form);
    assert!(matches!(
        plan(&reset),
        Plan::Act(AnyStep::Record(_, Change::Sent, _))
    ));
}

#[test]
fn an_edit_that_daily_does_not_apply_is_reported_and_not_repeated() {
    let edited = having(&json!({"lang": "de"})).edited(spec_with(&json!({"lang": "fr"})));
    let unmoved = updated(edited, |it| others(it, "lang", json!("de")));
    let Plan::Act(AnyStep::Of(step)) = plan(&unmoved) else {
        panic!("{:?}", plan(&unmoved));
    };
    assert!(matches!(step, Step::RememberUnapplied { .. }), "{step:?}");
}

/// Where updates are merged, a key of an object goes with the whole object.
#[test]
fn a_key_of_an_object_is_taken_away_by_a_reset() {
    let merged: fn(&mut Room) = |it| {
        others(
            it,
            "permissions",
            json!({"canSend": false, "hasPresence": true}),
        )
    };
    let before = json!({"permissions": {"canSend": true, "hasPresence": true}});
    let after = json!({"permissions": {"canSend": false}});
    let edited = having(&before).edited(spec_with(&after));
    updates(&edited, None, after.clone());
    let kept = updated(edited, merged);
    acts(&kept, Step::RememberMerge);
    let known = kept.with(|it| {
        it.memory.kind.merges = true;
        it.facts.updated = None;
    });
    updates(&known, None, json!({"permissions": null}));
    let reset = updated(known, |it| {
        it.config.others.edit(|all| drop(all.remove("permissions")))
    });
    updates(&reset, None, after);
    // Daily adds a key of its own to each object: that is sent twice, and no more.
    let completed = updated(reset, merged);
    assert!(matches!(
        plan(&completed),
        Plan::Act(AnyStep::Record(_, Change::Sent, _))
    ));
}

#[test]
fn a_restricted_property_needs_a_permission_with_the_default_key() {
    let sip = json!({"sip": {"display_name": "x", "sip_mode": "dial-in"}});
    let default = |view: View| {
        view.spec(spec_with(&sip))
            .with(|it| it.uses_default_key = true)
    };
    let allow =
        |view: View| view.with(|it| it.facts.policy.allowed_properties = vec!["sip".into()]);
    let (reason, drift) = (Reason::PropertyNotAllowed, Requeue::AtDrift(None));
    let says = "may not set sip in roomProperties";
    for view in [unbound().progressing(), claimed()] {
        fails(
            &default(view.clone()),
            reason,
            ResolvedBy::User,
            drift,
            says,
        );
        let planned = plan(&allow(default(view)));
        assert!(matches!(planned, Plan::Act(_)), "{planned:?}");
    }
    // The rest of the spec counts for a room that exists.
    let drifted = default(by_name(|it| it.privacy = "private".into()));
    updates(&drifted, Some("public"), json!({}));
    is_denied(&default(by_name(|_| {})));
    for property in [
        "enable_dialout",
        "meeting_join_hook",
        "recordings_bucket",
        "sip",
        "streaming_endpoints",
        "transcription_bucket",
    ] {
        let new = claimed().spec(spec_with(&json!({property: {}})));
        let says = format!("may not set {property} in roomProperties");
        let denied = new.clone().with(|it| it.uses_default_key = true);
        fails(
            &denied,
            reason,
            ResolvedBy::User,
            Requeue::AtDrift(None),
            &says,
        );
        let own = plan(&new);
        assert!(
            matches!(own, Plan::Act(_)),
            "with a key of its own: {own:?}"
        );
    }
    updates(&allow(default(by_name(|_| {}))), None, sip);
}

/// Callers are served, and the user has to act.
#[track_caller]
fn is_denied(view: &View) {
    let Plan::Rest(Outcome::Serving(_, Some(problem)), _) = plan(view) else {
        panic!("{:?}", plan(view));
    };
    let (reason, by) = (Reason::PropertyNotAllowed, ResolvedBy::User);
    assert_eq!((problem.reason, problem.resolved_by), (reason, by));
    let drift = Requeue::AtDrift(Some(END));
    serves(view, content(view), Some(problem), drift);
}

/// A room that has its SIP address by spec and record, and may no longer have it.
fn withdrawn(change: fn(&mut Room)) -> View {
    let both = json!({"enable_chat": true, "sip": {"display_name": "Desk"}});
    showing(&both, change).with(|it| it.uses_default_key = true)
}

/// The SIP address is reset, and nothing else is sent with it.
#[track_caller]
fn is_reset(view: &View) {
    let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = plan(view) else {
        panic!("{:?}", plan(view));
    };
    assert!(
        !update.drift && !update.counts,
        "nobody changed it at Daily"
    );
    assert_eq!(json!(update.change), json!({"properties": {"sip": null}}));
}

/// The same view with the record that is planned next, in a later reconcile.
fn forgotten(view: View) -> View {
    let Plan::Act(AnyStep::Record(record, Change::Sent, _)) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    let made = record.made.as_ref().unwrap();
    assert_eq!(made.properties.keys().collect::<Vec<_>>(), ["enable_chat"]);
    assert!(made.properties_shown.is_empty());
    view.bound(*record).with(|it| it.facts.updated = None)
}

#[test]
fn a_property_that_may_no_longer_be_set_is_reset_once() {
    let without: fn(&mut Room) = |it| it.config.others.edit(|all| drop(all.remove("sip")));
    let view = withdrawn(|_| {});
    is_reset(&view);
    let reset = forgotten(updated(view.clone(), without));
    is_denied(&reset);
    // What somebody else sets then was never recorded, and stays.
    is_denied(&reset.clone().sees(Source::Get, |_| {}));
    // A listing may not show all of a room.
    let listed = |view: View, change| {
        let view = view.sees(Source::List, change);
        view.with(|it| it.facts.read_by_name = false)
    };
    reads(&listed(view.clone(), without), Read::Room);
    is_denied(&listed(reset.clone(), without));
    // One that Daily never showed is reset without being seen.
    let unseen = withdrawn(without);
    is_reset(&unseen);
    is_denied(&forgotten(updated(unseen, without)));
    // Somebody has reset it at Daily.
    is_denied(&forgotten(view.clone().sees(Source::Get, without)));
    // With a permission, or an API key of its own, it is set again.
    let own_key = reset.with(|it| it.uses_default_key = false);
    updates(&own_key, None, json!({"sip": {"display_name": "Desk"}}));
}

/// The record is lost: an earlier process ended after the create, or a DailyRoom of the name was retained. The rest of
/// what somebody may have set stays.
#[test]
fn a_restricted_property_of_a_room_that_is_found_does_not_outlive_its_permission() {
    let found = |spec: &Value, default: bool| {
        let view = claimed().spec(spec_with(spec)).sees(Source::Get, |it| {
            others(it, "sip", json!({"display_name": "Desk"}));
            others(it, "enable_knocking", json!(true));
        });
        let view = view.read_by_name().with(|it| it.uses_default_key = default);
        let Plan::Act(AnyStep::Record(record, Change::Found, _)) = plan(&view) else {
            panic!("{:?}", plan(&view));
        };
        view.bound(*record).published()
    };
    let sip = json!({"sip": {"display_name": "Desk"}});
    for spec in [json!({}), sip.clone()] {
        is_reset(&found(&spec, true));
    }
    let allow =
        |view: View| view.with(|it| it.facts.policy.allowed_properties = vec!["sip".into()]);
    updates(&allow(found(&json!({}), true)), None, json!({"sip": null}));
    // With a permission it is recorded as any other, and with an API key of its own it may stay.
    let allowed = allow(found(&sip, true));
    assert!(matches!(
        plan(&allowed),
        Plan::Act(AnyStep::Record(_, Change::Sent, _))
    ));
    let own = found(&json!({}), false);
    assert!(own.owned().made.unwrap().properties.is_empty());
    // A room that was adopted, and comes back after it was missed, is its owner's.
    let missed = claimed().with_record(|it| {
        it.former_id = Some(ID.into());
        it.adopted_id = Some(ID.into());
    });
    let back = missed.sees(Source::Get, |it| {
        others(it, "sip", json!({"display_name": "Desk"}))
    });
    let back = back.read_by_name().with(|it| it.uses_default_key = true);
    let Plan::Act(AnyStep::Record(record, ..)) = plan(&back) else {
        panic!("{:?}", plan(&back));
    };
    assert!(record.made.unwrap().properties.is_empty());
}

/// What else the spec asks for does not keep it, or Daily could reject that together with the reset.
#[test]
fn a_reset_waits_for_nothing_else_in_the_spec() {
    let view = withdrawn(|_| {});
    let end_too_far = crate::crd::time::rfc3339(NOW + 2 * 365 * 24 * 3600);
    for spec in [
        json!({"ttl": "8h", "roomProperties": {"geo": "moon", "sip": {"display_name": "x"}}}),
        json!({"ttl": "8h", "roomProperties": {"geo": "moon"}}),
        json!({"expirationTime": end_too_far}),
    ] {
        is_reset(&view.clone().edited(spec));
    }
    let suspended = view.clone().edited(json!({"ttl": "8h", "suspend": true}));
    let drift = Requeue::AtDrift(Some(END));
    check(&suspended, Plan::Rest(Outcome::Suspended, drift));
    // A room that Daily does not reset is not asked again and again.
    let unmoved = updated(view, |_| {});
    let Plan::Act(AnyStep::Of(step)) = plan(&unmoved) else {
        panic!("{:?}", plan(&unmoved));
    };
    assert!(matches!(step, Step::RememberUnapplied { .. }), "{step:?}");
}

/// Requests under a chosen name are recorded, and the record has its bounds.
#[test]
fn a_claim_records_no_properties() {
    let view = claimed().chosen().free();
    let large = view.spec(
        json!({"ttl": "8h", "roomName": "standup", "roomProperties": {"x": "y".repeat(7000)}}),
    );
    let recorded = super::super::claim::comparable(&request(&large, END)).to_string();
    assert!(recorded.len() < 500, "{recorded}");
}
