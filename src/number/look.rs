//! Reading what a pass over a PinDialinNumber has to know. Reads only.

use std::time::Duration;

use super::Number;
use super::plan::{Age, LATELY, Look};
use super::view::NumberState;
use crate::clock::Moment;
use crate::daily::account::numbers_cache::Numbers;
use crate::reconcile::object::{Meta, Object};
use crate::reconcile::record::Record;
use crate::reconcile::{Failure, Pass, rivals};

impl Pass<Number> {
    pub(super) async fn look_at(&mut self, look: Look) -> Result<(), Failure> {
        match look {
            Look::Number(age) => self.look_number(age).await,
            Look::Rivals => self.look_rivals(),
            Look::Users => {
                let number = self.view.name_at_daily().unwrap_or_default();
                let domain = self.view.recorded_domain().unwrap_or_default();
                let users = (self.context.shared.publishers)(&number, domain);
                self.view.facts.users = Some(users);
                Ok(())
            }
        }
    }

    /// What is known of our own writes by now.
    pub(super) fn refresh_number(&mut self) {
        if let (Some(session), Some(number)) = (&self.session, self.view.name_at_daily()) {
            let owner = &self.view.meta.uid;
            let (unknown_write, create_attempts) = session.account.number_evidence(&number, owner);
            self.view.facts.unknown_write = unknown_write;
            self.view.facts.create_attempts = create_attempts;
        }
    }

    async fn look_number(&mut self, age: Age) -> Result<(), Failure> {
        let session = self.session()?;
        let now = self.view.now.moment;
        let before = |by: Duration| Moment(now.0.saturating_sub(by));
        let not_before = match age {
            Age::Drift => before(self.context.config.drift_interval),
            Age::Lately => before(LATELY),
            Age::Fresh => self.view.facts.began,
        };
        let answer = session.account.numbers(&session.key, not_before).await;
        let numbers = answer.map_err(|error| Failure::daily(&error))?;
        let Some(number) = self.view.name_at_daily() else {
            return Ok(());
        };
        let recorded = self.view.made_id();
        let state = state(&numbers, &number, recorded);
        let shown = recorded.is_none_or(|id| state.by_id(id).is_some());
        let first = &mut self.view.memory.kind.first_absent;
        if shown {
            *first = None;
        } else {
            first.get_or_insert(state.at);
        }
        self.view.facts.number = Some(state);
        self.refresh();
        Ok(())
    }

    fn look_rivals(&mut self) -> Result<(), Failure> {
        let number = self.view.name_at_daily().unwrap_or_default();
        let domain = self.session()?.account.domain().id.clone();
        let others = self.other_objects()?;
        let others = others.iter().map(|(it, record)| (&**it, record.clone()));
        let rival = rivals::first(&self.view, others, |object, meta, record| {
            claims(object, meta, record, &number, &domain)
        });
        self.view.facts.rival = Some(rival);
        Ok(())
    }
}

/// Whether another PinDialinNumber claims the number in this domain: by its record, also while it is
/// being deleted with a config of its own; without one by its spec.
fn claims(
    object: &Object<Number>,
    meta: &Meta,
    record: Option<&Record>,
    number: &str,
    domain: &str,
) -> bool {
    if let Some(record) = record {
        let goes = record.made.is_none() && meta.deleting.is_some();
        return record.domain_id == domain && record.name == number && !goes;
    }
    let account = object.status.account.as_ref();
    object.names.as_deref() == Some(number)
        && meta.deleting.is_none()
        && account.is_none_or(|it| it.domain_id == domain)
}

