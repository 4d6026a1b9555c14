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
            used: Used::default(),
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
}
