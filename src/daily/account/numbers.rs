//! Calls about the purchased numbers and dial-in configs of an account.

use std::sync::Arc;
use std::time::Duration;

use super::numbers_cache::Numbers;
use super::written_configs::WrittenConfigs;
use super::{Account, WriteCall};
use crate::clock::{self, Moment};
use crate::daily::client::Client;
use crate::daily::error::CallError;
use crate::daily::evidence::CreateAttempts;
use crate::daily::number_api::{DOMAIN, NumberApi};
use crate::daily::page::read_all;
use crate::daily::pin_dialin::{PinDialin, config_of};
use crate::daily::rate_limit::{Call, Slot};
use crate::daily::types::{Answer, ApiKey, DialinConfig, DialinConfigBody, DialinConfigRequest};
use crate::effect::{Blocked, Check, Effect, EffectError};

const CONFIGS: &str = "/domain-dialin-config";
const CONFIG: &str = "/domain-dialin-config/:id";

/// How old the list may be when it is sent back with a change: what another client wrote since is lost.
const LIST_MAX_AGE: Duration = Duration::from_secs(1);

/// A write to the dial-in config of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigWrite {
    Create(DialinConfigRequest),
    Update {
        id: String,
        request: DialinConfigRequest,
    },
    Delete {
        id: String,
    },
}

impl ConfigWrite {
    /// Where it is written.
    pub fn api(&self) -> NumberApi {
        match self {
            Self::Create(request) => request.api(),
            Self::Update { id, .. } | Self::Delete { id } => NumberApi::of(id),
        }
    }

    fn call(&self) -> WriteCall {
        let (effect, route) = match self {
            Self::Create(_) => (Effect::ConfigCreate, ("POST", CONFIGS)),
            Self::Update { .. } => (Effect::ConfigUpdate, ("PUT", CONFIG)),
            Self::Delete { .. } => (Effect::ConfigDelete, ("DELETE", CONFIG)),
        };
        match self.api() {
            NumberApi::DialinConfigs => WriteCall(effect, route),
            NumberApi::DomainProperties => WriteCall(effect, ("POST", DOMAIN)),
        }
    }

    /// The settings that the number has afterwards.
    fn settings(&self) -> Option<DialinConfigBody> {
        match self {
            Self::Create(request) | Self::Update { request, .. } => Some(request.body.clone()),
            Self::Delete { .. } => None,
        }
    }

    /// Sends it; with a list, to the domain.
    async fn send(
        &self,
        client: &Client,
        key: &ApiKey,
        list: Option<&PinDialin>,
    ) -> Result<Option<DialinConfig>, CallError> {
        if let Some(list) = list {
            client.replace_pin_dialin(key, list).await?;
            return Ok(self.settings().map(config_of));
        }
        let written = match self {
            Self::Create(request) => client.create_dialin_config(key, request).await,
            Self::Update { id, request } => client.update_dialin_config(key, id, request).await,
            Self::Delete { id } => {
                return client.delete_dialin_config(key, id).await.map(|_| None);
            }
        };
        written.map(|answer| Some(answer.value))
    }
}

impl Account {
    /// The purchased numbers and dial-in configs, read at `not_before` or later. Of several callers
    /// at a time one reads them for all.
    pub async fn numbers(
        &self,
        key: &ApiKey,
        not_before: Moment,
    ) -> Result<Arc<Numbers>, CallError> {
        let came = clock::now();
        let mut cache = self.numbers.lock().await;
        if let Some(known) = cache.last.get(came, not_before) {
            return known;
        }
        let asked = clock::now();
        let read = self.read_numbers(key, &cache.written, asked).await;
        cache.last.update(asked, read, clock::now())
    }

    async fn read_numbers(
        &self,
        key: &ApiKey,
        written: &WrittenConfigs,
        at: Moment,
    ) -> Result<Numbers, CallError> {
        let client = &self.setup.client;
        let purchased = read_all(|after: Option<String>| async move {
            let call = client.purchased_numbers_page(key, after.as_deref());
            self.read(key, "/purchased-phone-numbers", call).await
        });
        let purchased = purchased.await?.value;
        let domain = self.read(key, "/", client.domain_dialin(key)).await?.value;
        let listed = read_all(|after: Option<String>| async move {
            let call = client.dialin_configs_page(key, after.as_deref());
            self.read(key, "/domain-dialin-config", call).await
        });
        let Answer { mut value, date } = listed.await?;
        let lag = self.setup.replica_lag;
        written.correct(NumberApi::DialinConfigs, &mut value, at, lag);
        let mut entries: Vec<_> = domain.configs().collect();
        written.correct(NumberApi::DomainProperties, &mut entries, at, lag);
        value.extend(entries);
        Ok(Numbers {
            at,
            date,
            purchased,
            configs: value,
        })
    }

