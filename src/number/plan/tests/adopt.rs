//! Adopting a dial-in config that exists, and what another writer keeps changing.

use super::*;

/// An object that may adopt the config of its number.
fn adopting() -> View {
    with(finalized(free()), |it| {
        it.spec.as_mut().unwrap().adoption = AdoptionPolicy::AdoptOrCreate;
        it.facts.number = seen(vec![config("x", "theirs")]);
    })
}

fn adopted() -> View {
    let record = Record {
        adopted_id: Some("x".into()),
        ..record(None, Some("x"))
    };
    with(bound(record), |it| {
        it.facts.number = seen(vec![config("x", "theirs")]);
    })
}

/// After a restore without status the config may serve callers.
#[test]
fn a_message_advises_adoption_before_deletion() {
    let never = with(adopting(), |it| it.spec = Ok(spec()));
    let own_key = message(&never);
    let take_over = "To take that config over, set adoptionPolicy to AdoptOrCreate";
    assert!(
        own_key.contains(&format!("{take_over}. If nobody")),
        "{own_key}"
    );
    let default_key = message(&with(never, |it| it.key_may_adopt = false));
    let needs = format!("{take_over}, and set apiKeySecretRef to");
    assert!(default_key.contains(&needs), "{default_key}");
    let denied = message(&with(adopting(), |it| it.key_may_adopt = false));
    assert!(
        denied.contains("(chart value daily.apiKey.allowAdoption)"),
        "{denied}"
    );
}

#[test]
fn a_config_is_adopted_if_policy_and_key_allow_it_and_nobody_holds_the_number() {
    let pinless = DialinConfig {
        kind: "pinless_dialin".into(),
        ..config("x", "theirs")
    };
    let at_the_domain = config("pin_dialin:+12025550123", "theirs");
    let later = |it: &mut View| {
        it.rival = rival(None);
        if let Some(Some(rival)) = &mut it.rival {
            rival.is_first = false;
        }
    };
    check(vec![
        ("allowed", adopting(), "record Adopted x, adopted x"),
        (
            "by an answer from before this pass",
            with(adopting(), |it| {
                it.facts.number.as_mut().unwrap().at = at(999)
            }),
            "read Number(Fresh)",
        ),
        (
            "without the policy",
            with(adopting(), |it| it.spec = Ok(spec())),
            "failing NumberInUse",
        ),
        (
            "with the default key",
            with(adopting(), |it| it.key_may_adopt = false),
            "failing AdoptionNotAllowed",
        ),
        (
            "pinless",
            with(adopting(), |it| it.facts.number = seen(vec![pinless])),
            "failing NumberInUse",
        ),
        (
            "at the domain",
            with(adopting(), |it| it.facts.number = seen(vec![at_the_domain])),
            "failing NumberInUse",
        ),
        (
            "claimed by an object that came later",
            with(adopting(), later),
            "failing NumberInUse",
        ),
        (
            "while a late write may delete it",
            with(adopting(), |it| {
                it.evidence.unknown_write = Some(it.now.moment);
            }),
            "failing Progressing",
        ),
        (
            "restored",
            with_record(adopted(), |it| it.uid = "earlier".into()),
            "record Found x, adopted x",
        ),
        (
            "after a withdrawn claim",
            with(withdrawn(), |it| {
                it.spec = adopting().spec;
                it.facts.number = seen(vec![config("x", "theirs")]);
            }),
            "record Adopted x, adopted x",
        ),
    ]);
    let says = |view: &View, what: &str| {
        let message = message(view);
        assert!(message.contains(what), "{message}");
    };
    let never = with(adopting(), |it| it.spec = Ok(spec()));
    says(&never, "set adoptionPolicy to AdoptOrCreate");
    let no_key = with(adopting(), |it| it.key_may_adopt = false);
    says(&no_key, "--allow-adoption-with-default-key");
}

#[test]
fn an_adopted_config_keeps_what_the_spec_does_not_set() {
    let unset = |it: &mut View| it.spec.as_mut().unwrap().name_prefix = None;
    let published = |it: &mut View| {
        it.status.config_id = Some("x".into());
        it.status.conditions =
            conditions(&[], it.meta.generation, 0, Health::Serving("ready", None));
    };
    check(vec![
        ("set", adopted(), "update x drift=false"),
        ("not set", with(adopted(), unset), "serving"),
        (
            "changed after it was published",
            with(adopted(), published),
            "update x drift=true",
        ),
    ]);
}

#[test]
fn an_adopted_config_outlives_its_object_unless_the_spec_says_otherwise() {
    let deleting = |retain| unused(adopted(), retain);
    check(vec![
        ("unset", deleting(None), "release Retained"),
        ("Retain", deleting(Some(true)), "release Retained"),
        ("Delete", deleting(Some(false)), "delete x"),
        (
            "missing, and shown again",
            with_record(deleting(None), |it| *it = it.replacing(Claim::at(7))),
            "release Retained",
        ),
    ]);
}

#[test]
fn what_was_put_back_three_times_in_an_hour_stays() {
    let differs = with(kept(), |it| {
        it.facts.number = seen(vec![config("c1", "other")]);
    });
    let corrected = |times| {
        with(differs.clone(), |it| {
            for _ in 0..times {
                let prefix = ["name_prefix".to_owned()];
                it.memory.corrections.add(&prefix, it.now.moment);
            }
        })
    };
    check(vec![
        ("twice", corrected(2), "update c1 drift=true"),
        ("three times", corrected(3), "serving but Contended"),
    ]);
    let hour = Duration::from_secs(3600);
    let later = with(corrected(3), |it| {
        it.now.moment = it.now.moment.after(hour);
        it.facts.fresh_since = it.now.moment;
        it.facts.number.as_mut().unwrap().at = it.now.moment;
    });
    assert_eq!(said(&later), "update c1 drift=true");
}
