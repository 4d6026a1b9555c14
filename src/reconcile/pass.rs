//! One pass over an object: rounds of plan and look or step, then status, events and requeue.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kube::runtime::controller::Action;

use super::conditions::attention;
use super::failure::CONFLICT;
use super::memory::Remembered;
use super::object::{Meta, Object};
use super::plan::{Look, Outcome, Plan, Rest, Step};
use super::problem::{Problem, Requeue};
use super::record::Recorded;
use super::report::Applied;
use super::view::{Now, View};
use super::{Context, Failure, Kind, plan};
use crate::clock;
use crate::crd::Status;
use crate::daily::concurrency::Permit;
use crate::keys::Session;
use crate::log::On;
use crate::metrics::PassResult;

/// A pass that takes longer is cut off; a write that it has sent goes on. Longer than any single
/// wait of a pass, so that one slow answer does not cut it off.
const LONGEST_PASS: Duration = Duration::from_secs(60);
/// No pass needs more; one that does would never end.
const ROUNDS: usize = 24;
/// While a listing is read, its objects are looked at again after so long.
const WHILE_LISTING: Duration = Duration::from_secs(5);
/// A user can request a pass this often.
pub(super) const FORCED_EVERY: Duration = Duration::from_secs(10);
/// While the caches are filled, which takes seconds.
const CACHES: Duration = Duration::from_secs(1);
/// Added to the wait for an end, by which both clocks have come to it.
const AFTER_END: Duration = Duration::from_millis(500);

/// An object with its latest record.
pub(crate) type WithRecord<K> = (Arc<Object<K>>, Recorded);

/// A pass over one object: what it knows, and with what it asks.
pub(crate) struct Pass<K: Kind> {
    pub(crate) context: Arc<Context<K>>,
    pub(crate) object: Arc<Object<K>>,
    pub(crate) view: View<K>,
    pub(crate) session: Option<Session>,
    pub(super) permit: Option<Permit>,
    pub(crate) applied: Vec<Applied<K>>,
    pub(super) remembered: Remembered<K::Memory>,
}

/// Reconciles an object. One that fails, panics or takes too long is requeued and stops no other.
///
/// # Errors
/// Never: what goes wrong is reported in the status.
pub async fn reconcile<K: Kind>(
    object: Arc<Object<K>>,
    context: Arc<Context<K>>,
) -> Result<Action, Infallible> {
    let _working = context.metrics.working(K::CONTROLLER);
    let start = clock::now();
    let pass = AssertUnwindSafe(pass(Arc::clone(&object), &context)).catch_unwind();
    let (action, result) = match tokio::time::timeout(LONGEST_PASS, pass).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(_)) => panicked(&object, &context).await,
        Err(_) => {
            if let Some(remembered) = context.memories.recall(&*object) {
                On::new(remembered.trail, None).cut_off();
            }
            (requeue_failed(&object, &context), PassResult::Error)
        }
    };
    let took = start.until(clock::now());
    context.metrics.reconciled(K::CONTROLLER, result, took);
    Ok(action)
}

fn requeue_failed<K: Kind>(object: &Object<K>, context: &Context<K>) -> Action {
    let wait = context.memories.failed(object);
    Action::requeue(wait.unwrap_or(CONFLICT))
}

/// The panic hook has logged where. Here it becomes this object's failure, and no other's.
async fn panicked<K: Kind>(
    object: &Arc<Object<K>>,
    context: &Arc<Context<K>>,
) -> (Action, PassResult) {
    context.metrics.panicked(K::CONTROLLER);
    let report = async {
        let mut pass = Pass::begin(context, Arc::clone(object))?;
        let ended = pass.fail(Failure::panicked()).await;
        pass.on().panicked();
        pass.keep_memory();
        Some(ended)
    };
    // What panics again while it is reported is left to the log.
    match AssertUnwindSafe(report).catch_unwind().await {
        Ok(Some(ended)) => ended,
        Ok(None) | Err(_) => (requeue_failed(object, context), PassResult::Error),
    }
}

