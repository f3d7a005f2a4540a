//! What goes into a [`Scope`]: only what both directions of a flow share.
//!
//! | Layer | In the scope | Why |
//! |---|---|---|
//! | VLAN id | yes | a trunk or mirror shows a routed packet once per VLAN, and VLANs reuse addresses |
//! | VLAN 0, priority | no | a priority tag names no VLAN and often marks one direction only (802.1Q 9.6) |
//! | MPLS label | no | a label is chosen by each receiver, and the last hop pops it (RFC 3031 3.16) |
//! | PPPoE session | yes | one number for both directions (RFC 2516) |
//! | I-SID, VXLAN and Geneve VNI, NVGRE VSID, LISP instance | yes | they name the tenant |
//! | GRE key, GTP TEID, L2TP session | no | each receiver chooses its own |
//! | outer addresses of a tunnel | yes, in sorted order | they tell apart tunnels that reuse addresses |
//! | whether only some packets were seen | yes, as a bit of its own | what is missing there says nothing |
//! | ERSPAN session | yes | the operator's own grouping of what is mirrored |
//! | outer addresses of a mirror (ERSPAN, TZSP) | no | two switches may each mirror one direction |
//!
//! There are mirrors that tag one direction only, or each direction with a VLAN of its own (ingress and
//! egress of a port). Hence [`super::Packet::base`]: the flow room joins two directions that differ in such
//! tags alone and acknowledge each other.

use std::net::IpAddr;

use crate::flow::Scope;

/// What a number in a scope means; keeps VLAN 7 apart from VNI 7.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Tag {
    Vlan = 1,
    Pppoe,
    Isid,
    Vni,
    Vsid,
    LispInstance,
    /// A mirrored frame; the value is the session.
    Mirror,
    /// A tunnel; the value is its kind, followed by the outer addresses.
    Tunnel,
    /// Fragments of a 6LoWPAN network; the value is the size that all of one packet say.
    Lowpan,
}

/// `scope` with one number more.
pub(super) const fn within(scope: Scope, tag: Tag, value: u32) -> Scope {
    let [a, b, c, d] = value.to_be_bytes();
    let mut hash = if scope.0 == 0 { FNV_OFFSET } else { scope.0 };
    hash = step(hash, tag as u8);
    // Most values are below 2^16; leading zero bytes would cost time in the fast path for nothing.
    if a | b != 0 {
        hash = step(step(hash, a), b);
    }
    nonzero(step(step(hash, c), d), scope)
}

/// `scope` with a pair of tunnel ends, whichever of them sends.
pub(super) fn between(scope: Scope, one: IpAddr, other: IpAddr) -> Scope {
    let mut hash = scope.0;
    for address in [one.min(other), one.max(other)] {
        match address {
            IpAddr::V4(v4) => hash = v4.octets().into_iter().fold(hash, step),
            IpAddr::V6(v6) => hash = v6.octets().into_iter().fold(hash, step),
        }
    }
    nonzero(hash, scope)
}

/// One byte of FNV-1a. Nobody gains from a collision: it would take two tunnels that carry the same
/// five-tuple to notice one.
const fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(FNV_PRIME)
}

/// 0 means the bare link. What is inside of what was sampled was sampled, too.
const fn nonzero(hash: u32, outer: Scope) -> Scope {
    let hash = hash & !Scope::SAMPLED;
    Scope(if hash == 0 { 1 } else { hash } | outer.0 & Scope::SAMPLED)
}

const FNV_OFFSET: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;
