use std::collections::HashMap;

use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{NodeData, RcDom};

use super::*;
use crate::report::sample;

fn page(report: &Report, options: &Options) -> String {
    let mut out = Vec::new();
    write(report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn nothing_from_the_capture_becomes_markup() {
    let (report, options) = sample::report();
    let page = page(&report, &options);
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.chars().any(|c| c != '\n' && safe::is_obeyed(c)));
    assert!(!page.contains("href=\"javascript"));
    assert!(!page.contains(" style=") && !page.contains(" onclick"));
}

#[test]
fn the_policy_admits_the_style_and_script_of_the_page() {
    let (report, options) = sample::report();
    let page = page(&report, &options);
    for (open, close, directive) in [
        ("<style>", "</style>", "style-src"),
        ("<script>", "</script>", "script-src"),
    ] {
        let (_, rest) = page.split_once(open).unwrap();
        let (inside, _) = rest.split_once(close).unwrap();
        // Inside an attribute the engine writes "/" as an entity.
        let policy = page.replace("&#x2f;", "/");
        assert!(
            policy.contains(&format!("{directive} '{}'", hash(inside))),
            "{directive}"
        );
    }
}

#[test]
fn all_findings_are_there_and_linked() {
    let (report, options) = sample::report();
    let page = page(&report, &options);
    for finding in &report.findings {
        let id = finding.id.0;
        assert_eq!(page.matches(&format!("id=\"f{id}\"")).count(), 1);
        assert_eq!(page.matches(&format!("href=\"#f{id}\"")).count(), 1);
    }
    for landmark in [
        "<header>",
        "<nav ",
        "<main ",
        "<footer>",
        "lang=\"en\"",
        "scope=\"col\"",
        "<title>",
    ] {
        assert!(page.contains(landmark), "{landmark}");
    }
}

/// What a parser that follows the standard finds wrong.
fn errors(page: &str) -> Vec<String> {
    let dom = html5ever::parse_document(RcDom::default(), html5ever::ParseOpts::default())
        .one(page.to_owned());
    let errors = dom.errors.borrow();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn the_page_is_html_by_the_standard() {
    let (report, options) = sample::report();
    let empty = Report::default();
    let many = many(DETAILED as u64 + 20);
    for report in [&report, &empty, &many] {
        let found = errors(&page(report, &options));
        assert!(found.is_empty(), "{found:?}");
    }
    assert!(!errors("<!doctype html><title>x</title><p></div>").is_empty());
    assert!(!errors("<!doctype html><table><p>x</p></table>").is_empty());
}

/// The elements of a page in order: name, attributes.
fn elements(page: &str) -> Vec<(String, HashMap<String, String>)> {
    let dom = html5ever::parse_document(RcDom::default(), html5ever::ParseOpts::default())
        .one(page.to_owned());
    let (mut found, mut waiting) = (Vec::new(), dom.document.children.borrow().clone());
    while let Some(node) = waiting.pop() {
        if let NodeData::Element { name, attrs, .. } = &node.data {
            let attrs = attrs.borrow();
            let attrs = attrs
                .iter()
                .map(|a| (a.name.local.to_string(), a.value.to_string()));
            found.push((name.local.to_string(), attrs.collect()));
        }
        waiting.extend(node.children.borrow().iter().rev().cloned());
    }
    found
}

#[test]
fn headings_landmarks_and_pictures_serve_those_who_cannot_see() {
    let (report, options) = sample::report();
    let page = page(&report, &options);
    let elements = elements(&page);
    let count = |name: &str| elements.iter().filter(|(n, _)| n == name).count();
    for landmark in ["header", "nav", "main", "footer", "h1"] {
        assert_eq!(count(landmark), 1, "{landmark}");
    }
    let mut level = 0;
    for (name, attributes) in &elements {
        match (
            name.as_str(),
            name.strip_prefix('h').and_then(|n| n.parse::<u8>().ok()),
        ) {
            (_, Some(next)) => {
                assert!(next <= level + 1, "h{next} after h{level}");
                level = next;
            }
            ("section" | "nav", _) => assert!(
                attributes.contains_key("aria-labelledby") || attributes.contains_key("aria-label")
            ),
            ("svg", _) => assert!(
                attributes.contains_key("aria-label") && attributes["role"] == "img",
                "{attributes:?}"
            ),
            ("th", _) => assert!(attributes.contains_key("scope")),
            _ => {}
        }
    }
    let ids: Vec<&String> = elements.iter().filter_map(|(_, a)| a.get("id")).collect();
    assert_eq!(
        ids.iter().collect::<HashSet<_>>().len(),
        ids.len(),
        "ids are unique"
    );
    for (_, attributes) in &elements {
        for target in [attributes.get("href"), attributes.get("aria-labelledby")] {
            let inside = target.map(|t| t.strip_prefix('#').unwrap_or(t));
            if let Some(id) = inside.filter(|t| !t.starts_with("https://")) {
                assert!(ids.contains(&&id.to_owned()), "{id}");
            }
        }
    }
}

/// As many findings as asked for, of every kind.
fn many(n: u64) -> Report {
    let (mut report, _) = sample::report();
    let kinds = std::mem::take(&mut report.findings);
    report.findings = (1..=n)
        .zip(kinds.into_iter().cycle())
        .map(|(id, finding)| Finding {
            id: FindingId(id),
            at: finding
                .at
                .plus(crate::time::Span::from_millis(i64::try_from(id).unwrap())),
            ..finding
        })
        .collect();
    report
}

#[test]
fn of_ten_thousand_findings_all_are_listed_and_the_telling_ones_shown() {
    let (_, options) = sample::report();
    let mut report = many(10_000);
    report.findings.iter_mut().for_each(|f| f.alerts.clear());
    let last = report.findings.last_mut().unwrap();
    last.alerts = vec![sample::alert("revoked", Severity::High, "", &[7])];
    let page = page(&report, &options);
    assert!(page.len() < 6_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("<details class=\"finding\"").count(), DETAILED);
    assert_eq!(page.matches("<tr><td class=\"n\">").count(), 10_000);
    assert!(
        page.contains("id=\"f1\"") && page.contains("id=\"f10000\""),
        "the grave one too"
    );
    assert!(page.contains("1000 findings are shown in full") && page.contains("other 9000"));
    assert_eq!(
        page.matches("<td class=\"n\"><a href=\"#f").count(),
        DETAILED,
        "no link leads nowhere"
    );
}

#[test]
fn base64_of_the_standard() {
    for (plain, coded) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
}

#[test]
fn an_empty_report_is_a_whole_page() {
    let page = page(&Report::default(), &Options::default());
    assert!(page.contains("No contact with lencr.org") && page.ends_with("</html>"));
}
