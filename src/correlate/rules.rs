//! THE TABLE: every rule of evidence, with why it is true of the world.
//!
//! A rule is a pure function over one contact beside one handshake. Its name is the one in reports, JSON and
//! docs; its sentence lives in `report::prose`. Adding knowledge means one function, one line here, one sentence
//! there, one case in the notation tests.

use crate::correlate::case::{Case, ShownCert, urls};
use crate::correlate::waits::Stance;
use crate::event::Carrier;
use crate::finding::{Bearing, ContactKind, Direction, Evidence, Facts, Stage, Visibility, Weight};
use crate::frame::FrameNo;
use crate::pki::cert::KeyKind;
use crate::pki::endpoint;
use crate::pki::ocsp::CertStatus;
use crate::time::Span;

/// One rule.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it finds, if it applies.
    pub apply: fn(&Case<'_>) -> Option<Evidence>,
    /// Why it is true of the world.
    pub reason: &'static str,
    /// Where that can be read.
    pub source: &'static str,
}

/// The rules, strongest first.
pub static RULES: &[Rule] = &[
    Rule {
        name: "same-serial",
        apply: same_serial,
        reason: "A CertID names one certificate by issuer and serial; serials are unique per CA and random",
        source: "RFC 6960 4.1.1, RFC 5280 4.1.2.2, CA/B BR 7.1",
    },
    Rule {
        name: "serial-differs",
        apply: serial_differs,
        reason: "A client asks about certificates of the chain it verifies, and this chain has none with that serial",
        source: "RFC 5280 6.3",
    },
    Rule {
        name: "named-in-certificate",
        apply: named_in_certificate,
        reason: "A client takes the URL of a CRL, responder or issuer from the certificate it verifies",
        source: "RFC 5280 4.2.1.13, 4.2.2.1",
    },
    Rule {
        name: "not-named",
        apply: not_named,
        reason: "A client does not invent URLs: what no certificate of the chain names is not fetched for it",
        source: "RFC 5280 4.2.1.13, 4.2.2.1",
    },
    Rule {
        name: "intermediate-missing",
        apply: intermediate_missing,
        reason: "A client chases the issuer when the server left it out",
        source: "RFC 5280 4.2.2.1, RFC 4158; measured with Chromium and Java",
    },
    Rule {
        name: "intermediate-present",
        apply: intermediate_present,
        reason: "With the issuer in the chain there is nothing to chase",
        source: "RFC 9846 4.4.2; measured with Chromium and Java",
    },
    Rule {
        name: "shard",
        apply: shard,
        reason: "Let's Encrypt puts a certificate on CRL shard (serial mod 128) + 1",
        source: "boulder issuance/cert.go, docs/CRLS.md",
    },
    Rule {
        name: "learned-otherwise",
        apply: learned_otherwise,
        reason: "The certificate known for this name is of another CA; a name rarely uses two at once",
        source: "RFC 5280 6.1",
    },
    Rule {
        name: "tied-to-other-serial",
        apply: tied_to_other_serial,
        reason: "A handshake shows one leaf; that of this one is proven to be another",
        source: "RFC 9846 4.4.2",
    },
    Rule {
        name: "handshake-waited",
        apply: handshake_waited,
        reason: "Clients that check by themselves hold the handshake until the answer or a timeout",
        source: "measured with Firefox, Chromium, Java, GnuTLS, OpenSSL, stunnel",
    },
    Rule {
        name: "aborted-after-answer",
        apply: aborted_after_answer,
        reason: "A client that hears 'revoked', or insists on an answer it does not get, ends the handshake",
        source: "RFC 8446 6.2 certificate_revoked; measured with Firefox and Java",
    },
    Rule {
        name: "did-not-wait",
        apply: did_not_wait,
        reason: "The client went on before the answer came",
        source: "measured: every automatic client waited",
    },
    Rule {
        name: "inside-handshake",
        apply: inside_handshake,
        reason: "The fetch began between the server's flight and the client's first data",
        source: "measured with Firefox, Chromium, Java, GnuTLS, OpenSSL, stunnel",
    },
    Rule {
        name: "soon-after",
        apply: soon_after,
        reason: "People and scripts fetch after they have visited",
        source: "measured with curl, OpenSSL, Python",
    },
    Rule {
        name: "too-early",
        apply: too_early,
        reason: "The certificate had not been shown when the fetch began",
        source: "RFC 5246 7.3, RFC 9846 2",
    },
    Rule {
        name: "resumed",
        apply: resumed,
        reason: "A resumed session shows no certificate, so there is nothing to check",
        source: "RFC 5246 7.3, RFC 9846 2.2",
    },
    Rule {
        name: "stapled",
        apply: stapled,
        reason: "A good staple answers the question already",
        source: "RFC 6066 8, RFC 6961",
    },
    Rule {
        name: "key-kind-unfit",
        apply: key_kind_unfit,
        reason: "Since 2024 ECDSA keys get ECDSA intermediates and RSA keys RSA ones, and a TLS 1.2 suite tells the key",
        source: "letsencrypt.org/certificates, RFC 5246 7.4.3",
    },
    Rule {
        name: "same-burst",
        apply: same_burst,
        reason: "The CRLs and issuers of one chain are fetched back to back; an identical question has the same cause",
        source: "measured with Java, Chromium, Firefox",
    },
    Rule {
        name: "same-process",
        apply: same_process,
        reason: "Most clients check in the process that opened the connection",
        source: "measured with Firefox, Chromium, Java, curl",
    },
    Rule {
        name: "same-client-family",
        apply: same_client_family,
        reason: "The fingerprint of this hello is proven, in this capture, to belong to the software that fetched",
        source: "JA4; measured",
    },
    Rule {
        name: "first-visit",
        apply: first_visit,
        reason: "Answers are cached, so the first visit fetches",
        source: "RFC 9111, RFC 9919 6",
    },
    Rule {
        name: "own-certificate",
        apply: own_certificate,
        reason: "The device itself shows this certificate to its visitors, so it asks for a staple",
        source: "RFC 6066 8; measured with nginx, Apache, Caddy",
    },
    Rule {
        name: "client-certificate",
        apply: client_certificate,
        reason: "A server that asks for client certificates checks them",
        source: "RFC 5280 6.3",
    },
    Rule {
        name: "visitor-wanted-staple",
        apply: visitor_wanted_staple,
        reason: "Servers that staple lazily ask when a visitor's hello carries status_request",
        source: "nginx ngx_event_openssl_stapling.c, Apache ssl_util_stapling.c; measured",
    },
];

