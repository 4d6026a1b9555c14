//! `DailyRoom`: a room at Daily that callers join by phone with a PIN.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::room_properties::RoomProperties;
use super::{
    AdoptionPolicy, ApiKeySecretRef, Dialin, InvalidField, MeetingTokens, SecretSpec, grammar,
    time, without_description,
};

/// Daily's largest calls have 100,000 people.
const MOST_PARTICIPANTS: i64 = 100_000;
const MAX_PARTICIPANTS_SENTENCE: &str = "maxParticipants must be a whole number from 1 to 100000; leave it out for \
     Daily's default, 200";

/// The PIN and the tokens are in Secrets of their own.
const TWO_SECRETS: &str = "!has(self.spec.meetingTokens) || \
     (has(self.spec.meetingTokens.secretName) ? self.spec.meetingTokens.secretName : self.metadata.name + '-tokens') != \
     (has(self.spec.secret) && has(self.spec.secret.name) ? self.spec.secret.name : self.metadata.name + '-dialin')";

/// The desired state of a DailyRoom.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, PartialEq, KubeSchema)]
#[kube(
    group = "daily-operator.io",
    version = "v1alpha1",
    kind = "DailyRoom",
    namespaced,
    status = "DailyRoomStatus",
    shortname = "droom",
    category = "daily",
    cel,
    doc = "A DailyRoom is a room at Daily that callers join by phone: they dial a number and enter a PIN, which the operator writes to a Secret. When the room expires, the room, the PIN and the Secret are removed.",
    label("servicebinding.io/provisioned-service", "true"),
    annotation("helm.sh/resource-policy", "keep"),
    annotation("argocd.argoproj.io/sync-options", "Prune=false,Delete=false"),
    validation = Rule::new("(has(self.spec.secret) && has(self.spec.secret.name)) || size(self.metadata.name) <= 246").message("the default name of the Secret, the name of the DailyRoom with \"-dialin\", would be longer than 253 characters; set spec.secret.name, or use a name of at most 246 characters"),
    validation = Rule::new("!has(self.spec.meetingTokens) || has(self.spec.meetingTokens.secretName) || size(self.metadata.name) <= 246").message("the default name of the Secret with meeting tokens, the name of the DailyRoom with \"-tokens\", would be longer than 253 characters; set spec.meetingTokens.secretName, or use a name of at most 246 characters"),
    validation = Rule::new(TWO_SECRETS).message("meetingTokens.secretName must not be the name of the Secret with the PIN; choose another name for one of the two Secrets"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.reason", description = "Reason of the condition that matters most: Stalled, then Reconciling, then Expired, Suspended or Ready"),
    printcolumn(name = "Dial-In", type_ = "string", json_path = ".status.phoneNumbers[0].phoneNumber"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.expirationTime"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Account", type_ = "string", json_path = ".status.account.domainName", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message", priority = 1),
    printcolumn(name = "Room", type_ = "string", json_path = ".status.room.name", priority = 1),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.room.url", priority = 1)
)]
#[x_kube(validation = Rule::new("has(self.ttl) != has(self.expirationTime)").message("set exactly one of ttl (for example 8h) and expirationTime (for example 2026-12-01T18:00:00Z)"))]
#[x_kube(validation = Rule::new("!has(self.renewal) || has(self.ttl)").message(time::RENEWAL_NEEDS_TTL))]
#[x_kube(validation = time::renewal_rule())]
#[x_kube(validation = Rule::new("self.adoptionPolicy != 'AdoptOrCreate' || has(self.roomName)").message(grammar::ADOPTS_A_CHOSEN_NAME))]
#[x_kube(validation = Rule::new("has(self.roomName) == has(oldSelf.roomName)").message("roomName cannot be added or removed after creation; create another DailyRoom"))]
#[x_kube(validation = time::not_before_rule())]
#[serde(rename_all = "camelCase")]
pub struct DailyRoomSpec {
    /// How long the room exists, counted from the creation of this object, from notBeforeTime or from its last renewal, whichever is latest: a duration such as 8h or 1h30m, from 10s to 8736h (364 days), written with h, m and s, each at most once and in this order. Set exactly one of ttl and expirationTime.
    #[x_kube(validation = time::TTL.rule())]
    #[schemars(length(max = time::BoundedDuration::LONGEST_TEXT))]
    pub ttl: Option<String>,

