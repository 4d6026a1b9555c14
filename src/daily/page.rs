//! Pages of lists, and putting them together. No I/O.

use super::types::{DialinConfig, PurchasedNumber};
use serde::Deserialize;
use serde_json::Value;

/// No list has more pages than this; one that seems to goes round in circles.
const MOST_PAGES: usize = 1_000;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// What is on it and of use.
    pub items: Vec<T>,
    /// How many items are on it, of use or not.
    pub listed: usize,
    /// How many the list has, as this page says.
    pub total: usize,
    /// The cursor of the last item.
    pub last: Option<C>,
}

/// The cursor of a page does not lead on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pages of the list do not lead to its end")]
pub struct Stuck;

/// The pages of a list, put together one after the other.
///
/// A list has ended when its page is empty, or when as many items were listed as it has. A page
/// that is not full proves nothing: Daily may have its reasons to send fewer.
#[derive(Clone, Debug)]
pub struct Pages<T, C> {
    items: Vec<T>,
    listed: usize,
    cursors: Vec<C>,
}

impl<T, C> Default for Pages<T, C> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            listed: 0,
            cursors: Vec::new(),
        }
    }
}

impl<T, C: PartialEq> Pages<T, C> {
    /// Where the next page begins; `None` is the first page.
    #[must_use]
    pub fn after(&self) -> Option<&C> {
        self.cursors.last()
    }

    /// Adds the page that comes [`after`](Self::after), and says whether there are more.
    ///
    /// # Errors
    /// When its cursor was there before.
    pub fn add(&mut self, page: Page<T, C>) -> Result<bool, Stuck> {
        self.items.extend(page.items);
        self.listed += page.listed;
        if page.listed == 0 || self.listed >= page.total {
            return Ok(false);
        }
        let cursor = page.last.ok_or(Stuck)?;
        if self.cursors.contains(&cursor) || self.cursors.len() >= MOST_PAGES {
            return Err(Stuck);
        }
        self.cursors.push(cursor);
        Ok(true)
    }

    /// All that was on the pages.
    #[must_use]
    pub fn into_items(self) -> Vec<T> {
        self.items
    }
}

/// A page of `GET /domain-dialin-config`. // F-CFG-6
#[derive(Deserialize)]
pub(super) struct ConfigsPage {
    total_count: usize,
    data: Vec<DialinConfig>,
}

impl ConfigsPage {
    /// The page with this number's configs only: the filter of the call matches parts. // F-CFG-7
    pub(super) fn of(self, number: Option<&str>) -> Page<DialinConfig, String> {
        let wanted = |config: &DialinConfig| {
            number.is_none_or(|number| config.config.phone_number.as_deref() == Some(number))
        };
        Page {
            listed: self.data.len(),
            total: self.total_count,
            last: self.data.last().map(|config| config.id.clone()),
            items: self.data.into_iter().filter(wanted).collect(),
        }
    }
}

/// A page of `GET /purchased-phone-numbers`. // F-NUM-1, F-NUM-2
#[derive(Deserialize)]
pub(super) struct NumbersPage {
    total_count: usize,
    data: Vec<ListedNumber>,
}

/// Any entry of the list; verified caller ids have no `id`.
#[derive(Deserialize)]
struct ListedNumber {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    number: Option<String>,
    #[serde(default)]
    created_date: Value,
    #[serde(default)]
    pagination_id: Option<i64>,
}

impl ListedNumber {
    fn purchased(self) -> Option<PurchasedNumber> {
        if self.id.is_null() {
            return None;
        }
        Some(PurchasedNumber {
            number: self.number?,
            created: self.created_date.as_str().and_then(moment),
            pagination_id: self.pagination_id?,
        })
    }
}

impl From<NumbersPage> for Page<PurchasedNumber, i64> {
    fn from(page: NumbersPage) -> Self {
        Self {
            listed: page.data.len(),
            total: page.total_count,
            last: page.data.iter().rev().find_map(|entry| entry.pagination_id),
            items: page
                .data
                .into_iter()
                .filter_map(ListedNumber::purchased)
                .collect(),
        }
    }
}