fn same_serial(case: &Case<'_>) -> Option<Evidence> {
    if case.direction == Direction::Inbound {
        return None;
    }
    let shown = case.asked_cert()?;
    Some(evidence(
        case,
        "same-serial",
        deciding(shown),
        Facts::SameSerial {
            serial: shown.cert.serial.clone(),
            position: shown.position,
            visibility: shown.how,
        },
        shown.frame,
    ))
}

fn serial_differs(case: &Case<'_>) -> Option<Evidence> {
    let leaf = case.shown.first()?;
    if case.contact.ocsp.is_none() || case.asked_cert().is_some() {
        return None;
    }
    // A certificate known from elsewhere, or a chain of which a part is missing, leaves room.
    let bearing = if leaf.is_fact() && case.whole {
        Bearing::Excludes
    } else {
        Bearing::Opposes(Weight::Strong)
    };
    let facts = Facts::SerialDiffers {
        own: leaf.cert.serial.clone(),
    };
    Some(evidence(case, "serial-differs", bearing, facts, leaf.frame))
}

fn named_in_certificate(case: &Case<'_>) -> Option<Evidence> {
    if case.direction == Direction::Inbound || case.contact.ocsp.is_some() {
        return None;
    }
    let (shown, url) = case.naming_cert()?;
    let bearing = match (case.contact.kind, case.contact.request.is_some()) {
        // All certificates of one issuer name the same issuer URL: only the missing certificate makes it decide.
        (ContactKind::Issuer, _) => Bearing::Supports(Weight::Fair),
        // Before a request only the host is known, which all certificates of one issuer share.
        (_, false) => Bearing::Supports(Weight::Strong),
        _ if !shown.sent && !shown.is_fact() => Bearing::Supports(Weight::Strong),
        _ => deciding(shown),
    };
    let facts = Facts::NamedInCertificate {
        url,
        position: shown.position,
        visibility: shown.how,
        shared: false,
    };
    Some(evidence(
        case,
        "named-in-certificate",
        bearing,
        facts,
        shown.frame,
    ))
}

