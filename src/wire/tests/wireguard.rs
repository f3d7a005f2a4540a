//! WireGuard with keys: a conversation made by `tests/oracle/wireguard.py`, which tshark opens with either key log.

use super::build::{CLIENT, HELLO, NEAR, SERVER, Way, udp};
use super::*;

/// A first message, a second one, a packet there and one back, and a sign of life.
const MESSAGES: [&str; 5] = [
    concat!(
        "01000000010203045dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef220a26599fb2188bb723276fc173af67616c817fc3",
        "2fd04d686d87ec152fac10eed2bda3bb3b6f1eded6977684082284d817fb46b3a9c89ae9bd273ed67847242a5e943bedb050f382f0e3f9834ba5b8d8",
        "f18c47e756d15ec28ee8766700000000000000000000000000000000"
    ),
    concat!(
        "020000000506070801020304ac01b2209e86354fb853237b5de0f4fab13c7fcbf433a61c019369617fecf10b779dd7763cfebc897ae9db66155e357f",
        "f683a46d38db1487fefe12e00ca8e30600000000000000000000000000000000"
    ),
    concat!(
        "04000000050607080000000000000000e29c439a2e112d988032eaa2e27c98e1d1dd63e386b0fceadfb40d9c1444ff6dc01b92b0b46113e61f5c6109",
        "475ec48173b689cc818f83b61941487bff94b1046d9f9aa7dd92c33c024c2d0225835618"
    ),
    concat!(
        "04000000010203040201000000000000bbcd9f7c766aabacc0178187dc64c0ca6862bd0da9c0cc3f063808b3dc1041c55eaa5f7a1cbb256ed90ffae1",
        "dffeeeba0c6ad5f13c58196104209146bd820dad1c3e4d0032e465a9f6ca73bd6eb8e6f0"
    ),
    "040000000506070801000000000000006f631ca442816b4661ca2e6e8db34e66",
];

/// What the end that began wrote down.
const INITIATOR: [&str; 4] = [
    "LOCAL_STATIC_PRIVATE_KEY = AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=",
    "REMOTE_STATIC_PUBLIC_KEY = zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=",
    "LOCAL_EPHEMERAL_PRIVATE_KEY = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA0M=",
    "PRESHARED_KEY = BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBUU=",
];

/// What the other one did.
const RESPONDER: [&str; 4] = [
    "LOCAL_STATIC_PRIVATE_KEY = AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAkI=",
    "REMOTE_STATIC_PUBLIC_KEY = pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=",
    "LOCAL_EPHEMERAL_PRIVATE_KEY = BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBEQ=",
    "PRESHARED_KEY = BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBUU=",
];

