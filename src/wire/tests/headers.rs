//! Van Jacobson's headers (RFC 1144), compressed here and read back: the same packets, or none.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::build::{CLIENT, FAR, NEAR, PORTS, SERVER, Way, cat, checksum, ipv4, udp};
use super::sequences::read;
use super::*;

/// Fields of a packet that compression is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) client_port: u16,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
    pub(super) id: u16,
    pub(super) urgent: Option<u16>,
    pub(super) push: bool,
}

pub(super) const FIRST: Fields = Fields {
    client_port: PORTS.0,
    seq: 0xffff_fff0,
    ack: 70_000,
    window: 8_192,
    id: 7,
    urgent: None,
    push: false,
};

/// A packet of the conversation without options, checksums and all.
pub(super) fn packet(way: Way, fields: Fields, data: &[u8]) -> Vec<u8> {
    let (ports, ends) = match way {
        Way::There => ((fields.client_port, PORTS.1), (CLIENT, SERVER)),
        Way::Back => ((PORTS.1, fields.client_port), (SERVER, CLIENT)),
    };
    let push = if fields.push { 8 } else { 0 };
    let urgent = if fields.urgent.is_some() { 0x20 } else { 0 };
    let tcp = cat(&[
        &ports.0.to_be_bytes(),
        &ports.1.to_be_bytes(),
        &fields.seq.to_be_bytes(),
        &fields.ack.to_be_bytes(),
        &[0x50, 0x10 | push | urgent],
        &fields.window.to_be_bytes(),
        &[0, 0],
        &fields.urgent.unwrap_or(0).to_be_bytes(),
        data,
    ]);
    let mut packet = ipv4(ends.0, ends.1, 6, &tcp);
    packet[4..6].copy_from_slice(&fields.id.to_be_bytes());
    packet[10..12].copy_from_slice(&[0, 0]);
    let sum = checksum(&packet[..20]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    let length = u16::try_from(tcp.len()).unwrap().to_be_bytes();
    let sum = checksum(&cat(&[&packet[12..20], &[0, 6], &length, &tcp]));
    packet[36..38].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// One direction of a link, at the end that compresses (RFC 1144 A.2), without what it does to packets that
/// it leaves alone.
#[derive(Default)]
pub(super) struct Compressor {
    known: BTreeMap<u8, (Fields, usize)>,
    latest: Option<u8>,
}

impl Compressor {
    /// PPP from the protocol number on.
    pub(super) fn send(&mut self, way: Way, connection: u8, now: Fields, data: &[u8]) -> Vec<u8> {
        let whole = packet(way, now, data);
        let before = self.known.insert(connection, (now, data.len()));
        let same = self.latest.replace(connection) == Some(connection);
        let deltas = before.and_then(|(old, length)| {
            let seq = u16::try_from(now.seq.wrapping_sub(old.seq)).ok()?;
            let ack = u16::try_from(now.ack.wrapping_sub(old.ack)).ok()?;
            // A pointer that means nothing has to be the same.
            let pointer = now.urgent.is_some() || old.urgent.unwrap_or(0) == 0;
            pointer.then_some((seq, ack, now.window.wrapping_sub(old.window), old, length))
        });
        let Some((seq, ack, window, old, length)) = deltas else {
            let mut named = whole;
            named[9] = connection;
            return cat(&[&[0, 0x2f], &named]);
        };
        let mut mask = 0;
        let mut fields = Vec::new();
        let mut put = |flag: u8, value: u16, always: bool| {
            if value != 0 || always {
                mask |= flag;
                match u8::try_from(value) {
                    Ok(low) if low != 0 => fields.push(low),
                    _ => fields.extend(cat(&[&[0], &value.to_be_bytes()])),
                }
            }
        };
        let plain = window == 0 && now.urgent.is_none() && old.urgent.is_none() && length != 0;
        if plain && usize::from(seq) == length && (ack == 0 || ack == seq) {
            mask |= if ack == 0 { 0x0f } else { 0x0b };
        } else {
            put(1, now.urgent.unwrap_or(0), now.urgent.is_some());
            put(2, window, false);
            put(4, ack, false);
            put(8, seq, false);
            // These two are taken.
            if mask & 0x0f == 0x0f || mask & 0x0f == 0x0b {
                let mut named = whole;
                named[9] = connection;
                return cat(&[&[0, 0x2f], &named]);
            }
        }
        let id = now.id.wrapping_sub(old.id);
        if id != 1 {
            mask |= 0x20;
            match u8::try_from(id) {
                Ok(low) if low != 0 => fields.push(low),
                _ => fields.extend(cat(&[&[0], &id.to_be_bytes()])),
            }
        }
        mask |= if now.push { 0x10 } else { 0 };
        let number = if same { vec![] } else { vec![connection] };
        mask |= if same { 0 } else { 0x40 };
        cat(&[&[0, 0x2d, mask], &number, &whole[36..38], &fields, data])
    }
}

/// What happens next on one of three connections.
#[derive(Clone, Debug)]
struct Turn {
    back: bool,
    connection: u8,
    ack: u16,
    skip: u16,
    window: i16,
    id: u16,
    urgent: Option<u16>,
    push: bool,
    data: usize,
    lost: bool,
    twice: bool,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let size = prop::sample::select(vec![0_u16, 0, 1, 100, 255, 256, 1_460, 40_000]);
    let delta = (
        size.clone(),
        size,
        prop::sample::select(vec![0_i16, 0, 0, 3, -7, 5_000]),
    );
    let flags = (
        any::<bool>(),
        prop::option::weighted(0.1, any::<u16>()),
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    let id = prop::sample::select(vec![1_u16, 1, 1, 0, 2, 256]);
    let turn = (
        delta,
        flags,
        0_u8..3,
        id,
        prop::sample::select(vec![0, 1, 40, 512]),
    )
        .prop_map(
            |((ack, skip, window), (back, urgent, push, lost, twice), connection, id, data)| Turn {
                back,
                connection,
                ack,
                // Most sequence numbers go on by what was sent.
                skip: if skip == 40_000 { skip } else { 0 },
                window,
                id,
                urgent,
                push,
                data,
                lost,
                twice,
            },
        );
    prop::collection::vec(turn, 1..60)
}

/// Plays turns over one link; how many packets were read, and how many were not lost.
fn play(turns: &[Turn], link: u32, lossy: bool) -> (usize, usize) {
    let mut decoder = Decoder::new(&Limits::default());
    let mut ends = [Compressor::default(), Compressor::default()];
    let mut now = [[(FIRST, 0_usize); 3]; 2];
    // All count from where chance put them: what differs by little has one checksum too easily.
    for (side, connections) in now.iter_mut().enumerate() {
        for (connection, (fields, _)) in connections.iter_mut().enumerate() {
            let number = u16::try_from(3 * side + connection).unwrap();
            fields.client_port += 1_000 * u16::try_from(connection).unwrap();
            fields.seq = 0x9e37_79b9_u32.wrapping_mul(u32::from(number) + 1);
            fields.window += 777 * number;
        }
    }
    let (mut got, mut sent) = (0, 0);
    for (at, turn) in turns.iter().enumerate() {
        let side = usize::from(turn.back);
        let way = if turn.back { Way::Back } else { Way::There };
        let (fields, before) = &mut now[side][usize::from(turn.connection)];
        let length = u32::try_from(*before).unwrap();
        fields.seq = fields.seq.wrapping_add(length + u32::from(turn.skip));
        fields.ack = fields.ack.wrapping_add(u32::from(turn.ack));
        fields.window = fields.window.wrapping_add_signed(turn.window);
        fields.id = fields.id.wrapping_add(turn.id);
        (fields.urgent, fields.push) = (turn.urgent, turn.push);
        *before = turn.data;
        let data = vec![u8::try_from(at).unwrap(); turn.data];
        let bytes = ends[side].send(way, turn.connection, *fields, &data);
        let direction: &[u8] = match link {
            204 => &[u8::from(turn.back)],
            _ => &[],
        };
        let bytes = cat(&[direction, &[0xff, 3], &bytes]);
        if lossy && turn.lost {
            continue;
        }
        for _ in 0..=usize::from(lossy && turn.twice) {
            sent += 1;
            let Ok(packet) = decoder.decode(&frame(link, &bytes)) else {
                continue;
            };
            got += 1;
            let Body::Tcp(segment) = packet.body else {
                unreachable!("all is TCP");
            };
            assert_eq!((segment.seq, segment.ack), (fields.seq, fields.ack), "{at}");
            assert_eq!(segment.window, fields.window, "{at}");
            assert_eq!(segment.flags & 8 != 0, turn.push, "{at}");
            assert_eq!(segment.flags & 0x20 != 0, turn.urgent.is_some(), "{at}");
            assert_eq!((segment.payload, segment.cut), (data.as_slice(), 0), "{at}");
            let client = if turn.back { SERVER } else { CLIENT };
            assert_eq!(packet.src, IpAddr::from(client), "{at}");
        }
    }
    (got, sent)
}

proptest! {
    // The same cases each time: a checksum of 16 bits lets one of some thousand gaps pass.
    #![proptest_config(ProptestConfig {
        rng_seed: proptest::test_runner::RngSeed::Fixed(1144),
        ..ProptestConfig::with_cases(128)
    })]

    #[test]
    fn nothing_is_lost_where_directions_are_told(turns in turns()) {
        let (got, sent) = play(&turns, 204, false);
        prop_assert_eq!(got, sent);
    }

    #[test]
    fn what_is_read_is_what_was_sent(turns in turns(), link in prop::sample::select(vec![9_u32, 204])) {
        play(&turns, link, true);
    }

    #[test]
    fn one_speaker_is_understood_without_directions(turns in turns()) {
        let turns: Vec<Turn> = turns.into_iter().map(|turn| Turn { back: false, ..turn }).collect();
        let (got, sent) = play(&turns, 9, false);
        prop_assert_eq!(got, sent);
    }
}