fn not_named(case: &Case<'_>) -> Option<Evidence> {
    let leaf = case.shown.first()?;
    if case.direction == Direction::Inbound
        || case.contact.ocsp.is_some()
        || case.contact.kind == ContactKind::Unknown
        || case.naming_cert().is_some()
    {
        return None;
    }
    let own = urls(&leaf.cert, case.contact.kind)
        .next()
        .map(str::to_owned);
    let bearing = if leaf.is_fact() && case.whole {
        Bearing::Excludes
    } else {
        Bearing::Opposes(Weight::Strong)
    };
    Some(evidence(
        case,
        "not-named",
        bearing,
        Facts::NotNamed { own },
        leaf.frame,
    ))
}

fn intermediate_missing(case: &Case<'_>) -> Option<Evidence> {
    let (naming, _) = issuer_question(case)?;
    let sent = case
        .shown
        .iter()
        .any(|s| s.sent && s.cert.subject_hash == naming.cert.issuer_hash);
    if sent || !case.whole {
        return None;
    }
    Some(evidence(
        case,
        "intermediate-missing",
        deciding(naming),
        Facts::IntermediateMissing,
        naming.frame,
    ))
}

fn intermediate_present(case: &Case<'_>) -> Option<Evidence> {
    let (naming, _) = issuer_question(case)?;
    let present = case
        .shown
        .iter()
        .find(|s| s.sent && s.cert.subject_hash == naming.cert.issuer_hash)?;
    // Not ruled out: a client may look for another path when the one it was given does not lead to an anchor it trusts.
    let bearing = Bearing::Opposes(Weight::Fair);
    Some(evidence(
        case,
        "intermediate-present",
        bearing,
        Facts::IntermediatePresent,
        present.frame,
    ))
}

fn shard(case: &Case<'_>) -> Option<Evidence> {
    let endpoint::HostRole {
        service: endpoint::Service::Crl,
        ..
    } = case.contact.role()?
    else {
        return None;
    };
    let path = &case.contact.request.as_ref()?.path;
    let fetched: u32 = path.strip_prefix('/')?.strip_suffix(".crl")?.parse().ok()?;
    let leaf = case.shown.first()?;
    // Where the certificate names a URL, the URL says it better.
    if !leaf.cert.crl_urls.is_empty() || case.shown.iter().any(|s| s.cert.is_ca && s.position == 0)
    {
        return None;
    }
    let own = endpoint::shard_of(&leaf.cert.serial)?;
    let (facts, bearing) = if own == fetched {
        (
            Facts::ShardMatches { shard: own },
            Bearing::Supports(Weight::Strong),
        )
    } else {
        (
            Facts::ShardDiffers { own },
            Bearing::Opposes(Weight::Strong),
        )
    };
    Some(evidence(case, "shard", bearing, facts, leaf.frame))
}

fn learned_otherwise(case: &Case<'_>) -> Option<Evidence> {
    let leaf = case.shown.first().filter(|s| !s.is_fact())?;
    let wanted = case.contact.role()?.ca?;
    let own = leaf.cert.issuer_cn.clone()?;
    // Root-level hosts concern the intermediate, which the leaf does not tell.
    let about_leaf = case
        .contact
        .role()?
        .label
        .as_deref()
        .is_some_and(|l| !is_root_label(l));
    (about_leaf && own != wanted).then(|| {
        let bearing = Bearing::Opposes(Weight::Strong);
        evidence(
            case,
            "learned-otherwise",
            bearing,
            Facts::LearnedOtherwise { own },
            leaf.frame,
        )
    })
}

fn tied_to_other_serial(case: &Case<'_>) -> Option<Evidence> {
    let tied = case.tied_serial?;
    let asked = &case.contact.ocsp.as_ref()?.ids;
    (!asked.iter().any(|id| id.serial == *tied)).then(|| {
        let facts = Facts::SerialDiffers { own: tied.clone() };
        evidence(case, "tied-to-other-serial", Bearing::Excludes, facts, None)
    })
}

fn handshake_waited(case: &Case<'_>) -> Option<Evidence> {
    let Some(Stance::Held(hold)) = case.stance else {
        return None;
    };
    let resumed_after = case.resumed_after?;
    if hold.gave_up || resumed_after > Span::from_millis(1_500) {
        return None;
    }
    // A client goes on within a few milliseconds of the answer; more leaves room for other reasons to wait.
    let weight = if resumed_after <= Span::from_millis(300) {
        Weight::Strong
    } else {
        Weight::Fair
    };
    let facts = Facts::HandshakeWaited {
        silence: hold.silence(),
        resumed_after,
        shared: case.wait_shared,
    };
    Some(evidence(
        case,
        "handshake-waited",
        Bearing::Supports(weight),
        facts,
        hold.frame,
    ))
}

