//! How Daily says no.

use crate::quirks::{LargeBody, PaidFeature, RateLimit};

/// A refusal: status, machine word, and text for people. // F-ERR-1
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub status: u16,
    pub error: &'static str,
    pub info: Option<Info>,
    /// The id of the room, when the refused deletion nevertheless removed one. // F-ROOM-26
    pub deleted: Option<String>,
}

/// The text of a refusal, and where it comes from. // F-ERR-12
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Info {
    /// A source gives it: it was measured, is documented or specified, or is in a fixture.
    Quoted(String),
    /// No source gives it; it is this simulator's own.
    MadeUp(String),
}

impl Info {
    pub fn text(&self) -> &str {
        match self {
            Self::Quoted(text) | Self::MadeUp(text) => text,
        }
    }
}

impl Refusal {
    fn new(status: u16, error: &'static str, info: Option<Info>) -> Self {
        Self {
            status,
            error,
            info,
            deleted: None,
        }
    }

    /// A refusal whose text a source gives.
    pub fn quoted(status: u16, error: &'static str, info: impl Into<String>) -> Self {
        Self::new(status, error, Some(Info::Quoted(info.into())))
    }

    /// A refusal whose text no source gives.
    pub fn made_up(status: u16, error: &'static str, info: impl Into<String>) -> Self {
        Self::new(status, error, Some(Info::MadeUp(info.into())))
    }

    /// The request makes no sense. Conflicts are among these. // F-ERR-3
    pub fn invalid(info: impl Into<String>) -> Self {
        Self::made_up(400, "invalid-request-error", info)
    }

    /// The same in words that a source gives.
    pub fn invalid_quoted(info: impl Into<String>) -> Self {
        Self::quoted(400, "invalid-request-error", info)
    }

    // F-ERR-7
    pub fn missing_field() -> Self {
        Self::invalid_quoted("missing required field")
    }

    /// A property that no room has. // F-ERR-5
    pub fn invalid_property(name: &str) -> Self {
        Self::invalid_quoted(format!("invalid property name '{name}'"))
    }

    /// The same elsewhere, where nobody saw the text. // F-ERR-5
    pub fn unknown_property(name: &str) -> Self {
        Self::invalid(format!("invalid property name '{name}'"))
    }

    // F-ERR-4
    pub fn not_json() -> Self {
        Self::made_up(
            400,
            "json-parsing-error",
            "the request body is not valid JSON",
        )
    }

    // F-ERR-6
    pub fn not_found(info: impl Into<String>) -> Self {
        Self::made_up(404, "not-found", info)
    }

    // F-ROOM-16
    pub fn room_not_found(name: &str) -> Self {
        Self::quoted(404, "not-found", format!("room {name} not found"))
    }

    // F-AUTH-4
    pub fn no_authorization() -> Self {
        Self::quoted(
            400,
            "authorization-header-error",
            "invalid authorization header",
        )
    }

    // F-AUTH-5, F-ERR-2
    pub fn unknown_key() -> Self {
        Self::new(401, "authentication-error", None)
    }

    // F-RATE-3, F-RATE-4
    pub fn rate_limit(answer: RateLimit) -> Self {
        let status = match answer {
            RateLimit::Plain | RateLimit::RetryAfter => 429,
            RateLimit::BadRequest => 400,
        };
        Self::made_up(status, "rate-limit-error", "too many requests")
    }

    // F-ERR-17
    pub fn other_content_type() -> Self {
        Self::invalid("the Content-Type of the request should be application/json")
    }

    // F-ERR-13
    pub fn large_body(answer: LargeBody) -> Self {
        let status = match answer {
            LargeBody::Status413 => 413,
            LargeBody::Status400 => 400,
        };
        let info = "the request body is too large";
        Self::made_up(status, "invalid-request-error", info)
    }

    // F-ERR-14
    pub fn paid_feature(answer: PaidFeature) -> Self {
        let status = match answer {
            PaidFeature::Status400 => 400,
            PaidFeature::Status403 => 403,
        };
        let info = "This feature is only available to paid accounts";
        Self::quoted(status, "invalid-plan-type", info)
    }

    // F-NUM-11
    pub fn invalid_parameter() -> Self {
        Self::quoted(400, "validation-error", "invalid path parameter")
    }

    /// The same refusal of a deletion that removed this room all the same.
    pub fn deleted(mut self, room_id: String) -> Self {
        self.deleted = Some(room_id);
        self
    }

    /// The same refusal with no other text than one that a source gives. // F-ERR-12
    pub fn without_made_up_text(mut self) -> Self {
        self.info = self.info.filter(|info| matches!(info, Info::Quoted(_)));
        self
    }
}
