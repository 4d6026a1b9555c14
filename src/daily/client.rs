//! Daily's API, one method for each call. No call waits for the rate limit or is retried.

mod answer;
mod ca_bundle;
mod failure;
mod settings;
mod transport;

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::{Method, Url};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;

use self::answer::{Intent, Received};
use self::failure::Cause;
pub use self::settings::{ClientError, Settings};
use self::transport::Transport;
use super::error::CallError;
use super::meeting_token::{Grant, Issued};
use super::page::{Body, ListedMeeting, ListedNumber, Page};
use super::pin_dialin::{DomainDialin, PinDialin};
use super::types::{
    Answer, ApiKey, CreateRoom, DialinConfig, DialinConfigRequest, Domain, PurchasedNumber, Room,
    RoomChange, RoomsPage,
};
use crate::config::{BaseUrl, Config};

const ROOMS: &str = "rooms";
const CONFIGS: &str = "domain-dialin-config";
const TOKENS: &str = "meeting-tokens";
const NUMBERS: &str = "purchased-phone-numbers";
const PRESENCE: &str = "presence";
const MEETINGS: &str = "meetings";
/// The most that Daily puts on a page of rooms, dial-in configs or meetings.
/// // F-ROOM-12, F-CFG-6, F-MEET-1
pub(super) const ROOMS_A_PAGE: usize = 100;
/// The same, as a query has it.
const HUNDRED: &str = "100";
/// The most that Daily puts on a page of numbers. // F-NUM-2
const FIFTY: &str = "50";

/// Calls Daily's API. Clones share their connections.
///
/// Each call fails with a [`CallError`], which says whether Daily may have applied it.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    base: Url,
}

impl Client {
    /// A client of the API at this base URL, without a proxy or CA file.
    ///
    /// # Errors
    /// If the URL cannot be used.
    pub fn new(base_url: &str) -> Result<Self, ClientError> {
        Self::with(Settings::new(base_url))
    }

    /// A client with these settings.
    ///
    /// # Errors
    /// If the URL, the CA file or the proxy cannot be used.
    pub fn with(settings: Settings) -> Result<Self, ClientError> {
        let base = BaseUrl::parse(&settings.base_url).map_err(|_| ClientError::BaseUrl)?;
        Ok(Self {
            base: Url::parse(&base.text).map_err(|_| ClientError::BaseUrl)?,
            transport: Arc::new(Transport::new(settings)?),
        })
    }

    /// The client that the configuration asks for. Logs how it reaches Daily.
    ///
    /// # Errors
    /// If the CA file cannot be used.
    pub fn configured(config: &Config) -> Result<Self, ClientError> {
        match &config.daily_proxy {
            Some(proxy) => {
                tracing::info!(%proxy, from = proxy.origin(), "Daily is reached through a proxy");
            }
            None => tracing::info!("Daily is reached without a proxy"),
        }
        Self::with(Settings {
            ca_file: config.daily_ca_file.clone(),
            proxy: config.daily_proxy.clone(),
            ..Settings::new(&config.daily_base_url)
        })
    }

    /// The parts of the CA file that are not trusted, each with its place and the reason.
    pub fn skipped_certificates(&self) -> Vec<String> {
        self.transport.skipped()
    }

    /// The domain of the key. // F-DOM-1
    pub async fn domain(&self, key: &ApiKey) -> Result<Answer<Domain>, CallError> {
        self.get(key, self.url(&[""])?).await
    }

    /// The PIN dial-in configs in the domain's own property. // F-DOM-4
    pub async fn domain_dialin(&self, key: &ApiKey) -> Result<Answer<DomainDialin>, CallError> {
        self.get(key, self.url(&[""])?).await
    }

