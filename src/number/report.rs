//! What is reported of a PinDialinNumber, beside what holds for any kind. No I/O.

use kube::runtime::events::EventType::{Normal, Warning};

use super::plan::{Serving, Update};
use super::view::View;
use crate::crd::condition::Reason;
use crate::crd::{Account, PinDialinNumberStatus};
use crate::k8s::Note;
use crate::phone;
use crate::reconcile::plan::Change;
use crate::reconcile::report::note;

/// Something that was done for a PinDialinNumber and is published.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// The config was changed.
    Updated(Update),
}

/// What the status says of a number that answers.
pub(super) fn serving(status: &mut PinDialinNumberStatus, view: &View, serving: &Serving) {
    status.account = Some(Account {
        domain_name: serving.domain.name.clone(),
        domain_id: serving.domain.id.clone(),
    });
    status.config_id = Some(serving.id.clone());
    status.country = view.name_at_daily().as_deref().and_then(phone::country);
}

/// The event of a record that was replaced.
pub(super) fn recorded_event(view: &View, change: Change) -> Option<Note> {
    let number = view.name_at_daily().unwrap_or_default();
    Some(match change {
        Change::Created => note(
            Normal,
            "Created",
            "CreateConfig",
            format!("The dial-in config of {number} was created at Daily."),
        ),
        Change::Found => note(
            Normal,
            "Adopted",
            "Reconcile",
            format!(
                "The dial-in config of {number}, which was created for this PinDialinNumber before, is used again."
            ),
        ),
        Change::Recreated => note(
            Warning,
            Reason::Missing.as_str(),
            "CreateConfig",
            format!("The dial-in config of {number} is missing at Daily, and is recreated."),
        ),
        Change::Claimed
        | Change::Withdrawn
        | Change::Renewed
        | Change::EndMoved(_)
        | Change::Sent
        | Change::TakenOver => return None,
    })
}

