//! Packets that reach a frame by way of something that cuts or gathers them.

use super::disguise::{Change, Ip, Shot, busiest};

/// Without link addresses.
pub(super) const CARRIED: &[(&str, Change)] = &[
    ("netlink's queue", |shots| {
        carried(shots, |ip, out| out.push((253, queued(ip))))
    }),
    ("a modem's PPP in transfers of 64 bytes", |shots| {
        carried(shots, |ip, out| {
            let kind = if ip.is_v4() { 0x21 } else { 0x57 };
            let frame = hdlc(&[&[0xff, 3, 0, kind], ip.packet].concat());
            out.extend(frame.chunks(64).map(|part| (220, transfer(ip.there, part))));
        })
    }),
    ("a transport stream, two sections a frame", |shots| {
        let (mut number, mut waiting) = (0, Vec::new());
        carried(shots, |ip, out| {
            waiting.extend(section(ip.packet));
            number += 1;
            if number % 2 == 0 {
                let packets = stream(number / 2, &std::mem::take(&mut waiting));
                out.extend(packets.into_iter().map(|packet| (243, packet)));
            }
        })
    }),
];

fn carried(shots: &[Shot], mut put: impl FnMut(&Ip<'_>, &mut Vec<(u32, Vec<u8>)>)) -> Vec<Shot> {
    let port = busiest(shots);
    let mut all = Vec::new();
    for shot in shots {
        let Some(mut ip) = Ip::of(shot).filter(|ip| ip.missing == 0) else {
            all.push(shot.clone());
            continue;
        };
        ip.there = Some(&ip.macs[6..]) == port.as_deref();
        let mut out = Vec::new();
        put(&ip, &mut out);
        let each = out.into_iter().map(|(link, bytes)| Shot {
            link,
            bytes,
            cut: 0,
            ..shot.clone()
        });
        all.extend(each);
    }
    all
}

/// A message to a program that decides about packets.
fn queued(ip: &Ip<'_>) -> Vec<u8> {
    let hook = if ip.there { 3 } else { 1 };
    let [high, low] = ip.number();
    let length = |bytes: usize| u16::try_from(bytes).expect("a packet").to_le_bytes();
    let header = [11, 0, 1, 0, 0, 0, 0, 7, high, low, hook, 0];
    let payload = [&length(4 + ip.packet.len())[..], &[10, 0], ip.packet].concat();
    let body = [&[2, 0, 0, 5], &header[..], &payload].concat();
    let message = [
        &length(16 + body.len())[..],
        &[0, 0, 0, 3, 0, 0],
        &[0; 8],
        &body,
    ]
    .concat();
    let cooked = [0, 4, 3, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12];
    [&cooked[..], &message].concat()
}

fn hdlc(frame: &[u8]) -> Vec<u8> {
    let mut check = 0xffff_u16;
    for byte in frame {
        check ^= u16::from(*byte);
        for _ in 0..8 {
            check = check >> 1 ^ if check & 1 == 1 { 0x8408 } else { 0 };
        }
    }
    let mut bytes = vec![0x7e];
    for byte in frame.iter().copied().chain((!check).to_le_bytes()) {
        match byte {
            0x7d | 0x7e | 0..0x20 => bytes.extend([0x7d, byte ^ 0x20]),
            _ => bytes.push(byte),
        }
    }
    bytes.push(0x7e);
    bytes
}

/// A bulk transfer of Linux's usbmon.
fn transfer(there: bool, bytes: &[u8]) -> Vec<u8> {
    let (event, endpoint) = if there { (b'S', 2) } else { (b'C', 0x81) };
    let mut header = vec![9, 0, 0, 0, 0, 0, 0, 0, event, 3, endpoint, 5, 1, 0, b'-', 0];
    header.resize(64, 0);
    [&header, bytes].concat()
}

/// A section of multiprotocol encapsulation.
fn section(packet: &[u8]) -> Vec<u8> {
    // What a card would have cut is longer than a section.
    let fits = packet.len() + 13 <= 4_093;
    let packet = if fits { packet } else { &[] };
    let [high, low] = u16::try_from(packet.len() + 13)
        .expect("a length")
        .to_be_bytes();
    let head = [0x3e, 0xb0 | high, low, 1, 2, 0xc1, 0, 0, 3, 4, 5, 6];
    let mut bytes = [&head, packet].concat();
    let mut check = u32::MAX;
    for byte in &bytes {
        check ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            check = check << 1 ^ if check >> 31 == 1 { 0x04c1_1db7 } else { 0 };
        }
    }
    bytes.extend(check.to_be_bytes());
    bytes
}

/// Packets of a stream that begin with a section, on a program for every other frame, so that numbers need not go on.
fn stream(frame: usize, sections: &[u8]) -> Vec<Vec<u8>> {
    let program = u8::try_from(frame % 2).expect("a bit");
    let payload = [&[0], sections].concat();
    let parts = (0_u8..).zip(payload.chunks(184));
    let packet = |(number, part): (u8, &[u8])| {
        let begins = if number == 0 { 0x41 } else { 0x01 };
        let mut packet = vec![0x47, begins, program, 0x10 | number & 0x0f];
        packet.extend(part);
        packet.resize(188, 0xff);
        packet
    };
    parts.map(packet).collect()
}
