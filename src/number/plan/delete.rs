//! Deleting a PinDialinNumber: its dial-in config first, then the finalizer.

use std::time::Duration;

use super::create::{is_named, is_ours};
use super::problems::evidence;
use super::steps::{Age, Read, Step};
use super::write::write;
use super::{Plan, Planned};
use crate::crd::condition::Reason;
use crate::crd::time::rfc3339;
use crate::number::Number;
use crate::number::view::{NumberEvidence, View};
use crate::reconcile::lifecycle::Delete;
use crate::reconcile::longest_wait::{deadline, is_over, namespace_is_known};
use crate::reconcile::problem::{Problem, Requeue, ResolvedBy};
use crate::reconcile::record::{Record, Recorded};
use crate::reconcile::steps::{MARGIN, MAY_TAKE_EFFECT, Outcome, Release, deletion_waits, read};

/// How soon to count these rooms again.
const PUBLISHERS_RETRY: Duration = Duration::from_secs(5);
/// How soon to check for a deleted config that Daily still shows.
const STILL_SHOWN_RETRY: Duration = Duration::from_secs(1);

impl Delete for Number {
    fn may_own_unrecorded(view: &View) -> bool {
        view.status.config_id.is_some() || view.recorded == Recorded::Unreadable
    }

    /// Waits for rooms that publish the number. Without a record nothing can be deleted.
    fn before_delete(view: &View) -> Result<(), Plan> {
        if view.record().is_none() {
            let id = view.status.config_id.as_deref().unwrap_or("of its number");
            let why = format!(
                "The dial-in config {id} stays at Daily, because status.record is missing or cannot be read."
            );
            return Err(Release::Orphaned(why).into());
        }
        match view.facts.publishers {
            None => Err(read(Read::Publishers)),
            Some(rooms) if rooms > 0 && !is_over(view) => Err(deferred(view)),
            Some(_) => Ok(()),
        }
    }

    fn delete(view: &View) -> Planned {
        let Some(owned) = view.record() else {
            return Ok(Release::Clean.into());
        };
        let known = evidence(view, Age::Fresh)?;
        // Our clock may be ahead of Daily's: it alone does not end the wait for rooms.
        let is_early = known.date.is_some_and(|date| date < deadline(view));
        if view.facts.publishers != Some(0) && is_early {
            return Err(deferred(view));
        }
        match &owned.made {
            Some(made) => Ok(delete_recorded(view, owned, &made.id, known)),
            None => delete_unrecorded(view, owned, known),
        }
    }
}

/// The message has the last regular count, because each other message is a write of the status.
fn deferred(view: &View) -> Plan {
    if let Err(first) = namespace_is_known(view) {
        return first;
    }
    // The count does not have a room yet that has just begun to publish the number.
    let rooms = match view.facts.attached_rooms {
        None => "DailyRooms publish".to_owned(),
        Some(..=1) => "1 DailyRoom publishes".to_owned(),
        Some(rooms) => format!("{rooms} DailyRooms publish"),
    };
    let message = format!(
        "{rooms} the number. The operator deletes its dial-in config once no DailyRoom publishes it, and no later than \
         {} (spec.maxDrain). To finish the deletion now, set spec.deletionPolicy to Retain, which keeps the config at \
         Daily, or shorten spec.maxDrain.",
        rfc3339(deadline(view))
    );
    let problem = Problem::new(Reason::DeletionDeferred, ResolvedBy::Waiting, message);
    Plan::Rest(Outcome::Deleting(problem), Requeue::After(PUBLISHERS_RETRY))
}

fn delete_recorded(view: &View, owned: &Record, id: &str, known: &NumberEvidence) -> Plan {
    match known.by_id(id) {
        None => gone(view, owned, known),
        Some(config) if config.config.phone_number.as_ref() == Some(&owned.name) => {
            delete_config(view, id)
        }
        Some(_) => {
            let why = format!(
                "The dial-in config {id} stays at Daily, because it was moved to another number."
            );
            Release::Orphaned(why).into()
        }
    }
}

/// A claim may have a config whose id is not recorded.
fn delete_unrecorded(view: &View, owned: &Record, known: &NumberEvidence) -> Planned {
    let Some(config) = known.of_number(&owned.name) else {
        return Ok(gone(view, owned, known));
    };
    let ours = match &owned.claim {
        Some(claim) => is_ours(view, owned, claim, config)?,
        // After a withdrawn claim, only the id of before proves anything.
        None => is_named(view, owned.former_id.as_deref(), config),
    };
    if ours && view.retains_adopted(&config.id) {
        return Ok(Release::Retained.into());
    }
    if ours {
        return Ok(delete_config(view, &config.id));
    }
    if !view.create_may_have_succeeded() {
        return Ok(Release::Clean.into());
    }
    // If somebody deletes that config, a late create of ours would still create one.
    let why = format!(
        "The dial-in config of {} stays at Daily, because nothing proves that it was created for this PinDialinNumber.",
        owned.name
    );
    Ok(once_final(view, known, Release::Orphaned(why)))
}

fn delete_config(view: &View, id: &str) -> Plan {
    if view.facts.deleted {
        let message = "Waiting: Daily still shows the dial-in config after its deletion.";
        return deletion_waits(message, STILL_SHOWN_RETRY);
    }
    let step = Step::DeleteConfig { id: id.to_owned() };
    write(view, step).unwrap_or_else(|first| first)
}

/// Daily shows no config.
fn gone(view: &View, owned: &Record, known: &NumberEvidence) -> Plan {
    let how = match view.facts.deleted || owned.made.is_some() {
        true => Release::Deleted,
        false => Release::Clean,
    };
    once_final(view, known, how)
}

/// Releases the object once no earlier write can change the answer any more.
fn once_final(view: &View, known: &NumberEvidence, how: Release) -> Plan {
    let final_from = view.absence_is_final_from();
    if known.at >= final_from {
        return how.into();
    }
    let wait = view.now.moment.until(final_from);
    deletion_waits(MAY_TAKE_EFFECT, wait + MARGIN)
}
