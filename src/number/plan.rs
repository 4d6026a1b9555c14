//! What to do next for a PinDialinNumber. No I/O: pure and total.
//!
//! [`plan`] answers with one thing at a time. A look fills the view, a step changes the world and
//! the view, and both come back here; a rest ends the pass with what is to be reported. After a
//! step whose outcome is unknown the pass ends, and the next one begins with observing.

#![allow(
    clippy::large_enum_variant,
    clippy::result_large_err,
    reason = "a plan is made and taken apart once a round; boxes would only be in the way"
)]

mod delete;
mod keep;
mod make;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use super::desired::Desired;
use super::view::{Line, View};
use crate::binding::{Binding, Recorded};
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::daily::types::{DialinConfigRequest, Domain};
use crate::standing::{Again, Needs, Trouble};

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Something has to be known first.
    Look(Look),
    /// Something has to be done.
    Act(Step),
    /// Nothing is to be done now.
    Rest(Rest),
}

/// What has to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The key that applies, and its domain.
    Access,
    /// The purchased numbers and dial-in configs of the account.
    Line(Age),
    /// Other PinDialinNumbers of the number, as the watch shows them.
    Rivals,
    /// The same, as the API server has them now.
    RivalsLive,
    /// The DailyRooms that publish the number.
    Users,
}

impl Look {
    /// Its name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "look-access",
            Self::Line(_) => "look-line",
            Self::Rivals => "look-rivals",
            Self::RivalsLive => "look-rivals-live",
            Self::Users => "look-users",
        }
    }
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

/// What has to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Add finalizer and record.
    Bind(Binding),
    /// Replace the record.
    Record(Binding, Change),
    /// Report before going on.
    Show(Verdict),
    /// Make the config.
    CreateConfig(DialinConfigRequest),
    /// Change the config.
    UpdateConfig(Update),
    /// Delete the config with this id.
    DeleteConfig {
        /// Its id.
        id: String,
    },
    /// Remove the finalizer.
    Release(Release),
}

impl Step {
    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bind(_) => "bind",
            Self::Record(..) => "record",
            Self::Show(_) => "show",
            Self::CreateConfig(_) => "create-config",
            Self::UpdateConfig(_) => "update-config",
            Self::DeleteConfig { .. } => "delete-config",
            Self::Release(_) => "release",
        }
    }
}

/// What a record says anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The id of the config that was made.
    Made,
    /// A config that had vanished is to be made anew.
    Anew,
    /// The number is somebody else's: the claim is withdrawn.
    Withdrawn,
    /// The number is free: it is claimed.
    Claimed,
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

/// How an object is let go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Release {
    /// Nothing of it is left at Daily, or nothing ever was.
    Clean,
    /// The config was deleted.
    Deleted,
    /// The config stays, as asked for.
    Retained,
    /// Something may be left at Daily: why.
    Orphaned(String),
}

/// Why nothing is to be done now, and until when.
#[derive(Clone, Debug, PartialEq)]
pub struct Rest {
    /// What is reported.
    pub verdict: Verdict,
    /// When to look again at the latest.
    pub again: Again,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// First sight: it is worked on.
    Progressing,
    /// The number answers. With trouble, something else needs a person or time.
    Serving(Serving, Option<Trouble>),
    /// The number does not answer as asked for.
    Failing(Trouble),
    /// Something is being confirmed; what was reported stands.
    Unchanged,
    /// The object is being deleted, and this is what it waits for.
    Deleting(Trouble),
    /// The object is gone, or nothing of ours.
    Done,
}

impl Verdict {
    /// What is wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Failing(trouble) | Self::Deleting(trouble) => Some(trouble),
            Self::Serving(_, trouble) => trouble.as_ref(),
            Self::Progressing | Self::Unchanged | Self::Done => None,
        }
    }

    /// Whether it changes what is reported of the object.
    #[must_use]
    pub fn is_news(&self) -> bool {
        !matches!(self, Self::Progressing | Self::Unchanged | Self::Done)
    }
}

/// What a number that answers is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    /// The domain.
    pub domain: Domain,
    /// Daily's id of the config.
    pub id: String,
}

/// For so long an answer is good enough while something is waited for, so that all who wait share it.
pub(super) const LATELY: Duration = Duration::from_secs(4);
const SOON: Duration = Duration::from_secs(5);
/// How soon a number is taken that somebody else gives up.
const IN_USE: Duration = Duration::from_secs(7);
const NOT_PURCHASED: Duration = Duration::from_secs(20);
const LATER: Duration = Duration::from_secs(60);
/// So that the next look comes after the moment that is waited for, and not a hair before.
const MARGIN: Duration = Duration::from_millis(50);

/// What comes next.
#[must_use]
pub fn plan(view: &View) -> Plan {
    if view.subject.deleting.is_some() {
        return delete::plan(view);
    }
    if let Some(other) = other_installation(view) {
        return other;
    }
    let desired = match readable(view) {
        Ok(desired) => desired,
        Err(rest) => return rest,
    };
    let domain = match proven(view) {
        Ok(domain) => domain,
        Err(plan) => return plan,
    };
    let Some(binding) = view.subject.binding() else {
        return make::bind(view, desired, domain);
    };
    if let Some(rest) = another_number(desired, binding) {
        return rest;
    }
    if !view.subject.is_held() {
        return Plan::Act(Step::Bind(binding.clone()));
    }
    if view.status.conditions.is_empty() {
        return Plan::Act(Step::Show(Verdict::Progressing));
    }
    match (&binding.made, &binding.claim) {
        (Some(made), _) => keep::plan(view, desired, domain, binding, &made.id),
        (None, Some(_)) => make::create(view, desired, binding),
        (None, None) => make::claim_again(view, desired, binding),
    }
}

