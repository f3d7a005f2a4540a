//! The record of one finding as programs get it: schema `whylencr.finding/1`.
//!
//! Core types do not serialize; this view does, so that the record stays put while the core moves. Every field
//! is always present and unknown values are null. `docs/report-record.md` explains the fields,
//! `docs/schema/finding-1.json` checks them. Fields may be added; none is renamed or removed within version 1.

#![expect(
    missing_docs,
    reason = "docs/report-record.md explains each field, for users of the record"
)]

pub mod facts;
mod filter;

use std::borrow::Cow;

use serde::Serialize;

use crate::event::Process;
use crate::finding::{
    Alert, Candidate, CrlPlace, Evidence, Failure, Finding, HandshakeFrames, Party, Report, Site,
};
use crate::finding::{Bearing, Timing};
use crate::frame::FrameNo;
use crate::pki::cert::Certificate;
use crate::pki::crl::CrlFacts;
use crate::pki::ocsp::{CertStatus, OcspResponse, ResponseStatus};
use crate::report::clock::rfc3339;
use crate::report::words::{self, Word};
use crate::report::{Options, group, prose};
use crate::time::Span;

pub use filter::filter;

/// Name and version of the record.
pub const SCHEMA: &str = "whylencr.finding/1";

/// One finding.
#[derive(Clone, Debug, Serialize)]
pub struct Record<'a> {
    pub schema: &'static str,
    pub id: u64,
    pub revision: u32,
    pub at: String,
    pub began_at: String,
    pub ended_at: String,
    pub capture: Capture<'a>,
    pub client: Client<'a>,
    pub server: Option<End>,
    pub community_id: Option<String>,
    pub kind: &'static str,
    pub stage: &'static str,
    pub host: &'a str,
    pub role: Option<Role<'a>>,
    pub method: Option<&'a str>,
    pub url: Option<&'a str>,
    pub proxied: bool,
    pub asked: Asked<'a>,
    pub answer: Answer<'a>,
    pub verdict: Verdict<'a>,
    pub passes_on: Option<facts::PassedOnView>,
    pub candidates: Vec<CandidateView>,
    pub rejected: Vec<CandidateView>,
    pub left_out: LeftOut,
    pub timing: TimingView,
    pub aftermath: &'static str,
    pub alerts: Vec<AlertView<'a>>,
    pub trigger: Option<facts::TriggerView<'a>>,
    pub frames: Frames,
    pub count: u64,
    pub headline: String,
    pub why: String,
    pub advice: Option<String>,
    pub filter: Option<String>,
}

/// How many candidates a finding does not describe.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LeftOut {
    pub candidates: u64,
    pub rejected: u64,
}

/// Where a finding was captured.
#[derive(Clone, Debug, Serialize)]
pub struct Capture<'a> {
    pub file: Option<&'a str>,
    pub interface: Option<&'a str>,
}

/// Who made the contact.
#[derive(Clone, Debug, Serialize)]
pub struct Client<'a> {
    pub ip: String,
    pub port: Option<u16>,
    pub device: &'a str,
    pub agent: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub process: Option<ProcessView<'a>>,
}

/// A process.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessView<'a> {
    pub pid: Option<u32>,
    pub name: &'a str,
    pub command: Option<&'a str>,
    pub user: Option<&'a str>,
    pub parent: Option<&'a str>,
    pub unit: Option<&'a str>,
    pub source: &'static str,
}

/// Address and port.
#[derive(Clone, Debug, Serialize)]
pub struct End {
    pub ip: String,
    pub port: u16,
}

/// What a watched host is.
#[derive(Clone, Debug, Serialize)]
pub struct Role<'a> {
    pub service: &'static str,
    pub ca: Option<&'a str>,
    pub staging: bool,
    pub predecessor: bool,
    pub grammatical: bool,
}

/// What was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Asked<'a> {
    pub serials: Vec<String>,
    pub issuer: Option<&'a str>,
    pub shard: Option<u32>,
    pub conditional: bool,
}

/// What was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Answer<'a> {
    pub http_status: Option<u16>,
    pub ocsp_status: Option<&'static str>,
    pub ocsp: Option<Vec<OcspAnswer>>,
    pub crl: Option<CrlView<'a>>,
    pub certificate: Option<CertificateView<'a>>,
    pub signature: &'static str,
    pub failure: Option<FailureView>,
    pub redirect: Option<&'a str>,
}

