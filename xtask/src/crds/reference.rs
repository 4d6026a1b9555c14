//! The reference of all fields of both kinds, generated from the CRDs.

use std::fmt::Write as _;

use serde_json::Value;

/// The text above the first kind.
const HEAD: &str = "# Reference

Every field of both kinds, as `kubectl explain` shows them. `cargo xtask crds` generates this page from the CRDs in
[crds/](../crds). The API server rejects an object that violates a rule, with the rule as the message.
[conditions.md](conditions.md) explains the conditions and their reasons.
";

/// Omitted, because Kubernetes' own reference describes the fields of a condition.
const CONDITION_FIELDS: &str = "conditions[].";

pub(super) fn page(crds: &[Value]) -> String {
    let mut page = HEAD.to_owned();
    for crd in crds {
        kind(&mut page, crd);
    }
    page
}

/// The value at a JSON pointer; null if it does not exist.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn kind(page: &mut String, crd: &Value) {
    let text = |pointer: &str| at(crd, pointer).as_str().unwrap_or_default().to_owned();
    let kind = text("/spec/names/kind");
    let schema = at(crd, "/spec/versions/0/schema/openAPIV3Schema");
    let _ = write!(
        page,
        "\n## {kind}\n\n{}\n\n`apiVersion: {}/{}`, short name `{}`\n",
        text("/spec/versions/0/schema/openAPIV3Schema/description"),
        text("/spec/group"),
        text("/spec/versions/0/name"),
        text("/spec/names/shortNames/0"),
    );
    let mut rules = Vec::new();
    for part in ["spec", "status"] {
        let _ = write!(
            page,
            "\n### {kind} {part}\n\n| field | type | description |\n| --- | --- | --- |\n",
        );
        let field = at(schema, &format!("/properties/{part}"));
        fields(page, &mut rules, "", field);
    }
    add_rules(&mut rules, schema);
    let _ = write!(page, "\n### {kind} rules\n\n");
    for rule in rules {
        let _ = writeln!(page, "- {rule}");
    }
}

/// Adds a row for each field below this one, and the messages of its rules.
fn fields(page: &mut String, rules: &mut Vec<String>, path: &str, schema: &Value) {
    add_rules(rules, schema);
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = match path {
            "" => name.clone(),
            _ => format!("{path}.{name}"),
        };
        if path.starts_with(CONDITION_FIELDS) {
            continue;
        }
        let type_ = match required.contains(&Value::from(name.as_str())) {
            true => format!("{}, required", type_of(field)),
            false => type_of(field),
        };
        let description = field["description"].as_str().unwrap_or_default();
        let description = description.replace('|', "\\|");
        let _ = writeln!(page, "| `{path}` | {type_} | {description} |");
        fields(page, rules, &path, field);
        if field["items"].is_object() {
            fields(page, rules, &format!("{path}[]"), &field["items"]);
        }
    }
}

/// The type of a field in the words of the reference.
fn type_of(field: &Value) -> String {
    if let Some(values) = field["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str);
        let values: Vec<String> = values.map(|it| format!("`{it}`")).collect();
        return values.join(" or ");
    }
    match (field["type"].as_str(), field["format"].as_str()) {
        (_, Some("date-time")) => "time".to_owned(),
        (Some("array"), _) => format!("list of {}s", type_of(&field["items"])),
        (Some(type_), _) => type_.to_owned(),
        (None, _) => "any".to_owned(),
    }
}

/// Adds the messages of the rules on this field.
fn add_rules(rules: &mut Vec<String>, schema: &Value) {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let sentence = rule["message"].as_str().unwrap_or_default();
        if !rules.iter().any(|it| it == sentence) && !sentence.is_empty() {
            rules.push(sentence.to_owned());
        }
    }
}
