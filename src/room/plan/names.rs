//! How looks and steps are called in the log.

use super::{Look, Step};

impl Look {
    /// Its name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "look-access",
            Self::Room => "look-room",
            Self::Listing => "look-listing",
            Self::Numbers => "look-numbers",
            Self::Secret => "look-secret",
            Self::Rivals => "look-rivals",
        }
    }
}

impl Step {
    /// Its name in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bind(_) => "bind",
            Self::Record(..) => "record",
            Self::Show(_) => "show",
            Self::CreateRoom(_) => "create-room",
            Self::UpdateRoom(_) => "update-room",
            Self::DeleteRoom { .. } => "delete-room",
            Self::Collect { .. } => "collect",
            Self::CreateSecret(_) => "create-secret",
            Self::UpdateSecret(..) => "update-secret",
            Self::DeleteSecret(_) => "delete-secret",
            Self::Release(_) => "release",
        }
    }
}
