//! Claiming a number and creating its dial-in config.

use serde_json::{Value, json};

use super::problems::{adoption_not_allowed, evidence, held_by, in_use, not_purchased};
use super::steps::{Age, Step};
use super::write::write;
use super::{Plan, Planned};
use crate::crd::AdoptionPolicy;
use crate::daily::evidence::CreateAttempts;
use crate::daily::number_api::NumberApi;
use crate::daily::types::{DialinConfig, Domain, PIN_DIALIN};
use crate::naming;
use crate::number::Number;
use crate::number::spec::Spec;
use crate::number::view::{NumberEvidence, View};
use crate::reconcile::claim::{
    forget_refused, holder, how_to_adopt, no_late_write, record_request, rival, withdraw,
};
use crate::reconcile::lifecycle::Create;
use crate::reconcile::problem::{Problem, Requeue};
use crate::reconcile::record::{Claim, Made, Record};
use crate::reconcile::steps::{Change, Step as AnyStep, Written, failing, record};

impl Create for Number {
    fn claim(view: &View, spec: &Spec, domain: &Domain) -> Planned {
        let number = &spec.phone_number;
        let restored = view.restored_record(number, domain);
        let made = restored.and_then(|it| it.made.as_ref());
        let unclaimed = view.new_record(number, domain);
        claim_if_free(view, spec, &unclaimed, made.map(|it| it.id.as_str()))
    }

    fn claim_again(view: &View, spec: &Spec, unclaimed: &Record) -> Planned {
        claim_if_free(view, spec, unclaimed, unclaimed.former_id.as_deref())
    }

    fn create(view: &View, spec: &Spec, owned: &Record, claim: &Claim) -> Planned {
        let known = evidence(view, Age::Fresh)?;
        let request = spec.create(view.facts.api);
        if let Some(config) = known.of_number(&owned.name) {
            let is_elsewhere = NumberApi::of(&config.id) != view.facts.api;
            if is_elsewhere && is_former(view, owned, claim, config) {
                let step = Step::MoveConfig(config.id.clone(), Box::new(request.clone()));
                let moved = write(view, step)?;
                record_request(owned, claim, json!(request))?;
                return Ok(moved);
            }
            return found(view, spec, owned, claim, config);
        }
        if !known.purchased {
            return Ok(not_purchased(&owned.name, &owned.domain_name));
        }
        if let Some(rival) = rival(view)? {
            let held = held_by(view, &owned.name, rival);
            return Ok(withdraw(view, owned, held));
        }
        if let Some(rejection) = view.rejection_of(&naming::fingerprint(&json!(request))) {
            forget_refused(view, owned, claim)?;
            return Ok(failing(
                Problem::rejected("the dial-in config", &rejection.info),
                Requeue::After(view.now.moment.until(rejection.until)),
            ));
        }
        let created = write(view, Step::CreateConfig(Box::new(request.clone())))?;
        let mut owned = owned.clone();
        // An entry that was adopted had the id of the one that is created.
        let is_entry = |id: &mut String| NumberApi::of(id) == NumberApi::DomainProperties;
        owned.adopted_id.take_if(is_entry);
        record_request(&owned, claim, json!(request))?;
        Ok(created)
    }
}

/// Claims a number that is purchased, that no other object holds, and that has no config but ours, which is
/// one with the id `ours`, or one that may be adopted.
fn claim_if_free(view: &View, spec: &Spec, unclaimed: &Record, ours: Option<&str>) -> Planned {
    let number = &unclaimed.name;
    let is_ours = |config: &&DialinConfig| is_named(view, ours, config);
    let recent = match view.forced {
        true => Age::Fresh,
        false => Age::Recent,
    };
    // While another object holds the number, Daily need not be asked.
    if let Some(holder) = holder(view)? {
        return Ok(held_by(view, number, holder));
    }
    let known = evidence(view, recent)?;
    if !known.purchased {
        return Ok(not_purchased(number, &unclaimed.domain_name));
    }
    if let Some(config) = known.of_number(number).filter(|it| !is_ours(it)) {
        may_adopt(view, spec, config)?;
    }
    let known = evidence(view, Age::Fresh)?;
    Ok(match known.of_number(number) {
        Some(config) if is_ours(&config) => {
            record(unclaimed.owning(Made::of(&config.id)), Change::Found)
        }
        Some(config) => {
            may_adopt(view, spec, config)?;
            record(unclaimed.adopting(Made::of(&config.id)), Change::Adopted)
        }
        None => {
            let claim = claim_at(view, known);
            record(unclaimed.with_claim(claim), Change::Claimed)
        }
    })
}

