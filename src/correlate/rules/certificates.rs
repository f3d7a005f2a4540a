//! What the certificates say: the question is about them, or names what they name.

use super::{deciding, evidence};
use crate::correlate::case::{Case, ShownCert, urls};
use crate::finding::{Bearing, ContactKind, Direction, Evidence, Facts, Weight};
use crate::pki::cert::KeyKind;
use crate::pki::endpoint;

pub(super) fn same_serial(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn serial_differs(case: &Case<'_>) -> Option<Evidence> {
    let leaf = case.shown.first()?;
    if case.contact.ocsp.is_none() || case.asked_cert().is_some() {
        return None;
    }
    // The visitor's certificate was asked about, not the server's own.
    if case.direction == Direction::Inbound && case.asked_visitor().is_some() {
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

pub(super) fn named_in_certificate(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn not_named(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn intermediate_missing(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn intermediate_present(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn shard(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn learned_otherwise(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn tied_to_other_serial(case: &Case<'_>) -> Option<Evidence> {
    let tied = case.tied_serial?;
    let asked = &case.contact.ocsp.as_ref()?.ids;
    (!asked.iter().any(|id| id.serial == *tied)).then(|| {
        let facts = Facts::SerialDiffers { own: tied.clone() };
        evidence(case, "tied-to-other-serial", Bearing::Excludes, facts, None)
    })
}

pub(super) fn key_kind_unfit(case: &Case<'_>) -> Option<Evidence> {
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

/// The certificate that names the fetched issuer URL.
fn issuer_question<'c>(case: &'c Case<'_>) -> Option<(&'c ShownCert, String)> {
    if case.contact.kind != ContactKind::Issuer || case.direction == Direction::Inbound {
        return None;
    }
    case.naming_cert()
}

/// Labels of roots: their hosts serve what concerns intermediates.
#[must_use]
pub(crate) fn is_root_label(label: &str) -> bool {
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
