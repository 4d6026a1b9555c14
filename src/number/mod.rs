//! PinDialinNumbers: observe, plan, act, report.
//!
//! A pass begins with what the watch and this process know. [`plan`] then asks for one look or one
//! step at a time until it comes to a rest, which [`report`] turns into status and events.

mod act;
pub mod desired;
mod observe;
pub mod plan;
pub mod report;
pub mod view;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

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
const ROUNDS: usize = 16;
/// A person can force a pass this often.
const FORCED_EVERY: Duration = Duration::from_secs(10);

/// What passes over PinDialinNumbers work with.
pub struct Ctx {
    pub(crate) client: kube::Client,
    pub(crate) config: Arc<Config>,
    pub(crate) trusted_from: Moment,
    pub(crate) gate: Gate,
    pub(crate) events: Events,
    pub(crate) metrics: Metrics,
    pub(crate) keys: Arc<Keys>,
    pub(crate) numbers: Vec<Store<DeserializeGuard<PinDialinNumber>>>,
    pub(crate) rooms: Vec<Store<DeserializeGuard<DailyRoom>>>,
    pub(crate) memories: Memories<Memory>,
}

/// A pass over a PinDialinNumber.
///
/// # Errors
/// Never: what goes wrong is reported in the status.
pub async fn reconcile(
    object: Arc<DeserializeGuard<PinDialinNumber>>,
    ctx: Arc<Ctx>,
) -> Result<Action, Infallible> {
    let _working = ctx.metrics.working(Controller::Number);
    let start = clock::now();
    let (action, outcome) = match tokio::time::timeout(PASS, pass(Arc::clone(&object), &ctx)).await
    {
        Ok(ended) => ended,
        Err(_) => {
            if let Some(remembered) = ctx.memories.recall(&*object) {
                On::new(remembered.trail, None).cut_off();
            }
            (Action::requeue(CUT_OFF), Outcome::Error)
        }
    };
    let took = start.until(clock::now());
    ctx.metrics.reconciled(Controller::Number, outcome, took);
    Ok(action)
}

async fn pass(object: Arc<DeserializeGuard<PinDialinNumber>>, ctx: &Arc<Ctx>) -> (Action, Outcome) {
    let Some(remembered) = ctx.memories.recall(&*object) else {
        return (Action::await_change(), Outcome::Success);
    };
    if remembered.stale {
        return (Action::requeue(CONFLICT), Outcome::RequeueAfter);
    }
    if let Some(wait) = remembered.pace.hold(clock::now()) {
        return (Action::requeue(wait), Outcome::RequeueAfter);
    }
    let mut pace = remembered.pace;
    let mut pass = match Pass::begin(
        ctx,
        Arc::clone(&object),
        remembered.memory,
        remembered.trail,
    )
    .await
    {
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
        .keep(&*object, pass.view.memory, pace, pass.trail, version);
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
            "A pass over a PinDialinNumber came to no rest"
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
        On::new(Arc::clone(&self.trail), None)
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
            let verdict = self.troubled(trouble);
            // What cannot be reported now is reported by the next pass.
            let _ = self.show(&verdict).await;
        }
        (Action::requeue(wait), outcome)
    }

    /// Remembers what must not be lost when the pass is cut off.
    fn keep_memory(&self) {
        let (memories, object) = (&self.ctx.memories, &*self.object);
        if let Some(kept) = memories.recall(object) {
            let version = &self.view.subject.resource_version;
            let trail = Arc::clone(&self.trail);
            memories.keep(object, self.view.memory.clone(), kept.pace, trail, version);
        }
    }

    /// When the next pass is due.
    fn action(&self, again: Again) -> Action {
        // Spread, and a little later than the answers that were shared last grow old.
        let spread = Duration::from_millis(fastrand::u64(50..500));
        let drift = self.ctx.config.drift_interval + spread;
        let wait = match again {
            Again::Never => return Action::await_change(),
            Again::In(wait) => wait.min(drift),
            Again::Drift(_) => drift,
        };
        let requested = &self.view.subject.requested;
        let asked = requested.is_some() && *requested != self.view.status.last_handled_reconcile_at;
        let wait = if asked { wait.min(FORCED_EVERY) } else { wait };
        Action::requeue(wait.max(Duration::from_millis(20)))
    }
}
