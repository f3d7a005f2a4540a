//! What the certificates say: the question is about them, or names what they name.

use super::{deciding, evidence};
use crate::correlate::agents::Family;
use crate::correlate::case::{Case, ShownCert, Tie, urls};
use crate::correlate::contacts::leaf::are_of_one_chain;
use crate::correlate::handshakes::Record;
use crate::correlate::waits;
use crate::finding::{Bearing, Confidence, ContactKind, Direction, Evidence, Facts, Stage, Weight};
use crate::pki::cert::KeyKind;
use crate::pki::endpoint;
use crate::time::Span;

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
    let bearing = against(case, leaf);
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
    let bearing = match (case.contact.kind, case.contact.path().is_some()) {
        // All certificates of one issuer name the same issuer URL: only the missing certificate makes it decide.
        (ContactKind::Issuer, _) if case.chased => Bearing::Supports(Weight::Slight),
        (ContactKind::Issuer, _) => Bearing::Supports(Weight::Fair),
        // The same of responders; what was asked there is not known here. Who checks does so before the
        // handshake is over.
        (ContactKind::Ocsp, _) if case.stance == Some(waits::Stance::Over) => {
            Bearing::Supports(Weight::Fair)
        }
        (ContactKind::Ocsp, _) => Bearing::Supports(Weight::Strong),
        // Without a request only the host is known, which all certificates of one issuer share.
        (_, false) => Bearing::Supports(Weight::Strong),
        // Nobody shows what has run out or is yet to be issued, and one certificate in 128 is on each list.
        _ if case.is_out_of_date(shown) => Bearing::Supports(Weight::Slight),
        // It has what it needs; the more so if it was over.
        _ if case.chased && case.stance == Some(waits::Stance::Over) => {
            Bearing::Supports(Weight::Slight)
        }
        _ if case.chased => Bearing::Supports(Weight::Fair),
        _ if !shown.sent && !shown.is_fact() => Bearing::Supports(Weight::Strong),
        _ => deciding_url(case, shown),
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
    let bearing = against(case, leaf);
    Some(evidence(
        case,
        "not-named",
        bearing,
        Facts::NotNamed { own },
        leaf.frame,
    ))
}

/// Clients that lack an issuer look for it as soon as they have read the chain; connections that stand still
/// for longer are spare ones.
const CHASES_WITHIN: Span = Span::from_secs(5);

