//! The two places at Daily that have dial-in configs (F-DOM-2). No I/O.

use clap::ValueEnum;

/// The domain, as a route and as the name of our writes to its list: each is a write to all numbers of
/// the account. No room and no number has this name.
pub(super) const DOMAIN: &str = "/";

/// Before the number in the id of an entry of the domain's list, which has none at Daily.
const ENTRY: &str = "pin_dialin:";

/// Where the operator writes dial-in configs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NumberApi {
    /// `/domain-dialin-config`, where each config has an id.
    #[default]
    DialinConfigs,
    /// The property `pin_dialin` of the domain, a list that each write replaces as a whole.
    DomainProperties,
}

impl NumberApi {
    /// The place of the config with this id.
    pub fn of(id: &str) -> Self {
        match entry_number(id) {
            Some(_) => Self::DomainProperties,
            None => Self::DialinConfigs,
        }
    }
}

/// The id of the entry of a number. Daily has at most one (F-CFG-4).
pub(super) fn entry_id(number: &str) -> String {
    format!("{ENTRY}{number}")
}

/// The number of the entry with this id.
pub(super) fn entry_number(id: &str) -> Option<&str> {
    id.strip_prefix(ENTRY)
}
