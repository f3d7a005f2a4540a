//! What must come out of particular captures, by frame numbers as Wireshark counts them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use whylencr::capture::{self, Item};
use whylencr::engine::{Config, Engine};
use whylencr::finding::{Confidence, ContactKind, Finding, Outcome, Report};
use whylencr::frame::FrameNo;

use crate::packaged;
use crate::score::{Labelled, explain, labelled};

const TLS_SUBJECT_ALT_NAME: &str =
    "captures/real/OISF+suricata-verify__tests__tls__tls-subjectaltname__input.frames-1-1900.pcap";

#[test]
fn a_browser_of_2021_asks_about_each_of_its_sites() {
    let report = explain_file(&packaged(TLS_SUBJECT_ALT_NAME), false);
    for (frame, site) in [(1_643, "www.havenyt.dk"), (1_758, "bedreboligliv.dk")] {
        let finding = asked_in(&report, frame);
        assert_eq!(finding.kind, ContactKind::Ocsp);
        assert_eq!(finding.verdict.outcome, Outcome::Site);
        assert_eq!(finding.verdict.confidence, Confidence::Proven);
        assert_eq!(finding.verdict.site.as_deref(), Some(site));
        assert!(has_rule(finding, "same-serial"));
    }
    let list = asked_in(&report, 1_620);
    assert_eq!(list.kind, ContactKind::Crl);
    assert_eq!(list.verdict.outcome, Outcome::AnyUnder);
    assert_eq!(sites(list), ["bedreboligliv.dk", "www.havenyt.dk"]);
}

#[test]
fn on_one_connection_each_question_has_its_own_site() {
    let capture = lab("09b-");
    let report = explain(&capture);
    let asked: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|f| !f.asked.serials.is_empty())
        .collect();
    let flows: BTreeSet<_> = asked.iter().filter_map(|f| f.flow).collect();
    assert!(
        flows.len() < asked.len(),
        "several questions on one connection"
    );
    for finding in &asked {
        assert_eq!(
            finding.verdict.confidence,
            Confidence::Proven,
            "{:?}",
            finding.frames
        );
        assert_eq!(finding.verdict.outcome, Outcome::Site);
        let serial = finding.asked.serials[0].to_string();
        let truth = capture
            .fetches
            .iter()
            .find(|f| f.serial.as_deref() == Some(serial.trim_start_matches('0')));
        assert_eq!(finding.verdict.site, truth.and_then(|f| f.expected.clone()));
    }
    assert!(asked.len() >= 3);
}

#[test]
fn a_job_on_a_timer_blames_no_site() {
    let report = explain(&lab("07a-"));
    assert!(!report.findings.is_empty());
    for finding in &report.findings {
        assert_eq!(finding.verdict.site, None);
        assert!(matches!(
            finding.verdict.outcome,
            Outcome::NoOutbound | Outcome::Unexplained
        ));
    }
}

#[test]
fn site_and_responder_over_two_address_families_are_one_device() {
    let report = explain(&lab("01c-"));
    let ocsp: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|f| f.kind == ContactKind::Ocsp)
        .collect();
    assert!(!ocsp.is_empty());
    for finding in ocsp {
        let device = report.device(finding.client.device).expect("the device");
        assert!(finding.client.ip.is_ipv6(), "{}", finding.client.ip);
        assert!(
            device.addresses.iter().any(std::net::IpAddr::is_ipv4),
            "{:?}",
            device.addresses
        );
        assert_eq!(finding.verdict.outcome, Outcome::Site);
    }
}

/// Fetches that truth (made with tshark) knows and the report does not, or names otherwise, each with its reason.
const DIFFERENCES: &[(&str, u64, &str)] = &[];

