//! What is read of them, and what is not.

use super::*;

fn read(decoder: &mut Decoder, link: u32, bytes: &[u8]) -> Result<Told, Undecoded> {
    decoder.decode(&frame(link, bytes)).map(told)
}

#[test]
fn a_circuit_that_was_called_leads_to_the_conversation() {
    for row in CALLED {
        let mut decoder = Decoder::new(&Limits::default());
        for way in [Way::There, Way::Back] {
            let frames = (row.make)(way);
            let (last, before) = frames.split_last().unwrap();
            for bytes in before {
                let why = read(&mut decoder, row.link, bytes).unwrap_err();
                let held = matches!(why, Undecoded::LinkControl | Undecoded::LinkFragment);
                assert!(held, "{} {why:?}", row.name);
            }
            let got = read(&mut decoder, row.link, last).expect(row.name);
            let plain = decode(101, &way.ip4()).unwrap();
            assert_eq!((got.src, got.payload), (plain.src, plain.payload));
        }
    }
}

#[test]
fn a_circuit_carries_what_it_was_called_for() {
    let way = Way::There;
    let packet = way.ip4();
    let data = |bytes: &[u8]| line(&cat(&[&[0x10, 5, 0], bytes]));
    let any = cat(&[&[0xcc], &packet]);
    for (called, bytes, reads) in [
        // Nobody saw the call: only IP and nothing else.
        (None, data(&packet), true),
        (None, data(&cat(&[&packet, &[0]])), false),
        (None, data(&any), false),
        (None, data(b"login: "), false),
        (Some(&[0xcc][..]), data(&packet), true),
        (Some(&[0xcc]), data(b"login: "), false),
        (Some(&[0]), data(&any), true),
        (Some(&[0]), data(&packet), false),
        // A terminal, as most circuits were.
        (Some(&[1, 0, 0, 0]), data(&packet), false),
        (Some(&[0x80, 0, 0, 0, 8, 6]), data(&packet), false),
        // Qualified data, and a form that there is not.
        (Some(&[0xcc]), line(&cat(&[&[0x90, 5, 0], &packet])), false),
        (Some(&[0xcc]), line(&cat(&[&[0x30, 5, 0], &packet])), false),
    ] {
        let mut decoder = Decoder::new(&Limits::default());
        if let Some(called) = called {
            let _ = read(&mut decoder, 196, &line(&call(called)));
        }
        let got = read(&mut decoder, 196, &bytes);
        match reads {
            true => assert_eq!(got.unwrap().ports, PORTS),
            false => assert_eq!(got, Err(Undecoded::NotIp)),
        }
    }
    // A number that was cleared is nobody's.
    let mut decoder = Decoder::new(&Limits::default());
    for packet in [call(&[1, 0, 0, 0]), vec![0x10, 5, 0x13, 0]] {
        let got = read(&mut decoder, 196, &line(&packet));
        assert_eq!(got, Err(Undecoded::LinkControl));
    }
    assert!(read(&mut decoder, 196, &data(&packet)).is_ok());
    for number in 0..5_000_u16 {
        let [high, low] = (number & 0x0fff).to_be_bytes();
        let _ = read(
            &mut decoder,
            196,
            &line(&[0x10 | high, low, 0x0b, 0, 0, 0xcc]),
        );
    }
}

