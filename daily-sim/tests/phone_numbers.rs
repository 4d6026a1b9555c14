//! Searching, buying and releasing phone numbers.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod support;

use std::collections::BTreeSet;

use daily_sim::{ApiAnswer, ClientError, FaultKind, FaultSpec, Outcome, is_e164, is_global};
use http::Method;
use serde_json::{Value, json};
use support::{NUMBER, Stage, ok, pin_of, refused, text};

const DAY: u64 = 86_400;

impl Stage {
    async fn search(&self, query: &str) -> Vec<Value> {
        let path = format!("/list-available-numbers{query}");
        let found = ok(self.api.get(&path).await);
        let data = found["data"].as_array().expect("is a list").clone();
        assert_eq!(found["total_count"], data.len());
        data
    }

    async fn buy(&self, wish: &Value) -> Result<ApiAnswer, ClientError> {
        self.api.post("/buy-phone-number", wish).await
    }

    async fn release(&self, id: &str) -> Result<ApiAnswer, ClientError> {
        let path = format!("/release-phone-number/{id}");
        self.api.call(Method::DELETE, &path, None).await
    }

    async fn owned(&self) -> Vec<String> {
        let list = ok(self.api.get("/purchased-phone-numbers").await);
        numbers(list["data"].as_array().expect("is a list"), "number")
    }

    async fn switch(&self, name: &str, value: &str) {
        self.phone.set_quirk(name, value).await.expect("is set");
    }
}

fn numbers(data: &[Value], key: &str) -> Vec<String> {
    data.iter().map(|item| text(&item[key])).collect()
}

/// F-NUM-5, F-NUM-9: by the seed, and nothing that somebody owns already.
#[tokio::test]
async fn numbers_are_for_sale() {
    let (stage, again) = (Stage::new().await, Stage::new().await);
    let found = stage.search("").await;
    assert_eq!(found, again.search("").await);
    let all = numbers(&found, "phoneNumber");
    let once: BTreeSet<_> = all.iter().collect();
    assert!(all.len() > 1000 && once.len() == all.len());
    let plausible = |number: &String| is_e164(number) && number.len() == 12 && !is_global(number);
    assert!(all.iter().all(plausible));
    assert!(!all.contains(&NUMBER.to_owned()));
    let regions: BTreeSet<_> = found.iter().map(|item| text(&item["region"])).collect();
    assert!(regions.contains("CA") && regions.contains("ON"));
}

/// F-NUM-10.
#[tokio::test]
async fn a_search_is_narrowed() {
    let stage = Stage::new().await;
    let toronto = stage.search("?areacode=416").await;
    assert!(!toronto.is_empty() && toronto.iter().all(|item| item["region"] == "ON"));
    let of = async |query: &str| numbers(&stage.search(query).await, "phoneNumber");
    assert!(of("?region=NY").await.len() > of("?areacode=212").await.len());
    assert_eq!(
        of("?region=CA&city=San%20Diego").await,
        of("?areacode=619").await
    );
    assert_eq!(of("?starts_with=6195550").await, of("?areacode=619").await);
    let last = of("?areacode=619").await[0][8..].to_owned();
    assert!(
        of(&format!("?ends_with={last}"))
            .await
            .iter()
            .all(|it| it.ends_with(&last))
    );
    assert!(!of("?contains=1955501").await.is_empty());
}

/// F-NUM-10, F-NUM-11.
#[tokio::test]
async fn a_search_that_breaks_the_rules_is_refused() {
    let stage = Stage::new().await;
    for bad in [
        "areacode=41",
        "areacode=4x6",
        "region=CAL",
        "region=CA&areacode=213",
        "city=Oxnard",
        "region=CA&city=Oxnard&contains=123",
        "areacode=805&city=Oxnard",
        "contains=12",
        "ends_with=12345678",
        "starts_with=12a",
        "starts_with=805&ends_with=123",
        "contains=805&ends_with=123",
    ] {
        let answer = stage
            .api
            .get(&format!("/list-available-numbers?{bad}"))
            .await;
        refused(answer, 400, "validation-error", "invalid path parameter");
    }
}

/// F-NUM-12, F-CFG-5: a number that was bought can be configured and dialled.
#[tokio::test]
async fn a_number_is_bought() {
    let stage = Stage::new().await;
    let wanted = text(&stage.search("?areacode=416").await[0]["phoneNumber"]);
    let bought = ok(stage.buy(&json!({"number": wanted})).await);
    assert_eq!(
        (bought["number"].as_str(), text(&bought["id"]).len()),
        (Some(&*wanted), 36)
    );
    let listed = ok(stage.api.get("/purchased-phone-numbers").await)["data"][0].clone();
    assert_eq!(
        (&listed["number"], &listed["id"]),
        (&bought["number"], &bought["id"])
    );
    assert_eq!(stage.owned().await.len(), 3);
    let for_sale = numbers(&stage.search("?areacode=416").await, "phoneNumber");
    assert!(!for_sale.contains(&wanted));
    stage.configure(&wanted).await;
    let room = stage.dialin_room("a", true).await;
    let dialled = format!("{wanted},,{}", pin_of(&room));
    let answer = stage.phone.dial(&dialled).await.expect("dials");
    assert_eq!(answer.outcome, Outcome::OnHold);
}

