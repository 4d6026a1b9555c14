//! Claiming a number and creating its dial-in config.

use serde_json::{Value, json};

use super::state;
use super::{Age, IN_USE, Look, Plan, Step, act, fails, in_use, look, not_purchased, rejected};
use crate::crd::condition::Reason;
use crate::daily::evidence::CreateAttempts;
use crate::daily::types::{DialinConfig, DialinConfigRequest, Domain};
use crate::naming;
use crate::number::spec::Spec;
use crate::number::view::{NumberState, View};
use crate::reconcile::plan::{Change, Step as AnyStep, Written, failing, note, record};
use crate::reconcile::problem::Requeue;
use crate::reconcile::record::{Claim, Made, Record};
use crate::reconcile::rivals::Rival;

/// Claims a number.
pub(in crate::number) fn claim(view: &View, spec: &Spec, domain: &Domain) -> Plan {
    let number = &spec.phone_number;
    // A record of an earlier object, which was restored, is worth what Daily says of it.
    let former = view.former_record();
    let former = former.filter(|it| it.domain_id == domain.id && it.name == *number);
    let former = former.and_then(|it| it.made.as_ref());
    let ours = |config: &DialinConfig| former.is_some_and(|made| made.id == config.id);
    free(view, spec, view.new_record(number, domain), ours)
}

/// A claim was withdrawn: waits until the number is free.
pub(in crate::number) fn claim_again(view: &View, spec: &Spec, unclaimed: &Record) -> Plan {
    let former = unclaimed.former_id.clone();
    let ours = |config: &DialinConfig| former.as_ref() == Some(&config.id);
    free(view, spec, unclaimed.clone(), ours)
}

/// Claims the number if it is purchased, nobody comes first, and it has no config but one of ours.
fn free(view: &View, spec: &Spec, unclaimed: Record, ours: impl Fn(&DialinConfig) -> bool) -> Plan {
    let age = if view.forced { Age::Fresh } else { Age::Lately };
    let known = match state(view, age) {
        Ok(known) => known,
        Err(look) => return look,
    };
    let number = &unclaimed.name;
    if !known.purchased {
        return not_purchased(number, &unclaimed.domain_name);
    }
    match &view.facts.rival {
        None => return look(Look::Rivals),
        Some(Some(rival)) => return held_by(view, number, rival),
        Some(None) => {}
    }
    if let Some(config) = known.of_number(number).filter(|config| !ours(config)) {
        return in_use(number, config);
    }
    let known = match state(view, Age::Fresh) {
        Ok(known) => known,
        Err(look) => return look,
    };
    match known.of_number(number) {
        Some(config) if ours(config) => {
            let found = Record {
                made: Some(Made::of(&config.id)),
                former_id: None,
                ..unclaimed
            };
            record(found, Change::Found)
        }
        Some(config) => in_use(number, config),
        None => {
            let claim = Claim {
                sent: vec![mark(&spec.create())],
                ..claim_of(view, known)
            };
            let claimed = Record {
                claim: Some(claim),
                ..unclaimed
            };
            record(claimed, Change::Claimed)
        }
    }
}

fn held_by(view: &View, number: &str, rival: &Rival) -> Plan {
    let message = format!(
        "{} holds the number {number}. Delete one of the two.",
        rival.seen_from(&view.meta.namespace, "PinDialinNumber")
    );
    fails(Reason::NumberInUse, message, IN_USE)
}

/// A claim by this look at the number.
pub(super) fn claim_of(view: &View, state: &NumberState) -> Claim {
    Claim::at(state.date.unwrap_or(view.now.wall))
}

/// Creates the config that is claimed, or finds it created.
pub(in crate::number) fn create(view: &View, spec: &Spec, owned: &Record, claim: &Claim) -> Plan {
    let known = match state(view, Age::Fresh) {
        Ok(known) => known,
        Err(look) => return look,
    };
    if let Some(config) = known.of_number(&owned.name) {
        return found(view, spec, owned, claim, config);
    }
    if !known.purchased {
        return not_purchased(&owned.name, &owned.domain_name);
    }
    match &view.facts.rival {
        None => return look(Look::Rivals),
        Some(Some(rival)) => {
            let held = held_by(view, &owned.name, rival);
            return withdraw(view, owned, held);
        }
        Some(None) => {}
    }
    let request = spec.create();
    if let Some(plan) = note(owned, claim, mark(&request)) {
        return plan;
    }
    let rejection = view.memory.rejection.as_ref().filter(|it| {
        let again = view.forced && !view.retried;
        !again && view.now.moment < it.until && it.what == naming::fingerprint(&json!(request))
    });
    match rejection {
        Some(rejection) => failing(
            rejected("the dial-in config of the number", &rejection.info),
            Requeue::After(view.now.moment.until(rejection.until)),
        ),
        None => act(Step::CreateConfig(request)),
    }
}

/// A config of the claimed number is there: is it ours?
fn found(view: &View, spec: &Spec, owned: &Record, claim: &Claim, config: &DialinConfig) -> Plan {
    match is_ours(view, owned, claim, config) {
        Ok(true) => {
            let recorded = Record {
                claim: None,
                former_id: None,
                made: Some(Made::of(&config.id)),
                ..owned.clone()
            };
            // Where nothing is left to do, the status follows at once and carries it.
            let written = match spec.is_said_by(config) {
                true => Written::WithStatus,
                false => Written::Now,
            };
            Plan::Act(AnyStep::Record(recorded, Change::Created, written))
        }
        Ok(false) => withdraw(view, owned, in_use(&owned.name, config)),
        Err(look) => look,
    }
}

/// The claim is withdrawn, unless a create of ours may still take effect: then it stands, so that
/// what that creates is known, and `otherwise` is reported.
fn withdraw(view: &View, owned: &Record, otherwise: Plan) -> Plan {
    if may_be_ours(view) {
        return otherwise;
    }
    let withdrawn = Record {
        claim: None,
        ..owned.clone()
    };
    record(withdrawn, Change::Withdrawn)
}

/// Whether a config of the claimed number is ours although its id is not recorded: a create of this
/// process was answered with it, or it has the id of before. Else a create must possibly have taken
/// effect, the config say what that asked for, and no other object have it recorded.
pub(super) fn is_ours(
    view: &View,
    owned: &Record,
    claim: &Claim,
    config: &DialinConfig,
) -> Result<bool, Plan> {
    let created = CreateAttempts::Created(config.id.clone());
    if view.facts.create_attempts == created || owned.former_id.as_ref() == Some(&config.id) {
        return Ok(true);
    }
    if !may_be_ours(view) || !claim.sent.iter().any(|sent| says(config, sent)) {
        return Ok(false);
    }
    match &view.facts.rival {
        None => Err(look(Look::Rivals)),
        Some(rival) => {
            let theirs = rival.as_ref().and_then(|it| it.made.as_ref());
            Ok(theirs != Some(&config.id))
        }
    }
}

/// What a create asks for, as far as it is compared with a config that is found.
fn mark(request: &DialinConfigRequest) -> Value {
    json!(request)
}

/// Whether a config says what a create asked for, and nothing else of it.
fn says(config: &DialinConfig, sent: &Value) -> bool {
    let spec = Spec::of_request(sent);
    spec.is_some_and(|spec| spec.is_said_by(config))
}

/// Whether a create of ours since the claim may have taken effect although no answer said so. Of
/// those of an earlier process nobody knows.
pub(super) fn may_be_ours(view: &View) -> bool {
    view.facts.create_attempts.may_have_created()
}
