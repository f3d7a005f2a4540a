//! Rulings that are made before what they rest on is forgotten.
//!
//! Conclusions are drawn when a report is asked for, over what is remembered then. A capture may hold more
//! handshakes than that: when there is no room for another, contacts are ruled on whose handshakes go next,
//! and the rulings stay, with the few handshakes that they speak of. When that happens depends on the events
//! alone, so that the report is the same however they come.

use foldhash::HashMap;

use super::contacts::{Contact, assemble, elsewhere};
use super::judge::Judge;
use super::verdict::Ruling;
use super::{Coverage, State};
use crate::correlate::devices::HostKey;
use crate::event::Name;
use crate::finding::{FindingId, HandshakeId};
use crate::flow::FlowId;
use crate::frame::FrameNo;
use crate::time::{Span, Timestamp};

/// What a contact rests on lies at most so long before it: a script may download after ten minutes what a
/// certificate named (`judge`), and lookups and connections are tried for half a minute before.
pub const REACH: Span = Span::from_secs(11 * 60);
/// What a contact shows of itself comes within this time after it: an answer, and how its client goes on.
const SETTLED: Span = Span::from_secs(30);
/// Where less time than that is remembered, a contact gets this part of it for what comes after, and the rest
/// for what came before.
const AFTER: i64 = 4;

/// What tells a contact from others in every report.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Key {
    at: Timestamp,
    client: HostKey,
    host: Name,
    flow: Option<FlowId>,
    frame: Option<FrameNo>,
}

impl Key {
    /// The key of a contact.
    #[must_use]
    pub fn of(contact: &Contact) -> Self {
        let frames = &contact.frames;
        let first = [&frames.request, &frames.connect, &frames.dns];
        Self {
            at: contact.at,
            client: contact.client,
            host: contact.host.clone(),
            flow: contact.flow,
            frame: first.into_iter().find_map(|list| list.first().copied()),
        }
    }
}

/// A ruling that could not wait.
#[derive(Debug)]
pub struct Early {
    /// The ruling.
    pub ruling: Ruling,
    /// Handshakes that stood still for this contact.
    pub waited: Vec<HandshakeId>,
    /// Contacts it speaks of, by the ids that they had then.
    pub others: Vec<(FindingId, Key)>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Concluded {
    rulings: HashMap<Key, Early>,
}

impl Concluded {
    /// The ruling on a contact, if it was made.
    #[must_use]
    pub fn of(&self, contact: &Contact) -> Option<&Early> {
        // As in all but the longest captures.
        if self.rulings.is_empty() {
            return None;
        }
        self.rulings.get(&Key::of(contact))
    }

    /// Forgets rulings on contacts before a time.
    pub(super) fn forget(&mut self, before: Timestamp) {
        self.rulings.retain(|key, _| key.at >= before);
    }
}

impl State {
    /// Makes room for handshakes, after ruling on the contacts that rest on those that go.
    pub(super) fn make_room(&mut self, now: Timestamp) {
        let rulings = self.conclude(now);
        for (key, early) in rulings {
            let Ruling {
                named, rejected, ..
            } = &early.ruling;
            self.handshakes.keep(named.iter().map(|w| w.id));
            // The others are only to be looked up, so those that are named find room before them.
            if self.handshakes.kept() < self.limits.kept_handshakes / 4 {
                self.handshakes.keep(rejected.iter().map(|w| w.id));
            }
            self.concluded.rulings.insert(key, early);
        }
        self.handshakes.forget_third();
    }

    fn conclude(&self, now: Timestamp) -> Vec<(Key, Early)> {
        let Some(gone_until) = self.handshakes.oldest_third() else {
            return Vec::new();
        };
        let rest = now.since(gone_until).as_nanos() / AFTER;
        let settled = now.minus(SETTLED.min(Span::from_nanos(rest)));
        let until = gone_until.plus(REACH).min(settled);
        let devices = self.devices.resolve();
        let contacts = assemble(&self.log, &devices);
        let others = elsewhere(&self.elsewhere, &devices, &contacts);
        let is_open = |c: &Contact| c.at < until && self.concluded.of(c).is_none();
        if !contacts.iter().any(is_open) {
            return Vec::new();
        }
        let mut coverage = Coverage {
            frames: 2,
            span: Some((self.began.unwrap_or(now), now)),
            ..Coverage::default()
        };
        for record in self.handshakes.iter() {
            coverage.learn_clock(record.shown.hello_at);
        }
        Judge::new(self, &devices, [&contacts, &others], &coverage)
            .with_threads(self.threads)
            .conclude(until)
    }
}
