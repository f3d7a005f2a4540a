//! Captures as other networks, mirrors and capture tools would have shown them.
//!
//! Each function takes the frames of a capture and gives those of another capture of the same traffic.

use std::collections::BTreeMap;

use whylencr::frame::Crossing;
use whylencr::time::{Span, Timestamp};

use super::pieces::{fragments, joined, split};

/// A frame with its bytes.
#[derive(Clone)]
pub(super) struct Shot {
    pub at: Timestamp,
    pub link: u32,
    /// Bytes on the wire beyond those captured.
    pub cut: usize,
    pub crossing: Option<Crossing>,
    pub bytes: Vec<u8>,
}

pub(super) const ETHERNET: u32 = 1;
const V4: u16 = 0x0800;
const V6: u16 = 0x86dd;

/// What was seen, put differently, frame by frame; what is not IP over Ethernet stays.
fn each(shots: &[Shot], put: impl Fn(&Shot, &Ip<'_>) -> (u32, Vec<u8>)) -> Vec<Shot> {
    let port = busiest(shots);
    let change = |shot: &Shot| match Ip::of(shot) {
        None => shot.clone(),
        Some(mut ip) => {
            ip.there = Some(&ip.macs[6..]) == port.as_deref();
            let (link, bytes) = put(shot, &ip);
            Shot {
                link,
                bytes,
                ..shot.clone()
            }
        }
    };
    shots.iter().map(change).collect()
}

/// The station that most frames are from or to: that of a mirrored port.
pub(super) fn busiest(shots: &[Shot]) -> Option<Vec<u8>> {
    let mut frames: BTreeMap<&[u8], usize> = BTreeMap::new();
    for ip in shots.iter().filter_map(Ip::of) {
        for mac in ip.macs.chunks(6) {
            *frames.entry(mac).or_default() += 1;
        }
    }
    let most = frames.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(mac, _)| mac.to_vec())
}

/// An IP packet in an Ethernet frame.
pub(super) struct Ip<'a> {
    pub(super) macs: &'a [u8],
    pub(super) ether_type: u16,
    /// Without padding.
    pub(super) packet: &'a [u8],
    /// What the capture cut off.
    pub(super) missing: usize,
    /// Sent by the host at the mirrored port.
    pub(super) there: bool,
}

impl<'a> Ip<'a> {
    pub(super) fn of(shot: &'a Shot) -> Option<Self> {
        let (header, payload) = shot.bytes.split_at_checked(14)?;
        let ether_type = u16::from_be_bytes([header[12], header[13]]);
        let length = match ether_type {
            V4 if payload.len() >= 20 => usize::from(u16::from_be_bytes([payload[2], payload[3]])),
            V6 if payload.len() >= 40 => {
                40 + usize::from(u16::from_be_bytes([payload[4], payload[5]]))
            }
            _ => return None,
        };
        (shot.link == ETHERNET).then_some(Self {
            macs: &header[..12],
            ether_type,
            packet: payload.get(..length).unwrap_or(payload),
            missing: length.saturating_sub(payload.len()),
            there: false,
        })
    }

    /// A length field of so many bytes and those that were cut off.
    fn length(&self, bytes: usize) -> [u8; 2] {
        let length = u16::try_from(bytes + self.missing).expect("a packet");
        length.to_be_bytes()
    }

    pub(super) fn ethernet(&self, tags: &[u8]) -> Vec<u8> {
        [self.macs, tags, &self.ether_type.to_be_bytes(), self.packet].concat()
    }

    /// In an IPv4 packet between two routers, in Ethernet.
    fn outer(&self, protocol: u8, payload: &[u8]) -> (u32, Vec<u8>) {
        let total = self.length(20 + payload.len());
        let (near, far) = ([203, 0, 113, 1], [203, 0, 113, 2]);
        let (from, to) = if self.there { (near, far) } else { (far, near) };
        let header = [
            0x45, 0, total[0], total[1], 0, 1, 0x40, 0, 64, protocol, 0, 0,
        ];
        let packet = [&header[..], &from, &to, payload].concat();
        (ETHERNET, [self.macs, &V4.to_be_bytes(), &packet].concat())
    }

