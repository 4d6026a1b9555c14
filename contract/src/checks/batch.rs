//! Batch create and batch delete of rooms.

use serde_json::{Value, json};

use super::pins::pin;
use crate::case::{Case, Checked, ensure, same, text};
use crate::check::Needs::{Anywhere, Card, Simulator};
use crate::check::area;

area! { batch;
    Anywhere => a_batch_makes_its_rooms ["F-BATCH-1"];
    Anywhere => a_batch_create_does_all_or_nothing ["F-BATCH-4"];
    Anywhere => a_batch_deletes_its_rooms ["F-BATCH-2"];
    Anywhere => a_batch_delete_does_all_or_nothing ["F-BATCH-4", "F-BATCH-5"];
    Anywhere => a_batch_deletes_at_most_a_thousand ["F-BATCH-3"];
    Anywhere => one_name_twice_is_refused_or_made_once ["F-BATCH-9"];
    Card => a_batch_takes_dialin_or_not ["F-BATCH-7"];
    Simulator("it needs a thousand rooms") => a_batch_makes_at_most_a_thousand ["F-BATCH-3"];
    Simulator("it needs eleven rooms and buckets") => a_batch_has_at_most_ten_buckets ["F-BATCH-10"];
    Simulator("it needs a room that ended") => an_expired_name_is_refused_or_skipped ["F-BATCH-6"];
}

/// The body of a batch create with these names. The rooms expire in 10 minutes.
async fn rooms(case: &Case, names: &[String]) -> Checked<Value> {
    let exp = case.in_seconds(600).await?;
    let room = |name| json!({"name": name, "properties": {"exp": exp}});
    let rooms: Vec<Value> = names.iter().map(room).collect();
    Ok(json!({"rooms": rooms}))
}

fn some(case: &Case, count: usize) -> Vec<String> {
    (0..count).map(|_| case.name("batch")).collect()
}

async fn exists(case: &Case, name: &str, wanted: bool) -> Checked {
    let status = if wanted { 200 } else { 404 };
    let path = format!("/rooms/{name}");
    case.reads(&path, |answer| answer.status == status).await?;
    Ok(())
}

async fn a_batch_makes_its_rooms(case: &Case) -> Checked {
    let names = some(case, 2);
    let made = case
        .post("/batch/rooms", rooms(case, &names).await?)
        .await?
        .ok()?;
    let list = made.as_array().ok_or("the answer is no list")?;
    let mut found: Vec<&str> = list
        .iter()
        .map(|room| text(room, "name"))
        .collect::<Checked<_>>()?;
    let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    ensure!(found == wanted, "made {found:?} and not {wanted:?}");
    for name in &names {
        exists(case, name, true).await?;
    }
    Ok(())
}

async fn a_batch_create_does_all_or_nothing(case: &Case) -> Checked {
    let taken = case.name("taken");
    case.room_named(&taken, json!({})).await?;
    let (first, last) = (case.name("first"), case.name("last"));
    let names = [first.clone(), taken, last.clone()];
    let answer = case
        .post("/batch/rooms", rooms(case, &names).await?)
        .await?;
    answer.refused(400, "invalid-request-error")?;
    // Wait as long as a read may lag, so that a room that Daily created is visible.
    tokio::time::sleep(case.settling()).await;
    for name in [first, last] {
        exists(case, &name, false).await?;
    }
    Ok(())
}

async fn a_batch_deletes_its_rooms(case: &Case) -> Checked {
    let names = some(case, 2);
    case.post("/batch/rooms", rooms(case, &names).await?)
        .await?
        .ok()?;
    let answer = case
        .delete_with("/batch/rooms", json!({"room_names": names}))
        .await?
        .ok()?;
    same("the answer", &answer, &json!({"deleted_count": 2}))?;
    for name in &names {
        exists(case, name, false).await?;
    }
    Ok(())
}

