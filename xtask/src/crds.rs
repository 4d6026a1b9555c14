//! Generates the CRDs and the reference of their fields from the code, or lists the files that differ.

mod reference;

use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};

use serde_json::Value;

use crate::cargo::{cargo, root};
use crate::with_causes;

/// The folders with the CRDs, relative to the root: for kubectl, and for the chart.
const FOLDERS: [&str; 2] = ["crds", "charts/daily-operator/files/crds"];
/// The reference of the fields, relative to the root.
const REFERENCE: &str = "docs/reference.md";

/// The flags.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write nothing; fail if a file differs from the code.
    #[arg(long)]
    check: bool,
}

#[derive(Debug, thiserror::Error)]
enum CrdsError {
    #[error("cargo does not run")]
    Cargo(#[source] std::io::Error),
    #[error("`daily-operator crd` failed ({0})")]
    Operator(ExitStatus),
    #[error("`daily-operator crd` did not print the CRDs as YAML")]
    Yaml(#[source] serde_saphyr::Error),
    #[error("`daily-operator crd` printed {0} and not both CRDs")]
    Printed(String),
    #[error("{} could not be {verb}", path.display())]
    File {
        path: PathBuf,
        verb: &'static str,
        source: std::io::Error,
    },
}

pub fn run(args: &Args) -> ExitCode {
    match synchronise(args.check) {
        Ok(differing) if differing.is_empty() => {
            println!("the CRDs and their reference are up to date");
            ExitCode::SUCCESS
        }
        Ok(differing) => {
            for path in differing {
                let verb = if args.check { "differs" } else { "written" };
                println!("{verb}: {}", path.display());
            }
            if args.check {
                eprintln!("run `cargo xtask crds` and commit what it writes");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// The files that differ from the code. Writes them unless `check` is set.
fn synchronise(check: bool) -> Result<Vec<PathBuf>, CrdsError> {
    let documents = documents(&print()?)?;
    let mut files = vec![(PathBuf::from(REFERENCE), page(&documents)?)];
    for folder in FOLDERS {
        let folder = Path::new(folder);
        files.extend(
            documents
                .iter()
                .map(|(name, text)| (folder.join(name), text.clone())),
        );
    }
    let mut differing = Vec::new();
    for (path, text) in files {
        let path = root().join(path);
        if std::fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        if !check {
            write(&path, &text)?;
        }
        differing.push(path);
    }
    Ok(differing)
}

/// The reference of the fields of these CRDs.
fn page(documents: &[(String, String)]) -> Result<String, CrdsError> {
    let parsed = documents
        .iter()
        .map(|(_, text)| serde_saphyr::from_str(text));
    let crds: Vec<Value> = parsed.collect::<Result<_, _>>().map_err(CrdsError::Yaml)?;
    Ok(reference::page(&crds))
}

fn write(path: &Path, text: &str) -> Result<(), CrdsError> {
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(path, text));
    written.map_err(|source| CrdsError::File {
        path: path.to_owned(),
        verb: "written",
        source,
    })
}

/// The output of `daily-operator crd`.
fn print() -> Result<String, CrdsError> {
    let args = ["run", "--package", "daily-operator", "--", "crd"];
    let mut command = cargo(&args);
    command.stderr(std::process::Stdio::inherit());
    let ran = command.output().map_err(CrdsError::Cargo)?;
    if !ran.status.success() {
        return Err(CrdsError::Operator(ran.status));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Splits a YAML stream into documents, each with its file name.
fn documents(stream: &str) -> Result<Vec<(String, String)>, CrdsError> {
    let mut documents = Vec::new();
    for text in format!("\n{stream}").split("\n---\n") {
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        let crd: Value = serde_saphyr::from_str(text).map_err(CrdsError::Yaml)?;
        let name = crd.pointer("/spec/names/plural").and_then(Value::as_str);
        let name = name.ok_or_else(|| CrdsError::Printed("something else".to_owned()))?;
        documents.push((format!("{name}.yaml"), format!("{text}\n")));
    }
    match documents.as_slice() {
        [_, _] => Ok(documents),
        other => Err(CrdsError::Printed(format!("{} documents", other.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_that_of_the_crds() {
        let documents = ["dailyrooms", "pindialinnumbers"].map(|plural| {
            let path = root().join(format!("crds/{plural}.yaml"));
            (plural.to_owned(), std::fs::read_to_string(path).unwrap())
        });
        let written = std::fs::read_to_string(root().join(REFERENCE)).unwrap();
        let generated = page(&documents).unwrap();
        assert!(
            written == generated,
            "run `cargo xtask crds` and commit what it writes"
        );
        for row in [
            "| `ttl` | string |",
            "| `phoneNumber` | string, required |",
            "ttl must be a duration",
        ] {
            assert!(generated.contains(row), "{row} is missing");
        }
    }

    #[test]
    fn each_document_has_the_name_of_its_plural() {
        let one = "kind: X\nspec:\n  names:\n    plural: rooms\n";
        let two = "kind: Y\nspec:\n  names:\n    plural: numbers\n";
        for stream in [
            format!("---\n{one}\n---\n{two}\n"),
            format!("{one}---\n{two}"),
        ] {
            let expected = [("rooms.yaml", one), ("numbers.yaml", two)]
                .map(|(name, text)| (name.to_owned(), text.to_owned()));
            assert_eq!(documents(&stream).unwrap(), expected, "{stream}");
        }
    }

    #[test]
    fn less_than_both_is_an_error() {
        let error = documents("---\nspec: {names: {plural: rooms}}\n").unwrap_err();
        assert!(error.to_string().contains("1 documents"), "{error}");
        assert!(documents("").is_err());
        assert!(documents("kind: X\n---\nkind: Y\n").is_err());
    }
}
