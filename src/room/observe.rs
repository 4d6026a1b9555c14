//! Reading what a pass has to know. Reads only.

mod numbers;

use std::sync::Arc;
use std::time::Duration;

use kube::core::{ApiResource, DeserializeGuard, DynamicObject};
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Resource, ResourceExt};
use tokio::time::timeout;

use super::Ctx;
use super::desired::{Desired, Unfit, Wishes};
use super::plan::Look;
use super::secret;
use super::view::{Keyless, Memory, Now, Own, View};
use crate::clock;
use crate::crd::{DailyRoom, DailyRoomStatus};
use crate::daily::pins::PinChanges;
use crate::failure::Failure;
use crate::keys::{For, Session};
use crate::kube::{get_secret, list_objects, within};
use crate::log::Trail;
use crate::subject::Subject;

/// How long the first listing of an account is waited for.
const LISTING: Duration = Duration::from_secs(30);
const READ: Duration = Duration::from_secs(10);
/// A pass over one object: what it knows, and with what it asks.
pub(super) struct Pass {
    pub(super) ctx: Arc<Ctx>,
    pub(super) view: View,
    pub(super) trail: Arc<Trail>,
    pub(super) session: Option<Session>,
    pub(super) deeds: Vec<super::report::Deed>,
}

impl Pass {
    /// What is known before anything is asked.
    pub(super) async fn begin(
        ctx: &Arc<Ctx>,
        object: &DeserializeGuard<DailyRoom>,
        mut memory: Memory,
        trail: Arc<Trail>,
    ) -> Result<Option<Self>, Failure> {
        let Some(subject) = Subject::of(object.meta()) else {
            return Ok(None);
        };
        let (wishes, desired, status) = match &object.0 {
            Ok(room) => (
                Wishes::of(&subject.name, &room.spec),
                Desired::parse(&room.spec),
                room.status.clone().unwrap_or_default(),
            ),
            Err(invalid) => {
                let unfit = Unfit(format!(
                    "the spec cannot be read: {}; apply it again in the present form",
                    invalid.error
                ));
                let (wishes, status) = unparsed(ctx, &subject).await?;
                (wishes, Err(unfit), status)
            }
        };
        let now = Now {
            moment: clock::now(),
            wall: clock::wall().as_second(),
        };
        let forced = forced(&subject, &status, &mut memory, now);
        let mut view = View {
            own: Own {
                cluster_id: ctx.cluster_id.clone(),
                installation_id: ctx.config.installation_id.clone(),
            },
            quiet: ctx.config.quiet_period,
            drift: ctx.config.drift_interval,
            trusted_from: ctx.trusted_from,
            subject,
            wishes,
            desired,
            status,
            now,
            access: None,
            forced,
            sight: None,
            pin_changes: PinChanges::default(),
            looked: false,
            listed: false,
            numbers: None,
            why_global: None,
            secret: None,
            rival: None,
            tried: false,
            secret_refused: false,
            memory,
        };
        view.secret = remembered_secret(ctx, &view);
        Ok(Some(Self {
            ctx: Arc::clone(ctx),
            view,
            trail,
            session: None,
            deeds: Vec::new(),
        }))
    }

    /// Finds out what the plan asks for.
    pub(super) async fn look(&mut self, look: Look) -> Result<(), Failure> {
        match look {
            Look::Access => self.look_access().await,
            Look::Room => self.look_room().await,
            Look::Listing => self.look_listing().await,
            Look::Numbers => self.look_numbers().await,
            Look::Secret => self.look_secret().await,
            Look::Rivals => self.look_rivals().await,
        }
    }

    /// What is known of the room by now.
    pub(super) fn refresh(&mut self) {
        self.view.now = Now {
            moment: clock::now(),
            wall: clock::wall().as_second(),
        };
        let session = self.session.as_ref();
        self.view.sight = session.map(|it| {
            it.account
                .sight(&self.view.room_name(), &self.view.subject.uid)
        });
        self.view.pin_changes = session
            .map(|it| it.account.pin_changes())
            .unwrap_or_default();
        self.forget_what_is_shown();
    }

