//! How the steps of a plan go in the small world: at Daily and in Kubernetes.

use super::world::{Fate, World};
use super::*;
use crate::crd::condition::{self, kind};
use crate::daily::types::Answer;
use k8s_openapi::api::core::v1::Secret;

/// A call that is done late is done within the quiet period.
const SLOW: Duration = Duration::from_secs(20);

impl World {
    pub(super) fn act(&mut self, view: &mut View, step: AnyStep, fate: Fate) {
        let is_written = matches!(step, AnyStep::Of(_));
        let suspended = self.spec["suspend"] == true && self.meta.deleting.is_none();
        assert!(!suspended || !is_written, "{step:?} while it is suspended");
        // A write to Kubernetes that comes late meets another version, and is not done.
        let lost = fate == Fate::Dropped || fate == Fate::Late;
        match step {
            AnyStep::Of(
                step @ (Step::CreateRoom(_) | Step::UpdateRoom(_) | Step::DeleteRoom { .. }),
            ) => self.call(view, &step, fate),
            AnyStep::Of(Step::IssueTokens(_)) if fate != Fate::Done => {}
            _ if lost => {}
            AnyStep::Of(step) => self.write(view, step),
            step => self.write_object(view, step),
        }
    }

    /// A write to Daily, as the account and the reconcile send it.
    fn call(&mut self, view: &mut View, step: &Step, fate: Fate) {
        let name = view.room_name();
        if !matches!(step, Step::UpdateRoom(_)) {
            view.facts.read_by_name = matches!(step, Step::DeleteRoom { .. });
        }
        if let Step::DeleteRoom { only_if_empty, .. } = step {
            view.facts.presence = None;
            self.wait(self.slot_wait);
            if *only_if_empty && !self.is_empty(&name) {
                view.facts.read_by_name = false;
                return;
            }
        }
        if !self.may_be_sent(step, &name) {
            view.facts.read_by_name = true;
            return;
        }
        if matches!(step, Step::CreateRoom(_)) {
            self.check_replaced(view, &name);
        }
        let at = self.tick();
        let sending = self.evidence.writes(&name).sending(at);
        let create = matches!(step, Step::CreateRoom(_));
        let owner = self.meta.uid.clone();
        let creates = create.then(|| self.evidence.writes(&name).creating(&owner));
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
            self.evidence.writes(&name).unanswered(at);
            return;
        };
        self.evidence
            .writes(&name)
            .answered(sending, answer.is_ok(), at);
        match (answer, step) {
            (Ok(Some(room)), Step::CreateRoom(_)) => {
                view.memory.rejection = None;
                view.facts.created = true;
                let date = self.date_header();
                let answer = Answer { value: room, date };
                self.evidence.created(&name, &owner, answer, at);
            }
            (Ok(_), _) => {
                view.memory.rejection = None;
                if let Step::UpdateRoom(update) = step {
                    view.facts.updated = Some(*update.clone());
                    if update.counts {
                        view.memory.corrections.add(&update.properties(), at);
                    }
                }
                self.answer(&name, at);
            }
            (Err(what), _) => {
                if let Some(before) = creates {
                    let refused = before.and_refused();
                    self.evidence.writes(&name).create_ended(&owner, refused);
                }
                view.retried.push(what.clone());
                view.facts.read_by_name = false;
                let before = view.memory.rejection.as_ref();
                let rejection = Rejection::after(before, &what, "rejected".to_owned(), at);
                view.memory.rejection = Some(rejection);
            }
        }
    }

    /// The proof that an update and a DELETE need right before they are sent.
    fn may_be_sent(&mut self, step: &Step, name: &str) -> bool {
        let deleting = self.meta.deleting.is_some();
        let shown = self.read(name).map(|it| it.id.clone());
        match step {
            Step::DeleteRoom { id, .. } => {
                assert!(deleting, "a room is deleted only with its object");
                let made = self.record().and_then(|it| it.made);
                let recorded = made.is_some_and(|it| it.id == *id);
                let ours = recorded || self.ours.contains(id) || !self.is_chosen();
                assert!(ours, "{id} is not ours");
                let asked = self.spec["deletionPolicy"].is_string();
                assert!(asked || !self.adopted.contains(id), "{id} is adopted");
                let at = self.tick();
                self.get(name, at);
                let sends = shown.as_ref() == Some(id);
                if sends {
                    self.check_put_out(name);
                }
                sends
            }
            Step::UpdateRoom(update) => {
                let at = self.tick();
                self.get(name, at);
                let exp = update.change.properties.get("exp").and_then(Value::as_i64);
                let made = self.record().and_then(|it| it.made);
                let drain = made.as_ref().and_then(|it| it.drain.as_ref());
                let latest = drain.filter(|_| deleting).map(|it| it.end_before);
                assert!(exp <= latest || !deleting, "a deletion moves an end away");
                shown.as_ref() == Some(&update.id)
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
                    return Err(update.fingerprint.clone());
                }
                if let Some(room) = self.shown(&update.name) {
                    let nearer = exp.is_some() && exp < room.config.exp;
                    assert!(!self.only_later || !nearer, "{update:?} of {room:?}");
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
                    if let Some(nbf) = of("nbf") {
                        config.nbf = nbf.as_i64();
                    }
                    if let Some(most) = of("max_participants") {
                        config.max_participants = most.as_i64();
                    }
                    config
                        .others
                        .edit(|all| change_others(all, &change.properties));
                    if let Some(Value::Object(dialin)) = of("dialin") {
                        config.dialin = Some(dialin);
                        if config.dialin_code.is_none() {
                            self.repin(&update.name);
                        }
                    }
                }
                Ok(None)
            }
            Step::DeleteRoom { name, .. } => {
                self.put_out(name);
                self.changes();
                self.rooms.remove(name);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// A write to the object.
    fn write_object(&mut self, view: &mut View, step: AnyStep) {
        match step {
            AnyStep::AddFinalizer => {
                self.meta.has_finalizer = true;
                view.memory.began_here |= view.record().is_none();
            }
            AnyStep::Record(record, change, written) => {
                self.record_written(view, *record, change, written);
            }
            AnyStep::Report(outcome) => self.report(view, &outcome),
            AnyStep::Release(how) => {
                self.check_release(&how);
                self.meta.has_finalizer = false;
                let (name, now) = (view.room_name(), view.now.moment);
                self.evidence.forget(&name, &self.meta.uid, now);
                self.released = Some(how);
            }
            AnyStep::Of(_) => unreachable!("no write to the object"),
        }
    }

    fn record_written(
        &mut self,
        view: &mut View,
        record: Record,
        change: Change,
        written: Written,
    ) {
        assert!(self.meta.has_finalizer, "nothing is recorded before it");
        let read = Recorded::read(Some(&record.text()));
        assert_eq!(read, record.clone().into(), "what is recorded can be read");
        if change.is_new_claim() {
            self.evidence.writes(&record.name).claimed(&self.meta.uid);
        }
        let observed = self.shown(&record.name);
        let ours = observed.is_some_and(|it| self.ours.contains(&it.id));
        self.disowned |= change == Change::Withdrawn && ours;
        let made = record.made.as_ref().map(|it| it.id.clone());
        if change == Change::Adopted {
            assert_eq!(self.spec["adoptionPolicy"], "AdoptOrCreate");
            self.adopted.extend(made.clone());
        } else if self.is_chosen() {
            let is_ours = |id: &String| self.ours.contains(id);
            assert!(made.iter().all(is_ours), "{change:?} of another's room");
        }
        self.ours.extend(made);
        view.recorded = record.into();
        if written == Written::Now {
            let first = self.status.conditions.is_empty();
            let outcome = if first {
                Outcome::Progressing
            } else {
                Outcome::Unchanged
            };
            self.status = status(view, &outcome);
        }
    }

    /// A write to the Secret, or nothing but a note.
    fn write(&mut self, view: &mut View, step: Step) {
        match step {
            Step::CreateSecret(write) => {
                let (kind, name) = (write.kind, write.name().to_owned());
                self.secrets
                    .entry(name)
                    .or_insert_with(|| stored(*write, "1"));
                self.read_secret(view, kind);
            }
            Step::UpdateSecret(write, guard) => {
                let kind = write.kind;
                if self.is_current(&guard) {
                    let version = format!("{}1", guard.resource_version);
                    self.secrets.insert(guard.name, stored(*write, &version));
                }
                self.read_secret(view, kind);
            }
            Step::DeleteSecret(guard) => {
                if self.is_current(&guard) {
                    self.secrets.remove(&guard.name);
                }
                for kind in SecretKind::ALL {
                    if view.names.of(kind) == Some(&guard.name) {
                        self.read_secret(view, kind);
                    }
                }
                if let Some(former) = &mut view.facts.former_secrets {
                    former.retain(|it| it.1.name != guard.name);
                }
            }
            Step::DeleteObject => {
                assert!(condition::is_true(&self.status.conditions, kind::EXPIRED));
                // Reads that lag may not show a room that somebody else has just made.
                let left = self.shown(&self.name());
                let left = left.filter(|it| self.ours.contains(&it.id));
                assert_eq!(left, None, "its room has not ended");
                self.meta.deleting = Some(NOW);
            }
            Step::IssueTokens(requests) => self.issue_tokens(view, requests),
            Step::RememberMerge => {
                view.memory.kind.merges = true;
                view.memory.corrections.forget_last();
                view.facts.updated = None;
            }
            Step::RememberUnapplied { fingerprint } => {
                let at = self.tick();
                let before = view.memory.rejection.as_ref();
                let rejection =
                    Rejection::after(before, &fingerprint, "not applied".to_owned(), at);
                view.memory.rejection = Some(rejection);
                view.retried.push(fingerprint);
                view.facts.updated = None;
            }
            Step::CreateRoom(_) | Step::UpdateRoom(_) | Step::DeleteRoom { .. } => {
                unreachable!("a call of Daily's")
            }
        }
    }

    fn is_current(&self, guard: &Guard) -> bool {
        let now = self.secrets.get(&guard.name).and_then(Guard::of);
        now.as_ref() == Some(guard)
    }

    fn issue_tokens(&mut self, view: &mut View, requests: Vec<TokenRequest>) {
        let at = self.tick();
        for request in requests {
            let observed = view.evidence.observed.as_ref().unwrap();
            let end = observed.room.config.exp.unwrap();
            assert!(request.grant.exp <= end, "no token outlives the room");
            assert!(request.grant.exp > view.now.wall, "no token has expired");
            let is_missing = self.shown(&request.grant.room_name).is_none();
            if self.tokens_fail || is_missing {
                let failures = &mut view.memory.kind.token_failures;
                let before = failures.get(&request.key).map(|it| &it.rejection);
                let no = "no".to_owned();
                let rejection = Rejection::after(before, &request.fingerprint, no, at);
                let failure = TokenFailure {
                    rejection,
                    reason: Reason::RejectedByDaily,
                    resolved_by: ResolvedBy::User,
                };
                failures.insert(request.key, failure);
                view.retried.push(request.fingerprint);
            } else {
                let token = token(&request.grant);
                view.facts.tokens.insert(request.key, token);
            }
        }
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

fn stored(write: SecretWrite, version: &str) -> Secret {
    let mut secret = write.body;
    secret.metadata.uid = Some("secret".into());
    secret.metadata.resource_version = Some(version.into());
    secret
}

/// The properties that only `roomProperties` sets. Daily never shows `lang`.
fn change_others(others: &mut Map<String, Value>, change: &Map<String, Value>) {
    for (name, value) in change.iter().filter(|(name, _)| *name == "enable_chat") {
        match value {
            Value::Null => others.remove(name),
            value => others.insert(name.clone(), value.clone()),
        };
    }
}