async fn pass<K: Kind>(object: Arc<Object<K>>, context: &Arc<Context<K>>) -> (Action, PassResult) {
    if context.memories.is_stale(&*object) {
        return (Action::requeue(CONFLICT), PassResult::RequeueAfter);
    }
    let Some(mut pass) = Pass::begin(context, object) else {
        return (Action::await_change(), PassResult::Success);
    };
    if let Some(wait) = pass.remembered.backoff.hold(clock::now()) {
        return (Action::requeue(wait), PassResult::RequeueAfter);
    }
    let start = clock::now();
    let ended = match pass.run().await {
        Ok(rest) => pass.finish(rest).await,
        Err(failure) => Err(failure),
    };
    let (action, result) = match ended {
        Ok((requeue, result)) => {
            pass.remembered.backoff.succeeded();
            (pass.action(requeue), result)
        }
        Err(failure) => pass.fail(failure).await,
    };
    pass.on().rested(result.name(), start.until(clock::now()));
    pass.keep_memory();
    (action, result)
}

impl<K: Kind> Pass<K> {
    /// What is known before anything is asked; nothing, if the API server did not send all of the
    /// object's metadata.
    fn begin(context: &Arc<Context<K>>, object: Arc<Object<K>>) -> Option<Self> {
        let meta = Meta::of(&*object)?;
        let remembered = context.memories.recall(&*object)?;
        let mut view = View {
            spec: object
                .spec
                .as_ref()
                .map_err(Clone::clone)
                .and_then(K::parse),
            deletion: object.deletion.clone(),
            names: object.names.clone(),
            status: object.status.clone(),
            recorded: object.recorded.clone(),
            own: context.own.clone(),
            now: Now::read(),
            quiet_period: context.config.quiet_period,
            drift_interval: context.config.drift_interval,
            trusted_from: context.trusted_from,
            access: None,
            forced: false,
            retried: false,
            facts: K::Facts::default(),
            memory: remembered.memory.clone(),
            meta,
        };
        view.forced = is_forced(&mut view);
        K::begin(context, &mut view);
        Some(Self {
            context: Arc::clone(context),
            object,
            view,
            session: None,
            permit: None,
            applied: Vec::new(),
            remembered,
        })
    }

    async fn run(&mut self) -> Result<Rest<K>, Failure> {
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
        self.on().endless();
        Err(Failure::endless())
    }

    async fn look(&mut self, look: Look<K>) -> Result<(), Failure> {
        match look {
            Look::Access => self.look_access().await,
            Look::Of(look) => K::look(self, look).await,
        }
    }

    async fn act(&mut self, step: Step<K>) -> Result<(), Failure> {
        match step {
            Step::AddFinalizer => self.add_finalizer().await,
            Step::Record(record, change, written) => self.record(record, change, written).await,
            Step::Report(outcome) => self.report(&outcome).await,
            Step::Release(how) => self.release(how).await,
            Step::Of(step) => K::act(self, step).await,
        }
    }

    async fn finish(&mut self, rest: Rest<K>) -> Result<(Requeue, PassResult), Failure> {
        match &rest.outcome {
            Outcome::Done => self.view.memory = Default::default(),
            Outcome::OwnedElsewhere(problem) => self.leave(problem).await,
            outcome => self.report(outcome).await?,
        }
        let result = match &rest.outcome {
            // Nothing is wrong with it: it is only not ours.
            Outcome::OwnedElsewhere(_) => PassResult::RequeueAfter,
            outcome => PassResult::of(outcome.problem()),
        };
        Ok((rest.requeue, result))
    }

    /// Nothing is written to an object of another installation; that is said once.
    async fn leave(&mut self, problem: &Problem) {
        self.context.metrics.left_alone(K::CONTROLLER);
        self.on().problem(None, Some(problem));
        let owner = self.view.recorded.record();
        let owner = owner.map(|it| it.installation_id.clone());
        if self.view.memory.owned_elsewhere != owner {
            self.publish_problem(problem).await;
            self.view.memory.owned_elsewhere = owner;
        }
    }

    async fn fail(&mut self, failure: Failure) -> (Action, PassResult) {
        let backoff = &mut self.remembered.backoff;
        let wait = failure.requeue;
        let wait = wait.unwrap_or_else(|| backoff.failed(clock::now()));
        let result = failure.result();
        let lasts = backoff.failures() > failure.tolerated;
        if let Some(problem) = failure.problem.filter(|_| lasts) {
            let outcome = match self.view.meta.deleting {
                Some(_) => Outcome::Deleting(problem),
                None => Outcome::Failing(problem),
            };
            // What cannot be reported now is reported by the next pass.
            let _ = self.report(&outcome).await;
        }
        (Action::requeue(wait), result)
    }

    /// What lines of the log are about.
    pub(crate) fn on(&self) -> On {
        On::new(
            Arc::clone(&self.remembered.trail),
            K::room_in_log(&self.view),
        )
    }

