//! Lists that Daily answers in pages. No I/O.

use serde::Deserialize;
use serde_json::Value;

use super::error::CallError;
use super::types::{Answer, DialinConfig, PurchasedNumber};

/// A list with more pages does not end: 1,000 pages are 50,000 numbers.
const MOST_PAGES: usize = 1_000;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items that the operator reads.
    pub items: Vec<T>,
    /// How many items Daily listed, those that the operator skips included.
    pub listed: usize,
    /// How many items the whole list has.
    pub total: usize,
    /// The cursor of the last item, after which the next page begins.
    pub last: Option<String>,
}

/// The cursor of a page does not lead on.
#[derive(Debug, thiserror::Error)]
#[error("the pages of the list do not lead to its end")]
struct Stuck;

/// Reads all pages of a list. `read` calls Daily for the page after a cursor.
///
/// A list has ended when a page is empty, or when as many items were listed as the list has. A page
/// that is not full proves nothing: Daily may send fewer.
///
/// # Errors
/// If a call fails, or the pages do not lead to an end.
pub async fn read_all<T, F>(
    mut read: impl FnMut(Option<String>) -> F,
) -> Result<Answer<Vec<T>>, CallError>
where
    F: Future<Output = Result<Answer<Page<T>>, CallError>>,
{
    let mut items = Vec::new();
    let mut listed = 0;
    let mut cursors: Vec<String> = Vec::new();
    loop {
        let Answer { value: page, date } = read(cursors.last().cloned()).await?;
        items.extend(page.items);
        listed += page.listed;
        if page.listed == 0 || listed >= page.total {
            return Ok(Answer { value: items, date });
        }
        let is_new = |it: &String| !cursors.contains(it) && cursors.len() < MOST_PAGES;
        let cursor = page.last.filter(is_new);
        cursors.push(cursor.ok_or_else(|| CallError::unavailable(Stuck))?);
    }
}

/// The body of a page. // F-CFG-6, F-NUM-2
#[derive(Deserialize)]
pub(super) struct Body<T> {
    total_count: usize,
    data: Vec<T>,
}

impl<T> Body<T> {
    /// The page with the cursor of its last entry that has one, and what the operator reads of each entry.
    fn page<U>(
        self,
        cursor: impl Fn(&T) -> Option<String>,
        item: impl Fn(T) -> Option<U>,
    ) -> Page<U> {
        Page {
            listed: self.data.len(),
            total: self.total_count,
            last: self.data.iter().rev().find_map(cursor),
            items: self.data.into_iter().filter_map(item).collect(),
        }
    }
}

impl From<Body<DialinConfig>> for Page<DialinConfig> {
    fn from(body: Body<DialinConfig>) -> Self {
        body.page(|it| Some(it.id.clone()), Some)
    }
}

/// An entry of the list of numbers (F-NUM-1). Verified caller ids are listed too, without an `id`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ListedNumber {
    id: Value,
    number: Option<String>,
    created_date: Value,
    pagination_id: Option<i64>,
    deleted: Value,
}

impl ListedNumber {
    /// The number, unless it is a verified caller id (F-NUM-8) or was released (F-NUM-18).
    fn purchased(self) -> Option<PurchasedNumber> {
        let is_released = !matches!(self.deleted, Value::Null | Value::Bool(false));
        if self.id.is_null() || is_released {
            return None;
        }
        Some(PurchasedNumber {
            number: self.number?,
            created: self.created_date.as_str().and_then(moment),
            pagination_id: self.pagination_id?,
        })
    }
}

impl From<Body<ListedNumber>> for Page<PurchasedNumber> {
    fn from(body: Body<ListedNumber>) -> Self {
        let cursor = |it: &ListedNumber| Some(it.pagination_id?.to_string());
        body.page(cursor, ListedNumber::purchased)
    }
}

/// An entry of the list of meetings (F-MEET-1).
#[derive(Deserialize)]
pub(super) struct ListedMeeting {
    id: String,
    room: String,
}

impl From<Body<ListedMeeting>> for Page<String> {
    fn from(body: Body<ListedMeeting>) -> Self {
        body.page(|it| Some(it.id.clone()), |it| Some(it.room))
    }
}

