//! Which numbers a room publishes: only numbers that answer. No I/O.

mod holder;
mod reference;
mod why_global;

use std::time::Duration;

pub use self::holder::{Holder, NumberState};
use self::reference::reference;
pub use self::why_global::WhyGlobal;
use super::spec::NumberSpec;
use crate::crd::condition::Reason;
use crate::crd::{NumberSource, PublishedNumber};
use crate::daily::types::{DialinConfig, PIN_DIALIN, PurchasedNumber};
use crate::phone::{self, GlobalNumbers};
use crate::reconcile::problem::{Problem, ResolvedBy};

/// How long a room that names no number waits for a PinDialinNumber. Setting one up takes seconds, or a
/// minute while Daily limits our calls, and nobody should wait for a room much longer than that.
const NUMBER_TIMEOUT: Duration = Duration::from_secs(120);
/// How soon to check for a number that is still being set up.
const WAITING_RETRY: Duration = Duration::from_secs(5);
/// How soon to check for what a user has to do at Daily.
const USER_RETRY: Duration = Duration::from_secs(30);

/// What the choice depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The room's namespace.
    pub namespace: &'a str,
    /// The room's domain.
    pub domain_id: &'a str,
    /// The numbers that the account has purchased, if Daily was asked.
    pub purchased: &'a [PurchasedNumber],
    /// The dial-in configs of the account, if Daily was asked.
    pub configs: &'a [DialinConfig],
    /// Daily's global numbers that rooms may publish.
    pub globals: &'a GlobalNumbers,
    /// The countries whose global numbers the spec asks for.
    pub countries: &'a [String],
    /// All PinDialinNumbers.
    pub holders: &'a [Holder],
    /// How long the room has waited for a PinDialinNumber.
    pub waited: Duration,
    /// Our clock, in unix seconds.
    pub wall: i64,
}

/// The numbers to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    pub numbers: Vec<PublishedNumber>,
    /// Why it is a global number, if the spec names none.
    pub why_global: Option<WhyGlobal>,
}

/// Why there are no numbers to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberProblem {
    pub problem: Problem,
    /// When to choose again.
    pub retry: Duration,
}

impl NumberProblem {
    /// A problem with the number leaves nobody served, unless the room [keeps](Self::keeping) one that answers.
    pub fn new(reason: Reason, resolved_by: ResolvedBy, message: String, retry: Duration) -> Self {
        let served = matches!(reason, Reason::InvalidSpec | Reason::RejectedByDaily);
        let problem = Problem::new(reason, resolved_by, message);
        Self {
            problem: Problem { served, ..problem },
            retry,
        }
    }

    /// Callers of the number that the room has published are served while it answers, whatever the spec names.
    fn keeping(mut self, answering: Option<&PublishedNumber>) -> Self {
        if let Some(kept) = answering.filter(|_| !self.problem.served) {
            let kept = &kept.phone_number;
            let keeps =
                format!(" Until then the room keeps the number {kept}, which still answers.");
            self.problem.message.push_str(&keeps);
            self.problem.served = true;
        }
        self
    }
}

/// Whether the choice depends on the account's numbers and configs.
pub fn needs_daily(wanted: &[NumberSpec]) -> bool {
    wanted.is_empty() || wanted.iter().any(|it| matches!(it, NumberSpec::Literal(_)))
}

/// The numbers that the spec names, or else a default. `published` are those that the room published last.
pub fn choose(
    wanted: &[NumberSpec],
    published: &[PublishedNumber],
    inputs: Inputs<'_>,
) -> Result<Chosen, NumberProblem> {
    let globals = inputs.wanted_globals()?;
    let first = published.first();
    let chosen = match wanted.is_empty() {
        true => default_number(first, globals, inputs),
        false => named_numbers(wanted, published, inputs),
    };
    chosen.map_err(|why| {
        // Daily has just said that this very number is dead, whatever a PinDialinNumber showed last.
        let is_dead = |it: &PublishedNumber| {
            why.problem.reason != Reason::NumberNotAllowed
                && wanted.contains(&NumberSpec::Literal(it.phone_number.clone()))
        };
        let kept = first.filter(|it| inputs.answers(it) && !is_dead(it));
        why.keeping(kept)
    })
}

