//! Tunnels between switches and to controllers, and what equipment passes on: STT, WASSP, Aruba, AudioCodes, sFlow.

use super::build;
use super::build::{NEAR, Way, cat};
use super::fixtures::{Fixture, Source, scoped};
use super::sequences::Sequence;
use super::*;

/// A segment of STT: how long its frame is, where it belongs, and which frame it is of.
fn segment(way: Way, total: usize, start: usize, id: u32, part: &[u8]) -> Vec<u8> {
    let number = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    let header = cat(&[
        &[0xc3, 0x50, 0x1d, 0x2f],
        &number(total),
        &number(start),
        &id.to_be_bytes(),
        &[0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0],
    ]);
    way.outer(6, &cat(&[&header, part]))
}

/// A frame of STT, with the tag of a VLAN or without.
fn stt(way: Way, tag: [u8; 2]) -> Vec<u8> {
    let header = cat(&[&[0, 0, 0, 0, 0, 0], &tag, &[0, 0, 0, 0, 0, 0, 0, 5, 0, 0]]);
    cat(&[&header, &way.ethernet()])
}

fn segments(way: Way) -> Vec<Vec<u8>> {
    let frame = stt(way, [0, 0]);
    // tshark counts the header of TCP in the first, so that the last may not be short.
    let cuts = [(0, 56), (56, 70), (70, frame.len())];
    let parts = cuts.map(|(from, to)| segment(way, frame.len(), from, 7, &frame[from..to]));
    parts.to_vec()
}

/// A message of WASSP with the frame of a station.
fn message(kind: u8, frame: &[u8]) -> Vec<u8> {
    cat(&[&[kind, 0, 0, 1, 2, 0, 0, 0, 1, 1, 0, 0, 0, 0], frame])
}

fn wassp(message: u8, sequence: u16, flags: u8, inside: &[u8]) -> Vec<u8> {
    let length = u16::try_from(inside.len()).unwrap().to_be_bytes();
    let sequence = (sequence << 6 | u16::from(flags)).to_be_bytes();
    cat(&[&[3, message], &sequence, &[0, 9], &length, inside])
}

/// All of one frame.
pub(super) static OVERLAYS: &[Fixture] = &[
    scoped("STT", Source::Sender, |way| {
        let frame = stt(way, [0, 0]);
        segment(way, frame.len(), 0, 7, &frame)
    }),
    scoped("STT, VLAN", Source::Sender, |way| {
        let frame = stt(way, [0x10, 5]);
        segment(way, frame.len(), 0, 7, &frame)
    }),
    scoped("WASSP", Source::Sender, |way| {
        let inside = message(3, &way.ethernet());
        way.outer_udp(13_910, 13_910, &wassp(15, 5, 0, &inside))
    }),
    scoped("WASSP, a copy", Source::Sender, |way| {
        let inside = message(11, &way.ethernet());
        way.outer_udp(13_910, 50_000, &wassp(15, 5, 0, &inside))
    }),
    scoped("WASSP, about a tag", Source::None, |way| {
        way.outer_udp(13_910, 13_910, &wassp(55, 5, 0, &way.ip4()))
    }),
    scoped("WASSP by its looks", Source::Sender, |way| {
        let inside = message(3, &way.ethernet());
        way.outer_udp(50_000, 50_001, &wassp(15, 5, 0, &inside))
    }),
];

/// Of a mirror, which has no scope of its own but that.
pub(super) static PASSED_ON: &[Fixture] = &[
    scoped("Aruba, pcap", Source::Sender, |way| aruba(way, &[])),
    scoped("Aruba, pcap with radio", Source::Sender, |way| {
        aruba(way, &[0, 12, 36, 80])
    }),
    scoped("Aruba, radiotap", Source::Sender, |way| {
        let head = [0, 0, 8, 0, 0, 0, 0, 0];
        way.outer_udp(5555, 5555, &cat(&[&head, &fixtures::wlan(way, 0x08, &[])]))
    }),
    scoped("Aruba, PPI", Source::Sender, |way| {
        let head = [0, 0, 8, 0, 105, 0, 0, 0];
        way.outer_udp(5555, 5555, &cat(&[&head, &fixtures::wlan(way, 0x08, &[])]))
    }),
    scoped("AudioCodes, Ethernet", Source::Sender, |way| {
        way.outer_udp(925, 925, &recorded(9, 0, 50, &way.ethernet()))
    }),
    scoped("AudioCodes, control", Source::Sender, |way| {
        way.outer_udp(50_000, 925, &recorded(7, 8, 14, &way.ethernet()))
    }),
    scoped("AudioCodes, with a header", Source::None, |way| {
        way.outer_udp(50_000, 925, &recorded(4, 8, 10, &way.ip4()))
    }),
];

