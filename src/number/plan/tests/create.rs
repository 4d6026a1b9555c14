//! Claiming a number and creating its dial-in config.

use super::*;

fn found(prefix: &str) -> Option<NumberEvidence> {
    seen(vec![config("c1", prefix)])
}

/// Its id is recorded, now or with the status.
#[track_caller]
fn is_recorded(view: &View) {
    let said = said(view);
    assert!(said.ends_with("Created c1"), "{said}");
}

#[test]
fn a_number_is_claimed_when_it_is_purchased_free_and_nobody_comes_first() {
    let unpurchased = |it: &mut View| it.facts.number.as_mut().unwrap().purchased = false;
    check(vec![
        ("others not looked at", view(), "read Rival"),
        (
            "held, and Daily not asked",
            with(view(), |it| it.rival = rival(None)),
            "failing NumberInUse",
        ),
        (
            "claimed by one that came later",
            with(free(), |it| {
                it.rival = rival(None);
                if let Some(Some(rival)) = &mut it.rival {
                    rival.is_first = false;
                }
            }),
            "failing NumberInUse",
        ),
        (
            "not asked yet",
            with(view(), |it| it.rival = Some(None)),
            "read Number(Recent)",
        ),
        (
            "forced",
            with(view(), |it| {
                it.forced = true;
                it.rival = Some(None);
            }),
            "read Number(Fresh)",
        ),
        (
            "asked long ago",
            with(free(), |it| it.facts.number.as_mut().unwrap().at = at(995)),
            "read Number(Recent)",
        ),
        (
            "not purchased",
            with(free(), unpurchased),
            "failing NumberNotPurchased",
        ),
        (
            "held",
            with(free(), |it| it.rival = rival(None)),
            "failing NumberInUse",
        ),
        (
            "somebody else's config",
            with(free(), |it| {
                it.facts.number = seen(vec![config("x", "front")])
            }),
            "failing NumberInUse",
        ),
        (
            "asked before this pass",
            with(free(), |it| it.facts.number.as_mut().unwrap().at = at(999)),
            "read Number(Fresh)",
        ),
        ("free", free(), "add finalizer"),
        (
            "free, with our finalizer",
            finalized(free()),
            "record Claimed claim at 7",
        ),
        (
            "withdrawn, and free again",
            withdrawn(),
            "record Claimed claim at 7",
        ),
        (
            "withdrawn, and still taken",
            with(withdrawn(), |it| {
                it.facts.number = seen(vec![config("x", "front")])
            }),
            "failing NumberInUse",
        ),
    ]);
    assert_eq!(
        written(&finalized(free())),
        record(Some(Claim::at(7)), None)
    );
}

#[test]
fn a_message_names_no_object_of_another_namespace() {
    let held = with(free(), |it| it.rival = rival(None));
    let here = message(&held);
    assert!(here.starts_with("The PinDialinNumber a-first"), "{here}");
    let elsewhere = message(&with(held, |it| it.meta.namespace = "other".into()));
    assert!(!elsewhere.contains("a-first"), "{elsewhere}");
}

#[test]
fn a_pinless_config_takes_a_number_too() {
    let pinless = DialinConfig {
        kind: "pinless_dialin".into(),
        ..config("x", "front")
    };
    let view = with(free(), |it| it.facts.number = seen(vec![pinless]));
    assert_eq!(said(&view), "failing NumberInUse");
}

#[test]
fn a_restored_object_finds_its_config_by_the_record_of_the_one_before() {
    let other = seen(vec![config("c2", "front")]);
    check(vec![
        ("its config", restored(|_| ()), "record Found c1"),
        (
            "its config is gone",
            with(restored(|_| ()), |it| it.facts.number = seen(Vec::new())),
            "record Claimed claim at 7",
        ),
        (
            "another config",
            with(restored(|_| ()), |it| it.facts.number = other),
            "failing NumberInUse",
        ),
        (
            "other domain",
            restored(|it| it.domain_id = "d2".into()),
            "failing NumberInUse",
        ),
        (
            "other cluster",
            restored(|it| it.cluster_id = "other".into()),
            "failing NumberInUse",
        ),
        (
            "held",
            with(restored(|_| ()), |it| it.rival = rival(Some("c1"))),
            "failing NumberInUse",
        ),
    ]);
    assert_eq!(written(&restored(|_| ())), record(None, Some("c1")));
}

