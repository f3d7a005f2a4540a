//! What the documents say against what the program does.

use std::collections::BTreeSet;
use std::path::Path;

use assert_cmd::Command;

use crate::packaged;

fn text(path: &str) -> String {
    std::fs::read_to_string(packaged(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn documents() -> Vec<(String, String)> {
    let mut found = vec![("README.md".to_owned(), text("README.md"))];
    for entry in std::fs::read_dir(packaged("docs")).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "md") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            found.push((
                name.into_owned(),
                std::fs::read_to_string(&path).expect("text"),
            ));
        }
    }
    found.sort();
    found
}

/// All of `src`, with string literals over several lines joined.
fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("text");
            let mut joined = false;
            for line in text.lines() {
                let line = if joined { line.trim_start() } else { line };
                joined = line.ends_with('\\');
                into.push_str(line.strip_suffix('\\').unwrap_or(line));
                if !joined {
                    into.push('\n');
                }
            }
        }
    }
}

fn between_ticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn said(arguments: &[&str]) -> String {
    let mut tool = Command::cargo_bin("whylencr").expect("the tool is built");
    let output = tool
        .current_dir(packaged(""))
        .args(arguments)
        .output()
        .expect("run");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn messages_in_the_troubleshooting_table_are_the_programs_own() {
    let mut code = String::new();
    sources(&packaged("src"), &mut code);
    let secrets = ["--with-secrets", "-w", "x.pcapng", "--redact", "a.pcap"];
    code.push_str(&said(&secrets));
    let page = text("docs/troubleshooting.md");
    let (first, second) = page.split_once("## The report is not").expect("two tables");
    let mut checked = 0;
    for row in first.lines().filter(|line| line.starts_with("| `")) {
        let cell = row.split('|').nth(1).expect("the first cell");
        for message in between_ticks(cell) {
            for part in message.split("...").flat_map(|part| part.split(" N")) {
                let part = part.trim().trim_end_matches(':');
                if part.len() >= 4 {
                    assert!(code.contains(part), "no message says: {part} ({message})");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 15, "{checked}");
    assert!(second.contains("*unexplained*") && code.contains("unexplained"));
}

#[test]
fn options_in_the_documents_exist() {
    let help = said(&["--help"]);
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
            .filter(|word| word.starts_with("--") && word.len() > 3)
            .filter(|word| word.as_bytes().get(2).is_some_and(u8::is_ascii_lowercase))
            .map(str::to_owned)
            .collect()
    };
    let known = words(&help);
    // Of cargo and other programs that the documents name.
    let others = [
        "--release",
        "--example",
        "--features",
        "--no-default-features",
        "--offline",
        "--locked",
        "--test",
        "--bench",
        "--all-targets",
        "--path",
        "--git",
        "--lib",
        "--package",
        "--headless",
        "--profile",
        "--fuzz",
        "--check",
        "--bin",
        "--workspace",
        "--alerts",
        "--compare",
        "--tls-keylog",
        "--rules",
        "--hide",
        "--help",
        "--version",
    ];
    let mut unknown = Vec::new();
    for (name, text) in documents() {
        for option in words(&text.replace("<!--", "")) {
            if !known.contains(&option) && !others.contains(&option.as_str()) {
                unknown.push(format!("{name}: {option}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    for (name, text) in documents() {
        let folder = if name == "README.md" { "" } else { "docs/" };
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                assert!(
                    packaged(&format!("{folder}{file}")).exists(),
                    "{name}: {target}"
                );
            }
        }
    }
}

#[test]
fn columns_and_fields_are_documented() {
    let page = text("docs/report-record.md");
    let (_, csv) = page.split_once("## CSV").expect("the section");
    let named: BTreeSet<&str> = between_ticks(csv).collect();
    for column in whylencr::report::csv::COLUMNS {
        assert!(named.contains(column), "column {column}");
    }
    let schema: serde_json::Value =
        serde_json::from_str(&text("docs/schema/finding-1.json")).expect("JSON");
    let fields = schema["properties"].as_object().expect("properties");
    for field in fields.keys() {
        let documented = between_ticks(&page).any(|word| {
            word == field
                || word
                    .strip_prefix(field.as_str())
                    .is_some_and(|rest| rest.starts_with(['.', '[']))
        });
        assert!(documented, "field {field}");
    }
    assert!(page.contains("## Versions"));
}