fn aborted_after_answer(case: &Case<'_>) -> Option<Evidence> {
    let Some(Stance::Held(hold)) = case.stance else {
        return None;
    };
    let after = case.resumed_after?;
    if !hold.gave_up || after > Span::from_millis(1_500) {
        return None;
    }
    let weight = if after <= Span::from_millis(300) {
        Weight::Strong
    } else {
        Weight::Fair
    };
    let facts = Facts::AbortedAfterAnswer { after };
    Some(evidence(
        case,
        "aborted-after-answer",
        Bearing::Supports(weight),
        facts,
        hold.frame,
    ))
}

fn did_not_wait(case: &Case<'_>) -> Option<Evidence> {
    (case.stance == Some(Stance::WentOn)).then(|| {
        // Not ruled out: a second, abandoned request for the same answer is under way while the first lets the client go on.
        let bearing = Bearing::Opposes(Weight::Fair);
        evidence(case, "did-not-wait", bearing, Facts::DidNotWait, None)
    })
}

fn inside_handshake(case: &Case<'_>) -> Option<Evidence> {
    let lead = case.started.since(case.record.anchor());
    // A spare connection idles without data for long; a check begins within moments of the server's flight.
    if lead > Span::from_secs(5) {
        return None;
    }
    let weight = match case.stance {
        Some(Stance::Held(_) | Stance::Hanging) if lead <= Span::from_secs(1) => Weight::Fair,
        Some(Stance::Held(_) | Stance::Hanging | Stance::Passing | Stance::WentOn) => {
            Weight::Slight
        }
        _ => return None,
    };
    let facts = Facts::InsideHandshake { lead };
    let bearing = Bearing::Supports(weight);
    Some(evidence(
        case,
        "inside-handshake",
        bearing,
        facts,
        anchor_frame(case),
    ))
}

fn soon_after(case: &Case<'_>) -> Option<Evidence> {
    let lead = case.started.since(case.record.anchor());
    let over = case.stance == Some(Stance::Over);
    if !over
        || case.family.is_some_and(super::agents::Family::is_verifier)
        || lead > Span::from_secs(15)
    {
        return None;
    }
    let bearing = Bearing::Supports(Weight::Slight);
    Some(evidence(
        case,
        "soon-after",
        bearing,
        Facts::SoonAfter { lead },
        anchor_frame(case),
    ))
}

fn too_early(case: &Case<'_>) -> Option<Evidence> {
    if case.stance != Some(Stance::NotYet) {
        return None;
    }
    let lag = case.record.shown.hello_at.since(case.started);
    let facts = if lag.is_negative() {
        Facts::TooEarly {
            lead: case.started.since(case.record.anchor()),
        }
    } else {
        Facts::TooLate { lag }
    };
    Some(evidence(
        case,
        "too-early",
        Bearing::Excludes,
        facts,
        case.record.shown.frames.client_hello,
    ))
}

fn resumed(case: &Case<'_>) -> Option<Evidence> {
    let resumed = case.direction == Direction::Outbound
        && case.record.shown.visibility == Visibility::Resumed;
    resumed.then(|| {
        let frame = case.record.shown.frames.server_hello;
        evidence(
            case,
            "resumed",
            Bearing::Opposes(Weight::Strong),
            Facts::Resumed,
            frame,
        )
    })
}

fn stapled(case: &Case<'_>) -> Option<Evidence> {
    let staple = case.record.shown.staple.as_ref()?;
    let good = staple.answers.iter().any(|a| a.status == CertStatus::Good);
    // An intermediate's status is not in the leaf's staple.
    let about_leaf = case.asked_cert().is_none_or(|s| s.position == 0);
    (good
        && about_leaf
        && case.contact.kind == ContactKind::Ocsp
        && case.direction == Direction::Outbound)
        .then(|| {
            let bearing = Bearing::Opposes(Weight::Fair);
            evidence(
                case,
                "stapled",
                bearing,
                Facts::Stapled,
                case.record.staple_frame,
            )
        })
}