pub(super) fn intermediate_missing(case: &Case<'_>) -> Option<Evidence> {
    let (naming, _) = issuer_question(case)?;
    let mut issuers = case
        .shown
        .iter()
        .filter(|s| s.cert.subject_hash == naming.cert.issuer_hash);
    let sent = |s: &ShownCert| s.sent;
    // Every server may leave out the root, and nearly all do (RFC 8446 4.4.2).
    let root = |s: &ShownCert| s.cert.self_issued;
    let is_root =
        case.contact.is_about_root() || (naming.position > 0 && issuers.clone().all(root));
    if !case.whole || is_root || case.chased || issuers.any(sent) {
        return None;
    }
    // All leaves of the intermediate name this URL. Whoever verifies this chain asks before the handshake is
    // over and within moments of the server's flight, and a lookup alone does not tell what for.
    let late = case.started.since(case.record.anchor()) > CHASES_WITHIN;
    // Scripts take the URL from any certificate that they look at.
    let script = case.family.is_some_and(Family::is_script);
    let bearing = match (case.stance, case.contact.stage >= Stage::Asked) {
        (Some(waits::Stance::Over), _) | (_, false) => Bearing::Supports(Weight::Fair),
        _ if late || script => Bearing::Supports(Weight::Fair),
        (_, true) => deciding_url(case, naming),
    };
    Some(evidence(
        case,
        "intermediate-missing",
        bearing,
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
        ca,
        ..
    } = case.contact.role()?
    else {
        return None;
    };
    let fetched: u32 = case
        .contact
        .path()?
        .strip_prefix('/')?
        .strip_suffix(".crl")?
        .parse()
        .ok()?;
    let leaf = case.shown.first()?;
    // What other CAs make of their serials is theirs, and each of Let's Encrypt's has lists of its own.
    let issuer = leaf.cert.issuer_cn.as_deref();
    if ca.is_some_and(|ca| issuer != Some(ca)) {
        return None;
    }
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
    // Root-level hosts concern the intermediate, which the leaf does not tell. And what its serial or its
    // URLs say against it is said.
    let about_leaf = case.contact.leaf_label().is_some();
    let said = || serial_differs(case).is_some() || not_named(case).is_some();
    (about_leaf && own != wanted && !said()).then(|| {
        let bearing = Bearing::Opposes(case.weight_of_learned());
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
    let asked = &case.contact.ocsp.as_ref()?.ids;
    // A question to a root's host is about the intermediate.
    case.contact.leaf_label()?;
    let other = |tie: &&Tie| {
        let serial = tie.serial.as_ref();
        serial.is_some_and(|serial| !asked.iter().any(|id| id.serial == *serial))
    };
    // Where the certificate is known from elsewhere, its serial says the same.
    if case.shown.iter().any(|s| s.position == 0) {
        return None;
    }
    let tie = case
        .other_ties()
        .filter(other)
        .max_by_key(|tie| nearness(case, tie))?;
    let bearing = match tie.confidence {
        Confidence::Proven if tie.handshake == case.record.shown.id => Bearing::Excludes,
        _ if is_old(case, tie) => Bearing::Opposes(Weight::Slight),
        // Each server behind one name may have a certificate of its own, and may have renewed it since.
        Confidence::Proven => Bearing::Opposes(Weight::Strong),
        _ if tie.by_elimination => Bearing::Opposes(Weight::Strong),
        // Of two that one handshake is tied to, each as well as the other, at most one is right.
        Confidence::Strong if tie.handshake == case.record.shown.id => {
            Bearing::Opposes(Weight::Strong)
        }
        _ => Bearing::Opposes(Weight::Fair),
    };
    let facts = Facts::SerialDiffers {
        own: tie.serial.clone()?,
    };
    Some(evidence(case, "tied-to-other-serial", bearing, facts, None))
}

pub(super) fn tied_to_other_issuer(case: &Case<'_>) -> Option<Evidence> {
    let wanted = case.contact.ca_label()?;
    if !case.record.hides_certificate() {
        return None;
    }
    let is_own = |tie: &Tie| tie.handshake == case.record.shown.id;
    let is_other = |label: &str| !are_of_one_chain(label, wanted);
    let tie = case
        .other_ties()
        .filter(|tie| tie.label.as_deref().is_some_and(is_other))
        .max_by_key(|tie| nearness(case, tie));
    // One leaf was shown there, so one of the two merely fell into the silence.
    let one_leaf = tie.is_some_and(is_own);
    if one_leaf && went_on_after(case.closeness(), tie.and_then(|tie| tie.closeness)) {
        return None;
    }
    // Some servers have an RSA and an ECDSA certificate, so this is weaker for the site than for the handshake.
    let of_site = || {
        let labels = case.labels.into_iter().flatten();
        let mut labels = labels.filter(|(_, when)| case.is_of_the_day(**when));
        let (label, _) = labels.next().filter(|(label, _)| is_other(label))?;
        labels
            .all(|(label, _)| is_other(label))
            .then_some(label.as_str())
    };
    let of_handshake = tie.and_then(|tie| tie.label.as_deref());
    let own = of_handshake.or_else(of_site)?.to_owned();
    let weight = if one_leaf {
        Weight::Strong
    } else if tie.is_some_and(|tie| is_old(case, tie)) {
        Weight::Slight
    } else {
        Weight::Fair
    };
    let bearing = Bearing::Opposes(weight);
    let facts = Facts::HiddenIssuerDiffers { own };
    Some(evidence(case, "tied-to-other-issuer", bearing, facts, None))
}

pub(super) fn tied_to_other_list(case: &Case<'_>) -> Option<Evidence> {
    let wanted = case.contact.shard()?;
    // Where the certificate is known from elsewhere, its serial and its URLs say the same.
    let known = || case.shown.iter().any(|s| s.position == 0);
    if !case.record.hides_certificate() || known() || tied_to_other_serial(case).is_some() {
        return None;
    }
    let other = |tie: &&Tie| {
        tie.label.as_deref() == case.contact.leaf_label()
            && tie.shard.is_some_and(|shard| shard != wanted)
    };
    let tie = case
        .other_ties()
        .filter(other)
        .max_by_key(|tie| nearness(case, tie))?;
    let bearing = if is_old(case, tie) {
        Bearing::Opposes(Weight::Slight)
    } else if tie.handshake != case.record.shown.id {
        // Each server behind one name may have a certificate of its own, and may have renewed it since.
        Bearing::Opposes(Weight::Fair)
    } else if tie.confidence == Confidence::Proven {
        Bearing::Excludes
    } else if went_on_after(case.closeness(), tie.closeness) {
        // The other fetch merely fell into the silence.
        return None;
    } else {
        Bearing::Opposes(Weight::Strong)
    };
    let facts = Facts::HiddenListDiffers { own: tie.shard? };
    Some(evidence(case, "tied-to-other-list", bearing, facts, None))
}

/// Whether what is tied to another visit of the site was so long ago that it may have renewed its certificate since.
fn is_old(case: &Case<'_>, tie: &Tie) -> bool {
    tie.handshake != case.record.shown.id && !case.is_of_the_day((tie.at, tie.at))
}

/// What is tied to the handshake itself tells more of it than what was tied to another one the same day.
fn nearness(case: &Case<'_>, tie: &Tie) -> (bool, bool, Confidence) {
    let own = tie.handshake == case.record.shown.id;
    (own, !is_old(case, tie), tie.confidence)
}

/// Whether a client that waits goes on after the one of two fetches rather than after the other: at once, as
/// clients do.
fn went_on_after(one: Option<Span>, other: Option<Span>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return one.is_some();
    };
    one <= AT_ONCE && other.as_nanos() >= one.as_nanos().saturating_mul(4) && other > AT_ONCE
}

/// A client that has its answer goes on this soon, unless it is loaded.
const AT_ONCE: Span = Span::from_millis(15);

pub(super) fn key_kind_unfit(case: &Case<'_>) -> Option<Evidence> {
    let role = case.contact.role()?;
    let label = role.label.as_deref()?;
    if !case.shown.is_empty() {
        return None;
    }
    let key = server_key(case.record)?;
    let (rsa, ec) = (
        matches!(key, KeyKind::Rsa(_)),
        matches!(key, KeyKind::Ec(_)),
    );
    // R10 to R14, YR*: RSA only. E5 to E9, YE*: ECDSA only. R3 signed both (ECDSA was by allow-list then).
    let unfit = match label {
        "e1" | "e2" | "e5" | "e6" | "e7" | "e8" | "e9" => rsa,
        "r10" | "r11" | "r12" | "r13" | "r14" => ec,
        // What a root is asked about concerns the chains below it: X2 and Root YE signed those for ECDSA,
        // Root YR those for RSA.
        "x2" | "ye" => rsa,
        "yr" => ec,
        l if is_y_leaf(l, "ye") => rsa,
        l if is_y_leaf(l, "yr") => ec,
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

/// Kind of the key that a server proved to have, without its size.
pub(crate) fn server_key(record: &Record) -> Option<KeyKind> {
    let of_suite = || suite_key(record.shown.suite?);
    record.server_key.or_else(of_suite)
}

/// What it says against a handshake that no certificate of it fits. One known from elsewhere, or a chain of
/// which a part is missing, leaves room.
fn against(case: &Case<'_>, leaf: &ShownCert) -> Bearing {
    match (leaf.is_fact(), case.whole) {
        (true, true) => Bearing::Excludes,
        (true, false) => Bearing::Opposes(Weight::Strong),
        (false, _) => Bearing::Opposes(case.weight_of_learned()),
    }
}

/// Other certificates name the same URL, so it decides only where nothing says that this one's was not yet known.
fn deciding_url(case: &Case<'_>, shown: &ShownCert) -> Bearing {
    if case.looked_up_before() {
        Bearing::Supports(Weight::Strong)
    } else {
        deciding(shown)
    }
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