    pub(super) fn outer_udp(&self, port: u16, payload: &[u8]) -> (u32, Vec<u8>) {
        let length = self.length(8 + payload.len());
        let source = if self.there { 50_001_u16 } else { 50_002 }.to_be_bytes();
        let header = [&source[..], &port.to_be_bytes(), &length, &[0, 0]].concat();
        self.outer(17, &[&header, payload].concat())
    }

    pub(super) fn number(&self) -> [u8; 2] {
        self.ether_type.to_be_bytes()
    }

    pub(super) fn is_v4(&self) -> bool {
        self.ether_type == V4
    }
}

/// One frame in so many as a switch sends it to who collects them (sFlow version 5).
fn sampled(shots: &[Shot], one_in: usize) -> Vec<Shot> {
    const MOST: usize = 128;
    let kept: Vec<Shot> = shots.iter().step_by(one_in).cloned().collect();
    each(&kept, |_, ip| {
        let frame = ip.ethernet(&[]);
        let header = &frame[..frame.len().min(MOST)];
        let numbers = |numbers: &[usize]| -> Vec<u8> {
            let bytes = numbers.iter().map(|number| (*number as u32).to_be_bytes());
            bytes.collect::<Vec<_>>().concat()
        };
        let padded = header.len().next_multiple_of(4);
        let record = numbers(&[1, 16 + padded, 1, frame.len() + ip.missing, 0, header.len()]);
        let sample = numbers(&[1, 32 + 8 + 16 + padded, 1, 1, one_in, 0, 0, 1, 2, 1]);
        let datagram = numbers(&[5, 1, 0xcb00_7101, 0, 1, 1, 1]);
        let padding = vec![0; padded - header.len()];
        let (_, bytes) = ip.outer_udp(
            6343,
            &[&datagram, &sample, &record, header, &padding].concat(),
        );
        (ETHERNET, bytes)
    })
}

fn vxlan(shots: &[Shot]) -> Vec<Shot> {
    each(shots, |_, ip| {
        ip.outer_udp(
            4789,
            &[&[8, 0, 0, 0, 0, 0, 5, 0], &ip.ethernet(&[])[..]].concat(),
        )
    })
}

/// A capture, put differently.
pub(super) type Change = fn(&[Shot]) -> Vec<Shot>;

