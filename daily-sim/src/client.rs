//! A client for tests: the simulator's telephone and controls, and plain calls of the API.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::types::{
    Advance, Calls, ClockView, DialAnswer, DialRequest, FaultSpec, FaultView, Faults, Journal,
    JournalEntry, LiveCall, Presence, QuirkView, QuirkViews, Refused, Released, Revoke, Revoked,
    Visit,
};

/// Calls the endpoints below `/sim`.
#[derive(Clone, Debug)]
pub struct SimClient {
    origin: String,
    http: reqwest::Client,
}

/// Why a call of a [`SimClient`] failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The simulator refused, with this sentence.
    #[error("the simulator refused ({status}): {sentence}")]
    Refused {
        /// The status of the refusal.
        status: u16,
        /// Why.
        sentence: String,
    },
    /// The simulator could not be reached or understood.
    #[error("the simulator cannot be reached or understood")]
    Http(#[from] reqwest::Error),
}

impl SimClient {
    /// A client of the simulator at this origin, for instance `http://127.0.0.1:8790`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(origin: &str) -> Result<Self, ClientError> {
        // reqwest needs a process-wide provider even for plain HTTP; a second install changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().build()?;
        Ok(Self::with_http(origin, http))
    }

    /// The same with an HTTP client of your own, for instance one that trusts a test certificate.
    pub fn with_http(origin: &str, http: reqwest::Client) -> Self {
        Self {
            origin: origin.trim_end_matches('/').to_owned(),
            http,
        }
    }

    /// Dials a dial string and returns what happens to the caller.
    ///
    /// # Errors
    /// When it is not a dial string.
    pub async fn dial(&self, dial_string: &str) -> Result<DialAnswer, ClientError> {
        let dial_string = dial_string.to_owned();
        self.send(Method::POST, "/dial", Some(&DialRequest { dial_string }))
            .await
    }

    /// The calls that are going on.
    ///
    /// # Errors
    /// When the simulator cannot be reached.
    pub async fn calls(&self) -> Result<Vec<LiveCall>, ClientError> {
        let calls: Calls = self.get("/calls").await?;
        Ok(calls.calls)
    }

    /// Hangs up a call.
    ///
    /// # Errors
    /// When there is no such call.
    pub async fn hang_up(&self, call_id: &str) -> Result<LiveCall, ClientError> {
        self.send(Method::DELETE, &format!("/calls/{call_id}"), None::<&()>)
            .await
    }

    /// Lets somebody join a room with a browser.
    ///
    /// # Errors
    /// When there is no such room, or several accounts have one.
    pub async fn join(&self, room: &str, user_name: &str) -> Result<Presence, ClientError> {
        self.visit("join", None, room, user_name).await
    }

    /// Lets somebody join a room with a meeting token. A name in the token takes precedence.
    ///
    /// # Errors
    /// When there is no such room, or the token does not admit to it.
    pub async fn join_with(
        &self,
        room: &str,
        user_name: &str,
        token: &str,
    ) -> Result<Presence, ClientError> {
        let visit = Visit {
            user_name: user_name.to_owned(),
            account: None,
            token: Some(token.to_owned()),
        };
        self.send(Method::POST, &format!("/rooms/{room}/join"), Some(&visit))
            .await
    }

    /// Lets somebody join a room of this domain.
    ///
    /// # Errors
    /// When there is no such room.
    pub async fn join_in(
        &self,
        domain: &str,
        room: &str,
        user_name: &str,
    ) -> Result<Presence, ClientError> {
        self.visit("join", Some(domain), room, user_name).await
    }

    /// Lets somebody leave a room.
    ///
    /// # Errors
    /// When nobody of this name is there, or several accounts have such a room.
    pub async fn leave(&self, room: &str, user_name: &str) -> Result<Presence, ClientError> {
        self.visit("leave", None, room, user_name).await
    }

    /// Lets somebody leave a room of this domain.
    ///
    /// # Errors
    /// When nobody of this name is there.
    pub async fn leave_in(
        &self,
        domain: &str,
        room: &str,
        user_name: &str,
    ) -> Result<Presence, ClientError> {
        self.visit("leave", Some(domain), room, user_name).await
    }

    async fn visit(
        &self,
        verb: &str,
        domain: Option<&str>,
        room: &str,
        user_name: &str,
    ) -> Result<Presence, ClientError> {
        let visit = Visit {
            user_name: user_name.to_owned(),
            account: domain.map(str::to_owned),
            token: None,
        };
        self.send(Method::POST, &format!("/rooms/{room}/{verb}"), Some(&visit))
            .await
    }

    /// The API calls after this sequence number; 0 means all.
    ///
    /// # Errors
    /// When the simulator cannot be reached.
    pub async fn journal(&self, after: u64) -> Result<Vec<JournalEntry>, ClientError> {
        let journal: Journal = self.get(&format!("/journal?after={after}")).await?;
        Ok(journal.entries)
    }

    /// The simulator's clock.
    ///
    /// # Errors
    /// When the simulator cannot be reached.
    pub async fn clock(&self) -> Result<ClockView, ClientError> {
        self.get("/clock").await
    }

    /// Moves the simulator's clock forward.
    ///
    /// # Errors
    /// When the clock would leave the years that it knows.
    pub async fn advance(&self, by: Duration) -> Result<ClockView, ClientError> {
        let advance = format!("{}ms", by.as_millis());
        self.send(Method::POST, "/clock", Some(&Advance { advance }))
            .await
    }

    /// How the simulator answers where nobody knows Daily's answer.
    ///
    /// # Errors
    /// When the simulator cannot be reached.
    pub async fn quirks(&self) -> Result<Vec<QuirkView>, ClientError> {
        let views: QuirkViews = self.get("/quirks").await?;
        Ok(views.quirks)
    }

    /// Switches a quirk.
    ///
    /// # Errors
    /// When there is no such quirk or no such answer.
    pub async fn set_quirk(&self, name: &str, value: &str) -> Result<(), ClientError> {
        let wanted = BTreeMap::from([(name, value)]);
        let _: QuirkViews = self.send(Method::POST, "/quirks", Some(&wanted)).await?;
        Ok(())
    }

    /// Installs a fault.
    ///
    /// # Errors
    /// When the simulator does not understand it.
    pub async fn fault(&self, fault: &FaultSpec) -> Result<FaultView, ClientError> {
        self.send(Method::POST, "/faults", Some(fault)).await
    }

    /// The faults that are installed.
    ///
    /// # Errors
    /// When the simulator cannot be reached.
    pub async fn faults(&self) -> Result<Vec<FaultView>, ClientError> {
        let faults: Faults = self.get("/faults").await?;
        Ok(faults.faults)
    }

    /// Removes all faults and sends the replies that they hold.
    ///
    /// # Errors
    /// When the simulator cannot be reached.
    pub async fn clear_faults(&self) -> Result<(), ClientError> {
        let _: Faults = self.send(Method::DELETE, "/faults", None::<&()>).await?;
        Ok(())
    }

    /// Sends the replies that are held under this name, and says how many there were.
    ///
    /// # Errors
    /// When the simulator cannot be reached.
    pub async fn release(&self, name: &str) -> Result<usize, ClientError> {
        let path = format!("/faults/release/{name}");
        let released: Released = self.send(Method::POST, &path, None::<&()>).await?;
        Ok(released.released)
    }

    /// Makes the API refuse a key from now on, as if it was deleted in Daily's dashboard.
    ///
    /// # Errors
    /// When no account has this key.
    pub async fn revoke(&self, key: &str) -> Result<(), ClientError> {
        let key = key.to_owned();
        let _: Revoked = self
            .send(Method::POST, "/keys/revoke", Some(&Revoke { key }))
            .await?;
        Ok(())
    }

    /// A client of the API with this key: what somebody else with the key could do.
    pub fn api(&self, key: &str) -> ApiClient {
        ApiClient {
            base_url: format!("{}/v1", self.origin),
            key: key.to_owned(),
            http: self.http.clone(),
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(Method::GET, path, None::<&()>).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let mut request = self
            .http
            .request(method, format!("{}/sim{path}", self.origin));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.json().await?);
        }
        let refused: Refused = response.json().await?;
        Err(ClientError::Refused {
            status: status.as_u16(),
            sentence: refused.error,
        })
    }
}

