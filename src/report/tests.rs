//! One table of hostile texts against every form a report takes.

use std::sync::Arc;

use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{NodeData, RcDom};

use crate::event::{Name, Process};
use crate::evidence::Plan;
use crate::finding::{Finding, Learned, Report, Site};
use crate::frame::FrameNo;
use crate::report::{Format, Interface, Options, decode, safe, sample, view, write};

/// What a site, a server, a client or a file may call itself to act on whoever reads a report.
fn hostile() -> Vec<String> {
    let texts = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title></style></script><svg/onload=alert(1)>",
        "]]><!-- --><!--",
        "&lt;b&gt;&#0;",
        "{{ 7 * 7 }}{% raw %}",
        "javascript:alert(1)",
        "=cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd",
        "+1+1",
        "-2+3",
        "＝1+1",
        "\t=1+1",
        "\r=1+1",
        "a\",\"b\r\n=1,2",
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31m",
        "\u{9b}31m\u{90}q\u{9c}",
        "safe\u{202e}gpj.exe\u{2066}\u{200f}\u{61c}",
        "zero\u{200b}width\u{feff}\u{ad}tag\u{e0041}",
        "line\nbreak\r\nagain\u{2028}and\u{2029}\u{85}",
        "nul\0byte",
        "| a | b |\n|---|---|",
        "`code` ``` fence",
        "[x](javascript:alert(1)) ![y](http://evil.example/z)",
        "http://evil.example/ www.evil.example @everyone #1",
        "# heading",
        "- item\n1. item",
        "\\\\server\\share",
        "%s%n%x",
        "../../../etc/passwd",
        "' or site:* and -x:\"",
        "héllo 漢字 🦀",
        "",
        ".",
        "xn--80ak6aa92e.com",
    ];
    let long = ["x".repeat(10_000), "é".repeat(10_000), "=".repeat(10_000)];
    texts.map(str::to_owned).into_iter().chain(long).collect()
}

/// The sample with a text in every place where somebody else's text can stand.
fn poisoned(text: &str) -> (Report, Options) {
    let (mut report, mut options) = sample::report();
    let named = || text.to_owned();
    let process = Arc::new(Process {
        pid: Some(7),
        name: named(),
        command: Some(named()),
        user: Some(named()),
        parent: Some(named()),
        unit: Some(named()),
        source: "packet comment",
    });
    for (index, finding) in report.findings.iter_mut().enumerate() {
        // Sites stay in some, so that what is said of them is there too.
        finding.client.device_label = named();
        finding.client.agent = Some(named());
        finding.client.user_agent = Some(named());
        finding.client.process = Some(Arc::clone(&process));
        finding.method = Some(named());
        finding.url = Some(format!("http://{text}/{text}"));
        finding.asked.issuer = Some(named());
        finding.answer.redirect = Some(named());
        if index.is_multiple_of(2) {
            finding.host = Name::new(text);
        }
        if finding.verdict.site.is_some() {
            finding.verdict.site = Some(named());
        }
        if finding.verdict.under.is_some() {
            finding.verdict.under = Some(named());
        }
        for candidate in finding.candidates.iter_mut().chain(&mut finding.rejected) {
            candidate.site = Site::Sni(Name::new(text));
        }
        let mut crl = finding.answer.crl.as_deref().cloned();
        if let Some(crl) = &mut crl {
            crl.issuer = named();
            crl.issuer_cn = Some(named());
            crl.idp_urls = vec![named()];
        }
        finding.answer.crl = crl.map(Arc::new);
        for certificate in &mut finding.answer.certificates {
            let mut other = certificate.as_ref().clone();
            other.subject = named();
            other.issuer = named();
            *certificate = Arc::new(other);
        }
        for alert in &mut finding.alerts {
            alert.subject = named();
        }
    }
    for handshake in &mut report.handshakes {
        handshake.site = Site::Sni(Name::new(text));
        handshake.ja4 = named().into();
        handshake.alpn = [named()].into();
        for certificate in &mut handshake.chain {
            let mut other = certificate.as_ref().clone();
            other.subject = named();
            other.issuer = named();
            other.names = vec![named(); 3];
            *certificate = Arc::new(other);
        }
    }
    for device in &mut report.devices {
        device.label = named();
        device.clients = vec![named()];
    }
    for alert in &mut report.alerts {
        alert.subject = named();
    }
    for dossier in &mut report.dossiers {
        dossier.same_certificate.names = vec![named(); 2];
        dossier.same_address.names = vec![named(); 2];
        dossier.learned = Learned::Lookup {
            name: Name::new(text),
            at: sample::START,
            frame: FrameNo::new(3),
        };
        if let Some(shown) = &mut dossier.certificate {
            let mut other = shown.certificate.as_ref().clone();
            other.subject = named();
            other.issuer = named();
            other.names = vec![named(); 3];
            shown.certificate = Arc::new(other);
        }
    }
    for server in &mut report.servers {
        server.site = named();
    }
    for site in &mut report.privacy.sites {
        site.site = named();
    }
    options.sources = vec![named()];
    options.interfaces = vec![Interface {
        file: Some(named()),
        name: Some(named()),
    }];
    (report, options)
}

