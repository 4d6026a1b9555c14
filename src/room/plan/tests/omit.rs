//! What counts as another PIN, and what is known of the last one if the status may not have it.

use std::collections::BTreeMap;

use super::keep::by_name;
use super::*;
use crate::room::secret::{REVISION_ANNOTATION, WrittenPin};

/// The content with this PIN as the Secret has it.
fn with_pin(view: &View, pin: &str, revision: i64) -> SecretContent {
    SecretContent {
        pin: Pin::new(pin).unwrap(),
        revision,
        ..content(view)
    }
}

/// A room that is served, and whose status has no PIN. The process was restarted since.
fn omitting(view: View) -> View {
    let view = view.with(|it| it.names.omits_code = true);
    let published = with_pin(&view, PIN, 1);
    let outcome = served(published.clone(), None);
    let (secret, status) = (secret_of(&view, &published), status(&view, &outcome));
    view.with(|it| {
        it.has_secret(Some(secret));
        it.status = status;
    })
}

fn other_pin(room: &mut Room) {
    room.config.dialin_code = Pin::new(OTHER_PIN);
}

fn remembers(view: View, pin: &str) -> View {
    view.with(|it| {
        let revision = it.status.dialin_code_revision.unwrap();
        it.memory.kind.pin = Some(WrittenPin::of(&with_pin(it, pin, revision)));
    })
}

#[track_caller]
fn publishes(view: &View, pin: &str, revision: i64, repairs: bool) {
    let write = secret_write(view, &with_pin(view, pin, revision), repairs);
    acts(view, Step::UpdateSecret(write, secret_guard()));
}

#[track_caller]
fn serves_revision(view: &View, pin: &str, revision: i64) {
    let planned = Plan::Rest(
        served(with_pin(view, pin, revision), None),
        Requeue::AtDrift(Some(END)),
    );
    check(view, planned);
}

#[test]
fn each_new_pin_counts_once() {
    let view = serving();
    publishes(
        &view.clone().sees(Source::Get, other_pin),
        OTHER_PIN,
        2,
        false,
    );
    let creates = |change: fn(&mut DailyRoomStatus), revision| {
        let view = view.clone().sees(Source::Get, other_pin).with(|it| {
            it.status.dialin_code = None;
            change(&mut it.status);
            it.has_secret(Some(Found::Absent));
        });
        let content = with_pin(&view, OTHER_PIN, revision);
        acts(
            &view,
            Step::CreateSecret(secret_write(&view, &content, false)),
        );
    };
    // After an end there is no PIN to compare with, but another room.
    creates(|it| it.room.as_mut().unwrap().id = "room-0".into(), 2);
    creates(|it| it.binding = None, 1);
    // A lost status starts over.
    creates(|it| it.dialin_code_revision = None, 1);
}

/// The process ends once the status has lost the PIN, and before it writes the Secret again.
#[test]
fn a_pin_that_changes_after_the_status_lost_the_last_one_counts() {
    let with_code = serving();
    let secret = secret_of(&with_code, &content(&with_code));
    let lost = with_code.with(|it| {
        it.names.omits_code = true;
        it.status.dialin_code = None;
        it.has_secret(Some(secret));
    });
    serves_revision(&lost.clone().sees(Source::Get, |_| {}), PIN, 1);
    publishes(&lost.sees(Source::Get, other_pin), OTHER_PIN, 2, false);
}

#[test]
fn the_status_has_no_pin_whatever_the_outcome() {
    let view = serving();
    assert!(view.status.dialin_code.is_some());
    let forced = view.clone().with(|it| it.facts.policy.omits_codes = true);
    let omitting = view.with(|it| it.names.omits_code = true);
    let content = with_pin(&omitting, PIN, 1);
    let problem = Problem::for_user(Reason::Unauthorized, "no");
    for view in [omitting, forced] {
        for outcome in [
            served(content.clone(), None),
            Outcome::Failing(problem.clone()),
            Outcome::Deleting(problem.clone()),
            Outcome::Unchanged,
            Outcome::Progressing,
        ] {
            let status = status(&view, &outcome);
            assert_eq!(
                (&status.dialin_code, &status.dial_string),
                (&None, &None),
                "{outcome:?}"
            );
            assert!(!json!(status).to_string().contains(PIN), "{outcome:?}");
            assert_eq!(status.dialin_code_revision, Some(1));
        }
        // Before Daily is asked anything.
        let unread = view.with(|it| it.access = None);
        acts(&unread, AnyStep::Report(Outcome::Unchanged));
    }
}

