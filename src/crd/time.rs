//! Durations and times in a spec: one grammar for the API server and for this code. No I/O.
//!
//! A duration is a Gateway API duration (GEP-2257) in whole seconds, with each unit at most once and
//! the larger one first. A time is one of RFC 3339 with a day that exists. What these expressions
//! match parses; nothing else does.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::core::Rule;

use super::grammar::{Grammar, InvalidField};

/// Daily takes no end that is a year ahead (F-PIN-8); this is the farthest that is asked for.
pub const FARTHEST_END: i64 = 364 * 24 * 3600;
/// A shorter `ttl` would be over before the room can be used.
const SHORTEST_TTL: i64 = 10;

/// `spec.ttl` of a DailyRoom; [`ttl`] adds the bounds.
pub static TTL: Grammar = Grammar::new(DURATION, 32, TTL_SENTENCE);

/// `spec.expirationTime` of a DailyRoom.
pub static EXPIRATION_TIME: Grammar = Grammar::new(TIME, 64, EXPIRATION_TIME_SENTENCE);

/// Hours, minutes and seconds, at least one of them. So many digits hold every duration that is
/// admitted in each unit, and the sum fits a duration of CEL, whose overflow would be an error of its
/// own instead of the sentence.
const DURATION: &str =
    "^([0-9]{1,5}h([0-9]{1,6}m)?([0-9]{1,8}s)?|[0-9]{1,6}m([0-9]{1,8}s)?|[0-9]{1,8}s)$";

const TTL_SENTENCE: &str = "ttl must be a duration from 10s to 8736h (364 days), written \
     with h, m and s, each at most once and in this order, for example 8h or 1h30m";

/// Months of 31 and 30 days, February, and the 29th of February in leap years; hour, minute, second
/// and fraction; an offset. The years leave room for every offset in what this process computes with.
const TIME: &str = concat!(
    "^(2[0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))",
    "|(2[0-9](0[48]|[2468][048]|[13579][26])|2[048]00)-02-29)",
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?",
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
);

const EXPIRATION_TIME_SENTENCE: &str = "expirationTime must be a time in RFC 3339 form, \
     with a day that exists and a year from 2000 to 2999, for example 2026-12-01T18:00:00Z";

/// The rule of `spec.ttl` in the CRD.
pub(super) fn ttl_rule() -> Rule {
    TTL.rule_with(&format!(
        " && duration(self) >= duration('{SHORTEST_TTL}s') && duration(self) <= \
         duration('{FARTHEST_END}s')"
    ))
}

/// The seconds of a `ttl`.
///
/// # Errors
/// The sentence that says what to write.
pub fn ttl(text: &str) -> Result<i64, InvalidField> {
    let duration: Option<SignedDuration> = TTL.check(text)?.parse().ok();
    let seconds = duration.map(|it| it.as_secs());
    let fits = |seconds: &i64| (SHORTEST_TTL..=FARTHEST_END).contains(seconds);
    seconds.filter(fits).ok_or(TTL.invalid())
}

/// An `expirationTime` in unix seconds; a fraction of a second is left out.
///
/// # Errors
/// The sentence that says what to write.
pub fn expiration_time(text: &str) -> Result<i64, InvalidField> {
    let time: Option<Timestamp> = EXPIRATION_TIME.check(text)?.parse().ok();
    let seconds = time.map(Timestamp::as_second);
    seconds.ok_or(EXPIRATION_TIME.invalid())
}

/// Unix seconds as Kubernetes writes a time.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests;
