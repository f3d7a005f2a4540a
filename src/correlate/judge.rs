//! The judge: which handshakes can have caused a contact (`suspects`), and what speaks for each.

mod chain;
mod early;
mod extent;
mod known;
mod marks;
mod pass;
mod share;
mod skew;
mod surroundings;
mod suspects;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock};

use foldhash::{HashMap, HashSet};

use crate::correlate::State;
use crate::correlate::agents::Family;
use crate::correlate::alerts;
use crate::correlate::case::{Case, Kin, ShownCert};
use crate::correlate::concluded::Key;
use crate::correlate::contacts::{Contact, Watch};
use crate::correlate::devices::{DeviceMap, HostKey};
use crate::correlate::handshakes::Record;
use crate::correlate::pace::{self, Pace};
use crate::correlate::rules::RULES;
use crate::correlate::verdict::{self, Ruling};
use crate::correlate::waits::{GOES_ON_LATEST, Stance, is_mute, stance};
use crate::event::{Carrier, Name};
use crate::finding::{
    Confidence, Coverage, Direction, Evidence, FindingId, HandshakeId, Outcome, Site, Visibility,
};
use crate::flow::Scope;
use crate::pki::cert::Certificate;
use crate::time::{Span, Timestamp};

use early::waited;
use extent::{Extent, first_sign};
use known::Memo;
use marks::{discount_process, discount_timing, mark_shared_waits};
use pass::Lesson;
pub use pass::Pass;
use surroundings::Had;
pub(in crate::correlate) use suspects::names_url;

/// A handshake weighed against a contact.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// The handshake.
    pub id: HandshakeId,
    /// Seen from the device of the contact.
    pub direction: Direction,
    /// What speaks for and against it.
    pub evidence: Vec<Evidence>,
    /// Confidence in it alone; None when it is ruled out or nothing speaks for it.
    pub level: Option<Confidence>,
    /// How it stood while the fetch ran.
    pub stance: Option<Stance>,
    /// It stood still to the end of the capture, which came so soon that nobody knows whether it went on
    /// after this fetch.
    pub unended: bool,
    /// From the end of this fetch to the client's next word; the smaller, the closer.
    pub closeness: Option<Span>,
    /// Something for another leaf was answered between the two.
    pub overtaken: bool,
    /// From its anchor to the contact.
    pub lead: Span,
    /// From the server's flight to the first sign of the contact.
    pub onset: Span,
    /// The same of the checks that it goes on with, one list after the other.
    pub checks_onset: Span,
    /// Site.
    pub site: Site,
    /// What tells one site from another.
    pub site_key: Arc<str>,
    /// Place in the chain of the certificate that decides.
    pub position: usize,
    /// The certificate that is asked about was shown in some other handshake and holds the name of this site.
    pub covered: bool,
    /// It had what all under a CA name before this was fetched.
    pub had_it: bool,
    /// What speaks for it although its hello, or all that its server said, is not in the capture: enough to
    /// rival others, not to be named.
    pub apparent: Option<Confidence>,
}

impl Weighed {
    /// Whether a rule spoke of it, for or against.
    #[must_use]
    pub fn says(&self, rule: &str) -> bool {
        self.evidence.iter().any(|evidence| evidence.rule == rule)
    }
}

/// The judge of one report. Several threads may ask it: what it remembers, it remembers once.
#[derive(Debug)]
pub struct Judge<'a> {
    state: &'a State,
    devices: &'a DeviceMap,
    contacts: &'a [Contact],
    /// Contacts that no report speaks of, numbered after the others: they are ruled on for what they teach.
    others: &'a [Contact],
    /// First and last frame of the capture.
    span: Option<(Timestamp, Timestamp)>,
    /// Times tell nothing.
    coarse: bool,
    /// Two clocks made the capture.
    skewed: bool,
    /// In order of time.
    by_device: HashMap<HostKey, Vec<usize>>,
    /// Threads that contacts are shared out to.
    threads: NonZeroUsize,
    /// The first handshake of each address with each site, once it was asked about.
    firsts: HashMap<HostKey, OnceLock<Firsts>>,
    /// What is known of the handshakes that were asked about so far: each is held against many contacts, three times.
    known: Memo,
    /// Whether a leaf, by where it is in memory, names addresses of Let's Encrypt.
    lets_encrypt: Mutex<HashMap<usize, bool>>,
    /// Contacts by their keys, where one had to be ruled on before.
    places: OnceLock<HashMap<Key, usize>>,
}

