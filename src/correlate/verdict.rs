//! Evidence to confidence to ruling: ordered rules, no sums of points.

mod settled;
mod undecided;

use foldhash::HashSet;

use crate::correlate::agents::Family;
use crate::correlate::contacts::Contact;
use crate::correlate::judge::Weighed;
use crate::correlate::repeats::Lists;
use crate::correlate::waits::Stance;
use crate::finding::{
    Bearing, Cause, Confidence, ContactKind, Direction, Evidence, Facts, LeftOut, Outcome, Stage,
    Visibility, Weight,
};
use crate::time::Span;

use settled::settled;
use undecided::undecided;

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

    /// Nothing is said of a contact of which a sample tells.
    #[must_use]
    pub fn of_sample() -> Self {
        unexplained()
    }

    /// Handshakes of the device shortly before the contact are remembered no more, so nothing holds for want
    /// of another one. A serial in a handshake that was under way does: an older one would have asked before,
    /// and had its answer.
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

    /// Where two clocks made the capture, nobody knows who was under way when. What others have in common
    /// with those it names, all under a CA or the other names of a certificate, they may have asked for as
    /// well.
    pub fn allow_for_skew(&mut self, contact: &Contact, weighed: &[Weighed]) {
        let mut others = weighed
            .iter()
            .filter(|w| w.level < Some(Confidence::Proven));
        if is_shared(contact) || others.any(|w| w.covered) {
            self.be_at_most(Confidence::Likely);
        }
    }

    /// A handshake whose hello came before the capture began may be under way as well, so that nothing holds
    /// for want of another one; nor does what all under a CA have in common for the one that is seen to.
    pub fn allow_for_unseen(&mut self, contact: &Contact) {
        if self.by_elimination {
            self.confidence = Confidence::Possible;
        } else if is_shared(contact) {
            self.be_at_most(Confidence::Likely);
        }
    }

    /// One server stands for the site and for the host that was asked, and has nothing of Let's Encrypt's: as
    /// in a sandbox that answers for all names, whose certificates of its own making name no list. A portal
    /// that does so may have a certificate of Let's Encrypt.
    pub fn allow_for_impostor(&mut self) {
        self.be_at_most(Confidence::Possible);
    }

    /// The list is one of several, and of some of these no certificate tells: so there is a reason to get
    /// lists that is no visit, and it may hold for this one, since each list has one certificate in 128 of
    /// its issuer on it.
    pub fn allow_for_job(&mut self, lists: Lists) {
        self.be_at_most(if lists.unnamed.saturating_mul(2) < lists.different {
            Confidence::Likely
        } else {
            Confidence::Possible
        });
    }

    /// Two programs asked for what one handshake was held for: one of them did so for another reason, and
    /// nothing tells which.
    pub fn allow_for_another_program(&mut self) {
        self.be_at_most(Confidence::Possible);
    }

    fn be_at_most(&mut self, most: Confidence) {
        self.confidence = self.confidence.min(most);
        for named in &mut self.named {
            named.level = named.level.min(Some(most));
        }
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
    // Servers are clients as well, and show one certificate in both roles (XEP-0178): of two handshakes that
    // show what was asked for the one that was under way later asked.
    let lead_in = inbound
        .iter()
        .filter(|w| w.level == in_level)
        .map(|w| w.lead)
        .min();
    let later = outbound.iter().any(|w| {
        w.level == Some(Confidence::Proven)
            && engaged(w) > 0
            && lead_in.is_some_and(|lead| w.lead < lead)
    });
    if in_level.is_some() && in_level >= out_level && !later {
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
    // It showed what was asked for too late: the clock of one of two capture points was wrong, or nobody
    // knows whose it was.
    if decided.iter().any(|w| w.says("too-early")) {
        ruling.be_at_most(Confidence::Likely);
    }
    if shared_address && ruling.confidence < Confidence::Proven {
        ruling.confidence = one_down(ruling.confidence);
    }
    if let Some(rival) = apparent_rival(&ruling, &groups) {
        ruling.outcome = Outcome::OneOf;
        ruling.confidence = Confidence::Possible;
        ruling.named.push(rival.clone());
    }
    ruling.cause = cause(contact, &ruling);
    ruling
}

/// A handshake that was not named only because part of it is not in the capture, and for which as much speaks
/// as for the one that was.
fn apparent_rival<'w>(ruling: &Ruling, groups: &[&'w Weighed]) -> Option<&'w Weighed> {
    let signs = ruling.outcome == Outcome::Site
        && (Confidence::Likely..Confidence::Proven).contains(&ruling.confidence);
    let level = ruling.named.first().filter(|_| signs)?.level?;
    let mut others = groups.iter().copied();
    others.find(|w| {
        w.apparent >= Some(level) && ruling.named.iter().all(|n| n.site_key != w.site_key)
    })
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

/// Whether the fetch began soon after the server's flight, on however busy a device.
fn began_soon(weighed: &Weighed) -> bool {
    weighed.says("prompt")
}

/// Whether the handshake was over when the fetch began, and not just over.
pub fn was_over(weighed: &Weighed) -> bool {
    weighed.stance == Some(Stance::Over) && !began_soon(weighed)
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

/// Whether it was under way, and not for long: a check begins within moments of the server's flight, and
/// spare connections, which browsers open ahead of need, stand still for minutes.
fn may_ask_now(weighed: &Weighed) -> bool {
    is_under_way(weighed) && weighed.says("inside-handshake")
}

/// Whether it neither went on nor hung up when the answer came: who waits for one goes on.
fn is_stuck(weighed: &Weighed) -> bool {
    match weighed.stance {
        Some(Stance::Hanging) => !weighed.unended,
        Some(Stance::Held(_)) => {
            !weighed.says("handshake-waited") && !weighed.says("aborted-after-answer")
        }
        _ => false,
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
    let family = contact.family;
    let automatic = match contact.kind {
        ContactKind::Issuer => Cause::IssuerChase,
        ContactKind::Ocsp | ContactKind::Crl => Cause::RevocationCheck,
        ContactKind::Unknown => Cause::Unknown,
    };
    let Some(best) = ruling.named.first() else {
        return match family {
            Some(family) if family.is_verifier() => automatic,
            Some(family) if family.is_script() => Cause::Person,
            _ => Cause::Unknown,
        };
    };
    // Measured: no client that checks by itself did so after application data had flowed or the connection was over.
    let over = best.stance == Some(Stance::Over) && ruling.named.iter().all(|w| engaged(w) < HELD);
    match (over, family) {
        (true, Some(family)) if !family.is_verifier() => Cause::Person,
        // curl, wget and scripts check no certificate this way by themselves; only a person makes them.
        (_, Some(family)) if family.is_script() => Cause::Person,
        _ => automatic,
    }
}

/// Whether a contact concerns a root's host: what is there all sites under it have in common.
pub(super) fn is_about_ca(contact: &Contact) -> bool {
    contact.ocsp.is_none() && contact.is_about_root()
}

/// Whether many certificates name what was fetched: all under a CA, or all leaves of an intermediate.
fn is_shared(contact: &Contact) -> bool {
    settled::is_for_all(contact) || contact.kind == ContactKind::Issuer
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
