//! Any text as a host name, a path, a filter expression.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::filter::Filter;
use whylencr::pki::{endpoint, lookalike};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (name, path) = text.split_once('/').unwrap_or((text, ""));
    if let Some(role) = endpoint::host_role(name) {
        let _ = endpoint::path_role(&role, "GET", path);
    }
    let _ = lookalike::look_alike(name);
    let _ = Filter::parse(text);
});
