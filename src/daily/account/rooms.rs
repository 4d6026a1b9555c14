//! Rooms of an account: looking at them and writing to them.

use std::sync::Arc;

use super::Account;
use crate::clock::{self, Moment};
use crate::daily::error::CallError;
use crate::daily::evidence::{CreateAttempts, Observed, Source};
use crate::daily::limiter::{Call, Slot};
use crate::daily::types::{Answer, ApiKey, CreateRoom, Room, RoomChange};
use crate::effect::{Blocked, Check, Effect, EffectError};

impl Account {
    /// Asks for a room by name, and remembers the answer.
    ///
    /// # Errors
    /// When Daily does not say.
    pub async fn look(&self, key: &ApiKey, name: &str) -> Result<(), CallError> {
        // Not beside a write: what is under way would make the answer say too much.
        let turn = self.turn(name);
        let _turn = turn.lock().await;
        let asked = clock::now();
        let answer = self
            .read(key, "/rooms/:name", self.setup.client.room(key, name))
            .await?;
        self.note(name, unless_ended(answer), asked);
        Ok(())
    }

    /// Notes what was read.
    fn note(&self, name: &str, answer: Answer<Option<Room>>, at: Moment) {
        let date = answer.date;
        self.compare_clocks(date);
        match answer.value {
            Some(room) => self.evidence().read(name, by_name(room, at, date)),
            None => self.evidence().read_absent(name, at, date),
        }
    }

    /// Creates a room for the object of this uid.
    ///
    /// # Errors
    /// When it was not sent, was refused, or nobody knows.
    pub async fn create_room(
        self: &Arc<Self>,
        key: ApiKey,
        request: CreateRoom,
        owner: String,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let name = request.name.clone();
        let slot = self.limiter.slot(Call::General);
        let writing = async move |account: Arc<Self>, slot| {
            let send = async {
                let call = account.setup.client.create_room(&key, &request);
                let route = ("POST", "/rooms");
                account
                    .send_write(slot, &key, route, &request.name, call)
                    .await
            };
            let gate = &account.setup.gate;
            let before = account.evidence().creating(&request.name, &owner);
            match gate.pass(Effect::RoomCreate, &check, send).await {
                Ok((answer, at)) => {
                    let observed = by_name(answer.value, at, answer.date);
                    account.evidence().created(&request.name, &owner, observed);
                    Ok(())
                }
                Err(error) => {
                    account.create_failed(&request.name, &owner, before, &error);
                    Err(error)
                }
            }
        };
        self.write(Effect::RoomCreate, &name, slot, writing).await
    }

    /// What a create that failed says of the name. `before` is what was known before it was sent.
    pub(super) fn create_failed(
        &self,
        name: &str,
        owner: &str,
        before: CreateAttempts,
        error: &EffectError<CallError>,
    ) {
        match error {
            // It stays unknown.
            EffectError::Failed(_, why) if why.may_have_been_done() => {}
            EffectError::Failed(_, CallError::Refused { .. }) => {
                self.evidence()
                    .create_ended(name, owner, before.and_refused());
            }
            EffectError::Failed(..) | EffectError::Blocked(..) => {
                self.evidence().create_ended(name, owner, before);
            }
        }
    }

    /// Changes a room. With an id, only if a GET right before still shows the room of that id: a
    /// change that takes something away needs the same proof as a delete.
    ///
    /// # Errors
    /// When it was not sent, was refused, or nobody knows.
    pub async fn update_room(
        self: &Arc<Self>,
        key: ApiKey,
        name: String,
        change: RoomChange,
        only_id: Option<String>,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let of = name.clone();
        let proves = only_id.is_some();
        let slots = async {
            if proves {
                let (for_get, slot) = self.limiter.slots_for_update().await;
                return (Some(for_get), slot);
            }
            (None, self.limiter.slot(Call::General).await)
        };
        let writing = async move |account: Arc<Self>, (for_get, slot)| {
            if let (Some(id), Some(for_get)) = (&only_id, for_get) {
                let effect = Effect::RoomUpdate;
                account.prove(effect, &key, &name, id, for_get).await?;
            }
            let send = async {
                let call = account.setup.client.update_room(&key, &name, &change);
                let route = ("POST", "/rooms/:name");
                account.send_write(slot, &key, route, &name, call).await
            };
            let gate = &account.setup.gate;
            let done = gate.pass(Effect::RoomUpdate, &check, send).await;
            if let Err(EffectError::Failed(_, CallError::NotFound)) = &done {
                account.evidence().absent(&name, clock::now(), None);
            }
            let (answer, at) = done?;
            account.compare_clocks(answer.date);
            let observed = by_name(answer.value, at, answer.date);
            account.evidence().saw(&name, observed);
            Ok(())
        };
        self.write(Effect::RoomUpdate, &of, slots, writing).await
    }

