//! DailyRooms: observe, plan, act, report.
//!
//! A pass begins with what the watch and this process know. [`plan`] then asks for one look or one
//! step at a time until it comes to a rest, which [`report`] turns into status and events.

mod act;
pub mod desired;
pub mod numbers;
mod observe;
pub mod plan;
pub mod report;
pub mod secret;
pub mod view;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::Store;

use self::observe::Pass;
use self::plan::{Plan, Rest, Verdict, plan};
use self::view::Memory;
use crate::clock::{self, Moment};
use crate::config::Config;
use crate::crd::{DailyRoom, PinDialinNumber};
use crate::effect::Gate;
use crate::failure::{CONFLICT, Failure};
use crate::keys::Keys;
use crate::kube::Events;
use crate::log::On;
use crate::memories::{Memories, Pace};
use crate::metrics::{Controller, Metrics, Outcome};
use crate::standing::{Again, attention};

/// A pass that takes longer is cut off; what it has sent goes on.
const PASS: Duration = Duration::from_secs(60);
/// And comes again after so long.
const CUT_OFF: Duration = Duration::from_secs(15);
/// No pass needs more; one that does goes round in circles.
const ROUNDS: usize = 24;
/// While a listing is read, its objects are looked at again after so long.
const WHILE_LISTING: Duration = Duration::from_secs(5);
/// A person can force a pass this often.
const FORCED_EVERY: Duration = Duration::from_secs(10);

/// What passes over DailyRooms work with.
pub struct Ctx {
    pub(crate) client: kube::Client,
    pub(crate) config: Arc<Config>,
    pub(crate) cluster_id: String,
    pub(crate) trusted_from: Moment,
    pub(crate) gate: Gate,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    pub(crate) keys: Arc<Keys>,
    pub(crate) numbers: Vec<Store<DeserializeGuard<PinDialinNumber>>>,
    pub(crate) secrets: Vec<Store<PartialObjectMeta<Secret>>>,
    pub(crate) memories: Memories<Memory>,
}

/// A pass over a DailyRoom.
///
/// # Errors
/// Never: what goes wrong is reported in the status.
pub async fn reconcile(
    object: Arc<DeserializeGuard<DailyRoom>>,
    ctx: Arc<Ctx>,
) -> Result<Action, std::convert::Infallible> {
    let _working = ctx.metrics.working(Controller::Room);
    let start = clock::now();
    let (action, outcome) = match tokio::time::timeout(PASS, pass(&object, &ctx)).await {
        Ok(ended) => ended,
        Err(_) => {
            if let Some(remembered) = ctx.memories.recall(&*object) {
                On::new(remembered.trail, None).cut_off();
            }
            (Action::requeue(CUT_OFF), Outcome::Error)
        }
    };
    let took = start.until(clock::now());
    ctx.metrics.reconciled(Controller::Room, outcome, took);
    Ok(action)
}

async fn pass(object: &DeserializeGuard<DailyRoom>, ctx: &Arc<Ctx>) -> (Action, Outcome) {
    let Some(remembered) = ctx.memories.recall(object) else {
        return (Action::await_change(), Outcome::Success);
    };
    if remembered.stale {
        return (Action::requeue(CONFLICT), Outcome::RequeueAfter);
    }
    if let Some(wait) = remembered.pace.hold(clock::now()) {
        return (Action::requeue(wait), Outcome::RequeueAfter);
    }
    let mut pace = remembered.pace;
    let begun = Pass::begin(ctx, object, remembered.memory, remembered.trail).await;
    let mut pass = match begun {
        Ok(Some(pass)) => pass,
        Ok(None) => return (Action::await_change(), Outcome::Success),
        Err(failure) => {
            let wait = failure.again.unwrap_or_else(|| pace.failed(clock::now()));
            return (Action::requeue(wait), Outcome::Error);
        }
    };
    let start = clock::now();
    let ended = match pass.run().await {
        Ok(rest) => pass.finish(rest).await,
        Err(failure) => Err(failure),
    };
    let (action, outcome) = match ended {
        Ok((again, outcome)) => {
            pace.succeeded();
            (pass.action(again), outcome)
        }
        Err(failure) => pass.fail(failure, &mut pace).await,
    };
    let version = &pass.view.subject.resource_version;
    pass.on().rested(outcome.name(), start.until(clock::now()));
    ctx.memories
        .keep(object, pass.view.memory, pace, pass.trail, version);
    (action, outcome)
}

