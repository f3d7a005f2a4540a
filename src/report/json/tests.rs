use serde_json::Value;

use super::*;
use crate::report::sample;

#[path = "../../../tests/support/schema.rs"]
mod schema;

use schema::Schemas;

#[test]
fn lines_and_document_hold_the_same_records() {
    let (report, options) = sample::report();
    let lines = lines(&report, &options);
    let document = document(&report, &options);
    assert_eq!(lines.len(), report.findings.len());
    assert_eq!(document["findings"], Value::from(lines));
}

#[test]
fn the_proven_sample_reads_like_this() {
    let (report, options) = sample::report();
    let first = lines(&report, &options).into_iter().next().unwrap();
    sample::snapshot("record", &serde_json::to_string_pretty(&first).unwrap());
}

#[test]
fn records_obey_the_schema_that_ships() {
    let (report, options) = sample::report();
    let schemas = Schemas::load();
    for record in lines(&report, &options) {
        schemas
            .check(&schemas.finding, &schemas.finding, &record, "finding")
            .unwrap();
    }
    schemas
        .check(
            &schemas.report,
            &schemas.report,
            &document(&report, &options),
            "report",
        )
        .unwrap();
    let empty = document(&Report::default(), &Options::default());
    schemas
        .check(&schemas.report, &schemas.report, &empty, "report")
        .unwrap();
}

#[test]
fn the_schema_notices_what_is_wrong() {
    let (report, options) = sample::report();
    let schemas = Schemas::load();
    let good = lines(&report, &options).remove(0);
    let spoil: [fn(&mut Value); 5] = [
        |r| r["extra"] = Value::from(1),
        |r| drop(r.as_object_mut().unwrap().remove("url")),
        |r| r["kind"] = Value::from("OCSP"),
        |r| r["at"] = Value::from("2026-11-21T16:36:51Z"),
        |r| r["candidates"][0]["frames"]["certificate"] = Value::from("15"),
    ];
    for change in spoil {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(
            schemas
                .check(&schemas.finding, &schemas.finding, &bad, "finding")
                .is_err(),
            "{bad}"
        );
    }
}

#[test]
fn hostile_text_is_whole_but_never_raw() {
    let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}b\u{e0041}\"\\\n";
    let mut out = Vec::new();
    value(&hostile, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.chars().any(safe::is_obeyed), "{text}");
    assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
}

fn lines(report: &Report, options: &Options) -> Vec<Value> {
    let mut out = Vec::new();
    write_lines(report, options, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn document(report: &Report, options: &Options) -> Value {
    let mut out = Vec::new();
    write_document(report, options, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}
