//! Ethernet II and 802.3, and the tags that stand between its header and IP.

use super::super::rest::Rest;
use super::super::scope::Tag;
use super::super::walk::{Next, Walk};
use super::super::{Undecoded, tunnel};
use super::{
    cluster, ethercat, infiniband, llc, lowpan, mesh, short, skip, source, vehicles, wimax, wpan,
    x25,
};

/// Reads an Ethernet header.
pub(in crate::wire) fn header<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    if let Some(frame) = cluster::tapped(rest) {
        walk.peel()?;
        return Ok(Next::Ethernet(frame));
    }
    let ether_type = rest.be16(12).ok_or_else(|| short(rest))?;
    walk.mac = rest.array(6).and_then(source);
    type_or_length(ether_type, skip(rest, 14)?)
}

/// Reads what an EtherType announces.
pub(in crate::wire) fn ether_type<'a>(
    walk: &mut Walk<'a, '_>,
    ether_type: u16,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    match ether_type {
        IPV4 => expect_version(rest, 4, Undecoded::BadIpv4),
        IPV6 => expect_version(rest, 6, Undecoded::BadIpv6),
        _ if is_vlan(ether_type) => {
            walk.peel()?;
            let (Some(control), Some(inner)) = (rest.be16(0), rest.be16(2)) else {
                return Err(short(rest));
            };
            vlan(walk, control);
            type_or_length(inner, skip(rest, 4)?)
        }
        MPLS | MPLS_UPSTREAM => Ok(Next::Mpls(rest)),
        PPPOE_SESSION => pppoe(walk, rest),
        PPPOE_DISCOVERY => Err(Undecoded::LinkControl),
        PPP => Ok(Next::Ppp(rest)),
        BRIDGED => {
            walk.peel()?;
            Ok(Next::Ethernet(rest))
        }
        MACSEC => macsec(walk, rest),
        PROVIDER_BACKBONE => {
            walk.peel()?;
            let service = rest.be32(0).ok_or_else(|| short(rest))?;
            walk.within(Tag::Isid, service & 0x00ff_ffff);
            Ok(Next::Ethernet(skip(rest, 4)?))
        }
        // Tags of fixed size that end in the next EtherType.
        VN_TAG | HSR => tagged(walk, rest, 4),
        E_TAG => tagged(walk, rest, 6),
        CISCO_METADATA => {
            // Version, length in words, then options; a security group tag is one word.
            let words = usize::from(rest.u8(1).ok_or_else(|| short(rest))?);
            tagged(walk, rest, 2 + words * 4)
        }
        FABRIC_PATH => {
            walk.peel()?;
            Ok(Next::Ethernet(skip(rest, 2)?))
        }
        NSH => tunnel::nsh(walk, rest),
        TRILL => {
            walk.peel()?;
            let flags = rest.u8(0).ok_or_else(|| short(rest))?;
            let low = rest.u8(1).ok_or_else(|| short(rest))?;
            let options = usize::from((flags & 0x07) << 2 | low >> 6) * 4;
            Ok(Next::Ethernet(skip(rest, 6 + options)?))
        }
        BATMAN => mesh::packet(walk, rest),
        LWAPP | LWAPP_OLD => tunnel::lwapp(walk, rest),
        // RFC 7973, and 802.15.4 with all of its header. Who has which address is not told.
        LOWPAN => lowpan::frame(walk, lowpan::Ends::default(), rest),
        WPAN => wpan::unsaid(walk, rest),
        REALTEK => match rest.u8(0) {
            // Tags of two generations of its switches (`tag_rtl4_a.c` and `tag_rtl8_4.c` of Linux); other
            // values are for finding loops.
            Some(0xa0..=0xaf) => tagged(walk, rest, 2),
            Some(4) => tagged(walk, rest, 6),
            _ => Err(Undecoded::LinkControl),
        },
        MINT => peeled(walk, cluster::mint_frame(rest)),
        TELKONET => peeled(walk, cluster::telkonet(rest)),
        EXTREME => peeled(walk, cluster::extreme(rest)),
        TIPC => peeled(walk, cluster::tipc_frame(rest)),
        ROCE => peeled(walk, infiniband::over_ethernet(rest)),
        GEONETWORKING => peeled(walk, vehicles::frame(rest)),
        ETHERCAT => ethercat::frame(walk, rest),
        LAPB => x25::lapb_ether(rest),
        WIMAX => wimax::frame(walk, rest),
        // 802.11 between access points (802.11-2020 annex H): actions, no packets of stations.
        WLAN => Err(Undecoded::LinkControl),
        // ISO/IEC TR 9577 on lines of Cisco.
        OSI => llc::nlpid(rest),
        // Jumbo frames of LLC, whose length does not fit below 1,536.
        0x8870 => Ok(Next::Llc(rest)),
        0x0806 | 0x8035 => Err(Undecoded::Arp),
        0x88cc | 0x2000 => Err(Undecoded::Lldp),
        0x888e => Err(Undecoded::Eapol),
        _ => Err(Undecoded::NotIp),
    }
}

/// 802.1Q, 802.1ad, and the EtherType that stacked tags had before.
pub(in crate::wire) const fn is_vlan(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100)
}

