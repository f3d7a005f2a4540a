//! Holds findings against the truth of the labelled captures: found, right, wrong, declined, per confidence word.

#![expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "shared by the scoreboard and its test, which read the bundled captures"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use whylencr::capture::{self, Item};
use whylencr::engine::{Config, Engine};
use whylencr::finding::{
    Bearing, Cause, Confidence, ContactKind, Finding, Outcome, Report, Severity, Stage,
};
use whylencr::pki::pem;

/// One labelled capture.
pub struct Labelled {
    /// Folder and file, for people.
    pub name: String,
    pub path: PathBuf,
    pub keylog: Option<PathBuf>,
    pub ca: Option<PathBuf>,
    pub fetches: Vec<Fetch>,
    /// Scenario, by the truth.
    pub scenario: String,
}

/// One fetch that truth knows of.
pub struct Fetch {
    pub client: String,
    pub port: Option<u64>,
    pub kind: String,
    pub host: String,
    pub serial: Option<String>,
    pub expected: Option<String>,
    pub also: Vec<String>,
    pub reason: String,
    /// "serial", "crldp", "aia", "timing", "none".
    pub proof: String,
    pub status: Option<u64>,
    /// What the responder said, where the truth has it.
    pub said: Option<String>,
}

/// How a fetch came out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Result {
    /// No finding for it.
    Missed,
    /// The right site, or rightly none.
    Right,
    /// A set that holds the right site.
    Listed,
    /// No site named although there is one.
    Declined,
    /// A wrong site.
    Wrong,
}

/// One line of the board.
pub struct Line {
    pub capture: String,
    pub fetch: String,
    pub proof: String,
    pub result: Result,
    pub confidence: Option<Confidence>,
    pub cause_right: Option<bool>,
    pub said: String,
    /// Rules that spoke for the candidate it names first.
    pub rules: Vec<&'static str>,
}

/// The whole board.
#[derive(Default)]
pub struct Board {
    pub lines: Vec<Line>,
    /// Contacts that truth does not know of.
    pub extra: Vec<String>,
    /// Alerts above low in captures, by rule.
    pub alerts: Vec<String>,
    /// Those of them that the truth does not justify.
    pub false_alarms: Vec<String>,
}

/// All labelled captures below the folder of bundled captures.
pub fn labelled(root: &Path) -> Vec<Labelled> {
    let mut all = lab(&root.join("lab"), "lab/");
    all.extend(generated(root));
    all
}

/// The captures of one folder with a `truth.json`. Their names are given a prefix.
pub fn lab(folder: &Path, prefix: &str) -> Vec<Labelled> {
    let truth = read_json(&folder.join("truth.json"));
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).map(str::to_owned);
    truth
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let file = text(one, "file").unwrap_or_default();
            let keylog = text(one, "keylog")
                .filter(|k| !k.starts_with("embedded"))
                .map(|k| folder.join(k));
            let fetches = one
                .get("fetches")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            Labelled {
                name: format!("{prefix}{file}"),
                path: folder.join(&file),
                keylog,
                ca: Some(folder.join("pki")),
                scenario: text(one, "scenario").unwrap_or_default(),
                fetches: fetches
                    .map(|f| Fetch {
                        client: text(f, "client_ip").unwrap_or_default(),
                        port: f.get("client_port").and_then(Value::as_u64),
                        kind: text(f, "kind").unwrap_or_default(),
                        host: text(f, "host").unwrap_or_default(),
                        serial: text(f, "serial_hex").map(|s| s.trim_start_matches('0').to_owned()),
                        expected: text(f, "expected_trigger"),
                        also: f
                            .get("also_possible")
                            .and_then(Value::as_array)
                            .into_iter()
                            .flatten()
                            .filter_map(|s| s.as_str().map(str::to_owned))
                            .collect(),
                        reason: text(f, "expected_reason").unwrap_or_default(),
                        proof: text(f, "proof_possible").unwrap_or_default(),
                        status: f.get("http_status").and_then(Value::as_u64),
                        said: text(f, "ocsp_status"),
                    })
                    .collect(),
            }
        })
        .collect()
}

