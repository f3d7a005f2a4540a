//! Any bytes as an OCSP request, a response, or the path of a GET.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use whylencr::pki::ocsp;
use whylencr::pki::verify::{Trust, verify_ocsp};
use whylencr::time::Timestamp;

static TRUST: LazyLock<Trust> = LazyLock::new(Trust::builtin);

fuzz_target!(|data: &[u8]| {
    let _ = ocsp::parse_request(data);
    if let Ok(response) = ocsp::parse_response(data) {
        let _ = verify_ocsp(data, &response, &TRUST, Timestamp::EPOCH);
    }
    if let Ok(path) = std::str::from_utf8(data) {
        let _ = ocsp::request_of_path(path);
    }
});
