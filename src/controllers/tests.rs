//! What is forgotten of objects that are gone.

use clap::Parser;
use daily_sim::Sim;
use http::{Request, Response};
use kube::client::Body;
use kube::runtime::reflector;
use kube::runtime::watcher::Event;
use serde_json::json;

use super::*;
use crate::cli::{Cli, Command};
use crate::config::Environment;
use crate::crd::{ApiKeySecretRef, default_api_key_key};
use crate::daily::account::Setup;
use crate::keys::For;
use crate::leader::PreviousLeader;

const KEY: &str = "acme-key-0123456789abcdef";

/// An API server of which each Secret has the key.
fn api_server() -> Client {
    let service = tower::service_fn(async |_: Request<Body>| {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"},
            "data": {"api-key": data_encoding::BASE64.encode(KEY.as_bytes())}});
        let body = axum::body::Body::from(secret.to_string());
        Ok::<_, kube::Error>(Response::new(body))
    });
    Client::new(service, "default")
}

fn context(daily: &Sim) -> Context {
    let Setup {
        client,
        gate,
        metrics,
        stop,
        ..
    } = Setup::for_tests(&daily.base_url());
    let cli = Cli::try_parse_from(["daily-operator", "run"]).unwrap();
    let Command::Run(args) = cli.command else {
        panic!("run was asked for");
    };
    let config = Config::new(*args, &Environment::default()).unwrap();
    Context {
        own: config.identity("c1".to_owned()),
        config: Arc::new(config),
        client: api_server(),
        daily: client,
        gate,
        events: Events::new(api_server(), "test", false),
        metrics,
        takeover: Takeover {
            since: crate::clock::now(),
            previous: PreviousLeader::None,
        },
        stop,
    }
}

/// An object with this uid, which has recorded this name in the domain.
fn object<K: Kind>(namespace: &str, name: &str, recorded: &str, domain: &str) -> Object<K> {
    let record = json!({"uid": "u", "clusterId": "c1", "domainId": domain, "domainName": "acme",
        "name": recorded, "installationId": "i"});
    let object = json!({"metadata": {"namespace": namespace, "name": name, "uid": "u", "resourceVersion": "1"},
        "status": {"record": record.to_string()}});
    serde_json::from_value(object).unwrap()
}

fn store<K: Kind>(object: &Object<K>) -> Vec<Store<Object<K>>> {
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&Event::Apply(object.clone()));
    vec![store]
}

/// Makes a reconcile of the object remember something.
fn remember<K: Kind>(context: &reconcile::Context<K>, object: &Object<K>) {
    let mut remembered = context.memories.recall(object).unwrap();
    remembered.memory.began_here = true;
    context
        .memories
        .keep(object, remembered, ("1", &object.recorded));
}

fn is_remembered<K: Kind>(context: &reconcile::Context<K>, object: &Object<K>) -> bool {
    context.memories.recall(object).unwrap().memory.began_here
}

#[tokio::test]
async fn what_no_object_needs_any_more_is_forgotten() {
    let config = daily_sim::Config::single("acme", KEY, &[]);
    let daily = Sim::start(config).await.unwrap();
    let context = context(&daily);
    let keys = Arc::new(keys(&context, Vec::new(), Listings::default()));
    let reference = ApiKeySecretRef {
        name: "key".to_owned(),
        key: default_api_key_key(),
    };
    let session = async |namespace| {
        let session = keys.session(For::Rooms, namespace, Some(&reference));
        session.await.unwrap()
    };
    let account = session("gone").await.account;
    for namespace in ["rooms", "numbers"] {
        session(namespace).await;
    }
    for name in ["a-room", "a-number", "gone"] {
        account.look(&KEY.into(), name).await.unwrap();
    }
    let domain = &account.domain().id;
    let (room, gone): (Object<Room>, Object<Room>) = (
        object("rooms", "kept", "a-room", domain),
        object("rooms", "gone", "gone", domain),
    );
    let number: Object<Number> = object("numbers", "kept", "a-number", domain);
    let shared = room::Shared {
        numbers: Vec::new(),
        namespaces: Namespaces(Vec::new()),
        secrets: Vec::new(),
        secret_index: SecretIndex::default(),
    };
    let rooms = reconcile_context(&context, &keys, store(&room), shared);
    let shared = number::Shared {
        publishers: publishers(Vec::new()),
        attached: AttachedRooms::default(),
    };
    let numbers = reconcile_context(&context, &keys, store(&number), shared);
    remember(&rooms, &room);
    remember(&rooms, &gone);
    remember(&numbers, &number);

    keys.age_for_tests();
    forget_unneeded(&rooms, &numbers);
    assert!(is_remembered(&rooms, &room) && is_remembered(&numbers, &number));
    assert!(!is_remembered(&rooms, &gone));
    let known = account.evidence().names();
    assert_eq!(known, ["a-room", "a-number"].map(str::to_owned).into());
    for (namespace, is_kept) in [("rooms", true), ("numbers", true), ("gone", false)] {
        let last = keys.last_good(namespace, domain).await.unwrap();
        assert_eq!(last.is_some(), is_kept, "{namespace}");
    }
}
