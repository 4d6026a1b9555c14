//! Which numbers a room publishes: never one that would not answer. No I/O.

use std::fmt;
use std::time::Duration;

use super::spec::NumberSpec;
use super::view::NumberProblem;
use crate::crd::condition::Reason;
use crate::crd::{FromNamespaces, NumberSource, PublishedNumber};
use crate::daily::types::{DialinConfig, PIN_DIALIN, PurchasedNumber};
use crate::phone;

/// Daily's global number that is published when no other one serves a room (F-GLOB-2).
pub(crate) const GLOBAL: (&str, &str) = (phone::US_GLOBAL_NUMBER, "US");
/// A room that names no number waits this long for a PinDialinNumber that is being set up, counted
/// from when nothing else is in its way. Setting one up takes seconds, and a minute where Daily is
/// slow or asks for fewer calls; somebody who waits for a room should not wait for more than that.
const LONGEST_WAIT: Duration = Duration::from_secs(120);
/// What waits for something to come by itself is looked at again after so long.
const SOON: Duration = Duration::from_secs(5);
/// What waits for the user to act at Daily is looked at again after so long.
const STALLED: Duration = Duration::from_secs(30);

/// A PinDialinNumber, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub phone_number: String,
    /// The id of its domain, once that is known.
    pub domain_id: Option<String>,
    /// Whether its status names that domain: what only the operator writes is believed more.
    pub is_reported: bool,
    /// How it stands.
    pub stands: Stands,
    /// The namespaces whose rooms may publish it.
    pub allows: FromNamespaces,
}

/// How a PinDialinNumber stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It answers.
    Ready,
    /// It may come to answer by itself.
    SettingUp,
    /// A person has to act first.
    Stalled,
    /// It is being deleted.
    Leaving,
}

impl Holder {
    /// The id of the domain that it is ready in.
    fn ready_in(&self) -> Option<&str> {
        let domain = self.domain_id.as_deref();
        domain.filter(|_| self.stands == Stands::Ready)
    }

    fn allows(&self, namespace: &str) -> bool {
        self.allows == FromNamespaces::All || self.namespace == namespace
    }

    /// Its name, with the namespace for rooms of another one. Only a number that allows their rooms is
    /// named to others.
    fn seen_from(&self, namespace: &str) -> String {
        if self.namespace == namespace {
            return self.name.clone();
        }
        format!("{}/{}", self.namespace, self.name)
    }

    /// Which of several PinDialinNumbers for one number decides who may publish it: the one that
    /// holds it at Daily. A stalled one holds nothing, so it takes nothing from anybody.
    fn precedence(&self) -> Option<u8> {
        match self.stands {
            Stands::Ready => Some(0),
            Stands::Leaving => Some(1),
            Stands::SettingUp => Some(2),
            Stands::Stalled => None,
        }
    }
}

/// What the choice is made from.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The room's namespace.
    pub namespace: &'a str,
    /// The room's domain.
    pub domain_id: &'a str,
    /// The numbers that the account has purchased; empty where they are not needed.
    pub purchased: &'a [PurchasedNumber],
    /// The dial-in configs of the account; empty where they are not needed.
    pub configs: &'a [DialinConfig],
    /// All PinDialinNumbers.
    pub holders: &'a [Holder],
    /// For how long the room has waited for a PinDialinNumber.
    pub waited: Duration,
}

/// The numbers to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Them.
    pub numbers: Vec<PublishedNumber>,
    /// Why a global one was taken just now, if it was.
    pub why_global: Option<WhyGlobal>,
}

/// Why a room that names no number gets a global one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyGlobal {
    /// The account has no number of its own.
    NothingPurchased,
    /// A number of the account could be set up, and is not.
    NothingConfigured,
    /// Those that take PINs are held in other namespaces.
    HeldElsewhere,
    /// This PinDialinNumber needs a person.
    Stalled(String),
    /// This PinDialinNumber did not become ready in time.
    NotReadyInTime(String),
}

impl fmt::Display for WhyGlobal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingPurchased => f.write_str("the Daily account has purchased no number."),
            Self::NothingConfigured => f.write_str(
                "no purchased number of the Daily account that rooms of this namespace may publish \
                 has a PIN dial-in config. Create a PinDialinNumber; DailyRooms that you create later publish its number.",
            ),
            Self::HeldElsewhere => f.write_str(
                "the Daily account's numbers with a PIN dial-in config belong to PinDialinNumbers of \
                 other namespaces, and their allowedRooms do not include this one. Ask their owners to set allowedRooms.",
            ),
            Self::Stalled(name) => write!(
                f,
                "the PinDialinNumber {name} is stalled. Check its status."
            ),
            Self::NotReadyInTime(name) => write!(
                f,
                "the PinDialinNumber {name} was not ready within {} minutes. Check its status.",
                LONGEST_WAIT.as_secs() / 60
            ),
        }
    }
}

