//! Conversations of 802.11, 802.15.4, ESP and PDCP with keys, made by `tests/oracle/keyed.py`, most of which
//! tshark opens as well.

use proptest::prelude::*;

use super::build::{HELLO, PORTS};
use super::*;

const WLAN: &str = include_str!("keyed/wlan.txt");
const ESP: &str = include_str!("keyed/esp.txt");
const WPAN: &str = include_str!("keyed/wpan.txt");
const LTE: &str = include_str!("keyed/lte.txt");
const NR: &str = include_str!("keyed/nr.txt");

/// What a frame holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Holds {
    There,
    Back,
    Nothing,
}

pub(super) struct Conversation {
    pub(super) name: &'static str,
    pub(super) link: u32,
    pub(super) keys: Vec<&'static str>,
    pub(super) frames: Vec<(Holds, Vec<u8>)>,
}

pub(super) fn conversations() -> impl Iterator<Item = Conversation> {
    let texts = [WLAN, WPAN, ESP, LTE, NR].into_iter();
    texts.flat_map(|text| text.split("= ").skip(1)).map(|text| {
        let mut lines = text.lines();
        let mut conversation = Conversation {
            name: lines.next().unwrap(),
            link: 0,
            keys: Vec::new(),
            frames: Vec::new(),
        };
        for (kind, said) in lines.map(|line| line.split_once(' ').unwrap()) {
            let holds = match kind {
                "link" => {
                    conversation.link = said.parse().unwrap();
                    continue;
                }
                "key" => {
                    conversation.keys.push(said);
                    continue;
                }
                ">" => Holds::There,
                "<" => Holds::Back,
                _ => Holds::Nothing,
            };
            let digits = said.as_bytes().chunks(2);
            let byte = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
            conversation
                .frames
                .push((holds, digits.map(byte).collect()));
        }
        conversation
    })
}

fn keyed(conversation: &Conversation) -> Decoder {
    let mut decoder = Decoder::new(&Limits::default());
    let text = conversation.keys.join("\n");
    assert_eq!(decoder.secrets(text.as_bytes()), conversation.keys.len());
    decoder
}

/// What it holds, by what was read.
fn read(decoder: &mut Decoder, link: u32, bytes: &[u8]) -> Holds {
    match decoder.decode(&frame(link, bytes)).map(told) {
        Ok(told) if told.payload == HELLO && told.ports == PORTS => Holds::There,
        Ok(told) if told.payload == HELLO => Holds::Back,
        _ => Holds::Nothing,
    }
}

#[test]
fn every_conversation_is_opened_with_its_key() {
    for conversation in conversations() {
        let mut decoder = keyed(&conversation);
        for (at, (holds, bytes)) in conversation.frames.iter().enumerate() {
            let found = read(&mut decoder, conversation.link, bytes);
            assert_eq!(found, *holds, "{}, {at}", conversation.name);
        }
        let keys = conversation.keys.len() as u64;
        assert_eq!(decoder.keys(), (keys, keys), "{}", conversation.name);
    }
}

#[test]
fn without_keys_or_with_others_nothing_is() {
    let wrong = concat!(
        "\"wpa-pwd\",\"another secret\"\n\"wep\",\"0908070605\"\n\"tk\",\"000102030405060708090a0b0c0d0e0f\"\n\"000102030405060708090a0b0c0d0e0e\",\"1\",\"Thread hash\"\n",
        "\"9\",\"\",\"000102030405060708090a0b0c0d0e0e\",\"\"\n\"9\",\"\",\"000102030405060708090a0b0c0d0e0e\",\"\",\"\"\n",
        "\"8\",\"\",\"000102030405060708090a0b0c0d0e0f\",\"\"\n\"8\",\"\",\"000102030405060708090a0b0c0d0e0f\",\"\",\"\"\n",
        "\"IPv4\",\"*\",\"*\",\"*\",\"AES-CBC [RFC3602]\",\"0x000102030405060708090a0b0c0d0e0f\",\"NULL\",\"\"\n",
        "\"IPv4\",\"*\",\"*\",\"*\",\"AES-CTR [RFC3686]\",\"0x000102030405060708090a0b0c0d0e0f10111213\",\"ANY 96 bit authentication [no checking]\",\"\""
    );
    for conversation in conversations() {
        // What has no cipher needs no key.
        if conversation.name.starts_with("NULL") {
            continue;
        }
        for keys in ["", wrong] {
            let mut decoder = Decoder::new(&Limits::default());
            decoder.secrets(keys.as_bytes());
            for (_, bytes) in &conversation.frames {
                let found = read(&mut decoder, conversation.link, bytes);
                assert_eq!(found, Holds::Nothing, "{}", conversation.name);
            }
            assert_eq!(decoder.keys().1, 0);
        }
    }
}

