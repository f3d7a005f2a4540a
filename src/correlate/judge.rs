//! Cheap narrowing and weighing: which handshakes can have caused a contact, and what speaks for each.

mod early;
mod extent;
mod known;
mod marks;
mod pass;
mod share;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, OnceLock};

use foldhash::{HashMap, HashSet};

use crate::correlate::State;
use crate::correlate::agents::{self, Family};
use crate::correlate::case::{Case, Kin, ShownCert};
use crate::correlate::concluded::Key;
use crate::correlate::contacts::{Contact, Watch};
use crate::correlate::devices::{DeviceMap, HostKey};
use crate::correlate::handshakes::Record;
use crate::correlate::pace::{self, Pace};
use crate::correlate::rules::RULES;
use crate::correlate::verdict::{self, Ruling};
use crate::correlate::waits::{Stance, stance};
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
    /// From the end of this fetch to the client's next word; the smaller, the closer.
    pub closeness: Option<Span>,
    /// From its anchor to the contact.
    pub lead: Span,
    /// From the server's flight to the first sign of the contact.
    pub onset: Span,
    /// Site.
    pub site: Site,
    /// What tells one site from another.
    pub site_key: Arc<str>,
    /// Place in the chain of the certificate that decides.
    pub position: usize,
    /// The certificate that is asked about was shown in some other handshake and holds the name of this site.
    pub covered: bool,
}

/// The judge of one report. Several threads may ask it: what it remembers, it remembers once.
#[derive(Debug)]
pub struct Judge<'a> {
    state: &'a State,
    devices: &'a DeviceMap,
    contacts: &'a [Contact],
    /// First and last frame of the capture.
    span: Option<(Timestamp, Timestamp)>,
    /// Times tell nothing.
    coarse: bool,
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

/// Handshakes looked back at for one contact: more within one window is a scan, not browsing.
const LOOK_BACK: usize = 1_000;

impl<'a> Judge<'a> {
    /// A judge over `contacts` in order of time.
    #[must_use]
    pub fn new(
        state: &'a State,
        devices: &'a DeviceMap,
        contacts: &'a [Contact],
        coverage: &Coverage,
    ) -> Self {
        let mut by_device: HashMap<HostKey, Vec<usize>> = HashMap::default();
        for (index, contact) in contacts.iter().enumerate() {
            by_device
                .entry(canonical(devices, contact.client))
                .or_default()
                .push(index);
        }
        let clients = state.handshakes.clients();
        Self {
            state,
            devices,
            contacts,
            span: coverage.span,
            coarse: coverage.is_clock_coarse(),
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

    /// Rules on every contact twice: what the first pass proves (which fingerprint is which software, who waited for what) lets the
    /// second read the times, and what that settles rules rivals out in [`Judge::rule_finally`].
    #[must_use]
    pub fn settle(&self) -> Pass {
        self.pass(&self.pass(&Pass::default()))
    }

    /// Rules on one contact for the third and last time; `index` is its place among all, `settled` what was learnt of them.
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
            None => {
                let (ruling, weighed) = self.rule(index, contact, before);
                let waited = waited(&ruling, &weighed).collect();
                self.lesson(index, contact, &ruling, waited)
            }
        };
        self.share(lesson, |_, lesson| pass.learn(lesson));
        pass
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
        let record = record.filter(|record| !record.shown.ja4.is_empty());
        let family = contact.request.as_ref().map(|r| agents::family(r));
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
        let extent = Extent::of(contact);
        let candidates: Vec<(&Record, Stance)> = self
            .outbound(&keys, contact, extent.start)
            .into_iter()
            .map(|record| (record, stance(record, extent.start, extent.end)))
            .collect();
        let held = candidates
            .iter()
            .filter(|(_, s)| matches!(s, Stance::Held(_)));
        let held: Vec<&Record> = held.map(|(record, _)| *record).collect();
        let pace = self.pace(&keys, extent.start, &held, before);
        let asked = Asked {
            index,
            contact,
            device: canonical(self.devices, contact.client),
            extent,
            pace: &pace,
            before,
            leaf: self.leaf_asked(contact),
            family: contact.request.as_ref().map(|r| agents::family(r)),
        };
        let mut weighed: Vec<Weighed> = Vec::new();
        for (record, stance) in candidates {
            weighed.push(self.weigh(&asked, record, Some(stance)));
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
        if self.has_forgotten(&keys, extent.start) {
            ruling.allow_for_forgotten(contact);
        }
        (ruling, weighed)
    }

    fn device_shared(&self, key: HostKey) -> bool {
        self.devices
            .of(key)
            .and_then(|id| self.devices.device(id))
            .is_some_and(|d| d.shared)
    }

    /// Handshakes the device opened shortly before, and all in which the asked certificate was shown.
    fn outbound(&self, keys: &[HostKey], contact: &Contact, start: Timestamp) -> Vec<&'a Record> {
        let earliest = start.minus(self.state.limits.cause_window);
        let mut found: Vec<&Record> = Vec::new();
        for key in keys {
            found.extend(
                self.state
                    .handshakes
                    .of_client_until(*key, start)
                    .skip_while(|r| r.shown.hello_at > start.plus(Span::from_millis(1)))
                    .take_while(|r| r.shown.hello_at >= earliest)
                    .take(LOOK_BACK),
            );
        }
        let asked = contact.ocsp.iter().flat_map(|request| &request.ids);
        for id in asked {
            found.extend(
                self.state
                    .handshakes
                    .with_serial(&id.serial)
                    .filter(|r| {
                        keys.contains(&r.client)
                            && r.shown.hello_at <= start.plus(Span::from_millis(1))
                    })
                    .take(LOOK_BACK),
            );
        }
        if contact.ocsp.is_none()
            && let Some(url) = contact.url()
        {
            // A script may download what a certificate named some minutes ago; after that, a list is renewed for other reasons.
            let long_ago = start.minus(Span::from_secs(600));
            for key in keys {
                found.extend(
                    self.state
                        .handshakes
                        .of_client_until(*key, earliest)
                        .skip_while(|r| r.shown.hello_at >= earliest)
                        .take_while(|r| r.shown.hello_at >= long_ago)
                        .take(LOOK_BACK)
                        .filter(|r| names_url(r, &url)),
                );
            }
        }
        in_order(found)
    }

