//! Reads the build stage of the Dockerfile: which files it copies and which commands it runs. No I/O.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildStage {
    /// The files and folders that the stage copies from the tree, in order.
    pub copies: Vec<String>,
    /// The shell commands, in order.
    pub runs: Vec<String>,
}

/// Reads the stage named `build`.
pub fn build_stage(dockerfile: &str) -> BuildStage {
    let mut stage = BuildStage {
        copies: Vec::new(),
        runs: Vec::new(),
    };
    let mut is_build = false;
    for instruction in instructions(dockerfile) {
        let (word, rest) = instruction.split_once(' ').unwrap_or((&instruction, ""));
        match word {
            "FROM" => is_build = rest.ends_with(" AS build"),
            "COPY" if is_build => {
                let mut words: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
                // The last word is the destination.
                words.pop();
                stage.copies.append(&mut words);
            }
            "RUN" if is_build => stage.runs.push(rest.to_owned()),
            _ => {}
        }
    }
    stage
}

/// The instructions, with continued lines joined and without comments.
fn instructions(dockerfile: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut begun = String::new();
    let lines = dockerfile.lines().map(str::trim);
    for line in lines.filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_suffix('\\') {
            Some(part) => begun.push_str(part),
            None => {
                begun.push_str(line);
                all.push(std::mem::take(&mut begun));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_build_stage_counts() {
        let dockerfile = "# COPY no no\nFROM rust AS build\nCOPY a b ./\nCOPY c c\n\
                          # why\nRUN one \\\n && two\n\nFROM scratch\nCOPY --from=build /x /x\n";
        let expected = BuildStage {
            copies: ["a", "b", "c"].map(str::to_owned).into(),
            runs: vec!["one && two".to_owned()],
        };
        assert_eq!(build_stage(dockerfile), expected);
    }
}
