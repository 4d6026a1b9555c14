//! Why a room publishes a global number, in a message. No I/O.

use std::fmt;

use super::NUMBER_TIMEOUT;

/// Why a room that names no number gets a global one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyGlobal {
    NothingPurchased,
    /// A purchased number could be configured.
    NothingConfigured,
    /// PinDialinNumbers that exclude this namespace hold the configured numbers.
    HeldElsewhere,
    /// This PinDialinNumber is stalled.
    Stalled(String),
    /// This PinDialinNumber was not ready in time.
    NotReadyInTime(String),
    /// This PinDialinNumber is being deleted.
    BeingDeleted(String),
}

impl fmt::Display for WhyGlobal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingPurchased => f.write_str("the Daily account has purchased no number."),
            Self::NothingConfigured => f.write_str(
                "no purchased number of the Daily account that rooms of this namespace may publish has a PIN dial-in \
                 config. Create a PinDialinNumber; DailyRooms that you create later publish its number.",
            ),
            Self::HeldElsewhere => f.write_str(
                "the Daily account's numbers with a PIN dial-in config belong to PinDialinNumbers whose allowedRooms do \
                 not include this namespace. Ask their owners to set allowedRooms.",
            ),
            Self::Stalled(name) => write!(
                f,
                "the PinDialinNumber {name} is stalled. Check its status."
            ),
            Self::NotReadyInTime(name) => write!(
                f,
                "the PinDialinNumber {name} was not ready within {} minutes. Check its status.",
                NUMBER_TIMEOUT.as_secs() / 60
            ),
            Self::BeingDeleted(name) => {
                write!(f, "the PinDialinNumber {name} is being deleted.")
            }
        }
    }
}