fn bytes(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

/// Frames of the conversation, in Ethernet.
pub(super) fn frames() -> Vec<Vec<u8>> {
    let ways = [Way::There, Way::Back, Way::There, Way::Back, Way::There];
    let frame = |(way, digits): (Way, &str)| {
        let (from, to) = match way {
            Way::There => (50_000, 51_820),
            Way::Back => (51_820, 50_000),
        };
        way.outer(17, &udp(from, to, &bytes(digits)))
    };
    ways.into_iter().zip(MESSAGES).map(frame).collect()
}

fn read(decoder: &mut Decoder, bytes: &[u8]) -> Result<Told, Undecoded> {
    decoder.decode(&frame(1, bytes)).map(told)
}

/// Whether both packets are read, behind what comes first.
fn opens(decoder: &mut Decoder, frames: &[Vec<u8>]) -> bool {
    let told: Vec<_> = frames.iter().map(|frame| read(decoder, frame)).collect();
    let inside = |told: &Result<Told, _>| told.as_ref().is_ok_and(|told| told.payload == HELLO);
    assert!(!told[..2].iter().any(inside));
    inside(&told[2]) && inside(&told[3])
}

#[test]
fn either_end_opens_what_both_say() {
    for log in [INITIATOR, RESPONDER] {
        let mut decoder = Decoder::new(&Limits::default());
        assert!(!decoder.has_keys());
        assert_eq!(decoder.secrets(log.join("\n").as_bytes()), 4);
        assert!(decoder.has_keys());
        let frames = frames();
        let mut scopes = Vec::new();
        for (at, frame) in frames.iter().enumerate() {
            let told = read(&mut decoder, frame);
            match at {
                0 | 1 | 4 => assert_eq!(told, Err(Undecoded::LinkControl)),
                _ => {
                    let told = told.unwrap();
                    let ends = if at == 2 {
                        (CLIENT, SERVER)
                    } else {
                        (SERVER, CLIENT)
                    };
                    assert_eq!((told.src, told.dst), (ends.0.into(), ends.1.into()));
                    assert_eq!((told.payload, told.cut), (HELLO.to_vec(), 0));
                    assert_eq!((told.mac, told.by_this_host), (None, None));
                    scopes.push(told.scope);
                }
            }
        }
        assert_eq!(scopes[0], scopes[1]);
        assert_ne!(scopes[0], Scope::default());
        assert_eq!(decoder.keys().1, 4);
    }
}

#[test]
fn an_end_may_move() {
    let mut decoder = Decoder::new(&Limits::default());
    decoder.secrets(INITIATOR.join("\n").as_bytes());
    let frames = frames();
    assert!(opens(&mut decoder, &frames));
    let before = read(&mut decoder, &frames[2]).unwrap();
    let moved = build::ipv4(CLIENT, NEAR, 17, &udp(7, 8, &bytes(MESSAGES[2])));
    let moved = Way::There.outer_ethernet(0x0800, &moved);
    assert_eq!(read(&mut decoder, &moved).unwrap().scope, before.scope);
}

#[test]
fn keys_may_come_after_the_handshake_and_in_pieces() {
    let frames = frames();
    // From the first that is a key on, so that what comes before it is not for nothing.
    for before in 3..=4 {
        let mut decoder = Decoder::new(&Limits::default());
        for line in &INITIATOR[..before] {
            assert_eq!(decoder.secrets(line.as_bytes()), 1);
        }
        for frame in &frames[..2] {
            let _ = read(&mut decoder, frame);
        }
        for line in &INITIATOR[before..] {
            assert_eq!(decoder.secrets(line.as_bytes()), 1);
        }
        assert_eq!(read(&mut decoder, &frames[2]).unwrap().payload, HELLO);
    }
    // Those of an end that is not there, and again.
    let mut decoder = Decoder::new(&Limits::default());
    for log in [RESPONDER, INITIATOR, RESPONDER] {
        decoder.secrets(log.join("\r\n").as_bytes());
    }
    assert!(opens(&mut decoder, &frames));
    assert_eq!(decoder.keys().1, 4);
}

#[test]
fn what_does_not_fit_stays_a_datagram() {
    let frames = frames();
    let with = |lines: &[&str], frames: &[Vec<u8>]| {
        let mut decoder = Decoder::new(&Limits::default());
        decoder.secrets(lines.join("\n").as_bytes());
        opens(&mut decoder, frames)
    };
    assert!(with(&INITIATOR, &frames));
    // One key is missing, or is another.
    for lost in 0..4 {
        let mut lines = INITIATOR.to_vec();
        lines.remove(lost);
        assert!(!with(&lines, &frames), "{lost}");
        let mut lines = INITIATOR.map(str::to_owned);
        lines[lost] = lines[lost].replacen("= ", "= 7", 1);
        lines[lost].remove(lines[lost].len() - 3);
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert!(!with(&lines, &frames), "{lost}");
    }
    assert!(!with(&[], &frames));
    // Changed on its way: the handshake where it is covered, and data.
    for (which, at) in [(0, 8), (0, 40), (0, 90), (1, 12), (1, 44), (2, 8), (3, 30)] {
        let mut frames = frames.clone();
        frames[which][42 + at] ^= 1;
        assert!(!with(&INITIATOR, &frames), "{which} {at}");
    }
    // Without one of the messages, and cut.
    for lost in 0..2 {
        let mut frames = frames.clone();
        frames[lost].truncate(60);
        assert!(!with(&INITIATOR, &frames));
    }
    let mut decoder = Decoder::new(&Limits::default());
    decoder.secrets(INITIATOR.join("\n").as_bytes());
    assert!(opens(&mut decoder, &frames));
    let whole = frame(1, &frames[2]);
    let cut = Frame {
        bytes: &whole.bytes[..100],
        ..whole
    };
    assert_eq!(decoder.decode(&cut).unwrap().src, NEAR);
}

#[test]
fn key_logs_may_hold_anything() {
    let mut decoder = Decoder::new(&Limits::default());
    for text in [
        "",
        "=",
        "LOCAL_STATIC_PRIVATE_KEY",
        "LOCAL_STATIC_PRIVATE_KEY =",
        "LOCAL_EPHEMERAL_PRIVATE_KEY = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA0M",
        "LOCAL_EPHEMERAL_PRIVATE_KEY = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA0M==",
        "LOCAL_EPHEMERAL_PRIVATE_KEY = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD!0M=",
        "ANOTHER_KEY = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA0M=",
        // There is nothing that it could belong to.
        "PRESHARED_KEY = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA0M=",
        "CLIENT_RANDOM 00 11",
    ] {
        assert_eq!(decoder.secrets(text.as_bytes()), 0, "{text}");
    }
    assert!(!decoder.has_keys());
}

#[test]
fn keys_and_handshakes_do_not_add_up() {
    let limits = Limits {
        wireguard_keys: 2,
        wireguard_sessions: 2,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(&limits);
    let frames = frames();
    decoder.secrets(INITIATOR.join("\n").as_bytes());
    assert!(opens(&mut decoder, &frames));
    // Others begin, and nobody answers.
    let mut first = frames[0].clone();
    for number in 0..9 {
        first[46] = number;
        let _ = read(&mut decoder, &first);
    }
    assert_eq!(read(&mut decoder, &frames[2]).unwrap().payload, HELLO);
    // The oldest keys go, and with them what they would open.
    for number in 0..9_u8 {
        let text = format!(
            "LOCAL_EPHEMERAL_PRIVATE_KEY = {}{}",
            number,
            &INITIATOR[2][31..]
        );
        assert_eq!(decoder.secrets(text.as_bytes()), 1);
    }
    for frame in &frames[..2] {
        let _ = read(&mut decoder, frame);
    }
    assert_eq!(decoder.keys().1, 4);
}

/// What is told of the conversation, by one who looks at everything alone and by one who shares flows out.
#[test]
fn what_is_opened_opens_flows() {
    use crate::engine::shares::merge;
    use crate::engine::{Batch, Extractor};
    use crate::event::EventKind;

    let opened = |events: Vec<crate::event::Event>| -> Vec<IpAddr> {
        let ends = events.into_iter().filter_map(|event| match event.kind {
            EventKind::FlowOpened(opened) => Some(opened.ends.client.ip()),
            _ => None,
        });
        ends.collect()
    };
    for (log, clients) in [
        (INITIATOR.join("\n"), vec![CLIENT.into()]),
        (String::new(), vec![IpAddr::from(NEAR)]),
    ] {
        let mut whole = Extractor::new(Limits::default());
        let (mut dispatcher, mut shares) = Extractor::new(Limits::default()).share_out(2);
        let taken = whole.secrets(log.as_bytes());
        dispatcher.secrets(log.as_bytes());
        for bytes in &frames() {
            whole.push(frame(1, bytes));
            dispatcher.push(frame(1, bytes));
        }
        let coverage = whole.coverage();
        let count = u64::try_from(taken).unwrap();
        assert_eq!(coverage.keys, (count, count));
        assert_eq!(opened(whole.take_events()), clients);
        let batch = dispatcher.take_batch(Batch::default());
        let told = shares.iter_mut().map(|share| share.work(&batch)).collect();
        assert_eq!(opened(merge(told)), clients);
    }
}

#[test]
fn lines_of_tunnels_are_told_from_others() {
    let log = format!(
        "# {0}\n{0}\r\nCLIENT_RANDOM 00 11\n{1}",
        INITIATOR[0], INITIATOR[3]
    );
    let kept = format!("{}\n{}\n", INITIATOR[0], INITIATOR[3]);
    assert_eq!(tunnel_keys(log.as_bytes()), kept.as_bytes());
}
