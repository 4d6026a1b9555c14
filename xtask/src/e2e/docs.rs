//! The commands of the documentation: finds them below a heading, and fills in their placeholders. No I/O.

/// The commands in the `console` blocks between this heading and the next one of any level.
pub fn commands(markdown: &str, heading: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut here, mut fence, mut goes_on) = (false, None, false);
    for line in markdown.lines() {
        match (line.strip_prefix("```"), fence) {
            (Some(_), Some(_)) => fence = None,
            (Some(language), None) => fence = Some(language == "console"),
            (None, Some(true)) if here => {
                let text = match line.strip_prefix("$ ") {
                    Some(command) => {
                        commands.push(String::new());
                        command
                    }
                    None if goes_on => line.trim_start(),
                    // Output of a command.
                    None => continue,
                };
                goes_on = text.ends_with('\\');
                if let Some(command) = commands.last_mut() {
                    command.push_str(text.trim_end_matches('\\'));
                }
            }
            (None, None) if line.starts_with('#') => {
                here = line.trim_start_matches('#').trim() == heading;
            }
            _ => {}
        }
    }
    commands
}

/// All headings with commands, in order.
pub fn headings(markdown: &str) -> Vec<String> {
    let mut is_code = false;
    let mut all = Vec::new();
    for line in markdown.lines() {
        is_code ^= line.starts_with("```");
        if !is_code && line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim();
            if !commands(markdown, heading).is_empty() {
                all.push(heading.to_owned());
            }
        }
    }
    all
}

/// Replaces placeholders such as `REGISTRY` with their values. Only whole words match: `FILE` does not match
/// in `CA_FILE`.
pub fn filled_in(command: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut word = String::new();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for c in command.chars().chain(['\n']) {
        if is_part(c) {
            word.push(c);
            continue;
        }
        let value = values.iter().find(|(name, _)| *name == word);
        text.push_str(value.map_or(&word, |(_, value)| *value));
        word.clear();
        text.push(c);
    }
    text.truncate(text.len() - 1);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Page\n\n## One\n\n```console\n$ first  # why\nsaid\n$ second \\\n    --more\n```\n\
                        \n```yaml\n$ no: command\n```\n### Two\n```console\n$ third\n# no heading\n$ fourth\n```\n";

    #[test]
    fn commands_belong_to_the_heading_above_them() {
        assert_eq!(commands(PAGE, "One"), ["first  # why", "second --more"]);
        assert_eq!(commands(PAGE, "Two"), ["third", "fourth"]);
        assert_eq!(commands(PAGE, "Page"), [""; 0]);
        assert_eq!(headings(PAGE), ["One", "Two"]);
    }

    #[test]
    fn only_whole_words_are_filled_in() {
        let values = [("FILE", "/key"), ("CA_FILE", "/ca")];
        assert_eq!(
            filled_in("--from-file=a=FILE --from-file=CA_FILE FILES", &values),
            "--from-file=a=/key --from-file=/ca FILES"
        );
    }
}