/// The event of what only a PinDialinNumber does.
pub(super) fn applied_event(view: &View, applied: &Applied) -> Note {
    let number = view.name_at_daily().unwrap_or_default();
    let Applied::Updated(update) = applied;
    let (reason, text) = match update.drift {
        true => (
            "DriftCorrected",
            format!("The dial-in config of {number} was changed at Daily, and is corrected."),
        ),
        false => (
            "Updated",
            format!("The dial-in config of {number} was updated at Daily."),
        ),
    };
    note(Normal, reason, "UpdateConfig", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::condition::{is_true, kind, status_of};
    use crate::daily::types::{DialinConfigBody, Domain};
    use crate::number::Number as Kind;
    use crate::number::plan::tests::view;
    use crate::reconcile::plan::{self as generic, Release};
    use crate::reconcile::problem::{Problem, ResolvedBy};
    use crate::reconcile::report::{self as generic_report, events, status};

    type Outcome = generic::Outcome<Kind>;
    type AnyApplied = generic_report::Applied<Kind>;

    fn domain() -> Domain {
        Domain {
            name: "team".into(),
            id: "d1".into(),
        }
    }

    fn served() -> Outcome {
        let serving = Serving {
            domain: domain(),
            id: "c1".into(),
        };
        Outcome::Serving(Box::new(serving), None)
    }

    fn problem(reason: Reason, resolved_by: ResolvedBy) -> Problem {
        Problem::new(reason, resolved_by, "no")
    }

    fn failing(reason: Reason, resolved_by: ResolvedBy) -> Outcome {
        Outcome::Failing(problem(reason, resolved_by))
    }

    fn ready() -> View {
        let mut view = view();
        view.status = status(&view, &served());
        view
    }

    fn reasons(events: &[Note]) -> Vec<&'static str> {
        events.iter().map(|it| it.reason).collect()
    }

    #[test]
    fn a_number_that_answers_shows_where_it_is() {
        let status = ready().status;
        assert!(is_true(&status.conditions, kind::READY));
        assert_eq!(status.config_id.as_deref(), Some("c1"));
        assert_eq!(status.country.as_deref(), Some("US"));
        assert_eq!(status.account.unwrap().domain_id, "d1");
        assert_eq!(status.observed_generation, Some(1));
    }

    #[test]
    fn what_stays_the_same_is_the_same_status() {
        let mut view = ready();
        view.now.wall += 1000;
        let elsewhere = problem(Reason::OtherInstallation, ResolvedBy::User);
        for outcome in [
            served(),
            Outcome::Unchanged,
            Outcome::OwnedElsewhere(elsewhere),
        ] {
            assert_eq!(status(&view, &outcome), view.status, "{outcome:?}");
        }
    }

    #[test]
    fn a_record_that_goes_with_the_status_is_in_it() {
        let mut view = ready();
        let record = view.new_record("+12025550123", &domain());
        view.recorded = record.clone().into();
        for outcome in [served(), Outcome::Unchanged] {
            let written = status(&view, &outcome).record;
            assert_eq!(written, Some(record.text()), "{outcome:?}");
        }
    }

    #[test]
    fn a_forced_pass_is_echoed_once_it_has_come_to_an_end() {
        let mut view = ready();
        view.meta.requested = Some("now".into());
        let echo = |view: &View, outcome| status(view, &outcome).last_handled_reconcile_at;
        assert_eq!(echo(&view, served()), None, "it was not forced yet");
        view.forced = true;
        assert_eq!(echo(&view, served()).as_deref(), Some("now"));
        let retry = failing(Reason::DailyUnavailable, ResolvedBy::Retry);
        assert_eq!(echo(&view, retry), None);
    }

    #[test]
    fn a_number_that_is_recreated_is_not_ready_whatever_the_problem() {
        let mut view = ready();
        let ready_in = |view: &View| {
            let rejected = failing(Reason::RejectedByDaily, ResolvedBy::User);
            let status = status(view, &rejected);
            status_of(&status.conditions, kind::READY).map(str::to_owned)
        };
        assert_eq!(ready_in(&view).as_deref(), Some("True"));
        view.recorded = view.new_record("+12025550123", &domain()).into();
        assert_eq!(ready_in(&view).as_deref(), Some("False"));
    }

    #[test]
    fn what_was_done_is_published_and_the_rest_is_silent() {
        let updated = |drift| {
            AnyApplied::Of(Applied::Updated(Update {
                id: "c1".into(),
                request: view().spec.unwrap().update(&DialinConfigBody::default()),
                drift,
            }))
        };
        let recorded = AnyApplied::Recorded;
        let released = AnyApplied::Released;
        let table = [
            (recorded(Change::Created), "Created", Normal),
            (recorded(Change::Found), "Adopted", Normal),
            (recorded(Change::Recreated), "Missing", Warning),
            (recorded(Change::TakenOver), "TakenOver", Normal),
            (updated(false), "Updated", Normal),
            (updated(true), "DriftCorrected", Normal),
            (released(Release::Deleted), "Deleted", Normal),
            (released(Release::Retained), "Orphaned", Normal),
            (
                released(Release::Orphaned("so".into())),
                "Orphaned",
                Warning,
            ),
        ];
        let view = ready();
        for (applied, reason, type_) in table {
            let published = events(&view, &view.status, std::slice::from_ref(&applied));
            assert_eq!(reasons(&published), [reason], "{applied:?}");
            assert_eq!(published[0].type_, type_, "{applied:?}");
        }
        let silent = [
            recorded(Change::Claimed),
            recorded(Change::Sent),
            recorded(Change::Withdrawn),
            released(Release::Clean),
        ];
        assert!(events(&view, &view.status, &silent).is_empty());
    }

    #[test]
    fn a_problem_is_published_once() {
        let view = ready();
        let in_use = problem(Reason::NumberInUse, ResolvedBy::User).unserved();
        let in_use = status(&view, &Outcome::Failing(in_use));
        assert_eq!(reasons(&events(&view, &in_use, &[])), ["NumberInUse"]);
        let again = View {
            status: in_use.clone(),
            ..view
        };
        assert!(events(&again, &in_use, &[]).is_empty());
    }
}
