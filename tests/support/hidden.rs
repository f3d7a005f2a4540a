//! What would be said of a labelled capture had some of its sites spoken TLS 1.3: their certificates are taken out of
//! the events before correlation sees them.

#![expect(
    unreachable_pub,
    clippy::expect_used,
    reason = "shared by the scoreboard and its test"
)]

use foldhash::HashSet;
use whylencr::capture::{self, Item};
use whylencr::event::{Event, EventKind};
use whylencr::finding::Report;
use whylencr::flow::FlowId;

use crate::score::{Labelled, prepared};

/// TLS 1.3, whose certificates are encrypted (RFC 8446 4.4.2).
const HIDES: u16 = 0x0304;

/// Explains a capture without the certificates of about `percent` of its sites; which, the `seed` decides.
/// What only times tell then is marked so in the truth.
pub fn explain(capture: &mut Labelled, percent: u64, seed: u64) -> Report {
    let hides = |site: &str| draw(site, seed) < percent;
    let (mut extractor, mut correlator) = prepared(capture).into_parts();
    let mut source = capture::open(&capture.path).expect("a readable capture");
    while let Some(item) = source.next_item() {
        match item {
            Item::Frame(frame) => extractor.push(frame),
            Item::Secrets(lines) => {
                extractor.secrets(lines);
            }
            Item::NameHint(hint) => extractor.name_hint(hint),
            Item::Interface(_) | Item::Dropped(_) => {}
        }
    }
    extractor.close();
    let events = extractor.take_events();
    let of_hidden = |event: &Event| match &event.kind {
        EventKind::ClientHello(hello) => hello.sni.as_ref().is_some_and(|n| hides(n.as_str())),
        _ => false,
    };
    let hidden: HashSet<FlowId> = events
        .iter()
        .filter(|e| of_hidden(e))
        .map(|e| e.flow)
        .collect();
    for mut event in events {
        if hidden.contains(&event.flow) {
            match &mut event.kind {
                EventKind::Chain(_) | EventKind::Staple(_) | EventKind::CertificateRequest => {
                    continue;
                }
                EventKind::ServerHello(hello) => hello.version = HIDES,
                _ => {}
            }
        }
        correlator.ingest(event);
    }
    for fetch in &mut capture.fetches {
        if fetch.expected.as_deref().is_some_and(hides) {
            fetch.proof = "timing".to_owned();
        }
    }
    correlator.report(extractor.coverage())
}

/// 0 to 99, the same for the same site and seed (FNV-1a).
fn draw(site: &str, seed: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    (site.bytes().fold(start, mix) >> 20) % 100
}
