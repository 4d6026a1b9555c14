//! An object whose reconcile fails, panics or takes too long is requeued, and stops no other object.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::backoff::CONFLICT_RETRY;
use super::failure::Failure;
use super::kind::Kind;
use super::lifecycle::Reconciled;
use super::object::Object;
use super::{Context, Pass};
use crate::clock;
use crate::k8s::get_object;
use crate::log::On;
use crate::metrics::PassResult;

/// A reconcile that takes longer is cut off; a write that it has sent goes on. Longer than any single
/// wait within a reconcile, so that one slow answer does not cut it off.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Reconciles an object.
///
/// # Errors
/// Never: what goes wrong is reported in the status, and a timeout in the log and the metrics.
pub async fn reconcile<K: Reconciled>(
    object: Arc<Object<K>>,
    context: Arc<Context<K>>,
) -> Result<Action, Infallible> {
    let _working = context.metrics.working(K::CONTROLLER);
    let start = clock::now();
    let attempt = AssertUnwindSafe(attempt(Arc::clone(&object), &context)).catch_unwind();
    let (action, result) = match tokio::time::timeout(TIMEOUT, attempt).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(_)) => panicked(&object, &context).await,
        Err(_) => timed_out(&object, &context),
    };
    let took = start.until(clock::now());
    context.metrics.reconciled(K::CONTROLLER, result, took);
    Ok(action)
}

async fn attempt<K: Reconciled>(
    object: Arc<Object<K>>,
    context: &Arc<Context<K>>,
) -> (Action, PassResult) {
    if context.memories.is_stale(&*object) {
        return (Action::requeue(CONFLICT_RETRY), PassResult::RequeueAfter);
    }
    let Some(mut pass) = Pass::begin(context, object) else {
        return (Action::await_change(), PassResult::Success);
    };
    if let Some(wait) = pass.remembered.backoff.hold(clock::now()) {
        return (Action::requeue(wait), PassResult::RequeueAfter);
    }
    let _permit = match context.permits.acquire(&pass.view.meta.namespace) {
        Ok(permit) => permit,
        Err(busy) => {
            let wait = busy.requeue_after;
            return (Action::requeue(wait), PassResult::RequeueAfter);
        }
    };
    let start = clock::now();
    let (action, result) = match pass.reconcile().await {
        Ok(ended) => ended,
        Err(failure) => pass.fail(failure).await,
    };
    pass.on().rested(result.name(), start.until(clock::now()));
    pass.keep_memory();
    (action, result)
}

/// The panic hook has logged the panic. Here it becomes a failure of this object alone.
async fn panicked<K: Reconciled>(
    object: &Arc<Object<K>>,
    context: &Arc<Context<K>>,
) -> (Action, PassResult) {
    context.metrics.panicked(K::CONTROLLER);
    if let Some(remembered) = context.memories.recall(&**object) {
        On::new(remembered.trail, None).panicked();
    }
    let report = async {
        // The reconcile may have written before it panicked, and a report on the object of before would
        // conflict.
        let (namespace, name) = (object.namespace()?, object.name_any());
        let live = get_object::<Object<K>>(&context.client, &namespace, &name).await;
        let live = live.ok()?.filter(|it| it.uid() == object.uid())?;
        let mut pass = Pass::begin(context, Arc::new(live))?;
        let ended = pass.fail(Failure::panicked()).await;
        pass.keep_memory();
        Some(ended)
    };
    // A report that panics as well is left to the log.
    match AssertUnwindSafe(report).catch_unwind().await {
        Ok(Some(ended)) => ended,
        Ok(None) | Err(_) => retry(object, context),
    }
}

fn timed_out<K: Kind>(object: &Object<K>, context: &Context<K>) -> (Action, PassResult) {
    if let Some(remembered) = context.memories.recall(object) {
        On::new(remembered.trail, None).cut_off();
    }
    retry(object, context)
}

fn retry<K: Kind>(object: &Object<K>, context: &Context<K>) -> (Action, PassResult) {
    let wait = context.memories.failed(object).unwrap_or(CONFLICT_RETRY);
    (Action::requeue(wait), PassResult::Error)
}
