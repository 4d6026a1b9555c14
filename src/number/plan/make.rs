//! Binding an object and making its dial-in config.

use serde_json::json;

use super::{Again, Change, IN_USE, Look, Needs, Plan, Step, Verdict};
use super::{Age, failing, in_use, line, not_purchased, refused, rest};
use crate::binding::{Binding, Claim, Made};
use crate::crd::condition::Reason;
use crate::daily::ledger::Posts;
use crate::daily::types::{DialinConfig, Domain};
use crate::naming;
use crate::number::desired::Desired;
use crate::number::view::{Line, Rival, View};

/// Claims a number and binds the object to it.
pub(super) fn bind(view: &View, desired: &Desired, domain: &Domain) -> Plan {
    let number = &desired.phone_number;
    let binding = |claim, made| Binding {
        uid: view.subject.uid.clone(),
        domain_id: domain.id.clone(),
        domain_name: domain.name.clone(),
        name: number.clone(),
        installation_id: view.installation_id.clone(),
        claim,
        made,
        recreated: Vec::new(),
    };
    // A record of an object before this one, which was restored, is worth what Daily says of it.
    let hint = view
        .subject
        .hint()
        .filter(|it| it.domain_id == domain.id && it.name == *number)
        .and_then(|it| it.made.as_ref());
    let ours = |config: &DialinConfig| hint.is_some_and(|made| made.id == config.id);
    match free(view, number, &domain.name, ours) {
        Ok(Free::Claim(claim)) => Plan::Act(Step::Bind(binding(Some(claim), None))),
        Ok(Free::Ours(made)) => Plan::Act(Step::Bind(binding(None, Some(made)))),
        Err(plan) => plan,
    }
}

/// A claim was withdrawn: wait until the number is free.
pub(super) fn claim_again(view: &View, desired: &Desired, binding: &Binding) -> Plan {
    match free(view, &desired.phone_number, &binding.domain_name, |_| false) {
        Ok(Free::Claim(claim)) => {
            let claimed = Binding {
                claim: Some(claim),
                ..binding.clone()
            };
            Plan::Act(Step::Record(claimed, Change::Claimed))
        }
        Ok(Free::Ours(_)) => in_use(&desired.phone_number),
        Err(plan) => plan,
    }
}

/// A number that this object may have.
enum Free {
    Claim(Claim),
    /// Its config was made for the object before this one.
    Ours(Made),
}

/// Whether the number is purchased, nobody comes first, and it has no config but one of ours.
fn free(
    view: &View,
    number: &str,
    domain: &str,
    ours: impl Fn(&DialinConfig) -> bool,
) -> Result<Free, Plan> {
    let known = line(view, if view.forced { Age::Fresh } else { Age::Lately })?;
    if !known.purchased {
        return Err(not_purchased(number, domain));
    }
    match &view.rival {
        None => return Err(Plan::Look(Look::Rivals)),
        Some(Some(rival)) => return Err(held_by(number, rival)),
        Some(None) => {}
    }
    let config = known.of_number(number);
    if config.is_some_and(|config| !ours(config)) {
        return Err(in_use(number));
    }
    let known = line(view, Age::Fresh)?;
    if !view.rival_is_live {
        return Err(Plan::Look(Look::RivalsLive));
    }
    Ok(match known.of_number(number) {
        Some(config) => Free::Ours(made(config)),
        None => Free::Claim(claim(view, known)),
    })
}

fn held_by(number: &str, rival: &Rival) -> Plan {
    failing(
        Reason::NumberInUse,
        format!(
            "the PinDialinNumber {} holds the number {number}: delete one of the two",
            rival.name
        ),
        Needs::Person,
        Again::In(IN_USE),
    )
}

/// Claims the number by this look at it.
pub(super) fn claim(view: &View, line: &Line) -> Claim {
    Claim {
        at: line.date.unwrap_or(view.now.wall),
        end: None,
        past_end: None,
    }
}

fn made(config: &DialinConfig) -> Made {
    Made {
        id: config.id.clone(),
        sent: None,
        end: None,
    }
}

/// Makes the config that is claimed, or finds it made.
pub(super) fn create(view: &View, desired: &Desired, binding: &Binding) -> Plan {
    let known = match line(view, Age::Fresh) {
        Ok(known) => known,
        Err(look) => return look,
    };
    if let Some(config) = known.of_number(&binding.name) {
        return found(view, binding, config);
    }
    if !known.purchased {
        return not_purchased(&binding.name, &binding.domain_name);
    }
    match &view.rival {
        Some(rival) if view.rival_is_live => {
            if let Some(rival) = rival {
                return withdraw(view, binding, held_by(&binding.name, rival));
            }
        }
        _ => return Plan::Look(Look::RivalsLive),
    }
    let request = desired.create();
    let refusal = view.memory.refusal.as_ref().filter(|it| {
        let again = view.forced && !view.tried;
        !again && view.now.moment < it.until && it.what == naming::fingerprint(&json!(request))
    });
    match refusal {
        Some(refusal) => rest(
            Verdict::Failing(refused("the dial-in config of the number", &refusal.info)),
            Again::In(view.now.moment.until(refusal.until)),
        ),
        None => Plan::Act(Step::CreateConfig(request)),
    }
}

/// A config of the claimed number is there: is it ours?
fn found(view: &View, binding: &Binding, config: &DialinConfig) -> Plan {
    match is_ours(view, config) {
        Ok(true) => {
            let recorded = Binding {
                claim: None,
                made: Some(made(config)),
                ..binding.clone()
            };
            Plan::Act(Step::Record(recorded, Change::Made))
        }
        Ok(false) => withdraw(view, binding, in_use(&binding.name)),
        Err(look) => look,
    }
}

/// The claim is withdrawn, unless a create of ours may still be done: then it stands, so that what
/// that makes is known, and `else_told` is said.
fn withdraw(view: &View, binding: &Binding, else_told: Plan) -> Plan {
    if may_be_ours(view) {
        return else_told;
    }
    let withdrawn = Binding {
        claim: None,
        ..binding.clone()
    };
    Plan::Act(Step::Record(withdrawn, Change::Withdrawn))
}

/// Whether a config of the claimed number is ours although its id is not recorded: a create of this
/// process was answered with it; or one may have been done, the config says what that would have
/// said, and it is not recorded for another object, which may ask for the same.
pub(super) fn is_ours(view: &View, config: &DialinConfig) -> Result<bool, Plan> {
    if view.memory.created.as_ref() == Some(&config.id) {
        return Ok(true);
    }
    let sent = view.memory.posted.as_ref();
    let said = sent.into_iter().chain(view.desired.as_ref().ok());
    if !may_be_ours(view) || !said.into_iter().any(|it| it.is_said_by(config)) {
        return Ok(false);
    }
    match &view.rival {
        Some(rival) if view.rival_is_live => {
            let theirs = rival.as_ref().and_then(|it| it.config.as_ref());
            Ok(theirs != Some(&config.id))
        }
        _ => Err(Plan::Look(Look::RivalsLive)),
    }
}

/// Whether a create of ours since the claim may have been done although no answer said so. Of those
/// of a process before this one nobody knows.
pub(super) fn may_be_ours(view: &View) -> bool {
    view.posts == Posts::Unknown || view.memory.posted.is_some() || !view.memory.claimed_here
}
