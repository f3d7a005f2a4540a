//! Reports made by hand, for the tests of presenters.

mod facts;
mod parts;

use std::sync::Arc;

use smallvec::smallvec;

use crate::event::{BlindSpot, DnsOutcome, Name};
use crate::finding::*;
use crate::frame::FrameNo;
use crate::pki::cert::Serial;
use crate::pki::crl::CrlFacts;
use crate::pki::endpoint::Service;
use crate::pki::ocsp::CertStatus;
use crate::report::{Interface, Options};
use crate::time::{Span, Timestamp};

use parts::*;
pub(crate) use parts::{alert, candidate, evidence, snapshot};

/// 2025-06-01T10:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_748_772_000);

/// One finding of each kind that presenters must tell apart.
pub(crate) fn report() -> (Report, Options) {
    let findings = vec![
        ocsp_proven(1),
        ocsp_again(2),
        any_under(3),
        issuer_chase(4),
        stapling(5),
        unexplained(6),
        lookup_only(7),
        disguise(8),
        hostile(9),
        one_of(10),
    ];
    let coverage = Coverage {
        span: Some((START, START.plus(Span::from_secs(42)))),
        frames: 1234,
        bytes: 987_654,
        flows: [31, 12],
        midstream_flows: 1,
        handshakes: 14,
        handshakes_clear: 9,
        handshakes_hidden: 4,
        handshakes_resumed: 1,
        blind: [(BlindSpot::Doh, 2)].into(),
        ..Coverage::default()
    };
    let report = Report {
        findings,
        handshakes: vec![handshake(1, "shop.example", &[3, 0xab, 0xcd])],
        around: Vec::new(),
        devices: vec![Device {
            id: DeviceId(1),
            label: "aa:bb:cc:00:11:22".into(),
            mac: Some(crate::event::Mac([0xaa, 0xbb, 0xcc, 0, 0x11, 0x22])),
            addresses: vec![client_ip()],
            shared: false,
            clients: vec!["Firefox 128".into()],
            blind: std::collections::BTreeMap::new(),
        }],
        lookups: vec![],
        dossiers: vec![facts::dossier()],
        servers: vec![facts::server()],
        outages: vec![facts::outage()],
        privacy: facts::privacy(),
        coverage,
        alerts: vec![alert(
            "outage",
            Severity::Medium,
            "r11.c.lencr.org, 3 of 3 contacts",
            &[70, 71],
        )],
    };
    let options = Options {
        sources: vec!["lab.pcapng".into()],
        interfaces: vec![Interface {
            file: Some("lab.pcapng".into()),
            name: Some("eth0".into()),
        }],
        tool_version: "0.1.0".into(),
        ..Options::default()
    };
    (report, options)
}

/// An OCSP request proven by its serial.
pub(crate) fn ocsp_proven(id: u64) -> Finding {
    let serial = Serial::new(&[3, 0xab, 0xcd]);
    let mut finding = finding(
        id,
        ContactKind::Ocsp,
        "r10.o.lencr.org",
        Service::Ocsp,
        Some("R10"),
    );
    finding.method = Some("POST".into());
    finding.url = Some("http://r10.o.lencr.org/".into());
    finding.asked = Question {
        serials: vec![serial.clone()],
        issuer: Some("R10".into()),
        ..Question::default()
    };
    finding.answer = Answer {
        http_status: Some(200),
        ocsp: Some(Arc::new(ocsp_response(&serial, CertStatus::Good))),
        signature: Signature::Verified,
        ..Answer::default()
    };
    finding.verdict = verdict(
        Outcome::Site,
        Cause::RevocationCheck,
        Confidence::Proven,
        Some("shop.example"),
    );
    finding.candidates = vec![Candidate {
        serial: Some(serial.clone()),
        evidence: vec![
            evidence(
                "same-serial",
                Bearing::Decides,
                Facts::SameSerial {
                    serial,
                    position: 0,
                    visibility: Visibility::Clear,
                },
                &[15, 27],
            ),
            evidence(
                "handshake-waited",
                Bearing::Supports(Weight::Strong),
                Facts::HandshakeWaited {
                    silence: Span::from_millis(112),
                    resumed_after: Span::from_millis(3),
                    shared: false,
                },
                &[16, 30, 31],
            ),
        ],
        ..candidate("shop.example", Confidence::Proven)
    }];
    finding.rejected = vec![Candidate {
        evidence: vec![evidence(
            "serial-differs",
            Bearing::Excludes,
            Facts::SerialDiffers {
                own: Serial::new(&[4, 1]),
            },
            &[22],
        )],
        ..candidate("other.example", Confidence::Possible)
    }];
    finding.timing = Timing {
        lookup: Some(Span::from_nanos(12_100_000)),
        connect: Some(Span::from_nanos(9_800_400)),
        wait: Some(Span::from_millis(31)),
        delayed_handshake: Some(Span::from_nanos(112_400_000)),
    };
    finding.aftermath = Aftermath::WentOn;
    finding
}

