//! Which packets have to do with each other.

use std::net::IpAddr;

use crate::limits::SHARDS;
use crate::wire::{Body, Glance, Packet};

/// A fixed share of all flows. What flows have in common (room, the order in which they give way) they have
/// in common with those of their shard alone, so it makes no difference whether one thread has all shards or
/// each its own.
///
/// It follows from the pair of addresses, so that both directions, what repeats a flow under other ports, and
/// what ICMP says of it are of one shard.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shard(usize);

impl Shard {
    /// How many there are.
    pub const COUNT: usize = SHARDS;
    /// All, in order.
    pub const ALL: [Self; Self::COUNT] = [Self(0), Self(1), Self(2), Self(3)];
    /// The one that takes what has to do with flows of any addresses.
    pub const FIRST: Self = Self(0);

    /// That of a packet, and of the one that ICMP speaks of.
    #[inline]
    #[must_use]
    pub fn of(packet: &Packet<'_>) -> Self {
        match &packet.body {
            Body::Unreachable(about) => Self::between(number(about.src.0), number(about.dst.0)),
            _ => Self::between(number(packet.src), number(packet.dst)),
        }
    }

    /// That of a packet that was only glanced at.
    #[inline(always)]
    #[must_use]
    pub fn of_glance(packet: &Glance) -> Self {
        Self::between(packet.src, packet.dst)
    }

    /// Its place among [`Self::ALL`].
    #[inline(always)]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 % Self::COUNT
    }

    #[inline(always)]
    fn between(one: u128, other: u128) -> Self {
        // Neighbours are spread by Fibonacci hashing: the upper bits of a product with 2^64 divided by the
        // golden ratio.
        let both = one ^ other;
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let folded = (both >> 64) as u64 ^ both as u64;
        let [top, ..] = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        Self((usize::from(top) * SHARDS) >> 8)
    }
}

/// An address as a number.
#[inline(always)]
pub(super) fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// What one of all shards has.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "a shard is a number below their count"
)]
pub(crate) const fn of<T>(all: &[T; Shard::COUNT], shard: Shard) -> &T {
    &all[shard.index()]
}

/// The same, to be changed.
#[inline(always)]
#[expect(
    clippy::indexing_slicing,
    reason = "a shard is a number below their count"
)]
pub(crate) const fn of_mut<T>(all: &mut [T; Shard::COUNT], shard: Shard) -> &mut T {
    &mut all[shard.index()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Scope, Transport};
    use crate::wire::Unreachable;

    fn packet(src: IpAddr, dst: IpAddr, body: Body<'_>) -> Packet<'_> {
        Packet {
            scope: Scope(0),
            base: Scope(0),
            src,
            dst,
            ttl: 64,
            mac: None,
            by_this_host: None,
            device: None,
            body,
        }
    }

    #[test]
    fn both_directions_and_what_is_said_of_them_are_of_one_shard_and_neighbours_spread() {
        let server: IpAddr = [192, 0, 2, 1].into();
        let mut count = [0; Shard::COUNT];
        for last in 0..=255 {
            let client: IpAddr = [10, 0, 0, last].into();
            let there = Shard::of(&packet(client, server, Body::Other(6)));
            assert_eq!(there, Shard::of(&packet(server, client, Body::Other(6))));
            let about = Unreachable {
                transport: Transport::Tcp,
                src: (client, 50_000),
                dst: (server, 443),
            };
            let router: IpAddr = [198, 51, 100, 1].into();
            let told = packet(router, client, Body::Unreachable(about));
            assert_eq!(there, Shard::of(&told));
            *of_mut(&mut count, there) += 1;
        }
        assert!(count.iter().all(|of_shard| *of_shard > 32), "{count:?}");
    }
}
