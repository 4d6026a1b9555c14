//! The list of rooms and its pages.

use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{Case, Checked, ensure, list, same, text, whole};
use crate::check::Needs::{Anywhere, Simulator};
use crate::check::area;
use crate::wire::Answer;

area! { listing;
    Anywhere => rooms_come_newest_first ["F-ROOM-11"];
    Anywhere => a_listed_room_is_the_room ["F-ROOM-11", "F-ROOM-2"];
    Anywhere => limit_is_the_size_of_a_page ["F-ROOM-12"];
    Anywhere => a_page_begins_after_its_cursor ["F-ROOM-13"];
    Anywhere => total_count_does_not_depend_on_the_page ["F-ROOM-14"];
    Anywhere => a_limit_outside_is_refused_or_clamped ["F-ROOM-35"];
    Anywhere => a_list_has_no_filter ["F-ROOM-15"];
    Anywhere => a_cursor_of_a_gone_room_gives_a_known_answer ["F-ROOM-36"];
    Simulator("it needs 105 rooms") => a_page_has_a_hundred_rooms ["F-ROOM-12", "F-ROOM-14"];
    Simulator("it needs an account of its own") => pages_fit_together ["F-ROOM-13", "F-ROOM-11"];
    Simulator("it needs an account of its own") => oldest_gives_the_last_page ["F-ROOM-13"];
}

fn names(answer: &Value) -> Checked<Vec<String>> {
    let rooms = list(answer, "data")?.iter();
    rooms
        .map(|room| Ok(text(room, "name")?.to_owned()))
        .collect()
}

fn lists(answer: &Answer, room: &Value) -> bool {
    answer.text.contains(room["id"].as_str().unwrap_or("?"))
}

