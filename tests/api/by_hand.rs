//! What a person with a key of the domain does at Daily by hand, and sees there.

use std::collections::BTreeSet;
use std::sync::Mutex;

use daily_sim::{ApiAnswer, ApiClient, ClientError, SimClient};
use k8s_openapi::jiff::SignedDuration;
use serde_json::{Value, json};

use crate::fixture::{Fixture, SECOND_KEY};
use crate::wait::{LATER, SOON, until};

/// A person with a key.
pub struct ByHand {
    api: ApiClient,
    sim: SimClient,
    writes: Mutex<BTreeSet<u64>>,
}

impl ByHand {
    pub fn new(sim: &SimClient) -> Self {
        Self {
            api: sim.api(SECOND_KEY),
            sim: sim.clone(),
            writes: Mutex::default(),
        }
    }

    pub async fn get(&self, path: &str) -> Result<ApiAnswer, ClientError> {
        taken(async || self.api.get(path).await).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<ApiAnswer, ClientError> {
        let call = async || self.api.post(path, body).await;
        self.write("POST", path, Some(body), call).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<ApiAnswer, ClientError> {
        let call = async || self.api.put(path, body).await;
        self.write("PUT", path, Some(body), call).await
    }

    pub async fn delete(&self, path: &str) -> Result<ApiAnswer, ClientError> {
        let call = async || self.api.delete(path).await;
        self.write("DELETE", path, None, call).await
    }

    /// Makes a call, and keeps which one in the journal it was.
    async fn write(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        call: impl AsyncFn() -> Result<ApiAnswer, ClientError>,
    ) -> Result<ApiAnswer, ClientError> {
        let before = self.sim.journal(0).await?.len() as u64;
        let answer = taken(call).await?;
        let since = self.sim.journal(before).await?;
        let ours = since.iter().find(|it| {
            let is_call = it.method == method && it.path == path && it.body.as_ref() == body;
            is_call && it.status == answer.status
        });
        let mut writes = self.writes.lock().expect("nobody else has it");
        writes.extend(ours.map(|it| it.seq));
        Ok(answer)
    }

    /// The calls in the journal that have written something by hand.
    pub fn writes(&self) -> BTreeSet<u64> {
        self.writes.lock().expect("nobody else has it").clone()
    }

    /// The last of them. What follows it in the journal is an answer to it, however soon that came.
    pub fn last_write(&self) -> u64 {
        self.writes().pop_last().expect("something was written")
    }
}

/// Repeats a call while Daily answers that there were too many, to which the operator's own calls count.
async fn taken(
    call: impl AsyncFn() -> Result<ApiAnswer, ClientError>,
) -> Result<ApiAnswer, ClientError> {
    until("Daily takes the call", SOON, async || match call().await {
        Ok(answer) if answer.status == 429 => Err(answer.body),
        answer => Ok(answer),
    })
    .await
}

impl Fixture {
    /// Waits until looks by hand do not exceed the limits of the account together with the operators'.
    pub async fn daily_takes_calls(&self) {
        until("Daily takes calls", LATER, async || {
            let now = self.sim.clock().await.expect("it has one").now;
            let window = now - SignedDuration::from_secs(6);
            let journal = self.journal().await;
            let calls = journal.all().iter().filter(|it| it.time > window).count();
            (calls < 50).then_some(()).ok_or(calls)
        })
        .await;
    }

    /// The rooms of the domain, as Daily lists them now.
    pub async fn rooms_at_daily(&self) -> Vec<Value> {
        let body = self.now("/rooms").await;
        body["data"].as_array().cloned().expect("Daily lists rooms")
    }

    /// The room of this name as Daily has it now, with its PIN.
    pub async fn room_at_daily(&self, name: &str) -> Value {
        let room = self.now(&format!("/rooms/{name}")).await;
        assert_eq!(room["name"], name, "{room}");
        room
    }

    /// What Daily answers without a lag.
    async fn now(&self, path: &str) -> Value {
        let switches = ["reads", "config-reads"].into_iter();
        let lagging: Vec<&str> = switches
            .filter(|switch| self.answer(switch) != "fresh")
            .collect();
        for switch in &lagging {
            self.switch(switch, "fresh").await;
        }
        let answer = self.by_hand.get(path).await.expect("Daily answers");
        for switch in &lagging {
            self.switch(switch, self.answer(switch)).await;
        }
        answer.body
    }

    async fn switch(&self, switch: &str, answer: &str) {
        let switched = self.sim.set_quirk(switch, answer).await;
        switched.expect("it has this answer");
    }

    /// The dial-in configs of the domain, as Daily shows them now in both places. What it shows in both is
    /// named as in the place where the operator writes.
    pub async fn configs_at_daily(&self) -> Vec<Value> {
        let body = self.now("/domain-dialin-config").await;
        let listed = body["data"].as_array().cloned();
        let listed = listed.expect("Daily lists configs");
        let entries = self.entries_at_daily().await.into_iter().map(|entry| {
            let number = entry["phone_number"].as_str().unwrap_or_default();
            let id = format!("pin_dialin:{number}");
            json!({"id": id, "type": "pin_dialin", "config": entry})
        });
        let (mut configs, others) = match self.at_the_domain {
            true => (entries.collect(), listed),
            false => (listed, entries.collect::<Vec<_>>()),
        };
        for other in others {
            let number = &other["config"]["phone_number"];
            if !configs
                .iter()
                .any(|it| it["config"]["phone_number"] == *number)
            {
                configs.push(other);
            }
        }
        configs
    }

    /// The entries of the property `pin_dialin` of the domain.
    pub async fn entries_at_daily(&self) -> Vec<Value> {
        let body = self.now("/").await;
        let list = body["config"]["pin_dialin"].as_array();
        list.cloned().unwrap_or_default()
    }

    /// How the operator calls Daily for what is a `method` of this config at `/domain-dialin-config`.
    pub fn config_route(&self, method: &'static str, id: &str) -> (&'static str, String) {
        let path = format!("/domain-dialin-config/{id}");
        match self.at_the_domain {
            true => ("POST", "/".to_owned()),
            false => (method, path.trim_end_matches('/').to_owned()),
        }
    }
}