async fn a_batch_delete_does_all_or_nothing(case: &Case) -> Checked {
    let stays = case.name("stays");
    case.room_named(&stays, json!({})).await?;
    let names = json!({"room_names": [stays, case.name("missing")]});
    let answer = case.delete_with("/batch/rooms", names).await?;
    if answer.status == 200 {
        same("the answer", &answer.body, &json!({"deleted_count": 1}))?;
        return exists(case, &stays, false).await;
    }
    answer.refused(404, "not-found")?;
    tokio::time::sleep(case.settling()).await;
    exists(case, &stays, true).await
}

async fn a_batch_deletes_at_most_a_thousand(case: &Case) -> Checked {
    let names = json!({"room_names": some(case, 1001)});
    let answer = case.delete_with("/batch/rooms", names).await?;
    ensure!(
        answer.status == 400,
        "1001 names are answered {} {}",
        answer.status,
        answer.text
    );
    Ok(())
}

async fn one_name_twice_is_refused_or_made_once(case: &Case) -> Checked {
    let name = case.name("twice");
    let names = [name.clone(), name];
    let answer = case
        .post("/batch/rooms", rooms(case, &names).await?)
        .await?;
    answer.done_or_refused("invalid-request-error")?;
    Ok(())
}

async fn a_batch_takes_dialin_or_not(case: &Case) -> Checked {
    let exp = case.in_seconds(600).await?;
    let properties = json!({"exp": exp, "dialin": {"display_name": "Phone"}});
    let room = json!({"name": case.name("dialin"), "properties": properties});
    let answer = case.post("/batch/rooms", json!({"rooms": [room]})).await?;
    if answer.done_or_refused("invalid-request-error")? {
        let made = answer.body.get(0).ok_or("the answer has no room")?;
        if !made["config"]["dialin_code"].is_null() {
            pin(made)?;
        }
    }
    Ok(())
}

async fn a_batch_makes_at_most_a_thousand(case: &Case) -> Checked {
    let names = some(case, 1001);
    let too_many = case
        .post("/batch/rooms", rooms(case, &names).await?)
        .await?;
    ensure!(
        too_many.status == 400,
        "1001 rooms are answered {}",
        too_many.status
    );
    let first = names.first().ok_or("there is a name")?;
    exists(case, first, false).await?;
    let thousand = names.get(..1000).unwrap_or_default();
    case.post("/batch/rooms", rooms(case, thousand).await?)
        .await?
        .ok()?;
    let answer = case
        .delete_with("/batch/rooms", json!({"room_names": thousand}))
        .await?
        .ok()?;
    same("the answer", &answer, &json!({"deleted_count": 1000}))
}

async fn a_batch_has_at_most_ten_buckets(case: &Case) -> Checked {
    let bucket = |nth: usize| {
        let bucket = json!({
            "bucket_name": format!("bucket-{nth}"), "bucket_region": "us-west-2",
            "assume_role_arn": "arn:aws:iam::123456789012:role/daily", "allow_api_access": false
        });
        json!({"name": case.name("bucket"), "properties": {"recordings_bucket": bucket}})
    };
    let rooms: Vec<Value> = (0..11).map(bucket).collect();
    let answer = case.post("/batch/rooms", json!({"rooms": rooms})).await?;
    ensure!(
        answer.status == 400,
        "eleven buckets are answered {}",
        answer.status
    );
    let ten = rooms.get(..10).unwrap_or_default();
    case.post("/batch/rooms", json!({"rooms": ten}))
        .await?
        .ok()?;
    Ok(())
}

async fn an_expired_name_is_refused_or_skipped(case: &Case) -> Checked {
    let exp = case.in_seconds(2).await?;
    let expired = case.room("expired", json!({"exp": exp})).await?;
    let stays = case.name("stays");
    case.room_named(&stays, json!({})).await?;
    while case.now().await? <= exp {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    let names = json!({"room_names": [stays, expired["name"]]});
    let answer = case.delete_with("/batch/rooms", names).await?;
    if answer.status == 200 {
        same("the answer", &answer.body, &json!({"deleted_count": 1}))?;
        return exists(case, &stays, false).await;
    }
    answer.refused(404, "not-found")?;
    exists(case, &stays, true).await
}