/// One answer of an OCSP response.
#[derive(Clone, Debug, Serialize)]
pub struct OcspAnswer {
    pub serial: String,
    pub status: &'static str,
    pub reason: Option<u8>,
    pub this_update: String,
    pub next_update: Option<String>,
    pub revoked_at: Option<String>,
}

/// A revocation list.
#[derive(Clone, Debug, Serialize)]
pub struct CrlView<'a> {
    pub issuer: &'a str,
    pub this_update: String,
    pub next_update: Option<String>,
    pub number: Option<&'a str>,
    pub entries: u64,
    pub idp_urls: Vec<&'a str>,
    pub idp_is_url: Option<bool>,
    pub crldp_is_url: Option<bool>,
    pub revoked_seen: Vec<RevokedSeen>,
}

/// A certificate of this capture that a list holds.
#[derive(Clone, Debug, Serialize)]
pub struct RevokedSeen {
    pub serial: String,
    pub revoked_at: Option<String>,
    pub reason: Option<u8>,
}

/// A certificate.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateView<'a> {
    pub subject: &'a str,
    pub issuer: &'a str,
    pub serial: String,
    pub not_before: String,
    pub not_after: String,
    pub sha256: String,
}

/// Why there is no answer of use.
#[derive(Clone, Debug, Serialize)]
pub struct FailureView {
    pub kind: &'static str,
    pub detail: Option<String>,
}

/// The verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict<'a> {
    pub outcome: &'static str,
    pub cause: &'static str,
    pub confidence: &'static str,
    pub site: Option<&'a str>,
    pub under: Option<&'a str>,
    pub missing: Vec<&'static str>,
}

/// A handshake weighed against the contact.
#[derive(Clone, Debug, Serialize)]
pub struct CandidateView {
    pub site: Option<String>,
    pub site_source: &'static str,
    pub direction: &'static str,
    pub server: End,
    pub protocol: &'static str,
    pub ja4: Option<String>,
    pub community_id: Option<String>,
    pub serial: Option<String>,
    pub confidence: &'static str,
    pub frames: CandidateFrames,
    pub lead_ms: f64,
    pub evidence: Vec<EvidenceView>,
}

/// Frames of a handshake.
#[derive(Clone, Debug, Serialize)]
pub struct CandidateFrames {
    pub client_hello: Option<u64>,
    pub server_hello: Option<u64>,
    pub certificate: Option<u64>,
}

/// One piece of evidence.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceView {
    pub rule: &'static str,
    pub bearing: &'static str,
    pub weight: Option<&'static str>,
    pub text: String,
    pub frames: Vec<u64>,
}

/// Durations in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct TimingView {
    pub lookup_ms: Option<f64>,
    pub connect_ms: Option<f64>,
    pub wait_ms: Option<f64>,
    pub delayed_handshake_ms: Option<f64>,
}

/// An alert.
#[derive(Clone, Debug, Serialize)]
pub struct AlertView<'a> {
    pub rule: &'static str,
    pub severity: &'static str,
    pub subject: Option<&'a str>,
    pub text: String,
    pub benign: &'static str,
    pub frames: Vec<u64>,
    pub since: Option<String>,
    pub reason: Option<u8>,
    pub aftermath: &'static str,
}

/// Frames of the contact.
#[derive(Clone, Debug, Serialize)]
pub struct Frames {
    pub dns: Vec<u64>,
    pub connect: Vec<u64>,
    pub request: Vec<u64>,
    pub response: Vec<u64>,
}