    /// Replaces the whole list of these configs. // F-DOM-3, F-DOM-5
    pub async fn replace_pin_dialin(
        &self,
        key: &ApiKey,
        list: &PinDialin,
    ) -> Result<Answer<()>, CallError> {
        let (url, body) = (self.url(&[""])?, list.as_properties());
        let answer: Answer<IgnoredAny> = self.write(key, Method::POST, url, &body).await?;
        Ok(answer.map(drop))
    }

    /// The room of this name, or `None`. // F-ROOM-16
    pub async fn room(&self, key: &ApiKey, name: &str) -> Result<Answer<Option<Room>>, CallError> {
        self.find(key, self.url(&[ROOMS, name])?).await
    }

    /// Creates a room. // F-ROOM-4
    pub async fn create_room(
        &self,
        key: &ApiKey,
        room: &CreateRoom,
    ) -> Result<Answer<Room>, CallError> {
        self.write(key, Method::POST, self.url(&[ROOMS])?, room)
            .await
    }

    /// Changes a room. // F-ROOM-20
    pub async fn update_room(
        &self,
        key: &ApiKey,
        name: &str,
        change: &RoomChange,
    ) -> Result<Answer<Room>, CallError> {
        self.write(key, Method::POST, self.url(&[ROOMS, name])?, change)
            .await
    }

    /// Deletes a room; without one of this name it is `NotFound` (F-ROOM-25). // F-ROOM-24
    pub async fn delete_room(&self, key: &ApiKey, name: &str) -> Result<Answer<()>, CallError> {
        self.delete(key, self.url(&[ROOMS, name])?).await
    }

    /// The page of rooms after the room with this id. // F-ROOM-11, F-ROOM-13
    pub async fn rooms_page(
        &self,
        key: &ApiKey,
        after: Option<&str>,
    ) -> Result<Answer<RoomsPage>, CallError> {
        let url = self.page_url(ROOMS, HUNDRED, after)?;
        self.get(key, url).await
    }

    /// The page of dial-in configs after this cursor. // F-CFG-6
    pub async fn dialin_configs_page(
        &self,
        key: &ApiKey,
        after: Option<&str>,
    ) -> Result<Answer<Page<DialinConfig>>, CallError> {
        let url = self.page_url(CONFIGS, HUNDRED, after)?;
        let answer: Answer<Body<DialinConfig>> = self.get(key, url).await?;
        Ok(answer.map(Page::from))
    }

    /// Creates a dial-in config. // F-CFG-1
    pub async fn create_dialin_config(
        &self,
        key: &ApiKey,
        config: &DialinConfigRequest,
    ) -> Result<Answer<DialinConfig>, CallError> {
        self.write(key, Method::POST, self.url(&[CONFIGS])?, config)
            .await
    }

    /// Changes a dial-in config. // F-CFG-11
    pub async fn update_dialin_config(
        &self,
        key: &ApiKey,
        id: &str,
        config: &DialinConfigRequest,
    ) -> Result<Answer<DialinConfig>, CallError> {
        self.write(key, Method::PUT, self.url(&[CONFIGS, id])?, config)
            .await
    }

    /// Deletes a dial-in config; without one of this id it is `NotFound`. // F-CFG-10
    pub async fn delete_dialin_config(
        &self,
        key: &ApiKey,
        id: &str,
    ) -> Result<Answer<()>, CallError> {
        self.delete(key, self.url(&[CONFIGS, id])?).await
    }

    /// The page of purchased numbers after this cursor. // F-NUM-1, F-NUM-2
    pub async fn purchased_numbers_page(
        &self,
        key: &ApiKey,
        after: Option<&str>,
    ) -> Result<Answer<Page<PurchasedNumber>>, CallError> {
        let url = self.page_url(NUMBERS, FIFTY, after)?;
        let answer: Answer<Body<ListedNumber>> = self.get(key, url).await?;
        Ok(answer.map(Page::from))
    }

    /// Has Daily issue a meeting token. // F-TOKEN-1
    pub async fn issue_token(
        &self,
        key: &ApiKey,
        grant: &Grant,
    ) -> Result<Answer<Issued>, CallError> {
        let body = json!({"properties": grant});
        self.write(key, Method::POST, self.url(&[TOKENS])?, &body)
            .await
    }

