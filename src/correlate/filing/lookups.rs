//! Lookups: which address was given for which name, and which of them are of watched names.

use super::*;
use crate::time::Span;

/// At most one lookup in this time is taken for a sign of life. Flows are others.
const SPEAKS: Span = Span::from_millis(20);

impl State {
    pub(super) fn looked_up(&mut self, at: Timestamp, frame: FrameNo, answer: &DnsAnswer) {
        if matches!(answer.transport, DnsTransport::Mdns | DnsTransport::Llmnr) {
            return;
        }
        let client = HostKey {
            scope: answer.scope,
            ip: answer.client.ip(),
        };
        if let Some(asked) = answer.asked_at {
            // Of many lookups some tell as well who is there.
            if asked.since(self.spoke_at).abs() >= SPEAKS {
                self.spoke_at = asked;
                self.devices.spoke(client, asked);
            }
            self.devices.reached(client, answer.server.ip());
        }
        if answer.cut && answer.addresses.is_empty() {
            let v6 = answer.qtype == AAAA;
            self.names.cut(CutTold {
                client,
                name: answer.name.clone(),
                v6,
                at,
                frame,
            });
        }
        for (address, _) in &answer.addresses {
            self.names.told(
                *address,
                Fact {
                    client,
                    name: answer.name.as_str(),
                    at,
                    frame,
                    first: (at, frame),
                },
            );
        }
        for name in &answer.ech_public_names {
            self.names.ech_public_name(name, frame);
        }
        if !answer.whole {
            return;
        }
        let Some(watch) = watch(answer.name.as_str()).filter(|_| !is_of_zones(answer.qtype)) else {
            return;
        };
        let weight = answer.weight();
        for address in answer.addresses.iter().map(|(address, _)| plain(*address)) {
            if self.watched_addresses.len() >= self.limits.watched_addresses
                && !self.watched_addresses.contains_key(&address)
            {
                self.limit_reached();
                continue;
            }
            let known = self.watched_addresses.entry(address).or_default();
            known.retain(|(who, name, _)| (*who, name) != (client, &answer.name));
            if known.len() < 64 {
                known.push((client, answer.name.clone(), at));
            }
        }
        let asked_at = answer.asked_at.unwrap_or(at);
        // Room for what others ask is not given to who asks the same without a pause: OpenSSL does, some ten
        // thousand times a second, until its time is up, when a resolver on the host says at once that a name
        // does not exist (BIO_do_connect_retry; measured).
        let crowded = self.log.lookups.len() >= self.limits.findings / 2;
        let pestered = crowded && self.log.has_just_told(client, answer, asked_at);
        let full = self.log.lookups.len() >= self.limits.findings;
        if pestered || full || !self.log.has_room(weight) {
            self.limit_reached();
            return;
        }
        let mut frames: crate::frame::Frames = answer.query_frame.into_iter().collect();
        let unanswered = answer.outcome == DnsOutcome::Unanswered;
        if !unanswered {
            frames.push(frame);
        }
        self.log.add_lookup(LookupRecord {
            shown: Arc::new(Lookup {
                at: asked_at,
                client: answer.client,
                server: answer.server,
                name: answer.name.clone(),
                qtype: answer.qtype,
                outcome: answer.outcome,
                addresses: answer.addresses.iter().map(|(a, _)| *a).collect(),
                chain: answer.chain.clone(),
                took: answer.took,
                frames,
            }),
            client,
            id: answer.id,
            watch,
            // A question that was given up ended, for the client, when it last asked; later is our own patience.
            ended_at: if unanswered { asked_at } else { at },
            cut: answer.cut,
            interface: InterfaceId(0),
        });
    }

    /// The watched name for which the address of a plain HTTP connection was given: to this client, else (its
    /// other address asked) to anyone; the latest. Where the capture cut the answers, the lookup just before
    /// tells; its asker must prove to be the same device.
    pub(super) fn watched_address(
        &self,
        client: HostKey,
        ends: &Endpoints,
        at: Timestamp,
    ) -> Option<(Name, Watch, Option<HostKey>)> {
        if ends.server.port() != 80 {
            return None;
        }
        let cut = self.names.last_cut(client.scope, ends.server.is_ipv6(), at);
        let by_cut = |cut: &CutTold| {
            let watch = watch(cut.name.as_str())?;
            Some((cut.name.clone(), watch, Some(cut.client)))
        };
        let Some(known) = self.watched_addresses.get(&plain(ends.server.ip())) else {
            return by_cut(cut?);
        };
        let own = known
            .iter()
            .filter(|(who, _, _)| *who == client)
            .max_by_key(|(_, _, at)| *at);
        let told_since =
            |cut: &&CutTold| cut.client == client && own.is_none_or(|(_, _, at)| cut.at > *at);
        if let Some(cut) = cut.filter(told_since) {
            return by_cut(cut);
        }
        // Delivery networks have thousands of names at one address; what the client was told last is what it
        // connects for. Unless that was long ago: then it may be for any of them, as in networks where one
        // server stands for all names. And so it may for who was told nothing, where others were told
        // something else since.
        let (_, name, told) = own.or_else(|| known.iter().max_by_key(|(_, _, at)| *at))?;
        let stale = own.is_none() || at.since(*told) > CONNECTS_WITHIN;
        let comes_first = |fact: &Fact<'_>| {
            let own_fact = fact.client == client;
            own_fact && stale || fact.at > *told && (own_fact || own.is_none())
        };
        let mut facts = self.names.facts(ends.server.ip());
        if facts.any(|fact| comes_first(&fact) && watch(fact.name).is_none()) {
            return None;
        }
        Some((name.clone(), watch(name.as_str())?, None))
    }
}

/// Who has looked a name up connects at once, or when the other family's answer came as well or did not
/// (resolv.conf(5): 5 s).
const CONNECTS_WITHIN: Span = Span::from_secs(6);

/// Whether a question is about zones and their keys, as resolvers ask them to find and to validate what they
/// were asked for (RFC 1034 5.3.3, RFC 4035 4): no client connects for the answer.
const fn is_of_zones(qtype: u16) -> bool {
    const NS: u16 = 2;
    const SOA: u16 = 6;
    const DS: u16 = 43;
    const RRSIG: u16 = 46;
    const NSEC: u16 = 47;
    const DNSKEY: u16 = 48;
    const NSEC3: u16 = 50;
    const NSEC3PARAM: u16 = 51;
    matches!(
        qtype,
        NS | SOA | DS | RRSIG | NSEC | DNSKEY | NSEC3 | NSEC3PARAM
    )
}
