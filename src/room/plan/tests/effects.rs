//! How the steps of a plan go in the small world: at Daily and in Kubernetes.

use super::world::{Fate, World};
use super::*;
use crate::room::view::Refusal;
use k8s_openapi::api::core::v1::Secret;

/// A call that is done late is done within the quiet period.
const SLOW: Duration = Duration::from_secs(20);

impl World {
    pub(super) fn act(&mut self, view: &mut View, step: Step, fate: Fate) {
        match step {
            Step::CreateRoom(_)
            | Step::UpdateRoom(_)
            | Step::DeleteRoom { .. }
            | Step::Collect { .. } => self.call(view, &step, fate),
            // A write to Kubernetes that comes late meets another version, and is not done.
            _ if fate == Fate::Dropped || fate == Fate::Late => {}
            step => self.write(view, step),
        }
    }

    /// A write to Daily, as the account and the pass carry it out.
    fn call(&mut self, view: &mut View, step: &Step, fate: Fate) {
        let name = view.room_name();
        if !matches!(step, Step::UpdateRoom(_)) {
            view.looked = matches!(step, Step::DeleteRoom { .. } | Step::Collect { .. });
        }
        if !self.may_be_sent(step, &name) {
            return;
        }
        let at = self.tick();
        let sending = self.ledger.sending(&name, at);
        let create = matches!(step, Step::CreateRoom(_));
        let answer = match fate {
            Fate::Dropped => None,
            Fate::Late => {
                self.late.push((self.clock + SLOW, step.clone()));
                None
            }
            Fate::Lost | Fate::Died => {
                let _ = self.at_daily(step);
                None
            }
            Fate::Done => Some(self.at_daily(step)),
        };
        let at = self.tick();
        let Some(answer) = answer else {
            self.ledger.unanswered(&name, at);
            if create {
                self.ledger.create_failed(&name, &self.subject.uid, true);
            }
            return;
        };
        self.ledger.answered(&name, sending, answer.is_ok(), at);
        match (answer, step) {
            (Ok(Some(room)), Step::CreateRoom(_)) => {
                view.memory.refusal = None;
                let date = Some(self.date());
                let by = Word::Create;
                let seen = Seen { room, at, date, by };
                self.ledger.created(&name, &self.subject.uid, seen);
            }
            (Ok(_), _) => {
                view.memory.refusal = None;
                self.answer(&name, at);
            }
            (Err(what), _) => {
                if create {
                    self.ledger.create_failed(&name, &self.subject.uid, false);
                }
                view.tried = true;
                let before = view.memory.refusal.as_ref().filter(|it| it.what == what);
                let times = before.map_or(0, |it| it.times) + 1;
                let until = at.after(SOON * 2u32.pow(times.min(9) - 1));
                let info = "refused".to_owned();
                view.memory.refusal = Some(Refusal {
                    what,
                    info,
                    at,
                    until,
                    times,
                });
            }
        }
    }

    /// The proof that a DELETE needs right before it is sent.
    fn may_be_sent(&mut self, step: &Step, name: &str) -> bool {
        let deleting = self.subject.deleting.is_some();
        let shown = self.read(name).map(|it| it.id.clone());
        match step {
            Step::DeleteRoom { id, .. } => {
                assert!(deleting, "a room is deleted only with its object");
                let made = self.subject.binding().and_then(|it| it.made.as_ref());
                let recorded = made.is_some_and(|it| it.id == *id);
                let ours = recorded || self.ours.contains(id) || !self.is_chosen();
                assert!(ours, "{id} is not ours");
                let at = self.tick();
                self.word(name, at);
                shown.as_ref() == Some(id)
            }
            Step::Collect { .. } => {
                assert!(!deleting);
                let at = self.tick();
                self.word(name, at);
                let own = self
                    .rooms
                    .get(name)
                    .is_none_or(|it| self.ours.contains(&it.id));
                let own = own || !self.is_chosen();
                assert!(shown.is_some() || own, "somebody else's ended room");
                shown.is_none()
            }
            _ => true,
        }
    }

