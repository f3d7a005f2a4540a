//! What else the device did: related contacts, processes, its own server.

use super::{anchor_frame, deciding, evidence};
use crate::correlate::agents::Family;
use crate::correlate::case::Case;
use crate::event::Carrier;
use crate::finding::{Bearing, ContactKind, Direction, Evidence, Facts, Stage, Weight};
use crate::time::Span;

pub(super) fn same_burst(case: &Case<'_>) -> Option<Evidence> {
    let kin = case.kin?;
    // Whose certificate's status was asked for before does not ask for another one's; what was asked now is
    // not known. Nor is known of a lookup alone which software made it.
    let untold = case.contact.kind == ContactKind::Ocsp && case.contact.ocsp.is_none()
        || case.contact.stage == Stage::LookedUp;
    // Who got what all under a CA name does not ask again.
    if kin.same_question && case.chased {
        return None;
    }
    let weight = if kin.same_question {
        Weight::Strong
    } else if untold {
        Weight::Slight
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

pub(super) fn same_process(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn same_client_family(case: &Case<'_>) -> Option<Evidence> {
    let family = case.family?;
    // A fingerprint that several families are proven to have tells nothing.
    if case.fingerprint.len() != 1 || case.direction == Direction::Inbound {
        return None;
    }
    let name = case
        .fingerprint
        .iter()
        .map(|f| f.name())
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
        let weight = if checks_for_itself(family) {
            Weight::Strong
        } else {
            Weight::Fair
        };
        evidence(
            case,
            "same-client-family",
            Bearing::Opposes(weight),
            facts,
            facts_frame,
        )
    })
}

pub(super) fn first_visit(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn own_certificate(case: &Case<'_>) -> Option<Evidence> {
    let own_errand = case.family.is_some_and(is_on_own_errand) && !serves_as_well(case);
    if case.direction == Direction::Outbound || own_errand {
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

pub(super) fn client_certificate(case: &Case<'_>) -> Option<Evidence> {
    if case.direction == Direction::Outbound {
        return None;
    }
    let cert = case.asked_visitor().or_else(|| case.naming_visitor())?;
    let facts = Facts::ClientCertificate {
        serial: cert.serial.clone(),
    };
    // A server asks while the visitor waits. Later somebody else may: whoever shows it to visitors is
    // visited, too (XEP-0178). And one certificate in 128 is on each list.
    let shown = &case.record.shown;
    let lead = case.started.since(shown.hello_at);
    let waits = shown
        .first_data_at
        .is_none_or(|data| data >= case.contact.ended_at);
    let told = case.contact.ocsp.is_some() || waits && !case.family.is_some_and(serves_nobody);
    let bearing = if lead <= VISIT && told {
        Bearing::Decides
    } else {
        Bearing::Supports(Weight::Strong)
    };
    Some(evidence(
        case,
        "client-certificate",
        bearing,
        facts,
        case.record.shown.frames.client_hello,
    ))
}

pub(super) fn peer_certificate(case: &Case<'_>) -> Option<Evidence> {
    let shown = &case.record.shown;
    if case.direction == Direction::Outbound
        || shown.carrier != Carrier::Ike
        || case.family.is_some_and(|family| family != Family::Silent)
    {
        return None;
    }
    // Between the peer's request and the gateway's answer.
    let lead = case.started.since(shown.hello_at);
    let before_answer = shown.server_hello_at.is_none_or(|at| case.started < at);
    if lead.is_negative() || lead > Span::from_secs(5) || !before_answer {
        return None;
    }
    let answered = shown
        .server_hello_at
        .map(|at| at.since(case.contact.ended_at));
    let at_once = |after: Span| !after.is_negative() && after <= Span::from_millis(300);
    let weight = if answered.is_some_and(at_once) {
        Weight::Strong
    } else {
        Weight::Fair
    };
    let facts = Facts::PeerCertificate { lead };
    Some(evidence(
        case,
        "peer-certificate",
        Bearing::Supports(weight),
        facts,
        shown.frames.client_hello,
    ))
}

pub(super) fn ike_client(case: &Case<'_>) -> Option<Evidence> {
    let family = case.family?;
    if case.direction == Direction::Inbound || case.record.shown.carrier != Carrier::Ike {
        return None;
    }
    let (bearing, fits) = match family {
        Family::Silent => (Bearing::Supports(Weight::Slight), true),
        // The systems' own daemons check for every protocol.
        Family::CryptoApi | Family::Trustd | Family::Named => return None,
        _ => (Bearing::Opposes(Weight::Strong), false),
    };
    Some(evidence(
        case,
        "ike-client",
        bearing,
        Facts::IkeClient { fits },
        case.record.shown.frames.client_hello,
    ))
}

pub(super) fn visitor_wanted_staple(case: &Case<'_>) -> Option<Evidence> {
    let shown = &case.record.shown;
    let for_flight = || {
        shown
            .server_hello_at
            .is_some_and(|at| at >= case.contact.ended_at)
    };
    let own_errand =
        case.family.is_some_and(is_on_own_errand) && !(serves_as_well(case) && for_flight());
    let wanted = case.direction == Direction::Inbound
        && !own_errand
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

/// A handshake is given up for lost within this time (nginx: client_header_timeout, Apache:
/// RequestReadTimeout handshake, less).
const VISIT: Span = Span::from_secs(60);

/// Software that asks for its own handshakes alone; the systems' daemons do for all programs.
const fn checks_for_itself(family: Family) -> bool {
    matches!(
        family,
        Family::Firefox | Family::Chromium | Family::Java | Family::Stunnel | Family::Wget2
    )
}

/// Software that has no visitors.
const fn serves_nobody(family: Family) -> bool {
    family.is_run_by_itself()
        || matches!(family, Family::Firefox | Family::Chromium | Family::Wget2)
}

/// Java and Windows check as clients, and staple as servers (JEP 249; Microsoft: OCSP stapling of SChannel),
/// for a visitor who has just asked for a staple.
fn serves_as_well(case: &Case<'_>) -> bool {
    let lead = case.started.since(case.record.shown.hello_at);
    matches!(case.family, Some(Family::Java | Family::CryptoApi))
        && case.record.shown.wanted_staple
        && !lead.is_negative()
        && lead <= Span::from_secs(2)
}

/// Software that checks for itself, or is typed by a person, asks on no server's behalf.
fn is_on_own_errand(family: Family) -> bool {
    family.is_verifier() || family.is_script()
}
