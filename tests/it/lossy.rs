//! What a capture lacks is no sign of an attack: frames that were not captured, or not to their end, raise no alert.

use std::collections::BTreeSet;

use whylencr::capture::{self, Item};
use whylencr::engine::{Config, Engine};
use whylencr::finding::{Report, Severity};
use whylencr::frame::{Frame, FrameNo, InterfaceId, LinkType};
use whylencr::time::Timestamp;

use crate::packaged;

/// A frame of a capture, to be captured worse.
#[derive(Clone)]
struct Kept {
    at: Timestamp,
    link: LinkType,
    wire_len: u32,
    bytes: Vec<u8>,
}

fn frames(capture: &str) -> Vec<Kept> {
    let mut source = capture::open(&packaged(capture)).expect("a readable capture");
    let mut kept = Vec::new();
    while let Some(item) = source.next_item() {
        if let Item::Frame(frame) = item {
            kept.push(Kept {
                at: frame.at,
                link: frame.link,
                wire_len: frame.wire_len,
                bytes: frame.bytes.to_vec(),
            });
        }
    }
    kept
}

fn explain<'f>(frames: impl Iterator<Item = &'f Kept>) -> Report {
    let mut engine = Engine::new(Config::default());
    for (no, frame) in frames.enumerate() {
        engine.push(Frame {
            no: FrameNo(no as u64 + 1),
            at: frame.at,
            link: frame.link,
            interface: InterfaceId(0),
            wire_len: frame.wire_len,
            crossing: None,
            comment: None,
            bytes: &frame.bytes,
        });
    }
    engine.finish()
}

/// Alerts that need more than a look.
fn alarms(report: &Report) -> BTreeSet<&'static str> {
    let alerts = report.findings.iter().flat_map(|f| &f.alerts);
    let grave = alerts.filter(|alert| alert.severity >= Severity::Medium);
    grave
        .map(|alert| alert.rule)
        // The lab's CA is not given here: that its signatures cannot be verified is true.
        .filter(|rule| *rule != "unverifiable-signature")
        .collect()
}

/// Several questions on one connection: which answer belongs to which is told by what they are about where the order does not.
#[test]
fn a_lost_frame_is_no_wrong_answer() {
    let all = frames("captures/lab/09b-keepalive-several-ocsp-one-connection.pcap");
    assert_eq!(alarms(&explain(all.iter())), BTreeSet::new());
    for lost in 0..all.len() {
        for and in [1, 2, 4] {
            let kept = all.iter().enumerate();
            let kept = kept.filter(|(at, _)| !(lost..lost + and).contains(at));
            let report = explain(kept.map(|(_, frame)| frame));
            let alarms = alarms(&report);
            assert_eq!(alarms, BTreeSet::new(), "without {and} from {}", lost + 1);
        }
    }
}

/// A snap length cuts answers of DNS behind their aliases and bodies behind their heads; names may have been known before.
#[test]
fn a_snap_length_is_no_disguise() {
    let of_lencr = |frame: &&Kept| frame.bytes.windows(10).any(|w| w == b"\x05lencr\x03org");
    for capture in [
        "captures/lab/01a-firefox-ocsp-tls12.pcap",
        "captures/lab/04b-java-crl.pcap",
        "captures/lab/05c-openssl-crl_download.pcap",
        "captures/lab/09b-keepalive-several-ocsp-one-connection.pcap",
    ] {
        for snap in [96, 128, 160, 200, 220, 300, 400, 600] {
            let mut all = frames(capture);
            all.iter_mut().for_each(|frame| frame.bytes.truncate(snap));
            assert_eq!(
                alarms(&explain(all.iter())),
                BTreeSet::new(),
                "{capture} {snap}"
            );
            let unnamed = all.iter().filter(|frame| !of_lencr(frame));
            assert_eq!(
                alarms(&explain(unnamed)),
                BTreeSet::new(),
                "{capture} {snap}"
            );
        }
    }
}