/// Unix seconds of a date in ISO 8601 or RFC 2822: Daily has answered both.
fn moment(date: &str) -> Option<i64> {
    use k8s_openapi::jiff::{Timestamp, fmt::rfc2822};
    let mail = || Some(rfc2822::parse(date).ok()?.timestamp());
    let time = date.parse::<Timestamp>().ok().or_else(mail)?;
    Some(time.as_second())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt;
    use serde_json::json;

    use super::*;
    use crate::cause::chain;

    fn page(items: &[u32], total: usize, last: Option<u32>) -> Page<u32> {
        Page {
            items: items.to_vec(),
            listed: items.len(),
            total,
            last: last.map(|it| it.to_string()),
        }
    }

    /// The items of these pages, and the requested cursors.
    fn read(pages: Vec<Page<u32>>) -> (Result<Vec<u32>, String>, Vec<Option<String>>) {
        let mut asked = Vec::new();
        let mut pages = pages.into_iter();
        let read = read_all(|after| {
            asked.push(after);
            let value = pages.next().expect("no page after the last");
            async { Ok(Answer { value, date: None }) }
        });
        let read = read.now_or_never().expect("nothing waits");
        let items = read.map(|it| it.value).map_err(|error| chain(&error));
        (items, asked)
    }

    #[track_caller]
    fn is_stuck(pages: Vec<Page<u32>>) {
        let error = read(pages).0.unwrap_err();
        assert!(error.contains("do not lead to its end"), "{error}");
    }

    #[test]
    fn pages_are_put_together_until_the_total_is_reached() {
        let pages = vec![page(&[5, 4], 3, Some(4)), page(&[3], 3, Some(3))];
        let (items, asked) = read(pages);
        assert_eq!(items.unwrap(), [5, 4, 3]);
        assert_eq!(asked, [None, Some("4".to_owned())]);
    }

    #[test]
    fn an_empty_page_ends_the_list() {
        let pages = vec![page(&[5], 9, Some(5)), page(&[], 9, None)];
        assert_eq!(read(pages).0.unwrap(), [5]);
        assert!(read(vec![page(&[], 0, None)]).0.unwrap().is_empty());
    }

    #[test]
    fn a_cursor_that_does_not_lead_on_is_an_error() {
        let around = [5, 4, 5].map(|it| page(&[it], 9, Some(it)));
        is_stuck(around.into());
        is_stuck(vec![page(&[5], 9, None)]);
    }

    #[test]
    fn pages_without_end_are_an_error() {
        let pages = Cell::new(0);
        let read = read_all(|_| {
            let it = pages.get();
            pages.set(it + 1);
            let value = page(&[it], usize::MAX, Some(it));
            async { Ok(Answer { value, date: None }) }
        });
        assert!(read.now_or_never().expect("nothing waits").is_err());
        assert_eq!(pages.get(), 1_001);
    }

    /// F-NUM-1, F-NUM-2, F-NUM-8, F-NUM-18.
    #[test]
    fn purchased_numbers_are_read_and_others_left_out() {
        let body = json!({"total_count": 7, "data": [
            {"id": "a", "number": "+12025550123", "pagination_id": 9, "name": null,
             "created_date": "2023-03-27T16:58:50.000Z"},
            {"id": "b", "number": "+12025550124", "pagination_id": 8,
             "created_date": "Mon, 27 Mar 2023 16:58:50 GMT"},
            {"id": "c", "number": "+12025550125", "pagination_id": 7, "created_date": "lately"},
            {"id": "d", "number": "+12025550126", "pagination_id": 6},
            {"number": "+12025550127", "type": "verified_caller_id", "pagination_id": 5},
            {"id": "e", "number": "+12025550128", "pagination_id": 4, "deleted": true},
            {"id": "f", "number": "+12025550129", "pagination_id": 3, "deleted": "2025-04-01"},
        ]});
        let read: Body<ListedNumber> = serde_json::from_value(body).expect("reads");
        let page = Page::from(read);
        let created: Vec<_> = page.items.iter().map(|number| number.created).collect();
        let bought = Some(1_679_936_330);
        assert_eq!(created, [bought, bought, None, None]);
        assert_eq!(
            (page.listed, page.total, page.last),
            (7, 7, Some("3".to_owned()))
        );
    }
}
