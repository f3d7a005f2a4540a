//! The parts of sample reports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use smallvec::smallvec;

use crate::event::{Carrier, Name};
use crate::finding::*;
use crate::flow::FlowId;
use crate::frame::{FrameNo, InterfaceId};
use crate::pki::cert::{Certificate, KeyKind, NameHashes, Serial};
use crate::pki::endpoint::{HostRole, Service};
use crate::pki::ocsp::{
    CertId, CertStatus, HashKind, OcspResponse, ResponseStatus, SingleResponse,
};
use crate::time::Span;

use super::START;

/// Compares with `tests/snapshots/report_NAME.snap`.
pub(crate) fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("report_{name}"), text));
}

pub(crate) fn evidence(
    rule: &'static str,
    bearing: Bearing,
    facts: Facts,
    frames: &[u64],
) -> Evidence {
    Evidence {
        rule,
        bearing,
        facts,
        frames: frames.iter().copied().map(FrameNo::new).collect(),
    }
}

pub(crate) fn alert(
    rule: &'static str,
    severity: Severity,
    subject: &str,
    frames: &[u64],
) -> Alert {
    let frames = frames.iter().copied().map(FrameNo::new).collect();
    Alert::new(rule, severity, subject, frames)
}

pub(crate) fn candidate(site: &str, confidence: Confidence) -> Candidate {
    Candidate {
        handshake: HandshakeId(1),
        direction: Direction::Outbound,
        site: Site::Sni(Name::new(site)),
        server: SocketAddr::from(([93, 184, 216, 34], 443)),
        protocol: "TLS 1.2",
        ja4: "t12d1516h2_8daaf6152771_e5627efa2ab1".into(),
        community_id: Some(CommunityId([
            0x84, 0x9a, 0x44, 0x68, 0xec, 0xcd, 0x98, 0x1a, 0x86, 0xde, 0x36, 0x6d, 0xd1, 0x5b,
            0xd0, 0x9b, 0x41, 0xe4, 0xdd, 0x94,
        ])),
        serial: None,
        confidence,
        evidence: vec![],
        frames: HandshakeFrames {
            client_hello: Some(FrameNo::new(12)),
            server_hello: Some(FrameNo::new(14)),
            certificate: Some(FrameNo::new(15)),
            certificate_first: Some(FrameNo::new(14)),
        },
        lead: Span::from_nanos(84_200_000),
    }
}

pub(super) fn finding(
    id: u64,
    kind: ContactKind,
    host: &str,
    service: Service,
    ca: Option<&'static str>,
) -> Finding {
    let at = START.plus(Span::from_nanos(
        i64::try_from(id).unwrap() * 1_500_000_000 + 805_447_123,
    ));
    Finding {
        id: FindingId(id),
        revision: 1,
        at,
        began_at: at.minus(Span::from_millis(22)),
        ended_at: at.plus(Span::from_millis(31)),
        interface: InterfaceId(0),
        flow: Some(FlowId(id)),
        community_id: Some(CommunityId([
            0xd1, 0x7a, 0xb8, 0xce, 0xb4, 0x30, 0x36, 0xa2, 0x7c, 0x98, 0x7f, 0x6e, 0x43, 0xc6,
            0xc8, 0xb8, 0x6f, 0x42, 0xed, 0xb3,
        ])),
        client: Party {
            ip: client_ip(),
            port: Some(50_514),
            device: DeviceId(1),
            device_label: "aa:bb:cc:00:11:22".into(),
            agent: Some("Firefox 128".into()),
            user_agent: Some(
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".into(),
            ),
            process: None,
        },
        server: Some(SocketAddr::from(([23, 2, 77, 119], 80))),
        kind,
        stage: Stage::Answered,
        host: Name::new(host),
        role: Some(HostRole {
            service,
            label: host.split('.').next().map(str::to_owned),
            ca,
            staging: false,
            predecessor: false,
            grammatical: true,
        }),
        method: None,
        url: None,
        proxied: false,
        asked: Question::default(),
        answer: Answer::default(),
        verdict: verdict(
            Outcome::Unexplained,
            Cause::Unknown,
            Confidence::Possible,
            None,
        ),
        passes_on: None,
        candidates: vec![],
        rejected: vec![],
        left_out: LeftOut::default(),
        timing: Timing::default(),
        aftermath: Aftermath::Unknown,
        alerts: vec![],
        frames: ContactFrames {
            dns: smallvec![FrameNo::new(20), FrameNo::new(21)],
            connect: smallvec![FrameNo::new(24)],
            request: smallvec![FrameNo::new(27)],
            response: smallvec![FrameNo::new(30)],
        },
        count: 1,
    }
}