#[test]
fn captures_of_others_hold_what_tshark_found() {
    let truth: Value = serde_json::from_str(
        &std::fs::read_to_string(packaged("captures/real/truth.json")).expect("the truth"),
    )
    .expect("JSON");
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for one in truth.as_array().expect("a list") {
        let file = one["file"].as_str().expect("a file");
        let report = explain_file(&packaged("captures/real").join(file), true);
        let hellos = report.coverage.handshakes;
        if one["client_hello_connections"]
            .as_u64()
            .is_some_and(|n| n > hellos)
        {
            wrong.push(format!(
                "{file}: {hellos} handshakes, {} expected",
                one["client_hello_connections"]
            ));
        }
        for fetch in one["fetches"].as_array().into_iter().flatten() {
            let frame = fetch["frame"].as_u64().expect("a frame");
            if DIFFERENCES
                .iter()
                .any(|(name, at, _)| file.contains(name) && *at == frame)
            {
                continue;
            }
            compared += 1;
            if let Some(difference) = compare(&report, frame, fetch) {
                wrong.push(format!("{file} frame {frame}: {difference}"));
            }
        }
        for cert in one["letsencrypt_certs"].as_array().into_iter().flatten() {
            let serial = cert["serial"]
                .as_str()
                .expect("a serial")
                .trim_start_matches('0');
            let shown = report.handshakes.iter().any(|h| {
                h.chain
                    .iter()
                    .any(|c| c.serial.to_string().trim_start_matches('0') == serial)
            });
            if !shown {
                wrong.push(format!("{file}: certificate {serial} is not in the report"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared >= 20, "{compared} fetches");
}

fn compare(report: &Report, frame: u64, fetch: &Value) -> Option<String> {
    let found = report
        .findings
        .iter()
        .find(|f| f.frames.request.contains(&FrameNo::new(frame)));
    let Some(finding) = found else {
        return Some(format!("{} {} is not found", fetch["kind"], fetch["host"]));
    };
    if fetch["host"]
        .as_str()
        .is_some_and(|h| !h.eq_ignore_ascii_case(finding.host.as_str()))
    {
        return Some(format!("host {} is {}", finding.host, fetch["host"]));
    }
    if let Some(serial) = fetch["ocsp_serial"].as_str() {
        let serial = serial.trim_start_matches('0');
        let asked =
            |s: &whylencr::pki::cert::Serial| s.to_string().trim_start_matches('0') == serial;
        if !finding.asked.serials.iter().any(asked) {
            return Some(format!("serial {serial} is not asked"));
        }
    }
    let trigger = fetch.get("trigger").filter(|t| !t.is_null())?;
    let by_bytes = matches!(trigger["proof"].as_str(), Some("serial" | "crldp" | "aia"));
    let site = trigger["sni"].as_str().filter(|_| by_bytes)?;
    let named = sites(finding);
    (!named.iter().any(|n| n == site)).then(|| {
        format!(
            "{site} is not named: {:?} {:?} {named:?}",
            finding.verdict.outcome, finding.verdict.confidence
        )
    })
}

fn asked_in(report: &Report, frame: u64) -> &Finding {
    report
        .findings
        .iter()
        .find(|f| f.frames.request.contains(&FrameNo::new(frame)))
        .unwrap_or_else(|| panic!("no contact in frame {frame}"))
}

fn has_rule(finding: &Finding, rule: &str) -> bool {
    finding
        .candidates
        .iter()
        .any(|c| c.evidence.iter().any(|e| e.rule == rule))
}

/// The sites a finding names, sorted.
fn sites(finding: &Finding) -> Vec<String> {
    let set: BTreeSet<String> = finding
        .candidates
        .iter()
        .filter_map(|c| c.site.name().map(Cow::into_owned))
        .collect();
    set.into_iter().collect()
}

fn lab(name: &str) -> Labelled {
    labelled(&packaged("captures"))
        .into_iter()
        .find(|c| c.name.contains(&format!("lab/{name}")))
        .unwrap_or_else(|| panic!("no lab capture {name}"))
}

fn explain_file(path: &Path, all_cas: bool) -> Report {
    let mut engine = Engine::new(Config {
        all_cas,
        ..Config::default()
    });
    let mut source = capture::open(path).expect("a readable capture");
    while let Some(item) = source.next_item() {
        if let Item::Frame(frame) = item {
            engine.push(frame);
        }
    }
    engine.finish()
}
