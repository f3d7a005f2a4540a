use serde_json::Value;

use super::*;
use crate::report::sample;

const FINDING: &str = include_str!("../../../docs/schema/finding-1.json");
const REPORT: &str = include_str!("../../../docs/schema/report-1.json");

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

/// Just as much of JSON Schema as our two files use; any other keyword is an error, so nothing goes unchecked.
struct Schemas {
    finding: Value,
    report: Value,
}

impl Schemas {
    fn load() -> Self {
        Self {
            finding: serde_json::from_str(FINDING).unwrap(),
            report: serde_json::from_str(REPORT).unwrap(),
        }
    }

    fn check(&self, root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let fail = |what: &str| Err(format!("{at}: {what}: {value}"));
        for (keyword, rule) in schema.as_object().ok_or("schema")? {
            match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => {}
                "$ref" => {
                    let target = rule.as_str().unwrap();
                    let (root, place) = match target.strip_prefix("urn:whylencr:finding:1") {
                        Some(place) => (&self.finding, place),
                        None => (root, target),
                    };
                    let place = place.strip_prefix('#').unwrap_or(place);
                    self.check(root, root.pointer(place).ok_or("ref")?, value, at)?;
                }
                "anyOf" => {
                    if rule
                        .as_array()
                        .unwrap()
                        .iter()
                        .all(|s| self.check(root, s, value, at).is_err())
                    {
                        return fail("none of anyOf");
                    }
                }
                "type" => {
                    let is = |name: &Value| match name.as_str().unwrap() {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "null" => value.is_null(),
                        "number" => value.is_number(),
                        "integer" => value.is_u64() || value.is_i64(),
                        other => panic!("type {other}"),
                    };
                    if !rule
                        .as_array()
                        .map_or_else(|| is(rule), |names| names.iter().any(is))
                    {
                        return fail("type");
                    }
                }
                "const" if rule != value => return fail("const"),
                "enum" if !rule.as_array().unwrap().contains(value) => return fail("enum"),
                "const" | "enum" => {}
                "minimum" => {
                    if value.as_u64().is_some_and(|n| n < rule.as_u64().unwrap()) {
                        return fail("minimum");
                    }
                }
                // Two patterns are in use: a time and hex.
                "pattern" => {
                    if let Some(text) = value.as_str() {
                        let hex = text.len() % 2 == 0
                            && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                        let time =
                            text.ends_with('Z') && text.len() == 30 && text.as_bytes()[19] == b'.';
                        let hex_wanted = rule.as_str().unwrap().contains("a-f");
                        if if hex_wanted { !hex } else { !time } {
                            return fail("pattern");
                        }
                    }
                }
                "required" => {
                    if let Some(object) = value.as_object() {
                        for name in rule.as_array().unwrap() {
                            if !object.contains_key(name.as_str().unwrap()) {
                                return fail(&format!("lacks {name}"));
                            }
                        }
                    }
                }
                "properties" => {
                    for (name, schema) in rule.as_object().unwrap() {
                        if let Some(member) = value.get(name) {
                            self.check(root, schema, member, &format!("{at}.{name}"))?;
                        }
                    }
                }
                "additionalProperties" => {
                    for (name, member) in value.as_object().into_iter().flatten() {
                        let known = schema
                            .get("properties")
                            .is_some_and(|p| p.get(name).is_some());
                        match rule {
                            _ if known => {}
                            Value::Bool(false) => return fail(&format!("has {name}")),
                            rule => self.check(root, rule, member, &format!("{at}.{name}"))?,
                        }
                    }
                }
                "items" => {
                    for member in value.as_array().into_iter().flatten() {
                        self.check(root, rule, member, &format!("{at}[]"))?;
                    }
                }
                other => panic!("keyword {other}"),
            }
        }
        Ok(())
    }
}
