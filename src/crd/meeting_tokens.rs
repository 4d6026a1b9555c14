//! The meeting tokens of a DailyRoom, as a spec describes them.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::grammar::{Grammar, InvalidField, LONGEST_OBJECT_NAME, OBJECT_NAME, SECRET_KEY};
use super::time;

static SECRET_NAME: Grammar = Grammar::new(
    OBJECT_NAME,
    LONGEST_OBJECT_NAME,
    "meetingTokens.secretName must be a valid name of a Secret: lower-case letters, digits, '-' and '.', each part \
     between dots beginning and ending with a letter or digit, for example standup-tokens",
);

static TOKEN_KEY: Grammar = Grammar::new(
    SECRET_KEY,
    LONGEST_OBJECT_NAME,
    "the key of a meeting token must be a key of a Secret: letters, digits, '-', '_' and '.', not '.' or '..' alone or \
     at the beginning, for example host",
);

const NO_TOKENS: &str =
    "meetingTokens.tokens must have at least one token; leave meetingTokens out for none";
const REPEATED_KEY: &str =
    "meetingTokens.tokens must not contain a key twice; give each token a key of its own";
const NO_USER_NAME: &str = "userName must not be empty; leave it out for none";

/// Meeting tokens, with which participants join a private room over the web.
#[skip_serializing_none]
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeetingTokens {
    /// Name of the Secret with the tokens. It is not the Secret with the PIN, because not every app that needs the PIN should be a host. Absent: the name of the DailyRoom and "-tokens".
    #[x_kube(validation = SECRET_NAME.rule())]
    #[schemars(length(max = SECRET_NAME.longest))]
    pub secret_name: Option<String>,
    /// The tokens, 1 to 10. If you change or remove one, the Secret no longer contains the previous token, which stays valid until it expires: Daily cannot revoke a meeting token.
    #[x_kube(validation = Rule::new("size(self) >= 1").message(NO_TOKENS))]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.key == b.key))").message(REPEATED_KEY))]
    #[schemars(length(max = 10))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub tokens: Vec<MeetingToken>,
}

/// A meeting token.
#[skip_serializing_none]
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeetingToken {
    /// Key of the token in the Secret, for example host.
    #[x_kube(validation = TOKEN_KEY.rule())]
    #[schemars(length(max = TOKEN_KEY.longest))]
    pub key: String,
    /// What the holder may do. An Owner is a host of the meeting: it can mute and remove others, record, stream to any URL, and dial out, as far as the room and the Daily domain allow it. A Participant can join.
    pub role: TokenRole,
    /// Name of the holder that others in the meeting see. Absent: none, and the holder may choose one.
    #[x_kube(validation = Rule::new("size(self) >= 1").message(NO_USER_NAME))]
    #[schemars(length(max = 128))]
    pub user_name: Option<String>,
    /// Whether Daily removes the holder from the meeting when the token with which it joined expires. The setting ejectAtRoomExpiry does not apply to it then. Default: false.
    #[serde(default)]
    pub eject_at_token_expiry: bool,
    /// How long the token is valid: a duration such as 24h, from 5m to 8736h (364 days). The operator replaces the token after two thirds of this time. No token is valid for longer than the room. Absent: as long as the room.
    #[x_kube(validation = time::TOKEN_TTL.rule())]
    #[schemars(length(max = time::BoundedDuration::LONGEST_TEXT))]
    pub ttl: Option<String>,
}

/// What the holder of a meeting token may do.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum TokenRole {
    /// Be a host of the meeting.
    Owner,
    /// Join.
    Participant,
}

impl MeetingTokens {
    /// Checks what the CRD's rules check: an object may be older than them.
    ///
    /// # Errors
    /// The message of the rule.
    pub fn check(&self) -> Result<(), InvalidField> {
        if let Some(name) = &self.secret_name {
            SECRET_NAME.check(name)?;
        }
        InvalidField::unless(!self.tokens.is_empty(), NO_TOKENS)?;
        for token in &self.tokens {
            TOKEN_KEY.check(&token.key)?;
            let same = self.tokens.iter().filter(|it| it.key == token.key);
            InvalidField::unless(same.count() == 1, REPEATED_KEY)?;
            InvalidField::unless(token.user_name.as_deref() != Some(""), NO_USER_NAME)?;
        }
        Ok(())
    }
}
