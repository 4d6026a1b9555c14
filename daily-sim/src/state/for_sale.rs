//! Phone numbers for sale: searching, buying and releasing them.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::derived::derived;
use super::{AccountId, PurchasedNumber, Refusal, World, random_id};
use crate::quirks::ReleasedConfig;

/// Numbers are sold in the US and Canada only: area code, region and city. // F-NUM-5
const AREAS: &[(&str, &str, &str)] = &[
    ("201", "NJ", "Jersey City"),
    ("202", "DC", "Washington"),
    ("203", "CT", "New Haven"),
    ("204", "MB", "Winnipeg"),
    ("205", "AL", "Birmingham"),
    ("206", "WA", "Seattle"),
    ("212", "NY", "New York"),
    ("213", "CA", "Los Angeles"),
    ("214", "TX", "Dallas"),
    ("215", "PA", "Philadelphia"),
    ("216", "OH", "Cleveland"),
    ("303", "CO", "Denver"),
    ("305", "FL", "Miami"),
    ("306", "SK", "Regina"),
    ("312", "IL", "Chicago"),
    ("313", "MI", "Detroit"),
    ("314", "MO", "St. Louis"),
    ("317", "IN", "Indianapolis"),
    ("403", "AB", "Calgary"),
    ("404", "GA", "Atlanta"),
    ("407", "FL", "Orlando"),
    ("410", "MD", "Baltimore"),
    ("414", "WI", "Milwaukee"),
    ("415", "CA", "San Francisco"),
    ("416", "ON", "Toronto"),
    ("504", "LA", "New Orleans"),
    ("503", "OR", "Portland"),
    ("510", "CA", "Oakland"),
    ("512", "TX", "Austin"),
    ("514", "QC", "Montreal"),
    ("602", "AZ", "Phoenix"),
    ("604", "BC", "Vancouver"),
    ("612", "MN", "Minneapolis"),
    ("613", "ON", "Ottawa"),
    ("615", "TN", "Nashville"),
    ("617", "MA", "Boston"),
    ("619", "CA", "San Diego"),
    ("702", "NV", "Las Vegas"),
    ("704", "NC", "Charlotte"),
    ("713", "TX", "Houston"),
    ("718", "NY", "New York"),
    ("801", "UT", "Salt Lake City"),
    ("805", "CA", "Oxnard"),
    ("808", "HI", "Honolulu"),
    ("902", "NS", "Halifax"),
    ("916", "CA", "Sacramento"),
];

/// How many numbers of each area are for sale at first.
const NUMBERS_AN_AREA: usize = 25;
/// The region of a number that is bought without naming one. // F-NUM-12
const UNNAMED_REGION: &str = "CA";
/// A number cannot be released before. // F-NUM-15
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The place of the first number that is bought in the row of all that are listed.
const FIRST_BOUGHT: u64 = 1_000_000;

/// A number that can be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForSale {
    pub number: String,
    pub region: &'static str,
    pub city: &'static str,
}

impl ForSale {
    /// The ten digits after the country code.
    pub fn digits(&self) -> &str {
        self.number.strip_prefix("+1").unwrap_or(&self.number)
    }
}

/// What became of the wish to release a number.
pub(crate) enum Release {
    Done,
    /// It was bought too lately. // F-NUM-15
    TooEarly,
}

/// Numbers that were sold once; none of them is for sale again. // F-NUM-14
pub(super) type Sold = HashSet<String>;

impl World {
    /// All numbers that can be bought, the same for all accounts, by the seed. They are of the kind
    /// that is kept free for stories (555-0100 to 555-0199): nobody real is ever called.
    pub fn for_sale(&self) -> Vec<ForSale> {
        let area = |&(code, region, city): &(&str, &'static str, &'static str)| {
            let mut last: Vec<u8> = (0..100).collect();
            derived(self.seed, "for sale", code).shuffle(&mut last);
            let number = format!("+1{code}55501");
            let of_area = last
                .into_iter()
                .take(NUMBERS_AN_AREA)
                .map(move |last| ForSale {
                    number: format!("{number}{last:02}"),
                    region,
                    city,
                });
            of_area.collect::<Vec<_>>()
        };
        let mut numbers: Vec<ForSale> = AREAS.iter().flat_map(area).collect();
        numbers.retain(|it| !self.sold.contains(&it.number) && !self.is_owned(&it.number));
        numbers
    }

    fn is_owned(&self, number: &str) -> bool {
        self.accounts.iter().any(|account| account.owns(number))
    }

    /// Buys a number, or some Californian one; none when it is not for sale. // F-NUM-12
    pub fn buy(
        &mut self,
        id: AccountId,
        wanted: Option<&str>,
        now: Timestamp,
    ) -> Option<PurchasedNumber> {
        let mut fitting = self.for_sale();
        match wanted {
            Some(wanted) => fitting.retain(|it| it.number == wanted),
            None => fitting.retain(|it| it.region == UNNAMED_REGION),
        }
        if fitting.is_empty() {
            return None;
        }
        let number = fitting.swap_remove(self.rng.usize(..fitting.len())).number;
        let bought = PurchasedNumber {
            id: random_id(&mut self.rng),
            pagination_id: FIRST_BOUGHT + self.sold.len() as u64, // F-NUM-4
            purchased_at: now,
            number: number.clone(),
        };
        self.sold.insert(number);
        self.account_mut(id).numbers.push(bought.clone());
        Some(bought)
    }

    /// Gives a number back for good. // F-NUM-14
    pub fn release(
        &mut self,
        id: AccountId,
        number: &str,
        now: Timestamp,
    ) -> Result<Release, Refusal> {
        self.note_configs(id, now);
        let config_goes = self.quirks.released_config == ReleasedConfig::Deleted;
        let account = self.account_mut(id);
        let found = account.numbers.iter().position(|it| it.id == number);
        let missing = || Refusal::not_found(format!("phone number {number} not found"));
        let place = found.ok_or_else(missing)?;
        let bought = account.numbers.get(place).ok_or_else(missing)?;
        if now.duration_since(bought.purchased_at) < KEPT_FOR {
            return Ok(Release::TooEarly);
        }
        let released = account.numbers.remove(place);
        let number = released.number.clone();
        let is_for = |it: Option<&str>| it == Some(number.as_str());
        // F-NUM-19
        if config_goes {
            account
                .configs
                .retain(|config| !is_for(config.phone_number()));
        }
        account.released.push(released);
        self.sold.insert(number);
        Ok(Release::Done)
    }
}
