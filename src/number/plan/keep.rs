//! Keeping a recorded dial-in config in line with the spec.

use std::time::Duration;

use serde_json::json;

use super::create::{claim_at, is_named};
use super::problems::{evidence, in_use, moved, not_purchased};
use super::steps::{Age, Serving, Step, Update};
use super::write::write;
use super::{Plan, Planned};
use crate::crd::condition::{self, kind};
use crate::daily::number_api::NumberApi;
use crate::daily::types::{DialinConfig, Domain};
use crate::naming;
use crate::number::Number;
use crate::number::spec::Spec;
use crate::number::view::{NumberEvidence, View};
use crate::reconcile::lifecycle::Keep;
use crate::reconcile::problem::{Problem, Requeue};
use crate::reconcile::record::{Claim, Made, Record};
use crate::reconcile::steps::{Change, MARGIN, Outcome, act, record, unchanged};

/// The longest time until a missing config is checked again.
const MAX_ABSENCE_WAIT: Duration = Duration::from_secs(60);

impl Keep for Number {
    fn keep(view: &View, spec: &Spec, domain: &Domain, owned: &Record, made: &Made) -> Planned {
        let number = &owned.name;
        let known = evidence(view, age(view))?;
        if let Some(other) = known.of_number(number).filter(|it| it.id != made.id) {
            return Ok(in_use(number, other, None));
        }
        if !known.purchased {
            is_confirmed(view, known)?;
            return Ok(not_purchased(number, &domain.name));
        }
        match known.by_id(&made.id) {
            Some(config) if config.config.phone_number.as_ref() != Some(number) => {
                Ok(moved(number, &made.id))
            }
            Some(config) if owned.is_adopted() => {
                present(view, &spec.keeping(&config.config), domain, config)
            }
            Some(config) if is_to_move(view, config) => switched(view, spec, owned, known),
            Some(config) => present(view, spec, domain, config),
            None => absent(view, owned, known),
        }
    }

    fn on_recorded(view: &mut View, change: Change) {
        if change != Change::Sent {
            view.memory.kind.first_absent = None;
        }
    }
}

/// Whether the operator is configured to write the other place now. An entry of the domain's list is
/// brought up to date there first, so that its content proves it.
fn is_to_move(view: &View, config: &DialinConfig) -> bool {
    NumberApi::of(&config.id) != view.facts.api && is_named(view, Some(&config.id), config)
}

/// If Daily shows the config in the other place too, it only has another id there. Otherwise it is claimed
/// anew and moved.
fn switched(view: &View, spec: &Spec, owned: &Record, known: &NumberEvidence) -> Planned {
    let recorded = match &known.other_id {
        Some(id) => owned.owning(Made::of(id)),
        None => owned.replacing(Claim {
            moved: Some(json!(spec.create(view.facts.api))),
            ..claim_at(view, known)
        }),
    };
    Ok(record(recorded, Change::Replaced))
}

/// While nothing is waited for, one answer serves all numbers of the account.
fn age(view: &View) -> Age {
    let ready = condition::is_true(&view.status.conditions, kind::READY);
    let memory = &view.memory.kind;
    let settled = ready && memory.first_absent.is_none();
    let reads_back = memory
        .read_back_from
        .is_some_and(|it| it <= view.now.moment);
    match (view.forced || reads_back, settled) {
        (true, _) => Age::Fresh,
        (false, true) => Age::Drift,
        (false, false) => Age::Recent,
    }
}

fn present(view: &View, spec: &Spec, domain: &Domain, config: &DialinConfig) -> Planned {
    let serving = Box::new(Serving {
        domain: domain.clone(),
        id: config.id.clone(),
    });
    if spec.is_applied_in(config) {
        let read_back = view.memory.kind.read_back_from;
        let requeue = read_back.map_or(Requeue::AtDrift(None), |from| {
            Requeue::After(view.now.moment.until(from) + MARGIN)
        });
        return Ok(Plan::Rest(Outcome::Serving(serving, None), requeue));
    }
    let with =
        |problem: Problem, requeue| Plan::Rest(Outcome::Serving(serving, Some(problem)), requeue);
    let what = "the change of the dial-in config";
    let request = spec.update(config);
    let fingerprint = naming::fingerprint(&json!(request));
    if view.facts.updated.is_some() {
        return Ok(act(Step::RememberUnapplied { fingerprint }));
    }
    if let Some(rejection) = view.rejection_of(&fingerprint) {
        let requeue = Requeue::After(view.now.moment.until(rejection.until));
        return Ok(with(Problem::rejected(what, &rejection.info), requeue));
    }
    let properties = spec.differences(&config.config);
    let is_contended = |it: &&String| view.is_contended(it);
    let contended: Vec<_> = properties.iter().filter(is_contended).cloned().collect();
    if !contended.is_empty() {
        return Ok(with(view.contended(&contended), Requeue::AtDrift(None)));
    }
    // An update changes what all callers hear, so it must not be based on an old answer.
    evidence(view, Age::Fresh)?;
    // An adopted config is brought in line with the spec before it is published.
    let is_published = view.status.config_id.as_ref() == Some(&config.id);
    let may_be_drift = (is_published || !view.is_adopted()) && !view.is_edited();
    let update = Update {
        id: config.id.clone(),
        request,
        drift: view.is_ready_as_specified(),
        counts: may_be_drift && !view.late_write_may_be_ours(),
        properties,
    };
    write(view, Step::UpdateConfig(Box::new(update)))
}

/// The record changes before anything is created, and keeps the id of before.
fn absent(view: &View, owned: &Record, known: &NumberEvidence) -> Planned {
    is_confirmed(view, known)?;
    let recreated = owned.replacing(claim_at(view, known));
    Ok(record(recreated, Change::Recreated))
}

/// A config or purchase is missing by two answers that are half the quiet period apart, the second one
/// when no earlier write can take effect any more.
fn is_confirmed(view: &View, known: &NumberEvidence) -> Result<(), Plan> {
    let first = view.memory.kind.first_absent.unwrap_or(known.at);
    let confirmed_from = view.missing_from(first);
    if known.at >= confirmed_from {
        return Ok(());
    }
    if view.now.moment >= confirmed_from {
        evidence(view, Age::Fresh)?;
    }
    let wait = view.now.moment.until(confirmed_from) + MARGIN;
    Err(unchanged(wait.min(MAX_ABSENCE_WAIT)))
}
