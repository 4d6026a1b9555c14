//! Accounts for tests.

use super::*;

impl Setup {
    /// For calls to this Daily.
    pub(crate) fn for_tests(base_url: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let metrics = Metrics::default();
        let leadership = crate::leader::Leadership::for_tests();
        Self {
            client: Client::new(base_url).unwrap(),
            gate: Gate::new(leadership, true, metrics.clone()),
            metrics,
            stop: CancellationToken::new(),
            used_up: None,
            replica_lag: Duration::ZERO,
            cluster_id: "c1".into(),
        }
    }
}

impl Account {
    /// The account `acme` with this key at this Daily.
    pub(crate) fn for_tests(base_url: &str, key: &str) -> Arc<Self> {
        let domain = Domain {
            name: "acme".into(),
            id: "d".into(),
        };
        let setup = Setup::for_tests(base_url);
        Self::new(domain, key.into(), setup, Arc::new(|_, _| ()))
    }

    /// As if no reconcile had used it for an hour.
    pub(crate) fn end_for_tests(&self) {
        self.users
            .lock()
            .end_if_unused(Duration::ZERO, clock::now());
    }
}

#[test]
fn deletions_take_no_permit_from_edits() {
    let account = Account::for_tests("http://127.0.0.1:9/v1", "a-key");
    let permits = |deleting| -> Vec<Permit> {
        let asked = (0..RECONCILES).map(|_| account.permit("team", deleting));
        asked.flatten().collect()
    };
    let deletions = permits(true);
    assert!(!deletions.is_empty() && deletions.len() <= DELETIONS);
    assert!(permits(false).len() > DELETIONS);
}
