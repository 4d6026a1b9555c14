//! How long a deletion waits for users of what it deletes, whatever its kind. No I/O.

use std::time::Duration;

use super::guards::has_waited;
use super::kind::Kind;
use super::steps::{Plan, Read};
use super::view::View;

/// For how many seconds after the deletion of its namespace a deletion waits at most: whoever deletes a
/// namespace waits for all objects in it.
const NAMESPACE_TIMEOUT: i64 = 600;
/// How often the namespace is read again.
const NAMESPACE_INTERVAL: Duration = Duration::from_secs(30);

/// It was read a short time ago whether the namespace is being deleted, if that would shorten the wait.
pub(crate) fn namespace_is_known<K: Kind>(view: &View<K>) -> Result<(), Plan<K>> {
    let read = view.memory.namespace;
    let is_old = read.is_none_or(|it| it.at.until(view.now.moment) >= NAMESPACE_INTERVAL);
    match is_old && view.deletion.max_drain > NAMESPACE_TIMEOUT {
        true => Err(Plan::Read(Read::Namespace)),
        false => Ok(()),
    }
}

/// For how many seconds the deletion waits at most.
fn longest_wait<K: Kind>(view: &View<K>) -> i64 {
    let deleted = view.memory.namespace.and_then(|it| it.deleted);
    let after = |at: i64| at.saturating_sub(requested(view)).max(0);
    let of_namespace = deleted.map(|at| after(at).saturating_add(NAMESPACE_TIMEOUT));
    let of_namespace = of_namespace.unwrap_or(i64::MAX);
    view.deletion.max_drain.min(of_namespace)
}

fn requested<K: Kind>(view: &View<K>) -> i64 {
    view.meta.deleting.unwrap_or(view.now.wall)
}

/// Until when the deletion waits, in unix seconds.
pub(crate) fn deadline<K: Kind>(view: &View<K>) -> i64 {
    requested(view).saturating_add(longest_wait(view))
}

/// The deadline has passed by our clock, and this process has waited as well.
pub(crate) fn is_over<K: Kind>(view: &View<K>) -> bool {
    let (requested, since) = (view.meta.deleting, view.memory.deleting_since);
    has_waited(view, requested, since, longest_wait(view))
}
