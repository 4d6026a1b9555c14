//! The Secret that a DailyRoom writes its PIN to, as a spec describes it.

use std::collections::BTreeMap;

use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::grammar::{self, Grammar, InvalidField, SECRET_KEY};

/// A label or annotation key: a name of at most 63 characters, after an optional DNS subdomain.
const QUALIFIED_NAME: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
/// The longest prefix with a slash and a name.
const LONGEST_QUALIFIED_NAME: usize = 317;

static LABEL_KEY: Grammar = Grammar::new(
    QUALIFIED_NAME,
    LONGEST_QUALIFIED_NAME,
    "each key of secret.labels must be 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or \
     digit, after an optional DNS name and '/', for example team or example.com/team",
);

static LABEL_VALUE: Grammar = Grammar::new(
    "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
    128,
    "each value of secret.labels must be at most 63 letters, digits, '-', '_' and '.', beginning and ending with a \
     letter or digit",
);

static ANNOTATION_KEY: Grammar = Grammar::new(
    QUALIFIED_NAME,
    LONGEST_QUALIFIED_NAME,
    "each key of secret.annotations must be 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a \
     letter or digit, after an optional DNS name and '/', for example team or example.com/team",
);

static ALIAS_KEY: Grammar = Grammar::new(
    SECRET_KEY,
    grammar::LONGEST_OBJECT_NAME,
    "the key of an alias must be a key of a Secret: letters, digits, '-', '_' and '.', not '.' or '..' alone or at \
     the beginning, for example DIALIN_CODE",
);

/// The CEL expression for [`is_reserved`] of no key.
const NOT_OF_THE_OPERATOR: &str =
    "!self.exists(it, it.startsWith('daily-operator.io/') || it.contains('.daily-operator.io/'))";

const RESERVED_LABEL: &str = "secret.labels must not contain keys of daily-operator.io, nor app.kubernetes.io/managed-by \
     and app.kubernetes.io/part-of: the operator sets them; choose other keys";
const RESERVED_ANNOTATION: &str = "secret.annotations must not contain keys of daily-operator.io: the operator sets them; choose \
     other keys";
const RESERVED_ALIAS: &str = "the key of an alias must not be a key that the operator writes in any case, such as dialin-code; \
     choose another key";
const REPEATED_ALIAS: &str =
    "secret.aliases must not contain a key twice; give each alias a key of its own";

/// The labels that are the same on all Secrets of the operator.
pub const COMMON_LABELS: [(&str, &str); 2] = [
    ("app.kubernetes.io/managed-by", "daily-operator"),
    ("app.kubernetes.io/part-of", "daily-operator"),
];

/// The Secret of a room.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretSpec {
    /// Name of the Secret. If you change it, the operator writes the new Secret before it deletes the old one, with the labels, annotations and keys that others added to it. Absent: the name of the DailyRoom and "-dialin".
    #[x_kube(validation = grammar::SECRET_NAME.rule())]
    #[schemars(length(max = grammar::SECRET_NAME.longest))]
    pub name: Option<String>,
    /// Labels of the Secret, at most 16. If you remove one here, the operator removes it from the Secret. Absent: the labels of the operator alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[x_kube(validation = LABEL_KEY.rule_for("self.all(it, it.", ")"))]
    #[x_kube(validation = LABEL_VALUE.rule_for("self.all(it, self[it].", ")"))]
    #[x_kube(validation = label_key_rule())]
    #[schemars(extend("maxProperties" = 16))]
    #[schemars(extend("additionalProperties" = {"type": "string", "maxLength": 128}))]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the Secret, at most 16, with values of at most 256 characters. If you remove one here, the operator removes it from the Secret. Absent: the annotations of the operator alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[x_kube(validation = ANNOTATION_KEY.rule_for("self.all(it, it.", ")"))]
    #[x_kube(validation = Rule::new(NOT_OF_THE_OPERATOR).message(RESERVED_ANNOTATION))]
    #[schemars(extend("maxProperties" = 16))]
    #[schemars(extend("additionalProperties" = {"type": "string", "maxLength": 256}))]
    pub annotations: BTreeMap<String, String>,
    /// More keys of the Secret, each with the value of another one, at most 16. Use them for apps that expect certain names, for example as environment variables. Absent: no more keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.key == b.key))").message(REPEATED_ALIAS))]
    #[schemars(length(max = 16))]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub aliases: Vec<SecretAlias>,
}

