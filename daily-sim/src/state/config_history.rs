//! What the dial-in configs were like a moment ago, for reads from a replica that lags. // F-CFG-17

use std::collections::VecDeque;

use jiff::Timestamp;

use super::undo::LAG;
use super::{AccountId, DialinConfig, World};
use crate::quirks::ConfigReads;

/// The configs before each change of the last moments, the oldest first. Nothing is kept as long as
/// reads are fresh.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigHistory(VecDeque<(Timestamp, Vec<DialinConfig>)>);

impl ConfigHistory {
    /// Notes the configs before they change.
    fn note(&mut self, configs: &[DialinConfig], reads: ConfigReads, now: Timestamp) {
        self.0
            .retain(|(changed, _)| now.duration_since(*changed) < LAG);
        match reads {
            ConfigReads::Fresh => self.0.clear(),
            ConfigReads::Lagging => self.0.push_back((now, configs.to_vec())),
        }
    }

    /// The configs that a read finds.
    pub fn seen<'a>(
        &'a self,
        configs: &'a [DialinConfig],
        reads: ConfigReads,
        now: Timestamp,
    ) -> &'a [DialinConfig] {
        let mut recent = self.0.iter();
        let earlier = recent.find(|(changed, _)| now.duration_since(*changed) < LAG);
        match earlier {
            Some((_, earlier)) if reads == ConfigReads::Lagging => earlier,
            _ => configs,
        }
    }
}

impl World {
    /// Each call that may change configs begins with this.
    pub fn note_configs(&mut self, id: AccountId, now: Timestamp) {
        let reads = self.quirks.config_reads;
        let account = self.account_mut(id);
        account.config_history.note(&account.configs, reads, now);
    }
}