fn aruba(way: Way, radio: &[u8]) -> Vec<u8> {
    let frame = cat(&[radio, &fixtures::wlan(way, 0x08, &[]), &[0; 4]]);
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    let record = cat(&[&[0x65, 0, 0, 0, 0, 0, 0, 1], &length, &length]);
    way.outer_udp(50_000, 5555, &cat(&[&record, &frame]))
}

/// A recording of some version, with an extension of the header of two bytes where there may be one.
fn recorded(version: u8, flags: u8, kind: u8, inside: &[u8]) -> Vec<u8> {
    let (ends, session, extension) = match version {
        9 => (8, 9, 2),
        7 => (4, 8, 2),
        _ => (4, 0, 0),
    };
    cat(&[
        &[version, 0, 0, 0, 1, 0, 2],
        &vec![0; ends],
        &[flags, 0, kind, extension],
        &vec![0; session + usize::from(extension)],
        inside,
    ])
}

/// Of which there is one in so many.
pub(super) static SAMPLED: &[Fixture] = &[
    scoped("sFlow, Ethernet", Source::Sender, |way| {
        collected(way, &[flow_sample(1, &way.ethernet())])
    }),
    scoped("sFlow, expanded, IPv4", Source::None, |way| {
        let counters = numbers(&[2, 8, 0, 0]);
        let sample = record(11, &way.ip4());
        // Of its VLANs, which is no header.
        let other = numbers(&[1001, 16, 0, 0, 0, 0]);
        let length = 44 + len(&other) + len(&sample);
        let head = numbers(&[3, length, 1, 0, 1, 9, 9, 0, 0, 1, 0, 2, 2]);
        collected(way, &[cat(&[&head, &other, &sample]), counters])
    }),
    scoped("sFlow, IPv6", Source::None, |way| {
        collected(way, &[flow_sample(12, &way.ip6())])
    }),
    scoped("sFlow, PPP", Source::None, |way| {
        collected(
            way,
            &[flow_sample(7, &cat(&[&[0xff, 3, 0, 0x21], &way.ip4()]))],
        )
    }),
    scoped("sFlow, Frame Relay", Source::None, |way| {
        collected(
            way,
            &[flow_sample(5, &cat(&[&[0x18, 0x41, 3, 0xcc], &way.ip4()]))],
        )
    }),
    scoped("sFlow, MPLS", Source::None, |way| {
        collected(way, &[flow_sample(13, &cat(&[&[0, 1, 1, 64], &way.ip4()]))])
    }),
    scoped("sFlow, 802.11", Source::Sender, |way| {
        collected(way, &[flow_sample(15, &fixtures::wlan(way, 0x08, &[]))])
    }),
    scoped("sFlow, Token Ring", Source::Sender, |way| {
        let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &way.ip4()]);
        let ring = cat(&[&[0x10, 0x40], &[2; 6], &way.mac().0, &snap]);
        collected(way, &[flow_sample(3, &ring)])
    }),
    scoped("sFlow, FDDI", Source::Sender, |way| {
        let snap = cat(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &way.ip4()]);
        collected(
            way,
            &[flow_sample(
                4,
                &cat(&[&[0x50], &[2; 6], &way.mac().0, &snap]),
            )],
        )
    }),
    scoped("sFlow, X.25", Source::None, |way| {
        collected(way, &[flow_sample(6, &cat(&[&[0x10, 5, 0], &way.ip4()]))])
    }),
    scoped("sFlow, version 4", Source::Sender, |way| {
        let frame = way.ethernet();
        let sample = numbers(&[1, 1, 1, 9, 9, 0, 1, 2, 1, 1, len(&frame), len(&frame)]);
        let mut sample = cat(&[&sample, &frame]);
        sample.resize(sample.len().next_multiple_of(4), 0);
        let head = numbers(&[4, 1, 0xc633_6401, 1, 1, 1]);
        way.outer_udp(50_000, 6343, &cat(&[&head, &sample, &[0; 4]]))
    }),
];

