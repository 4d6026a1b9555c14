//! Reading which numbers a room can publish. Reads only.

use std::time::Duration;

use super::Room;
use crate::clock;
use crate::crd::condition::{self, Reason};
use crate::crd::{PinDialinNumberStatus, PublishedNumber};
use crate::daily::error::CallError;
use crate::number::Number;
use crate::reconcile::object::{Meta, Object};
use crate::reconcile::{Failure, Pass};
use crate::room::numbers::{self, Chosen, Holder, Known, Stands};
use crate::room::secret::Found;
use crate::room::spec::NumberSpec;
use crate::room::view::NumberProblem;

/// While a number is waited for, Daily is asked about numbers this often.
const NUMBERS: Duration = Duration::from_secs(4);
/// While the user has to act at Daily, for example to purchase a number, it is asked this often: no
/// watch shows it. All rooms of the account share the answer.
const STALLED: Duration = Duration::from_secs(30);
/// Who is refused the numbers of the account need not ask again and again.
const REFUSED: Duration = Duration::from_secs(60);

impl Pass<Room> {
    pub(super) async fn look_numbers(&mut self) -> Result<(), Failure> {
        let Ok(spec) = &self.view.spec else {
            return Ok(());
        };
        let wanted = spec.numbers.clone();
        let age = self.numbers_age(&wanted);
        let mut chosen = self.choose_numbers(&wanted, age).await?;
        if age > NUMBERS && chosen.as_ref().is_err_and(|it| it.is_unserved()) {
            // What callers dial is not called dead by an old answer.
            chosen = self.choose_numbers(&wanted, NUMBERS).await?;
        }
        if chosen.is_err() && wanted.is_empty() {
            let now = self.view.now.moment;
            self.view.memory.kind.number_awaited.get_or_insert(now);
        }
        let (numbers, why_global) = match chosen {
            Ok(chosen) => (Ok(chosen.numbers), chosen.why_global),
            Err(problem) => (Err(problem), None),
        };
        self.view.facts.numbers = Some(numbers);
        self.view.facts.why_global = why_global;
        Ok(())
    }

    /// Chooses by answers of Daily that are not older than `age`.
    async fn choose_numbers(
        &self,
        wanted: &[NumberSpec],
        age: Duration,
    ) -> Result<Result<Chosen, NumberProblem>, Failure> {
        let session = self.session()?;
        let mut asked = None;
        if numbers::asks_daily(wanted) {
            let not_before = clock::Moment(self.view.now.moment.0.saturating_sub(age));
            let answer = session.account.numbers(&session.key, not_before).await;
            if let Err(CallError::Refused { info, .. }) = &answer {
                return Ok(Err(numbers_refused(info)));
            }
            asked = Some(answer.map_err(|error| Failure::daily(&error))?);
        }
        let purchased = asked.as_ref().map(|it| it.purchased.as_slice());
        let configs = asked.as_ref().map(|it| it.configs.as_slice());
        let known = Known {
            namespace: &self.view.meta.namespace,
            domain_id: &session.account.domain().id,
            purchased: purchased.unwrap_or_default(),
            configs: configs.unwrap_or_default(),
            holders: &self.holders(),
            waited: self.waited(),
        };
        Ok(numbers::choose(wanted, self.published_before(), known))
    }

    /// The numbers that callers hold: those of the status, or where that is lost of the Secret.
    fn published_before(&self) -> &[PublishedNumber] {
        let reported = &self.view.status.phone_numbers;
        match &self.view.facts.secret {
            Some(Found::Ours { numbers, .. }) if reported.is_empty() => numbers,
            _ => reported,
        }
    }

    /// For how long the room has waited for a PinDialinNumber.
    fn waited(&self) -> Duration {
        let since = self.view.memory.kind.number_awaited;
        since.map_or(Duration::ZERO, |since| since.until(self.view.now.moment))
    }

    /// How old an answer about numbers may be: a few seconds while a number that is named is waited
    /// for, which somebody may set up at Daily. For a room that names none a PinDialinNumber is
    /// waited for, and what the operator writes for it makes older answers void.
    fn numbers_age(&self, wanted: &[NumberSpec]) -> Duration {
        let conditions = &self.view.status.conditions;
        let reported = |kind| {
            let mut conditions = conditions.iter();
            conditions.any(|it| it.type_ == kind && it.reason.starts_with("Number"))
        };
        if self.view.forced || self.view.is_edited() {
            NUMBERS
        } else if wanted.is_empty() {
            self.context.config.drift_interval
        } else if reported(condition::kind::STALLED) {
            STALLED
        } else if reported(condition::kind::RECONCILING) {
            NUMBERS
        } else {
            self.context.config.drift_interval
        }
    }

    fn holders(&self) -> Vec<Holder> {
        let numbers = self
            .context
            .shared
            .numbers
            .iter()
            .flat_map(|store| store.state());
        numbers.filter_map(|it| holder(&it)).collect()
    }
}

/// F-AUTH-8: numbers are for accounts with a credit card.
fn numbers_refused(info: &str) -> NumberProblem {
    NumberProblem {
        reason: Reason::RejectedByDaily,
        message: format!(
            "Daily does not tell the numbers of the account: {info}; PIN dial-in needs a credit \
             card on the account"
        ),
        waits: false,
        again: REFUSED,
    }
}

fn holder(number: &Object<Number>) -> Option<Holder> {
    let spec = number.spec.as_ref().ok()?;
    let meta = Meta::of(number)?;
    let reported = number.status.account.as_ref();
    let record = number.recorded.record().filter(|it| it.uid == meta.uid);
    let recorded = record.map(|it| it.domain_id.clone());
    Some(Holder {
        phone_number: spec.phone_number.clone(),
        is_reported: reported.is_some(),
        domain_id: reported.map(|it| it.domain_id.clone()).or(recorded),
        stands: stands(&meta, &number.status),
        allows: spec.allowed_from(),
        namespace: meta.namespace,
        name: meta.name,
    })
}

fn stands(meta: &Meta, status: &PinDialinNumberStatus) -> Stands {
    let is = |kind| condition::is_true(&status.conditions, kind);
    // What an edit changes is not known before the next pass over it.
    let edited = status.observed_generation != Some(meta.generation);
    if meta.deleting.is_some() {
        Stands::Leaving
    } else if is(condition::kind::READY) {
        Stands::Ready
    } else if is(condition::kind::STALLED) && !edited {
        Stands::Stalled
    } else {
        Stands::SettingUp
    }
}
