//! `PinDialinNumber`: a purchased number on the account's PIN dial-in.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{Account, ApiKeySecretRef, DeletionPolicy, grammar};

/// What a PinDialinNumber asks for.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[kube(
    group = "daily-operator.io",
    version = "v1alpha1",
    kind = "PinDialinNumber",
    namespaced,
    status = "PinDialinNumberStatus",
    shortname = "dpin",
    category = "daily",
    cel,
    doc = "A PinDialinNumber puts a phone number that the Daily account has purchased on the account's PIN dial-in: callers who dial it hear the greeting and enter the PIN of a room. Numbers are never bought or released here.",
    annotation("helm.sh/resource-policy", "keep"),
    annotation("argocd.argoproj.io/sync-options", "Prune=false,Delete=false"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.reason",
        description = "The reason of the condition that matters most: Stalled, then Reconciling, then Ready"
    ),
    printcolumn(name = "Number", type_ = "string", json_path = ".spec.phoneNumber"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    printcolumn(
        name = "Account",
        type_ = "string",
        json_path = ".status.account.domainName",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct PinDialinNumberSpec {
    /// The number in E.164 form, for example +12025550123. It must be a purchased number of the account. Immutable.
    #[x_kube(validation = grammar::PHONE_NUMBER.rule())]
    #[x_kube(validation = Rule::new("self == oldSelf").message("phoneNumber is immutable; make another PinDialinNumber for another number"))]
    #[schemars(length(max = grammar::PHONE_NUMBER.longest))]
    pub phone_number: String,

    /// A friendly name for the dial-in config at Daily. Absent: none is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("size(self) >= 1").message("namePrefix must not be empty; leave it out to set none"))]
    #[schemars(length(max = 128))]
    pub name_prefix: Option<String>,

    /// What a caller hears first. Absent: Daily's own greeting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ivr_greeting: Option<IvrGreeting>,

    /// Which DailyRooms may publish this number. Absent: those of this namespace. This does not restrict callers: the PIN of a room works on every number of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_rooms: Option<AllowedRooms>,

    /// What happens to the dial-in config when this object is deleted: Delete removes it (after at most one hour while rooms still publish the number), Retain leaves it. Absent: Delete. The number itself is never released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// The Secret with the Daily API key, in this namespace. Absent: the operator's default key where it is allowed, else the Secret daily-api-key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<ApiKeySecretRef>,
}

impl PinDialinNumberSpec {
    /// The namespaces whose DailyRooms may publish the number.
    #[must_use]
    pub fn allowed_from(&self) -> FromNamespaces {
        let allowed = self.allowed_rooms.as_ref();
        allowed.map_or(FromNamespaces::Same, |it| it.namespaces.from)
    }
}

/// Which DailyRooms may publish a number.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedRooms {
    /// The namespaces whose DailyRooms may publish the number.
    pub namespaces: AllowedNamespaces,
}

/// Namespaces whose DailyRooms may publish a number.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Same: the namespace of the PinDialinNumber. All: every namespace whose DailyRooms use the same Daily account.
    pub from: FromNamespaces,
}

/// From which namespaces DailyRooms may publish a number.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, schemars::JsonSchema)]
pub enum FromNamespaces {
    /// That of the PinDialinNumber.
    Same,
    /// All of them.
    All,
}

/// The spoken greeting of a number.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IvrGreeting {
    /// The text that is spoken when the call connects, at most 1024 characters.
    #[x_kube(validation = Rule::new("self.matches('[^ \\\\t\\\\r\\\\n]')").message("the greeting must not be empty: write what callers hear, for example \"Welcome. Please enter your PIN.\", or leave ivrGreeting out"))]
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// What is known about a PinDialinNumber.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
// kstatus takes an object without a status for ready: with this one it waits for the operator.
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct PinDialinNumberStatus {
    /// The metadata.generation that the operator last reconciled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready (the number answers and takes PINs), Reconciling (the operator is working on it) and Stalled (you have to act; see the message).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The reason of the condition that matters most, as kubectl get shows it: that of Stalled while it is True, else of Reconciling while it is True, else of Ready. Derived from the conditions, for people to read. Programs read the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// The message of the condition that status.reason is taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768))]
    pub message: Option<String>,
    /// The Daily account that holds the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// Daily's id of the dial-in config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_id: Option<String>,
    /// ISO 3166 code of the number's country, for example US.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The last value of the annotation daily-operator.io/reconcile-requested-at that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// What the operator recorded about its dial-in config at Daily, in a format of its own: which config belongs to this object, in which account, and which installation of the operator manages it. Only the operator reads and writes it. Never edit or copy it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32768))]
    pub record: Option<String>,
}
