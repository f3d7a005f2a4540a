//! Every labelled capture against its truth. The figures here are the least that is accepted: raise them when
//! they get better.
//!
//! Each capture is explained by an engine of its own, so taking one away changes nothing about the others.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use whylencr::event::AnomalyKind;
use whylencr::finding::{Confidence, Report};
use whylencr::report::{self, Format, Options};

use crate::hidden;
use crate::packaged;
use crate::schema::Schemas;
use crate::score::{Board, Labelled, Result, explain, labelled};

static EXPLAINED: LazyLock<Vec<(Labelled, Report)>> = LazyLock::new(|| {
    let all = labelled(&packaged("captures"));
    all.into_iter()
        .map(|c| (explain(&c), c))
        .map(|(r, c)| (c, r))
        .collect()
});

#[test]
fn no_worse_than_before() {
    let mut board = Board::default();
    for (capture, report) in EXPLAINED.iter() {
        board.add(capture, report);
    }
    let summary = board.summary();
    let at_least = |share: f64, right: usize, of: usize, what: &str| {
        let reached = right as f64 / of.max(1) as f64;
        assert!(reached >= share, "{what}: {right} of {of}\n{summary}");
    };
    let total = board.lines.len();
    assert_eq!(total, 106, "the labelled fetches");
    assert_eq!(board.count(|l| l.result == Result::Missed), 0, "{summary}");
    let wrong = |l: &crate::score::Line| {
        l.result == Result::Wrong && l.confidence > Some(Confidence::Possible)
    };
    assert_eq!(board.count(wrong), 0, "{summary}");
    for (word, share) in [
        (Confidence::Proven, 1.0),
        (Confidence::Strong, 0.97),
        (Confidence::Likely, 0.85),
    ] {
        let said =
            |l: &crate::score::Line| l.confidence == Some(word) && l.result != Result::Declined;
        let right =
            |l: &crate::score::Line| said(l) && matches!(l.result, Result::Right | Result::Listed);
        at_least(
            share,
            board.count(right),
            board.count(said),
            &format!("{word:?}"),
        );
    }
    let proven = |proof: &'static str| {
        move |l: &crate::score::Line| l.proof == proof && l.confidence == Some(Confidence::Proven)
    };
    assert_eq!(
        board.count(proven("serial")),
        board.count(|l| l.proof == "serial"),
        "{summary}"
    );
    assert!(board.count(proven("crldp")) >= 21, "{summary}");
    assert!(board.count(proven("aia")) >= 4, "{summary}");
    let by_timing = |l: &crate::score::Line| {
        l.proof == "timing" && matches!(l.result, Result::Right | Result::Listed)
    };
    at_least(
        1.0,
        board.count(by_timing),
        board.count(|l| l.proof == "timing"),
        "timing",
    );
    let named = board.count(|l| l.proof == "timing" && l.result == Result::Right);
    assert!(named >= 20, "{named} named by timing\n{summary}");
    at_least(
        0.93,
        board.count(|l| l.cause_right == Some(true)),
        total,
        "causes",
    );
    assert!(board.extra.len() <= 5, "{:#?}", board.extra);
    assert!(board.false_alarms.is_empty(), "{:#?}", board.false_alarms);
}

