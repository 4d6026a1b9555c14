//! Probes: find out how a live account answers if nobody knows Daily's answer.
//!
//! Each unknown has a name and a set of answers, which are the switches of the simulator. A probe returns one
//! of the answers, or why it could not find out. It never guesses.

mod ends;
mod numbers;
mod pins;
mod refusals;
mod rooms;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::case::{Case, Failure};
use crate::live::{Found, numbered};
use crate::run::{AbortOnDrop, End, Outcome};
use crate::target::Account;
use crate::wire::Wire;

/// The result of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The name of the switch.
    pub switch: &'static str,
    /// The answer, or why there is none.
    pub answer: Result<&'static str, String>,
}

impl Answered {
    /// `--quirk NAME=VALUE`, or `# NAME: reason`.
    pub fn line(&self) -> String {
        match &self.answer {
            Ok(value) => format!("--quirk {}={value}", self.switch),
            Err(why) => format!("# {}: {}", self.switch, why.replace('\n', " ")),
        }
    }
}

/// A switch, and how to find its answer.
pub struct Probe {
    /// The name of the switch.
    pub switch: &'static str,
    how: How,
}

enum How {
    /// The rules of live mode forbid the probe, for this reason.
    Unseeable(&'static str),
    /// With a probe for this switch alone.
    Alone(Find),
    /// With the rooms of [`ends`], which expire together.
    Ends,
}

type Finding = Result<&'static str, Failure>;
type Find = for<'a> fn(&'a Scene) -> Pin<Box<dyn Future<Output = Finding> + Send + 'a>>;

/// The context of a probe.
struct Scene {
    case: Arc<Case>,
    found: Found,
    /// Whether an earlier probe observed that reads lag.
    lags: bool,
}

impl Scene {
    /// Waits until reads show the last write.
    async fn settle(&self) {
        let pause = if self.lags { 3000 } else { 300 };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }

    /// Fails if rooms of this account cannot have PIN dial-in.
    fn dialin(&self) -> Result<(), Failure> {
        match &self.found.no_dialin {
            Some(why) => Err(why.clone().into()),
            None => Ok(()),
        }
    }

    /// Fails if the account has no credit card.
    fn card(&self) -> Result<(), Failure> {
        match self.found.has_card {
            true => Ok(()),
            false => Err("the account has no card".into()),
        }
    }
}

/// A probe from a function.
macro_rules! by {
    ($switch:literal, $find:path) => {
        Probe {
            switch: $switch,
            how: How::Alone(|scene| Box::pin($find(scene))),
        }
    };
}

const fn unseeable(switch: &'static str, why: &'static str) -> Probe {
    Probe {
        switch,
        how: How::Unseeable(why),
    }
}

const fn at_the_end(switch: &'static str) -> Probe {
    Probe {
        switch,
        how: How::Ends,
    }
}

const LIMITS: &str = "to see it, a rate limit would have to be exceeded";
const RELEASE: &str = "a purchased number would have to be released";
const CALLER: &str = "there is nobody to place a call";

