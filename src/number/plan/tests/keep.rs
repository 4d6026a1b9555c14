//! Keeping a recorded dial-in config as the spec asks.

use super::*;

fn differs() -> View {
    with(kept(), |it| {
        it.facts.number = seen(vec![config("c1", "other")])
    })
}

/// Daily's answers have not shown the number since.
fn sold(since: Moment) -> View {
    with(kept(), |it| {
        it.facts.number.as_mut().unwrap().purchased = false;
        it.memory.kind.first_absent = Some(since);
    })
}

#[test]
fn a_recorded_config_is_kept_as_the_spec_asks() {
    check(vec![
        ("as the spec asks", kept(), "serving"),
        (
            "not asked yet",
            with(kept(), |it| it.facts.number = None),
            "read Number(Drift)",
        ),
        (
            "asked a while ago",
            with(kept(), |it| it.facts.number.as_mut().unwrap().at = at(800)),
            "serving",
        ),
        (
            "forced",
            with(kept(), |it| {
                it.facts.number.as_mut().unwrap().at = at(999);
                it.forced = true;
            }),
            "read Number(Fresh)",
        ),
        (
            "not ready yet",
            with(kept(), |it| {
                it.facts.number.as_mut().unwrap().at = at(995);
                it.status.conditions = conditions(&[], 1, 5, Health::Progressing);
            }),
            "read Number(Recent)",
        ),
        (
            "finalizer is gone",
            with(kept(), |it| it.meta.has_finalizer = false),
            "add finalizer",
        ),
        ("number sold, by one answer", sold(at(1000)), "Unchanged"),
        ("number sold", sold(at(970)), "failing NumberNotPurchased"),
        (
            "another config in its place",
            with(kept(), |it| {
                it.facts.number = seen(vec![config("c2", "front")])
            }),
            "failing NumberInUse",
        ),
    ]);
    assert_eq!(rested(&kept()).1, Requeue::AtDrift(None));
}

#[test]
fn a_config_that_differs_is_changed() {
    let request = spec().update(&config("c1", "other"));
    let rejected = with(differs(), |it| {
        it.memory.rejection = rejection(&request, 1005)
    });
    check(vec![
        ("changed by hand", differs(), "update c1 drift=true"),
        (
            "edited",
            with(differs(), |it| it.meta.generation = 2),
            "update c1 drift=false",
        ),
        (
            "the answer is older than this pass",
            with(differs(), |it| {
                it.facts.number.as_mut().unwrap().at = at(999)
            }),
            "read Number(Fresh)",
        ),
        (
            "the change does not show",
            with(differs(), |it| it.facts.updated = Some(true)),
            "remember unapplied",
        ),
        ("rejected", rejected.clone(), "serving but RejectedByDaily"),
        (
            "later",
            with(rejected.clone(), |it| it.now.moment = at(1005)),
            "update c1 drift=true",
        ),
        (
            "forced again",
            with(rejected.clone(), |it| it.forced = true),
            "update c1 drift=true",
        ),
        (
            "forced and tried",
            with(rejected, |it| {
                it.forced = true;
                it.retry_rejected();
            }),
            "serving but RejectedByDaily",
        ),
    ]);
}

#[test]
fn a_config_of_another_number_is_never_changed() {
    let moved = || {
        with(kept(), |it| {
            it.facts.number = seen(vec![of_another_number(config("c1", "front"))])
        })
    };
    check(vec![
        ("moved by hand", moved(), "failing NumberInUse"),
        (
            "and edited",
            with(moved(), |it| {
                it.meta.generation = 2;
                it.spec.as_mut().unwrap().name_prefix = None;
            }),
            "failing NumberInUse",
        ),
        (
            "and forced",
            with(moved(), |it| it.forced = true),
            "failing NumberInUse",
        ),
    ]);
    let problem = problem(&moved());
    assert_eq!(
        (problem.resolved_by, problem.served),
        (ResolvedBy::User, false)
    );
    let message = problem.message;
    assert!(
        message.contains("c1") && message.contains(NUMBER),
        "{message}"
    );
    assert_eq!(rested(&moved()).1, Requeue::Polling(Duration::from_secs(7)));
}

#[test]
fn what_is_taken_away_is_sent_as_an_empty_text() {
    let view = with(kept(), |it| it.spec.as_mut().unwrap().name_prefix = None);
    let Plan::Act(AnyStep::Of(Step::UpdateConfig(update))) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    assert_eq!(update.request.body.name_prefix.as_deref(), Some(""));
    assert_eq!(update.request.body.ivr_greeting, None);
}

fn absent(first: Option<u64>, change: fn(&mut View)) -> View {
    with(kept(), |it| {
        it.facts.number = seen(Vec::new());
        it.memory.kind.first_absent = first.map(at);
        change(it);
    })
}

#[test]
fn a_config_is_missing_after_two_answers_and_when_no_write_may_take_effect() {
    let recreated = "record Recreated claim at 7, formerly c1";
    check(vec![
        ("first look", absent(Some(1000), |_| ()), "Unchanged"),
        (
            "half of the quiet period later",
            absent(Some(970), |_| ()),
            recreated,
        ),
        ("too soon", absent(Some(971), |_| ()), "Unchanged"),
        (
            "the second read is old",
            absent(Some(960), |it| {
                it.facts.number.as_mut().unwrap().at = at(989);
                it.facts.fresh_since = at(1000);
            }),
            "read Number(Recent)",
        ),
        (
            "it is not that old, and too old",
            absent(Some(969), |it| {
                it.facts.number.as_mut().unwrap().at = at(998)
            }),
            "read Number(Fresh)",
        ),
        (
            "a write of ours may still take effect",
            absent(Some(900), |it| it.evidence.unknown_write = Some(at(941))),
            "Unchanged",
        ),
        (
            "it took effect or never will",
            absent(Some(900), |it| it.evidence.unknown_write = Some(at(940))),
            recreated,
        ),
        (
            "a write of an earlier leader may still take effect",
            absent(Some(900), |it| {
                it.memory.began_here = false;
                it.trusted_from = at(1001);
            }),
            "Unchanged",
        ),
        (
            "no other leader has known it",
            absent(Some(900), |it| it.trusted_from = at(1001)),
            recreated,
        ),
    ]);
    let rest = rested(&absent(Some(1000), |_| ()));
    let expected = Requeue::After(Duration::from_secs(30) + MARGIN);
    assert_eq!(rest.1, expected);
}

#[test]
fn what_recreates_a_config_is_noted_and_its_former_id_kept() {
    let recreated = after_record(absent(Some(900), |_| ()));
    assert_eq!(
        said(&recreated),
        "record Sent claim at 7, sent front, formerly c1"
    );
    assert_eq!(said(&after_record(recreated)), "create");
}
