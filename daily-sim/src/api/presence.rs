//! `/presence`, `/rooms/NAME/presence` and `/rooms/NAME/eject`.

use serde_json::{Map, Value, json};

use super::body::Body;
use super::{Answer, Scene};
use crate::quirks::PresenceMissing;
use crate::state::{Ejection, Refusal};

/// At most this many ids are in an eject, of each kind. // F-PRES-5
const MOST_EJECTED: usize = 100;

/// `GET /presence`. // F-PRES-2
pub(super) fn all(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let rooms = scene.world.presences(scene.account, scene.now);
    Ok(Answer::ok(json!(rooms)))
}

/// `GET /rooms/NAME/presence`. // F-PRES-1, F-PRES-4
pub(super) fn of_room(scene: &Scene<'_>, name: &str) -> Result<Answer, Refusal> {
    scene.query.only(&["limit", "userId", "userName"])?;
    let account = scene.world.account(scene.account);
    let quirks = &scene.world.quirks;
    let name = match (
        account.live_name(name, quirks, scene.now),
        quirks.presence_missing,
    ) {
        (Some(name), _) => name,
        (None, PresenceMissing::NotFound) => return Err(Refusal::room_not_found(name)),
        (None, PresenceMissing::Empty) => name,
    };
    let mut rooms = scene.world.presences(scene.account, scene.now);
    let mut here = rooms.remove(name).unwrap_or_default();
    let fits = |argument: &str, item: &Value| {
        let wanted = scene.query.get(argument);
        wanted.is_none_or(|wanted| item.get(argument).and_then(Value::as_str) == Some(wanted))
    };
    here.retain(|item| fits("userId", item) && fits("userName", item));
    let total = here.len();
    here.truncate(scene.query.at_most(total)?);
    Ok(Answer::ok(json!({"total_count": total, "data": here})))
}

/// `POST /rooms/NAME/eject`. // F-PRES-5
pub(super) fn eject(scene: Scene<'_>, name: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let fields = scene.body.fields(&["ids", "user_ids", "ban"])?;
    let ejection = Ejection {
        ids: ids(&fields, "ids", scene.body)?,
        user_ids: ids(&fields, "user_ids", scene.body)?,
        ban: match fields.get("ban") {
            None => false,
            Some(Value::Bool(ban)) => *ban,
            Some(_) => scene.body.wrong_type("ban", "a boolean")?.unwrap_or(false),
        },
    };
    let (account, now) = (scene.account, scene.now);
    let (room, ejected) = scene.world.eject(account, name, &ejection, now)?;
    let mut answer = Answer::ok(json!({"ejectedIds": ejected}));
    answer.room_ids.push(room);
    Ok(answer)
}

fn ids(fields: &Map<String, Value>, field: &str, body: Body<'_>) -> Result<Vec<String>, Refusal> {
    let Some(list) = fields.get(field) else {
        return Ok(Vec::new());
    };
    let owned = |id: &Value| id.as_str().map(str::to_owned);
    let list = list.as_array();
    let ids: Option<Vec<String>> = list.and_then(|list| list.iter().map(owned).collect());
    let ids = match ids {
        Some(ids) => ids,
        None => (body.wrong_type(field, "a list of strings")?).unwrap_or_default(),
    };
    match ids.len() > MOST_EJECTED {
        true => Err(Refusal::invalid(format!(
            "'{field}' has at most {MOST_EJECTED} entries"
        ))),
        false => Ok(ids),
    }
}
