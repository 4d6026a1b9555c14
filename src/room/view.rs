//! What a pass over a DailyRoom knows when it decides. Data alone: the decisions are in
//! [`plan`](super::plan), the reading in [`observe`](super::observe).

use std::time::Duration;

use super::desired::{Desired, Unfit, Wishes};
use super::numbers::WhyGlobal;
use super::secret::Found;
use crate::binding::Binding;
use crate::clock::Moment;
use crate::crd::condition::Reason;
use crate::crd::{DailyRoomStatus, PublishedNumber};
use crate::daily::ledger::Sight;
use crate::daily::pins::PinChanges;
use crate::daily::types::Domain;
use crate::keys::KeyProblem;
use crate::naming;
use crate::subject::Subject;

/// What a pass knows.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The object.
    pub subject: Subject,
    /// What is needed to delete it.
    pub wishes: Wishes,
    /// What it asks for.
    pub desired: Result<Desired, Unfit>,
    /// What was reported last.
    pub status: DailyRoomStatus,
    /// Who we are.
    pub own: Own,
    /// The clocks.
    pub now: Now,
    /// How long after an unknown write nothing is believed to be gone.
    pub quiet: Duration,
    /// How often the rooms of the account are listed.
    pub drift: Duration,
    /// Absence that was told before this moment is not believed: a leader before this one may
    /// have sent something that is still to be done.
    pub trusted_from: Moment,
    /// The domain of the key in force, or of the last good key when the object is being deleted;
    /// once it was looked for.
    pub access: Option<Result<Domain, KeyProblem>>,
    /// Whether a person asks for a pass.
    pub forced: bool,
    /// What is known of the room, once the domain is.
    pub sight: Option<Sight>,
    /// Which changes have changed PINs in the account.
    pub pin_changes: PinChanges,
    /// Whether the room was looked at by name in this pass.
    pub looked: bool,
    /// Whether a listing was waited for in this pass.
    pub listed: bool,
    /// The numbers to publish, once they were looked up.
    pub numbers: Option<Result<Vec<PublishedNumber>, NumberProblem>>,
    /// Why a global number was chosen among them in this pass, if it was.
    pub why_global: Option<WhyGlobal>,
    /// The Secret, once it was looked at.
    pub secret: Option<Found>,
    /// Another DailyRoom that holds the chosen name, once they were looked through.
    pub rival: Option<Option<String>>,
    /// Whether what Daily had refused before was tried again in this pass.
    pub tried: bool,
    /// Whether the API server refused the Secret in this pass.
    pub secret_refused: bool,
    /// What this process remembers of the object.
    pub memory: Memory,
}

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// Part of every derived name.
    pub cluster_id: String,
    /// Who holds objects.
    pub installation_id: String,
}

/// The clocks at the beginning of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic one.
    pub moment: Moment,
    /// The wall clock in unix seconds.
    pub wall: i64,
}

/// Why the numbers to publish are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberProblem {
    /// The word.
    pub reason: Reason,
    /// The sentence.
    pub message: String,
    /// Whether it may resolve itself, or a person has to act.
    pub waits: bool,
    /// When to look again at the latest.
    pub again: Duration,
}

/// What this process remembers of an object between passes. Losing it costs a call or a wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Whether this process bound the object, so that no other one can have sent anything for it.
    pub bound_here: bool,
    /// Whether this process claimed the name, so that it knows of every create since.
    pub claimed_here: bool,
    /// What Daily refused, not to be sent again and again.
    pub refusal: Option<Refusal>,
    /// Whether the name was freed of our room that had ended, which is done once.
    pub collected: bool,
    /// The fingerprint of the `dialin` that was sent last and that Daily has not shown since.
    pub dialin_sent: Option<String>,
    /// Whether Daily has kept numbers that an update had left out: it merges what it is sent.
    pub merges: bool,
    /// The Secret as it was seen or written last.
    pub secret: Option<Found>,
    /// Definite answers that there is no key to delete with.
    pub keyless: Option<Keyless>,
    /// Since when nothing but a PinDialinNumber that is being set up is in the way of the room.
    pub number_awaited: Option<Moment>,
    /// When a forced pass was last made.
    pub forced_at: Option<Moment>,
}

