//! The simulator behind the page: two accounts with rooms and a config.

use daily_sim::{AccountConfig, ApiClient, Config, Sim, SimClient};
use serde_json::{Value, json};

use super::error::{BrowserError, must};

/// A number that answers, because it has a config.
pub const NUMBER: &str = "+12025550123";
/// What a caller first hears on this number.
pub const GREETING: &str = "Welcome. Please enter your PIN.";
/// The `name_prefix` of its config.
pub const PREFIX: &str = "daily-operator";
/// The longest name that a room can have, without a position for a line break.
pub const LONGEST: &str = "a_room_with_the_longest_name_that_a_room_can_have_\
    which_has_to_be_broken_somewhere_in_a_narrow_window_xxxxxxxxxxxxxxxxxxxxxxxxxx";
const KEY: &str = "browser-key-0123456789abcdef";

/// The simulator and its clients.
#[derive(Debug)]
pub struct Stage {
    pub sim: Sim,
    /// The client of the simulator's telephone and control endpoints.
    pub phone: SimClient,
    /// The client of the API, with the key of the first account.
    pub api: ApiClient,
}

impl Stage {
    /// Starts the simulator with a config and two rooms.
    pub async fn set() -> Result<Self, BrowserError> {
        let other_key = "other-key-0123456789abcdef";
        let config = Config::single("demo", KEY, &[NUMBER, "+14155550100"])
            .account(AccountConfig::new("other", &[other_key], &["+12025550199"]))
            .seed(7);
        let sim = Sim::start(config).await?;
        let phone = sim.client()?;
        let stage = Self {
            api: phone.api(KEY),
            sim,
            phone,
        };
        let greeting = json!({"message": GREETING});
        let config = json!({
            "type": "pin_dialin", "phone_number": NUMBER, "name_prefix": PREFIX,
            "ivr_greeting": greeting,
        });
        written(stage.api.post("/domain-dialin-config", &config).await?)?;
        stage.room("standup", "Standup caller").await?;
        stage.room("interview-ada", "Candidate").await?;
        Ok(stage)
    }

    /// Creates a room that expires in two hours, and returns its PIN.
    pub async fn room(&self, name: &str, display_name: &str) -> Result<String, BrowserError> {
        let end = self.phone.clock().await?.now.as_second() + 7200;
        let dialin = json!({"display_name": display_name, "wait_for_meeting_start": true});
        let wish = json!({"name": name, "properties": {"exp": end, "dialin": dialin}});
        let room = written(self.api.post("/rooms", &wish).await?)?;
        let pin = room.pointer("/config/dialin_code").and_then(Value::as_str);
        let no_pin = || BrowserError::Seen(format!("room {name} has no PIN"));
        pin.map(str::to_owned).ok_or_else(no_pin)
    }

    /// Changes the greeting and the prefix of the config.
    pub async fn rename(&self, greeting: &str, prefix: &str) -> Result<(), BrowserError> {
        let list = self.api.get("/domain-dialin-config").await?.body;
        let id = list.pointer("/data/0/id").and_then(Value::as_str);
        let path = format!("/domain-dialin-config/{}", id.unwrap_or_default());
        let wish = json!({"name_prefix": prefix, "ivr_greeting": {"message": greeting}});
        written(self.api.put(&path, &wish).await?)?;
        Ok(())
    }

    /// The dial string for a room with this PIN.
    pub fn dial_string(&self, pin: &str) -> String {
        format!("{NUMBER},,{pin}")
    }
}

fn written(answer: daily_sim::ApiAnswer) -> Result<Value, BrowserError> {
    must(answer.status == 200, || {
        format!("the simulator answered {}: {}", answer.status, answer.body)
    })?;
    Ok(answer.body)
}
