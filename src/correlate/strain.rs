//! Whose connections were passed over, and when, because a limit was reached.

use foldhash::HashMap;

use super::State;
use crate::correlate::devices::HostKey;
use crate::event::AnomalyKind;
use crate::flow::FlowId;
use crate::time::Timestamp;

/// The first and the last time for each address that connected.
#[derive(Debug, Default)]
pub struct Strain {
    times: HashMap<HostKey, (Timestamp, Timestamp)>,
    /// The same where it is not known whose they were: of lookups, for one.
    anyone: Option<(Timestamp, Timestamp)>,
}

impl Strain {
    /// Whether something of these addresses was passed over between two times, or may have been.
    #[must_use]
    pub fn touches(&self, keys: &[HostKey], (from, until): (Timestamp, Timestamp)) -> bool {
        let times = keys.iter().filter_map(|key| self.times.get(key));
        let mut times = times.chain(&self.anyone);
        times.any(|(first, last)| *first <= until && *last >= from)
    }
}

impl State {
    /// A limit was reached here.
    pub(super) fn limit_reached(&mut self) {
        let anomalies = &mut self.coverage.anomalies;
        *anomalies.entry(AnomalyKind::LimitReached).or_default() += 1;
    }

    /// A limit was reached on a connection.
    pub(super) fn strained(&mut self, flow: FlowId, at: Timestamp) {
        let client = self.flows.get(&flow);
        self.strained_client(client.map(|flow| HostKey::client_of(&flow.ends)), at);
    }

    /// The same of a client, where it is known.
    pub(super) fn strained_client(&mut self, client: Option<HostKey>, at: Timestamp) {
        let Strain { times, anyone } = &mut self.strain;
        let has_room = times.len() < self.limits.devices;
        let known = client.filter(|client| has_room || times.contains_key(client));
        let (first, last) = match known {
            Some(client) => times.entry(client).or_insert((at, at)),
            None => anyone.get_or_insert((at, at)),
        };
        (*first, *last) = (at.min(*first), at.max(*last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Scope;

    #[test]
    fn what_lies_before_or_behind_is_untouched() {
        let key = |last| HostKey {
            scope: Scope::default(),
            ip: [10, 0, 0, last].into(),
        };
        let at = Timestamp::from_secs;
        let strain = Strain {
            times: [(key(1), (at(100), at(120)))].into_iter().collect(),
            anyone: Some((at(2_000), at(2_010))),
        };
        let touches = |keys: &[HostKey], from, until| strain.touches(keys, (at(from), at(until)));
        assert!(touches(&[key(2), key(1)], 110, 115));
        assert!(touches(&[key(1)], 40, 100) && touches(&[key(1)], 120, 180));
        assert!(!touches(&[key(1)], 40, 99) && !touches(&[key(1)], 121, 180));
        assert!(!touches(&[key(2)], 0, 1_000));
        assert!(touches(&[key(2)], 0, 2_000));
    }
}
