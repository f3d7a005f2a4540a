//! Streams that carry packets, looked after by any number of threads.

use super::*;
use crate::engine::Batch;
use crate::engine::shares::merge;

/// What a lookup and a request in such streams come to, beside other flows, by any number of threads.
#[test]
fn it_makes_no_difference_who_looks_after_a_stream() {
    let request = b"GET /ocsp HTTP/1.1\r\nHost: r3.o.lencr.org\r\n\r\n";
    let question = [
        0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'r', 1, b'o', 5, b'l', b'e', b'n', b'c', b'r', 3,
        b'o', b'r', b'g', 0, 0, 1, 0, 1,
    ];
    let tcp = |port: u16, seq: u32, flags: u8, payload: &[u8]| {
        let header = cat(&[
            &port.to_be_bytes(),
            &[0, 80],
            &seq.to_be_bytes(),
            &[0, 0, 0, 2, 0x50, flags, 0x10, 0, 0, 0, 0, 0],
        ]);
        build::ipv4(CLIENT, SERVER, 6, &cat(&[&header, payload]))
    };
    let lookup = build::ipv4(CLIENT, SERVER, 17, &build::udp(40_000, 53, &question));
    let inside = |packet: &[u8]| copied(7, &Way::There.ethernet_of(0x0800, packet));
    let mut frames = Vec::new();
    for number in 0..20_u8 {
        let port = 7_777 + u16::from(number);
        let mut connection = Connection::to(port);
        for packet in [&lookup, &tcp(port, 1, 2, &[]), &tcp(port, 2, 0x18, request)] {
            connection.say(Way::There, 100, &inside(packet));
        }
        // A stream in a stream, between other ends, so that they are of other shards.
        let mut outer = Connection::to(17_777 + u16::from(number));
        for mut bytes in connection.frames {
            let near = near(&bytes);
            bytes[near] = number;
            outer.say(Way::There, 900, &copied(7, &bytes));
            frames.push(bytes);
        }
        frames.extend(outer.frames);
    }
    frames.extend(KEYED.iter().flat_map(|row| row.frames(Way::There, 1_400)));
    let extractor = || {
        let mut extractor = Extractor::new(Limits::default());
        assert_eq!(extractor.secrets(&keys()), 4);
        extractor
    };
    let told = events_of(extractor(), &frames);
    let carried = opened(&told).iter().filter(|flow| flow.2.0 != 0).count();
    // Twenty streams in others, and connections in these, alone as well; and those in TLS, of which two are
    // one to whoever copies.
    assert_eq!(carried, 60 + 2);
    let whole = lines(&told);
    assert!(whole.iter().any(|line| line.contains("r.o.lencr.org")));
    assert!(whole.iter().any(|line| line.contains("r3.o.lencr.org")));
    for count in 1..=4 {
        for batch in [1, 7, 1_000] {
            let told = shared(extractor(), count, batch, &frames, b"");
            assert!(lines(&told) == whole, "{count} shares, {batch} in a batch");
        }
    }
}

/// The same of keys that come when all is over, for what was held.
#[test]
fn it_makes_no_difference_who_waits_for_keys() {
    let mut frames = Vec::new();
    for number in 0..20_u8 {
        for mut bytes in KEYED[1 + usize::from(number % 2)].frames(Way::There, 1_400) {
            let near = near(&bytes);
            bytes[near] = number;
            frames.push(bytes);
        }
    }
    let expecting = || {
        let mut extractor = Extractor::new(Limits::default());
        extractor.expect_secrets();
        extractor
    };
    let mut whole = expecting();
    for (number, bytes) in frames.iter().enumerate() {
        whole.push(timed(number, bytes));
    }
    whole.secrets(&keys());
    whole.close();
    let whole = whole.take_events();
    assert!(opened(&whole).iter().any(|flow| flow.2.0 != 0));
    for count in 1..=4 {
        let told = shared(expecting(), count, 9, &frames, &keys());
        assert!(lines(&told) == lines(&whole), "{count} shares");
    }
}

fn lines(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{event:?}")).collect()
}

/// Where the address of the near end has its last byte.
fn near(bytes: &[u8]) -> usize {
    if bytes[26..30] == build::NEAR.octets() {
        29
    } else {
        33
    }
}

/// What so many shares tell of frames, and of keys behind them.
fn shared(
    extractor: Extractor,
    count: usize,
    batch: usize,
    frames: &[Vec<u8>],
    keys: &[u8],
) -> Vec<Event> {
    let (mut dispatcher, mut shares) = extractor.share_out(count);
    let mut told = Vec::new();
    for (number, bytes) in frames.iter().enumerate() {
        dispatcher.push(timed(number, bytes));
        let last = number + 1 == frames.len();
        if last && !keys.is_empty() {
            dispatcher.secrets(keys);
        }
        if last || number % batch == 0 {
            let full = dispatcher.take_batch(Batch::default());
            let works = shares.iter_mut().map(|share| share.work(&full));
            told.extend(merge(works.collect()));
        }
    }
    let mut gathered = Extractor::gather(dispatcher, shares).unwrap();
    gathered.close();
    told.extend(gathered.take_events());
    told
}

/// A drone of Kismet hears a protected network, of which there is a key.
#[test]
fn keys_open_what_streams_carry() {
    let air = keyed::conversations().next().unwrap();
    let mut connection = Connection::to(2502);
    let [_, hello] = drone_hello();
    connection.say(Way::Back, 1_400, &hello);
    for (_, frame) in &air.frames {
        connection.say(Way::Back, 1_400, &heard(0, &[], 105, frame));
    }
    let keys = air.keys.join("\n");
    let flows = |extractor| opened(&events_of(extractor, &connection.frames)).len();
    assert_eq!(flows(Extractor::new(Limits::default())), 1);
    let with = || {
        let mut extractor = Extractor::new(Limits::default());
        assert_eq!(extractor.secrets(keys.as_bytes()), 1);
        extractor
    };
    assert_eq!(flows(with()), 2);
    let mut extractor = with();
    for (number, bytes) in connection.frames.iter().enumerate() {
        extractor.push(timed(number, bytes));
    }
    assert_eq!(extractor.coverage().keys, (1, 1));

    let whole = lines(&events_of(with(), &connection.frames));
    for count in 1..=4 {
        let told = shared(with(), count, 7, &connection.frames, b"");
        assert!(lines(&told) == whole, "{count} shares");
    }
}
