//! What else the device did around a contact: other handshakes, other contacts, earlier visits.

use super::*;
use crate::correlate::waits::Hold;
use crate::finding::{ContactKind, Stage};

/// Contacts before and after one that are looked at for what belongs to it.
const NEAR: usize = 8;

/// Whether the same was fetched before while a handshake was under way.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Had {
    /// It was not.
    No,
    /// It was, by a program that keeps it for all its connections.
    StoodBy,
    /// It was for this very handshake.
    Tied,
}

impl<'a> Judge<'a> {
    /// The device's other handshakes around a time. Those that have a contact of their own stood still for a
    /// known reason; and those that were held for this contact are its rivals, and weighed as such.
    pub(super) fn pace(
        &self,
        keys: &[HostKey],
        at: Timestamp,
        held: &[&Record],
        before: &Pass,
    ) -> Pace<'a> {
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

    pub(super) fn within(
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
        let at = Extent::of(contact, None).start;
        let reaches = pace::SURROUNDINGS.into_iter();
        let found = reaches.flat_map(|reach| self.within(&keys, at, reach));
        found.collect::<Vec<_>>().into_iter()
    }

    /// When the last contact of this device inside a silence ended.
    pub(super) fn last_end_before(
        &self,
        device: HostKey,
        from: Timestamp,
        until: Timestamp,
    ) -> Timestamp {
        let ended = self.ended_within(device, from, until).map(|c| c.ended_at);
        ended.max().unwrap_or(from)
    }

    /// Whether another contact of this device, which cannot be about the same leaf, ended between this one
    /// and the client's next word in a handshake: whoever went on then had been waiting for that one as
    /// likely.
    pub(super) fn overtaken(&self, asked: &Asked<'_>, hold: &Hold) -> bool {
        let mut ended = self.ended_within(asked.device, hold.from, hold.until);
        ended.any(|c| c.ended_at > asked.extent.end && !asked.contact.may_share_leaf(c))
    }