/// Unix seconds of a date in ISO 8601 or as in mail; both have been seen.
fn moment(date: &str) -> Option<i64> {
    use k8s_openapi::jiff::{Timestamp, fmt::rfc2822};
    let mail = || Some(rfc2822::parse(date).ok()?.timestamp());
    let time = date.parse::<Timestamp>().ok().or_else(mail)?;
    Some(time.as_second())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(items: &[u32], total: usize, last: Option<u32>) -> Page<u32, u32> {
        Page {
            items: items.to_vec(),
            listed: items.len(),
            total,
            last,
        }
    }

    #[test]
    fn pages_are_put_together_until_the_total_is_reached() {
        let mut pages = Pages::default();
        assert_eq!(pages.after(), None);
        assert_eq!(pages.add(page(&[5, 4], 3, Some(4))), Ok(true));
        assert_eq!(pages.after(), Some(&4));
        assert_eq!(pages.add(page(&[3], 3, Some(3))), Ok(false));
        assert_eq!(pages.into_items(), [5, 4, 3]);
    }

    #[test]
    fn an_empty_page_ends_the_list() {
        let mut pages = Pages::default();
        assert_eq!(pages.add(page(&[5], 9, Some(5))), Ok(true));
        assert_eq!(pages.add(page(&[], 9, None)), Ok(false));
        let mut none = Pages::default();
        assert_eq!(none.add(page(&[], 0, None)), Ok(false));
    }

    #[test]
    fn a_cursor_that_does_not_lead_on_is_an_error() {
        let mut pages = Pages::default();
        assert_eq!(pages.add(page(&[5], 9, Some(5))), Ok(true));
        assert_eq!(pages.add(page(&[4], 9, Some(4))), Ok(true));
        assert_eq!(pages.add(page(&[5], 9, Some(5))), Err(Stuck));
        let mut pages = Pages::default();
        assert_eq!(pages.add(page(&[5], 9, None)), Err(Stuck));
    }

    #[test]
    fn pages_without_end_are_an_error() {
        let mut pages = Pages::default();
        let stuck = (0..).find(|&n| pages.add(page(&[n], usize::MAX, Some(n))).is_err());
        assert_eq!(stuck, Some(1_000));
    }

    /// F-CFG-7.
    #[test]
    fn only_the_exact_number_is_meant() {
        let config = |id: &str, number: Option<&str>| {
            json!({"id": id, "type": "pin_dialin",
                   "config": {"phone_number": number, "sip_uri": null, "name_prefix": "p"}})
        };
        let body = json!({"total_count": 3, "data": [
            config("a", Some("+120255501234")), config("b", Some("+12025550123")), config("c", None),
        ]});
        let read = || serde_json::from_value::<ConfigsPage>(body.clone()).expect("reads");
        let one = read().of(Some("+12025550123"));
        assert_eq!(one.items.len(), 1);
        assert_eq!(one.items[0].id, "b");
        assert_eq!((one.listed, one.last.as_deref()), (3, Some("c")));
        assert_eq!(read().of(None).items.len(), 3);
    }

    /// F-NUM-1, F-NUM-2.
    #[test]
    fn purchased_numbers_are_read_and_others_left_out() {
        let body = json!({"total_count": 5, "data": [
            {"id": "a", "number": "+12025550123", "pagination_id": 9, "name": null,
             "created_date": "2023-03-27T16:58:50.000Z"},
            {"id": "b", "number": "+12025550124", "pagination_id": 8,
             "created_date": "Mon, 27 Mar 2023 16:58:50 GMT"},
            {"id": "c", "number": "+12025550125", "pagination_id": 7, "created_date": "lately"},
            {"id": "d", "number": "+12025550126", "pagination_id": 6},
            {"number": "+12025550127", "type": "verified_caller_id", "pagination_id": 5},
        ]});
        let read: NumbersPage = serde_json::from_value(body).expect("reads");
        let page = Page::from(read);
        let created: Vec<_> = page.items.iter().map(|number| number.created).collect();
        let bought = Some(1_679_936_330);
        assert_eq!(created, [bought, bought, None, None]);
        assert_eq!((page.listed, page.total, page.last), (5, 5, Some(5)));
    }
}
