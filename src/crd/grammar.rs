//! The grammars of strings that the operator parses or puts into URLs. No I/O.
//!
//! Each grammar is one regular expression. The API server checks it as a CEL rule when an object is
//! applied; the operator checks it again, because a stored object may be older than the rule. Both
//! report the same sentence. The expressions mean the same to RE2 and to the `regex` crate: explicit
//! ASCII classes, no flags, no backslashes, anchored by `^` and `$`.

use std::sync::OnceLock;

use kube::core::Rule;
use regex::Regex;

/// The longest name of an object in Kubernetes.
pub(crate) const LONGEST_OBJECT_NAME: usize = 253;
/// The name of an object: a DNS subdomain (RFC 1123).
pub(super) const OBJECT_NAME: &str =
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A key of a Secret.
pub(super) const SECRET_KEY: &str = "^([-_a-zA-Z0-9]|[.][-_a-zA-Z0-9])[-._a-zA-Z0-9]*$";

/// The grammar of a string.
pub struct Grammar {
    pattern: &'static str,
    /// The maximum length in characters. The schema has it too.
    pub longest: usize,
    sentence: &'static str,
    regex: OnceLock<Option<Regex>>,
}

/// A string does not match its grammar. The message says what to use instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidField(pub(super) &'static str);

impl InvalidField {
    pub(super) fn unless(is_valid: bool, sentence: &'static str) -> Result<(), Self> {
        is_valid.then_some(()).ok_or(Self(sentence))
    }
}

/// `spec.roomName` of a DailyRoom.
pub static ROOM_NAME: Grammar = Grammar::new(
    "^[A-Za-z0-9_-]{1,128}$",
    256,
    "roomName must be 1 to 128 characters, only letters, digits, '-' and '_'",
);

/// Why `roomName` may not have the form of a derived name ([`crate::naming::looks_derived`]): it could
/// be the derived name of another DailyRoom.
pub const LOOKS_DERIVED: &str = "roomName must not look like a name that the operator derives; choose \
     one that does not end in two '_' and random letters, or leave roomName out";

/// Why a room of a derived name is not adopted: only this object can have created it.
pub const ADOPTS_A_CHOSEN_NAME: &str = "adoptionPolicy AdoptOrCreate needs roomName; set roomName to the \
     name of the room to adopt, or remove adoptionPolicy";

/// `phoneNumber` in both kinds.
pub static PHONE_NUMBER: Grammar = Grammar::new(
    "^[+][1-9][0-9]{6,14}$",
    32,
    "phoneNumber must be in E.164 form: '+', country code and number, 7 to 15 digits without \
     spaces, for example +12025550123",
);

/// `numberRef.name` in `spec.dialin.roomNumbers` of a DailyRoom.
pub static NUMBER_REF_NAME: Grammar = Grammar::new(
    OBJECT_NAME,
    LONGEST_OBJECT_NAME,
    "numberRef.name must be the name of a PinDialinNumber: lower-case letters, digits, '-' and '.', \
     each part between dots beginning and ending with a letter or digit, for example main-line",
);

/// `numberRef.namespace` in `spec.dialin.roomNumbers` of a DailyRoom.
pub static NUMBER_REF_NAMESPACE: Grammar = Grammar::new(
    "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
    LONGEST_OBJECT_NAME,
    "numberRef.namespace must be the name of a namespace: at most 63 lower-case letters, digits and '-', \
     beginning and ending with a letter or digit, for example telephony",
);

/// `spec.secret.name` of a DailyRoom.
pub static SECRET_NAME: Grammar = Grammar::new(
    OBJECT_NAME,
    LONGEST_OBJECT_NAME,
    "secret.name must be a valid name of a Secret: lower-case letters, digits, '-' and '.', each part \
     between dots beginning and ending with a letter or digit, for example standup-dialin",
);

/// `spec.apiKeySecretRef.name` in both kinds.
pub static API_KEY_SECRET_NAME: Grammar = Grammar::new(
    OBJECT_NAME,
    LONGEST_OBJECT_NAME,
    "apiKeySecretRef.name must be the name of the Secret that holds the Daily API key, not the API key: \
     lower-case letters, digits, '-' and '.', each part between dots beginning and ending with a letter or \
     digit, for example daily-api-key",
);

/// `spec.apiKeySecretRef.key` in both kinds.
pub static API_KEY_SECRET_KEY: Grammar = Grammar::new(
    SECRET_KEY,
    LONGEST_OBJECT_NAME,
    "apiKeySecretRef.key must be a key of a Secret, not the API key: letters, digits, '-', '_' and '.', not '.' or \
     '..' alone or at the beginning, for example api-key",
);

/// Of the two above: Daily's API keys are hexadecimal digits. One in the place of a name would be repeated in
/// conditions, events and the log.
pub(super) const IS_NO_API_KEY: &str = " && !self.matches('^[0-9a-fA-F]{64}$')";