    /// Once Daily shows a `dialin` and what was sent is recorded, nothing else need be remembered.
    fn forget_what_is_shown(&mut self) {
        let seen = self.view.sight.as_ref().and_then(|it| it.seen.as_ref());
        let shown = seen.is_some_and(|it| it.room.config.dialin.is_some());
        let made = self.view.subject.binding().and_then(|it| it.made.as_ref());
        let recorded = made.is_some_and(|it| it.sent == self.view.memory.dialin_sent);
        if shown && recorded {
            self.view.memory.dialin_sent = None;
        }
    }

    async fn look_access(&mut self) -> Result<(), Failure> {
        let view = &self.view;
        let keys = &self.ctx.keys;
        let namespace = &view.subject.namespace;
        let found = keys
            .session(For::Rooms, namespace, view.wishes.key.as_ref())
            .await;
        let bound = view.bound_domain();
        let fits = |session: &Session| bound.is_none_or(|id| session.account.domain().id == id);
        let earlier = || bound.and_then(|id| keys.last_good(id));
        let own = found.as_ref().map(fits).map_err(|it| it.definite);
        let found = match found {
            _ if view.subject.deleting.is_none() => found,
            Ok(session) if fits(&session) => Ok(session),
            // What a good key has made is deleted with it, whatever is in its place now.
            Ok(other) => earlier().map_or(Ok(other), Ok),
            Err(problem) if problem.definite => earlier().ok_or(problem),
            Err(problem) => Err(problem),
        };
        self.count_keyless(own);
        self.view.access = Some(match &found {
            Ok(session) => Ok(session.account.domain().clone()),
            Err(problem) => Err(problem.clone()),
        });
        self.session = found.ok();
        self.refresh();
        Ok(())
    }

    /// Counts definite answers that the object's own key is none of the bound domain, in a row.
    /// `own` is whether that key fits, or if there is none whether that is definite.
    fn count_keyless(&mut self, own: Result<bool, bool>) {
        let keyless = &mut self.view.memory.keyless;
        match own {
            Ok(true) => *keyless = None,
            Err(false) => {}
            Ok(false) | Err(true) => {
                let counted = keyless.get_or_insert(Keyless {
                    since: self.view.now.moment,
                    answers: 0,
                });
                counted.answers = counted.answers.saturating_add(1);
            }
        }
    }

    pub(super) async fn look_room(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let name = self.view.room_name();
        let looked = session.account.look(&session.key, &name).await;
        self.after_call(looked).await?;
        self.view.looked = true;
        self.refresh();
        Ok(())
    }

    async fn look_listing(&mut self) -> Result<(), Failure> {
        let session = self.session()?;
        let mut listings = session.account.listings();
        let failed = listings.borrow().failed;
        let heard = listings.wait_for(|it| it.read > 0 || it.failed > failed);
        match timeout(LISTING, heard).await {
            Ok(Ok(listings)) if listings.read > 0 => {}
            listed => {
                let problem = listed.ok().and_then(Result::ok);
                let problem = problem.and_then(|it| it.problem.clone());
                let problem = problem.unwrap_or_else(|| "the first listing takes long".to_owned());
                return Err(Failure::unavailable(&format!(
                    "the rooms of the account could not be listed yet: {problem}"
                )));
            }
        }
        self.view.listed = true;
        self.refresh();
        Ok(())
    }

    pub(super) async fn look_secret(&mut self) -> Result<(), Failure> {
        let subject = &self.view.subject;
        let name = &self.view.wishes.secret_name;
        let read = get_secret(&self.ctx.client, &subject.namespace, name).await;
        let read = read.map_err(|error| Failure::secret_unread(name, &error))?;
        let found = secret::found(subject, read.as_ref());
        self.view.memory.secret = Some(found.clone());
        self.view.secret = Some(found);
        Ok(())
    }

