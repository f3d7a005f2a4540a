//! Evidence to confidence to ruling: ordered rules, no sums of points.

use foldhash::HashSet;

use crate::correlate::agents::{self, Family};
use crate::correlate::contacts::Contact;
use crate::correlate::judge::Weighed;
use crate::correlate::rules::is_root_label;
use crate::correlate::waits::Stance;
use crate::finding::{
    Bearing, Cause, Confidence, ContactKind, Direction, Evidence, Facts, LeftOut, Outcome,
    Visibility, Weight,
};
use crate::time::Span;

/// What was decided about one contact.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// Outcome.
    pub outcome: Outcome,
    /// Cause, as far as the handshakes tell it; the device's other doings may refine it.
    pub cause: Cause,
    /// Confidence.
    pub confidence: Confidence,
    /// The candidates it names, best first.
    pub named: Vec<Weighed>,
    /// The others, best first.
    pub rejected: Vec<Weighed>,
    /// Every other handshake under way is ruled out by something that does not rest on times.
    pub by_elimination: bool,
    /// A handshake that may have been the cause is remembered no more.
    pub incomplete: bool,
    /// Candidates that were found and are not kept.
    pub left_out: LeftOut,
}

/// Rejected candidates kept for the reader's second question: why not that other site?
const REJECTED_KEPT: usize = 8;
/// A client that waited goes on this soon after its answer, unless it is loaded.
const AT_ONCE: Span = Span::from_millis(50);
/// More candidates than this that cannot be told apart explain nothing.
const ONE_OF_MOST: usize = 5;

impl Ruling {
    /// A name that only looks like lencr.org: no handshake is to blame.
    #[must_use]
    pub fn disguise() -> Self {
        Self {
            outcome: Outcome::NoOutbound,
            cause: Cause::Disguise,
            confidence: Confidence::Strong,
            named: Vec::new(),
            rejected: Vec::new(),
            by_elimination: false,
            incomplete: false,
            left_out: LeftOut::default(),
        }
    }

    /// Handshakes of the device shortly before the contact are remembered no more, so nothing holds for want of another one. A
    /// serial in a handshake that was under way does: an older one would have asked before, and had its answer.
    pub fn allow_for_forgotten(&mut self, contact: &Contact) {
        self.incomplete = true;
        let under_way = self.named.iter().any(|w| engaged(w) > 0);
        let most = if self.by_elimination {
            Confidence::Possible
        } else if contact.ocsp.is_some() && under_way {
            Confidence::Proven
        } else {
            Confidence::Strong
        };
        self.confidence = self.confidence.min(most);
    }

    /// Keeps, of all that were weighed, those sites that come nearest to the ones it names.
    pub fn reject(&mut self, weighed: Vec<Weighed>) {
        let is_named = |w: &Weighed| {
            let mut named = self.named.iter();
            named.any(|n| n.id == w.id || n.site_key == w.site_key)
        };
        let mut others: Vec<Weighed> = weighed.into_iter().filter(|w| !is_named(w)).collect();
        others.sort_by(|a, b| {
            b.level
                .cmp(&a.level)
                .then(a.lead.abs().cmp(&b.lead.abs()))
                .then(a.id.cmp(&b.id))
        });
        for other in others {
            if !self.rejected.iter().any(|r| r.site_key == other.site_key) {
                self.rejected.push(other);
            }
            if self.rejected.len() >= REJECTED_KEPT {
                break;
            }
        }
    }
}

/// Rules that rest on how a handshake's times lie to those of the fetch.
#[must_use]
pub fn is_timing(rule: &str) -> bool {
    matches!(
        rule,
        "handshake-waited" | "aborted-after-answer" | "inside-handshake"
    )
}

