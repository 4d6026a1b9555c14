//! Reading the numbers that a room can publish.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;

use super::Room;
use crate::clock::Moment;
use crate::crd::condition::{self, Reason, kind};
use crate::crd::{NumberSource, PinDialinNumberStatus, PublishedNumber};
use crate::daily::error::CallError;
use crate::daily::evidence::between_absences;
use crate::k8s::call;
use crate::number::Number;
use crate::number::allowed_rooms::{Labels, allows, needs_labels};
use crate::reconcile::meta::Meta;
use crate::reconcile::object::Object;
use crate::reconcile::problem::ResolvedBy;
use crate::reconcile::{Failure, Pass};
use crate::room::namespaces::NamespaceMeta;
use crate::room::published_numbers::{
    Chosen, Holder, Inputs, NumberProblem, NumberState, choose, lost, needs_daily, unconfirmed,
};
use crate::room::secret::{Found, SecretKind};
use crate::room::spec::NumberSpec;
use crate::room::trimmed_metadata::trim_namespace;

/// How old Daily's answer about numbers may be while a room waits for a number.
const WAITING_MAX_AGE: Duration = Duration::from_secs(4);
/// How old it may be while a user has to act at Daily, for example to purchase a number. All rooms of the
/// account share the answer.
const STALLED_MAX_AGE: Duration = Duration::from_secs(30);
/// How often to retry if Daily refuses to list the numbers of the account.
const REFUSED_RETRY: Duration = Duration::from_secs(60);

/// The numbers that were chosen.
struct Choice {
    chosen: Result<Chosen, NumberProblem>,
    /// The published number that callers would lose.
    lost: Option<PublishedNumber>,
    /// When Daily was asked.
    at: Option<Moment>,
}

impl Pass<Room> {
    pub(super) async fn choose_numbers(&mut self) -> Result<(), Failure> {
        let Ok(spec) = &self.view.spec else {
            return Ok(());
        };
        let wanted = spec.numbers.clone();
        let max_age = needs_daily(&wanted).then(|| self.max_age(&wanted));
        let mut choice = self.choose_by_answers(&wanted, max_age).await?;
        let unserved = choice.chosen.as_ref().is_err_and(|it| !it.problem.served);
        let chosen = choice.chosen.as_ref();
        let is_new = self.view.status.phone_numbers.is_empty()
            && chosen.is_ok_and(|it| {
                it.numbers
                    .iter()
                    .any(|it| it.source != NumberSource::Global)
            });
        // An old answer must not report a published number as dead, nor publish a dead one. If the PinDialinNumber
        // that the room names is gone, Daily knows whether the number answers.
        let newer = match max_age {
            Some(max_age) => {
                let in_doubt = unserved || choice.lost.is_some() || is_new;
                (in_doubt && max_age > WAITING_MAX_AGE).then_some(WAITING_MAX_AGE)
            }
            None => {
                let has_published = !self.view.status.phone_numbers.is_empty();
                (unserved && has_published).then(|| self.max_age_of_a_loss())
            }
        };
        if newer.is_some() {
            choice = self.choose_by_answers(&wanted, newer).await?;
        }
        let chosen = self.confirmed(choice);
        if chosen.is_err() && wanted.is_empty() {
            let now = self.view.now.moment;
            self.view.memory.kind.number_awaited.get_or_insert(now);
        }
        let facts = &mut self.view.facts;
        facts.why_global = chosen.as_ref().ok().and_then(|it| it.why_global.clone());
        facts.numbers = Some(chosen.map(|it| it.numbers));
        Ok(())
    }

    /// Until a second answer confirms the loss, it has to be a new one.
    fn max_age_of_a_loss(&self) -> Duration {
        let longest = between_absences(self.view.quiet_period) + 2 * WAITING_MAX_AGE;
        match self.view.memory.kind.number_lost {
            Some(first) if first.until(self.view.now.moment) < longest => WAITING_MAX_AGE,
            _ => STALLED_MAX_AGE,
        }
    }

    /// A published number is given up only after two answers of Daily without it, half a quiet period
    /// apart, unless the room reports already that the number is dead.
    fn confirmed(&mut self, choice: Choice) -> Result<Chosen, NumberProblem> {
        let first_lost = &mut self.view.memory.kind.number_lost;
        let (Some(lost), Some(at)) = (choice.lost, choice.at) else {
            *first_lost = None;
            return choice.chosen;
        };
        let first = *first_lost.get_or_insert(at);
        let mut conditions = self.view.status.conditions.iter();
        let is_dead = conditions.any(|it| {
            it.type_ == kind::READY && it.status == "False" && it.reason.starts_with("Number")
        });
        match is_dead || at >= first.after(between_absences(self.view.quiet_period)) {
            true => choice.chosen,
            false => Err(unconfirmed(&lost)),
        }
    }

