//! What captures that go on for weeks let go. Reading a file forgets nothing but by limits.

use super::answers::Object;
use super::concluded::REACH;
use super::*;
use crate::time::Span;

/// Answers for names of a CDN live for minutes; who connects long after one has asked again, and until then others have
/// moved to the address.
const TOLD: Span = Span::from_secs(3_600);
/// An address that was silent for a day may be another device's.
const DAY: Span = Span::from_secs(86_400);

impl State {
    /// When the log is three quarters full: the time to forget a third of it by.
    pub(super) fn crowded_until(&self) -> Option<Timestamp> {
        let most = self.limits.findings / 4 * 3;
        let third = |len: usize| (len >= most.max(1)).then_some(len / 3);
        let lookups = || {
            Some(
                self.log
                    .lookups
                    .get(third(self.log.lookups.len())?)?
                    .ended_at,
            )
        };
        let requests = || Some(self.log.requests.get(third(self.log.requests.len())?)?.at);
        let connects = || {
            let place = third(self.log.connects.len())?;
            Some(self.log.connects.values().nth(place)?.at)
        };
        let answers = || {
            let place = third(self.log.answers.len())?;
            Some(self.log.answers.get(place)?.answer.at)
        };
        lookups().max(requests()).max(answers()).max(connects())
    }

    /// Forgets contacts before a time, and what no later one can rest on.
    pub(super) fn forget(&mut self, before: Timestamp) {
        let reach = before.minus(REACH);
        let day = before.minus(DAY);
        let flows = &self.flows;
        let is_open = |flow| flows.contains_key(&flow);
        let gone = self.log.forget(before, reach, is_open);
        self.elsewhere.forget(before, reach, is_open);
        for answer in &gone {
            if let Object::Crl {
                body: Some(body), ..
            } = &answer.object
            {
                self.reader.give_back(body);
            }
        }
        for flow in self.flows.values_mut() {
            flow.waiting.retain(|n| {
                let log = [&self.log, &self.elsewhere][usize::from(n.elsewhere)];
                log.request(*n).is_some()
            });
        }
        self.handshakes.forget(reach);
        self.concluded.forget(before);
        let records = self.handshakes.iter();
        let chains = records.map(|record| &*record.shown.chain);
        self.certificates.forget(chains);
        let idle = if self.devices.is_half_full() {
            reach
        } else {
            day
        };
        self.devices.forget(idle);
        self.watched_addresses.retain(|_, told| {
            told.retain(|(_, _, at)| *at >= before.minus(TOLD));
            !told.is_empty()
        });
    }
}