/// Whether Daily has to be asked for numbers and configs.
#[must_use]
pub fn asks_daily(wanted: &[NumberSpec]) -> bool {
    wanted.is_empty() || wanted.iter().any(|it| matches!(it, NumberSpec::Literal(_)))
}

/// The numbers to publish. `kept` are those that were published last.
///
/// # Errors
/// Why there are none.
pub fn choose(
    wanted: &[NumberSpec],
    kept: &[PublishedNumber],
    known: Known<'_>,
) -> Result<Chosen, NumberProblem> {
    if wanted.is_empty() {
        return unnamed(kept, known);
    }
    let mut published: Vec<PublishedNumber> = Vec::new();
    for one in wanted {
        let number = match one {
            NumberSpec::Literal(number) => literal(number, known)?,
            NumberSpec::Reference(name) => reference(name, known)?,
        };
        if !published.iter().any(|it| it.phone_number == number) {
            published.push(PublishedNumber {
                country: phone::country(&number),
                source: match phone::is_global(&number) {
                    true => NumberSource::Global,
                    false => NumberSource::RoomNumber,
                },
                phone_number: number,
            });
        }
    }
    Ok(Chosen {
        numbers: published,
        why_global: None,
    })
}

fn problem<T>(reason: Reason, waits: bool, message: String) -> Result<T, NumberProblem> {
    Err(NumberProblem {
        reason,
        message,
        waits,
        again: if waits { SOON } else { STALLED },
    })
}

fn reference(name: &str, known: Known<'_>) -> Result<String, NumberProblem> {
    let named = |it: &&Holder| it.namespace == known.namespace && it.name == name;
    let Some(holder) = known.holders.iter().find(named) else {
        let message = format!(
            "The PinDialinNumber {name} does not exist in this namespace. Create it, or name another."
        );
        return problem(Reason::NumberNotFound, true, message);
    };
    match holder.ready_in() {
        None => {
            let message = format!("The PinDialinNumber {name} is not ready yet. Check its status.");
            problem(Reason::NumberNotReady, true, message)
        }
        Some(domain) if domain != known.domain_id => {
            let message = format!(
                "The PinDialinNumber {name} is in another Daily domain than the room. Use the same API \
                 key for both."
            );
            problem(Reason::NumberNotPurchased, false, message)
        }
        Some(_) => Ok(holder.phone_number.clone()),
    }
}

fn literal(number: &str, known: Known<'_>) -> Result<String, NumberProblem> {
    if phone::is_global(number) {
        return Ok(number.to_owned());
    }
    if !known.purchased.iter().any(|it| it.number == number) {
        let message = format!(
            "The Daily account has not purchased the number {number}. Purchase it, or name another."
        );
        return problem(Reason::NumberNotPurchased, false, message);
    }
    if let Some(holder) = not_allowed(number, known) {
        return problem(Reason::NumberNotAllowed, false, forbids(holder));
    }
    if !answers(number, known) {
        let message = format!(
            "The number {number} has no PIN dial-in config and would not answer. Create a \
             PinDialinNumber for it."
        );
        return problem(Reason::NumberNotReady, true, message);
    }
    Ok(number.to_owned())
}

/// The PinDialinNumber that holds a number of this account and does not allow rooms of this namespace
/// to publish it.
fn not_allowed<'a>(number: &str, known: Known<'a>) -> Option<&'a Holder> {
    let of_the_account = |it: &&Holder| {
        let in_domain = it.is_reported && it.domain_id.as_deref() == Some(known.domain_id);
        in_domain && it.phone_number == number
    };
    let holders = known.holders.iter().filter(of_the_account);
    let ranked = holders.filter_map(|it| Some((it.precedence()?, it)));
    let (_, holder) = ranked.min_by_key(|(precedence, _)| *precedence)?;
    (!holder.allows(known.namespace)).then_some(holder)
}

/// Names no object of the other namespace, which is none of this tenant's business.
fn forbids(holder: &Holder) -> String {
    format!(
        "A PinDialinNumber of another namespace holds the number {} and does not allow rooms of this \
         namespace to publish it. Ask its owner to set allowedRooms, or name another number.",
        holder.phone_number
    )
}

/// Whether a purchased number takes PINs (F-CALL-1).
fn answers(number: &str, known: Known<'_>) -> bool {
    known
        .configs
        .iter()
        .any(|it| it.kind == PIN_DIALIN && it.config.phone_number.as_deref() == Some(number))
}