#[test]
fn what_a_check_sequence_denies_is_not_read() {
    let way = Way::There;
    let (packet, ip6) = (way.ip4(), way.ip6());
    let changed = |mut bytes: Vec<u8>, at: usize| {
        bytes[at] ^= 1;
        bytes
    };
    let sndcp = gprs(&[0x65, 0, 0, 1], &packet);
    let ciphered = {
        let frame = cat(&[&[0x43, 0xc0, 0x07, 0x65, 0, 0, 1], &packet]);
        cat(&[&frame, &crc24(&frame)])
    };
    let mpe = stream(0x100, &section(false, &packet)).concat();
    let unit = stream(0x101, &ule(false, 0x86dd, &ip6)).concat();
    let scrambled = {
        let mut section = section(false, &packet);
        section[5] |= 0x10;
        let end = section.len() - 4;
        let check = crc32(&section[..end]);
        section[end..].copy_from_slice(&check);
        stream(0x100, &section).concat()
    };
    for (link, bytes, why) in [
        (169, changed(sndcp.clone(), 30), Undecoded::NotIp),
        (169, ciphered, Undecoded::EncryptedGprs),
        (
            169,
            gprs(&[0x65, 0x10, 0, 1], &packet),
            Undecoded::CompressedPpp,
        ),
        (169, gprs(&[0x45, 0, 1], &packet), Undecoded::NotIp),
        (169, gprs(&[0x65, 0, 0, 1], b"none"), Undecoded::NotIp),
        (169, cat(&[&[0x41], &sndcp[1..]]), Undecoded::LinkControl),
        (243, changed(mpe.clone(), 60), Undecoded::NotIp),
        (243, changed(unit, 60), Undecoded::NotIp),
        (243, scrambled, Undecoded::NotIp),
        // A packet that is damaged, scrambled, without payload; a table of programs.
        (
            243,
            cat(&[&[0x47, 0xc1, 0, 0x10], &mpe[4..]]),
            Undecoded::NotIp,
        ),
        (
            243,
            cat(&[&[0x47, 0x41, 0, 0x90], &mpe[4..]]),
            Undecoded::NotIp,
        ),
        (
            243,
            cat(&[&[0x47, 0x41, 0, 0x20], &mpe[4..]]),
            Undecoded::NotIp,
        ),
        (
            243,
            stream(0, &[0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0]).concat(),
            Undecoded::NotIp,
        ),
        (
            220,
            usbmon(way, BULK, 64, &changed(ppp(way), 40)),
            Undecoded::UnreadUsb,
        ),
        (
            220,
            usbmon(way, BULK, 64, &[0x7e; 90]),
            Undecoded::UnreadUsb,
        ),
        (
            220,
            usbmon(way, BULK, 64, &hdlc(&packet)),
            Undecoded::UnreadUsb,
        ),
        (
            1,
            way.ethernet_of(0x8915, &global(&changed(infiniband(0x64, way), 34))),
            Undecoded::NotIp,
        ),
        (
            1,
            way.ethernet_of(0x8915, &global(&infiniband(0x0a, way))),
            Undecoded::NotIp,
        ),
        (
            1,
            way.ethernet_of(0x88ca, &changed(tipc(way), 34)),
            Undecoded::NotIp,
        ),
        (
            1,
            way.ethernet_of(0x88a4, &telegrams(b"inputs and outputs")),
            Undecoded::NotIp,
        ),
        (1, way.ethernet_of(0x8947, &[0x11; 90]), Undecoded::NotIp),
        (253, netlink(0, &message(way, true)), Undecoded::NotIp),
        (279, vec![0x51; 90], Undecoded::NotIp),
        (273, vec![1, 9, 0, 1, 0, 0, 0, 0, 0], Undecoded::LinkControl),
    ] {
        let got = decode(link, &bytes);
        assert_eq!(got.as_ref().err(), Some(&why), "{link} {bytes:x?} {got:?}");
        assert!(!why.is_anomaly());
    }
    assert_eq!(decode(243, &mpe[1..]), Err(Undecoded::BadLink));
}

