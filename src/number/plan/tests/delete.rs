//! Letting a PinDialinNumber go.

use super::*;
use crate::reconcile::memory::Namespace;

fn deleting(mut view: View) -> View {
    view.meta.deleting = Some(4000);
    view.facts.publishers = Some(0);
    namespace(view, None)
}

/// Its namespace was read now, and is being deleted since.
fn namespace(view: View, deleted: Option<i64>) -> View {
    with(view, |it| {
        let at = it.now.moment;
        it.memory.namespace = Some(Namespace { at, deleted });
    })
}

fn fresh() -> View {
    deleting(kept())
}

#[test]
fn what_owns_nothing_or_is_retained_is_let_go() {
    let unrecorded = || with(fresh(), |it| it.recorded = Recorded::Nothing);
    check(vec![
        ("never bound", deleting(free()), "Done"),
        (
            "nothing recorded yet",
            deleting(finalized(free())),
            "release Clean",
        ),
        ("claim withdrawn", deleting(withdrawn()), "release Clean"),
        (
            "retained",
            with(fresh(), |it| it.deletion.retain = Some(true)),
            "release Retained",
        ),
        (
            "retained without a key",
            with(fresh(), |it| {
                it.deletion.retain = Some(true);
                it.access = None;
            }),
            "release Retained",
        ),
        (
            "the record is gone",
            with(unrecorded(), |it| it.status.config_id = Some("c1".into())),
            "release Orphaned",
        ),
        (
            "the record is gone, and there is no key",
            with(unrecorded(), |it| {
                it.status.config_id = Some("c1".into());
                it.access = None;
            }),
            "release Orphaned",
        ),
    ]);
}

#[test]
fn another_installation_deletes_what_it_owns() {
    let elsewhere = || with(fresh(), |it| it.own.installation_id = "i2".into());
    let retained = |it: &mut View| it.deletion.retain = Some(true);
    check(vec![
        (
            "another installation",
            elsewhere(),
            "owned elsewhere OtherInstallation",
        ),
        (
            "retained",
            with(elsewhere(), retained),
            "owned elsewhere OtherInstallation",
        ),
        (
            "taken over",
            with(elsewhere(), |it| it.own.takes_over = vec!["i1".into()]),
            "record TakenOver c1",
        ),
    ]);
    let taken_over = with(elsewhere(), |it| it.own.takes_over = vec!["i1".into()]);
    assert_eq!(said(&after_record(taken_over)), "delete c1");
}

/// Rooms publish it, and it waits for these seconds of a minute.
fn drained(seconds: i64) -> View {
    with(fresh(), |it| {
        it.facts.publishers = Some(2);
        it.deletion.max_drain = 60;
        it.memory.deleting_since = Some(at(0));
        it.now.wall = 4000 + seconds;
        it.facts.number.as_mut().unwrap().date = Some(it.now.wall);
    })
}

/// The same of an hour.
fn for_an_hour(seconds: i64) -> View {
    with(drained(seconds), |it| it.deletion.max_drain = 3600)
}

