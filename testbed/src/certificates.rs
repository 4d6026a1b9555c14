//! The keys and certificates of one control plane.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// The files in the folder of a control plane.
pub(crate) const CA: &str = "ca.crt";
pub(crate) const SERVER_CERTIFICATE: &str = "server.crt";
pub(crate) const SERVER_KEY: &str = "server.key";
pub(crate) const ACCOUNT_KEY: &str = "service-account.key";
pub(crate) const ACCOUNT_PUBLIC_KEY: &str = "service-account.pub";
pub(crate) const KUBELET_CLIENT_CERTIFICATE: &str = "kubelet-client.crt";
pub(crate) const KUBELET_CLIENT_KEY: &str = "kubelet-client.key";

/// Why the keys and certificates could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A key or certificate could not be generated.
    #[error("a key or certificate could not be made")]
    Make(#[from] rcgen::Error),
    /// A file could not be written.
    #[error("a key or certificate could not be written")]
    Write(#[from] std::io::Error),
}

/// Gives a certificate its own common name. OpenSSL treats a certificate with the name of its issuer as
/// self-signed, and rejects it.
fn named(certificate: &mut CertificateParams, name: &str) {
    certificate
        .distinguished_name
        .push(DnType::CommonName, name);
}

/// Writes the certificate of a new CA, the API server's certificate for loopback and these addresses, its
/// client certificate for kubelets, and the key that signs service account tokens.
///
/// It does not write the CA's key, so nobody can sign further certificates.
pub(crate) fn write(folder: &Path, addresses: &[String]) -> Result<(), CertificateError> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    named(&mut authority, "testbed CA");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
    let server_key = KeyPair::generate()?;
    let mut server = CertificateParams::new([&names[..], addresses].concat())?;
    server.use_authority_key_identifier_extension = true;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    named(&mut server, "kube-apiserver");
    let server = server.signed_by(&server_key, &authority)?;
    let client_key = KeyPair::generate()?;
    let mut client = CertificateParams::new(Vec::new())?;
    client.use_authority_key_identifier_extension = true;
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    named(&mut client, "kube-apiserver-kubelet-client");
    // The kubelet asks the API server what this user may do. The group `system:masters` may do everything.
    client
        .distinguished_name
        .push(DnType::OrganizationName, "system:masters");
    let client = client.signed_by(&client_key, &authority)?;
    let account_key = KeyPair::generate()?;

    for (name, text) in [
        (CA, authority.pem()),
        (SERVER_CERTIFICATE, server.pem()),
        (SERVER_KEY, server_key.serialize_pem()),
        (KUBELET_CLIENT_CERTIFICATE, client.pem()),
        (KUBELET_CLIENT_KEY, client_key.serialize_pem()),
        (ACCOUNT_KEY, account_key.serialize_pem()),
        (ACCOUNT_PUBLIC_KEY, account_key.public_key_pem()),
    ] {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}