/// Calls the API with one key, without interpreting the answers.
#[derive(Clone, Debug)]
pub struct ApiClient {
    base_url: String,
    key: String,
    http: reqwest::Client,
}

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct ApiAnswer {
    /// The status.
    pub status: u16,
    /// The `Date` header.
    pub date: Option<String>,
    /// The body; null when it was not JSON.
    pub body: Value,
}

impl ApiClient {
    /// Makes a call. The path is one below the base path: `/rooms?limit=10`.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<ApiAnswer, ClientError> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let date = response.headers().get(http::header::DATE);
        Ok(ApiAnswer {
            status: response.status().as_u16(),
            date: date.and_then(|date| Some(date.to_str().ok()?.to_owned())),
            body: serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null),
        })
    }

    /// `GET`.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn get(&self, path: &str) -> Result<ApiAnswer, ClientError> {
        self.call(Method::GET, path, None).await
    }

    /// `POST` with a JSON body.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn post(&self, path: &str, body: &Value) -> Result<ApiAnswer, ClientError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `PUT` with a JSON body.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn put(&self, path: &str, body: &Value) -> Result<ApiAnswer, ClientError> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// When there is no reply.
    pub async fn delete(&self, path: &str) -> Result<ApiAnswer, ClientError> {
        self.call(Method::DELETE, path, None).await
    }
}
