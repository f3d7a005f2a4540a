//! What one pass over all contacts teaches the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::correlate::agents::Family;
use crate::correlate::case::Tie;
use crate::correlate::contacts::Contact;
use crate::correlate::contacts::leaf::are_of_one_chain;
use crate::correlate::devices::HostKey;
use crate::correlate::handshakes::Record;
use crate::correlate::verdict::Ruling;
use crate::finding::{Cause, Confidence, HandshakeId, Outcome};
use crate::time::Timestamp;

/// Contacts remembered for one handshake; a chain has few certificates, each with few addresses.
const MOST_TIES: usize = 8;

/// What one pass over all contacts came to, for the next.
#[derive(Debug, Default)]
pub struct Pass {
    /// For each contact the handshakes that a strong verdict ties it to.
    tied: Vec<Box<[HandshakeId]>>,
    pub(super) fingerprints: HashMap<Arc<str>, Vec<Family>>,
    /// What contacts tied to a site tell of the leaf it shows, by device.
    pub(super) ties: HashMap<(HostKey, Arc<str>), Vec<Tie>>,
    /// CA labels that strong verdicts tie to a site, and from when to when they do.
    pub(super) labels: HashMap<Arc<str>, BTreeMap<String, (Timestamp, Timestamp)>>,
    /// Handshakes that have a contact of their own, which explains why they waited.
    pub(super) busy: HashSet<HandshakeId>,
}

impl Pass {
    /// A pass that begins with the contradictions of the one `before`: contacts that tell of different leaves
    /// for one site stay doubtful, although neither is tied to it any more.
    pub(super) fn after(before: &Self) -> Self {
        let contested = before.ties.iter().filter(|(_, ties)| disagree(ties));
        Self {
            ties: contested.map(|(k, v)| (k.clone(), v.clone())).collect(),
            ..Self::default()
        }
    }

    /// Takes the lessons of the contacts in their order.
    pub(super) fn learn(&mut self, lesson: Lesson) {
        self.busy.extend(lesson.busy);
        if let Some((ja4, family)) = lesson.fingerprint {
            let known = self.fingerprints.entry(ja4).or_default();
            if !known.contains(&family) {
                known.push(family);
            }
        }
        self.tied.push(lesson.tied);
        if let Some((site, label, at)) = lesson.label {
            let of_site = self.labels.entry(site).or_default();
            let (first, last) = of_site.entry(label).or_insert((at, at));
            (*first, *last) = (at.min(*first), at.max(*last));
        }
        if let Some((place, tie)) = lesson.tie {
            let ties = self.ties.entry(place).or_default();
            if ties.len() < MOST_TIES && !ties.iter().any(|known| known.contact == tie.contact) {
                ties.push(tie);
            }
        }
    }

    /// Whether a strong verdict ties a contact to a handshake.
    pub(super) fn ties_to(&self, contact: usize, handshake: HandshakeId) -> bool {
        self.tied
            .get(contact)
            .is_some_and(|tied| tied.contains(&handshake))
    }

    pub(super) fn ties(&self, device: HostKey, site_key: &Arc<str>, record: &Record) -> &[Tie] {
        if !record.hides_certificate() {
            return &[];
        }
        let place = (device, Arc::clone(site_key));
        self.ties.get(&place).map_or(&[], Vec::as_slice)
    }
}

/// What the ruling on one contact teaches.
#[derive(Debug, Default)]
pub(super) struct Lesson {
    /// Handshakes that stood still for it.
    pub(super) busy: Vec<HandshakeId>,
    /// Which software a fingerprint is.
    pub(super) fingerprint: Option<(Arc<str>, Family)>,
    tied: Box<[HandshakeId]>,
    label: Option<(Arc<str>, String, Timestamp)>,
    tie: Option<((HostKey, Arc<str>), Tie)>,
}

impl Lesson {
    /// A question about a leaf tells of the handshake that caused it which certificate it showed.
    pub(super) fn of(index: usize, device: HostKey, contact: &Contact, ruling: &Ruling) -> Self {
        let sure = ruling.outcome == Outcome::Site && ruling.confidence >= Confidence::Strong;
        let named = ruling.named.iter().filter(|_| sure);
        let mut lesson = Self {
            tied: named.map(|w| w.id).collect(),
            ..Self::default()
        };
        let Some(best) = ruling.named.first() else {
            return lesson;
        };
        let label = contact.ca_label();
        let serial = contact
            .ocsp
            .as_ref()
            .and_then(|request| request.ids.first());
        // A server asks about the leaf that it is about to show to a visitor, so that ties the two as well.
        let own_leaf = ruling.outcome == Outcome::NoOutbound && ruling.cause == Cause::Stapling;
        let tied = (ruling.outcome == Outcome::Site || own_leaf)
            && ruling.confidence >= Confidence::Likely;
        if !tied || best.position > 0 || (label.is_none() && serial.is_none()) {
            return lesson;
        }
        let strong = ruling.confidence >= Confidence::Strong && !own_leaf;
        lesson.label = label
            .filter(|_| strong)
            .map(|label| (Arc::clone(&best.site_key), label.to_owned(), contact.at));
        let tie = Tie {
            contact: index,
            at: contact.at,
            handshake: best.id,
            serial: serial.map(|id| id.serial.clone()),
            label: label.map(str::to_owned),
            shard: contact.shard(),
            closeness: best.closeness,
            confidence: ruling.confidence,
            by_elimination: ruling.by_elimination,
        };
        lesson.tie = Some(((device, Arc::clone(&best.site_key)), tie));
        lesson
    }
}

/// Whether ties of one site tell of different leaves.
fn disagree(ties: &[Tie]) -> bool {
    let differ = |a: &Tie, b: &Tie| {
        matches!((&a.serial, &b.serial), (Some(x), Some(y)) if x != y)
            || matches!((&a.label, &b.label), (Some(x), Some(y)) if !are_of_one_chain(x, y))
            || matches!((a.shard, b.shard), (Some(x), Some(y)) if x != y)
    };
    ties.iter()
        .enumerate()
        .any(|(i, a)| ties.iter().skip(i + 1).any(|b| differ(a, b)))
}
