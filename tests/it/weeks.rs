//! A capture that does not end: the same day again and again, each explained like the first, and nothing kept of those
//! before, or no more than there is room for.

use std::collections::BTreeMap;
use std::fs;

use whylencr::capture::{Item, Reader};
use whylencr::engine::{Config, Engine};
use whylencr::finding::{Confidence, Finding, Missing, Report};
use whylencr::frame::FrameNo;
use whylencr::limits::Limits;
use whylencr::time::{Span, Timestamp};

const APART: i64 = 3 * 86_400;

/// What is said of each contact of a day, by what it is told apart by, and the end of that day.
fn day(
    engine: &mut Engine,
    capture: &[u8],
    number: i64,
) -> (BTreeMap<String, (Confidence, Option<String>)>, Timestamp) {
    let later = Span::from_secs(number * APART);
    let mut reader = Reader::new(capture).expect("a capture");
    let mut last = Timestamp::EPOCH;
    while let Some(item) = reader.next_item() {
        if let Item::Frame(mut frame) = item {
            frame.at = frame.at.plus(later);
            frame.no = FrameNo::new(frame.no.get() + 1_000_000 * number.unsigned_abs());
            last = frame.at;
            engine.push(frame);
        }
    }
    let report = engine.report();
    let from = last.minus(Span::from_secs(3_600));
    let today = report.findings.iter().filter(|f| f.at > from);
    let said = today.map(|f| {
        let contact = format!(
            "{} {:?} {:?} {:?}",
            f.host, f.client.ip, f.client.port, f.url
        );
        (contact, (f.verdict.confidence, f.verdict.site.clone()))
    });
    (said.collect(), last)
}

#[test]
fn days_are_explained_alike_and_forgotten() {
    let capture = fs::read(crate::packaged("captures/gen/mix3.pcap")).expect("a bundled capture");
    let mut engine = Engine::new(Config::default());
    let (first, mut end) = day(&mut engine, &capture, 0);
    let handshakes = engine.handshakes().len();
    assert!(first.len() > 5 && handshakes > 20, "{first:?}");
    for number in 1..6 {
        // As a sensor does: long after, when nothing can rest on it any more.
        engine.forget(end.plus(Span::from_secs(7_200)));
        let empty = engine.report();
        assert_eq!((empty.findings.len(), empty.lookups.len()), (0, 0));
        assert_eq!(engine.handshakes().len(), 0);

        let (said, ended) = day(&mut engine, &capture, number);
        end = ended;
        let new: Vec<_> = said.keys().filter(|c| !first.contains_key(*c)).collect();
        assert_eq!(new, Vec::<&String>::new());
        for (contact, (confidence, site)) in &first {
            let (now, again) = &said[contact];
            assert!(
                now >= confidence && (site.is_none() || again == site),
                "{contact}: {confidence:?} {site:?}, later {now:?} {again:?}"
            );
        }
        assert_eq!(engine.handshakes().len(), handshakes);
        let coverage = |report: Report| {
            let c = report.coverage;
            c.handshakes_clear + c.handshakes_hidden + c.handshakes_resumed + c.handshakes_keys
        };
        // What is forgotten still counts.
        let days = number.unsigned_abs() + 1;
        assert_eq!(coverage(engine.report()), days * handshakes as u64);
    }
}

#[test]
fn what_is_young_outlives_forgetting() {
    let capture = fs::read(crate::packaged("captures/gen/mix3.pcap")).expect("a bundled capture");
    let mut engine = Engine::new(Config::default());
    let (first, end) = day(&mut engine, &capture, 0);
    engine.forget(end.minus(Span::from_secs(3_600)));
    let all = engine.report().findings.len();
    assert_eq!(all, first.len());
    // Half of the contacts go; what the others rest on stays.
    let middle = engine.report().findings[all / 2].at;
    engine.forget(middle);
    let rest = engine.report();
    assert_eq!(rest.findings.len(), all - all / 2);
    for finding in &rest.findings {
        let contact = format!(
            "{} {:?} {:?} {:?}",
            finding.host, finding.client.ip, finding.client.port, finding.url
        );
        assert_eq!(first[&contact].1, finding.verdict.site, "{contact}");
    }
}

/// Contacts by their host, client and time.
fn by_contact(report: &Report) -> BTreeMap<String, &Finding> {
    let findings = report.findings.iter();
    findings
        .map(|f| {
            (
                format!(
                    "{} {:?} {:?} {:?}",
                    f.host, f.client.ip, f.client.port, f.at
                ),
                f,
            )
        })
        .collect()
}

#[test]
fn what_does_not_fit_is_explained_before_it_is_forgotten() {
    let capture = fs::read(crate::packaged("captures/gen/mix3.pcap")).expect("a bundled capture");
    let play = |limits: Limits| {
        let mut engine = Engine::new(Config {
            limits,
            ..Config::default()
        });
        for number in 0..6 {
            day(&mut engine, &capture, number);
        }
        engine.finish()
    };
    let all = play(Limits::default());
    let room = all.handshakes.len().max(60) / 3;
    let mut few = Limits::default();
    few.handshakes = room;
    let some = play(few);
    assert!(some.coverage.handshakes > 3 * room as u64);
    assert_eq!(
        (
            some.coverage.handshakes_clear,
            some.coverage.handshakes_hidden
        ),
        (
            all.coverage.handshakes_clear,
            all.coverage.handshakes_hidden
        )
    );
    let (all, some) = (by_contact(&all), by_contact(&some));
    assert!(all.keys().eq(some.keys()));
    let mut lower = 0;
    for (contact, there) in &all {
        let (there, here) = (&there.verdict, &some[contact].verdict);
        assert_eq!(here.site, there.site, "{contact}");
        assert!(here.confidence <= there.confidence, "{contact}");
        if here.confidence < there.confidence {
            lower += 1;
            assert!(here.missing.contains(&Missing::ShorterCapture), "{contact}");
        }
    }
    assert!(lower < all.len() / 4, "{lower} of {}", all.len());
}

#[test]
fn where_a_limit_was_reached_findings_say_so() {
    let capture = fs::read(crate::packaged("captures/gen/mix3.pcap")).expect("a bundled capture");
    let wanting = |limits: Limits| {
        let mut engine = Engine::new(Config {
            limits,
            ..Config::default()
        });
        day(&mut engine, &capture, 0);
        let report = engine.finish();
        let is_open = |f: &&Finding| f.verdict.confidence < Confidence::Strong;
        let open: Vec<&Finding> = report.findings.iter().filter(is_open).collect();
        let says = |f: &&&Finding| f.verdict.missing.contains(&Missing::ShorterCapture);
        (open.iter().filter(says).count(), open.len())
    };
    let (none, few) = wanting(Limits::default());
    assert_eq!(none, 0);
    let mut narrow = Limits::default();
    // Less than a chain takes.
    narrow.tls_message = 1_000;
    let (some, more) = wanting(narrow);
    assert!(
        few < more && some >= more - few,
        "{some} of {more}, before {few}"
    );
}