/// Not what was said before it, since frames are not kept.
#[test]
fn a_key_that_comes_late_opens_a_handshake_before_it() {
    // Associations are not kept, nor is what the keys themselves protect.
    let others = ["moves", "two stations"];
    let of_handshakes =
        |it: &Conversation| it.link == 105 && !others.iter().any(|name| it.name.contains(name));
    for conversation in conversations().filter(of_handshakes) {
        let mut decoder = Decoder::new(&Limits::default());
        // From the first key on, whatever it is of.
        decoder.secrets(b"\"wep\",\"0908070605\"");
        let begins = conversation.frames.iter();
        let handshake = begins.take_while(|(holds, _)| *holds == Holds::Nothing);
        // Of a handshake that the key itself opens nothing can be known, nor of a part of a frame.
        let handshake = handshake.count().min(match conversation.name {
            name if name.starts_with("in parts") => 4,
            _ => usize::MAX,
        });
        let (before, after) = conversation.frames.split_at(handshake);
        for (_, bytes) in before {
            read(&mut decoder, 105, bytes);
        }
        decoder.secrets(conversation.keys.join("\n").as_bytes());
        for (holds, bytes) in after {
            let to_group = bytes[4] & 1 == 1;
            if conversation.name == "WPA, TKIP" && to_group {
                continue;
            }
            let found = read(&mut decoder, 105, bytes);
            assert_eq!(found, *holds, "{}", conversation.name);
        }
    }
}

#[test]
fn frames_of_a_handshake_are_told() {
    let all: Vec<_> = conversations().collect();
    let with_name = all
        .iter()
        .find(|it| it.name == "WPA2, CCMP, passphrase alone");
    let with_name = with_name.unwrap();
    let mut decoder = keyed(with_name);
    let mut told = Vec::new();
    for (_, bytes) in with_name.frames.iter().chain(&with_name.frames[..1]) {
        read(&mut decoder, 105, bytes);
        told.push(decoder.in_handshake());
    }
    // A beacon, four messages, three packets, and the beacon again, of which nothing new is learned.
    let expected = [true, true, true, true, false, false, false, false, false];
    assert_eq!(told, expected);
}

#[test]
fn names_that_somebody_makes_up_cost_little() {
    let beacon = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let mut frame = vec![0x80, 0, 0, 0];
        frame.extend([0xff; 6]);
        frame.extend([2, 0, 0, 0, high, low].repeat(2));
        frame.extend([0; 14]);
        frame.extend([0, 2, high | 1, low]);
        frame
    };
    let conversation = conversations().next().unwrap();
    let limits = Limits {
        wlan_derived: 2,
        wlan_networks: 50,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(&limits);
    decoder.secrets(b"\"wpa-pwd\",\"a long secret\"");
    for number in 0..200 {
        read(&mut decoder, 105, &beacon(number));
        // As if each network had somebody who joins it.
        for (_, bytes) in conversation.frames.iter().take(2) {
            let [high, low] = number.to_be_bytes();
            let mut bytes = bytes.clone();
            for at in [4, 10, 16] {
                if bytes[at..at + 6] == [2, 0, 0, 0, 9, 9] {
                    bytes[at..at + 6].copy_from_slice(&[2, 0, 0, 0, high, low]);
                }
            }
            read(&mut decoder, 105, &bytes);
        }
    }
    assert_eq!(decoder.untried(), 198);
}

