//! Which flow a packet belongs to: five-tuple and scope, the same from both directions.

use std::hash::{Hash, Hasher};
use std::hint::select_unpredictable;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::flow::shard::number;
use crate::flow::{Scope, Transport};
use crate::wire::Glance;

/// Five-tuple and scope in 48 bytes, ends in ascending order so that both directions are one key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Key {
    /// The addresses as numbers.
    low: u128,
    high: u128,
    ports: [u16; 2],
    scope: Scope,
    udp: bool,
    v6: bool,
}

impl Key {
    /// The key, and which end of it the source is.
    #[inline(always)]
    pub(super) fn new(
        transport: Transport,
        scope: Scope,
        source: (IpAddr, u16),
        destination: (IpAddr, u16),
    ) -> (Self, End) {
        Self::between(
            transport,
            scope,
            source.0.is_ipv6(),
            (number(source.0), source.1),
            (number(destination.0), destination.1),
        )
    }

    /// The same of a packet that was only glanced at.
    #[inline(always)]
    pub(super) fn of(packet: &Glance) -> (Self, End) {
        Self::between(
            packet.transport,
            packet.scope,
            packet.v6,
            (packet.src, packet.src_port),
            (packet.dst, packet.dst_port),
        )
    }

    #[inline(always)]
    fn between(
        transport: Transport,
        scope: Scope,
        v6: bool,
        (from, from_port): (u128, u16),
        (to, to_port): (u128, u16),
    ) -> (Self, End) {
        // Which way a packet goes cannot be foreseen, so nothing branches on it, the parts of the question included.
        let back = (to < from) | ((to == from) & (to_port < from_port));
        let key = Self {
            low: select_unpredictable(back, to, from),
            high: select_unpredictable(back, from, to),
            ports: [
                select_unpredictable(back, to_port, from_port),
                select_unpredictable(back, from_port, to_port),
            ],
            scope,
            udp: transport == Transport::Udp,
            v6,
        };
        (key, select_unpredictable(back, End::High, End::Low))
    }

    /// Address and port of an end.
    pub(super) fn socket(&self, end: End) -> SocketAddr {
        let [low_port, high_port] = self.ports;
        let (number, port) = match end {
            End::Low => (self.low, low_port),
            End::High => (self.high, high_port),
        };
        let ip = if self.v6 {
            IpAddr::V6(Ipv6Addr::from_bits(number))
        } else {
            let [.., a, b, c, d] = number.to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        };
        SocketAddr::new(ip, port)
    }

    /// TCP or UDP.
    pub(super) const fn transport(&self) -> Transport {
        if self.udp {
            Transport::Udp
        } else {
            Transport::Tcp
        }
    }

    /// VLAN and tunnel stack.
    pub(super) const fn scope(&self) -> Scope {
        self.scope
    }

    /// The same five-tuple elsewhere.
    pub(super) const fn in_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

impl Hash for Key {
    /// As few words as there are, because this runs for every packet.
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [low_port, high_port] = self.ports.map(u64::from);
        let scope = self.scope.0 ^ u32::from(self.udp);
        if self.v6 {
            state.write_u128(self.low);
            state.write_u128(self.high);
        } else {
            // Both fit.
            let pair = self.low << 32 | self.high;
            state.write_u64(u64::try_from(pair).unwrap_or_default());
        }
        state.write_u64(low_port << 48 | high_port << 32 | u64::from(scope));
    }
}

/// An end of a key. Unlike [`crate::flow::Side`] it never changes during a flow, so counters and stream
/// state are kept by it, and a reader that swaps client and server moves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// The smaller address and port.
    Low,
    /// The greater.
    High,
}

impl End {
    /// Both, in order.
    pub(super) const BOTH: [Self; 2] = [Self::Low, Self::High];

    /// The opposite end.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// One of something for each end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pair<T> {
    low: T,
    high: T,
}

impl<T> Pair<T> {
    /// One for each end, in their order.
    pub(super) fn new([low, high]: [T; 2]) -> Self {
        Self { low, high }
    }

    /// That of one end. Which it is cannot be foreseen either.
    #[inline(always)]
    pub(super) fn of_mut(&mut self, end: End) -> &mut T {
        select_unpredictable(end == End::High, &mut self.high, &mut self.low)
    }

    /// That of one end.
    #[inline(always)]
    pub(super) fn of(&self, end: End) -> &T {
        select_unpredictable(end == End::High, &self.high, &self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(last: u8, port: u16) -> (IpAddr, u16) {
        (IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), port)
    }

    #[test]
    fn both_directions_are_one_key() {
        let (a, b) = (v4(1, 50_000), v4(2, 443));
        let (there, client) = Key::new(Transport::Tcp, Scope(7), a, b);
        let (back, server) = Key::new(Transport::Tcp, Scope(7), b, a);
        assert_eq!(there, back);
        assert_eq!(client.other(), server);
        assert_eq!(there.socket(client), SocketAddr::from(a));
        assert_eq!(there.socket(server), SocketAddr::from(b));
    }

    #[test]
    fn transport_scope_and_family_keep_flows_apart() {
        let (a, b) = (v4(1, 50_000), v4(2, 443));
        let (tcp, _) = Key::new(Transport::Tcp, Scope(0), a, b);
        let (udp, _) = Key::new(Transport::Udp, Scope(0), a, b);
        let (tunnel, _) = Key::new(Transport::Tcp, Scope(1), a, b);
        let six = |ip: IpAddr| IpAddr::V6(Ipv6Addr::from_bits(number(ip)));
        let (v6, _) = Key::new(Transport::Tcp, Scope(0), (six(a.0), a.1), (six(b.0), b.1));
        assert!(tcp != udp && tcp != tunnel && tcp != v6);
        assert!(size_of::<Key>() <= 48);
    }
}
