//! Finds the tests that cite facts. A test cites each fact that its comment or its body names.

use super::page::cited;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citing {
    /// The name of the test function.
    pub test: String,
    /// The ids of the facts.
    pub ids: Vec<String>,
}

/// The tests in a Rust source that rustfmt has formatted.
pub fn citing(source: &str) -> Vec<Citing> {
    let lines: Vec<&str> = source.lines().collect();
    let starts = (0..lines.len()).filter(|&at| is_test(&lines, at));
    starts.filter_map(|at| read(&lines, at)).collect()
}

fn line<'a>(lines: &[&'a str], at: usize) -> &'a str {
    lines.get(at).copied().unwrap_or_default()
}

fn is_test(lines: &[&str], at: usize) -> bool {
    let text = line(lines, at).trim();
    text == "#[test]" || text.starts_with("#[tokio::test")
}

/// Reads the test with this attribute, from the comment above it to its closing brace.
fn read(lines: &[&str], attribute: usize) -> Option<Citing> {
    let above = (0..attribute).rev().take_while(|&at| {
        let text = line(lines, at).trim();
        text.starts_with("//") || text.starts_with("#[")
    });
    let first = above.last().unwrap_or(attribute);
    let head = (attribute..lines.len()).find(|&at| name(line(lines, at)).is_some())?;
    let indent = line(lines, head).len() - line(lines, head).trim_start().len();
    let closing = format!("{:indent$}}}", "");
    let last = (head..lines.len()).find(|&at| line(lines, at) == closing)?;
    Some(Citing {
        test: name(line(lines, head))?.to_owned(),
        ids: cited(&lines.get(first..=last)?.join("\n")),
    })
}

fn name(line: &str) -> Option<&str> {
    let text = line.trim_start();
    let text = text.strip_prefix("async ").unwrap_or(text);
    text.strip_prefix("fn ")?.split('(').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_cites_what_stands_above_and_in_it() {
        let source = "\
// F-A-9 belongs to nobody.

/// F-A-1: so it is.
#[tokio::test]
async fn first() {
    // F-A-2
}

fn helper() {
    // F-A-8
}

mod tests {
    #[test]
    fn second() {
        if true {} // F-A-3
    }
}
";
        let found = citing(source);
        let told: Vec<(&str, String)> = found
            .iter()
            .map(|it| (it.test.as_str(), it.ids.join(" ")))
            .collect();
        assert_eq!(
            told,
            [
                ("first", "F-A-1 F-A-2".to_owned()),
                ("second", "F-A-3".to_owned())
            ]
        );
    }
}
