//! The facts of a capture, one by one and without any conclusion, in the words of `captures/counts.json`,
//! which another tool wrote.

#![expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "shared by an example and a test, which read the bundled captures"
)]

use std::path::Path;

use whylencr::capture::{self, Item};
use whylencr::engine::Extractor;
use whylencr::event::{DnsAnswer, DnsOutcome, Event, EventKind, Request};
use whylencr::limits::Limits;

/// One fact: its kind, the frame that completed it and what it says.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fact {
    /// "lookup", "answer", "hello", "serial" or "request".
    pub kind: &'static str,
    /// What it says, the same for every tool that reads it right.
    pub text: String,
    /// Where.
    pub frame: u64,
}

/// How many packets a capture holds (none when it is no capture), and the facts in them, read with the
/// secrets in it and a key log.
pub fn of(capture: &Path, keylog: Option<&Path>) -> (u64, Vec<Fact>) {
    let mut extractor = Extractor::new(Limits::default());
    extractor.expect_secrets();
    if let Some(keylog) = keylog {
        extractor.secrets(&std::fs::read(keylog).expect("the key log is there"));
    }
    let mut facts = Vec::new();
    let Ok(mut source) = capture::open(capture) else {
        return (0, facts);
    };
    while let Some(item) = source.next_item() {
        match item {
            Item::Frame(frame) => extractor.push(frame),
            Item::Secrets(lines) => {
                extractor.secrets(lines);
            }
            Item::NameHint(hint) => extractor.name_hint(hint),
            Item::Interface(_) | Item::Dropped(_) => {}
        }
        extractor
            .events()
            .for_each(|event| tell(&event, &mut facts));
    }
    extractor.close();
    extractor
        .events()
        .for_each(|event| tell(&event, &mut facts));
    (extractor.coverage().frames, facts)
}

fn tell(event: &Event, facts: &mut Vec<Fact>) {
    let frame = event.frame.get();
    let mut fact = |kind, text| facts.push(Fact { kind, text, frame });
    match &event.kind {
        EventKind::DnsQuery(query) => fact("lookup", format!("{} {}", query.name, query.qtype)),
        EventKind::DnsAnswer(told) => {
            if let Some(code) = code(told.outcome) {
                fact("answer", answer(told, code));
            }
        }
        EventKind::ClientHello(hello) => {
            let name = hello.sni.as_ref().map_or("-", |name| name.as_str());
            fact("hello", name.to_owned());
        }
        EventKind::Chain(chain) => {
            for certificate in &chain.certs {
                let serial = certificate.serial.to_string();
                fact("serial", serial.trim_start_matches('0').to_owned());
            }
        }
        EventKind::Request(sent) => fact("request", request(sent)),
        _ => {}
    }
}

/// RCODE, unless no answer came.
const fn code(outcome: DnsOutcome) -> Option<u8> {
    match outcome {
        DnsOutcome::Answered | DnsOutcome::NoData | DnsOutcome::Truncated => Some(0),
        DnsOutcome::ServerFailure => Some(2),
        DnsOutcome::NoSuchName => Some(3),
        DnsOutcome::Refused => Some(5),
        DnsOutcome::Failed(code) => Some(code),
        DnsOutcome::Unanswered => None,
    }
}

fn answer(answer: &DnsAnswer, code: u8) -> String {
    let mut told: Vec<String> = answer
        .addresses
        .iter()
        .map(|(ip, _)| ip.to_string())
        .collect();
    told.extend(answer.chain.iter().map(ToString::to_string));
    told.sort();
    told.dedup();
    format!("{} {} {code} {}", answer.name, answer.qtype, told.join(","))
}

fn request(request: &Request) -> String {
    let host = request.host.as_ref().map_or("-", |name| name.as_str());
    format!("{} {host} {}", request.method, request.path)
}
