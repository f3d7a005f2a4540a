//! Any bytes as a revocation list.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::pki::cert::Serial;
use whylencr::pki::crl;

fuzz_target!(|data: &[u8]| {
    if let Ok(list) = crl::open(data) {
        let _ = list.facts();
        let wanted = [Serial::new(&[3, 4, 5]), Serial::new(data.get(..18).unwrap_or(data))];
        let _ = list.find(&wanted[0]);
        let _ = list.find_all(&wanted);
    }
});
