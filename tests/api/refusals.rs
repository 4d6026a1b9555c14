//! What cannot be done: each with its condition and its event, nothing lost, and healed by itself.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use libtest_mimic::Trial;
use serde_json::json;

use crate::audit::Request;
use crate::fixture::{DEFAULT_KEY_SECRET, Fixture, KEY, SECOND_KEY, Setup, WRONG_KEY};
use crate::objects::Kind::Room;
use crate::objects::Object;
use crate::stage::Stage;
use crate::truth::drift_passes;
use crate::wait::{LATER, SOON, until};

/// How many milliseconds are between two calls that verify a revoked key, at least.
const BETWEEN_VERIFICATIONS: u64 = 4_000;

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    let wrong = || Setup::new().default_key(WRONG_KEY);
    let none = || Setup::new().without_default_key();
    vec![
        stage.trial("refusals::wrong_key", wrong(), wrong_key),
        stage.trial("refusals::revoked_key", Setup::new(), revoked_key),
        stage.trial("refusals::revoked_at_daily", Setup::new(), revoked_at_daily),
        stage.trial("refusals::missing_key", none(), missing_key),
        stage.trial("refusals::no_fall_through", Setup::new(), no_fall_through),
        stage.trial("refusals::foreign_secret", Setup::new(), foreign_secret),
        stage.trial("refusals::renamed_secret", Setup::new(), renamed_secret),
        stage.trial("refusals::secret_quota", Setup::new(), secret_quota),
        stage.trial("refusals::secret_policy", Setup::new(), secret_policy),
        stage.trial("refusals::name_taken", Setup::new(), name_taken),
        stage.trial(
            "refusals::name_becomes_free",
            Setup::new(),
            name_becomes_free,
        ),
        stage.trial(
            "refusals::name_taken_by_a_room",
            Setup::new(),
            name_taken_by_a_room,
        ),
        stage.trial(
            "refusals::name_wanted_twice_at_once",
            Setup::new().hold_at("room-create:before"),
            name_wanted_twice_at_once,
        ),
        stage.trial(
            "refusals::name_of_a_rejected_room",
            Setup::new(),
            name_of_a_rejected_room,
        ),
        stage.trial("refusals::end_too_far", Setup::new(), end_too_far),
    ]
}

/// The user must act, and callers cannot join.
async fn stalls(fx: &Fixture, name: &str, reason: &str) {
    fx.condition(Room, name, ("Stalled", "True", reason)).await;
    fx.condition(Room, name, ("Ready", "False", reason)).await;
    fx.event(name, "Warning", reason).await;
}

async fn wrong_key(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    stalls(fx, "standup", "Unauthorized").await;
    assert_eq!(
        fx.get(Room, "standup").await.finalizers(),
        0,
        "no domain is proven"
    );
    fx.journal().await.expect_no_write("the key is refused");
    fx.write_key(DEFAULT_KEY_SECRET, KEY).await;
    fx.ready(Room, "standup").await;
}

/// Revoked later, the key takes nothing from those who call.
async fn revoked_key(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    let secret = fx.secret("standup-dialin").await;
    fx.write_key(DEFAULT_KEY_SECRET, WRONG_KEY).await;
    let room = fx
        .condition(Room, "standup", ("Stalled", "True", "Unauthorized"))
        .await;
    assert!(
        room.has("Ready", "True", "Available"),
        "callers are still served"
    );
    assert_eq!(room.pin(), before.pin());
    assert_eq!(fx.secret("standup-dialin").await, secret);
    fx.event("standup", "Warning", "Unauthorized").await;
    let edit = json!({"ttl": "1h", "privacy": "Private"});
    let edited = fx.room("standup", edit).await;
    let is_observed = |room: &crate::objects::Object| {
        room.at("/status/observedGeneration") == edited.at("/metadata/generation")
    };
    fx.until(Room, "standup", "observes the edit", SOON, is_observed)
        .await;
    fx.write_key(DEFAULT_KEY_SECRET, KEY).await;
    let healed = |room: &crate::objects::Object| {
        room.is_ready()
            && room
                .condition("Stalled")
                .is_none_or(|it| it.status != "True")
    };
    fx.until(Room, "standup", "heals", SOON, healed).await;
    fx.event("standup", "Normal", "Updated").await;
}

