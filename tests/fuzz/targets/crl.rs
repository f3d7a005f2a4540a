//! Any bytes as a revocation list, and its signature.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use whylencr::pki::cert::Serial;
use whylencr::pki::crl;
use whylencr::pki::verify::{Trust, verify_crl};
use whylencr::time::Timestamp;

static TRUST: LazyLock<Trust> = LazyLock::new(Trust::builtin);

fuzz_target!(|data: &[u8]| {
    if let Ok(list) = crl::open(data) {
        let _ = list.facts();
        let wanted = [Serial::new(&[3, 4, 5]), Serial::new(data.get(..18).unwrap_or(data))];
        let _ = list.find(&wanted[0]);
        let _ = list.find_all(&wanted);
    }
    let _ = verify_crl(data, &TRUST, Timestamp::EPOCH);
});