#[test]
fn a_gap_ends_a_connection_until_its_next_whole_header() {
    let mut decoder = Decoder::new(&Limits::default());
    let mut end = Compressor::default();
    let at = |seq: u32| Fields {
        seq: FIRST.seq.wrapping_add(seq),
        id: FIRST.id + u16::try_from(seq).unwrap(),
        ..FIRST
    };
    let framed = |bytes: Vec<u8>| cat(&[&[1, 0xff, 3], &bytes]);
    let frames: Vec<Vec<u8>> = (0..5)
        .map(|seq| framed(end.send(Way::There, 3, at(seq), b"x")))
        .collect();
    let gone = Err(Undecoded::CompressedHeader);
    assert!(read(&mut decoder, 204, &frames[0]).is_ok());
    assert!(read(&mut decoder, 204, &frames[1]).is_ok());
    // The third was not captured; the fifth would fit again by chance at most.
    assert_eq!(read(&mut decoder, 204, &frames[3]), gone);
    assert_eq!(read(&mut decoder, 204, &frames[2]), gone);
    let again = framed(Compressor::default().send(Way::There, 3, at(4), b"y"));
    assert!(read(&mut decoder, 204, &again).is_ok());
    let next = framed(end.send(Way::There, 3, at(5), b"z"));
    assert_eq!(read(&mut decoder, 204, &next).unwrap().payload, b"z");
    // Not for the other direction, nor for a capture of another interface.
    let mut back = next.clone();
    back[0] = 0;
    assert_eq!(read(&mut decoder, 204, &back), gone);
    let elsewhere = Frame {
        interface: InterfaceId(1),
        ..frame(204, &next)
    };
    assert_eq!(decoder.decode(&elsewhere).map(told), gone);
    // Cut, so that no checksum can be looked at.
    let last = framed(end.send(Way::There, 3, at(6), b"long enough"));
    let cut = Frame {
        bytes: &last[..last.len() - 3],
        ..frame(204, &last)
    };
    assert_eq!(decoder.decode(&cut).map(told), gone);
    assert_eq!(read(&mut decoder, 204, &last), gone);
}

