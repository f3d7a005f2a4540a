//! Every pcapng block and pcap variant, written by hand in both byte orders.

use super::build::{Out, transcript, transcript_of};
use crate::capture::Reader;

fn both(fill: impl Fn(&mut Out), expected: &[&str]) {
    for big in [false, true] {
        let mut out = Out::new(big);
        out.section();
        fill(&mut out);
        assert_eq!(transcript(&out.into_bytes()), expected, "big={big}");
    }
}

#[test]
fn interfaces_have_their_own_link_type_clock_and_offset() {
    for big in [false, true] {
        let mut out = Out::new(big);
        let offset = if big {
            (-5_i64).to_be_bytes()
        } else {
            (-5_i64).to_le_bytes()
        };
        out.section()
            .interface(1, 96, &[(2, b"eth0\0"), (11, b"\0port 443")])
            .interface(113, 0, &[(9, &[9]), (14, &offset), (3, b"a description")])
            .interface(
                12,
                0,
                &[
                    (2, b"\\Device\\NPF_{1}"),
                    (3, b"Ethernet 2"),
                    (9, &[0x80 | 10]),
                ],
            )
            .packet(1, 10_000_000_001, 4, b"abcd", &[])
            .packet(0, 7, 4, b"abcd", &[])
            .packet(2, 1_536, 4, b"abcd", &[]);
        assert_eq!(
            transcript(&out.into_bytes()),
            [
                "interface 0 link 1 snaplen 96 Some(\"eth0\") Some(\"port 443\")",
                "interface 1 link 113 snaplen 0 Some(\"a description\") None",
                "interface 2 link 101 snaplen 0 Some(\"Ethernet 2\") None",
                "frame 1 at 5000000001 link 113 on 1 4/4",
                "frame 2 at 7000 link 1 on 0 4/4",
                "frame 3 at 1500000000 link 101 on 2 4/4",
                "ended complete",
            ]
        );
    }
}

#[test]
fn sections_may_change_byte_order_and_count_interfaces_anew() {
    let mut one = Out::new(false);
    one.section()
        .interface(1, 0, &[])
        .packet(0, 1, 2, b"ab", &[]);
    let mut two = Out::new(true);
    two.section()
        .interface(101, 0, &[])
        .packet(0, 2, 2, b"cd", &[])
        .packet(1, 3, 2, b"ef", &[]);
    let mut bytes = one.into_bytes();
    bytes.extend(two.into_bytes());
    assert_eq!(
        transcript(&bytes),
        [
            "interface 0 link 1 snaplen 0 None None",
            "frame 1 at 1000 link 1 on 0 2/2",
            "interface 1 link 101 snaplen 0 None None",
            "frame 2 at 2000 link 101 on 1 2/2",
            "ended damaged at byte 168: a packet of an interface that is not described; 1 such blocks were skipped",
            "warning a packet of an interface that is not described (at byte 168)",
        ]
    );
}

#[test]
fn packet_options_give_direction_comments_and_losses() {
    both(
        |out| {
            out.interface(1, 0, &[]);
        },
        &["interface 0 link 1 snaplen 0 None None", "ended complete"],
    );
    for (big, inbound, outbound, three) in [
        (
            false,
            1_u32.to_le_bytes(),
            0xfff2_u32.to_le_bytes(),
            3_u64.to_le_bytes(),
        ),
        (
            true,
            1_u32.to_be_bytes(),
            0xfff2_u32.to_be_bytes(),
            3_u64.to_be_bytes(),
        ),
    ] {
        let mut out = Out::new(big);
        out.section()
            .interface(1, 0, &[])
            .packet(0, 0, 1, b"a", &[(2, &inbound), (1, b"hello\0")])
            .packet(
                0,
                0,
                1,
                b"a",
                &[(1, b"one"), (2, &outbound), (1, b"two"), (1, b"")],
            )
            .packet(0, 0, 1, b"a", &[(1, b"caf\xe9"), (4, &three)])
            .packet(0, 0, 9, b"", &[(1, b"")]);
        assert_eq!(
            &transcript(&out.into_bytes())[1..],
            [
                "frame 1 at 0 link 1 on 0 1/1 Inbound \"hello\"",
                "frame 2 at 0 link 1 on 0 1/1 Outbound \"one\\ntwo\"",
                "frame 3 at 0 link 1 on 0 1/1 \"caf\u{fffd}\"",
                "dropped 3",
                "frame 4 at 0 link 1 on 0 0/9",
                "ended complete",
            ]
        );
    }
}

