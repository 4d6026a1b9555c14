//! Sending an update of a room, and taking in what its answer shows.

use serde_json::json;

use crate::daily::error::CallError;
use crate::daily::ledger::Seen;
use crate::effect::EffectError;
use crate::failure::Failure;
use crate::naming;
use crate::room::observe::Pass;
use crate::room::plan::{Update, keeps_numbers, shows};
use crate::room::report::{self, Deed};

impl Pass {
    pub(super) async fn update_room(&mut self, update: Update) -> Result<(), Failure> {
        let session = self.session()?;
        let generation = update.nearer.then_some(self.view.subject.generation);
        let check = self.live(false, generation);
        let what = update.mark.clone();
        let key = session.key.clone();
        if update.changes_pin {
            let note = report::will_change(&self.view, &update);
            self.tell(&[note]).await;
        }
        let before = self.known_pin();
        let call =
            session
                .account
                .update_room(key, update.name.clone(), update.change.clone(), check);
        match call.await {
            Err(EffectError::Failed(_, CallError::NotFound)) => {
                self.refresh();
                Ok(())
            }
            Err(error @ EffectError::Failed(_, CallError::Refused { .. })) => {
                self.sent(Err(error), &what).await?;
                // That may be how Daily says that the room is gone. // F-ROOM-23
                self.look_room().await
            }
            Ok(()) => {
                self.refresh();
                self.updated(update, before.as_deref());
                Ok(())
            }
            failed => self.sent(failed, &what).await,
        }
    }

    /// The PIN of the recorded room, as it was seen or reported last.
    fn known_pin(&self) -> Option<String> {
        let made = self.view.subject.binding()?.made.as_ref()?;
        let seen = self.view.sight.as_ref()?.seen.as_ref();
        let seen = seen.filter(|it| it.room.id == made.id);
        let shown = seen.and_then(|it| it.room.config.dialin_code.as_ref());
        let status = &self.view.status;
        let same_room = status.room.as_ref().is_some_and(|it| it.id == made.id);
        let reported = status.dialin_code.clone().filter(|_| same_room);
        shown.map(|it| it.digits().to_owned()).or(reported)
    }

    /// Takes in what the answer to an update shows.
    fn updated(&mut self, update: Update, before: Option<&str>) {
        let seen = self.view.sight.as_ref().and_then(|it| it.seen.clone());
        if let (Some(session), Some(before), Some(seen)) = (&self.session, before, &seen)
            && let Some(pin) = &seen.room.config.dialin_code
        {
            let is_another = pin.digits() != before;
            session.account.changed(&update.change, is_another);
        }
        if let Some(dialin) = update.change.properties.get("dialin") {
            // What is compared with it is without the empty list that takes numbers away.
            let mut dialin = dialin.clone();
            if dialin.get("room_numbers") == Some(&json!([]))
                && let Some(dialin) = dialin.as_object_mut()
            {
                dialin.remove("room_numbers");
            }
            self.view.memory.dialin_sent = Some(naming::fingerprint(&dialin));
        }
        let merges = |seen: &Seen| keeps_numbers(&seen.room, &update.change);
        let unheeded = |seen: &Seen| !shows(&seen.room, &update.change);
        if !self.view.memory.merges && seen.as_ref().is_some_and(merges) {
            self.view.memory.merges = true;
            self.view.memory.refusal = None;
        } else if seen.as_ref().is_some_and(unheeded) {
            // It would be sent again and again.
            let info = "it answers as if the change was done, and does not show it";
            self.refused(&update.mark, info.to_owned());
        } else {
            self.view.memory.refusal = None;
        }
        self.deeds.push(Deed::Updated(update));
    }
}
