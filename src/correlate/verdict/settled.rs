//! Contacts of which a certificate tells what was asked for.

use super::*;

/// The bytes say which certificate or URL it was; is it one site?
pub(super) fn settled(contact: &Contact, decided: &[&Weighed], groups: &[&Weighed]) -> Ruling {
    let named = || decided.iter().map(|w| (*w).clone()).collect::<Vec<_>>();
    let [first, rest @ ..] = decided else {
        return unexplained();
    };
    let about_ca = is_about_ca(contact) || first.position > 0;
    // So is what other CAs give out as a rule: one list for all that an issuer signed.
    let widely_shared = about_ca || is_for_all(contact);
    // And an issuer that all its leaves name, where another program asks for it.
    let others_chase = contact.kind == ContactKind::Issuer && decided.iter().all(|w| is_foreign(w));
    let held = decided.iter().map(|w| engaged(w)).max().unwrap_or_default();
    // Unlike a serial, a URL is shared by others under the same issuer: a handshake with a hidden certificate
    // that was held for this very fetch leaves the question open when those that show the URL were not held,
    // or when the URL is one that every site under the CA shares. So does one with another name of the
    // certificate that is asked about.
    let hidden = groups
        .iter()
        .copied()
        .filter(|w| w.level < Some(Confidence::Proven))
        .filter(|w| contact.ocsp.is_none() || w.covered);
    let rivals: Vec<&Weighed> = hidden
        .clone()
        .filter(|w| engaged(w) == HELD && (held < HELD || widely_shared || others_chase))
        .collect();
    let set = if about_ca {
        Outcome::AnyUnder
    } else {
        Outcome::OneOf
    };
    if !rivals.is_empty() {
        let all = named().into_iter().chain(rivals.into_iter().cloned());
        return ruling(set, Confidence::Likely, all.collect());
    }
    // Nor does what is shared single out a handshake that was over, when one whose certificate is hidden was
    // under way, or was begun since by a client that checks at once: its answer for the first would have
    // come, and been cached, by then.
    let nearest = decided.iter().map(|w| w.lead).min().unwrap_or_default();
    // The same where they had it already or did not go on when it came, and the other one had not.
    let had_it = decided
        .iter()
        .all(|w| w.had_it || is_shared(contact) && is_stuck(w));
    let open = is_open(contact, decided, held, widely_shared);
    let nearer: Vec<&Weighed> = hidden
        .filter(|w| (open || had_it && !w.had_it) && !is_unfit(w))
        .filter(|w| may_ask_now(w) || (w.lead < nearest && began_soon(w)))
        .collect();
    if !nearer.is_empty() {
        if nearer.len() >= ONE_OF_MOST && is_late(contact, decided) {
            return unexplained();
        }
        if nearer.len() >= ONE_OF_MOST {
            let outcome = if rest.is_empty() { Outcome::Site } else { set };
            return ruling(outcome, Confidence::Possible, named());
        }
        let all = named().into_iter().chain(nearer.into_iter().cloned());
        return ruling(set, Confidence::Likely, all.collect());
    }
    if rest.is_empty() {
        return ruling(
            Outcome::Site,
            alone(contact, first, held, groups.len()),
            named(),
        );
    }
    if about_ca {
        // Where none was held, one whose chain nobody could read may as well have asked.
        let unread = groups
            .iter()
            .any(|w| w.level < Some(Confidence::Proven) && !is_unfit(w));
        let confidence = if is_late(contact, decided) {
            Confidence::Likely
        } else if held == 0 && unread {
            Confidence::Strong
        } else {
            Confidence::Proven
        };
        return ruling(Outcome::AnyUnder, confidence, named());
    }
    // Several sites show the same certificate, or the same URL: the one that was held for it, if it is one.
    let top = engaged(first);
    if top > 0 && rest.iter().all(|w| engaged(w) < top) {
        return ruling(Outcome::Site, Confidence::Strong, vec![(*first).clone()]);
    }
    let outcome = if contact.kind == ContactKind::Issuer {
        Outcome::AnyUnder
    } else {
        Outcome::OneOf
    };
    let confidence = if is_late(contact, decided) {
        Confidence::Likely
    } else {
        Confidence::Strong
    };
    ruling(outcome, confidence, named())
}