#[test]
fn simple_and_obsolete_packet_blocks() {
    both(
        |out| {
            out.interface(1, 3, &[])
                .block_of(3, |body| {
                    body.u32(60).bytes(b"abc");
                })
                .block_of(2, |body| {
                    body.u16(0)
                        .u16(2)
                        .u32(0)
                        .u32(1_500)
                        .u32(2)
                        .u32(2)
                        .bytes(b"hi")
                        .pad();
                    body.options(&[(1, b"old")]);
                })
                .block_of(2, |body| {
                    body.u16(0).u16(u16::MAX).u32(0).u32(1_600).u32(0).u32(2);
                });
        },
        &[
            "interface 0 link 1 snaplen 3 None None",
            "frame 1 at 0 link 1 on 0 3/60",
            "frame 2 at 1500000 link 1 on 0 2/2 \"old\"",
            "dropped 2",
            "frame 3 at 1600000 link 1 on 0 0/2",
            "ended complete",
        ],
    );
}

#[test]
fn names_secrets_and_statistics_are_handed_on() {
    both(
        |out| {
            out.interface(1, 0, &[])
                .block_of(4, |body| {
                    body.u16(1)
                        .u16(13)
                        .bytes(&[192, 0, 2, 1])
                        .bytes(b"a.example")
                        .pad();
                    body.u16(9).u16(3).bytes(b"???").pad();
                    body.u16(2)
                        .u16(22)
                        .bytes(&[0x20; 16])
                        .bytes(b"b\0cde\0")
                        .pad();
                    body.u16(1).u16(4).bytes(&[192, 0, 2, 2]);
                    body.u16(0).u16(0);
                })
                .block_of(10, |body| {
                    body.u32(0x544c_534b).u32(7).bytes(b"a line\n").pad();
                })
                .block_of(10, |body| {
                    body.u32(0x5747_4b4c).u32(4).bytes(b"wire");
                })
                .block_of(10, |body| {
                    body.u32(0x5353_484b).u32(4).bytes(b"ssh\n");
                })
                .block_of(0x0bad, |body| {
                    body.u32(1).u32(2);
                })
                .block_of(0x7777, |body| {
                    body.u32(1);
                });
            for (interface_drops, system_drops) in [(2_u64, 1_u64), (2, 1), (9, 1)] {
                out.block_of(5, |body| {
                    body.u32(0).u32(0).u32(0);
                    body.u16(5).u16(8).u64(interface_drops);
                    body.u16(7).u16(8).u64(system_drops).u32(0);
                });
            }
        },
        &[
            "interface 0 link 1 snaplen 0 None None",
            "name 192.0.2.1 [\"a.example\"]",
            "name 2020:2020:2020:2020:2020:2020:2020:2020 [\"b\", \"cde\"]",
            "secrets \"a line\\n\"",
            "secrets \"wire\"",
            "dropped 3",
            "dropped 7",
            "ended complete",
            "warning decryption secrets of another protocol than TLS and WireGuard are not used (at byte 180)",
        ],
    );
}

#[test]
fn process_blocks_become_comments() {
    for (big, zero, one) in [
        (false, 0_u32.to_le_bytes(), 1_u32.to_le_bytes()),
        (true, 0_u32.to_be_bytes(), 1_u32.to_be_bytes()),
    ] {
        let mut out = Out::new(big);
        out.section().interface(1, 0, &[]);
        for (pid, name) in [(300, &b"trustd"[..]), (411, b"Safari")] {
            out.block_of(0x8000_0001, |body| {
                body.u32(pid).options(&[(2, name)]);
            });
        }
        out.block_of(0x0bad, |body| {
            body.u32(62_652)
                .u16(1)
                .bytes(&[1, 0])
                .u32(10_123)
                .bytes(&[11, 7]);
            body.bytes(b"org.example").bytes(b"Example");
        });
        out.packet(0, 0, 0, b"", &[(0x8001, &zero)])
            .packet(
                0,
                0,
                0,
                b"",
                &[(0x8001, &zero), (0x8003, &one), (1, b"seen")],
            )
            .packet(0, 0, 0, b"", &[(0x8001, &[9; 4])])
            .packet(0, 0, 0, b"", &[(1, b"u-10123")])
            .packet(0, 0, 0, b"", &[(1, b"u-1")]);
        assert_eq!(
            &transcript(&out.into_bytes())[1..],
            [
                "frame 1 at 0 link 1 on 0 0/0 \"\\npktap\\nPID: 300\\nCmd: trustd\"",
                "frame 2 at 0 link 1 on 0 0/0 \"seen\\npktap\\nPID: 411\\nCmd: Safari\\nThrough: trustd 300\"",
                "frame 3 at 0 link 1 on 0 0/0",
                "frame 4 at 0 link 1 on 0 0/0 \"u-10123\\nCmd: org.example\\nApp: Example\"",
                "frame 5 at 0 link 1 on 0 0/0 \"u-1\"",
                "ended complete",
            ]
        );
    }
}