/// All that is there to be known is there still.
pub(super) const WHOLE: &[(&str, Change)] = &[
    ("one direction tagged", |shots| {
        each(shots, |_, ip| {
            (
                ETHERNET,
                ip.ethernet(if ip.there { &[0x81, 0, 0, 7] } else { &[] }),
            )
        })
    }),
    ("the other direction tagged", |shots| {
        each(shots, |_, ip| {
            (
                ETHERNET,
                ip.ethernet(if ip.there { &[] } else { &[0x81, 0, 0, 7] }),
            )
        })
    }),
    ("a tag for each direction", |shots| {
        each(shots, |_, ip| {
            (
                ETHERNET,
                ip.ethernet(&[0x81, 0, 0, if ip.there { 7 } else { 8 }]),
            )
        })
    }),
    ("QinQ", |shots| {
        each(shots, |_, ip| {
            (ETHERNET, ip.ethernet(&[0x88, 0xa8, 0, 3, 0x81, 0, 0, 7]))
        })
    }),
    ("a frame check sequence", |shots| {
        each(shots, |shot, _| match shot.cut {
            0 => (ETHERNET, [&shot.bytes[..], &[1, 2, 3, 4]].concat()),
            _ => (ETHERNET, shot.bytes.clone()),
        })
    }),
    ("MPLS", |shots| {
        each(shots, |_, ip| {
            let label = if ip.there { 1 } else { 2 };
            (
                ETHERNET,
                [ip.macs, &[0x88, 0x47, 0, label, 0x01, 64], ip.packet].concat(),
            )
        })
    }),
    ("PPPoE", |shots| {
        each(shots, |_, ip| {
            let length = ip.length(2 + ip.packet.len());
            let kind = if ip.is_v4() { 0x21 } else { 0x57 };
            let header = [0x88, 0x64, 0x11, 0, 0, 9, length[0], length[1], 0, kind];
            (ETHERNET, [ip.macs, &header, ip.packet].concat())
        })
    }),
    ("VXLAN", vxlan),
    ("VXLAN in fragments", |shots| {
        let tunnelled = vxlan(shots);
        tunnelled
            .iter()
            .flat_map(|shot| fragments(shot, true))
            .collect()
    }),
    ("Geneve", |shots| {
        each(shots, |_, ip| {
            ip.outer_udp(
                6081,
                &[&[0, 0, 0x65, 0x58, 0, 0, 5, 0], &ip.ethernet(&[])[..]].concat(),
            )
        })
    }),
    ("ERSPAN", |shots| {
        each(shots, |_, ip| {
            let session = if ip.there { 1 } else { 2 };
            let header = [
                0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, session, 0, 0, 0, 0,
            ];
            ip.outer(47, &[&header, &ip.ethernet(&[])[..]].concat())
        })
    }),
    ("cooked", |shots| {
        each(shots, |_, ip| {
            let header = [&[0, 3, 0, 1, 0, 6], &ip.macs[6..], &[0, 0], &ip.number()].concat();
            (113, [&header, ip.packet].concat())
        })
    }),
    ("cooked, second form", |shots| {
        each(shots, |_, ip| {
            let header = [
                &ip.number()[..],
                &[0, 0, 0, 0, 0, 2, 0, 1, 3, 6],
                &ip.macs[6..],
                &[0, 0],
            ]
            .concat();
            (276, [&header, ip.packet].concat())
        })
    }),
    ("802.11 with radiotap", |shots| {
        each(shots, |_, ip| {
            let header = [
                &[0, 0, 8, 0, 0, 0, 0, 0, 8, 1, 0, 0, 2, 2, 2, 2, 2, 2],
                &ip.macs[6..],
                &ip.macs[..6],
            ]
            .concat();
            let snap = [&[0, 0, 0xaa, 0xaa, 3, 0, 0, 0], &ip.number()[..]].concat();
            (127, [&header, &snap, ip.packet].concat())
        })
    }),
    ("IPv6 extension headers, IPv4 options", |shots| {
        each(shots, |_, ip| {
            let mut packet = ip.packet.to_vec();
            if ip.is_v4() {
                if packet[0] == 0x45 {
                    packet[0] = 0x46;
                    let total = u16::from_be_bytes([packet[2], packet[3]]) + 4;
                    packet[2..4].copy_from_slice(&total.to_be_bytes());
                    packet.splice(20..20, [0x94, 4, 0, 0]);
                }
            } else {
                let next = std::mem::replace(&mut packet[6], 0);
                let length = u16::from_be_bytes([packet[4], packet[5]]) + 16;
                packet[4..6].copy_from_slice(&length.to_be_bytes());
                packet.splice(40..40, [60, 0, 1, 4, 0, 0, 0, 0, next, 0, 1, 4, 0, 0, 0, 0]);
            }
            (ETHERNET, [ip.macs, &ip.number(), &packet].concat())
        })
    }),
    ("fragments", |shots| {
        shots
            .iter()
            .flat_map(|shot| fragments(shot, false))
            .collect()
    }),
    ("fragments, the last first", |shots| {
        shots
            .iter()
            .flat_map(|shot| fragments(shot, true))
            .collect()
    }),
    ("every frame twice", |shots| {
        shots.iter().flat_map(|shot| twice(shot, shot)).collect()
    }),
    ("every frame twice, in two VLANs", |shots| {
        let tagged = |tag| {
            each(shots, move |_, ip| {
                (ETHERNET, ip.ethernet(&[0x81, 0, 0, tag]))
            })
        };
        let both = tagged(7).into_iter().zip(tagged(8));
        both.flat_map(|(one, other)| twice(&one, &other)).collect()
    }),
    ("every frame plain and in a tunnel", |shots| {
        let tunnelled = each(shots, |_, ip| {
            ip.outer(47, &[&[0, 0], &ip.number()[..], ip.packet].concat())
        });
        let both = shots.iter().zip(&tunnelled);
        both.flat_map(|(one, other)| twice(one, other)).collect()
    }),
    ("no total length (segmentation offload)", |shots| {
        each(shots, |shot, ip| {
            let mut bytes = ip.ethernet(&[]);
            if ip.is_v4() && shot.cut == 0 && ip.packet[9] == 6 && ip.packet.len() > 200 {
                bytes[16..18].fill(0);
            }
            (ETHERNET, bytes)
        })
    }),
    ("segments joined (receive offload)", joined),
    ("segments split", |shots| {
        shots.iter().flat_map(|shot| split(shot, false)).collect()
    }),
    ("segments split, the last first", |shots| {
        shots.iter().flat_map(|shot| split(shot, true)).collect()
    }),
];

