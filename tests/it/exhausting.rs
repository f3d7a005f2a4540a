//! Captures made to exhaust an analyser, small. `tests/bench/hostile.sh` measures the memory that large ones take.

use whylencr::capture::{Item, Reader};
use whylencr::engine::{Config, Engine};
use whylencr::finding::{Finding, Report};

use crate::hostile::{self, Kind};

fn explain(kind: Kind, size: u64) -> Report {
    let mut bytes = Vec::new();
    hostile::write(kind, size, &mut bytes).expect("memory takes it");
    assert!(bytes.len() as u64 >= size);
    let mut reader = Reader::new(bytes.as_slice()).expect("a capture");
    let mut engine = Engine::new(Config::default());
    while let Some(item) = reader.next_item() {
        if let Item::Frame(frame) = item {
            engine.push(frame);
        }
    }
    assert!(
        reader
            .ended()
            .is_some_and(whylencr::capture::Ended::is_clean)
    );
    engine.finish()
}

#[test]
fn captures_made_to_exhaust_end_in_a_report() {
    for kind in Kind::ALL {
        let report = explain(kind, 400_000);
        let coverage = &report.coverage;
        assert!(coverage.frames > 200, "{}", kind.name());
        assert!(
            coverage.undecoded.is_empty(),
            "{kind:?} {:?}",
            coverage.undecoded
        );
        let [tcp, udp] = coverage.flows;
        match kind {
            Kind::SynFlood => assert!(tcp > 6_000, "{tcp}"),
            Kind::TinySegments => assert_eq!(tcp, 2_000),
            // Lookups are no flows.
            Kind::EndlessNames => assert_eq!((tcp, udp), (0, 0)),
            Kind::HalfOpenTls => assert!(tcp > 300 && report.handshakes.is_empty(), "{tcp}"),
            Kind::GzipBomb => {
                assert_eq!(report.findings.len(), tcp as usize);
                // What is not known to be whole is never inflated, and would bomb nothing.
                let broken = |f: &&Finding| f.answer.failure.is_some();
                assert_eq!(report.findings.iter().find(broken).map(|f| f.id), None);
            }
        }
    }
}