#[test]
fn two_that_could_have_sent_it_are_not_told_apart() {
    let mut decoder = Decoder::new(&Limits::default());
    let mut ends = [Compressor::default(), Compressor::default()];
    let mirrored = Fields {
        seq: FIRST.ack,
        ack: FIRST.seq,
        ..FIRST
    };
    let first = cat(&[&[0xff, 3], &ends[0].send(Way::There, 0, FIRST, b"")]);
    let back = cat(&[&[0xff, 3], &ends[1].send(Way::Back, 0, mirrored, b"")]);
    assert!(read(&mut decoder, 9, &first).is_ok());
    assert!(read(&mut decoder, 9, &back).is_ok());
    let now = Fields { id: 8, ..FIRST };
    let data = cat(&[&[0xff, 3], &ends[0].send(Way::There, 0, now, b"whose?")]);
    let gone = Err(Undecoded::CompressedHeader);
    assert_eq!(read(&mut decoder, 9, &data), gone);
}

#[test]
fn headers_of_many_links_do_not_add_up() {
    let limits = Limits::default();
    let mut decoder = Decoder::new(&limits);
    let bytes = Compressor::default().send(Way::There, 0, FIRST, b"x");
    let session = |number: u32, bytes: &[u8]| {
        let [_, high, low, last] = number.to_be_bytes();
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        let ppp = cat(&[&[0x11, 0, low, last], &length, bytes]);
        let mut frame = Way::There.ethernet_of(0x8864, &ppp);
        frame[8] = high;
        frame
    };
    for number in 0..u32::try_from(limits.vj_headers).unwrap() * 2 {
        assert!(read(&mut decoder, 1, &session(number, &bytes)).is_ok());
    }
    let (links, headers) = decoder.fragments.headers.held();
    assert!(links <= limits.vj_headers && headers <= limits.vj_headers);
    // A wrong checksum each: nothing is left of them.
    for number in 0..u32::try_from(limits.vj_headers).unwrap() * 2 {
        let _ = read(&mut decoder, 1, &session(number, &[0, 0x2d, 0, 1, 2, 3]));
    }
    assert_eq!(decoder.fragments.headers.held(), (0, 0));
}