    /// Creates, changes or deletes the dial-in config of a number, for the object with this uid.
    /// Returns the config, unless it is deleted.
    pub async fn write_config(
        self: &Arc<Self>,
        key: ApiKey,
        number: String,
        owner: String,
        write: ConfigWrite,
        check: Check,
    ) -> Result<Option<DialinConfig>, EffectError<CallError>> {
        let call = write.call();
        let at_the_domain = write.api() == NumberApi::DomainProperties;
        let deletes = call.0 == Effect::ConfigDelete;
        let name = match at_the_domain {
            true => DOMAIN.to_owned(),
            false => number.clone(),
        };
        let lock = name.clone();
        // That Daily's limit for DELETEs is one of rooms alone is only inferred (F-RATE-2).
        let kind = if deletes { Call::Delete } else { Call::General };
        let slots = async {
            if at_the_domain {
                let (get, slot) = self.rate_limit.slots_for_update().await;
                return (Some(get), slot);
            }
            (None, self.rate_limit.slot(kind).await)
        };
        let unknown = self.evidence().writes(&name).unknown();
        let writing = async move |account: Arc<Self>, (get, slot): (Option<Slot>, Slot)| {
            let (list, check) = match get {
                Some(get) => {
                    account.none_is_unanswered_since(call.0, &name, unknown)?;
                    let read = clock::now();
                    let list = account.list_to_send(&write, &number, &key, get).await?;
                    if list.is_none() {
                        return Ok(write.settings().map(config_of));
                    }
                    (list, check.and(move || recent(read)))
                }
                None => (None, check),
            };
            let creates = call.0 == Effect::ConfigCreate;
            let before = creates.then(|| account.evidence().writes(&number).creating(&owner));
            let send = write.send(&account.setup.client, &key, list.as_ref());
            let written = account
                .send_write(call, check, &key, slot, &name, send)
                .await;
            let mut cache = account.numbers.lock().await;
            if let Some((id, config)) = known_after(&write, &written) {
                let lag = account.setup.replica_lag;
                cache.written.note(id, config, clock::now(), lag);
            }
            cache.last.invalidate();
            drop(cache);
            match (written.map(|(config, _)| config), before) {
                (written, Some(before)) => account.create_ended(&number, &owner, before, written),
                (Err(EffectError::Failed(_, CallError::NotFound)), None) if deletes => Ok(None),
                (written, None) => written,
            }
        };
        self.write(call, &lock, slots, writing).await
    }

    /// Remembers what became of a create.
    fn create_ended(
        &self,
        number: &str,
        owner: &str,
        before: CreateAttempts,
        created: Result<Option<DialinConfig>, EffectError<CallError>>,
    ) -> Result<Option<DialinConfig>, EffectError<CallError>> {
        match &created {
            Ok(Some(config)) => {
                let attempts = CreateAttempts::Created(config.id.clone());
                self.evidence().writes(number).create_ended(owner, attempts);
            }
            Ok(None) => {}
            Err(error) => self.create_failed(number, owner, before, error),
        }
        created
    }

    /// A write was decided while the last one of unknown outcome was this. Another number's write to the list
    /// may be on its way since.
    fn none_is_unanswered_since(
        &self,
        effect: Effect,
        name: &str,
        unknown: Option<Moment>,
    ) -> Result<(), EffectError<CallError>> {
        let unknown_now = self.evidence().writes(name).unknown();
        match unknown_now.is_some() && unknown_now != unknown {
            true => {
                let why = "an earlier write to pin_dialin may still take effect";
                Err(EffectError::Blocked(effect, Blocked::Unproven(why)))
            }
            false => Ok(()),
        }
    }

