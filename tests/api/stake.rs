//! What an object has at Daily and in its Secret, and that it loses none of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::always::no_pin_is_shared;
use crate::fixture::Fixture;
use crate::objects::{Kind, Object};
use crate::wait::LATER;

/// What a Ready object has.
pub struct Stake {
    /// The object when it was Ready.
    pub object: Object,
    kind: Kind,
    at_daily: Value,
    secret: Option<BTreeMap<String, String>>,
}

impl Stake {
    /// Waits until an object of the present namespace is Ready.
    pub async fn of(fx: &Fixture, kind: Kind, name: &str) -> Self {
        let object = fx.ready(kind, name).await;
        let secret = match object.text("/status/binding/name") {
            "" => None,
            secret => Some(fx.secret(secret).await),
        };
        Self {
            at_daily: at_daily(fx, kind, &object).await,
            object,
            kind,
            secret,
        }
    }

    pub fn name(&self) -> &str {
        self.object.text("/metadata/name")
    }

    /// The namespace of the object.
    pub fn namespace(&self) -> &str {
        self.object.text("/metadata/namespace")
    }

    /// Daily's id of the room or config.
    pub fn id(&self) -> &str {
        match self.kind {
            Kind::Room => self.object.text("/status/room/id"),
            Kind::Number => self.object.text("/status/configId"),
        }
    }

    /// What is at Daily is what was there.
    pub async fn is_untouched_at_daily(&self, fx: &Fixture) {
        assert_eq!(at_daily(fx, self.kind, &self.object).await, self.at_daily);
    }

    /// The object, its Secret and what it has at Daily are as they were.
    pub async fn is_as_it_was(&self, fx: &mut Fixture) {
        self.is_as_it_was_once(fx, Object::is_ready).await;
    }

    /// After one more pass they are as they were.
    pub async fn is_untouched(&self, fx: &mut Fixture) {
        Self::are_untouched(&[self], fx).await;
    }

    /// The same of several.
    pub async fn are_untouched(stakes: &[&Self], fx: &mut Fixture) {
        let token = format!("pass {}", fx.mark().await);
        for stake in stakes {
            let before = fx.go_to(stake.namespace().to_owned());
            fx.force_pass(stake.kind, stake.name(), &token).await;
            fx.go_to(before);
        }
        for stake in stakes {
            let passed = |object: &Object| {
                object.text("/status/lastHandledReconcileAt") == token && object.is_ready()
            };
            stake.is_as_it_was_once(fx, passed).await;
        }
        no_pin_is_shared(fx).await;
    }

    async fn is_as_it_was_once(&self, fx: &mut Fixture, wanted: impl Fn(&Object) -> bool) {
        let before = fx.go_to(self.namespace().to_owned());
        let serves = |object: &Object| wanted(object) && object.finalizers() == 1;
        let what = "is Ready, and has its finalizer";
        let now = fx.until(self.kind, self.name(), what, LATER, serves).await;
        for kept in [
            "dialinCode",
            "dialString",
            "expirationTime",
            "room",
            "configId",
        ] {
            let kept = format!("/status/{kept}");
            assert_eq!(now.at(&kept), self.object.at(&kept), "{kept}");
        }
        if let Some(secret) = &self.secret {
            let name = self.object.text("/status/binding/name").to_owned();
            assert_eq!(&fx.secret(&name).await, secret);
        }
        fx.go_to(before);
        self.is_untouched_at_daily(fx).await;
    }
}

/// What matters to callers of what an object has at Daily.
async fn at_daily(fx: &Fixture, kind: Kind, object: &Object) -> Value {
    match kind {
        Kind::Room => {
            let room = fx.room_at_daily(object.room_name()).await;
            json!({
                "id": room["id"], "privacy": room["privacy"], "exp": room["config"]["exp"],
                "pin": room["config"]["dialin_code"], "dialin": room["config"]["dialin"],
            })
        }
        Kind::Number => {
            let id = object.text("/status/configId");
            let configs = fx.configs_at_daily().await;
            let config = configs.into_iter().find(|it| it["id"] == id);
            config.unwrap_or_else(|| panic!("the config {id} is gone"))
        }
    }
}