#[test]
fn lengths_with_and_without_padding_are_read() {
    let mut out = Out::new(false);
    out.section().interface(1, 0, &[]);
    // 33 bytes, padded before or after the second length, or not at all.
    for pad in ["before", "after", "never"] {
        out.u32(6)
            .u32(33)
            .u32(0)
            .u32(0)
            .u32(0)
            .u32(1)
            .u32(1)
            .bytes(b"x");
        if pad == "before" {
            out.pad();
        }
        out.u32(33);
        if pad == "after" {
            out.pad();
        }
    }
    out.packet(0, 0, 1, b"y", &[]);
    let lines = transcript(&out.into_bytes());
    assert_eq!(
        lines[1..],
        [
            "frame 1 at 0 link 1 on 0 1/1",
            "frame 2 at 0 link 1 on 0 1/1",
            "frame 3 at 0 link 1 on 0 1/1",
            "frame 4 at 0 link 1 on 0 1/1",
            "ended complete"
        ]
    );
}

#[test]
fn old_and_odd_pcap_files() {
    let frame =
        |out: &mut Out, secs: u32, captured: u32, original: u32, extra: usize, swap: bool| {
            out.u32(secs).u32(5);
            if swap {
                out.u32(original).u32(captured);
            } else {
                out.u32(captured).u32(original);
            }
            out.bytes(&vec![0; extra]);
            out.bytes(&vec![0xee; captured as usize]);
        };
    for (what, version, network, extra, swap, first, format) in [
        (
            "swapped",
            (2, 2),
            1,
            0,
            true,
            "frame 1 at 1600000000000005000 link 1 on 0 40/90",
            "pcap",
        ),
        (
            "perhaps swapped",
            (2, 3),
            1,
            0,
            true,
            "frame 1 at 1600000000000005000 link 1 on 0 40/90",
            "pcap",
        ),
        (
            "DG/UX",
            (543, 0),
            1,
            0,
            true,
            "frame 1 at 1600000000000005000 link 1 on 0 40/90",
            "pcap",
        ),
        (
            "AIX",
            (2, 2),
            6,
            0,
            false,
            "frame 1 at 1600000000000000005 link 1 on 0 40/90",
            "pcap, AIX",
        ),
        (
            "Nokia",
            (2, 4),
            1,
            4,
            false,
            "frame 1 at 1600000000000005000 link 1 on 0 40/90",
            "pcap, Nokia's variant",
        ),
        (
            "Red Hat",
            (2, 4),
            1,
            8,
            false,
            "frame 1 at 1600000000000005000 link 1 on 0 40/90",
            "pcap, Red Hat 6.1's variant",
        ),
        (
            "OpenBSD raw",
            (2, 4),
            14,
            0,
            false,
            "frame 1 at 1600000000000005000 link 101 on 0 40/90",
            "pcap",
        ),
    ] {
        for big in [false, true] {
            let mut out = Out::new(big);
            out.u32(0xa1b2_c3d4)
                .u16(version.0)
                .u16(version.1)
                .u32(0)
                .u32(0)
                .u32(96)
                .u32(network);
            for index in 0..4 {
                frame(&mut out, 1_600_000_000 + index, 40 + index, 90, extra, swap);
            }
            let bytes = out.into_bytes();
            let lines = transcript_of(Reader::new(&bytes[..]).unwrap());
            assert_eq!(lines[1], first, "{what}");
            assert_eq!(lines.len(), 6, "{what} {lines:?}");
            assert_eq!(Reader::new(&bytes[..]).unwrap().format(), format);
        }
    }
}