/// Creates rooms in different seconds, the oldest first, because `created_at` has whole seconds.
async fn rooms(case: &Case, count: usize) -> Checked<Vec<Value>> {
    let mut rooms = Vec::new();
    for nth in 0..count {
        if nth > 0 {
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        rooms.push(case.room("listed", json!({})).await?);
    }
    Ok(rooms)
}

async fn rooms_come_newest_first(case: &Case) -> Checked {
    let made = rooms(case, 3).await?;
    let all = |answer: &Answer| made.iter().all(|room| lists(answer, room));
    let listed = case.reads("/rooms", all).await?.ok()?;
    let times: Vec<&str> = list(&listed, "data")?
        .iter()
        .map(|room| text(room, "created_at"))
        .collect::<Checked<_>>()?;
    ensure!(
        times.is_sorted_by(|one, next| one >= next),
        "not newest first: {times:?}"
    );
    let mut wanted: Vec<&str> = made
        .iter()
        .map(|room| text(room, "name"))
        .collect::<Checked<_>>()?;
    wanted.reverse();
    let mut found = names(&listed)?;
    found.retain(|name| wanted.contains(&name.as_str()));
    ensure!(
        found == wanted,
        "made {wanted:?} from the last to the first, listed {found:?}"
    );
    Ok(())
}

async fn a_listed_room_is_the_room(case: &Case) -> Checked {
    let room = case.room("whole", json!({"start_audio_off": true})).await?;
    let listed = case
        .reads("/rooms", |answer| lists(answer, &room))
        .await?
        .ok()?;
    let found = list(&listed, "data")?
        .iter()
        .find(|found| found["id"] == room["id"]);
    same("the listed room", found.unwrap_or(&Value::Null), &room)
}

async fn limit_is_the_size_of_a_page(case: &Case) -> Checked {
    let made = rooms(case, 2).await?;
    let all = |answer: &Answer| made.iter().all(|room| lists(answer, room));
    case.reads("/rooms", all).await?;
    for limit in [1, 2] {
        let page = case.get(&format!("/rooms?limit={limit}")).await?.ok()?;
        let found = names(&page)?.len();
        ensure!(found == limit, "limit={limit} gives {found} rooms");
    }
    Ok(())
}

async fn a_page_begins_after_its_cursor(case: &Case) -> Checked {
    let made = rooms(case, 2).await?;
    let all = |answer: &Answer| made.iter().all(|room| lists(answer, room));
    case.reads("/rooms", all).await?;
    let [older, newer] = made.as_slice() else {
        return Err("there are two rooms".into());
    };
    let after = case
        .get(&format!("/rooms?starting_after={}", text(newer, "id")?))
        .await?;
    ensure!(
        after.status == 200 && lists(&after, older),
        "the older one is not after the newer"
    );
    ensure!(!lists(&after, newer), "the cursor itself is in its page");
    let before = case
        .get(&format!("/rooms?ending_before={}", text(older, "id")?))
        .await?;
    ensure!(
        before.status == 200 && lists(&before, newer),
        "the newer one is not before the older"
    );
    ensure!(!lists(&before, older), "the cursor itself is in its page");
    Ok(())
}

async fn total_count_does_not_depend_on_the_page(case: &Case) -> Checked {
    let made = rooms(case, 2).await?;
    let all = |answer: &Answer| made.iter().all(|room| lists(answer, room));
    let whole_list = case.reads("/rooms", all).await?.ok()?;
    let total = whole(&whole_list, "total_count")?;
    let found = i64::try_from(names(&whole_list)?.len()).unwrap_or(i64::MAX);
    ensure!(
        total >= found,
        "total_count is {total}, and {found} are listed"
    );
    let newest = names(&whole_list)?.len().min(1);
    let one = case.get("/rooms?limit=1").await?.ok()?;
    ensure!(
        names(&one)?.len() == newest,
        "limit=1 gives another number of rooms"
    );
    same(
        "total_count of a page",
        &one["total_count"],
        &whole_list["total_count"],
    )
}

async fn a_limit_outside_is_refused_or_clamped(case: &Case) -> Checked {
    let answer = case.get("/rooms?limit=101").await?;
    if answer.done_or_refused("invalid-request-error")? {
        let found = names(&answer.body)?.len();
        ensure!(found <= 100, "a page has {found} rooms");
    }
    Ok(())
}

async fn a_list_has_no_filter(case: &Case) -> Checked {
    let room = case.room("unfiltered", json!({})).await?;
    let answer = case.get("/rooms?name=contract-no-such-room").await?;
    if answer.done_or_refused("invalid-request-error")? {
        case.reads("/rooms?name=contract-no-such-room", |answer| {
            lists(answer, &room)
        })
        .await?;
    }
    Ok(())
}

async fn a_cursor_of_a_gone_room_gives_a_known_answer(case: &Case) -> Checked {
    let made = rooms(case, 2).await?;
    let [older, newer] = made.as_slice() else {
        return Err("there are two rooms".into());
    };
    case.delete(&format!("/rooms/{}", text(newer, "name")?))
        .await?
        .ok()?;
    let path = format!("/rooms?starting_after={}", text(newer, "id")?);
    let answer = case.get(&path).await?;
    if answer.done_or_refused("invalid-request-error")? {
        let empty = names(&answer.body)?.is_empty();
        ensure!(
            empty || lists(&answer, older),
            "it is neither empty nor goes on"
        );
    }
    Ok(())
}

async fn a_page_has_a_hundred_rooms(case: &Case) -> Checked {
    let rooms: Vec<Value> = (0..105)
        .map(|_| json!({"name": case.name("many")}))
        .collect();
    case.post("/batch/rooms", json!({"rooms": rooms}))
        .await?
        .ok()?;
    for query in ["", "?limit=100"] {
        let page = case.get(&format!("/rooms{query}")).await?.ok()?;
        let found = names(&page)?.len();
        ensure!(found == 100, "a page has {found} of 105 rooms");
        same("total_count", &page["total_count"], &json!(105))?;
    }
    Ok(())
}

async fn pages_fit_together(case: &Case) -> Checked {
    for _ in 0..7 {
        case.room("page", json!({})).await?;
    }
    let all = names(&case.get("/rooms").await?.ok()?)?;
    ensure!(all.len() == 7, "{} of 7 rooms are listed", all.len());
    let (mut walked, mut path) = (Vec::new(), "/rooms?limit=3".to_owned());
    loop {
        let page = case.get(&path).await?.ok()?;
        let Some(last) = list(&page, "data")?.last() else {
            break;
        };
        walked.extend(names(&page)?);
        path = format!("/rooms?limit=3&starting_after={}", text(last, "id")?);
    }
    ensure!(walked == all, "walked {walked:?}, listed {all:?}");
    let listed = case.get("/rooms").await?.ok()?;
    let sixth = &list(&listed, "data")?.get(5).cloned().unwrap_or_default();
    let back = format!("/rooms?limit=3&ending_before={}", text(sixth, "id")?);
    let back = names(&case.get(&back).await?.ok()?)?;
    let wanted = all.get(2..5).unwrap_or_default();
    ensure!(
        back == wanted,
        "before the sixth come {wanted:?}, and the page has {back:?}"
    );
    Ok(())
}

async fn oldest_gives_the_last_page(case: &Case) -> Checked {
    for _ in 0..5 {
        case.room("oldest", json!({})).await?;
    }
    let all = names(&case.get("/rooms").await?.ok()?)?;
    let last = names(
        &case
            .get("/rooms?limit=2&ending_before=OLDEST")
            .await?
            .ok()?,
    )?;
    let wanted = all.get(3..).unwrap_or_default();
    ensure!(
        last == wanted,
        "the last page is {last:?} and not {wanted:?}"
    );
    Ok(())
}
