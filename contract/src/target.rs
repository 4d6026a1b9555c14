//! What is tested: accounts, and the controls of a simulator that has them.

/// An account as the suite may use it.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The name in `https://NAME.daily.co`.
    pub domain: String,
    /// Its API keys, one or two.
    pub keys: Vec<Key>,
    /// Its purchased numbers, the earliest purchase first.
    pub numbers: Vec<String>,
}

/// An API key, which never appears in `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Takes a key in.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// A simulator and accounts of which each check has one of its own.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// For instance `http://127.0.0.1:8790`; the API is below `/v1`, the controls below `/sim`.
    pub origin: String,
    /// One for each check, and one more: a stranger to all of them.
    pub accounts: Vec<Account>,
}

/// Accounts to start a simulator with: as many as [`Fleet`] needs.
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