/// Ethernet whose switch chip put its own tag of `tag` bytes after the addresses.
pub(super) fn switch_tagged<'a>(
    walk: &mut Walk<'a, '_>,
    rest: Rest<'a>,
    tag: usize,
) -> Result<Next<'a>, Undecoded> {
    let ether_type = rest.be16(12 + tag).ok_or_else(|| short(rest))?;
    walk.mac = rest.array(6).and_then(source);
    type_or_length(ether_type, skip(rest, 14 + tag)?)
}

/// PPPoE (RFC 2516), session stage.
pub(super) fn pppoe<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    walk.peel()?;
    let (Some(version), Some(code)) = (rest.u8(0), rest.u8(1)) else {
        return Err(short(rest));
    };
    let (Some(session), Some(length)) = (rest.be16(2), rest.be16(4)) else {
        return Err(short(rest));
    };
    if version != 0x11 {
        return Err(Undecoded::BadLink);
    }
    if code != 0 {
        return Err(Undecoded::LinkControl);
    }
    walk.within(Tag::Pppoe, u32::from(session));
    let inside = skip(rest, 6)?;
    // 0: segmentation offload, as in IP.
    Ok(Next::Ppp(match length {
        0 => inside.open_ended(),
        _ => inside.bound(usize::from(length)),
    }))
}

/// The bytes between the MAC addresses and the payload: an EtherType, or the length of an 802.3 frame.
fn type_or_length(value: u16, rest: Rest<'_>) -> Result<Next<'_>, Undecoded> {
    match value {
        0x0600.. => Ok(Next::EtherType(value, rest)),
        // Some mirrors leave the length 0.
        0 => Ok(Next::Llc(rest)),
        1..=1500 => Ok(Next::Llc(rest.bound(usize::from(value)))),
        _ => Err(Undecoded::NotIp),
    }
}

fn expect_version(rest: Rest<'_>, version: u8, bad: Undecoded) -> Result<Next<'_>, Undecoded> {
    match rest.nibble() {
        Some(found) if found == version => Ok(Next::Ip(rest)),
        Some(_) => Err(bad),
        None => Err(rest.lacks(Undecoded::CutBeforeIp, bad)),
    }
}

/// Adds a VLAN tag's control field to the scope.
fn vlan(walk: &mut Walk<'_, '_>, control: u16) {
    match control & 0x0fff {
        0 => {}
        id => walk.within(Tag::Vlan, u32::from(id)),
    }
}

/// A tag of `size` bytes after its own EtherType, followed by the next one.
fn tagged<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>, size: usize) -> Result<Next<'a>, Undecoded> {
    walk.peel()?;
    let next = rest.be16(size).ok_or_else(|| short(rest))?;
    type_or_length(next, skip(rest, size + 2)?)
}

/// What was found inside, as one encapsulation.
fn peeled<'a>(
    walk: &mut Walk<'a, '_>,
    found: Result<Next<'a>, Undecoded>,
) -> Result<Next<'a>, Undecoded> {
    walk.peel()?;
    found
}

/// 802.1AE. Without encryption the payload is in the clear between the tag and the check value.
fn macsec<'a>(walk: &mut Walk<'a, '_>, rest: Rest<'a>) -> Result<Next<'a>, Undecoded> {
    const SECURE_CHANNEL: u8 = 0x20;
    const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
    let control = rest.u8(0).ok_or_else(|| short(rest))?;
    if control & ENCRYPTED_OR_CHANGED != 0 {
        return Err(Undecoded::EncryptedMacsec);
    }
    let tag = if control & SECURE_CHANNEL == 0 { 6 } else { 14 };
    tagged(walk, rest, tag)
}

const MINT: u16 = 0x8783;
const TELKONET: u16 = 0x88a1;
const ETHERCAT: u16 = 0x88a4;
const TIPC: u16 = 0x88ca;
const ROCE: u16 = 0x8915;
const GEONETWORKING: u16 = 0x8947;
const EXTREME: u16 = 0xe555;
const BATMAN: u16 = 0x4305;
const LAPB: u16 = 0x6000;
const WIMAX: u16 = 0x08f0;
const WLAN: u16 = 0x890d;
const WPAN: u16 = 0x809a;
const LWAPP: u16 = 0x88bb;
const LWAPP_OLD: u16 = 0xbbbb;
const REALTEK: u16 = 0x8899;
const LOWPAN: u16 = 0xa0ed;
const OSI: u16 = 0xfefe;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TRILL: u16 = 0x22f3;
const BRIDGED: u16 = 0x6558;
const PPP: u16 = 0x880b;
const MPLS: u16 = 0x8847;
const MPLS_UPSTREAM: u16 = 0x8848;
const PPPOE_DISCOVERY: u16 = 0x8863;
const PPPOE_SESSION: u16 = 0x8864;
const PROVIDER_BACKBONE: u16 = 0x88e7;
const MACSEC: u16 = 0x88e5;
const FABRIC_PATH: u16 = 0x8903;
const CISCO_METADATA: u16 = 0x8909;
const VN_TAG: u16 = 0x8926;
const HSR: u16 = 0x892f;
const E_TAG: u16 = 0x893f;
const NSH: u16 = 0x894f;