    /// Reads the domain's list and makes the change of this number in it. `None` if it has what is wanted.
    /// A create needs a number without an entry.
    async fn list_to_send(
        &self,
        write: &ConfigWrite,
        number: &str,
        key: &ApiKey,
        slot: Slot,
    ) -> Result<Option<PinDialin>, EffectError<CallError>> {
        let effect = write.call().0;
        let unproven = |why| EffectError::Blocked(effect, Blocked::Unproven(why));
        let failed = |error| EffectError::Failed(effect, error);
        let asked = clock::now();
        let call = self.setup.client.domain_dialin(key);
        let answer = self.send(slot, key, ("GET", DOMAIN), call).await;
        let list = answer.map_err(failed)?.value.list();
        let mut list = list.ok_or(unproven("pin_dialin of the domain is no list"))?;
        let cache = self.numbers.lock().await;
        let lag = self.setup.replica_lag;
        cache.written.correct_list(&mut list, asked, lag);
        drop(cache);
        let entry = list.get(number);
        let entry =
            entry.map_err(|()| unproven("several entries of pin_dialin have the number"))?;
        let settings = write.settings();
        match (write, entry) {
            (ConfigWrite::Create(_), Some(_)) => {
                Err(unproven("the number has an entry in pin_dialin"))
            }
            (ConfigWrite::Update { .. }, None) => Err(failed(CallError::NotFound)),
            (_, entry) if entry == settings => Ok(None),
            _ => {
                list.set(number, settings.as_ref());
                Ok(Some(list))
            }
        }
    }
}

/// The list that is sent back was read a moment ago.
fn recent(read: Moment) -> Result<(), Blocked> {
    match read.until(clock::now()) <= LIST_MAX_AGE {
        true => Ok(()),
        false => Err(Blocked::Unproven(
            "pin_dialin was read more than a second ago",
        )),
    }
}