/// Sessions between the same ends are links of their own.
#[test]
fn headers_are_compressed_in_tunnels_as_well() {
    let tunnel = |session: u8, bytes: &[u8]| {
        let l2tp = cat(&[&[0, 2, 0, 1, 0, session], bytes]);
        cat(&[
            &Way::There.outer_ethernet(0x0800, &[]),
            &ipv4(NEAR, FAR, 17, &udp(1701, 1701, &l2tp)),
        ])
    };
    let mut decoder = Decoder::new(&Limits::default());
    let mut ends = [Compressor::default(), Compressor::default()];
    let on = |seq: u32| Fields {
        seq: FIRST.seq.wrapping_add(seq),
        ..FIRST
    };
    for (at, seq) in [(0, 0), (1, 500), (0, 1), (1, 501), (0, 2)] {
        let bytes = ends[at].send(Way::There, 0, on(seq), b"x");
        let frame = tunnel(u8::try_from(at).unwrap(), &bytes);
        let packet = read(&mut decoder, 1, &frame).unwrap();
        assert_eq!((packet.src, packet.payload), (CLIENT.into(), b"x".to_vec()));
    }
}

/// Where TCP has options, which are in the whole header alone (RFC 1144 3.2.2: packets in which they change
/// are not compressed).
#[test]
fn options_stay_as_they_were() {
    let mut decoder = Decoder::new(&Limits::default());
    let mut first = Way::There.ip4_summed();
    first[9] = 7;
    let first = cat(&[&[0xff, 3, 0, 0x2f], &first]);
    assert!(read(&mut decoder, 9, &first).is_ok());
    let mut next = Way::There.ip4_summed();
    // Twelve bytes on, as many as there were: unidirectional, no number, the next identification.
    next[27] += 12;
    next[36..38].copy_from_slice(&[0, 0]);
    let length = u16::try_from(next.len() - 20).unwrap().to_be_bytes();
    let sum = checksum(&cat(&[&next[12..20], &[0, 6], &length, &next[20..]])).to_be_bytes();
    let small = cat(&[&[0xff, 3, 0, 0x2d, 0x1f], &sum, &next[52..]]);
    let bytes = frame(9, &small);
    let Body::Tcp(segment) = decoder.decode(&bytes).unwrap().body else {
        unreachable!("all is TCP");
    };
    assert_eq!((segment.seq, segment.tsval()), (13, Some(0x0102_0304)));
}
