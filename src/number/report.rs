//! What is reported of a PinDialinNumber: its status and its events. No I/O.

use kube::runtime::events::EventType;

use super::plan::{Change, Update, Verdict};
use super::view::View;
use crate::crd::condition::Reason;
use crate::crd::{Account, PinDialinNumberStatus};
use crate::kube::Note;
use crate::phone;
use crate::standing::{Needs, Standing, Trouble, conditions, news};

/// Something that was done in a pass and is to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// The record was replaced.
    Recorded(Change),
    /// The config was changed.
    Updated(Update),
    /// The object was let go: its config is gone.
    Deleted,
    /// The object was let go, and its config stays.
    Orphaned {
        /// Why.
        why: String,
        /// Whether that was asked for.
        asked: bool,
    },
}

/// The status of an object that stands so.
#[must_use]
pub fn status(view: &View, verdict: &Verdict) -> PinDialinNumberStatus {
    let mut status = view.status.clone();
    let unserved = unserved(view, verdict);
    let standing = match verdict {
        Verdict::Unchanged | Verdict::Done => return status,
        Verdict::Progressing => Standing::Progressing,
        Verdict::Serving(serving, trouble) => {
            status.account = Some(Account {
                domain_name: serving.domain.name.clone(),
                domain_id: serving.domain.id.clone(),
            });
            status.config_id = Some(serving.id.clone());
            status.country = view.number().and_then(phone::country);
            Standing::Serving(trouble.as_ref())
        }
        Verdict::Failing(trouble) => Standing::Failing(unserved.as_ref().unwrap_or(trouble)),
        Verdict::Deleting(trouble) => Standing::Deleting(trouble),
    };
    let settled = match verdict {
        Verdict::Failing(trouble) => trouble.needs != Needs::Retry,
        Verdict::Progressing => false,
        _ => true,
    };
    let generation = view.subject.generation;
    status.conditions = conditions(&view.status.conditions, generation, view.now.wall, standing);
    if settled || status.observed_generation.is_none() {
        status.observed_generation = Some(generation);
    }
    if settled && view.forced {
        status
            .last_handled_reconcile_at
            .clone_from(&view.subject.requested);
    }
    status
}

/// While the config is made anew the number does not answer, whatever the trouble says.
fn unserved(view: &View, verdict: &Verdict) -> Option<Trouble> {
    let binding = view.subject.binding()?;
    match verdict {
        Verdict::Failing(trouble) if binding.made.is_none() => Some(Trouble {
            served: false,
            ..trouble.clone()
        }),
        _ => None,
    }
}

/// What is told: each deed, and each trouble that is new.
#[must_use]
pub fn notes(view: &View, new: &PinDialinNumberStatus, deeds: &[Deed]) -> Vec<Note> {
    let mut notes: Vec<Note> = deeds.iter().filter_map(|deed| told(view, deed)).collect();
    if let Some(trouble) = news(&view.status.conditions, &new.conditions)
        && let Some(reason) = Reason::ALL.iter().find(|it| it.as_str() == trouble.reason)
    {
        notes.push(Note {
            type_: EventType::Warning,
            reason: reason.as_str(),
            action: "Reconcile",
            note: trouble.message.clone(),
        });
    }
    notes
}

