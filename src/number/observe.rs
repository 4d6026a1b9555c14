//! Reading what a PinDialinNumber needs to know.

use std::sync::Arc;
use std::time::Duration;

use super::Number;
use super::plan::RECENT;
use super::plan::steps::{Age, Read, Step};
use super::view::{NumberEvidence, View};
use crate::clock::Moment;
use crate::daily::account::Account;
use crate::daily::account::numbers_cache::Numbers;
use crate::daily::evidence::RoomEvidence;
use crate::daily::number_api::NumberApi;
use crate::daily::types::DialinConfig;
use crate::reconcile::lifecycle::Drive;
use crate::reconcile::{Context, Failure, Pass};

impl Drive for Number {
    fn begin(context: &Context<Self>, view: &mut View) {
        view.facts.api = context.config.number_api;
        view.facts.fresh_since = view.now.moment;
        let record = view.record();
        view.facts.attached_rooms = record.and_then(|it| context.shared.attached.of(it));
    }

    /// Only our own writes: what Daily answers about numbers is in the facts.
    fn evidence(account: &Account, name: &str, owner: &str) -> RoomEvidence {
        let (unknown_write, create_attempts) = account.evidence().number(name, owner);
        RoomEvidence {
            unknown_write,
            create_attempts,
            ..RoomEvidence::default()
        }
    }

    async fn read(pass: &mut Pass<Self>, read: Read) -> Result<(), Failure> {
        match read {
            Read::Number(age) => pass.read_number(age).await,
            Read::Publishers => pass.count_publishers(),
        }
    }

    async fn act(pass: &mut Pass<Self>, step: Step) -> Result<(), Failure> {
        pass.apply(step).await
    }
}

impl Pass<Number> {
    async fn read_number(&mut self, age: Age) -> Result<(), Failure> {
        let session = self.session()?;
        let now = self.view.now.moment;
        let before = |by: Duration| Moment(now.0.saturating_sub(by));
        let not_before = match age {
            Age::Drift => before(self.context.config.drift_interval),
            Age::Recent => before(RECENT),
            Age::Fresh => self.view.facts.fresh_since,
        };
        let answer = session.account.numbers(&session.key, not_before).await;
        let numbers = answer.map_err(|error| Failure::daily(&error))?;
        let Some(number) = self.view.name_at_daily() else {
            return Ok(());
        };
        let recorded = self.view.made_id();
        let known = evidence(&numbers, &number, recorded, self.view.facts.api);
        let shown = recorded.is_none_or(|id| known.purchased && known.by_id(id).is_some());
        let memory = &mut self.view.memory.kind;
        match shown {
            true => memory.first_absent = None,
            false => memory.first_absent = memory.first_absent.or(Some(known.at)),
        }
        memory.read_back_from.take_if(|from| known.at >= *from);
        self.view.facts.number = Some(known);
        self.refresh();
        Ok(())
    }

    fn count_publishers(&mut self) -> Result<(), Failure> {
        // A room that is not in the cache yet may publish the number.
        self.caches_are_filled()?;
        self.view.facts.publishers = Some(self.publishers()());
        Ok(())
    }

    /// Counts the DailyRooms that publish the number.
    pub(super) fn publishers(&self) -> impl Fn() -> usize + Send + 'static {
        let number = self.view.name_at_daily().unwrap_or_default();
        let domain = self.view.recorded_domain().unwrap_or_default().to_owned();
        let count = Arc::clone(&self.context.shared.publishers);
        move || count(&number, &domain)
    }
}

/// What Daily's answer about all numbers of an account says about this one. Of a config that Daily shows
/// in both places (F-DOM-2) the recorded one counts, else the one where the operator writes.
fn evidence(
    numbers: &Numbers,
    number: &str,
    recorded: Option<&str>,
    api: NumberApi,
) -> NumberEvidence {
    let is_of_it = |it: &DialinConfig| it.config.phone_number.as_deref() == Some(number);
    let is_recorded = |it: &DialinConfig| Some(it.id.as_str()) == recorded;
    let concerned = numbers.configs.iter();
    let mut configs: Vec<_> = concerned
        .filter(|it| is_of_it(it) || is_recorded(it))
        .cloned()
        .collect();
    configs.sort_by_key(|it| (!is_recorded(it), NumberApi::of(&it.id) != api));
    let mut of_it = configs.iter().filter(|it| is_of_it(it));
    let first = of_it.next().cloned();
    let other = of_it.next().cloned();
    configs.retain(|it| !is_of_it(it) || Some(it) == first.as_ref());
    let is_same = |it: &DialinConfig| {
        first.is_some_and(|first| (&first.kind, &first.config) == (&it.kind, &it.config))
    };
    NumberEvidence {
        at: numbers.at,
        date: numbers.date,
        purchased: numbers.purchased.iter().any(|it| it.number == number),
        configs,
        other_id: other.filter(is_same).map(|it| it.id),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        let known = evidence(&numbers, "+12025550123", Some("c"), NumberApi::default());
        let ids: Vec<_> = known.configs.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["c", "b"], "the recorded one first");
        assert!(!known.purchased);
    }

    /// F-DOM-2.
    #[test]
    fn a_config_in_both_places_is_one_config() {
        let config = |id: &str, prefix: &str| {
            let body = json!({"phone_number": "+1", "name_prefix": prefix});
            let config = json!({"id": id, "type": "pin_dialin", "config": body});
            serde_json::from_value::<DialinConfig>(config).unwrap()
        };
        let (listed, entry) = (config("c1", "a"), config("pin_dialin:+1", "a"));
        let other = config("pin_dialin:+1", "b");
        let (configs, domain) = (NumberApi::DialinConfigs, NumberApi::DomainProperties);
        let table = [
            (&entry, configs, None, "c1", Some("pin_dialin:+1")),
            (&entry, domain, None, "pin_dialin:+1", Some("c1")),
            (&entry, domain, Some("c1"), "c1", Some("pin_dialin:+1")),
            (&other, domain, Some("c1"), "c1", None),
        ];
        for (entry, api, recorded, id, other_id) in table {
            let numbers = Numbers {
                at: Moment::default(),
                date: None,
                purchased: Vec::new(),
                configs: vec![listed.clone(), entry.clone()],
            };
            let known = evidence(&numbers, "+1", recorded, api);
            let ids: Vec<_> = known.configs.iter().map(|it| it.id.as_str()).collect();
            assert_eq!((ids, known.other_id.as_deref()), (vec![id], other_id));
        }
    }
}