/// The published number that callers would lose by this choice, although the spec has not changed.
pub fn lost(
    wanted: &[NumberSpec],
    chosen: &Result<Chosen, NumberProblem>,
    published: &[PublishedNumber],
    is_edited: bool,
) -> Option<PublishedNumber> {
    let published = published.first()?;
    let is_lost = match chosen {
        Ok(chosen) => {
            let mut numbers = chosen.numbers.iter();
            let by_default = wanted.is_empty() && published.source != NumberSource::Global;
            by_default && !numbers.any(|it| it.phone_number == published.phone_number)
        }
        Err(why) => !why.problem.served && !is_edited,
    };
    is_lost.then(|| published.clone())
}

/// One answer does not show a published number, and another one has to confirm that.
pub fn unconfirmed(lost: &PublishedNumber) -> NumberProblem {
    let message = format!(
        "Daily's last answer does not show that the number {} takes PINs. The room keeps it until another answer \
         confirms that it does not.",
        lost.phone_number
    );
    let problem = Problem::new(Reason::NumberNotReady, ResolvedBy::Waiting, message);
    NumberProblem {
        problem,
        retry: WAITING_RETRY,
    }
}

fn named_numbers(
    wanted: &[NumberSpec],
    published: &[PublishedNumber],
    inputs: Inputs<'_>,
) -> Result<Chosen, NumberProblem> {
    let mut numbers: Vec<PublishedNumber> = Vec::new();
    for one in wanted {
        let number = match one {
            NumberSpec::Literal(number) => literal(number, published, inputs)?,
            NumberSpec::Reference(named) => reference(named, published, inputs)?,
        };
        if !numbers.iter().any(|it| it.phone_number == number) {
            let source = match inputs.is_global(&number) {
                true => NumberSource::Global,
                false => NumberSource::RoomNumber,
            };
            numbers.push(publish(number, source));
        }
    }
    Ok(Chosen {
        numbers,
        why_global: None,
    })
}

fn publish(phone_number: String, source: NumberSource) -> PublishedNumber {
    PublishedNumber {
        country: phone::country(&phone_number),
        source,
        phone_number,
    }
}

fn is_published(number: &str, published: &[PublishedNumber]) -> bool {
    published.iter().any(|it| it.phone_number == number)
}

fn literal(
    number: &str,
    published: &[PublishedNumber],
    inputs: Inputs<'_>,
) -> Result<String, NumberProblem> {
    if inputs.is_global(number) {
        return Ok(number.to_owned());
    }
    if phone::is_global(number) {
        let message = format!(
            "The operator's administrator does not list {number} among Daily's global numbers that rooms may publish. \
             Name another number, or ask the administrator to add it to --global-numbers (chart value daily.globalNumbers)."
        );
        return Err(stalled(Reason::NumberNotAllowed, message));
    }
    if !inputs.is_purchased(number) {
        let message = format!(
            "The Daily account has not purchased the number {number}. Purchase it, or name another one."
        );
        return Err(stalled(Reason::NumberNotPurchased, message));
    }
    inputs.is_allowed(number)?;
    if !inputs.has_config(number) {
        let message = format!(
            "The number {number} has no PIN dial-in config, so it would not answer. Create a PinDialinNumber for it."
        );
        return Err(waiting(Reason::NumberNotReady, message));
    }
    if inputs.is_being_deleted(number) && !is_published(number, published) {
        let message = format!(
            "The PinDialinNumber that holds the number {number} is being deleted. Name another number."
        );
        return Err(waiting(Reason::NumberNotReady, message));
    }
    Ok(number.to_owned())
}

/// The number of a room that names none: the one it has published, while that answers; else the earliest
/// purchased one that serves its namespace; else, after a PinDialinNumber was waited for, global ones. A room
/// that has published global ones goes on to.
fn default_number(
    published: Option<&PublishedNumber>,
    globals: Vec<PublishedNumber>,
    inputs: Inputs<'_>,
) -> Result<Chosen, NumberProblem> {
    let chosen = |numbers, why_global| {
        Ok(Chosen {
            numbers,
            why_global,
        })
    };
    if published.is_some_and(|it| it.source == NumberSource::Global) {
        let kept = inputs.earliest().map(|_| WhyGlobal::PublishedBefore);
        return chosen(globals, Some(kept.unwrap_or_else(|| inputs.why_global())));
    }
    if let Some(kept) = published.and_then(|it| inputs.still_answers(it)) {
        inputs.is_allowed(&kept.phone_number)?;
        return chosen(vec![kept], None);
    }
    if let Some(earliest) = inputs.earliest() {
        let number = publish(earliest.number.clone(), NumberSource::Purchased);
        return chosen(vec![number], None);
    }
    if inputs.waited < NUMBER_TIMEOUT
        && let Some(awaited) = inputs.awaited()
    {
        return Err(awaits(awaited, &globals, inputs));
    }
    chosen(globals, Some(inputs.why_global()))
}

