//! The bearer tokens of one control plane: who may talk to the API server, and as whom.

use std::path::Path;

use rcgen::KeyPair;
use sha2::{Digest, Sha256};

use crate::certificates::CertificateError;

/// What the API server reads them from.
pub(crate) const TOKENS: &str = "tokens.csv";

/// A user of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// Everything.
    Admin,
    /// The kubelet of the node.
    Kubelet,
    /// kube-proxy.
    Proxy,
    /// kube-scheduler.
    Scheduler,
    /// CoreDNS.
    Dns,
}

impl User {
    /// All of them.
    const ALL: [Self; 5] = [
        Self::Admin,
        Self::Kubelet,
        Self::Proxy,
        Self::Scheduler,
        Self::Dns,
    ];

    /// Its name and groups, as Kubernetes' own roles know them.
    fn identity(self) -> (&'static str, &'static str) {
        match self {
            Self::Admin => ("admin", "system:masters"),
            Self::Kubelet => ("system:node:node", "system:nodes"),
            Self::Proxy => ("system:kube-proxy", ""),
            Self::Scheduler => ("system:kube-scheduler", ""),
            Self::Dns => ("system:coredns", ""),
        }
    }
}

/// The tokens. They end with the control plane.
#[derive(Clone)]
pub(crate) struct Tokens(String);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// Tokens that nobody can guess: from a node the API server can be reached by pods.
    pub(crate) fn generate() -> Result<Self, CertificateError> {
        let random = KeyPair::generate()?.serialize_der();
        Ok(Self(hex(&random)))
    }

    /// The token of a user.
    pub(crate) fn of(&self, user: User) -> String {
        let (name, _) = user.identity();
        hex(format!("{}{name}", self.0).as_bytes())
    }

    /// Writes all of them where the API server reads them.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let line = |user: User| {
            let (name, group) = user.identity();
            format!("{},{name},{name},\"{group}\"\n", self.of(user))
        };
        let lines: String = User::ALL.into_iter().map(line).collect();
        std::fs::write(folder.join(TOKENS), lines)
    }
}

fn hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_of_each_run_has_a_token_of_its_own() {
        let (one, other) = (Tokens::generate().unwrap(), Tokens::generate().unwrap());
        let mut all: Vec<_> = [&one, &other]
            .into_iter()
            .flat_map(|tokens| User::ALL.map(|user| tokens.of(user)))
            .collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 2 * User::ALL.len());
    }
}