fn key_kind_unfit(case: &Case<'_>) -> Option<Evidence> {
    let role = case.contact.role()?;
    let label = role.label.as_deref()?;
    if !case.shown.is_empty() || case.record.shown.version.is_none_or(|v| v >= 0x0304) {
        return None;
    }
    let auth = suite_key(case.record.shown.suite?)?;
    // R10 to R14, YR*: RSA only. E5 to E9, YE*: ECDSA only. R3 signed both (ECDSA was by allow-list then).
    let unfit = match label {
        "e1" | "e2" | "e5" | "e6" | "e7" | "e8" | "e9" => auth == KeyKind::Rsa(0),
        "r10" | "r11" | "r12" | "r13" | "r14" => auth == KeyKind::Ec(0),
        l if is_y_leaf(l, "ye") => auth == KeyKind::Rsa(0),
        l if is_y_leaf(l, "yr") => auth == KeyKind::Ec(0),
        _ => false,
    };
    unfit.then(|| {
        let frame = case.record.shown.frames.server_hello;
        evidence(
            case,
            "key-kind-unfit",
            Bearing::Opposes(Weight::Strong),
            Facts::KeyKindUnfit,
            frame,
        )
    })
}

fn same_burst(case: &Case<'_>) -> Option<Evidence> {
    let kin = case.kin?;
    let weight = if kin.same_question {
        Weight::Strong
    } else {
        Weight::Fair
    };
    let facts = Facts::SameBurst {
        finding: kin.finding,
    };
    Some(evidence(
        case,
        "same-burst",
        Bearing::Supports(weight),
        facts,
        None,
    ))
}

fn same_process(case: &Case<'_>) -> Option<Evidence> {
    let (fetcher, opener) = (
        case.contact.process.as_ref()?,
        case.record.shown.process.as_ref()?,
    );
    if case.direction == Direction::Inbound {
        return None;
    }
    let same = match (fetcher.pid, opener.pid) {
        (Some(a), Some(b)) => a == b,
        _ => fetcher.name == opener.name,
    };
    let name = opener.name.clone();
    Some(if same {
        evidence(
            case,
            "same-process",
            Bearing::Supports(Weight::Fair),
            Facts::SameProcess { name },
            None,
        )
    } else {
        // Daemons (trustd, resolvers) fetch for others, so this never rules out.
        evidence(
            case,
            "same-process",
            Bearing::Opposes(Weight::Slight),
            Facts::OtherProcess { name },
            None,
        )
    })
}