/// Whether all under a CA have in common what was fetched: it is about the CA, or of another one than Let's
/// Encrypt, most of which have one list, and all one file, for all certificates that an issuer signed.
pub(super) fn is_for_all(contact: &Contact) -> bool {
    is_about_ca(contact) || (contact.ocsp.is_none() && contact.role().is_none())
}

/// Whether hidden handshakes that were merely under way come into question beside those that show what was asked for.
fn is_open(contact: &Contact, decided: &[&Weighed], held: u8, widely_shared: bool) -> bool {
    let family = contact.family;
    // What a person or a script fetches is no handshake's.
    if family.is_some_and(Family::is_run_by_itself) {
        return false;
    }
    // What all under the CA share does not single out one that was under way as well. A shard of a list is
    // another's once in 128.
    let under_way = decided.iter().any(|w| may_ask_now(w));
    // All leaves of an intermediate name one issuer.
    let shared = widely_shared || contact.kind == ContactKind::Issuer;
    held < HELD && (shared || (held == 0 && !under_way))
}

/// Whether a client that checks by itself fetched what others share some time after all handshakes that name
/// it were over. Measured: none did so once application data had flowed. So whoever asked may not be in the
/// capture, or hid its certificate.
fn is_late(contact: &Contact, decided: &[&Weighed]) -> bool {
    let family = contact.family;
    // Nor is what is known to be another program's.
    // Who sends no agent may also be a script, which fetches right after it has visited.
    let silent = family == Some(Family::Silent);
    let shared = is_shared(contact);
    let past = |w: &Weighed| was_over(w) || is_spare(w) || shared && began_late(w);
    let over = |w: &&Weighed| is_foreign(w) || past(w) && (!silent || w.lead > RIGHT_AFTER);
    let foreign = contact.kind == ContactKind::Issuer && decided.iter().all(|w| is_foreign(w));
    let checks = silent
        || foreign
        || family.is_some_and(Family::is_verifier)
        || is_for_all(contact) && !family.is_some_and(Family::is_run_by_itself);
    contact.ocsp.is_none() && checks && decided.iter().all(over)
}

/// Whether it had stood still for long and still does: a connection that a browser opened ahead of need.
fn is_spare(weighed: &Weighed) -> bool {
    weighed.stance == Some(Stance::Hanging) && !weighed.says("inside-handshake")
}

/// Whether the checks that the fetch goes on with began long after the server's flight, whatever the
/// handshake waited for: what is to be read for them is there with the flight.
fn began_late(weighed: &Weighed) -> bool {
    weighed.checks_onset > CHECKS_WITHIN
}

/// Measured: milliseconds, also where many connections are opened at once; a loaded machine takes longer.
const CHECKS_WITHIN: Span = Span::from_secs(2);

/// A script goes on to its next line.
const RIGHT_AFTER: Span = Span::from_secs(2);
/// A person who looks at the certificate of a site types the next command (measured: up to nine seconds).
const LOOKED_AT_WITHIN: Span = Span::from_secs(15);

/// Whether its fingerprint is known to be another program's than the one that fetched.
fn is_foreign(weighed: &Weighed) -> bool {
    let mut evidence = weighed.evidence.iter();
    evidence.any(|e| matches!(e.facts, Facts::OtherClientFamily { .. }))
}

/// How sure it is that the only site whose certificate settles it is the one.
fn alone(contact: &Contact, only: &Weighed, held: u8, sites: usize) -> Confidence {
    let busy = only.says("busy-device");
    if is_late(contact, &[only]) {
        // What all under a CA share it may be for any of them.
        if is_for_all(contact) {
            Confidence::Possible
        } else {
            Confidence::Likely
        }
    } else if is_for_all(contact) && was_over(only) && only.lead > RIGHT_AFTER {
        // Jobs get it whoever was visited (crontab(5); fetch-crl(8) goes through the lists of all CAs).
        if only.lead > LOOKED_AT_WITHIN {
            Confidence::Possible
        } else {
            Confidence::Likely
        }
    } else if is_about_ca(contact) && only.says("did-not-wait") {
        // Who checks waits; so the one that did may not be in the capture.
        Confidence::Likely
    } else if is_about_ca(contact) && (busy || held == 0 && sites > 1) {
        // A handshake that was over, or stood still where many do, shows only that this site is among those
        // under the CA.
        Confidence::Strong
    } else {
        Confidence::Proven
    }
}