    /// Chooses numbers by answers of Daily that are not older than `max_age`; without it, Daily is not asked.
    async fn choose_by_answers(
        &self,
        wanted: &[NumberSpec],
        max_age: Option<Duration>,
    ) -> Result<Choice, Failure> {
        // A PinDialinNumber that is not in the cache yet may hold a number, or withhold it.
        self.caches_are_filled()?;
        let session = self.session()?;
        let mut numbers = None;
        if let Some(max_age) = max_age {
            let not_before = Moment(self.view.now.moment.0.saturating_sub(max_age));
            let answer = session.account.numbers(&session.key, not_before).await;
            if let Err(CallError::Refused { info, .. }) = &answer {
                return Ok(Choice {
                    chosen: Err(numbers_refused(info)),
                    lost: None,
                    at: None,
                });
            }
            numbers = Some(answer.map_err(|error| Failure::daily(&error))?);
        }
        let countries = self
            .view
            .spec
            .as_ref()
            .ok()
            .map(|it| it.countries.as_slice());
        let purchased = numbers.as_ref().map(|it| it.purchased.as_slice());
        let configs = numbers.as_ref().map(|it| it.configs.as_slice());
        let inputs = Inputs {
            namespace: &self.view.meta.namespace,
            domain_id: &session.account.domain().id,
            purchased: purchased.unwrap_or_default(),
            configs: configs.unwrap_or_default(),
            globals: &self.context.config.global_numbers,
            countries: countries.unwrap_or_default(),
            holders: &self.holders().await?,
            waited: self.waited(),
            wall: self.view.now.wall,
        };
        let published = self.published_before(inputs);
        let chosen = choose(wanted, &published, inputs);
        Ok(Choice {
            lost: lost(wanted, &chosen, &published, self.view.is_edited()),
            chosen,
            at: numbers.map(|it| it.at),
        })
    }

    /// The numbers of the status, or of the Secret if the status is lost. Tenants can write Secrets, so
    /// their numbers count only if the room may publish them.
    fn published_before(&self, inputs: Inputs<'_>) -> Vec<PublishedNumber> {
        let reported = &self.view.status.phone_numbers;
        let secret = self.view.facts.secrets.get(&SecretKind::Dialin);
        let Some(Found::Ours { numbers, .. }) = secret else {
            return reported.clone();
        };
        if !reported.is_empty() {
            return reported.clone();
        }
        let mut numbers = numbers.clone();
        numbers.retain(|it| !inputs.is_withheld(&it.phone_number));
        numbers
    }

    /// How long the room has waited for a PinDialinNumber.
    fn waited(&self) -> Duration {
        let since = self.view.memory.kind.number_awaited;
        since.map_or(Duration::ZERO, |since| since.until(self.view.now.moment))
    }

    /// A room that names numbers reads them often while it waits for one that somebody may configure at
    /// Daily. A room that names none waits for a PinDialinNumber, and the operator's own writes make older
    /// answers invalid.
    fn max_age(&self, wanted: &[NumberSpec]) -> Duration {
        let conditions = &self.view.status.conditions;
        let reports = |kind| {
            let mut conditions = conditions.iter();
            conditions.any(|it| it.type_ == kind && it.reason.starts_with("Number"))
        };
        let doubtful = self.view.memory.kind.number_lost.is_some();
        if self.view.forced || self.view.is_edited() || doubtful {
            WAITING_MAX_AGE
        } else if wanted.is_empty() {
            self.context.config.drift_interval
        } else if reports(kind::STALLED) {
            STALLED_MAX_AGE
        } else if reports(kind::RECONCILING) {
            WAITING_MAX_AGE
        } else {
            self.context.config.drift_interval
        }
    }

    async fn holders(&self) -> Result<Vec<Holder>, Failure> {
        let stores = self.context.shared.numbers.iter();
        let numbers: Vec<_> = stores.flat_map(|store| store.state()).collect();
        let mut specs = numbers.iter().filter_map(|it| it.spec.as_ref().ok());
        let namespace = match specs.any(needs_labels) {
            true => self.namespace().await?,
            false => None,
        };
        let labels = namespace
            .as_ref()
            .and_then(|it| it.metadata.labels.as_ref());
        let here = &self.view.meta.namespace;
        let numbers = numbers.iter();
        Ok(numbers.filter_map(|it| holder(it, here, labels)).collect())
    }

    /// The namespace of the room. A new one is read if the watch has not shown it yet: without its labels, the
    /// room would publish a global number, and keep it.
    async fn namespace(&self) -> Result<Option<Arc<NamespaceMeta>>, Failure> {
        let name = &self.view.meta.namespace;
        let watched = self.context.shared.namespaces.get(name);
        if watched.is_some() {
            return Ok(watched);
        }
        let api: Api<NamespaceMeta> = Api::all(self.context.client.clone());
        let read = call(name, api.get_opt(name)).await;
        let what = format!("Failed to read the labels of namespace {name}");
        let mut read = read.map_err(|error| Failure::kube(&what, &error))?;
        read.iter_mut().for_each(trim_namespace);
        Ok(read.map(Arc::new))
    }
}

