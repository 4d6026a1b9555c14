//! The closed sets of condition types and reasons.
//!
//! The same word is condition reason, event reason and metric label.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Condition types of both kinds.
pub mod kind {
    /// Do the number and PIN in the Secret reach this room.
    pub const READY: &str = "Ready";
    /// The operator is still working on it.
    pub const RECONCILING: &str = "Reconciling";
    /// A person has to act.
    pub const STALLED: &str = "Stalled";
    /// The room ended as planned.
    pub const EXPIRED: &str = "Expired";
}

/// Why a condition has its status. May grow; never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Callers reach the room.
    Available,
    /// First sight, or an effect under way.
    Progressing,
    /// Daily did not answer, or with a server error.
    DailyUnavailable,
    /// Daily refused because of too many calls.
    RateLimited,
    /// The spec cannot be acted on.
    InvalidSpec,
    /// Daily refused what the spec asks for.
    RejectedByDaily,
    /// Daily refused the API key.
    Unauthorized,
    /// The Secret with the API key, or its key, is missing or unusable.
    ApiKeyNotFound,
    /// The operator's default key may not be used in this namespace.
    ApiKeyNotAllowed,
    /// The key in force belongs to another Daily domain than the one recorded.
    AccountChanged,
    /// A room of the chosen name exists and is not this object's.
    NameTaken,
    /// The referenced PinDialinNumber does not exist.
    NumberNotFound,
    /// The number has no PIN dial-in config yet.
    NumberNotReady,
    /// Another namespace's PinDialinNumber holds the number.
    NumberNotAllowed,
    /// The account does not own the number.
    NumberNotPurchased,
    /// Another config or object holds the number.
    NumberInUse,
    /// A Secret of that name exists and is not this object's.
    SecretConflict,
    /// The API server refused the Secret.
    SecretRefused,
    /// The room vanished at Daily before its end.
    Missing,
    /// Deletion waits for those who still use it.
    DeletionDeferred,
    /// The room ended as planned.
    Expired,
    /// Another installation of the operator holds the object.
    OtherInstallation,
    /// The API server refused or did not answer a call.
    KubernetesUnavailable,
    /// The operator failed internally on this object.
    InternalError,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Available,
        Self::Progressing,
        Self::DailyUnavailable,
        Self::RateLimited,
        Self::InvalidSpec,
        Self::RejectedByDaily,
        Self::Unauthorized,
        Self::ApiKeyNotFound,
        Self::ApiKeyNotAllowed,
        Self::AccountChanged,
        Self::NameTaken,
        Self::NumberNotFound,
        Self::NumberNotReady,
        Self::NumberNotAllowed,
        Self::NumberNotPurchased,
        Self::NumberInUse,
        Self::SecretConflict,
        Self::SecretRefused,
        Self::Missing,
        Self::DeletionDeferred,
        Self::Expired,
        Self::OtherInstallation,
        Self::KubernetesUnavailable,
        Self::InternalError,
    ];

    /// The reason of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The word itself.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Progressing => "Progressing",
            Self::DailyUnavailable => "DailyUnavailable",
            Self::RateLimited => "RateLimited",
            Self::InvalidSpec => "InvalidSpec",
            Self::RejectedByDaily => "RejectedByDaily",
            Self::Unauthorized => "Unauthorized",
            Self::ApiKeyNotFound => "ApiKeyNotFound",
            Self::ApiKeyNotAllowed => "ApiKeyNotAllowed",
            Self::AccountChanged => "AccountChanged",
            Self::NameTaken => "NameTaken",
            Self::NumberNotFound => "NumberNotFound",
            Self::NumberNotReady => "NumberNotReady",
            Self::NumberNotAllowed => "NumberNotAllowed",
            Self::NumberNotPurchased => "NumberNotPurchased",
            Self::NumberInUse => "NumberInUse",
            Self::SecretConflict => "SecretConflict",
            Self::SecretRefused => "SecretRefused",
            Self::Missing => "Missing",
            Self::DeletionDeferred => "DeletionDeferred",
            Self::Expired => "Expired",
            Self::OtherInstallation => "OtherInstallation",
            Self::KubernetesUnavailable => "KubernetesUnavailable",
            Self::InternalError => "InternalError",
        }
    }
}

/// The status of a condition, or `None` when it is absent.
#[must_use]
pub fn status_of<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a str> {
    conditions
        .iter()
        .find(|c| c.type_ == type_)
        .map(|c| c.status.as_str())
}

/// Whether a condition is there and `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    status_of(conditions, type_) == Some("True")
}
