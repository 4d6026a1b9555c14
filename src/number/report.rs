//! What is reported of a PinDialinNumber, beside what is the same for any kind. No I/O.

use std::convert::Infallible;

use super::Number;
use super::plan::steps::Serving;
use super::view::View;
use crate::crd::{Account, PinDialinNumberStatus};
use crate::k8s::Note;
use crate::phone;
use crate::reconcile::lifecycle::Report;
use crate::reconcile::steps::Outcome;

impl Report for Number {
    fn ready_message(_: &Serving) -> String {
        "The number answers and takes PINs.".to_owned()
    }

    fn set_status(status: &mut PinDialinNumberStatus, view: &View, outcome: &Outcome<Self>) {
        status.attached_rooms = view.facts.attached_rooms.or(status.attached_rooms);
        let Outcome::Serving(serving, _) = outcome else {
            return;
        };
        status.account = Some(Account {
            domain_name: serving.domain.name.clone(),
            domain_id: serving.domain.id.clone(),
        });
        status.config_id = Some(serving.id.clone());
        status.country = view.name_at_daily().as_deref().and_then(phone::country);
    }

    fn applied_event(_: &View, applied: &Infallible) -> Option<Note> {
        match *applied {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::condition::Reason;
    use crate::crd::condition::{is_true, kind, status_of};
    use crate::daily::types::Domain;
    use crate::number::plan::tests::view;
    use crate::reconcile::problem::{Problem, ResolvedBy};
    use crate::reconcile::report::{self as generic, events, status};
    use crate::reconcile::steps::{Change, Outcome as AnyOutcome, Release};
    use kube::runtime::events::EventType::{Normal, Warning};

    type Outcome = AnyOutcome<Number>;
    type Applied = generic::Applied<Number>;

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
    fn the_last_count_of_rooms_is_shown_whatever_the_outcome() {
        let mut view = ready();
        assert_eq!(view.status.attached_rooms, None, "not counted yet");
        view.facts.attached_rooms = Some(3);
        for outcome in [served(), Outcome::Unchanged] {
            view.status = status(&view, &outcome);
            assert_eq!(view.status.attached_rooms, Some(3), "{outcome:?}");
        }
        view.facts.attached_rooms = None;
        let after_a_restart = status(&view, &served());
        assert_eq!(after_a_restart.attached_rooms, Some(3));
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
    fn a_requested_reconcile_is_acknowledged_when_it_has_ended() {
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
    fn a_number_that_is_being_recreated_is_not_ready_whatever_the_problem() {
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
    fn some_writes_are_published_and_the_others_are_not() {
        let updated = |drift| Applied::Updated {
            drift,
            properties: Vec::new(),
        };
        let recorded = Applied::Recorded;
        let released = Applied::Released;
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
