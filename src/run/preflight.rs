//! What a process needs from the API server before it is ready and may lead.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::cause::{Recurring, chain};
use crate::config::Config;
use crate::k8s::{DEADLINE, KubeError, Served, within};
use crate::number::Number;
use crate::ops::{Readiness, Wait};
use crate::reconcile::object::Object;
use crate::room::Room;

const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// How often a standby checks again. `/readyz` reports a missing kind about as fast as a Lease that
/// cannot be read.
const STANDBY_INTERVAL: Duration = Duration::from_secs(10);

const NO_KINDS: &str = "the CustomResourceDefinitions are not installed; run helm upgrade --install with \
     crds.enabled=true, or without Helm: daily-operator crd | kubectl apply --server-side -f -. \
     Helm takes over CRDs that kubectl created only with --take-ownership (Helm 3.17 and later); \
     otherwise set crds.enabled=false";
const MAY_NOT_LIST: &str = "allow the ServiceAccount to list this kind: set rbac.create=true in the chart, or bind the rules of the chart yourself";
const MAY_NOT_READ_ID: &str = "allow the ServiceAccount to get the Namespace kube-system, whose uid \
     is the ID of the cluster, or set --cluster-id";
const NO_ID: &str = "the Namespace kube-system, whose uid is the ID of the cluster, does not exist; set --cluster-id";
const NO_ANSWER: &str =
    "check the API server and the network to it; the operator retries every 2 s";

/// What this process needs. `/readyz` names what is still missing.
pub(super) struct Needs {
    namespaces: Vec<String>,
    cluster_id: Option<String>,
    readiness: Readiness,
}

/// Something that is missing, with the cause and the user's next step.
#[derive(Debug)]
struct Missing {
    what: String,
    why: KubeError,
    advice: &'static str,
}

impl Missing {
    /// `unknown` and `forbidden` are the advice if it does not exist or may not be read.
    fn new(what: String, why: KubeError, unknown: &'static str, forbidden: &'static str) -> Self {
        let advice = match why {
            KubeError::NotFound => unknown,
            KubeError::Forbidden { .. } => forbidden,
            _ => NO_ANSWER,
        };
        Self { what, why, advice }
    }
}

impl Needs {
    /// What this configuration needs. From now on the process is not ready without it.
    pub(super) fn announce(config: &Config, readiness: &Readiness) -> Self {
        readiness.wait_for(Wait::Kinds);
        if config.cluster_id.is_none() {
            readiness.wait_for(Wait::ClusterId);
        }
        Self {
            namespaces: config.watch_namespaces.clone(),
            cluster_id: config.cluster_id.clone(),
            readiness: readiness.clone(),
        }
    }

    /// Waits until nothing is missing, and returns the ID of the cluster; `None` if `stop` is cancelled
    /// before. Requests run in parallel, so that the log shows everything that is missing.
    pub(super) async fn wait(self, client: &Client, stop: &CancellationToken) -> Option<String> {
        let kinds = async {
            repeat(stop, async || check_kinds(client, &self.namespaces).await).await?;
            self.readiness.done(&Wait::Kinds);
            Some(())
        };
        let id = async {
            let id = match &self.cluster_id {
                Some(id) => id.clone(),
                None => repeat(stop, async || cluster_id(client).await).await?,
            };
            self.readiness.done(&Wait::ClusterId);
            Some(id)
        };
        let (kinds, id) = futures::future::join(kinds, id).await;
        kinds.and(id)
    }
}

/// Checks the kinds again and again while this process is a standby: a standby that could not lead is
/// not ready. Never returns.
pub(super) async fn keep_checking(client: &Client, config: &Config, readiness: &Readiness) {
    loop {
        tokio::time::sleep(STANDBY_INTERVAL).await;
        match check_kinds(client, &config.watch_namespaces).await {
            Ok(()) => readiness.done(&Wait::Kinds),
            Err(_) => readiness.wait_for(Wait::Kinds),
        }
    }
}

