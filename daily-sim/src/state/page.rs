//! Paging through lists, the same for all of them.

use super::Refusal;
use crate::quirks::{GoneCursor, LimitOutside};

/// Which page is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// None takes as many as there may be. // F-ROOM-12
    pub limit: Option<i64>,
    pub cursor: Cursor,
    /// How a limit is answered that is not between 1 and the most. // F-ROOM-35
    pub limit_outside: LimitOutside,
    /// How a cursor is answered that names nothing. // F-ROOM-36
    pub gone_cursor: GoneCursor,
}

/// Where the page begins or ends. The item that the cursor names is not in it. // F-ROOM-13
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cursor {
    #[default]
    Start,
    After(String),
    Before(String),
}

/// Given as `ending_before`, this asks for the last page. // F-ROOM-13
const OLDEST: &str = "OLDEST";

/// Cuts a page out of a list that is in order. `key` gives what the cursors name.
pub(crate) fn page<'a, T>(
    items: &'a [T],
    request: &PageRequest,
    most: usize,
    key: impl Fn(&T) -> String,
) -> Result<&'a [T], Refusal> {
    page_around(items, request, most, key, |_| None)
}

/// The same for a list that knows where an item was that is gone: before how many of the items.
pub(crate) fn page_around<'a, T>(
    items: &'a [T],
    request: &PageRequest,
    most: usize,
    key: impl Fn(&T) -> String,
    gone: impl Fn(&str) -> Option<usize>,
) -> Result<&'a [T], Refusal> {
    let limit = request.limit(most)?;
    // Where the items before the cursor end, and where those after it begin.
    let around = |cursor: &str| match items.iter().position(|item| key(item) == cursor) {
        Some(place) => Ok(Some((place, place + 1))),
        // F-ROOM-36
        None => match (request.gone_cursor, gone(cursor)) {
            (GoneCursor::Empty, _) => Ok(None),
            (GoneCursor::Continues, Some(place)) => Ok(Some((place, place))),
            (GoneCursor::Continues, None) | (GoneCursor::Refused, _) => Err(Refusal::invalid(
                format!("'{cursor}' does not name an item of this list"),
            )),
        },
    };
    let wanted = match &request.cursor {
        Cursor::Start => Some((0, limit)),
        Cursor::After(cursor) => around(cursor)?.map(|(_, after)| (after, after + limit)),
        Cursor::Before(cursor) => {
            let end = match cursor.as_str() {
                OLDEST => Some(items.len()),
                _ => around(cursor)?.map(|(before, _)| before),
            };
            end.map(|end| (end.saturating_sub(limit), end))
        }
    };
    let (from, to) = wanted.unwrap_or_default();
    Ok(items.get(from..to.min(items.len())).unwrap_or_default())
}

impl PageRequest {
    /// How many items the page has at most. // F-ROOM-12, F-ROOM-35
    fn limit(&self, most: usize) -> Result<usize, Refusal> {
        let Some(wanted) = self.limit else {
            return Ok(most);
        };
        let clamped = usize::try_from(wanted).unwrap_or(0).clamp(1, most);
        match self.limit_outside {
            LimitOutside::Refused if i64::try_from(clamped) != Ok(wanted) => Err(Refusal::invalid(
                format!("limit must be between 1 and {most}"),
            )),
            LimitOutside::Refused | LimitOutside::Clamped => Ok(clamped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(limit: Option<i64>, cursor: Cursor) -> Result<Vec<char>, Refusal> {
        let items: Vec<char> = ('a'..='g').collect();
        let request = PageRequest {
            limit,
            cursor,
            ..PageRequest::default()
        };
        page(&items, &request, 5, char::to_string).map(<[char]>::to_vec)
    }

    #[track_caller]
    fn check(limit: Option<i64>, cursor: Cursor, expected: &str) {
        let got: String = cut(limit, cursor).expect("is a page").into_iter().collect();
        assert_eq!(got, expected);
    }

    /// F-ROOM-12, F-ROOM-13.
    #[test]
    fn pages_are_cut_at_their_cursors() {
        let (after, before) = (
            |c: &str| Cursor::After(c.into()),
            |c: &str| Cursor::Before(c.into()),
        );
        check(None, Cursor::Start, "abcde");
        check(Some(2), Cursor::Start, "ab");
        check(Some(2), after("b"), "cd");
        check(None, after("e"), "fg");
        check(None, after("g"), "");
        check(Some(2), before("d"), "bc");
        check(None, before("a"), "");
        check(Some(3), before("OLDEST"), "efg");
    }

    /// F-ROOM-35, F-ROOM-36.
    #[test]
    fn senseless_pages_are_refused() {
        assert!(cut(Some(0), Cursor::Start).is_err());
        assert!(cut(Some(6), Cursor::Start).is_err());
        assert!(cut(Some(-1), Cursor::Start).is_err());
        assert!(cut(None, Cursor::After("z".into())).is_err());
        assert!(cut(None, Cursor::Before("z".into())).is_err());
    }

    /// F-ROOM-36: an item that was between c and d.
    #[test]
    fn a_page_continues_where_an_item_was() {
        let items: Vec<char> = ('a'..='g').collect();
        let cut = |cursor| {
            let request = PageRequest {
                limit: Some(2),
                cursor,
                gone_cursor: GoneCursor::Continues,
                ..PageRequest::default()
            };
            page_around(&items, &request, 5, char::to_string, |_| Some(3)).map(<[char]>::to_vec)
        };
        assert_eq!(cut(Cursor::After("x".into())), Ok(vec!['d', 'e']));
        assert_eq!(cut(Cursor::Before("x".into())), Ok(vec!['b', 'c']));
    }
}
