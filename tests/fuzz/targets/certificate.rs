//! Any bytes as a certificate, alone or in PEM or PKCS #7.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::pki::cert::Certificate;
use whylencr::pki::{issuer_certificates, pem};

fuzz_target!(|data: &[u8]| {
    let _ = Certificate::parse(data);
    let _ = pem::certificates(data);
    let _ = issuer_certificates(data);
});
