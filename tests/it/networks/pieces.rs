//! Packets in other pieces: fragments, joined and split segments.

use super::disguise::{Ip, Shot};

/// An IPv4 packet in two fragments, an IPv6 packet with a fragment header in two.
pub(super) fn fragments(shot: &Shot, reversed: bool) -> Vec<Shot> {
    let Some(ip) = Ip::of(shot).filter(|_| shot.cut == 0) else {
        return vec![shot.clone()];
    };
    let header = if ip.is_v4() {
        usize::from(ip.packet[0] & 15) * 4
    } else {
        40
    };
    let (head, body) = ip.packet.split_at(header);
    // The first holds the ports alone at times, as small fragments do.
    let first = (body.len() / 2).next_multiple_of(8).min(body.len());
    if first == body.len() || (ip.is_v4() && head[6] & 0x3f | head[7] != 0) {
        return vec![shot.clone()];
    }
    let id = u16::try_from(shot.at.as_nanos().unsigned_abs() / 1_000 % 65_521).expect("small");
    let part = |bytes: &[u8], offset: usize, more: bool| {
        let offset = u16::try_from(offset).expect("an offset");
        let mut head = head.to_vec();
        if ip.is_v4() {
            let total = u16::try_from(header + bytes.len()).expect("a packet");
            head[2..4].copy_from_slice(&total.to_be_bytes());
            head[4..6].copy_from_slice(&id.to_be_bytes());
            head[6..8].copy_from_slice(&((offset / 8) | (u16::from(more) << 13)).to_be_bytes());
        } else {
            let length = u16::try_from(8 + bytes.len()).expect("a packet");
            head[4..6].copy_from_slice(&length.to_be_bytes());
            let next = std::mem::replace(&mut head[6], 44);
            let place = (offset | u16::from(more)).to_be_bytes();
            head.extend([next, 0, place[0], place[1], 0, 0]);
            head.extend(id.to_be_bytes());
        }
        Shot {
            bytes: [ip.macs, &ip.number(), &head, bytes].concat(),
            ..shot.clone()
        }
    };
    let mut parts = vec![
        part(&body[..first], 0, true),
        part(&body[first..], first, false),
    ];
    if reversed {
        parts.reverse();
    }
    parts
}

/// Neighbouring segments of one direction in one frame, as the receiving card joins them.
pub(super) fn joined(shots: &[Shot]) -> Vec<Shot> {
    let mut out: Vec<Shot> = Vec::new();
    for shot in shots {
        if let Some(last) = out.last_mut()
            && let Some(bytes) = append(last, shot)
        {
            last.bytes = bytes;
            continue;
        }
        out.push(shot.clone());
    }
    out
}

fn append(last: &Shot, next: &Shot) -> Option<Vec<u8>> {
    let (a, b) = (Ip::of(last)?, Ip::of(next)?);
    if last.cut + next.cut > 0
        || a.packet.len().min(b.packet.len()) < 40
        || !a.is_v4()
        || !b.is_v4()
        || a.packet[0] != 0x45
        || b.packet[0] != 0x45
    {
        return None;
    }
    let plain =
        |ip: &Ip<'_>| ip.packet[9] == 6 && ip.packet[33] & !0x18 == 0 && ip.packet[33] & 0x10 != 0;
    let same = a.packet[12..24] == b.packet[12..24] && a.packet[28..32] == b.packet[28..32];
    let data = |ip: &Ip<'_>| 20 + usize::from(ip.packet[32] >> 4) * 4;
    let seq = |ip: &Ip<'_>| {
        u32::from_be_bytes([ip.packet[24], ip.packet[25], ip.packet[26], ip.packet[27]])
    };
    if !plain(&a) || !plain(&b) || !same {
        return None;
    }
    let (length, more) = (a.packet.len() - data(&a), b.packet.len() - data(&b));
    let follows = seq(&a).wrapping_add(u32::try_from(length).ok()?) == seq(&b);
    if !follows || length == 0 || more == 0 {
        return None;
    }
    let total = u16::try_from(a.packet.len() + more).ok()?;
    let mut bytes = [a.ethernet(&[]), b.packet[data(&b)..].to_vec()].concat();
    bytes[16..18].copy_from_slice(&total.to_be_bytes());
    Some(bytes)
}

/// Segments in smaller ones: with another segment size, or a client that writes byte by byte.
pub(super) fn split(shot: &Shot, reversed: bool) -> Vec<Shot> {
    let whole = || vec![shot.clone()];
    let Some(ip) = Ip::of(shot).filter(|_| shot.cut == 0) else {
        return whole();
    };
    let (header, protocol) = if ip.is_v4() {
        (usize::from(ip.packet[0] & 15) * 4, ip.packet[9])
    } else {
        (40, ip.packet[6])
    };
    let Some(segment) = ip.packet.get(header..).filter(|s| s.len() >= 20) else {
        return whole();
    };
    let data = usize::from(segment[12] >> 4) * 4;
    // SYN and RST stay as they are.
    if protocol != 6 || segment[13] & 0x06 != 0 || segment.len() < data + 2 {
        return whole();
    }
    let (head, payload) = ip.packet.split_at(header + data);
    let seq = u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]);
    // One byte, a few, and what is left.
    let few = 1 + payload.len() / 3 + usize::try_from(seq % 5).expect("small");
    let cuts = [0, 1, few.min(payload.len() - 1).max(1), payload.len()];
    let mut parts = Vec::new();
    for pair in cuts.windows(2).filter(|pair| pair[0] < pair[1]) {
        let mut packet = [head, &payload[pair[0]..pair[1]]].concat();
        let at = seq.wrapping_add(u32::try_from(pair[0]).expect("an offset"));
        packet[header + 4..header + 8].copy_from_slice(&at.to_be_bytes());
        if pair[1] < payload.len() {
            // FIN comes last.
            packet[header + 13] &= !0x01;
        }
        let length =
            u16::try_from(packet.len() - if ip.is_v4() { 0 } else { 40 }).expect("a packet");
        let field = if ip.is_v4() { 2 } else { 4 };
        packet[field..field + 2].copy_from_slice(&length.to_be_bytes());
        parts.push(Shot {
            bytes: [ip.macs, &ip.number(), &packet].concat(),
            ..shot.clone()
        });
    }
    if reversed {
        parts.reverse();
    }
    parts
}
