//! What the times say, and what the handshake itself had no need to ask.

use super::{anchor_frame, evidence};
use crate::correlate::agents::Family;
use crate::correlate::case::{Case, ShownCert};
use crate::correlate::pace::{self, PerMille};
use crate::correlate::waits::{GOES_ON_LATEST, GOES_ON_WITHIN, SKEW, Stance};
use crate::finding::{Bearing, ContactKind, Direction, Evidence, Facts, Visibility, Weight};
use crate::pki::ocsp::CertStatus;
use crate::time::Span;

/// From the server's flight to the first sign of a check that the flight started: a round trip to the client
/// and its reaction.
const PROMPT: Span = Span::from_millis(250);

pub(super) fn handshake_waited(case: &Case<'_>) -> Option<Evidence> {
    let Some(Stance::Held(hold)) = case.stance else {
        return None;
    };
    let resumed_after = case.resumed_after?;
    if hold.gave_up || resumed_after > GOES_ON_LATEST || comes_from_outside(case) {
        return None;
    }
    let weight = weight_of_wait(resumed_after, case.held_by_chance());
    let facts = Facts::HandshakeWaited {
        silence: hold.silence(),
        resumed_after,
        // The judge sets it when it knows the other candidates.
        shared: false,
    };
    Some(evidence(
        case,
        "handshake-waited",
        Bearing::Supports(weight),
        facts,
        hold.frame,
    ))
}

pub(super) fn aborted_after_answer(case: &Case<'_>) -> Option<Evidence> {
    let Some(Stance::Held(hold)) = case.stance else {
        return None;
    };
    let after = case.resumed_after?;
    if !hold.gave_up || after > GOES_ON_LATEST || comes_from_outside(case) {
        return None;
    }
    let weight = weight_of_wait(after, case.held_by_chance());
    let facts = Facts::AbortedAfterAnswer { after };
    Some(evidence(
        case,
        "aborted-after-answer",
        Bearing::Supports(weight),
        facts,
        hold.frame,
    ))
}

/// No handshake stands still for a program that a person or a script runs beside it.
fn comes_from_outside(case: &Case<'_>) -> bool {
    case.family.is_some_and(Family::is_run_by_itself)
}

/// The sooner the client went on, and the rarer such a fit by chance, the more it says.
fn weight_of_wait(resumed_after: Span, by_chance: PerMille) -> Weight {
    let prompt = resumed_after <= GOES_ON_WITHIN;
    match by_chance {
        ..=pace::RARE if prompt => Weight::Strong,
        ..=pace::OCCASIONAL => Weight::Fair,
        _ => Weight::Slight,
    }
}

pub(super) fn busy_device(case: &Case<'_>) -> Option<Evidence> {
    let held = matches!(case.stance, Some(Stance::Held(_)));
    (held && case.held_by_chance() > pace::RARE).then(|| {
        let facts = Facts::BusyDevice {
            by_chance: case.held_by_chance(),
        };
        let bearing = Bearing::Opposes(Weight::Slight);
        evidence(case, "busy-device", bearing, facts, None)
    })
}

pub(super) fn prompt(case: &Case<'_>) -> Option<Evidence> {
    let went_on = matches!(
        case.stance,
        Some(Stance::WentOn | Stance::Passing | Stance::Over)
    );
    let verifier = case.family.is_some_and(Family::is_verifier);
    let resumed = case.record.shown.visibility == Visibility::Resumed;
    if !went_on || !verifier || resumed || case.onset.is_negative() || case.onset > PROMPT {
        return None;
    }
    let weight = if case.near_by_chance() <= pace::RARE {
        Weight::Fair
    } else {
        Weight::Slight
    };
    let facts = Facts::Prompt { lead: case.onset };
    let bearing = Bearing::Supports(weight);
    Some(evidence(case, "prompt", bearing, facts, anchor_frame(case)))
}

pub(super) fn did_not_wait(case: &Case<'_>) -> Option<Evidence> {
    // Data that flowed before the request, but after the first sign of the contact, did not wait either.
    let went_on = match case.stance {
        Some(Stance::WentOn) => true,
        Some(Stance::Over) => prompt(case).is_some(),
        _ => false,
    };
    went_on.then(|| {
        // Not ruled out: a second, abandoned request for the same answer is under way while the first lets
        // the client go on.
        let bearing = Bearing::Opposes(Weight::Fair);
        evidence(case, "did-not-wait", bearing, Facts::DidNotWait, None)
    })
}

pub(super) fn inside_handshake(case: &Case<'_>) -> Option<Evidence> {
    let lead = case.started.since(case.record.anchor());
    // A spare connection idles without data for long; a check begins within moments of the server's flight.
    if lead > Span::from_secs(5) || comes_from_outside(case) {
        return None;
    }
    let weight = match case.stance {
        Some(Stance::Held(_) | Stance::Hanging)
            if lead <= Span::from_secs(1) && !case.looked_up_before() && case.rarely_inside() =>
        {
            Weight::Fair
        }
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

impl Case<'_> {
    /// Whether few moments around the contact lie inside a silence, or as near behind a server's flight.
    fn rarely_inside(&self) -> bool {
        (self.near_by_chance() <= pace::RARE && self.held_by_chance() <= pace::HALF)
            || self.near_by_chance().max(self.held_by_chance()) <= pace::OCCASIONAL
    }
}

pub(super) fn soon_after(case: &Case<'_>) -> Option<Evidence> {
    let lead = case.started.since(case.record.anchor());
    let over = case.stance == Some(Stance::Over);
    if !over || case.family.is_some_and(Family::is_verifier) || lead > Span::from_secs(15) {
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

pub(super) fn too_early(case: &Case<'_>) -> Option<Evidence> {
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
    let by_clocks = case.skewed && case.record.anchor().since(case.started) <= SKEW;
    let bearing = if by_clocks || shows_what_was_asked(case) {
        Bearing::Opposes(Weight::Slight)
    } else {
        Bearing::Excludes
    };
    Some(evidence(
        case,
        "too-early",
        bearing,
        facts,
        case.record.shown.frames.client_hello,
    ))
}

/// Whether a client that checks what it is shown asked about this very certificate moments before the
/// handshake showed it, and no other one had. Serials are not guessed (64 random bits at least, CA/B Forum BR
/// 7.1): then it is rather that two capture points had two clocks.
fn shows_what_was_asked(case: &Case<'_>) -> bool {
    let lag = case.record.anchor().since(case.started);
    let read = |s: &ShownCert| s.sent && s.is_fact();
    case.unshown && lag <= SKEW && !comes_from_outside(case) && case.asked_cert().is_some_and(read)
}

pub(super) fn looked_up_before(case: &Case<'_>) -> Option<Evidence> {
    let outbound = case.direction == Direction::Outbound && case.stance != Some(Stance::NotYet);
    (outbound && case.looked_up_before()).then(|| {
        let facts = Facts::LookedUpBefore {
            lag: case.onset.abs(),
        };
        // Not ruled out: the lookup may have been for another contact with the same host.
        let bearing = Bearing::Opposes(Weight::Fair);
        evidence(case, "looked-up-before", bearing, facts, anchor_frame(case))
    })
}

pub(super) fn resumed(case: &Case<'_>) -> Option<Evidence> {
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

pub(super) fn stapled(case: &Case<'_>) -> Option<Evidence> {
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
                case.record.stapled.as_deref().map(|stapled| stapled.frame),
            )
        })
}
