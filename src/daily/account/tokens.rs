//! Issuing meeting tokens.

use super::{Account, Route};
use crate::daily::error::CallError;
use crate::daily::meeting_token::{Grant, MeetingToken};
use crate::daily::rate_limit::Call;
use crate::daily::types::ApiKey;
use crate::effect::{Blocked, Check, Effect, EffectError};

const ISSUE: Route = ("POST", "/meeting-tokens");

impl Account {
    /// Has Daily issue a meeting token. It needs no task of its own as other writes do: a token whose
    /// answer is lost changes nothing at Daily, and nobody has it.
    pub async fn issue_token(
        &self,
        key: &ApiKey,
        grant: &Grant,
        check: Check,
    ) -> Result<MeetingToken, EffectError<CallError>> {
        let slot = tokio::select! {
            biased;
            () = self.setup.stop.cancelled() => {
                return Err(EffectError::Blocked(Effect::TokenIssue, Blocked::ShuttingDown));
            }
            slot = self.rate_limit.slot(Call::General) => slot,
        };
        let send = async {
            let call = self.setup.client.issue_token(key, grant);
            let token = self.send(slot, key, ISSUE, call).await?.value.token;
            // The token in the Secret is judged by what it says. One that says something else would be
            // replaced again and again.
            match token.grant(&self.domain.id).as_ref() == Some(grant) {
                true => Ok(token),
                false => Err(CallError::Refused {
                    status: 200,
                    info: "the token in the answer does not grant what was requested".to_owned(),
                }),
            }
        };
        self.setup.gate.pass(Effect::TokenIssue, check, send).await
    }
}