/// Waits for the Secret, and goes on within ten seconds of its coming.
/// Somebody revokes the key at Daily, and nobody edits an object or the Secret.
async fn revoked_at_daily(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let before = fx.ready(Room, "standup").await;
    fx.sim.revoke(KEY).await.expect("Daily has the key");
    let stalled = ("Stalled", "True", "Unauthorized");
    let room = fx.condition(Room, "standup", stalled).await;
    assert!(room.has("Ready", "True", "Available"), "callers are served");
    let mark = fx.mark().await;
    until("it is verified twice", LATER, async || {
        let asked = fx.journal_since(mark).await.calls("GET", "/").len();
        (asked >= 2).then_some(()).ok_or(asked)
    })
    .await;
    let journal = fx.journal_since(mark).await;
    let asked = journal.calls("GET", "/");
    for pair in asked.windows(2) {
        let between = pair[1].elapsed_ms - pair[0].elapsed_ms;
        assert!(between > BETWEEN_VERIFICATIONS, "{}", journal.tail(20));
    }
    fx.write_key(DEFAULT_KEY_SECRET, SECOND_KEY).await;
    let healed = |room: &Object| room.is_ready() && room.condition("Stalled").is_none();
    let room = fx.until(Room, "standup", "is healed", LATER, healed).await;
    assert_eq!(room.pin(), before.pin());
}

async fn missing_key(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx
        .condition(Room, "standup", ("Ready", "False", "ApiKeyNotFound"))
        .await;
    assert!(
        room.condition("Reconciling")
            .is_some_and(|it| it.status == "True")
    );
    assert!(
        room.condition("Stalled")
            .is_none_or(|it| it.status != "True")
    );
    let message = room.condition("Ready").expect("is there").message;
    assert!(
        message.contains("daily-api-key"),
        "it names the Secret: {message}"
    );
    assert!(
        fx.journal().await.all().is_empty(),
        "without a key Daily is not asked"
    );

    // At once, because a key that is missing for longer is read less and less often.
    fx.write_key("daily-api-key", KEY).await;
    let heals_within = std::time::Duration::from_secs(10);
    let is_ready = crate::objects::Object::is_ready;
    fx.until(Room, "standup", "becomes Ready", heals_within, is_ready)
        .await;
    fx.event("standup", "Warning", "ApiKeyNotFound").await;
}

/// A key that is named and missing is not replaced by the default one.
async fn no_fall_through(fx: &mut Fixture) {
    fx.write_key("daily-api-key", KEY).await;
    fx.room(
        "standup",
        json!({"ttl": "1h", "apiKeySecretRef": {"name": "not-there"}}),
    )
    .await;
    let room = fx
        .condition(Room, "standup", ("Ready", "False", "ApiKeyNotFound"))
        .await;
    let message = room.condition("Ready").expect("is there").message;
    assert!(
        message.contains("not-there"),
        "it names the Secret: {message}"
    );
    fx.journal()
        .await
        .expect_no_write("the key that is named is missing");
}

/// A Secret of that name is somebody else's: it stays as it is, and freeing the name heals.
async fn foreign_secret(fx: &mut Fixture) {
    let foreign: Secret = serde_json::from_value(json!({
        "metadata": {"name": "standup-dialin"},
        "stringData": {"password": "theirs"},
    }))
    .expect("is a Secret");
    let made = fx.secrets().create(&PostParams::default(), &foreign).await;
    let before = made.expect("it can be made");
    fx.room("standup", json!({"ttl": "1h"})).await;
    stalls(fx, "standup", "SecretConflict").await;
    let after = fx.find_secret("standup-dialin").await;
    assert_eq!(after.as_ref(), Some(&before), "it is untouched");
    assert!(fx.rooms_at_daily().await.len() <= 1);

    fx.delete_secret("standup-dialin").await;
    let room = fx.ready(Room, "standup").await;
    assert_eq!(
        Some(fx.secret("standup-dialin").await["dialin-code"].as_str()),
        room.pin()
    );
}