    /// When the room expires: a time in RFC 3339 form such as 2026-12-01T18:00:00Z, at most 364 days ahead. Set exactly one of ttl and expirationTime.
    #[x_kube(validation = time::EXPIRATION_TIME.rule())]
    #[schemars(length(max = time::EXPIRATION_TIME.longest))]
    pub expiration_time: Option<String>,

    /// When people may join over the web at the earliest: a time in RFC 3339 form such as 2026-12-01T08:00:00Z, before the end of the room. The room and its PIN exist before. Daily does not say whether it also turns callers away until then. Absent: people may join at once.
    #[x_kube(validation = time::NOT_BEFORE_TIME.rule())]
    #[schemars(length(max = time::NOT_BEFORE_TIME.longest))]
    pub not_before_time: Option<String>,

    /// Renews the room before it ends, again and again: the operator moves its end by ttl, and the PIN stays. For a room that people call over weeks or months. Only with ttl. Absent: the room is not renewed.
    pub renewal: Option<Renewal>,

    /// How long after the end of its room this DailyRoom is deleted: a duration from 1m to 8736h (364 days), written with h, m and s, each at most once and in this order. Not for a DailyRoom that a GitOps tool applies, because the tool would create it again. Absent: it stays until somebody deletes it.
    #[x_kube(validation = time::TTL_AFTER_EXPIRED.rule())]
    #[schemars(length(max = time::BoundedDuration::LONGEST_TEXT))]
    pub ttl_after_expired: Option<String>,

    /// Name of the room at Daily, 1 to 128 letters, digits, '-' and '_'. Immutable. Absent: the operator derives a name from the cluster, the namespace and the name of this object, so that the same DailyRoom finds its room when it is applied again.
    #[x_kube(validation = grammar::ROOM_NAME.rule())]
    #[x_kube(validation = Rule::new("!self.matches('_[A-Za-z2-7]{26}_[A-Za-z2-7]{13}$')").message(grammar::LOOKS_DERIVED))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("roomName is immutable; create another DailyRoom for another name"))]
    #[schemars(length(max = grammar::ROOM_NAME.longest))]
    pub room_name: Option<String>,

    /// Who may join over the web: Public admits everyone with the link, Private requires a meeting token. Daily does not say whether the PIN admits callers to a private room; call it once before you hand out the PIN. Absent: Public; an adopted room keeps its own, also if the operator has to recreate it.
    pub privacy: Option<Privacy>,

    /// Whether participants are removed when the room expires. Applies to participants who join after the change. Absent: true, but false with renewal, because the end that applies to a participant is that of the moment at which they joined. An adopted room keeps its own.
    pub eject_at_room_expiry: Option<bool>,

    /// How many people may be in the room at a time, callers included, from 1 to 100000. Daily offers this to paid accounts, and more than 200 on request. Absent: Daily's default, 200; an adopted room keeps its own.
    #[x_kube(validation = Rule::new(format!("self >= 1 && self <= {MOST_PARTICIPANTS}")).message(MAX_PARTICIPANTS_SENTENCE))]
    pub max_participants: Option<i64>,

    /// Dial-in settings of the room. PIN dial-in is always enabled. Absent: the defaults of its fields; an adopted room that has PIN dial-in keeps its own.
    pub dialin: Option<Dialin>,

    /// Other properties of the room at Daily, under the names and with the values of Daily's API, for example enable_recording: cloud. At most 64 of them, with at most 8 KiB as JSON, and at most 16 levels of nested objects and lists in each. A property that you remove is reset to Daily's default. Whoever may read this object can read them: put no secret into them. With the operator's default API key, enable_dialout, meeting_join_hook, recordings_bucket, sip, streaming_endpoints and transcription_bucket need the permission of the operator's administrator. Absent: Daily's defaults.
    pub room_properties: Option<RoomProperties>,

