//! Packets that are only counted are told by a glance; everything comes out as if each was looked at in full.

use std::path::Path;

use whylencr::capture::{self, Item};
use whylencr::engine::Extractor;
use whylencr::limits::Limits;

use crate::packaged;

/// All that is told of a capture.
fn told(capture: &Path, mut extractor: Extractor) -> (Vec<String>, String) {
    let mut events = Vec::new();
    let mut tell = |extractor: &mut Extractor| {
        events.extend(extractor.events().map(|event| format!("{event:?}")));
    };
    let mut source = capture::open(capture).expect("a capture");
    while let Some(item) = source.next_item() {
        if let Item::Frame(frame) = item {
            extractor.push(frame);
            tell(&mut extractor);
        }
    }
    extractor.close();
    tell(&mut extractor);
    let coverage = format!("{:?}", extractor.coverage());
    (events, coverage)
}

#[test]
fn a_glance_tells_what_a_look_does() {
    let (mut captures, mut events) = (0, 0);
    let mut folders = vec![packaged("captures")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if capture::open(&path).is_ok() {
                let new = || Extractor::new(Limits::default());
                let (by_glance, in_full) =
                    (told(&path, new()), told(&path, new().without_glances()));
                assert!(by_glance == in_full, "{}", path.display());
                captures += 1;
                events += in_full.0.len();
            }
        }
    }
    assert!(
        captures > 100 && events > 10_000,
        "{captures} captures, {events} events"
    );
}
