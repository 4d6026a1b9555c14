//! `/meeting-tokens` and `/meeting-tokens/TOKEN`.

use serde_json::{Value, json};

use super::{Answer, Scene};
use crate::state::Refusal;

/// `POST /meeting-tokens`. // F-TOKEN-1
pub(super) fn create(scene: Scene<'_>, key: usize) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let fields = scene.body.fields(&["properties"])?;
    let properties = scene.body.properties(&fields)?;
    let (account, now) = (scene.account, scene.now);
    let token = scene.world.make_token(account, key, &properties, now)?;
    Ok(Answer::ok(json!({"token": token})))
}

/// `GET /meeting-tokens/TOKEN`. // F-TOKEN-8
pub(super) fn get(scene: &Scene<'_>, token: &str) -> Result<Answer, Refusal> {
    scene.query.only(&["ignoreNbf"])?;
    let ignore_nbf = scene.query.truth("ignoreNbf")? == Some(true);
    let read = (scene.world).read_token(scene.account, token, ignore_nbf, scene.now);
    let token = read.map_err(Refusal::invalid)?;
    Ok(Answer::ok(Value::Object(token.properties())))
}
