//! Captures made to exhaust an analyser, small. `tests/bench/hostile.sh` measures the memory that large ones take.

use std::num::NonZeroUsize;

use whylencr::capture::{Item, Reader};
use whylencr::engine::{Config, Engine};
use whylencr::event::AnomalyKind;
use whylencr::finding::{Finding, LeftOut, Report};
use whylencr::limits::Limits;

use crate::hostile::scale::{self, Scale};
use crate::hostile::{self, Kind};

fn explain(kind: Kind, size: u64) -> Report {
    let mut bytes = Vec::new();
    hostile::write(kind, size, &mut bytes).expect("memory takes it");
    assert!(bytes.len() as u64 >= size);
    read(&bytes, Config::default())
}

fn read(mut bytes: &[u8], config: Config) -> Report {
    let mut reader = Reader::new(&mut bytes).expect("a capture");
    let mut engine = Engine::new(config);
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
        assert!(coverage.frames > 100, "{}", kind.name());
        assert!(
            coverage.undecoded.is_empty(),
            "{kind:?} {:?}",
            coverage.undecoded
        );
        let [tcp, udp] = coverage.flows;
        println!(
            "{kind:?} {tcp} {udp} {} {}",
            report.findings.len(),
            coverage.handshakes_clear
        );
        match kind {
            Kind::SynFlood => assert!(tcp > 6_000, "{tcp}"),
            Kind::TinySegments => assert_eq!(tcp, 2_000),
            // Lookups are no flows.
            Kind::EndlessNames => assert_eq!((tcp, udp), (0, 0)),
            Kind::HalfOpenTls => assert!(tcp > 300 && report.handshakes.is_empty(), "{tcp}"),
            Kind::HugeHellos | Kind::EndlessHeads => assert!(tcp > 5, "{tcp}"),
            Kind::QuicInitials | Kind::DtlsHellos => assert!(udp > 40, "{udp}"),
            Kind::NewCertificates => assert!(coverage.handshakes_clear > 3),
            Kind::LongRequests | Kind::HugeQuestions | Kind::HugeIssuers => {
                assert_eq!(report.findings.len(), tcp as usize);
            }
            Kind::WatchedNames => assert!(report.lookups.len() > 100),
            Kind::GzipBomb => {
                assert_eq!(report.findings.len(), tcp as usize);
                // What is not known to be whole is never inflated, and would bomb nothing.
                let broken = |f: &&Finding| f.answer.failure.is_some();
                assert_eq!(report.findings.iter().find(broken).map(|f| f.id), None);
            }
        }
    }
}

/// Half a thousand of each, so that the generator for large ones stays true.
#[test]
fn captures_large_in_one_way_are_explained() {
    for kind in Scale::ALL {
        let mut bytes = Vec::new();
        scale::write(kind, 500, &mut bytes).expect("memory takes it");
        let report = read(&bytes, Config::default());
        let (findings, [tcp, _]) = (report.findings.len(), report.coverage.flows);
        match kind {
            Scale::Flows => assert_eq!((findings, tcp), (0, 500), "{}", kind.name()),
            _ => assert_eq!((findings, tcp), (500, 2_000), "{}", kind.name()),
        }
        assert!(report.coverage.anomalies.is_empty(), "{kind:?}");
    }
}

/// A limit that bites ends what was read longest ago, says so, and leaves the rest as it is.
#[test]
fn readers_give_way_at_their_limit() {
    for kind in [Kind::HalfOpenTls, Kind::HugeHellos, Kind::QuicInitials] {
        let mut bytes = Vec::new();
        hostile::write(kind, 400_000, &mut bytes).expect("memory takes it");
        let mut config = Config::default();
        config.limits.readers_total = 64 << 10;
        let report = read(&bytes, config);
        let bitten = report.coverage.anomalies.get(&AnomalyKind::LimitReached);
        assert!(
            bitten.is_some_and(|times| *times > 4),
            "{kind:?} {bitten:?}"
        );
    }
}

