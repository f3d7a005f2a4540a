//! Facts around the findings of the sample, with text in them that nobody should obey.

use std::sync::Arc;

use crate::event::{DnsOutcome, Name};
use crate::finding::health::{Fault, Problem};
use crate::finding::*;
use crate::frame::FrameNo;
use crate::pki::ocsp::CertStatus;
use crate::time::Span;

use super::START;
use super::parts::certificate;

pub(super) fn dossier() -> Dossier {
    let leaf = certificate("shop.example", &[3, 0xab, 0xcd], "R10");
    Dossier {
        handshake: HandshakeId(1),
        first: Visit {
            at: START,
            frame: Some(FrameNo::new(5)),
            device: DeviceId(1),
        },
        visits: 7,
        devices: 2,
        learned: Learned::Lookup {
            name: Name::new("shop.example"),
            at: START,
            frame: FrameNo::new(9),
        },
        certificate: Some(Shown {
            age: START.since(leaf.not_before),
            lifetime: leaf.not_after.since(leaf.not_before),
            certificate: Arc::new(leaf),
            visibility: Visibility::Learned,
            expired: false,
        }),
        same_certificate: Others {
            names: vec!["<script>alert(1)</script>".into(), "\u{1b}[2J".into()],
            more: 3,
        },
        same_address: Others {
            names: vec!["=cmd|x".into()],
            more: 0,
        },
        fingerprint: Fingerprint {
            ja4: "t12d1234h2_000000000000_000000000000".into(),
            handshakes: 7,
            devices: 1,
            of: 14,
        },
        bytes: [12_345, 45_000_000],
        counted: 6,
        period: Some(Period {
            every: Span::from_secs(60),
            jitter: Span::from_millis(300),
            visits: 7,
        }),
        oddities: vec![Oddity::Port(4444), Oddity::Alpn("x\u{202e}y".into())],
        later_alerts: vec![FindingId(5)],
    }
}

pub(super) fn server() -> ServerHealth {
    let frames = || vec![FrameNo::new(15)];
    let problem = |what| Problem {
        what,
        frames: frames(),
    };
    ServerHealth {
        site: "shop.example".into(),
        server: ([93, 184, 216, 34], 443).into(),
        handshakes: 7,
        last: HandshakeId(1),
        asked_staple: 7,
        stapled: 2,
        must_staple: true,
        staple: Some(StapleFacts {
            at: START,
            frame: FrameNo::new(16),
            status: Some(CertStatus::Good),
            age: Some(Span::from_secs(7_200)),
            next_update: Some(START.plus(Span::from_secs(86_400))),
            signature: Signature::Verified,
        }),
        problems: vec![
            problem(Fault::MustStapleUnmet(5)),
            problem(Fault::MissingIntermediate {
                issuer: "<b>R10".into(),
                url: Some("http://r10.i.lencr.org/".into()),
            }),
            problem(Fault::ExpiredCa("DST Root CA X3".into(), START)),
        ],
        cost: Cost {
            fetches: 3,
            held: 2,
            total: Span::from_millis(240),
            longest: Span::from_millis(140),
            findings: vec![FindingId(1), FindingId(2)],
        },
    }
}

pub(super) fn outage() -> Outage {
    Outage {
        way: Way::Lookup,
        since: START,
        until: START.plus(Span::from_secs(600)),
        over_at: None,
        failed: 5,
        succeeded: 1,
        hosts: vec![
            (Name::new("r10.o.lencr.org"), 3),
            (Name::new("r11.c.lencr.org"), 2),
        ],
        resolvers: vec![[10, 0, 0, 1].into()],
        devices: vec![DeviceId(1), DeviceId(2)],
        device_labels: vec!["aa:bb:cc:00:11:22".into(), "10.0.0.6".into()],
        failures: vec![(Failure::Lookup(DnsOutcome::ServerFailure), 5)],
        failed_open: 3,
        failed_closed: 1,
        frames: vec![FrameNo::new(70), FrameNo::new(71)],
        staples: vec![RunningOut {
            site: "shop.example".into(),
            server: ([93, 184, 216, 34], 443).into(),
            next_update: START.plus(Span::from_secs(86_400)),
        }],
    }
}

pub(super) fn privacy() -> Privacy {
    let site = |site: &str, seen: &[u64]| GivenAway {
        site: site.into(),
        ocsp: vec![FindingId(1)],
        lookups: seen.iter().map(|n| FrameNo::new(*n)).collect(),
        server_names: seen.iter().map(|n| FrameNo::new(*n)).collect(),
        certificates: Vec::new(),
    };
    Privacy {
        sites: vec![site("hidden.example", &[]), site("shop.example", &[12])],
        unknown_serials: 2,
    }
}
