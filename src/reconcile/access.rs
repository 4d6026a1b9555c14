//! Which key a pass uses, and what is counted while there is none.

use super::guards::counts_as_keyless;
use super::{Failure, Kind, Pass};
use crate::keys::Session;

impl<K: Kind> Pass<K> {
    /// Finds the key that applies, and its domain.
    pub(super) async fn look_access(&mut self) -> Result<(), Failure> {
        let view = &self.view;
        let keys = &self.context.keys;
        let namespace = &view.meta.namespace;
        let found = keys
            .session(K::KEY_FOR, namespace, view.deletion.key.as_ref())
            .await
            .map_err(Failure::busy)?;
        let recorded = view.recorded_domain();
        let fits = |session: &Session| recorded.is_none_or(|id| session.account.domain().id == id);
        // What a good key has made is deleted with it, whatever is in its place now. It serves only
        // the namespace that it was in force for.
        let earlier = || recorded.and_then(|id| keys.last_good(namespace, id));
        let own = found.as_ref().map(fits).map_err(|it| it.definite);
        let found = match found {
            _ if view.meta.deleting.is_none() => found,
            Ok(session) if fits(&session) => Ok(session),
            Ok(other) => earlier().map_or(Ok(other), Ok),
            Err(problem) if problem.definite => earlier().ok_or(problem),
            Err(problem) => Err(problem),
        };
        self.count(own);
        self.view.access = Some(match &found {
            Ok(session) => Ok(session.account.domain().clone()),
            Err(problem) => Err(problem.clone()),
        });
        self.take_permit(found.as_ref().ok())?;
        self.session = found.ok();
        self.refresh();
        Ok(())
    }

    /// Takes a permit of the account, which the pass holds until it ends.
    fn take_permit(&mut self, session: Option<&Session>) -> Result<(), Failure> {
        let meta = &self.view.meta;
        let deleting = meta.deleting.is_some();
        let permit = session.map(|it| it.account.permit(&meta.namespace, deleting));
        self.permit = permit.transpose().map_err(Failure::busy)?;
        Ok(())
    }

    /// Counts answers in a row. `own` is whether the object's own key is of the recorded domain, or
    /// if there is none, whether that is definite.
    fn count(&mut self, own: Result<bool, bool>) {
        let counts = counts_as_keyless(&self.view);
        let memory = &mut self.view.memory;
        match own {
            Ok(true) => {
                memory.key_problems = 0;
                memory.keyless_answers = 0;
            }
            Ok(false) | Err(true) => {
                memory.key_problems = memory.key_problems.saturating_add(1);
                if counts {
                    memory.keyless_answers = memory.keyless_answers.saturating_add(1);
                }
            }
            Err(false) => memory.key_problems = memory.key_problems.saturating_add(1),
        }
    }
}
