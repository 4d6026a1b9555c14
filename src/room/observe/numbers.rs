//! Reading which numbers a room can publish. Reads only.

use std::time::Duration;

use kube::core::DeserializeGuard;

use super::Pass;
use crate::clock;
use crate::crd::condition::{self, Reason};
use crate::crd::{PinDialinNumber, PinDialinNumberStatus};
use crate::daily::error::CallError;
use crate::failure::Failure;
use crate::room::desired::WantedNumber;
use crate::room::numbers::{self, Holder, Known, Stands};
use crate::room::secret;
use crate::room::view::NumberProblem;
use crate::subject::Subject;

/// While a number is waited for, Daily is asked about numbers this often.
const NUMBERS: Duration = Duration::from_secs(4);
/// Who is refused the numbers of the account need not ask again and again.
const REFUSED: Duration = Duration::from_secs(60);

impl Pass {
    pub(super) async fn look_numbers(&mut self) -> Result<(), Failure> {
        let Ok(desired) = &self.view.desired else {
            return Ok(());
        };
        let wanted = desired.numbers.clone();
        let session = self.session()?;
        let asked = if numbers::asks_daily(&wanted) {
            let interval = self.numbers_age(&wanted);
            let moment = self.view.now.moment;
            let not_before = clock::Moment(moment.0.saturating_sub(interval));
            let answer = session.account.numbers(&session.key, not_before).await;
            if let Err(CallError::Refused { info, .. }) = &answer {
                self.view.numbers = Some(Err(numbers_refused(info)));
                return Ok(());
            }
            Some(self.after_call(answer).await?)
        } else {
            None
        };
        let (purchased, configs) = match &asked {
            Some(numbers) => (numbers.purchased.as_slice(), numbers.configs.as_slice()),
            None => (&[][..], &[][..]),
        };
        let holders = self.holders();
        let kept = match (&self.view.status.phone_numbers, &self.view.secret) {
            (
                numbers,
                Some(secret::Found::Ours {
                    numbers: in_secret, ..
                }),
            ) if numbers.is_empty() => in_secret.clone(),
            (numbers, _) => numbers.clone(),
        };
        let chosen = numbers::choose(
            &wanted,
            &kept,
            Known {
                namespace: &self.view.subject.namespace,
                domain_id: &session.account.domain().id,
                purchased,
                configs,
                holders: &holders,
                waited: self.waited(),
            },
        );
        if chosen.is_err() && wanted.is_empty() {
            let now = self.view.now.moment;
            self.view.memory.number_awaited.get_or_insert(now);
        }
        let (numbers, why_global) = match chosen {
            Ok(chosen) => (Ok(chosen.numbers), chosen.why_global),
            Err(problem) => (Err(problem), None),
        };
        self.view.numbers = Some(numbers);
        self.view.why_global = why_global;
        Ok(())
    }

    /// For how long the room has waited for a PinDialinNumber.
    fn waited(&self) -> Duration {
        let since = self.view.memory.number_awaited;
        since.map_or(Duration::ZERO, |since| since.until(self.view.now.moment))
    }

    /// How old an answer about numbers may be: a few seconds while a number that is named is waited
    /// for, which somebody may set up at Daily. For a room that names none a PinDialinNumber is
    /// waited for, and what the operator writes for it makes older answers void.
    fn numbers_age(&self, wanted: &[WantedNumber]) -> Duration {
        let status = &self.view.status;
        let waits = status
            .conditions
            .iter()
            .any(|it| it.reason.starts_with("Number"));
        if (waits && !wanted.is_empty()) || self.view.forced {
            NUMBERS
        } else {
            self.ctx.config.drift_interval
        }
    }

    fn holders(&self) -> Vec<Holder> {
        let numbers = self.ctx.numbers.iter().flat_map(|store| store.state());
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

fn holder(number: &DeserializeGuard<PinDialinNumber>) -> Option<Holder> {
    let number = number.0.as_ref().ok()?;
    let status = number.status.as_ref();
    let reported = status.and_then(|it| it.account.as_ref());
    let subject = Subject::of_object(number)?;
    let bound = subject.binding().map(|it| it.domain_id.clone());
    Some(Holder {
        namespace: subject.namespace.clone(),
        name: subject.name.clone(),
        phone_number: number.spec.phone_number.clone(),
        is_reported: reported.is_some(),
        domain_id: reported.map(|it| it.domain_id.clone()).or(bound),
        stands: stands(&subject, status),
        allows: number.spec.allowed_from(),
    })
}

fn stands(subject: &Subject, status: Option<&PinDialinNumberStatus>) -> Stands {
    let is = |kind| status.is_some_and(|it| condition::is_true(&it.conditions, kind));
    // What an edit changes is not known before the next pass over it.
    let edited = status.is_none_or(|it| it.observed_generation != Some(subject.generation));
    if subject.deleting.is_some() {
        Stands::Leaving
    } else if is(condition::kind::READY) {
        Stands::Ready
    } else if is(condition::kind::STALLED) && !edited {
        Stands::Stalled
    } else {
        Stands::SettingUp
    }
}
