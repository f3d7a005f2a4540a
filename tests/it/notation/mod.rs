//! A notation for hand-made cases of correlation: a few lines of events, the verdict beside them, and why it
//! is true of the world.
//!
//! ```text
//! case nearest in time is wrong, the serial is right
//! because a CertID names one certificate by issuer and serial (RFC 6960 4.1.1)
//! cert A a.example by R10 ocsp crl
//! cert B b.example by R10 ocsp crl
//! 0    tls 10.0.0.5 -> 192.0.2.1 a.example shows A R10 data 400
//! 300  tls 10.0.0.5 -> 192.0.2.2 b.example shows B R10
//! 350  fetch 10.0.0.5 -> 192.0.2.80 ocsp A good in 20
//! expect site a.example proven revocation-check
//! ```
//!
//! Times are milliseconds from the start of the case (`3s`, `10m`, `7d` are longer); `on`, `data`, `ends` say
//! when the client went on after the server's flight, sent its first request, hung up. A case that shows what
//! the tool should say and does not yet has a line `open` with the reason; it fails once it passes, so that
//! the line goes away. A line `near RULE` says that the case comes near to an alert and must not raise it,
//! `raises RULE` that some finding or the report as a whole does, a line `stops TIME` that the capture ends
//! then. `notation/stage.rs` documents each line where it is read.

mod agents;
mod der;
mod expect;
mod stage;
mod words;
mod world;

use std::path::Path;
use std::sync::Arc;

use whylencr::correlate::{Config, Correlator};
use whylencr::event::Event;
use whylencr::finding::{Coverage, Report};
use whylencr::pki::cert::Certificate;
use whylencr::time::{Span, Timestamp};

use expect::Which;
pub(crate) use expect::{Expectation, describe};
use stage::Stage;
use words::{Words, time};
use world::{Wish, World, serial_in_shard};

/// One case, ready to run.
pub(crate) struct Case {
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) because: String,
    /// Why it is known not to hold yet.
    pub(crate) open: Option<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) expectations: Vec<Expectation>,
    /// Alert rules that the case comes near to, and does not raise.
    pub(crate) near: Vec<String>,
    /// Alert rules that it raises, in a finding or for the whole.
    raises: Vec<String>,
    /// When the capture ends, if not well after the last event.
    pub(crate) ends: Option<Timestamp>,
    all_cas: bool,
    supplied: Vec<Arc<Certificate>>,
    trusted: Vec<Arc<[u8]>>,
}

/// How long a capture goes on after its last event.
const AFTERWARDS: Span = Span::from_secs(60);

impl Case {
    /// What correlation makes of its events.
    pub(crate) fn report(&self) -> Report {
        self.report_of(self.events.clone())
    }

    /// What correlation makes of other events in its place.
    pub(crate) fn report_of(&self, events: Vec<Event>) -> Report {
        let mut config = Config {
            all_cas: self.all_cas,
            ..Config::default()
        };
        config.trust.add_certificates(&self.trusted);
        config.supplied.clone_from(&self.supplied);
        let mut correlator = Correlator::new(config);
        let times = events.iter().map(|event| event.at);
        // Whoever captures does not stop at once.
        let last = times.clone().max().map(|at| at.plus(AFTERWARDS));
        let last = self.ends.or(last);
        let coverage = Coverage {
            span: times.min().zip(last),
            ..Coverage::default()
        };
        for event in events {
            correlator.ingest(event);
        }
        correlator.report(coverage)
    }

    /// What does not hold of a report, a line each.
    pub(crate) fn failures(&self, report: &Report) -> Vec<String> {
        let mut failures = Vec::new();
        let in_order = self
            .expectations
            .iter()
            .filter(|e| e.which == Which::Next)
            .count();
        let found = report.findings.len();
        let free = self
            .expectations
            .iter()
            .any(|e| matches!(e.which, Which::Each | Which::Last));
        if !free && found != in_order {
            failures.push(format!("{found} findings, {in_order} expected"));
        }
        if free && found == 0 {
            failures.push("no findings".to_owned());
        }
        let raised = |rule: &String| {
            let alerts = report.findings.iter().flat_map(|f| &f.alerts);
            alerts.chain(&report.alerts).any(|a| a.rule == rule)
        };
        let too_many = self.near.iter().filter(|rule| raised(rule));
        failures.extend(too_many.map(|rule| format!("raises {rule}")));
        let missing = self.raises.iter().filter(|rule| !raised(rule));
        failures.extend(missing.map(|rule| format!("does not raise {rule}")));
        let mut next = report.findings.iter();
        for expectation in &self.expectations {
            let about: Vec<_> = match expectation.which {
                Which::Next => next.next().into_iter().collect(),
                Which::Each => report.findings.iter().collect(),
                Which::Last => report.findings.last().into_iter().collect(),
                Which::None => Vec::new(),
            };
            for finding in about {
                for claim in expectation.failures(finding, report) {
                    failures.push(format!(
                        "expect {}: {claim} does not hold",
                        expectation.line
                    ));
                }
            }
        }
        failures
    }
}

/// The case that a text describes.
pub(crate) fn case(text: &str) -> Case {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    read("a test", &lines)
}

/// All cases of a folder of text files.
pub(crate) fn cases(folder: &Path) -> Vec<Case> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut blocks: Vec<Vec<&str>> = Vec::new();
        for line in text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            if line.starts_with("case ") {
                blocks.push(Vec::new());
            }
            blocks
                .last_mut()
                .expect("a file begins with a case")
                .push(line);
        }
        cases.extend(blocks.iter().map(|lines| read(&name, lines)));
    }
    cases
}

