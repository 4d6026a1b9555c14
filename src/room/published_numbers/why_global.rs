//! Why a room publishes a global number, in a message. No I/O.

use std::fmt;

/// Why a room that names no number publishes a global one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyGlobal {
    NothingPurchased,
    /// A purchased number could be configured.
    NothingConfigured,
    /// PinDialinNumbers that exclude this namespace hold the configured numbers.
    HeldElsewhere,
    /// This PinDialinNumber is stalled.
    Stalled(String),
    /// This PinDialinNumber is being set up for longer than a room waits, or only since the room has its number.
    NotReady(String),
    /// This PinDialinNumber is being deleted.
    BeingDeleted(String),
    /// A purchased number serves the room now, but callers know the global one.
    PublishedBefore,
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
            Self::NotReady(name) => write!(
                f,
                "the PinDialinNumber {name} is not ready. Check its status."
            ),
            Self::BeingDeleted(name) => {
                write!(f, "the PinDialinNumber {name} is being deleted.")
            }
            Self::PublishedBefore => f.write_str(
                "it has published this number before. To publish a purchased number, name it in \
                 spec.dialin.roomNumbers.",
            ),
        }
    }
}
