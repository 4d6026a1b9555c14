//! The domain and its settings.

use serde_json::{Value, json};

use super::pins::pin;
use crate::case::{Case, Checked, ensure, list, same, text};
use crate::check::Needs::{Anywhere, Simulator};
use crate::check::area;

area! { domain;
    Anywhere => the_domain_has_a_name_an_id_and_a_config ["F-DOM-1"];
    Simulator("it writes the domain's config") => a_write_changes_what_it_names ["F-DOM-3"];
    Simulator("it writes the domain's config") => pin_dialin_is_replaced_as_a_whole ["F-DOM-4", "F-DOM-5"];
    Simulator("it writes the domain's config") => pin_dialin_takes_purchased_numbers_only ["F-DOM-6", "F-CFG-5"];
    Simulator("it writes the domain's config") => a_number_in_pin_dialin_answers ["F-DOM-2", "F-CALL-1"];
}

async fn the_domain_has_a_name_an_id_and_a_config(case: &Case) -> Checked {
    let domain = case.get("/").await?.ok()?;
    ensure!(
        !text(&domain, "domain_name")?.is_empty(),
        "domain_name is empty"
    );
    ensure!(
        !text(&domain, "domain_id")?.is_empty(),
        "domain_id is empty"
    );
    ensure!(
        domain["config"].is_object(),
        "config is {}",
        domain["config"]
    );
    if !case.account.domain.is_empty() {
        same(
            "domain_name",
            &domain["domain_name"],
            &json!(case.account.domain),
        )?;
    }
    Ok(())
}

async fn set(case: &Case, properties: Value) -> Checked<Value> {
    case.post("/", json!({"properties": properties}))
        .await?
        .ok()
}

async fn a_write_changes_what_it_names(case: &Case) -> Checked {
    let before = case.get("/").await?.ok()?;
    let page = json!("https://example.com/bye");
    let changed = set(
        case,
        json!({"redirect_on_meeting_exit": page, "lang": "de"}),
    )
    .await?;
    same(
        "redirect_on_meeting_exit",
        &changed["config"]["redirect_on_meeting_exit"],
        &page,
    )?;
    let other = set(case, json!({"lang": "fr"})).await?;
    same(
        "redirect_on_meeting_exit",
        &other["config"]["redirect_on_meeting_exit"],
        &page,
    )?;
    same("lang", &other["config"]["lang"], &json!("fr"))?;
    same(
        "the domain as it is read",
        &case.get("/").await?.ok()?,
        &other,
    )?;
    let unset = set(
        case,
        json!({"redirect_on_meeting_exit": null, "lang": null}),
    )
    .await?;
    same(
        "config after unsetting",
        &unset["config"],
        &before["config"],
    )
}

fn numbers(domain: &Value) -> Checked<Vec<&str>> {
    let entries = list(&domain["config"], "pin_dialin")?.iter();
    entries.map(|entry| text(entry, "phone_number")).collect()
}

async fn pin_dialin_is_replaced_as_a_whole(case: &Case) -> Checked {
    let (one, two) = (case.number(0)?, case.number(1)?);
    let greeting = json!({"message": "Welcome."});
    let first = json!({"phone_number": one, "name_prefix": "one", "ivr_greeting": greeting});
    let both = json!([first, {"phone_number": two, "name_prefix": "two"}]);
    let domain = set(case, json!({"pin_dialin": both})).await?;
    ensure!(
        numbers(&domain)? == [one, two],
        "pin_dialin is {}",
        domain["config"]["pin_dialin"]
    );
    let rest = json!([{"phone_number": two, "name_prefix": "two"}]);
    let domain = set(case, json!({"pin_dialin": rest})).await?;
    ensure!(
        numbers(&domain)? == [two],
        "pin_dialin is {}",
        domain["config"]["pin_dialin"]
    );
    Ok(())
}

async fn pin_dialin_takes_purchased_numbers_only(case: &Case) -> Checked {
    let entry = json!([{"phone_number": "+12096181843", "name_prefix": "x"}]);
    let answer = case
        .post("/", json!({"properties": {"pin_dialin": entry}}))
        .await?;
    let info = format!(
        "Failed to configure pin dialin: 12096181843 not associated with domain: {}",
        case.account.domain
    );
    answer.refused_with(400, "invalid-request-error", &info)
}

async fn a_number_in_pin_dialin_answers(case: &Case) -> Checked {
    let dialin = json!({"display_name": "Phone", "wait_for_meeting_start": true});
    let room = case.room("domain", json!({"dialin": dialin})).await?;
    let number = case.number(0)?;
    let before = case.dial(number, pin(&room)?).await?;
    same("before", &before["outcome"], &json!("NotAnswered"))?;
    let greeting = json!({"message": "Good day to the domain."});
    let entry = json!([{"phone_number": number, "name_prefix": "x", "ivr_greeting": greeting}]);
    set(case, json!({"pin_dialin": entry})).await?;
    let after = case.dial(number, pin(&room)?).await?;
    same("after", &after["outcome"], &json!("OnHold"))?;
    let heard = after["heard"].to_string();
    ensure!(
        heard.contains("Good day to the domain."),
        "the caller heard {heard}"
    );
    Ok(())
}