#[test]
fn a_listing_is_enough_for_a_pin_that_the_secret_or_the_process_knows() {
    let listed = omitting(serving());
    serves_revision(&listed, PIN, 1);
    let unread = |view: View| view.with(|it| it.facts.secrets.clear());
    reads(&unread(listed.clone()), Read::Secret(SecretKind::Dialin));
    let other = listed.sees(Source::List, other_pin);
    reads(&other, Read::Room);
    let silent = omitting(serving()).sees(Source::List, |it| it.config.dialin_code = None);
    let silent = silent.evidence(|it| it.named = Some(moment()));
    serves_revision(&remembers(silent.clone(), PIN), PIN, 1);
    serves_revision(&silent, PIN, 1);
}

#[test]
fn another_pin_counts_once_also_if_the_process_dies_before_it_is_reported() {
    let changed = omitting(by_name(|_| {})).sees(Source::Get, other_pin);
    for view in [changed.clone(), remembers(changed.clone(), PIN)] {
        publishes(&view, OTHER_PIN, 2, false);
        let before = view.memory.clone();
        let written = secret_of(&view, &with_pin(&view, OTHER_PIN, 2));
        let written = view.with(|it| it.has_secret(Some(written)));
        serves_revision(&written, OTHER_PIN, 2);
        // The next process finds a Secret that is one ahead of the status.
        let restarted = written.with(|it| it.memory = Memory::default());
        serves_revision(&restarted, OTHER_PIN, 2);
        let outcome = served(with_pin(&restarted, OTHER_PIN, 2), None);
        let reported = status(&restarted, &outcome);
        assert_eq!(reported.dialin_code_revision, Some(2));
        // The answer to that write is lost.
        let unanswered = restarted.with(|it| {
            it.status = reported;
            it.memory = before;
        });
        serves_revision(&unanswered, OTHER_PIN, 2);
        serves_revision(&remembers(unanswered, OTHER_PIN), OTHER_PIN, 2);
    }
    // A room that was recreated has another PIN, even if nobody knows the one before.
    let recreated = changed.with(|it| {
        it.status.room.as_mut().unwrap().id = "room-0".into();
        it.has_secret(Some(Found::Absent));
    });
    let content = with_pin(&recreated, OTHER_PIN, 2);
    acts(
        &recreated,
        Step::CreateSecret(secret_write(&recreated, &content, false)),
    );
}

/// Who edits the Secret changes no PIN at Daily.
#[test]
fn an_edited_or_deleted_secret_is_restored_with_the_same_pin() {
    let view = omitting(by_name(|_| {}));
    let edited = Found::Ours {
        kind: SecretKind::Dialin,
        uid: "secret-uid".into(),
        resource_version: "9".into(),
        fingerprint: "edited".into(),
        has_common_labels: true,
        numbers: Vec::new(),
        tokens: BTreeMap::new(),
        pin: None,
    };
    for view in [view.clone(), remembers(view.clone(), PIN)] {
        let edited = view.clone().with(|it| it.has_secret(Some(edited.clone())));
        publishes(&edited, PIN, 1, true);
        let deleted = view.with(|it| it.has_secret(Some(Found::Absent)));
        let content = with_pin(&deleted, PIN, 1);
        acts(
            &deleted,
            Step::CreateSecret(secret_write(&deleted, &content, true)),
        );
    }
    // An earlier version of the operator wrote no revision.
    let mut earlier = secret::wanted(&view.meta, &content(&view));
    let annotations = earlier.metadata.annotations.as_mut().unwrap();
    annotations.remove(REVISION_ANNOTATION);
    let earlier = stored(&view, earlier);
    publishes(&view.with(|it| it.has_secret(Some(earlier))), PIN, 1, false);
}

/// The Secret has another name in the spec, and there is none of that name yet.
#[test]
fn a_pin_that_moves_to_another_secret_is_counted_as_in_the_former_one() {
    let named =
        json!({"ttl": "8h", "dialin": {"codeInStatus": "Omit"}, "secret": {"name": "second"}});
    let renamed = omitting(by_name(|_| {})).edited(named);
    let renamed = renamed.with(|it| it.has_secret(Some(Found::Absent)));
    let unread = |view: &View| view.clone().with(|it| it.facts.secrets.clear());
    reads(&unread(&renamed), Read::Secret(SecretKind::Dialin));
    let same = remembers(renamed.clone(), PIN);
    let changed = same.clone().sees(Source::Get, other_pin);
    for (view, pin, revision) in [
        (&same, PIN, 1),
        (&changed, OTHER_PIN, 2),
        // A process that knows no PIN counts none as another one.
        (&renamed, PIN, 1),
    ] {
        let content = SecretContent {
            secret_name: "second".into(),
            ..with_pin(view, pin, revision)
        };
        let write = secret_write(view, &content, false);
        acts(view, Step::CreateSecret(write));
        // The process dies before the status counts it.
        let written = secret_of(view, &content);
        let restarted = view.clone().with(|it| {
            it.memory = Memory::default();
            it.has_secret(Some(written));
        });
        let planned = Plan::Rest(served(content, None), Requeue::AtDrift(Some(END)));
        check(&restarted, planned);
    }
}
