//! Calls about the rooms of an account.

use std::sync::Arc;

use super::{Account, WriteCall};
use crate::clock::{self, Moment};
use crate::daily::error::CallError;
use crate::daily::rate_limit::{Call, Slot};
use crate::daily::types::{Answer, ApiKey, CreateRoom, Room, RoomChange};
use crate::effect::{Blocked, Check, Effect, EffectError};

const CREATE: WriteCall = WriteCall(Effect::RoomCreate, ("POST", "/rooms"));
const UPDATE: WriteCall = WriteCall(Effect::RoomUpdate, ("POST", "/rooms/:name"));
const DELETE: WriteCall = WriteCall(Effect::RoomDelete, ("DELETE", "/rooms/:name"));
const DELETE_ORPHAN: WriteCall = WriteCall(Effect::OrphanDelete, DELETE.1);

/// A 404 to a write.
const ABSENT: Answer<Option<Room>> = Answer {
    value: None,
    date: None,
};

impl Account {
    /// GETs a room, and records the answer as evidence.
    pub async fn look(&self, key: &ApiKey, name: &str) -> Result<(), CallError> {
        // Beside a write, the answer would say nothing about what is to come.
        let _lock = self.names.lock(name).await;
        let sent = clock::now();
        let call = self.setup.client.room(key, name);
        let answer = self.read(key, "/rooms/:name", call).await?;
        self.record(name, unless_ended(answer), sent);
        Ok(())
    }

    /// Records the answer to a GET that was sent at this moment.
    fn record(&self, name: &str, answer: Answer<Option<Room>>, sent: Moment) {
        self.compare_clocks(answer.date);
        self.evidence().read(name, answer, sent);
    }

    /// GETs the room right before a write to it: it must have this id. Daily checks no precondition itself.
    async fn prove(
        &self,
        effect: Effect,
        key: &ApiKey,
        name: &str,
        id: &str,
        slot: Slot,
    ) -> Result<(), EffectError<CallError>> {
        let sent = clock::now();
        let call = self.setup.client.room(key, name);
        let answer = self.send(slot, key, ("GET", "/rooms/:name"), call).await;
        let answer = unless_ended(answer.map_err(|why| EffectError::Failed(effect, why))?);
        let has_id = answer.value.as_ref().map(|room| room.id == id);
        self.record(name, answer, sent);
        let why = match has_id {
            Some(true) => return Ok(()),
            Some(false) => "the room has another id",
            None => "the room does not exist",
        };
        Err(EffectError::Blocked(effect, Blocked::Unproven(why)))
    }

    /// Creates a room for the object with this uid.
    pub async fn create_room(
        self: &Arc<Self>,
        key: ApiKey,
        request: CreateRoom,
        owner: String,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let name = request.name.clone();
        let slot = self.rate_limit.slot(Call::General);
        let writing = async move |account: Arc<Self>, slot| {
            let name = &request.name;
            let before = account.evidence().writes(name).creating(&owner);
            let send = account.setup.client.create_room(&key, &request);
            let written = account.send_write(CREATE, check, &key, slot, name, send);
            match written.await {
                Ok((answer, at)) => {
                    account.evidence().created(name, &owner, answer, at);
                    Ok(())
                }
                Err(error) => {
                    account.create_failed(name, &owner, before, &error);
                    Err(error)
                }
            }
        };
        self.write(CREATE, &name, slot, writing).await
    }

    /// Changes a room, if a GET right before still shows the room with this id: a name may belong to
    /// another room by now.
    pub async fn update_room(
        self: &Arc<Self>,
        key: ApiKey,
        name: String,
        id: String,
        change: RoomChange,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let of = name.clone();
        let slots = self.rate_limit.slots_for_update();
        let writing = async move |account: Arc<Self>, (get, slot)| {
            account
                .prove(Effect::RoomUpdate, &key, &name, &id, get)
                .await?;
            let send = account.setup.client.update_room(&key, &name, &change);
            let written = account.send_write(UPDATE, check, &key, slot, &name, send);
            let written = written.await;
            if let Err(EffectError::Failed(_, CallError::NotFound)) = &written {
                account.evidence().written(&name, ABSENT, clock::now());
            }
            let (answer, at) = written?;
            account.compare_clocks(answer.date);
            account.evidence().written(&name, answer.map(Some), at);
            Ok(())
        };
        self.write(UPDATE, &of, slots, writing).await
    }