fn told(view: &View, deed: &Deed) -> Option<Note> {
    let number = view.number().unwrap_or("the number");
    let (type_, reason, action, note) = match deed {
        Deed::Recorded(Change::Made) => (
            EventType::Normal,
            "Created",
            "CreateConfig",
            format!("the dial-in config of {number} was made at Daily"),
        ),
        Deed::Recorded(Change::Anew) => (
            EventType::Warning,
            Reason::Missing.as_str(),
            "CreateConfig",
            format!("the dial-in config of {number} has vanished at Daily, and is made anew"),
        ),
        Deed::Recorded(Change::Withdrawn | Change::Claimed) => return None,
        Deed::Updated(update) if update.drift => (
            EventType::Normal,
            "DriftCorrected",
            "UpdateConfig",
            format!("the dial-in config of {number} was changed at Daily, and is put right"),
        ),
        Deed::Updated(_) => (
            EventType::Normal,
            "Updated",
            "UpdateConfig",
            format!("the dial-in config of {number} was changed at Daily"),
        ),
        Deed::Deleted => (
            EventType::Normal,
            "Deleted",
            "DeleteConfig",
            format!("the dial-in config of {number} is gone at Daily"),
        ),
        Deed::Orphaned { why, asked: true } => {
            (EventType::Normal, "Orphaned", "DeleteConfig", why.clone())
        }
        Deed::Orphaned { why, asked: false } => {
            (EventType::Warning, "Orphaned", "DeleteConfig", why.clone())
        }
    };
    Some(Note {
        type_,
        reason,
        action,
        note,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::{Binding, Recorded};
    use crate::crd::condition::{is_true, kind, status_of};
    use crate::daily::types::{DialinConfigBody, Domain};
    use crate::number::plan::Serving;
    use crate::number::plan::tests::view;

    fn serving() -> Verdict {
        let domain = Domain {
            name: "team".into(),
            id: "d1".into(),
        };
        let id = "c1".into();
        Verdict::Serving(Serving { domain, id }, None)
    }

    fn failing(reason: Reason, needs: Needs, served: bool) -> Verdict {
        Verdict::Failing(Trouble {
            reason,
            message: "no".into(),
            needs,
            served,
        })
    }

    fn ready() -> View {
        let mut view = view();
        view.status = status(&view, &serving());
        view
    }

    fn reasons(notes: &[Note]) -> Vec<&'static str> {
        notes.iter().map(|it| it.reason).collect()
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
        assert_eq!(status(&view, &serving()), view.status);
        assert_eq!(status(&view, &Verdict::Unchanged), view.status);
    }

    #[test]
    fn a_forced_pass_is_echoed_once_it_has_come_to_an_end() {
        let mut view = ready();
        view.subject.requested = Some("now".into());
        let echo = |view: &View, verdict| status(view, &verdict).last_handled_reconcile_at;
        assert_eq!(echo(&view, serving()), None, "it was not forced yet");
        view.forced = true;
        assert_eq!(echo(&view, serving()).as_deref(), Some("now"));
        let retry = failing(Reason::DailyUnavailable, Needs::Retry, true);
        assert_eq!(echo(&view, retry), None);
    }

    #[test]
    fn a_number_that_is_made_anew_is_not_ready_whatever_the_trouble() {
        let trouble = || failing(Reason::RejectedByDaily, Needs::Person, true);
        let mut view = ready();
        let ready_in = |view: &View| {
            let status = status(view, &trouble());
            status_of(&status.conditions, kind::READY).map(str::to_owned)
        };
        assert_eq!(ready_in(&view).as_deref(), Some("True"));
        view.subject.recorded = Recorded::Binding(Box::new(Binding {
            uid: view.subject.uid.clone(),
            domain_id: "d1".into(),
            domain_name: "team".into(),
            name: "+12025550123".into(),
            installation_id: "i1".into(),
            claim: None,
            made: None,
            recreated: Vec::new(),
        }));
        assert_eq!(ready_in(&view).as_deref(), Some("False"));
    }

    #[test]
    fn deeds_and_new_troubles_are_told() {
        let update = |drift| {
            Deed::Updated(Update {
                id: "c1".into(),
                request: view().desired.unwrap().update(&DialinConfigBody::default()),
                drift,
            })
        };
        let orphaned = |asked| Deed::Orphaned {
            why: "so".into(),
            asked,
        };
        let table = [
            (Deed::Recorded(Change::Made), "Created", EventType::Normal),
            (Deed::Recorded(Change::Anew), "Missing", EventType::Warning),
            (update(false), "Updated", EventType::Normal),
            (update(true), "DriftCorrected", EventType::Normal),
            (Deed::Deleted, "Deleted", EventType::Normal),
            (orphaned(true), "Orphaned", EventType::Normal),
            (orphaned(false), "Orphaned", EventType::Warning),
        ];
        let view = ready();
        for (deed, reason, type_) in table {
            let told = notes(&view, &view.status, std::slice::from_ref(&deed));
            assert_eq!(reasons(&told), [reason], "{deed:?}");
            assert_eq!(told[0].type_, type_, "{deed:?}");
        }
        let silent = [
            Deed::Recorded(Change::Claimed),
            Deed::Recorded(Change::Withdrawn),
        ];
        assert!(notes(&view, &view.status, &silent).is_empty());
        let in_use = status(&view, &failing(Reason::NumberInUse, Needs::Person, false));
        assert_eq!(reasons(&notes(&view, &in_use, &[])), ["NumberInUse"]);
        let again = View {
            status: in_use.clone(),
            ..view
        };
        assert!(notes(&again, &in_use, &[]).is_empty());
    }
}
