//! What a scenario is given: the chart's values, the answers of Daily and the operator's environment.

use std::time::Duration;

use daily_sim::{Quirks, Sim};
use serde_json::{Value, json};

use crate::fixture::{DEFAULT_KEY_SECRET, KEY, NUMBER, SECOND_NUMBER};

/// What a scenario is given.
#[derive(Clone)]
pub struct Setup {
    pub default_key: Option<&'static str>,
    pub starts_operator: bool,
    pub seed: u64,
    pub values: Vec<(&'static str, Value)>,
    pub env: Vec<(String, String)>,
    pub hold_at: Option<&'static str>,
    pub answers: Quirks,
    /// Whether it has an API server of its own, on which the CRDs are not installed.
    pub own_plane: bool,
    pub neighbour: bool,
    pub clock_behind: Duration,
    /// What the domain has purchased, the earliest first.
    pub numbers: Vec<&'static str>,
    /// How many turns of the stage it takes.
    pub turns: u32,
}

impl Setup {
    /// An operator with a default key for all rooms and numbers.
    pub fn new() -> Self {
        Self {
            default_key: Some(KEY),
            starts_operator: true,
            seed: 0,
            values: Vec::new(),
            env: Vec::new(),
            hold_at: None,
            answers: Quirks::default(),
            own_plane: false,
            neighbour: false,
            clock_behind: Duration::ZERO,
            numbers: vec![NUMBER, SECOND_NUMBER],
            turns: 1,
        }
    }

    /// The operator has no default key.
    pub fn without_default_key(mut self) -> Self {
        self.default_key = None;
        self
    }

    /// The default key has this value.
    pub fn default_key(mut self, key: &'static str) -> Self {
        self.default_key = Some(key);
        self
    }

    /// The scenario starts the operator itself, or needs none.
    pub fn without_operator(mut self) -> Self {
        self.starts_operator = false;
        self
    }

    /// It has an API server of its own, on which the CRDs are not installed.
    pub fn own_plane(mut self) -> Self {
        self.own_plane = true;
        self
    }

    /// The operator serves a second namespace, [`crate::fixture::Fixture::neighbour`].
    pub fn neighbour(mut self) -> Self {
        self.neighbour = true;
        self
    }

    /// The simulator's ids and PINs come from this seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Daily's clock is this far behind ours.
    pub fn clock_behind(mut self, by: Duration) -> Self {
        self.clock_behind = by;
        self
    }

    /// It keeps the machine busy: two others may run beside it.
    pub fn busy(mut self) -> Self {
        self.turns = crate::AT_A_TIME - 2;
        self
    }

    /// It runs several operators: fewer others may run beside it.
    pub fn turns(mut self, turns: u32) -> Self {
        self.turns = turns;
        self
    }

    /// What the domain has purchased, the earliest first.
    pub fn numbers(mut self, numbers: &[&'static str]) -> Self {
        self.numbers = numbers.to_vec();
        self
    }

    /// How Daily answers what nobody knows of it.
    pub fn answers(mut self, answers: Quirks) -> Self {
        self.answers = answers;
        self
    }

    /// Sets a top-level value of the chart.
    pub fn value(mut self, name: &'static str, value: Value) -> Self {
        self.values.push((name, value));
        self
    }

    /// The operator writes dial-in configs to the domain's own property.
    pub fn at_the_domain(self) -> Self {
        self.value("numberApi", json!("DomainProperties"))
    }

    /// The operator stops itself at this point, written as `effect:phase[:n]`.
    pub fn stop_at(mut self, point: &str) -> Self {
        self.env.push(stop_at(point));
        self
    }

    /// A pass of the operator panics the first time that it comes to this point.
    pub fn panic_at(mut self, point: &str) -> Self {
        let variable = "DAILY_OPERATOR_PANIC_AT".to_owned();
        self.env.push((variable, point.to_owned()));
        self
    }

    /// The operator logs by this filter.
    pub fn log(mut self, filter: &str) -> Self {
        let variable = "DAILY_OPERATOR_LOG".to_owned();
        self.env.push((variable, filter.to_owned()));
        self
    }

    /// The operator waits at this point, written as `effect:phase`, until [`crate::fixture::Fixture::let_go`].
    pub fn hold_at(mut self, point: &'static str) -> Self {
        self.hold_at = Some(point);
        self
    }

    /// The values of the chart, for a release in this namespace.
    pub fn chart_values(&self, namespace: &str, sim: &Sim) -> Value {
        let secret = match self.default_key {
            Some(_) => DEFAULT_KEY_SECRET,
            None => "",
        };
        // Half of it has to be longer than reads lag.
        let lags = |switch| self.answers.get(switch) == Some("lagging");
        let quiet = match lags("reads") || lags("config-reads") {
            true => "6s",
            false => "1s",
        };
        let mut values = json!({
            "crds": {"enabled": false},
            "rbac": {"userRoles": false, "serviceBinding": false},
            "daily": {
                "baseUrl": sim.base_url(),
                "apiKey": {"existingSecret": {"name": secret}, "numberNamespaces": {}},
            },
            "watchNamespaces": [namespace],
            "driftInterval": "2s",
            "quietPeriod": quiet,
        });
        if self.neighbour {
            values["watchNamespaces"] = json!([namespace, neighbour_of(namespace)]);
        }
        for (name, value) in &self.values {
            values[*name] = value.clone();
        }
        values
    }
}

/// The second namespace of a scenario.
pub fn neighbour_of(namespace: &str) -> String {
    format!("{namespace}-neighbour")
}

/// The environment that stops an operator at a point.
pub fn stop_at(point: &str) -> (String, String) {
    ("DAILY_OPERATOR_STOP_AT".to_owned(), point.to_owned())
}
