//! The keys and certificates of one control plane.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// What is written into the folder.
pub(crate) const CA: &str = "ca.crt";
pub(crate) const SERVER_CERTIFICATE: &str = "server.crt";
pub(crate) const SERVER_KEY: &str = "server.key";
pub(crate) const ACCOUNT_KEY: &str = "service-account.key";
pub(crate) const ACCOUNT_PUBLIC_KEY: &str = "service-account.pub";

/// Why they could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A key or a certificate was not to be had.
    #[error("a key or certificate could not be made")]
    Make(#[from] rcgen::Error),
    /// A file could not be written.
    #[error("a key or certificate could not be written")]
    Write(#[from] std::io::Error),
}

/// Gives a certificate a name of its own: OpenSSL takes one that is named as its issuer for
/// self-signed, and refuses it.
fn named(certificate: &mut CertificateParams, name: &str) {
    certificate
        .distinguished_name
        .push(DnType::CommonName, name);
}

/// Makes a CA, a certificate for loopback and the key that signs service account tokens.
///
/// The CA's key is written nowhere: nothing else can be signed by it later.
pub(crate) fn write(folder: &Path) -> Result<(), CertificateError> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    named(&mut authority, "testbed CA");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
    let server_key = KeyPair::generate()?;
    let mut server = CertificateParams::new(names)?;
    server.use_authority_key_identifier_extension = true;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    named(&mut server, "kube-apiserver");
    let server = server.signed_by(&server_key, &authority)?;
    let account_key = KeyPair::generate()?;

    for (name, text) in [
        (CA, authority.pem()),
        (SERVER_CERTIFICATE, server.pem()),
        (SERVER_KEY, server_key.serialize_pem()),
        (ACCOUNT_KEY, account_key.serialize_pem()),
        (ACCOUNT_PUBLIC_KEY, account_key.public_key_pem()),
    ] {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