/// All probes. The first two find out whether reads lag, so whether later probes have to wait.
pub const PROBES: &[Probe] = &[
    by!("reads", rooms::reads),
    by!("config-reads", numbers::config_reads),
    by!("unknown-path", refusals::unknown_path),
    by!("unknown-argument", refusals::unknown_argument),
    by!("unknown-property", refusals::unknown_property),
    by!("wrong-type", refusals::wrong_type),
    by!("info-texts", refusals::info_texts),
    by!("large-body", refusals::large_body),
    by!("content-type", refusals::content_type),
    by!("paid-feature", refusals::paid_feature),
    by!("card", refusals::card),
    by!("dialin-without-card", refusals::dialin_without_card),
    unseeable(
        "room-limit",
        "the account would have to be filled with rooms",
    ),
    unseeable("rate-limit", LIMITS),
    unseeable("rate-limit-second", LIMITS),
    unseeable("rate-limit-scope", LIMITS),
    unseeable("rate-limit-refused", LIMITS),
    unseeable("rate-limit-delete", LIMITS),
    unseeable("rate-limit-batch", LIMITS),
    by!("name-case", rooms::name_case),
    unseeable(
        "empty-name",
        "its room would have a name that does not begin as those of the run",
    ),
    unseeable(
        "one-letter-name",
        "a name of one letter cannot begin as those of the run",
    ),
    by!("fractional-exp", rooms::fractional_exp),
    by!("past-nbf", rooms::past_nbf),
    by!("sip-uri", rooms::sip_uri),
    by!("nested-update", rooms::nested_update),
    by!("update-missing", rooms::update_missing),
    by!("limit-outside", rooms::limit_outside),
    by!("gone-cursor", rooms::gone_cursor),
    unseeable(
        "collector",
        "that it has not come cannot be told from a longer period",
    ),
    at_the_end("get-expired"),
    at_the_end("update-expired"),
    at_the_end("create-over-expired"),
    at_the_end("total-count"),
    at_the_end("batch-delete-expired"),
    by!("pin-on-update", pins::on_update),
    by!("pin-on-exp", pins::on_exp),
    by!("pin-on-dialin", pins::on_dialin),
    by!("pin-on-dialin-again", pins::on_dialin_again),
    by!("pin-without-dialin", pins::without_dialin),
    unseeable(
        "pin-zero",
        "that no PIN begins with 0 cannot be told from a few of them",
    ),
    by!("dialin-shown", pins::shown),
    by!("listing-dialin-code", pins::listed),
    by!("dialin-number", pins::number),
    by!("dialin-without-exp", pins::without_exp),
    by!("dialin-exp-cleared", pins::exp_cleared),
    by!("dialin-365-days", pins::a_year),
    by!("dialin-display-name", pins::display_name),
    unseeable("wait-default", "a caller alone would notice it"),
    by!("foreign-number", pins::foreign_number),
    by!("unassigned-number", pins::unassigned_number),
    by!("number-without-plus", pins::without_plus),
    by!("batch-delete-unknown", rooms::batch_delete_unknown),
    by!("batch-create-dialin", pins::batch_create_dialin),
    by!("batch-create-twice", rooms::batch_create_twice),
    by!("configs-seen", numbers::configs_seen),
    by!("config-put", numbers::config_put),
    by!("config-null", numbers::config_null),
    by!("config-empty", numbers::config_empty),
    by!("filter-match", numbers::filter_match),
    by!("filtered-count", numbers::filtered_count),
    by!("number-order", numbers::number_order),
    unseeable("released-number", RELEASE),
    unseeable("released-config", RELEASE),
    unseeable("global-numbers", CALLER),
    by!("number-shapes", numbers::number_shapes),
    unseeable("pin-tries", CALLER),
    unseeable("pin-hash", CALLER),
    unseeable("sixth-caller", CALLER),
    unseeable("hold-presence", CALLER),
    unseeable("nbf-for-callers", CALLER),
    unseeable("numbers-of-pin", CALLER),
    unseeable("callers-alone", CALLER),
    unseeable("private-callers", CALLER),
    by!("presence-missing", rooms::presence_missing),
    by!("eject-nobody", rooms::eject_nobody),
];

/// The switches that live mode cannot find out, each with the reason.
pub fn unseeable_switches() -> Vec<(&'static str, &'static str)> {
    let hidden = |probe: &Probe| match probe.how {
        How::Unseeable(why) => Some((probe.switch, why)),
        How::Alone(_) | How::Ends => None,
    };
    PROBES.iter().filter_map(hidden).collect()
}

/// Runs all probes and adds each answer to `answers`. The outcome reports answers that do not match their
/// schemas.
pub(crate) async fn run(
    wire: &Arc<Wire>,
    account: &Account,
    found: &Found,
    answers: &mut Vec<Answered>,
) -> Outcome {
    let mut lags = false;
    let mut unlike = Vec::new();
    let mut ended: Option<Vec<(&'static str, Finding)>> = None;
    for (nth, probe) in PROBES.iter().enumerate() {
        let scene = Arc::new(Scene {
            case: numbered(wire, account, 1000 + nth),
            found: found.clone(),
            lags,
        });
        let finding = match probe.how {
            How::Unseeable(why) => Err(why.into()),
            How::Alone(find) => {
                let inner = scene.clone();
                settled(AbortOnDrop(tokio::spawn(async move { find(&inner).await })).await)
            }
            How::Ends => {
                if ended.is_none() {
                    ended = Some(ends::all(&scene).await);
                }
                let of = |known: &Vec<(&str, Finding)>| {
                    known
                        .iter()
                        .find(|(switch, _)| *switch == probe.switch)
                        .map(|(_, one)| one.clone())
                };
                let none = || Err("the rooms that were to expire could not be made".into());
                ended.as_ref().and_then(of).unwrap_or_else(none)
            }
        };
        lags |= finding == Ok("lagging");
        crate::live::clean(&scene.case, false).await;
        unlike.extend(scene.case.unlike());
        answers.push(Answered {
            switch: probe.switch,
            answer: finding.map_err(|failure| failure.0),
        });
    }
    Outcome {
        name: "probes::answers_are_like_their_schemas",
        facts: &[],
        end: match unlike.is_empty() {
            true => End::Ok,
            false => End::Failed(unlike.join("\n")),
        },
    }
}

fn settled(finding: Result<Finding, tokio::task::JoinError>) -> Finding {
    finding.unwrap_or_else(|error| Err(format!("the probe itself broke: {error}").into()))
}

/// Fails with an answer that matches none of the expected ones.
fn puzzled<T>(answer: &crate::wire::Answer) -> Result<T, Failure> {
    let text: String = answer.text.chars().take(300).collect();
    Err(format!("the answer explains nothing: {} {text}", answer.status).into())
}