impl<'a> Inputs<'a> {
    fn is_global(self, number: &str) -> bool {
        self.globals.values().any(|it| it == number)
    }

    /// The global numbers that the spec asks for.
    fn wanted_globals(self) -> Result<Vec<PublishedNumber>, NumberProblem> {
        let countries = self.countries.iter();
        let numbers = countries.map(|country| match self.globals.get(country) {
            Some(number) => Ok(publish(number.clone(), NumberSource::Global)),
            None => Err(self.unknown_country(country)),
        });
        numbers.collect()
    }

    fn unknown_country(self, country: &str) -> NumberProblem {
        let known: Vec<&str> = self.globals.keys().map(String::as_str).collect();
        let message = format!(
            "The operator knows no global number of Daily for {country}. Use only {} in spec.dialin.globalNumbers, or ask \
             the operator's administrator to add a number to --global-numbers (chart value daily.globalNumbers).",
            known.join(", ")
        );
        stalled(Reason::InvalidSpec, message)
    }

    fn is_purchased(self, number: &str) -> bool {
        self.purchased.iter().any(|it| it.number == number)
    }

    /// Whether Daily answers calls to the number and asks for a PIN (F-CALL-1).
    fn has_config(self, number: &str) -> bool {
        let is_of = |it: &DialinConfig| it.config.phone_number.as_deref() == Some(number);
        let mut configs = self.configs.iter();
        configs.any(|it| it.kind == PIN_DIALIN && is_of(it))
    }

    /// The same, by Daily or by a PinDialinNumber that is Ready: Daily's answer may be older.
    fn takes_pins(self, number: &str) -> bool {
        let is_ready = |it: &Holder| it.phone_number == number && it.is_ready_in(self.domain_id);
        self.has_config(number) || self.holders.iter().any(is_ready)
    }

    /// Rooms of this namespace may publish the number. The message names no object of another namespace.
    fn is_allowed(self, number: &str) -> Result<(), NumberProblem> {
        let Some(holder) = self.withheld_by(number) else {
            return Ok(());
        };
        let message = match holder.namespace == self.namespace {
            true => format!(
                "The PinDialinNumber {} holds the number {number}, and its allowedRooms do not include this namespace. \
                 Change them, or name another number.",
                holder.name
            ),
            false => format!(
                "A PinDialinNumber of another namespace holds the number {number} and does not allow rooms of this \
                 namespace to publish it. Ask its owner to set allowedRooms, or name another number."
            ),
        };
        Err(stalled(Reason::NumberNotAllowed, message))
    }

    /// Whether the PinDialinNumber that holds the number excludes rooms of this namespace.
    pub fn is_withheld(self, number: &str) -> bool {
        self.withheld_by(number).is_some()
    }

