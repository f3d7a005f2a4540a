//! Fixtures of several frames: packets that come in parts, and circuits that have to be called.

use super::*;

/// See [`sequences`].
pub(in super::super) static PARTS: &[Sequence] = &[
    Sequence {
        name: "USB, PPP over three transfers",
        link: 220,
        make: |way| {
            let bytes = ppp(way);
            let parts = [&bytes[..50], &bytes[50..70], &bytes[70..]];
            parts.map(|part| usbmon(way, BULK, 64, part)).to_vec()
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::UnreadUsb,
    },
    Sequence {
        name: "transport stream, MPE over two packets",
        link: 243,
        make: |way| thin(0x100, &section(false, &way.ip4()), 41),
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::NotIp,
    },
    Sequence {
        name: "X.25, three packets",
        link: 196,
        make: |way| x25_parts(way).map(|part| line(&part)).to_vec(),
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::NotIp,
    },
    Sequence {
        name: "GPRS, two segments",
        link: 169,
        make: |way| {
            let packet = way.ip4_summed();
            vec![
                gprs(&[0x75, 0, 0, 9], &packet[..40]),
                gprs(&[0x25, 0x10, 9], &packet[40..]),
            ]
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::LinkFragment,
    },
    Sequence {
        name: "EtherCAT, two mailboxes",
        link: 1,
        make: |way| {
            mailboxes(way, |way, mailbox| {
                way.outer_ethernet(0x88a4, &telegrams(mailbox))
            })
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::NotIp,
    },
    Sequence {
        name: "EtherCAT, two mailboxes on their way",
        link: 1,
        make: |way| {
            mailboxes(way, |way, mailbox| {
                let bytes = cat(&[&le16(mailbox.len() | 0x5000), mailbox]);
                way.outer_ethernet(0x88a4, &bytes)
            })
        },
        held: Some(Undecoded::LinkFragment),
        lacking: Undecoded::NotIp,
    },
];

/// Circuits of X.25 that were called before.
pub(in super::super) static CALLED: &[Granted] = &[
    Granted {
        name: "X.25, called for IP",
        link: 196,
        make: |way| vec![line(&call(&[0xcc])), line(&x25(way))],
    },
    Granted {
        name: "X.25, called for IP, three packets",
        link: 196,
        make: |way| {
            let parts = x25_parts(way).map(|part| line(&part));
            [line(&call(&[0xcc]))].into_iter().chain(parts).collect()
        },
    },
    Granted {
        name: "X.25, called for any",
        link: 203,
        make: |way| {
            let link = |packet: &[u8]| cat(&[&[0x40, 1, 0, 0], packet]);
            let packet = cat(&[&[0x10, 5, 0, 0xcc], &way.ip4()]);
            vec![link(&call(&[0])), link(&packet)]
        },
    },
    Granted {
        name: "X.25, called for SNAP, in LLC",
        link: 1,
        make: |way| {
            let link = |packet: &[u8]| {
                let inside = cat(&[&[0x7e, 0x7e, 0, 0], packet]);
                way.ethernet_of(u16::try_from(inside.len()).unwrap(), &inside)
            };
            vec![link(&call(&[0x80, 0, 0, 0, 8, 0])), link(&x25(way))]
        },
    },
    Granted {
        name: "X.25, called for IP, in LAPB on Ethernet",
        link: 1,
        make: |way| {
            [call(&[0xcc]), x25(way)]
                .map(|it| lapb_ether(way, &it))
                .to_vec()
        },
    },
    Granted {
        name: "X.25, called for IP, in AX.25",
        link: 3,
        make: |way| {
            let link = |packet: &[u8]| cat(&[&rare::stations(0), &[3, 1], packet]);
            vec![link(&call(&[0xcc])), link(&x25(way))]
        },
    },
];
