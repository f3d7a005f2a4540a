//! One contact beside one handshake: everything a rule may look at.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::correlate::agents::Family;
use crate::correlate::contacts::Contact;
use crate::correlate::handshakes::Record;
use crate::correlate::pace::{Pace, PerMille};
use crate::correlate::waits::Stance;
use crate::finding::{
    Confidence, ContactKind, Direction, FindingId, HandshakeId, Visibility, Weight,
};
use crate::frame::FrameNo;
use crate::pki::cert::{Certificate, Serial};
use crate::pki::ocsp::{CertId, HashKind};
use crate::time::{Span, Timestamp};

/// One contact beside one handshake.
#[derive(Debug)]
pub struct Case<'a> {
    /// The contact.
    pub contact: &'a Contact,
    /// The handshake.
    pub record: &'a Record,
    /// Seen from the device of the contact.
    pub direction: Direction,
    /// The certificates it showed or is known to show.
    pub shown: &'a [ShownCert],
    /// Whether the chain was read whole, so that what is not in it was not shown.
    pub whole: bool,
    /// When the contact itself began: connection or request, else the lookup.
    pub started: Timestamp,
    /// The same by the clock of the capture, which dates go by.
    pub clock: Timestamp,
    /// How the handshake stood while the fetch ran; None for inbound ones.
    pub stance: Option<Stance>,
    /// From the last answer inside the handshake's silence to the client's next word.
    pub resumed_after: Option<Span>,
    /// Family of the client that made the contact.
    pub family: Option<Family>,
    /// Families that the handshake's fingerprint is proven to belong to in this capture.
    pub fingerprint: &'a [Family],
    /// What contacts tied to this handshake tell of its hidden leaf.
    pub ties: &'a [Tie],
    /// The contact's own number among all contacts.
    pub index: usize,
    /// CA labels that strong verdicts tie to the site, and from when to when they did.
    pub labels: Option<&'a BTreeMap<String, (Timestamp, Timestamp)>>,
    /// This issuer, or list of a root, was fetched for this handshake before, and came.
    pub chased: bool,
    /// A contact of the same burst or question that is tied to this handshake.
    pub kin: Option<Kin>,
    /// The device's other handshakes around the contact.
    pub pace: &'a Pace<'a>,
    /// How long the contact took.
    pub duration: Span,
    /// From the server's flight to the first sign of the contact.
    pub onset: Span,
    /// Whether an earlier handshake of the device went to the same site.
    pub repeat: bool,
    /// Whether no handshake of the device had shown the certificate that is asked about when the contact began.
    pub unshown: bool,
    /// Whether the capture was made by two clocks (see [`crate::correlate::judge::Judge`]).
    pub skewed: bool,
}

/// A related contact that is tied to the handshake.
#[derive(Clone, Copy, Debug)]
pub struct Kin {
    /// It.
    pub finding: FindingId,
    /// It asked the very same.
    pub same_question: bool,
}

/// What a contact tied to a handshake tells of the leaf it showed.
#[derive(Clone, Debug)]
pub struct Tie {
    /// Number of the contact.
    pub contact: usize,
    /// When it was.
    pub at: Timestamp,
    /// The handshake it is tied to.
    pub handshake: HandshakeId,
    /// The serial it asked about.
    pub serial: Option<Serial>,
    /// The CA label of the host it went to, if that is about leaves.
    pub label: Option<String>,
    /// The shard of the list that the leaf is on.
    pub shard: Option<u32>,
    /// From its end to the client's next word, where the handshake stood still for it.
    pub closeness: Option<Span>,
    /// How sure the tie is.
    pub confidence: Confidence,
    /// No other handshake that was under way is left (see [`crate::correlate::verdict::Ruling`]).
    pub by_elimination: bool,
}

/// A certificate that a handshake showed or is known to show.
#[derive(Clone, Debug)]
pub struct ShownCert {
    /// It.
    pub cert: Arc<Certificate>,
    /// Place in the chain; 0 is the leaf.
    pub position: usize,
    /// Frame that shows it.
    pub frame: Option<FrameNo>,
    /// Read here (Clear, Keys), or known from elsewhere (Learned).
    pub how: Visibility,
    /// When it was shown first and last, where it is known from elsewhere.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// Whether the server sent it in this handshake, as opposed to a certificate that completes the chain.
    pub sent: bool,
}

impl ShownCert {
    /// Whether it was read in this very handshake or delivered by a fetch of it.
    #[must_use]
    pub fn is_fact(&self) -> bool {
        self.how != Visibility::Learned
    }
}