/// The same without link addresses, by which the addresses of one device are told.
pub(super) const WITHOUT_LINK: &[(&str, Change)] = &[
    ("GRE", |shots| {
        each(shots, |_, ip| {
            ip.outer(47, &[&[0, 0], &ip.number()[..], ip.packet].concat())
        })
    }),
    ("IP in IP", |shots| {
        each(shots, |_, ip| {
            ip.outer(if ip.is_v4() { 4 } else { 41 }, ip.packet)
        })
    }),
    ("GTP-U", |shots| {
        each(shots, |_, ip| {
            let length = ip.length(ip.packet.len());
            let receiver = if ip.there { 1 } else { 2 };
            let header = [0x30, 0xff, length[0], length[1], 0, 0, 0, receiver];
            ip.outer_udp(2152, &[&header, ip.packet].concat())
        })
    }),
    ("ESP without encryption", |shots| {
        each(shots, |_, ip| {
            let next = if ip.is_v4() { 4 } else { 41 };
            let padding = [1, 2, 3];
            let padding = &padding[..(6 - ip.packet.len() % 4) % 4];
            let length = u8::try_from(padding.len()).expect("a length");
            let head = [0, 0, 1, 0, 0, 0, 0, 7];
            let tail = [&[length, next][..], &[0xa5; 16]].concat();
            ip.outer(50, &[&head, ip.packet, padding, &tail].concat())
        })
    }),
    ("a mesh (batman-adv)", |shots| {
        each(shots, |_, ip| {
            let head = [0x43, 5, 0x40, 15, 50, 1, 2, 0, 0, 0, 0, 7];
            let frame = [ip.macs, &head, &ip.ethernet(&[])].concat();
            (ETHERNET, frame)
        })
    }),
    ("GFP", |shots| {
        each(shots, |_, ip| {
            let length = ip.length(4 + ip.packet.len());
            let user = if ip.is_v4() { 16 } else { 17 };
            let head = [length[0], length[1], 0, 0, 0, user, 0, 0];
            (171, [&head, ip.packet].concat())
        })
    }),
    ("raw IP", |shots| {
        each(shots, |_, ip| (101, ip.packet.to_vec()))
    }),
    ("loopback", |shots| {
        each(shots, |_, ip| {
            (
                0,
                [&[if ip.is_v4() { 2 } else { 30 }, 0, 0, 0], ip.packet].concat(),
            )
        })
    }),
    ("PPP", |shots| {
        each(shots, |_, ip| {
            (
                9,
                [
                    &[0xff, 3, 0, if ip.is_v4() { 0x21 } else { 0x57 }],
                    ip.packet,
                ]
                .concat(),
            )
        })
    }),
    ("NFLOG", |shots| {
        each(shots, |_, ip| {
            let length = u16::try_from(4 + ip.packet.len())
                .expect("a packet")
                .to_le_bytes();
            let family = if ip.is_v4() { 2 } else { 10 };
            (
                239,
                [&[family, 0, 0, 0], &length[..], &[9, 0], ip.packet].concat(),
            )
        })
    }),
];

