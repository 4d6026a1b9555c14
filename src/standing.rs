//! How an object stands, and the conditions that say so. No I/O.
//!
//! The conditions are chosen so that kubectl, kstatus, Helm and Argo CD all read them right. Ready
//! answers one question: do the number and PIN in the Secret reach this room (or: does the number
//! answer). Its own observedGeneration is the generation that it is true for.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use crate::crd::condition::{Reason, kind};

/// The API server takes no longer message, and nobody reads one.
const LONGEST_MESSAGE: usize = 1000;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The word.
    pub reason: Reason,
    /// The sentence: what is wrong and what to do.
    pub message: String,
    /// What it needs to go away.
    pub needs: Needs,
    /// Whether callers who were served still are.
    pub served: bool,
}

/// What a trouble needs to go away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Something that may still come by itself.
    Time,
    /// A person.
    Person,
    /// Another try.
    Retry,
}

/// When to look again at an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// After so long.
    In(Duration),
    /// At the next drift pass, or at this unix time if that is earlier.
    Drift(Option<i64>),
    /// Never: the object is gone, or not ours.
    Never,
}

/// How an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// First sight: it is worked on.
    Progressing,
    /// It serves callers; with trouble, something else needs a person or time.
    Serving(Option<&'a Trouble>),
    /// It does not do what is asked for.
    Failing(&'a Trouble),
    /// It ended as planned.
    Expired,
    /// It is being deleted, and this is what it waits for.
    Deleting(&'a Trouble),
}

/// The conditions of an object that stands so.
#[must_use]
pub fn conditions(
    old: &[Condition],
    generation: i64,
    now: i64,
    standing: Standing<'_>,
) -> Vec<Condition> {
    let made = Making {
        old,
        generation,
        now,
    };
    let before = old.iter().find(|it| it.type_ == kind::READY);
    let was_ready = before.filter(|it| it.status == "True");
    match standing {
        Standing::Progressing => {
            let message = "the operator has begun to work on it";
            vec![
                before.cloned().unwrap_or_else(|| {
                    made.condition(kind::READY, "Unknown", Reason::Progressing, message)
                }),
                made.condition(kind::RECONCILING, "True", Reason::Progressing, message),
            ]
        }
        Standing::Serving(None) => vec![made.available()],
        Standing::Serving(Some(trouble)) => vec![
            was_ready.cloned().unwrap_or_else(|| made.available()),
            made.attention(trouble),
        ],
        Standing::Failing(trouble) => {
            let ready = match (was_ready, before, trouble.needs) {
                (Some(ready), _, _) if trouble.served => ready.clone(),
                (None, Some(before), Needs::Retry) if before.status == "False" => before.clone(),
                (None, _, Needs::Retry) => made.troubled(kind::READY, "Unknown", trouble),
                _ => made.troubled(kind::READY, "False", trouble),
            };
            vec![ready, made.attention(trouble)]
        }
        Standing::Expired => {
            let message = "the room has ended as planned";
            vec![made.condition(kind::EXPIRED, "True", Reason::Expired, message)]
        }
        Standing::Deleting(trouble) => before
            .cloned()
            .into_iter()
            .chain([made.attention(trouble)])
            .collect(),
    }
}

struct Making<'a> {
    old: &'a [Condition],
    generation: i64,
    now: i64,
}

impl Making<'_> {
    fn available(&self) -> Condition {
        self.condition(kind::READY, "True", Reason::Available, "callers are served")
    }

    fn attention(&self, trouble: &Trouble) -> Condition {
        let type_ = match trouble.needs {
            Needs::Person => kind::STALLED,
            Needs::Time | Needs::Retry => kind::RECONCILING,
        };
        self.troubled(type_, "True", trouble)
    }

    fn troubled(&self, type_: &str, status: &str, trouble: &Trouble) -> Condition {
        self.condition(type_, status, trouble.reason, &trouble.message)
    }

    fn condition(&self, type_: &str, status: &str, reason: Reason, message: &str) -> Condition {
        let old = self.old.iter().find(|it| it.type_ == type_);
        let unchanged = old.filter(|it| it.status == status);
        let now = Timestamp::from_second(self.now).unwrap_or_default();
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message: message.chars().take(LONGEST_MESSAGE).collect(),
            observed_generation: Some(self.generation),
            last_transition_time: unchanged.map_or(Time(now), |it| it.last_transition_time.clone()),
        }
    }
}

