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

/// `spec.ttl` of a DailyRoom. [`ttl`] checks the bounds.
pub static TTL: Grammar = Grammar::new(DURATION, 32, TTL_SENTENCE);

/// `spec.maxDrain` of both kinds. [`max_drain`] checks the bounds.
pub static MAX_DRAIN: Grammar = Grammar::new(DURATION, 32, MAX_DRAIN_SENTENCE);

/// `spec.renewal.before` of a DailyRoom. [`renewal_before`] checks the bounds.
pub static RENEWAL_BEFORE: Grammar = Grammar::new(DURATION, 32, RENEWAL_BEFORE_SENTENCE);

/// `spec.ttlAfterExpired` of a DailyRoom. [`ttl_after_expired`] checks the bounds.
pub static TTL_AFTER_EXPIRED: Grammar = Grammar::new(DURATION, 32, TTL_AFTER_EXPIRED_SENTENCE);

/// `ttl` of a meeting token. [`token_ttl`] checks the bounds.
pub static TOKEN_TTL: Grammar = Grammar::new(DURATION, 32, TOKEN_TTL_SENTENCE);

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

/// The CEL rule for `spec.ttl`.
pub(super) fn ttl_rule() -> Rule {
    within(&TTL, SHORTEST_TTL, FARTHEST_END)
}

/// The CEL rule for `spec.maxDrain`.
pub(super) fn max_drain_rule() -> Rule {
    within(&MAX_DRAIN, SHORTEST_DRAIN, LONGEST_DRAIN)
}

/// The CEL rule for the `ttl` of a meeting token.
pub(super) fn token_ttl_rule() -> Rule {
    within(&TOKEN_TTL, SHORTEST_TOKEN_TTL, FARTHEST_END)
}

/// The CEL rule for a duration within these bounds, in seconds.
fn within(grammar: &Grammar, shortest: i64, longest: i64) -> Rule {
    grammar.rule_with(&format!(
        " && duration(self) >= duration('{shortest}s') && duration(self) <= duration('{longest}s')"
    ))
}

/// The CEL rule for `spec.renewal.before`.
pub(super) fn renewal_before_rule() -> Rule {
    RENEWAL_BEFORE.rule_with(&format!(
        " && duration(self) >= duration('{SHORTEST_RENEWAL_BEFORE}s')"
    ))
}

/// The CEL rule for `spec.ttlAfterExpired`.
pub(super) fn ttl_after_expired_rule() -> Rule {
    within(&TTL_AFTER_EXPIRED, SHORTEST_TTL_AFTER_EXPIRED, FARTHEST_END)
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
    duration(&RENEWAL_BEFORE, text, SHORTEST_RENEWAL_BEFORE, ttl / 2)
}

/// A `ttlAfterExpired` in seconds.
///
/// # Errors
/// The message of the CEL rule.
pub fn ttl_after_expired(text: &str) -> Result<i64, InvalidField> {
    duration(
        &TTL_AFTER_EXPIRED,
        text,
        SHORTEST_TTL_AFTER_EXPIRED,
        FARTHEST_END,
    )
}

/// A `ttl` in seconds.
///
/// # Errors
/// The message of the CEL rule.
pub fn ttl(text: &str) -> Result<i64, InvalidField> {
    duration(&TTL, text, SHORTEST_TTL, FARTHEST_END)
}

/// A `maxDrain` in seconds.
///
/// # Errors
/// The message of the CEL rule.
pub fn max_drain(text: &str) -> Result<i64, InvalidField> {
    duration(&MAX_DRAIN, text, SHORTEST_DRAIN, LONGEST_DRAIN)
}

/// The `ttl` of a meeting token in seconds.
///
/// # Errors
/// The message of the CEL rule.
pub fn token_ttl(text: &str) -> Result<i64, InvalidField> {
    duration(&TOKEN_TTL, text, SHORTEST_TOKEN_TTL, FARTHEST_END)
}

/// A duration within these bounds, in seconds.
fn duration(
    grammar: &Grammar,
    text: &str,
    shortest: i64,
    longest: i64,
) -> Result<i64, InvalidField> {
    let duration: Option<SignedDuration> = grammar.check(text)?.parse().ok();
    let seconds = duration.map(|it| it.as_secs());
    let fits = |seconds: &i64| (shortest..=longest).contains(seconds);
    seconds.filter(fits).ok_or(grammar.invalid())
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
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
