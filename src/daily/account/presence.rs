//! Who is in the rooms of an account: one question for all rooms, and one answer for all who ask.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Account;
use crate::clock::{self, Moment};
use crate::daily::error::CallError;
use crate::daily::page::read_all;
use crate::daily::types::ApiKey;

/// How old an answer may be. Presence lags by 10 to 25 seconds itself (F-PRES-3), so that more calls would
/// show little more.
const RECENT: Duration = Duration::from_secs(5);

/// How long a room that had participants must show empty before it is deleted. A participant who reconnects
/// may show only 15 seconds after they stopped to show (F-PRES-3), and reconnecting takes some.
pub const RECONNECTS: Duration = Duration::from_secs(20);

/// Who is in the rooms of an account, as Daily answered at one moment.
pub(super) struct Presence {
    at: Moment,
    /// By the names of the rooms in lower case: names that differ in case may be one room (F-ROOM-37).
    participants: HashMap<String, usize>,
    /// The rooms with an ongoing meeting, which shows some participants earlier than presence (F-MEET-3).
    meetings: HashSet<String>,
}

/// Who is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// When Daily was asked. Nothing shows who joined in the 25 seconds before.
    pub at: Moment,
    pub participants: usize,
    /// Whether a meeting is in progress.
    pub meeting: bool,
}

impl Occupancy {
    pub fn is_empty(&self) -> bool {
        self.participants == 0 && !self.meeting
    }
}

impl Account {
    /// Who is in a room, as Daily answered at `not_before` or later, and a few seconds ago at most. Of
    /// several callers at a time one asks for all, whichever rooms they ask about.
    pub async fn occupancy(
        &self,
        key: &ApiKey,
        room: &str,
        not_before: Moment,
    ) -> Result<Occupancy, CallError> {
        let came = clock::now();
        let recent = Moment(came.0.saturating_sub(RECENT));
        let mut last = self.presence.lock().await;
        let presence = match last.get(came, not_before.max(recent)) {
            Some(known) => known?,
            None => {
                let asked = clock::now();
                let read = self.read_presence(key, asked).await;
                last.update(asked, read, clock::now())?
            }
        };
        let room = room.to_lowercase();
        Ok(Occupancy {
            at: presence.at,
            participants: presence.participants.get(&room).copied().unwrap_or(0),
            meeting: presence.meetings.contains(&room),
        })
    }

    /// Whether Daily shows nobody in a room. Without an answer somebody may be there.
    pub async fn is_empty(&self, key: &ApiKey, room: &str) -> bool {
        let known = self.occupancy(key, room, Moment::default()).await;
        known.is_ok_and(|it| it.is_empty())
    }