fn shown(format: Format, report: &Report, options: &Options) -> String {
    let mut out = Vec::new();
    write(format, report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Nothing in it acts on a terminal or an editor.
fn assert_dead(what: &str, text: &str) {
    let alive = text.chars().find(|c| *c != '\n' && safe::is_obeyed(*c));
    assert_eq!(alive, None, "{what}");
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run, mut last) = (0, 0, None);
    for c in text.chars() {
        run = if last == Some(c) { run + 1 } else { 1 };
        last = Some(c);
        longest = longest.max(run);
    }
    longest
}

fn check_text(what: &str, text: &str) {
    assert_dead(what, text);
    assert!(longest_run(text) <= 700, "{what}");
}

fn check_markdown(what: &str, text: &str) {
    assert_dead(what, text);
    assert!(longest_run(text) <= 700, "{what}");
    // Outside of code, nothing opens an element, an image or a link but ours.
    let mut code = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let fence = rest.len() - rest.trim_start_matches('`').len();
        if fence > 0 {
            match code {
                None => code = Some(fence),
                Some(open) if open == fence => code = None,
                Some(_) => {}
            }
            rest = &rest[fence..];
            continue;
        }
        if c == '\\' {
            rest = &rest[1..];
            rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
            continue;
        }
        let own = rest.strip_prefix("<https://crt.sh/?serial=");
        if let Some((serial, after)) = own
            .and_then(|r| r.split_once('>'))
            .filter(|_| code.is_none())
        {
            assert!(serial.bytes().all(|b| b.is_ascii_hexdigit()), "{what}");
            rest = after;
            continue;
        }
        if code.is_none() {
            assert!(
                c != '<' && c != '>',
                "{what}: {}",
                &rest[..rest.floor_char_boundary(40)]
            );
            assert!(!rest.starts_with("!["), "{what}");
            let link = rest.strip_prefix("](").map(|target| {
                target.starts_with("https://crt.sh/?serial=") || target.starts_with('#')
            });
            assert_ne!(link, Some(false), "{what}");
            let bare = rest.starts_with("http://") || rest.starts_with("www.");
            assert!(!bare, "{what}: a link of its own");
        }
        rest = &rest[c.len_utf8()..];
    }
    assert_eq!(code, None, "{what}: code without an end");
}

fn check_csv(what: &str, text: &str, rows: usize) {
    assert_dead(what, &text.replace("\r\n", "\n"));
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let mut seen = 0;
    for row in table.records() {
        let row = row.unwrap();
        assert_eq!(row.len(), crate::report::csv::COLUMNS.len(), "{what}");
        for cell in &row {
            let formula =
                cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
            assert!(!formula, "{what}: {cell}");
        }
        seen += 1;
    }
    assert_eq!(seen, rows, "{what}");
}

