//! Two installations of the operator in one cluster: each object has one that serves it, and the
//! other one writes nothing to it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use libtest_mimic::Trial;
use serde_json::json;

use crate::audit::Request;
use crate::fixture::{Fixture, NUMBER, RELEASE, Setup, create_namespace};
use crate::objects::Kind::{Number, Room};
use crate::objects::{Kind, Object};
use crate::stage::Stage;
use crate::stake::Stake;
use crate::wait::{LATER, SOON, until};

const ROOMS: [&str; 4] = ["first", "second", "third", "fourth"];

pub fn scenarios(stage: &Arc<Stage>) -> Vec<Trial> {
    vec![
        stage.trial(
            "installations::one_leaves_the_objects_of_another_alone",
            Setup::new(),
            leaves_alone,
        ),
        stage.trial(
            "installations::a_new_object_is_served_by_one",
            Setup::new(),
            new_objects,
        ),
        stage.trial(
            "installations::the_way_to_take_over_is_said",
            Setup::new(),
            taken_over,
        ),
    ]
}

/// The namespace of the second installation's Lease. It has the ServiceAccount of the first one.
async fn second_namespace(fx: &Fixture) -> String {
    let namespace = format!("{}-two", fx.home);
    let made = create_namespace(&fx.client, &namespace).await;
    made.expect("the namespace can be made");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "lease"},
        "rules": [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
            "verbs": ["get", "create", "update", "patch"]}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "lease"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lease"},
        "subjects": [{"kind": "ServiceAccount", "name": RELEASE, "namespace": fx.home}],
    });
    for manifest in [role, binding] {
        let applied = fx.plane.apply_in(&namespace, manifest).await;
        applied.expect("the rights can be granted");
    }
    namespace
}

/// Starts an operator that is of another installation, with these arguments after the others.
async fn start_second(fx: &mut Fixture, namespace: &str, args: &[String]) {
    let mut all = vec![format!("--lease-namespace={namespace}")];
    all.extend(args.iter().cloned());
    fx.launch_operator_with(&all, &[]);
    fx.operator().ready_or_crashed().await;
    fx.operator().leads_is(true).await;
}

/// What the first installation is called.
async fn first_id(fx: &Fixture) -> String {
    let api: Api<Namespace> = Api::all(fx.client.clone());
    let system = api.get("kube-system").await.expect("it is there");
    let cluster = system.metadata.uid.expect("it has a uid");
    format!("{cluster}/{}/daily-operator", fx.home)
}

/// Waits until the last operator has said that an object is of the other installation.
async fn says_whose_it_is(fx: &Fixture, name: &str, id: &str) -> String {
    let operator = fx.operators.last().expect("one runs");
    until(
        &format!("the log names {name} and {id}"),
        SOON,
        async || {
            let about =
                |line: &serde_json::Value| line["name"] == name && line.to_string().contains(id);
            let line = operator.lines().into_iter().find(about);
            line.map(|it| it.to_string()).ok_or("it does not")
        },
    )
    .await
}

/// The count of rooms in the status of their number comes after them.
async fn rooms_are_counted(fx: &Fixture) {
    let mut publish = 0;
    for name in ROOMS {
        let room = fx.ready(Room, name).await;
        publish += i64::from(room.text("/status/phoneNumbers/0/phoneNumber") == NUMBER);
    }
    let counted = |number: &Object| *number.at("/status/attachedRooms") == publish;
    fx.until(Number, "main-line", "is counted", LATER, counted)
        .await;
}

async fn leaves_alone(fx: &mut Fixture) {
    let id = first_id(fx).await;
    for name in ROOMS {
        fx.room(name, json!({"ttl": "1h"})).await;
    }
    fx.number("main-line", NUMBER).await;
    let mut stakes = vec![Stake::of(fx, Number, "main-line").await];
    for name in ROOMS {
        stakes.push(Stake::of(fx, Room, name).await);
    }
    rooms_are_counted(fx).await;
    crate::always::comes_to_rest(fx).await;
    let mut tail = fx.plane.tail();
    let mark = fx.mark().await;

    let namespace = second_namespace(fx).await;
    start_second(fx, &namespace, &[]).await;
    for name in ROOMS.iter().chain(&["main-line"]) {
        says_whose_it_is(fx, name, &id).await;
    }
    crate::always::comes_to_rest(fx).await;
    let (events, others): (Vec<Request>, Vec<Request>) = tail
        .requests(&fx.home, RELEASE)
        .into_iter()
        .filter(Request::is_write)
        .partition(Request::is_event);
    let others: Vec<String> = others.iter().map(ToString::to_string).collect();
    assert!(
        others.is_empty(),
        "it writes to what is not its own: {others:#?}"
    );
    assert!(
        events.len() <= stakes.len(),
        "one event an object: {events:#?}"
    );
    fx.journal_since(mark)
        .await
        .expect_no_write("nothing happened");
    // Neither writes at its drift checks.
    let mark = fx.mark().await;
    until("the rooms are listed three times", SOON, async || {
        let listed = fx.journal_since(mark).await.done("GET", "/rooms");
        (listed >= 3).then_some(()).ok_or(listed)
    })
    .await;
    let requests = tail.requests(&fx.home, RELEASE);
    let writes: Vec<_> = requests.iter().filter(|it| it.is_write()).collect();
    assert!(writes.is_empty(), "{writes:#?}");
    for stake in &stakes {
        stake.is_untouched(fx).await;
    }

    // An edit and a deletion are the first one's.
    let mark = fx.mark().await;
    fx.room("first", json!({"ttl": "1h", "privacy": "Private"}))
        .await;
    fx.ready(Room, "first").await;
    fx.delete(Room, "second").await;
    fx.gone(Room, "second").await;
    let journal = fx.journal_since(mark).await;
    assert_eq!(journal.writes().len(), 2, "{}", journal.tail(20));
}

