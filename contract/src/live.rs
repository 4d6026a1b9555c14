//! Live mode: checks and probes against a real account.
//!
//! Before it ends, a run deletes what it created and names what it could not delete.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::case::{Case, Checked, list};
use crate::check::{Check, Needs, all_checks};
use crate::made::{MadeConfig, Sure};
use crate::probes;
use crate::rules::Rules;
use crate::run::{self, End, Outcome, Say};
use crate::target::{Account, Key};
use crate::wire::{Trouble, Wire};

pub use crate::rules::Pace;

/// The settings of a live run.
#[derive(Clone, Debug)]
pub struct Live {
    /// The base URL of the API, such as `https://api.daily.co/v1`.
    pub base_url: String,
    /// The API key of the account.
    pub key: Key,
    /// Whether the run may create dial-in configs.
    pub with_numbers: bool,
    /// The minimum times between calls.
    pub pace: Pace,
    /// Runs only the checks whose names contain this text. All probes run in any case.
    pub only: Option<String>,
}

/// The result of a live run.
#[derive(Debug, Default)]
pub struct Report {
    /// The outcomes of the checks, and one of the probes.
    pub outcomes: Vec<Outcome>,
    /// Each switch with its answer, or why there is none.
    pub answers: Vec<probes::Answered>,
    /// The objects that the run could not delete.
    pub left: Vec<String>,
    /// Whether the run was stopped before its end.
    pub stopped: bool,
}

/// What the run finds in the account when it starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub domain: String,
    /// Whether Daily accepts the calls for numbers, which require a credit card.
    pub has_card: bool,
    /// The status with which Daily rejects these calls for the plan type, if it does.
    pub refused: Option<u16>,
    /// Why rooms of this account cannot have PIN dial-in; `None` if they can.
    pub no_dialin: Option<String>,
    /// Purchased numbers in order of purchase.
    pub numbers: Vec<String>,
    /// Purchased numbers without a dial-in config.
    pub unassigned: Vec<String>,
    /// Purchased numbers with a PIN dial-in config.
    pub assigned: Vec<String>,
    pub with_numbers: bool,
}

/// Runs live mode until it ends or `stop` completes, then cleans up.
///
/// # Errors
/// If the run could not start: the reason, as a sentence.
pub async fn run(
    live: &Live,
    stop: impl Future<Output = ()>,
    say: Say<'_>,
) -> Result<Report, String> {
    let rules = Rules {
        prefix: format!("contract-{}-", random()),
        with_numbers: live.with_numbers,
    };
    let wire = Wire::to_live(&live.base_url, rules, live.pace);
    let wire = Arc::new(wire.map_err(|error| error.to_string())?);
    let account = Account {
        keys: vec![live.key.clone()],
        ..Account::default()
    };
    let mut report = Report::default();
    let ran = {
        let ran = everything(&wire, &account, live, &mut report, say);
        tokio::select! {
            ran = ran => Some(ran),
            () = stop => None,
        }
    };
    let case = case(&wire, &account);
    report.left = clean(&case, true).await;
    match ran {
        Some(Err(failure)) => return Err(with_left(failure.0, &report.left)),
        None => {
            say("stopped: what was made is deleted");
            report.stopped = true;
        }
        Some(Ok(())) => {}
    }
    for left in &report.left {
        say(&format!("could not be deleted: {left}"));
    }
    Ok(report)
}

fn with_left(failure: String, left: &[String]) -> String {
    match left.is_empty() {
        true => failure,
        false => format!("{failure}; could not be deleted: {}", left.join(", ")),
    }
}

fn random() -> String {
    (0..6).map(|_| fastrand::lowercase()).collect()
}

fn case(wire: &Arc<Wire>, account: &Account) -> Arc<Case> {
    let prefix = wire.live().map(|live| live.rules.prefix.clone());
    Arc::new(Case::new(
        wire.clone(),
        account.clone(),
        prefix.unwrap_or_default(),
    ))
}

