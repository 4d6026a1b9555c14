//! Which numbers a room publishes: never one that would not answer. No I/O.

use super::desired::WantedNumber;
use super::view::NumberProblem;
use crate::crd::condition::Reason;
use crate::crd::{NumberSource, PublishedNumber};
use crate::daily::types::{DialinConfig, PIN_DIALIN, PurchasedNumber};
use crate::phone;

/// Daily's global number that is published when no other one serves a room (F-GLOB-2).
pub(crate) const GLOBAL: (&str, &str) = ("+12095038039", "US");

/// A PinDialinNumber, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its number.
    pub phone_number: String,
    /// The id of the domain that it is ready in.
    pub ready_in: Option<String>,
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
}

/// Whether Daily has to be asked for numbers and configs.
#[must_use]
pub fn asks_daily(wanted: &[WantedNumber]) -> bool {
    wanted.is_empty()
        || wanted
            .iter()
            .any(|it| matches!(it, WantedNumber::Literal(_)))
}

/// The numbers to publish. `kept` are those that were published last.
///
/// # Errors
/// Why there are none.
pub fn choose(
    wanted: &[WantedNumber],
    kept: &[PublishedNumber],
    known: Known<'_>,
) -> Result<Vec<PublishedNumber>, NumberProblem> {
    if wanted.is_empty() {
        return Ok(vec![unnamed(kept, known)]);
    }
    let mut published: Vec<PublishedNumber> = Vec::new();
    for one in wanted {
        let number = match one {
            WantedNumber::Literal(number) => literal(number, known)?,
            WantedNumber::Reference(name) => reference(name, known)?,
        };
        if !published.iter().any(|it| it.phone_number == number) {
            published.push(PublishedNumber {
                country: phone::country(&number),
                phone_number: number,
                source: NumberSource::RoomNumber,
            });
        }
    }
    Ok(published)
}

fn problem<T>(reason: Reason, waits: bool, message: String) -> Result<T, NumberProblem> {
    Err(NumberProblem {
        reason,
        message,
        waits,
    })
}

fn reference(name: &str, known: Known<'_>) -> Result<String, NumberProblem> {
    let named = |it: &&Holder| it.namespace == known.namespace && it.name == name;
    let Some(holder) = known.holders.iter().find(named) else {
        let message = format!(
            "the PinDialinNumber {name} does not exist in this namespace: create it, or name another"
        );
        return problem(Reason::NumberNotFound, true, message);
    };
    match &holder.ready_in {
        None => {
            let message =
                format!("the PinDialinNumber {name} is not ready yet: look at its status");
            problem(Reason::NumberNotReady, true, message)
        }
        Some(domain) if domain != known.domain_id => {
            let message = format!(
                "the PinDialinNumber {name} is in another Daily domain than the room: use the same \
                 API key for both"
            );
            problem(Reason::NumberNotPurchased, false, message)
        }
        Some(_) => Ok(holder.phone_number.clone()),
    }
}

fn literal(number: &str, known: Known<'_>) -> Result<String, NumberProblem> {
    if !known.purchased.iter().any(|it| it.number == number) {
        let message = format!(
            "the Daily account has not purchased the number {number}: purchase it, or name another"
        );
        return problem(Reason::NumberNotPurchased, false, message);
    }
    if let Some(holder) = elsewhere(number, known) {
        let message = format!(
            "the number {number} is held by the PinDialinNumber {}/{}, which does not allow rooms \
             of this namespace",
            holder.namespace, holder.name
        );
        return problem(Reason::NumberNotAllowed, false, message);
    }
    if !answers(number, known) {
        let message = format!(
            "the number {number} has no PIN dial-in config and would not answer: create a \
             PinDialinNumber for it"
        );
        return problem(Reason::NumberNotReady, true, message);
    }
    Ok(number.to_owned())
}

/// The PinDialinNumber of another namespace that holds a number of this account.
fn elsewhere<'a>(number: &str, known: Known<'a>) -> Option<&'a Holder> {
    let of_the_account =
        |it: &&Holder| it.phone_number == number && it.ready_in.as_deref() == Some(known.domain_id);
    let mut holders = known.holders.iter().filter(of_the_account);
    holders.find(|it| it.namespace != known.namespace)
}

/// Whether a purchased number takes PINs (F-CALL-1).
fn answers(number: &str, known: Known<'_>) -> bool {
    known
        .configs
        .iter()
        .any(|it| it.kind == PIN_DIALIN && it.config.phone_number.as_deref() == Some(number))
}