#[test]
fn a_claimed_number_gets_one_config() {
    check(vec![
        (
            "finalizer is gone",
            with(claimed(), |it| it.meta.has_finalizer = false),
            "add finalizer",
        ),
        (
            "not reported yet",
            with(claimed(), |it| it.status.conditions.clear()),
            "report Progressing",
        ),
        (
            "not asked in this reconcile",
            with(claimed(), |it| {
                it.facts.number.as_mut().unwrap().at = at(999)
            }),
            "read Number(Fresh)",
        ),
        ("free", claimed(), "create"),
        (
            "no longer purchased",
            with(claimed(), |it| {
                it.facts.number.as_mut().unwrap().purchased = false
            }),
            "failing NumberNotPurchased",
        ),
        (
            "others not looked at",
            with(claimed(), |it| it.rival = None),
            "read Rival",
        ),
        (
            "another comes first",
            with(claimed(), |it| it.rival = rival(None)),
            "record Withdrawn nothing",
        ),
        (
            "another comes first, and a create of ours may take effect",
            with(claimed(), |it| {
                it.rival = rival(None);
                it.evidence.create_attempts = CreateAttempts::Unknown;
            }),
            "failing NumberInUse",
        ),
    ]);
}

#[test]
fn a_config_of_a_claimed_number_is_ours_when_that_is_proven() {
    check(vec![
        (
            "made by our create",
            with(claimed(), |it| {
                it.facts.number = found("front");
                it.evidence.create_attempts = CreateAttempts::Created("c1".into());
            }),
            "record with status Created c1",
        ),
        (
            "no create of ours",
            with(claimed(), |it| it.facts.number = found("front")),
            "record Withdrawn nothing",
        ),
        (
            "refused",
            with(claimed(), |it| {
                it.facts.number = found("front");
                it.evidence.create_attempts = CreateAttempts::Refused;
            }),
            "record Withdrawn nothing",
        ),
        (
            "a create may have taken effect",
            with(claimed(), |it| {
                it.facts.number = found("front");
                it.evidence.create_attempts = CreateAttempts::Unknown;
            }),
            "record with status Created c1",
        ),
        (
            "and says something else",
            with(claimed(), |it| {
                it.facts.number = found("other");
                it.evidence.create_attempts = CreateAttempts::Unknown;
            }),
            "failing NumberInUse",
        ),
        (
            "and others are not looked at",
            with(claimed(), |it| {
                it.facts.number = found("front");
                it.evidence.create_attempts = CreateAttempts::Unknown;
                it.rival = None;
            }),
            "read Rival",
        ),
        (
            "a process before this one may have made it",
            with(claimed(), |it| {
                it.facts.number = found("front");
                it.evidence.create_attempts = CreateAttempts::EarlierProcess;
            }),
            "record with status Created c1",
        ),
        (
            "it is recorded for another object",
            with(claimed(), |it| {
                it.facts.number = found("front");
                it.evidence.create_attempts = CreateAttempts::Unknown;
                it.rival = rival(Some("c1"));
            }),
            "failing NumberInUse",
        ),
    ]);
}

#[test]
fn what_a_create_asks_for_is_noted_before_it_is_sent() {
    let nothing_sent = || with_record(claimed(), |it| it.claim = Some(Claim::at(7)));
    let edited = || with(claimed(), |it| it.spec.as_mut().unwrap().name_prefix = None);
    check(vec![
        (
            "nothing was sent",
            nothing_sent(),
            "record Sent claim at 7, sent front",
        ),
        ("it is noted", after_record(nothing_sent()), "create"),
        (
            "the spec was edited",
            edited(),
            "record Sent claim at 7, sent front, sent no prefix",
        ),
        ("that is noted too", after_record(edited()), "create"),
    ]);
    let prefixes: Vec<_> = (0..8).map(|it| sent(&it.to_string())).collect();
    let many = with_record(claimed(), |it| {
        it.claim.as_mut().unwrap().sent = prefixes.clone();
    });
    let mut expected = prefixes[1..].to_vec();
    expected.push(sent("front"));
    assert_eq!(
        written(&many).claim.unwrap().sent,
        expected,
        "the last ones"
    );
}

