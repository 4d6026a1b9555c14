//! What `kubectl get` prints of an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Request;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::fixture::{DEFAULT_KEY_SECRET, FOREIGN_NUMBER, Fixture, KEY, Setup, WRONG_KEY};
use crate::objects::Kind::{self, Number, Room};
use crate::objects::{GROUP, Object, VERSION};
use crate::stage::Stage;
use crate::wait::SOON;

/// The media type in which kubectl asks for what it prints.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial(
            "columns::room_that_is_served_and_stalled",
            Setup::new(),
            room_that_is_served_and_stalled,
        ),
        stage.trial(
            "columns::number_that_is_stalled",
            Setup::new(),
            number_that_is_stalled,
        ),
    ]
}

/// The cells of `kubectl get -o wide`, by the names of their columns.
async fn printed(fx: &Fixture, kind: Kind, name: &str) -> BTreeMap<String, String> {
    let (namespace, plural) = (&fx.namespace, kind.plural());
    let path = format!("/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{plural}/{name}");
    let request = Request::get(path).header("accept", TABLE).body(Vec::new());
    let request = request.expect("is a request");
    let table: Value = fx.client.request(request).await.expect("is printed");
    let columns = table["columnDefinitions"].as_array().expect("has columns");
    let cells = table["rows"][0]["cells"].as_array().expect("has a row");
    let text = |cell: &Value| cell.as_str().map_or(cell.to_string(), str::to_owned);
    let name = |column: &Value| column["name"].as_str().unwrap_or_default().to_owned();
    let cells = cells.iter().map(text);
    columns.iter().map(name).zip(cells).collect()
}

/// Callers are served, and somebody has to act: the latter is printed.
async fn room_that_is_served_and_stalled(fx: &mut Fixture) {
    fx.room("standup", json!({"ttl": "1h"})).await;
    let room = fx.ready(Room, "standup").await;
    let shown = printed(fx, Room, "standup").await;
    assert_eq!(shown["Ready"], "True");
    assert_eq!(shown["Reason"], "Available");
    assert_eq!(
        shown["Dial-In"],
        room.text("/status/phoneNumbers/0/phoneNumber")
    );
    let served = room.condition("Ready").expect("is there").message;
    assert_eq!(shown["Message"], served);

    fx.write_key(DEFAULT_KEY_SECRET, WRONG_KEY).await;
    let stalled = ("Stalled", "True", "Unauthorized");
    let room = fx.condition(Room, "standup", stalled).await;
    let shown = printed(fx, Room, "standup").await;
    assert_eq!(shown["Ready"], "True", "callers are still served");
    assert_eq!(shown["Reason"], "Unauthorized");
    let message = room.condition("Stalled").expect("is there").message;
    assert_eq!(shown["Message"], message);

    fx.write_key(DEFAULT_KEY_SECRET, KEY).await;
    let healed = |room: &Object| room.condition("Stalled").is_none();
    fx.until(Room, "standup", "heals", SOON, healed).await;
    assert_eq!(printed(fx, Room, "standup").await["Reason"], "Available");
}

async fn number_that_is_stalled(fx: &mut Fixture) {
    fx.number("other-line", FOREIGN_NUMBER).await;
    let stalled = ("Stalled", "True", "NumberNotPurchased");
    let number = fx.condition(Number, "other-line", stalled).await;
    let shown = printed(fx, Number, "other-line").await;
    assert_eq!(shown["Ready"], "False");
    assert_eq!(shown["Reason"], "NumberNotPurchased");
    let message = number.condition("Stalled").expect("is there").message;
    assert_eq!(shown["Message"], message);
}
