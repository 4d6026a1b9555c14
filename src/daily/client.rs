//! The calls of Daily's API, one method each. None of them waits for a limit or tries again.

mod answer;
mod build;
mod bundle;
mod cause;
mod transport;

use std::sync::Arc;

use reqwest::{Method, Url};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::answer::{Done, Intent, Received};
pub use self::build::{ClientBuilder, ClientError};
use self::cause::Cause;
use self::transport::Transport;
use super::error::CallError;
use super::page::{ConfigsPage, NumbersPage, Page};
use super::types::{
    Answer, ApiKey, CreateRoom, DialinConfig, DialinConfigRequest, Domain, DomainDialin,
    PurchasedNumber, Room, RoomChange, RoomsPage,
};

/// An answer with one object has at most this many bytes.
const OBJECT: usize = 1 << 20;
/// An answer with a page has at most this many.
const PAGE: usize = 4 << 20;

const ROOMS: &str = "rooms";
const CONFIGS: &str = "domain-dialin-config";
const NUMBERS: &str = "purchased-phone-numbers";
/// What a page of rooms or dial-in configs has at most. // F-ROOM-12, F-CFG-6
pub(super) const ROOMS_A_PAGE: usize = 100;
/// The same as a query has it.
const HUNDRED: (&str, &str) = ("limit", "100");
/// What a page of numbers has at most. // F-NUM-2
const FIFTY: (&str, &str) = ("limit", "50");

/// Speaks to Daily. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    base: Url,
}

impl Client {
    /// A client of the API at this base URL, which trusts these certificates beside the roots that
    /// are compiled in.
    ///
    /// # Errors
    /// When the URL or a certificate cannot be used.
    pub fn new(base_url: &str, extra_ca_pem: Option<&[u8]>) -> Result<Self, ClientError> {
        let builder = Self::builder(base_url);
        match extra_ca_pem {
            Some(pem) => builder.extra_ca_pem(pem).build(),
            None => builder.build(),
        }
    }

    /// A client in the making.
    #[must_use]
    pub fn builder(base_url: &str) -> ClientBuilder {
        ClientBuilder::new(base_url)
    }

    /// What of the CA file is not trusted, with its place and why.
    #[must_use]
    pub fn skipped_certificates(&self) -> Vec<String> {
        self.transport.skipped()
    }

    /// The domain of the key. // F-DOM-1
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn domain(&self, key: &ApiKey) -> Result<Answer<Domain>, CallError> {
        self.get(key, self.url(&[""], &[])?, OBJECT).await
    }

    /// The PIN dial-in configs of the domain's own property. // F-DOM-4
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn domain_dialin(&self, key: &ApiKey) -> Result<Answer<DomainDialin>, CallError> {
        self.get(key, self.url(&[""], &[])?, OBJECT).await
    }

    /// A room, or `None` if there is none of that name. // F-ROOM-16
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn room(&self, key: &ApiKey, name: &str) -> Result<Answer<Option<Room>>, CallError> {
        self.find(key, self.url(&[ROOMS, name], &[])?).await
    }

    /// Makes a room. // F-ROOM-4
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn create_room(
        &self,
        key: &ApiKey,
        room: &CreateRoom,
    ) -> Result<Answer<Room>, CallError> {
        let url = self.url(&[ROOMS], &[])?;
        self.write(key, Method::POST, url, room).await
    }

    /// Changes a room. // F-ROOM-20
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn update_room(
        &self,
        key: &ApiKey,
        name: &str,
        change: &RoomChange,
    ) -> Result<Answer<Room>, CallError> {
        let url = self.url(&[ROOMS, name], &[])?;
        self.write(key, Method::POST, url, change).await
    }

    /// Deletes a room. // F-ROOM-24
    ///
    /// # Errors
    /// As for all calls, see [`CallError`]; a room that is not there is `NotFound` (F-ROOM-25).
    pub async fn delete_room(&self, key: &ApiKey, name: &str) -> Result<Answer<()>, CallError> {
        self.delete(key, self.url(&[ROOMS, name], &[])?).await
    }

    /// The page of rooms after the room with this id. // F-ROOM-11, F-ROOM-13
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn rooms_page(
        &self,
        key: &ApiKey,
        after: Option<&str>,
    ) -> Result<Answer<RoomsPage>, CallError> {
        let url = self.url(&[ROOMS], &page(HUNDRED, after, None))?;
        self.get(key, url, PAGE).await
    }

    /// The page of dial-in configs after the one with this id; of exactly this number, if one is
    /// given. // F-CFG-6, F-CFG-7
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn dialin_configs_page(
        &self,
        key: &ApiKey,
        number: Option<&str>,
        after: Option<&str>,
    ) -> Result<Answer<Page<DialinConfig, String>>, CallError> {
        let url = self.url(&[CONFIGS], &page(HUNDRED, after, number))?;
        let answer: Answer<ConfigsPage> = self.get(key, url, PAGE).await?;
        Ok(answer.map(|page| page.of(number)))
    }

    /// A dial-in config, or `None` if there is none of that id. // F-CFG-10
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn dialin_config(
        &self,
        key: &ApiKey,
        id: &str,
    ) -> Result<Answer<Option<DialinConfig>>, CallError> {
        self.find(key, self.url(&[CONFIGS, id], &[])?).await
    }

