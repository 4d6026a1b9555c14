//! Generates two tables in the simulator's README: the tests of each fact, and the scenarios of the operator
//! that run under each answer of a switch. With `--check` it only reports whether the README differs.

mod citing;
mod page;
mod scenarios;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use daily_sim::SWITCHES;

use self::page::Fact;
use self::table::Places;
use crate::cargo::root;
use crate::with_causes;

const PAGE: &str = "docs/daily-api-facts.md";
const README: &str = "daily-sim/README.md";
const SCENARIOS: &str = "tests/api";
/// The folders with tests that cite facts.
const FOLDERS: [&str; 2] = ["daily-sim/src", "daily-sim/tests"];
const BEGIN: &str = "<!-- written by `cargo xtask facts`: begin -->\n";
const END: &str = "<!-- written by `cargo xtask facts`: end -->\n";

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write nothing; fail if the README differs.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, thiserror::Error)]
enum FactsError {
    #[error("{} could not be {verb}", path.display())]
    File {
        path: PathBuf,
        verb: &'static str,
        source: std::io::Error,
    },
    #[error("{README} has no place for the tables: write {BEGIN:?} and {END:?}, each on a line")]
    NoPlace,
    #[error(
        "no test cites {0}: write one that does, or say in its entry in {PAGE} why there is none, \
         with the words `Not tested: `"
    )]
    Untested(String),
    #[error("no scenario of the operator runs under each answer of {0}")]
    Unborne(String),
}

pub fn run(args: &Args) -> ExitCode {
    match synchronise(args.check) {
        Ok(true) => {
            println!("{README} is up to date");
            ExitCode::SUCCESS
        }
        Ok(false) if args.check => {
            eprintln!("{README} differs: run `cargo xtask facts` and commit what it writes");
            ExitCode::FAILURE
        }
        Ok(false) => {
            println!("written: {README}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// Whether the README was up to date. Writes it unless `check` is set.
fn synchronise(check: bool) -> Result<bool, FactsError> {
    let facts = page::facts(&read(&root().join(PAGE))?);
    let tests = tests()?;
    let scenarios = scenarios()?;
    complete(&facts, &tests, &scenarios)?;
    let readme = root().join(README);
    let before = read(&readme)?;
    let (head, rest) = before.split_once(BEGIN).ok_or(FactsError::NoPlace)?;
    let (_, tail) = rest.split_once(END).ok_or(FactsError::NoPlace)?;
    let switches = table::switches(SWITCHES, &scenarios);
    let facts = table::facts(&facts, &tests);
    let after = format!("{head}{BEGIN}\n{switches}\n{facts}\n{END}{tail}");
    let is_same = before == after;
    if !is_same && !check {
        std::fs::write(&readme, after).map_err(|source| FactsError::File {
            path: readme,
            verb: "written",
            source,
        })?;
    }
    Ok(is_same)
}

/// Each fact needs a test or a reason why there is none, and each switch needs a scenario.
fn complete(
    facts: &[Fact],
    tests: &BTreeMap<String, Places>,
    scenarios: &BTreeMap<String, Vec<String>>,
) -> Result<(), FactsError> {
    let is_open = |fact: &&Fact| !tests.contains_key(&fact.id) && table::reason(fact).is_none();
    let open: Vec<&str> = facts
        .iter()
        .filter(is_open)
        .map(|fact| fact.id.as_str())
        .collect();
    if !open.is_empty() {
        return Err(FactsError::Untested(open.join(", ")));
    }
    let names = SWITCHES.iter().map(|switch| switch.name);
    let unborne: Vec<&str> = names
        .filter(|name| !scenarios.contains_key(*name))
        .collect();
    match unborne.is_empty() {
        true => Ok(()),
        false => Err(FactsError::Unborne(unborne.join(", "))),
    }
}

/// The tests that cite each fact, by file.
fn tests() -> Result<BTreeMap<String, Places>, FactsError> {
    let mut tests: BTreeMap<String, Places> = BTreeMap::new();
    for folder in FOLDERS {
        for path in sources(&root().join(folder))? {
            let file = path.strip_prefix(root().join("daily-sim")).unwrap_or(&path);
            let file = file.display().to_string();
            for citing in citing::citing(&read(&path)?) {
                for id in citing.ids {
                    let places = tests.entry(id).or_default();
                    places
                        .entry(file.clone())
                        .or_default()
                        .push(citing.test.clone());
                }
            }
        }
    }
    Ok(tests)
}

/// The scenarios of the operator that run under each answer of each switch.
fn scenarios() -> Result<BTreeMap<String, Vec<String>>, FactsError> {
    let paths = sources(&root().join(SCENARIOS))?;
    let texts: Vec<String> = paths
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let lists = texts
        .iter()
        .flat_map(|text| scenarios::lists(text))
        .collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for text in &texts {
        for (scenario, switches) in scenarios::joined(text, &lists, SWITCHES) {
            for switch in switches {
                found.entry(switch).or_default().insert(scenario.clone());
            }
        }
    }
    let sorted = found
        .into_iter()
        .map(|(switch, names)| (switch, names.into_iter().collect()));
    Ok(sorted.collect())
}

fn read(path: &Path) -> Result<String, FactsError> {
    std::fs::read_to_string(path).map_err(|source| FactsError::File {
        path: path.to_owned(),
        verb: "read",
        source,
    })
}

/// The Rust sources below a folder, sorted.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, FactsError> {
    let failed = |source| FactsError::File {
        path: folder.to_owned(),
        verb: "listed",
        source,
    };
    let mut sources_found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            sources_found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources_found.push(path);
        }
    }
    sources_found.sort();
    Ok(sources_found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_is_up_to_date() {
        let same = synchronise(true).map_err(|error| with_causes(&error));
        assert_eq!(
            same,
            Ok(true),
            "run `cargo xtask facts` and commit what it writes"
        );
    }
}
