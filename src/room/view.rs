//! What a reconcile of a DailyRoom knows, beside what is the same for any kind.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Room;
use super::plan::steps::Update;
use super::published_numbers::{NumberProblem, WhyGlobal};
use super::secret::{Found, SecretKind, WrittenPin};
use crate::clock::Moment;
use crate::crd::PublishedNumber;
use crate::crd::condition::Reason;
use crate::daily::account::presence::Occupancy;
use crate::daily::meeting_token::MeetingToken;
use crate::daily::types::Pin;
use crate::k8s::Guard;
use crate::reconcile;
use crate::reconcile::backoff::Rejection;
use crate::reconcile::problem::ResolvedBy;

/// The longest wait after the API server rejected a Secret: no watch shows that a quota or policy has changed.
const SECRET_RETRY: Duration = Duration::from_secs(30);

/// What a reconcile of a DailyRoom knows.
pub type View = reconcile::view::View<Room>;

/// What one reconcile has read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Whether Daily was asked for the room by name, and no write to it has failed since.
    pub read_by_name: bool,
    /// Whether a first listing of the account was waited for.
    pub awaited_listing: bool,
    /// Whether a listing that begins after this reconcile was waited for.
    pub awaited_next_listing: bool,
    /// The numbers to publish, once they were chosen.
    pub numbers: Option<Result<Vec<PublishedNumber>, NumberProblem>>,
    /// Why it is a global number, if the spec names none.
    pub why_global: Option<WhyGlobal>,
    /// The Secrets with the names in the spec, once they were read.
    pub secrets: BTreeMap<SecretKind, Found>,
    /// Secrets with our label and another name, once the cache of the watch is filled.
    pub other_secrets: Option<Vec<String>>,
    /// Those of them that belong to this object, once they were read: an earlier `spec.secret.name`
    /// left them.
    pub former_secrets: Option<Vec<(SecretKind, Guard)>>,
    /// The meeting tokens that Daily issued in this reconcile, by their keys.
    pub tokens: BTreeMap<String, MeetingToken>,
    /// Whether this reconcile created the room, from the spec that it has read.
    pub created: bool,
    /// The change that Daily accepted.
    pub updated: Option<Update>,
    /// Who is in the room, or why Daily does not show it, once Daily was asked.
    pub presence: Option<Result<Occupancy, String>>,
    /// What the administrator of the operator decides.
    pub policy: Policy,
}

/// What the flags of the operator decide for all DailyRooms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The restricted properties that may be set with the default API key.
    pub allowed_properties: Vec<String>,
    /// Whether no status may have a PIN.
    pub omits_codes: bool,
}

/// What the process remembers of a DailyRoom between reconciles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The fingerprint of the `dialin` that was sent last, until Daily shows it.
    pub dialin_sent: Option<String>,
    /// Whether Daily kept numbers that an update left out: it merges updates.
    pub merges: bool,
    /// The Secrets as they were last read or written.
    pub secrets: BTreeMap<SecretKind, Found>,
    /// The fingerprint of each Secret as this process last wrote it, by its name.
    pub written: BTreeMap<String, String>,
    /// What the API server rejected last of each Secret, by its fingerprint.
    pub secret_rejections: BTreeMap<SecretKind, Rejection>,
    /// The meeting tokens that Daily did not issue, by their keys.
    pub token_failures: BTreeMap<String, TokenFailure>,
    /// The PIN that was reported last, if the status still counts it: the status may not have it, or lose it.
    pub pin: Option<WrittenPin>,
    /// Why the room is not recreated after a mass loss, as it was reported last.
    pub recreation_suspended: Option<String>,
    /// Since when the room waits for a PinDialinNumber that is being set up.
    pub number_awaited: Option<Moment>,
    /// Since when Daily's answers do not show a number that the room publishes.
    pub number_lost: Option<Moment>,
    /// Since when Daily shows nobody in a room that is being deleted.
    pub empty_since: Option<Moment>,
    /// Since when Daily shows participants in the room, or in an ended one of its name, or does not answer.
    pub occupied_since: Option<Moment>,
}

/// Why Daily did not issue a meeting token, and when the operator asks again.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenFailure {
    pub rejection: Rejection,
    pub reason: Reason,
    pub resolved_by: ResolvedBy,
}

impl View {
    /// Forgets what is remembered of Secrets and tokens that the spec does not name any more.
    pub fn forget_former(&mut self) {
        let (names, memory) = (&self.names, &mut self.memory.kind);
        let is_named = |name: &str| SecretKind::ALL.iter().any(|it| names.of(*it) == Some(name));
        memory.written.retain(|name, _| is_named(name));
        let Ok(spec) = &self.spec else {
            return;
        };
        let has_token = |key: &str| spec.tokens.iter().any(|it| it.key == key);
        memory.token_failures.retain(|key, _| has_token(key));
    }