/// The reason of the trouble in these conditions, if there is one.
#[must_use]
pub fn attention(conditions: &[Condition]) -> Option<&str> {
    let trouble = conditions.iter().find(|it| is_trouble(it));
    trouble.map(|it| it.reason.as_str())
}

fn is_trouble(condition: &Condition) -> bool {
    condition.status == "True"
        && (condition.type_ == kind::STALLED || condition.type_ == kind::RECONCILING)
        && condition.reason != Reason::Progressing.as_str()
}

/// The troubles that are new in these conditions, to be told by an event: type and reason.
#[must_use]
pub fn news<'a>(old: &[Condition], new: &'a [Condition]) -> Option<&'a Condition> {
    let is_new = |condition: &&Condition| {
        let told = old.iter().any(|it| {
            it.type_ == condition.type_
                && it.status == condition.status
                && it.reason == condition.reason
        });
        is_trouble(condition) && !told
    };
    new.iter().find(is_new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(needs: Needs, served: bool) -> Trouble {
        Trouble {
            reason: Reason::Unauthorized,
            message: "no".into(),
            needs,
            served,
        }
    }

    fn shown(conditions: &[Condition]) -> Vec<String> {
        let line = |it: &Condition| format!("{}={}/{}", it.type_, it.status, it.reason);
        conditions.iter().map(line).collect()
    }

    fn ready() -> Vec<Condition> {
        conditions(&[], 1, 5, Standing::Serving(None))
    }

    #[test]
    fn each_standing_is_told_as_it_should_be() {
        let check = |old: &[Condition], standing, expected: &[&str]| {
            assert_eq!(
                shown(&conditions(old, 2, 9, standing)),
                expected,
                "{standing:?}"
            );
        };
        let first = conditions(&[], 1, 5, Standing::Progressing);
        check(
            &[],
            Standing::Progressing,
            &["Ready=Unknown/Progressing", "Reconciling=True/Progressing"],
        );
        check(&first, Standing::Serving(None), &["Ready=True/Available"]);
        check(&ready(), Standing::Expired, &["Expired=True/Expired"]);
        let (person, time, retry) = (
            trouble(Needs::Person, true),
            trouble(Needs::Time, true),
            trouble(Needs::Retry, true),
        );
        check(
            &first,
            Standing::Failing(&person),
            &["Ready=False/Unauthorized", "Stalled=True/Unauthorized"],
        );
        check(
            &first,
            Standing::Failing(&time),
            &["Ready=False/Unauthorized", "Reconciling=True/Unauthorized"],
        );
        check(
            &first,
            Standing::Failing(&retry),
            &[
                "Ready=Unknown/Unauthorized",
                "Reconciling=True/Unauthorized",
            ],
        );
        for needs in [&person, &retry, &time] {
            let kept = conditions(&ready(), 2, 9, Standing::Failing(needs));
            assert_eq!(kept.first(), ready().first(), "callers are still served");
        }
        let unserved = trouble(Needs::Person, false);
        check(
            &ready(),
            Standing::Failing(&unserved),
            &["Ready=False/Unauthorized", "Stalled=True/Unauthorized"],
        );
        check(
            &ready(),
            Standing::Deleting(&person),
            &["Ready=True/Available", "Stalled=True/Unauthorized"],
        );
    }

    #[test]
    fn a_transition_has_its_time_and_what_stays_keeps_it() {
        let before = ready();
        let after = conditions(&before, 2, 9, Standing::Serving(None));
        assert_eq!(
            after[0].last_transition_time,
            before[0].last_transition_time
        );
        assert_eq!(after[0].observed_generation, Some(2));
    }

    #[test]
    fn only_new_troubles_are_news() {
        let person = trouble(Needs::Person, true);
        let stalled = conditions(&ready(), 1, 5, Standing::Failing(&person));
        assert_eq!(news(&ready(), &stalled).unwrap().reason, "Unauthorized");
        assert_eq!(news(&stalled, &stalled), None);
        let first = conditions(&[], 1, 5, Standing::Progressing);
        assert_eq!(news(&[], &first), None);
    }
}
