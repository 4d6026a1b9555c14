//! `/list-available-numbers`, `/buy-phone-number` and `/release-phone-number/ID`.

use serde_json::{Value, json};

use super::{Answer, Scene};
use crate::quirks::NumberShapes;
use crate::state::{ForSale, Refusal, Release};

const FILTERS: [&str; 6] = [
    "areacode",
    "region",
    "city",
    "contains",
    "starts_with",
    "ends_with",
];

/// `GET /list-available-numbers`. // F-NUM-9, F-NUM-10
pub(super) fn search(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.only(&FILTERS)?;
    check_filters(scene)?;
    let get = |name: &str| scene.query.get(name);
    let mut found = scene.world.for_sale();
    found.retain(|it| {
        let digits = it.digits();
        get("areacode").is_none_or(|code| digits.starts_with(code))
            && get("region").is_none_or(|region| it.region.eq_ignore_ascii_case(region))
            && get("city").is_none_or(|city| it.city.eq_ignore_ascii_case(city))
            && get("contains").is_none_or(|part| digits.contains(part))
            && get("starts_with").is_none_or(|part| digits.starts_with(part))
            && get("ends_with").is_none_or(|part| digits.ends_with(part))
    });
    let key = match scene.world.quirks.number_shapes {
        NumberShapes::Reference => "phoneNumber",
        NumberShapes::Guide => "number", // F-NUM-7
    };
    let show = |it: &ForSale| json!({key: it.number, "region": it.region});
    let data: Vec<Value> = found.iter().map(show).collect();
    Ok(Answer::ok(json!({"total_count": data.len(), "data": data})))
}

/// Which filters there can be, and beside which others. // F-NUM-10, F-NUM-11
fn check_filters(scene: &Scene<'_>) -> Result<(), Refusal> {
    let get = |name: &str| scene.query.get(name);
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let parts = ["contains", "starts_with", "ends_with"];
    let parts: Vec<&str> = parts.into_iter().filter_map(get).collect();
    let (area, region, city) = (get("areacode"), get("region"), get("city"));
    let fits = area.is_none_or(|code| code.len() == 3 && is_digits(code))
        && region.is_none_or(|region| region.len() == 2 && is_letters(region))
        && parts
            .iter()
            .all(|part| (3..=7).contains(&part.len()) && is_digits(part))
        && parts.len() < 2
        && !(area.is_some() && region.is_some())
        && (city.is_none() || (region.is_some() && area.is_none() && parts.is_empty()));
    match fits {
        true => Ok(()),
        false => Err(Refusal::invalid_parameter()),
    }
}

/// `POST /buy-phone-number`. // F-NUM-12
pub(super) fn buy(scene: Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let fields = scene.body.fields(&["number"])?;
    let wanted = match fields.get("number") {
        None => None,
        Some(Value::String(number)) => Some(number.as_str()),
        Some(_) => scene.body.wrong_type("number", "a string")?,
    };
    let bought = scene.world.buy(scene.account, wanted, scene.now);
    Ok(match bought {
        Some(bought) => Answer::ok(json!({"id": bought.id, "number": bought.number})),
        None => unprocessable(json!({
            "errors": [{
                "detail": "Number is invalid.",
                "status": "422",
                "title": "Invalid Attribute",
                "code": "422",
            }],
            "status": 422,
        })), // F-NUM-13
    })
}

/// `DELETE /release-phone-number/ID`. // F-NUM-14
pub(super) fn release(scene: Scene<'_>, id: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    Ok(match scene.world.release(scene.account, id, scene.now)? {
        Release::Done => Answer::ok(match scene.world.quirks.number_shapes {
            NumberShapes::Reference => json!({"status": "ok"}),
            NumberShapes::Guide => json!({"deleted": true, "id": id}), // F-NUM-7
        }),
        // F-NUM-15
        Release::TooEarly => unprocessable(json!({
            "error": "Failed to release new number, try again in 14 days",
        })),
    })
}

/// Only numbers are refused like this, and each time with a body of its own. // F-ERR-3
fn unprocessable(body: Value) -> Answer {
    Answer {
        status: 422,
        ..Answer::ok(body)
    }
}
