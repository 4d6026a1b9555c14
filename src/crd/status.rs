//! What both kinds have in their status.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Account, DailyRoomStatus, PinDialinNumberStatus};

/// The status of a kind.
pub trait Status:
    Clone + Debug + Default + DeserializeOwned + PartialEq + Send + Serialize + Sync + 'static
{
    /// The fields that both kinds have.
    fn common(&self) -> Common<'_>;
    /// The same, to be changed.
    fn common_mut(&mut self) -> CommonMut<'_>;
}

/// The fields that both kinds have.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// The generation that was last reconciled.
    pub observed_generation: &'a Option<i64>,
    /// The conditions.
    pub conditions: &'a Vec<Condition>,
    /// The account at Daily.
    pub account: &'a Option<Account>,
    /// The last requested pass that was made.
    pub last_handled_reconcile_at: &'a Option<String>,
    /// What the object owns at Daily.
    pub record: &'a Option<String>,
}

/// The fields that both kinds have, to be changed.
#[derive(Debug)]
pub struct CommonMut<'a> {
    /// The generation that was last reconciled.
    pub observed_generation: &'a mut Option<i64>,
    /// The conditions.
    pub conditions: &'a mut Vec<Condition>,
    /// The reason of the condition that matters most.
    pub reason: &'a mut Option<String>,
    /// Its message.
    pub message: &'a mut Option<String>,
    /// The last requested pass that was made.
    pub last_handled_reconcile_at: &'a mut Option<String>,
    /// What the object owns at Daily.
    pub record: &'a mut Option<String>,
}

impl Status for DailyRoomStatus {
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

impl Status for PinDialinNumberStatus {
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