#[test]
fn a_datagram_of_somebody_else_stays_what_it_is() {
    let told = |port, payload: &[u8]| {
        let got = decode(1, &Way::There.outer_udp(40_001, port, payload)).unwrap();
        assert_eq!((got.ports, got.scope), ((40_001, port), Scope::default()));
        assert_eq!(got.payload, payload);
    };
    let mut television = stream(0x100, &section(false, &Way::There.ip4())).concat();
    television[80] ^= 1;
    let partial = thin(0x100, &section(false, &Way::There.ip4()), 41);
    for port in [
        2268, 3343, 4306, 4729, 4791, 6118, 24_576, 24_577, 34_980, 5004,
    ] {
        told(port, &television);
        told(port, &partial[0]);
        told(port, &[0x47; 188]);
        told(port, &[0x45; 64]);
        told(port, &[1; 64]);
        told(
            port,
            &[
                1, 4, 0, 0, 0, 9, 2, 4, 0, 0, 0, 1, 3, 4, 0, 0, 0, 2, 0, 0, 0x45,
            ],
        );
        told(port, &[6; 64]);
        told(port, &[0; 64]);
        told(port, b"");
        // A question, whose port happens to be one of these.
        told(
            port,
            &[
                0x10, 0x62, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0, 1, 0, 1,
            ],
        );
    }
    // Of little worth without IP, and too easily met by chance.
    let arp = Way::There.ethernet_of(0x0806, &[0; 28]);
    told(3343, &arp);
    told(24_576, &cat(&[&[0; 12], &[0, 1, 0, 1, 0, 0], &arp]));
    // What a router says there is none of.
    let null = cat(&[&[0x21, 0, 0, 0, 0x40, 0, 0, 0], &Way::There.ip4()]);
    assert_eq!(
        decode(1, &Way::There.outer(103, &null)).unwrap().ports.0,
        103
    );
    assert_eq!(
        decode(1, &Way::There.outer(2, &[0x16; 60]))
            .unwrap()
            .ports
            .0,
        2
    );
}

#[test]
fn one_frame_may_hold_several_packets() {
    let (there, back) = (Way::There, Way::Back);
    let units = cat(&[&section(false, &there.ip4()), &section(false, &back.ip4())]);
    let packets = stream(0x100, &units).concat();
    let ppp = cat(&[&ppp(there), &ppp(back)[1..]]);
    for (link, bytes) in [
        (243, packets.clone()),
        (1, there.outer_udp(40_001, 40_002, &packets)),
        (220, usbmon(there, BULK, 64, &ppp)),
    ] {
        let frame = frame(link, &bytes);
        let mut decoder = Decoder::new(&Limits::default());
        let first = told(decoder.decode(&frame).unwrap());
        let second = told(decoder.further(&frame).unwrap().unwrap());
        assert_eq!(first.scope, second.scope);
        assert_eq!((first.src, first.dst), (second.dst, second.src));
        assert_eq!(first.payload, second.payload);
        assert_eq!(decoder.further(&frame), None);
        // Who does not ask has none of it in the next frame.
        decoder.decode(&frame).unwrap();
        let _ = decoder.decode(&super::frame(3, &bytes));
        assert_eq!(decoder.further(&frame), None);
    }
    // Messages of netlink are frames of their own, as the kernel gave them to a program together.
    let messages = cat(&[&message(there, false), &message(back, true), &[3; 9]]);
    let bytes = netlink(12, &messages);
    let frame = frame(253, &bytes);
    let parts: Vec<_> = subframes(&frame).unwrap().collect();
    assert_eq!(parts.len(), 2);
    let mut decoder = Decoder::new(&Limits::default());
    let [one, other] = [0, 1].map(|at| told(decoder.decode(&parts[at]).unwrap()));
    assert_eq!((one.src, one.by_this_host), (other.dst, Some(true)));
    assert_eq!(other.by_this_host, Some(false));
}

