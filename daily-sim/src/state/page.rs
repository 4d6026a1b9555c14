//! Paging through lists, the same for all of them.

use super::Refusal;

/// Which page is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageRequest {
    /// None takes as many as there may be. // F-ROOM-12
    pub limit: Option<usize>,
    pub cursor: Cursor,
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
pub(super) const OLDEST: &str = "OLDEST";

/// Cuts a page out of a list that is in order. `key` gives what the cursors name.
pub(crate) fn page<'a, T>(
    items: &'a [T],
    request: &PageRequest,
    most: usize,
    key: impl Fn(&T) -> String,
) -> Result<&'a [T], Refusal> {
    let limit = request.limit(most)?;
    let place = |cursor: &str| {
        items
            .iter()
            .position(|item| key(item) == cursor)
            .ok_or_else(|| gone(cursor))
    };
    let (from, to) = match &request.cursor {
        Cursor::Start => (0, limit),
        Cursor::After(cursor) => {
            let first = place(cursor)? + 1;
            (first, first + limit)
        }
        Cursor::Before(cursor) => {
            let end = match cursor.as_str() {
                OLDEST => items.len(),
                _ => place(cursor)?,
            };
            (end.saturating_sub(limit), end)
        }
    };
    Ok(items.get(from..to.min(items.len())).unwrap_or_default())
}

impl PageRequest {
    /// How many items the page has at most. // F-ROOM-12, F-ROOM-35
    pub(super) fn limit(&self, most: usize) -> Result<usize, Refusal> {
        let limit = self.limit.unwrap_or(most);
        match (1..=most).contains(&limit) {
            true => Ok(limit),
            false => Err(Refusal::invalid(format!(
                "limit must be between 1 and {most}"
            ))),
        }
    }
}

/// A cursor names nothing that is in the list. // F-ROOM-36
pub(super) fn gone(cursor: &str) -> Refusal {
    Refusal::invalid(format!("'{cursor}' does not name an item of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(limit: Option<usize>, cursor: Cursor) -> Result<Vec<char>, Refusal> {
        let items: Vec<char> = ('a'..='g').collect();
        let request = PageRequest { limit, cursor };
        page(&items, &request, 5, char::to_string).map(<[char]>::to_vec)
    }

    #[track_caller]
    fn check(limit: Option<usize>, cursor: Cursor, expected: &str) {
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
        assert!(cut(None, Cursor::After("z".into())).is_err());
        assert!(cut(None, Cursor::Before("z".into())).is_err());
    }
}
