//! Query arguments, read strictly. // F-ERR-10

use crate::Quirks;
use crate::quirks::UnknownArgument;
use crate::state::{Cursor, PageRequest, Refusal};

/// The arguments of a call, not read yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a> {
    arguments: &'a [(String, String)],
    quirks: Quirks,
}

const PAGING: [&str; 3] = ["limit", "starting_after", "ending_before"];

impl<'a> Query<'a> {
    pub fn new(arguments: &'a [(String, String)], quirks: Quirks) -> Self {
        Self { arguments, quirks }
    }

    /// For a call that takes no arguments.
    pub fn none(self) -> Result<(), Refusal> {
        self.only(|_| false)
    }

    /// The page that is asked for. `others` names the arguments beside the ones for paging.
    pub fn page(self, others: &[&str]) -> Result<PageRequest, Refusal> {
        self.only(|name| PAGING.contains(&name) || others.contains(&name))?;
        let number = |text: &str| {
            text.parse()
                .map_err(|_| Refusal::invalid("limit should be a number"))
        };
        let limit = self.get("limit").map(number).transpose()?;
        let cursor = match (self.get("starting_after"), self.get("ending_before")) {
            (None, None) => Cursor::Start,
            (Some(id), None) => Cursor::After(id.to_owned()),
            (None, Some(id)) => Cursor::Before(id.to_owned()),
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid(
                    "starting_after and ending_before exclude each other",
                ));
            }
        };
        Ok(PageRequest {
            limit,
            cursor,
            limit_outside: self.quirks.limit_outside,
            gone_cursor: self.quirks.gone_cursor,
        })
    }

    pub fn get(self, wanted: &str) -> Option<&'a str> {
        let mut arguments = self.arguments.iter();
        let (_, value) = arguments.find(|(name, _)| name == wanted)?;
        Some(value)
    }

    fn only(self, known: impl Fn(&str) -> bool) -> Result<(), Refusal> {
        let unknown = self.arguments.iter().find(|(name, _)| !known(name));
        match (unknown, self.quirks.unknown_argument) {
            (Some((unknown, _)), UnknownArgument::Refused) => {
                Err(Refusal::invalid(format!("unknown argument '{unknown}'")))
            }
            _ => Ok(()),
        }
    }
}