    /// Says in the log when a problem begins or ends.
    pub(super) fn log_problem(&self, outcome: &Outcome<K>) {
        if outcome.is_conclusive() {
            let shown = attention(self.view.status.common().conditions);
            self.on().problem(shown, outcome.problem());
        }
    }

    /// Remembers what must not be lost when the pass is cut off.
    pub(crate) fn keep_memory(&self) {
        let mut remembered = self.remembered.clone();
        remembered.memory = self.view.memory.clone();
        let written = (
            self.view.meta.resource_version.as_str(),
            &self.view.recorded,
        );
        self.context
            .memories
            .keep(&*self.object, remembered, written);
    }

    /// What is known of our own writes by now.
    pub(crate) fn refresh(&mut self) {
        self.view.now = Now::read();
        K::refresh(self);
    }

    /// The session; a plan asks for access before it asks Daily.
    pub(crate) fn session(&self) -> Result<Session, Failure> {
        let session = self.session.clone();
        session.ok_or_else(|| Failure::unavailable("No API key is in force."))
    }

    /// All objects of the kind, with their latest records.
    pub(crate) fn other_objects(&self) -> Result<Vec<WithRecord<K>>, Failure> {
        // One that is not in the cache yet may hold what is asked about.
        if !self.context.metrics.health().watches.are_filled() {
            return Err(Failure::silent(CACHES));
        }
        let objects = self.context.objects.iter().flat_map(|store| store.state());
        let latest = |object: Arc<Object<K>>| {
            let recorded = self.context.memories.latest(&object);
            (object, recorded)
        };
        Ok(objects.map(latest).collect())
    }

    /// When the next pass is due: at the earliest of what is waited for, the end and the drift pass.
    fn action(&self, requeue: Requeue) -> Action {
        let drift = self.next_drift();
        let view = &self.view;
        let handled = &view.status.common().last_handled_reconcile_at;
        let requested = view.meta.requested.is_some() && view.meta.requested != **handled;
        let wait = match requeue {
            Requeue::OnChange => return Action::await_change(),
            Requeue::After(wait) => wait.min(drift),
            Requeue::AtDrift(end) => {
                let end = until_end(end, view.now.wall, clock::wall().as_second());
                end.map_or(drift, |end| end.min(drift))
            }
        };
        let wait = if requested {
            wait.min(FORCED_EVERY)
        } else {
            wait
        };
        Action::requeue(wait.max(Duration::from_millis(20)))
    }

    /// Right after the next listing of the account, so that one listing serves all its objects.
    fn next_drift(&self) -> Duration {
        let interval = self.context.config.drift_interval;
        let spread = Duration::from_millis(fastrand::u64(100..600));
        let Some(session) = self.session.as_ref().filter(|_| K::FOLLOWS_LISTINGS) else {
            return interval + spread;
        };
        let next = session.account.listings().borrow().next;
        let now = clock::now();
        if next <= now {
            // It is being read: whoever looks now would look again and again until it is there.
            return interval.min(WHILE_LISTING) + spread;
        }
        now.until(next).min(interval) + spread
    }
}

/// Whether the user requests this pass; that is granted at most once in ten seconds.
fn is_forced<K: Kind>(view: &mut View<K>) -> bool {
    let handled = &view.status.common().last_handled_reconcile_at;
    let requested = view.meta.requested.is_some() && view.meta.requested != **handled;
    let now = view.now.moment;
    let lately = view.memory.forced_at;
    let lately = lately.is_some_and(|at| at.until(now) < FORCED_EVERY);
    let forced = requested && !lately;
    if forced {
        view.memory.forced_at = Some(now);
    }
    forced
}

/// How long it is until a moment after an end. One that had passed when the pass began has been
/// decided on.
fn until_end(end: Option<i64>, began: i64, now: i64) -> Option<Duration> {
    let end = end.filter(|end| *end > began)?;
    let seconds = u64::try_from(end.saturating_sub(now).max(0)).ok()?;
    Some(Duration::from_secs(seconds).saturating_add(AFTER_END))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_had_passed_is_not_waited_for() {
        assert_eq!(
            until_end(Some(110), 100, 101),
            Some(Duration::from_secs(9) + AFTER_END)
        );
        // It has come while the pass went on.
        assert_eq!(until_end(Some(110), 109, 112), Some(AFTER_END));
        assert_eq!(until_end(Some(110), 110, 110), None);
        assert_eq!(until_end(Some(110), 200, 201), None);
        assert_eq!(until_end(None, 100, 101), None);
    }
}
