//! Contacts for which only signs speak.

use super::*;

/// Nothing settles it: how well do the signs point?
pub(super) fn undecided(contact: &Contact, all: &[&Weighed]) -> Ruling {
    let groups = &able(contact, all)[..];
    let Some(top) = groups.first().and_then(|w| w.level) else {
        return unexplained();
    };
    let tops: Vec<&Weighed> = groups
        .iter()
        .copied()
        .filter(|w| w.level == Some(top))
        .collect();
    // Rivals that something strong speaks against are none, unless that is itself only a conclusion.
    let held = groups
        .iter()
        .filter(|w| engaged(w) == HELD && without_conclusions(w) > Some(Confidence::Possible))
        .count();
    if let [only] = all
        && named_and_held(contact, only)
    {
        let confidence = if only.says("same-burst") && !had_issuer(contact, only) {
            Confidence::Proven
        } else {
            Confidence::Strong
        };
        return ruling(Outcome::Site, confidence, vec![(*only).clone()]);
    }
    if top < Confidence::Strong
        && let Some(last) = last_one_left(contact, groups)
    {
        let mut last = ruling(Outcome::Site, Confidence::Likely, vec![last.clone()]);
        last.by_elimination = true;
        return last;
    }
    let under_way = groups.iter().filter(|w| engaged(w) >= 1).count();
    if let [only] = tops.as_slice() {
        // A client that does not wait leaves the handshake it checks without a silence. One that waits goes
        // on at once when it has its answer.
        let rivals: Vec<&Weighed> = groups
            .iter()
            .copied()
            .filter(|w| w.id != only.id && is_prompt(w))
            .collect();
        if let [rival] = rivals.as_slice()
            && rival.onset < only.onset
            && only.closeness.is_none_or(|closeness| closeness > AT_ONCE)
        {
            let both = vec![(*only).clone(), (*rival).clone()];
            return ruling(Outcome::OneOf, Confidence::Possible, both);
        }
        let fresher = fresher(contact, only, groups);
        if !fresher.is_empty() {
            return nearest_of(contact, only, fresher);
        }
        let others = as_good(only, groups);
        if !others.is_empty() && top >= Confidence::Likely {
            return nearest_of(contact, only, others);
        }
        let confidence = match top {
            _ if is_past(contact, only, groups) => Confidence::Possible,
            Confidence::Strong if rivals.is_empty() && (held <= 1 || engaged(only) == 0) => {
                Confidence::Strong
            }
            Confidence::Strong => Confidence::Likely,
            Confidence::Likely if under_way <= 1 => Confidence::Likely,
            _ => Confidence::Possible,
        };
        let none = is_mere_neighbour(contact, only)
            || has_more_against(only)
            || is_no_chase(contact, only);
        if confidence == Confidence::Possible && none {
            return unexplained();
        }
        if confidence > Confidence::Possible || groups.len() == 1 {
            return ruling(Outcome::Site, confidence, vec![(*only).clone()]);
        }
    }
    if let Some(own) = same_process(&tops).filter(|_| top >= Confidence::Likely) {
        return ruling(Outcome::Site, Confidence::Likely, vec![own.clone()]);
    }
    if let Some(named) = only_named(contact, groups).filter(|_| top >= Confidence::Likely) {
        return ruling(Outcome::Site, Confidence::Likely, vec![named.clone()]);
    }
    if let Some(closest) = closest(&tops).filter(|_| top >= Confidence::Likely) {
        return ruling(
            Outcome::Site,
            Confidence::Likely.min(top),
            vec![closest.clone()],
        );
    }
    // Several that have nothing but their nearness are no answer: any device has opened connections lately.
    let several: Vec<Weighed> = tops.iter().map(|w| (*w).clone()).collect();
    let mut tied = several.iter().filter(|w| is_tied(w));
    match (tied.next(), tied.next()) {
        (Some(only), None)
            if !several.iter().any(|w| w.id != only.id && is_under_way(w))
                && fresher(contact, only, groups).is_empty() =>
        {
            return ruling(Outcome::Site, Confidence::Possible, vec![only.clone()]);
        }
        (None, _) if !several.iter().any(is_under_way) => return unexplained(),
        _ if several.len() > ONE_OF_MOST => return unexplained(),
        _ => {}
    }
    if is_about_ca(contact) {
        return ruling(Outcome::AnyUnder, Confidence::Possible, several);
    }
    ruling(Outcome::OneOf, Confidence::Possible, several)
}