/// Whether a purchased number takes PINs for rooms of this namespace. What a PinDialinNumber of ours
/// says is as good as Daily's answer, which may be older.
fn serves(number: &str, known: Known<'_>) -> bool {
    takes_pins(number, known) && not_allowed(number, known).is_none()
}

fn takes_pins(number: &str, known: Known<'_>) -> bool {
    let ready = |it: &Holder| it.phone_number == number && it.ready_in() == Some(known.domain_id);
    answers(number, known) || known.holders.iter().any(ready)
}

/// The number of a room that names none. What callers have on paper stays while it answers.
fn unnamed(kept: &[PublishedNumber], known: Known<'_>) -> Result<Chosen, NumberProblem> {
    let own = |number: PublishedNumber| Chosen {
        numbers: vec![number],
        why_global: None,
    };
    if let Some(kept) = still_answers(kept, known) {
        return match not_allowed(&kept.phone_number, known) {
            // What callers have on paper does not change because a permission does.
            Some(holder) => problem(Reason::NumberNotAllowed, false, forbids(holder)),
            None => Ok(own(kept)),
        };
    }
    // The list has no order that can be relied on (F-NUM-4).
    let earliest = known
        .purchased
        .iter()
        .filter(|it| serves(&it.number, known))
        .min_by_key(|it| (it.created.is_none(), it.created, it.pagination_id));
    if let Some(earliest) = earliest {
        return Ok(own(PublishedNumber {
            phone_number: earliest.number.clone(),
            source: NumberSource::Purchased,
            country: phone::country(&earliest.number),
        }));
    }
    let setting_up = usable(known).find(|it| it.stands == Stands::SettingUp);
    if let Some(awaited) = setting_up
        && known.waited < LONGEST_WAIT
    {
        return awaits(&awaited.seen_from(known.namespace), known.waited);
    }
    let global = PublishedNumber {
        phone_number: GLOBAL.0.to_owned(),
        source: NumberSource::Global,
        country: Some(GLOBAL.1.to_owned()),
    };
    Ok(Chosen {
        numbers: vec![global],
        why_global: Some(why_global(setting_up, known)),
    })
}

fn still_answers(kept: &[PublishedNumber], known: Known<'_>) -> Option<PublishedNumber> {
    let kept = kept.first()?;
    let of_account = || {
        known
            .purchased
            .iter()
            .any(|it| it.number == kept.phone_number)
    };
    let (still, source) = match kept.source {
        NumberSource::Global => (phone::is_global(&kept.phone_number), NumberSource::Global),
        NumberSource::Purchased | NumberSource::RoomNumber => (
            of_account() && takes_pins(&kept.phone_number, known),
            NumberSource::Purchased,
        ),
    };
    still.then(|| PublishedNumber {
        source,
        ..kept.clone()
    })
}

/// The PinDialinNumbers that a room of this namespace and account may come to use: also those whose
/// account is not known yet.
fn usable<'a>(known: Known<'a>) -> impl Iterator<Item = &'a Holder> {
    known.holders.iter().filter(move |it| {
        let domain = it.domain_id.as_deref();
        it.allows(known.namespace) && domain.is_none_or(|id| id == known.domain_id)
    })
}

fn awaits(name: &str, waited: Duration) -> Result<Chosen, NumberProblem> {
    Err(NumberProblem {
        reason: Reason::NumberNotReady,
        message: format!(
            "The PinDialinNumber {name} is being set up. The room waits for it, up to {} minutes, and then \
             publishes Daily's global number {}.",
            LONGEST_WAIT.as_secs() / 60,
            GLOBAL.0
        ),
        waits: true,
        // A change of it wakes the room sooner.
        again: LONGEST_WAIT.saturating_sub(waited),
    })
}

fn why_global(too_late: Option<&Holder>, known: Known<'_>) -> WhyGlobal {
    if let Some(holder) = too_late {
        return WhyGlobal::NotReadyInTime(holder.seen_from(known.namespace));
    }
    if let Some(holder) = usable(known).find(|it| it.stands == Stands::Stalled) {
        return WhyGlobal::Stalled(holder.seen_from(known.namespace));
    }
    let held = |it: &PurchasedNumber| not_allowed(&it.number, known).is_some();
    if known.purchased.is_empty() {
        WhyGlobal::NothingPurchased
    } else if known.purchased.iter().any(held) {
        WhyGlobal::HeldElsewhere
    } else {
        WhyGlobal::NothingConfigured
    }
}

#[cfg(test)]
mod tests;
