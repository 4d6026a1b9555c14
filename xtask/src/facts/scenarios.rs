//! Reads from the sources which scenarios of the operator run under each answer of which switch.

use std::collections::BTreeMap;

use daily_sim::Switch;

/// The call with which a scenario is registered.
const JOINS: &str = "under_each_answer(";
/// The variant that stands for all switches instead of a list of names.
const ALL: &str = "ByAll";

/// Named lists of switches, such as `const NAME: &[&str] = &["a", "b"];`.
pub fn lists(source: &str) -> BTreeMap<String, Vec<String>> {
    let list = |text: &str| {
        let (name, rest) = text.split_once(": &[&str] = &[")?;
        let (words, _) = rest.split_once("];")?;
        Some((name.to_owned(), literals(words)))
    };
    source.split("const ").skip(1).filter_map(list).collect()
}

/// Each registered scenario with its switches.
pub fn joined(
    source: &str,
    lists: &BTreeMap<String, Vec<String>>,
    switches: &[Switch],
) -> Vec<(String, Vec<String>)> {
    let scenario = |text: &str| {
        let call = balanced(text);
        let mut words = literals(call).into_iter();
        let name = words.next()?;
        let named = (lists.iter())
            .filter(|(list, _)| has_word(call, list))
            .flat_map(|(_, words)| words.clone());
        let mut told: Vec<String> = words.chain(named).collect();
        if has_word(call, ALL) {
            told.extend(switches.iter().map(|switch| switch.name.to_owned()));
        }
        told.retain(|word| switches.iter().any(|switch| switch.name == word));
        Some((name, told))
    };
    source.split(JOINS).skip(1).filter_map(scenario).collect()
}

/// The text up to the closing parenthesis of an argument list.
fn balanced(text: &str) -> &str {
    let mut depth = 1_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.get(..at).unwrap_or(text);
        }
    }
    text
}

/// The string literals in a text. Names contain no escapes.
fn literals(text: &str) -> Vec<String> {
    text.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use daily_sim::SWITCHES;

    use super::*;

    #[test]
    fn scenarios_are_read_with_their_switches() {
        let source = r#"
const PIN: &[&str] = &["pin-on-exp", "pin-on-update"];
    stage.under_each_answer("a::one", Setup::new(), Affected::By(&["card"]), one),
    stage.under_each_answer(
        "a::two",
        Setup::new(),
        Affected::By(PIN),
        two,
    ),
    stage.under_each_answer("a::all", Setup::new(), Affected::ByAll, all),
    stage.trial("a::none", Setup::new(), none),
"#;
        let found = joined(source, &lists(source), SWITCHES);
        let told: Vec<(&str, usize)> = found
            .iter()
            .map(|(name, switches)| (name.as_str(), switches.len()))
            .collect();
        assert_eq!(
            told,
            [("a::one", 1), ("a::two", 2), ("a::all", SWITCHES.len())]
        );
    }
}