fn generated(root: &Path) -> Vec<Labelled> {
    let folder = root.join("gen");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return Vec::new();
    };
    let captures: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "pcap"))
        .collect();
    let truth = read_json(&folder.join("truth.json"));
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).map(str::to_owned);
    captures
        .into_iter()
        .map(|path| {
            let fetches = truth
                .get("lencr_fetches")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            Labelled {
                name: format!(
                    "gen/{}",
                    path.file_name().unwrap_or_default().to_string_lossy()
                ),
                path,
                keylog: None,
                ca: None,
                scenario: "generated".to_owned(),
                fetches: fetches
                    .map(|f| {
                        let trigger = f.get("trigger").filter(|t| !t.is_null());
                        let kind = text(f, "kind").unwrap_or_default();
                        let visible = trigger
                            .and_then(|t| t.get("certificate_visible"))
                            .and_then(Value::as_bool);
                        Fetch {
                            client: text(f, "client").unwrap_or_default(),
                            port: f.get("client_port").and_then(Value::as_u64),
                            kind: kind.split('-').next().unwrap_or_default().to_owned(),
                            host: text(f, "host")
                                .unwrap_or_default()
                                .split(':')
                                .next()
                                .unwrap_or_default()
                                .to_owned(),
                            serial: text(f, "serial").map(|s| s.trim_start_matches('0').to_owned()),
                            expected: trigger.and_then(|t| text(t, "sni")),
                            also: Vec::new(),
                            reason: if kind == "issuer" {
                                "issuer-chasing"
                            } else {
                                "client-revocation-check"
                            }
                            .into(),
                            proof: match (visible, kind.as_str()) {
                                (Some(true), "crl") => "crldp",
                                (Some(true), "issuer") => "aia",
                                (Some(true), _) => "serial",
                                (_, _) if trigger.is_some() => "timing",
                                _ => "none",
                            }
                            .into(),
                            status: None,
                            said: None,
                        }
                    })
                    .collect(),
            }
        })
        .collect()
}

/// Runs the engine over a capture.
pub fn explain(capture: &Labelled) -> Report {
    let mut engine = prepared(capture);
    let mut source = capture::open(&capture.path).expect("a readable capture");
    while let Some(item) = source.next_item() {
        match item {
            Item::Frame(frame) => engine.push(frame),
            Item::Secrets(lines) => {
                engine.secrets(lines);
            }
            Item::NameHint(hint) => engine.name_hint(hint),
            Item::Interface(_) | Item::Dropped(_) => {}
        }
    }
    engine.finish()
}

/// An engine that knows what is given beside a capture.
pub fn prepared(capture: &Labelled) -> Engine {
    let mut config = Config::default();
    if let Some(folder) = &capture.ca {
        for entry in std::fs::read_dir(folder).expect("the CA folder is there") {
            let bytes = std::fs::read(entry.expect("an entry").path()).expect("a readable file");
            config.trust.add_certificates(pem::certificates(&bytes));
        }
    }
    let mut engine = Engine::new(config);
    if let Some(keylog) = &capture.keylog {
        engine.secrets(&std::fs::read(keylog).expect("the key log is there"));
    }
    engine
}

impl Board {
    /// Adds the findings of one capture.
    pub fn add(&mut self, capture: &Labelled, report: &Report) {
        let mut taken = vec![false; report.findings.len()];
        for fetch in &capture.fetches {
            let found = best_match(fetch, report, &taken);
            if let Some(index) = found {
                taken[index] = true;
            }
            let finding = found.map(|i| &report.findings[i]);
            self.lines.push(Line {
                capture: capture.name.clone(),
                fetch: format!(
                    "{} {} {}",
                    fetch.kind,
                    fetch.host,
                    fetch.expected.as_deref().unwrap_or("-")
                ),
                proof: fetch.proof.clone(),
                result: finding.map_or(Result::Missed, |f| judge(fetch, f)),
                confidence: finding.map(|f| f.verdict.confidence),
                cause_right: finding.map(|f| cause_right(&fetch.reason, f)),
                said: finding.map(said).unwrap_or_default(),
                rules: finding.map(supporting).unwrap_or_default(),
            });
        }
        for (finding, _) in report
            .findings
            .iter()
            .zip(&taken)
            .filter(|(_, taken)| !**taken)
        {
            self.extra.push(format!(
                "{}: {} {:?} {:?} {}",
                capture.name,
                finding.host,
                finding.kind,
                finding.stage,
                said(finding)
            ));
        }
        for finding in &report.findings {
            let all = finding.alerts.iter();
            for alert in all.filter(|a| a.severity > Severity::Low) {
                let line = format!(
                    "{}: {} {} ({:?})",
                    capture.name, finding.host, alert.rule, alert.severity
                );
                if !justified(capture, finding, alert.rule) {
                    self.false_alarms.push(line.clone());
                }
                self.alerts.push(line);
            }
        }
    }

