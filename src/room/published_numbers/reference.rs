//! The number of a PinDialinNumber that a room names. No I/O.

use super::holder::{Holder, NumberState};
use super::{Inputs, NumberProblem, is_published, stalled, waiting};
use crate::crd::condition::Reason;
use crate::crd::{NumberRef, PublishedNumber};

pub(super) fn reference(
    named: &NumberRef,
    published: &[PublishedNumber],
    inputs: Inputs<'_>,
) -> Result<String, NumberProblem> {
    let namespace = named.namespace.as_deref().unwrap_or(inputs.namespace);
    let is_named = |it: &&Holder| it.namespace == namespace && it.name == named.name;
    let holder = inputs.holders.iter().find(is_named);
    let is_own = namespace == inputs.namespace;
    match holder {
        Some(holder) if holder.allows => ready(holder, published, inputs),
        None if is_own => {
            let message = format!(
                "The PinDialinNumber {} does not exist in this namespace. Create it, or name another one.",
                named.name
            );
            Err(waiting(Reason::NumberNotFound, message))
        }
        Some(_) if is_own => {
            let message = format!(
                "The allowedRooms of the PinDialinNumber {} do not include this namespace. Change them, or name \
                 another PinDialinNumber.",
                named.name
            );
            Err(stalled(Reason::NumberNotAllowed, message))
        }
        // Whether it exists is told only to those whom it allows.
        Some(_) | None => {
            let message = format!(
                "The PinDialinNumber {namespace}/{} does not exist, or its allowedRooms do not include this \
                 namespace. Ask its owner to set allowedRooms, or name another PinDialinNumber.",
                named.name
            );
            Err(stalled(Reason::NumberNotAllowed, message))
        }
    }
}

fn ready(
    holder: &Holder,
    published: &[PublishedNumber],
    inputs: Inputs<'_>,
) -> Result<String, NumberProblem> {
    let number = &holder.phone_number;
    let kept = is_published(number, published) && holder.answers_in(inputs.domain_id);
    if kept || holder.is_ready_in(inputs.domain_id) {
        return Ok(number.clone());
    }
    let name = holder.seen_from(inputs.namespace);
    if holder.is_being_deleted() {
        let message = format!("The PinDialinNumber {name} is being deleted. Name another one.");
        return Err(waiting(Reason::NumberNotReady, message));
    }
    if holder.state == NumberState::Ready && holder.domain_id.is_some() {
        let message = format!(
            "The PinDialinNumber {name} is in another Daily domain than the room. Use the same API key for both: set \
             spec.apiKeySecretRef."
        );
        return Err(stalled(Reason::NumberNotPurchased, message));
    }
    let message = format!("The PinDialinNumber {name} is not ready yet. Check its status.");
    Err(waiting(Reason::NumberNotReady, message))
}
