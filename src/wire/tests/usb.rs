//! Networks over USB: several packets in one transfer, and what must not be taken for a network.

use super::build::{Way, cat};
use super::fixtures::{Fixture, Source, bare};
use super::*;
use crate::frame::Crossing;

pub(super) const BULK: u8 = 3;

fn endpoint(way: Way) -> u8 {
    if way == Way::There { 0x02 } else { 0x81 }
}

/// The header of Linux's usbmon, of 48 bytes or 64.
pub(super) fn usbmon(way: Way, kind: u8, header: usize, transfer: &[u8]) -> Vec<u8> {
    let event = if way == Way::There { b'S' } else { b'C' };
    let length = u32::try_from(transfer.len()).unwrap().to_le_bytes();
    let mut bytes = cat(&[
        &[9, 0, 0, 0, 0, 0, 0, 0],
        &[event, kind, endpoint(way), 5, 1, 0, b'-', 0],
        &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &length,
        &length,
    ]);
    bytes.resize(header, 0);
    cat(&[&bytes, transfer])
}

pub(super) fn usb_pcap(way: Way, transfer: &[u8]) -> Vec<u8> {
    let length = u32::try_from(transfer.len()).unwrap().to_le_bytes();
    let info = u8::from(way == Way::Back);
    cat(&[
        &[27, 0],
        &[9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[9, 0, info, 1, 0, 5, 0, endpoint(way), BULK],
        &length,
        transfer,
    ])
}

fn le16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_le_bytes()
}

/// A block in 16 bits, with a table for each datagram.
fn block(signature: [u8; 4], datagrams: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for (number, datagram) in datagrams.iter().enumerate() {
        let at = 12 + body.len();
        let next = (at + 16 + datagram.len()).next_multiple_of(4);
        let after = if number + 1 < datagrams.len() {
            next
        } else {
            0
        };
        body.extend(cat(&[&signature, &le16(16), &le16(after)]));
        body.extend(cat(&[&le16(at + 16), &le16(datagram.len()), &[0; 4]]));
        body.extend_from_slice(datagram);
        body.resize(next - 12, 0);
    }
    let length = le16(12 + body.len());
    cat(&[b"NCMH", &[12, 0, 1, 0], &length, &[12, 0], &body])
}

/// The same in 32 bits, with one table.
fn wide_block(signature: [u8; 4], datagrams: &[&[u8]]) -> Vec<u8> {
    let table = 16 + 8 * (datagrams.len() + 1);
    let (mut entries, mut body) = (Vec::new(), Vec::new());
    for datagram in datagrams {
        let at = u32::try_from(16 + table + body.len()).unwrap();
        let size = u32::try_from(datagram.len()).unwrap();
        entries.extend(cat(&[&at.to_le_bytes(), &size.to_le_bytes()]));
        body.extend_from_slice(datagram);
    }
    let length = u32::try_from(16 + table + body.len()).unwrap();
    cat(&[
        b"ncmh",
        &[16, 0, 1, 0],
        &length.to_le_bytes(),
        &[16, 0, 0, 0],
        &signature,
        &le16(table),
        &[0; 10],
        &entries,
        &[0; 8],
        &body,
    ])
}

fn message(packet: &[u8]) -> Vec<u8> {
    let size = u32::try_from(packet.len()).unwrap();
    cat(&[
        &[1, 0, 0, 0],
        &(44 + size).to_le_bytes(),
        &[36, 0, 0, 0],
        &size.to_le_bytes(),
        &[0; 28],
        packet,
    ])
}

pub(super) static USB: &[Fixture] = &[
    bare("USB, CDC-NCM", 220, Source::Sender, |way| {
        let frame = way.ethernet();
        usbmon(way, BULK, 64, &block(*b"NCM0", &[&frame, &frame]))
    }),
    bare("USB, CDC-NCM with checksums", 189, Source::Sender, |way| {
        let frame = cat(&[&way.ethernet(), &[1, 2, 3, 4]]);
        usbmon(way, BULK, 48, &block(*b"NCM1", &[&frame]))
    }),
    bare("USBPcap, CDC-NCM", 249, Source::Sender, |way| {
        usb_pcap(way, &block(*b"NCM0", &[&way.ethernet()]))
    }),
    bare("USB, CDC-NCM in 32 bits", 220, Source::Sender, |way| {
        let frame = way.ethernet();
        usbmon(way, BULK, 64, &wide_block(*b"ncm0", &[&frame, &frame]))
    }),
    bare("USB, MBIM", 220, Source::None, |way| {
        usbmon(way, BULK, 64, &block(*b"IPS\0", &[&way.ip4()]))
    }),
    bare("USBPcap, MBIM in 32 bits", 249, Source::None, |way| {
        usb_pcap(way, &wide_block(*b"ips\x01", &[&way.ip6()]))
    }),
    bare("USB, RNDIS", 189, Source::Sender, |way| {
        usbmon(way, BULK, 48, &message(&way.ethernet()))
    }),
    bare("USBPcap, RNDIS", 249, Source::Sender, |way| {
        usb_pcap(way, &message(&way.ethernet()))
    }),
];

