//! Which process leads: a Lease, renewed by whoever holds it.

/// Whether this process leads, as every effect asks before it is sent.
#[derive(Clone, Debug)]
pub struct Leadership {}

impl Leadership {
    /// Whether an effect may be sent now.
    #[must_use]
    pub fn may_send(&self) -> bool {
        true
    }
}