    /// How many lines meet a condition.
    pub fn count(&self, condition: impl Fn(&Line) -> bool) -> usize {
        self.lines.iter().filter(|l| condition(l)).count()
    }

    /// How often the first candidate was right when a rule spoke for it: (right, all).
    pub fn record(&self, rule: &str) -> (usize, usize) {
        let spoke = |l: &Line| l.rules.contains(&rule);
        let right = self.count(|l| spoke(l) && matches!(l.result, Result::Right | Result::Listed));
        (right, self.count(spoke))
    }

    /// The figures, as the docs show them.
    pub fn summary(&self) -> String {
        let mut out = String::new();
        let total = self.lines.len();
        let of = |n: usize, d: usize| {
            if d == 0 {
                "-".to_owned()
            } else {
                format!("{n}/{d}")
            }
        };
        let _ = writeln!(
            out,
            "fetches {total}, found {}",
            of(self.count(|l| l.result != Result::Missed), total)
        );
        let wrong =
            self.count(|l| l.result == Result::Wrong && l.confidence > Some(Confidence::Possible));
        let _ = writeln!(out, "wrong site named above possible: {}", of(wrong, total));
        for word in [
            Confidence::Proven,
            Confidence::Strong,
            Confidence::Likely,
            Confidence::Possible,
        ] {
            let said = self.count(|l| l.confidence == Some(word) && l.result != Result::Declined);
            let right = self.count(|l| {
                l.confidence == Some(word) && matches!(l.result, Result::Right | Result::Listed)
            });
            let _ = writeln!(
                out,
                "{:<9} right {}",
                format!("{word:?}").to_lowercase(),
                of(right, said)
            );
        }
        let mut by_proof: BTreeMap<&str, [usize; 6]> = BTreeMap::new();
        for line in &self.lines {
            let row = by_proof.entry(&line.proof).or_default();
            row[line.result as usize] += 1;
            row[5] += usize::from(line.confidence == Some(Confidence::Proven));
        }
        let _ = writeln!(
            out,
            "\nproof possible by   missed  right  listed  declined  wrong  (proven)"
        );
        for (proof, [missed, right, listed, declined, wrong, proven]) in by_proof {
            let _ = writeln!(
                out,
                "{proof:<18} {missed:>7} {right:>6} {listed:>7} {declined:>9} {wrong:>6} {proven:>9}"
            );
        }
        let causes = self.count(|l| l.cause_right.is_some());
        let _ = writeln!(
            out,
            "\ncauses right {}",
            of(self.count(|l| l.cause_right == Some(true)), causes)
        );
        let _ = writeln!(out, "contacts beyond the truth: {}", self.extra.len());
        let _ = writeln!(
            out,
            "alerts above low: {}, false alarms: {}",
            self.alerts.len(),
            self.false_alarms.len()
        );
        out
    }
}

/// Whether the truth of a capture says that there is what an alert says.
fn justified(capture: &Labelled, finding: &Finding, rule: &str) -> bool {
    let host = finding.host.as_str();
    let here = || capture.fetches.iter().filter(|f| f.host == host);
    match rule {
        "revoked" | "revoked-continued" => {
            capture.scenario == "revoked" || here().any(|f| f.said.as_deref() == Some("revoked"))
        }
        "must-staple-without-staple" => capture.scenario.contains("must-staple"),
        // Generated answers are signed by CAs that exist nowhere, and none of them is given.
        "unverifiable-signature" => capture.ca.is_none(),
        // The generator's look-alikes end in a name that is reserved for tests (RFC 2606).
        "look-alike-name" if capture.ca.is_none() => host.ends_with(".test"),
        "look-alike-name"
        | "address-not-from-dns"
        | "odd-path"
        | "odd-method"
        | "upload"
        | "not-a-question"
        | "wrong-content" => here().any(|f| f.reason == "disguise"),
        _ => false,
    }
}

