//! Every packet, lookup, answer, ClientHello, certificate and HTTP request of the bundled captures, held
//! against what tshark finds in them: `captures/counts.json`, made by `tests/oracle/counts.py`. Where both
//! differ, docs/oracle.md shows the bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use whylencr::capture::{self, Item};
use whylencr::engine::{Config, Engine};
use whylencr::finding::{Confidence, Outcome};

use crate::facts_of;
use crate::packaged;

/// tshark 4.0 loses the thread where the client makes a new hello: tests/it/handshakes.rs says what is in these.
const LOST: &[&str] = &["aioquic-retry", "aioquic-version-negotiation"];

/// Capture, kind and text of a fact, and how many more of it are found here than in tshark.
const DIFFERENT: &[(&str, &str, &str, i64)] = &[
    // The snap length ends inside the question, and inside the hello.
    (
        "18a-snaplen96",
        "lookup",
        "firefox.settings.services.mozilla.com 1",
        25,
    ),
    (
        "18a-snaplen96",
        "lookup",
        "firefox.settings.services.mozilla.com 28",
        25,
    ),
    (
        "18a-snaplen96",
        "answer",
        "firefox.settings.services.mozilla.com 1 3 ",
        25,
    ),
    (
        "18a-snaplen96",
        "answer",
        "firefox.settings.services.mozilla.com 28 3 ",
        25,
    ),
    ("18a-snaplen96", "hello", "-", 4),
    // The capture holds the same connections twice, years of trace time apart.
    ("CESNET", "hello", "asecuritysite.com", 6),
    // A segment with the rest of the message is missing.
    ("CESNET", "serial", "92e0effd5db9bb9c007733d020179b9a", 1),
    ("tls2", "serial", "a0409132a898c8f6602020a59be6d4d", 1),
    // A ClientHello in the form of SSL 2.0.
    ("tls-altname-zero", "hello", "-", 1),
    // DNS on a port that is not one of DNS.
    ("vxlan-decoder-01", "lookup", "localhost 1", -1),
    // A request target with a space in it.
    ("gre-erspan-vxlan", "request", "GET - /Hello", -1),
    ("gre-erspan-vxlan", "request", "GET - /Hello%20Arkime", 1),
    // Teredo between a client and a relay, whose port only the client's server told.
    ("Teredo", "request", "GET ipv6.google.com /", 1),
    (
        "Teredo",
        "request",
        "GET ipv6.google.com /search?hl=en&q=Wireshark+%21&btnG=Google+Search",
        1,
    ),
];

#[test]
fn facts_are_what_tshark_finds() {
    let text = std::fs::read_to_string(packaged("captures/counts.json")).expect("the list");
    let truth: Value = serde_json::from_str(&text).expect("JSON");
    let (mut known, mut facts, mut differences) = (0, 0, Vec::new());
    let captures = truth.as_array().expect("a list of captures");
    for capture in captures {
        let file = capture["file"].as_str().expect("a file");
        if LOST.iter().any(|lost| file.contains(lost)) {
            continue;
        }
        let keylog = capture["keylog"].as_str();
        let keylog = keylog.map(|keylog| packaged("captures").join(keylog));
        let (packets, ours) = facts_of::of(&packaged("captures").join(file), keylog.as_deref());
        if Some(packets) != capture["packets"].as_u64() {
            differences.push(format!("{file}: {packets} packets"));
        }
        let mut more: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for fact in &ours {
            *more.entry((fact.kind, &fact.text)).or_default() += 1;
        }
        for kind in ["lookup", "answer", "hello", "serial", "request"] {
            for (text, count) in capture[kind].as_object().into_iter().flatten() {
                let count = count.as_i64().expect("a count");
                *more.entry((kind, text)).or_default() -= count;
                facts += count;
            }
        }
        for ((kind, text), more) in more.into_iter().filter(|(_, more)| *more != 0) {
            let expected = |one: &&(&str, &str, &str, i64)| {
                file.contains(one.0) && (one.1, one.2, one.3) == (kind, text, more)
            };
            match DIFFERENT.iter().find(expected) {
                Some(_) => known += 1,
                None => differences.push(format!("{file}: {more:+} {kind} {text}")),
            }
        }
    }
    assert_eq!(differences, Vec::<String>::new());
    assert_eq!(known, DIFFERENT.len(), "a difference is no more");
    assert!(captures.len() > 100 && facts > 4_000, "{facts} facts");
}

/// Other people's captures, with all CAs: truth by an independent certificate parser.
#[test]
fn every_fetch_of_real_captures_is_found_and_every_proof_is_used() {
    let folder = packaged("captures/real");
    let text = std::fs::read_to_string(folder.join("truth.json")).expect("the list");
    let truth: Value = serde_json::from_str(&text).expect("JSON");
    let (mut fetches, mut proofs) = (0, 0);
    for capture in truth.as_array().expect("a list of captures") {
        let wanted = capture["fetches"].as_array().expect("fetches");
        let file = folder.join(capture["file"].as_str().expect("a file"));
        if wanted.is_empty() || !file.exists() {
            continue;
        }
        let mut engine = Engine::new(Config {
            all_cas: true,
            ..Config::default()
        });
        let mut source = capture::open(&file).expect("a readable capture");
        while let Some(item) = source.next_item() {
            if let Item::Frame(frame) = item {
                engine.push(frame);
            }
        }
        let report = engine.finish();
        for fetch in wanted {
            let frame = fetch["frame"].as_u64().expect("a frame");
            let found = report
                .findings
                .iter()
                .find(|f| f.frames.request.iter().any(|at| at.get() == frame));
            let finding = found.unwrap_or_else(|| panic!("{}: lacks {fetch}", file.display()));
            fetches += 1;
            let trigger = &fetch["trigger"];
            if !matches!(trigger["proof"].as_str(), Some("serial" | "crldp" | "aia")) {
                continue;
            }
            proofs += 1;
            let mut sites: Vec<&str> = trigger["sni"].as_str().into_iter().collect();
            let also = trigger["all_matching_sni"].as_array();
            sites.extend(also.into_iter().flatten().filter_map(Value::as_str));
            sites.sort_unstable();
            sites.dedup();
            let verdict = &finding.verdict;
            assert_eq!(
                verdict.confidence,
                Confidence::Proven,
                "{fetch} {verdict:?}"
            );
            let mut named: Vec<String> = (finding
                .candidates
                .iter()
                .filter_map(|c| c.site.name().map(Cow::into_owned)))
            .collect();
            named.sort_unstable();
            named.dedup();
            match verdict.outcome {
                Outcome::Site => assert!(sites.contains(&verdict.site.as_deref().expect("a site"))),
                // What an intermediate's question is about is every site under it.
                _ => assert_eq!(named, sites, "{fetch}"),
            }
        }
    }
    assert_eq!((fetches, proofs), (26, 14));
}