/// The rules raised for one finding, with its host.
type Raised = (&'static str, &'static [&'static str]);

/// Captures made to raise alerts, and all that they may raise, in order.
const RAISED: &[(&str, &[Raised])] = &[
    (
        "12-nxdomain-fail-open",
        &[("r10.o.lencr.org", &["lookup-failed", "ocsp-after-shutdown"])],
    ),
    (
        "12b-nxdomain-java-hard-fail",
        &[("x1.c.lencr.org", &["lookup-failed"])],
    ),
    (
        "13a-host-header-to-unrelated-ip",
        &[
            (
                "r3.o.lencr.org",
                &["address-not-from-dns", "odd-path", "ocsp-after-shutdown"],
            ),
            (
                "r3.o.lencr.org",
                &[
                    "address-not-from-dns",
                    "not-a-question",
                    "ocsp-after-shutdown",
                ],
            ),
        ],
    ),
    (
        "13b-look-alike-domains",
        &[
            ("r3.o.lencr.org.evil.example", &["look-alike-name"]),
            ("o.lencr.org.cdn-evil.test", &["look-alike-name"]),
            ("xlencr.org", &["look-alike-name"]),
        ],
    ),
    (
        "14a-firefox-revoked",
        &[
            ("r10.o.lencr.org", &["revoked", "ocsp-after-shutdown"]),
            ("r10.o.lencr.org", &["revoked", "ocsp-after-shutdown"]),
        ],
    ),
    (
        "14b-java-crl-revoked",
        &[("x1.c.lencr.org", &[]), ("r10.c.lencr.org", &["revoked"])],
    ),
    (
        "20-must-staple-without-staple",
        &[(
            "r10.o.lencr.org",
            &["must-staple-without-staple", "ocsp-after-shutdown"],
        )],
    ),
];

#[test]
fn captures_made_for_alerts_raise_exactly_theirs() {
    for (name, wanted) in RAISED {
        let found = EXPLAINED
            .iter()
            .find(|(c, _)| c.name.contains(&format!("/{name}.")));
        let (capture, report) = found.expect("the capture is there");
        let raised: Vec<(&str, Vec<&str>)> = report
            .findings
            .iter()
            .map(|f| (f.host.as_str(), f.alerts.iter().map(|a| a.rule).collect()))
            .collect();
        let wanted: Vec<(&str, Vec<&str>)> = wanted
            .iter()
            .map(|(host, rules)| (*host, rules.to_vec()))
            .collect();
        assert_eq!(raised, wanted, "{}", capture.name);
        assert!(
            report.alerts.is_empty(),
            "{}: {:?}",
            capture.name,
            report.alerts
        );
    }
}

/// Most sites speak TLS 1.3 by now. Whatever part of the certificates is hidden, what is called proven or
/// strong is right, and hardly a wrong site is named.
#[test]
fn fewer_certificates_make_no_wrong_proof() {
    for percent in [40, 100] {
        let mut board = Board::default();
        for mut capture in labelled(&packaged("captures")) {
            let report = hidden::explain(&mut capture, percent, 1);
            board.add(&capture, &report);
        }
        let summary = board.summary();
        assert_eq!(board.lines.len(), 106, "the labelled fetches");
        let wrong = |least: Confidence| {
            board.count(|l| l.result == Result::Wrong && l.confidence >= Some(least))
        };
        assert_eq!(wrong(Confidence::Strong), 0, "{summary}");
        assert!(wrong(Confidence::Likely) <= 1, "{summary}");
        let proven = board.count(|l| l.confidence == Some(Confidence::Proven));
        assert_eq!(proven > 0, percent < 100, "{summary}");
        assert_eq!(board.count(|l| l.result == Result::Missed), 0, "{summary}");
    }
}

#[test]
fn records_obey_their_schema_and_two_runs_agree() {
    let schemas = Schemas::load();
    for (capture, report) in EXPLAINED.iter() {
        let lines = ndjson(report);
        for line in lines.lines() {
            let record = serde_json::from_str(line).expect("JSON");
            schemas
                .check(&schemas.finding, &schemas.finding, &record, "finding")
                .unwrap_or_else(|what| panic!("{}: {what}", capture.name));
        }
        assert_eq!(lines, ndjson(&explain(capture)), "{}", capture.name);
    }
}

/// Captures of real programs on a sound network are parsed without complaint, apart from these.
const ANOMALIES: &[(&str, AnomalyKind)] = &[
    // Every frame is cut after 96 bytes.
    ("18a-snaplen96", AnomalyKind::StreamGap),
];

#[test]
fn anomalies_are_those_expected() {
    let mut unexpected = Vec::new();
    for (capture, report) in EXPLAINED.iter() {
        let counted: &BTreeMap<AnomalyKind, u64> = &report.coverage.anomalies;
        for (kind, count) in counted {
            let known =
                |(name, of): &&(&str, AnomalyKind)| capture.name.contains(name) && of == kind;
            if !ANOMALIES.iter().any(|a| known(&a)) {
                unexpected.push(format!("{}: {kind:?} {count}", capture.name));
            }
        }
    }
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

fn ndjson(report: &Report) -> String {
    let mut out = Vec::new();
    report::write(Format::Ndjson, report, &Options::default(), &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}
