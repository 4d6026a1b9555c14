//! Query arguments, read strictly. // F-ERR-10

use std::str::FromStr;

use crate::Quirks;
use crate::quirks::{LimitOutside, UnknownArgument};
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
        self.only(&[])
    }

    /// The page that is asked for. `others` names the arguments beside the ones for paging.
    pub fn page(self, others: &[&str]) -> Result<PageRequest, Refusal> {
        self.only(&[&PAGING, others].concat())?;
        let limit = self.number("limit")?;
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

    /// The `limit` of a call without pages, of which no source names a maximum. // F-ROOM-35
    pub fn at_most(self, all: usize) -> Result<usize, Refusal> {
        match (self.number::<i64>("limit")?, self.quirks.limit_outside) {
            (None, _) => Ok(all),
            (Some(limit), LimitOutside::Refused) if limit < 1 => {
                Err(Refusal::invalid("limit must be at least 1"))
            }
            (Some(limit), _) => Ok(usize::try_from(limit.max(1)).unwrap_or(all)),
        }
    }

    /// An argument that is a number.
    pub fn number<T: FromStr>(self, wanted: &str) -> Result<Option<T>, Refusal> {
        let wrong = |_| Refusal::invalid(format!("{wanted} should be a number"));
        let text = self.get(wanted);
        text.map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// An argument that is true or false.
    pub fn truth(self, wanted: &str) -> Result<Option<bool>, Refusal> {
        let wrong = |_| Refusal::invalid(format!("{wanted} should be true or false"));
        let text = self.get(wanted);
        text.map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// For a call that takes these arguments alone. // F-ERR-10
    pub fn only(self, known: &[&str]) -> Result<(), Refusal> {
        let mut arguments = self.arguments.iter();
        let unknown = arguments.find(|(name, _)| !known.contains(&name.as_str()));
        match (unknown, self.quirks.unknown_argument) {
            (Some((unknown, _)), UnknownArgument::Refused) => {
                Err(Refusal::invalid(format!("unknown argument '{unknown}'")))
            }
            _ => Ok(()),
        }
    }
}
