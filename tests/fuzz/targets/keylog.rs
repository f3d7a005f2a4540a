//! Any bytes as a key log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::engine::{Config, Engine};

fuzz_target!(|data: &[u8]| {
    Engine::new(Config::default()).secrets(data);
});