/// A record of another installation is left alone.
fn other_installation(view: &View) -> Option<Plan> {
    let record = view.subject.recorded.binding()?;
    (record.installation_id != view.installation_id).then(|| {
        failing(
            Reason::OtherInstallation,
            format!(
                "the installation {} of the operator holds this object, and this one is {}: if that one is \
                 gone for good, start this one with --installation-id={0}, in the chart installationId",
                record.installation_id, view.installation_id
            ),
            Needs::Person,
            Again::In(LATER),
        )
    })
}

fn readable(view: &View) -> Result<&Desired, Plan> {
    let invalid = |message: String| {
        failing(
            Reason::InvalidSpec,
            message,
            Needs::Person,
            Again::Drift(None),
        )
    };
    if view.subject.recorded == Recorded::Unreadable {
        return Err(invalid(format!(
            "the annotation {} cannot be read: put back what the operator wrote there",
            crate::crd::BINDING_ANNOTATION
        )));
    }
    view.desired
        .as_ref()
        .map_err(|unfit| invalid(unfit.0.clone()))
}

/// The domain of the key in force, which must be the one that the object is bound in.
fn proven(view: &View) -> Result<&Domain, Plan> {
    let Some(access) = &view.access else {
        return Err(Plan::Look(Look::Access));
    };
    let domain = access.as_ref().map_err(|problem| {
        let needs = match problem.reason {
            Reason::Unauthorized => Needs::Person,
            Reason::ApiKeyNotFound | Reason::ApiKeyNotAllowed => Needs::Time,
            _ => Needs::Retry,
        };
        failing(
            problem.reason,
            problem.message.clone(),
            needs,
            Again::In(SOON),
        )
    })?;
    let bound = view
        .subject
        .binding()
        .map(|it| (&it.domain_id, &it.domain_name));
    let reported = view
        .status
        .account
        .as_ref()
        .map(|it| (&it.domain_id, &it.domain_name));
    match bound.or(reported.filter(|_| view.subject.hint().is_none())) {
        Some((id, name)) if *id != domain.id => Err(failing(
            Reason::AccountChanged,
            format!(
                "the API key in force belongs to the Daily domain {}, but the dial-in config of \
                 the number is in {name}: put a key of {name} in its place, or make another \
                 PinDialinNumber",
                domain.name
            ),
            Needs::Person,
            Again::In(SOON),
        )),
        _ => Ok(domain),
    }
}

/// The recorded number never changes.
fn another_number(desired: &Desired, binding: &Binding) -> Option<Plan> {
    (desired.phone_number != binding.name).then(|| {
        failing(
            Reason::InvalidSpec,
            format!(
                "the number is recorded as {}, which is not that of the spec: a number never \
                 changes; make another PinDialinNumber",
                binding.name
            ),
            Needs::Person,
            Again::Drift(None),
        )
    })
}

/// What Daily says of the number, not older than this.
fn line(view: &View, age: Age) -> Result<&Line, Plan> {
    let old_enough = |line: &&Line| match age {
        Age::Drift => true,
        Age::Lately => line.at.until(view.now.moment) <= LATELY,
        Age::Fresh => line.at >= view.began,
    };
    let line = view.line.as_ref().filter(old_enough);
    line.ok_or(Plan::Look(Look::Line(age)))
}

/// When an absence is to be believed: a quiet period after everything that may still be done.
fn settled(view: &View) -> Moment {
    let unknown = view.unknown_write;
    let settled = unknown.map_or(Moment::default(), |at| at.after(view.quiet));
    let trusted = match view.memory.bound_here {
        true => Moment::default(),
        false => view.trusted_from,
    };
    settled.max(trusted)
}

fn not_purchased(number: &str, domain: &str) -> Plan {
    failing(
        Reason::NumberNotPurchased,
        format!(
            "the Daily domain {domain} has not purchased the number {number}: purchase it, or name \
             another"
        ),
        Needs::Person,
        Again::In(NOT_PURCHASED),
    )
}

/// Somebody outside the cluster has put the number on a dial-in config.
fn in_use(number: &str) -> Plan {
    failing(
        Reason::NumberInUse,
        format!(
            "the number {number} has a dial-in config at Daily that is not this object's, and is \
             left alone: delete that config to have the number served here"
        ),
        Needs::Person,
        Again::In(IN_USE),
    )
}

/// Callers who are served stay so, unless the number itself is the trouble.
fn failing(reason: Reason, message: String, needs: Needs, again: Again) -> Plan {
    let served = !matches!(
        reason,
        Reason::NumberInUse | Reason::NumberNotPurchased | Reason::Missing
    );
    rest(
        Verdict::Failing(Trouble {
            reason,
            message,
            needs,
            served,
        }),
        again,
    )
}

fn rest(verdict: Verdict, again: Again) -> Plan {
    Plan::Rest(Rest { verdict, again })
}

/// What Daily refused of a change or a create.
fn refused(what: &str, info: &str) -> Trouble {
    Trouble {
        reason: Reason::RejectedByDaily,
        message: format!("Daily refuses {what}: {info}"),
        needs: Needs::Person,
        served: true,
    }
}