    async fn look_rivals(&mut self) -> Result<(), Failure> {
        let namespaces = &self.ctx.config.watch_namespaces;
        let listed =
            list_objects::<DeserializeGuard<DailyRoom>>(&self.ctx.client, namespaces).await;
        let rooms =
            listed.map_err(|error| Failure::kube("the DailyRooms could not be listed", &error))?;
        let domain = self.session()?.account.domain().id.clone();
        self.view.rival = Some(rival(&self.view, &domain, &rooms));
        Ok(())
    }

    /// The session; a plan asks for access before it asks Daily.
    pub(super) fn session(&self) -> Result<Session, Failure> {
        let session = self.session.clone();
        session.ok_or_else(|| Failure::unavailable("no API key is in force"))
    }
}

/// A forced pass is made at most once in ten seconds.
fn forced(subject: &Subject, status: &DailyRoomStatus, memory: &mut Memory, now: Now) -> bool {
    let asked =
        subject.requested.is_some() && subject.requested != status.last_handled_reconcile_at;
    let lately = memory
        .forced_at
        .is_some_and(|at| at.until(now.moment) < super::FORCED_EVERY);
    let forced = asked && !lately;
    if forced {
        memory.forced_at = Some(now.moment);
    }
    forced
}

/// The Secret as it was seen last, if the watch shows that it is still the same.
fn remembered_secret(ctx: &Ctx, view: &View) -> Option<secret::Found> {
    let secret::Found::Ours {
        uid,
        resource_version,
        ..
    } = view.memory.secret.as_ref()?
    else {
        return None;
    };
    let key = ObjectRef::new(&view.wishes.secret_name).within(&view.subject.namespace);
    let watched = ctx.secrets.iter().find_map(|store| store.get(&key))?;
    let same = watched.uid().as_ref() == Some(uid)
        && watched.resource_version().as_ref() == Some(resource_version);
    same.then(|| view.memory.secret.clone()).flatten()
}

/// The DailyRoom that holds the chosen name in this domain before ours: the one with a recorded
/// room, else the older.
fn rival(view: &View, domain: &str, rooms: &[DeserializeGuard<DailyRoom>]) -> Option<String> {
    let own = view.own_name().to_lowercase();
    let others = rooms.iter().filter_map(|it| {
        let other = Subject::of(it.meta())?;
        let record = other.recorded.binding().filter(|it| it.uid == other.uid);
        let name = match (record, &it.0) {
            (Some(record), _) if record.domain_id != domain => return None,
            (Some(record), _) => record.name.clone(),
            // Who has no record in this domain has claimed nothing here.
            (None, _) => return None,
        };
        (name.to_lowercase() == own && other.uid != view.subject.uid).then(|| {
            let holds = record.is_some_and(|it| it.made.is_some());
            (!holds, other.created, other.namespace, other.name)
        })
    });
    let subject = &view.subject;
    let ours = (
        true,
        subject.created,
        subject.namespace.clone(),
        subject.name.clone(),
    );
    let first = others.min()?;
    (first < ours).then(|| format!("{}/{}", first.2, first.3))
}

/// What can be read of an object that does not parse.
async fn unparsed(ctx: &Ctx, subject: &Subject) -> Result<(Wishes, DailyRoomStatus), Failure> {
    let resource = ApiResource::erase::<DailyRoom>(&());
    let api: Api<DynamicObject> =
        Api::namespaced_with(ctx.client.clone(), &subject.namespace, &resource);
    let read = within(READ, api.get(&subject.name)).await;
    let object = read.map_err(|error| Failure::kube("the object could not be read", &error))?;
    let part = |key| object.data.get(key).cloned().unwrap_or_default();
    let status = serde_json::from_value::<Option<DailyRoomStatus>>(part("status"));
    let Ok(status) = status else {
        // What is reported cannot be read, and is not written over.
        return Err(Failure::quiet(READ));
    };
    let wishes = Wishes::of_unparsed(&subject.name, &part("spec"));
    Ok((wishes, status.unwrap_or_default()))
}
