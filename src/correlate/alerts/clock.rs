//! Is the clock of the capture wrong? Then answers do not fit it that are good, and nobody played them again.
//!
//! All that is dated speaks: answers with a good signature, certificates that handshakes show, and the `Date` of web servers, which
//! those with a clock must send (RFC 9110 6.6.1). Each fits the clock of the capture, or would fit one that is off by so much. Who
//! plays one old answer again can send an old `Date` with it, but can not make the rest of the capture miss in the same way: one
//! thing of another source that fits the clock, and would not fit the other one, is enough to believe it.

use std::net::IpAddr;

use foldhash::{HashMap, HashSet};

use crate::correlate::State;
use crate::correlate::alerts::{rules, sort};
use crate::correlate::answers::{Answered, CLOCK_SLACK, Object};
use crate::correlate::contacts::Contact;
use crate::finding::{Finding, Signature};
use crate::pki::cert::Serial;
use crate::time::{Span, Timestamp};

const DAY: i64 = 86_400;
/// Certificates that run longer say little of the time, and devices make such for themselves (CA/B Forum BR 6.3.2: 398 days at most
/// since 2020).
const LONGEST_LIFE: Span = Span::from_secs(400 * DAY);
/// Certificates of Let's Encrypt run for 90 days or less: an answer that had run out longer ago is about one that nobody can use.
const LIFE: Span = Span::from_secs(100 * DAY);
/// Servers remembered by their dates.
const SERVERS: usize = 256;
/// Web servers' clocks are right to minutes.
const DATE_SLACK: Span = Span::from_secs(3_600);
/// So many answers about different things that all miss alike, or so many servers whose dates do.
const ANSWERS: usize = 3;
const DATES: usize = 2;

/// What web servers say of the time: by server, how far that which came nearest to the capture's was ahead of it. What a cache held
/// for long has an old one.
#[derive(Debug, Default)]
pub struct Dates(HashMap<IpAddr, Span>);

impl Dates {
    /// Takes note of a response's date.
    pub fn said(&mut self, server: IpAddr, at: Timestamp, date: Timestamp) {
        let room = self.0.len() < SERVERS;
        let ahead = date.since(at);
        match self.0.get_mut(&server) {
            Some(nearest) if ahead.abs() < nearest.abs() => *nearest = ahead,
            None if room => {
                self.0.insert(server, ahead);
            }
            Some(_) | None => {}
        }
    }
}

/// By how much the clock may be moved, at least and at most, so that something dated fits it.
#[derive(Clone, Copy, Debug)]
struct Shift(Span, Span);

impl Shift {
    fn new(at: Timestamp, from: Timestamp, until: Option<Timestamp>) -> Self {
        let most = until.map_or(Span::from_nanos(i64::MAX), |until| {
            until.plus(CLOCK_SLACK).since(at)
        });
        Self(from.minus(CLOCK_SLACK).since(at), most)
    }

    /// Whether it fits the clock as it is.
    fn is_none(self) -> bool {
        (self.0..=self.1).contains(&Span::ZERO)
    }

    /// Whether one clock fits both.
    fn meets(self, other: Self) -> bool {
        self.0 <= other.1 && other.0 <= self.1
    }
}

/// What an answer is about.
#[derive(Debug, Eq, Hash, PartialEq)]
enum About<'a> {
    Certificate(&'a Serial),
    List(&'a str, &'a [String]),
}

/// All that is dated in a capture, but for what fits its clock and any other.
struct Evidence<'a> {
    leaves: Vec<Shift>,
    answers: Vec<(About<'a>, Shift)>,
    dates: &'a Dates,
    /// An answer or a server fits the clock to the hour.
    fits: bool,
}

/// Says of answers that do not fit the clock that the clock is in doubt, where it is.
pub fn doubt_clock(state: &State, contacts: &[Contact], findings: &mut [Finding]) {
    let dated = [rules::STALE.name, rules::FUTURE.name];
    let speaks_of_time = |f: &Finding| f.alerts.iter().any(|a| dated.contains(&a.rule));
    if !findings.iter().any(speaks_of_time) {
        return;
    }
    let evidence = Evidence::of(state, contacts);
    for (finding, contact) in findings.iter_mut().zip(contacts) {
        if !speaks_of_time(finding) || !evidence.doubts(contact) {
            continue;
        }
        for alert in finding
            .alerts
            .iter_mut()
            .filter(|a| dated.contains(&a.rule))
        {
            (alert.rule, alert.severity) = (rules::CLOCK.name, rules::CLOCK.severity);
        }
        sort(&mut finding.alerts);
    }
}