impl Case<'_> {
    /// At which share of the moments around the contact a handshake with another site would have waited as well.
    #[must_use]
    pub fn held_by_chance(&self) -> PerMille {
        self.pace.held_by_chance(self.record, self.duration)
    }

    /// At which share of the moments around the contact a handshake with another site would have been as near.
    #[must_use]
    pub fn near_by_chance(&self) -> PerMille {
        self.pace.near_by_chance(self.record, self.onset)
    }

    /// The certificate that one of the questions is about.
    #[must_use]
    pub fn asked_cert(&self) -> Option<&ShownCert> {
        let request = self.contact.ocsp.as_ref()?;
        self.shown
            .iter()
            .find(|s| request.ids.iter().any(|id| self.is_about(id, &s.cert)))
    }

    /// The certificate of the handshake's client that one of the questions is about.
    #[must_use]
    pub fn asked_visitor(&self) -> Option<&Certificate> {
        let request = self.contact.ocsp.as_ref()?;
        let asked = |c: &&Arc<Certificate>| request.ids.iter().any(|id| id.serial == c.serial);
        self.record.client_chain.iter().find(asked).map(Arc::as_ref)
    }

    /// The certificate of the handshake's client that names the fetched list.
    #[must_use]
    pub fn naming_visitor(&self) -> Option<&Certificate> {
        if self.contact.kind != ContactKind::Crl || self.contact.path().is_none() {
            return None;
        }
        let names = |c: &&Arc<Certificate>| c.crl_urls.iter().any(|url| self.names_contact(url));
        self.record.client_chain.iter().find(names).map(Arc::as_ref)
    }

    /// The certificate that names the fetched URL (or, where that is not known, the host), with that URL.
    #[must_use]
    pub fn naming_cert(&self) -> Option<(&ShownCert, String)> {
        self.shown.iter().find_map(|s| {
            let named = urls(&s.cert, self.contact.kind).find(|url| self.names_contact(url))?;
            Some((s, named.to_owned()))
        })
    }

    /// How much a certificate that is known for the name from elsewhere speaks against a question that does
    /// not fit it. Sites renew when two thirds of a certificate's life are over (letsencrypt.org, integration
    /// guide), so within a two-hundredth of it nearly all still show the same. One that was last shown before
    /// that, and would be due since, nearly all have renewed.
    #[must_use]
    pub fn weight_of_learned(&self) -> Weight {
        let leaves = || self.shown.iter().filter(|s| s.position == 0);
        let gap = |(first, last): (Timestamp, Timestamp)| {
            first.since(self.started).max(self.started.since(last))
        };
        let fresh = |leaf: &ShownCert| {
            let seen = leaf.seen.map(gap);
            seen.is_some_and(|gap| gap.as_nanos() <= lifetime(&leaf.cert).as_nanos() / 200)
        };
        let renewed = |leaf: &ShownCert| {
            let seen_due = |(_, last)| self.by_clock(last) >= due(&leaf.cert);
            self.is_out_of_date(leaf)
                || leaf.seen.is_some_and(|seen| !seen_due(seen)) && self.clock >= due(&leaf.cert)
        };
        if leaves().any(fresh) {
            Weight::Strong
        } else if leaves().all(renewed) {
            Weight::Slight
        } else {
            Weight::Fair
        }
    }

    /// Whether a certificate that is known from elsewhere was not valid when the contact began, and was not
    /// shown all the same: it had run out, or was issued later, as where somebody asks the site for it long
    /// after the capture.
    #[must_use]
    pub fn is_out_of_date(&self, shown: &ShownCert) -> bool {
        let valid = |at| shown.cert.is_valid_at(at);
        let seen = || {
            shown.seen.is_some_and(|(first, last)| {
                !valid(self.by_clock(first)) || !valid(self.by_clock(last))
            })
        };
        !shown.is_fact() && !valid(self.clock) && !seen()
    }

    /// A time by the clock of the capture, unless it was set in between.
    fn by_clock(&self, at: Timestamp) -> Timestamp {
        at.minus(self.started.since(self.clock))
    }

    /// Whether something else was so near in time that a site showed the same certificate then. Nobody renews
    /// more often than every three days (letsencrypt.org, profiles: 160 hours).
    #[must_use]
    pub fn is_of_the_day(&self, (first, last): (Timestamp, Timestamp)) -> bool {
        const DAY: Span = Span::from_secs(86_400);
        first.since(self.started) <= DAY && self.started.since(last) <= DAY
    }

    /// Whether the lookup that led to the contact was made before the server answered. Frames can be swapped by a
    /// millisecond.
    #[must_use]
    pub fn looked_up_before(&self) -> bool {
        self.contact.own_lookup && self.onset < Span::from_millis(-1)
    }

    /// From the end of the fetch to the client's next word, where the handshake stood still for it.
    #[must_use]
    pub fn closeness(&self) -> Option<Span> {
        match self.stance? {
            Stance::Held(hold) => Some(hold.until.since(self.started.plus(self.duration))),
            _ => None,
        }
    }

    /// What other contacts tell of this handshake's leaf.
    pub fn other_ties(&self) -> impl Iterator<Item = &Tie> {
        self.ties.iter().filter(|tie| tie.contact != self.index)
    }

    /// Frames of the request, or what stands for it.
    pub fn asking_frames(&self) -> impl Iterator<Item = FrameNo> {
        let frames = &self.contact.frames;
        let answer = &frames.response;
        let answer = (self.contact.request.is_none() && !answer.is_empty()).then_some(answer);
        let own = [
            Some(&frames.request),
            answer,
            Some(&frames.connect),
            Some(&frames.dns),
        ]
        .into_iter()
        .flatten()
        .find(|f| !f.is_empty());
        own.into_iter().flat_map(|f| f.iter().take(2)).copied()
    }

    fn is_about(&self, id: &CertId, cert: &Certificate) -> bool {
        if id.serial != cert.serial {
            return false;
        }
        let name_fits = match id.hash {
            HashKind::Sha1 => id.issuer_name_hash == cert.issuer_hash.sha1,
            HashKind::Sha256 => id.issuer_name_hash == cert.issuer_hash.sha256,
            HashKind::Other => true,
        };
        // The key hash is checked where the issuer's certificate is at hand. X1 and X3 of Let's Encrypt share
        // keys, so the name decides as much as the key.
        let issuer = self
            .shown
            .iter()
            .find(|s| s.cert.subject_hash == cert.issuer_hash && s.cert.is_ca);
        let key_fits = issuer.is_none_or(|issuer| match id.hash {
            HashKind::Sha1 => id.issuer_key_hash == issuer.cert.key_hash.sha1,
            HashKind::Sha256 => id.issuer_key_hash == issuer.cert.key_hash.sha256,
            HashKind::Other => true,
        });
        name_fits && key_fits
    }

    fn names_contact(&self, url: &str) -> bool {
        let Some((host, path)) = split_url(url) else {
            return false;
        };
        if !host.eq_ignore_ascii_case(self.contact.host.as_str()) {
            return false;
        }
        match self.contact.path() {
            Some(fetched) if self.contact.kind != ContactKind::Ocsp => same_path(path, fetched),
            _ => true,
        }
    }
}

