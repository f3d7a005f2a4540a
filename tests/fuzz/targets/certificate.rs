//! Any bytes as a certificate, alone or in PEM or PKCS #7, and its signature.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use whylencr::pki::cert::Certificate;
use whylencr::pki::verify::{Trust, verify_certificate};
use whylencr::pki::{issuer_certificates, pem};

static TRUST: LazyLock<Trust> = LazyLock::new(Trust::builtin);

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::parse(data) {
        let _ = verify_certificate(&certificate, &TRUST);
    }
    let _ = pem::certificates(data);
    let _ = issuer_certificates(data);
});