#[test]
fn rooms_that_publish_the_number_come_first() {
    check(vec![
        (
            "rooms not counted",
            with(fresh(), |it| it.facts.publishers = None),
            "read Publishers",
        ),
        (
            "rooms use it",
            with(fresh(), |it| it.facts.publishers = Some(2)),
            "deleting DeletionDeferred",
        ),
        (
            "rooms use it, and it has waited for almost an hour",
            with(fresh(), |it| {
                it.facts.publishers = Some(2);
                it.memory.deleting_since = Some(at(0));
                it.now.wall = 4000 + 3599;
            }),
            "deleting DeletionDeferred",
        ),
        (
            "rooms use it, and it has waited",
            with(fresh(), |it| {
                it.facts.publishers = Some(2);
                it.memory.deleting_since = Some(at(0));
                it.now.wall = 4000 + 3600;
                it.facts.number.as_mut().unwrap().date = Some(it.now.wall);
            }),
            "delete c1",
        ),
        (
            "maxDrain has almost passed",
            with(drained(59), |_| ()),
            "deleting DeletionDeferred",
        ),
        (
            "maxDrain has passed",
            with(drained(60), |_| ()),
            "delete c1",
        ),
        (
            "maxDrain has passed by our clock alone",
            with(drained(60), |it| {
                it.facts.number.as_mut().unwrap().date = Some(4059);
            }),
            "deleting DeletionDeferred",
        ),
        (
            "the same, and no room publishes it any more",
            with(drained(60), |it| {
                it.facts.number.as_mut().unwrap().date = Some(4059);
                it.facts.publishers = Some(0);
            }),
            "delete c1",
        ),
        (
            "maxDrain has passed, and Daily's time is not known",
            with(drained(60), |it| {
                it.facts.number.as_mut().unwrap().date = None;
            }),
            "delete c1",
        ),
        (
            "its namespace is not known",
            with(for_an_hour(0), |it| it.memory.namespace = None),
            "read Namespace",
        ),
        (
            "its namespace was read long ago",
            with(for_an_hour(0), |it| {
                it.memory.namespace.as_mut().unwrap().at = at(970)
            }),
            "read Namespace",
        ),
        (
            "its namespace is deleted, and it has waited for almost ten minutes",
            namespace(for_an_hour(599), Some(3990)),
            "deleting DeletionDeferred",
        ),
        (
            "its namespace is deleted, and it has waited",
            namespace(for_an_hour(600), Some(3990)),
            "delete c1",
        ),
    ]);
    for (counted, expected) in [
        (None, "DailyRooms publish the number"),
        (Some(0), "1 DailyRoom publishes the number"),
        (Some(2), "2 DailyRooms publish the number"),
    ] {
        let deferred = message(&with(drained(0), |it| it.facts.attached_rooms = counted));
        assert!(deferred.starts_with(expected), "{deferred}");
        assert!(deferred.contains("than 1970-01-01T01:07:40Z"), "{deferred}");
    }
}

#[test]
fn a_deferred_deletion_says_how_to_end_the_wait() {
    let message = message(&with(fresh(), |it| it.facts.publishers = Some(2)));
    let says = "set spec.deletionPolicy to Retain, which keeps the config at Daily, or shorten spec.maxDrain.";
    assert!(message.ends_with(says), "{message}");
}

#[test]
fn a_deleted_object_takes_its_config_along() {
    let moved = || {
        with(fresh(), |it| {
            it.facts.number = seen(vec![of_another_number(config("c1", "front"))])
        })
    };
    check(vec![
        (
            "no key yet",
            with(fresh(), |it| it.access = None),
            "read Access",
        ),
        (
            "not asked in this reconcile",
            with(fresh(), |it| it.facts.number.as_mut().unwrap().at = at(999)),
            "read Number(Fresh)",
        ),
        ("it is there", fresh(), "delete c1"),
        (
            "the spec does not parse",
            with(fresh(), |it| it.spec = Err(InvalidSpec("no".into()))),
            "delete c1",
        ),
        (
            "deleted and still shown",
            with(fresh(), |it| it.facts.deleted = true),
            "deleting Progressing",
        ),
        ("of another number now", moved(), "release Orphaned"),
        (
            "another in its place",
            with(fresh(), |it| {
                it.facts.number = seen(vec![config("c2", "front")])
            }),
            "release Deleted",
        ),
        (
            "gone",
            with(fresh(), |it| it.facts.number = seen(Vec::new())),
            "release Deleted",
        ),
        (
            "a write may still take effect",
            with(fresh(), |it| {
                it.facts.number = seen(Vec::new());
                it.evidence.unknown_write = Some(at(941));
            }),
            "deleting Progressing",
        ),
        (
            "an earlier leader's write may still take effect",
            with(fresh(), |it| {
                it.facts.number = seen(Vec::new());
                it.memory.began_here = false;
                it.trusted_from = at(1001);
            }),
            "deleting Progressing",
        ),
    ]);
    let waits = with(fresh(), |it| {
        it.facts.number = seen(Vec::new());
        it.evidence.unknown_write = Some(at(941));
    });
    let expected = Requeue::After(Duration::from_secs(1) + MARGIN);
    assert_eq!(rested(&waits).1, expected);
}

