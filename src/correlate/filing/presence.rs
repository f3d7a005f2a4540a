//! Who was seen, and with whom.

use super::*;
use crate::correlate::names::Asker;
use crate::event::Sighting;
use crate::flow::Side;
use crate::time::Span;

/// A client connects this soon after it was told an address.
const TOLD: Span = Span::from_secs(30);

impl State {
    pub(super) fn sighted(&mut self, at: Timestamp, id: FlowId, seen: &Sighting) {
        self.devices.sighted(at, seen);
        if seen.side != Side::Client {
            return;
        }
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        flow.stamp = seen.tsval.map(|clock| (clock, seen.ttl));
        if let Some(connect) = self.log.connects.get_mut(&id) {
            connect.stamp = flow.stamp;
        }
        let client = HostKey::client_of(&flow.ends);
        self.devices.reached(client, flow.ends.server.ip());
    }

    /// Takes in who asked for the address that a client connects to, when it did not ask itself.
    pub(super) fn hand_over(&mut self, connects: HostKey, server: std::net::IpAddr, at: Timestamp) {
        match self.names.sole_asker(connects, server, at, TOLD) {
            Asker::Sole(told) => {
                self.devices.reached(connects, server);
                self.devices.handed_over(connects, told);
            }
            Asker::Nobody => self.devices.unled(connects),
            Asker::Unclear => {}
        }
    }

    /// Takes in when the ends of a flow last spoke. They were sighted when it opened, which for short ones is as good.
    pub(super) fn spoke(&mut self, ends: &Endpoints, opened_at: Timestamp, close: &Close) {
        if close.at.since(opened_at) < Span::from_secs(1) {
            return;
        }
        for (end, spoke) in [ends.client, ends.server].iter().zip(close.last_payload) {
            let key = HostKey {
                scope: ends.scope,
                ip: end.ip(),
            };
            if let Some(at) = spoke {
                self.devices.spoke(key, at);
            }
        }
    }

    /// Whether the capture began so shortly before that handshakes that were under way then may still be:
    /// servers and clients give them up later, but those that succeed take no more than some round trips.
    pub(super) fn is_young(&self, at: Timestamp) -> bool {
        let young = Span::from_secs(2);
        self.began.is_none_or(|began| at.since(began) <= young)
    }

    /// Whether one of these addresses had connections that the capture joined, and that may have been
    /// handshakes until a time.
    pub(in crate::correlate) fn joined_before(&self, keys: &[HostKey], at: Timestamp) -> bool {
        self.is_young(at) && keys.iter().any(|key| self.joined.contains(key))
    }
}