fn len(bytes: &[u8]) -> u32 {
    bytes.len().try_into().unwrap()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
}

/// The header of a packet as a record, all of it.
fn record(kind: u32, packet: &[u8]) -> Vec<u8> {
    let mut padded = packet.to_vec();
    padded.resize(padded.len().next_multiple_of(4), 0);
    // With a check sequence, of which there is nothing.
    let head = [1, 16 + len(&padded), kind, len(packet) + 4, 4, len(packet)];
    cat(&[&numbers(&head), &padded])
}

fn flow_sample(kind: u32, packet: &[u8]) -> Vec<u8> {
    let record = record(kind, packet);
    let head = [1, 32 + len(&record), 1, 1, 9, 9, 0, 1, 2, 1];
    cat(&[&numbers(&head), &record])
}

fn collected(way: Way, samples: &[Vec<u8>]) -> Vec<u8> {
    let head = numbers(&[
        5,
        1,
        0xc633_6401,
        0,
        1,
        1,
        samples.len().try_into().unwrap(),
    ]);
    way.outer_udp(50_000, 6343, &cat(&[&head, &samples.concat()]))
}

/// Frames in parts.
pub(super) static OVERLAID: &[Sequence] = &[
    Sequence {
        name: "STT, three segments",
        link: 1,
        make: segments,
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::LinkFragment,
    },
    Sequence {
        name: "WASSP, two parts",
        link: 1,
        make: |way| {
            let inside = message(3, &way.ethernet());
            let datagram =
                |flags, part: &[u8]| way.outer_udp(13_910, 13_910, &wassp(15, 6, flags, part));
            vec![datagram(0x09, &inside[..50]), datagram(0x0c, &inside[50..])]
        },
        held: None,
        lacking: Undecoded::NotIp,
    },
];

fn read(decoder: &mut Decoder, bytes: &[u8]) -> Result<Told, Undecoded> {
    decoder.decode(&frame(1, bytes)).map(told)
}

/// TCP to the port of STT: that of a service, or one that a client happened on.
#[test]
fn connections_to_the_port_of_stt_stay_what_they_are() {
    let way = Way::There;
    let whole = stt(way, [0, 0]);
    let total = whole.len();
    let changed = |at: usize, value: u8| {
        // Behind Ethernet and IP.
        let mut bytes = segment(way, total, 0, 7, &whole);
        bytes[34 + at] = value;
        bytes
    };
    let mut rests = segments(way);
    rests.remove(0);
    let frames = [
        rests,
        vec![
            // It does not fit: too long, or not as long as it says; and nothing at all.
            segment(way, total - 1, 0, 7, &whole),
            segment(way, total, 1, 7, &whole),
            segment(way, total, total, 7, &[]),
            // A first part that begins like no frame; another version, flags that there are not.
            segment(way, 2 * total, 0, 7, &whole[1..]),
            changed(20, 1),
            changed(21, 0x10),
            // The states of a connection, and no acknowledgment.
            changed(13, 0x12),
            changed(13, 0x11),
            changed(13, 0x14),
            changed(13, 0x08),
            // Another port.
            changed(3, 0x30),
        ],
    ];
    for bytes in frames.into_iter().flatten() {
        let got = decode(1, &bytes).unwrap();
        assert_eq!((got.src, got.scope), (NEAR.into(), Scope::default()));
        assert_eq!(got.ports.0, 50_000);
    }
    // With options.
    let header = [
        0xc3, 0x50, 0x1d, 0x2f, 0, 96, 0, 0, 0, 0, 0, 7, 0x60, 0x18, 0xff, 0xff, 0, 0, 0, 0, 1, 1,
        1, 1,
    ];
    let bytes = way.outer(6, &cat(&[&header, &whole]));
    assert_eq!(decode(1, &bytes).unwrap().src, NEAR);
}