fn check_html(what: &str, text: &str) {
    assert_dead(what, text);
    let dom = html5ever::parse_document(RcDom::default(), html5ever::ParseOpts::default())
        .one(text.to_owned());
    assert!(dom.errors.borrow().is_empty(), "{what}: {:?}", dom.errors);
    let mut waiting = dom.document.children.borrow().clone();
    let (mut scripts, mut styles) = (0, 0);
    while let Some(node) = waiting.pop() {
        if let NodeData::Element { name, attrs, .. } = &node.data {
            let name = &*name.local;
            scripts += usize::from(name == "script");
            styles += usize::from(name == "style");
            let active = [
                "img", "iframe", "object", "embed", "link", "base", "form", "b64",
            ];
            assert!(!active.contains(&name), "{what}: {name}");
            for attribute in attrs.borrow().iter() {
                let key = &*attribute.name.local;
                assert!(
                    !key.starts_with("on") && key != "style" && key != "src",
                    "{what}: {key}"
                );
                if key == "href" {
                    let target = &*attribute.value;
                    let ours =
                        target.starts_with('#') || target.starts_with("https://crt.sh/?serial=");
                    assert!(ours, "{what}: {target}");
                }
            }
        }
        waiting.extend(node.children.borrow().iter().cloned());
    }
    assert_eq!((scripts, styles), (1, 1), "{what}");
}

fn check_json(what: &str, text: &str, format: Format, findings: usize) {
    assert_dead(what, text);
    let records: Vec<serde_json::Value> = match format {
        Format::Ndjson => text
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect(),
        _ => {
            let document: serde_json::Value = serde_json::from_str(text).unwrap();
            document["findings"].as_array().unwrap().clone()
        }
    };
    assert_eq!(records.len(), findings, "{what}");
}

#[test]
fn hostile_text_is_harmless_in_every_form() {
    let formats = [
        Format::Text,
        Format::Ndjson,
        Format::Json,
        Format::Csv,
        Format::Markdown,
        Format::Html,
    ];
    for text in hostile() {
        let (report, options) = poisoned(&text);
        let loud = Options {
            verbose: true,
            ..options.clone()
        };
        let name: String = text.chars().take(40).collect();
        for options in [&options, &loud] {
            for format in formats {
                // Only text says more when asked to.
                if options.verbose && format != Format::Text {
                    continue;
                }
                let what = format!("{format:?} of {name:?}");
                let page = shown(format, &report, options);
                match format {
                    Format::Text => check_text(&what, &page),
                    Format::Markdown => check_markdown(&what, &page),
                    Format::Csv => check_csv(&what, &page, report.findings.len()),
                    Format::Html => check_html(&what, &page),
                    Format::Json | Format::Ndjson => {
                        check_json(&what, &page, format, report.findings.len());
                    }
                }
            }
        }
    }
}

#[test]
fn hostile_text_is_harmless_in_comments_filters_and_answers() {
    for text in hostile() {
        let (report, _) = poisoned(&text);
        let selected: Vec<&Finding> = report.findings.iter().collect();
        let plan = Plan::new(&report, &selected);
        let mut comments = 0;
        for frame in 0..200 {
            for comment in plan.comments(FrameNo::new(frame), false) {
                check_text("a comment", &comment);
                assert!(
                    !comment.contains('\n') && comment.chars().count() < 800,
                    "{comment}"
                );
                comments += 1;
            }
        }
        assert!(comments > 10);
        for finding in &report.findings {
            if let Some(filter) = view::filter(finding) {
                let plain = |c: char| c.is_ascii_alphanumeric() || " ._={},&|()".contains(c);
                assert!(filter.chars().all(plain), "{filter}");
            }
        }
        for word in [
            text.clone(),
            format!("http://r10.o.lencr.org/{text}"),
            format!("{text}.lencr.org"),
        ] {
            for answer in [decode::word(&word), decode::line(&word)]
                .into_iter()
                .flatten()
            {
                check_text("an answer", &answer);
            }
        }
        for object in [decode::object(text.as_bytes())].into_iter().flatten() {
            check_text("an object", &object);
        }
    }
}