/// Whether it looks like an API key of Daily, as [`IS_NO_API_KEY`] judges it.
pub(super) fn looks_like_api_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|it| it.is_ascii_hexdigit())
}

impl Grammar {
    pub(crate) const fn new(pattern: &'static str, longest: usize, sentence: &'static str) -> Self {
        Self {
            pattern,
            longest,
            sentence,
            regex: OnceLock::new(),
        }
    }

    /// The CEL rule for the CRD.
    pub fn rule(&self) -> Rule {
        self.rule_with("")
    }

    /// The CEL rule for the CRD, with an additional expression.
    pub(super) fn rule_with(&self, more: &str) -> Rule {
        self.rule_for("self.", more)
    }

    /// The CEL rule for strings within a field, which the expression `before` selects.
    pub(super) fn rule_for(&self, before: &str, after: &str) -> Rule {
        Rule::new(format!("{before}matches('{}'){after}", self.pattern)).message(self.sentence)
    }

    /// Checks a string.
    ///
    /// # Errors
    /// The message of the CEL rule.
    pub fn check<'a>(&self, text: &'a str) -> Result<&'a str, InvalidField> {
        let regex = self.regex.get_or_init(|| Regex::new(self.pattern).ok());
        // All grammars are ASCII, so a byte is a character.
        let fits = text.len() <= self.longest && regex.as_ref().is_some_and(|it| it.is_match(text));
        fits.then_some(text).ok_or(self.invalid())
    }

    pub(crate) fn invalid(&self) -> InvalidField {
        InvalidField(self.sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{ApiKeySecretRef, time};

    #[test]
    fn each_field_takes_what_its_sentence_says() {
        let long = "a".repeat(253);
        let table: [(&Grammar, &[&str], &[&str]); 6] = [
            (
                &ROOM_NAME,
                &["a", "A-b_9", &"a".repeat(128)],
                &["", "a b", "a.b", "ä", "..", "a/b", "a\n", &"a".repeat(129)],
            ),
            (
                &PHONE_NUMBER,
                &["+1202555", "+123456789012345"],
                &[
                    "",
                    "12025550123",
                    "+0202555",
                    "+120255",
                    "+1 202 555 0123",
                    "+1234567890123456",
                ],
            ),
            (
                &NUMBER_REF_NAME,
                &["main-line", "0", "a.b-c.d", &long],
                &[
                    "",
                    "Main",
                    "a_b",
                    "-a",
                    "a-",
                    "a..b",
                    ".a",
                    "a.",
                    "a/b",
                    "..",
                    &"a".repeat(254),
                ],
            ),
            (
                &SECRET_NAME,
                &["standup-dialin"],
                &[
                    "?limit=50",
                    "#",
                    "a?b=c",
                    "a%2fb",
                    "../x",
                    "a\n",
                    "a.-b",
                    "a-.b",
                ],
            ),
            (
                &API_KEY_SECRET_NAME,
                &["daily", "daily-api-key"],
                &["", "?limit=50", "..", "ä", "a b"],
            ),
            (
                &API_KEY_SECRET_KEY,
                &["api-key", ".dot", "A_b.C-9", "a..b", &long],
                &["", ".", "..", "..a", "a/b", "a b", "a\n", &"a".repeat(254)],
            ),
        ];
        for (grammar, good, bad) in table {
            for text in good {
                assert_eq!(grammar.check(text), Ok(*text), "{}", grammar.pattern);
            }
            for text in bad {
                let invalid = grammar.check(text).unwrap_err();
                assert_eq!(invalid.to_string(), grammar.sentence, "{text:?}");
            }
        }
    }

    #[test]
    fn an_api_key_is_no_name() {
        let check = |name: &str, key: &str| {
            let (name, key) = (name.to_owned(), key.to_owned());
            ApiKeySecretRef { name, key }.check()
        };
        let api_key = "0123456789abcdef".repeat(4);
        assert_eq!(check("daily", "api-key"), Ok(()));
        assert_eq!(check(&"a".repeat(63), &"g".repeat(64)), Ok(()));
        let invalid = check(&api_key, "api-key").unwrap_err();
        assert!(!invalid.to_string().contains(&api_key));
        for key in [api_key.clone(), api_key.to_uppercase()] {
            assert!(check("daily", &key).is_err());
        }
    }

    #[test]
    fn a_rule_is_the_pattern_and_the_sentence() {
        let grammars = [
            &time::TTL.grammar,
            &time::EXPIRATION_TIME,
            &ROOM_NAME,
            &PHONE_NUMBER,
            &NUMBER_REF_NAME,
            &SECRET_NAME,
            &API_KEY_SECRET_NAME,
            &API_KEY_SECRET_KEY,
        ];
        for grammar in grammars {
            let rule = grammar.rule();
            assert!(rule.rule.contains(grammar.pattern), "{rule:?}");
            // CEL and the regex crate read escapes differently.
            assert!(!grammar.pattern.contains(['\\', '\'']), "{rule:?}");
            assert!(Regex::new(grammar.pattern).is_ok(), "{rule:?}");
        }
    }
}
