//! The accounts in use, by domain.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::account::{Account, OnRefused};
use super::types::{ApiKey, Domain};
use crate::clock;

/// Creates the account of a domain, and starts its listings.
type NewAccount = Box<dyn Fn(Domain, ApiKey) -> Arc<Account> + Send + Sync>;

/// The accounts of all domains with a key in use.
pub struct Accounts {
    by_domain: Mutex<HashMap<String, Arc<Account>>>,
    create: NewAccount,
}

impl Accounts {
    /// No account yet. `create` is called with `on_refused` for each.
    pub fn new(
        create: impl Fn(Domain, ApiKey, OnRefused) -> Arc<Account> + Send + Sync + 'static,
        on_refused: OnRefused,
    ) -> Self {
        Self {
            by_domain: Mutex::default(),
            create: Box::new(move |domain, key| create(domain, key, Arc::clone(&on_refused))),
        }
    }

    /// The account of a domain, for a reconcile with this key, which is verified. Replaces one that
    /// has ended.
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
    pub fn get(&self, domain_id: &str) -> Option<Arc<Account>> {
        self.by_domain.lock().get(domain_id).cloned()
    }

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
