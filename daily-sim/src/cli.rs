//! The command line, and how it becomes a configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use daily_sim::{AccountConfig, Config, Limits, TlsFiles};

use crate::bench::Bench;
use crate::dial::Dial;

/// A simulated Daily.co REST API for PIN dial-in, with a telephone, a clock and faults.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8790")]
    listen: SocketAddr,
    /// The API key of the account that --domain names.
    #[arg(long, value_name = "KEY")]
    api_key: Vec<String>,
    /// The domain of an account.
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// A number that this account has purchased, the earliest purchase first.
    #[arg(long, value_name = "+1...")]
    purchased_number: Vec<String>,
    /// Another account, as domain=NAME,key=KEY,key=KEY,number=+1...,caller-id=+1...
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    account: Vec<AccountConfig>,
    /// The certificate chain to serve HTTPS with, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Seed of ids, PINs and random names; without it they differ from run to run, unless a state file has one.
    #[arg(long)]
    seed: Option<u64>,
    /// Keep the state in this file across restarts.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Whether the rate limits are enforced.
    #[arg(long, value_enum, default_value = "strict")]
    limits: LimitsArg,
    /// How many rooms an account may have at a time if the quirk room-limit sets a limit.
    #[arg(long, value_name = "N", default_value_t = 5)]
    max_rooms: usize,
    /// How to answer where nobody knows Daily's answer; `GET /sim/quirks` lists the names and values.
    #[arg(long, value_name = "NAME=VALUE")]
    quirk: Vec<String>,
}

/// Commands other than serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure how many calls per second a simulator answers on this machine.
    Bench(Bench),
    /// Dial a dial string at a running simulator, and print what the caller hears.
    Dial(Dial),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LimitsArg {
    /// Answer 429 beyond 100 calls in 5 s or 50 DELETEs of rooms in 30 s.
    Strict,
    /// No limits.
    Off,
}

impl Args {
    /// The configuration that the arguments describe. The rules between accounts are checked later.
    pub fn into_config(self) -> Result<Config, String> {
        let mut accounts = self.account;
        match self.domain {
            Some(domain) => accounts.insert(
                0,
                AccountConfig {
                    domain,
                    keys: self.api_key,
                    purchased_numbers: self.purchased_number,
                    verified_caller_ids: Vec::new(),
                },
            ),
            None if self.api_key.is_empty() && self.purchased_number.is_empty() => {}
            None => {
                return Err(
                    "--api-key and --purchased-number belong to an account: write --domain NAME as well"
                        .to_owned(),
                );
            }
        }
        let mut config = Config::new(accounts).listen(self.listen);
        config.seed = self.seed;
        config.state = self.state;
        config.tls = (self.tls_cert.zip(self.tls_key)).map(|(cert, key)| TlsFiles { cert, key });
        config.limits = match self.limits {
            LimitsArg::Strict => Limits::Strict,
            LimitsArg::Off => Limits::Off,
        };
        config.max_rooms = self.max_rooms;
        for line in &self.quirk {
            config.quirks.set_line(line)?;
        }
        Ok(config)
    }
}

/// Reads `domain=NAME,key=KEY,number=+1...,caller-id=+1...`.
fn account(text: &str) -> Result<AccountConfig, String> {
    let mut account = AccountConfig::new("", &[], &[]);
    for part in text.split(',') {
        match part.split_once('=') {
            Some(("domain", domain)) => account.domain = domain.to_owned(),
            Some(("key", key)) => account.keys.push(key.to_owned()),
            Some(("number", number)) => account.purchased_numbers.push(number.to_owned()),
            Some(("caller-id", number)) => account.verified_caller_ids.push(number.to_owned()),
            // The part is not repeated: it may be a key.
            _ => {
                return Err(
                    "write an account as domain=NAME,key=KEY,number=+12025550123; \
                            key, number and caller-id may come several times"
                        .to_owned(),
                );
            }
        }
    }
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(line: &str) -> Result<Config, String> {
        let words = ["daily-sim"].into_iter().chain(line.split_whitespace());
        let args = Args::try_parse_from(words).map_err(|error| error.to_string())?;
        args.into_config()
    }

    #[test]
    fn accounts_come_in_both_forms() {
        let line = "--domain a --api-key k1 --purchased-number +12025550123 \
                    --account domain=b,key=k2,key=k3,number=+14155550100,caller-id=+14155550111 --limits off --max-rooms 7";
        let config = config(line).expect("is fine");
        let [a, b] = config.accounts.as_slice() else {
            panic!("two accounts")
        };
        assert_eq!((a.domain.as_str(), a.keys.len()), ("a", 1));
        assert_eq!((b.domain.as_str(), b.keys.len()), ("b", 2));
        assert_eq!(b.purchased_numbers, ["+14155550100"]);
        assert_eq!(b.verified_caller_ids, ["+14155550111"]);
        assert_eq!((config.limits, config.max_rooms), (Limits::Off, 7));
    }

    #[test]
    fn a_key_without_a_domain_is_refused() {
        let error = config("--api-key k").expect_err("must be refused");
        assert!(error.contains("--domain NAME"), "{error}");
    }

    #[test]
    fn an_account_with_other_words_is_refused_without_repeating_it() {
        let error = account("domain=a,s3cret").expect_err("must be refused");
        assert!(
            error.contains("key=KEY") && !error.contains("s3cret"),
            "{error}"
        );
    }
}