/// Retries until the API server has what is needed. Logs each cause once.
async fn repeat<T>(
    stop: &CancellationToken,
    ask: impl AsyncFn() -> Result<T, Missing>,
) -> Option<T> {
    let mut failure = Recurring::default();
    loop {
        let missing = tokio::select! {
            () = stop.cancelled() => return None,
            answer = ask() => match answer {
                Ok(answer) => return Some(answer),
                Err(missing) => missing,
            },
        };
        let error = chain(&missing.why);
        if failure.failed(&format!("{}: {error}", missing.what)) {
            tracing::warn!(
                missing = missing.what,
                error,
                "Waiting for the API server: {}",
                missing.advice
            );
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
        }
    }
}

/// Lists both kinds in at least one of these namespaces. A namespace that does not exist, or that the
/// operator may not read, must not block the others. The operator has no permission to read the CRDs
/// themselves, but a kind that can be listed is established.
async fn check_kinds(client: &Client, namespaces: &[String]) -> Result<(), Missing> {
    // Objects that can be listed whatever is in them.
    list::<Object<Room>>(client, namespaces).await?;
    list::<Object<Number>>(client, namespaces).await
}

async fn list<K: Served>(client: &Client, namespaces: &[String]) -> Result<(), Missing> {
    if namespaces.is_empty() {
        return list_in::<K>(Api::all(client.clone())).await;
    }
    let mut first = None;
    for namespace in namespaces {
        match list_in::<K>(Api::namespaced(client.clone(), namespace)).await {
            Ok(()) => return Ok(()),
            Err(missing) => {
                first.get_or_insert(missing);
            }
        }
    }
    first.map_or(Ok(()), Err)
}

async fn list_in<K: Served>(api: Api<K>) -> Result<(), Missing> {
    let one = ListParams::default().limit(1);
    let listed = within(DEADLINE, api.list(&one)).await;
    let missing = |why| Missing::new(K::kind(&()).into(), why, NO_KINDS, MAY_NOT_LIST);
    listed.map(drop).map_err(missing)
}

async fn cluster_id(client: &Client) -> Result<String, Missing> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let read = within(DEADLINE, namespaces.get("kube-system")).await;
    let uid = read.and_then(|it| it.uid().ok_or(KubeError::NotFound));
    uid.map_err(|why| Missing::new(Wait::ClusterId.to_string(), why, NO_ID, MAY_NOT_READ_ID))
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;

    use super::*;

    /// A client of an API server that shows these namespaces alone.
    fn client(shown: &'static [&'static str]) -> Client {
        let service = tower::service_fn(move |request: Request<Body>| async move {
            let path = request.uri().path().to_owned();
            let seen = shown
                .iter()
                .any(|it| path.contains(&format!("/namespaces/{it}/")));
            let (code, answer) = match seen {
                true => (
                    200,
                    json!({"metadata": {"resourceVersion": "1"}, "items": []}),
                ),
                false => (
                    403,
                    json!({"kind": "Status", "code": 403, "reason": "Forbidden"}),
                ),
            };
            let mut response = Response::new(Body::from(answer.to_string().into_bytes()));
            *response.status_mut() = http::StatusCode::from_u16(code).unwrap();
            Ok::<_, kube::Error>(response)
        });
        Client::new(service, "default")
    }

    #[tokio::test]
    async fn one_namespace_that_may_be_seen_is_enough_to_begin() {
        let namespaces = ["gone", "team"].map(str::to_owned);
        for (shown, expected) in [(&["team"][..], true), (&["gone"], true), (&["x"], false)] {
            let looked = check_kinds(&client(shown), &namespaces).await;
            assert_eq!(looked.is_ok(), expected, "{shown:?}");
        }
        let everywhere = check_kinds(&client(&["team"]), &[]).await;
        let missing = everywhere.unwrap_err();
        assert_eq!(missing.what, "DailyRoom");
        assert_eq!(missing.advice, MAY_NOT_LIST);
    }
}