/// The name of the Secret is changed to one that is taken, or that a quota refuses. Apps still read the former one.
async fn renamed_secret(fx: &mut Fixture) {
    let foreign = json!({"metadata": {"name": "taken"}, "stringData": {"password": "theirs"}});
    let foreign: Secret = serde_json::from_value(foreign).expect("is a Secret");
    let created = fx.secrets().create(&PostParams::default(), &foreign).await;
    created.expect("it can be created");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
    let before = fx.find_secret("standup-dialin").await;
    fx.room("standup", json!({"ttl": "1h", "secret": {"name": "taken"}}))
        .await;
    still_served(fx, "SecretConflict").await;
    // Another process says the same, at once.
    assert!(fx.operator().terminate().await.success());
    fx.start_operator(&[]).await;
    fx.force_pass(Room, "standup", "look again").await;
    let echoed = |room: &Object| room.text("/status/lastHandledReconcileAt") == "look again";
    fx.until(Room, "standup", "looks again", SOON, echoed).await;
    still_served(fx, "SecretConflict").await;

    let quotas = no_secrets(fx).await;
    fx.room("standup", json!({"ttl": "1h", "secret": {"name": "free"}}))
        .await;
    still_served(fx, "SecretRefused").await;
    assert_eq!(fx.find_secret("standup-dialin").await, before);
    let deleted = quotas.delete("secrets", &DeleteParams::default()).await;
    deleted.expect("it is there");
    let moved = |room: &Object| room.text("/status/binding/name") == "free";
    let room = fx.until(Room, "standup", "moves", LATER, moved).await;
    assert!(room.is_ready() && room.condition("Stalled").is_none());
    fx.until_secret("standup-dialin", "goes", |secret| secret.is_none())
        .await;
}

/// Ready and the binding are as before, and Stalled says so.
async fn still_served(fx: &Fixture, reason: &str) {
    let room = fx
        .condition(Room, "standup", ("Stalled", "True", reason))
        .await;
    assert!(room.has("Ready", "True", "Available"), "{:#}", room.0);
    assert_eq!(room.text("/status/binding/name"), "standup-dialin");
    let message = room.condition("Stalled").expect("is there").message;
    let says = "the Secret standup-dialin keeps the number and PIN";
    assert!(message.contains(says), "{message}");
}

/// A quota that allows no Secret, until an administrator removes it.
async fn secret_quota(fx: &mut Fixture) {
    let quotas = no_secrets(fx).await;
    fx.room("standup", json!({"ttl": "1h"})).await;
    stalls(fx, "standup", "SecretRefused").await;
    let refused = async || {
        let requests = fx.plane.requests(&fx.namespace);
        let refused = |it: &&Request| it.kind() == "create secrets  -> 403";
        match requests.iter().filter(refused).count() {
            0 | 1 => Err("the operator does not try again"),
            _ => Ok(()),
        }
    };
    until("the second refusal", SOON, refused).await;
    let deleted = quotas.delete("secrets", &DeleteParams::default()).await;
    deleted.expect("it is there");
    fx.ready(Room, "standup").await;
    let room = fx.get(Room, "standup").await;
    assert_eq!(room.condition("Stalled"), None);
}

/// Applies the quota, and waits until the API server enforces it.
async fn no_secrets(fx: &Fixture) -> Api<ResourceQuota> {
    let quotas: Api<ResourceQuota> = Api::namespaced(fx.client.clone(), &fx.namespace);
    let quota = json!({"metadata": {"name": "secrets"}, "spec": {"hard": {"count/secrets": "0"}}});
    let quota = serde_json::from_value(quota).expect("is a quota");
    let created = quotas.create(&PostParams::default(), &quota).await;
    created.expect("it can be created");
    let counted = async || {
        let quota = quotas.get("secrets").await.expect("it is there");
        let used = quota.status.and_then(|it| it.used);
        used.map(drop).ok_or("nothing is counted")
    };
    until("the quota applies", SOON, counted).await;
    quotas
}