    /// The participants in all rooms, by the names of the rooms. // F-PRES-2
    pub async fn presence(
        &self,
        key: &ApiKey,
    ) -> Result<Answer<HashMap<String, Vec<IgnoredAny>>>, CallError> {
        self.get(key, self.url(&[PRESENCE])?).await
    }

    /// The rooms of the page of ongoing meetings after this cursor. // F-MEET-1
    pub async fn ongoing_meetings_page(
        &self,
        key: &ApiKey,
        after: Option<&str>,
    ) -> Result<Answer<Page<String>>, CallError> {
        let mut url = self.page_url(MEETINGS, HUNDRED, after)?;
        url.query_pairs_mut()
            .append_pair("ongoing", "true")
            .append_pair("no_participants", "true");
        let answer: Answer<Body<ListedMeeting>> = self.get(key, url).await?;
        Ok(answer.map(Page::from))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        key: &ApiKey,
        url: Url,
    ) -> Result<Answer<T>, CallError> {
        let request = self.transport.http().await.get(url);
        let received = self.send(key, Intent::Read, request).await?;
        received.accepted(key)?.parsed()
    }

    async fn find<T: DeserializeOwned>(
        &self,
        key: &ApiKey,
        url: Url,
    ) -> Result<Answer<Option<T>>, CallError> {
        let request = self.transport.http().await.get(url);
        let received = self.send(key, Intent::Read, request).await?;
        let date = received.date();
        match received.accepted(key) {
            Ok(accepted) => Ok(accepted.parsed::<T>()?.map(Some)),
            Err(CallError::NotFound) => Ok(Answer { value: None, date }),
            Err(error) => Err(error),
        }
    }

    async fn write<T: DeserializeOwned>(
        &self,
        key: &ApiKey,
        method: Method,
        url: Url,
        body: &impl Serialize,
    ) -> Result<Answer<T>, CallError> {
        let request = self.transport.http().await.request(method, url).json(body);
        let received = self.send(key, Intent::Write, request).await?;
        received.accepted(key)?.parsed()
    }

    async fn delete(&self, key: &ApiKey, url: Url) -> Result<Answer<()>, CallError> {
        let request = self.transport.http().await.delete(url);
        let received = self.send(key, Intent::Write, request).await?;
        Ok(received.accepted(key)?.without_body())
    }

    async fn send(
        &self,
        key: &ApiKey,
        intent: Intent,
        request: reqwest::RequestBuilder,
    ) -> Result<Received, CallError> {
        let proxy = self.transport.proxy();
        // reqwest marks this header as sensitive, so that no `Debug` shows it. // F-AUTH-2
        let request = request.bearer_auth(key.expose_secret());
        match request.send().await {
            Ok(response) => Ok(Received::read(response, intent, key, proxy).await),
            Err(error) => {
                if Cause::is_distrust(&error) {
                    self.transport.distrusted();
                }
                // Without a connection no write was sent.
                let unsent = error.is_connect() || error.is_builder();
                let intent = if unsent { Intent::Read } else { intent };
                Err(intent.unanswered(None, Some(Cause::of(&error, key, proxy))))
            }
        }
    }

    /// The URL of a path below the base URL. A segment that is empty, `.` or `..` would make it the
    /// URL of something else, and is no name or id at Daily.
    fn url(&self, path: &[&str]) -> Result<Url, CallError> {
        let mut url = self.base.clone();
        let names_nothing = |part: &&str| matches!(*part, "" | "." | "..");
        if path != [""] && path.iter().any(names_nothing) {
            return Err(CallError::NotFound);
        }
        url.path_segments_mut()
            .map_err(|()| CallError::NotFound)?
            .pop_if_empty()
            .extend(path);
        Ok(url)
    }