async fn everything(
    wire: &Arc<Wire>,
    account: &Account,
    live: &Live,
    report: &mut Report,
    say: Say<'_>,
) -> Checked {
    let mut found = look(&case(wire, account)).await?;
    found.with_numbers = live.with_numbers;
    let account = Account {
        domain: found.domain.clone(),
        keys: account.keys.clone(),
        // With `--with-numbers`, checks may only use numbers that have no config yet.
        numbers: match live.with_numbers {
            true => found.unassigned.clone(),
            false => found.numbers.clone(),
        },
    };
    let chosen = |check: &&Check| {
        let only = live.only.as_ref();
        only.is_none_or(|only| check.name.contains(only))
    };
    for (nth, check) in all_checks().into_iter().filter(chosen).enumerate() {
        let outcome = match prevented(check, &found) {
            Some(why) => Outcome {
                name: check.name,
                facts: check.facts,
                end: End::Skipped(why),
            },
            None => {
                let case = numbered(wire, &account, nth);
                let outcome = run::one(check, case.clone()).await;
                clean(&case, false).await;
                outcome
            }
        };
        say(&outcome.text());
        report.outcomes.push(outcome);
    }
    let probed = probes::run(wire, &account, &found, &mut report.answers).await;
    say(&probed.text());
    report.outcomes.push(probed);
    Ok(())
}

/// A case with `nth` in the names of its rooms, so that the names of two cases differ.
pub(crate) fn numbered(wire: &Arc<Wire>, account: &Account, nth: usize) -> Arc<Case> {
    let prefix = wire.live().map(|live| live.rules.prefix.clone());
    let prefix = format!("{}{nth}-", prefix.unwrap_or_default());
    Arc::new(Case::new(wire.clone(), account.clone(), prefix))
}

