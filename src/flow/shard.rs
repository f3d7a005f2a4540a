//! Which packets have to do with each other.

use std::net::IpAddr;

use crate::limits::SHARDS;
use crate::wire::{Body, Glance, Packet};

/// A fixed share of all flows. What flows have in common (room, the order in which they give way) they have in common with those
/// of their shard alone, so it makes no difference whether one thread has all shards or each its own.
///
/// It follows from the pair of addresses, so that both directions, what repeats a flow under other ports, and what ICMP says of it
/// are of one shard.
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
        // Neighbours are spread by Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio.
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
