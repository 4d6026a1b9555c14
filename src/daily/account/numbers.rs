//! Purchased numbers and dial-in configs of an account.

use std::error::Error as StdError;
use std::sync::Arc;

use super::Account;
use crate::clock::{self, Moment};
use crate::daily::client::Client;
use crate::daily::error::CallError;
use crate::daily::evidence::CreateAttempts;
use crate::daily::limiter::Call;
use crate::daily::page::Pages;
use crate::daily::types::{
    Answer, ApiKey, DialinConfig, DialinConfigRequest, DomainDialin, PurchasedNumber,
};
use crate::effect::{Check, Effect, EffectError};

/// The numbers of an account, as one look at Daily showed them.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// When Daily was asked.
    pub at: Moment,
    /// Daily's clock then.
    pub date: Option<i64>,
    /// All purchased numbers.
    pub purchased: Vec<PurchasedNumber>,
    /// All dial-in configs, also those that are set at the domain itself.
    pub configs: Vec<DialinConfig>,
}
/// A write to the dial-in config of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigWrite {
    /// Make it.
    Create(DialinConfigRequest),
    /// Change it.
    Update {
        /// Its id.
        id: String,
        /// All that it says.
        request: DialinConfigRequest,
    },
    /// Delete it.
    Delete {
        /// Its id.
        id: String,
    },
}

impl ConfigWrite {
    fn effect(&self) -> Effect {
        match self {
            Self::Create(_) => Effect::ConfigCreate,
            Self::Update { .. } => Effect::ConfigUpdate,
            Self::Delete { .. } => Effect::ConfigDelete,
        }
    }

    fn route(&self) -> (&'static str, &'static str) {
        match self {
            Self::Create(_) => ("POST", "/domain-dialin-config"),
            Self::Update { .. } => ("PUT", "/domain-dialin-config/:id"),
            Self::Delete { .. } => ("DELETE", "/domain-dialin-config/:id"),
        }
    }

    async fn call(&self, client: &Client, key: &ApiKey) -> Result<Option<DialinConfig>, CallError> {
        let some = |answer: Answer<DialinConfig>| Some(answer.value);
        match self {
            Self::Create(request) => client.create_dialin_config(key, request).await.map(some),
            Self::Update { id, request } => client
                .update_dialin_config(key, id, request)
                .await
                .map(some),
            Self::Delete { id } => client.delete_dialin_config(key, id).await.map(|_| None),
        }
    }
}

impl Account {
    /// The purchased numbers and dial-in configs, not older than this.
    ///
    /// # Errors
    /// When Daily does not say.
    pub async fn numbers(
        &self,
        key: &ApiKey,
        not_before: Moment,
    ) -> Result<Arc<Numbers>, CallError> {
        // Who comes while they are read waits for the answer, or for the failure, instead of
        // asking once more.
        let came = clock::now();
        let mut known = self.numbers.lock().await;
        if let Some(numbers) = known.as_ref().filter(|numbers| numbers.at >= not_before) {
            return Ok(Arc::clone(numbers));
        }
        if let Some((at, error)) = &*self.numbers_failed.lock()
            && *at >= came
        {
            return Err(error.again());
        }
        let at = clock::now();
        let read = async {
            let (purchased, _) = self.all_purchased(key).await?;
            let domain = self.setup.client.domain_dialin(key);
            let domain = self.read(key, "/", domain).await?.value;
            let (configs, date) = self.all_configs(key).await?;
            Ok::<_, CallError>((purchased, with_those_of(&domain, configs), date))
        };
        let (purchased, configs, date) = match read.await {
            Ok(read) => read,
            Err(error) => {
                *self.numbers_failed.lock() = Some((clock::now(), error.again()));
                return Err(error);
            }
        };
        let numbers = Arc::new(Numbers {
            at,
            date,
            purchased,
            configs,
        });
        *known = Some(Arc::clone(&numbers));
        Ok(numbers)
    }

    async fn all_purchased(
        &self,
        key: &ApiKey,
    ) -> Result<(Vec<PurchasedNumber>, Option<i64>), CallError> {
        let mut pages = Pages::default();
        loop {
            let after = pages.after().copied();
            let call = self.setup.client.purchased_numbers_page(key, after);
            let answer = self.read(key, "/purchased-phone-numbers", call).await?;
            if !pages.add(answer.value).map_err(unavailable)? {
                return Ok((pages.into_items(), answer.date));
            }
        }
    }

    async fn all_configs(
        &self,
        key: &ApiKey,
    ) -> Result<(Vec<DialinConfig>, Option<i64>), CallError> {
        let mut pages = Pages::default();
        loop {
            let after: Option<&String> = pages.after();
            let after = after.map(String::as_str);
            let call = self.setup.client.dialin_configs_page(key, None, after);
            let answer = self.read(key, "/domain-dialin-config", call).await?;
            if !pages.add(answer.value).map_err(unavailable)? {
                return Ok((pages.into_items(), answer.date));
            }
        }
    }