/// Those that can be the reason for what all under a CA name: for a program that checks for itself none that
/// was over while another one was under way. Measured: none asked once application data had flowed.
fn able<'w>(contact: &Contact, groups: &[&'w Weighed]) -> Vec<&'w Weighed> {
    let checks = is_shared(contact) && contact.family.is_some_and(Family::is_verifier);
    let fresh = |w: &&Weighed| may_ask_now(w) && !w.had_it && !is_stuck(w) && !is_unfit(w);
    let past = checks && groups.iter().any(fresh);
    let left = groups.iter().copied().filter(|w| !(past && was_over(w)));
    left.collect()
}

/// Whether a client that checks by itself fetched an issuer some time after the handshake was over. Measured:
/// none did so. All leaves of an intermediate, and all intermediates of a root, name one, so whoever asked
/// hid its certificate or is not in the capture. Of others, who ask when they have visited, one whose
/// certificate is hidden and whose handshake was not over comes into question as much; and so it does where
/// no more is known than that somebody asked for the address of a host, which all under an issuer name.
fn is_past(contact: &Contact, weighed: &Weighed, groups: &[&Weighed]) -> bool {
    let verifier = contact.family.is_some_and(Family::is_verifier);
    let under_way = || groups.iter().any(|w| is_under_way(w) && !is_unfit(w));
    // What is a root's nearly every chain names; images and scripts are made with it (wget http://x1.i.lencr.org).
    let chased =
        contact.kind == ContactKind::Issuer && (verifier || contact.is_about_root() || under_way());
    let looked_up = contact.stage == Stage::LookedUp && under_way();
    was_over(weighed) && (chased || looked_up)
}

/// Those that come into question as much as the one whose certificate names what is fetched, where all under
/// a CA name that: for a program that checks for itself those under way, if that one had it or did not go on
/// when it came; for a script those visited since.
fn fresher<'w>(contact: &Contact, only: &Weighed, groups: &[&'w Weighed]) -> Vec<&'w Weighed> {
    if !is_shared(contact) {
        return Vec::new();
    }
    let family = contact.family;
    let asks_after = family.is_some_and(|family| !family.is_verifier());
    let past = only.had_it || is_stuck(only);
    let visited_since = |w: &Weighed| was_over(only) && w.lead < only.lead && w.says("soon-after");
    let may_ask = |w: &Weighed| {
        past && may_ask_now(w) && !w.had_it && !is_stuck(w) || asks_after && visited_since(w)
    };
    let others = groups.iter().copied().filter(|w| w.id != only.id);
    let others = others.filter(|w| !w.says("named-in-certificate") && !is_unfit(w));
    others.filter(|w| may_ask(w)).collect()
}

/// Whether nothing but its nearness speaks for a handshake that was over, although clients of this kind ask
/// while it is not (measured). So do those built with OpenSSL, which gets lists in the midst of verifying
/// (its `crls_http_cb`; a file as well, without any handshake).
fn is_mere_neighbour(contact: &Contact, weighed: &Weighed) -> bool {
    let openssl = contact.kind == ContactKind::Crl && contact.family == Some(Family::BareGet);
    let checks = openssl || contact.family.is_some_and(Family::is_verifier);
    checks && was_over(weighed) && !is_tied(weighed)
}

/// Whether a program that checks for itself got an issuer when the handshake was over.
fn is_no_chase(contact: &Contact, weighed: &Weighed) -> bool {
    let checks = contact.family.is_some_and(Family::is_verifier);
    checks && contact.kind == ContactKind::Issuer && was_over(weighed)
}

/// Whether more speaks against it than for it, nearness apart.
fn has_more_against(weighed: &Weighed) -> bool {
    let evidence = weighed.evidence.iter();
    let balance = evidence.fold(0_i32, |balance, e| match e.bearing {
        Bearing::Decides => balance + 2,
        Bearing::Supports(Weight::Strong | Weight::Fair) => balance + 1,
        Bearing::Opposes(Weight::Strong | Weight::Fair) => balance - 1,
        _ => balance,
    });
    balance < 0
}