impl<'a> Record<'a> {
    /// The record of a finding.
    #[must_use]
    pub fn new(finding: &'a Finding, report: &'a Report, options: &'a Options) -> Self {
        let (file, interface) = options.interface(finding.interface);
        let verdict = &finding.verdict;
        Self {
            schema: SCHEMA,
            id: finding.id.0,
            revision: finding.revision,
            at: rfc3339(finding.at),
            began_at: rfc3339(finding.began_at),
            ended_at: rfc3339(finding.ended_at),
            capture: Capture { file, interface },
            client: client(&finding.client),
            server: finding.server.map(end),
            community_id: finding.community_id.as_ref().map(words::community_id),
            kind: finding.kind.word(),
            stage: finding.stage.word(),
            host: finding.host.as_str(),
            role: finding.role.as_ref().map(|role| Role {
                service: role.service.word(),
                ca: role.ca,
                staging: role.staging,
                predecessor: role.predecessor,
                grammatical: role.grammatical,
            }),
            method: finding.method.as_deref(),
            url: finding.url.as_deref(),
            proxied: finding.proxied,
            asked: Asked {
                serials: finding
                    .asked
                    .serials
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                issuer: finding.asked.issuer.as_deref(),
                shard: finding.asked.shard,
                conditional: finding.asked.conditional,
            },
            answer: answer(finding),
            verdict: Verdict {
                outcome: verdict.outcome.word(),
                cause: verdict.cause.word(),
                confidence: verdict.confidence.word(),
                site: verdict.site.as_deref(),
                under: verdict.under.as_deref(),
                missing: verdict.missing.iter().map(Word::word).collect(),
            },
            candidates: finding
                .candidates
                .iter()
                .map(|c| candidate(c, finding))
                .collect(),
            passes_on: finding.passes_on.as_ref().map(facts::passed_on),
            rejected: finding
                .rejected
                .iter()
                .map(|c| candidate(c, finding))
                .collect(),
            left_out: LeftOut {
                candidates: finding.left_out.candidates,
                rejected: finding.left_out.rejected,
            },
            timing: timing(&finding.timing),
            aftermath: finding.aftermath.word(),
            alerts: finding.alerts.iter().map(alert).collect(),
            trigger: group::trigger(finding, report)
                .and_then(|h| Some(facts::trigger(report.dossier(h.id)?, h))),
            frames: Frames {
                dns: numbers(&finding.frames.dns),
                connect: numbers(&finding.frames.connect),
                request: numbers(&finding.frames.request),
                response: numbers(&finding.frames.response),
            },
            count: finding.count,
            headline: prose::headline(finding),
            why: prose::why(finding, report),
            advice: prose::advice(finding),
            filter: filter(finding),
        }
    }
}

/// An alert.
#[must_use]
pub fn alert(alert: &Alert) -> AlertView<'_> {
    AlertView {
        rule: alert.rule,
        severity: alert.severity.word(),
        subject: (!alert.subject.is_empty()).then_some(alert.subject.as_str()),
        text: prose::alert(alert),
        benign: prose::benign(alert),
        frames: numbers(&alert.frames),
        since: alert.since.map(rfc3339),
        reason: alert.reason,
        aftermath: alert.aftermath.word(),
    }
}

/// Milliseconds with three decimals: captures are rarely truer than a microsecond.
#[must_use]
pub fn millis(span: Span) -> f64 {
    Span::from_nanos(
        span.as_nanos()
            .saturating_add(if span.is_negative() { -500 } else { 500 })
            / 1_000
            * 1_000,
    )
    .as_millis_f64()
}

fn client(party: &Party) -> Client<'_> {
    Client {
        ip: party.ip.to_string(),
        port: party.port,
        device: &party.device_label,
        agent: party.agent.as_deref(),
        user_agent: party.user_agent.as_deref(),
        process: party.process.as_deref().map(process),
    }
}

fn process(process: &Process) -> ProcessView<'_> {
    ProcessView {
        pid: process.pid,
        name: &process.name,
        command: process.command.as_deref(),
        user: process.user.as_deref(),
        parent: process.parent.as_deref(),
        unit: process.unit.as_deref(),
        source: process.source,
    }
}

pub(super) fn end(address: std::net::SocketAddr) -> End {
    End {
        ip: address.ip().to_string(),
        port: address.port(),
    }
}

fn answer(finding: &Finding) -> Answer<'_> {
    let answer = &finding.answer;
    Answer {
        http_status: answer.http_status,
        ocsp_status: answer.ocsp.as_ref().map(|o| response_status(o.status)),
        ocsp: answer.ocsp.as_deref().map(ocsp),
        crl: answer.crl.as_deref().map(|facts| {
            crl(
                facts,
                answer.place.unwrap_or_default(),
                &answer.revoked_seen,
            )
        }),
        certificate: answer.certificates.first().map(|c| certificate(c)),
        signature: answer.signature.word(),
        failure: answer.failure.map(|failure| FailureView {
            kind: failure.word(),
            detail: match failure {
                Failure::Sinkhole(ip) => Some(ip.to_string()),
                Failure::Http(code) => Some(code.to_string()),
                Failure::OcspError(code) => Some(code.to_string()),
                Failure::Lookup(crate::event::DnsOutcome::Failed(code)) => Some(code.to_string()),
                _ => None,
            },
        }),
        redirect: answer.redirect.as_deref(),
    }
}

