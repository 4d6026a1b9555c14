//! Purchased phone numbers, and numbers for sale.

use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, list, same, text, whole};
use crate::check::Needs::{Card, Clock, Number, Simulator};
use crate::check::area;

area! { numbers;
    Card => purchased_numbers_are_listed ["F-NUM-1", "F-NUM-2"];
    Number => a_filter_finds_a_number ["F-NUM-3", "F-CFG-8", "F-NUM-6"];
    Card => numbers_for_sale_are_searched ["F-NUM-9", "F-NUM-7", "F-NUM-5"];
    Card => a_search_that_breaks_the_rules_is_refused ["F-NUM-10", "F-NUM-11"];
    Simulator("it needs three numbers") => pages_have_cursors_of_their_own ["F-NUM-2", "F-NUM-4"];
    Simulator("it buys") => a_number_is_bought ["F-NUM-12", "F-NUM-1"];
    Simulator("it buys") => an_empty_buy_buys_any_number_each_time ["F-NUM-12", "F-NUM-16"];
    Simulator("it buys") => a_number_that_is_not_for_sale_is_refused ["F-NUM-13"];
    Simulator("it buys") => a_new_number_is_not_released ["F-NUM-15"];
    Clock => a_number_is_released_after_14_days ["F-NUM-14", "F-NUM-15"];
}

const PURCHASED: &str = "/purchased-phone-numbers";
const SEARCH: &str = "/list-available-numbers";

async fn purchased_numbers_are_listed(case: &Case) -> Checked {
    let listed = case.get(PURCHASED).await?.ok()?;
    let numbers = list(&listed, "data")?;
    ensure!(numbers.len() <= 50, "a page has {} numbers", numbers.len());
    for number in numbers {
        if number["type"] != "purchased_phone_number" {
            continue;
        }
        text(number, "id")?;
        whole(number, "pagination_id")?;
        let e164 = text(number, "number")?;
        ensure!(e164.starts_with('+'), "{e164:?} has no plus sign");
        same("verified", &number["verified"], &json!(true))?;
    }
    for wanted in &case.account.numbers {
        let there = numbers.iter().any(|number| number["number"] == **wanted);
        ensure!(there, "{wanted} is not listed");
    }
    Ok(())
}

fn found(listed: &Value) -> Checked<Vec<&str>> {
    list(listed, "data")?
        .iter()
        .map(|number| text(number, "number"))
        .collect()
}

async fn a_filter_finds_a_number(case: &Case) -> Checked {
    let number = case.number(0)?;
    let query = format!(
        "{PURCHASED}?filter_number=%2B{}",
        number.trim_start_matches('+')
    );
    let listed = case.get(&query).await?.ok()?;
    ensure!(
        found(&listed)? == [number],
        "{query} finds {:?}",
        found(&listed)?
    );
    let none = case
        .get(&format!("{PURCHASED}?filter_number=%2B12025550199"))
        .await?
        .ok()?;
    ensure!(
        found(&none)?.is_empty(),
        "a filter finds {:?}",
        found(&none)?
    );
    Ok(())
}

/// The numbers that a search found. Two documents of Daily name the field differently.
fn for_sale(listed: &Value) -> Checked<Vec<&str>> {
    let number = |item| text(item, "phoneNumber").or_else(|_| text(item, "number"));
    list(listed, "data")?.iter().map(number).collect()
}

async fn numbers_for_sale_are_searched(case: &Case) -> Checked {
    let any = case.get(SEARCH).await?.ok()?;
    let all_from_america = for_sale(&any)?
        .iter()
        .all(|number| number.starts_with("+1"));
    ensure!(
        all_from_america,
        "{:?} are not from the US or Canada",
        for_sale(&any)?
    );
    let some = case.get(&format!("{SEARCH}?areacode=415")).await?.ok()?;
    let there = for_sale(&some)?
        .iter()
        .all(|number| number.starts_with("+1415"));
    ensure!(there, "areacode=415 gives {:?}", for_sale(&some)?);
    let region = case.get(&format!("{SEARCH}?region=CA")).await?.ok()?;
    let there = list(&region, "data")?
        .iter()
        .all(|item| item["region"] == "CA");
    ensure!(there, "region=CA gives {region}");
    Ok(())
}

async fn a_search_that_breaks_the_rules_is_refused(case: &Case) -> Checked {
    for query in [
        "areacode=415&region=CA",
        "city=Oakland",
        "areacode=415&city=Oakland",
        "region=CA&city=Oakland&contains=555",
        "contains=12",
        "contains=12345678",
        "starts_with=415&ends_with=123",
        "starts_with=415&contains=123",
        "region=California",
    ] {
        let answer = case.get(&format!("{SEARCH}?{query}")).await?;
        let refused = answer.refused_with(400, "validation-error", "invalid path parameter");
        refused.map_err(|failure| format!("{query}: {}", failure.0))?;
    }
    Ok(())
}