fn read(file: &str, lines: &[&str]) -> Case {
    let mut start = Timestamp::from_secs(der::seconds(2025, 3, 1));
    if let Some(date) = lines.iter().find_map(|l| l.strip_prefix("date ")) {
        let mut numbers = date.split('-').map(|n| n.parse().expect("a date"));
        let mut next = || numbers.next().expect("year-month-day");
        start = Timestamp::from_secs(der::seconds(next(), next(), next()));
    }
    let mut stage = Stage::new(start, World::new());
    let mut case = Case {
        file: file.to_owned(),
        title: String::new(),
        because: String::new(),
        open: None,
        events: Vec::new(),
        expectations: Vec::new(),
        near: Vec::new(),
        raises: Vec::new(),
        ends: None,
        all_cas: false,
        supplied: Vec::new(),
        trusted: stage.world.trusted().collect(),
    };
    for line in lines {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "case" => case.title = rest.to_owned(),
            "because" => case.because = rest.to_owned(),
            "raises" => case.raises.push(rest.to_owned()),
            "near" => case.near.push(rest.to_owned()),
            "stops" => case.ends = Some(time(stage.start, rest)),
            "open" => case.open = Some(rest.to_owned()),
            "date" => {}
            "all-cas" => case.all_cas = true,
            // The CAs of the notation count for nothing.
            "distrust" => case.trusted.clear(),
            "cert" => cert(&mut stage, rest),
            "host" => stage.host(Words::of(rest)),
            "knows" => case.supplied.extend(stage.world.get(rest).cloned()),
            "expect" => case.expectations.push(Expectation::parse(rest)),
            "each" => repeat(&mut stage, rest),
            _ => event(&mut stage, line),
        }
    }
    assert!(
        !case.title.is_empty() && case.because.contains('(') && !case.expectations.is_empty(),
        "{file}: {:?} needs a reason with its source and an expectation",
        case.title
    );
    case.events = stage.finish();
    case
}

/// `TIME tls|fetch|dns|connect ..`
fn event(stage: &mut Stage, line: &str) {
    let mut words = Words::of(line);
    let at = time(stage.start, words.need("a time"));
    match words.need("a kind of event") {
        "tls" => stage.tls(at, words),
        "fetch" => stage.fetch(at, words),
        "dns" => stage.dns(at, words),
        "connect" => stage.connect(at, words),
        "multicast" => stage.multicast(at, words),
        other => words.refuse(other),
    }
}

/// `each N every SPAN from TIME EVENT`, where `#` stands for 1 to N.
fn repeat(stage: &mut Stage, rest: &str) {
    let mut words = Words::of(rest);
    let count: i64 = words.need("a number").parse().expect("a number");
    assert!(words.take("every"), "`every` is missing");
    let step = words::span(words.need("a time"))
        .expect("a time")
        .as_nanos();
    assert!(words.take("from"), "`from` is missing");
    let first = words::span(words.need("a time"))
        .expect("a time")
        .as_nanos();
    let rest = words.take_while(|_| true).join(" ");
    for n in 0..count {
        let millis = (first + n * step) as f64 / 1e6;
        event(
            stage,
            &format!("{millis} {}", rest.replace('#', &(n + 1).to_string())),
        );
    }
}

/// `cert A a.example[,b.example] by R10 [serial HEX | shard N] [ocsp] [crl [N|URL]] [aia] [must-staple] [days FROM TO]`
fn cert(stage: &mut Stage, rest: &str) {
    let mut words = Words::of(rest);
    let label = words.need("a label").to_owned();
    let day = 86_400;
    let mut wish = Wish {
        names: words.need("names").split(',').map(str::to_owned).collect(),
        not_before: stage.start.as_secs() - 20 * day,
        not_after: stage.start.as_secs() + 70 * day,
        ..Wish::default()
    };
    assert!(words.take("by"), "`by` is missing in cert {rest}");
    wish.issuer = words.need("an issuer").to_owned();
    let host = wish
        .issuer
        .strip_suffix('x')
        .unwrap_or(&wish.issuer)
        .to_ascii_lowercase();
    let url = |words: &mut Words<'_>| words.take_if(|w| w.starts_with("http")).map(str::to_owned);
    while let Some(word) = words.next() {
        match word {
            "serial" => {
                let hex = words.need("a serial");
                let serial = whylencr::pki::cert::Serial::from_hex(hex).expect("hex");
                wish.serial = Some(serial.as_bytes().to_vec());
            }
            "shard" => {
                let n = words.need("a shard").parse().expect("a number");
                wish.serial = Some(serial_in_shard(&label, n));
            }
            "ocsp" => wish
                .ocsp
                .push(url(&mut words).unwrap_or(format!("http://{host}.o.lencr.org"))),
            "aia" => wish
                .aia
                .push(url(&mut words).unwrap_or(format!("http://{host}.i.lencr.org/"))),
            "crl" => {
                let number = words.take_if(|w| w.parse::<u32>().is_ok());
                let shard = |n| format!("http://{host}.c.lencr.org/{n}.crl");
                let named = number.map(shard).or_else(|| url(&mut words));
                wish.crl.push(named.unwrap_or_else(|| shard("1")));
            }
            "must-staple" => wish.must_staple = true,
            "days" => {
                let mut bound = || words.need("days").parse::<i64>().expect("a number") * day;
                wish.not_before = stage.start.as_secs() + bound();
                wish.not_after = stage.start.as_secs() + bound();
            }
            other => words.refuse(other),
        }
    }
    stage.world.leaf(&label, &wish);
}
