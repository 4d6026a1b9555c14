//! Every sentence that users read, in one file: `tests/sentences.txt`. A change of a sentence shows
//! there, and is reviewed as prose.
//!
//! `UPDATE_EXPECT=1 cargo test --test sentences` rewrites the file.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use daily_operator::cli::Cli;
use daily_operator::crd::condition::Reason;
use daily_operator::crd::{DailyRoom, PinDialinNumber};
use kube::CustomResourceExt;
use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;
use syn::visit::{self, Visit};

const HEAD: &str = "\
Every sentence that users read: the help of the command line, the descriptions and rules of the CRDs,
the reasons of conditions, and the texts in the code, in the order of its files.

`cargo test --test sentences` compares this file with the code. To update it, run:
UPDATE_EXPECT=1 cargo test --test sentences
";

#[test]
fn the_sentences_are_those_that_were_reviewed() {
    let mut all = HEAD.to_owned();
    all += &command_line();
    for crd in [DailyRoom::crd(), PinDialinNumber::crd()] {
        let crd = serde_json::to_value(crd).expect("a CRD is JSON");
        all += &resource(&crd);
    }
    all += &section("Reasons", Reason::ALL.iter().map(|it| it.as_str()));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in sources(&root.join("src")) {
        let code = fs::read_to_string(&file).expect("the file can be read");
        let name = file.strip_prefix(root).expect("is below the root");
        all += &section(&name.to_string_lossy(), sentences(&code));
    }
    expect_test::expect_file!["sentences.txt"].assert_eq(&all);
}

