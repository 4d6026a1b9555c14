//! Letting an object go: its dial-in config first, then the finalizer.

use std::time::Duration;

use super::make::{is_ours, may_be_ours};
use super::{Again, Look, MARGIN, Needs, Plan, Release, SOON, Step, Trouble, Verdict};
use super::{Age, line, other_installation, rest, settled};
use crate::binding::Binding;
use crate::crd::condition::Reason;
use crate::number::view::{Line, View};

/// For so long, in seconds, rooms that publish the number are waited for.
const LONGEST_WAIT: i64 = 3600;
/// So many definite answers that there is no key, over at least so long, and the config is given up.
const KEYLESS_ANSWERS: u32 = 5;
const KEYLESS_FOR: Duration = Duration::from_secs(600);
/// What was deleted and is still shown is looked for again after so long.
const STILL_SHOWN: Duration = Duration::from_secs(1);

pub(super) fn plan(view: &View) -> Plan {
    if !view.subject.is_held() {
        return rest(Verdict::Done, Again::Never);
    }
    if let Some(other) = other_installation(view) {
        return other;
    }
    let Some(binding) = view.subject.binding() else {
        return unrecorded(view);
    };
    if binding.claim.is_none() && binding.made.is_none() {
        return release(Release::Clean);
    }
    if view.wishes.retain {
        return release(Release::Retained);
    }
    match view.users {
        None => return Plan::Look(Look::Users),
        Some(rooms) if rooms > 0 && !has_waited(view) => return deferred(rooms),
        Some(_) => {}
    }
    let domain = match &view.access {
        None => return Plan::Look(Look::Access),
        Some(Ok(domain)) => domain,
        Some(Err(problem)) => {
            return without_key(
                view,
                binding,
                problem.reason,
                &problem.message,
                problem.definite,
            );
        }
    };
    if binding.domain_id != domain.id {
        let message = format!(
            "the API key in force belongs to the Daily domain {}, and the config is in {}",
            domain.name, binding.domain_name
        );
        return without_key(view, binding, Reason::AccountChanged, &message, true);
    }
    match line(view, Age::Fresh) {
        Ok(known) => config(view, binding, known),
        Err(look) => look,
    }
}

/// Nothing is deleted but by a record.
fn unrecorded(view: &View) -> Plan {
    match &view.status.config_id {
        None => release(Release::Clean),
        Some(id) => release(Release::Orphaned(format!(
            "what the operator had recorded on the object is gone, and the dial-in config {id} at \
             Daily is left alone"
        ))),
    }
}

fn has_waited(view: &View) -> bool {
    let since = view.subject.deleting.unwrap_or(view.now.wall);
    view.now.wall.saturating_sub(since) >= LONGEST_WAIT
}

fn deferred(rooms: usize) -> Plan {
    let which = if rooms == 1 {
        "1 DailyRoom publishes".to_owned()
    } else {
        format!("{rooms} DailyRooms publish")
    };
    let trouble = Trouble {
        reason: Reason::DeletionDeferred,
        message: format!(
            "{which} the number: its dial-in config is deleted when they have ended, or an hour \
             after the deletion was asked for"
        ),
        needs: Needs::Time,
        served: true,
    };
    rest(Verdict::Deleting(trouble), Again::In(SOON))
}

fn config(view: &View, binding: &Binding, known: &Line) -> Plan {
    let number = &binding.name;
    if let Some(made) = &binding.made {
        return match known.by_id(&made.id) {
            None => gone(view, binding, known),
            Some(shown) if shown.config.phone_number.as_ref() == Some(number) => {
                delete(view, &made.id)
            }
            Some(_) => release(Release::Orphaned(format!(
                "the dial-in config {} at Daily is of another number now, and is left alone",
                made.id
            ))),
        };
    }
    let Some(shown) = known.of_number(number) else {
        return gone(view, binding, known);
    };
    match is_ours(view, shown) {
        Ok(true) => delete(view, &shown.id),
        Ok(false) if !may_be_ours(view) => release(Release::Clean),
        // Should that config go, a create of ours that is still under way would make one.
        Ok(false) => once_settled(
            view,
            known,
            Release::Orphaned(format!(
                "the dial-in config of {number} at Daily is not proven to have been made for this \
                 object, and is left alone"
            )),
        ),
        Err(look) => look,
    }
}

fn delete(view: &View, id: &str) -> Plan {
    if view.deleted {
        return waits(
            "the dial-in config was deleted and is still shown",
            STILL_SHOWN,
        );
    }
    Plan::Act(Step::DeleteConfig { id: id.to_owned() })
}

/// Daily shows no config, which is believed a quiet period after everything that may still be done.
fn gone(view: &View, binding: &Binding, known: &Line) -> Plan {
    let was_there = view.deleted || binding.made.is_some();
    let how = match was_there {
        true => Release::Deleted,
        false => Release::Clean,
    };
    once_settled(view, known, how)
}

/// Lets the object go once nothing of ours can come after the answer that this is decided on.
fn once_settled(view: &View, known: &Line, how: Release) -> Plan {
    let needed = settled(view);
    if known.at >= needed {
        return release(how);
    }
    let wait = view.now.moment.until(needed) + MARGIN;
    waits(
        "a call whose outcome is unknown may still be done at Daily; after that the dial-in config \
         is looked for again",
        wait,
    )
}

/// The key is gone, refused or of another domain, and no earlier one is remembered.
fn without_key(
    view: &View,
    binding: &Binding,
    reason: Reason,
    message: &str,
    definite: bool,
) -> Plan {
    let keyless = view.memory.keyless.filter(|_| definite);
    let given_up = keyless.is_some_and(|it| {
        it.answers >= KEYLESS_ANSWERS && it.since.until(view.now.moment) >= KEYLESS_FOR
    });
    if given_up {
        return release(Release::Orphaned(format!(
            "there is no API key to delete the dial-in config of {} with, which stays: {message}",
            binding.name
        )));
    }
    let trouble = Trouble {
        reason,
        message: format!("the dial-in config cannot be deleted yet: {message}"),
        needs: if definite {
            Needs::Person
        } else {
            Needs::Retry
        },
        served: true,
    };
    rest(Verdict::Deleting(trouble), Again::In(SOON))
}

fn waits(message: &str, again: Duration) -> Plan {
    let trouble = Trouble {
        reason: Reason::Progressing,
        message: message.to_owned(),
        needs: Needs::Time,
        served: true,
    };
    rest(Verdict::Deleting(trouble), Again::In(again))
}

fn release(how: Release) -> Plan {
    Plan::Act(Step::Release(how))
}