/// Order of evidence in reports: what settles first.
#[must_use]
pub fn rank(bearing: Bearing) -> u8 {
    match bearing {
        Bearing::Decides => 0,
        Bearing::Excludes => 1,
        Bearing::Supports(Weight::Strong) => 2,
        Bearing::Supports(Weight::Fair) => 3,
        Bearing::Opposes(Weight::Strong) => 4,
        Bearing::Opposes(Weight::Fair) => 5,
        Bearing::Supports(Weight::Slight) => 6,
        Bearing::Opposes(Weight::Slight) => 7,
    }
}

/// Confidence in one candidate from its own evidence.
#[must_use]
pub fn level(evidence: &[Evidence]) -> Option<Confidence> {
    let count = |bearing| evidence.iter().filter(|e| e.bearing == bearing).count();
    if count(Bearing::Excludes) > 0 {
        return None;
    }
    if count(Bearing::Decides) > 0 {
        return Some(Confidence::Proven);
    }
    // A certificate known for the name from elsewhere that fits the serial is one level below proof by itself.
    let learned = evidence.iter().any(|e| {
        matches!(
            e.facts,
            Facts::SameSerial {
                visibility: Visibility::Learned,
                ..
            }
        )
    });
    let strong = count(Bearing::Supports(Weight::Strong)) + usize::from(learned);
    let fair = count(Bearing::Supports(Weight::Fair));
    let slight = count(Bearing::Supports(Weight::Slight));
    let level = match (strong, fair, slight) {
        (2.., _, _) | (1, 1.., _) => Confidence::Strong,
        (1, 0, _) | (0, 2.., _) => Confidence::Likely,
        (0, 1, 1..) => Confidence::Likely,
        (0, 1, 0) | (0, 0, 1..) => Confidence::Possible,
        (0, 0, 0) => return None,
    };
    let against = (
        count(Bearing::Opposes(Weight::Strong)),
        count(Bearing::Opposes(Weight::Fair)),
    );
    match against {
        (0, 0) => Some(level),
        (0, 1) => Some(one_down(level)),
        (1, 0) if strong > 0 => Some(Confidence::Possible),
        (0, _) => Some(Confidence::Possible),
        _ => None,
    }
}

/// Rules on a contact.
#[must_use]
pub fn decide(contact: &Contact, weighed: &[Weighed], shared_address: bool) -> Ruling {
    let (outbound, inbound): (Vec<&Weighed>, Vec<&Weighed>) = weighed
        .iter()
        .partition(|w| w.direction == Direction::Outbound);
    let out_level = outbound.iter().filter_map(|w| w.level).max();
    let in_level = inbound.iter().filter_map(|w| w.level).max();
    if in_level.is_some() && in_level >= out_level {
        return inward(inbound);
    }
    let groups = by_site(&outbound);
    let decided: Vec<&Weighed> = groups
        .iter()
        .copied()
        .filter(|w| w.level == Some(Confidence::Proven))
        .collect();
    let mut ruling = if decided.is_empty() {
        undecided(contact, &groups)
    } else {
        settled(contact, &decided, &groups)
    };
    if shared_address && ruling.confidence < Confidence::Proven {
        ruling.confidence = one_down(ruling.confidence);
    }
    ruling.cause = cause(contact, &ruling);
    ruling
}

/// The best handshake of each site, best sites first.
fn by_site<'w>(weighed: &[&'w Weighed]) -> Vec<&'w Weighed> {
    let far = Span::from_secs(9_999);
    let mut sorted: Vec<(u8, &Weighed)> = weighed
        .iter()
        .filter(|w| w.level.is_some())
        .map(|w| (engaged(w), *w))
        .collect();
    sorted.sort_by(|(engaged_a, a), (engaged_b, b)| {
        b.level
            .cmp(&a.level)
            .then(engaged_b.cmp(engaged_a))
            .then(a.closeness.unwrap_or(far).cmp(&b.closeness.unwrap_or(far)))
            .then(a.lead.abs().cmp(&b.lead.abs()))
            .then(a.id.cmp(&b.id))
    });
    let mut seen = HashSet::default();
    let best = sorted.into_iter().map(|(_, one)| one);
    best.filter(|one| seen.insert(&*one.site_key)).collect()
}

