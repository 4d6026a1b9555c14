//! Reads the facts about Daily from their page.

/// An entry of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// For example `F-ROOM-12`.
    pub id: String,
    /// The text of the entry.
    pub text: String,
}

/// The entries, in the order of the page.
pub fn facts(page: &str) -> Vec<Fact> {
    let entry = |line: &str| {
        let (id, text) = line.strip_prefix("- **")?.split_once("** ")?;
        Some(Fact {
            id: id.to_owned(),
            text: text.to_owned(),
        })
    };
    page.lines().filter_map(entry).collect()
}

/// The ids in a text, in the form `F-AREA-N`, in order and without duplicates.
pub fn cited(text: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        if is_id(word) && !ids.iter().any(|id| id == word) {
            ids.push(word.to_owned());
        }
    }
    ids
}

fn is_id(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let all = |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| is(&b));
    match parts.as_slice() {
        ["F", area, number] => all(area, u8::is_ascii_uppercase) && all(number, u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_citations_are_read() {
        let facts = facts("# Title\n- **F-A-1** Says so, see F-A-2.\n- other\n");
        let [fact] = facts.as_slice() else {
            unreachable!("one entry: {facts:?}")
        };
        assert_eq!(
            (fact.id.as_str(), fact.text.as_str()),
            ("F-A-1", "Says so, see F-A-2.")
        );
        assert_eq!(
            cited("// F-B-2, F-A-1 and F-B-2, not F-b-1 or UTF-8-1"),
            ["F-B-2", "F-A-1"]
        );
    }
}
