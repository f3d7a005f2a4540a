//! Rulings that can not wait for the report, and what is to be said where handshakes were forgotten.

use super::*;
use crate::correlate::concluded::{Early, Key};
use crate::finding::Facts;

/// Candidates kept of a ruling: as many as a verdict of one of several names, and those that came nearest.
const KEPT: (usize, usize) = (5, 2);

impl Judge<'_> {
    /// Rules on the contacts before a time on which that was not done yet.
    #[must_use]
    pub fn conclude(&self, until: Timestamp) -> Vec<(Key, Early)> {
        let settled = self.settle();
        let is_open =
            |contact: &Contact| contact.at < until && self.state.concluded.of(contact).is_none();
        let rule = |index, contact: &Contact| {
            is_open(contact).then(|| self.rule_early(index, contact, &settled))
        };
        let mut rulings = Vec::new();
        self.share(self.reported(), rule, |_, ruling| rulings.extend(ruling));
        rulings
    }

    fn rule_early(&self, index: usize, contact: &Contact, settled: &Pass) -> (Key, Early) {
        let (mut ruling, others) = self.rule(index, contact, settled);
        let waited = waited(&ruling, &others).collect();
        ruling.reject(others);
        let (named, rejected) = KEPT;
        ruling.left_out.candidates += shorten(&mut ruling.named, named);
        ruling.left_out.rejected += shorten(&mut ruling.rejected, rejected);
        let others = spoken_of(&ruling)
            .filter_map(|id| Some((id, Key::of(self.contacts.get(id.place()?)?))))
            .collect();
        let early = Early {
            ruling,
            waited,
            others,
        };
        (Key::of(contact), early)
    }

    /// What was ruled before, in the words of this report.
    pub(super) fn concluded(&self, early: &Early) -> Ruling {
        let mut ruling = early.ruling.clone();
        let weighed = ruling.named.iter_mut().chain(&mut ruling.rejected);
        for evidence in weighed.flat_map(|weighed| &mut weighed.evidence) {
            if let Facts::SameBurst { finding } = &mut evidence.facts
                && let Some((_, key)) = early.others.iter().find(|(id, _)| id == finding)
                && let Some(index) = self.places().get(key)
            {
                *finding = FindingId::at(*index);
            }
        }
        ruling
    }

    /// Contacts by their keys.
    fn places(&self) -> &HashMap<Key, usize> {
        self.places.get_or_init(|| {
            let contacts = self.contacts.iter().enumerate();
            contacts.map(|(index, c)| (Key::of(c), index)).collect()
        })
    }

    /// The same for a contact.
    pub(super) fn rests_on_forgotten(&self, contact: &Contact) -> bool {
        let keys = self.devices.addresses(contact.client);
        self.has_forgotten(&keys, Extent::of(contact, None).start)
    }

    /// Whether a handshake that may have caused a contact had to be forgotten.
    pub(super) fn has_forgotten(&self, keys: &[HostKey], start: Timestamp) -> bool {
        let earliest = start.minus(self.state.limits.cause_window);
        let gone = |key: &HostKey| self.state.handshakes.forgotten_until(*key);
        keys.iter().filter_map(gone).any(|until| until >= earliest)
    }
}

/// Handshakes that a ruling says stood still for its contact. Parallel connections to one site wait for one answer.
pub(super) fn waited<'w>(
    ruling: &'w Ruling,
    weighed: &'w [Weighed],
) -> impl Iterator<Item = HandshakeId> + 'w {
    let sure = ruling.confidence >= Confidence::Strong;
    let named = |w: &&Weighed| ruling.named.iter().any(|n| n.site_key == w.site_key);
    let sure = weighed.iter().filter(move |_| sure);
    sure.filter(named).map(|weighed| weighed.id)
}

/// Leaves so many of a list, and says how many go.
fn shorten(list: &mut Vec<Weighed>, most: usize) -> u64 {
    let more = list.len().saturating_sub(most);
    list.truncate(most);
    list.shrink_to_fit();
    more as u64
}

/// Other contacts that the evidence speaks of.
fn spoken_of(ruling: &Ruling) -> impl Iterator<Item = FindingId> {
    let weighed = ruling.named.iter().chain(&ruling.rejected);
    let evidence = weighed.flat_map(|weighed| &weighed.evidence);
    evidence.filter_map(|evidence| match evidence.facts {
        Facts::SameBurst { finding } => Some(finding),
        _ => None,
    })
}
