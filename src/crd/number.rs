//! `PinDialinNumber`: PIN dial-in on a purchased phone number.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::allowed_rooms::AllowedRooms;
use super::{Account, AdoptionPolicy, ApiKeySecretRef, DeletionPolicy, grammar, time};

/// The desired state of a PinDialinNumber.
#[skip_serializing_none]
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
    doc = "A PinDialinNumber enables PIN dial-in on a phone number that the Daily account has purchased: callers hear the greeting and enter the PIN of a room. The operator never purchases or releases numbers.",
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
        description = "Reason of the condition that matters most: Stalled, then Reconciling, then Suspended or Ready"
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
    /// Phone number in E.164 form, for example +12025550123. The Daily account must have purchased it. Immutable.
    #[x_kube(validation = grammar::PHONE_NUMBER.rule())]
    #[x_kube(validation = Rule::new("self == oldSelf").message("phoneNumber is immutable; create another PinDialinNumber for another number"))]
    #[schemars(length(max = grammar::PHONE_NUMBER.longest))]
    pub phone_number: String,

    /// Friendly name of the dial-in config at Daily. Absent: none; an adopted config keeps its own.
    #[x_kube(validation = Rule::new("size(self) >= 1").message("namePrefix must not be empty; leave it out to set none"))]
    #[schemars(length(max = 128))]
    pub name_prefix: Option<String>,

    /// Greeting that callers hear. Absent: Daily's default greeting; an adopted config keeps its own.
    pub ivr_greeting: Option<IvrGreeting>,

    /// DailyRooms that may publish this number. Absent: the DailyRooms in this namespace. This does not restrict callers: the PIN of a room works on every number of the account.
    pub allowed_rooms: Option<AllowedRooms>,

    /// What happens to the dial-in config at Daily when this object is deleted. Delete removes it, after waiting for rooms that still publish the number, for at most maxDrain. Retain keeps it. The operator never releases the number itself. Absent: Delete. For an adopted config: Retain.
    pub deletion_policy: Option<DeletionPolicy>,

    /// How long a deletion waits for rooms that still publish the number, counted from the deletion of this object: a duration such as 30m or 1h30m, from 10s to 168h (7 days), written with h, m and s, each at most once and in this order. Then the dial-in config is deleted, and the number no longer takes the PINs of these rooms. After the deletion of the namespace it waits at most 10 minutes. A change while the deletion waits takes effect at once. Absent: 1h.
    #[x_kube(validation = time::MAX_DRAIN.rule())]
    #[schemars(length(max = time::BoundedDuration::LONGEST_TEXT))]
    pub max_drain: Option<String>,

    /// Suspends reconciliation. While it is true, the operator does not change the dial-in config at Daily. Deleting this object still works. Absent: false.
    pub suspend: Option<bool>,

    /// What happens if the number has a PIN dial-in config at Daily that was not created for this object. Never leaves it alone and sets the condition Stalled. AdoptOrCreate takes it over: the operator changes what the spec sets and leaves the rest as it is. It needs an API key other than the operator's default key: set apiKeySecretRef to a Secret in this namespace. A config that belongs to another PinDialinNumber is never adopted. Default: Never.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,

    /// Secret in this namespace with the Daily API key. Absent: the operator's default API key if this namespace may use it, otherwise the Secret daily-api-key.
    pub api_key_secret_ref: Option<ApiKeySecretRef>,
}

/// The spoken greeting of a number.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IvrGreeting {
    /// Text that is spoken when a call connects, at most 1024 characters.
    #[x_kube(validation = Rule::new("self.matches('[^ \\\\t\\\\r\\\\n]')").message("ivrGreeting.message must not be empty; set the text that callers hear, for example \"Welcome. Please enter your PIN.\", or leave ivrGreeting out"))]
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// The observed state of a PinDialinNumber.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
// kstatus takes an object without a status for ready: with this one it waits for the operator.
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct PinDialinNumberStatus {
    /// The metadata.generation that the operator last reconciled.
    pub observed_generation: Option<i64>,
    /// Ready (the number answers calls and accepts PINs), Reconciling (the operator is working on it), Stalled (a user has to act; see the message) and Suspended (spec.suspend is true).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Reason of the condition that matters most, as kubectl get shows it: of Stalled if it is True, otherwise of Reconciling if it is True, otherwise of Suspended or Ready. For users; programs should read the conditions.
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// Message of the condition whose reason is in status.reason.
    #[schemars(length(max = 32768))]
    pub message: Option<String>,
    /// Daily account that owns the number.
    pub account: Option<Account>,
    /// ID of the dial-in config at Daily. For an entry of the domain's property pin_dialin, which has none, "pin_dialin:" and the number.
    pub config_id: Option<String>,
    /// ISO 3166 code of the number's country, for example US.
    pub country: Option<String>,
    /// How many DailyRooms publish the number, in the namespaces that the operator serves. The operator counts them every 10 seconds.
    pub attached_rooms: Option<i64>,
    /// Last value of the annotation daily-operator.io/reconcile-requested-at that the operator has handled.
    pub last_handled_reconcile_at: Option<String>,
    /// The operator's record of the dial-in config, in an internal format: which config at Daily belongs to this object, in which account, and which installation of the operator manages it. Do not edit or copy it.
    #[schemars(length(max = 32768))]
    pub record: Option<String>,
}
