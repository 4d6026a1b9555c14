//! Durations and times in a spec, with one grammar for the API server and the operator. No I/O.
//!
//! A duration is a Gateway API duration (GEP-2257) in whole seconds, with each unit at most once and
//! larger units first. A time is an RFC 3339 time on a day that exists. Every string that matches
//! parses.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::core::Rule;

use super::grammar::{Grammar, InvalidField};

/// In seconds. Time enough to see that the room has expired.
const SHORTEST_TTL_AFTER_EXPIRED: i64 = 60;
/// The latest expiration that the operator requests, in seconds from now. Daily rejects one a year
/// ahead (F-PIN-8).
pub const FARTHEST_END: i64 = 364 * 24 * 3600;
/// In seconds. A room with a shorter `ttl` would expire before anyone can use it.
const SHORTEST_TTL: i64 = 10;
/// In seconds. Presence shows participants 10 to 25 seconds late (F-PRES-3), so that a shorter wait is none.
const SHORTEST_DRAIN: i64 = 10;
/// In seconds: a week. A deletion that takes longer blocks whoever waits for it.
const LONGEST_DRAIN: i64 = 7 * 24 * 3600;
/// In seconds. Time enough to retry a renewal that fails, and more than clocks differ.
const SHORTEST_RENEWAL_BEFORE: i64 = 600;
/// In seconds. A third of it is left for renewals that fail.
const SHORTEST_TOKEN_TTL: i64 = 300;

/// A duration in a spec, with its bounds in seconds.
pub struct BoundedDuration {
    pub(super) grammar: Grammar,
    shortest: i64,
    longest: i64,
}

/// `spec.ttl` of a DailyRoom.
pub static TTL: BoundedDuration = BoundedDuration::new(TTL_SENTENCE, SHORTEST_TTL, FARTHEST_END);

/// `spec.maxDrain` of both kinds.
pub static MAX_DRAIN: BoundedDuration =
    BoundedDuration::new(MAX_DRAIN_SENTENCE, SHORTEST_DRAIN, LONGEST_DRAIN);

/// `spec.renewal.before` of a DailyRoom. [`renewal_before`] compares it with the `ttl`.
pub static RENEWAL_BEFORE: BoundedDuration = BoundedDuration::new(
    RENEWAL_BEFORE_SENTENCE,
    SHORTEST_RENEWAL_BEFORE,
    FARTHEST_END / 2,
);

/// `spec.ttlAfterExpired` of a DailyRoom.
pub static TTL_AFTER_EXPIRED: BoundedDuration = BoundedDuration::new(
    TTL_AFTER_EXPIRED_SENTENCE,
    SHORTEST_TTL_AFTER_EXPIRED,
    FARTHEST_END,
);

/// `ttl` of a meeting token.
pub static TOKEN_TTL: BoundedDuration =
    BoundedDuration::new(TOKEN_TTL_SENTENCE, SHORTEST_TOKEN_TTL, FARTHEST_END);

impl BoundedDuration {
    /// In characters.
    pub const LONGEST_TEXT: usize = 32;

    const fn new(sentence: &'static str, shortest: i64, longest: i64) -> Self {
        Self {
            grammar: Grammar::new(DURATION, Self::LONGEST_TEXT, sentence),
            shortest,
            longest,
        }
    }

    /// The CEL rule for the CRD.
    pub(super) fn rule(&self) -> Rule {
        let Self {
            shortest, longest, ..
        } = self;
        self.grammar.rule_with(&format!(
            " && duration(self) >= duration('{shortest}s') && duration(self) <= duration('{longest}s')"
        ))
    }

    /// The duration in seconds.
    ///
    /// # Errors
    /// The message of the CEL rule.
    pub fn seconds(&self, text: &str) -> Result<i64, InvalidField> {
        let duration: Option<SignedDuration> = self.grammar.check(text)?.parse().ok();
        let seconds = duration.map(|it| it.as_secs());
        let fits = |seconds: &i64| (self.shortest..=self.longest).contains(seconds);
        seconds.filter(fits).ok_or(self.grammar.invalid())
    }
}

/// `spec.expirationTime` of a DailyRoom.
pub static EXPIRATION_TIME: Grammar = Grammar::new(TIME, 64, EXPIRATION_TIME_SENTENCE);

/// `spec.notBeforeTime` of a DailyRoom.
pub static NOT_BEFORE_TIME: Grammar = Grammar::new(TIME, 64, NOT_BEFORE_TIME_SENTENCE);

/// Hours, minutes and seconds, at least one of them. The numbers of digits suffice for the longest
/// `ttl` in each unit and keep the sum within a CEL duration, whose overflow would hide the message.
const DURATION: &str =
    "^([0-9]{1,5}h([0-9]{1,6}m)?([0-9]{1,8}s)?|[0-9]{1,6}m([0-9]{1,8}s)?|[0-9]{1,8}s)$";

