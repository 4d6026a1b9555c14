//! Writing a dial-in config in either place. No I/O.

use super::steps::Step;
use super::{Plan, Planned};
use crate::daily::number_api::NumberApi;
use crate::number::view::View;
use crate::reconcile::claim::{no_late_write, none_may_take_effect};
use crate::reconcile::steps::act;

/// A write, once no earlier write of the domain's list may still take effect. Each of them replaces the whole list, so
/// that a late one undoes whatever was written since, whichever number it was for.
pub(super) fn write(view: &View, step: Step) -> Planned {
    no_late_list(view, &step)?;
    Ok(act(step))
}

fn no_late_list(view: &View, step: &Step) -> Result<(), Plan> {
    let is_entry = |id: &String| NumberApi::of(id) == NumberApi::DomainProperties;
    let inherited = Some(view.trusted_from);
    match step {
        Step::CreateConfig(request) if request.api() == NumberApi::DomainProperties => {
            // Between the two calls of a move nobody answers the number, so it does not wait for an earlier leader.
            let former = view.record().and_then(|it| it.former_id.as_ref());
            let is_moved = former.is_some_and(|id| !is_entry(id));
            no_late_write(view, inherited.filter(|_| !is_moved))
        }
        Step::UpdateConfig(update) if is_entry(&update.id) => none_may_take_effect(view, inherited),
        Step::DeleteConfig { id } if is_entry(id) => none_may_take_effect(view, inherited),
        // One of the two places is the list.
        Step::MoveConfig(..) => none_may_take_effect(view, inherited),
        _ => Ok(()),
    }
}