#[test]
fn segments_of_stt_are_joined_in_order() {
    let way = Way::There;
    let parts = segments(way);
    let held = Err(Undecoded::LinkFragment);
    // Told twice, and behind what is missing.
    let mut decoder = Decoder::new(&Limits::default());
    for at in [0, 2, 0, 1, 1] {
        assert_eq!(read(&mut decoder, &parts[at]), held);
    }
    assert_eq!(read(&mut decoder, &parts[2]).unwrap().payload, build::HELLO);
    // Another frame, and another sender.
    for other in [
        segment(way, 96, 56, 8, &[0; 14]),
        segment(Way::Back, 96, 56, 7, &[0; 14]),
    ] {
        let mut decoder = Decoder::new(&Limits::default());
        assert_eq!(read(&mut decoder, &parts[0]), held);
        assert!(read(&mut decoder, &other).is_ok());
        assert_eq!(read(&mut decoder, &parts[1]), held);
        assert!(read(&mut decoder, &parts[2]).is_ok());
    }
    // Cut by the capture: what there is of the first part, and no other.
    let mut decoder = Decoder::new(&Limits::default());
    let whole = stt(way, [0, 0]);
    let [first, last] =
        [(0, 90), (90, 96)].map(|(from, to)| segment(way, whole.len(), from, 7, &whole[from..to]));
    let kept = frame(1, &first);
    let cut = Frame {
        bytes: &kept.bytes[..kept.bytes.len() - 4],
        ..kept
    };
    let told = decoder.decode(&cut).map(told).unwrap();
    assert_eq!((told.payload, told.cut), (build::HELLO[..2].to_vec(), 10));
    assert_eq!(read(&mut decoder, &last), held);
}

#[test]
fn what_is_no_frame_of_a_station_stays_a_datagram() {
    let way = Way::There;
    let frame = way.ethernet();
    let arp = way.ethernet_of(0x0806, &[0; 28]);
    for (port, payload) in [
        // Settings, an association, another version, and bytes.
        (13_910, wassp(8, 1, 0, &message(3, &frame))),
        (13_910, wassp(15, 1, 0, &message(1, &frame))),
        (
            13_910,
            cat(&[&[4], &wassp(15, 1, 0, &message(3, &frame))[1..]]),
        ),
        (13_910, wassp(15, 1, 0, &message(3, &[0x77; 60]))),
        // Elsewhere only IP, and whole.
        (50_001, wassp(15, 1, 0, &message(3, &arp))),
        (50_001, wassp(15, 1, 8, &message(3, &frame))),
        (50_001, wassp(55, 1, 0, &way.ip4())),
        // Parts without a first.
        (13_910, wassp(15, 1, 0x0d, &message(3, &frame))),
        (13_910, wassp(15, 1, 0x0c, &message(3, &frame))),
    ] {
        let got = decode(1, &way.outer_udp(50_000, port, &payload)).unwrap();
        assert_eq!((got.ports, got.payload), ((50_000, port), payload));
    }
    assert_eq!(
        decode(
            1,
            &way.outer_udp(13_910, 13_910, &wassp(15, 1, 0, &message(3, &arp)))
        ),
        Err(Undecoded::Arp)
    );
    // With one missing between, by its number.
    let inside = message(3, &frame);
    let datagram =
        |number, flags, part: &[u8]| way.outer_udp(13_910, 13_910, &wassp(15, number, flags, part));
    let mut decoder = Decoder::new(&Limits::default());
    assert!(read(&mut decoder, &datagram(1, 9, &inside[..50])).is_ok());
    let last = read(&mut decoder, &datagram(3, 12, &inside[50..])).unwrap();
    assert_eq!(last.ports, (13_910, 13_910));
}

#[test]
fn what_is_no_recording_stays_a_datagram() {
    let way = Way::There;
    let (frame, packet) = (way.ethernet(), way.ip4());
    let radiotap = cat(&[&[0, 0, 8, 0, 0, 0, 0, 0], &fixtures::wlan(way, 0x08, &[])]);
    let changed = |at: usize, value: u8| {
        let mut bytes = radiotap.clone();
        bytes[at] = value;
        bytes
    };
    for (port, payload) in [
        // Encrypted, in parts, of another version, of voice, and what TLS had in it.
        (925, recorded(9, 0x10, 50, &frame)),
        (925, recorded(9, 0x04, 50, &frame)),
        (925, recorded(0x19, 0, 50, &frame)),
        (925, recorded(9, 0, 1, &frame)),
        (925, recorded(9, 8, 33, &packet)),
        (925, recorded(9, 0, 50, &packet)),
        // Another version of the header, one that is too long, and no data.
        (5555, changed(0, 1)),
        (5555, changed(2, 9)),
        (5555, changed(8, 0x80)),
        (5555, vec![0; 40]),
    ] {
        let got = decode(1, &way.outer_udp(50_000, port, &payload)).unwrap();
        assert_eq!((got.ports, got.payload), ((50_000, port), payload));
    }
}

