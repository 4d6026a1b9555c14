//! Reading what a pass has to know. Reads only.

use std::sync::Arc;
use std::time::Duration;

use kube::core::{ApiResource, DeserializeGuard, DynamicObject};
use kube::{Api, Resource};

use super::Ctx;
use super::desired::{Desired, Wishes};
use super::plan::{Age, LATELY, Look};
use super::report::Deed;
use super::view::{Line, Memory, Rival, View};
use crate::clock::{self, Moment};
use crate::crd::{DailyRoom, PinDialinNumber, PinDialinNumberStatus, condition};
use crate::daily::account::Numbers;
use crate::daily::types::Domain;
use crate::failure::Failure;
use crate::keys::{For, KeyProblem, Session};
use crate::kube::{list_objects, within};
use crate::log::Trail;
use crate::room::desired::Unfit;
use crate::room::view::{Keyless, Now};
use crate::subject::Subject;

const READ: Duration = Duration::from_secs(10);

/// A pass over one object: what it knows, and with what it asks.
pub(super) struct Pass {
    pub(super) ctx: Arc<Ctx>,
    pub(super) object: Arc<DeserializeGuard<PinDialinNumber>>,
    pub(super) view: View,
    pub(super) trail: Arc<Trail>,
    pub(super) session: Option<Session>,
    pub(super) deeds: Vec<Deed>,
}

/// What an object says of itself.
struct Said {
    wishes: Wishes,
    desired: Result<Desired, Unfit>,
    status: PinDialinNumberStatus,
}

