//! One reconcile of an object: plan and read or act in turn, then status, events and requeue.

use std::sync::Arc;

use kube::runtime::controller::Action;

use super::conditions::problem_reason;
use super::failure::{Failure, Retry};
use super::kind::Kind;
use super::lifecycle::Reconciled;
use super::memory::Remembered;
use super::meta::Meta;
use super::object::Object;
use super::problem::{Problem, Requeue};
use super::report::Applied;
use super::steps::{Outcome, Plan, Read, Step};
use super::view::{Now, View};
use super::{Context, plan};
use crate::clock;
use crate::concurrency::Permit;
use crate::crd::Status;
use crate::daily::evidence::RoomEvidence;
use crate::keys::Session;
use crate::log::On;
use crate::metrics::PassResult;
use crate::name_locks::NameLock;

/// More reads and steps than any reconcile needs: a plan that asks for more would never end.
pub(crate) const MAX_ROUNDS: usize = 24;

/// One reconcile of an object: what it knows, and what it reads and writes with.
pub(crate) struct Pass<K: Kind> {
    pub(crate) context: Arc<Context<K>>,
    pub(crate) object: Arc<Object<K>>,
    pub(crate) view: View<K>,
    pub(crate) session: Option<Session>,
    pub(super) permit: Option<Permit>,
    /// From the comparison of all objects until the record is written, which the next reconcile then sees.
    pub(super) name_lock: Option<NameLock>,
    pub(crate) applied: Vec<Applied<K>>,
    pub(super) remembered: Remembered<K::Memory>,
}

impl<K: Reconciled> Pass<K> {
    /// Collects what is known before anything is read. `None` if the API server did not send all of the
    /// object's metadata.
    pub(super) fn begin(context: &Arc<Context<K>>, object: Arc<Object<K>>) -> Option<Self> {
        let meta = Meta::of(&*object)?;
        let remembered = context.memories.recall(&*object)?;
        let spec = object.spec.as_ref().map_err(Clone::clone);
        let mut view = View {
            spec: spec.and_then(K::parse),
            deletion: object.deletion.clone(),
            suspended: object.suspended,
            names: object.names.clone(),
            status: object.status.clone(),
            recorded: object.recorded.clone(),
            own: context.own.clone(),
            now: Now::read(),
            quiet_period: context.config.quiet_period,
            drift_interval: context.config.drift_interval,
            trusted_from: context.trusted_from,
            access: None,
            uses_default_key: false,
            key_may_adopt: false,
            evidence: RoomEvidence::default(),
            rival: None,
            forced: false,
            retried: Vec::new(),
            facts: K::Facts::default(),
            memory: remembered.memory.clone(),
            meta,
        };
        view.grant_request();
        if view.meta.deleting.is_some() {
            view.memory.deleting_since.get_or_insert(view.now.moment);
        }
        K::begin(context, &mut view);
        Some(Self {
            context: Arc::clone(context),
            object,
            view,
            session: None,
            permit: None,
            name_lock: None,
            applied: Vec::new(),
            remembered,
        })
    }

    pub(super) async fn reconcile(&mut self) -> Result<(Action, PassResult), Failure> {
        let (outcome, requeue) = self.run().await?;
        let lasts =
            matches!(requeue, Requeue::Polling(_)) && !self.view.is_edited() && !self.view.forced;
        let since = self.view.memory.polled_since.filter(|_| lasts);
        self.view.memory.polled_since = Some(since.unwrap_or(self.view.now.moment));
        let result = self.finish(outcome).await?;
        self.remembered.backoff.succeeded();
        Ok((self.action(requeue), result))
    }

    /// Plans, and reads or acts as planned, until there is nothing left to do.
    async fn run(&mut self) -> Result<(Outcome<K>, Requeue), Failure> {
        for _ in 0..MAX_ROUNDS {
            let start = clock::now();
            let (what, done) = match plan(&self.view) {
                Plan::Read(read) => (read.name(), self.read(read).await),
                Plan::Act(step) => (step.name(), self.act(step).await),
                Plan::Rest(outcome, requeue) => return Ok((outcome, requeue)),
            };
            self.on().round(what, start.until(clock::now()));
            done?;
        }
        self.on().endless();
        Err(Failure::endless())
    }

    /// Reads what the plan asks for. When the operator stops, a read ends at once: it may wait for Daily's
    /// rate limit for longer than the operator has to stop. What was applied is still reported.
    async fn read(&mut self, read: Read<K>) -> Result<(), Failure> {
        let stop = self.context.stop.clone();
        let may_end = self.applied.is_empty();
        let read = async {
            match read {
                Read::Access => self.read_access().await,
                Read::Rival => self.read_rival().await,
                Read::Namespace => self.read_namespace().await,
                Read::Of(read) => K::read(self, read).await,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled(), if may_end => Err(Failure::shutting_down()),
            done = read => done,
        }
    }

    async fn act(&mut self, step: Step<K>) -> Result<(), Failure> {
        match step {
            Step::AddFinalizer => self.add_finalizer().await,
            Step::Record(record, change, written) => self.record(*record, change, written).await,
            Step::Report(outcome) => self.report(&outcome).await,
            Step::Release(how) => self.release(how).await,
            Step::Of(step) => K::act(self, step).await,
        }
    }

    async fn finish(&mut self, outcome: Outcome<K>) -> Result<PassResult, Failure> {
        match &outcome {
            Outcome::Done => self.view.memory = Default::default(),
            Outcome::OwnedElsewhere(problem) => self.leave(problem).await,
            outcome => self.report(outcome).await?,
        }
        Ok(match &outcome {
            // The object is fine: it belongs to another installation.
            Outcome::OwnedElsewhere(_) => PassResult::RequeueAfter,
            outcome => PassResult::of(outcome.problem()),
        })
    }

    /// Publishes once for each owner that another installation owns the object. Nothing else is written.
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

    pub(super) async fn fail(&mut self, failure: Failure) -> (Action, PassResult) {
        let backoff = &mut self.remembered.backoff;
        let wait = match failure.retry {
            Retry::BackOff => backoff.failed(clock::now()),
            Retry::Conflict => backoff.conflicted(),
            Retry::After(wait) => wait,
        };
        let result = failure.result();
        let lasts = backoff.failures() > failure.tolerated;
        if let Some(problem) = failure.problem.filter(|_| lasts) {
            let outcome = match self.view.meta.deleting {
                Some(_) => Outcome::Deleting(problem),
                None if self.view.suspended => Outcome::Suspended,
                None => Outcome::Failing(problem),
            };
            // A report that fails is left to the next reconcile.
            let _ = self.report(&outcome).await;
        }
        self.publish_unreported().await;
        (Action::requeue(wait), result)
    }
}

impl<K: Kind> Pass<K> {
    /// The object in log lines.
    pub(crate) fn on(&self) -> On {
        let name = self.view.name_at_daily().filter(|_| K::LOGS_NAME);
        On::new(Arc::clone(&self.remembered.trail), name)
    }

    /// Logs when a problem begins or ends.
    pub(super) fn log_problem(&self, outcome: &Outcome<K>) {
        if outcome.is_conclusive() {
            let reported = problem_reason(self.view.status.common().conditions);
            self.on().problem(reported, outcome.problem());
        }
    }

    /// Saves what must survive if the reconcile is cut off.
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
}