/// Less can be known; nothing else may be said for it.
pub(super) const LESS: &[(&str, Change)] = &[
    ("clients alone", |shots| only(shots, true)),
    ("servers alone", |shots| only(shots, false)),
    ("cut at 96 bytes", |shots| cut(shots, 96)),
    ("cut at 128 bytes", |shots| cut(shots, 128)),
    ("cut at 400 bytes", |shots| cut(shots, 400)),
    ("as samples", |shots| sampled(shots, 1)),
    ("one in five as a sample", |shots| sampled(shots, 5)),
    ("every seventh frame lost", |shots| {
        let kept = shots.iter().enumerate().filter(|(n, _)| n % 7 != 3);
        kept.map(|(_, shot)| shot.clone()).collect()
    }),
    ("a third of all frames lost", |shots| {
        let kept = shots.iter().enumerate().filter(|(n, _)| n % 3 != 1);
        kept.map(|(_, shot)| shot.clone()).collect()
    }),
    ("begun in the middle", |shots| {
        shots[shots.len() / 2..].to_vec()
    }),
    ("seconds out of order", |shots| {
        // As files of several writers that were put one behind the other in blocks.
        let mut out = shots.to_vec();
        out.chunks_mut(40).for_each(|chunk| {
            let (early, late) = chunk.split_at_mut(chunk.len() / 2);
            early
                .iter_mut()
                .zip(late)
                .for_each(|(a, b)| std::mem::swap(a, b));
        });
        out
    }),
    ("neighbours out of order", |shots| {
        let mut out = shots.to_vec();
        out.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        out
    }),
    ("the last of eight first", |shots| {
        let mut out = shots.to_vec();
        out.chunks_mut(8).for_each(<[Shot]>::reverse);
        out
    }),
    ("every ninth frame eight frames late", |shots| {
        let mut out = shots.to_vec();
        out.chunks_exact_mut(9)
            .for_each(|chunk| chunk.rotate_left(1));
        out
    }),
    ("answers before questions", |shots| {
        // Two queues of a card, drained one after the other.
        let mut out = Vec::new();
        for chunk in shots.chunks(8) {
            let (clients, servers) = (only(chunk, true), only(chunk, false));
            out.extend(servers);
            out.extend(clients.into_iter().filter(|shot| Ip::of(shot).is_some()));
        }
        out
    }),
    ("a clock that steps back", |shots| {
        let step = Span::from_secs(-3_600);
        let late = |n| n > shots.len() / 2;
        let stepped = shots.iter().enumerate().map(|(n, shot)| Shot {
            at: if late(n) { shot.at.plus(step) } else { shot.at },
            ..shot.clone()
        });
        stepped.collect()
    }),
    ("a clock of whole seconds", |shots| {
        let second = 1_000_000_000;
        let coarse = shots.iter().map(|shot| Shot {
            at: Timestamp::from_nanos(shot.at.as_nanos() / second * second),
            ..shot.clone()
        });
        coarse.collect()
    }),
    ("a clock that stands still", |shots| {
        let still = shots.iter().map(|shot| Shot {
            at: shots[0].at,
            ..shot.clone()
        });
        still.collect()
    }),
    ("twice, one behind the other", |shots| {
        [shots, shots].concat()
    }),
    ("twice, an hour apart", |shots| {
        let again = shots.iter().map(|shot| Shot {
            at: shot.at.plus(Span::from_secs(3_600)),
            ..shot.clone()
        });
        shots.iter().cloned().chain(again).collect()
    }),
    ("called raw IP", |shots| called(shots, 101)),
    ("called cooked", |shots| called(shots, 113)),
    ("called 802.11", |shots| called(shots, 105)),
    ("called PPP", |shots| called(shots, 9)),
];

/// One capture of a packet and another, a little later.
fn twice(one: &Shot, other: &Shot) -> [Shot; 2] {
    let later = Shot {
        at: one.at.plus(Span::from_nanos(12_000)),
        ..other.clone()
    };
    [one.clone(), later]
}

fn called(shots: &[Shot], link: u32) -> Vec<Shot> {
    let called = shots.iter().map(|shot| Shot {
        link,
        ..shot.clone()
    });
    called.collect()
}

fn cut(shots: &[Shot], most: usize) -> Vec<Shot> {
    let cut = shots.iter().map(|shot| {
        let kept = shot.bytes.len().min(most);
        Shot {
            cut: shot.cut + shot.bytes.len() - kept,
            bytes: shot.bytes[..kept].to_vec(),
            ..shot.clone()
        }
    });
    cut.collect()
}

/// What is sent from (or to) the greater port of each pair.
fn only(shots: &[Shot], clients: bool) -> Vec<Shot> {
    let sent = |shot: &&Shot| {
        let Some(ip) = Ip::of(shot) else { return true };
        let ports = if ip.is_v4() {
            usize::from(ip.packet[0] & 15) * 4
        } else {
            40
        };
        match ip.packet.get(ports..ports + 4) {
            Some(&[a, b, c, d]) => ([a, b] > [c, d]) == clients,
            _ => true,
        }
    };
    shots.iter().filter(sent).cloned().collect()
}