#[test]
fn all_samples_of_a_datagram_are_told_as_such() {
    let way = Way::There;
    let short = |kept: u32| {
        let mut sample = flow_sample(1, &way.ethernet()[..76]);
        // Of a frame of so many bytes.
        sample[52..56].copy_from_slice(&(kept + 4).to_be_bytes());
        sample
    };
    let samples = [
        flow_sample(1, &way.ethernet()),
        flow_sample(2, &[0; 40]),
        short(78),
    ];
    let bytes = collected(way, &samples);
    let mut decoder = Decoder::new(&Limits::default());
    let whole = frame(1, &bytes);
    let first = decoder.decode(&whole).map(told).unwrap();
    let second = decoder.further(&whole).unwrap().map(told).unwrap();
    assert!(decoder.further(&whole).is_none());
    assert_eq!((first.payload.len(), first.cut), (12, 0));
    assert_eq!((second.payload.len(), second.cut), (10, 2));
    assert!(first.scope.is_sampled() && first.scope == second.scope);
    // In a VLAN of what was sampled, and nowhere else.
    let tagged = way.ethernet_of(0x8100, &cat(&[&[0, 5, 8, 0], &way.ip4()]));
    let inside = decode(1, &collected(way, &[flow_sample(1, &tagged)])).unwrap();
    assert!(inside.scope.is_sampled() && inside.scope != first.scope);
    for fixture in OVERLAYS.iter().chain(PASSED_ON).chain(fixtures::SCOPED) {
        assert!(!decode(1, &(fixture.make)(way)).unwrap().scope.is_sampled());
    }
}

#[test]
fn what_is_no_sample_stays_a_datagram() {
    let way = Way::There;
    let counters = numbers(&[2, 8, 0, 0]);
    for payload in [
        numbers(&[3, 1, 0xc633_6401, 0, 1, 1, 1]),
        numbers(&[5, 3, 0xc633_6401, 0, 1, 1, 1]),
        cat(&[&numbers(&[5, 1, 0xc633_6401, 0, 1, 1, 1]), &counters]),
        cat(&[
            &numbers(&[5, 1, 0xc633_6401, 0, 1, 1, 1]),
            &flow_sample(1, &[])[..40],
        ]),
        cat(&[
            &numbers(&[5, 1, 0xc633_6401, 0, 1, 1, u32::MAX]),
            &[0xff; 80],
        ]),
        vec![5; 9],
    ] {
        let got = decode(1, &way.outer_udp(50_000, 6343, &payload)).unwrap();
        assert_eq!((got.ports, got.payload), ((50_000, 6343), payload));
        assert!(!got.scope.is_sampled());
    }
}

/// A flow that a part of a frame opened would be counted with all that follows, and nobody would look at it any more.
#[test]
fn a_part_without_a_beginning_opens_no_flow() {
    use crate::engine::Extractor;

    let way = Way::There;
    let mut frames = segments(way);
    let whole = stt(way, [0, 0]);
    let tcp = |flags: u8, seq: u32, payload: &[u8]| {
        let header = cat(&[
            &[0xc3, 0x51, 0x1d, 0x2f],
            &seq.to_be_bytes(),
            &[0, 0, 0, 7, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
        ]);
        way.outer(6, &cat(&[&header, payload]))
    };
    frames.remove(0);
    let mut extractor = Extractor::new(Limits::default());
    for bytes in &frames {
        extractor.push(frame(1, bytes));
    }
    assert_eq!(extractor.coverage().flows, [0, 0]);
    extractor.push(frame(1, &segment(way, whole.len(), 0, 8, &whole)));
    assert_eq!(extractor.coverage().flows, [1, 0]);
    // A connection to that port has all of its segments.
    extractor.push(frame(1, &tcp(0x02, 0x0060_000f, &[])));
    extractor.push(frame(1, &tcp(0x18, 0x0060_0010, b"hello")));
    extractor.close();
    assert_eq!(extractor.coverage().flows, [2, 0]);
}