/// A policy rejects the Secret and quotes the PIN. Conditions, events and the log do not repeat it.
async fn secret_policy(fx: &mut Fixture) {
    let name = &fx.namespace;
    let quotes = "'no PIN such as ' + string(object.data['dialin-code'])";
    let secrets = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["secrets"]});
    let policy = json!({"metadata": {"name": name}, "spec": {
        "matchConstraints": {"resourceRules": [secrets]},
        "validations": [{"expression": "!has(object.type) || object.type != 'servicebinding.io/daily-dialin'",
            "messageExpression": quotes}]}});
    let here = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    let binding = json!({"metadata": {"name": name}, "spec": {"policyName": name,
        "validationActions": ["Deny"], "matchResources": {"namespaceSelector": here}}});
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(fx.client.clone());
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(fx.client.clone());
    let post = PostParams::default();
    let policy = serde_json::from_value(policy).expect("is a policy");
    policies.create(&post, &policy).await.expect("is created");
    let binding = serde_json::from_value(binding).expect("is a binding");
    bindings.create(&post, &binding).await.expect("is created");
    let secret = json!({"metadata": {"name": "probe"}, "type": "servicebinding.io/daily-dialin",
        "stringData": {"dialin-code": "none"}});
    let secret: Secret = serde_json::from_value(secret).expect("is a Secret");
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    until("the policy applies", SOON, async || {
        let created = fx.secrets().create(&dry, &secret).await;
        created.map_or(Ok(()), |_| Err("the Secret is accepted"))
    })
    .await;

    fx.room("standup", json!({"ttl": "1h"})).await;
    stalls(fx, "standup", "SecretRefused").await;
    let pin = fx.rooms_at_daily().await[0]["config"]["dialin_code"].clone();
    let pin = pin.as_str().expect("Daily shows it").to_owned();
    let room = fx.get(Room, "standup").await;
    let message = room.condition("Stalled").expect("is there").message;
    assert!(message.contains("no PIN such as ***"), "{message}");
    fx.pins.lock().expect("nobody else has it").insert(pin);
    bindings
        .delete(name, &DeleteParams::default())
        .await
        .expect("it is there");
    policies
        .delete(name, &DeleteParams::default())
        .await
        .expect("it is there");
    fx.ready(Room, "standup").await;
}

