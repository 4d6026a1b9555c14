//! What to do next for a PinDialinNumber, beside what holds for any kind. No I/O: pure and total.

#![allow(
    clippy::large_enum_variant,
    clippy::result_large_err,
    reason = "a plan is made and taken apart once a round; boxes would only be in the way"
)]

pub(super) mod create;
pub(super) mod delete;
pub(super) mod keep;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use super::Number;
use super::view::{NumberState, View};
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::daily::types::{DialinConfig, DialinConfigRequest, Domain};
use crate::phone;
use crate::reconcile::Named;
use crate::reconcile::plan::failing;
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};

/// What comes next.
pub type Plan = crate::reconcile::plan::Plan<Number>;

/// What can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The purchased numbers and dial-in configs of the account.
    Number(Age),
    /// Other PinDialinNumbers of the number.
    Rivals,
    /// The DailyRooms that publish the number.
    Users,
}

/// How old an answer of Daily's may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// As old as the time between two drift passes.
    Drift,
    /// A few seconds: something is waited for.
    Lately,
    /// It was asked for in this pass, after all that was written in it.
    Fresh,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::enum_variant_names,
    reason = "each says what is done with which thing, as those of a DailyRoom do"
)]
pub enum Step {
    /// Create the config.
    CreateConfig(DialinConfigRequest),
    /// Change the config.
    UpdateConfig(Update),
    /// Delete the config with this id.
    DeleteConfig {
        /// Its id.
        id: String,
    },
}

/// A change of a config.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Its id.
    pub id: String,
    /// All that it says.
    pub request: DialinConfigRequest,
    /// Whether somebody else had changed it.
    pub drift: bool,
}

/// What serves callers.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    /// The domain.
    pub domain: Domain,
    /// Daily's id of the config.
    pub id: String,
}

impl Named for Look {
    fn name(&self) -> &'static str {
        match self {
            Self::Number(_) => "look-number",
            Self::Rivals => "look-rivals",
            Self::Users => "look-users",
        }
    }
}

impl Named for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::CreateConfig(_) => "create-config",
            Self::UpdateConfig(_) => "update-config",
            Self::DeleteConfig { .. } => "delete-config",
        }
    }
}

/// For so long an answer is good enough while something is waited for, so that all who wait share it.
pub(super) const LATELY: Duration = Duration::from_secs(4);
/// What may change within seconds is looked at again after so long.
const SOON: Duration = Duration::from_secs(5);
/// How soon a number is taken that somebody else gives up.
const IN_USE: Duration = Duration::from_secs(7);
/// How soon it is noticed that a number was purchased: it takes minutes, and the user waits.
const NOT_PURCHASED: Duration = Duration::from_secs(20);
/// The longest wait for something to be confirmed.
const LATER: Duration = Duration::from_secs(60);
/// Added to every timed requeue so that the deadline has passed when the pass begins.
const MARGIN: Duration = Duration::from_millis(50);

fn look(look: Look) -> Plan {
    Plan::Look(crate::reconcile::plan::Look::Of(look))
}

fn act(step: Step) -> Plan {
    Plan::Act(crate::reconcile::plan::Step::Of(step))
}

/// What Daily says of the number, not older than this.
fn state(view: &View, age: Age) -> Result<&NumberState, Plan> {
    let recent = |state: &&NumberState| match age {
        Age::Drift => true,
        Age::Lately => state.at.until(view.now.moment) <= LATELY,
        Age::Fresh => state.at >= view.facts.began,
    };
    let state = view.facts.number.as_ref().filter(recent);
    state.ok_or(look(Look::Number(age)))
}

/// When an absence is to be believed: a quiet period after every write that may still take effect.
fn quiet_from(view: &View) -> Moment {
    let unknown = view.facts.unknown_write;
    let known = unknown.map_or(Moment::default(), |at| at.after(view.quiet_period));
    let trusted = match view.memory.bound_here {
        true => Moment::default(),
        false => view.trusted_from,
    };
    known.max(trusted)
}

/// A problem while which the number does not answer as asked.
fn fails(reason: Reason, message: String, again: Duration) -> Plan {
    let problem = Problem::new(reason, ResolvedBy::User, message).unserved();
    failing(problem, Requeue::After(again))
}

fn not_purchased(number: &str, domain: &str) -> Plan {
    let message = match phone::is_global(number) {
        true => format!(
            "The number {number} is one of Daily's global numbers, which need no PinDialinNumber. Delete this one, and \
             name the number in spec.dialin.roomNumbers of a DailyRoom."
        ),
        false => format!(
            "The Daily domain {domain} has not purchased the number {number}. Purchase it, or use another number."
        ),
    };
    fails(Reason::NumberNotPurchased, message, NOT_PURCHASED)
}

/// Somebody outside the cluster has put the number on a dial-in config, or on the domain's own list.
fn in_use(number: &str, config: &DialinConfig) -> Plan {
    let message = match config.is_at_the_domain() {
        true => format!(
            "The number {number} is set up at the Daily domain itself, in its property pin_dialin, and rooms can \
             publish it as it is. Remove it there to have a PinDialinNumber serve it."
        ),
        false => format!(
            "The number {number} has a dial-in config at Daily that does not belong to this PinDialinNumber, and is \
             left as it is. Delete that config to have the number served here."
        ),
    };
    fails(Reason::NumberInUse, message, IN_USE)
}

/// What Daily rejected of a change or a create.
fn rejected(what: &str, info: &str) -> Problem {
    let message = format!("Daily rejected {what}: {info}");
    Problem::new(Reason::RejectedByDaily, ResolvedBy::User, message)
}
