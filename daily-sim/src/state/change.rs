//! What a change makes of a room, once all rules allow it.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::dialin::{self, Dialin};
use super::room::Room;
use super::{Account, Refusal, RoomChange, properties, seconds};
use crate::Quirks;
use crate::quirks::{
    Card, DialinWithoutCard, ForeignNumber, PinOnDialin, PinOnExp, PinOnUpdate, UnassignedNumber,
};

impl Account {
    /// The properties of a room after a change; `before` is none for a room that is created.
    pub(super) fn changed_properties(
        &self,
        before: Option<&Room>,
        change: &RoomChange,
        quirks: &Quirks,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Refusal> {
        let nothing = Map::new();
        let before = before.map_or(&nothing, |room| &room.properties);
        let now = seconds(now);
        let after = properties::merge(before, &change.properties, quirks, now)?;
        let Some(Value::Object(dialin)) = after.get("dialin") else {
            return Ok(after);
        };
        if change.properties.contains_key("dialin") {
            // F-PIN-28
            if quirks.card == Card::Missing
                && quirks.dialin_without_card == DialinWithoutCard::Refused
            {
                return Err(Refusal::paid_feature(quirks.paid_feature));
            }
            dialin::check(dialin, quirks)?;
            self.check_room_numbers(&after, quirks)?;
        }
        dialin::check_end(before, &after, quirks, now)?;
        Ok(after)
    }

    /// The numbers that a room chooses have to be the account's, and perhaps pick up as well.
    fn check_room_numbers(
        &self,
        properties: &Map<String, Value>,
        quirks: &Quirks,
    ) -> Result<(), Refusal> {
        let numbers = Dialin::of(properties).unwrap_or_default().numbers;
        for number in &numbers {
            // F-PIN-16
            if !self.owns(number) && quirks.foreign_number == ForeignNumber::Refused {
                return Err(self.not_associated(number));
            }
            // F-PIN-26
            if self.owns(number)
                && !self.takes_pins(number)
                && quirks.unassigned_number == UnassignedNumber::Refused
            {
                return Err(Refusal::invalid(format!(
                    "{number} is not assigned to pin_dialin"
                )));
            }
        }
        Ok(())
    }
}

/// Whether the PIN of a room survives an update. What the update leaves as it was counts for
/// nothing. // F-PIN-11, F-PIN-24, F-PIN-25
pub(super) fn keeps_pin(before: &Room, after: &Room, quirks: &Quirks) -> bool {
    let dialin = |room: &Room| room.properties.get("dialin").cloned();
    let others = |room: &Room| {
        let mut others = room.properties.clone();
        others.retain(|name, _| name != "exp" && name != "dialin");
        (others, room.privacy)
    };
    let kept_on_exp = before.exp() == after.exp() || quirks.pin_on_exp == PinOnExp::Kept;
    let kept_on_dialin =
        dialin(before) == dialin(after) || quirks.pin_on_dialin == PinOnDialin::Kept;
    let kept_on_others =
        others(before) == others(after) || quirks.pin_on_update == PinOnUpdate::Kept;
    kept_on_exp && kept_on_dialin && kept_on_others
}
