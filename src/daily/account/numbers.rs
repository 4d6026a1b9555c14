//! Calls about the purchased numbers and dial-in configs of an account.

use std::sync::Arc;

use super::numbers_cache::Numbers;
use super::written_configs::WrittenConfigs;
use super::{Account, WriteCall};
use crate::clock::{self, Moment};
use crate::daily::client::Client;
use crate::daily::error::CallError;
use crate::daily::page::read_all;
use crate::daily::rate_limit::Call;
use crate::daily::types::{Answer, ApiKey, DialinConfig, DialinConfigRequest, DomainDialin};
use crate::effect::{Check, Effect, EffectError};

const CREATE: WriteCall = WriteCall(Effect::ConfigCreate, ("POST", "/domain-dialin-config"));
const UPDATE: WriteCall = WriteCall(Effect::ConfigUpdate, ("PUT", "/domain-dialin-config/:id"));
const DELETE: WriteCall = WriteCall(
    Effect::ConfigDelete,
    ("DELETE", "/domain-dialin-config/:id"),
);

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
    fn call(&self) -> WriteCall {
        match self {
            Self::Create(_) => CREATE,
            Self::Update { .. } => UPDATE,
            Self::Delete { .. } => DELETE,
        }
    }

    async fn send(&self, client: &Client, key: &ApiKey) -> Result<Option<DialinConfig>, CallError> {
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
        written.correct(&mut value, at, self.setup.replica_lag);
        Ok(Numbers {
            at,
            date,
            purchased,
            configs: with_those_of(&domain, value),
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
        let name = number.clone();
        let call = write.call();
        let deletes = call.0 == Effect::ConfigDelete;
        // That Daily's limit for DELETEs is one of rooms alone is only inferred (F-RATE-2).
        let slot = self.rate_limit.slot(match deletes {
            true => Call::Delete,
            false => Call::General,
        });
        let writing = async move |account: Arc<Self>, slot| {
            let creates = call.0 == Effect::ConfigCreate;
            let before = creates.then(|| account.evidence().writes(&number).creating(&owner));
            let send = write.send(&account.setup.client, &key);
            let written = account.send_write(call, check, &key, slot, &number, send);
            let written = written.await;
            let mut cache = account.numbers.lock().await;
            if let Some((id, config)) = known_after(&write, &written) {
                let lag = account.setup.replica_lag;
                cache.written.note(id, config, clock::now(), lag);
            }
            cache.last.invalidate();
            drop(cache);
            match (written, before) {
                (Ok((Some(config), _)), Some(_)) => {
                    let id = config.id.clone();
                    account.evidence().writes(&number).created(&owner, id);
                    Ok(Some(config))
                }
                (Ok((config, _)), _) => Ok(config),
                (Err(EffectError::Failed(_, CallError::NotFound)), _) if deletes => Ok(None),
                (Err(error), before) => {
                    if let Some(before) = before {
                        account.create_failed(&number, &owner, before, &error);
                    }
                    Err(error)
                }
            }
        };
        self.write(call, &name, slot, writing).await
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

/// Adds the configs of the domain's own property. Daily may show a config in both places (F-DOM-2);
/// it then has the id from the list, which is read last.
fn with_those_of(domain: &DomainDialin, mut configs: Vec<DialinConfig>) -> Vec<DialinConfig> {
    let number = |it: &DialinConfig| it.config.phone_number.clone();
    let listed: Vec<_> = configs.iter().map(number).collect();
    configs.extend(domain.configs().filter(|it| !listed.contains(&number(it))));
    configs
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use daily_sim::{AccountConfig, Config, FaultKind, FaultSpec, Quirks, Sim};

    use super::*;
    use crate::daily::account::Setup;
    use crate::daily::evidence::CreateAttempts;
    use crate::daily::types::PIN_DIALIN;

    const KEY: &str = "acme-key-0123456789abcdef";
    const NUMBER: &str = "+12025550123";

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
            phone_number: NUMBER.to_owned(),
            name_prefix: None,
            ivr_greeting: None,
        };
        let (write, check) = (ConfigWrite::Create(request), Check::by_version());
        let made = account.write_config(KEY.into(), NUMBER.into(), "uid".into(), write, check);
        Ok(made.await?.unwrap().id)
    }

    #[test]
    fn configs_at_the_domain_are_added_unless_they_are_listed() {
        let domain = |pin_dialin: serde_json::Value| {
            let domain =
                serde_json::json!({"domain_id": "d", "config": {"pin_dialin": pin_dialin}});
            serde_json::from_value::<DomainDialin>(domain).unwrap()
        };
        let listed = serde_json::json!(
            [{"id": "c1", "type": PIN_DIALIN, "config": {"phone_number": NUMBER}}]);
        let listed: Vec<DialinConfig> = serde_json::from_value(listed).unwrap();
        let shown = |pin_dialin| {
            let all = with_those_of(&domain(pin_dialin), listed.clone());
            let number = |it: &DialinConfig| it.config.phone_number.clone().unwrap();
            let shown = |it: &DialinConfig| (number(it), it.is_at_the_domain());
            all.iter().map(shown).collect::<Vec<_>>()
        };
        let ours = (NUMBER.to_owned(), false);
        let other = ("+14155550100".to_owned(), true);
        let entry = |number| serde_json::json!({"phone_number": number});
        for odd in [
            serde_json::json!(null),
            serde_json::json!("odd"),
            serde_json::json!([]),
        ] {
            assert_eq!(shown(odd), std::slice::from_ref(&ours));
        }
        let both = serde_json::json!([5, entry(NUMBER), entry("+14155550100")]);
        assert_eq!(shown(both), [ours, other]);
        let bare = serde_json::from_str::<DomainDialin>("{}").unwrap();
        assert_eq!(bare.configs().count(), 0);
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
        let request = DialinConfigRequest {
            kind: None,
            phone_number: NUMBER.to_owned(),
            name_prefix: Some("desk".to_owned()),
            ivr_greeting: None,
        };
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
}