    /// What Daily makes of a call: a refusal is a fingerprint of what was refused.
    pub(super) fn at_daily(&mut self, step: &Step) -> Result<Option<Room>, String> {
        match step {
            Step::CreateRoom(request) => {
                let properties = json!(request.properties);
                let refused = || naming::fingerprint(&json!(request));
                let over = properties["exp"]
                    .as_i64()
                    .is_none_or(|it| it <= self.date());
                if over {
                    return Err(refused());
                }
                let made = self.put(&request.name, request.privacy, &properties);
                let room = made.ok_or_else(refused)?;
                self.ours.insert(room.id.clone());
                Ok(Some(room))
            }
            Step::UpdateRoom(update) => {
                let exp = update.change.properties.get("exp").and_then(Value::as_i64);
                if exp.is_some_and(|it| it <= self.date()) {
                    return Err(update.mark.clone());
                }
                if self.shown(&update.name).is_some() {
                    self.changes();
                    if self.repins {
                        self.repin(&update.name);
                    }
                    let room = self.rooms.get_mut(&update.name).unwrap();
                    let change = &update.change;
                    room.privacy = change.privacy.map_or(room.privacy.clone(), str::to_owned);
                    let of = |key: &str| change.properties.get(key).cloned();
                    let config = &mut room.config;
                    config.exp = exp.or(config.exp);
                    if let Some(eject) = of("eject_at_room_exp") {
                        config.eject_at_room_exp = eject.as_bool();
                    }
                    if let Some(Value::Object(dialin)) = of("dialin") {
                        config.dialin = Some(dialin);
                    }
                }
                Ok(None)
            }
            Step::DeleteRoom { name, .. } | Step::Collect { name } => {
                self.changes();
                self.rooms.remove(name);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// A write to Kubernetes.
    fn write(&mut self, view: &mut View, step: Step) {
        match step {
            Step::Bind(binding) => {
                if self.subject.binding().is_none() {
                    view.memory.bound_here = true;
                    view.memory.claimed_here = true;
                    self.ledger.claimed(&binding.name, &self.subject.uid);
                }
                self.subject.finalizers = self.subject.finalizers_with_ours();
                self.subject.recorded = Recorded::Binding(Box::new(binding));
            }
            Step::Record(binding, change) => {
                if binding.claim.is_some() {
                    view.memory.claimed_here = true;
                    self.ledger.claimed(&binding.name, &self.subject.uid);
                }
                let seen = self.shown(&binding.name);
                let ours = seen.is_some_and(|it| self.ours.contains(&it.id));
                self.disowned |= change == Change::Withdrawn && ours;
                self.ours
                    .extend(binding.made.as_ref().map(|it| it.id.clone()));
                self.subject.recorded = Recorded::Binding(Box::new(binding));
            }
            Step::Show(verdict) => self.status = report::status(view, &verdict),
            Step::CreateSecret(card) => {
                if self.secret.is_none() {
                    self.secret = Some(self.stored(&card, "1"));
                }
                self.look_secret(view);
            }
            Step::UpdateSecret(card, guard) => {
                let now = self.secret.as_ref().and_then(Guard::of);
                if now.as_ref() == Some(&guard) {
                    self.secret = Some(self.stored(&card, &format!("{}1", guard.resource_version)));
                }
                self.look_secret(view);
            }
            Step::DeleteSecret(guard) => {
                if self.secret.as_ref().and_then(Guard::of).as_ref() == Some(&guard) {
                    self.secret = None;
                }
                self.look_secret(view);
            }
            Step::Release(how) => {
                self.check_release(&how);
                self.subject.finalizers = self.subject.finalizers_without_ours();
                self.ledger.forget(&view.room_name(), view.now.moment);
                self.released = Some(how);
            }
            Step::CreateRoom(_)
            | Step::UpdateRoom(_)
            | Step::DeleteRoom { .. }
            | Step::Collect { .. } => unreachable!("a call of Daily's"),
        }
    }

    fn stored(&self, card: &Card, version: &str) -> Secret {
        let mut secret = secret::wanted(&self.subject, card);
        secret.metadata.uid = Some("secret".into());
        secret.metadata.resource_version = Some(version.into());
        secret
    }

    /// The finalizer goes only when nothing of ours is left, unless that is what was decided.
    fn check_release(&self, how: &Release) {
        if !matches!(how, Release::Clean | Release::Deleted) || self.disowned {
            return;
        }
        let left = self.shown(&self.name());
        let left = left.filter(|it| self.ours.contains(&it.id));
        assert!(left.is_none(), "released {how:?}, and {left:?} is left");
        let late = |it: &&(Duration, Step)| matches!(it.1, Step::CreateRoom(_));
        assert_eq!(self.late.iter().find(late), None, "a create is under way");
    }
}