/// F-NUM-12, F-NUM-4, F-NUM-16: one in California, and another one each time.
#[tokio::test]
async fn a_purchase_without_a_number_buys_a_californian_one() {
    let stage = Stage::new().await;
    let californian = numbers(&stage.search("?region=CA").await, "phoneNumber");
    let mut bought = BTreeSet::new();
    for _ in 0..20 {
        let number = text(&ok(stage.buy(&json!({})).await)["number"]);
        assert!(californian.contains(&number));
        bought.insert(number);
    }
    let empty = stage
        .api
        .call(Method::POST, "/buy-phone-number", None)
        .await;
    bought.insert(text(&ok(empty)["number"]));
    assert_eq!((bought.len(), stage.owned().await.len()), (21, 23));
    let list = ok(stage.api.get("/purchased-phone-numbers").await);
    let ids = list["data"].as_array().expect("is a list").iter();
    let ids: Vec<_> = ids.map(|item| item["pagination_id"].as_u64()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
}

/// F-NUM-13, F-NUM-11: the vendor is down by a fault alone.
#[tokio::test]
async fn what_is_not_for_sale_is_refused() {
    let stage = Stage::new().await;
    let body = json!({
        "errors": [{
            "detail": "Number is invalid.", "status": "422", "title": "Invalid Attribute",
            "code": "422"
        }],
        "status": 422
    });
    for bad in [NUMBER, "+12095038039", "nonsense"] {
        let answer = stage
            .buy(&json!({"number": bad}))
            .await
            .expect("is answered");
        assert_eq!((answer.status, &answer.body), (422, &body));
    }
    let unknown = stage.buy(&json!({"phone_number": NUMBER})).await;
    refused(unknown, 400, "invalid-request-error", "phone_number");
    let down = FaultKind::Status {
        status: 500,
        body: Some(json!({"error": "vendor-unavailable", "info": "Phone number unavailable"})),
        headers: Default::default(),
    };
    let fault = FaultSpec::next("GET", "/list-available-numbers", down);
    stage.phone.fault(&fault).await.expect("is installed");
    let answer = stage.api.get("/list-available-numbers").await;
    refused(
        answer,
        500,
        "vendor-unavailable",
        "Phone number unavailable",
    );
}

/// F-NUM-14, F-NUM-15: after 14 days, with its config, and for good.
#[tokio::test]
async fn a_number_is_released() {
    let stage = Stage::new().await;
    let bought = ok(stage.buy(&json!({})).await);
    let (id, number) = (text(&bought["id"]), text(&bought["number"]));
    stage.configure(&number).await;
    stage.advance(14 * DAY - 60).await;
    let early = stage.release(&id).await.expect("is answered");
    let body = json!({"error": "Failed to release new number, try again in 14 days"});
    assert_eq!((early.status, early.body), (422, body));
    stage.advance(60).await;
    refused(
        stage
            .other
            .call(Method::DELETE, &format!("/release-phone-number/{id}"), None)
            .await,
        404,
        "not-found",
        "phone number",
    );
    stage.switch("number-shapes", "reference").await;
    assert_eq!(ok(stage.release(&id).await), json!({"status": "ok"}));
    assert!(!stage.owned().await.contains(&number));
    assert_eq!(
        ok(stage.api.get("/domain-dialin-config").await)["total_count"],
        0
    );
    let again = stage.buy(&json!({"number": number})).await;
    assert_eq!(again.expect("is answered").status, 422);
    refused(stage.release(&id).await, 404, "not-found", "phone number");
}

/// F-NUM-7.
#[tokio::test]
async fn answers_follow_the_guide_instead() {
    let stage = Stage::new().await;
    stage.switch("number-shapes", "guide").await;
    let found = stage.search("?areacode=416").await;
    assert!(is_e164(&text(&found[0]["number"])) && found[0].get("phoneNumber").is_none());
    let list = ok(stage.api.get("/purchased-phone-numbers").await);
    let id = text(&list["data"][0]["id"]);
    assert_eq!(
        ok(stage.release(&id).await),
        json!({"deleted": true, "id": id})
    );
}

/// F-AUTH-8, F-ERR-14.
#[tokio::test]
async fn numbers_are_a_paid_feature() {
    let stage = Stage::new().await;
    stage.switch("card", "missing").await;
    for (answer, status) in [(400, "status-400"), (403, "status-403")] {
        stage.switch("paid-feature", status).await;
        let search = stage.api.get("/list-available-numbers").await;
        for refusal in [
            search,
            stage.buy(&json!({})).await,
            stage.release("x").await,
        ] {
            refused(
                refusal,
                answer,
                "invalid-plan-type",
                "only available to paid accounts",
            );
        }
    }
}
