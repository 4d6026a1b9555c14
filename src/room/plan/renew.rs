//! Renewing a room: its end moves on in time, and its PIN stays.

use serde_json::json;

use super::Plan;
use super::confirm_answer::confirm_by_name;
use super::differ::Present;
use super::expire::date;
use super::steps::Update;
use crate::daily::evidence::Source;
use crate::reconcile::problem::Problem;
use crate::reconcile::record::End;
use crate::reconcile::steps::Change;

impl Present<'_> {
    /// Renews a room whose renewal is due. The end is sent alone: whatever else in the spec Daily rejects, a
    /// room that people call again and again must not end by it. If Daily rejects the renewal itself, that
    /// is a problem.
    ///
    /// The new end depends on the recorded one alone. So a renewal that is repeated after a lost answer or a
    /// crash asks for the same end, and a room that shows it was renewed.
    pub(super) fn renewed(&self) -> Result<Option<Problem>, Plan> {
        let Some(next) = self.next_end() else {
            return Ok(None);
        };
        match self.observed.room.config.exp {
            Some(shown) if shown == next.at => {
                let renewed = Change::Renewed(next.at);
                Err(self.record(next, self.made.clone(), renewed))
            }
            Some(shown) if shown == self.end.at => self.renew(&next),
            // The end was moved at Daily, and that comes first.
            _ => Ok(None),
        }
    }

    /// The end after the renewal that is due.
    fn next_end(&self) -> Option<End> {
        let due = self.spec.renewal_of(self.end.at)?;
        // Daily's clock ends the room, so it decides; ours does if Daily's is not known.
        let date = date(self.view, self.observed);
        let is_due = date.unwrap_or(self.view.now.wall) >= due;
        let is_recorded = self.made.end.is_some();
        let by_spec = self.end_by_spec();
        let next = match self.end.is_of_the_same_spec(&by_spec) {
            true => self.spec.renewed(&self.end),
            // The user edited the ttl meanwhile.
            false => Some(by_spec),
        };
        let next = next.filter(|next| next.at > self.end.at);
        next.filter(|_| is_due && is_recorded && !self.view.is_suspended())
    }

    fn renew(&self, next: &End) -> Result<Option<Problem>, Plan> {
        // A listing may be from before somebody moved the end.
        if self.observed.source == Source::List {
            confirm_by_name(self.view)?;
        }
        self.send(Update {
            renews: true,
            ..Update::of(
                &self.owned.name,
                &self.observed.room.id,
                [("exp", json!(next.at))],
            )
        })
    }
}