impl<'a> Evidence<'a> {
    fn of(state: &'a State, contacts: &'a [Contact]) -> Self {
        let mut seen = HashSet::default();
        let leaves = state.handshakes.iter().filter_map(|record| {
            let leaf = record.leaf()?;
            let brief = leaf.not_after.since(leaf.not_before) <= LONGEST_LIFE;
            let shift = Shift::new(record.hello_at, leaf.not_before, Some(leaf.not_after));
            (brief && seen.insert(&leaf.serial)).then_some(shift)
        });
        let leaves = leaves.collect();
        let answers: Vec<_> = contacts
            .iter()
            .filter_map(|contact| contact.answer.as_ref())
            .flat_map(dated)
            .collect();
        let dates = &state.dates;
        let fits = answers.iter().any(|(_, shift)| shift.is_none())
            || dates.0.values().any(|ahead| ahead.abs() <= DATE_SLACK);
        Self {
            leaves,
            answers,
            dates,
            fits,
        }
    }

    /// Whether the clock is a better reason for an answer's not fitting it than the answer.
    fn doubts(&self, contact: &Contact) -> bool {
        let Some(answer) = contact.answer.as_ref().filter(|_| !self.fits) else {
            return false;
        };
        let off = |shift: &Shift| !shift.is_none();
        dated(answer).any(|(about, missed)| {
            off(&missed) && self.speaks_against_clock(contact, &about, missed)
        })
    }

    fn speaks_against_clock(&self, contact: &Contact, about: &About<'_>, missed: Shift) -> bool {
        let right = self.leaves.iter().filter(|leaf| leaf.is_none());
        let (right, refute): (Vec<&Shift>, Vec<&Shift>) =
            right.partition(|leaf| leaf.meets(missed));
        if !refute.is_empty() {
            return false;
        }
        // A site whose certificate ran out is no rarity, so that this tells nothing beside others that did not.
        let alike = |shift: &Shift| !shift.is_none() && shift.meets(missed);
        if right.is_empty() && self.leaves.iter().any(alike) {
            return true;
        }
        let answers = self.answers.iter().filter(|(_, shift)| alike(shift));
        let subjects: HashSet<_> = answers.map(|(about, _)| about).collect();
        if subjects.len() >= ANSWERS {
            return true;
        }
        let own = contact.server.map(|server| server.ip());
        let others = self.dates.0.iter().filter(|(server, ahead)| {
            Some(**server) != own && Shift(**ahead, **ahead).meets(missed)
        });
        if others.count() >= DATES {
            return true;
        }
        // Where no certificate shows that the clock is right: nobody has answers of the future to play, and of old ones about
        // certificates that ran out themselves nobody has any use.
        let Shift(least, most) = missed;
        let life = match contact.role() {
            Some(_) => LIFE,
            None => LONGEST_LIFE,
        };
        let about_leaf = matches!(about, About::Certificate(_));
        let useless = about_leaf && most < Span::from_nanos(-life.as_nanos());
        right.is_empty() && (least > Span::ZERO || useless)
    }
}

/// The dates of an answer whose signature holds.
fn dated(answer: &Answered) -> impl Iterator<Item = (About<'_>, Shift)> {
    let genuine = matches!(answer.signature, Signature::Verified | Signature::Unfit);
    let shift = |from, until| Shift::new(answer.at, from, until);
    let (ocsp, list) = match &answer.object {
        Object::Ocsp(response) if genuine => (response.answers.as_slice(), None),
        Object::Crl { facts, .. } if genuine => (&[][..], Some(facts)),
        _ => (&[][..], None),
    };
    let ocsp = ocsp.iter().map(move |one| {
        let about = About::Certificate(&one.id.serial);
        (about, shift(one.this_update, one.next_update))
    });
    let list = list.into_iter().map(move |facts| {
        let about = About::List(&facts.issuer, &facts.idp_urls);
        (about, shift(facts.this_update, facts.next_update))
    });
    ocsp.chain(list)
}
