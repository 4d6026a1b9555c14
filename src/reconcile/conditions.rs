//! The conditions of an object. No I/O.
//!
//! They follow kstatus, so that kubectl, Flux, Helm and Argo CD read them correctly. Ready is True when
//! callers can reach the room with the number and PIN in the Secret, or when the number answers. Its
//! observedGeneration is the generation for which that is true.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use super::problem::{Problem, ResolvedBy};
use crate::crd::condition::{Reason, kind};

/// In characters: enough for a chain of causes, and `kubectl describe` stays readable.
const MAX_MESSAGE: usize = 1000;

/// The state of an object that its conditions show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health<'a> {
    /// Reconciliation has begun.
    Progressing,
    /// Callers are served. With a problem, something else waits or needs the user.
    Serving(&'a str, Option<&'a Problem>),
    /// The object does not match its spec.
    Failing(&'a Problem),
    /// The room has ended, with the message of Expired.
    Expired(&'a str),
    /// Nothing is written for it, so nothing that callers reach has changed.
    Suspended,
    /// The deletion cannot finish yet.
    Deleting(&'a Problem),
}

/// The conditions of an object. Unchanged ones keep their transition time.
pub fn conditions(
    old: &[Condition],
    generation: i64,
    now: i64,
    health: Health<'_>,
) -> Vec<Condition> {
    let new = Builder {
        old,
        generation,
        now,
    };
    let before = old.iter().find(|it| it.type_ == kind::READY);
    let was_ready = before.filter(|it| it.status == "True");
    match health {
        Health::Progressing => {
            let message = "Reconciliation in progress";
            vec![
                before.cloned().unwrap_or_else(|| {
                    new.condition(kind::READY, "Unknown", Reason::Progressing, message)
                }),
                new.condition(kind::RECONCILING, "True", Reason::Progressing, message),
            ]
        }
        Health::Serving(message, problem) => new.serving(message, was_ready, problem),
        Health::Failing(problem) => {
            let ready = match (was_ready, before, problem.resolved_by) {
                (Some(ready), _, _) if problem.served => ready.clone(),
                (None, Some(before), ResolvedBy::Retry) if before.status == "False" => {
                    before.clone()
                }
                (None, _, ResolvedBy::Retry) => new.of_problem(kind::READY, "Unknown", problem),
                _ => new.of_problem(kind::READY, "False", problem),
            };
            vec![ready, new.stalled_or_reconciling(problem)]
        }
        Health::Expired(message) => {
            vec![new.condition(kind::EXPIRED, "True", Reason::Expired, message)]
        }
        Health::Suspended => {
            let stays = |it: &&Condition| [kind::READY, kind::EXPIRED].contains(&it.type_.as_str());
            old.iter().filter(stays).cloned().collect()
        }
        Health::Deleting(problem) => before
            .cloned()
            .into_iter()
            .chain([new.stalled_or_reconciling(problem)])
            .collect(),
    }
}

/// The condition of a suspended object, beside those of its health.
pub fn suspended(old: &[Condition], generation: i64, now: i64, why: (Reason, &str)) -> Condition {
    let new = Builder {
        old,
        generation,
        now,
    };
    let (reason, message) = why;
    new.condition(kind::SUSPENDED, "True", reason, message)
}

struct Builder<'a> {
    old: &'a [Condition],
    generation: i64,
    now: i64,
}

impl Builder<'_> {
    /// Ready says what holds now, for the generation that it is true for.
    fn serving(
        &self,
        message: &str,
        was_ready: Option<&Condition>,
        problem: Option<&Problem>,
    ) -> Vec<Condition> {
        let available = self.condition(kind::READY, "True", Reason::Available, message);
        let Some(problem) = problem else {
            return vec![available];
        };
        let generation = was_ready.unwrap_or(&available).observed_generation;
        let ready = Condition {
            observed_generation: generation,
            ..available
        };
        vec![ready, self.stalled_or_reconciling(problem)]
    }

    fn stalled_or_reconciling(&self, problem: &Problem) -> Condition {
        let type_ = match problem.resolved_by {
            ResolvedBy::User => kind::STALLED,
            ResolvedBy::Waiting | ResolvedBy::Retry => kind::RECONCILING,
        };
        self.of_problem(type_, "True", problem)
    }

    fn of_problem(&self, type_: &str, status: &str, problem: &Problem) -> Condition {
        self.condition(type_, status, problem.reason, &problem.message)
    }

    fn condition(&self, type_: &str, status: &str, reason: Reason, message: &str) -> Condition {
        let old = self.old.iter().find(|it| it.type_ == type_);
        let unchanged = old.filter(|it| it.status == status);
        let now = Timestamp::from_second(self.now).unwrap_or_default();
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message: message.chars().take(MAX_MESSAGE).collect(),
            observed_generation: Some(self.generation),
            last_transition_time: unchanged.map_or(Time(now), |it| it.last_transition_time.clone()),
        }
    }
}

pub fn problem_reason(conditions: &[Condition]) -> Option<&str> {
    let problem = conditions.iter().find(|it| is_problem(it));
    problem.map(|it| it.reason.as_str())
}

