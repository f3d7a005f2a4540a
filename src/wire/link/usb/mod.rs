//! USB transfers between a host and a device that is a network: blocks of CDC-NCM and MBIM, messages of
//! RNDIS. All say themselves what they are, and the PPP of modems is proven by its check sequences. CDC-ECM
//! is neither: its transfers are Ethernet without a header, on a pipe of which only descriptors tell.

mod ntb;
mod ppp;
mod rndis;

use super::super::Undecoded;
use super::super::rest::Rest;
use super::super::walk::{Next, Walk};
use super::{bluetooth, short, skip, transport};
use crate::frame::{Crossing, LinkType};

/// Who wrote a header before the transfer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Header {
    /// Linux's usbmon, with a header of so many bytes.
    Linux(usize),
    /// USBPcap on Windows.
    UsbPcap,
    /// macOS.
    Darwin,
    /// FreeBSD's usbdump.
    FreeBsd,
}

/// A packet in a transfer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Ethernet or IP.
    pub(super) link: LinkType,
    pub(super) rest: Rest<'a>,
}

const ETHERNET: LinkType = LinkType(1);
const IP: LinkType = LinkType(101);

/// The first packet of a transfer.
pub(super) fn first<'a>(
    walk: &mut Walk<'a, '_>,
    header: Header,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    const ACL: u8 = 2;
    let (crossing, transfer) = bulk(header, rest)?;
    walk.by_this_host = Some(crossing == Crossing::Outbound);
    if let Some(packet) = Packets::of(transfer).and_then(|mut packets| packets.next()) {
        return Ok(Next::Link(packet.link, packet.rest));
    }
    let (endpoint, device) = pipe(header, rest).ok_or_else(|| short(rest))?;
    walk.session = device;
    if let Some(next) = ppp::frames(walk, endpoint, transfer) {
        return next;
    }
    // What receivers of television send.
    if transport::is_stream(transfer.bytes) {
        return match transport::frame(walk, transfer) {
            Err(Undecoded::NotIp) => Err(Undecoded::UnreadUsb),
            read => read,
        };
    }
    // The endpoint that adapters have for ACL packets (Core 5.4, volume 4 part B 2.1).
    let acl = (endpoint & 0x0f == ACL).then(|| bluetooth::usb(walk, transfer));
    acl.flatten()
        .unwrap_or_else(|| Err(transfer.lacks(Undecoded::CutBeforeIp, Undecoded::UnreadUsb)))
}

/// The endpoint, and a number for the device.
fn pipe(header: Header, rest: Rest<'_>) -> Option<(u8, u32)> {
    let (endpoint, bus, device) = match header {
        Header::Linux(_) => (rest.u8(10)?, rest.le16(12)?, rest.u8(11)?.into()),
        Header::UsbPcap => (rest.u8(21)?, rest.le16(17)?, rest.le16(19)?),
        Header::Darwin => (rest.u8(30)?, 0, rest.u8(29)?.into()),
        Header::FreeBsd => (rest.u8(40)?, rest.le16(4)?, rest.u8(8)?.into()),
    };
    Some((endpoint, u32::from(bus) << 16 | u32::from(device)))
}

/// All packets of a transfer, and which way they went; None where there is none.
pub(super) fn packets(
    header: Header,
    rest: Rest<'_>,
) -> Option<(Crossing, impl Iterator<Item = Packet<'_>>)> {
    let (crossing, transfer) = bulk(header, rest).ok()?;
    let mut packets = Packets::of(transfer)?.peekable();
    packets.peek()?;
    Some((crossing, packets))
}

/// The bytes of a bulk transfer, which networks use, and who sent them: the host is who captures.
fn bulk(header: Header, rest: Rest<'_>) -> Result<(Crossing, Rest<'_>), Undecoded> {
    const BULK: u8 = 3;
    const IN: u8 = 0x80;
    let (kind, endpoint, length) = match header {
        Header::Linux(length) => (rest.u8(9), rest.u8(10), length),
        Header::Darwin => {
            let length = rest.u8(2).ok_or_else(|| short(rest))?;
            if length < 32 {
                return Err(Undecoded::BadLink);
            }
            // Endpoint types are those of descriptors, where bulk is 2.
            let kind = rest.u8(31).map(|kind| if kind == 2 { BULK } else { 0 });
            (kind, rest.u8(30), usize::from(length))
        }
        Header::FreeBsd => {
            // Transfer types are those of descriptors; a frame begins with its length and flags.
            let kind = rest.u8(11).map(|kind| if kind == 2 { BULK } else { 0 });
            (kind, rest.u8(40), 128 + 8)
        }
        Header::UsbPcap => {
            let length = rest.le16(0).ok_or_else(|| short(rest))?;
            if length < 27 {
                return Err(Undecoded::BadLink);
            }
            (rest.u8(22), rest.u8(21), usize::from(length))
        }
    };
    let (Some(kind), Some(endpoint)) = (kind, endpoint) else {
        return Err(short(rest));
    };
    let transfer = skip(rest, length)?;
    if kind != BULK {
        return Err(Undecoded::UnreadUsb);
    }
    let crossing = match endpoint & IN {
        0 => Crossing::Outbound,
        _ => Crossing::Inbound,
    };
    Ok((crossing, transfer))
}

/// Packets of one transfer, in the form that it has.
enum Packets<'a> {
    Block(ntb::Datagrams<'a>),
    Messages(rndis::Messages<'a>),
}

impl<'a> Packets<'a> {
    fn of(transfer: Rest<'a>) -> Option<Self> {
        ntb::Datagrams::of(transfer)
            .map(Self::Block)
            .or_else(|| Some(Self::Messages(rndis::Messages::of(transfer)?)))
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        match self {
            Self::Block(datagrams) => datagrams.next(),
            Self::Messages(messages) => messages.next(),
        }
    }
}
