//! What a simulator is started with, and the rules that it must meet.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::{Error, Quirks, numbers};

/// The limit of rooms of a free account, years ago. // F-ROOM-42
pub(crate) const DEFAULT_MAX_ROOMS: usize = 5;

/// What a simulator is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The accounts. There must be at least one.
    pub accounts: Vec<AccountConfig>,
    /// Seeds ids, PINs and names. The same seed and the same calls give the same ones. None takes the
    /// seed of the state file, or else a random one.
    pub seed: Option<u64>,
    /// The state file. Without one the state is in memory only.
    pub state: Option<PathBuf>,
    /// With these the simulator serves HTTPS.
    pub tls: Option<TlsFiles>,
    /// Whether the rate limits of the API are enforced.
    pub limits: Limits,
    /// How many rooms an account may have at a time, where the quirk `room-limit` sets a limit.
    pub max_rooms: usize,
    /// How the simulator answers where nobody knows Daily's answer. A control endpoint can change it.
    pub quirks: Quirks,
    /// How far the clock is behind real time.
    pub clock_behind: Duration,
}

/// One account: a domain with its keys and the numbers that it has purchased.
#[derive(Clone, Debug)]
pub struct AccountConfig {
    /// The name in `https://NAME.daily.co`.
    pub domain: String,
    /// Its API keys. All of them are the same account.
    pub keys: Vec<String>,
    /// Its purchased numbers in E.164, the earliest purchase first.
    pub purchased_numbers: Vec<String>,
    /// Numbers in E.164 that it may show when it calls; they are listed with the purchased ones.
    pub verified_caller_ids: Vec<String>,
}

/// A certificate chain and its private key, both in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Whether the rate limits of the API are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limits {
    /// 100 arrivals in any 5 s and 50 DELETEs in any 30 s an account, 429 beyond.
    #[default]
    Strict,
    /// No limits, for benchmarks and for tests of other things.
    Off,
}

impl Config {
    /// A configuration of the given accounts: a free port of 127.0.0.1, HTTP, seed 0, strict limits.
    pub fn new(accounts: Vec<AccountConfig>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            accounts,
            seed: Some(0),
            state: None,
            tls: None,
            limits: Limits::Strict,
            max_rooms: DEFAULT_MAX_ROOMS,
            quirks: Quirks::default(),
            clock_behind: Duration::ZERO,
        }
    }

    /// One account with one key.
    pub fn single(domain: &str, key: &str, purchased_numbers: &[&str]) -> Self {
        Self::new(vec![AccountConfig::new(domain, &[key], purchased_numbers)])
    }

    /// Adds an account.
    #[must_use]
    pub fn account(mut self, account: AccountConfig) -> Self {
        self.accounts.push(account);
        self
    }

    /// Listens on this address.
    #[must_use]
    pub fn listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Uses this seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Keeps the state in this file, and starts with its content.
    #[must_use]
    pub fn state(mut self, file: impl Into<PathBuf>) -> Self {
        self.state = Some(file.into());
        self
    }

    pub(crate) fn seed_or_random(&self) -> u64 {
        self.seed.unwrap_or_else(|| fastrand::u64(..))
    }

    /// Enforces the limits, or not.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Lets an account have this many rooms at a time, where the quirk `room-limit` sets a limit.
    #[must_use]
    pub fn max_rooms(mut self, max_rooms: usize) -> Self {
        self.max_rooms = max_rooms;
        self
    }

    /// Answers with these quirks.
    #[must_use]
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// Sets the clock this far behind real time, so that its users' clocks are ahead.
    #[must_use]
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.clock_behind = by;
        self
    }

    /// Serves HTTPS with these files.
    #[must_use]
    pub fn tls(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some(TlsFiles {
            cert: cert.into(),
            key: key.into(),
        });
        self
    }

    /// Checks the rules that hold between the accounts.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.accounts.is_empty() {
            return Err(Error::NoAccount);
        }
        let (mut domains, mut keys, mut owned) = (HashSet::new(), HashSet::new(), HashSet::new());
        for account in &self.accounts {
            account.check()?;
            if !domains.insert(&account.domain) {
                return Err(Error::SharedDomain(account.domain.clone()));
            }
            if !account.keys.iter().all(|key| keys.insert(key)) {
                return Err(Error::SharedKey(account.domain.clone()));
            }
            for number in &account.purchased_numbers {
                if !owned.insert(number) {
                    return Err(Error::SharedNumber(number.clone()));
                }
            }
        }
        Ok(())
    }
}

impl AccountConfig {
    /// An account of this domain.
    pub fn new(domain: &str, keys: &[&str], purchased_numbers: &[&str]) -> Self {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Self {
            domain: domain.to_owned(),
            keys: owned(keys),
            purchased_numbers: owned(purchased_numbers),
            verified_caller_ids: Vec::new(),
        }
    }

    /// Adds numbers that it may show when it calls.
    #[must_use]
    pub fn verified_caller_ids(mut self, numbers: &[&str]) -> Self {
        let numbers = numbers.iter().map(|&number| number.to_owned());
        self.verified_caller_ids.extend(numbers);
        self
    }

    fn check(&self) -> Result<(), Error> {
        let part_of_a_host_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.domain.is_empty() || !self.domain.chars().all(part_of_a_host_name) {
            return Err(Error::BadDomain(self.domain.clone()));
        }
        if self.keys.is_empty() || self.keys.iter().any(String::is_empty) {
            return Err(Error::NoKey(self.domain.clone()));
        }
        let all = self
            .purchased_numbers
            .iter()
            .chain(&self.verified_caller_ids);
        if let Some(bad) = all.into_iter().find(|number| !numbers::is_e164(number)) {
            return Err(Error::BadNumber(bad.clone()));
        }
        for number in &self.purchased_numbers {
            if numbers::is_global(number) {
                return Err(Error::GlobalNumber(number.clone()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(config: &Config, part: &str) {
        let error = config.check().expect_err("must be refused").to_string();
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn the_ordinary_case_is_accepted() {
        let config = Config::single("demo", "k1", &["+12025550123"]).account(AccountConfig::new(
            "other",
            &["k2", "k3"],
            &[],
        ));
        config.check().expect("is fine");
    }

    #[test]
    fn each_refusal_says_what_to_write() {
        refused(&Config::new(vec![]), "add --api-key KEY");
        refused(&Config::single("", "k", &[]), "--domain demo");
        refused(&Config::single("d", "", &[]), "--api-key KEY");
        refused(&Config::single("d", "k", &["2025550123"]), "+12025550123");
        refused(&Config::single("d", "k", &["+12095038039"]), "global");
        let single = Config::single("d", "k", &["+12025550123"]);
        let with = |account| single.clone().account(account);
        refused(&with(AccountConfig::new("d", &["k2"], &[])), "twice");
        refused(&with(AccountConfig::new("e", &["k"], &[])), "twice");
        refused(
            &with(AccountConfig::new("e", &["k2"], &["+12025550123"])),
            "twice",
        );
    }

    #[test]
    fn a_refusal_tells_no_key() {
        let twice =
            Config::single("d", "s3cret", &[]).account(AccountConfig::new("e", &["s3cret"], &[]));
        let error = twice.check().expect_err("must be refused").to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