/// The same question once more, as Firefox does.
pub(crate) fn ocsp_again(id: u64) -> Finding {
    let mut finding = ocsp_proven(id);
    finding.frames.request = smallvec![FrameNo::new(28)];
    finding.frames.response = smallvec![FrameNo::new(33)];
    finding
}

/// A root's list under two sites.
pub(crate) fn any_under(id: u64) -> Finding {
    let mut finding = finding(
        id,
        ContactKind::Crl,
        "x1.c.lencr.org",
        Service::Crl,
        Some("ISRG Root X1"),
    );
    finding.client.agent = Some("Windows CryptoAPI".into());
    finding.method = Some("GET".into());
    finding.url = Some("http://x1.c.lencr.org/".into());
    finding.asked.issuer = Some("ISRG Root X1".into());
    finding.answer = Answer {
        http_status: Some(200),
        crl: Some(Arc::new(CrlFacts {
            issuer: "CN=ISRG Root X1, O=Internet Security Research Group, C=US".into(),
            issuer_cn: Some("ISRG Root X1".into()),
            issuer_hash: hashes(),
            this_update: START.minus(Span::from_secs(86_400)),
            next_update: Some(START.plus(Span::from_secs(86_400 * 300))),
            number: Some("45".into()),
            idp_urls: vec![],
            only_user: false,
            only_ca: true,
            entries: 2,
        })),
        signature: Signature::Verified,
        ..Answer::default()
    };
    finding.verdict = Verdict {
        under: Some("ISRG Root X1".into()),
        ..verdict(
            Outcome::AnyUnder,
            Cause::RevocationCheck,
            Confidence::Strong,
            None,
        )
    };
    finding.candidates = ["shop.example", "news.example"]
        .map(|s| candidate(s, Confidence::Strong))
        .into();
    for candidate in &mut finding.candidates {
        candidate.evidence = vec![evidence(
            "named-in-certificate",
            Bearing::Supports(Weight::Strong),
            Facts::NamedInCertificate {
                url: "http://x1.c.lencr.org/".into(),
                position: 1,
                visibility: Visibility::Clear,
                shared: true,
            },
            &[15],
        )];
    }
    finding
}

/// A chain completed by the client.
pub(crate) fn issuer_chase(id: u64) -> Finding {
    let mut finding = finding(
        id,
        ContactKind::Issuer,
        "e7.i.lencr.org",
        Service::Issuer,
        Some("E7"),
    );
    finding.method = Some("GET".into());
    finding.url = Some("http://e7.i.lencr.org/".into());
    finding.answer = Answer {
        http_status: Some(200),
        certificates: vec![Arc::new(certificate("E7", &[0x0a, 1], "ISRG Root X1"))],
        signature: Signature::Verified,
        ..Answer::default()
    };
    finding.verdict = verdict(
        Outcome::Site,
        Cause::IssuerChase,
        Confidence::Strong,
        Some("leafonly.example"),
    );
    finding.candidates = vec![Candidate {
        protocol: "QUIC",
        evidence: vec![
            evidence(
                "intermediate-missing",
                Bearing::Supports(Weight::Strong),
                Facts::IntermediateMissing,
                &[41],
            ),
            evidence(
                "inside-handshake",
                Bearing::Supports(Weight::Fair),
                Facts::InsideHandshake {
                    lead: Span::from_millis(35),
                },
                &[40, 44],
            ),
        ],
        ..candidate("leafonly.example", Confidence::Strong)
    }];
    finding
}

/// A server that staples.
pub(crate) fn stapling(id: u64) -> Finding {
    let serial = Serial::new(&[3, 0x11]);
    let mut finding = finding(
        id,
        ContactKind::Ocsp,
        "e6.o.lencr.org",
        Service::Ocsp,
        Some("E6"),
    );
    finding.client.agent = None;
    finding.client.user_agent = None;
    finding.method = Some("GET".into());
    finding.url = Some("http://e6.o.lencr.org/MFMwUTBP".into());
    finding.asked.serials = vec![serial.clone()];
    finding.answer = Answer {
        http_status: Some(200),
        ocsp: Some(Arc::new(ocsp_response(&serial, CertStatus::Good))),
        signature: Signature::Verified,
        ..Answer::default()
    };
    finding.verdict = verdict(
        Outcome::NoOutbound,
        Cause::Stapling,
        Confidence::Proven,
        Some("www.own.example"),
    );
    finding.candidates = vec![Candidate {
        direction: Direction::Inbound,
        evidence: vec![
            evidence(
                "own-certificate",
                Bearing::Decides,
                Facts::OwnCertificate { serial },
                &[50],
            ),
            evidence(
                "visitor-wanted-staple",
                Bearing::Supports(Weight::Fair),
                Facts::VisitorWantedStaple {
                    lead: Span::from_millis(4),
                },
                &[48],
            ),
        ],
        ..candidate("www.own.example", Confidence::Proven)
    }];
    finding
}