#[test]
fn a_transfer_holds_several_packets() {
    let (there, back) = (Way::There.ethernet(), Way::Back.ethernet());
    let frames: [&[u8]; 3] = [&there, &back, &there];
    let messages = frames.map(message).concat();
    for transfer in [
        block(*b"NCM0", &frames),
        wide_block(*b"ncm0", &frames),
        // A message that is none ends them.
        cat(&[&messages, &[2, 0, 0, 0]]),
        messages,
    ] {
        let bytes = usbmon(Way::Back, BULK, 64, &transfer);
        let frame = frame(220, &bytes);
        let parts: Vec<Frame<'_>> = subframes(&frame).expect("packets").collect();
        assert_eq!(parts.len(), 3);
        let mut decoder = Decoder::new(&Limits::default());
        for (part, whole) in parts.iter().zip(frames) {
            assert_eq!(part.crossing, Some(Crossing::Inbound));
            let got = told(decoder.decode(part).unwrap());
            let plain = decode(1, whole).unwrap();
            assert_eq!(got.by_this_host, Some(false));
            assert_eq!(
                (got.src, got.mac, got.payload),
                (plain.src, plain.mac, plain.payload)
            );
        }
        // Cut inside the second.
        let cut = Frame {
            bytes: &bytes[..64 + 12 + 44 + 78 + 60],
            ..frame
        };
        let left: Vec<Frame<'_>> = subframes(&cut).expect("packets").collect();
        assert!(left.len() < 3 && !left.is_empty());
    }
    // Sessions of a modem, and what it says besides.
    let (ip4, ip6) = (Way::There.ip4(), Way::There.ip6());
    let mut bytes = block(*b"IPS\0", &[&ip4, b"status of some kind", &ip6]);
    let other = (12 + 16 + ip4.len()).next_multiple_of(4);
    bytes[other..other + 3].copy_from_slice(b"DSS");
    let bytes = usb_pcap(Way::There, &bytes);
    assert_eq!(subframes(&frame(249, &bytes)).expect("packets").count(), 2);
}

#[test]
fn the_sender_is_told_by_the_endpoint() {
    for row in USB {
        for way in [Way::There, Way::Back] {
            let got = decode(row.link, &(row.make)(way)).expect(row.name);
            assert_eq!(got.by_this_host, Some(way == Way::There), "{}", row.name);
        }
    }
}

#[test]
fn usb_that_does_not_say_that_it_is_a_network_is_not_read() {
    let packet = Way::There.ethernet();
    let linux = |transfer: &[u8]| usbmon(Way::There, BULK, 64, transfer);
    let changed = |at: usize, value: u8| {
        let mut bytes = message(&packet);
        bytes[at] = value;
        linux(&bytes)
    };
    let table = |at: usize, value: u8| {
        let mut bytes = block(*b"NCM0", &[&packet]);
        bytes[at] = value;
        linux(&bytes)
    };
    for bytes in [
        // CDC-ECM, a transfer without data, one that is not bulk.
        linux(&packet),
        linux(&[]),
        usbmon(Way::There, 1, 64, &message(&packet)),
        // Another message, one longer than the transfer, data outside of it, none at all, what is reserved.
        changed(0, 2),
        changed(5, 1),
        changed(8, 35),
        changed(8, 37),
        changed(12, 0),
        changed(36, 1),
        changed(40, 1),
        // Another header, a table that is nowhere, that has no name, or no entries.
        table(4, 13),
        table(10, 250),
        table(12, b'X'),
        table(16, 8),
        table(20, 0),
    ] {
        assert!(subframes(&frame(220, &bytes)).is_none());
        let got = decode(220, &bytes).unwrap_err();
        assert_eq!((got, got.is_anomaly()), (Undecoded::UnreadUsb, false));
    }
    for (link, bytes) in [
        (220, &[0; 63][..]),
        (189, &[0; 9]),
        (249, &[26; 40]),
        (249, &[27]),
    ] {
        assert_eq!(decode(link, bytes), Err(Undecoded::BadLink));
    }
}

/// Whoever makes up a block could point to the same bytes ten thousand times, or to a table that points to itself.
#[test]
fn a_block_is_not_read_over_and_over() {
    let packet = Way::There.ethernet();
    let entries: Vec<u8> = [le16(12), le16(1_400)].concat().repeat(10_000);
    let mut bytes = cat(&[
        b"NCMH",
        &[12, 0, 1, 0, 0, 0, 12, 0],
        b"NCM0",
        &le16(40_008),
        &[0, 0],
    ]);
    bytes.extend(&entries);
    let bytes = usbmon(Way::There, BULK, 64, &bytes);
    let most = bytes.len() / 1_400;
    let count = subframes(&frame(220, &bytes)).expect("packets").count();
    assert!(count <= most, "{count}");
    let mut bytes = block(*b"NCM0", &[&packet]);
    bytes[18] = 12;
    let bytes = usbmon(Way::There, BULK, 64, &bytes);
    assert_eq!(subframes(&frame(220, &bytes)).expect("packets").count(), 1);
}