    /// Deletes a room, if a GET right before still shows the one that is meant.
    ///
    /// # Errors
    /// When it was not sent, was refused, or nobody knows.
    pub async fn delete_room(
        self: &Arc<Self>,
        key: ApiKey,
        name: String,
        id: String,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let of = name.clone();
        let slots = self.limiter.slots_for_delete();
        let writing = async move |account: Arc<Self>, (for_get, for_delete)| {
            let effect = Effect::RoomDelete;
            account.prove(effect, &key, &name, &id, for_get).await?;
            let send = async {
                let call = account.setup.client.delete_room(&key, &name);
                let route = ("DELETE", "/rooms/:name");
                account
                    .send_write(for_delete, &key, route, &name, call)
                    .await
            };
            let gate = &account.setup.gate;
            match gate.pass(Effect::RoomDelete, &check, send).await {
                Ok((answer, at)) => {
                    account.evidence().absent(&name, at, answer.date);
                    Ok(())
                }
                Err(EffectError::Failed(_, CallError::NotFound)) => {
                    account.evidence().absent(&name, clock::now(), None);
                    Ok(())
                }
                Err(error) => Err(error),
            }
        };
        self.write(Effect::RoomDelete, &of, slots, writing).await
    }
}

impl Account {
    /// Asks for the room right before a write that takes something away: it must be the one of this
    /// id.
    async fn prove(
        &self,
        effect: Effect,
        key: &ApiKey,
        name: &str,
        id: &str,
        slot: Slot,
    ) -> Result<(), EffectError<CallError>> {
        let unproven = |why| EffectError::Blocked(effect, Blocked::Unproven(why));
        let asked = clock::now();
        let get = self.setup.client.room(key, name);
        let observed = self.sent(slot, key, ("GET", "/rooms/:name"), get).await;
        let observed = unless_ended(observed.map_err(|why| EffectError::Failed(effect, why))?);
        self.note(name, observed.clone(), asked);
        match observed.value {
            Some(room) if room.id == id => Ok(()),
            Some(_) => Err(unproven("the room has another id")),
            None => Err(unproven("the room is not there")),
        }
    }
}

fn by_name(room: Room, at: Moment, date: Option<i64>) -> Observed {
    Observed {
        room,
        at,
        date,
        source: Source::Get,
    }
}

/// A room that has ended by Daily's own clock is none any more, even where it is still shown
/// (F-ROOM-31, F-ROOM-39).
fn unless_ended(answer: Answer<Option<Room>>) -> Answer<Option<Room>> {
    let date = answer.date;
    let lives = |room: &Room| room.config.exp.zip(date).is_none_or(|(exp, now)| exp > now);
    answer.map(|room| room.filter(lives))
}

#[cfg(test)]
mod tests {
    use daily_sim::{Config, Sim};
    use futures::FutureExt;
    use futures::future::join_all;
    use serde_json::json;

    use super::*;

    const KEY: &str = "acme-key-0123456789abcdef";

    fn create(account: &Arc<Account>) -> impl Future<Output = Result<(), EffectError<CallError>>> {
        let request = CreateRoom {
            name: "standup".into(),
            privacy: "public",
            properties: serde_json::Map::new(),
        };
        let account = Arc::clone(account);
        async move {
            let check = Check::by_version();
            let created = account.create_room(KEY.into(), request, "uid".into(), check);
            created.await
        }
    }

    #[tokio::test]
    async fn a_write_that_still_waits_when_its_pass_is_cut_off_is_not_sent() {
        let daily = Sim::start(Config::single("acme", KEY, &[])).await.unwrap();
        let account = Account::for_tests(&daily.base_url(), KEY);
        let slots = (0..100).map(|_| account.limiter().slot(Call::General));
        let slots = join_all(slots).await;
        assert!(create(&account).now_or_never().is_none(), "it waits");
        drop(slots);
        // A look waits for the write of its name, if there is one.
        account.look(&KEY.into(), "standup").await.unwrap();
        assert!(account.room_evidence("standup", "uid").observed.is_none());
        create(&account).await.unwrap();
        assert!(account.room_evidence("standup", "uid").observed.is_some());
    }

    #[tokio::test]
    async fn names_that_no_object_has_keep_no_turn() {
        let daily = Sim::start(Config::single("acme", KEY, &[])).await.unwrap();
        let account = Account::for_tests(&daily.base_url(), KEY);
        for name in ["ours", "gone"] {
            account.look(&KEY.into(), name).await.unwrap();
        }
        let under_way = account.turn("under way");
        account.retain(|name| name == "ours");
        let mut left: Vec<String> = account.writing.lock().keys().cloned().collect();
        left.sort();
        assert_eq!(left, ["ours", "under way"]);
        drop(under_way);
        account.retain(|_| false);
        assert!(account.writing.lock().is_empty());
    }

    #[test]
    fn a_room_that_is_shown_after_its_end_is_none() {
        let shown = |exp: Option<i64>, date| {
            let room = json!({
                "id": "1", "name": "a", "privacy": "public", "url": "https://demo.daily.co/a",
                "created_at": "2026-12-01T08:00:00Z", "config": {"exp": exp},
            });
            let answer = Answer {
                value: serde_json::from_value(room).ok(),
                date,
            };
            unless_ended(answer).value.is_some()
        };
        assert!(shown(Some(100), Some(99)));
        assert!(!shown(Some(100), Some(100)));
        assert!(!shown(Some(100), Some(101)));
        // Without Daily's clock, or without an end, nobody has said that it is over.
        assert!(shown(Some(100), None));
        assert!(shown(None, Some(100)));
    }
}
