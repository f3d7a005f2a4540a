//! The cases of `cases/`, and properties that hold for all of them.

use std::collections::BTreeSet;

use whylencr::correlate::alerts::rules::RULES;

use crate::notation::{Case, cases, describe};

fn all() -> Vec<Case> {
    cases(&crate::packaged("tests/it/cases"))
}

#[test]
fn every_case_comes_out_as_it_is_in_the_world() {
    let cases = all();
    let mut wrong = Vec::new();
    for case in &cases {
        let report = case.report();
        let failures = case.failures(&report);
        match &case.open {
            None if failures.is_empty() => {}
            Some(reason) if !failures.is_empty() => {
                eprintln!("open: {}: {} ({reason})", case.file, case.title);
            }
            Some(_) => wrong.push(format!("{}: {}: is no longer open", case.file, case.title)),
            None => {
                let said: Vec<String> = report.findings.iter().map(describe).collect();
                wrong.push(format!(
                    "{}: {}\n  because {}\n  {}\n  said:\n    {}",
                    case.file,
                    case.title,
                    case.because,
                    failures.join("\n  "),
                    said.join("\n    ")
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
    assert!(cases.len() >= 60, "{} cases", cases.len());
}

#[test]
fn no_two_cases_have_one_title() {
    let cases = all();
    let titles: BTreeSet<&str> = cases.iter().map(|c| c.title.as_str()).collect();
    assert_eq!(titles.len(), cases.len());
}

#[test]
fn each_alert_has_a_case_that_raises_it_and_one_that_comes_near() {
    let mut raised = BTreeSet::new();
    let mut near = BTreeSet::new();
    for case in all().iter().filter(|c| c.open.is_none()) {
        let report = case.report();
        let findings = report.findings.iter().flat_map(|f| &f.alerts);
        raised.extend(findings.chain(&report.alerts).map(|a| a.rule));
        near.extend(case.near.iter().cloned());
    }
    for rule in RULES {
        assert!(
            raised.contains(rule.name),
            "{} is raised nowhere",
            rule.name
        );
        assert!(near.contains(rule.name), "{} has no near miss", rule.name);
    }
    assert!(near.iter().all(|n| RULES.iter().any(|r| r.name == n)));
}

#[test]
fn the_page_about_alerts_is_the_table_in_words() {
    let kept = std::fs::read_to_string(crate::packaged("docs/alerts.md")).expect("the page");
    let page = crate::alerts_page::page();
    assert!(
        kept == page,
        "cargo run --example scoreboard -- --alerts > docs/alerts.md"
    );
}
