//! `/purchased-phone-numbers`.

use serde_json::{Value, json};

use super::{Answer, Scene};
use crate::quirks::{FilteredCount, NumberOrder, NumberShapes, ReleasedNumber};
use crate::state::{CallerId, PurchasedNumber, Refusal, matches, page_around};

/// At most this many numbers are on a page. // F-NUM-2
const NUMBERS_A_PAGE: usize = 50;

/// What is in the list.
enum Entry<'a> {
    Purchased(&'a PurchasedNumber),
    // F-NUM-18
    Released(&'a PurchasedNumber),
    // F-NUM-8
    CallerId(&'a CallerId),
}

/// `GET /purchased-phone-numbers`. // F-NUM-1, F-NUM-2, F-NUM-8
pub(super) fn list(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    let request = scene.query.page(&["filter_name", "filter_number"])?;
    let (account, quirks) = (scene.world.account(scene.account), &scene.world.quirks);
    let caller_ids = account.caller_ids.iter().map(Entry::CallerId);
    let numbers = account.numbers.iter().map(Entry::Purchased);
    let released = account.released.iter().map(Entry::Released);
    let released = released.filter(|_| quirks.released_number == ReleasedNumber::Marked);
    let mut all: Vec<Entry<'_>> = caller_ids.chain(numbers).chain(released).collect();
    all.sort_by_key(Entry::pagination_id);
    let all_count = all.len();
    // No number has a name, so a filter by name leaves nothing. // F-NUM-3, F-CFG-8
    let nameless = scene.query.get("filter_name").is_none();
    let wanted = scene.query.get("filter_number");
    let takes = |entry: &Entry<'_>| {
        nameless && wanted.is_none_or(|it| matches(entry.number(), it, quirks.filter_match))
    };
    let mut found: Vec<Entry<'_>> = all.into_iter().filter(takes).collect();
    // F-NUM-4
    if quirks.number_order == NumberOrder::NewestFirst {
        found.reverse();
    }
    // F-ROOM-36: the ids themselves say where one was.
    let gone = |cursor: &str| {
        let gone: u64 = cursor.parse().ok()?;
        Some(found.partition_point(|entry| match quirks.number_order {
            NumberOrder::NewestFirst => entry.pagination_id() > gone,
            NumberOrder::EarliestFirst => entry.pagination_id() < gone,
        }))
    };
    let id = |entry: &Entry<'_>| entry.pagination_id().to_string();
    let shown = page_around(&found, &request, NUMBERS_A_PAGE, id, gone)?;
    let shown = shown.iter().map(|entry| entry.show(quirks.number_shapes));
    let data: Vec<Value> = shown.collect();
    // F-NUM-6
    let total_count = match quirks.filtered_count {
        FilteredCount::Matching => found.len(),
        FilteredCount::All => all_count,
    };
    Ok(Answer::ok(
        json!({"total_count": total_count, "data": data}),
    ))
}

impl Entry<'_> {
    fn number(&self) -> &str {
        match self {
            Self::Purchased(number) | Self::Released(number) => &number.number,
            Self::CallerId(caller_id) => &caller_id.number,
        }
    }

    fn pagination_id(&self) -> u64 {
        match self {
            Self::Purchased(number) | Self::Released(number) => number.pagination_id,
            Self::CallerId(caller_id) => caller_id.pagination_id,
        }
    }

    fn show(&self, shapes: NumberShapes) -> Value {
        let (kind, id, created) = match self {
            Self::Purchased(number) | Self::Released(number) => (
                "purchased_phone_number",
                Some(&number.id),
                number.purchased_at,
            ),
            Self::CallerId(caller_id) => ("verified_caller_id", None, caller_id.verified_at),
        };
        // F-NUM-7
        let created_date = match shapes {
            NumberShapes::Reference => format!("{created:.3}"),
            NumberShapes::Guide => created.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(),
        };
        let mut shown = json!({
            "name": null,
            "type": kind,
            "pagination_id": self.pagination_id(),
            "created_date": created_date,
            "number": self.number(),
            "status": "verified",
            "verified": true,
        });
        if let (Some(id), Some(shown)) = (id, shown.as_object_mut()) {
            shown.insert("id".to_owned(), json!(id));
        }
        if let (Self::Released(_), Some(shown)) = (self, shown.as_object_mut()) {
            shown.insert("deleted".to_owned(), json!(true));
        }
        shown
    }
}
