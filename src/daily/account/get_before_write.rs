//! The GET right before a write to a room: Daily checks no precondition itself.

use super::Account;
use crate::clock;
use crate::daily::error::CallError;
use crate::daily::rate_limit::Slot;
use crate::daily::types::{Answer, ApiKey, Room};
use crate::effect::{Blocked, Effect, EffectError};

impl Account {
    /// GETs the room right before a write to it: it must have this id.
    pub(super) async fn prove(
        &self,
        effect: Effect,
        key: &ApiKey,
        name: &str,
        id: &str,
        slot: Slot,
    ) -> Result<(), EffectError<CallError>> {
        let sent = clock::now();
        let call = self.setup.client.room(key, name);
        let answer = self.send(slot, key, ("GET", "/rooms/:name"), call).await;
        let answer = unless_ended(answer.map_err(|why| EffectError::Failed(effect, why))?);
        let has_id = answer.value.as_ref().map(|room| room.id == id);
        self.record(name, answer, sent);
        let why = match has_id {
            Some(true) => return Ok(()),
            Some(false) => "the room has another id",
            None => "the room does not exist",
        };
        Err(EffectError::Blocked(effect, Blocked::Unproven(why)))
    }
}

/// A room that has ended by Daily's clock counts as absent, also while Daily still shows it
/// (F-ROOM-31, F-ROOM-39).
pub(super) fn unless_ended(answer: Answer<Option<Room>>) -> Answer<Option<Room>> {
    let date = answer.date;
    answer.map(|room| room.filter(|it| !it.config.has_ended(date)))
}