    /// Deletes a room, if a GET right before still shows the room with this id and, with `only_if_empty`,
    /// presence shows nobody in it. A DELETE may wait for its slot for half a minute, in which people join.
    pub async fn delete_room(
        self: &Arc<Self>,
        key: ApiKey,
        name: String,
        id: String,
        only_if_empty: bool,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        self.delete(DELETE, key, name, id, only_if_empty, check)
            .await
    }

    /// Deletes a room that no object has, under the conditions of a room that is deleted only if it is empty.
    pub async fn delete_orphan(
        self: &Arc<Self>,
        key: ApiKey,
        name: String,
        id: String,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        self.delete(DELETE_ORPHAN, key, name, id, true, check).await
    }

    async fn delete(
        self: &Arc<Self>,
        call: WriteCall,
        key: ApiKey,
        name: String,
        id: String,
        only_if_empty: bool,
        check: Check,
    ) -> Result<(), EffectError<CallError>> {
        let (of, with) = (name.clone(), key.clone());
        let may_be_deleted = async { !only_if_empty || self.is_empty(&with, &of).await };
        let slots = self.rate_limit.slots_for_delete(may_be_deleted);
        let writing = async move |account: Arc<Self>, slots: (bool, Slot, Slot)| {
            let (may_be_deleted, get, slot) = slots;
            if !may_be_deleted {
                return Err(EffectError::Blocked(call.0, Blocked::Occupied));
            }
            account.prove(call.0, &key, &name, &id, get).await?;
            let send = account.setup.client.delete_room(&key, &name);
            let written = account.send_write(call, check, &key, slot, &name, send);
            let (answer, at) = match written.await {
                Ok((answer, at)) => (answer.map(|()| None), at),
                Err(EffectError::Failed(_, CallError::NotFound)) => (ABSENT, clock::now()),
                Err(error) => return Err(error),
            };
            account.evidence().written(&name, answer, at);
            Ok(())
        };
        self.write(call, &of, slots, writing).await
    }
}

/// A room that has ended by Daily's clock counts as absent, also while Daily still shows it
/// (F-ROOM-31, F-ROOM-39).
fn unless_ended(answer: Answer<Option<Room>>) -> Answer<Option<Room>> {
    let date = answer.date;
    answer.map(|room| room.filter(|it| !it.config.has_ended(date)))
}

#[cfg(test)]
mod tests {
    use daily_sim::{Config, FaultKind, FaultSpec, Sim};
    use futures::FutureExt;
    use futures::future::join_all;
    use serde_json::json;

    use super::*;
    use crate::daily::evidence::CreateAttempts;

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
    async fn a_waiting_write_is_not_sent_after_its_reconcile_is_cut_off() {
        let daily = Sim::start(Config::single("acme", KEY, &[])).await.unwrap();
        let account = Account::for_tests(&daily.base_url(), KEY);
        let slots = (0..100).map(|_| account.rate_limit().slot(Call::General));
        let slots = join_all(slots).await;
        assert!(create(&account).now_or_never().is_none(), "it waits");
        drop(slots);
        // A GET of the name waits for its write, if there is one.
        account.look(&KEY.into(), "standup").await.unwrap();
        assert!(account.evidence().room("standup", "uid").observed.is_none());
        create(&account).await.unwrap();
        assert!(account.evidence().room("standup", "uid").observed.is_some());
    }

