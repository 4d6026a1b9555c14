//! Every object is in a state of `docs/conditions.md`, and kstatus reads it so.

use serde_json::Value;

use crate::fixture::Fixture;
use crate::kstatus::kstatus;
use crate::objects::Kind::{Number, Room};
use crate::objects::Object;

/// Judges the objects whose status nobody but the operator wrote.
pub async fn each_is_in_a_documented_state(fx: &Fixture) {
    let mut objects = Vec::new();
    for namespace in &fx.served {
        for kind in [Room, Number] {
            objects.extend(fx.list_in(kind, namespace).await);
        }
    }
    objects.retain(is_reported_by_the_operator);
    if objects.is_empty() {
        return;
    }
    let manifests: Value = objects.iter().map(|it| it.0.clone()).collect();
    let read = kstatus(&manifests).await;
    assert_eq!(read.lines().count(), objects.len(), "one line each: {read}");
    for (object, line) in objects.iter().zip(read.lines()) {
        let shown = object.text("/metadata/name");
        let state = state(object).unwrap_or_else(|why| panic!("{shown}: {why}: {:#}", object.0));
        let (seen, why) = line.split_once('|').expect("STATUS|MESSAGE");
        assert_eq!(seen, state, "{shown}: kstatus says {why}: {:#}", object.0);
    }
}

fn is_reported_by_the_operator(object: &Object) -> bool {
    let managers = object.at("/metadata/managedFields").as_array();
    let mut of_status = managers
        .into_iter()
        .flatten()
        .filter(|it| it["subresource"] == "status")
        .peekable();
    of_status.peek().is_some()
        && of_status.all(|it| it["manager"] == "daily-operator")
        && object.at("/status/conditions").is_array()
}

/// The kstatus of the row that the object is in, or why it is in none.
fn state(object: &Object) -> Result<&'static str, String> {
    let status = |type_| object.condition(type_).map(|it| it.status);
    let is_true = |type_| status(type_).as_deref() == Some("True");
    let [stalled, reconciling] = ["Stalled", "Reconciling"].map(is_true);
    let [expired, suspended] = ["Expired", "Suspended"].map(is_true);
    let ready = status("Ready");
    let deleting = !object.at("/metadata/deletionTimestamp").is_null();

    for type_ in ["Stalled", "Reconciling", "Expired", "Suspended"] {
        if status(type_).is_some() && !is_true(type_) {
            return Err(format!("{type_} is there, and not True"));
        }
    }
    let works = stalled || reconciling;
    match ready.as_deref() {
        _ if stalled && reconciling => return Err("Stalled and Reconciling".to_owned()),
        _ if suspended && works => return Err("suspended, and worked on".to_owned()),
        Some(_) if expired => return Err("Expired has a Ready".to_owned()),
        Some("True") if !object.has("Ready", "True", "Available") => {
            return Err("Ready for another reason than Available".to_owned());
        }
        Some("False") if !works && !suspended => {
            return Err("not Ready, and nobody is to do anything".to_owned());
        }
        Some("Unknown") if !reconciling && !suspended => {
            return Err("Ready is Unknown, and the operator does nothing".to_owned());
        }
        None if !expired && !suspended && !deleting => return Err("no Ready".to_owned()),
        _ => {}
    }
    shows_what_matters_most(object)?;
    let seen = object.at("/status/observedGeneration").as_i64() == object.generation();
    Ok(match ready.as_deref() {
        _ if deleting => "Terminating",
        _ if !seen => "InProgress",
        _ if stalled => "Failed",
        _ if reconciling => "InProgress",
        Some("False" | "Unknown") => "InProgress",
        _ => "Current",
    })
}

fn shows_what_matters_most(object: &Object) -> Result<(), String> {
    let is_true = |type_: &&str| {
        object
            .condition(type_)
            .is_some_and(|it| it.status == "True")
    };
    let ranked = ["Stalled", "Reconciling", "Expired", "Suspended"];
    let first = ranked.iter().find(|it| is_true(it)).unwrap_or(&"Ready");
    let Some(condition) = object.condition(first) else {
        return Ok(());
    };
    let shown = (
        object.text("/status/reason"),
        object.text("/status/message"),
    );
    match shown == (&condition.reason, &condition.message) {
        true => Ok(()),
        false => Err(format!("kubectl get shows {shown:?}, and not {first}")),
    }
}

/// That the check finds an object that is in no row.
pub fn sees_an_undocumented_state() {
    use serde_json::json;
    let object = |conditions: &[(&str, &str)]| {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|(type_, status)| json!({"type": type_, "status": status, "reason": "Available"}))
            .collect();
        let status = json!({
            "conditions": conditions, "observedGeneration": 1, "reason": "Available", "message": "",
        });
        state(&Object(
            json!({"metadata": {"generation": 1}, "status": status}),
        ))
    };
    assert_eq!(object(&[("Ready", "True")]), Ok("Current"));
    assert_eq!(object(&[("Expired", "True")]), Ok("Current"));
    assert_eq!(
        object(&[("Ready", "True"), ("Stalled", "True")]),
        Ok("Failed")
    );
    assert_eq!(
        object(&[("Ready", "Unknown"), ("Reconciling", "True")]),
        Ok("InProgress")
    );
    let wrong: [&[(&str, &str)]; 7] = [
        &[],
        &[("Ready", "False")],
        &[("Ready", "Unknown"), ("Stalled", "True")],
        &[("Ready", "True"), ("Expired", "True")],
        &[("Ready", "True"), ("Stalled", "False")],
        &[
            ("Ready", "True"),
            ("Stalled", "True"),
            ("Reconciling", "True"),
        ],
        &[
            ("Ready", "True"),
            ("Suspended", "True"),
            ("Stalled", "True"),
        ],
    ];
    for conditions in wrong {
        assert!(object(conditions).is_err(), "{conditions:?}");
    }
}