/// What the numbers of an account say of this one. The list is searched for exactly this number.
fn state(numbers: &Numbers, number: &str, recorded: Option<&str>) -> NumberState {
    let concerned = numbers.configs.iter().filter(|it| {
        it.config.phone_number.as_deref() == Some(number) || Some(it.id.as_str()) == recorded
    });
    NumberState {
        at: numbers.at,
        date: numbers.date,
        purchased: numbers.purchased.iter().any(|it| it.number == number),
        configs: concerned.cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::number::plan::tests::view;

    fn number(name: &str, created: &str, record: Option<Value>) -> Object<Number> {
        let record = record.map(|it| it.to_string());
        serde_json::from_value(json!({
            "apiVersion": "daily-operator.io/v1alpha1", "kind": "PinDialinNumber",
            "metadata": {"namespace": "team", "name": name, "uid": name, "resourceVersion": "1",
                "generation": 1, "creationTimestamp": created},
            "spec": {"phoneNumber": "+12025550123"},
            "status": {"record": record},
        }))
        .unwrap()
    }

    fn recorded(uid: &str, domain: &str, made: bool) -> Value {
        let made = made.then(|| json!({"id": format!("config-of-{uid}")}));
        json!({"uid": uid, "clusterId": "c", "domainId": domain, "domainName": "team",
            "name": "+12025550123", "installationId": "i", "made": made})
    }

    fn rival(other: &Object<Number>) -> Option<rivals::Rival> {
        let others = [(other, other.recorded.clone())].into_iter();
        rivals::first(&view(), others, |object, meta, record| {
            claims(object, meta, record, "+12025550123", "d1")
        })
    }

    #[test]
    fn one_object_holds_a_number() {
        // Ours was created in 1970, at second 100, and is called main-line.
        let (before, after) = ("1970-01-01T00:01:39Z", "1970-01-01T00:01:41Z");
        let same = "1970-01-01T00:01:40Z";
        let table = [
            ("younger", number("b", after, None), false),
            ("older", number("b", before, None), true),
            ("as old, later name", number("z", same, None), false),
            ("as old, earlier name", number("a", same, None), true),
            (
                "younger with config",
                number("b", after, Some(recorded("b", "d1", true))),
                true,
            ),
            (
                "younger with claim",
                number("b", after, Some(recorded("b", "d1", false))),
                false,
            ),
            (
                "other domain",
                number("b", before, Some(recorded("b", "d2", true))),
                false,
            ),
            (
                "record of another object",
                number("b", after, Some(recorded("x", "d1", true))),
                false,
            ),
        ];
        for (what, other, expected) in table {
            assert_eq!(rival(&other).is_some(), expected, "{what}");
        }
        let deleted = |mut other: Object<Number>| {
            let time = serde_json::from_value(json!(after)).unwrap();
            other.metadata.deletion_timestamp = Some(time);
            other
        };
        assert_eq!(rival(&deleted(number("b", before, None))), None);
        let holder = deleted(number("b", after, Some(recorded("b", "d1", true))));
        let holder = rival(&holder).unwrap();
        assert_eq!(
            (holder.namespace.as_str(), holder.name.as_str()),
            ("team", "b")
        );
        assert_eq!(holder.made.as_deref(), Some("config-of-b"));
        let from = |namespace| holder.seen_from(namespace, "PinDialinNumber");
        assert_eq!(from("team"), "The PinDialinNumber b");
        assert_eq!(from("other"), "A PinDialinNumber in another namespace");
    }

    #[test]
    fn only_exactly_the_number_counts() {
        let config = |id: &str, number: &str| {
            let config =
                json!({"id": id, "type": "pin_dialin", "config": {"phone_number": number}});
            serde_json::from_value(config).unwrap()
        };
        let numbers = Numbers {
            at: Moment(Duration::from_secs(10)),
            date: Some(5),
            purchased: Vec::new(),
            configs: vec![
                config("a", "+120255501234"),
                config("b", "+12025550123"),
                config("c", "+1"),
            ],
        };
        let state = state(&numbers, "+12025550123", Some("c"));
        let ids: Vec<_> = state.configs.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["b", "c"]);
        assert!(!state.purchased);
    }
}
