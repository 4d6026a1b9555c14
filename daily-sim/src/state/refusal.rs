//! How Daily says no.

use crate::quirks::{Card, PaidFeature, Quirks};

impl Quirks {
    /// Refuses a paid feature to accounts without a card. // F-AUTH-8, F-ERR-14
    pub(crate) fn paid(&self) -> Result<(), Refusal> {
        match self.card {
            Card::Present => Ok(()),
            Card::Missing => Err(Refusal::paid_feature(self.paid_feature)),
        }
    }
}

/// A refusal: status, machine word, and text for people. // F-ERR-1
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    pub error: &'static str,
    pub info: Option<String>,
    /// The id of the room, when the refused deletion nevertheless removed one. // F-ROOM-26
    pub deleted: Option<String>,
}

impl Refusal {
    fn new(status: u16, error: &'static str, info: Option<String>) -> Self {
        Self {
            status,
            error,
            info,
            deleted: None,
        }
    }

    /// The request makes no sense. Conflicts are among these. // F-ERR-3
    pub fn invalid(info: impl Into<String>) -> Self {
        Self::new(400, "invalid-request-error", Some(info.into()))
    }

    // F-ERR-7
    pub fn missing_field() -> Self {
        Self::invalid("missing required field")
    }

    // F-ERR-5
    pub fn unknown_property(name: &str) -> Self {
        Self::invalid(format!("unknown property '{name}'"))
    }

    // F-ERR-4
    pub fn not_json() -> Self {
        let info = "the request body is not valid JSON".to_owned();
        Self::new(400, "json-parsing-error", Some(info))
    }

    // F-ERR-6
    pub fn not_found(info: impl Into<String>) -> Self {
        Self::new(404, "not-found", Some(info.into()))
    }

    // F-ROOM-16
    pub fn room_not_found(name: &str) -> Self {
        Self::not_found(format!("room {name} not found"))
    }

    // F-AUTH-4
    pub fn no_authorization() -> Self {
        let info = "invalid authorization header".to_owned();
        Self::new(400, "authorization-header-error", Some(info))
    }

    // F-AUTH-5, F-ERR-2
    pub fn unknown_key() -> Self {
        Self::new(401, "authentication-error", None)
    }

    // F-RATE-3
    pub fn rate_limit() -> Self {
        let info = "too many requests".to_owned();
        Self::new(429, "rate-limit-error", Some(info))
    }

    // F-NUM-11
    pub fn invalid_parameter() -> Self {
        let info = "invalid path parameter".to_owned();
        Self::new(400, "validation-error", Some(info))
    }

    // F-ERR-14
    pub fn paid_feature(status: PaidFeature) -> Self {
        let info = "This feature is only available to paid accounts".to_owned();
        let status = match status {
            PaidFeature::Status400 => 400,
            PaidFeature::Status403 => 403,
        };
        Self::new(status, "invalid-plan-type", Some(info))
    }

    /// The same refusal of a deletion that removed this room all the same.
    pub fn deleted(mut self, room_id: String) -> Self {
        self.deleted = Some(room_id);
        self
    }
}
