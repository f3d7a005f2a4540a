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

#[test]
fn tags_are_balanced() {
    let (mut report, options) = sample::report();
    for _ in 0..2 {
        let page = page(&report, &options);
        for tag in [
            "section", "div", "table", "tbody", "tr", "details", "dl", "main", "ul", "p", "svg",
            "h2", "h4",
        ] {
            let open = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(open, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        report.findings.clear();
    }
}

#[test]
fn one_finding_takes_a_few_kilobytes() {
    let (mut report, options) = sample::report();
    report.findings = (1..=200).map(sample::ocsp_proven).collect();
    assert!(page(&report, &options).len() < 200 * 6_000);
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