const TTL_SENTENCE: &str = "ttl must be a duration from 10s to 8736h (364 days), written \
     with h, m and s, each at most once and in this order, for example 8h or 1h30m";

const MAX_DRAIN_SENTENCE: &str = "maxDrain must be a duration from 10s to 168h (7 days), written \
     with h, m and s, each at most once and in this order, for example 30m or 1h30m";

const RENEWAL_BEFORE_SENTENCE: &str = "renewal.before must be a duration from 10m to half of ttl, written \
     with h, m and s, each at most once and in this order, for example 24h";

const TTL_AFTER_EXPIRED_SENTENCE: &str = "ttlAfterExpired must be a duration from 1m to 8736h (364 days), \
     written with h, m and s, each at most once and in this order, for example 1h";

/// Why a DailyRoom with a fixed end cannot be renewed.
pub const RENEWAL_NEEDS_TTL: &str = "renewal needs ttl, the time by which it extends the room; set ttl instead of expirationTime, or remove renewal";

const TOKEN_TTL_SENTENCE: &str = "the ttl of a meeting token must be a duration from 5m to 8736h (364 days), written \
     with h, m and s, each at most once and in this order, for example 24h";

/// Months of 31 and 30 days, February, and February 29 in leap years; hour, minute, second and
/// fraction; offset. With years from 2000 to 2999 no offset leaves the range of a timestamp.
const TIME: &str = concat!(
    "^(2[0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    "|(2[0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)",
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?",
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
);

const EXPIRATION_TIME_SENTENCE: &str = "expirationTime must be a time in RFC 3339 form, \
     with a day that exists and a year from 2000 to 2999, for example 2026-12-01T18:00:00Z";

const NOT_BEFORE_TIME_SENTENCE: &str = "notBeforeTime must be a time in RFC 3339 form, \
     with a day that exists and a year from 2000 to 2999, for example 2026-12-01T08:00:00Z";

/// Why `notBeforeTime` may not be at or after `expirationTime`: nobody could join.
pub const NOT_BEFORE_THE_END: &str = "notBeforeTime must be before expirationTime; choose an earlier \
     notBeforeTime or a later expirationTime";

/// The CEL rule that `notBeforeTime` is before `expirationTime`. A time of another form is left to the rule
/// of its field: here it would print an error of CEL beside that rule's sentence.
pub(super) fn not_before_rule() -> Rule {
    let unset = |field: &str| format!("!has(self.{field}) || !self.{field}.matches('{TIME}')");
    Rule::new(format!(
        "{} || {} || timestamp(self.notBeforeTime) < timestamp(self.expirationTime)",
        unset("notBeforeTime"),
        unset("expirationTime")
    ))
    .message(NOT_BEFORE_THE_END)
}

/// The CEL rule for `spec` that compares `renewal.before` with `ttl`, if both are durations.
pub(super) fn renewal_rule() -> Rule {
    let both =
        "duration(self.renewal.before) + duration(self.renewal.before) <= duration(self.ttl)";
    Rule::new(format!(
        "!has(self.renewal) || !has(self.ttl) || !self.ttl.matches('{DURATION}') || \
         !self.renewal.before.matches('{DURATION}') || {both}"
    ))
    .message(RENEWAL_BEFORE_SENTENCE)
}

/// A `renewal.before` in seconds, for a room with this `ttl` in seconds.
///
/// # Errors
/// The message of the CEL rule.
pub fn renewal_before(text: &str, ttl: i64) -> Result<i64, InvalidField> {
    let seconds = RENEWAL_BEFORE.seconds(text)?;
    InvalidField::unless(seconds <= ttl / 2, RENEWAL_BEFORE_SENTENCE)?;
    Ok(seconds)
}

/// An `expirationTime` in Unix seconds, rounded down.
///
/// # Errors
/// The message of the CEL rule.
pub fn expiration_time(text: &str) -> Result<i64, InvalidField> {
    seconds(&EXPIRATION_TIME, text)
}

/// A `notBeforeTime` in Unix seconds, rounded down.
///
/// # Errors
/// The message of the CEL rule.
pub fn not_before_time(text: &str) -> Result<i64, InvalidField> {
    seconds(&NOT_BEFORE_TIME, text)
}

fn seconds(grammar: &Grammar, text: &str) -> Result<i64, InvalidField> {
    let time: Option<Timestamp> = grammar.check(text)?.parse().ok();
    let seconds = time.map(Timestamp::as_second);
    seconds.ok_or(grammar.invalid())
}

/// Unix seconds as Kubernetes writes a time.
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