/// The first handshake with each site.
type Firsts = HashMap<Arc<str>, HandshakeId>;

impl<'a> Judge<'a> {
    /// A judge over contacts in order of time: those that are reported, and others.
    #[must_use]
    pub fn new(
        state: &'a State,
        devices: &'a DeviceMap,
        [contacts, others]: [&'a [Contact]; 2],
        coverage: &Coverage,
    ) -> Self {
        let mut by_device: HashMap<HostKey, Vec<usize>> = HashMap::default();
        for (index, contact) in contacts.iter().chain(others).enumerate() {
            by_device
                .entry(canonical(devices, contact.client))
                .or_default()
                .push(index);
        }
        if !others.is_empty() {
            let at = |index: &usize| contact_of(contacts, others, *index).map(|c| c.at);
            let lists = by_device.values_mut();
            lists.for_each(|list| list.sort_by_key(|index| (at(index), *index)));
        }
        let clients = state.handshakes.clients();
        let skewed = !contacts.is_empty() && skew::is_skewed(state, devices);
        Self {
            state,
            devices,
            contacts,
            others,
            span: coverage.span,
            coarse: coverage.is_clock_coarse() || skewed,
            skewed,
            by_device,
            threads: NonZeroUsize::MIN,
            firsts: clients.map(|key| (key, OnceLock::new())).collect(),
            known: Memo::new(&state.handshakes),
            lets_encrypt: Mutex::default(),
            places: OnceLock::new(),
        }
    }

    /// The same with threads to share the contacts out to; what comes of it is the same.
    #[must_use]
    pub const fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads;
        self
    }

    /// Rules on every contact twice: what the first pass proves (which fingerprint is which software, who
    /// waited for what) lets the second read the times, and what that settles rules rivals out in
    /// [`Judge::rule_finally`].
    #[must_use]
    pub fn settle(&self) -> Pass {
        self.pass(&self.pass(&Pass::default()))
    }

    /// Rules on one contact for the third and last time; `index` is its place among all, `settled` what was
    /// learnt of them.
    #[must_use]
    pub fn rule_finally(&self, index: usize, contact: &Contact, settled: &Pass) -> Ruling {
        if let Some(early) = self.state.concluded.of(contact) {
            return self.concluded(early);
        }
        let (mut ruling, others) = self.rule(index, contact, settled);
        ruling.reject(others);
        // These are part of the report, and lists grow to twice what they hold.
        for weighed in ruling.named.iter_mut().chain(&mut ruling.rejected) {
            weighed.evidence.shrink_to_fit();
        }
        ruling
    }

    fn pass(&self, before: &Pass) -> Pass {
        let mut pass = Pass::after(before);
        let lesson = |index, contact: &Contact| match self.state.concluded.of(contact) {
            Some(early) => self.lesson(index, contact, &early.ruling, early.waited.clone()),
            // Others are not ruled on before what they rest on goes, and then teach nothing.
            None if index >= self.reported() && self.rests_on_forgotten(contact) => {
                Lesson::default()
            }
            None => {
                let (ruling, weighed) = self.rule(index, contact, before);
                let waited = waited(&ruling, &weighed).collect();
                self.lesson(index, contact, &ruling, waited)
            }
        };
        self.share(self.all(), lesson, |_, lesson| pass.learn(lesson));
        pass
    }

    /// How many contacts there are, reported and others.
    const fn all(&self) -> usize {
        self.contacts.len() + self.others.len()
    }

    /// How many are reported; their places are before those of the others.
    pub(in crate::correlate) const fn reported(&self) -> usize {
        self.contacts.len()
    }

