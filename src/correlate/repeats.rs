//! What a device asked again: which answers were about to run out, what comes at a steady interval, what is a sweep.
//!
//! Found once for all contacts, because a device may have a hundred thousand of them.

use std::collections::VecDeque;

use foldhash::HashMap;

use crate::correlate::answers::Object;
use crate::correlate::case::split_url;
use crate::correlate::certificates::Certificates;
use crate::correlate::contacts::Contact;
use crate::correlate::devices::{DeviceMap, Owner};
use crate::event::Name;
use crate::finding::Stage;
use crate::pki::ocsp::CertId;
use crate::time::{Span, Timestamp};

/// Contacts by what they asked.
#[derive(Debug)]
pub struct Repeats<'c> {
    asked: HashMap<(Owner, Question<'c>), Series>,
    /// When a device went through many lists or issuers, and through how many.
    sweeps: HashMap<(Owner, Timestamp), usize>,
    /// The same of those that do so slowly.
    slow_sweeps: HashMap<(Owner, Timestamp), usize>,
    /// When it got several lists that leaves are on.
    lists: HashMap<(Owner, Timestamp), Lists>,
}

/// Several different lists that leaves are on, got one soon after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lists {
    /// How many.
    pub different: usize,
    /// How many of them no certificate of the capture names.
    pub unnamed: usize,
}