#[test]
fn keys_beyond_the_room_for_them_are_counted() {
    let limits = Limits {
        wlan_keys: 2,
        associations: 2,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(&limits);
    for number in 10..20 {
        let line = format!("\"wep\",\"00010203{number}\"\n");
        assert_eq!(decoder.secrets(line.repeat(2).as_bytes()), 2);
        let line = format!(
            "\"IPv4\",\"*\",\"*\",\"0x{number}\",\"NULL\",\"\",\"HMAC-MD5-96 [RFC2403]\",\"x\""
        );
        decoder.secrets(line.as_bytes());
    }
    // One that was refused is counted each time.
    assert_eq!(decoder.keys(), (2 + 16 + 10, 0));
}

#[test]
fn what_was_added_in_the_clear_is_not_joined_with_what_was_protected() {
    let conversation = conversations()
        .find(|it| it.name == "in parts, CCMP")
        .unwrap();
    let mut decoder = keyed(&conversation);
    let frames = &conversation.frames;
    for (_, bytes) in &frames[..frames.len() - 1] {
        read(&mut decoder, 105, bytes);
    }
    let (_, last) = &frames[frames.len() - 1];
    let mut forged = last[..24].to_vec();
    forged[1] &= !0x40;
    forged.extend([0x41; 30]);
    assert_eq!(
        decoder.decode(&frame(105, &forged)),
        Err(Undecoded::WlanFragment)
    );
    assert_eq!(read(&mut decoder, 105, last), Holds::There);
}

#[test]
fn lines_of_wiresharks_tables_are_told_from_others() {
    for fine in [
        r#""wpa-pwd","Induction:Coherer""#,
        r#" "wpa-pwd","with %3a and %25 and \x22 inside" "#,
        r#""wep","01:02:03:04:05""#,
        r#""wep","0102030405" , "more""#,
        r#""000102030405060708090a0b0c0d0e0f","1","No hash""#,
        r#""sixteen letters!","1","Thread hash""#,
        "CLIENT_RANDOM 00 11",
        "# a comment",
        "",
        r#""IPv4","192.0.2.*","*","0x0000****","NULL","","HMAC-SHA-1-96 [RFC2404]","text","32-bit""#,
        r#""IPv6","2001:db8::/32","*:0:0:0:0:0:0:1","*","AES-CBC [RFC3602]","sixteen letters!","NULL","""#,
    ] {
        let unusable = unusable_key(fine.as_bytes());
        assert_eq!(unusable.is_some(), fine.contains("more"), "{fine}");
    }
    for wrong in [
        r#""wpa-pwd","short""#,
        r#""wpa-pwd","with : and : inside""#,
        r#""wpa-pwd","with % inside""#,
        r#""wpa-pwd","a name is too long:0123456789012345678901234567890123""#,
        r#""wpa-psk","00""#,
        r#""wep","012""#,
        r#""tk","0102030405""#,
        r#""msk","xyz""#,
        r#""wpa","0102030405""#,
        r#""unclosed"#,
        r#""one","two","three""#,
        r#""0102","1","No hash""#,
        r#""one","two","three","four""#,
        r#""IPv4","192.0.2.300","*","*","NULL","","NULL","""#,
        r#""IPv4","::1","*","*","NULL","","NULL","""#,
        r#""IPv4","*","*","0xghi","NULL","","NULL","""#,
        r#""IPv4","*","*","*","AES-CBC [RFC3602]","0x00","NULL","""#,
        r#""IPv4","*","*","*","BLOWFISH-CBC [RFC2451]","0x00","NULL","""#,
        r#""IPv4","*","*","*","NULL","","HMAC-SHA-3","""#,
    ] {
        assert!(unusable_key(wrong.as_bytes()).is_some(), "{wrong}");
        assert_eq!(
            Decoder::new(&Limits::default()).secrets(wrong.as_bytes()),
            0
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn changed_conversations_do_no_harm(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..3),
    ) {
        let all: Vec<_> = conversations().collect();
        let conversation = which.get(&all);
        let mut frames = conversation.frames.clone();
        for (frame, at, to) in changes {
            let number = frame.index(frames.len());
            let bytes = &mut frames[number].1;
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        for (frame, at) in cuts {
            let number = frame.index(frames.len());
            let keep = at.index(frames[number].1.len() + 1);
            frames[number].1.truncate(keep);
        }
        let mut decoder = keyed(conversation);
        for (_, bytes) in frames.iter().chain(&frames) {
            if let Ok(packet) = decoder.decode(&frame(conversation.link, bytes)) {
                prop_assert_eq!(packet.src.is_ipv4(), packet.dst.is_ipv4());
            }
            while decoder.further(&frame(conversation.link, bytes)).is_some() {}
        }
    }

    #[test]
    fn any_line_does_no_harm(line in r#""(wpa-pwd|wep|tk|9|IPv4|IPv6)"(,"[ -~]{0,12}"){0,9}"#) {
        let mut decoder = Decoder::new(&Limits::default());
        let taken = decoder.secrets(line.as_bytes());
        prop_assert_eq!(taken == 0, unusable_key(line.as_bytes()).is_some());
    }
}
