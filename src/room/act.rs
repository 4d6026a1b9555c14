//! Applying the steps of a DailyRoom. Nothing is decided here: each write is sent, and its answer goes into
//! the view.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::Room;
use super::observe::counts_as_absent;
use super::plan::steps::{SecretWrite, Step, TokenRequest, Update};
use super::report;
use super::secret::{self, Found, SecretKind, has_common_labels};
use super::view::TokenFailure;
use crate::cause::chain;
use crate::daily::error::CallError;
use crate::daily::types::CreateRoom;
use crate::effect::{Blocked, Effect, EffectError};
use crate::k8s::{Guard, KubeError, create_secret, delete_secret, get_secret, update_secret};
use crate::naming;
use crate::reconcile::backoff::Rejection;
use crate::reconcile::problem::ResolvedBy;
use crate::reconcile::report::Applied;
use crate::reconcile::{Failure, Live, Pass};

/// The longest wait after Daily did not answer the request for a meeting token.
const TOKEN_RETRY: Duration = Duration::from_secs(60);

/// Why the API server stored another Secret than it was sent.
const CHANGED: &str = "an admission webhook or policy of the cluster changes it";

impl Pass<Room> {
    pub(super) async fn apply(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::CreateRoom(request) => self.create_room(*request).await,
            Step::UpdateRoom(update) => self.update_room(*update).await,
            Step::DeleteRoom {
                name,
                id,
                only_if_empty,
            } => self.delete_room(name, id, only_if_empty).await,
            Step::IssueTokens(requests) => self.issue_tokens(requests).await,
            Step::CreateSecret(write) => self.create_secret(&write).await,
            Step::UpdateSecret(write, guard) => self.update_secret(&write, &guard).await,
            Step::DeleteSecret(guard) => self.delete_secret(&guard).await,
            Step::DeleteObject => {
                self.delete_object().await?;
                self.applied
                    .push(Applied::Of(report::Applied::ObjectDeleted));
                self.publish_unreported().await;
                Ok(())
            }
            Step::RememberMerge => {
                self.view.memory.kind.merges = true;
                self.view.memory.rejection = None;
                self.not_applied();
                Ok(())
            }
            Step::RememberUnapplied { fingerprint } => {
                let info = "Daily accepted the change without applying it";
                self.rejected(&fingerprint, info.to_owned());
                self.not_applied();
                Ok(())
            }
        }
    }

    async fn create_room(&mut self, request: CreateRoom) -> Result<(), Failure> {
        let session = self.session()?;
        let check = self.live(Live::Kept);
        let owner = self.view.meta.uid.clone();
        let what = naming::fingerprint(&json!(request));
        self.view.facts.read_by_name = false;
        let account = &session.account;
        let created = account
            .create_room(session.key.clone(), request, owner, check)
            .await;
        self.view.facts.created = created.is_ok();
        self.sent(created, &what)
    }

    async fn update_room(&mut self, update: Update) -> Result<(), Failure> {
        let session = self.session()?;
        let check = self.live(match self.view.meta.deleting {
            Some(_) => Live::Deleting,
            None => Live::KeptAsRead,
        });
        let (name, id) = (update.name.clone(), update.id.clone());
        let account = &session.account;
        let updated = account
            .update_room(session.key.clone(), name, id, update.change.clone(), check)
            .await;
        self.refresh();
        match updated {
            Ok(()) => {
                self.updated(update);
                Ok(())
            }
            Err(EffectError::Failed(_, CallError::NotFound)) => Ok(()),
            // The room was read by name before the update, and the plan decides on that.
            Err(EffectError::Blocked(_, Blocked::Unproven(_))) => {
                self.view.facts.read_by_name = true;
                Ok(())
            }
            failed => {
                self.view.facts.read_by_name = false;
                self.sent(failed, &update.fingerprint)
            }
        }
    }

    fn updated(&mut self, update: Update) {
        let memory = &mut self.view.memory;
        memory.rejection = None;
        if update.dialin.is_some() {
            memory.kind.dialin_sent.clone_from(&update.dialin);
        }
        if update.counts {
            let now = self.view.now.moment;
            memory.corrections.add(&update.properties(), now);
        }
        self.applied.extend(report::updated(&update));
        self.view.facts.updated = Some(update);
    }

    /// Daily accepted the update and did not apply it, so nobody has undone it.
    fn not_applied(&mut self) {
        let updated = self.view.facts.updated.take();
        if updated.is_some_and(|it| it.counts) {
            self.view.memory.corrections.forget_last();
        }
    }

    async fn delete_room(
        &mut self,
        name: String,
        id: String,
        only_if_empty: bool,
    ) -> Result<(), Failure> {
        let session = self.session()?;
        let check = self.live(Live::Deleting);
        let account = &session.account;
        let deleted = account
            .delete_room(session.key.clone(), name, id, only_if_empty, check)
            .await;
        self.refresh();
        self.view.facts.presence = None;
        if let Err(EffectError::Blocked(_, Blocked::Occupied)) = deleted {
            return Ok(());
        }
        // The room was read by name before the deletion.
        self.view.facts.read_by_name = true;
        match deleted {
            Err(EffectError::Blocked(_, Blocked::Unproven(_))) => Ok(()),
            other => other.map_err(Failure::of_daily),
        }
    }

    /// Of a refusal only its token is affected; any other failure is likely to meet all of them.
    async fn issue_tokens(&mut self, requests: Vec<TokenRequest>) -> Result<(), Failure> {
        let session = self.session()?;
        let mut failed = None;
        for TokenRequest {
            key,
            grant,
            fingerprint,
        } in requests
        {
            let error = match failed.clone() {
                Some(error) => error,
                None => {
                    let check = self.live(Live::KeptAsRead);
                    let account = &session.account;
                    match account.issue_token(&session.key, &grant, check).await {
                        Ok(token) => {
                            self.view.memory.kind.token_failures.remove(&key);
                            self.view.facts.tokens.insert(key, token);
                            continue;
                        }
                        Err(EffectError::Failed(_, error)) => error,
                        Err(blocked) => return Err(Failure::of_daily(blocked)),
                    }
                }
            };
            self.token_failed(key, &fingerprint, &error);
            failed = Some(error).filter(|it| !matches!(it, CallError::Refused { .. }));
        }
        Ok(())
    }

    fn token_failed(&mut self, key: String, what: &str, error: &CallError) {
        let Some(problem) = Failure::daily(error).problem else {
            return;
        };
        let now = self.view.now.moment;
        let failures = &mut self.view.memory.kind.token_failures;
        let before = failures.get(&key).map(|it| &it.rejection);
        let mut rejection = Rejection::after(before, what, problem.message, now);
        if problem.resolved_by == ResolvedBy::Retry {
            rejection = rejection.within(TOKEN_RETRY, now);
        }
        let (reason, resolved_by) = (problem.reason, problem.resolved_by);
        let failure = TokenFailure {
            rejection,
            reason,
            resolved_by,
        };
        failures.insert(key, failure);
        self.view.retried.push(what.to_owned());
    }

    async fn create_secret(&mut self, write: &SecretWrite) -> Result<(), Failure> {
        let create = create_secret(&self.context.client, &write.body);
        let created = self.send(Effect::SecretCreate, create).await;
        self.secret_written(created, write)
    }

    async fn update_secret(&mut self, write: &SecretWrite, guard: &Guard) -> Result<(), Failure> {
        let client = &self.context.client;
        let read = get_secret(client, &guard.namespace, &guard.name).await;
        let read = read.map_err(|error| Failure::secret_unread(&guard.name, &error))?;
        let Some(read) = read.filter(|it| Guard::of(it).as_ref() == Some(guard)) else {
            self.view.facts.secrets.remove(&write.kind);
            return Ok(());
        };
        let update = update_secret(client, &read, &write.body);
        let updated = self.send(Effect::SecretUpdate, update).await;
        self.secret_written(updated, write)
    }

    fn secret_written(
        &mut self,
        written: Result<Secret, EffectError<KubeError>>,
        write: &SecretWrite,
    ) -> Result<(), Failure> {
        let (facts, memory) = (&mut self.view.facts, &mut self.view.memory.kind);
        match written {
            Ok(secret) => {
                let found = secret::found(&self.view.meta, Some(&secret));
                let (name, fingerprint) = (write.name().to_owned(), secret::fingerprint(&secret));
                let sent = secret::fingerprint(&write.body);
                let is_same = fingerprint == sent;
                let is_stored = is_same && has_common_labels(&secret);
                memory.written.insert(name.clone(), fingerprint);
                memory.secrets.insert(write.kind, found.clone());
                facts.secrets.insert(write.kind, found);
                let kind = write.kind;
                let written = |event| Applied::Of(report::Applied::Secret { name, kind, event });
                let event = write.event.filter(|_| is_same);
                self.applied.extend(event.map(written));
                match is_stored {
                    true => drop(self.view.memory.kind.secret_rejections.remove(&kind)),
                    false => self
                        .view
                        .secret_rejected(kind, &write.identity, CHANGED.to_owned()),
                }
                Ok(())
            }
            // The Secret has changed and is read again.
            Err(EffectError::Failed(
                _,
                KubeError::AlreadyExists | KubeError::Conflict | KubeError::NotFound,
            )) => {
                facts.secrets.remove(&write.kind);
                Ok(())
            }
            Err(EffectError::Failed(_, error)) if error.refuses_the_object() => {
                let (kind, identity) = (write.kind, &write.identity);
                self.view.secret_rejected(kind, identity, chain(&error));
                Ok(())
            }
            Err(error) => Err(Failure::of_kube("the Secret", error)),
        }
    }

    async fn delete_secret(&mut self, guard: &Guard) -> Result<(), Failure> {
        let delete = delete_secret(&self.context.client, guard);
        let deleted = self.send(Effect::SecretDelete, delete).await;
        let found = match deleted {
            Ok(()) => Some(Found::Absent),
            Err(EffectError::Failed(_, KubeError::Conflict)) => None,
            Err(EffectError::Failed(_, error)) if counts_as_absent(&self.view.meta, &error) => {
                Some(Found::Absent)
            }
            Err(error) => return Err(Failure::of_kube("the Secret", error)),
        };
        let facts = &mut self.view.facts;
        let memory = &mut self.view.memory.kind;
        memory.written.remove(&guard.name);
        let names = &self.view.names;
        let mut kinds = SecretKind::ALL.into_iter();
        if let Some(kind) = kinds.find(|it| names.of(*it) == Some(&guard.name)) {
            memory.secrets.remove(&kind);
            facts.secrets.remove(&kind);
            facts.secrets.extend(found.map(|found| (kind, found)));
        } else if found.is_none() {
            // It has changed, and is read again.
            facts.former_secrets = None;
        } else if let Some(former) = &mut facts.former_secrets {
            former.retain(|it| it.1.name != guard.name);
        }
        Ok(())
    }
}