fn read_json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the truth is there");
    serde_json::from_str(&text).expect("the truth is JSON")
}

fn best_match(fetch: &Fetch, report: &Report, taken: &[bool]) -> Option<usize> {
    let fits = |finding: &Finding| {
        let kind = match fetch.kind.as_str() {
            "ocsp" => finding.kind == ContactKind::Ocsp,
            "crl" => finding.kind == ContactKind::Crl,
            "issuer" => finding.kind == ContactKind::Issuer,
            "dns-only" => finding.stage == Stage::LookedUp,
            "connect-only" => finding.stage == Stage::Connected,
            _ => finding.kind == ContactKind::Unknown,
        };
        let serial = fetch.serial.as_ref().is_none_or(|s| {
            // A capture that cut the request cannot show the serial.
            finding.asked.serials.is_empty()
                || finding
                    .asked
                    .serials
                    .iter()
                    .any(|own| own.to_string().trim_start_matches('0') == s)
        });
        let device = report
            .devices
            .iter()
            .find(|d| d.id == finding.client.device);
        let client = finding.client.ip.to_string() == fetch.client
            || device.is_some_and(|d| d.addresses.iter().any(|a| a.to_string() == fetch.client));
        let asked = fetch.kind.ends_with("-only") || finding.stage >= Stage::Asked;
        kind && serial && client && asked && finding.host.as_str() == fetch.host.to_lowercase()
    };
    let candidates = || {
        report
            .findings
            .iter()
            .enumerate()
            .filter(|(i, f)| !taken[*i] && fits(f))
    };
    let by_port = candidates()
        .find(|(_, f)| fetch.port.is_some() && f.client.port.map(u64::from) == fetch.port);
    let by_status = || {
        candidates().find(|(_, f)| {
            fetch.status.is_some() && f.answer.http_status.map(u64::from) == fetch.status
        })
    };
    by_port
        .or_else(by_status)
        .or_else(|| candidates().next())
        .map(|(i, _)| i)
}

fn judge(fetch: &Fetch, finding: &Finding) -> Result {
    let named = finding.verdict.site.as_deref();
    let listed: Vec<String> = finding
        .candidates
        .iter()
        .filter_map(|c| c.site.name().map(Cow::into_owned))
        .collect();
    let Some(expected) = fetch.expected.as_deref() else {
        // About the device's own server nothing outbound is blamed.
        return match (named, finding.verdict.outcome) {
            (None, _) | (_, Outcome::NoOutbound) => Result::Right,
            _ if finding.verdict.confidence == Confidence::Possible => Result::Declined,
            _ => Result::Wrong,
        };
    };
    let fits = |name: &str| name == expected || fetch.also.iter().any(|a| a == name);
    match named {
        Some(name) if fits(name) => Result::Right,
        Some(_) => Result::Wrong,
        None if listed.iter().any(|l| l == expected) => Result::Listed,
        None if listed.iter().any(|l| fits(l)) => Result::Listed,
        None if listed.is_empty() => Result::Declined,
        None => Result::Wrong,
    }
}

fn cause_right(reason: &str, finding: &Finding) -> bool {
    matches!(
        (reason, finding.verdict.cause),
        (
            "client-revocation-check" | "client-certificate-check",
            Cause::RevocationCheck
        ) | ("issuer-chasing", Cause::IssuerChase)
            | ("server-stapling", Cause::Stapling)
            | ("manual", Cause::Person | Cause::Scheduled | Cause::Scanner)
            | ("disguise", Cause::Disguise)
            | ("proxy", Cause::Proxy | Cause::RevocationCheck)
    )
}

fn supporting(finding: &Finding) -> Vec<&'static str> {
    let first = finding.candidates.first();
    let evidence = first.into_iter().flat_map(|c| &c.evidence);
    evidence
        .filter(|e| matches!(e.bearing, Bearing::Decides | Bearing::Supports(_)))
        .map(|e| e.rule)
        .collect()
}

fn said(finding: &Finding) -> String {
    let sites: Vec<String> = finding
        .candidates
        .iter()
        .filter_map(|c| c.site.name().map(Cow::into_owned))
        .collect();
    format!(
        "{:?} {:?} {:?} [{}]",
        finding.verdict.outcome,
        finding.verdict.cause,
        finding.verdict.confidence,
        sites.join(", ")
    )
}