    async fn read_presence(&self, key: &ApiKey, at: Moment) -> Result<Presence, CallError> {
        let client = &self.setup.client;
        let shown = self.read(key, "/presence", client.presence(key)).await?;
        let meetings = read_all(|after: Option<String>| async move {
            let call = client.ongoing_meetings_page(key, after.as_deref());
            self.read(key, "/meetings", call).await
        });
        let meetings = match meetings.await {
            Ok(answer) => answer.value.iter().map(|it| it.to_lowercase()).collect(),
            // An account that may not list meetings still has its presence.
            Err(CallError::Refused { .. } | CallError::NotFound) => HashSet::new(),
            Err(error) => return Err(error),
        };
        let mut participants = HashMap::new();
        for (room, here) in shown.value {
            *participants.entry(room.to_lowercase()).or_default() += here.len();
        }
        Ok(Presence {
            at,
            participants,
            meetings,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use daily_sim::{Config, FaultKind, FaultSpec, Sim, SimClient};
    use futures::future::join_all;
    use serde_json::json;

    use super::*;

    const KEY: &str = "acme-key-0123456789abcdef";

    struct Stage {
        _daily: Sim,
        sim: SimClient,
        account: Arc<Account>,
    }

    impl Stage {
        async fn new() -> Self {
            let daily = Sim::start(Config::single("acme", KEY, &[])).await.unwrap();
            Self {
                account: Account::for_tests(&daily.base_url(), KEY),
                sim: daily.client().unwrap(),
                _daily: daily,
            }
        }

        /// Somebody has been in the room for long enough to show.
        async fn join(&self, room: &str) {
            let (daily, room_body) = (self.sim.api(KEY), json!({"name": room}));
            let made = daily.post("/rooms", &room_body).await;
            assert_eq!(made.unwrap().status, 200);
            self.sim.join(room, "Ann").await.unwrap();
            self.sim.advance(Duration::from_secs(60)).await.unwrap();
        }

        async fn ask(&self, room: &str, not_before: Moment) -> Result<Occupancy, CallError> {
            self.account.occupancy(&KEY.into(), room, not_before).await
        }

        async fn fail(&self, path: &str, status: u16) {
            let refusal = FaultKind::Status {
                status,
                body: Some(json!({"error": "forbidden-error"})),
                headers: Default::default(),
            };
            let fault = FaultSpec::next("GET", path, refusal).times(0);
            self.sim.fault(&fault).await.unwrap();
        }

        async fn calls(&self, path: &str) -> usize {
            let journal = self.sim.journal(0).await.unwrap();
            journal.iter().filter(|it| it.path == path).count()
        }
    }

    #[tokio::test]
    async fn each_room_has_its_own_participants() {
        let stage = Stage::new().await;
        stage.join("a").await;
        let here = stage.ask("a", Moment::default()).await.unwrap();
        assert_eq!((here.participants, here.meeting), (1, true));
        assert!(stage.ask("b", Moment::default()).await.unwrap().is_empty());
    }

    /// Nobody knows whether they are one room (F-ROOM-37).
    #[tokio::test]
    async fn participants_show_under_any_case_of_the_name() {
        let stage = Stage::new().await;
        stage.join("Board").await;
        let here = stage.ask("board", Moment::default()).await.unwrap();
        assert_eq!((here.participants, here.meeting), (1, true));
    }

    #[tokio::test]
    async fn one_call_serves_all_who_ask_at_a_time_and_who_ask_soon_after() {
        let stage = Stage::new().await;
        let now = clock::now();
        let rooms: Vec<String> = (0..500).map(|it| format!("room-{it}")).collect();
        for answer in join_all(rooms.iter().map(|it| stage.ask(it, now))).await {
            assert!(answer.unwrap().is_empty());
        }
        assert_eq!(stage.calls("/presence").await, 1);
        assert_eq!(stage.calls("/meetings").await, 1);
        let later = clock::now();
        assert!(stage.ask("a", later).await.unwrap().at >= later);
        assert_eq!(stage.calls("/presence").await, 2);
    }

    #[tokio::test]
    async fn all_who_wait_share_a_failure() {
        let stage = Stage::new().await;
        stage.fail("/presence", 503).await;
        let now = clock::now();
        for answer in join_all((0..50).map(|_| stage.ask("a", now))).await {
            assert!(matches!(answer, Err(CallError::Unavailable { .. })));
        }
        assert_eq!(stage.calls("/presence").await, 1);
        assert!(!stage.account.is_empty(&KEY.into(), "a").await);
    }

    #[tokio::test]
    async fn an_account_without_meetings_has_presence() {
        let stage = Stage::new().await;
        stage.join("a").await;
        stage.fail("/meetings", 403).await;
        let here = stage.ask("a", Moment::default()).await.unwrap();
        assert_eq!((here.participants, here.meeting), (1, false));
        assert!(stage.ask("b", Moment::default()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn meetings_that_fail_leave_it_open_who_is_there() {
        let stage = Stage::new().await;
        stage.fail("/meetings", 503).await;
        let answer = stage.ask("a", Moment::default()).await;
        assert!(matches!(answer, Err(CallError::Unavailable { .. })));
    }
}
