//! How the text filters of lists match. // F-CFG-8

use crate::quirks::FilterMatch;

/// Whether a filter takes a text.
pub(crate) fn matches(text: &str, wanted: &str, how: FilterMatch) -> bool {
    match how {
        FilterMatch::Part => text.contains(wanted),
        FilterMatch::Whole => text == wanted,
    }
}
