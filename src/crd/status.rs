//! The fields that the status of both kinds shares.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Account, DailyRoomStatus, PinDialinNumberStatus};

/// The status of a kind.
pub(crate) trait Status:
    Clone + Debug + Default + DeserializeOwned + PartialEq + Send + Serialize + Sync + 'static
{
    fn common(&self) -> Common<'_>;
    fn common_mut(&mut self) -> CommonMut<'_>;
}

/// The shared fields of a status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    /// The `metadata.generation` that the operator last reconciled.
    pub(crate) observed_generation: &'a Option<i64>,
    /// Ready, Reconciling, Stalled and Suspended; of a DailyRoom also Expired.
    pub(crate) conditions: &'a Vec<Condition>,
    /// The Daily account that owns the room or number.
    pub(crate) account: &'a Option<Account>,
    /// The last value of the annotation that requests a reconcile.
    pub(crate) last_handled_reconcile_at: &'a Option<String>,
    /// What the object owns at Daily, as [`crate::reconcile`] serializes it.
    pub(crate) record: &'a Option<String>,
}

/// The shared fields of a status that the operator changes.
#[derive(Debug)]
pub(crate) struct CommonMut<'a> {
    pub(crate) observed_generation: &'a mut Option<i64>,
    pub(crate) conditions: &'a mut Vec<Condition>,
    /// Reason of the condition that matters most; see [`super::summary()`].
    pub(crate) reason: &'a mut Option<String>,
    /// Message of the same condition.
    pub(crate) message: &'a mut Option<String>,
    pub(crate) last_handled_reconcile_at: &'a mut Option<String>,
    pub(crate) record: &'a mut Option<String>,
}

macro_rules! status {
    ($type:ty) => {
        impl Status for $type {
            fn common(&self) -> Common<'_> {
                Common {
                    observed_generation: &self.observed_generation,
                    conditions: &self.conditions,
                    account: &self.account,
                    last_handled_reconcile_at: &self.last_handled_reconcile_at,
                    record: &self.record,
                }
            }

            fn common_mut(&mut self) -> CommonMut<'_> {
                CommonMut {
                    observed_generation: &mut self.observed_generation,
                    conditions: &mut self.conditions,
                    reason: &mut self.reason,
                    message: &mut self.message,
                    last_handled_reconcile_at: &mut self.last_handled_reconcile_at,
                    record: &mut self.record,
                }
            }
        }
    };
}

status!(DailyRoomStatus);
status!(PinDialinNumberStatus);
