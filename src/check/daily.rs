//! Daily: the network, the domain of the default API key, the clock, the rate limits and the numbers.

use crate::cause::chain;
use crate::clock;
use crate::config::Config;
use crate::daily::account::CLOCK_SKEW;
use crate::daily::client::Client;
use crate::daily::error::CallError;
use crate::daily::page::read_all;
use crate::daily::types::{ApiKey, DialinConfig, PIN_DIALIN, PurchasedNumber};

use super::report::Finding;

/// F-RATE-1, F-RATE-2
const LIMITS: &str = "Daily documents 20 calls per second (100 in 5 s) and about 2 deletions of rooms \
                      per second (50 in 30 s) for each account";

pub(super) async fn check(config: &Config, key: Option<ApiKey>, findings: &mut Vec<Finding>) {
    let client = match Client::configured(config) {
        Ok(client) => client,
        Err(error) => {
            let next =
                "correct --daily-base-url, --daily-proxy or --daily-ca-file, as the detail says";
            findings.push(Finding::fail("network", chain(&error), next));
            return;
        }
    };
    let Some(key) = key else {
        // A rejection of an empty key (F-AUTH-4) shows that Daily can be reached.
        let answer = client.domain(&ApiKey::default()).await.map(drop);
        findings.push(network(config, &client, answer.err().as_ref()));
        return;
    };
    let answer = client.domain(&key).await;
    findings.push(network(config, &client, answer.as_ref().err()));
    let now = clock::wall().as_second();
    match answer {
        Ok(answer) => {
            let domain = &answer.value.name;
            findings.push(Finding::ok(
                "domain",
                format!("the default API key belongs to {domain}"),
            ));
            findings.push(clock_skew(answer.date, now));
            let numbers = numbers(&client, &key).await;
            findings.push(limits(numbers.as_ref().err()));
            findings.push(numbers_finding(numbers));
        }
        // The network finding reports it.
        Err(CallError::Unavailable { .. } | CallError::Unknown { .. }) => {}
        Err(error) => {
            findings.push(Finding::fail("domain", chain(&error), next_step(&error)));
            findings.push(limits(Some(&error)));
        }
    }
}

/// Whether Daily answers; a rejection is an answer.
fn network(config: &Config, client: &Client, error: Option<&CallError>) -> Finding {
    const CHECK: &str = "network";
    if let Some(error @ (CallError::Unavailable { .. } | CallError::Unknown { .. })) = error {
        let detail = format!("{}: {}", config.daily_base_url, chain(error));
        return Finding::fail(CHECK, detail, next_step(error));
    }
    let proxy = match &config.daily_proxy {
        Some(proxy) => format!("through the proxy {proxy} from {}", proxy.origin()),
        None => "without a proxy".to_owned(),
    };
    let ca = match &config.daily_ca_file {
        Some(file) => format!("CA certificates from {} are trusted too", file.display()),
        None => "no private CA is configured".to_owned(),
    };
    let detail = format!("{} {proxy}; {ca}", config.daily_base_url);
    match client.skipped_certificates().as_slice() {
        [] => Finding::ok(CHECK, detail),
        skipped => Finding::warn(
            CHECK,
            format!("{detail}, except {}", skipped.join("; ")),
            "correct or remove those parts of the CA file",
        ),
    }
}

fn next_step(error: &CallError) -> &'static str {
    match error {
        CallError::Unauthorized => "store a valid API key of the domain in the Secret",
        CallError::NotFound | CallError::Refused { .. } => {
            "check the account in Daily's dashboard, and --daily-base-url"
        }
        CallError::RateLimited { .. } => {
            "find out what else uses the account, and run the check again"
        }
        CallError::Unavailable { .. } | CallError::Unknown { .. } => {
            "fix the proxy, firewall, NetworkPolicy or CA that the detail names, and run the check again"
        }
    }
}

fn clock_skew(date: Option<i64>, now: i64) -> Finding {
    const CHECK: &str = "clock";
    let Some(date) = date else {
        return Finding::ok(
            CHECK,
            "Daily's response has no Date header, so the clocks were not compared",
        );
    };
    let skew = now - date;
    if skew.abs() <= CLOCK_SKEW {
        return Finding::ok(CHECK, "the clocks of Daily and of this machine agree");
    }
    let side = if skew > 0 { "ahead of" } else { "behind" };
    Finding::warn(
        CHECK,
        format!(
            "the clock of this machine is {} s {side} Daily's",
            skew.abs()
        ),
        "synchronize the node's clock with NTP; while the clocks differ, the operator notices expired and missing rooms later",
    )
}

fn limits(error: Option<&CallError>) -> Finding {
    const CHECK: &str = "limits";
    match error {
        Some(CallError::RateLimited { .. }) => Finding::warn(
            CHECK,
            format!("{LIMITS}; it has just rejected a call with 429 Too Many Requests"),
            "find out what else uses the account",
        ),
        _ => Finding::ok(
            CHECK,
            format!("{LIMITS}; it has accepted the calls of this check"),
        ),
    }
}

type Numbers = (Vec<PurchasedNumber>, Vec<DialinConfig>);

async fn numbers(client: &Client, key: &ApiKey) -> Result<Numbers, CallError> {
    let purchased =
        read_all(async |after| client.purchased_numbers_page(key, after.as_deref()).await);
    let configs = read_all(async |after| client.dialin_configs_page(key, after.as_deref()).await);
    Ok((purchased.await?.value, configs.await?.value))
}

fn numbers_finding(numbers: Result<Numbers, CallError>) -> Finding {
    const CHECK: &str = "numbers";
    let (purchased, configs) = match numbers {
        Ok(numbers) => numbers,
        Err(error) => {
            let detail = format!("the numbers cannot be listed: {}", chain(&error));
            return Finding::fail(CHECK, detail, next_step(&error));
        }
    };
    let answers = configs.iter().filter(|it| it.kind == PIN_DIALIN).count();
    let count = purchased.len();
    let default = match answers {
        0 => "rooms publish Daily's global numbers",
        _ => "a room that may publish none of them publishes Daily's global numbers",
    };
    Finding::ok(
        CHECK,
        format!("{count} purchased, {answers} with PIN dial-in; {default}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Status;

    #[test]
    fn clocks_that_differ_are_named_with_their_side() {
        let of = |date| {
            let finding = clock_skew(date, 1000);
            (finding.status, finding.detail)
        };
        assert_eq!(of(None).0, Status::Ok);
        assert_eq!(of(Some(1000 - CLOCK_SKEW)).0, Status::Ok);
        let ahead = (
            Status::Warn,
            "the clock of this machine is 41 s ahead of Daily's".to_owned(),
        );
        assert_eq!(of(Some(959)), ahead);
        let behind = (
            Status::Warn,
            "the clock of this machine is 41 s behind Daily's".to_owned(),
        );
        assert_eq!(of(Some(1041)), behind);
    }

    #[test]
    fn an_account_that_is_limited_is_a_warning() {
        let limited = CallError::RateLimited { retry_after: None };
        assert_eq!(limits(Some(&limited)).status, Status::Warn);
        assert_eq!(limits(Some(&CallError::Unauthorized)).status, Status::Ok);
        assert_eq!(limits(None).status, Status::Ok);
    }

    #[test]
    fn no_numbers_are_fine() {
        let finding = numbers_finding(Ok((Vec::new(), Vec::new())));
        assert_eq!(finding.status, Status::Ok);
        let detail = finding.detail;
        assert!(detail.contains("Daily's global numbers"), "{detail}");
    }
}