/// Those that stood still and for which as much speaks, but that the flight of their server lies further
/// back. A device that opens several connections at once checks them in any order and one after the other
/// (RFC 5280 6 says nothing of when; measured with two profiles of Firefox), so that which of them is nearest
/// says nothing of whose the fetch is.
fn as_good<'w>(only: &Weighed, groups: &[&'w Weighed]) -> Vec<&'w Weighed> {
    let stood =
        |w: &Weighed| w.says("handshake-waited") || w.says("aborted-after-answer") || w.unended;
    let own = apart_from_nearness(only, false);
    let nearer = |w: &Weighed| is_near(only) && !is_near(w);
    let as_much = |w: &Weighed| apart_from_nearness(w, nearer(w)) >= own;
    let others = groups.iter().copied().filter(|w| w.id != only.id);
    let others = others.filter(|w| stood(w) && is_under_way(w) && as_much(w));
    others.collect()
}

/// Whether the flight of its server lies less far back than at most moments.
fn is_near(weighed: &Weighed) -> bool {
    let near =
        |e: &Evidence| e.rule == "inside-handshake" && e.bearing == Bearing::Supports(Weight::Fair);
    weighed.evidence.iter().any(near)
}

/// Confidence in a candidate if it were as far away as others; and, for one that is, if verdicts on other
/// contacts, which may rest on their nearness as well, said nothing against it.
fn apart_from_nearness(weighed: &Weighed, without_conclusions: bool) -> Option<Confidence> {
    let rest = weighed.evidence.iter();
    let rest = rest.filter(|e| !(without_conclusions && is_conclusion(e)));
    let mut evidence: Vec<Evidence> = rest.cloned().collect();
    let near = evidence.iter_mut().filter(|e| e.rule == "inside-handshake");
    near.for_each(|e| e.bearing = Bearing::Supports(Weight::Slight));
    level(&evidence)
}

/// One that is only nearer than others: the one that went on at once, else any of them.
fn nearest_of(contact: &Contact, only: &Weighed, others: Vec<&Weighed>) -> Ruling {
    let all: Vec<&Weighed> = std::iter::once(only).chain(others).collect();
    let untorn = |w: &&&Weighed| !w.evidence.iter().any(is_conclusion);
    if let Some(closest) = closest(&all).as_ref().filter(untorn) {
        return ruling(Outcome::Site, Confidence::Likely, vec![(*closest).clone()]);
    }
    let outcome = match contact {
        _ if all.len() > ONE_OF_MOST => return unexplained(),
        _ if is_about_ca(contact) => Outcome::AnyUnder,
        _ => Outcome::OneOf,
    };
    let all = all.into_iter().cloned().collect();
    ruling(outcome, Confidence::Possible, all)
}

/// Clients fetch an issuer now and then although the server sent it, to find another path. When its
/// certificate names the URL, it was held for the fetch, and no other handshake can have asked, little is
/// left open: behind a router, one over the other version of IP. Nor that when the fetch before it, in one
/// breath, is tied to this handshake, by a program that may chase what it was sent.
fn named_and_held(contact: &Contact, weighed: &Weighed) -> bool {
    let named = weighed.evidence.iter().any(|e| {
        matches!(&e.facts, Facts::NamedInCertificate { visibility, .. } if *visibility != Visibility::Learned)
    });
    contact.kind == ContactKind::Issuer
        && contact.request.is_some()
        && named
        && engaged(weighed) == HELD
}

/// Whether it was sent the issuer, by which programs were measured to have nothing to chase.
fn had_issuer(contact: &Contact, weighed: &Weighed) -> bool {
    let measured = matches!(contact.family, Some(Family::Chromium | Family::Java));
    measured && weighed.says("intermediate-present")
}