fn lifetime(cert: &Certificate) -> Span {
    cert.not_after.since(cert.not_before)
}

/// When a certificate is renewed: two thirds into its life, or halfway if that is less than ten days
/// (letsencrypt.org, integration guide; certbot, `renew_before_expiry`).
fn due(cert: &Certificate) -> Timestamp {
    const SHORT: Span = Span::from_secs(10 * 86_400);
    let life = lifetime(cert).as_nanos();
    let used = if lifetime(cert) < SHORT {
        life / 2
    } else {
        life / 3 * 2
    };
    cert.not_before.plus(Span::from_nanos(used))
}

/// URLs of a certificate for one kind of contact; all of them when the kind is unknown.
pub fn urls(cert: &Certificate, kind: ContactKind) -> impl Iterator<Item = &str> {
    let (ocsp, crl, issuer) = match kind {
        ContactKind::Ocsp => (true, false, false),
        ContactKind::Crl => (false, true, false),
        ContactKind::Issuer => (false, false, true),
        ContactKind::Unknown => (true, true, true),
    };
    let pick = |wanted: bool, list: &'_ [String]| if wanted { list.len() } else { 0 };
    cert.ocsp_urls
        .iter()
        .take(pick(ocsp, &cert.ocsp_urls))
        .chain(cert.crl_urls.iter().take(pick(crl, &cert.crl_urls)))
        .chain(
            cert.issuer_urls
                .iter()
                .take(pick(issuer, &cert.issuer_urls)),
        )
        .map(String::as_str)
}

/// Host and path of an `http://` URL; certificates name no others that clients fetch in clear.
#[must_use]
pub fn split_url(url: &str) -> Option<(&str, &str)> {
    let scheme = url.get(..7)?;
    if !scheme.eq_ignore_ascii_case("http://") {
        return None;
    }
    let rest = url.get(7..)?;
    // Byte by byte: every handshake near a contact has its URLs taken apart, and they are short.
    let end = rest.bytes().position(|byte| byte == b'/');
    let (authority, path) = end.map_or((rest, ""), |at| rest.split_at(at));
    let user = authority.bytes().rposition(|byte| byte == b'@');
    let host = user.map_or(authority, |at| authority.get(at + 1..).unwrap_or_default());
    let host = match host.bytes().rposition(|byte| byte == b':') {
        Some(at) if host.bytes().skip(at + 1).all(|b| b.is_ascii_digit()) => host.get(..at)?,
        _ => host,
    };
    Some((host, path))
}

/// An empty path is sent as `/` (RFC 9112 3.2.1).
fn same_path(named: &str, sent: &str) -> bool {
    let named = if named.is_empty() { "/" } else { named };
    named == sent
}
