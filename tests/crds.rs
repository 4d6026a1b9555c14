//! The CRDs that are kept as files are those of the code. Reads files only.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use daily_operator::crd::{DailyRoom, PinDialinNumber, documents};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

/// For `kubectl apply`, and for the chart.
const FOLDERS: [&str; 2] = ["crds", "charts/daily-operator/files/crds"];

#[test]
fn the_files_are_as_the_code_has_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = documents().expect("the CRDs can be written");
    for folder in FOLDERS {
        for (name, text) in &documents {
            let file = format!("{folder}/{name}");
            let found = fs::read_to_string(root.join(&file)).unwrap_or_default();
            assert!(
                found.trim_end() == text.trim_end(),
                "{file} differs from the code: run `cargo xtask crds` and commit what it writes"
            );
        }
        let files = fs::read_dir(root.join(folder)).expect("the folder can be listed");
        assert_eq!(
            files.count(),
            documents.len(),
            "{folder} has a file that the code does not write"
        );
    }
}

/// The optional fields of a schema below a path, each with its description.
fn optional(path: &str, schema: &Value, found: &mut Vec<(String, String)>) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let description = field["description"].as_str().unwrap_or_default();
        if !required.contains(&Value::from(name.as_str())) {
            found.push((path.clone(), description.to_owned()));
        }
        optional(&path, field, found);
        optional(&format!("{path}[]"), &field["items"], found);
    }
}

#[test]
fn kubectl_explain_says_of_each_optional_field_what_holds_without_it() {
    for crd in [DailyRoom::crd(), PinDialinNumber::crd()] {
        let kind = crd.spec.names.kind.clone();
        let crd = serde_json::to_value(crd).expect("is JSON");
        let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
        let spec = crd.pointer(spec).expect("there is a spec");
        let mut fields = Vec::new();
        optional(&format!("{kind}.spec"), spec, &mut fields);
        assert!(fields.len() > 5, "fields are found: {fields:?}");
        let says = |text: &str| {
            [
                "Absent: ",
                "Absent or empty: ",
                "Default: ",
                "Set exactly one of ",
            ]
            .iter()
            .any(|word| text.contains(word))
        };
        let silent: Vec<_> = fields.iter().filter(|(_, text)| !says(text)).collect();
        assert!(silent.is_empty(), "{silent:#?}");
    }
}

#[test]
fn kubectl_explain_says_what_a_deletion_does_to_each_kind() {
    for (crd, what, absent) in [
        (
            DailyRoom::crd(),
            "What happens to the room",
            "Absent: DeleteWhenEmpty.",
        ),
        (
            PinDialinNumber::crd(),
            "What happens to the dial-in config",
            "Absent: Delete.",
        ),
    ] {
        let crd = serde_json::to_value(crd).expect("is JSON");
        let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
        let field = crd.pointer(&format!("{spec}/deletionPolicy/description"));
        let text = field.and_then(Value::as_str).unwrap_or_default();
        assert!(text.starts_with(what) && text.contains(absent), "{text}");
    }
}

/// The name of a room and its link are long: behind them a message would be off the screen.
#[test]
fn kubectl_prints_the_message_before_the_long_columns() {
    let wide = |crd: CustomResourceDefinition| -> Vec<String> {
        let version = crd.spec.versions.into_iter().next();
        let columns = version.and_then(|it| it.additional_printer_columns);
        let wide = columns.into_iter().flatten();
        let wide = wide.filter(|column| column.priority == Some(1));
        wide.map(|column| column.name).collect()
    };
    let room = ["Account", "Message", "Room", "URL"];
    assert_eq!(wide(DailyRoom::crd()), room);
    assert_eq!(wide(PinDialinNumber::crd()), ["Account", "Message"]);
}
