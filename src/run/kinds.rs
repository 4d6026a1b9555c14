//! Waiting for the API server to serve both kinds.

use std::time::Duration;

use kube::api::ListParams;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use crate::crd::{DailyRoom, PinDialinNumber};
use crate::kube::{KubeError, Served, within};
use crate::telemetry::chain;

const DEADLINE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(2);

/// Waits until both kinds can be listed; `false` when it is to stop before.
///
/// The definitions themselves are not looked at, as the operator has no right to: a kind that is
/// established can be listed.
pub(super) async fn wait(client: &Client, namespaces: &[String], stop: &CancellationToken) -> bool {
    let mut told = String::new();
    loop {
        let missing = match look(client, namespaces).await {
            Ok(()) => return true,
            Err(missing) => missing,
        };
        let error = chain(&missing.why);
        let tell = format!("{}: {error}", missing.kind);
        if tell != told {
            tracing::warn!(
                kind = missing.kind,
                error,
                "Waiting for the API server: {}",
                missing.advice()
            );
            told = tell;
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// A kind that cannot be listed.
struct Missing {
    kind: String,
    why: KubeError,
}

impl Missing {
    fn advice(&self) -> &'static str {
        match self.why {
            KubeError::NotFound => {
                "the CustomResourceDefinitions are not installed; run \
                 daily-operator crd | kubectl apply --server-side -f -"
            }
            KubeError::Forbidden { .. } => {
                "the ServiceAccount may not list the kind; the chart has the rights that are needed"
            }
            _ => "it does not answer as it should",
        }
    }
}

async fn look(client: &Client, namespaces: &[String]) -> Result<(), Missing> {
    list::<DailyRoom>(client, namespaces).await?;
    list::<PinDialinNumber>(client, namespaces).await
}

async fn list<K: Served>(client: &Client, namespaces: &[String]) -> Result<(), Missing> {
    let api: Api<K> = match namespaces.first() {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let one = ListParams::default().limit(1);
    let listed = within(DEADLINE, api.list_metadata(&one)).await;
    listed.map(drop).map_err(|why| Missing {
        kind: K::kind(&()).into_owned(),
        why,
    })
}
