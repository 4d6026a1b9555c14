//! Reads a PEM bundle of CA certificates. No I/O.
//!
//! Companies collect such bundles over years. One bad certificate in it must not stop the operator,
//! so each block is read on its own, and skipped with its line and the reason if it is not usable.
//! rustls's own PEM reader stops at a block without an end, and names no lines.

use std::collections::HashSet;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const CERTIFICATE: &str = "CERTIFICATE";

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// How many different certificates were added.
    pub(super) added: usize,
    /// The blocks that were skipped, each with its place and the reason.
    pub(super) skipped: Vec<String>,
}

/// A block from its BEGIN to its END line.
struct Block<'a> {
    /// The line of its BEGIN, counted from 1.
    line: usize,
    label: &'a str,
    text: String,
    ends: bool,
}

/// Adds each usable certificate of a bundle.
pub(super) fn add(roots: &mut RootCertStore, pem: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(pem);
    let mut outcome = Outcome::default();
    let mut seen = HashSet::new();
    let mut certificates = 0;
    for block in blocks(&text) {
        certificates += usize::from(block.label == CERTIFICATE);
        match block.certificate() {
            Ok(der) if seen.contains(&der) => {}
            Ok(der) => match roots.add(der.clone()) {
                Ok(()) => {
                    outcome.added += 1;
                    seen.insert(der);
                }
                Err(error) => outcome.skip(&block, certificates, &error.to_string()),
            },
            Err(why) => outcome.skip(&block, certificates, &why),
        }
    }
    if certificates == 0 && outcome.skipped.is_empty() {
        let why = match pem.first() {
            None => "the file is empty",
            // The tag of a SEQUENCE, with which a certificate in DER begins.
            Some(0x30) => {
                "the file is DER; convert it with: openssl x509 -inform der -in FILE -out ca.pem"
            }
            Some(_) => "the file has no line -----BEGIN CERTIFICATE-----, so it is not PEM",
        };
        outcome.skipped.push(why.to_owned());
    }
    outcome
}

impl Outcome {
    fn skip(&mut self, block: &Block<'_>, nth: usize, why: &str) {
        let what = match block.label {
            CERTIFICATE => format!("certificate {nth}"),
            label => label.to_lowercase(),
        };
        self.skipped
            .push(format!("{what} at line {}: {why}", block.line));
    }
}

impl Block<'_> {
    fn certificate(&self) -> Result<CertificateDer<'static>, String> {
        match self.label {
            CERTIFICATE if !self.ends => Err("its END line is missing".to_owned()),
            CERTIFICATE => CertificateDer::from_pem_slice(self.text.as_bytes())
                .map_err(|_| "it is not base64 between its BEGIN and END lines".to_owned()),
            label if label.ends_with("PRIVATE KEY") => Err(
                "a private key does not belong into a CA bundle; remove it, and treat it as leaked \
                 if the bundle was public"
                    .to_owned(),
            ),
            _ => Err("it is not a CERTIFICATE".to_owned()),
        }
    }
}

/// All blocks, whatever is between them.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    let lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    for (line, number) in lines.map(|(line, number)| (line.trim(), number)) {
        if let Some(label) = label(line, BEGIN) {
            blocks.push(Block {
                line: number,
                label,
                text: String::new(),
                ends: false,
            });
            open = true;
        }
        let Some(block) = blocks.last_mut().filter(|_| open) else {
            continue;
        };
        block.text.push_str(line);
        block.text.push('\n');
        if label(line, END).is_some_and(|label| label == block.label) {
            block.ends = true;
            open = false;
        }
    }
    blocks
}

fn label<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix(DASHES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(name: &str) -> String {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        made.cert.pem()
    }

    fn added(pem: &str) -> Outcome {
        add(&mut RootCertStore::empty(), pem.as_bytes())
    }

    const NO_DER: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const NO_BASE64: &str = "-----BEGIN CERTIFICATE-----\n*!*\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n";

    #[test]
    fn a_bad_certificate_is_skipped_with_its_place() {
        let (first, last) = (certificate("a.example"), certificate("b.example"));
        let line = first.lines().count() + 1;
        for (odd, what) in [
            (NO_DER, format!("certificate 2 at line {line}: ")),
            (
                NO_BASE64,
                format!("certificate 2 at line {line}: it is not base64"),
            ),
            (
                KEY,
                format!("private key at line {line}: a private key does not belong"),
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n",
                format!("certificate 2 at line {line}: its END line is missing"),
            ),
        ] {
            let outcome = added(&format!("{first}{odd}{last}"));
            assert_eq!(outcome.added, 2, "{odd}");
            assert_eq!(outcome.skipped.len(), 1, "{outcome:?}");
            assert!(outcome.skipped[0].starts_with(&what), "{outcome:?}");
        }
    }

    /// Truncated DER, which rustls rejects.
    #[test]
    fn a_certificate_with_bad_der_is_skipped() {
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let mut der = made.cert.der().to_vec();
        der.truncate(der.len() / 2);
        let body = data_encoding::BASE64.encode(&der);
        let broken = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        let outcome = added(&format!("{broken}{}", made.cert.pem()));
        assert_eq!(outcome.added, 1, "{outcome:?}");
        assert!(
            outcome.skipped[0].starts_with("certificate 1 at line 1: "),
            "{outcome:?}"
        );
    }

    /// The most common oddity of old roots.
    #[test]
    fn a_negative_serial_number_is_accepted() {
        let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.serial_number = Some(vec![0x11; 8].into());
        let key = rcgen::KeyPair::generate().unwrap();
        let mut der = params.self_signed(&key).unwrap().der().to_vec();
        let serial = [2, 8, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11];
        let place = der.windows(serial.len()).position(|it| it == serial);
        der[place.unwrap() + 2] = 0x91;
        let body = data_encoding::BASE64.encode(&der);
        let negative = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        let outcome = added(&format!("{}{negative}", certificate("b.example")));
        assert_eq!(
            (outcome.added, outcome.skipped.len()),
            (2, 0),
            "{outcome:?}"
        );
    }

    #[test]
    fn text_between_the_certificates_is_ignored() {
        let (first, last) = (certificate("a.example"), certificate("b.example"));
        let bundle = format!("\u{feff}# Root of the company\n{first}\n\nsubject=b\n{last}{first}");
        for bundle in [bundle.clone(), bundle.replace('\n', "\r\n")] {
            let outcome = added(&bundle);
            assert_eq!(
                (outcome.added, outcome.skipped.len()),
                (2, 0),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn a_file_without_a_usable_certificate_says_why() {
        for (bundle, why) in [
            (&b""[..], "the file is empty"),
            (
                b"not PEM at all",
                "the file has no line -----BEGIN CERTIFICATE-----",
            ),
            (b"\x30\x82\x01\x02", "the file is DER; convert it"),
            (NO_DER.as_bytes(), "certificate 1 at line 1: "),
            (KEY.as_bytes(), "private key at line 1: "),
        ] {
            let outcome = add(&mut RootCertStore::empty(), bundle);
            assert_eq!(outcome.added, 0);
            assert!(outcome.skipped[0].starts_with(why), "{outcome:?}");
        }
    }

    /// A private key in the bundle is not quoted.
    #[test]
    fn nothing_of_a_block_is_shown() {
        let outcome = added(KEY);
        assert!(!format!("{outcome:?}").contains("MC4CAQAw"), "{outcome:?}");
    }
}