    /// Secret to which the operator writes the PIN and the dial string. Absent: a Secret with the name of the DailyRoom and "-dialin".
    pub secret: Option<SecretSpec>,

    /// Meeting tokens that the operator has Daily issue and writes to a Secret of their own. Absent: none.
    pub meeting_tokens: Option<MeetingTokens>,

    /// What happens to the room at Daily when this object is deleted. DeleteWhenEmpty deletes it once nobody is in it, or after maxDrain. Delete deletes it at once, which removes everyone in it. Retain keeps it until it expires. A change while the deletion waits takes effect at once. Absent: DeleteWhenEmpty. For an adopted room: Retain.
    pub deletion_policy: Option<RoomDeletionPolicy>,

    /// How long DeleteWhenEmpty waits for participants to leave, counted from the deletion of this object: a duration such as 30m or 1h30m, from 10s to 168h (7 days), written with h, m and s, each at most once and in this order. Then the room is deleted with everyone in it. After the deletion of the namespace it waits at most 10 minutes. A change while the deletion waits takes effect at once. If participants are still in a room that has ended, a new room replaces it when they have left, or after this time. Absent: 1h.
    #[x_kube(validation = time::MAX_DRAIN.rule())]
    #[schemars(length(max = time::BoundedDuration::LONGEST_TEXT))]
    pub max_drain: Option<String>,

    /// What happens if a room with the name in roomName exists at Daily that was not created for this object. Never leaves it alone and sets the condition Stalled. AdoptOrCreate takes it over: the operator enables PIN dial-in, changes what the spec sets, and leaves everything else in the room as it is. It needs roomName and an API key other than the operator's default key: set apiKeySecretRef to a Secret in this namespace. A room that belongs to another DailyRoom is never adopted. Default: Never.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,

    /// What happens when the room vanishes at Daily before it expires. Recreate creates a new room, with a new PIN. Report sets the condition Stalled and leaves the decision to you. Default: Recreate.
    #[serde(default)]
    pub missing_room_policy: MissingRoomPolicy,

    /// Suspends reconciliation. While it is true, the operator changes neither the room at Daily nor the Secret. The room still ends at its end. Deleting this object still works. Absent: false.
    pub suspend: Option<bool>,

    /// Secret in this namespace with the Daily API key. Absent: the operator's default API key if this namespace may use it, otherwise the Secret daily-api-key.
    pub api_key_secret_ref: Option<ApiKeySecretRef>,
}

impl DailyRoomSpec {
    /// A valid `maxParticipants`.
    ///
    /// # Errors
    /// The message of the CEL rule.
    pub fn max_participants(&self) -> Result<Option<i64>, InvalidField> {
        match self.max_participants {
            Some(most) if !(1..=MOST_PARTICIPANTS).contains(&most) => {
                Err(InvalidField(MAX_PARTICIPANTS_SENTENCE))
            }
            most => Ok(most),
        }
    }
}

/// The renewal of a room.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Renewal {
    /// How long before its end the room is renewed: a duration from 10m to half of ttl, written with h, m and s, each at most once and in this order, for example 24h. It is also how long the operator may be down without losing the room and its PIN.
    #[x_kube(validation = time::RENEWAL_BEFORE.rule())]
    #[schemars(length(max = time::BoundedDuration::LONGEST_TEXT))]
    pub before: String,
}

/// Who may join over the web.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[schemars(transform = without_description)]
pub enum Privacy {
    /// Everyone with the link.
    Public,
    /// Only with a meeting token.
    Private,
}

/// What happens to the room at Daily when the object is deleted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[schemars(transform = without_description)]
pub enum RoomDeletionPolicy {
    /// Delete it once nobody is in it.
    #[default]
    DeleteWhenEmpty,
    /// Delete it with everyone in it.
    Delete,
    /// Keep it until it expires.
    Retain,
}

