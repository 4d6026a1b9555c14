//! How many DailyRooms publish each number, as `status.attachedRooms` shows it.
//!
//! All rooms are counted together from time to time, whatever happens to them: a thousand new rooms are one
//! write to their PinDialinNumber, not a thousand.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Number;
use crate::reconcile::meta::Identity;
use crate::reconcile::object::Object;
use crate::reconcile::record::Record;

/// How many rooms publish a number, by the id of its domain and the number.
pub type Counts = HashMap<(String, String), i64>;

/// The last count, if there was one. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct AttachedRooms(Arc<Mutex<Option<Counts>>>);

impl AttachedRooms {
    pub(crate) fn replace(&self, counts: Counts) {
        *self.0.lock() = Some(counts);
    }

    /// How many rooms published the recorded number. `None` before the first count, and without a config, which
    /// another PinDialinNumber may have.
    pub(super) fn of(&self, record: &Record) -> Option<i64> {
        record.made.as_ref()?;
        let counts = self.0.lock();
        let which = (record.domain_id.clone(), record.name.clone());
        Some(counts.as_ref()?.get(&which).copied().unwrap_or(0))
    }

    /// Whether the status of a PinDialinNumber of this installation shows another count.
    pub(crate) fn differ(&self, number: &Object<Number>, own: &Identity) -> bool {
        let is_ours = |it: &&Record| {
            number.metadata.uid.as_ref() == Some(&it.uid)
                && it.installation_id == own.installation_id
        };
        let record = number.recorded.record().filter(is_ours);
        let counted = record.and_then(|it| self.of(it));
        counted.is_some() && counted != number.status.attached_rooms
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_count_that_the_status_does_not_show_differs() {
        let own = Identity {
            cluster_id: "c".into(),
            previous_cluster_ids: Vec::new(),
            installation_id: "i".into(),
            takes_over: Vec::new(),
        };
        let counts = Counts::from([(("d".to_owned(), "+1202".to_owned()), 2)]);
        let differ = |counts: Option<&Counts>, shown: Value, change: fn(&mut Value)| {
            let mut record = json!({
                "uid": "u", "clusterId": "c", "domainId": "d", "domainName": "team", "name": "+1202",
                "installationId": "i", "made": {"id": "c1"},
            });
            change(&mut record);
            let status = json!({"record": record.to_string(), "attachedRooms": shown});
            let number = json!({"metadata": {"name": "main", "uid": "u"},
                "spec": {"phoneNumber": "+1202"}, "status": status});
            let attached = AttachedRooms::default();
            counts
                .into_iter()
                .for_each(|it| attached.replace(it.clone()));
            attached.differ(&serde_json::from_value(number).unwrap(), &own)
        };
        let same: fn(&mut Value) = |_| ();
        let none = Counts::default();
        assert!(differ(Some(&counts), Value::Null, same));
        assert!(differ(Some(&counts), json!(1), same));
        assert!(!differ(Some(&counts), json!(2), same));
        assert!(differ(Some(&none), json!(2), same), "they are gone");
        assert!(!differ(None, json!(1), same), "not counted yet");
        let of_others: [fn(&mut Value); 3] = [
            |it| it["uid"] = "of-a-backup".into(),
            |it| it["installationId"] = "other".into(),
            |it| it["made"] = Value::Null,
        ];
        for change in of_others {
            assert!(!differ(Some(&counts), json!(1), change));
        }
    }
}
