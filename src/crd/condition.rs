//! The types and reasons of conditions. Events and metrics use the same reasons.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Condition types of both kinds.
pub mod kind {
    /// Callers reach the room with the number and PIN in the Secret; or the number accepts PINs.
    pub const READY: &str = "Ready";
    /// The operator is working on the object, or waits for something that resolves itself.
    pub const RECONCILING: &str = "Reconciling";
    /// A user has to act.
    pub const STALLED: &str = "Stalled";
    /// The room has expired as planned.
    pub const EXPIRED: &str = "Expired";
    /// The operator leaves the object alone, because `spec.suspend` is true.
    pub const SUSPENDED: &str = "Suspended";
}

/// The reasons of conditions, events and metrics. They are part of the API: reasons may be added, never
/// renamed. `docs/conditions.md` says what a user can do about each.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
pub enum Reason {
    /// Callers reach the room, or the number accepts PINs.
    Available,
    /// The operator has just started on the object, or an effect is in flight.
    Progressing,
    /// Daily did not answer, or answered with a server error.
    DailyUnavailable,
    /// Daily's rate limit is exceeded.
    RateLimited,
    /// The operator cannot act on the spec.
    InvalidSpec,
    /// The API key in force may not set a property of the spec.
    PropertyNotAllowed,
    /// Daily rejected the request that the spec leads to.
    RejectedByDaily,
    /// Daily rejected the API key.
    Unauthorized,
    /// The Secret with the API key, or the key in it, is missing or unusable.
    ApiKeyNotFound,
    /// This namespace may not use the operator's default API key.
    ApiKeyNotAllowed,
    /// The API key belongs to another Daily domain than the recorded one.
    AccountChanged,
    /// The room with this name belongs to another object, or to nobody the operator knows.
    NameTaken,
    /// A limit keeps the object from adopting what exists at Daily.
    AdoptionNotAllowed,
    /// The referenced PinDialinNumber does not exist.
    NumberNotFound,
    /// The number has no PIN dial-in config yet.
    NumberNotReady,
    /// The PinDialinNumber does not allow this namespace.
    NumberNotAllowed,
    /// The account has not purchased the number.
    NumberNotPurchased,
    /// Another config or object uses the number.
    NumberInUse,
    /// A Secret with this name belongs to another owner.
    SecretConflict,
    /// The API server rejected the Secret, or stored another one.
    SecretRefused,
    /// The room vanished at Daily before it expired.
    Missing,
    /// Many rooms of the account vanished at once, and the operator recreates none of them unasked.
    RecreationSuspended,
    /// Another writer keeps undoing what the operator puts back at Daily.
    Contended,
    /// The deletion waits for rooms that still use the number.
    DeletionDeferred,
    /// The room has ended with participants in it, whom a new room would remove.
    RoomOccupied,
    /// `spec.suspend` is true.
    Suspended,
    /// `spec.suspend` is true, and the room will end because its renewal is due.
    RenewalSuspended,
    /// The room has expired as planned.
    Expired,
    /// Another installation of the operator owns the object.
    OtherInstallation,
    /// The API server rejected a call or did not answer.
    KubernetesUnavailable,
    /// A defect of the operator.
    InternalError,
}

impl Reason {
    /// All reasons.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The reason with this name.
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok()
    }

    /// The name, for example `RateLimited`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The status of a condition; `None` if the condition is absent.
pub fn status_of<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a str> {
    let found = conditions.iter().find(|it| it.type_ == type_);
    found.map(|it| it.status.as_str())
}

/// Whether a condition is present and `True`.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    status_of(conditions, type_) == Some("True")
}