/// A client that checks by itself does so while the handshake stands still. Of those under way when it
/// fetched, one stood still, is its own by its fingerprint, and something that does not rest on times speaks
/// against all others: it is the one, however often handshakes of this device stand still.
fn last_one_left<'w>(contact: &Contact, groups: &[&'w Weighed]) -> Option<&'w Weighed> {
    let family = contact.family;
    if !family.is_some_and(Family::is_verifier) {
        return None;
    }
    let mut left = groups
        .iter()
        .copied()
        .filter(|w| is_under_way(w) && !is_unfit(w));
    let last = left.next().filter(|_| left.next().is_none())?;
    let held = last.says("handshake-waited") || last.says("aborted-after-answer");
    // One that is tied to another certificate as well is sure to be neither's.
    let torn = last.evidence.iter().any(rests_on_others);
    (held && !torn && last.says("same-client-family")).then_some(last)
}

/// Confidence in a candidate if verdicts on other contacts that are short of proof said nothing against it: a
/// verdict is no surer than what it rests on.
fn without_conclusions(weighed: &Weighed) -> Option<Confidence> {
    if !weighed.evidence.iter().any(is_conclusion) {
        return weighed.level;
    }
    let rest = weighed.evidence.iter().filter(|e| !is_conclusion(e));
    level(&rest.cloned().collect::<Vec<_>>())
}

/// Whether it rests on a verdict that is short of proof, on another contact.
fn is_conclusion(evidence: &Evidence) -> bool {
    evidence.bearing == Bearing::Opposes(Weight::Fair) && rests_on_others(evidence)
}

/// Whether it rests on a verdict on another contact.
fn rests_on_others(evidence: &Evidence) -> bool {
    matches!(
        evidence.rule,
        "tied-to-other-serial" | "tied-to-other-issuer" | "tied-to-other-list"
    )
}

/// Whether the fetch began right after the server's flight, without the client waiting for it.
fn is_prompt(weighed: &Weighed) -> bool {
    let fair = Bearing::Supports(Weight::Fair);
    let prompt = |e: &Evidence| e.rule == "prompt" && e.bearing == fair;
    weighed.evidence.iter().any(prompt)
}

/// Parallel handshakes that wait for fetches of their own each go on right after their own answer: the one
/// that went on at once is the one, if the next was clearly later, and if no answer for another leaf had come
/// in between, which it may have gone on for.
fn closest<'w>(tops: &[&'w Weighed]) -> Option<&'w Weighed> {
    let mut held: Vec<(Span, &Weighed)> = tops
        .iter()
        .filter(|w| engaged(w) == HELD)
        .filter_map(|w| Some((w.closeness?, *w)))
        .collect();
    held.sort_by_key(|(closeness, w)| (*closeness, w.id));
    let [(first, best), (second, _), ..] = held.as_slice() else {
        return None;
    };
    let clear = *first <= Span::from_millis(20)
        && second.as_nanos() >= first.as_nanos().saturating_mul(4)
        && second.as_nanos().saturating_sub(first.as_nanos()) >= 15_000_000;
    (clear && !best.overtaken && held.len() == tops.len()).then_some(*best)
}

/// Of those that were held for a list the one whose certificate, known from elsewhere, names it: another
/// one's is on it once in 128 times (Boulder, docs/CRLS.md).
fn only_named<'w>(contact: &Contact, groups: &[&'w Weighed]) -> Option<&'w Weighed> {
    contact.shard()?;
    let strong = Bearing::Supports(Weight::Strong);
    let named = |w: &&Weighed| {
        let names = |e: &Evidence| e.rule == "named-in-certificate" && e.bearing == strong;
        w.evidence.iter().any(names)
    };
    let mut named = groups.iter().copied().filter(named);
    match (named.next(), named.next()) {
        (Some(only), None) => Some(only).filter(|w| engaged(w) == HELD),
        _ => None,
    }
}

/// The only one of the fetching process, when all others are known to be of other processes.
fn same_process<'w>(tops: &[&'w Weighed]) -> Option<&'w Weighed> {
    let process = |w: &Weighed| {
        let told = w.evidence.iter().find(|e| e.rule == "same-process")?;
        Some(matches!(told.bearing, Bearing::Supports(_)))
    };
    let told: Option<Vec<bool>> = tops.iter().map(|w| process(w)).collect();
    let own = told?;
    let mut mine = tops.iter().zip(own).filter(|(_, own)| *own);
    match (mine.next(), mine.next()) {
        (Some((one, _)), None) => Some(*one),
        _ => None,
    }
}