    /// Makes a dial-in config. // F-CFG-1
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn create_dialin_config(
        &self,
        key: &ApiKey,
        config: &DialinConfigRequest,
    ) -> Result<Answer<DialinConfig>, CallError> {
        let url = self.url(&[CONFIGS], &[])?;
        self.write(key, Method::POST, url, config).await
    }

    /// Changes a dial-in config. // F-CFG-11
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn update_dialin_config(
        &self,
        key: &ApiKey,
        id: &str,
        config: &DialinConfigRequest,
    ) -> Result<Answer<DialinConfig>, CallError> {
        let url = self.url(&[CONFIGS, id], &[])?;
        self.write(key, Method::PUT, url, config).await
    }

    /// Deletes a dial-in config. // F-CFG-10
    ///
    /// # Errors
    /// As for all calls, see [`CallError`]; a config that is not there is `NotFound`.
    pub async fn delete_dialin_config(
        &self,
        key: &ApiKey,
        id: &str,
    ) -> Result<Answer<()>, CallError> {
        self.delete(key, self.url(&[CONFIGS, id], &[])?).await
    }

    /// The page of purchased numbers after the one with this `pagination_id`. // F-NUM-1, F-NUM-2
    ///
    /// # Errors
    /// As for all calls, see [`CallError`].
    pub async fn purchased_numbers_page(
        &self,
        key: &ApiKey,
        after: Option<i64>,
    ) -> Result<Answer<Page<PurchasedNumber, i64>>, CallError> {
        let after = after.map(|id| id.to_string());
        let url = self.url(&[NUMBERS], &page(FIFTY, after.as_deref(), None))?;
        let answer: Answer<NumbersPage> = self.get(key, url, PAGE).await?;
        Ok(answer.map(Page::from))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        key: &ApiKey,
        url: Url,
        cap: usize,
    ) -> Result<Answer<T>, CallError> {
        let request = self.transport.http().await.get(url);
        self.send(key, Intent::Read, request, cap).await?.parsed()
    }

    async fn find<T: DeserializeOwned>(
        &self,
        key: &ApiKey,
        url: Url,
    ) -> Result<Answer<Option<T>>, CallError> {
        let request = self.transport.http().await.get(url);
        let received = self.receive(key, Intent::Read, request, OBJECT).await?;
        let date = received.date();
        match received.judged(Intent::Read, key) {
            Ok(done) => Ok(done.parsed::<T>()?.map(Some)),
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
        self.send(key, Intent::Write, request, OBJECT)
            .await?
            .parsed()
    }

    async fn delete(&self, key: &ApiKey, url: Url) -> Result<Answer<()>, CallError> {
        let request = self.transport.http().await.delete(url);
        let done = self.send(key, Intent::Write, request, OBJECT).await?;
        // The status says it; what else the body says changes nothing.
        Ok(done.empty())
    }

    async fn send(
        &self,
        key: &ApiKey,
        intent: Intent,
        request: reqwest::RequestBuilder,
        cap: usize,
    ) -> Result<Done, CallError> {
        let received = self.receive(key, intent, request, cap).await?;
        received.judged(intent, key)
    }

    async fn receive(
        &self,
        key: &ApiKey,
        intent: Intent,
        request: reqwest::RequestBuilder,
        cap: usize,
    ) -> Result<Received, CallError> {
        let proxy = self.transport.proxy();
        // reqwest marks this header as sensitive, so that no `Debug` shows it. // F-AUTH-2
        let request = request.bearer_auth(key.expose_secret());
        match request.send().await {
            Ok(response) => Ok(Received::read(response, cap, key, proxy).await),
            Err(error) => {
                if Cause::is_distrust(&error) {
                    self.transport.distrusted();
                }
                // Without a connection nothing was sent, whatever it was to be.
                let unsent = error.is_connect() || error.is_builder();
                let intent = if unsent { Intent::Read } else { intent };
                Err(intent.unanswered(None, Some(Cause::of(&error, key, proxy))))
            }
        }
    }

    /// The URL of a path below the base URL.
    ///
    /// Segments that mean another path to every HTTP library name nothing that Daily could have.
    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, CallError> {
        let mut url = self.base.clone();
        let names_nothing = |part: &&str| matches!(*part, "." | "..") || part.is_empty();
        if path != [""] && path.iter().any(names_nothing) {
            return Err(CallError::NotFound);
        }
        url.path_segments_mut()
            .map_err(|()| CallError::NotFound)?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

fn page<'a>(
    limit: (&'a str, &'a str),
    after: Option<&'a str>,
    number: Option<&'a str>,
) -> Vec<(&'a str, &'a str)> {
    let after = after.map(|after| ("starting_after", after));
    let number = number.map(|number| ("phone_number", number));
    [Some(limit), after, number].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(base: &str) -> Client {
        Client::new(base, None).expect("builds")
    }

    #[track_caller]
    fn check(base: &str, path: &[&str], expected: &str) {
        let url = client(base).url(path, &[]).expect("is a path");
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

    /// A DELETE of the room `..` would be one of something else.
    #[test]
    fn names_that_would_be_another_path_are_not_sent() {
        for name in ["", ".", ".."] {
            let url = client("https://h/v1").url(&["rooms", name], &[]);
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
        let query = page(HUNDRED, Some("a&b"), Some("+12025550123"));
        let url = client("https://h/v1").url(&["c"], &query).expect("is one");
        let expected = "limit=100&starting_after=a%26b&phone_number=%2B12025550123";
        assert_eq!(url.query(), Some(expected));
    }
}