/// Whether a config that exists may be adopted: a PIN dial-in config in the place where the operator writes.
/// No other object claims or owns its number.
fn may_adopt(view: &View, spec: &Spec, config: &DialinConfig) -> Result<(), Plan> {
    let number = &spec.phone_number;
    let is_adoptable = config.kind == PIN_DIALIN && NumberApi::of(&config.id) == view.facts.api;
    if spec.adoption == AdoptionPolicy::Never || !is_adoptable {
        let adopt = is_adoptable.then(|| how_to_adopt(view));
        return Err(in_use(number, config, adopt.as_deref()));
    }
    match view.key_may_adopt {
        true => no_late_write(view, Some(view.trusted_from)),
        false => Err(adoption_not_allowed(number)),
    }
}

/// A claim since this answer of Daily.
pub(super) fn claim_at(view: &View, known: &NumberEvidence) -> Claim {
    Claim::at(known.date.unwrap_or(view.now.wall))
}

/// Whether a config has this id, which an earlier record has. An entry of the domain's list has no id of
/// its own: somebody may have put another one for the number there, so it must be as the spec asks.
pub(super) fn is_named(view: &View, id: Option<&str>, config: &DialinConfig) -> bool {
    let as_asked = || view.spec.as_ref().is_ok_and(|it| it.is_applied_in(config));
    id == Some(&config.id) && (!config.is_at_the_domain() || as_asked())
}

/// Whether a config is the one that the object owned before the claim. An entry that is to be moved is as the
/// spec asked then: it may have been edited since.
fn is_former(view: &View, owned: &Record, claim: &Claim, config: &DialinConfig) -> bool {
    let former = owned.former_id.as_deref();
    let moved = claim.moved.as_ref().and_then(Spec::of_request);
    let is_moved = moved.is_some_and(|moved| moved.is_applied_in(config));
    is_named(view, former, config) || former == Some(&config.id) && is_moved
}

/// The claimed number has a config: it is recorded if it is ours.
fn found(
    view: &View,
    spec: &Spec,
    owned: &Record,
    claim: &Claim,
    config: &DialinConfig,
) -> Planned {
    if !is_ours(view, owned, claim, config)? {
        return Ok(withdraw(view, owned, in_use(&owned.name, config, None)));
    }
    let recorded = owned.owning(Made::of(&config.id));
    // If nothing else is left to do, the next write is the status.
    let written = match spec.is_applied_in(config) {
        true => Written::WithStatus,
        false => Written::Now,
    };
    let recorded = Box::new(recorded);
    Ok(Plan::Act(AnyStep::Record(
        recorded,
        Change::Created,
        written,
    )))
}

/// Whether a config of the claimed number is ours although its id is not recorded. It is if this process
/// created it, or if it has the id of before. Otherwise a create must possibly have succeeded, the config
/// must match what that create asked for, and no other object may own it.
pub(super) fn is_ours(
    view: &View,
    owned: &Record,
    claim: &Claim,
    config: &DialinConfig,
) -> Result<bool, Plan> {
    let created = CreateAttempts::Created(config.id.clone());
    if view.evidence.create_attempts == created && !config.is_at_the_domain()
        || is_former(view, owned, claim, config)
    {
        return Ok(true);
    }
    let matches = |request: &Value| {
        let asked = Spec::of_request(request);
        // A create for the list has no type.
        request.get("type").is_none() == config.is_at_the_domain()
            && asked.is_some_and(|asked| asked.is_applied_in(config))
    };
    if !view.create_may_have_succeeded() || !claim.sent.iter().any(matches) {
        return Ok(false);
    }
    let owned_by_rival = rival(view)?.and_then(|it| it.made.as_ref());
    Ok(owned_by_rival != Some(&config.id))
}