/// What happens when the room vanishes at Daily before it expires.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum MissingRoomPolicy {
    /// Create a new room, with a new PIN.
    #[default]
    Recreate,
    /// Set the condition Stalled.
    Report,
}

/// The observed state of a DailyRoom.
#[skip_serializing_none]
#[derive(Clone, Default, Deserialize, Serialize, PartialEq, KubeSchema)]
#[serde(rename_all = "camelCase")]
// kstatus takes an object without a status for ready: with this one it waits for the operator.
#[schemars(extend("default" = {"observedGeneration": -1}))]
pub struct DailyRoomStatus {
    /// The metadata.generation that the operator last reconciled.
    pub observed_generation: Option<i64>,
    /// Ready (callers reach the room with the number and PIN in the Secret; removed when the room expires), Reconciling (the operator is working on it), Stalled (a user has to act; see the message), Expired (the room has expired as planned) and Suspended (spec.suspend is true).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Reason of the condition that matters most, as kubectl get shows it: of Stalled if it is True, otherwise of Reconciling if it is True, otherwise of Expired, Suspended or Ready. For users; programs should read the conditions.
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// Message of the condition whose reason is in status.reason.
    #[schemars(length(max = 32768))]
    pub message: Option<String>,
    /// Daily account that owns the room.
    pub account: Option<Account>,
    /// The room at Daily.
    pub room: Option<RoomInfo>,
    /// PIN of the room, unless spec.dialin.codeInStatus or the operator omits it.
    pub dialin_code: Option<String>,
    /// First phone number, two pauses and the PIN, for example +12025550123,,12345678987, unless the PIN is omitted.
    pub dial_string: Option<String>,
    /// Number of PINs that this object has had, including the current one.
    pub dialin_code_revision: Option<i64>,
    /// Published phone numbers. The first one is in the dial string.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub phone_numbers: Vec<PublishedNumber>,
    /// When the room expires at Daily. While the deletion of this object waits for participants, the end before the deletion.
    pub expiration_time: Option<Time>,
    /// When the operator renews the room, if spec.renewal is set.
    pub renewal_time: Option<Time>,
    /// Secret of the room, as the Service Binding specification requires it.
    pub binding: Option<BindingRef>,
    /// Last value of the annotation daily-operator.io/reconcile-requested-at that the operator has handled.
    pub last_handled_reconcile_at: Option<String>,
    /// The operator's record of the room, in an internal format: which room at Daily belongs to this object, in which account, and which installation of the operator manages it. Do not edit or copy it.
    #[schemars(length(max = 32768))]
    pub record: Option<String>,
}

/// Leaves out the PIN.
impl std::fmt::Debug for DailyRoomStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DailyRoomStatus")
            .field("observed_generation", &self.observed_generation)
            .field("conditions", &self.conditions)
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// A Daily account.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Name of the Daily domain, for example your-team in your-team.daily.co.
    pub domain_name: String,
    /// ID of the Daily domain.
    pub domain_id: String,
}

/// The room at Daily.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomInfo {
    /// Name of the room.
    pub name: String,
    /// ID of the room.
    pub id: String,
    /// URL for participants who join over the web.
    pub url: String,
    /// When Daily created the room.
    pub creation_time: Option<Time>,
    /// True if the room existed before and was adopted, as adoptionPolicy allows. Such a room stays at Daily when this object is deleted, unless deletionPolicy says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

/// Why a number is published.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
pub enum NumberSource {
    /// It is named in spec.dialin.roomNumbers.
    RoomNumber,
    /// It is the account's earliest purchased number with a PIN dial-in config.
    Purchased,
    /// It is one of Daily's global numbers.
    Global,
}

/// A published phone number.
#[skip_serializing_none]
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedNumber {
    /// Phone number in E.164 form.
    pub phone_number: String,
    /// Why the number is published.
    pub source: NumberSource,
    /// ISO 3166 code of the number's country, for example US.
    pub country: Option<String>,
}

/// A reference to the Secret of a room.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingRef {
    /// Name of the Secret in this namespace.
    pub name: String,
}