/// A heading with its lines, each once; nothing without lines.
fn section(heading: &str, lines: impl IntoIterator<Item = impl Into<String>>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for line in lines.into_iter().map(Into::into) {
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    match seen.is_empty() {
        true => String::new(),
        false => format!("\n## {heading}\n\n{}\n", seen.join("\n")),
    }
}

/// The long help of each subcommand, without flags that were shown before. It does not depend on the
/// environment of the test.
fn command_line() -> String {
    let mut cli = Cli::command().mut_args(|it| it.hide_env_values(true));
    let mut text = section("Command line", [help(&mut cli)]);
    let mut shown = Vec::new();
    for command in cli.get_subcommands().filter(|it| it.get_name() != "help") {
        let name = format!("daily-operator {}", command.get_name());
        let mut command = command.clone().mut_args(|it| {
            let is_shown = shown.contains(it.get_id());
            shown.push(it.get_id().clone());
            it.hide_env_values(true).hide(is_shown)
        });
        text += &section(&name, [help(&mut command)]);
    }
    text
}

fn help(command: &mut clap::Command) -> String {
    let help = command.render_long_help().to_string();
    let lines = help.lines().map(str::trim_end);
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// What `kubectl explain` shows of each field, and what the API server says of values that it
/// refuses.
fn resource(crd: &Value) -> String {
    let version = crd.pointer("/spec/versions/0").unwrap_or(&Value::Null);
    let kind = crd
        .pointer("/spec/names/kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut lines = Vec::new();
    let columns = version["additionalPrinterColumns"].as_array();
    for column in columns.into_iter().flatten() {
        let text = column["description"].as_str();
        let name = column["name"].as_str().unwrap_or_default();
        lines.extend(text.map(|it| format!("column {name}: {it}")));
    }
    let schema = version.pointer("/schema/openAPIV3Schema");
    fields(kind, schema.unwrap_or(&Value::Null), &mut lines);
    section(kind, lines)
}

fn fields(path: &str, schema: &Value, lines: &mut Vec<String>) {
    let text = schema["description"].as_str();
    lines.extend(text.map(|it| format!("{path}: {}", it.replace('\n', " "))));
    let rules = schema["x-kubernetes-validations"].as_array();
    for rule in rules.into_iter().flatten() {
        let text = rule["message"].as_str().unwrap_or_default();
        lines.push(format!("  refused: {text}"));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        fields(&format!("{path}.{name}"), field, lines);
    }
    if schema["items"].is_object() {
        fields(&format!("{path}[]"), &schema["items"], lines);
    }
}

/// The source files below a folder, sorted, without those that are tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be listed");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the entry can be read").path())
        .filter(|path| path.file_stem().is_some_and(|it| it != "tests"))
        .collect();
    paths.sort();
    let paths = paths.into_iter();
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .collect()
}

fn sentences(code: &str) -> Vec<String> {
    let file = syn::parse_file(code).expect("the file is Rust");
    let mut found = Sentences(Vec::new());
    found.visit_file(&file);
    found.0
}

/// The texts in a file that [`is_read_by_users`]. Comments, tests and attributes are left out, but for
/// `#[error("...")]` and `#[strum(...)]`.
struct Sentences(Vec<String>);

impl Sentences {
    fn add(&mut self, text: &str) {
        if is_read_by_users(text) {
            self.0.push(text.replace('\n', " "));
        }
    }

    /// Macros are not expanded: all of their literals count.
    fn add_all(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.add_all(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        self.add(&text.value());
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Sentences {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(it) => it.attrs.as_slice(),
            syn::Item::Fn(it) => &it.attrs,
            syn::Item::Impl(it) => &it.attrs,
            _ => &[],
        };
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !item.attrs.iter().any(is_for_tests) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta
            && (list.path.is_ident("error") || list.path.is_ident("strum"))
        {
            self.add_all(list.tokens.clone());
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_all(call.tokens.clone());
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.add(&literal.value());
    }
}

fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let is_test = |list: &syn::MetaList| list.tokens.to_string() == "test";
    attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(is_test)
}

/// Whether a text is a sentence, or a word in a place where users look: it has two words beside each
/// other, or it is one word with a capital first, as reasons and short lines of the log are. The rest is
/// keys, labels, paths, headers and patterns.
fn is_read_by_users(text: &str) -> bool {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        word.len() > 1 && word.chars().all(|c| c.is_alphabetic() || "-'_".contains(c))
    };
    let words: Vec<&str> = text.split(' ').collect();
    let is_name = |c: char| c.is_ascii_alphabetic();
    let has_two = words
        .windows(2)
        .any(|pair| pair.iter().all(|word| is_word(word)));
    let is_reason = text.chars().all(is_name)
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.contains(|c: char| c.is_ascii_lowercase());
    has_two || is_reason
}

#[test]
fn a_sentence_is_found_wherever_it_is_written() {
    let code = r#"
        //! No comment.
        #![allow(lint, reason = "no attribute")]
        /// No comment.
        const CONDITION: &str = "the room \
            has ended";
        #[derive(Error)]
        enum E { #[error("it failed: {0}")] A(#[source] B) }
        #[strum(serialize_all = "kebab-case")]
        enum Wait { #[strum(to_string = "the Lease")] Lease }
        fn f(at: Time) -> String {
            tracing::warn!(error, "Leading");
            let header = ("Retry-After", "api-key", "^[a-z]$", "/rooms/{name}");
            format!("{count} rooms {} missing", if one { "is" } else { "are" })
        }
        #[cfg(test)]
        mod tests { const NO: &str = "no test"; }
    "#;
    let expected = [
        "the room has ended",
        "it failed: {0}",
        "the Lease",
        "Leading",
        "{count} rooms {} missing",
    ];
    assert_eq!(sentences(code), expected);
}

#[test]
fn the_fields_of_a_resource_are_shown_with_their_rules() {
    let crd = serde_json::json!({"spec": {"names": {"kind": "Kind"}, "versions": [{
        "schema": {"openAPIV3Schema": {"properties": {"list": {
            "description": "A list.", "items": {"x-kubernetes-validations": [{"message": "no"}]},
        }}}},
    }]}});
    let expected = "\n## Kind\n\nKind.list: A list.\n  refused: no\n";
    assert_eq!(resource(&crd), expected);
}