/// The number of a room that names none. What callers have on paper stays while it answers.
fn unnamed(kept: &[PublishedNumber], known: Known<'_>) -> PublishedNumber {
    let serves = |number: &str| answers(number, known) && elsewhere(number, known).is_none();
    let still_serves = |it: &&PublishedNumber| match it.source {
        NumberSource::Global => it.phone_number == GLOBAL.0,
        NumberSource::Purchased | NumberSource::RoomNumber => {
            known.purchased.iter().any(|n| n.number == it.phone_number) && serves(&it.phone_number)
        }
    };
    if let Some(kept) = kept.first().filter(still_serves) {
        let source = match kept.source {
            NumberSource::Global => NumberSource::Global,
            NumberSource::Purchased | NumberSource::RoomNumber => NumberSource::Purchased,
        };
        return PublishedNumber {
            source,
            ..kept.clone()
        };
    }
    // The list has no order that can be relied on (F-NUM-4).
    let earliest = known
        .purchased
        .iter()
        .filter(|it| serves(&it.number))
        .min_by_key(|it| (it.created.is_none(), it.created, it.pagination_id));
    match earliest {
        Some(earliest) => PublishedNumber {
            phone_number: earliest.number.clone(),
            source: NumberSource::Purchased,
            country: phone::country(&earliest.number),
        },
        None => PublishedNumber {
            phone_number: GLOBAL.0.to_owned(),
            source: NumberSource::Global,
            country: Some(GLOBAL.1.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daily::types::DialinConfigBody;

    const FIRST: &str = "+12025550123";
    const SECOND: &str = "+14155550100";

    fn purchased() -> Vec<PurchasedNumber> {
        let number = |number: &str, created, pagination_id| PurchasedNumber {
            number: number.to_owned(),
            created: Some(created),
            pagination_id,
        };
        vec![number(SECOND, 200, 2), number(FIRST, 100, 1)]
    }

    fn config(number: &str) -> DialinConfig {
        DialinConfig {
            id: format!("id-{number}"),
            kind: PIN_DIALIN.to_owned(),
            config: DialinConfigBody {
                phone_number: Some(number.to_owned()),
                ..DialinConfigBody::default()
            },
        }
    }

    fn holder(namespace: &str, number: &str, ready_in: Option<&str>) -> Holder {
        Holder {
            namespace: namespace.to_owned(),
            name: "main".to_owned(),
            phone_number: number.to_owned(),
            ready_in: ready_in.map(str::to_owned),
        }
    }

    fn pick(
        wanted: &[WantedNumber],
        kept: &[PublishedNumber],
        configs: &[DialinConfig],
        holders: &[Holder],
    ) -> Result<Vec<(String, NumberSource)>, Reason> {
        let purchased = purchased();
        let known = Known {
            namespace: "team",
            domain_id: "d",
            purchased: &purchased,
            configs,
            holders,
        };
        choose(wanted, kept, known)
            .map(|it| {
                it.into_iter()
                    .map(|it| (it.phone_number, it.source))
                    .collect()
            })
            .map_err(|problem| problem.reason)
    }

    fn one(number: &str, source: NumberSource) -> Result<Vec<(String, NumberSource)>, Reason> {
        Ok(vec![(number.to_owned(), source)])
    }

    #[test]
    fn without_a_name_the_earliest_that_answers_serves_else_a_global_one() {
        let both = [config(SECOND), config(FIRST)];
        assert_eq!(
            pick(&[], &[], &both, &[]),
            one(FIRST, NumberSource::Purchased)
        );
        let later = [config(SECOND)];
        assert_eq!(
            pick(&[], &[], &later, &[]),
            one(SECOND, NumberSource::Purchased)
        );
        assert_eq!(
            pick(&[], &[], &[], &[]),
            one(GLOBAL.0, NumberSource::Global)
        );
        let theirs = [holder("other", FIRST, Some("d"))];
        assert_eq!(
            pick(&[], &[], &both, &theirs),
            one(SECOND, NumberSource::Purchased)
        );
    }

    #[test]
    fn a_published_number_stays_while_it_answers() {
        let published = |number: &str, source| PublishedNumber {
            phone_number: number.to_owned(),
            source,
            country: None,
        };
        let global = [published(GLOBAL.0, NumberSource::Global)];
        let both = [config(SECOND), config(FIRST)];
        assert_eq!(
            pick(&[], &global, &both, &[]),
            one(GLOBAL.0, NumberSource::Global)
        );
        let second = [published(SECOND, NumberSource::Purchased)];
        assert_eq!(
            pick(&[], &second, &both, &[]),
            one(SECOND, NumberSource::Purchased)
        );
        let only_first = [config(FIRST)];
        assert_eq!(
            pick(&[], &second, &only_first, &[]),
            one(FIRST, NumberSource::Purchased)
        );
    }

    #[test]
    fn named_numbers_are_published_or_it_is_said_why_not() {
        let literal = |number: &str| [WantedNumber::Literal(number.to_owned())];
        let configs = [config(FIRST)];
        assert_eq!(
            pick(&literal(FIRST), &[], &configs, &[]),
            one(FIRST, NumberSource::RoomNumber)
        );
        assert_eq!(
            pick(&literal(SECOND), &[], &configs, &[]),
            Err(Reason::NumberNotReady)
        );
        let foreign = literal("+12025550177");
        assert_eq!(
            pick(&foreign, &[], &configs, &[]),
            Err(Reason::NumberNotPurchased)
        );
        let theirs = [holder("other", FIRST, Some("d"))];
        assert_eq!(
            pick(&literal(FIRST), &[], &configs, &theirs),
            Err(Reason::NumberNotAllowed)
        );
        let ours = [holder("team", FIRST, Some("d"))];
        assert_eq!(
            pick(&literal(FIRST), &[], &configs, &ours),
            one(FIRST, NumberSource::RoomNumber)
        );
    }

    #[test]
    fn references_are_resolved_in_the_namespace_alone() {
        let wanted = [WantedNumber::Reference("main".to_owned())];
        let cases = [
            (
                holder("other", FIRST, Some("d")),
                Err(Reason::NumberNotFound),
            ),
            (holder("team", FIRST, None), Err(Reason::NumberNotReady)),
            (
                holder("team", FIRST, Some("e")),
                Err(Reason::NumberNotPurchased),
            ),
            (
                holder("team", FIRST, Some("d")),
                one(FIRST, NumberSource::RoomNumber),
            ),
        ];
        for (holder, expected) in cases {
            assert_eq!(
                pick(&wanted, &[], &[], std::slice::from_ref(&holder)),
                expected,
                "{holder:?}"
            );
        }
    }
}