    /// Daily answered who is in the room, or did not.
    pub fn is_there(&mut self, here: Result<Occupancy, String>) {
        let memory = &mut self.memory.kind;
        let since = here.as_ref().map_or(self.now.moment, |it| it.at);
        match &here {
            Ok(here) if here.is_empty() => {
                memory.empty_since.get_or_insert(since);
                memory.occupied_since = None;
            }
            occupied => {
                memory.empty_since = memory.empty_since.filter(|_| occupied.is_err());
                memory.occupied_since.get_or_insert(since);
            }
        }
        self.facts.presence = Some(here);
    }

    /// The name of the room: the recorded one, else the chosen or derived one.
    pub fn room_name(&self) -> String {
        self.name_at_daily().unwrap_or_default()
    }

    /// The chosen or derived name.
    pub fn own_room_name(&self) -> String {
        self.own_name().unwrap_or_default()
    }

    /// Whether the spec chooses the name. A chosen name does not prove whose the room is.
    pub fn is_chosen(&self) -> bool {
        self.names.chosen.is_some()
    }

    /// What a rejection of a Secret holds for: this content in the place of what was found. A user who deletes
    /// or changes the Secret may have removed the cause.
    pub fn secret_attempt(&self, kind: SecretKind, content: &str) -> String {
        let found = self.facts.secrets.get(&kind).and_then(Found::fingerprint);
        format!("{content} for {}", found.unwrap_or("nothing"))
    }

    /// The API server rejected a Secret, which is sent again after a back-off.
    pub fn secret_rejected(&mut self, kind: SecretKind, content: &str, error: String) {
        let attempt = self.secret_attempt(kind, content);
        let (memory, now) = (&mut self.memory.kind, self.now.moment);
        memory.secrets.remove(&kind);
        let before = memory.secret_rejections.get(&kind);
        let rejection = Rejection::after(before, &attempt, error, now);
        let rejection = rejection.within(SECRET_RETRY, now);
        memory.secret_rejections.insert(kind, rejection);
        self.retried.push(attempt);
    }

    /// Whether the status may not have the PIN.
    pub fn omits_code(&self) -> bool {
        self.names.omits_code || self.facts.policy.omits_codes
    }

    /// The PIN that was reported last. If the status may not have it, this process remembers it, and after
    /// a restart the Secret does.
    pub fn reported_pin(&self) -> Option<&str> {
        let in_status = self.status.dialin_code.as_deref();
        let elsewhere = self.remembered_pin().or(self.written_pin());
        let elsewhere = elsewhere.filter(|_| self.omits_code());
        in_status.or(elsewhere.map(|it| it.pin.digits()))
    }

    /// The PIN that this process remembers. If the answer to a write of the status was lost, it is not the last one.
    pub fn remembered_pin(&self) -> Option<&WrittenPin> {
        let remembered = self.memory.kind.pin.as_ref();
        remembered.filter(|it| self.is_counted(it))
    }

    fn is_counted(&self, pin: &WrittenPin) -> bool {
        let counted = self.status.dialin_code_revision;
        pin.revision.is_none() || pin.revision == counted
    }

    /// Whether this PIN of the room with this id is the one that was reported last. If nothing has that one, the room
    /// decides.
    pub fn is_reported(&self, pin: &Pin, id: &str) -> bool {
        let remembered = self.remembered_pin().map(|it| it.pin.digits());
        match self.reported_pin().or(remembered) {
            Some(reported) => reported == pin.digits(),
            None => self.status.room.as_ref().is_none_or(|it| it.id == id),
        }
    }

    /// Remembers the PIN of a status that may be about to lose it.
    pub fn remember_shown_pin(&mut self) {
        if let Some(pin) = &self.status.dialin_code {
            let revision = self.status.dialin_code_revision;
            self.memory.kind.pin = Pin::new(pin).map(|pin| WrittenPin { pin, revision });
        }
    }

    /// Remembers a Secret as it was read, and after a restart the PIN in it that the status counts.
    pub fn remember_secret(&mut self, kind: SecretKind, found: Found) {
        self.memory.kind.secrets.insert(kind, found.clone());
        self.facts.secrets.insert(kind, found);
        let written = self.written_pin().filter(|it| self.is_counted(it));
        let known = self.remembered_pin().or(written);
        self.memory.kind.pin = known.cloned();
    }

    /// The PIN in the Secret, if the operator wrote it.
    pub fn written_pin(&self) -> Option<&WrittenPin> {
        match self.facts.secrets.get(&SecretKind::Dialin)? {
            Found::Ours { pin, .. } => pin.as_ref(),
            Found::Absent | Found::Foreign => None,
        }
    }

    /// Whether the spec leaves it to the operator which number is published.
    pub fn names_no_number(&self) -> bool {
        let spec = self.spec.as_ref();
        spec.is_ok_and(|it| it.numbers.is_empty())
    }
}