    /// Handshakes the device received: those with the asked certificate at any time, others shortly before.
    fn inbound(&self, keys: &[HostKey], contact: &Contact, start: Timestamp) -> Vec<&'a Record> {
        let earliest = start.minus(Span::from_secs(5));
        let mut found: Vec<&Record> = Vec::new();
        for key in keys {
            found.extend(
                self.state
                    .handshakes
                    .of_server_until(*key, start)
                    .skip_while(|r| r.shown.hello_at > start.plus(Span::from_millis(1)))
                    .take_while(|r| r.shown.hello_at >= earliest)
                    .take(LOOK_BACK),
            );
        }
        for id in contact.ocsp.iter().flat_map(|request| &request.ids) {
            found.extend(
                self.state
                    .handshakes
                    .with_serial(&id.serial)
                    .filter(|r| keys.contains(&r.server))
                    .take(LOOK_BACK),
            );
        }
        in_order(found)
    }

    /// The device's other handshakes around a time. Those that have a contact of their own stood still for a known reason; and
    /// those that were held for this contact are its rivals, and weighed as such.
    fn pace(&self, keys: &[HostKey], at: Timestamp, held: &[&Record], before: &Pass) -> Pace<'a> {
        if self.coarse {
            return Pace::without_clock();
        }
        let mut pace = Pace::default();
        for reach in pace::SURROUNDINGS {
            let around = self.within(keys, at, reach).filter(|r| {
                !before.busy.contains(&r.shown.id) && !held.iter().any(|h| pace::same_place(h, r))
            });
            pace.add(pace::covered(at, reach, self.span), around);
        }
        pace
    }

    fn within(
        &self,
        keys: &[HostKey],
        at: Timestamp,
        reach: Span,
    ) -> impl Iterator<Item = &'a Record> {
        let times = (at.minus(reach), at.plus(reach));
        let handshakes = &self.state.handshakes;
        keys.iter()
            .flat_map(move |key| handshakes.of_client_between(*key, times, pace::MOST))
    }

    /// The handshakes whose times are part of the verdict on a contact.
    pub fn around(&self, contact: &Contact) -> impl Iterator<Item = &'a Record> {
        let keys = self.devices.addresses(contact.client);
        let at = Extent::of(contact).start;
        let reaches = pace::SURROUNDINGS.into_iter();
        let found = reaches.flat_map(|reach| self.within(&keys, at, reach));
        found.collect::<Vec<_>>().into_iter()
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
        if let Some(Stance::Held(hold)) = stance {
            closeness = Some(hold.until.since(end));
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
        let case = Case {
            contact,
            record,
            direction,
            shown,
            whole: *whole,
            started: start,
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
            kin: self.kin(asked, record),
            repeat: self.is_repeat(record, site_key),
        };
        let mut evidence: Vec<Evidence> = RULES
            .iter()
            .filter_map(|rule| (rule.apply)(&case))
            .collect();
        evidence.sort_by_key(|e| verdict::rank(e.bearing));
        // Where even the hello was cut or lost, the times at which its sides spoke are no better known.
        let patchy = record.shown.ja4.is_empty();
        let level = verdict::level(&evidence).map(|level| match level {
            Confidence::Proven => level,
            // Nothing but times tells of an IKE handshake, and no labelled capture has measured how well.
            _ if record.shown.carrier == Carrier::Ike => level.min(Confidence::Likely),
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
            closeness,
            lead: start.since(record.anchor()),
            onset,
            site: site.clone(),
            site_key: Arc::clone(site_key),
            position,
            covered: covered.unwrap_or_default(),
        }
    }

    /// The leaf that a contact asks about, when any handshake showed it.
    fn leaf_asked(&self, contact: &Contact) -> Option<&'a Certificate> {
        let mut ids = contact.ocsp.iter().flat_map(|request| &request.ids);
        ids.find_map(|id| {
            let mut shown = self.state.handshakes.with_serial(&id.serial);
            shown.find_map(|r| {
                r.leaf()
                    .filter(|leaf| leaf.serial == id.serial)
                    .map(AsRef::as_ref)
            })
        })
    }

    /// When the last contact of this device inside a silence ended.
    fn last_end_before(&self, device: HostKey, from: Timestamp, until: Timestamp) -> Timestamp {
        let until = until.plus(Span::from_millis(1));
        let siblings = self.by_device.get(&device);
        let siblings = siblings.map_or(&[][..], Vec::as_slice);
        // Contacts are in order of time, so only those inside the silence are looked at.
        let first =
            siblings.partition_point(|i| self.contacts.get(*i).is_some_and(|c| c.at < from));
        siblings
            .iter()
            .skip(first)
            .filter_map(|i| self.contacts.get(*i))
            .take_while(|c| c.at <= until)
            .filter(|c| c.ended_at <= until)
            .map(|c| c.ended_at)
            .max()
            .unwrap_or(from)
    }

    /// A contact of the same burst or question whose trigger is known to be this handshake.
    fn kin(&self, asked: &Asked<'_>, record: &Record) -> Option<Kin> {
        let Asked {
            index,
            contact,
            before,
            ..
        } = *asked;
        let siblings = self.by_device.get(&asked.device)?;
        let here = siblings.binary_search(&index).ok()?;
        let near = siblings
            .iter()
            .skip(here.saturating_sub(8))
            .take(17)
            .filter(|i| **i != index);
        near.filter_map(|i| {
            let other = self.contacts.get(*i)?;
            if !before.ties_to(*i, record.shown.id) {
                return None;
            }
            let same_question = match (&contact.ocsp, &other.ocsp) {
                (Some(a), Some(b)) => a.ids == b.ids,
                (None, None) => contact.url().is_some() && contact.url() == other.url(),
                _ => false,
            } && contact.at.since(other.at).abs() <= Span::from_secs(10);
            let (a, b) = if contact.at <= other.at {
                (contact, other)
            } else {
                (other, contact)
            };
            let same_software = contact.request.as_ref().map(|r| agents::family(r))
                == other.request.as_ref().map(|r| agents::family(r));
            // One leaf has one issuer, so its questions go to the hosts of one label.
            let same_chain = match (contact.leaf_label(), other.leaf_label()) {
                (Some(one), Some(another)) => one == another,
                _ => true,
            };
            let back_to_back =
                same_software && same_chain && b.at.since(a.ended_at) <= Span::from_millis(150);
            (same_question || back_to_back).then(|| Kin {
                finding: FindingId::at(*i),
                same_question,
            })
        })
        .max_by_key(|kin| kin.same_question)
    }

    fn is_repeat(&self, record: &Record, site_key: &str) -> bool {
        let find = || {
            let mut firsts = Firsts::default();
            for earlier in self.state.handshakes.of_client(record.client) {
                let (_, key) = self.site(earlier);
                firsts.entry(key).or_insert(earlier.shown.id);
            }
            firsts
        };
        let firsts = self.firsts.get(&record.client);
        let firsts = firsts.map(|firsts| firsts.get_or_init(find));
        let first = firsts.and_then(|firsts| firsts.get(site_key));
        first.is_some_and(|first| *first < record.shown.id)
            || self.state.handshakes.has_met(record.client, site_key)
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

fn in_order(mut found: Vec<&Record>) -> Vec<&Record> {
    let mut seen = HashSet::default();
    found.retain(|r| seen.insert(r.shown.id));
    found.sort_by_key(|r| r.shown.id);
    found
}

fn names_url(record: &Record, url: &str) -> bool {
    let same = |named: &str| {
        named.eq_ignore_ascii_case(url) || url.strip_suffix('/').is_some_and(|bare| bare == named)
    };
    let named = |list: &[String]| list.iter().any(|u| same(u));
    record
        .shown
        .chain
        .iter()
        .any(|c| named(&c.crl_urls) || named(&c.issuer_urls))
}
