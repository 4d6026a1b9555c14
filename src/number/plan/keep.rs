//! Keeping a recorded dial-in config as the spec asks.

use serde_json::json;

use super::create::claim_of;
use super::{Age, IN_USE, LATER, MARGIN, Plan, Serving, Step, Update};
use super::{act, fails, in_use, not_purchased};
use super::{quiet_from, rejected, state};
use crate::crd::condition::{self, Reason, kind};
use crate::daily::evidence::between_absences;
use crate::daily::types::{DialinConfig, Domain};
use crate::naming;
use crate::number::spec::Spec;
use crate::number::view::{NumberState, View};
use crate::reconcile::plan::{Change, Outcome, record, rest};
use crate::reconcile::problem::{Problem, Requeue};
use crate::reconcile::record::{Made, Record};

pub(in crate::number) fn plan(
    view: &View,
    spec: &Spec,
    domain: &Domain,
    owned: &Record,
    made: &Made,
) -> Plan {
    let known = match state(view, age(view)) {
        Ok(known) => known,
        Err(look) => return look,
    };
    let other = known.of_number(&owned.name).filter(|it| it.id != made.id);
    if let Some(other) = other {
        return in_use(&owned.name, other);
    }
    if !known.purchased {
        return not_purchased(&owned.name, &domain.name);
    }
    match known.by_id(&made.id) {
        Some(config) if config.config.phone_number.as_ref() != Some(&owned.name) => {
            moved(&owned.name, &made.id)
        }
        Some(config) => present(view, spec, domain, config),
        None => absent(view, owned, known),
    }
}

/// While nothing is waited for, one look serves all numbers of the account.
fn age(view: &View) -> Age {
    let ready = condition::is_true(&view.status.conditions, kind::READY);
    match (
        view.forced,
        ready && view.memory.kind.first_absent.is_none(),
    ) {
        (true, _) => Age::Fresh,
        (false, true) => Age::Drift,
        (false, false) => Age::Lately,
    }
}

/// Our config was moved to another number at Daily. To move it back would take that number from
/// whoever moved it.
fn moved(number: &str, id: &str) -> Plan {
    let message = format!(
        "The dial-in config {id} of the number {number} was changed at Daily to another number. Change it back, or \
         delete it to have a new one created."
    );
    fails(Reason::NumberInUse, message, IN_USE)
}

fn present(view: &View, spec: &Spec, domain: &Domain, config: &DialinConfig) -> Plan {
    let serving = Box::new(Serving {
        domain: domain.clone(),
        id: config.id.clone(),
    });
    if spec.is_said_by(config) {
        return rest(Outcome::Serving(serving, None), Requeue::AtDrift(None));
    }
    let with = |problem: Problem, requeue| rest(Outcome::Serving(serving, Some(problem)), requeue);
    let what = "the change of the dial-in config";
    if view.facts.updated {
        // It would be sent again and again.
        let info = "Daily accepted the change without applying it";
        return with(rejected(what, info), Requeue::AtDrift(None));
    }
    let request = spec.update(&config.config);
    let rejection = view.memory.rejection.as_ref().filter(|it| {
        let again = view.forced && !view.retried;
        !again && view.now.moment < it.until && it.what == naming::fingerprint(&json!(request))
    });
    if let Some(rejection) = rejection {
        let requeue = Requeue::After(view.now.moment.until(rejection.until));
        return with(rejected(what, &rejection.info), requeue);
    }
    // What is changed is changed for all callers: an answer of before will not do.
    if let Err(look) = state(view, Age::Fresh) {
        return look;
    }
    act(Step::UpdateConfig(Update {
        id: config.id.clone(),
        request,
        drift: !view.is_edited(),
    }))
}

/// Two looks that lie half the quiet period apart have to say so, the second one a quiet period
/// after every write that may still take effect. The recorded id gives way to a claim before
/// anything is created, and is kept beside it.
fn absent(view: &View, owned: &Record, known: &NumberState) -> Plan {
    let first = view.memory.kind.first_absent.unwrap_or(known.at);
    let needed = first.after(between_absences(view.quiet_period));
    let needed = needed.max(quiet_from(view));
    if known.at >= needed {
        let recreated = Record {
            claim: Some(claim_of(view, known)),
            former_id: owned.made.as_ref().map(|it| it.id.clone()),
            made: None,
            ..owned.clone()
        };
        return record(recreated, Change::Recreated);
    }
    if view.now.moment >= needed
        && let Err(look) = state(view, Age::Fresh)
    {
        return look;
    }
    let wait = view.now.moment.until(needed) + MARGIN;
    rest(Outcome::Unchanged, Requeue::After(wait.min(LATER)))
}