async fn name_taken(fx: &mut Fixture) {
    let theirs = json!({"name": "board", "properties": {"enable_chat": true}});
    let made = fx
        .by_hand
        .post("/rooms", &theirs)
        .await
        .expect("Daily answers");
    let mark = fx.mark().await;
    fx.room("standup", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    stalls(fx, "standup", "NameTaken").await;
    fx.delete(Room, "standup").await;
    fx.gone(Room, "standup").await;
    let untouched = fx.by_hand.get("/rooms/board").await.expect("Daily answers");
    assert_eq!(untouched.body, made.body, "the room is untouched");
    assert!(fx.find_secret("standup-dialin").await.is_none());
    let journal = fx.journal_since(mark).await;
    assert_eq!(
        journal.done("POST", "*") + journal.done("DELETE", "*"),
        0,
        "{}",
        journal.tail(20)
    );
}

/// Listings show the room that has the name, so nothing else is asked. Once it is deleted, its name is taken.
async fn name_becomes_free(fx: &mut Fixture) {
    let theirs = json!({"name": "board"});
    let created = fx.by_hand.post("/rooms", &theirs).await;
    assert_eq!(created.expect("Daily answers").status, 200);
    let spec = json!({"ttl": "1h", "roomName": "board"});
    fx.room("standup", spec).await;
    stalls(fx, "standup", "NameTaken").await;
    drift_passes(fx, 2).await;
    let mark = fx.mark().await;
    drift_passes(fx, 3).await;
    let journal = fx.journal_since(mark).await;
    let asked = journal.calls("GET", "/rooms/*");
    assert!(asked.is_empty(), "{}", journal.tail(20));
    let deleted = fx.by_hand.delete("/rooms/board").await;
    assert_eq!(deleted.expect("Daily answers").status, 200);
    fx.ready(Room, "standup").await;
}

/// Two DailyRooms of one chosen name: the first keeps it, also when the second is deleted.
async fn name_taken_by_a_room(fx: &mut Fixture) {
    fx.room("first", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    let first = fx.ready(Room, "first").await;
    fx.room("second", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    stalls(fx, "second", "NameTaken").await;
    fx.delete(Room, "second").await;
    fx.gone(Room, "second").await;
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0]["id"], first.text("/status/room/id"));
    assert!(fx.get(Room, "first").await.is_ready());
    let stays = async || match fx.find_secret("first-dialin").await {
        Some(_) => Ok(()),
        None => Err("the Secret of the first is gone"),
    };
    until("the first keeps its Secret", SOON, stays).await;
}

/// Two DailyRooms of one chosen name in one file: both ask for it before either has it. One gets it;
/// the other neither shares its PIN nor deletes its room.
async fn name_wanted_twice_at_once(fx: &mut Fixture) {
    let spec = json!({"ttl": "1h", "roomName": "board"});
    for name in ["one", "other"] {
        fx.room(name, spec.clone()).await;
    }
    // One of them claims the name, and the other sees that.
    let claims = |room: &Object| room.finalizers() == 1 || room.has("Stalled", "True", "NameTaken");
    for name in ["one", "other"] {
        fx.until(Room, name, "claims the name", SOON, claims).await;
    }
    fx.let_go();
    let settled = async || {
        let rooms = [fx.get(Room, "one").await, fx.get(Room, "other").await];
        let taken = |room: &Object| room.has("Stalled", "True", "NameTaken");
        match rooms {
            [first, second] if first.is_ready() && taken(&second) => Ok(["one", "other"]),
            [first, second] if taken(&first) && second.is_ready() => Ok(["other", "one"]),
            _ => Err("not yet one Ready and the other NameTaken"),
        }
    };
    let [winner, loser] = until("one of them has the name", SOON, settled).await;
    assert!(fx.find_secret(&format!("{loser}-dialin")).await.is_none());
    fx.delete(Room, loser).await;
    fx.gone(Room, loser).await;
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms.len(), 1, "the room of the winner is untouched");
    let room = fx.get(Room, winner).await;
    assert_eq!(rooms[0]["id"], room.text("/status/room/id"));
    assert!(room.is_ready());
}

/// Daily rejects what the first DailyRoom of a name asks for, so that the name stays free for another one.
async fn name_of_a_rejected_room(fx: &mut Fixture) {
    let with = |properties| json!({"ttl": "1h", "roomName": "board", "roomProperties": properties});
    let chat = || with(json!({"enable_chat": true}));
    fx.room("first", with(json!({"geo": "moon-north-1"}))).await;
    let rejected = ("Stalled", "True", "RejectedByDaily");
    fx.condition(Room, "first", rejected).await;
    fx.room("second", chat()).await;
    let second = fx.ready(Room, "second").await;
    fx.room("first", chat()).await;
    stalls(fx, "first", "NameTaken").await;
    fx.delete(Room, "first").await;
    fx.gone(Room, "first").await;
    let rooms = fx.rooms_at_daily().await;
    assert_eq!(rooms.len(), 1);
    assert_eq!(rooms[0]["id"], second.text("/status/room/id"));
}

async fn end_too_far(fx: &mut Fixture) {
    fx.room("standup", json!({"expirationTime": "2037-01-01T00:00:00Z"}))
        .await;
    stalls(fx, "standup", "InvalidSpec").await;
    fx.journal()
        .await
        .expect_no_write("Daily takes no such end");
    fx.room("standup", json!({"ttl": "1h"})).await;
    fx.ready(Room, "standup").await;
}
