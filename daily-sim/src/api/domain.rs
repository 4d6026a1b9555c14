//! `/`: the domain itself.

use super::{Answer, Scene, paid};
use crate::state::Refusal;

/// `GET /`. // F-DOM-1
pub(super) fn get(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let account = scene.world.account(scene.account);
    let quirks = &scene.world.quirks;
    Ok(Answer::ok(account.read_domain(quirks, scene.now)))
}

/// `POST /`. The two lists of dial-in configs are paid features. // F-DOM-3, F-ERR-14
pub(super) fn set(scene: Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let fields = scene.body.fields(&["properties"])?;
    let settings = scene.body.properties(&fields)?;
    let lists = ["pin_dialin", "pinless_dialin"];
    if lists.iter().any(|list| settings.contains_key(*list)) {
        paid(&scene.world.quirks)?;
    }
    let (account, now) = (scene.account, scene.now);
    scene
        .world
        .whole(|world| world.set_domain(account, &settings, now))?;
    let account = scene.world.account(account);
    Ok(Answer::ok(account.written_domain(&scene.world.quirks)))
}
