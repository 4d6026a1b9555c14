//! The tables that are written: each fact with its tests, each switch with what shows the operator
//! bearing its answers.

use std::collections::BTreeMap;
use std::fmt::Write;

use daily_sim::Switch;

use super::page::Fact;

/// Where the tests of a fact are: the file, below the folder of the simulator, and their names.
pub type Places = BTreeMap<String, Vec<String>>;

/// Each fact with its tests, in the order of the page.
pub fn facts(facts: &[Fact], tests: &BTreeMap<String, Places>) -> String {
    let mut table = String::from("| fact | tests |\n| --- | --- |\n");
    for fact in facts {
        let cell = match (tests.get(&fact.id), reason(fact)) {
            (Some(places), _) => shown(places),
            (None, Some(why)) => format!("none: {why}"),
            (None, None) => "none".to_owned(),
        };
        // Writing to a String does not fail.
        let _ = writeln!(table, "| {} | {cell} |", fact.id);
    }
    table
}

/// Why nothing can show a fact, if its entry says so.
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

/// Each switch with its answers, its fact and the scenarios of the operator that run under each answer.
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
        // Writing to a String does not fail.
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