    fn page_url(&self, list: &str, limit: &str, after: Option<&str>) -> Result<Url, CallError> {
        let mut url = self.url(&[list])?;
        url.query_pairs_mut()
            .append_pair("limit", limit)
            .extend_pairs(after.map(|after| ("starting_after", after)));
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn client(base: &str) -> Client {
        Client::new(base).expect("builds")
    }

    #[track_caller]
    fn check(base: &str, path: &[&str], expected: &str) {
        let url = client(base).url(path).expect("is a path");
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn paths_are_below_the_base_url() {
        check("https://h/v1", &["rooms"], "https://h/v1/rooms");
        check("https://h/v1/", &["rooms"], "https://h/v1/rooms");
        check("https://h", &["rooms", "a"], "https://h/rooms/a");
        check("https://h/v1", &[""], "https://h/v1/");
    }

    #[test]
    fn names_are_encoded() {
        let name = "a/b?c#d%e ü..";
        let expected = "https://h/v1/rooms/a%2Fb%3Fc%23d%25e%20%C3%BC..";
        check("https://h/v1", &["rooms", name], expected);
    }

    /// A DELETE of the room `..` would delete something else.
    #[test]
    fn names_that_would_be_another_path_are_not_sent() {
        for name in ["", ".", ".."] {
            let url = client("https://h/v1").url(&["rooms", name]);
            assert!(matches!(url, Err(CallError::NotFound)), "{name:?}");
        }
        check(
            "https://h/v1",
            &["rooms", "%2e%2E"],
            "https://h/v1/rooms/%252e%252E",
        );
    }

    #[test]
    fn queries_are_encoded() {
        let url = client("https://h/v1").page_url("c", HUNDRED, Some("a&b"));
        let expected = "limit=100&starting_after=a%26b";
        assert_eq!(url.expect("is one").query(), Some(expected));
    }

    fn trusting(file: &Path) -> Result<Client, ClientError> {
        Client::with(Settings {
            ca_file: Some(file.to_owned()),
            ..Settings::new("https://h/v1")
        })
    }

    #[test]
    fn https_anywhere_and_http_on_loopback() {
        for good in [
            "https://api.daily.co/v1",
            "https://api.daily.co/v1/",
            "https://10.0.0.1:8443",
            "http://127.0.0.1:8790/v1",
            "http://127.9.9.9/v1",
            "http://[::1]:8790/v1",
            "http://localhost:8790/v1",
        ] {
            assert!(Client::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "api.daily.co/v1",
            "http://api.daily.co/v1",
            "http://10.0.0.1/v1",
            "http://localhost.example.com/v1",
            "http://127.0.0.1.example.com/v1",
            "http://0.0.0.0/v1",
            "ftp://127.0.0.1/v1",
            "data:text/plain,hello",
            "https://user@api.daily.co/v1",
            "https://user:word@api.daily.co/v1",
            "https://api.daily.co/v1?a=b",
            "https://api.daily.co/v1#part",
        ] {
            assert!(
                matches!(Client::new(bad), Err(ClientError::BaseUrl)),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_refused_url_is_not_shown() {
        let error = Client::new("https://user:s3cret@host/").expect_err("is refused");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }

    #[test]
    fn a_ca_file_without_a_usable_certificate_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let build = |pem: &[u8]| {
            std::fs::write(&file, pem).unwrap();
            trusting(&file)
        };
        for (pem, why) in [
            (&b""[..], "the file is empty"),
            (b"not PEM at all", "not PEM"),
            (
                b"-----BEGIN CERTIFICATE-----\nAAAA\n",
                "its END line is missing",
            ),
        ] {
            let error = build(pem).expect_err("is refused").to_string();
            assert!(error.contains(why) && error.contains("in PEM"), "{error}");
        }
        let gone = trusting(Path::new("no/such/file"));
        let error = gone.expect_err("is refused").to_string();
        assert!(error.contains("no/such/file"), "{error}");
    }
}
