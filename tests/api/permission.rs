//! Which namespaces may publish a number, by their labels and by name.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{Patch, PatchParams};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NUMBER, Setup};
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;
use crate::stage::Stage;
use crate::wait::SOON;

const NOT_ALLOWED: (&str, &str, &str) = ("Stalled", "True", "NumberNotAllowed");

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    // No drift pass helps: a change of labels or of the permission wakes the rooms.
    let woken = || Setup::new().value("driftInterval", json!("1h")).neighbour();
    vec![
        stage.trial("permission::by_label", woken(), by_label),
        stage.trial("permission::withdrawn", woken(), withdrawn),
        stage.trial("permission::example", woken(), example),
        stage.trial("permission::tells_no_names", woken(), tells_no_names),
    ]
}

fn selector(key: &str, value: &str) -> Value {
    json!({"from": "Selector", "selector": {"matchLabels": {key: value}}})
}

impl Fixture {
    /// Sets a label of the namespace in which objects are applied, or with null removes it.
    async fn label(&self, key: &str, value: Value) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let patch = Patch::Merge(json!({"metadata": {"labels": {key: value}}}));
        let params = PatchParams::default();
        let patched = api.patch(&self.namespace, &params, &patch).await;
        patched.expect("the namespace can be labelled");
    }

    /// Applies the number in the neighbour's namespace, and waits until it is Ready.
    async fn number_elsewhere(&mut self, namespaces: Value) {
        let home = self.go_to(self.neighbour());
        let spec = json!({"phoneNumber": NUMBER, "allowedRooms": {"namespaces": namespaces}});
        self.apply(Number, "main-line", &spec).await;
        self.ready(Number, "main-line").await;
        self.go_to(home);
    }

    fn reference(&self, name: &str) -> Value {
        let named = json!({"name": name, "namespace": self.neighbour()});
        json!({"ttl": "1h", "dialin": {"roomNumbers": [{"numberRef": named}]}})
    }
}

fn literal() -> Value {
    json!({"ttl": "1h", "dialin": {"roomNumbers": [{"phoneNumber": NUMBER}]}})
}

/// The example of a number that another namespace has.
async fn example(fx: &mut Fixture) {
    let neighbour = fx.neighbour();
    let names = [("telephony", neighbour.as_str()), ("team-a", &fx.namespace)];
    fx.apply_example("09-number-of-another-namespace.yaml", &names)
        .await;
    let room = fx.ready(Room, "standup").await;
    let published = json!([{"phoneNumber": NUMBER, "source": "RoomNumber", "country": "US"}]);
    assert_eq!(*room.at("/status/phoneNumbers"), published);
    let secret = fx.secret("standup-dialin").await;
    let listed: Value = serde_json::from_str(&secret["phone-numbers"]).expect("is JSON");
    assert_eq!(listed[0]["phoneNumber"], NUMBER);
    assert_eq!(listed[0]["dialString"], room.dial_string());
    assert!(fx.find_secret("standup-dialin").await.is_some());
}

/// One permission for references, literals and the choice of a room that names none.
async fn by_label(fx: &mut Fixture) {
    fx.number_elsewhere(selector("telephony", "yes")).await;
    fx.room("referring", fx.reference("main-line")).await;
    fx.room("literal", literal()).await;
    fx.room("before", json!({"ttl": "1h"})).await;
    for name in ["referring", "literal"] {
        fx.condition(Room, name, NOT_ALLOWED).await;
        let secret = fx.find_secret(&format!("{name}-dialin")).await;
        assert!(secret.is_none(), "{name} publishes nothing");
    }
    let before = fx.ready(Room, "before").await;
    assert_eq!(before.text("/status/phoneNumbers/0/source"), "Global");

    fx.label("telephony", json!("yes")).await;
    for name in ["referring", "literal"] {
        let room = fx.ready(Room, name).await;
        assert!(room.dial_string().starts_with(NUMBER), "{name}");
    }
    fx.room("after", json!({"ttl": "1h"})).await;
    let after = fx.ready(Room, "after").await;
    assert!(after.dial_string().starts_with(NUMBER));

    // As in Gateway API, the number's own namespace counts by its labels, too.
    let home = fx.go_to(fx.neighbour());
    let own =
        json!({"ttl": "1h", "dialin": {"roomNumbers": [{"numberRef": {"name": "main-line"}}]}});
    fx.room("own", own).await;
    let own = fx.condition(Room, "own", NOT_ALLOWED).await;
    let message = own.condition("Stalled").expect("is there").message;
    assert!(message.contains("main-line"), "{message}");
    fx.label("telephony", json!("yes")).await;
    fx.ready(Room, "own").await;
    fx.go_to(home);
}

/// What callers have on paper stays when a label or the permission goes, and nothing is written to Daily.
async fn withdrawn(fx: &mut Fixture) {
    fx.label("telephony", json!("yes")).await;
    fx.number_elsewhere(selector("telephony", "yes")).await;
    fx.room("referring", fx.reference("main-line")).await;
    fx.room("literal", literal()).await;
    fx.room("unnamed", json!({"ttl": "1h"})).await;
    let names = ["referring", "literal", "unnamed"];
    let mut before = Vec::new();
    for name in names {
        let room = fx.ready(Room, name).await;
        assert!(room.dial_string().starts_with(NUMBER), "{name}");
        before.push((
            room.dial_string().to_owned(),
            fx.secret(&format!("{name}-dialin")).await,
        ));
    }
    let mark = fx.mark().await;
    for by_label in [true, false] {
        match by_label {
            true => fx.label("telephony", Value::Null).await,
            false => fx.number_elsewhere(json!({"from": "Same"})).await,
        }
        for (name, (dial_string, secret)) in names.iter().zip(&before) {
            let room = fx.condition(Room, name, NOT_ALLOWED).await;
            assert!(room.has("Ready", "True", "Available"), "callers are served");
            assert_eq!(room.dial_string(), dial_string);
            assert_eq!(fx.secret(&format!("{name}-dialin")).await, *secret);
        }
        match by_label {
            true => fx.label("telephony", json!("yes")).await,
            false => {
                let here = selector("kubernetes.io/metadata.name", &fx.namespace);
                fx.number_elsewhere(here).await;
            }
        }
        for name in names {
            let is_well = |room: &Object| room.is_ready() && room.condition("Stalled").is_none();
            fx.until(Room, name, "is allowed again", SOON, is_well)
                .await;
        }
    }
    fx.journal_since(mark)
        .await
        .expect_no_write("rooms and numbers stay as they are");
}

/// Whether another namespace has a PinDialinNumber of some name, a tenant does not learn.
async fn tells_no_names(fx: &mut Fixture) {
    fx.number_elsewhere(json!({"from": "Same"})).await;
    let mut seen = Vec::new();
    for (room, number) in [("one", "main-line"), ("two", "nothing-here")] {
        fx.room(room, fx.reference(number)).await;
        let refused = fx.condition(Room, room, NOT_ALLOWED).await;
        let seen_by_users = ["Ready", "Stalled"].map(|type_| {
            let it = refused.condition(type_).expect("is there");
            (it.status, it.reason, it.message.replace(number, "NAME"))
        });
        seen.push(seen_by_users);
    }
    assert_eq!(seen[0], seen[1]);
}