/// A write that Daily refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was refused, as a fingerprint.
    pub what: String,
    /// Daily's words, masked.
    pub info: String,
    /// When it was refused last.
    pub at: Moment,
    /// Not to be sent again before.
    pub until: Moment,
    /// How often it was refused in a row.
    pub times: u32,
}

/// What Daily refused is sent again after so long at first, and at last.
const REFUSED_FIRST: Duration = Duration::from_secs(5);
const REFUSED_LAST: Duration = Duration::from_secs(3600);

impl Refusal {
    /// A refusal after another one. If that was of the same write, it waits twice as long.
    #[must_use]
    pub fn after(before: Option<&Self>, what: &str, info: String, now: Moment) -> Self {
        let same = before.filter(|it| it.what == what);
        let times = same.map_or(0, |it| it.times).saturating_add(1);
        let wait = REFUSED_FIRST * 2u32.saturating_pow(times.saturating_sub(1).min(10));
        Self {
            what: what.to_owned(),
            info,
            at: now,
            until: now.after(wait.min(REFUSED_LAST)),
            times,
        }
    }
}

/// Definite answers that there is no key to delete with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyless {
    /// When the first one came.
    pub since: Moment,
    /// How many there were.
    pub answers: u32,
}

impl View {
    /// The name of the room: the recorded one, else the chosen or derived one.
    #[must_use]
    pub fn room_name(&self) -> String {
        if let Some(binding) = self.subject.binding() {
            return binding.name.clone();
        }
        self.own_name()
    }

    /// The name that spec or derivation give.
    #[must_use]
    pub fn own_name(&self) -> String {
        let Subject {
            namespace, name, ..
        } = &self.subject;
        match &self.wishes.chosen_name {
            Some(chosen) => chosen.clone(),
            None => naming::derived_room_name(&self.own.cluster_id, namespace, name),
        }
    }

    /// Whether the room's name is chosen, so that it says nothing of whose the room is.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        self.wishes.chosen_name.is_some()
    }

    /// Whether the spec leaves it to us which number is published.
    #[must_use]
    pub fn names_no_number(&self) -> bool {
        let desired = self.desired.as_ref();
        desired.is_ok_and(|it| it.numbers.is_empty())
    }

    /// Whether the spec was edited since it was last acted on.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.status
            .observed_generation
            .is_some_and(|seen| seen != self.subject.generation)
    }

    /// What is known of the room.
    #[must_use]
    pub fn known(&self) -> Sight {
        self.sight.clone().unwrap_or_default()
    }

    /// The domain in which the object is bound, whatever key is in force.
    #[must_use]
    pub fn bound_domain(&self) -> Option<&str> {
        let binding = self
            .subject
            .binding()
            .map(|it: &Binding| it.domain_id.as_str());
        let reported = self.status.account.as_ref().map(|it| it.domain_id.as_str());
        binding.or(reported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_waits_longer_each_time_up_to_an_hour() {
        let now = Moment(Duration::from_secs(1000));
        let waits = |refusal: &Refusal| now.until(refusal.until).as_secs();
        let again = |before: Option<&Refusal>, what| Refusal::after(before, what, "no".into(), now);
        let mut refusal = again(None, "a");
        let mut waited = vec![waits(&refusal)];
        for _ in 0..40 {
            refusal = again(Some(&refusal), "a");
            waited.push(waits(&refusal));
        }
        assert_eq!(waited[..4], [5, 10, 20, 40]);
        assert_eq!(waited.last(), Some(&3600));
        assert_eq!((refusal.at, refusal.times), (now, 41));
        assert_eq!(
            waits(&again(Some(&refusal), "b")),
            5,
            "another write begins anew"
        );
    }
}
