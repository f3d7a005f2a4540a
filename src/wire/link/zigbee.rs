//! Tunnels of meters (ZigBee Smart Energy, cluster 0x0704) in ZigBee (05-3474-21): network, application
//! support, cluster library. Networks have a key as a rule; here what was sent without one counts, and only
//! IP alone.

use super::super::plausible;
use super::super::rest::Rest;

/// The packet in a data frame of 802.15.4.
pub(super) fn tunnelled(rest: Rest<'_>) -> Option<Rest<'_>> {
    const TUNNELING: u16 = 0x0704;
    const SMART_ENERGY: u16 = 0x0109;
    const DATA: u8 = 0;
    const GROUP: u8 = 0b11;
    const SECURED: u8 = 0x20;
    const EXTENDED: u8 = 0x80;
    let inside = network(rest)?;
    let control = inside.u8(0)?;
    // To one application; behind its number cluster, profile, the sender's number, and a count.
    let plain = control & (SECURED | EXTENDED) == 0 && control & 0b11 == DATA;
    let (cluster, profile) = (inside.le16(2)?, inside.le16(4)?);
    if !plain || control >> 2 & 0b11 == GROUP || (cluster, profile) != (TUNNELING, SMART_ENERGY) {
        return None;
    }
    let packet = transferred(inside.after(8)?)?;
    plausible::ip_alone(packet).then_some(packet)
}

/// What the network layer carries: control field, two addresses, radius, number, and what the field says is there.
fn network(rest: Rest<'_>) -> Option<Rest<'_>> {
    const DATA: u16 = 0;
    const PRO: u16 = 2;
    const MULTICAST: u16 = 0x0100;
    const SECURED: u16 = 0x0200;
    const SOURCE_ROUTE: u16 = 0x0400;
    const LONG_ADDRESSES: u16 = 0x1800;
    let control = rest.le16(0)?;
    let fits = control & 0b11 == DATA && control >> 2 & 0x0f == PRO && control >> 13 == 0;
    if !fits || control & SECURED != 0 {
        return None;
    }
    let long = usize::try_from((control & LONG_ADDRESSES).count_ones()).ok()?;
    let multicast = usize::from(control & MULTICAST != 0);
    let inside = rest.after(8 + 8 * long + multicast)?;
    match control & SOURCE_ROUTE {
        0 => Some(inside),
        _ => inside.after(2 + 2 * usize::from(inside.u8(0)?)),
    }
}

/// What a tunnel transfers: control field, number, command; number of the tunnel.
fn transferred(rest: Rest<'_>) -> Option<Rest<'_>> {
    const OF_CLUSTER: u8 = 1;
    const OF_MANUFACTURER: u8 = 0x04;
    const FROM_SERVER: u8 = 0x08;
    let [control, _, command] = rest.array::<3>(0)?;
    let transfer = if control & FROM_SERVER == 0 { 2 } else { 1 };
    let fits = control & (0b11 | OF_MANUFACTURER) == OF_CLUSTER && command == transfer;
    fits.then(|| rest.after(5))?
}