fn same_client_family(case: &Case<'_>) -> Option<Evidence> {
    let family = case.family?;
    // A fingerprint that several families are proven to have tells nothing.
    if case.fingerprint.len() != 1 || case.direction == Direction::Inbound {
        return None;
    }
    let name = case
        .fingerprint
        .iter()
        .map(|f| format!("{f:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    let facts_frame = case.record.shown.frames.client_hello;
    Some(if case.fingerprint.contains(&family) {
        let facts = Facts::SameClientFamily { family: name };
        evidence(
            case,
            "same-client-family",
            Bearing::Supports(Weight::Slight),
            facts,
            facts_frame,
        )
    } else {
        let facts = Facts::OtherClientFamily { family: name };
        evidence(
            case,
            "same-client-family",
            Bearing::Opposes(Weight::Fair),
            facts,
            facts_frame,
        )
    })
}

fn first_visit(case: &Case<'_>) -> Option<Evidence> {
    if case.direction == Direction::Inbound || case.repeat {
        return None;
    }
    Some(evidence(
        case,
        "first-visit",
        Bearing::Supports(Weight::Slight),
        Facts::FirstVisit,
        anchor_frame(case),
    ))
}

fn own_certificate(case: &Case<'_>) -> Option<Evidence> {
    if case.direction == Direction::Outbound {
        return None;
    }
    let shown = match case.contact.kind {
        ContactKind::Ocsp => case.asked_cert()?,
        // A server that completes its own chain asks for the issuer that its leaf names.
        _ => case.naming_cert()?.0,
    };
    let facts = Facts::OwnCertificate {
        serial: shown.cert.serial.clone(),
    };
    let bearing = match case.contact.kind {
        ContactKind::Ocsp => deciding(shown),
        _ => Bearing::Supports(Weight::Fair),
    };
    Some(evidence(
        case,
        "own-certificate",
        bearing,
        facts,
        shown.frame,
    ))
}

fn client_certificate(case: &Case<'_>) -> Option<Evidence> {
    let request = case
        .contact
        .ocsp
        .as_ref()
        .filter(|_| case.direction == Direction::Inbound)?;
    let cert = case
        .record
        .client_chain
        .iter()
        .find(|c| request.ids.iter().any(|id| id.serial == c.serial))?;
    let facts = Facts::ClientCertificate {
        serial: cert.serial.clone(),
    };
    Some(evidence(
        case,
        "client-certificate",
        Bearing::Decides,
        facts,
        case.record.shown.frames.client_hello,
    ))
}

fn visitor_wanted_staple(case: &Case<'_>) -> Option<Evidence> {
    let wanted = case.direction == Direction::Inbound
        && case.contact.kind == ContactKind::Ocsp
        && case.record.shown.wanted_staple
        && case.contact.stage != Stage::LookedUp;
    let lead = case.started.since(case.record.shown.hello_at);
    // Measured: 2 to 9 ms (nginx); the bound leaves room for a slow lookup.
    if !wanted || lead.is_negative() || lead > Span::from_secs(2) {
        return None;
    }
    let weight = if lead <= Span::from_millis(500) {
        Weight::Strong
    } else {
        Weight::Fair
    };
    let facts = Facts::VisitorWantedStaple { lead };
    let frame = case.record.shown.frames.client_hello;
    Some(evidence(
        case,
        "visitor-wanted-staple",
        Bearing::Supports(weight),
        facts,
        frame,
    ))
}

/// The certificate that names the fetched issuer URL.
fn issuer_question<'c>(case: &'c Case<'_>) -> Option<(&'c ShownCert, String)> {
    if case.contact.kind != ContactKind::Issuer || case.direction == Direction::Inbound {
        return None;
    }
    case.naming_cert()
}

/// What was read here decides; what is known from elsewhere is one level weaker.
fn deciding(shown: &ShownCert) -> Bearing {
    if shown.is_fact() {
        Bearing::Decides
    } else {
        Bearing::Supports(Weight::Strong)
    }
}

fn evidence(
    case: &Case<'_>,
    rule: &'static str,
    bearing: Bearing,
    facts: Facts,
    frame: impl Into<Option<FrameNo>>,
) -> Evidence {
    let frames = frame
        .into()
        .into_iter()
        .chain(case.asking_frames())
        .collect();
    Evidence {
        rule,
        bearing,
        facts,
        frames,
    }
}

fn anchor_frame(case: &Case<'_>) -> Option<FrameNo> {
    let frames = &case.record.shown.frames;
    frames
        .certificate
        .or(frames.server_hello)
        .or(frames.client_hello)
}

/// Labels of roots: their hosts serve what concerns intermediates.
#[must_use]
pub fn is_root_label(label: &str) -> bool {
    matches!(label, "x1" | "x2" | "ye" | "yr" | "root-x1" | "dst3")
}

fn is_y_leaf(label: &str, family: &str) -> bool {
    label
        .strip_prefix(family)
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Key kind that a TLS 1.2 cipher suite authenticates with (RFC 5246 A.5, RFC 8422, RFC 7905), without its size.
fn suite_key(suite: u16) -> Option<KeyKind> {
    match suite {
        0xc006..=0xc00a
        | 0xc023
        | 0xc024
        | 0xc02b
        | 0xc02c
        | 0xc072
        | 0xc073
        | 0xc086
        | 0xc087
        | 0xc0ac..=0xc0af
        | 0xcca9 => Some(KeyKind::Ec(0)),
        0xc010..=0xc014
        | 0xc027
        | 0xc028
        | 0xc02f
        | 0xc030
        | 0xc076
        | 0xc077
        | 0xc08a
        | 0xc08b
        | 0xcca8
        | 0xccaa
        | 0x009c..=0x009f
        | 0x002f
        | 0x0035
        | 0x0033
        | 0x0039
        | 0x003c
        | 0x003d
        | 0x0067
        | 0x006b => Some(KeyKind::Rsa(0)),
        _ => None,
    }
}

/// How a carrier is called in reports.
#[must_use]
pub fn protocol_name(carrier: &Carrier, version: Option<u16>) -> String {
    match (carrier, version) {
        (Carrier::Quic { .. }, _) => "QUIC".to_owned(),
        (Carrier::Ike, _) => "IKE".to_owned(),
        (Carrier::Dtls, _) => "DTLS".to_owned(),
        (_, Some(0x0304)) => "TLS 1.3".to_owned(),
        (_, Some(0x0303)) => "TLS 1.2".to_owned(),
        (_, Some(0x0302)) => "TLS 1.1".to_owned(),
        (_, Some(0x0301)) => "TLS 1.0".to_owned(),
        (_, Some(0x0300)) => "SSL 3.0".to_owned(),
        _ => "TLS".to_owned(),
    }
}
