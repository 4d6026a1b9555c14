//! Who may join a room with a browser.

use jiff::Timestamp;

use super::room::Room;
use super::{AccountId, World, seconds};
use crate::quirks::Card;

impl World {
    /// The room that somebody joins now, or a sentence why nobody can.
    pub(super) fn open_room(
        &self,
        account: AccountId,
        name: &str,
        now: Timestamp,
    ) -> Result<&Room, String> {
        if self.quirks.card == Card::Missing {
            // F-AUTH-8
            return Err(format!(
                "account-missing-payment-method: nobody can join room {name} without a credit card"
            ));
        }
        let room = self.account(account).find_room(name, &self.quirks);
        let room = room
            .filter(|room| !room.is_expired(seconds(now)))
            .ok_or_else(|| format!("room {name} has expired: nobody can join it any more"))?;
        // F-ROOM-29
        if room.nbf().is_some_and(|nbf| seconds(now) < nbf) {
            return Err(format!(
                "room {name} has an nbf in the future: nobody can join it yet"
            ));
        }
        // F-ROOM-45
        let most = room.max_participants();
        match self.switchboard.inside(&room.id) >= most {
            true => Err(format!(
                "room {name} is full: its max_participants is {most}"
            )),
            false => Ok(room),
        }
    }
}