    /// No call of the name may say something about it before the answer.
    #[tokio::test]
    async fn a_create_that_is_sent_is_answered_although_its_reconcile_is_cut_off() {
        let daily = Sim::start(Config::single("acme", KEY, &[])).await.unwrap();
        let account = Account::for_tests(&daily.base_url(), KEY);
        let sim = daily.client().unwrap();
        let hold = FaultSpec::next("POST", "/rooms", FaultKind::Hold("create".into()));
        sim.fault(&hold).await.unwrap();
        let sent = async {
            while sim.faults().await.unwrap()[0].held == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = create(&account) => panic!("the answer is held"),
            () = sent => {}
        }
        let attempts = || account.evidence().room("standup", "uid").create_attempts;
        assert_eq!(attempts(), CreateAttempts::Unknown);
        let key = KEY.into();
        let mut look = Box::pin(account.look(&key, "standup"));
        let meanwhile = async {
            for _ in 0..20 {
                sim.faults().await.unwrap();
            }
        };
        tokio::select! {
            _ = &mut look => panic!("the create is not answered"),
            () = meanwhile => {}
        }
        sim.release("create").await.unwrap();
        look.await.unwrap();
        let known = account.evidence().room("standup", "uid");
        let room = known.observed.expect("it exists").room;
        assert_eq!(attempts(), CreateAttempts::Created(room.id));
        assert_eq!(known.unknown_write, None);
    }

    #[tokio::test]
    async fn the_outcome_of_a_create_that_panics_is_unknown() {
        let daily = Sim::start(Config::single("acme", KEY, &[])).await.unwrap();
        let account = Account::for_tests(&daily.base_url(), KEY);
        let request = CreateRoom {
            name: "standup".into(),
            privacy: "public",
            properties: serde_json::Map::new(),
        };
        let check = Check::live(async { panic!("a test asks for it") });
        let created = account.create_room(KEY.into(), request, "uid".into(), check);
        let Err(EffectError::Failed(_, error)) = created.await else {
            panic!("it has failed");
        };
        assert!(error.may_have_been_applied(), "{error}");
        let known = account.evidence().room("standup", "uid");
        assert_eq!(known.create_attempts, CreateAttempts::Unknown);
    }

    /// Somebody joins while the DELETE of an empty room waits for its slot.
    #[tokio::test]
    async fn a_room_is_deleted_only_if_it_is_empty_when_the_call_is_sent() {
        let daily = Sim::start(Config::single("acme", KEY, &[])).await.unwrap();
        let account = Account::for_tests(&daily.base_url(), KEY);
        create(&account).await.unwrap();
        let observed = account.evidence().room("standup", "uid").observed;
        let id = observed.unwrap().room.id;
        let delete = async |only_if_empty| {
            let (key, name) = (KEY.into(), "standup".to_owned());
            let check = Check::by_version();
            let deleted = account.delete_room(key, name, id.clone(), only_if_empty, check);
            deleted.await
        };
        let sim = daily.client().unwrap();
        let slots = join_all((0..50).map(|_| account.rate_limit().slot(Call::Delete))).await;
        let mut waits = Box::pin(delete(true));
        assert!((&mut waits).now_or_never().is_none());
        sim.join("standup", "Ann").await.unwrap();
        sim.advance(std::time::Duration::from_secs(60))
            .await
            .unwrap();
        drop(slots);
        let deleted = waits.await;
        assert!(matches!(
            deleted,
            Err(EffectError::Blocked(_, Blocked::Occupied))
        ));
        let (key, name) = (KEY.into(), "standup".to_owned());
        let orphan = account.delete_orphan(key, name, id.clone(), Check::by_version());
        assert!(matches!(
            orphan.await,
            Err(EffectError::Blocked(
                Effect::OrphanDelete,
                Blocked::Occupied
            ))
        ));
        delete(false).await.unwrap();
    }

    #[tokio::test]
    async fn a_waiting_write_is_not_sent_when_the_operator_stops() {
        let daily = Sim::start(Config::single("acme", KEY, &[])).await.unwrap();
        let account = Account::for_tests(&daily.base_url(), KEY);
        let slots = (0..100).map(|_| account.rate_limit().slot(Call::General));
        let _slots = join_all(slots).await;
        let mut waits = Box::pin(create(&account));
        assert!((&mut waits).now_or_never().is_none());
        account.setup.stop.cancel();
        let ended = waits.now_or_never().expect("it ends at once");
        assert!(matches!(
            ended,
            Err(EffectError::Blocked(_, Blocked::ShuttingDown))
        ));
    }

    #[test]
    fn a_room_that_is_shown_after_its_end_counts_as_absent() {
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
        // Without Daily's clock or an end, no room has ended.
        assert!(shown(Some(100), None));
        assert!(shown(None, Some(100)));
    }
}
