use super::*;
use proptest::prelude::*;

#[test]
fn integers_of_the_rfc() {
    // RFC 9000 A.1.
    for (bytes, value) in [
        (
            &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
            151_288_809_941_952_652,
        ),
        (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
        (&[0x7b, 0xbd], 15_293),
        (&[0x25], 37),
        (&[0x40, 0x25], 37),
    ] {
        let mut reader = Reader(bytes);
        assert_eq!(reader.varint(), Some(value));
        assert!(reader.0.is_empty());
    }
    assert_eq!(Reader(&[0xc2, 0x19]).varint(), None);
    assert_eq!(Reader(&[]).varint(), None);
}

#[test]
fn recognises_first_datagrams_of_deployed_versions() {
    let first = |form: u8, version: u32| {
        let mut datagram = vec![form];
        datagram.extend(version.to_be_bytes());
        datagram.extend([8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x44, 0x9e]);
        datagram.resize(1_200, 0);
        datagram
    };
    for (form, version, quic) in [
        (0xc0, version::V1, true),
        (0xd0, version::V1, true),
        (0xe0, version::V1, false),
        (0x80, version::V1, false),
        (0x40, version::V1, false),
        (0xd0, version::V2, true),
        (0xc0, version::V2, false),
        (0xc0, version::DRAFT_29, true),
        (0xc0, 0xff00_001a, false),
        (0xc0, u32::from_be_bytes(*b"Q050"), true),
        (0xc0, 0xface_b002, true),
        (0xc0, 0x1a2a_3a4a, true),
        (0xc0, 0x0000_0002, false),
    ] {
        assert_eq!(
            looks_like_quic(&first(form, version)),
            quic,
            "{form:#x} {version:#x}"
        );
    }
    let mut long_id = first(0xc0, version::V1);
    long_id[5] = 21;
    assert!(!looks_like_quic(&long_id));
    assert!(looks_like_quic(&[0x80, 0, 0, 0, 0, 1, 9, 1, 8, 0, 0, 0, 1]));
    assert!(!looks_like_quic(&[0x80, 0, 0, 0, 0, 1, 9, 1, 8, 0, 0]));
}

#[test]
fn coalesced_packets_end_at_padding_or_another_destination() {
    let long = |kind: u8, dcid: u8| {
        [
            0xc0 | kind << 4,
            0,
            0,
            0,
            1,
            1,
            dcid,
            0,
            3,
            0xaa,
            0xbb,
            0xcc,
        ]
    };
    let mut initial = vec![0xc0, 0, 0, 0, 1, 1, 7, 0, 0, 3, 1, 2, 3];
    initial.extend(long(2, 7));
    let lengths = |datagram: &[u8]| {
        packets(datagram)
            .map(|packet| match packet {
                Packet::Long(long) => long.bytes.len(),
                Packet::Short(_) => 1,
                _ => 0,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(lengths(&initial), [13, 12]);
    assert_eq!(lengths(&[&initial[..], &[0; 50]].concat()), [13, 12]);
    assert_eq!(lengths(&[&initial[..], &[0x41; 50]].concat()), [13, 12, 1]);
    assert_eq!(lengths(&[&initial[..], &long(2, 8)].concat()), [13, 12]);
    assert_eq!(
        lengths(&[&initial[..], &[0xc0, 0, 0]].concat()),
        [13, 12, 0]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_end(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), known in any::<bool>()) {
        if known && let Some(version) = bytes.get_mut(1..5) {
            version.copy_from_slice(&version::V1.to_be_bytes());
        }
        let _ = looks_like_quic(&bytes);
        prop_assert!(packets(&bytes).count() <= MAX_COALESCED);
    }
}
