//! Another writer undoes what the operator puts back.

use super::keep::updates;
use super::*;

fn corrected(view: View, properties: &[&str], times: usize) -> View {
    let properties: Vec<String> = properties.iter().map(|it| (*it).to_owned()).collect();
    view.with(|it| {
        for _ in 0..times {
            it.memory.corrections.add(&properties, it.now.moment);
        }
    })
}

fn differs(change: impl FnOnce(&mut Room)) -> View {
    serving().sees(Source::List, change)
}

/// The problem with which callers are served.
fn problem(view: &View) -> Problem {
    match plan(view) {
        Plan::Rest(Outcome::Serving(_, Some(problem)), _) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_put_back_three_times_in_an_hour_stays_and_callers_are_served() {
    let private = |it: &mut Room| it.privacy = "private".into();
    updates(
        &corrected(differs(private), &["privacy"], 2),
        Some("public"),
        json!({}),
    );
    let view = corrected(differs(private), &["privacy"], 3);
    let problem = problem(&view);
    assert_eq!(
        (problem.reason, problem.resolved_by),
        (Reason::Contended, ResolvedBy::User)
    );
    assert!(problem.message.contains("privacy"), "{}", problem.message);
    // The operator tries again after an hour.
    let hour = Duration::from_secs(3600);
    let later = view
        .clone()
        .with(|it| it.now.moment = it.now.moment.after(hour));
    let later = later.with(|it| {
        let observed = it.evidence.observed.as_mut().unwrap();
        observed.at = it.now.moment;
        it.evidence.named = Some(it.now.moment);
    });
    updates(&later, Some("public"), json!({}));
    // A user lets it try again at once.
    let requested = view
        .clone()
        .with(|it| it.meta.requested = Some("now".into()));
    let edited = view.with(|it| it.meta.generation = 2);
    for mut view in [requested, edited] {
        view.grant_request();
        assert!(!view.is_contended("privacy"));
    }
}

#[test]
fn other_properties_are_still_put_back() {
    let view = differs(|it| {
        it.privacy = "private".into();
        it.config.exp = None;
    });
    let view = corrected(view, &["privacy"], 3);
    updates(&view, None, json!({"exp": END}));
}

#[test]
fn without_dialin_nobody_is_served() {
    let view = serving().sees(Source::Get, |it| it.config.dialin = None);
    let view = corrected(view.read_by_name(), &["dialin"], 3);
    let Plan::Rest(Outcome::Failing(problem), _) = plan(&view) else {
        panic!("{:?}", plan(&view));
    };
    assert_eq!((problem.reason, problem.served), (Reason::Contended, false));
}

/// Daily rejects the update that would enable it again.
#[test]
fn a_rejection_leaves_callers_served_only_if_they_have_dialin() {
    let rejected = |view: View| {
        let view = view.read_by_name();
        let Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) = plan(&view) else {
            panic!("{:?}", plan(&view));
        };
        let what = update.fingerprint.as_str();
        let rejection = Rejection::after(None, what, "no card".into(), moment());
        let view = view.with(|it| it.memory.rejection = Some(rejection));
        plan(&view)
    };
    let private = rejected(differs(|it| it.privacy = "private".into()));
    assert!(matches!(
        private,
        Plan::Rest(Outcome::Serving(_, Some(_)), _)
    ));
    let silent = serving().sees(Source::Get, |it| it.config.dialin = None);
    let Plan::Rest(Outcome::Failing(problem), requeue) = rejected(silent) else {
        panic!("nobody can call");
    };
    assert_eq!(
        (problem.reason, problem.served, requeue),
        (Reason::RejectedByDaily, false, Requeue::Polling(USER_RETRY))
    );
}

#[test]
fn our_own_late_writes_and_edits_are_not_counted() {
    let counts = |view: &View| match plan(view) {
        Plan::Act(AnyStep::Of(Step::UpdateRoom(update))) => update.counts,
        other => panic!("{other:?}"),
    };
    let private = differs(|it| it.privacy = "private".into());
    assert!(counts(&private));
    let late = |it: &mut View| {
        it.evidence.unknown_write = Some(ago(90));
    };
    assert!(!counts(&private.clone().with(late)));
    assert!(!counts(&private.with(|it| it.meta.generation = 2)));
}