async fn pages_have_cursors_of_their_own(case: &Case) -> Checked {
    let all = case.get(PURCHASED).await?.ok()?;
    let numbers = list(&all, "data")?;
    ensure!(
        numbers.len() == 3,
        "{} of 3 numbers are listed",
        numbers.len()
    );
    let (mut walked, mut path) = (Vec::new(), format!("{PURCHASED}?limit=1"));
    loop {
        let page = case.get(&path).await?.ok()?;
        let Some(last) = list(&page, "data")?.last() else {
            break;
        };
        ensure!(walked.len() < 3, "the pages do not end");
        walked.push(text(last, "number")?.to_owned());
        let cursor = whole(last, "pagination_id")?;
        path = format!("{PURCHASED}?limit=1&starting_after={cursor}");
    }
    ensure!(
        walked == found(&all)?,
        "walked {walked:?}, listed {:?}",
        found(&all)?
    );
    Ok(())
}

/// Buys a number that is for sale. Tries up to 5 numbers, because another check may buy one first.
async fn buy(case: &Case) -> Checked<Value> {
    let mut answer = None;
    for nth in 0..5 {
        let offers = case.get(&format!("{SEARCH}?areacode=415")).await?.ok()?;
        let offers = for_sale(&offers)?;
        let number = *offers.get(nth).ok_or("too few numbers are for sale")?;
        let bought = case
            .post("/buy-phone-number", json!({"number": number}))
            .await?;
        if bought.status == 200 {
            same("the number", &bought.body["number"], &json!(number))?;
            return Ok(bought.body);
        }
        answer = Some(bought);
    }
    answer.ok_or("nothing was tried")?.ok()
}

async fn listed(case: &Case, number: &Value) -> Checked<bool> {
    let all = case.get(PURCHASED).await?.ok()?;
    let has = |item: &Value| item["number"] == *number;
    Ok(list(&all, "data")?.iter().any(has))
}

async fn a_number_is_bought(case: &Case) -> Checked {
    let bought = buy(case).await?;
    ensure!(listed(case, &bought["number"]).await?, "it is not listed");
    let offers = case.get(&format!("{SEARCH}?areacode=415")).await?.ok()?;
    let number = text(&bought, "number")?;
    ensure!(
        !for_sale(&offers)?.contains(&number),
        "it is still for sale"
    );
    Ok(())
}

async fn an_empty_buy_buys_any_number_each_time(case: &Case) -> Checked {
    let one = case.post("/buy-phone-number", json!({})).await?.ok()?;
    let two = case.post("/buy-phone-number", json!({})).await?.ok()?;
    ensure!(one["number"] != two["number"], "two buys gave one number");
    for bought in [one, two] {
        ensure!(listed(case, &bought["number"]).await?, "it is not listed");
    }
    Ok(())
}

async fn a_number_that_is_not_for_sale_is_refused(case: &Case) -> Checked {
    let number = case.number(0)?;
    let answer = case
        .post("/buy-phone-number", json!({"number": number}))
        .await?;
    let error = json!({
        "detail": "Number is invalid.", "status": "422",
        "title": "Invalid Attribute", "code": "422"
    });
    ensure!(
        answer.status == 422,
        "it is answered {} {}",
        answer.status,
        answer.text
    );
    same(
        "the body",
        &answer.body,
        &json!({"errors": [error], "status": 422}),
    )
}

async fn a_new_number_is_not_released(case: &Case) -> Checked {
    let bought = buy(case).await?;
    let path = format!("/release-phone-number/{}", text(&bought, "id")?);
    let answer = case.delete(&path).await?;
    ensure!(
        answer.status == 422,
        "it is answered {} {}",
        answer.status,
        answer.text
    );
    let body = json!({"error": "Failed to release new number, try again in 14 days"});
    same("the body", &answer.body, &body)?;
    ensure!(
        listed(case, &bought["number"]).await?,
        "it is gone all the same"
    );
    Ok(())
}

async fn a_number_is_released_after_14_days(case: &Case) -> Checked {
    let bought = buy(case).await?;
    let config = json!({"type": "pin_dialin", "phone_number": bought["number"]});
    case.post("/domain-dialin-config", config).await?.ok()?;
    let path = format!("/release-phone-number/{}", text(&bought, "id")?);
    case.advance("335h").await?;
    let early = case.delete(&path).await?;
    ensure!(
        early.status == 422,
        "after 335 h it is answered {}",
        early.status
    );
    case.advance("2h").await?;
    case.delete(&path).await?.ok()?;
    ensure!(
        !listed(case, &bought["number"]).await?,
        "it is still listed"
    );
    let configs = case.get("/domain-dialin-config").await?.ok()?;
    ensure!(
        list(&configs, "data")?.is_empty(),
        "its config is still there"
    );
    Ok(())
}
