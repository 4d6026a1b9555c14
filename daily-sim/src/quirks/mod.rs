//! Quirks: points on which no source says how Daily answers, each a switch with its possible answers.
//!
//! A fact that is graded unknown in `docs/daily-api-facts.md` names its switch. A client
//! of Daily should work under each answer.

use std::collections::BTreeMap;

mod macros;
mod table;

pub(crate) use self::table::*;
pub use self::table::{Quirks, SWITCHES};

/// A point on which no source says how Daily answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Its name: `--quirk NAME=VALUE`.
    pub name: &'static str,
    /// The fact in `docs/daily-api-facts.md` that it belongs to.
    pub fact: &'static str,
    /// What it switches, in a sentence.
    pub about: &'static str,
    /// The possible answers. The first is the default, the likelier one.
    pub values: &'static [&'static str],
}

impl Switch {
    /// The answer that holds unless it is switched.
    pub fn default_value(&self) -> &'static str {
        self.values.first().copied().unwrap_or_default()
    }

    /// The answers beside the default.
    pub fn other_values(&self) -> &'static [&'static str] {
        self.values.get(1..).unwrap_or_default()
    }
}

impl Quirks {
    /// Sets the switch of this name.
    ///
    /// # Errors
    /// A sentence that says what there is, when there is no such switch or no such answer.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let Some(switch) = SWITCHES.iter().find(|switch| switch.name == name) else {
            let names: Vec<&str> = SWITCHES.iter().map(|switch| switch.name).collect();
            let names = names.join(", ");
            return Err(format!("there is no quirk {name:?}: write one of {names}"));
        };
        if self.put(name, value) {
            return Ok(());
        }
        let values = switch.values.join(" or ");
        Err(format!("quirk {name} cannot be {value:?}: write {values}"))
    }

    /// These with some switched: all that are named, or none.
    pub(crate) fn with(mut self, wanted: &BTreeMap<String, String>) -> Result<Self, String> {
        for (name, value) in wanted {
            self.set(name, value)?;
        }
        Ok(self)
    }

    /// Sets a switch as the command line has it: `NAME=VALUE`.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn set_line(&mut self, line: &str) -> Result<(), String> {
        let (name, value) = line
            .split_once('=')
            .ok_or_else(|| format!("{line:?} is not a quirk: write NAME=VALUE"))?;
        self.set(name, value)
    }

    /// Every switch with its answer.
    pub fn all(&self) -> impl Iterator<Item = (&'static Switch, &'static str)> + '_ {
        let answered = |switch: &'static Switch| (switch, self.get(switch.name));
        let told = |(switch, value): (_, Option<_>)| Some((switch, value?));
        SWITCHES.iter().map(answered).filter_map(told)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_switch_takes_each_of_its_values_and_starts_with_the_first() {
        let mut quirks = Quirks::default();
        for switch in SWITCHES {
            assert_eq!(quirks.get(switch.name), Some(switch.default_value()));
            for &value in switch.values {
                quirks.set(switch.name, value).expect("is a value");
                assert_eq!(quirks.get(switch.name), Some(value));
            }
            assert!(switch.values.len() > 1 && !switch.about.is_empty());
        }
        let names: BTreeSet<_> = SWITCHES.iter().map(|switch| switch.name).collect();
        assert_eq!(names.len(), SWITCHES.len(), "no name comes twice");
        assert_eq!(quirks.all().count(), SWITCHES.len());
    }

    #[test]
    fn a_mistake_is_told_with_what_to_write() {
        let mut quirks = Quirks::default();
        let told = |error: Result<(), String>| error.expect_err("must be refused");
        assert!(told(quirks.set("cards", "present")).contains("card, "));
        assert!(told(quirks.set("card", "gold")).contains("present or missing"));
        assert!(told(quirks.set_line("card")).contains("NAME=VALUE"));
        assert_eq!(quirks, Quirks::default());
    }
}