fn ocsp(response: &OcspResponse) -> Vec<OcspAnswer> {
    let one = |single: &crate::pki::ocsp::SingleResponse| {
        let (revoked_at, reason) = revocation(single.status);
        OcspAnswer {
            serial: single.id.serial.to_string(),
            status: single.status.word(),
            reason,
            this_update: rfc3339(single.this_update),
            next_update: single.next_update.map(rfc3339),
            revoked_at,
        }
    };
    response.answers.iter().map(one).collect()
}

fn crl<'a>(
    facts: &'a CrlFacts,
    place: CrlPlace,
    seen: &[(crate::pki::cert::Serial, CertStatus)],
) -> CrlView<'a> {
    CrlView {
        issuer: facts.issuer_cn.as_deref().unwrap_or(&facts.issuer),
        this_update: rfc3339(facts.this_update),
        next_update: facts.next_update.map(rfc3339),
        number: facts.number.as_deref(),
        entries: facts.entries,
        idp_urls: facts.idp_urls.iter().map(String::as_str).collect(),
        idp_is_url: place.own,
        crldp_is_url: place.named,
        revoked_seen: seen
            .iter()
            .map(|(serial, status)| {
                let (revoked_at, reason) = revocation(*status);
                RevokedSeen {
                    serial: serial.to_string(),
                    revoked_at,
                    reason,
                }
            })
            .collect(),
    }
}

pub(super) fn revocation(status: CertStatus) -> (Option<String>, Option<u8>) {
    match status {
        CertStatus::Revoked { at, reason } => (Some(rfc3339(at)), reason),
        CertStatus::Good | CertStatus::Unknown => (None, None),
    }
}

fn certificate(certificate: &Certificate) -> CertificateView<'_> {
    use std::fmt::Write as _;
    let sha256 = certificate
        .fingerprint
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
    CertificateView {
        subject: &certificate.subject,
        issuer: &certificate.issuer,
        serial: certificate.serial.to_string(),
        not_before: rfc3339(certificate.not_before),
        not_after: rfc3339(certificate.not_after),
        sha256,
    }
}

fn candidate(candidate: &Candidate, finding: &Finding) -> CandidateView {
    let HandshakeFrames {
        client_hello,
        server_hello,
        certificate,
        ..
    } = candidate.frames;
    let number = |frame: Option<FrameNo>| frame.map(FrameNo::get);
    CandidateView {
        site: candidate.site.name().map(Cow::into_owned),
        site_source: Site::word(&candidate.site),
        direction: candidate.direction.word(),
        server: end(candidate.server),
        protocol: candidate.protocol,
        ja4: (!candidate.ja4.is_empty()).then(|| candidate.ja4.to_string()),
        community_id: candidate.community_id.as_ref().map(words::community_id),
        serial: candidate.serial.as_ref().map(ToString::to_string),
        confidence: candidate.confidence.word(),
        frames: CandidateFrames {
            client_hello: number(client_hello),
            server_hello: number(server_hello),
            certificate: number(certificate),
        },
        lead_ms: millis(candidate.lead),
        evidence: candidate
            .evidence
            .iter()
            .map(|e| evidence(e, candidate, finding))
            .collect(),
    }
}

fn evidence(evidence: &Evidence, candidate: &Candidate, finding: &Finding) -> EvidenceView {
    EvidenceView {
        rule: evidence.rule,
        bearing: evidence.bearing.word(),
        weight: match evidence.bearing {
            Bearing::Supports(weight) | Bearing::Opposes(weight) => Some(weight.word()),
            Bearing::Decides | Bearing::Excludes => None,
        },
        text: prose::evidence(evidence, candidate, finding),
        frames: numbers(&evidence.frames),
    }
}

fn timing(timing: &Timing) -> TimingView {
    TimingView {
        lookup_ms: timing.lookup.map(millis),
        connect_ms: timing.connect.map(millis),
        wait_ms: timing.wait.map(millis),
        delayed_handshake_ms: timing.delayed_handshake.map(millis),
    }
}

pub(super) fn numbers(frames: &[FrameNo]) -> Vec<u64> {
    frames.iter().map(|f| f.get()).collect()
}

const fn response_status(status: ResponseStatus) -> &'static str {
    match status {
        ResponseStatus::Successful => "successful",
        ResponseStatus::MalformedRequest => "malformed-request",
        ResponseStatus::InternalError => "internal-error",
        ResponseStatus::TryLater => "try-later",
        ResponseStatus::SigRequired => "sig-required",
        ResponseStatus::Unauthorized => "unauthorized",
        ResponseStatus::Other(_) => "other",
    }
}
