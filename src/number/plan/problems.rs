//! How fresh an answer must be, and what is reported when a number cannot be served.

use std::time::Duration;

use super::Plan;
use super::steps::{Age, Read};
use crate::crd::condition::Reason;
use crate::daily::types::DialinConfig;
use crate::number::view::{NumberEvidence, View};
use crate::phone;
use crate::reconcile::claim::ADOPTION_NEEDS;
use crate::reconcile::problem::{Problem, Requeue};
use crate::reconcile::steps::{failing, read};
use crate::reconcile::view::Rival;

/// How old an answer may be while objects wait for something, so that all of them share it.
pub(in crate::number) const RECENT: Duration = Duration::from_secs(4);
/// How soon to check at first whether somebody else gave up a number: longer than [`RECENT`], so that each check
/// reads a new answer.
const IN_USE_RETRY: Duration = Duration::from_secs(7);
/// How soon to check at first whether a number was purchased. A purchase takes minutes, and the user waits for it.
const NOT_PURCHASED_RETRY: Duration = Duration::from_secs(20);

/// Daily's answer about the number, if there is one of this age.
pub(super) fn evidence(view: &View, age: Age) -> Result<&NumberEvidence, Plan> {
    let is_usable = |it: &&NumberEvidence| match age {
        Age::Drift => true,
        Age::Recent => it.at.until(view.now.moment) <= RECENT,
        Age::Fresh => it.at >= view.facts.fresh_since,
    };
    let evidence = view.facts.number.as_ref().filter(is_usable);
    evidence.ok_or(read(Read::Number(age)))
}

/// The account does not own the number.
pub(super) fn not_purchased(number: &str, domain: &str) -> Plan {
    let message = match phone::is_global(number) {
        true => format!(
            "{number} is one of Daily's global numbers, which need no PinDialinNumber. Delete this PinDialinNumber, and \
             name the number in spec.dialin.roomNumbers of a DailyRoom."
        ),
        false => format!(
            "The Daily domain {domain} has not purchased the number {number}. Purchase it, or use another number."
        ),
    };
    let requeue = Requeue::Polling(NOT_PURCHASED_RETRY);
    unserved(Reason::NumberNotPurchased, message, requeue)
}

/// Somebody has configured the number at Daily. The object could adopt that config in the way that `adopt` says.
pub(super) fn in_use(number: &str, config: &DialinConfig, adopt: Option<&str>) -> Plan {
    let message = match config.is_at_the_domain() {
        true => format!(
            "The number {number} is configured in the property pin_dialin of the Daily domain, so rooms can publish it \
             without a PinDialinNumber. To use a PinDialinNumber instead, {}remove the number from pin_dialin.",
            adopt.map_or(String::new(), |it| format!("{it}, or "))
        ),
        false => format!(
            "The number {number} has a dial-in config at Daily that does not belong to this PinDialinNumber. {}If \
             nobody needs that config, delete it; otherwise use another number.",
            adopt.map_or(String::new(), |it| format!(
                "To take that config over, {it}. "
            ))
        ),
    };
    unserved(Reason::NumberInUse, message, Requeue::Polling(IN_USE_RETRY))
}

/// The config exists, and the key may not be used to adopt it.
pub(super) fn adoption_not_allowed(number: &str) -> Plan {
    let message = format!(
        "The number {number} has a dial-in config at Daily, and this PinDialinNumber uses the operator's default API \
         key, with which it may not adopt configs. To adopt it, {ADOPTION_NEEDS}."
    );
    unserved(
        Reason::AdoptionNotAllowed,
        message,
        Requeue::Polling(IN_USE_RETRY),
    )
}

/// Another PinDialinNumber has the number.
pub(super) fn held_by(view: &View, number: &str, rival: &Rival) -> Plan {
    let message = format!(
        "{} holds the number {number}. Delete one of the two.",
        rival.seen_from(&view.meta.namespace, "PinDialinNumber")
    );
    unserved(Reason::NumberInUse, message, Requeue::After(IN_USE_RETRY))
}

/// The config has another number now. To move it back would take that number from whoever moved it.
pub(super) fn moved(number: &str, id: &str) -> Plan {
    let message = format!(
        "The dial-in config {id} was moved at Daily from {number} to another number. Move it back, or delete it to let \
         the operator create a new one."
    );
    unserved(Reason::NumberInUse, message, Requeue::Polling(IN_USE_RETRY))
}

fn unserved(reason: Reason, message: String, requeue: Requeue) -> Plan {
    let problem = Problem::for_user(reason, message).unserved();
    failing(problem, requeue)
}