/// Inspects the account. An invalid API key ends the run.
async fn look(case: &Case) -> Checked<Found> {
    let domain = case.get("/").await?;
    if domain.status != 200 {
        return Err(format!("the key is not accepted: {} {}", domain.status, domain.text).into());
    }
    let mut found = Found {
        domain: domain.body["domain_name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        ..Found::default()
    };
    let purchased = case.get("/purchased-phone-numbers").await?;
    found.has_card = purchased.status == 200;
    if purchased.status == 200 {
        numbers(case, &purchased.body, &domain.body, &mut found).await?;
    } else if purchased.body["error"] == "invalid-plan-type" {
        found.refused = Some(purchased.status);
    }
    let name = case.name("look");
    let properties = serde_json::json!({"dialin": {"display_name": "Phone"}});
    let dialin = case.try_room(&name, properties).await?;
    if dialin.status != 200 {
        let why = match dialin.body["error"].as_str() {
            Some("invalid-plan-type") => "the account has no card".to_owned(),
            _ => format!("the account refuses PIN dial-in with {}", dialin.status),
        };
        found.no_dialin = Some(why);
    }
    clean(case, false).await;
    Ok(found)
}

async fn numbers(case: &Case, purchased: &Value, domain: &Value, found: &mut Found) -> Checked {
    let is_released = |item: &Value| item["deleted"] == true;
    let of_daily = |item: &&Value| item["type"] == "purchased_phone_number" && !is_released(item);
    let mut items: Vec<&Value> = list(purchased, "data")?.iter().filter(of_daily).collect();
    items.sort_by_key(|item| item["pagination_id"].as_i64());
    let number = |item: &&Value| item["number"].as_str().map(str::to_owned);
    found.numbers = items.iter().filter_map(number).collect();
    let configs = case.get("/domain-dialin-config").await?;
    let empty = Vec::new();
    let configs = configs.body["data"].as_array().unwrap_or(&empty);
    let of_domain = |key: &str| {
        domain["config"][key]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let number = |entry: &Value| entry["phone_number"].as_str().map(str::to_owned);
    let pin = |config: &&Value| config["type"] == "pin_dialin";
    let mut pins: BTreeSet<String> = of_domain("pin_dialin").iter().filter_map(number).collect();
    pins.extend(
        configs
            .iter()
            .filter(pin)
            .filter_map(|config| number(&config["config"])),
    );
    let mut taken: BTreeSet<String> = of_domain("pinless_dialin")
        .iter()
        .filter_map(number)
        .collect();
    taken.extend(
        configs
            .iter()
            .filter_map(|config| number(&config["config"])),
    );
    taken.extend(pins.iter().cloned());
    let (taken, free) = found
        .numbers
        .iter()
        .cloned()
        .partition(|number| taken.contains(number));
    found.unassigned = free;
    found.assigned = taken;
    found.assigned.retain(|number| pins.contains(number));
    Ok(())
}

/// Why a check cannot run on this account; `None` if it can.
fn prevented(check: &Check, found: &Found) -> Option<String> {
    if let Some(never) = check.needs.never_live() {
        return Some(never);
    }
    let no_card = || "the account has no card".to_owned();
    match check.needs {
        Needs::Card if !found.has_card && !matches!(check.area(), "pins" | "rooms" | "batch") => {
            Some(no_card())
        }
        Needs::Card => match check.area() {
            "pins" | "rooms" | "batch" => found.no_dialin.clone(),
            _ => None,
        },
        Needs::Number | Needs::Config if !found.has_card => Some(no_card()),
        Needs::Number if found.no_dialin.is_some() => found.no_dialin.clone(),
        Needs::Number if found.numbers.is_empty() => {
            Some("the account has no purchased number".into())
        }
        Needs::Config if !found.with_numbers => Some("it needs --with-numbers".into()),
        Needs::Number | Needs::Config if found.with_numbers && found.unassigned.is_empty() => {
            Some("the account has no purchased number without a config".into())
        }
        _ => None,
    }
}

/// How often the final cleanup tries to delete each object, once per second.
const TRIES: usize = 4;

/// Deletes what the run created, and returns what is left. At the end of the run it retries, and waits for
/// creates of unknown outcome.
pub(crate) async fn clean(case: &Case, is_end: bool) -> Vec<String> {
    let Some(live) = case.wire().live() else {
        return Vec::new();
    };
    for nth in 0..TRIES {
        let rooms = live.made().rooms();
        let configs = live.made().configs();
        if rooms.is_empty() && configs.is_empty() {
            return Vec::new();
        }
        if nth > 0 {
            if !is_end {
                return Vec::new();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        for (name, sure) in rooms {
            let deleted = case.delete(&format!("/rooms/{name}")).await;
            let gone = deleted.is_ok_and(|answer| answer.status == 404);
            if gone && sure == Sure::Perhaps && nth + 1 == TRIES {
                // Daily never showed the room between the tries, so it never executed the create.
                live.made().no_room(&name);
            }
        }
        for (number, config) in configs {
            // The next round lists this config again if the delete failed.
            let _ = clean_config(case, &number, config).await;
        }
    }
    let rooms = live
        .made()
        .rooms()
        .into_iter()
        .map(|(name, _)| format!("room {name}"));
    let configs = live.made().configs().into_iter();
    rooms
        .chain(configs.map(|(number, _)| format!("dial-in config of {number}")))
        .collect()
}

async fn clean_config(case: &Case, number: &str, made: MadeConfig) -> Checked {
    let id = match made.id {
        Some(id) => Some(id),
        None => {
            let path = format!(
                "/domain-dialin-config?phone_number=%2B{}",
                number.trim_start_matches('+')
            );
            let listed = case.get(&path).await?.ok()?;
            // Another user may have created a config for this number in the meantime.
            let ours = |config: &&Value| {
                let prefix = config["config"]["name_prefix"].as_str();
                config["config"]["phone_number"] == number && prefix == made.name_prefix.as_deref()
            };
            let found = list(&listed, "data")?.iter().find(ours);
            found.and_then(|config| config["id"].as_str().map(str::to_owned))
        }
    };
    let Some(live) = case.wire().live() else {
        return Ok(());
    };
    match id {
        Some(id) => {
            live.made().config_is(number, &id);
            case.json(Method::DELETE, &format!("/domain-dialin-config/{id}"), None)
                .await?;
        }
        None => live.made().no_config(number),
    }
    Ok(())
}

impl From<Trouble> for String {
    fn from(trouble: Trouble) -> Self {
        trouble.to_string()
    }
}