pub(super) fn verdict(
    outcome: Outcome,
    cause: Cause,
    confidence: Confidence,
    site: Option<&str>,
) -> Verdict {
    Verdict {
        outcome,
        cause,
        confidence,
        site: site.map(str::to_owned),
        under: None,
        missing: vec![],
    }
}

pub(super) fn handshake(id: u64, site: &str, serial: &[u8]) -> Handshake {
    let hello_at = START.plus(Span::from_secs(2));
    Handshake {
        client_device: DeviceId(1),
        site: Site::Sni(Name::new(site)),
        visibility: Visibility::Clear,
        outcome: HandshakeOutcome::Used,
        seen: Arc::new(Seen {
            id: HandshakeId(id),
            flow: FlowId(id),
            client: SocketAddr::new(client_ip(), 50_000),
            server: SocketAddr::from(([93, 184, 216, 34], 443)),
            carrier: Carrier::Tls,
            version: Some(0x0303),
            suite: Some(0xc02f),
            alpn: ["h2".to_owned()].into(),
            ja4: "t12d1234h2_000000000000_000000000000".into(),
            random: None,
            ech_offered: false,
            chain: [Arc::new(certificate(site, serial, "R10"))].into(),
            provenance: Some(crate::event::Provenance::Clear),
            staple: None,
            wanted_staple: true,
            opened_at: Some(hello_at.minus(Span::from_millis(20))),
            hello_at,
            server_hello_at: Some(hello_at.plus(Span::from_millis(20))),
            certificate_at: Some(hello_at.plus(Span::from_millis(21))),
            first_data_at: Some(hello_at.plus(Span::from_millis(160))),
            frames: HandshakeFrames::default(),
            beats: Beats::default(),
            bytes: Some([1_200, 45_000]),
            ending: None,
            process: None,
        }),
    }
}

pub(super) fn certificate(name: &str, serial: &[u8], issuer: &str) -> Certificate {
    Certificate {
        fingerprint: [7; 32],
        serial: Serial::new(serial),
        subject: format!("CN={name}"),
        subject_cn: Some(name.into()),
        issuer: format!("CN={issuer}, O=Let's Encrypt, C=US"),
        issuer_cn: Some(issuer.into()),
        subject_hash: hashes(),
        issuer_hash: hashes(),
        key_hash: hashes(),
        authority_key_id: None,
        subject_key_id: None,
        not_before: START.minus(Span::from_secs(86_400 * 12)),
        not_after: START.plus(Span::from_secs(86_400 * 78)),
        names: vec![name.into(), format!("www.{name}")],
        addresses: vec![],
        ocsp_urls: vec![],
        issuer_urls: vec![],
        crl_urls: vec![],
        must_staple: false,
        is_ca: false,
        self_issued: false,
        key: KeyKind::Rsa(2048),
        der: Arc::from([0x30, 0].as_slice()),
    }
}

pub(super) fn ocsp_response(serial: &Serial, status: CertStatus) -> OcspResponse {
    OcspResponse {
        status: ResponseStatus::Successful,
        produced_at: Some(START),
        answers: vec![SingleResponse {
            id: CertId {
                hash: HashKind::Sha1,
                issuer_name_hash: vec![1; 20],
                issuer_key_hash: vec![2; 20],
                serial: serial.clone(),
            },
            status,
            this_update: START.minus(Span::from_secs(86_400)),
            next_update: Some(START.plus(Span::from_secs(86_400 * 6))),
        }],
        responder_key_hash: None,
        responder_name: None,
        has_certificates: false,
    }
}

pub(super) fn hashes() -> NameHashes {
    NameHashes {
        sha1: [1; 20],
        sha256: [2; 32],
    }
}

pub(super) fn client_ip() -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5))
}
