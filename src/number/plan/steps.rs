//! What a plan for a PinDialinNumber can ask for. Data alone.

use crate::daily::types::{DialinConfigRequest, Domain};

/// What can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case", prefix = "read-")]
pub enum Read {
    /// The purchased numbers and dial-in configs of the account.
    Number(Age),
    /// How many DailyRooms publish the number.
    Publishers,
}

/// How old an answer of Daily may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// As old as the interval between drift checks.
    Drift,
    /// A few seconds.
    Recent,
    /// From this reconcile, and after its last write.
    Fresh,
}

/// What can be written.
#[derive(Clone, Debug, PartialEq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
#[allow(
    clippy::enum_variant_names,
    reason = "verb and object, as in the steps of a DailyRoom"
)]
pub enum Step {
    CreateConfig(Box<DialinConfigRequest>),
    UpdateConfig(Box<Update>),
    DeleteConfig {
        id: String,
    },
    /// Remember that Daily accepted the change with this fingerprint without applying it.
    RememberUnapplied {
        fingerprint: String,
    },
    /// Delete the config with this id, and create one in the other place right after: Daily refuses a
    /// second config of a number (F-CFG-4, F-DOM-6).
    MoveConfig(String, Box<DialinConfigRequest>),
}

/// A change of a config.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub id: String,
    /// All fields, not only those that change.
    pub request: DialinConfigRequest,
    /// Whether it corrects a change that somebody made at Daily.
    pub drift: bool,
    /// Whether that is counted, because the change was not our own.
    pub counts: bool,
    /// The fields that change.
    pub properties: Vec<String>,
}

/// What callers reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    pub domain: Domain,
    /// Daily's id of the config.
    pub id: String,
}
