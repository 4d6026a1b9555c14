//! Who gets into a room, with a browser and with a telephone.

use jiff::Timestamp;

use super::room::{Privacy, Room};
use super::{AccountId, World, seconds};
use crate::quirks::{Card, NbfForCallers, PrivateCallers, SixthCaller};
use crate::types::Outcome;

/// At most this many telephone sessions are in a room. // F-CALL-6
pub(super) const SESSIONS_A_ROOM: usize = 5;

const FULL: &str = "The meeting is full. Goodbye.";

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

    /// Why a caller with the right PIN does not get in, and what is heard of it.
    pub(super) fn turned_away(
        &self,
        room: &Room,
        now: Timestamp,
    ) -> Option<(Outcome, &'static str)> {
        let quirks = &self.quirks;
        let is_early = room.nbf().is_some_and(|nbf| seconds(now) < nbf);
        let sessions = self.switchboard.sessions(&room.id) + room.sip_endpoints();
        if quirks.card == Card::Missing {
            // F-AUTH-8, F-PIN-28
            Some((Outcome::Dropped, "This meeting takes no calls. Goodbye."))
        } else if is_early && quirks.nbf_for_callers == NbfForCallers::Holds {
            // F-CALL-10
            Some((Outcome::Dropped, "The meeting has not started. Goodbye."))
        } else if room.privacy == Privacy::Private
            && quirks.private_callers == PrivateCallers::Refused
        {
            // F-CALL-15
            Some((Outcome::Dropped, "This meeting is private. Goodbye."))
        } else if sessions >= SESSIONS_A_ROOM {
            // F-CALL-6, F-CALL-7
            match quirks.sixth_caller {
                SixthCaller::Told => Some((Outcome::RoomFull, FULL)),
                SixthCaller::Dropped => Some((Outcome::Dropped, "")),
            }
        } else if self.switchboard.inside(&room.id) >= room.max_participants() {
            // F-ROOM-45
            Some((Outcome::RoomFull, FULL))
        } else {
            None
        }
    }
}
