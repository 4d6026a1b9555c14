//! Publishing the meeting tokens of a room in their Secret.
//!
//! A token is judged by what it says, so that a restart issues none. Daily cannot revoke a token
//! (F-TOKEN-11); it is worth nothing without its room.

use std::collections::BTreeMap;

use serde_json::json;

use super::Plan;
use super::confirm_answer::confirm_by_name;
use super::differ::{EARLIEST_END, Present};
use super::steps::{Read, SecretEvent, SecretWrite, Step, TokenRequest};
use super::write_secret::{Wait, conflict, rejected, secret_is_written, was_tampered_with};
use crate::daily::meeting_token::{Grant, MeetingToken};
use crate::naming;
use crate::reconcile::problem::{Problem, ResolvedBy};
use crate::reconcile::steps::{act, read};
use crate::room::secret::{self, Found, SecretKind};
use crate::room::spec::TokenSpec;
use crate::room::view::View;

const KIND: SecretKind = SecretKind::Tokens;
/// How many seconds longer than its `ttl` a token may be valid: another leader's clock issued it.
const CLOCK_SKEW: i64 = 60;

/// What the meeting tokens came to.
#[derive(Default)]
pub(super) struct Tokens {
    /// Callers are served in any case.
    pub(super) problem: Option<Problem>,
    /// When the tokens need attention, in unix seconds.
    pub(super) next: Option<i64>,
}

impl Tokens {
    fn needs(&mut self, at: i64) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    fn waits(&mut self, now: i64, (problem, wait): Wait) {
        self.needs(now.saturating_add_unsigned(wait.as_secs() + 1));
        self.problem.get_or_insert(problem);
    }
}

/// The Secret has each token of the spec, for a room that ends at this unix time.
pub(super) fn tokens_are_written(present: &Present<'_>, end: i64) -> Result<Tokens, Plan> {
    let (view, now) = (present.view, present.clock());
    let mut tokens = Tokens::default();
    let Some(name) = view.names.of(KIND) else {
        return Ok(tokens);
    };
    let found = view.facts.secrets.get(&KIND);
    let found = found.ok_or(read(Read::Secret(KIND)))?;
    if let Some(conflict) = conflict(view, KIND, found)? {
        tokens.waits(now, conflict);
        return Ok(tokens);
    }
    let (mut kept, mut requests) = (BTreeMap::new(), Vec::new());
    for spec in &present.spec.tokens {
        let wanted = Wanted { spec, now, end };
        let issued = view.facts.tokens.get(&spec.key);
        let token = issued.or_else(|| found.token(&spec.key));
        let grant = token.and_then(|it| it.grant(&present.domain.id));
        let request = wanted.request(&present.observed.room.name);
        let is_good = grant.is_some_and(|grant| wanted.is_met(&request.grant, &grant, &mut tokens));
        if !is_good {
            match failure(view, &request) {
                Some(failure) => tokens.waits(now, failure),
                // Daily accepts no token for the last moments.
                None if end < now.saturating_add(EARLIEST_END) => {}
                None => requests.push(request),
            }
        }
        kept.extend(token.map(|token| (spec.key.clone(), token.clone())));
    }
    let identity = naming::fingerprint(&json!([present.spec.tokens, name, end]));
    if !requests.is_empty() {
        // The tokens would be lost.
        if let Some(wait) = rejected(view, KIND, name, &identity) {
            tokens.waits(now, wait);
            return Ok(tokens);
        }
        // A token names its room. Somebody else may have a room of the name since the last answer.
        if !view.facts.created {
            confirm_by_name(view)?;
        }
        return Err(act(Step::IssueTokens(requests)));
    }
    if *found == Found::Absent && kept.is_empty() {
        return Ok(tokens);
    }
    let body = secret::wanted_tokens(&view.meta, name, end, &kept);
    let write = SecretWrite {
        kind: KIND,
        body,
        identity,
        event: event(view, name, found, &kept),
    };
    if let Some(wait) = secret_is_written(view, found, write)? {
        tokens.waits(now, wait);
    }
    Ok(tokens)
}

/// A token as the spec wants it at a moment.
struct Wanted<'a> {
    spec: &'a TokenSpec,
    now: i64,
    /// The end of the room.
    end: i64,
}

impl Wanted<'_> {
    fn request(&self, room: &str) -> TokenRequest {
        let Self { spec, now, end } = self;
        let by_ttl = spec.ttl.map(|ttl| now.saturating_add(ttl));
        TokenRequest {
            key: spec.key.clone(),
            grant: Grant {
                room_name: room.to_owned(),
                exp: by_ttl.map_or(*end, |at| at.min(*end)),
                is_owner: spec.is_owner,
                user_name: spec.user_name.clone(),
                eject_at_token_exp: spec.eject,
            },
            fingerprint: naming::fingerprint(&json!([spec, room, end])),
        }
    }

    /// Whether a token grants what is wanted for long enough, but not for too long. Notes when it has to
    /// be renewed: after two thirds of its `ttl`, unless it is valid until the end.
    fn is_met(&self, wanted: &Grant, grant: &Grant, tokens: &mut Tokens) -> bool {
        let exp = wanted.exp;
        let same = Grant {
            exp,
            ..grant.clone()
        } == *wanted;
        let Some(ttl) = self.spec.ttl.filter(|_| grant.exp != self.end) else {
            return same && grant.exp.saturating_sub(exp) <= CLOCK_SKEW && grant.exp == self.end;
        };
        let renewal = grant.exp.saturating_sub(ttl / 3);
        let latest = self.end.min(exp.saturating_add(CLOCK_SKEW));
        let is_met = same && renewal > self.now && grant.exp <= latest;
        if is_met {
            tokens.needs(renewal);
        }
        is_met
    }
}

/// Why Daily did not issue this token, for as long as it is not requested again.
fn failure(view: &View, request: &TokenRequest) -> Option<Wait> {
    let failure = view.memory.kind.token_failures.get(&request.key)?;
    let rejection = view.holding(Some(&failure.rejection), &request.fingerprint)?;
    let next = match failure.resolved_by {
        ResolvedBy::User => "Correct this token in spec.meetingTokens.",
        ResolvedBy::Retry | ResolvedBy::Waiting => "The operator retries.",
    };
    let message = format!(
        "Daily issued no meeting token for the key {}: {}. {next} Callers are not affected.",
        request.key, rejection.info
    );
    let problem = Problem::new(failure.reason, failure.resolved_by, message);
    Some((problem, view.now.moment.until(rejection.until)))
}

/// What to publish of the write of these tokens.
fn event(
    view: &View,
    name: &str,
    found: &Found,
    kept: &BTreeMap<String, MeetingToken>,
) -> Option<SecretEvent> {
    let Found::Ours { tokens, .. } = found else {
        let was_deleted = was_tampered_with(view, name, found);
        return Some(match was_deleted {
            Some(true) => SecretEvent::Repaired,
            _ => SecretEvent::TokensIssued,
        });
    };
    match was_tampered_with(view, name, found) {
        Some(true) => Some(SecretEvent::Repaired),
        _ => (tokens != kept).then_some(SecretEvent::TokensChanged),
    }
}