/// A key of the Secret with the value of another one.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretAlias {
    /// The additional key, for example DIALIN_CODE.
    #[x_kube(validation = ALIAS_KEY.rule())]
    #[x_kube(validation = alias_key_rule())]
    #[schemars(length(max = ALIAS_KEY.longest))]
    pub key: String,
    /// The key whose value it has, or expiration-time: the end of the room in RFC 3339 form. Tools that restart pods when a Secret changes also do so when the end moves.
    pub from: SecretValue,
}

/// A value in the Secret of a room.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Serialize,
    PartialEq,
    Eq,
    JsonSchema,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum SecretValue {
    /// The type for Service Binding, daily-dialin.
    Type,
    /// The provider for Service Binding, daily.
    Provider,
    /// The link for participants who join over the web.
    Uri,
    /// The name of the room at Daily.
    RoomName,
    /// The PIN.
    DialinCode,
    /// The first phone number.
    PhoneNumber,
    /// The first phone number, two pauses and the PIN.
    DialString,
    /// The dial string as a link.
    TelUri,
    /// All phone numbers in JSON, each with its dial string.
    PhoneNumbers,
    /// The end of the room. It has no key of its own.
    ExpirationTime,
}

impl SecretValue {
    /// The values that every Secret has, each under its own key.
    pub fn keys() -> impl Iterator<Item = Self> {
        let all = <Self as strum::VariantArray>::VARIANTS.iter().copied();
        all.filter(|it| *it != Self::ExpirationTime)
    }

    /// The key of the value, for example `dialin-code`.
    pub fn key(self) -> &'static str {
        self.into()
    }
}

impl SecretSpec {
    /// Checks what the CRD's rules check: an object may be older than them.
    ///
    /// # Errors
    /// The message of the rule.
    pub fn check(&self) -> Result<(), InvalidField> {
        if let Some(name) = &self.name {
            grammar::SECRET_NAME.check(name)?;
        }
        for (key, value) in &self.labels {
            LABEL_KEY.check(key)?;
            LABEL_VALUE.check(value)?;
            let is_common = COMMON_LABELS.iter().any(|it| it.0 == key);
            InvalidField::unless(!is_common && !is_reserved(key), RESERVED_LABEL)?;
        }
        for key in self.annotations.keys() {
            ANNOTATION_KEY.check(key)?;
            InvalidField::unless(!is_reserved(key), RESERVED_ANNOTATION)?;
        }
        for alias in &self.aliases {
            ALIAS_KEY.check(&alias.key)?;
            let own = SecretValue::keys().any(|it| it.key() == alias.key);
            InvalidField::unless(!own, RESERVED_ALIAS)?;
            let same = self.aliases.iter().filter(|it| it.key == alias.key);
            InvalidField::unless(same.count() == 1, REPEATED_ALIAS)?;
        }
        Ok(())
    }
}

/// Whether the operator alone sets labels and annotations with this key.
fn is_reserved(key: &str) -> bool {
    key.starts_with("daily-operator.io/") || key.contains(".daily-operator.io/")
}

fn label_key_rule() -> Rule {
    let common = cel_list(&COMMON_LABELS.map(|it| it.0));
    let rule = format!("{NOT_OF_THE_OPERATOR} && !self.exists(it, it in {common})");
    Rule::new(rule).message(RESERVED_LABEL)
}

fn alias_key_rule() -> Rule {
    let own: Vec<&str> = SecretValue::keys().map(SecretValue::key).collect();
    Rule::new(format!("!(self in {})", cel_list(&own))).message(RESERVED_ALIAS)
}

fn cel_list(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|it| format!("'{it}'")).collect();
    format!("[{}]", quoted.join(", "))
}
