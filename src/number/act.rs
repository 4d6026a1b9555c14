//! Applying the steps of a PinDialinNumber. Nothing is decided here: each write is sent, and its answer
//! goes into the view.

use serde_json::json;

use super::Number;
use super::plan::steps::{Step, Update};
use crate::daily::account::numbers::ConfigWrite;
use crate::daily::error::CallError;
use crate::daily::evidence::replica_lag;
use crate::daily::number_api::NumberApi;
use crate::daily::types::{DialinConfig, DialinConfigBody, DialinConfigRequest};
use crate::effect::{Blocked, Check, EffectError};
use crate::keys::Session;
use crate::naming;
use crate::reconcile::report::Applied;
use crate::reconcile::{Failure, Live, Pass};

impl Pass<Number> {
    pub(super) async fn apply(&mut self, step: Step) -> Result<(), Failure> {
        match step {
            Step::CreateConfig(request) => self.create_config(*request).await,
            Step::UpdateConfig(update) => self.update_config(*update).await,
            Step::DeleteConfig { id } => self.delete_config(id).await,
            Step::RememberUnapplied { fingerprint } => {
                let info = "Daily accepted the change without applying it";
                self.rejected(&fingerprint, info.to_owned());
                // Nobody has undone it.
                if self.view.facts.updated.take() == Some(true) {
                    self.view.memory.corrections.forget_last();
                }
                Ok(())
            }
            Step::MoveConfig(from, request) => self.move_config(from, *request).await,
        }
    }

    /// Until the second call is applied, Daily does not answer the number.
    async fn move_config(
        &mut self,
        from: String,
        request: DialinConfigRequest,
    ) -> Result<(), Failure> {
        let (session, check) = (self.session()?, self.live(Live::KeptAsRead));
        let write = ConfigWrite::Delete { id: from };
        let deleted = self.write(session, write, check).await;
        self.view.facts.number = None;
        deleted.map_err(Failure::of_daily)?;
        self.create_config(request).await
    }

    async fn create_config(&mut self, request: DialinConfigRequest) -> Result<(), Failure> {
        let what = naming::fingerprint(&json!(request));
        let body = request.body.clone();
        let (session, check) = (self.session()?, self.live(Live::Kept));
        let created = self
            .write(session, ConfigWrite::Create(request), check)
            .await;
        if let Ok(Some(config)) = &created {
            self.note_created(config.clone(), body);
        }
        self.sent(created.map(drop), &what)
    }

    /// A created config has what was sent, so that this reconcile need not read it back. An entry of the
    /// domain's list is read back.
    fn note_created(&mut self, config: DialinConfig, sent: DialinConfigBody) {
        let facts = &mut self.view.facts;
        if config.is_at_the_domain() {
            facts.number = None;
        }
        if let Some(known) = &mut facts.number {
            known.at = facts.fresh_since;
            known.configs = vec![DialinConfig {
                config: sent,
                ..config
            }];
        }
    }

    async fn update_config(&mut self, update: Update) -> Result<(), Failure> {
        let what = naming::fingerprint(&json!(update.request));
        let Update {
            id,
            request,
            drift,
            counts,
            properties,
        } = update;
        let write = ConfigWrite::Update { id, request };
        let (session, check) = (self.session()?, self.live(Live::KeptAsRead));
        let updated = self.write(session, write, check).await;
        self.view.facts.number = None;
        if updated.is_ok() {
            self.view.facts.updated = Some(counts);
            if counts {
                let now = self.view.now.moment;
                self.view.memory.corrections.add(&properties, now);
            }
            self.applied.push(Applied::Updated {
                drift,
                properties: Vec::new(),
            });
        }
        match updated {
            // The config is gone, which the next read shows.
            Err(EffectError::Failed(_, CallError::NotFound)) => Ok(()),
            updated => self.sent(updated.map(drop), &what),
        }
    }

    async fn delete_config(&mut self, id: String) -> Result<(), Failure> {
        let write = ConfigWrite::Delete { id };
        let mut check = self.live(Live::Deleting);
        if self.view.facts.publishers == Some(0) {
            let publishers = self.publishers();
            check = check.and(move || match publishers() {
                0 => Ok(()),
                _ => Err(Blocked::Changed("a DailyRoom publishes its number")),
            });
        }
        let session = self.session()?;
        let deleted = self.write(session, write, check).await;
        self.view.facts.number = None;
        deleted.map_err(Failure::of_daily)?;
        self.view.facts.deleted = true;
        Ok(())
    }

    async fn write(
        &mut self,
        session: Session,
        write: ConfigWrite,
        check: Check,
    ) -> Result<Option<DialinConfig>, EffectError<CallError>> {
        let number = self.view.name_at_daily().unwrap_or_default();
        let owner = self.view.meta.uid.clone();
        let at_the_domain = write.api() == NumberApi::DomainProperties;
        let account = &session.account;
        let written = account
            .write_config(session.key.clone(), number, owner, write, check)
            .await;
        self.refresh();
        // Answers from before the write are outdated.
        let now = self.view.now.moment;
        self.view.facts.fresh_since = now;
        if at_the_domain {
            let lag = replica_lag(self.view.quiet_period);
            self.view.memory.kind.read_back_from = Some(now.after(lag));
        }
        written
    }
}