    fn withheld_by(self, number: &str) -> Option<&'a Holder> {
        self.holder(number).filter(|it| !it.allows)
    }

    /// Whether the number stops answering once the rooms that have published it are gone.
    fn is_being_deleted(self, number: &str) -> bool {
        self.holder(number).is_some_and(Holder::is_being_deleted)
    }

    /// The PinDialinNumber that holds the number.
    fn holder(self, number: &str) -> Option<&'a Holder> {
        let is_of_number = |it: &&Holder| {
            let in_domain = it.is_reported && it.domain_id.as_deref() == Some(self.domain_id);
            in_domain && it.phone_number == number
        };
        let holders = self.holders.iter().filter(is_of_number);
        let ranked = holders.filter_map(|it| Some((it.rank()?, it)));
        let first = ranked.min_by_key(|(rank, _)| *rank);
        first.map(|(_, it)| it)
    }

    /// Whether callers of the number reach the rooms that have published it, whichever PinDialinNumber holds it.
    fn answers(self, published: &PublishedNumber) -> bool {
        let number = &published.phone_number;
        let is_held = |it: &Holder| it.phone_number == *number && it.answers_in(self.domain_id);
        published.source == NumberSource::Global
            || self.holders.iter().any(is_held)
            || self.is_purchased(number) && self.has_config(number)
    }

    /// The number of the account that the room has published, if it still answers.
    fn still_answers(self, published: &PublishedNumber) -> Option<PublishedNumber> {
        let number = &published.phone_number;
        let answers = self.is_purchased(number) && self.takes_pins(number);
        answers.then(|| PublishedNumber {
            source: NumberSource::Purchased,
            ..published.clone()
        })
    }

    /// The purchased number that serves this namespace for the longest time, and is not being deleted.
    /// Daily's list has no order (F-NUM-4).
    fn earliest(self) -> Option<&'a PurchasedNumber> {
        let serves = |it: &&PurchasedNumber| {
            let number = &it.number;
            self.takes_pins(number) && !self.is_withheld(number) && !self.is_being_deleted(number)
        };
        let serving = self.purchased.iter().filter(serves);
        serving.min_by_key(|it| (it.created.is_none(), it.created, it.pagination_id))
    }

    /// The PinDialinNumbers in this state that the room may use, in its account or in one that is not
    /// known yet.
    fn usable(self, state: NumberState) -> impl Iterator<Item = &'a Holder> {
        self.holders.iter().filter(move |it| {
            let domain = it.domain_id.as_deref();
            it.state == state && it.allows && domain.is_none_or(|id| id == self.domain_id)
        })
    }

    /// A PinDialinNumber that the room waits for. One of another namespace makes no room wait for ever.
    fn awaited(self) -> Option<&'a Holder> {
        let timeout = i64::try_from(NUMBER_TIMEOUT.as_secs()).unwrap_or(i64::MAX);
        let in_time = |since: i64| self.wall.saturating_sub(since) < timeout;
        let mut usable = self.usable(NumberState::SettingUp);
        usable.find(|it| it.namespace == self.namespace || it.since.is_none_or(in_time))
    }

    /// Why no purchased number serves the room.
    fn why_global(self) -> WhyGlobal {
        // The caches have no order, and another name would be another message.
        let first = |state| {
            let usable = self.usable(state);
            usable.map(|it| it.seen_from(self.namespace)).min()
        };
        if let Some(name) = first(NumberState::SettingUp) {
            return WhyGlobal::NotReady(name);
        }
        if let Some(name) = first(NumberState::Stalled) {
            return WhyGlobal::Stalled(name);
        }
        if let Some(name) = first(NumberState::Draining) {
            return WhyGlobal::BeingDeleted(name);
        }
        let is_withheld = |it: &PurchasedNumber| self.is_withheld(&it.number);
        if self.purchased.is_empty() {
            WhyGlobal::NothingPurchased
        } else if self.purchased.iter().any(is_withheld) {
            WhyGlobal::HeldElsewhere
        } else {
            WhyGlobal::NothingConfigured
        }
    }
}

fn awaits(holder: &Holder, globals: &[PublishedNumber], inputs: Inputs<'_>) -> NumberProblem {
    let global = globals.first().map(|it| it.phone_number.as_str());
    let message = format!(
        "The PinDialinNumber {} is being set up. The room waits for it for up to {} minutes, and then publishes Daily's \
         global number {}.",
        holder.seen_from(inputs.namespace),
        NUMBER_TIMEOUT.as_secs() / 60,
        global.unwrap_or_default()
    );
    NumberProblem {
        // A change of the PinDialinNumber triggers a reconcile sooner.
        retry: NUMBER_TIMEOUT.saturating_sub(inputs.waited),
        ..waiting(Reason::NumberNotReady, message)
    }
}

/// Something may still become ready.
fn waiting(reason: Reason, message: String) -> NumberProblem {
    NumberProblem::new(reason, ResolvedBy::Waiting, message, WAITING_RETRY)
}

/// A user has to act.
fn stalled(reason: Reason, message: String) -> NumberProblem {
    NumberProblem::new(reason, ResolvedBy::User, message, USER_RETRY)
}

#[cfg(test)]
mod tests;
