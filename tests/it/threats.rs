//! The tests that the threat model names exist.

use std::path::Path;

use crate::packaged;

#[test]
fn each_line_of_the_threat_model_has_its_tests() {
    let page = std::fs::read_to_string(packaged("docs/threat-model.md")).expect("the page");
    let mut source = String::new();
    for folder in ["src", "tests/it"] {
        gather(&packaged(folder), &mut source);
    }
    let rows: Vec<&str> = page
        .lines()
        .filter(|l| l.starts_with("| "))
        .skip(1)
        .collect();
    assert!(rows.len() >= 10, "{} lines", rows.len());
    for row in rows {
        let tests = row
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap_or_default();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(
                source.contains(&format!("fn {name}(")),
                "`{name}` is no test"
            );
        }
    }
}

fn gather(folder: &Path, source: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, source);
        } else if path.extension().is_some_and(|e| e == "rs") {
            source.push_str(&std::fs::read_to_string(path).expect("text"));
        }
    }
}
