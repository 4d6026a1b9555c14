//! The accounts in use, by their domains.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::account::{Account, OnRefused};
use super::types::{ApiKey, Domain};
use crate::clock;

/// Creates the account of a domain when its first key is proven, and starts its listings.
pub type NewAccount = Box<dyn Fn(Domain, ApiKey) -> Arc<Account> + Send + Sync>;

/// The accounts of all domains that a key in use belongs to.
pub struct Accounts {
    by_domain: Mutex<HashMap<String, Arc<Account>>>,
    create: NewAccount,
}

impl Accounts {
    /// None so far. `create` makes each, and gives it `on_refused`.
    #[must_use]
    pub fn new(
        create: impl Fn(Domain, ApiKey, OnRefused) -> Arc<Account> + Send + Sync + 'static,
        on_refused: OnRefused,
    ) -> Self {
        Self {
            by_domain: Mutex::default(),
            create: Box::new(move |domain, key| create(domain, key, Arc::clone(&on_refused))),
        }
    }

    /// The account of a domain, for a pass with this key, which is proven. One that has ended for
    /// want of passes begins again.
    pub fn of(&self, domain: &Domain, key: &ApiKey) -> Arc<Account> {
        let mut accounts = self.by_domain.lock();
        if let Some(account) = accounts.get(&domain.id)
            && account.used(key, clock::now())
        {
            return Arc::clone(account);
        }
        let account = (self.create)(domain.clone(), key.clone());
        accounts.insert(domain.id.clone(), Arc::clone(&account));
        account
    }

    /// The account of the domain with this id, if it is in use.
    #[must_use]
    pub fn get(&self, domain_id: &str) -> Option<Arc<Account>> {
        self.by_domain.lock().get(domain_id).cloned()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Account>> {
        self.by_domain.lock().values().cloned().collect()
    }

    /// Forgets the accounts that have ended.
    pub fn forget_ended(&self) {
        self.by_domain
            .lock()
            .retain(|_, account| !account.has_ended());
    }
}