/// Long before the cap on a body: each says that it was not read, and each is counted.
#[test]
fn bombs_are_given_up_by_their_ratio() {
    let mut bytes = Vec::new();
    hostile::write(Kind::GzipBomb, 400_000, &mut bytes).expect("memory takes it");
    let mut config = Config::default();
    config.limits.inflate_unproven = 128 << 10;
    let report = read(&bytes, config);
    let bitten = report.coverage.anomalies.get(&AnomalyKind::LimitReached);
    assert_eq!(bitten, Some(&(report.findings.len() as u64)));
    let unread = |f: &&Finding| f.answer.http_status == Some(200) && f.answer.crl.is_none();
    assert_eq!(
        report.findings.iter().filter(unread).count(),
        report.findings.len()
    );
}

/// What is remembered of handshakes and requests is bounded in bytes, not only in number.
#[test]
fn what_is_remembered_has_a_limit_in_bytes() {
    for kind in [
        Kind::NewCertificates,
        Kind::LongRequests,
        Kind::WatchedNames,
    ] {
        let mut bytes = Vec::new();
        hostile::write(kind, 400_000, &mut bytes).expect("memory takes it");
        let mut config = Config::default();
        config.limits.chains_total = 300 << 10;
        config.limits.log_total = 10 << 10;
        config.limits.names = 1_000;
        let report = read(&bytes, config);
        let bitten = report.coverage.anomalies.get(&AnomalyKind::LimitReached);
        assert!(
            bitten.is_some_and(|times| *times > 1),
            "{kind:?} {bitten:?}"
        );
        let kept = report.findings.len() + report.handshakes.len();
        assert!(kept > 0, "{kind:?}");
    }
}

/// A report of very many findings describes fewer candidates of each and counts the others; the verdicts stay
/// what they are.
#[test]
fn what_a_report_has_no_room_to_describe_is_counted() {
    let mut bytes = Vec::new();
    scale::write(Scale::Dense, 2_000, &mut bytes).expect("memory takes it");
    let whole = read(&bytes, Config::default());
    let mut config = Config::default();
    config.limits.candidates_total = 100;
    let short = read(&bytes, config);
    assert_eq!(whole.findings.len(), short.findings.len());
    let mut left_out = 0;
    for (all, some) in whole.findings.iter().zip(&short.findings) {
        let counts = |f: &Finding| {
            let LeftOut {
                candidates,
                rejected,
            } = f.left_out;
            let described = [f.candidates.len() as u64, f.rejected.len() as u64];
            [described[0] + candidates, described[1] + rejected]
        };
        assert_eq!(all.left_out, LeftOut::default());
        assert_eq!(counts(all), counts(some));
        assert_eq!(
            (
                all.verdict.outcome,
                all.verdict.confidence,
                &all.verdict.site
            ),
            (
                some.verdict.outcome,
                some.verdict.confidence,
                &some.verdict.site
            )
        );
        left_out += some.left_out.rejected;
    }
    assert!(left_out > 100, "{left_out}");
}

#[test]
fn contacts_shared_out_to_threads_come_to_the_same() {
    let mut capture = Vec::new();
    scale::write(Scale::Dense, 400, &mut capture).expect("memory takes it");
    for handshakes in [Limits::default().handshakes, 300] {
        let of = |threads: usize| {
            let mut config = Config::default();
            // Fewer than there are, so that some contacts are ruled on early.
            config.limits.handshakes = handshakes;
            config.threads = NonZeroUsize::new(threads).expect("some");
            let report = read(&capture, config);
            assert_eq!(report.findings.len(), 400);
            format!("{:#?} {:#?}", report.findings, report.around)
        };
        let one = of(1);
        assert!(one.contains("Proven") && one.contains("inside-handshake"));
        for threads in [2, 5] {
            assert!(of(threads) == one, "{threads} of {handshakes}");
        }
    }
}
