//! Any bytes as a capture file, through the whole engine to a report.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whylencr::capture::{Item, Reader};
use whylencr::engine::{Config, Engine};
use whylencr::report::{self, Format, Options};

fuzz_target!(|data: &[u8]| {
    let Ok(mut reader) = Reader::new(data) else { return };
    let mut engine = Engine::new(Config { all_cas: true, ..Config::default() });
    while let Some(item) = reader.next_item() {
        match item {
            Item::Frame(frame) => engine.push(frame),
            Item::Secrets(lines) => {
                engine.secrets(lines);
            }
            Item::NameHint(hint) => engine.name_hint(hint),
            Item::Interface(_) | Item::Dropped(_) => {}
        }
    }
    let found = engine.finish();
    for format in [Format::Text, Format::Ndjson] {
        let mut out = Vec::new();
        report::write(format, &found, &Options::default(), &mut out).expect("memory does not fail");
    }
});