impl Pass {
    /// What is known before anything is asked.
    pub(super) async fn begin(
        ctx: &Arc<Ctx>,
        object: Arc<DeserializeGuard<PinDialinNumber>>,
        mut memory: Memory,
        trail: Arc<Trail>,
    ) -> Result<Option<Self>, Failure> {
        let Some(subject) = Subject::of(object.meta()) else {
            return Ok(None);
        };
        let said = match &object.0 {
            Ok(number) => Said {
                wishes: Wishes::of(&number.spec),
                desired: Ok(Desired::of(&number.spec)),
                status: number.status.clone().unwrap_or_default(),
            },
            Err(invalid) => {
                let why = format!(
                    "the spec cannot be read: {}; apply it again in the present form",
                    invalid.error
                );
                unparsed(ctx, &subject, Unfit(why)).await?
            }
        };
        let now = now();
        let forced = forced(&subject, &said.status, &mut memory, now);
        let view = View {
            installation_id: ctx.config.installation_id.clone(),
            quiet: ctx.config.quiet_period,
            trusted_from: ctx.trusted_from,
            subject,
            wishes: said.wishes,
            desired: said.desired,
            status: said.status,
            now,
            began: now.moment,
            access: None,
            forced,
            line: None,
            unknown_write: None,
            posts: Default::default(),
            rival: None,
            rival_is_live: false,
            users: None,
            tried: false,
            updated: false,
            deleted: false,
            memory,
        };
        Ok(Some(Self {
            ctx: Arc::clone(ctx),
            object,
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
            Look::Line(age) => self.look_line(age).await,
            Look::Rivals => {
                let stores = self.ctx.numbers.iter();
                let watched: Vec<_> = stores.flat_map(|store| store.state()).collect();
                self.look_rivals(watched.iter().map(AsRef::as_ref))
            }
            Look::RivalsLive => {
                let namespaces = &self.ctx.config.watch_namespaces;
                let client = &self.ctx.client;
                let listed =
                    list_objects::<DeserializeGuard<PinDialinNumber>>(client, namespaces).await;
                let listed = listed.map_err(|error| {
                    Failure::kube("the PinDialinNumbers could not be listed", &error)
                })?;
                self.view.rival_is_live = true;
                self.look_rivals(listed.iter())
            }
            Look::Users => {
                self.view.users = Some(self.users());
                Ok(())
            }
        }
    }

    /// What is known of our own writes by now.
    pub(super) fn refresh(&mut self) {
        self.view.now = now();
        if let (Some(session), Some(number)) = (&self.session, self.view.number()) {
            let sight = session.account.sight(number, &self.view.subject.uid);
            self.view.unknown_write = sight.unknown_write;
            self.view.posts = sight.posts;
        }
    }

    async fn look_access(&mut self) -> Result<(), Failure> {
        let view = &self.view;
        let keys = &self.ctx.keys;
        let namespace = &view.subject.namespace;
        let found = keys
            .session(For::Numbers, namespace, view.wishes.key.as_ref())
            .await;
        let bound = view.bound_domain();
        let fits = |session: &Session| bound.is_none_or(|id| session.account.domain().id == id);
        let earlier = || bound.and_then(|id| keys.last_good(id));
        let found = match found {
            _ if view.subject.deleting.is_none() => found,
            Ok(session) if fits(&session) => Ok(session),
            // What a good key has made is deleted with it, whatever is in its place now.
            Ok(other) => earlier().map_or(Ok(other), Ok),
            Err(problem) if problem.definite => earlier().ok_or(problem),
            Err(problem) => Err(problem),
        };
        self.count_keyless(&found);
        self.view.access = Some(match &found {
            Ok(session) => Ok(session.account.domain().clone()),
            Err(problem) => Err(problem.clone()),
        });
        self.session = found.ok();
        self.refresh();
        Ok(())
    }

    /// Counts definite answers that there is no key of the bound domain, in a row.
    fn count_keyless(&mut self, found: &Result<Session, KeyProblem>) {
        let bound = self.view.bound_domain().map(str::to_owned);
        let fits = |domain: &Domain| bound.as_ref().is_none_or(|id| domain.id == *id);
        // Only a deletion gives up, and it counts from its own beginning.
        let deleting = self.view.subject.deleting.is_some();
        let keyless = &mut self.view.memory.keyless;
        match found {
            Ok(session) if fits(session.account.domain()) => *keyless = None,
            Err(problem) if !problem.definite => {}
            Ok(_) | Err(_) if !deleting => {}
            Ok(_) | Err(_) => {
                let counted = keyless.get_or_insert(Keyless {
                    since: self.view.now.moment,
                    answers: 0,
                });
                counted.answers = counted.answers.saturating_add(1);
            }
        }
    }

    async fn look_line(&mut self, age: Age) -> Result<(), Failure> {
        let session = self.session()?;
        let now = self.view.now.moment;
        let before = |by: Duration| Moment(now.0.saturating_sub(by));
        let not_before = match age {
            Age::Drift => before(self.ctx.config.drift_interval),
            Age::Lately => before(LATELY),
            Age::Fresh => self.view.began,
        };
        let answer = session.account.numbers(&session.key, not_before).await;
        let numbers = self.after_call(answer).await?;
        let Some(number) = self.view.number() else {
            return Ok(());
        };
        let binding = self.view.subject.binding();
        let recorded = binding.and_then(|it| it.made.as_ref()).map(|it| &it.id);
        let line = line(&numbers, number, recorded);
        let shown = recorded.is_none_or(|id| line.by_id(id).is_some());
        let first = &mut self.view.memory.first_absent;
        if shown {
            *first = None;
        } else {
            first.get_or_insert(line.at);
        }
        self.view.line = Some(line);
        self.refresh();
        Ok(())
    }

    fn look_rivals<'a>(
        &mut self,
        others: impl Iterator<Item = &'a DeserializeGuard<PinDialinNumber>>,
    ) -> Result<(), Failure> {
        let domain = self.session()?.account.domain().id.clone();
        self.view.rival = Some(rival(&self.view, &domain, others));
        Ok(())
    }

    /// How many DailyRooms publish the number in its account.
    fn users(&self) -> usize {
        let (Some(number), Some(domain)) = (self.view.number(), self.view.bound_domain()) else {
            return 0;
        };
        let rooms = self.ctx.rooms.iter().flat_map(|store| store.state());
        rooms.filter(|it| publishes(it, number, domain)).count()
    }

    /// The session; a plan asks for access before it asks Daily.
    pub(super) fn session(&self) -> Result<Session, Failure> {
        let session = self.session.clone();
        session.ok_or_else(|| Failure::unavailable("no API key is in force"))
    }
}

fn now() -> Now {
    Now {
        moment: clock::now(),
        wall: clock::wall().as_second(),
    }
}

/// A forced pass is made at most once in ten seconds.
fn forced(
    subject: &Subject,
    status: &PinDialinNumberStatus,
    memory: &mut Memory,
    now: Now,
) -> bool {
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

/// What the numbers of an account say of this one. The list is searched for exactly this number.
fn line(numbers: &Numbers, number: &str, recorded: Option<&String>) -> Line {
    let concerned = numbers
        .configs
        .iter()
        .filter(|it| it.config.phone_number.as_deref() == Some(number) || Some(&it.id) == recorded);
    Line {
        at: numbers.at,
        date: numbers.date,
        purchased: numbers.purchased.iter().any(|it| it.number == number),
        configs: concerned.cloned().collect(),
    }
}

/// The other PinDialinNumber of the number in this domain that comes before ours: the one with a
/// recorded config, even while it is being deleted, else the older of those that live.
fn rival<'a>(
    view: &View,
    domain: &str,
    others: impl Iterator<Item = &'a DeserializeGuard<PinDialinNumber>>,
) -> Option<Rival> {
    let number = view.number()?;
    let candidates = others.filter_map(|it| {
        let other = Subject::of(it.meta())?;
        let record = other.binding();
        let of_it = match (record, &it.0) {
            (Some(record), _) => record.domain_id == domain && record.name == number,
            (None, Ok(asked)) => {
                let account = asked.status.as_ref().and_then(|it| it.account.as_ref());
                asked.spec.phone_number == number && account.is_none_or(|it| it.domain_id == domain)
            }
            (None, Err(_)) => false,
        };
        let config = record
            .and_then(|it| it.made.as_ref())
            .map(|it| it.id.clone());
        let counts = config.is_some() || other.deleting.is_none();
        (of_it && counts && other.uid != view.subject.uid).then(|| {
            let rank = (config.is_none(), other.created, other.namespace, other.name);
            (rank, config)
        })
    });
    let subject = &view.subject;
    let ours = (
        true,
        subject.created,
        subject.namespace.clone(),
        subject.name.clone(),
    );
    let (rank, config) = candidates.min()?;
    (rank < ours).then(|| Rival {
        name: format!("{}/{}", rank.2, rank.3),
        config,
    })
}

fn publishes(room: &DeserializeGuard<DailyRoom>, number: &str, domain: &str) -> bool {
    let Ok(room) = &room.0 else { return false };
    let Some(status) = &room.status else {
        return false;
    };
    let in_domain = status
        .account
        .as_ref()
        .is_some_and(|it| it.domain_id == domain);
    room.metadata.deletion_timestamp.is_none()
        && in_domain
        && !condition::is_true(&status.conditions, condition::kind::EXPIRED)
        && status
            .phone_numbers
            .iter()
            .any(|it| it.phone_number == number)
}

/// What can be read of an object that does not parse.
async fn unparsed(ctx: &Ctx, subject: &Subject, why: Unfit) -> Result<Said, Failure> {
    let resource = ApiResource::erase::<PinDialinNumber>(&());
    let api: Api<DynamicObject> =
        Api::namespaced_with(ctx.client.clone(), &subject.namespace, &resource);
    let read = within(READ, api.get(&subject.name)).await;
    let object = read.map_err(|error| Failure::kube("the object could not be read", &error))?;
    let part = |name: &str| object.data.get(name).cloned().unwrap_or_default();
    let status = serde_json::from_value::<Option<PinDialinNumberStatus>>(part("status"));
    let Ok(status) = status else {
        // What is reported cannot be read, and is not written over.
        return Err(Failure::quiet(READ));
    };
    Ok(Said {
        wishes: Wishes::of_unparsed(&part("spec")),
        desired: Err(why),
        // Without what was reported before, the same trouble would be reported anew each time.
        status: status.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::plan::tests::view;
    use serde_json::{Value, json};

    fn number(
        name: &str,
        created: &str,
        binding: Option<Value>,
    ) -> DeserializeGuard<PinDialinNumber> {
        let mut annotations = json!({});
        if let Some(binding) = binding {
            annotations[crate::crd::BINDING_ANNOTATION] = binding.to_string().into();
        }
        serde_json::from_value(json!({
            "apiVersion": "daily-operator.io/v1alpha1", "kind": "PinDialinNumber",
            "metadata": {"namespace": "team", "name": name, "uid": name, "resourceVersion": "1",
                "generation": 1, "creationTimestamp": created, "annotations": annotations},
            "spec": {"phoneNumber": "+12025550123"},
        }))
        .unwrap()
    }

    fn bound(uid: &str, domain: &str, made: bool) -> Value {
        let made = made.then(|| json!({"id": format!("config-of-{uid}")}));
        json!({"uid": uid, "domainId": domain, "domainName": "team", "name": "+12025550123",
            "installationId": "i", "made": made})
    }

    #[test]
    fn one_object_holds_a_number() {
        // Ours was created in 1970, at second 100, and is called main-line.
        let (before, after) = ("1970-01-01T00:01:39Z", "1970-01-01T00:01:41Z");
        let same = "1970-01-01T00:01:40Z";
        let table = [
            ("younger", number("b", after, None), false),
            ("older", number("b", before, None), true),
            ("as old, later name", number("z", same, None), false),
            ("as old, earlier name", number("a", same, None), true),
            (
                "younger with config",
                number("b", after, Some(bound("b", "d1", true))),
                true,
            ),
            (
                "younger with claim",
                number("b", after, Some(bound("b", "d1", false))),
                false,
            ),
            (
                "other domain",
                number("b", before, Some(bound("b", "d2", true))),
                false,
            ),
            (
                "copied record",
                number("b", after, Some(bound("x", "d1", true))),
                false,
            ),
        ];
        for (what, other, expected) in table {
            let rival = rival(&view(), "d1", [&other].into_iter());
            assert_eq!(rival.is_some(), expected, "{what}");
        }
        let mut leaving = number("b", before, None);
        let deleted = serde_json::from_value(json!(after)).unwrap();
        leaving.0.as_mut().unwrap().metadata.deletion_timestamp = Some(deleted);
        assert_eq!(rival(&view(), "d1", [&leaving].into_iter()), None);
        let holder = number("b", after, Some(bound("b", "d1", true)));
        let rival = rival(&view(), "d1", [&holder].into_iter()).unwrap();
        assert_eq!(rival.name, "team/b");
        assert_eq!(rival.config.as_deref(), Some("config-of-b"));
    }

    #[test]
    fn a_room_publishes_a_number_while_it_lives() {
        let room = |change: fn(&mut Value)| {
            let mut room = json!({
                "apiVersion": "daily-operator.io/v1alpha1", "kind": "DailyRoom",
                "metadata": {"name": "standup"}, "spec": {"ttl": "1h"},
                "status": {
                    "account": {"domainId": "d1", "domainName": "team"},
                    "phoneNumbers": [{"phoneNumber": "+12025550123", "source": "RoomNumber"}],
                },
            });
            change(&mut room);
            let room: DeserializeGuard<DailyRoom> = serde_json::from_value(room).unwrap();
            publishes(&room, "+12025550123", "d1")
        };
        assert!(room(|_| ()));
        assert!(!room(|it| it["status"]["account"]["domainId"] = "d2".into()));
        assert!(!room(|it| it["status"]["phoneNumbers"] = json!([])));
        assert!(!room(
            |it| it["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into()
        ));
        assert!(!room(|it| {
            it["status"]["conditions"] = json!([{"type": "Expired", "status": "True",
                "reason": "Expired", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        }));
    }

    #[test]
    fn only_exactly_the_number_counts() {
        let config = |id: &str, number: &str| {
            let config =
                json!({"id": id, "type": "pin_dialin", "config": {"phone_number": number}});
            serde_json::from_value(config).unwrap()
        };
        let numbers = Numbers {
            at: Moment(READ),
            date: Some(5),
            purchased: Vec::new(),
            configs: vec![
                config("a", "+120255501234"),
                config("b", "+12025550123"),
                config("c", "+1"),
            ],
        };
        let line = line(&numbers, "+12025550123", Some(&"c".to_owned()));
        let ids: Vec<_> = line.configs.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["b", "c"]);
        assert!(!line.purchased);
    }

    #[test]
    fn a_person_forces_a_pass_once_in_ten_seconds() {
        let mut subject = view().subject;
        subject.requested = Some("now".into());
        let mut memory = Memory::default();
        let at = |seconds| Now {
            moment: Moment(Duration::from_secs(seconds)),
            wall: 0,
        };
        let status = PinDialinNumberStatus::default();
        assert!(forced(&subject, &status, &mut memory, at(100)));
        assert!(!forced(&subject, &status, &mut memory, at(109)));
        assert!(forced(&subject, &status, &mut memory, at(110)));
        let handled = PinDialinNumberStatus {
            last_handled_reconcile_at: Some("now".into()),
            ..status
        };
        assert!(!forced(&subject, &handled, &mut memory, at(200)));
    }
}
