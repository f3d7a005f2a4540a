//! Real clients against servers of our own, in network namespaces, the tool live beside them. `tests/lab` does
//! it and writes down what the servers saw; that alone is the truth here.
//!
//! `WHYLENCR_LAB=all` plays every scene, or name some; the default is what runs in some seconds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use whylencr::finding::Confidence;

use crate::packaged;
use crate::score::{Board, Line, Result, explain, lab};

/// Quick, and from Debian's smallest packages.
const QUICK: &[&str] = &[
    "01-gnutls-ocsp",
    "02-openssl-crl",
    "31-keep-alive",
    "60-lan-mixed",
];
/// How `lab.py` says that it may not.
const NOT_PERMITTED: i32 = 77;

#[test]
fn live_findings_equal_the_logs_of_the_servers() {
    let out = tempfile::tempdir().expect("a folder");
    let wanted = std::env::var("WHYLENCR_LAB").unwrap_or_else(|_| QUICK.join(" "));
    let scenes = wanted.split_whitespace().filter(|scene| *scene != "all");
    let played = Command::new("python3")
        .arg(packaged("tests/lab/lab.py"))
        .arg("--out")
        .arg(out.path())
        .args(["--tool", env!("CARGO_BIN_EXE_whylencr")])
        .args(scenes)
        .output();
    let Ok(played) = played else {
        eprintln!("SKIPPED: python3 is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&played.stderr);
    if played.status.code() == Some(NOT_PERMITTED) {
        eprintln!("SKIPPED: {said}");
        return;
    }
    assert!(played.status.success(), "{said}");
    eprintln!("{said}");

    let mut board = Board::default();
    for capture in lab(out.path(), "") {
        board.add(&capture, &explain(&capture));
        assert_eq!(
            live(out.path(), &capture.name),
            offline(out.path(), &capture.name),
            "{}: live is not what the file says",
            capture.name
        );
    }
    let shown = |line: &Line| format!("{:?} {}: {}", line.result, line.capture, line.said);
    let bad: Vec<String> = (board.lines.iter())
        .filter(|l| {
            let named = l.confidence > Some(Confidence::Possible);
            l.result == Result::Missed || (l.result == Result::Wrong && named)
        })
        .map(shown)
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    // What the servers did not see did not happen.
    assert!(board.extra.is_empty(), "{:#?}", board.extra);
    let unproven: Vec<String> = (board.lines.iter())
        .filter(|l| l.proof == "serial" && l.confidence != Some(Confidence::Proven))
        .map(shown)
        .collect();
    assert!(unproven.is_empty(), "{unproven:#?}");
    assert!(!board.lines.is_empty(), "{said}");
}

/// What must not depend on how the frames came: numbers and processes do.
fn gist(findings: impl Iterator<Item = Value>) -> Vec<String> {
    let mut last = BTreeMap::new();
    for finding in findings {
        let id = finding["id"].as_u64().expect("an id");
        last.insert(id, finding);
    }
    let text = |finding: &Value| {
        let verdict = &finding["verdict"];
        // Not the time: two listeners on one wire do not read the clock at the same moment.
        let parts = [
            &finding["client"]["ip"],
            &finding["client"]["port"],
            &finding["kind"],
            &finding["stage"],
            &finding["url"],
            &finding["host"],
            &verdict["outcome"],
            &verdict["cause"],
            &verdict["site"],
            &finding["candidates"][0]["serial"],
        ];
        parts.map(Value::to_string).join(" ")
    };
    let mut all: Vec<String> = last.values().map(text).collect();
    all.sort();
    all
}

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a record"))
}

fn live(folder: &Path, capture: &str) -> Vec<String> {
    let said = folder.join(capture).with_extension("live.ndjson");
    gist(lines(
        &fs::read_to_string(said).expect("what was said live"),
    ))
}

fn offline(folder: &Path, capture: &str) -> Vec<String> {
    let read = Command::new(env!("CARGO_BIN_EXE_whylencr"))
        .args(["--format", "ndjson", "--ca", "pki", capture])
        .current_dir(folder)
        .output()
        .expect("the tool");
    gist(lines(&String::from_utf8_lossy(&read.stdout)))
}
