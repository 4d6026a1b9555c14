//! The bearer tokens of the users of one control plane.

use std::path::Path;

use rcgen::KeyPair;
use sha2::{Digest, Sha256};

use crate::certificates::CertificateError;

/// The file from which the API server reads the tokens.
pub(crate) const TOKENS: &str = "tokens.csv";

/// A user of the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// May do everything.
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
    const ALL: [Self; 5] = [
        Self::Admin,
        Self::Kubelet,
        Self::Proxy,
        Self::Scheduler,
        Self::Dns,
    ];

    /// The user name and the group. Kubernetes' built-in roles refer to them, except for CoreDNS.
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

/// The tokens of all users, derived from one random value. They are valid only for this control plane.
#[derive(Clone)]
pub(crate) struct Tokens(String);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// Generates unguessable tokens, because pods on a node can reach the API server.
    pub(crate) fn generate() -> Result<Self, CertificateError> {
        let random = KeyPair::generate()?.serialize_der();
        Ok(Self(hex(&random)))
    }

    pub(crate) fn of(&self, user: User) -> String {
        let (name, _) = user.identity();
        hex(format!("{}{name}", self.0).as_bytes())
    }

    /// Writes the token file of the API server.
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
