//! Certificate and CRL files: PEM (RFC 7468) or plain DER.

use crate::pki::base64;
use crate::pki::der::{Reader, tag};

/// The DER certificates in a file, which may be PEM with any text between the blocks, or one or more DER
/// certificates one after the other. Blocks that are no Base64 are left out.
#[must_use]
pub fn certificates(file: &[u8]) -> Vec<Vec<u8>> {
    let blocks = blocks(file, |label| {
        matches!(
            label,
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE"
        )
    });
    if !blocks.is_empty() {
        return blocks;
    }
    Reader::new(file)
        .take_while(|tlv| tlv.tag == tag::SEQUENCE)
        .map(|tlv| tlv.whole.to_vec())
        .collect()
}

/// What PEM blocks with an accepted label hold.
pub(crate) fn blocks(file: &[u8], accept: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut inside: Option<(bool, Vec<u8>)> = None;
    for line in file.split(|b| *b == b'\n') {
        let line = line.trim_ascii();
        if let Some(label) = boundary(line, b"-----BEGIN ") {
            inside = Some((accept(label), Vec::new()));
        } else if boundary(line, b"-----END ").is_some() {
            if let Some((true, body)) = inside.take()
                && let Some(der) = base64::decode(body)
            {
                found.push(der);
            }
        } else if let Some((true, body)) = &mut inside {
            body.extend(line);
        }
    }
    found
}

fn boundary<'a>(line: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(prefix)?.strip_suffix(b"-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_text() {
        let file =
            b"# R3\r\n-----BEGIN CERTIFICATE-----\r\nMAMC\r\nAQU=\r\n-----END CERTIFICATE-----\r\n\
            -----BEGIN PRIVATE KEY-----\nMAMCAQU=\n-----END PRIVATE KEY-----\n\
            -----BEGIN CERTIFICATE-----\nMAMCAQY=\n-----END CERTIFICATE-----";
        let expected = [[0x30, 3, 2, 1, 5].to_vec(), [0x30, 3, 2, 1, 6].to_vec()];
        assert_eq!(certificates(file), expected);
    }

    #[test]
    fn der_files_hold_one_certificate_or_several() {
        let file = [0x30, 3, 2, 1, 5, 0x30, 3, 2, 1, 6];
        assert_eq!(
            certificates(&file),
            [file[..5].to_vec(), file[5..].to_vec()]
        );
        assert_eq!(certificates(b"hello"), Vec::<Vec<u8>>::new());
    }
}