/// Both see it at once; the one whose record is written first serves it.
async fn new_objects(fx: &mut Fixture) {
    let namespace = second_namespace(fx).await;
    start_second(fx, &namespace, &[]).await;
    for name in ROOMS {
        fx.room(name, json!({"ttl": "1h"})).await;
    }
    fx.room("chosen", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    fx.number("main-line", NUMBER).await;
    fx.ready(Number, "main-line").await;
    for name in ROOMS.iter().chain(&["chosen"]) {
        fx.ready(Room, name).await;
    }
    crate::always::comes_to_rest(fx).await;
    let journal = fx.journal().await;
    assert_eq!(journal.done("POST", "/rooms"), ROOMS.len() + 1);
    assert_eq!(fx.rooms_at_daily().await.len(), ROOMS.len() + 1);
    assert_eq!(fx.configs_at_daily().await.len(), 1);
    for name in ROOMS {
        fx.delete(Room, name).await;
    }
    for name in ROOMS {
        fx.gone(Room, name).await;
    }
    assert_eq!(fx.journal().await.done("DELETE", "/rooms/*"), ROOMS.len());
}

/// The operator moves to another namespace: it leaves everything as it is, says what to do, and
/// with that done everything goes on.
async fn taken_over(fx: &mut Fixture) {
    let id = first_id(fx).await;
    let mut stakes = Vec::new();
    fx.number("main-line", NUMBER).await;
    fx.room("standup", json!({"ttl": "1h", "roomName": "board"}))
        .await;
    fx.room("going", json!({"ttl": "1h"})).await;
    for (kind, name) in [(Number, "main-line"), (Room, "standup"), (Room, "going")] {
        stakes.push(Stake::of(fx, kind, name).await);
    }
    assert!(fx.operator().terminate().await.success());
    let mark = fx.mark().await;
    let mut tail = fx.plane.tail();
    let namespace = second_namespace(fx).await;
    start_second(fx, &namespace, &[]).await;
    fx.delete(Room, "going").await;
    for stake in &stakes {
        let line = says_whose_it_is(fx, stake.name(), &id).await;
        assert!(line.contains(TAKE_OVER), "it says what to do: {line}");
    }
    crate::always::comes_to_rest(fx).await;
    let requests = tail.requests(&fx.home, RELEASE);
    let wrote = |request: &&Request| request.is_write() && !request.is_event();
    assert!(
        requests.iter().find(wrote).is_none(),
        "it leaves them alone"
    );
    assert_eq!(fx.get(Room, "going").await.finalizers(), 1);
    fx.journal_since(mark)
        .await
        .expect_no_write("they are not its own");

    assert!(fx.operator().terminate().await.success());
    start_second(fx, &namespace, &[format!("--{TAKE_OVER}={id}")]).await;
    fx.gone(Room, "going").await;
    for stake in &stakes[..2] {
        stake.is_untouched(fx).await;
    }
    taken(fx, Room, "standup").await;
}

/// The flag that names the installations whose objects to take over.
const TAKE_OVER: &str = "take-over-installation-ids";

/// Without the flag the object is the second installation's from now on.
async fn taken(fx: &mut Fixture, kind: Kind, name: &str) {
    assert!(fx.operator().terminate().await.success());
    let namespace = format!("{}-two", fx.home);
    start_second(fx, &namespace, &[]).await;
    fx.force_pass(kind, name, "taken over").await;
    let echoed = |object: &Object| object.text("/status/lastHandledReconcileAt") == "taken over";
    fx.until(kind, name, "is served", LATER, echoed).await;
}