/// A list that nothing explains.
pub(crate) fn unexplained(id: u64) -> Finding {
    let mut finding = finding(
        id,
        ContactKind::Crl,
        "r11.c.lencr.org",
        Service::Crl,
        Some("R11"),
    );
    finding.method = Some("GET".into());
    finding.url = Some("http://r11.c.lencr.org/58.crl".into());
    finding.asked.shard = Some(58);
    finding.stage = Stage::Asked;
    finding.answer.failure = Some(Failure::Unanswered);
    finding.verdict = Verdict {
        missing: vec![Missing::KeyLog, Missing::EarlierStart],
        ..verdict(
            Outcome::Unexplained,
            Cause::Unknown,
            Confidence::Possible,
            None,
        )
    };
    finding.rejected = vec![Candidate {
        evidence: vec![evidence(
            "shard-differs",
            Bearing::Excludes,
            Facts::ShardDiffers { own: 7 },
            &[61],
        )],
        ..candidate("near.example", Confidence::Possible)
    }];
    finding
}

/// A lookup that a filter answered.
pub(crate) fn lookup_only(id: u64) -> Finding {
    let mut finding = finding(
        id,
        ContactKind::Ocsp,
        "r3.o.lencr.org",
        Service::Ocsp,
        Some("R3"),
    );
    finding.stage = Stage::LookedUp;
    finding.client.port = None;
    finding.server = None;
    finding.flow = None;
    finding.answer.failure = Some(Failure::Lookup(DnsOutcome::NoSuchName));
    finding.aftermath = Aftermath::WentOn;
    finding.verdict = verdict(
        Outcome::Site,
        Cause::RevocationCheck,
        Confidence::Likely,
        Some("old.example"),
    );
    finding.candidates = vec![Candidate {
        evidence: vec![evidence(
            "issuer-matches",
            Bearing::Supports(Weight::Fair),
            Facts::IssuerMatches {
                issuer: "R3".into(),
            },
            &[64],
        )],
        ..candidate("old.example", Confidence::Likely)
    }];
    finding.alerts = vec![alert("lookup-failed", Severity::Low, "NXDOMAIN", &[66])];
    finding.frames = ContactFrames {
        dns: smallvec![FrameNo::new(65), FrameNo::new(66)],
        ..ContactFrames::default()
    };
    finding
}

/// A request that only uses the name.
pub(crate) fn disguise(id: u64) -> Finding {
    let mut finding = finding(
        id,
        ContactKind::Crl,
        "r10.c.lencr.org",
        Service::Crl,
        Some("R10"),
    );
    finding.method = Some("POST".into());
    finding.url = Some("http://r10.c.lencr.org/upload".into());
    finding.answer.http_status = Some(200);
    finding.verdict = verdict(
        Outcome::Unexplained,
        Cause::Disguise,
        Confidence::Strong,
        None,
    );
    finding.alerts = vec![
        alert("odd-method", Severity::Medium, "POST", &[81]),
        alert(
            "address-not-from-dns",
            Severity::High,
            "203.0.113.66",
            &[80],
        ),
    ];
    finding
}

/// Strings that want to do harm.
pub(crate) fn hostile(id: u64) -> Finding {
    let mut finding = unexplained(id);
    let nasty =
        "\u{1b}[2J\u{202e}<script>alert(1)</script>=cmd|' /C calc'!A0\r\n[x](javascript:1)`@all";
    finding.client.user_agent = Some(nasty.into());
    finding.client.agent = Some(nasty.into());
    finding.client.device_label = nasty.into();
    finding.method = Some(nasty.into());
    finding.url = Some(format!("=http://r11.c.lencr.org/{nasty}"));
    finding.answer.redirect = Some(nasty.into());
    finding.answer.failure = None;
    finding.rejected = vec![Candidate {
        site: Site::Sni(Name::new(nasty)),
        protocol: nasty,
        evidence: vec![evidence(
            "other-issuer",
            Bearing::Excludes,
            Facts::OtherIssuer {
                own: nasty.repeat(40),
            },
            &[61],
        )],
        ..candidate("x.example", Confidence::Possible)
    }];
    finding.alerts = vec![alert("wrong-content", Severity::Medium, nasty, &[90])];
    finding
}

/// Two sites that cannot be told apart.
pub(crate) fn one_of(id: u64) -> Finding {
    let mut finding = finding(
        id,
        ContactKind::Crl,
        "ye1.c.lencr.org",
        Service::Crl,
        Some("YE1"),
    );
    finding.method = Some("GET".into());
    finding.url = Some("http://ye1.c.lencr.org/12.crl".into());
    finding.answer.http_status = Some(304);
    finding.verdict = Verdict {
        missing: vec![Missing::KeyLog],
        ..verdict(
            Outcome::OneOf,
            Cause::RevocationCheck,
            Confidence::Possible,
            None,
        )
    };
    finding.candidates = vec![
        candidate("a.example", Confidence::Possible),
        Candidate {
            site: Site::EchOuter(Name::new("cloudflare-ech.com")),
            ..candidate("hidden", Confidence::Possible)
        },
    ];
    for candidate in &mut finding.candidates {
        candidate.evidence = vec![evidence(
            "soon-after",
            Bearing::Supports(Weight::Slight),
            Facts::SoonAfter {
                lead: Span::from_millis(84),
            },
            &[95],
        )];
    }
    finding
}
