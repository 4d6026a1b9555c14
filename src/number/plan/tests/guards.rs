//! What has to hold before a number is looked at.

use super::*;
use crate::crd::condition::{is_true, kind};

#[test]
fn nothing_is_written_for_what_cannot_be_acted_on() {
    check(vec![
        (
            "no key yet",
            with(view(), |it| it.access = None),
            "read Access",
        ),
        (
            "key missing",
            with(view(), |it| it.access = no_key()),
            "failing ApiKeyNotFound",
        ),
        (
            "spec does not parse",
            with(view(), |it| it.spec = Err(InvalidSpec("no".into()))),
            "failing InvalidSpec",
        ),
        (
            "record cannot be read",
            with(view(), |it| it.recorded = Recorded::Unreadable),
            "failing InvalidSpec",
        ),
        (
            "another domain",
            with(kept(), |it| it.access = other_domain()),
            "failing AccountChanged",
        ),
        (
            "another domain was reported",
            with(free(), |it| {
                it.access = other_domain();
                it.status.account = Some(Account {
                    domain_name: "team".into(),
                    domain_id: "d1".into(),
                });
            }),
            "failing AccountChanged",
        ),
        (
            "another installation",
            with(kept(), |it| it.own.installation_id = "i2".into()),
            "owned elsewhere OtherInstallation",
        ),
        (
            "another number is recorded",
            with(kept(), |it| it.names = Some("+1".into())),
            "failing InvalidSpec",
        ),
    ]);
    let changed = message(&with(kept(), |it| it.access = other_domain()));
    assert!(
        changed.contains("team") && changed.contains("others"),
        "{changed}"
    );
}

#[test]
fn nothing_is_written_for_a_suspended_number_until_it_is_deleted() {
    let suspended = |view: View| with(view, |it| it.suspended = true);
    check(vec![
        ("new", suspended(view()), "Suspended"),
        ("claimed", suspended(claimed()), "Suspended"),
        ("kept", suspended(kept()), "Suspended"),
        (
            "forced",
            with(suspended(kept()), |it| it.forced = true),
            "Suspended",
        ),
        (
            "another installation",
            with(suspended(kept()), |it| it.own.installation_id = "i2".into()),
            "owned elsewhere OtherInstallation",
        ),
        (
            "deleted",
            with(suspended(kept()), |it| it.meta.deleting = Some(4000)),
            "read Publishers",
        ),
    ]);
}

#[test]
fn another_installations_object_is_left_as_it_is_until_it_is_taken_over() {
    let elsewhere = |view: View| with(view, |it| it.own.installation_id = "i2".into());
    let taken_over = |view: View| {
        with(elsewhere(view), |it| {
            it.own.takes_over = vec!["i0".into(), "i1".into()];
        })
    };
    let former = || restored(|_| ());
    let broken = |it: &mut View| it.spec = Err(InvalidSpec("no".into()));
    check(vec![
        (
            "claimed",
            elsewhere(claimed()),
            "owned elsewhere OtherInstallation",
        ),
        (
            "its spec does not parse",
            with(elsewhere(kept()), broken),
            "owned elsewhere OtherInstallation",
        ),
        (
            "there is no key",
            with(elsewhere(kept()), |it| it.access = None),
            "owned elsewhere OtherInstallation",
        ),
        (
            "restored within the cluster",
            elsewhere(former()),
            "owned elsewhere OtherInstallation",
        ),
        (
            "restored in another cluster",
            with(elsewhere(former()), |it| it.own.cluster_id = "new".into()),
            "failing NumberInUse",
        ),
        ("taken over", taken_over(kept()), "record TakenOver c1"),
        (
            "restored, and taken over",
            taken_over(former()),
            "record TakenOver c1",
        ),
        (
            "without our finalizer, and taken over",
            with(taken_over(kept()), |it| it.meta.has_finalizer = false),
            "add finalizer",
        ),
        (
            "others are taken over",
            with(elsewhere(kept()), |it| {
                it.own.takes_over = vec!["i0".into()]
            }),
            "owned elsewhere OtherInstallation",
        ),
    ]);
    let owned = elsewhere(kept());
    let rest = rested(&owned);
    assert_eq!(rest.1, Requeue::After(Duration::from_secs(60)));
    assert_eq!(status(&owned, &rest.0), owned.status);
    let message = message(&owned);
    let advice = "--take-over-installation-ids=i1";
    assert!(
        message.contains("i2") && message.contains(advice),
        "{message}"
    );
    let expected = Record {
        installation_id: "i2".into(),
        ..record(None, Some("c1"))
    };
    assert_eq!(written(&taken_over(kept())), expected);
    assert_eq!(said(&after_record(taken_over(kept()))), "serving");
}

#[test]
fn problems_say_who_has_to_act_and_whether_the_number_answers() {
    let resolved = |view: &View| match rested(view).0 {
        Outcome::Failing(problem) => (problem.resolved_by, problem.served),
        other => panic!("{other:?}"),
    };
    let key = |view: View, reason| with(view, |it| it.access = key_problem(reason));
    let held = with(free(), |it| it.rival = rival(None));
    let table = [
        (key(view(), Reason::Unauthorized), (ResolvedBy::User, true)),
        // A key may still come, as long as nothing is made with one.
        (
            key(view(), Reason::ApiKeyNotFound),
            (ResolvedBy::Waiting, true),
        ),
        (
            key(claimed(), Reason::ApiKeyNotFound),
            (ResolvedBy::Waiting, true),
        ),
        (
            key(kept(), Reason::ApiKeyNotFound),
            (ResolvedBy::User, true),
        ),
        (
            key(kept(), Reason::ApiKeyNotAllowed),
            (ResolvedBy::User, true),
        ),
        (held, (ResolvedBy::User, false)),
    ];
    for (view, expected) in table {
        assert_eq!(resolved(&view), expected, "{:?}", plan(&view));
    }
}

#[test]
fn a_key_that_is_taken_away_stalls_a_number_that_still_answers() {
    let shown = |view: View| {
        let view = with(view, |it| it.access = no_key());
        let status = status(&view, &rested(&view).0);
        let is = |type_| is_true(&status.conditions, type_);
        (is(kind::READY), is(kind::STALLED), is(kind::RECONCILING))
    };
    assert_eq!(shown(kept()), (true, true, false));
    assert_eq!(shown(claimed()), (false, false, true));
}

#[test]
fn a_key_is_looked_for_half_as_often_each_time() {
    let table = [(0, 5), (1, 5), (2, 10), (3, 20), (4, 30), (99, 30)];
    for (problems, seconds) in table {
        let mut view = with(kept(), |it| {
            it.access = no_key();
            it.memory.key_problems = problems;
        });
        let expected = Requeue::After(Duration::from_secs(seconds));
        assert_eq!(rested(&view).1, expected, "{problems}");
        view.access = other_domain();
        assert_eq!(rested(&view).1, expected, "{problems}, other domain");
        view.meta.deleting = Some(4000);
        view.facts.publishers = Some(0);
        assert_eq!(rested(&view).1, expected, "{problems}, deleting");
    }
}
