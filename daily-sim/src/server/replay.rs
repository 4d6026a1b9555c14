//! Records inputs that change the state, and replays them after a restart.

use jiff::Timestamp;

use super::shared::Inner;
use crate::api;
use crate::faults::duration;
use crate::state::DialString;
use crate::state_file::{Entry, Input, StateFileError};

impl Inner {
    /// Records an input. Call it before the input takes effect and under the same lock. An input
    /// that could not be written must not take effect.
    pub fn record(
        &mut self,
        at: Timestamp,
        input: impl FnOnce(&Self) -> Input,
    ) -> Result<(), StateFileError> {
        if self.state_file.is_none() {
            return Ok(());
        }
        let entry = Entry {
            at,
            input: input(self),
        };
        (self.state_file.as_mut()).map_or(Ok(()), |file| file.append(&entry))
    }

    /// Replays an input. Its answer is dropped, refusals included: only its effect on the state
    /// counts.
    pub fn replay(&mut self, Entry { at, input }: Entry) -> Result<(), String> {
        match input {
            Input::Call(recorded) => {
                let mut ids = self.world.account_ids();
                let account = ids
                    .find(|id| self.world.account(*id).domain == recorded.account)
                    .ok_or_else(|| format!("there is no account {:?}", recorded.account))?;
                let call = recorded.into_call().ok_or("it has no method")?;
                api::answer(&mut self.world, account, &call, at);
            }
            Input::Advance(advance) => {
                let _ = self.clock.advance(duration(&advance.advance)?);
            }
            Input::Quirks(wanted) => self.switch(&wanted, at)?,
            Input::Dial(request) => {
                let dialled = DialString::parse(&request.dial_string, &self.world.quirks)?;
                self.world.dial(&dialled, at);
            }
            Input::HangUp(call) => {
                self.world.hang_up(&call, at);
            }
            Input::Join { room, visit } => {
                let account = self.world.account_of_room(&room, visit.account.as_deref());
                let joined = account.map(|account| self.world.join(account, &room, &visit, at));
                let _ = joined;
            }
            Input::Leave { room, visit } => {
                let account = self.world.account_of_room(&room, visit.account.as_deref());
                let left =
                    account.map(|account| self.world.leave(account, &room, &visit.user_name, at));
                let _ = left;
            }
        }
        Ok(())
    }
}