/// What makes two contacts ask the same.
#[derive(Debug, Eq, Hash, PartialEq)]
enum Question<'c> {
    Status(&'c [CertId]),
    Other(&'c Name, Option<String>, Stage),
}

/// All contacts of one device with one question.
#[derive(Debug, Default)]
struct Series {
    /// In order.
    times: Vec<Timestamp>,
    answers: Vec<Answer>,
    steady: bool,
}

/// An answer with an end.
#[derive(Clone, Copy, Debug)]
struct Answer {
    /// When it was first asked for.
    at: Timestamp,
    /// Its lifetime, by a clock that is not set.
    from: Timestamp,
    until: Timestamp,
}

/// When something was asked, and the URL of what is no question about a status.
type Fetch = (Timestamp, Option<String>);

/// Answers of one question with lifetimes of their own; a responder makes one every few days.
const ANSWERS: usize = 256;
/// Questions of one sweep lie this close.
pub const SWEEP: Span = Span::from_secs(60);
/// And are so many different ones.
const SWEPT: usize = 8;
/// Those of a slow one, which asks a few a minute so as not to be a burden, are more over a longer time.
pub const SLOW_SWEEP: Span = Span::from_secs(600);
const SWEPT_SLOWLY: usize = 16;
/// A site has one certificate, or one for each kind of key, and each of them is on one list (boulder docs/CRLS.md).
const SEVERAL: usize = 3;

impl<'c> Repeats<'c> {
    /// Goes through contacts in order of time.
    #[must_use]
    pub fn new(contacts: &'c [Contact], devices: &DeviceMap, certificates: &Certificates) -> Self {
        let mut asked: HashMap<(Owner, Question<'c>), Series> = HashMap::default();
        let mut fetched: HashMap<Owner, Vec<Fetch>> = HashMap::default();
        let mut listed: HashMap<Owner, Vec<Fetch>> = HashMap::default();
        for contact in contacts {
            let owner = devices.owner(contact.client);
            let series = asked.entry((owner, Question::of(contact))).or_default();
            series.times.push(contact.at);
            if let Some(answer) = Answer::of(contact)
                && series.answers.len() < ANSWERS
                && !series.answers.iter().any(|known| known.same(&answer))
            {
                series.answers.push(answer);
            }
            let url = contact.url().filter(|_| contact.ocsp.is_none());
            if contact.shard().is_some() {
                let fetch = (contact.at, url.clone());
                listed.entry(owner).or_default().push(fetch);
            }
            fetched.entry(owner).or_default().push((contact.at, url));
        }
        for series in asked.values_mut() {
            series.steady = is_steady(&series.times);
        }
        let (mut sweeps, mut slow_sweeps) = (HashMap::default(), HashMap::default());
        for (owner, fetches) in &fetched {
            let of_owner = |(at, n, _)| ((*owner, at), n);
            let fast = swept(fetches, SWEEP, SWEPT, |_| false);
            sweeps.extend(fast.into_iter().map(of_owner));
            let slow = swept(fetches, SLOW_SWEEP, SWEPT_SLOWLY, |_| false);
            slow_sweeps.extend(slow.into_iter().map(of_owner));
        }
        let mut lists = HashMap::default();
        for (owner, fetches) in &listed {
            let unnamed = |url: &str| {
                split_url(url).is_some_and(|(host, path)| !certificates.names_url(host, path))
            };
            let several = swept(fetches, SWEEP, SEVERAL, unnamed);
            lists.extend(several.into_iter().map(|(at, different, unnamed)| {
                let lists = Lists { different, unnamed };
                ((*owner, at), lists)
            }));
        }
        Self {
            asked,
            sweeps,
            slow_sweeps,
            lists,
        }
    }

    /// The same was fetched before, and that answer was about to run out (RFC 9919 6: clients renew before nextUpdate).
    #[must_use]
    pub fn is_refresh(&self, contact: &'c Contact, devices: &DeviceMap) -> bool {
        let series = self.series(contact, devices);
        let mut answers = series.map_or(&[][..], |s| s.answers.as_slice()).iter();
        answers.any(|answer| answer.at < contact.at && answer.runs_out_at(contact.at))
    }

    /// At least three identical questions at a steady interval of a minute or more.
    #[must_use]
    pub fn is_periodic(&self, contact: &'c Contact, devices: &DeviceMap) -> bool {
        self.series(contact, devices)
            .is_some_and(|series| series.steady)
    }

    /// When the same was asked, in order.
    #[must_use]
    pub fn times(&self, contact: &'c Contact, devices: &DeviceMap) -> &[Timestamp] {
        let series = self.series(contact, devices);
        series.map_or(&[][..], |s| s.times.as_slice())
    }

    /// The same was asked again within this time.
    #[must_use]
    pub fn is_asked_again(&self, contact: &'c Contact, devices: &DeviceMap, within: Span) -> bool {
        let times = self
            .series(contact, devices)
            .map_or(&[][..], |s| s.times.as_slice());
        let next = times.partition_point(|at| *at <= contact.at);
        times
            .get(next)
            .is_some_and(|at| at.since(contact.at) <= within)
    }

    /// How many different shards or issuers the device went through around a contact, if those were many.
    #[must_use]
    pub fn sweep(&self, contact: &'c Contact, devices: &DeviceMap) -> Option<usize> {
        let owner = devices.owner(contact.client);
        self.sweeps.get(&(owner, contact.at)).copied()
    }

    /// The same over a longer time.
    #[must_use]
    pub fn slow_sweep(&self, contact: &'c Contact, devices: &DeviceMap) -> Option<usize> {
        let owner = devices.owner(contact.client);
        self.slow_sweeps.get(&(owner, contact.at)).copied()
    }

    /// The lists that leaves are on and the device got around a contact, if those were several.
    #[must_use]
    pub fn lists(&self, contact: &'c Contact, devices: &DeviceMap) -> Option<Lists> {
        let owner = devices.owner(contact.client);
        self.lists.get(&(owner, contact.at)).copied()
    }

    fn series(&self, contact: &'c Contact, devices: &DeviceMap) -> Option<&Series> {
        let owner = devices.owner(contact.client);
        self.asked.get(&(owner, Question::of(contact)))
    }
}

impl<'c> Question<'c> {
    fn of(contact: &'c Contact) -> Self {
        match &contact.ocsp {
            Some(question) => Self::Status(&question.ids),
            None => Self::Other(&contact.host, contact.url(), contact.stage),
        }
    }
}

impl Answer {
    fn of(contact: &Contact) -> Option<Self> {
        let answered = contact.answer.as_ref()?;
        let (from, until) = match &answered.object {
            Object::Ocsp(response) => {
                let first = response.answers.first()?;
                (first.this_update, first.next_update)
            }
            Object::Crl { facts, .. } => (facts.this_update, facts.next_update),
            _ => return None,
        };
        let ahead = answered.at.since(answered.clock);
        Some(Self {
            at: contact.at,
            from: from.plus(ahead),
            until: until?.plus(ahead),
        })
    }

    fn same(&self, other: &Self) -> bool {
        (self.from, self.until) == (other.from, other.until)
    }

    /// In the last tenth of its lifetime, or up to an hour past its end.
    fn runs_out_at(&self, at: Timestamp) -> bool {
        let life = self.until.since(self.from).as_nanos();
        life > 0
            && at.since(self.until) <= Span::from_secs(3_600)
            && self.until.since(at).as_nanos() <= life / 10
    }
}

fn is_steady(times: &[Timestamp]) -> bool {
    let mut times: Vec<i64> = times.iter().map(|at| at.as_nanos()).collect();
    times.dedup_by(|a, b| a.saturating_sub(*b) < 5_000_000_000);
    let gaps = || {
        let pairs = times.iter().zip(times.iter().skip(1));
        pairs.map(|(earlier, later)| later.saturating_sub(*earlier))
    };
    let (Some(least), Some(most)) = (gaps().min(), gaps().max()) else {
        return false;
    };
    gaps().count() >= 2 && least >= 60_000_000_000 && most.saturating_sub(least) <= least / 10
}

/// The times at which, within a span before and after, enough different URLs were fetched; how many, and how
/// many of these `counts` counts.
fn swept(
    fetches: &[Fetch],
    within: Span,
    least: usize,
    counts: impl Fn(&str) -> bool,
) -> Vec<(Timestamp, usize, usize)> {
    let mut found = Vec::new();
    let mut near: VecDeque<(Timestamp, &str)> = VecDeque::new();
    let mut different: HashMap<&str, (u32, bool)> = HashMap::default();
    let mut counted = 0;
    let mut coming = fetches.iter().peekable();
    for (at, _) in fetches {
        while let Some((other, url)) = coming.next_if(|(other, _)| other.since(*at) <= within) {
            let Some(url) = url else { continue };
            near.push_back((*other, url));
            let (times, _) = different.entry(url).or_insert_with(|| {
                let counts = counts(url);
                counted += usize::from(counts);
                (0, counts)
            });
            *times += 1;
        }
        while let Some((_, url)) = near.pop_front_if(|(other, _)| at.since(*other) > within) {
            if let Some((times, counts)) = different.get_mut(url) {
                *times -= 1;
                if *times == 0 {
                    counted -= usize::from(*counts);
                    different.remove(url);
                }
            }
        }
        if different.len() >= least {
            found.push((*at, different.len(), counted));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn steady(seconds: &[i64]) -> bool {
        is_steady(&seconds.iter().copied().map(at).collect::<Vec<_>>())
    }

    #[test]
    fn three_questions_at_one_interval_are_steady() {
        assert!(steady(&[0, 600, 1_205]));
        assert!(steady(&[0, 1, 600, 602, 1_205]));
        assert!(!steady(&[0, 600]));
        assert!(!steady(&[0, 30, 60, 90]));
        assert!(!steady(&[0, 600, 1_900]));
    }

    #[test]
    fn eight_different_ones_within_a_minute_are_a_sweep() {
        let counts = |url: &str| url.ends_with('7');
        let swept = |fetches: &[Fetch]| swept(fetches, SWEEP, SWEPT, counts);
        let fetch =
            |second: i64, number: i64| (at(second), Some(format!("http://c.example/{number}")));
        let seven: Vec<_> = (0..7).map(|n| fetch(n, n)).chain([fetch(7, 3)]).collect();
        assert_eq!(swept(&seven), []);
        let eight: Vec<_> = (0..8).map(|n| fetch(n * 10, n)).collect();
        assert_eq!(
            swept(&eight),
            (1..=6).map(|n| (at(n * 10), 8, 1)).collect::<Vec<_>>()
        );
        let slow: Vec<_> = (0..20).map(|n| fetch(n * 20, n)).collect();
        assert_eq!(swept(&slow), []);
    }

    #[test]
    fn an_answer_runs_out_in_its_last_tenth_and_for_an_hour() {
        let answer = Answer {
            at: at(0),
            from: at(0),
            until: at(100_000),
        };
        for (when, expected) in [
            (89_000, false),
            (90_000, true),
            (100_000, true),
            (103_600, true),
            (103_601, false),
        ] {
            assert_eq!(answer.runs_out_at(at(when)), expected, "{when}");
        }
    }
}
