//! Renders the tables: each fact with its tests, and each switch with its scenarios.

use std::collections::BTreeMap;
use std::fmt::Write;

use daily_sim::Switch;

use super::page::Fact;

/// The names of the tests that cite a fact, by file. Paths are relative to the folder of the simulator.
pub type Places = BTreeMap<String, Vec<String>>;

/// A row for each fact with its tests, in the order of the page.
pub fn facts(facts: &[Fact], tests: &BTreeMap<String, Places>) -> String {
    let mut table = String::from("| fact | tests |\n| --- | --- |\n");
    for fact in facts {
        let cell = match (tests.get(&fact.id), reason(fact)) {
            (Some(places), _) => shown(places),
            (None, Some(why)) => format!("none: {why}"),
            (None, None) => "none".to_owned(),
        };
        // A write to a `String` never fails.
        let _ = writeln!(table, "| {} | {cell} |", fact.id);
    }
    table
}

/// Why no test can show a fact, if its entry gives a reason.
pub fn reason(fact: &Fact) -> Option<&str> {
    let (_, why) = fact.text.split_once("Not tested: ")?;
    Some(why.trim_end_matches('.'))
}

fn shown(places: &Places) -> String {
    let place = |(file, tests): (&String, &Vec<String>)| {
        let tests: Vec<String> = tests.iter().map(|test| format!("`{test}`")).collect();
        format!("{file}: {}", tests.join(", "))
    };
    places.iter().map(place).collect::<Vec<_>>().join("; ")
}

/// A row for each switch with its answers, its fact, and the scenarios of the operator that run under each
/// answer.
pub fn switches(switches: &[Switch], scenarios: &BTreeMap<String, Vec<String>>) -> String {
    let mut table = String::from(
        "| switch | answers, the default first | fact | scenarios of the operator under each answer |\n\
         | --- | --- | --- | --- |\n",
    );
    for switch in switches {
        let names = scenarios.get(switch.name).map(Vec::as_slice);
        let names: Vec<String> = (names.unwrap_or_default().iter())
            .map(|name| format!("`{name}`"))
            .collect();
        // A write to a `String` never fails.
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {} |",
            switch.name,
            switch.values.join(", "),
            switch.fact,
            names.join(", "),
        );
    }
    table
}
