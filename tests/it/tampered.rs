//! Tampered forms of a genuine answer are never called verified, whatever else they are called.

use whylencr::event::EventKind;
use whylencr::finding::Signature;

use crate::notation::{Case, case};

/// A visit and its OCSP check; the answer is to be replaced.
fn check(answer: &str) -> Case {
    case(&format!(
        "case a check
         because of its answer (RFC 6960 3.2)
         cert A a.example by R10 ocsp
         cert B b.example by R10 ocsp
         cert F a.example by R11 ocsp
         0    tls 10.0.0.5 -> 192.0.2.1 a.example shows A R10 data 60
         30   fetch 10.0.0.5 -> 192.0.2.80 ocsp A {answer} in 20
         expect site a.example"
    ))
}

fn body_of(case: &Case) -> Vec<u8> {
    let body = case.events.iter().find_map(|event| match &event.kind {
        EventKind::Response(response) => response.body.as_deref(),
        _ => None,
    });
    body.expect("an answer").to_vec()
}

/// What the signature of the check comes to when this is the answer.
fn signature(body: &[u8]) -> Signature {
    let case = check("good");
    let mut events = case.events.clone();
    for event in &mut events {
        if let EventKind::Response(response) = &mut event.kind {
            response.body = Some(body.into());
        }
    }
    let report = case.report_of(events);
    let finding = report.findings.first().expect("a finding");
    finding.answer.signature
}

#[test]
fn the_genuine_answer_is_verified() {
    assert_eq!(signature(&body_of(&check("good"))), Signature::Verified);
}

#[test]
fn one_bit_flipped_at_every_byte() {
    let genuine = body_of(&check("good"));
    for at in 0..genuine.len() {
        let mut body = genuine.clone();
        body[at] ^= 1 << (at % 8);
        assert_ne!(signature(&body), Signature::Verified, "byte {at}");
    }
}

#[test]
fn another_issuers_signature() {
    // The same question answered by another CA in its own name, and with its signature under the first one's words.
    let genuine = body_of(&check("good"));
    let other = body_of(&check("good about F"));
    assert_ne!(signature(&other), Signature::Verified);
    let mut grafted = genuine.clone();
    let signature_len = 64;
    let (from, to) = (other.len() - signature_len, genuine.len() - signature_len);
    grafted[to..].copy_from_slice(&other[from..]);
    assert_ne!(grafted, genuine);
    assert_eq!(signature(&grafted), Signature::Bad);
}

#[test]
fn an_old_answer_played_again() {
    assert_eq!(signature(&body_of(&check("good stale"))), Signature::Unfit);
    assert_eq!(signature(&body_of(&check("good future"))), Signature::Unfit);
}

#[test]
fn the_serial_swapped() {
    // A genuine answer about another certificate, and the same with the right serial written into it.
    let other = body_of(&check("good about B"));
    assert_eq!(signature(&other), Signature::Unfit);
    let question = check("good")
        .events
        .into_iter()
        .find_map(|event| match event.kind {
            EventKind::Request(request) => request.body,
            _ => None,
        });
    let asked = whylencr::pki::ocsp::parse_request(&question.expect("a question")).expect("OCSP");
    let given = whylencr::pki::ocsp::parse_response(&other).expect("an OCSP response");
    let (wanted, had) = (&asked.ids[0].serial, &given.answers[0].id.serial);
    let at = other
        .windows(had.as_bytes().len())
        .position(|w| w == had.as_bytes())
        .expect("the serial stands in the answer");
    let mut swapped = other;
    swapped[at..at + wanted.as_bytes().len()].copy_from_slice(wanted.as_bytes());
    assert_eq!(signature(&swapped), Signature::Bad);
}
