//! `/domain-dialin-config` and `/domain-dialin-config/ID`.

use serde_json::{Value, json};

use super::{Answer, Scene};
use crate::quirks::FilteredCount;
use crate::state::{ConfigFilter, ConfigKind, DialinConfig, Refusal, page};

/// At most this many configs are on a page. // F-CFG-6
const CONFIGS_A_PAGE: usize = 100;

const FILTERS: [&str; 5] = [
    "phone_number",
    "phone_numbers",
    "sip_username",
    "name_prefix",
    "type",
];

/// `GET /domain-dialin-config`. // F-CFG-6, F-CFG-7
pub(super) fn list(scene: &Scene<'_>) -> Result<Answer, Refusal> {
    let request = scene.query.page(&FILTERS)?;
    let kind = scene.query.get("type").map(kind).transpose()?;
    let owned = |name| scene.query.get(name).map(str::to_owned);
    let parts = |list: String| list.split(',').map(|part| part.trim().to_owned()).collect();
    let filter = ConfigFilter {
        number: owned("phone_number"),
        numbers: owned("phone_numbers").map(parts),
        name_prefix: owned("name_prefix"),
        sip_username: owned("sip_username"),
        kind,
    };
    let (account, quirks) = (scene.world.account(scene.account), &scene.world.quirks);
    let configs = account.configs(&filter, quirks, scene.now);
    let id = |config: &&DialinConfig| config.id.clone();
    let shown = page(&configs, &request, CONFIGS_A_PAGE, id)?;
    let data: Vec<Value> = shown.iter().map(|config| config.show()).collect();
    // F-NUM-6
    let total_count = match quirks.filtered_count {
        FilteredCount::Matching => configs.len(),
        FilteredCount::All => account
            .configs(&ConfigFilter::default(), quirks, scene.now)
            .len(),
    };
    Ok(Answer::ok(
        json!({"total_count": total_count, "data": data}),
    ))
}

/// `POST /domain-dialin-config`. // F-CFG-1
pub(super) fn create(scene: Scene<'_>) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let mut fields = scene.body.object()?;
    let kind = match fields.remove("type") {
        Some(Value::String(name)) => Some(kind(&name)?),
        Some(_) => scene.body.wrong_type("type", "a string")?,
        None => None,
    };
    let kind = kind.ok_or_else(Refusal::missing_field)?;
    let config = DialinConfig::new(kind, &fields, &scene.world.quirks)?;
    let id = scene
        .world
        .create_config(scene.account, config, scene.now)?;
    let seen = scene.world.quirks.configs_seen;
    let config = scene.world.account(scene.account).config(&id, seen)?;
    Ok(Answer::ok(config.show()))
}

/// `GET /domain-dialin-config/ID`. // F-CFG-10
pub(super) fn get(scene: &Scene<'_>, id: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let account = scene.world.account(scene.account);
    let config = account.read_config(id, &scene.world.quirks, scene.now)?;
    Ok(Answer::ok(config.show()))
}

/// `PUT /domain-dialin-config/ID`; `type` is refused like any field that is not known. // F-CFG-11
pub(super) fn update(scene: Scene<'_>, id: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let fields = scene.body.object()?;
    let quirks = scene.world.quirks;
    scene.world.note_configs(scene.account, scene.now);
    let account = scene.world.account_mut(scene.account);
    Ok(Answer::ok(account.update_config(id, &fields, &quirks)?))
}

/// `DELETE /domain-dialin-config/ID`. // F-CFG-10
pub(super) fn delete(scene: Scene<'_>, id: &str) -> Result<Answer, Refusal> {
    scene.query.none()?;
    let seen = scene.world.quirks.configs_seen;
    scene.world.note_configs(scene.account, scene.now);
    let account = scene.world.account_mut(scene.account);
    account.delete_config(id, seen)?;
    Ok(Answer::ok(json!({"status": "ok"})))
}

fn kind(name: &str) -> Result<ConfigKind, Refusal> {
    let unknown = || Refusal::invalid("'type' must be one of [pin_dialin, pinless_dialin]");
    ConfigKind::parse(name).ok_or_else(unknown)
}