#[test]
fn parts_of_a_stream_may_come_twice_but_not_with_a_gap() {
    let parts = thin(0x100, &section(false, &Way::There.ip4()), 30);
    let held = Err(Undecoded::LinkFragment);
    let mut decoder = Decoder::new(&Limits::default());
    assert_eq!(read(&mut decoder, 243, &parts[0]), held);
    assert_eq!(read(&mut decoder, 243, &parts[1]), held);
    assert!(read(&mut decoder, 243, &parts[1]).is_err());
    assert!(read(&mut decoder, 243, &parts[2]).is_ok());
    // Too late.
    assert_eq!(read(&mut decoder, 243, &parts[0]), held);
    assert_eq!(read(&mut decoder, 243, &parts[1]), held);
    let limits = Limits::default();
    let late = Frame {
        at: Timestamp::EPOCH
            .plus(limits.streams_age)
            .plus(limits.streams_age),
        ..frame(243, &parts[2])
    };
    assert_eq!(decoder.decode(&late).map(told), Err(Undecoded::NotIp));
    // More programs than there is room for.
    assert_eq!(read(&mut decoder, 243, &parts[0]), held);
    for program in 0..u16::try_from(limits.streams).unwrap() {
        let unit = section(false, &Way::There.ip4());
        let other = thin(0x200 + program, &unit, 30);
        assert_eq!(read(&mut decoder, 243, &other[0]), held);
    }
    assert!(read(&mut decoder, 243, &parts[1]).is_err());
    assert!(read(&mut decoder, 243, &parts[2]).is_err());
}

/// Who passes a signal to many places may cut its packets anywhere; nothing is made of what has no beginning.
#[test]
fn packets_of_modems_begin_with_a_flag() {
    let bytes = ppp(Way::There);
    let mut decoder = Decoder::new(&Limits::default());
    let late = usbmon(Way::There, BULK, 64, &bytes[10..]);
    let got = read(&mut decoder, 220, &late);
    assert_eq!(got, Err(Undecoded::UnreadUsb));
    // One flag may end a frame and begin the next.
    let first = usbmon(Way::There, BULK, 64, &bytes);
    let next = usbmon(Way::There, BULK, 64, &bytes[1..]);
    assert!(read(&mut decoder, 220, &first).is_ok());
    assert!(read(&mut decoder, 220, &next).is_ok());
    // Of another pipe.
    let other = usbmon(Way::Back, BULK, 64, &bytes[1..]);
    assert_eq!(read(&mut decoder, 220, &other), Err(Undecoded::UnreadUsb));
}

#[test]
fn packets_of_satellites_may_come_in_parts() {
    let way = Way::There;
    let packet = way.ip6();
    let whole = cat(&[&be16(2 + 3 + packet.len()), &[0x86, 0xdd], &[7; 3], &packet]);
    let whole = cat(&[&whole, &crc32(&whole)]);
    let part = |flags, bytes: &[u8]| gse(flags, &cat(&[&[9], bytes]));
    let frames = [
        satellite(&part(0x90, &whole[..50])),
        satellite(&part(0x30, &whole[50..70])),
        satellite(&part(0x70, &whole[70..])),
    ];
    let frames = frames.map(|frame| way.outer_udp(40_001, 40_002, &frame));
    let mut decoder = Decoder::new(&Limits::default());
    for lost in [3, 0, 1] {
        let mut got = None;
        for (at, frame) in frames.iter().enumerate() {
            if at != lost {
                got = Some(read(&mut decoder, 1, frame).unwrap());
            }
        }
        let ports = if lost == 3 { PORTS } else { (40_001, 40_002) };
        assert_eq!(got.unwrap().ports, ports, "{lost}");
    }
    // Two in one frame, and one whose checksum is wrong.
    let one = gse(0xe0, &cat(&[&[8, 0], &way.ip4()]));
    let frame = |packets: &[u8]| way.outer_udp(40_001, 40_002, &satellite(packets));
    let mut other = one.clone();
    other[12] ^= 1;
    let both = frame(&cat(&[&one, &one]));
    let both = super::frame(1, &both);
    assert_eq!(told(decoder.decode(&both).unwrap()).ports, PORTS);
    assert!(decoder.further(&both).is_some());
    assert_eq!(decode(1, &frame(&other)).unwrap().ports, (40_001, 40_002));
    // What begins like one of these, and is another tunnel.
    let lisp = cat(&[&[0xb8, 0, 0, 0, 0, 0, 0, 1], &way.ip4()]);
    let lisp = way.outer_udp(40_001, 4341, &lisp);
    assert_eq!(decode(1, &lisp).unwrap().ports, PORTS);
}
