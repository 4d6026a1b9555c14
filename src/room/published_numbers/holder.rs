//! A PinDialinNumber that holds a number which a room may publish. No I/O.

/// A PinDialinNumber, as far as the choice depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub namespace: String,
    pub name: String,
    pub phone_number: String,
    /// The id of its domain, once that is known.
    pub domain_id: Option<String>,
    /// Whether the status has the domain. Only the operator writes the status.
    pub is_reported: bool,
    pub state: NumberState,
    /// Since when it is being set up, in unix seconds; `None` before its first reconcile.
    pub since: Option<i64>,
    /// Whether the room that chooses may publish the number.
    pub allows: bool,
}

/// The state of a PinDialinNumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberState {
    Ready,
    /// It may become ready without anybody's help.
    SettingUp,
    /// A user has to act first, for example to supply an API key.
    Stalled,
    /// It is being deleted, and answers while rooms publish it.
    Draining,
    Deleting,
}

impl Holder {
    pub(super) fn is_ready_in(&self, domain_id: &str) -> bool {
        self.state == NumberState::Ready && self.domain_id.as_deref() == Some(domain_id)
    }

    /// Callers of rooms that have published the number reach them.
    pub(super) fn answers_in(&self, domain_id: &str) -> bool {
        let answers = matches!(self.state, NumberState::Ready | NumberState::Draining);
        answers && self.domain_id.as_deref() == Some(domain_id)
    }

    pub(super) fn is_being_deleted(&self) -> bool {
        matches!(self.state, NumberState::Draining | NumberState::Deleting)
    }

    /// The name in a message to users of `namespace`.
    pub(super) fn seen_from(&self, namespace: &str) -> String {
        if self.namespace == namespace {
            return self.name.clone();
        }
        format!("{}/{}", self.namespace, self.name)
    }

    /// Of several PinDialinNumbers with one number, the lowest rank decides who may publish it: the one
    /// that has the config at Daily. A stalled one has none, so it cannot withhold the number.
    pub(super) fn rank(&self) -> Option<u8> {
        match self.state {
            NumberState::Ready => Some(0),
            NumberState::Draining | NumberState::Deleting => Some(1),
            NumberState::SettingUp => Some(2),
            NumberState::Stalled => None,
        }
    }
}
