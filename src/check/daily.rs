//! Daily: how it is reached, which domain the default key is of, its numbers, limits and clock.

use crate::cause::chain;
use crate::clock;
use crate::config::Config;
use crate::daily::account::CLOCK_SKEW;
use crate::daily::client::Client;
use crate::daily::error::CallError;
use crate::daily::page::read_all;
use crate::daily::types::{ApiKey, DialinConfig, PIN_DIALIN, PurchasedNumber};
use crate::room::numbers::GLOBAL;

use super::report::Finding;

/// F-RATE-1, F-RATE-2
const LIMITS: &str = "Daily documents 20 calls a second (100 in 5 s) and about 2 deletions of rooms \
                      a second (50 in 30 s) for each account";

pub(super) async fn look(config: &Config, key: Option<ApiKey>, findings: &mut Vec<Finding>) {
    let client = match Client::configured(config) {
        Ok(client) => client,
        Err(error) => {
            let next = "correct the flags and files with which Daily is reached";
            findings.push(Finding::fail("network", chain(&error), next));
            return;
        }
    };
    let Some(key) = key else {
        // Without a key Daily can at least refuse. // F-AUTH-4
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
                format!("the default key is of {domain}"),
            ));
            findings.push(clock_skew(answer.date, now));
            let numbers = numbers(&client, &key).await;
            findings.push(limits(numbers.as_ref().err()));
            findings.push(of_numbers(numbers));
        }
        // It is said of the network.
        Err(CallError::Unavailable { .. } | CallError::Unknown { .. }) => {}
        Err(error) => {
            findings.push(Finding::fail("domain", chain(&error), next_step(&error)));
            findings.push(limits(Some(&error)));
        }
    }
}

/// Whether Daily itself answers, be it with a refusal.
fn network(config: &Config, client: &Client, error: Option<&CallError>) -> Finding {
    const CHECK: &str = "network";
    if let Some(error @ (CallError::Unavailable { .. } | CallError::Unknown { .. })) = error {
        let detail = format!("{}: {}", config.daily_base_url, chain(error));
        return Finding::fail(CHECK, detail, next_step(error));
    }
    let proxy = match &config.daily_proxy {
        Some(proxy) => format!("through the proxy {proxy} of {}", proxy.origin()),
        None => "without a proxy".to_owned(),
    };
    let ca = match &config.daily_ca_file {
        Some(file) => format!("the CA certificates of {} are trusted too", file.display()),
        None => "no private CA".to_owned(),
    };
    let detail = format!("{} {proxy}; {ca}", config.daily_base_url);
    match client.skipped_certificates().as_slice() {
        [] => Finding::ok(CHECK, detail),
        skipped => Finding::warn(
            CHECK,
            format!("{detail}, but for {}", skipped.join("; ")),
            "correct or remove those parts of the CA file",
        ),
    }
}

fn next_step(error: &CallError) -> &'static str {
    match error {
        CallError::Unauthorized => "put a valid API key of the domain into the Secret",
        CallError::NotFound | CallError::Refused { .. } => {
            "look at the account in Daily's dashboard, and at --daily-base-url"
        }
        CallError::RateLimited { .. } => "find out what else uses the account, and check again",
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
            "Daily's answer has no Date header, so the clocks were not compared",
        );
    };
    let skew = now - date;
    if skew.abs() <= CLOCK_SKEW {
        return Finding::ok(CHECK, "Daily's clock and this one agree");
    }
    let side = if skew > 0 { "ahead of" } else { "behind" };
    Finding::warn(
        CHECK,
        format!("this clock is {} s {side} Daily's", skew.abs()),
        "synchronize the node's clock with NTP; between the two times no room counts as ended or missing",
    )
}

fn limits(error: Option<&CallError>) -> Finding {
    const CHECK: &str = "limits";
    match error {
        Some(CallError::RateLimited { .. }) => Finding::warn(
            CHECK,
            format!("{LIMITS}; it answered just now that there were too many calls"),
            "find out what else uses the account",
        ),
        _ => Finding::ok(CHECK, format!("{LIMITS}; no call was limited just now")),
    }
}

type Numbers = (Vec<PurchasedNumber>, Vec<DialinConfig>);

async fn numbers(client: &Client, key: &ApiKey) -> Result<Numbers, CallError> {
    let purchased =
        read_all(async |after| client.purchased_numbers_page(key, after.as_deref()).await);
    let configs = read_all(async |after| client.dialin_configs_page(key, after.as_deref()).await);
    Ok((purchased.await?.value, configs.await?.value))
}

fn of_numbers(numbers: Result<Numbers, CallError>) -> Finding {
    const CHECK: &str = "numbers";
    let (purchased, configs) = match numbers {
        Ok(numbers) => numbers,
        Err(error) => {
            let detail = format!("they cannot be listed: {}", chain(&error));
            return Finding::fail(CHECK, detail, next_step(&error));
        }
    };
    let answers = configs.iter().filter(|it| it.kind == PIN_DIALIN).count();
    let count = purchased.len();
    let default = match answers {
        0 => format!("rooms publish Daily's global number {}", GLOBAL.0),
        _ => format!(
            "rooms without one publish Daily's global number {}",
            GLOBAL.0
        ),
    };
    Finding::ok(
        CHECK,
        format!("{count} purchased, {answers} set up for PIN dial-in; {default}"),
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
            "this clock is 41 s ahead of Daily's".to_owned(),
        );
        assert_eq!(of(Some(959)), ahead);
        let behind = (Status::Warn, "this clock is 41 s behind Daily's".to_owned());
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
        let finding = of_numbers(Ok((Vec::new(), Vec::new())));
        assert_eq!(finding.status, Status::Ok);
        assert!(
            finding.detail.contains("+12095038039"),
            "{}",
            finding.detail
        );
    }
}