/// What [`engaged`] says of a handshake that was held for the fetch.
pub const HELD: u8 = 2;

/// Whether the handshake was held for the fetch (2) or at least under way (1).
#[must_use]
pub fn engaged(weighed: &Weighed) -> u8 {
    let slight = Bearing::Supports(Weight::Slight);
    let rule = |name: &str| {
        weighed
            .evidence
            .iter()
            .any(|e| e.rule == name && e.bearing != slight)
    };
    if rule("handshake-waited") || rule("aborted-after-answer") {
        HELD
    } else {
        u8::from(rule("inside-handshake"))
    }
}

/// The bytes say which certificate or URL it was; is it one site?
fn settled(contact: &Contact, decided: &[&Weighed], groups: &[&Weighed]) -> Ruling {
    let named = || decided.iter().map(|w| (*w).clone()).collect::<Vec<_>>();
    let [first, rest @ ..] = decided else {
        return unexplained();
    };
    let about_ca = is_about_ca(contact) || first.position > 0;
    let held = decided.iter().map(|w| engaged(w)).max().unwrap_or_default();
    // Unlike a serial, a URL is shared by others under the same issuer: a handshake with a hidden certificate that was
    // held for this very fetch leaves the question open when those that show the URL were not held, or when
    // the URL is one that every site under the CA shares. So does one with another name of the certificate that is asked about.
    let rivals: Vec<&Weighed> = groups
        .iter()
        .copied()
        .filter(|w| contact.ocsp.is_none() || w.covered)
        .filter(|w| w.level < Some(Confidence::Proven))
        .filter(|w| engaged(w) == HELD && (held < HELD || about_ca))
        .collect();
    if !rivals.is_empty() {
        let all: Vec<Weighed> = named()
            .into_iter()
            .chain(rivals.into_iter().cloned())
            .collect();
        let outcome = if about_ca {
            Outcome::AnyUnder
        } else {
            Outcome::OneOf
        };
        return ruling(outcome, Confidence::Likely, all);
    }
    // Nor does a URL single out a handshake that was over, when a client that checks at once has since begun others whose
    // certificates are hidden, or is in the middle of one: its answer for the first would have come, and been cached, by then.
    let nearest = decided.iter().map(|w| w.lead).min().unwrap_or_default();
    let nearer: Vec<&Weighed> = groups
        .iter()
        .copied()
        .filter(|w| w.level < Some(Confidence::Proven) && w.lead < nearest)
        .filter(|w| began_soon(w) || is_under_way(w))
        .collect();
    if contact.ocsp.is_none() && held == 0 && !nearer.is_empty() {
        let set = if about_ca {
            Outcome::AnyUnder
        } else {
            Outcome::OneOf
        };
        if nearer.len() >= ONE_OF_MOST {
            let outcome = if rest.is_empty() { Outcome::Site } else { set };
            return ruling(outcome, Confidence::Possible, named());
        }
        let all = named().into_iter().chain(nearer.into_iter().cloned());
        return ruling(set, Confidence::Likely, all.collect());
    }
    if rest.is_empty() {
        // A handshake that was over shows only that this site is among those under the CA.
        let sure = !is_about_ca(contact) || held > 0 || groups.len() == 1;
        let confidence = if sure {
            Confidence::Proven
        } else {
            Confidence::Strong
        };
        return ruling(Outcome::Site, confidence, named());
    }
    if about_ca {
        // Where none was held, one whose chain nobody could read may as well have asked.
        let unread = groups
            .iter()
            .any(|w| w.level < Some(Confidence::Proven) && !is_unfit(w));
        let confidence = if held == 0 && unread {
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
    ruling(outcome, Confidence::Strong, named())
}

/// Nothing settles it: how well do the signs point?
fn undecided(contact: &Contact, groups: &[&Weighed]) -> Ruling {
    let Some(top) = groups.first().and_then(|w| w.level) else {
        return unexplained();
    };
    let tops: Vec<&Weighed> = groups
        .iter()
        .copied()
        .filter(|w| w.level == Some(top))
        .collect();
    // Rivals that something strong speaks against are none.
    let held = groups
        .iter()
        .filter(|w| engaged(w) == HELD && w.level > Some(Confidence::Possible))
        .count();
    if let [only] = groups
        && named_and_held(contact, only)
    {
        return ruling(Outcome::Site, Confidence::Proven, vec![(*only).clone()]);
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
        // A client that does not wait leaves the handshake it checks without a silence. One that waits goes on at once when it
        // has its answer.
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
        let confidence = match top {
            Confidence::Strong if rivals.is_empty() && (held <= 1 || engaged(only) == 0) => {
                Confidence::Strong
            }
            Confidence::Strong => Confidence::Likely,
            Confidence::Likely if under_way <= 1 => Confidence::Likely,
            _ => Confidence::Possible,
        };
        if confidence > Confidence::Possible || groups.len() == 1 {
            return ruling(Outcome::Site, confidence, vec![(*only).clone()]);
        }
    }
    if let Some(own) = same_process(&tops).filter(|_| top >= Confidence::Likely) {
        return ruling(Outcome::Site, Confidence::Likely, vec![own.clone()]);
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
        (Some(only), None) if !several.iter().any(|w| w.id != only.id && is_under_way(w)) => {
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

/// Clients fetch an issuer now and then although the server sent it, to find another path. When its certificate names the URL, it was
/// held for the fetch, and no other handshake can have asked, nothing is left open.
fn named_and_held(contact: &Contact, weighed: &Weighed) -> bool {
    let named = weighed.evidence.iter().any(|e| {
        matches!(&e.facts, Facts::NamedInCertificate { visibility, .. } if *visibility != Visibility::Learned)
    });
    contact.kind == ContactKind::Issuer
        && contact.request.is_some()
        && named
        && engaged(weighed) == HELD
}

/// A client that checks by itself does so while the handshake stands still. Of those under way when it fetched, one stood still, is its
/// own by its fingerprint, and something that does not rest on times speaks against all others: it is the one, however often
/// handshakes of this device stand still.
fn last_one_left<'w>(contact: &Contact, groups: &[&'w Weighed]) -> Option<&'w Weighed> {
    let family = contact.request.as_ref().map(|r| agents::family(r));
    if !family.is_some_and(Family::is_verifier) {
        return None;
    }
    let mut left = groups
        .iter()
        .copied()
        .filter(|w| is_under_way(w) && !is_unfit(w));
    let last = left.next().filter(|_| left.next().is_none())?;
    let says = |rule: &str| last.evidence.iter().any(|e| e.rule == rule);
    let held = says("handshake-waited") || says("aborted-after-answer");
    (held && says("same-client-family")).then_some(last)
}

/// Whether something strong speaks against it that does not rest on times.
fn is_unfit(weighed: &Weighed) -> bool {
    let strong = |e: &Evidence| {
        matches!(
            e.bearing,
            Bearing::Excludes | Bearing::Opposes(Weight::Strong)
        ) && !is_timing(e.rule)
    };
    weighed.evidence.iter().any(strong)
}

/// Whether the fetch began right after the server's flight, without the client waiting for it.
fn is_prompt(weighed: &Weighed) -> bool {
    let fair = Bearing::Supports(Weight::Fair);
    let prompt = |e: &Evidence| e.rule == "prompt" && e.bearing == fair;
    weighed.evidence.iter().any(prompt)
}

/// Whether the fetch began soon after the server's flight, on however busy a device.
fn began_soon(weighed: &Weighed) -> bool {
    weighed.evidence.iter().any(|e| e.rule == "prompt")
}

/// Whether more than nearness speaks for it.
pub fn is_tied(weighed: &Weighed) -> bool {
    let least = Bearing::Supports(Weight::Slight);
    let supports = |e: &Evidence| matches!(e.bearing, Bearing::Supports(_)) && e.bearing != least;
    weighed.evidence.iter().any(supports)
}

/// Whether the handshake was not over when the fetch began.
fn is_under_way(weighed: &Weighed) -> bool {
    weighed.stance.is_some_and(|stance| stance != Stance::Over)
}

/// Parallel handshakes that wait for fetches of their own each go on right after their own answer: the one that went on
/// at once is the one, if the next was clearly later.
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
    (clear && held.len() == tops.len()).then_some(*best)
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

/// The device's own server asked.
fn inward(mut inbound: Vec<&Weighed>) -> Ruling {
    inbound.sort_by(|a, b| {
        b.level
            .cmp(&a.level)
            .then(a.lead.abs().cmp(&b.lead.abs()))
            .then(a.id.cmp(&b.id))
    });
    let level = inbound
        .first()
        .and_then(|w| w.level)
        .unwrap_or(Confidence::Possible);
    let client_cert = inbound.first().is_some_and(|w| {
        w.evidence
            .iter()
            .any(|e| matches!(e.rule, "client-certificate" | "peer-certificate"))
    });
    let named: Vec<Weighed> = by_site(&inbound)
        .into_iter()
        .filter(|w| w.level == Some(level))
        .cloned()
        .collect();
    let confidence = if named.len() > 1 && level < Confidence::Proven {
        Confidence::Possible
    } else {
        level
    };
    let mut ruling = ruling(Outcome::NoOutbound, confidence, named);
    ruling.cause = if client_cert {
        Cause::RevocationCheck
    } else {
        Cause::Stapling
    };
    ruling
}

/// Why a client whose handshake is the trigger fetched.
fn cause(contact: &Contact, ruling: &Ruling) -> Cause {
    let family = contact.request.as_ref().map(|r| agents::family(r));
    let automatic = match contact.kind {
        ContactKind::Issuer => Cause::IssuerChase,
        ContactKind::Ocsp | ContactKind::Crl => Cause::RevocationCheck,
        ContactKind::Unknown => Cause::Unknown,
    };
    let Some(best) = ruling.named.first() else {
        return if family.is_some_and(Family::is_verifier) {
            automatic
        } else {
            Cause::Unknown
        };
    };
    // Measured: no client that checks by itself did so after application data had flowed or the connection was over.
    match (best.stance, family) {
        (Some(Stance::Over), Some(family)) if !family.is_verifier() => Cause::Person,
        // curl, wget and scripts check no certificate this way by themselves; only a person makes them.
        (_, Some(Family::Curl | Family::Downloader | Family::Python)) => Cause::Person,
        _ => automatic,
    }
}

fn is_about_ca(contact: &Contact) -> bool {
    contact.ocsp.is_none()
        && contact
            .role()
            .and_then(|r| r.label.as_deref())
            .is_some_and(is_root_label)
}

fn ruling(outcome: Outcome, confidence: Confidence, named: Vec<Weighed>) -> Ruling {
    Ruling {
        outcome,
        cause: Cause::Unknown,
        confidence,
        named,
        rejected: Vec::new(),
        by_elimination: false,
        incomplete: false,
        left_out: LeftOut::default(),
    }
}

fn unexplained() -> Ruling {
    ruling(Outcome::Unexplained, Confidence::Possible, Vec::new())
}

const fn one_down(level: Confidence) -> Confidence {
    match level {
        Confidence::Proven => Confidence::Strong,
        Confidence::Strong => Confidence::Likely,
        Confidence::Likely | Confidence::Possible => Confidence::Possible,
    }
}