    /// Makes, changes or deletes the dial-in config of a number, for the object of this uid.
    ///
    /// # Errors
    /// When it was not sent, was refused, or nobody knows.
    pub async fn write_config(
        self: &Arc<Self>,
        key: ApiKey,
        number: String,
        owner: String,
        write: ConfigWrite,
        check: Check,
    ) -> Result<Option<DialinConfig>, EffectError<CallError>> {
        let of = number.clone();
        let effect = write.effect();
        let delete = matches!(write, ConfigWrite::Delete { .. });
        let slot = self
            .limiter
            .slot(if delete { Call::Delete } else { Call::General });
        let writing = async move |account: Arc<Self>, slot| {
            let setup = &account.setup;
            let send = async {
                let call = write.call(&setup.client, &key);
                account
                    .send_write(slot, &key, write.route(), &number, call)
                    .await
            };
            let creates = effect == Effect::ConfigCreate;
            let before = creates.then(|| account.evidence().creating(&number, &owner));
            let done = setup.gate.pass(effect, &check, send).await;
            // Whatever was known of the numbers is older than this write.
            account.numbers.lock().await.take();
            match done {
                Ok((answer, _)) => {
                    if let (true, Some(config)) = (creates, &answer) {
                        let created = CreateAttempts::Created(config.id.clone());
                        account.evidence().create_ended(&number, &owner, created);
                    }
                    Ok(answer)
                }
                Err(EffectError::Failed(_, CallError::NotFound)) if delete => Ok(None),
                Err(error) => {
                    if let Some(before) = before {
                        account.create_failed(&number, &owner, before, &error);
                    }
                    Err(error)
                }
            }
        };
        self.write(effect, &of, slot, writing).await
    }
}

/// Adds the configs that are set at the domain itself. Daily may show a config in both places
/// (F-DOM-2); then it has the id of the listing, which is read last.
fn with_those_of(domain: &DomainDialin, mut configs: Vec<DialinConfig>) -> Vec<DialinConfig> {
    let number = |it: &DialinConfig| it.config.phone_number.clone();
    let listed: Vec<_> = configs.iter().map(number).collect();
    configs.extend(domain.configs().filter(|it| !listed.contains(&number(it))));
    configs
}

fn unavailable(error: impl StdError + Send + Sync + 'static) -> CallError {
    CallError::Unavailable {
        status: None,
        source: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use daily_sim::{AccountConfig, Config, FaultKind, FaultSpec, Sim};

    use super::*;
    use crate::daily::types::{PIN_DIALIN, Unset};

    const KEY: &str = "acme-key-0123456789abcdef";
    const NUMBER: &str = "+12025550123";

    fn account(daily: &Sim) -> Arc<Account> {
        Account::for_tests(&daily.base_url(), KEY)
    }

    async fn shown(account: &Account) -> Vec<String> {
        // However old an answer is, it is good enough.
        let numbers = account.numbers(&KEY.into(), Moment::default()).await;
        let configs = numbers.unwrap().configs.clone();
        configs.into_iter().map(|it| it.id).collect()
    }

    async fn create(account: &Arc<Account>) -> Result<String, EffectError<CallError>> {
        let request = DialinConfigRequest {
            kind: Some(PIN_DIALIN),
            phone_number: NUMBER.to_owned(),
            name_prefix: Unset::Absent,
            ivr_greeting: Unset::Absent,
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

    /// A pass that is cut off never sees the answer of its create. What that made is still known to
    /// be possibly ours, and so is what was made and answered.
    #[tokio::test]
    async fn a_create_may_have_made_what_has_the_number_until_it_was_refused() {
        let accounts = vec![AccountConfig::new("acme", &[KEY], &[NUMBER])];
        let daily = Sim::start(Config::new(accounts)).await.unwrap();
        let account = account(&daily);
        let create_attempts = || account.number_evidence(NUMBER, "uid").1;
        account.claimed(NUMBER, "uid");
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
        account.claimed(NUMBER, "uid");
        assert!(create(&account).await.is_err(), "the number has a config");
        assert_eq!(create_attempts(), CreateAttempts::Refused);
    }

    #[tokio::test]
    async fn what_was_known_of_the_numbers_is_void_after_each_write_of_ours() {
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
        // Also when nobody knows whether it was done.
        let lost = FaultSpec::next("POST", "/domain-dialin-config", FaultKind::ReplyLost);
        daily.client().unwrap().fault(&lost).await.unwrap();
        assert!(create(&account).await.is_err());
        assert_eq!(shown(&account).await.len(), 1);
    }
}