/// The id of the config that a write has changed or deleted, and the config if it still exists. A
/// write that failed, or has an unknown outcome, says nothing about it.
fn known_after(
    write: &ConfigWrite,
    written: &Result<(Option<DialinConfig>, Moment), EffectError<CallError>>,
) -> Option<(String, Option<DialinConfig>)> {
    match (write, written) {
        (_, Ok((Some(config), _))) => Some((config.id.clone(), Some(config.clone()))),
        (
            ConfigWrite::Delete { id },
            Ok((None, _)) | Err(EffectError::Failed(_, CallError::NotFound)),
        ) => Some((id.clone(), None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use daily_sim::{AccountConfig, Config, FaultKind, FaultSpec, Quirks, Sim};
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::daily::account::Setup;
    use crate::daily::number_api::entry_id;
    use crate::daily::types::PIN_DIALIN;

    const KEY: &str = "acme-key-0123456789abcdef";
    const NUMBER: &str = "+12025550123";
    const OTHER: &str = "+12025550145";
    const THEIRS: &str = "+12025550167";

    fn account(daily: &Sim) -> Arc<Account> {
        Account::for_tests(&daily.base_url(), KEY)
    }

    async fn shown(account: &Account) -> Vec<String> {
        // An answer of any age will do.
        let numbers = account.numbers(&KEY.into(), Moment::default()).await;
        let configs = numbers.unwrap().configs.clone();
        configs.into_iter().map(|it| it.id).collect()
    }

    async fn create(account: &Arc<Account>) -> Result<String, EffectError<CallError>> {
        let request = DialinConfigRequest {
            kind: Some(PIN_DIALIN),
            ..entry(NUMBER, "")
        };
        let (write, check) = (ConfigWrite::Create(request), Check::by_version());
        let made = account.write_config(KEY.into(), NUMBER.into(), "uid".into(), write, check);
        Ok(made.await?.unwrap().id)
    }

    /// A reconcile that is cut off never sees the answer to its create. The evidence still knows that
    /// the create may have been applied.
    #[tokio::test]
    async fn a_create_may_have_been_applied_until_daily_refuses_it() {
        let accounts = vec![AccountConfig::new("acme", &[KEY], &[NUMBER])];
        let daily = Sim::start(Config::new(accounts)).await.unwrap();
        let account = account(&daily);
        let create_attempts = || account.evidence().number(NUMBER, "uid").1;
        account.evidence().writes(NUMBER).claimed("uid");
        assert_eq!(create_attempts(), CreateAttempts::None);
        let client = daily.client().unwrap();
        let twice = FaultSpec::next(
            "POST",
            "/domain-dialin-config",
            FaultKind::Status {
                status: 429,
                body: None,
                headers: Default::default(),
            },
        );
        client.fault(&twice).await.unwrap();
        assert!(create(&account).await.is_err());
        assert_eq!(
            create_attempts(),
            CreateAttempts::None,
            "Daily has not done it"
        );
        let id = create(&account).await.unwrap();
        assert_eq!(create_attempts(), CreateAttempts::Created(id));
        account.evidence().writes(NUMBER).claimed("uid");
        assert!(create(&account).await.is_err(), "the number has a config");
        assert_eq!(create_attempts(), CreateAttempts::Refused);
    }

    /// F-CFG-17.
    #[tokio::test]
    async fn reads_that_lag_do_not_hide_what_we_wrote() {
        let mut quirks = Quirks::default();
        quirks.set("config-reads", "lagging").unwrap();
        let accounts = vec![AccountConfig::new("acme", &[KEY], &[NUMBER])];
        let daily = Sim::start(Config::new(accounts).quirks(quirks))
            .await
            .unwrap();
        let setup = Setup {
            replica_lag: Duration::from_secs(5),
            ..Setup::for_tests(&daily.base_url())
        };
        let domain = account(&daily).domain().clone();
        let account = Account::new(domain, KEY.into(), setup, Arc::new(|_, _| ()));
        let prefixes = async || {
            let numbers = account.numbers(&KEY.into(), clock::now()).await.unwrap();
            let prefix = |it: &DialinConfig| it.config.name_prefix.clone();
            numbers.configs.iter().map(prefix).collect::<Vec<_>>()
        };
        let write = async |write| {
            let (key, check) = (KEY.into(), Check::by_version());
            let done = account.write_config(key, NUMBER.into(), "uid".into(), write, check);
            done.await.unwrap()
        };
        let id = create(&account).await.unwrap();
        assert_eq!(prefixes().await, [None]);
        let request = entry(NUMBER, "desk");
        write(ConfigWrite::Update {
            id: id.clone(),
            request,
        })
        .await;
        assert_eq!(prefixes().await, [Some("desk".to_owned())]);
        write(ConfigWrite::Delete { id }).await;
        assert!(prefixes().await.is_empty());
    }

    #[tokio::test]
    async fn numbers_are_read_again_after_each_write() {
        let accounts = vec![AccountConfig::new("acme", &[KEY], &[NUMBER])];
        let daily = Sim::start(Config::new(accounts)).await.unwrap();
        let account = account(&daily);
        assert_eq!(shown(&account).await, Vec::<String>::new());
        let id = create(&account).await.unwrap();
        assert_eq!(shown(&account).await, std::slice::from_ref(&id));
        let delete = ConfigWrite::Delete { id };
        let deleted = account.write_config(
            KEY.into(),
            NUMBER.into(),
            "uid".into(),
            delete,
            Check::by_version(),
        );
        assert_eq!(deleted.await.unwrap(), None);
        assert_eq!(shown(&account).await, Vec::<String>::new());
        // Also if the outcome is unknown.
        let lost = FaultSpec::next("POST", "/domain-dialin-config", FaultKind::ReplyLost);
        daily.client().unwrap().fault(&lost).await.unwrap();
        assert!(create(&account).await.is_err());
        assert_eq!(shown(&account).await.len(), 1);
    }

    /// The domain's list, with an entry of somebody else.
    async fn with_a_list(quirks: Quirks) -> (Sim, Arc<Account>) {
        let numbers = [NUMBER, OTHER, THEIRS];
        let accounts = vec![AccountConfig::new("acme", &[KEY], &numbers)];
        let daily = Sim::start(Config::new(accounts).quirks(quirks))
            .await
            .unwrap();
        let list = json!({"properties": {"pin_dialin": [{"phone_number": THEIRS}]}});
        let client = daily.client().unwrap();
        let set = client.api(KEY).post("/", &list).await.unwrap();
        assert_eq!(set.status, 200);
        let setup = Setup {
            replica_lag: Duration::from_secs(5),
            ..Setup::for_tests(&daily.base_url())
        };
        let domain = account(&daily).domain().clone();
        let account = Account::new(domain, KEY.into(), setup, Arc::new(|_, _| ()));
        (daily, account)
    }

    /// The numbers and prefixes in the list that was sent last.
    async fn sent(daily: &Sim) -> Vec<(String, String)> {
        let journal = daily.client().unwrap().journal(0).await.unwrap();
        let last = journal.iter().rfind(|it| it.method == "POST").unwrap();
        let list = last.body.as_ref().unwrap()["properties"]["pin_dialin"].clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = list.as_array().unwrap().iter();
        let shown = |it: &Value| (text(&it["phone_number"]), text(&it["name_prefix"]));
        entries.map(shown).collect()
    }

    fn entry(number: &str, prefix: &str) -> DialinConfigRequest {
        let body = DialinConfigBody {
            phone_number: Some(number.to_owned()),
            name_prefix: (!prefix.is_empty()).then(|| prefix.to_owned()),
            ivr_greeting: None,
        };
        DialinConfigRequest { kind: None, body }
    }

    async fn write_entry(
        account: &Arc<Account>,
        number: &str,
        write: ConfigWrite,
    ) -> Result<Option<DialinConfig>, EffectError<CallError>> {
        let (key, number, check) = (KEY.into(), number.to_owned(), Check::by_version());
        let written = account.write_config(key, number, "uid".into(), write, check);
        written.await
    }

    /// Each write sends the list as a whole: what others and this process put there stays, also if a read
    /// does not show it yet (F-CFG-17).
    #[tokio::test]
    async fn a_write_of_one_entry_keeps_the_others() {
        let pair = |number: &str, prefix: &str| (number.to_owned(), prefix.to_owned());
        let mut lagging = Quirks::default();
        lagging.set("config-reads", "lagging").unwrap();
        for quirks in [Quirks::default(), lagging] {
            let (daily, account) = with_a_list(quirks).await;
            if quirks == lagging {
                let later = Duration::from_secs(3);
                daily.client().unwrap().advance(later).await.unwrap();
            }
            let id = entry_id(NUMBER);
            for number in [NUMBER, OTHER] {
                let create = ConfigWrite::Create(entry(number, "old"));
                let created = write_entry(&account, number, create).await.unwrap();
                assert_eq!(created.unwrap().id, entry_id(number));
            }
            let theirs = pair(THEIRS, "");
            let other = pair(OTHER, "old");
            let all = [theirs.clone(), pair(NUMBER, "old"), other.clone()];
            assert_eq!(sent(&daily).await, all);
            let update = || ConfigWrite::Update {
                id: id.clone(),
                request: entry(NUMBER, "new"),
            };
            write_entry(&account, NUMBER, update()).await.unwrap();
            let all = [theirs.clone(), pair(NUMBER, "new"), other.clone()];
            assert_eq!(sent(&daily).await, all);
            let posts = async || {
                let journal = daily.client().unwrap().journal(0).await.unwrap();
                journal.iter().filter(|it| it.method == "POST").count()
            };
            let before = posts().await;
            write_entry(&account, NUMBER, update()).await.unwrap();
            assert_eq!(posts().await, before, "nothing differs");
            let delete = || ConfigWrite::Delete { id: id.clone() };
            assert_eq!(write_entry(&account, NUMBER, delete()).await.unwrap(), None);
            assert_eq!(sent(&daily).await, [theirs, other]);
            let before = posts().await;
            assert_eq!(write_entry(&account, NUMBER, delete()).await.unwrap(), None);
            assert_eq!(posts().await, before, "it is gone already");
            let gone = write_entry(&account, NUMBER, update()).await.unwrap_err();
            assert!(matches!(gone, EffectError::Failed(_, CallError::NotFound)));
            let taken = ConfigWrite::Create(entry(THEIRS, "ours"));
            let taken = write_entry(&account, THEIRS, taken).await.unwrap_err();
            assert!(matches!(
                taken,
                EffectError::Blocked(_, Blocked::Unproven(_))
            ));
        }
    }

    /// Answers each GET with this body, and each other call with `{}`. Gives the bodies of the latter.
    async fn keeps_bodies(
        answer: String,
    ) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (sender, bodies) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                let (head, body) = loop {
                    stream.read_buf(&mut request).await.unwrap();
                    let text = String::from_utf8_lossy(&request);
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        continue;
                    };
                    let mut lines = head.lines();
                    let length = lines.find_map(|it| it.strip_prefix("content-length: "));
                    if body.len() >= length.map_or(0, |it| it.parse().unwrap()) {
                        break (head.to_owned(), body.to_owned());
                    }
                };
                let answer = match head.starts_with("GET") {
                    true => answer.as_str(),
                    false => {
                        sender.send(body).unwrap();
                        "{}"
                    }
                };
                let length = answer.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}");
                let answer = format!("{head}\r\n\r\n{answer}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (url, bodies)
    }

    /// From the bytes that Daily answers to those that it gets.
    #[tokio::test]
    async fn entries_of_others_are_sent_back_byte_by_byte() {
        let theirs = r#"{"z":1.0e2,"phone_number":"+1415555\u0030100", "a" : 12345678901234567890.10, "z":null}"#;
        let shown =
            format!(r#"{{"config":{{"pin_dialin":[{theirs} ,{{"phone_number":"{NUMBER}"}}]}}}}"#);
        let (url, mut bodies) = keeps_bodies(shown).await;
        let account = Account::for_tests(&url, KEY);
        let id = entry_id(NUMBER);
        let of_another = ConfigWrite::Create(entry(OTHER, "new"));
        let update = ConfigWrite::Update {
            id: id.clone(),
            request: entry(NUMBER, "new"),
        };
        let text = |number, prefix| format!(r#"{{"phone_number":"{number}"{prefix}}}"#);
        let new = r#","name_prefix":"new""#;
        for (number, write, ours) in [
            (
                OTHER,
                of_another,
                format!(",{},{}", text(NUMBER, ""), text(OTHER, new)),
            ),
            (NUMBER, update, format!(",{}", text(NUMBER, new))),
            (NUMBER, ConfigWrite::Delete { id }, String::new()),
        ] {
            write_entry(&account, number, write).await.unwrap();
            let sent = bodies.recv().await.unwrap();
            let expected = format!(r#"{{"properties":{{"pin_dialin":[{theirs}{ours}]}}}}"#);
            assert_eq!(sent, expected);
        }
    }

    /// An unanswered write to the list may still be applied, and undo what is written to other numbers.
    #[tokio::test]
    async fn a_write_to_the_list_is_one_to_every_number() {
        let (daily, account) = with_a_list(Quirks::default()).await;
        let lost = FaultSpec::next("POST", "/", FaultKind::ReplyLost);
        daily.client().unwrap().fault(&lost).await.unwrap();
        let create = ConfigWrite::Create(entry(NUMBER, ""));
        assert!(write_entry(&account, NUMBER, create).await.is_err());
        let evidence = |number| account.evidence().number(number, "uid");
        let (unknown, attempts) = evidence(NUMBER);
        assert!(unknown.is_some());
        assert_eq!(attempts, CreateAttempts::Unknown);
        assert_eq!(evidence(OTHER).0, unknown);
    }

    /// Also if both were decided at once. Sent after the unanswered one, the other entry would be lost.
    #[tokio::test]
    async fn a_write_to_the_list_waits_for_an_unanswered_one() {
        let (daily, account) = with_a_list(Quirks::default()).await;
        let lost = FaultSpec::next("POST", "/", FaultKind::ReplyLost);
        let client = daily.client().unwrap();
        client.fault(&lost).await.unwrap();
        let before = client.journal(0).await.unwrap().len();
        let create = |number| ConfigWrite::Create(entry(number, ""));
        let (first, second) = tokio::join!(
            write_entry(&account, NUMBER, create(NUMBER)),
            write_entry(&account, OTHER, create(OTHER)),
        );
        assert!(matches!(first, Err(EffectError::Failed(..))), "{first:?}");
        assert!(
            matches!(second, Err(EffectError::Blocked(..))),
            "{second:?}"
        );
        let journal = client.journal(0).await.unwrap();
        let sent = journal.iter().skip(before);
        assert_eq!(sent.filter(|it| it.method == "POST").count(), 1);
    }

    #[test]
    fn a_list_is_not_sent_back_long_after_it_was_read() {
        let now = clock::now();
        assert!(recent(now).is_ok());
        let before = Moment(now.0.saturating_sub(Duration::from_millis(1100)));
        assert!(recent(before).is_err());
    }
}
