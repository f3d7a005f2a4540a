//! The cases of `cases/`, and properties that hold for all of them.

use std::collections::BTreeSet;

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