    /// The device's contacts inside a silence.
    fn ended_within(
        &self,
        device: HostKey,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = &Contact> {
        let until = until.plus(Span::from_millis(1));
        let siblings = self.by_device.get(&device);
        let siblings = siblings.map_or(&[][..], Vec::as_slice);
        // Contacts are in order of time, so only those inside the silence are looked at.
        let first = siblings.partition_point(|i| self.contact(*i).is_some_and(|c| c.at < from));
        let within = siblings.iter().skip(first);
        let within = within.filter_map(|i| self.contact(*i));
        let within = within.take_while(move |c| c.at <= until);
        within.filter(move |c| c.ended_at <= until)
    }

    /// The device's contacts before one, the latest first, and after it. What is not reported speaks for
    /// nothing that is.
    pub(super) fn siblings(
        &self,
        device: HostKey,
        index: usize,
        contact: &Contact,
    ) -> Option<(
        impl Iterator<Item = &usize> + use<'_, 'a>,
        impl Iterator<Item = &usize> + use<'_, 'a>,
    )> {
        let siblings = self.by_device.get(&device)?;
        let place = (contact.at, index);
        let at = |index: &usize| self.contact(*index).map(|c| (c.at, *index));
        let here = siblings.partition_point(|index| at(index) < Some(place));
        let most = if index < self.reported() {
            self.reported()
        } else {
            self.all()
        };
        let before = siblings.iter().take(here).rev();
        let after = siblings.iter().skip(here + 1);
        Some((
            before.filter(move |index| **index < most),
            after.filter(move |index| **index < most),
        ))
    }

    /// A contact of the same burst or question whose trigger is known to be this handshake.
    pub(super) fn kin(&self, asked: &Asked<'_>, record: &Record) -> Option<Kin> {
        let Asked {
            contact, before, ..
        } = *asked;
        let (before_it, after_it) = self.siblings(asked.device, asked.index, contact)?;
        let near = before_it.take(NEAR).chain(after_it.take(NEAR));
        near.filter_map(|i| {
            let other = self.contact(*i)?;
            if !before.ties_to(*i, record.shown.id) {
                return None;
            }
            let same_software = contact.family == other.family;
            let same_question = match (&contact.ocsp, &other.ocsp) {
                (Some(a), Some(b)) => a.ids == b.ids,
                // What others share another program asks for another's sake.
                (None, None) => {
                    same_software && contact.url().is_some() && contact.url() == other.url()
                }
                _ => false,
            } && contact.at.since(other.at).abs() <= Span::from_secs(10);
            let (a, b) = if contact.at <= other.at {
                (contact, other)
            } else {
                (other, contact)
            };
            let back_to_back = same_software
                && contact.may_share_leaf(other)
                && b.at.since(a.ended_at).abs() <= Span::from_millis(150);
            (same_question || back_to_back).then(|| Kin {
                finding: FindingId::at(*i),
                same_question,
            })
        })
        .max_by_key(|kin| kin.same_question)
    }

    /// Whether another program got the same issuer while the one handshake that lacks it stood still. All
    /// leaves of an intermediate name it, so one of the two had another certificate in hand. Of programs that
    /// chase by themselves it is known, and so it is of scripts that they do not.
    pub(super) fn is_contested(&self, asked: &Asked<'_>, ruling: &Ruling) -> bool {
        let contact = asked.contact;
        let [only] = ruling.named.as_slice() else {
            return false;
        };
        let named = || only.says("intermediate-missing") || only.says("named-in-certificate");
        let known = asked.family.is_none_or(Family::is_verifier);
        if contact.kind != ContactKind::Issuer || known || !named() {
            return false;
        }
        let (from, until) = match only.stance {
            Some(Stance::Held(hold)) => (hold.from, hold.until),
            Some(Stance::Hanging) => (contact.at.minus(only.lead), asked.extent.end),
            _ => return false,
        };
        let Some((before, after)) = self.siblings(asked.device, asked.index, contact) else {
            return false;
        };
        let near = before.take(NEAR).chain(after.take(NEAR));
        let mut others = near.filter_map(|index| self.contact(*index));
        others.any(|other| {
            let same = other.url().is_some() && other.url() == contact.url();
            let (family, within) = (other.family, from <= other.at && other.at <= until);
            let may_chase = family.is_some_and(|family| !family.is_script());
            same && within && may_chase && family != asked.family
        })
    }

    /// Earlier contacts that got the same, where all under a CA name it.
    pub(super) fn same_before(
        &self,
        index: usize,
        contact: &Contact,
        start: Timestamp,
    ) -> Vec<(usize, &'a Contact)> {
        const LOOK_BACK: usize = 64;
        let shared = contact.kind == ContactKind::Issuer || contact.is_about_root();
        let device = canonical(self.devices, contact.client);
        let before = self.siblings(device, index, contact);
        let Some((before, _)) = before.filter(|_| shared && contact.request.is_some()) else {
            return Vec::new();
        };
        let same = |other: &Contact| {
            other.host == contact.host
                && other.path() == contact.path()
                && other.stage == Stage::Answered
                && other.failure.is_none()
                && other.ended_at < start
        };
        let before = before.take(LOOK_BACK);
        let before = before.filter_map(|index| Some((*index, self.contact(*index)?)));
        before.filter(|(_, other)| same(other)).collect()
    }

    /// Whether this handshake had what is fetched before: programs keep what they got (RFC 9111; a list until
    /// its nextUpdate, RFC 5280 5.1.2.5), so the next one who asks has another reason.
    pub(super) fn had_before(asked: &Asked<'_>, record: &Record) -> Had {
        let keeps = asked.family.filter(|family| family.is_verifier());
        let stood_by = |other: &Contact| {
            let Extent { start, end, .. } = Extent::of(other, None);
            let stance = || stance(record, start, end, None);
            keeps.is_some()
                && other.family == keeps
                && !matches!(stance(), Stance::NotYet | Stance::Over)
        };
        let had = asked.same.iter().map(|(index, other)| {
            if asked.before.ties_to(*index, record.shown.id) {
                Had::Tied
            } else if stood_by(other) {
                Had::StoodBy
            } else {
                Had::No
            }
        });
        had.max().unwrap_or(Had::No)
    }

    pub(super) fn is_repeat(&self, record: &Record, site_key: &str) -> bool {
        let find = || {
            let mut firsts = Firsts::default();
            for earlier in self.state.handshakes.of_client(record.client) {
                let (_, key) = self.site(earlier);
                let first = firsts.entry(key).or_insert(earlier.shown.id);
                *first = earlier.shown.id.min(*first);
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
