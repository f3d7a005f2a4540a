//! Is the clock of the capture wrong? Then answers do not fit it that are good, and nobody played them again.
//!
//! All that is dated speaks: answers with a good signature, certificates that handshakes show, and the `Date`
//! of web servers, which those with a clock must send (RFC 9110 6.6.1). Each fits the clock of the capture,
//! or would fit one that is off by so much. Who plays one old answer again can send an old `Date` with it,
//! but can not make the rest of the capture miss in the same way: one thing of another source that fits the
//! clock, and would not fit the other one, is enough to believe it.

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
/// Certificates that run longer say little of the time, and devices make such for themselves (CA/B Forum BR
/// 6.3.2: 398 days at most since 2020).
const LONGEST_LIFE: Span = Span::from_secs(400 * DAY);
/// Certificates of Let's Encrypt run for 90 days or less: an answer that had run out longer ago is about one
/// that nobody can use.
const LIFE: Span = Span::from_secs(100 * DAY);
/// Servers remembered by their dates.
const SERVERS: usize = 256;
/// Web servers' clocks are right to minutes.
const DATE_SLACK: Span = Span::from_secs(3_600);
/// More of one kind say no more.
const ENOUGH: usize = 500;
/// So many answers about different things that all miss alike, or so many servers whose dates do.
const ANSWERS: usize = 3;
const DATES: usize = 2;

/// What web servers say of the time: by server, how far that which came nearest to the capture's was ahead of
/// it. What a cache held for long has an old one.
#[derive(Debug, Default)]
pub struct Dates(HashMap<(IpAddr, Setting), Span>);

/// Which clock it was, where it was set during the capture (see [`crate::correlate::steps::Steps::setting_of`]).
type Setting = (Span, usize);

impl Dates {
    /// Takes note of a response's date.
    pub fn said(&mut self, server: (IpAddr, Setting), at: Timestamp, date: Timestamp) {
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

/// The same with the clock by which it came.
type Timed = (Setting, Shift);

/// What an answer is about.
#[derive(Debug, Eq, Hash, PartialEq)]
enum About<'a> {
    Certificate(&'a Serial),
    List(&'a str, &'a [String]),
}

/// All that is dated in a capture, with the clock by which it came.
struct Evidence<'a> {
    state: &'a State,
    leaves: Vec<Timed>,
    /// One about each thing, of those that do not fit.
    answers: Vec<Timed>,
    /// Where an answer or a server fits the clock to the hour.
    fits: Vec<Setting>,
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
    fn of(state: &'a State, contacts: &[Contact]) -> Self {
        let (mut leaves, mut off) = leaves(state);
        leaves.truncate(ENOUGH);
        off.truncate(ENOUGH);
        leaves.append(&mut off);
        let (mut answers, mut fits) = (Vec::new(), HashSet::default());
        let mut seen = HashSet::default();
        for answer in contacts.iter().filter_map(|c| c.answer.as_ref()) {
            let setting = state.steps.setting_of(answer.at);
            for (about, shift) in dated(answer) {
                if shift.is_none() {
                    fits.insert(setting);
                } else if answers.len() < ENOUGH && seen.insert((about, setting)) {
                    answers.push((setting, shift));
                }
            }
        }
        let dates = state.dates.0.iter();
        let fitting = dates.filter(|(_, ahead)| ahead.abs() <= DATE_SLACK);
        fits.extend(fitting.map(|((_, setting), _)| *setting));
        Self {
            state,
            leaves,
            answers,
            fits: fits.into_iter().collect(),
        }
    }

    /// Whether the clock is a better reason for an answer's not fitting it than the answer.
    fn doubts(&self, contact: &Contact) -> bool {
        let Some(answer) = &contact.answer else {
            return false;
        };
        let setting = self.state.steps.setting_of(answer.at);
        let right = self.fits.iter().any(|then| is_same(*then, setting));
        let missed = dated(answer).filter(|(_, shift)| !shift.is_none());
        let mut missed = missed.filter(|_| !right);
        missed.any(|(about, shift)| self.outweighs(contact, &about, (setting, shift)))
    }

    fn outweighs(
        &self,
        contact: &Contact,
        about: &About<'_>,
        (setting, missed): (Setting, Shift),
    ) -> bool {
        let then = |(then, _): &&Timed| is_same(*then, setting);
        let leaves = || self.leaves.iter().filter(then);
        let mut right = leaves().filter(|(_, shift)| shift.is_none()).peekable();
        let none_right = right.peek().is_none();
        if right.any(|(_, shift)| !shift.meets(missed)) {
            return false;
        }
        let alike = |(_, shift): &&Timed| !shift.is_none() && shift.meets(missed);
        // A site whose certificate ran out is no rarity, so that this tells nothing beside others that did not.
        let of_leaves = none_right && leaves().any(|leaf| alike(&leaf));
        let answers = || self.answers.iter().filter(then).filter(alike);
        of_leaves
            || answers().take(ANSWERS).count() == ANSWERS
            || self.other_servers(contact, (setting, missed)) >= DATES
            || none_right && is_of_no_use(contact, about, missed)
    }

    /// How many other web servers say that it is the time at which the answer would fit.
    fn other_servers(&self, contact: &Contact, (setting, missed): (Setting, Shift)) -> usize {
        let own = contact.server.map(|server| server.ip());
        let dates = self.state.dates.0.iter();
        let others = dates.filter(|((server, then), ahead)| {
            let other = Some(*server) != own && is_same(*then, setting);
            other && Shift(**ahead, **ahead).meets(missed)
        });
        others.count()
    }
}

/// The leaves that fit the clock, and those that do not, each once.
fn leaves(state: &State) -> (Vec<Timed>, Vec<Timed>) {
    let mut seen = HashSet::default();
    let leaves = state.handshakes.iter().filter_map(|record| {
        let leaf = record.leaf()?;
        let brief = leaf.not_after.since(leaf.not_before) <= LONGEST_LIFE;
        let setting = state.steps.setting_of(record.hello_at);
        let clock = record.hello_at.minus(setting.0);
        let shift = Shift::new(clock, leaf.not_before, Some(leaf.not_after));
        (brief && seen.insert((&leaf.serial, setting))).then_some((setting, shift))
    });
    leaves.partition(|(_, shift)| shift.is_none())
}

/// Nobody has answers of the future to play, and of old ones about certificates that ran out themselves
/// nobody has any use.
fn is_of_no_use(contact: &Contact, about: &About<'_>, Shift(least, most): Shift) -> bool {
    let life = match contact.role() {
        Some(_) => LIFE,
        None => LONGEST_LIFE,
    };
    let about_leaf = matches!(about, About::Certificate(_));
    least > Span::ZERO || about_leaf && most < Span::from_nanos(-life.as_nanos())
}

/// Whether two clocks show about the same.
fn is_same(one: Setting, other: Setting) -> bool {
    let differ = Span::from_nanos(one.0.as_nanos().saturating_sub(other.0.as_nanos()));
    differ.abs() <= DATE_SLACK && one.1 == other.1
}

/// The dates of an answer whose signature holds.
fn dated(answer: &Answered) -> impl Iterator<Item = (About<'_>, Shift)> {
    let genuine = matches!(answer.signature, Signature::Verified | Signature::Unfit);
    let shift = |from, until| Shift::new(answer.clock, from, until);
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
