//! Keeping a dial-in config that is recorded as it should be.

use serde_json::json;

use super::make::claim;
use super::{Again, Change, LATER, MARGIN, Plan, Serving, Step, Trouble, Update, Verdict};
use super::{Age, in_use, line, not_purchased, refused, rest, settled};
use crate::binding::Binding;
use crate::crd::condition::{self, kind};
use crate::daily::ledger::between_words;
use crate::daily::types::{DialinConfig, Domain};
use crate::naming;
use crate::number::desired::Desired;
use crate::number::view::{Line, View};

pub(super) fn plan(
    view: &View,
    desired: &Desired,
    domain: &Domain,
    binding: &Binding,
    id: &str,
) -> Plan {
    let known = match line(view, age(view)) {
        Ok(known) => known,
        Err(look) => return look,
    };
    let other = known.of_number(&binding.name).filter(|it| it.id != id);
    if other.is_some() {
        return in_use(&binding.name);
    }
    if !known.purchased {
        return not_purchased(&binding.name, &domain.name);
    }
    match known.by_id(id) {
        Some(config) => present(view, desired, domain, config),
        None => absent(view, binding, known),
    }
}

/// While nothing is waited for, one look serves all numbers of the account.
fn age(view: &View) -> Age {
    let ready = condition::is_true(&view.status.conditions, kind::READY);
    match (view.forced, ready && view.memory.first_absent.is_none()) {
        (true, _) => Age::Fresh,
        (false, true) => Age::Drift,
        (false, false) => Age::Lately,
    }
}

fn present(view: &View, desired: &Desired, domain: &Domain, config: &DialinConfig) -> Plan {
    let serving = Serving {
        domain: domain.clone(),
        id: config.id.clone(),
    };
    if desired.is_said_by(config) {
        return rest(Verdict::Serving(serving, None), Again::Drift(None));
    }
    let troubled = |trouble: Trouble, again| rest(Verdict::Serving(serving, Some(trouble)), again);
    let what = "the change of the dial-in config";
    if view.updated {
        // It would be sent again and again.
        let info = "it answers as if the change was done, and does not show it";
        return troubled(refused(what, info), Again::Drift(None));
    }
    let request = desired.update(&config.config);
    let refusal = view.memory.refusal.as_ref().filter(|it| {
        let again = view.forced && !view.tried;
        !again && view.now.moment < it.until && it.what == naming::fingerprint(&json!(request))
    });
    match refusal {
        Some(refusal) => {
            let again = Again::In(view.now.moment.until(refusal.until));
            troubled(refused(what, &refusal.info), again)
        }
        None => Plan::Act(Step::UpdateConfig(Update {
            id: config.id.clone(),
            request,
            drift: !view.is_edited(),
        })),
    }
}

/// Two looks that lie half the quiet period apart have to say so, the second one a quiet period
/// after everything that may still be done. The recorded id gives way to a claim before anything
/// is made.
fn absent(view: &View, binding: &Binding, known: &Line) -> Plan {
    let first = view.memory.first_absent.unwrap_or(known.at);
    let needed = first.after(between_words(view.quiet)).max(settled(view));
    if known.at >= needed {
        let anew = Binding {
            claim: Some(claim(view, known)),
            made: None,
            ..binding.clone()
        };
        return Plan::Act(Step::Record(anew, Change::Anew));
    }
    if view.now.moment >= needed
        && let Err(look) = line(view, Age::Fresh)
    {
        return look;
    }
    let wait = view.now.moment.until(needed) + MARGIN;
    rest(Verdict::Unchanged, Again::In(wait.min(LATER)))
}
