//! The accounts under test, and the simulator that has them.

/// An account that the suite may use.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The name in `https://NAME.daily.co`.
    pub domain: String,
    /// One or two API keys of the account.
    pub keys: Vec<Key>,
    /// The purchased numbers, in order of purchase.
    pub numbers: Vec<String>,
}

/// An API key. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Wraps an API key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The API key in plain text.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A simulator with a separate account for each check.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// For example `http://127.0.0.1:8790`. The API is below `/v1`, the control endpoints are below `/sim`.
    pub origin: String,
    /// One account for each check, followed by one that no check owns.
    pub accounts: Vec<Account>,
}

/// The accounts that a simulator needs to be a [`Fleet`].
pub fn accounts() -> Vec<Account> {
    (0..=crate::all_checks().len()).map(account).collect()
}

fn account(index: usize) -> Account {
    Account {
        domain: format!("contract-{index}"),
        keys: vec![
            Key::new(format!("first-key-of-{index}-0123456789abcdef")),
            Key::new(format!("second-key-of-{index}-0123456789abcdef")),
        ],
        numbers: (0..3)
            .map(|nth| format!("+1415777{:04}", index * 10 + nth))
            .collect(),
    }
}