/// Daily lists numbers only for accounts with a credit card (F-AUTH-8).
fn numbers_refused(info: &str) -> NumberProblem {
    let message = format!(
        "Daily refused to list the phone numbers of the account: {info}. PIN dial-in needs a credit card on the account."
    );
    let reason = Reason::RejectedByDaily;
    NumberProblem::new(reason, ResolvedBy::User, message, REFUSED_RETRY)
}

/// What rooms of a namespace with these labels use of a PinDialinNumber.
pub(crate) fn holder(
    number: &Object<Number>,
    namespace: &str,
    labels: Option<&Labels>,
) -> Option<Holder> {
    let spec = number.spec.as_ref().ok()?;
    let meta = Meta::of(number)?;
    let reported = number.status.account.as_ref();
    let record = number.recorded.record().filter(|it| it.uid == meta.uid);
    let recorded = record.map(|it| it.domain_id.clone());
    Some(Holder {
        phone_number: spec.phone_number.clone(),
        is_reported: reported.is_some(),
        domain_id: reported.map(|it| it.domain_id.clone()).or(recorded),
        state: state(&meta, &number.status),
        since: since(&meta, &number.status.conditions),
        allows: allows(spec, &meta.namespace, namespace, labels),
        namespace: meta.namespace,
        name: meta.name,
    })
}

fn state(meta: &Meta, status: &PinDialinNumberStatus) -> NumberState {
    let is = |kind| condition::is_true(&status.conditions, kind);
    let is_edited = status.observed_generation != Some(meta.generation);
    let mut conditions = status.conditions.iter();
    let keyless = conditions.any(|it| it.reason.starts_with("ApiKey"));
    match (meta.deleting.is_some(), is(kind::READY)) {
        (true, true) => NumberState::Draining,
        (true, false) => NumberState::Deleting,
        (false, true) => NumberState::Ready,
        _ if keyless || (is(kind::STALLED) || is(kind::SUSPENDED)) && !is_edited => {
            NumberState::Stalled
        }
        _ => NumberState::SettingUp,
    }
}

fn since(meta: &Meta, conditions: &[Condition]) -> Option<i64> {
    let reconciling = |it: &&Condition| it.type_ == kind::RECONCILING && it.status == "True";
    let begun = conditions.iter().find(reconciling);
    let begun = begun.map_or(0, |it| it.last_transition_time.0.as_second());
    (!conditions.is_empty()).then(|| begun.max(meta.created))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(conditions: &[(&str, &str)]) -> Holder {
        changed(conditions, |_| ())
    }

    fn changed(conditions: &[(&str, &str)], change: impl FnOnce(&mut Value)) -> Holder {
        let condition = |(type_, reason): &(&str, &str)| {
            json!({"type": type_, "status": "True", "reason": reason, "message": "",
                "lastTransitionTime": "2026-12-01T08:00:10Z"})
        };
        let conditions: Vec<Value> = conditions.iter().map(condition).collect();
        let mut number = json!({
            "metadata": {"namespace": "team", "name": "main", "uid": "u", "resourceVersion": "1",
                "generation": 2, "creationTimestamp": "2026-12-01T08:00:00Z"},
            "spec": {"phoneNumber": "+12025550123"},
            "status": {"observedGeneration": 1, "conditions": conditions},
        });
        change(&mut number["metadata"]);
        let number: Object<Number> = serde_json::from_value(number).unwrap();
        holder(&number, "team", None).unwrap()
    }

    #[test]
    fn a_number_is_being_set_up_since_its_first_reconcile_unless_it_has_no_key() {
        let created = of(&[("Stalled", "NumberInUse")]);
        assert_eq!(created.state, NumberState::SettingUp, "it was edited");
        assert_eq!(of(&[]).since, None);
        let reconciling = of(&[("Reconciling", "Progressing")]);
        assert_eq!(reconciling.state, NumberState::SettingUp);
        assert_eq!(reconciling.since, created.since.map(|at| at + 10));
        let keyless = of(&[("Reconciling", "ApiKeyNotFound")]);
        assert_eq!(keyless.state, NumberState::Stalled);
    }

    #[test]
    fn a_number_that_is_being_deleted_answers_if_it_was_ready() {
        let waits = ("Reconciling", "DeletionDeferred");
        let deleted = |meta: &mut Value| meta["deletionTimestamp"] = json!("2026-12-01T09:00:00Z");
        let state = |conditions: &[(&str, &str)]| changed(conditions, deleted).state;
        assert_eq!(
            state(&[("Ready", "Available"), waits]),
            NumberState::Draining
        );
        assert_eq!(state(&[waits]), NumberState::Deleting);
    }
}
