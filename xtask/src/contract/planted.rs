//! Plants misbehaviours into the simulator, one at a time, and requires that the suite fails for each.
//!
//! A suite that cannot fail proves nothing. The misbehaviours are planted into a copy of the sources in
//! `target/planted/`, so the source tree does not change.

mod copy;
mod table;

use std::process::Stdio;

use contract::run::{End, Outcome, in_simulator};
use tokio::process::Command;

use self::copy::Copied;
pub use self::table::{PLANTED, Planted};
use super::{Error, sim};

/// Plants each misbehaviour whose name contains this text.
pub async fn run(only: Option<&str>) -> Result<Vec<Outcome>, Error> {
    let chosen = |planted: &&Planted| only.is_none_or(|only| planted.name.contains(only));
    let chosen: Vec<&Planted> = PLANTED.iter().filter(chosen).collect();
    if chosen.is_empty() {
        return Err(Error::NoCheck(only.unwrap_or_default().to_owned()));
    }
    let copied = Copied::make()?;
    let mut outcomes = Vec::new();
    for planted in chosen {
        let end = match seen(&copied, planted).await? {
            None => End::Ok,
            Some(why) => End::Failed(why),
        };
        copied.restore(planted.file)?;
        let outcome = Outcome {
            name: planted.name,
            facts: &[],
            end,
        };
        println!("{}", outcome.text());
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Plants one misbehaviour and runs the suite. Returns why the suite missed it, or `None` if the check
/// failed.
async fn seen(copied: &Copied, planted: &Planted) -> Result<Option<String>, Error> {
    if let Err(why) = copied.plant(planted)? {
        return Ok(Some(why));
    }
    if let Err(why) = build(copied).await? {
        return Ok(Some(format!("it does not build: {why}")));
    }
    let (_child, fleet) = sim::program(&copied.program()).await?;
    let area = planted.check.split("::").next().unwrap_or_default();
    let outcomes = in_simulator(&fleet, Some(&format!("{area}::")), &|_| {}).await?;
    let named = outcomes
        .iter()
        .find(|outcome| outcome.name == planted.check);
    Ok(match named.map(|outcome| &outcome.end) {
        Some(End::Failed(_)) => None,
        Some(_) => Some(format!("{} stayed green", planted.check)),
        None => Some(format!("there is no check {}", planted.check)),
    })
}

async fn build(copied: &Copied) -> Result<Result<(), String>, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--package",
            "daily-sim",
            "--locked",
            "--quiet",
            "--target-dir",
        ])
        .arg(copied.target())
        .current_dir(copied.sources())
        .env("RUSTFLAGS", "--allow warnings")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| Error::Program {
            program: "cargo build".into(),
            source,
        })?;
    Ok(match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cargo::root;

    #[test]
    fn each_text_to_replace_occurs_once() {
        for planted in PLANTED {
            let path = root().join(planted.file);
            let text = std::fs::read_to_string(&path).expect("a source file");
            let found = text.matches(planted.find).count();
            assert_eq!(
                found, 1,
                "{}: {:?} in {}",
                planted.name, planted.find, planted.file
            );
            assert_ne!(planted.find, planted.replace, "{}", planted.name);
        }
    }

    #[test]
    fn each_names_a_check_and_there_are_twenty_at_least() {
        let checks: BTreeSet<&str> = contract::all_checks()
            .iter()
            .map(|check| check.name)
            .collect();
        let names: BTreeSet<&str> = PLANTED.iter().map(|planted| planted.name).collect();
        assert_eq!(names.len(), PLANTED.len(), "no name comes twice");
        assert!(names.len() >= 20);
        for planted in PLANTED {
            assert!(
                checks.contains(planted.check),
                "there is no check {}",
                planted.check
            );
        }
    }

    #[test]
    fn the_readme_lists_them() {
        let readme = std::fs::read_to_string(root().join("contract/README.md")).expect("a README");
        let listed: Vec<&str> = readme
            .lines()
            .skip_while(|line| *line != "| misbehaviour | area | check |")
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .collect();
        let row = |planted: &Planted| {
            format!(
                "| {} | {} | `{}` |",
                planted.name, planted.area, planted.check
            )
        };
        let wanted: Vec<String> = PLANTED.iter().map(row).collect();
        assert_eq!(listed, wanted);
    }
}
