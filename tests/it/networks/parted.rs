//! Frames that a link or a tunnel sent in parts.

use std::collections::HashMap;

use super::disguise::{Change, ETHERNET, Ip, Shot, busiest};

/// Every network here; evidence has to keep all parts.
pub(super) const PARTED: &[(&str, Change)] = &[
    ("802.11 in parts", |shots| {
        parted(shots, |ip, number| {
            let number = number.to_le_bytes();
            let body = [&[0xaa, 0xaa, 3, 0, 0, 0], &ip.number()[..], ip.packet].concat();
            let (first, second) = body.split_at(body.len() / 2);
            let part = |more: u8, which: u8, bytes: &[u8]| {
                let control = [number[0] << 4 | which, number[1] << 4 | number[0] >> 4];
                let addresses = [&[2; 6], &ip.macs[6..], &ip.macs[..6]].concat();
                let header = [&[8, 1 | more, 0, 0], &addresses[..], &control].concat();
                (105, [&header, bytes].concat())
            };
            // Segments that a card would have cut are longer than any frame of 802.11.
            match body.len() {
                ..=2_304 => vec![part(4, 0, first), part(0, 1, second)],
                _ => vec![part(0, 0, &body)],
            }
        })
    }),
    ("CAPWAP in fragments", |shots| {
        parted(shots, |ip, number| {
            let frame = ip.ethernet(&[]);
            let (first, second) = frame.split_at((frame.len() / 2).next_multiple_of(8));
            let part = |flags: u8, start: usize, bytes: &[u8]| {
                let start = u16::try_from(start).expect("an offset").to_be_bytes();
                let number = number.to_be_bytes();
                let header = [
                    [0, 0x10, 2, flags],
                    [number[0], number[1], start[0], start[1]],
                ];
                ip.outer_udp(5247, &[&header.concat(), bytes].concat())
            };
            vec![part(0x80, 0, first), part(0xc0, first.len(), second)]
        })
    }),
    ("multilink PPP in PPPoE", |shots| {
        parted(shots, |ip, number| {
            let kind = if ip.is_v4() { 0x21 } else { 0x57 };
            let body = [&[0, kind], ip.packet].concat();
            let (first, second) = body.split_at(body.len() / 2);
            let part = |flags: u8, number: u32, bytes: &[u8]| {
                let [_, high, middle, low] = number.to_be_bytes();
                let ppp = [&[0, 0x3d, flags, high, middle, low], bytes].concat();
                let length = u16::try_from(ppp.len()).expect("a length").to_be_bytes();
                let header = [0x88, 0x64, 0x11, 0, 0, 9, length[0], length[1]];
                (ETHERNET, [ip.macs, &header, &ppp].concat())
            };
            let number = 2 * u32::from(number);
            vec![part(0x80, number, first), part(0x40, number + 1, second)]
        })
    }),
];

/// The last part comes first, so nobody knows whose it is when it comes: evidence cannot keep it.
pub(super) const LAST_FIRST: &[(&str, Change)] = &[("a mesh in parts", |shots| {
    parted(shots, |ip, number| {
        let head = [0x40, 15, 50, 1, 2, 0, 0, 0, 0, 7];
        let body = [&head, &ip.ethernet(&[])[..]].concat();
        let (first, second) = body.split_at(body.len() / 2);
        let total = u16::try_from(body.len()).expect("a length").to_be_bytes();
        let part = |which: u8, bytes: &[u8]| {
            let head = [0x43, 5, 0x41, 15, 50, which << 4];
            let number = number.to_be_bytes();
            let frame = [ip.macs, &head, ip.macs, &number, &total, bytes].concat();
            (ETHERNET, frame)
        };
        // Segments that a card would have cut are longer than any frame of a mesh.
        match body.len() {
            ..=2_304 => vec![part(0, second), part(1, first)],
            _ => vec![(ETHERNET, [ip.macs, &[0x43, 5], &body].concat())],
        }
    })
})];

/// What is whole in parts, by a number that goes up for each sender.
fn parted(shots: &[Shot], parts: impl Fn(&Ip<'_>, u16) -> Vec<(u32, Vec<u8>)>) -> Vec<Shot> {
    let port = busiest(shots);
    let mut numbers: HashMap<Vec<u8>, u16> = HashMap::new();
    let mut out = Vec::new();
    for shot in shots {
        let Some(mut ip) = Ip::of(shot).filter(|_| shot.cut == 0) else {
            out.push(shot.clone());
            continue;
        };
        ip.there = Some(&ip.macs[6..]) == port.as_deref();
        let number = numbers.entry(ip.macs.to_vec()).or_default();
        *number = (*number + 1) % 0x0fff;
        for (link, bytes) in parts(&ip, *number) {
            out.push(Shot {
                link,
                bytes,
                ..shot.clone()
            });
        }
    }
    out
}
