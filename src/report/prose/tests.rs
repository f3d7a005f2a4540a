use super::*;
use crate::finding::{Direction, Facts, Failure, Visibility};
use crate::pki::cert::Serial;
use crate::report::sample;
use crate::time::Span;

#[test]
fn headlines_and_reasons() {
    let (report, _) = sample::report();
    let all: Vec<String> = report
        .findings
        .iter()
        .map(|f| {
            format!(
                "{}\n    {}\n    {}",
                headline(f),
                why(f, &report),
                advice(f).unwrap_or_default()
            )
        })
        .collect();
    sample::snapshot("prose", &all.join("\n"));
}

#[test]
fn caused_is_said_plainly_only_when_proven() {
    let mut finding = sample::ocsp_proven(1);
    assert!(headline(&finding).contains(" caused "));
    for (confidence, words) in [
        (Confidence::Strong, "very probably caused"),
        (Confidence::Likely, "probably caused"),
        (Confidence::Possible, "may have caused"),
    ] {
        finding.verdict.confidence = confidence;
        assert!(headline(&finding).contains(words));
    }
}

#[test]
fn what_a_proxy_says_is_not_put_into_the_servers_mouth() {
    let mut finding = sample::ocsp_proven(1);
    finding.answer.ocsp = None;
    finding.method = Some("CONNECT".into());
    finding.proxied = true;
    for (status, failure, words) in [
        (Some(200), None, "The proxy connected; what travelled"),
        (
            Some(403),
            Some(Failure::Http(403)),
            "The proxy would not connect (HTTP status 403)",
        ),
        (None, Some(Failure::Refused), "The proxy would not connect"),
        (None, Some(Failure::Unanswered), "The proxy gave no answer"),
    ] {
        finding.answer.http_status = status;
        finding.answer.failure = failure;
        let said = answer(&finding).unwrap_or_default();
        assert!(said.starts_with(words), "{said}");
    }
}

#[test]
fn the_outer_name_of_ech_is_never_the_site() {
    let mut finding = sample::one_of(1);
    finding.verdict.outcome = Outcome::Site;
    finding.candidates.remove(0);
    assert!(
        headline(&finding).starts_with("A site hidden by ECH"),
        "{}",
        headline(&finding)
    );
}

#[test]
fn suspicion_comes_with_its_innocent_explanation() {
    let (report, _) = sample::report();
    let text = why(&sample::disguise(1), &report);
    assert!(
        text.contains("cache") && text.contains("203.0.113.66"),
        "{text}"
    );
}

#[test]
fn every_fact_has_a_sentence() {
    let finding = sample::ocsp_proven(1);
    let span = Span::from_millis(84);
    let serial = Serial::new(&[3, 0xab]);
    let name = || "X".to_owned();
    let facts = [
        Facts::SameSerial {
            serial: serial.clone(),
            position: 0,
            visibility: Visibility::Clear,
        },
        Facts::SameSerial {
            serial: serial.clone(),
            position: 1,
            visibility: Visibility::Keys,
        },
        Facts::SameSerial {
            serial: serial.clone(),
            position: 0,
            visibility: Visibility::Learned,
        },
        Facts::SerialDiffers {
            own: serial.clone(),
        },
        Facts::NamedInCertificate {
            url: "http://r10.c.lencr.org/9.crl".into(),
            position: 0,
            visibility: Visibility::Clear,
            shared: true,
        },
        Facts::NamedInCertificate {
            url: "http://r10.c.lencr.org/9.crl".into(),
            position: 1,
            visibility: Visibility::Keys,
            shared: false,
        },
        Facts::NamedInCertificate {
            url: "http://r10.c.lencr.org/9.crl".into(),
            position: 0,
            visibility: Visibility::Learned,
            shared: false,
        },
        Facts::NotNamed { own: None },
        Facts::NotNamed {
            own: Some("http://r11.c.lencr.org/9.crl".into()),
        },
        Facts::ShardMatches { shard: 9 },
        Facts::ShardDiffers { own: 8 },
        Facts::IssuerMatches { issuer: name() },
        Facts::OtherIssuer { own: name() },
        Facts::IntermediateMissing,
        Facts::IntermediatePresent,
        Facts::HandshakeWaited {
            silence: span,
            resumed_after: span,
            shared: true,
        },
        Facts::BusyDevice { by_chance: 61 },
        Facts::Prompt { lead: span },
        Facts::LookedUpBefore { lag: span },
        Facts::DidNotWait,
        Facts::InsideHandshake { lead: span },
        Facts::SoonAfter { lead: span },
        Facts::TooEarly { lead: span },
        Facts::TooLate { lag: span },
        Facts::SameBurst {
            finding: crate::finding::FindingId(4),
        },
        Facts::SameProcess { name: name() },
        Facts::OtherProcess { name: name() },
        Facts::SameClientFamily { family: name() },
        Facts::OtherClientFamily { family: name() },
        Facts::FirstVisit,
        Facts::RepeatVisit,
        Facts::Resumed,
        Facts::Stapled,
        Facts::KeyKindUnfit,
        Facts::OnlyCandidate,
        Facts::AbortedAfterAnswer { after: span },
        Facts::OwnCertificate {
            serial: serial.clone(),
        },
        Facts::VisitorWantedStaple { lead: span },
        Facts::ClientCertificate { serial },
        Facts::PeerCertificate { lead: span },
        Facts::IkeClient { fits: true },
        Facts::IkeClient { fits: false },
        Facts::SharedAddress,
        Facts::HiddenIssuerDiffers { own: name() },
        Facts::HiddenListDiffers { own: 8 },
        Facts::LearnedOtherwise { own: name() },
    ];
    let candidate = sample::candidate("shop.example", Confidence::Likely);
    let sentences: Vec<String> = facts
        .into_iter()
        .map(|f| {
            evidence(
                &sample::evidence("rule", Bearing::Excludes, f, &[]),
                &candidate,
                &finding,
            )
        })
        .collect();
    sample::snapshot("facts", &sentences.join("\n"));
    let inbound = Candidate {
        direction: Direction::Inbound,
        ..candidate
    };
    let own = Facts::SameSerial {
        serial: Serial::new(&[1]),
        position: 0,
        visibility: Visibility::Clear,
    };
    let text = evidence(
        &sample::evidence("rule", Bearing::Decides, own, &[]),
        &inbound,
        &finding,
    );
    assert!(text.contains("this device shows"), "{text}");
}

#[test]
fn lists_read_like_lists() {
    let names = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>();
    assert_eq!(list(&names(0), "or"), "");
    assert_eq!(list(&names(1), "or"), "s0");
    assert_eq!(list(&names(2), "or"), "s0 or s1");
    assert_eq!(list(&names(3), "and"), "s0, s1 and s2");
    assert_eq!(list(&names(7), "or"), "s0, s1, s2 or 4 more");
}