#[test]
fn an_edit_does_not_hide_what_an_earlier_create_made() {
    let edited = |prefix: &str| {
        with(claimed(), |it| {
            it.facts.number = found(prefix);
            it.evidence.create_attempts = CreateAttempts::Unknown;
            it.spec.as_mut().unwrap().name_prefix = Some("back".into());
        })
    };
    is_recorded(&edited("front"));
    is_recorded(&with(claimed(), |it| {
        it.facts.number = found("other");
        it.evidence.create_attempts = CreateAttempts::Created("c1".into());
    }));
    // No create asked for what the spec asks for now.
    assert_eq!(said(&edited("back")), "failing NumberInUse");
}

#[test]
fn a_config_that_comes_back_with_its_former_id_is_ours() {
    let former = |view: View| with_record(view, |it| it.former_id = Some("c1".into()));
    let shows = |view: View, id: &str| {
        with(former(view), |it| {
            it.facts.number = seen(vec![config(id, "other")])
        })
    };
    check(vec![
        (
            "claimed, and another config is there",
            shows(claimed(), "c2"),
            "record Withdrawn nothing, formerly c1",
        ),
        ("withdrawn", shows(withdrawn(), "c1"), "record Found c1"),
        (
            "withdrawn, and another config is there",
            shows(withdrawn(), "c2"),
            "failing NumberInUse",
        ),
        (
            "withdrawn, and free again",
            former(withdrawn()),
            "record Claimed claim at 7, formerly c1",
        ),
    ]);
    is_recorded(&shows(claimed(), "c1"));
    assert_eq!(written(&shows(withdrawn(), "c1")), record(None, Some("c1")));
}

#[test]
fn a_rejected_create_is_sent_again_rarely() {
    let rejected = with(claimed(), |it| {
        it.memory.rejection = rejection(&spec().create(NumberApi::DialinConfigs), 1005)
    });
    let refused = said(&rejected);
    assert_eq!(refused, "record with status Sent claim at 7");
    let rejected = with_record(rejected, |it| {
        it.claim = Some(Claim {
            refused: true,
            ..Claim::at(7)
        });
    });
    let edited = || {
        with(rejected.clone(), |it| {
            it.spec.as_mut().unwrap().name_prefix = None
        })
    };
    check(vec![
        ("just rejected", rejected.clone(), "failing RejectedByDaily"),
        (
            "later",
            with(rejected.clone(), |it| it.now.moment = at(1005)),
            "record Sent claim at 7, sent front",
        ),
        (
            "forced",
            with(rejected.clone(), |it| it.forced = true),
            "record Sent claim at 7, sent front",
        ),
        (
            "forced and tried",
            with(rejected.clone(), |it| {
                it.forced = true;
                it.retry_rejected();
            }),
            "failing RejectedByDaily",
        ),
        ("edited", edited(), "record Sent claim at 7, sent no prefix"),
        ("edited, and noted", after_record(edited()), "create"),
        (
            "another object has claimed the number since",
            with(rejected.clone(), |it| {
                it.rival = rival(None);
                it.rival.as_mut().unwrap().as_mut().unwrap().is_first = false;
            }),
            "record Withdrawn nothing",
        ),
    ]);
    assert!(message(&rejected).contains("no such prefix"));
    let wait = Requeue::After(Duration::from_secs(5));
    assert_eq!(rested(&rejected).1, wait);
}

#[test]
fn an_id_is_recorded_before_its_config_is_changed() {
    let edited = with(claimed(), |it| {
        it.facts.number = found("front");
        it.evidence.create_attempts = CreateAttempts::Unknown;
        it.spec.as_mut().unwrap().name_prefix = Some("back".into());
    });
    assert_eq!(said(&edited), "record Created c1");
}

#[test]
fn a_number_that_is_set_up_at_the_domain_is_said_to_be() {
    let at_the_domain = with(free(), |it| {
        it.facts.number = seen(vec![config("pin_dialin:+12025550123", "front")])
    });
    assert_eq!(said(&at_the_domain), "failing NumberInUse");
    let message = message(&at_the_domain);
    assert!(message.contains("pin_dialin"), "{message}");
}
