//! `/purchased-phone-numbers`.

use serde_json::{Value, json};

use super::{Answer, Scene};
use crate::state::{PurchasedNumber, Refusal, page};

/// At most this many numbers are on a page. // F-NUM-2
const NUMBERS_A_PAGE: usize = 50;

/// `GET /purchased-phone-numbers`. // F-NUM-1, F-NUM-2, F-NUM-4
pub(super) fn list(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    let request = scene.query.page(&["filter_name", "filter_number"])?;
    let account = scene.world.account(scene.account);
    // No number has a name, so a filter by name leaves nothing. // F-NUM-3
    let nameless = scene.query.get("filter_name").is_none();
    let part = scene.query.get("filter_number").unwrap_or_default();
    let newest_first = account.numbers.iter().rev();
    let found: Vec<&PurchasedNumber> = newest_first
        .filter(|number| nameless && number.number.contains(part))
        .collect();
    let shown = page(&found, &request, NUMBERS_A_PAGE, |number| {
        number.pagination_id.to_string()
    })?;
    let data: Vec<Value> = shown.iter().map(|number| show(number)).collect();
    // F-NUM-6
    Ok(Answer::ok(
        json!({"total_count": found.len(), "data": data}),
    ))
}

fn show(number: &PurchasedNumber) -> Value {
    json!({
        "name": null,
        "type": "purchased_phone_number",
        "id": number.id,
        "pagination_id": number.pagination_id,
        "created_date": format!("{:.3}", number.purchased_at),
        "number": number.number,
        "status": "verified",
        "verified": true,
    })
}