fn is_problem(condition: &Condition) -> bool {
    condition.status == "True"
        && (condition.type_ == kind::STALLED || condition.type_ == kind::RECONCILING)
        && condition.reason != Reason::Progressing.as_str()
}

/// The problem in these conditions that no event was published for yet. If a user has to act, another message is
/// another cause; what is retried may have another message each time.
pub fn new_problem<'a>(old: &[Condition], new: &'a [Condition]) -> Option<&'a Condition> {
    let is_new = |condition: &&Condition| {
        let published = old.iter().any(|it| {
            it.type_ == condition.type_
                && it.status == condition.status
                && it.reason == condition.reason
                && (it.type_ != kind::STALLED || it.message == condition.message)
        });
        is_problem(condition) && !published
    };
    new.iter().find(is_new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(resolved_by: ResolvedBy, served: bool) -> Problem {
        Problem {
            reason: Reason::Unauthorized,
            message: "no".into(),
            resolved_by,
            served,
        }
    }

    fn shown(conditions: &[Condition]) -> Vec<String> {
        let line = |it: &Condition| format!("{}={}/{}", it.type_, it.status, it.reason);
        conditions.iter().map(line).collect()
    }

    fn ready() -> Vec<Condition> {
        conditions(&[], 1, 5, Health::Serving("served", None))
    }

    #[test]
    fn each_health_has_its_conditions() {
        let check = |old: &[Condition], health, expected: &[&str]| {
            assert_eq!(
                shown(&conditions(old, 2, 9, health)),
                expected,
                "{health:?}"
            );
        };
        let first = conditions(&[], 1, 5, Health::Progressing);
        check(
            &[],
            Health::Progressing,
            &["Ready=Unknown/Progressing", "Reconciling=True/Progressing"],
        );
        check(
            &first,
            Health::Serving("served", None),
            &["Ready=True/Available"],
        );
        check(&ready(), Health::Expired("over"), &["Expired=True/Expired"]);
        let (person, time, retry) = (
            problem(ResolvedBy::User, true),
            problem(ResolvedBy::Waiting, true),
            problem(ResolvedBy::Retry, true),
        );
        check(
            &first,
            Health::Failing(&person),
            &["Ready=False/Unauthorized", "Stalled=True/Unauthorized"],
        );
        check(
            &first,
            Health::Failing(&time),
            &["Ready=False/Unauthorized", "Reconciling=True/Unauthorized"],
        );
        check(
            &first,
            Health::Failing(&retry),
            &[
                "Ready=Unknown/Unauthorized",
                "Reconciling=True/Unauthorized",
            ],
        );
        for needs in [&person, &retry, &time] {
            let kept = conditions(&ready(), 2, 9, Health::Failing(needs));
            assert_eq!(kept.first(), ready().first(), "callers are still served");
        }
        let unserved = problem(ResolvedBy::User, false);
        check(
            &ready(),
            Health::Failing(&unserved),
            &["Ready=False/Unauthorized", "Stalled=True/Unauthorized"],
        );
        check(
            &ready(),
            Health::Deleting(&person),
            &["Ready=True/Available", "Stalled=True/Unauthorized"],
        );
    }

    #[test]
    fn a_transition_has_its_time_and_what_stays_the_same_keeps_it() {
        let before = ready();
        let after = conditions(&before, 2, 9, Health::Serving("served", None));
        assert_eq!(
            after[0].last_transition_time,
            before[0].last_transition_time
        );
        assert_eq!(after[0].observed_generation, Some(2));
    }

    #[test]
    fn ready_says_what_holds_now_for_the_generation_that_it_is_true_for() {
        let waits = problem(ResolvedBy::Waiting, true);
        let after = conditions(
            &ready(),
            2,
            9,
            Health::Serving("on another number", Some(&waits)),
        );
        assert_eq!(after[0].message, "on another number");
        assert_eq!(after[0].observed_generation, Some(1));
        assert_eq!(
            after[0].last_transition_time,
            ready()[0].last_transition_time
        );
        assert_eq!(after[1].observed_generation, Some(2));
    }

    #[test]
    fn a_problem_is_new_once() {
        let person = problem(ResolvedBy::User, true);
        let stalled = conditions(&ready(), 1, 5, Health::Failing(&person));
        assert_eq!(
            new_problem(&ready(), &stalled).unwrap().reason,
            "Unauthorized"
        );
        assert_eq!(new_problem(&stalled, &stalled), None);
        let another = |resolved_by| Problem {
            message: "another cause".into(),
            ..problem(resolved_by, true)
        };
        let user = another(ResolvedBy::User);
        let changed = conditions(&stalled, 1, 9, Health::Failing(&user));
        let published = new_problem(&stalled, &changed);
        assert_eq!(published.unwrap().message, "another cause");
        let retried = problem(ResolvedBy::Retry, true);
        let retried = conditions(&ready(), 1, 5, Health::Failing(&retried));
        let again = another(ResolvedBy::Retry);
        let again = conditions(&retried, 1, 9, Health::Failing(&again));
        assert_eq!(new_problem(&retried, &again), None);
        let first = conditions(&[], 1, 5, Health::Progressing);
        assert_eq!(new_problem(&[], &first), None);
    }
}