    fn contact(&self, index: usize) -> Option<&'a Contact> {
        contact_of(self.contacts, self.others, index)
    }

    /// What a ruling teaches.
    fn lesson(
        &self,
        index: usize,
        contact: &Contact,
        ruling: &Ruling,
        busy: Vec<HandshakeId>,
    ) -> Lesson {
        let best = ruling
            .named
            .first()
            .filter(|_| ruling.outcome == Outcome::Site && ruling.confidence == Confidence::Proven);
        let record = best.and_then(|best| self.state.handshakes.get(best.id));
        // What all under a CA share proves too little of who asked.
        let record =
            record.filter(|record| !record.shown.ja4.is_empty() && !verdict::is_about_ca(contact));
        let family = contact.family;
        let verifier = family.filter(|family| family.is_verifier());
        let device = canonical(self.devices, contact.client);
        let mut lesson = Lesson::of(index, device, contact, ruling);
        lesson.fingerprint = record.map(|r| r.shown.ja4.clone()).zip(verifier);
        lesson.busy = busy;
        lesson
    }

    /// A ruling, and all handshakes it was chosen from.
    fn rule(&self, index: usize, contact: &Contact, before: &Pass) -> (Ruling, Vec<Weighed>) {
        if contact.watch == Watch::LookAlike {
            return (Ruling::disguise(), Vec::new());
        }
        let keys = self.devices.addresses(contact.client);
        let extent = Extent::of(contact, self.span.map(|(_, last)| last));
        let family = contact.family;
        let holds_data = family.is_none_or(Family::may_hold_data);
        let chain = self.chain(index, contact);
        let candidates: Vec<(&Record, Stance, Timestamp)> = self
            .outbound(&keys, contact, extent.start)
            .into_iter()
            .map(|record| {
                let began = Self::checks_began(contact, &chain, record, before);
                let holds_data = holds_data.then_some(began);
                let stance = stance(record, extent.start, extent.end, holds_data);
                (record, stance, began)
            })
            .collect();
        let held = candidates
            .iter()
            .filter(|(_, s, _)| matches!(s, Stance::Held(_)));
        let held: Vec<&Record> = held.map(|(record, ..)| *record).collect();
        let pace = self.pace(&keys, extent.start, &held, before);
        let asked = Asked {
            index,
            contact,
            device: canonical(self.devices, contact.client),
            extent,
            pace: &pace,
            before,
            leaf: self.leaf_asked(contact),
            family,
            unshown: !self.was_shown(&keys, contact, extent.start),
            same: self.same_before(index, contact, extent.start),
        };
        let mut weighed: Vec<Weighed> = Vec::new();
        for (record, stance, began) in candidates {
            let weighed_one = self.weigh(&asked, record, Some(stance));
            weighed.push(Weighed {
                checks_onset: weighed_one.onset.min(began.since(record.anchor())),
                ..weighed_one
            });
        }
        let stations = self.devices.stations(contact.client);
        for record in self.inbound(&stations, contact, extent.start) {
            weighed.push(self.weigh(&asked, record, None));
        }
        discount_process(&mut weighed);
        mark_shared_waits(&mut weighed);
        let innocent = |w: &Weighed| w.level.is_none() && !before.busy.contains(&w.id);
        if weighed
            .iter()
            .any(|w| innocent(w) && verdict::engaged(w) == verdict::HELD)
        {
            discount_timing(&mut weighed);
        }
        let shared = self.device_shared(contact.client);
        let mut ruling = verdict::decide(contact, &weighed, shared);
        if self.skewed {
            ruling.allow_for_skew(contact, &weighed);
        }
        if self.is_of_impostor(contact, &ruling) {
            ruling.allow_for_impostor();
        }
        if self.is_contested(&asked, &ruling) {
            ruling.allow_for_another_program();
        }
        if self.has_forgotten(&keys, extent.start) {
            ruling.allow_for_forgotten(contact);
        }
        if self.state.joined_before(&keys, extent.start) {
            ruling.allow_for_unseen(contact);
        }
        (ruling, weighed)
    }

    /// Whether the server of a site that hides its certificate gave the answer as well, and it is nothing of
    /// Let's Encrypt's.
    fn is_of_impostor(&self, contact: &Contact, ruling: &Ruling) -> bool {
        let server = contact.server.filter(|_| !contact.proxied);
        let foreign = server.is_some() && alerts::looks_foreign(contact);
        let mut named = ruling.named.iter();
        foreign
            && named.any(|w| {
                let record = self.state.handshakes.get(w.id);
                let hidden = record.filter(|record| record.hides_certificate());
                hidden.map(|record| record.shown.server.ip()) == server.map(|server| server.ip())
            })
    }

    fn device_shared(&self, key: HostKey) -> bool {
        self.devices
            .of(key)
            .and_then(|id| self.devices.device(id))
            .is_some_and(|d| d.shared)
    }

    /// `stance` is how an outbound handshake stood; None for inbound ones.
    fn weigh(&self, asked: &Asked<'_>, record: &Record, stance: Option<Stance>) -> Weighed {
        let (contact, before) = (asked.contact, asked.before);
        let Extent {
            start,
            end,
            open_ended,
        } = asked.extent;
        let direction = match stance {
            Some(_) => Direction::Outbound,
            None => Direction::Inbound,
        };
        let (mut resumed_after, mut closeness) = (None, None);
        let mut overtaken = false;
        if let Some(Stance::Held(hold)) = stance {
            closeness = Some(hold.until.since(end));
            overtaken = self.overtaken(asked, &hold);
            let last = self
                .last_end_before(asked.device, hold.from, hold.until)
                .max(end);
            // A client that got no answer goes on when its own patience ends, which may be seconds later.
            resumed_after = Some(if open_ended {
                Span::from_millis(500).min(hold.until.since(last))
            } else {
                hold.until.since(last)
            });
        }
        let onset = first_sign(contact).since(record.anchor());
        let known = self.known(record);
        let (site, site_key) = (&known.site, &known.key);
        let (shown, whole) = self.shown(record, &known);
        let none: &[Family] = &[];
        let had = Self::had_before(asked, record);
        let case = Case {
            contact,
            record,
            direction,
            shown,
            whole: *whole,
            started: start,
            clock: self.state.steps.clock(start),
            stance,
            resumed_after,
            family: asked.family,
            fingerprint: before
                .fingerprints
                .get(&record.shown.ja4)
                .map_or(none, Vec::as_slice),
            ties: before.ties(asked.device, site_key, record),
            index: asked.index,
            labels: before.labels.get(site_key),
            pace: asked.pace,
            duration: end.since(start),
            onset,
            chased: had == Had::Tied,
            kin: self.kin(asked, record),
            repeat: self.is_repeat(record, site_key),
            unshown: asked.unshown,
            skewed: self.skewed,
        };
        let mut evidence: Vec<Evidence> = RULES
            .iter()
            .filter_map(|rule| (rule.apply)(&case))
            .collect();
        evidence.sort_by_key(|e| verdict::rank(e.bearing));
        let ike = record.shown.carrier == Carrier::Ike;
        let patchy = !ike && (record.shown.ja4.is_empty() || is_mute(record));
        let apparent = verdict::level(&evidence);
        let level = apparent.map(|level| match level {
            Confidence::Proven => level,
            // Nothing but times tells of an IKE handshake, and no labelled capture has measured how well.
            _ if ike => level.min(Confidence::Likely),
            // Where even the hello was cut or lost, the times at which its sides spoke are no better known.
            _ if patchy => Confidence::Possible,
            _ => level,
        });
        let position = case
            .asked_cert()
            .or_else(|| case.naming_cert().map(|(s, _)| s))
            .map_or(0, |s| s.position);
        let covered = asked.leaf.and_then(|leaf| Some(leaf.covers(&site.name()?)));
        Weighed {
            id: record.shown.id,
            direction,
            evidence,
            level,
            stance,
            unended: stance == Some(Stance::Hanging)
                && self
                    .span
                    .is_some_and(|(_, last)| last.since(end) <= GOES_ON_LATEST),
            closeness,
            overtaken,
            lead: start.since(record.anchor()),
            onset,
            checks_onset: onset,
            site: site.clone(),
            site_key: Arc::clone(site_key),
            position,
            covered: covered.unwrap_or_default(),
            had_it: had > Had::No,
            apparent: apparent.filter(|_| patchy),
        }
    }
}

/// One contact as it is put to the handshakes.
struct Asked<'a> {
    index: usize,
    contact: &'a Contact,
    /// What all contacts of the device are found by.
    device: HostKey,
    extent: Extent,
    pace: &'a Pace<'a>,
    before: &'a Pass,
    /// The leaf that is asked about, when any handshake showed it.
    leaf: Option<&'a Certificate>,
    /// Of the client that made the contact.
    family: Option<Family>,
    /// No handshake of the device had shown it when the contact began.
    unshown: bool,
    /// Earlier contacts that got the same.
    same: Vec<(usize, &'a Contact)>,
}

fn contact_of<'a>(
    contacts: &'a [Contact],
    others: &'a [Contact],
    index: usize,
) -> Option<&'a Contact> {
    let other = || others.get(index.checked_sub(contacts.len())?);
    contacts.get(index).or_else(other)
}

fn canonical(devices: &DeviceMap, key: HostKey) -> HostKey {
    match devices.of(key) {
        Some(_) => devices.addresses(key).first().copied().unwrap_or(key),
        None => HostKey {
            scope: Scope(key.scope.0),
            ip: key.ip,
        },
    }
}
