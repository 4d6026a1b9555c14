//! The dial-in configs that this process wrote in the last seconds. No I/O.
//!
//! A replica of Daily may lag behind a write (F-CFG-17). A config that was just created would then
//! seem missing, and an applied change would seem ignored. Until replicas have caught up, the answer
//! to the write is trusted instead of reads.

use std::time::Duration;

use crate::clock::Moment;
use crate::daily::number_api::{NumberApi, entry_number};
use crate::daily::pin_dialin::PinDialin;
use crate::daily::types::DialinConfig;

/// The last write to each config, the oldest first.
#[derive(Debug, Default)]
pub(super) struct WrittenConfigs(Vec<Written>);

#[derive(Debug)]
struct Written {
    at: Moment,
    id: String,
    /// Daily's answer; `None` if the config was deleted.
    config: Option<DialinConfig>,
}

impl WrittenConfigs {
    /// Remembers the answer to a write for as long as replicas may lag.
    pub(super) fn note(
        &mut self,
        id: String,
        config: Option<DialinConfig>,
        now: Moment,
        lag: Duration,
    ) {
        self.0.retain(|it| it.id != id && now < it.at.after(lag));
        self.0.push(Written {
            at: now,
            id,
            config,
        });
    }

    /// Replaces what may be stale in the configs of one place, for which Daily was asked at the moment
    /// `asked`.
    pub(super) fn correct(
        &self,
        api: NumberApi,
        configs: &mut Vec<DialinConfig>,
        asked: Moment,
        lag: Duration,
    ) {
        for written in self.recent(api, asked, lag) {
            configs.retain(|it| it.id != written.id);
            let Some(config) = &written.config else {
                continue;
            };
            // Another client may have deleted it and created a config for the same number.
            let number = &config.config.phone_number;
            if !configs.iter().any(|it| it.config.phone_number == *number) {
                configs.push(config.clone());
            }
        }
    }

    /// The same for the list that is about to be sent back: what an earlier write of ours put there must
    /// not get lost, because a stale read does not show it.
    pub(super) fn correct_list(&self, list: &mut PinDialin, asked: Moment, lag: Duration) {
        for written in self.recent(NumberApi::DomainProperties, asked, lag) {
            let number = entry_number(&written.id).unwrap_or_default();
            list.set(number, written.config.as_ref().map(|it| &it.config));
        }
    }

    fn recent(
        &self,
        api: NumberApi,
        asked: Moment,
        lag: Duration,
    ) -> impl Iterator<Item = &Written> {
        let all = self.0.iter();
        all.filter(move |it| NumberApi::of(&it.id) == api && asked < it.at.after(lag))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LAG: Duration = Duration::from_secs(5);

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    fn config(id: &str, number: &str, prefix: &str) -> DialinConfig {
        let config = json!({"id": id, "type": "pin_dialin",
            "config": {"phone_number": number, "name_prefix": prefix}});
        serde_json::from_value(config).unwrap()
    }

    #[test]
    fn what_was_written_counts_until_replicas_have_caught_up() {
        let (old, new) = (config("c1", "+1", "old"), config("c1", "+1", "new"));
        let other = config("c2", "+2", "other");
        let theirs = config("c3", "+1", "theirs");
        let mut changed = WrittenConfigs::default();
        changed.note("c1".into(), Some(new.clone()), at(10), LAG);
        let mut deleted = WrittenConfigs::default();
        deleted.note("c1".into(), None, at(10), LAG);
        let table = [
            (
                "before it",
                &changed,
                9,
                vec![&old, &other],
                vec![&other, &new],
            ),
            ("soon after", &changed, 14, vec![&old], vec![&new]),
            ("not shown yet", &changed, 14, vec![], vec![&new]),
            ("later", &changed, 15, vec![&old], vec![&old]),
            (
                "another one of the number",
                &changed,
                14,
                vec![&theirs],
                vec![&theirs],
            ),
            ("deleted", &deleted, 14, vec![&old, &other], vec![&other]),
            ("deleted, later", &deleted, 15, vec![&old], vec![&old]),
        ];
        for (case, written, asked, listed, expected) in table {
            let mut configs: Vec<_> = listed.into_iter().cloned().collect();
            written.correct(NumberApi::DialinConfigs, &mut configs, at(asked), LAG);
            assert_eq!(configs.iter().collect::<Vec<_>>(), expected, "{case}");
        }
    }

    #[test]
    fn only_the_last_write_to_a_config_is_remembered_and_not_for_long() {
        let mut written = WrittenConfigs::default();
        written.note("c1".into(), Some(config("c1", "+1", "a")), at(10), LAG);
        written.note("c1".into(), None, at(11), LAG);
        assert_eq!(written.0.len(), 1);
        written.note("c2".into(), None, at(15), LAG);
        assert_eq!(written.0.len(), 2);
        written.note("c3".into(), None, at(16), LAG);
        assert_eq!(written.0.len(), 2, "c1 is forgotten");
    }
}