impl Pass {
    async fn run(&mut self) -> Result<Rest, Failure> {
        for _ in 0..ROUNDS {
            let start = clock::now();
            let (what, done) = match plan(&self.view) {
                Plan::Look(look) => (look.name(), self.look(look).await),
                Plan::Act(step) => (step.name(), self.act(step).await),
                Plan::Rest(rest) => return Ok(rest),
            };
            self.on().round(what, start.until(clock::now()));
            done?;
        }
        let subject = &self.view.subject;
        tracing::error!(
            namespace = subject.namespace,
            name = subject.name,
            "A pass over a DailyRoom came to no rest"
        );
        Err(Failure::restless())
    }

    async fn finish(&mut self, rest: Rest) -> Result<(Again, Outcome), Failure> {
        if rest.verdict == Verdict::Done {
            self.tell_deeds().await;
            self.view.memory = Memory::default();
        } else {
            self.show(&rest.verdict).await?;
        }
        Ok((rest.again, Outcome::of(rest.verdict.trouble())))
    }

    /// What lines of the log are about.
    fn on(&self) -> On {
        On::new(Arc::clone(&self.trail), Some(self.view.room_name()))
    }

    /// Says in the log when a problem begins or ends.
    fn say(&self, verdict: &Verdict) {
        if verdict.is_news() {
            let shown = attention(&self.view.status.conditions);
            self.on().problem(shown, verdict.trouble());
        }
    }

    async fn fail(&mut self, failure: Failure, pace: &mut Pace) -> (Action, Outcome) {
        let wait = failure.again.unwrap_or_else(|| pace.failed(clock::now()));
        let outcome = failure.outcome();
        if let Some(trouble) = failure.trouble {
            let verdict = if self.view.subject.deleting.is_some() {
                Verdict::Deleting(trouble)
            } else {
                Verdict::Failing(trouble)
            };
            // What cannot be reported now is reported by the next pass.
            let _ = self.show(&verdict).await;
        }
        (Action::requeue(wait), outcome)
    }

    /// When the next pass is due: at the earliest of what is waited for, the end and the drift pass.
    fn action(&self, again: Again) -> Action {
        let drift = self.next_drift();
        let asked = self.view.subject.requested.is_some()
            && self.view.subject.requested != self.view.status.last_handled_reconcile_at;
        let wait = match again {
            Again::Never => return Action::await_change(),
            Again::In(wait) => wait.min(drift),
            Again::Drift(end) => {
                let end = until_end(end, self.view.now.wall, clock::wall().as_second());
                end.map_or(drift, |end| end.min(drift))
            }
        };
        let wait = if asked { wait.min(FORCED_EVERY) } else { wait };
        Action::requeue(wait.max(Duration::from_millis(20)))
    }

    /// Right after the next listing of the account, so that one listing serves all its objects.
    fn next_drift(&self) -> Duration {
        let interval = self.ctx.config.drift_interval;
        let Some(session) = &self.session else {
            return interval;
        };
        let next = session.account.listings().borrow().next;
        let now = clock::now();
        let spread = Duration::from_millis(fastrand::u64(100..600));
        if next <= now {
            // It is being read: whoever looks now would look again and again until it is there.
            return interval.min(WHILE_LISTING) + spread;
        }
        now.until(next).min(interval) + spread
    }
}

/// How long it is until a moment after an end, by which both clocks have come to it. One that had
/// passed when the pass began has been decided on.
fn until_end(end: Option<i64>, began: i64, now: i64) -> Option<Duration> {
    let end = end.filter(|end| *end > began)?;
    let seconds = u64::try_from(end.saturating_sub(now).max(0)).ok()?;
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_millis(500)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_had_passed_is_not_waited_for() {
        let half = Duration::from_millis(500);
        assert_eq!(
            until_end(Some(110), 100, 101),
            Some(Duration::from_secs(9) + half)
        );
        // It has come while the pass went on.
        assert_eq!(until_end(Some(110), 109, 112), Some(half));
        assert_eq!(until_end(Some(110), 110, 110), None);
        assert_eq!(until_end(Some(110), 200, 201), None);
        assert_eq!(until_end(None, 100, 101), None);
    }
}