#[test]
fn a_config_without_a_recorded_id_is_deleted_when_it_is_proven() {
    let claim = |prefix: &str, change: fn(&mut View)| {
        with(deleting(claimed()), |it| {
            it.facts.number = seen(vec![config("c1", prefix)]);
            change(it);
        })
    };
    check(vec![
        ("none was made", deleting(claimed()), "release Clean"),
        (
            "one may still be made",
            with(deleting(claimed()), |it| {
                it.evidence.unknown_write = Some(at(941))
            }),
            "deleting Progressing",
        ),
        (
            "answered",
            claim("other", |it| {
                it.evidence.create_attempts = CreateAttempts::Created("c1".into())
            }),
            "delete c1",
        ),
        (
            "may be ours",
            claim("front", |it| {
                it.evidence.create_attempts = CreateAttempts::Unknown
            }),
            "delete c1",
        ),
        (
            "of the process before",
            claim("front", |it| {
                it.evidence.create_attempts = CreateAttempts::EarlierProcess
            }),
            "delete c1",
        ),
        (
            "may be ours, and the spec was edited since",
            claim("front", |it| {
                it.evidence.create_attempts = CreateAttempts::Unknown;
                it.spec.as_mut().unwrap().name_prefix = None;
            }),
            "delete c1",
        ),
        (
            "may be ours, and the spec does not parse",
            claim("front", |it| {
                it.evidence.create_attempts = CreateAttempts::Unknown;
                it.spec = Err(InvalidSpec("no".into()));
            }),
            "delete c1",
        ),
        (
            "came back with its former id",
            with_record(claim("other", |_| ()), |it| {
                it.former_id = Some("c1".into())
            }),
            "delete c1",
        ),
        ("not ours", claim("front", |_| ()), "release Clean"),
        (
            "says something else",
            claim("other", |it| {
                it.evidence.create_attempts = CreateAttempts::Unknown
            }),
            "release Orphaned",
        ),
        (
            "says something else, and a create of ours may still take effect",
            claim("other", |it| {
                it.evidence.create_attempts = CreateAttempts::Unknown;
                it.evidence.unknown_write = Some(at(999));
            }),
            "deleting Progressing",
        ),
        (
            "says something else, after the leader before has crashed",
            claim("other", |it| {
                it.evidence.create_attempts = CreateAttempts::EarlierProcess;
                it.memory.began_here = false;
                it.trusted_from = at(100_000);
            }),
            "deleting Progressing",
        ),
        (
            "recorded for another",
            claim("front", |it| {
                it.evidence.create_attempts = CreateAttempts::Unknown;
                it.rival = rival(Some("c1"));
            }),
            "release Orphaned",
        ),
        (
            "others not looked at",
            claim("front", |it| {
                it.evidence.create_attempts = CreateAttempts::Unknown;
                it.rival = None;
            }),
            "read Rival",
        ),
    ]);
}

#[test]
fn a_config_is_given_up_when_there_is_no_key_for_ten_minutes() {
    let keyless_since = |seconds: i64, here: u64| {
        with(fresh(), |it| {
            it.access = no_key();
            it.now.wall = 4000 + seconds;
            it.memory.keyless_since = Some(at(1000 - here));
        })
    };
    let keyless = |seconds| keyless_since(seconds, 600);
    let of_another = |seconds| with(keyless(seconds), |it| it.access = other_domain());
    check(vec![
        ("just now", keyless(0), "deleting ApiKeyNotFound"),
        ("not long", keyless(599), "deleting ApiKeyNotFound"),
        ("for long", keyless(600), "release Orphaned"),
        (
            "for long by our clock alone",
            keyless_since(9000, 599),
            "deleting ApiKeyNotFound",
        ),
        (
            "a key of another domain",
            of_another(599),
            "deleting AccountChanged",
        ),
        (
            "a key of another domain, for long",
            of_another(600),
            "release Orphaned",
        ),
    ]);
    assert_eq!(problem(&keyless(0)).resolved_by, ResolvedBy::User);
}
