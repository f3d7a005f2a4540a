//! Every handshake of the bundled captures, held against what tshark finds in them with the same keys:
//! `captures/handshakes.json`, made by `tests/oracle/handshakes.py`.

use std::path::Path;

use serde_json::Value;

use crate::listed;
use crate::packaged;

#[test]
fn handshakes_are_what_tshark_finds() {
    let text = std::fs::read_to_string(packaged("captures/handshakes.json")).expect("the list");
    let truth: Value = serde_json::from_str(&text).expect("JSON");
    let (mut captures, mut certificates, mut differences) = (0, 0, Vec::new());
    for capture in truth.as_array().expect("a list of captures") {
        let file = capture["file"].as_str().expect("a file");
        let keylog = capture["keylog"].as_str();
        let keylog = keylog.map(|keylog| packaged("captures").join(keylog));
        let mut ours = listed::of(&packaged("captures").join(file), keylog.as_deref());
        let theirs = capture["handshakes"].as_array().expect("handshakes");
        captures += 1;
        if ours.len() != theirs.len() {
            let (ours, theirs) = (ours.len(), theirs.len());
            differences.push(format!("{file}: {ours} handshakes, {theirs} in tshark"));
        }
        for one in theirs {
            certificates += one["serials"].as_array().map_or(0, Vec::len);
            let place = ours.iter().position(|mine| agree(mine, one));
            if place.map(|place| ours.remove(place)).is_none() {
                differences.push(format!("{file}: lacks {one}"));
            }
        }
    }
    assert_eq!(differences, Vec::<String>::new());
    assert!(
        captures > 100 && certificates > 300,
        "{captures} {certificates}"
    );
}

/// The same facts. A message may be whole before the record is that carries it, which is when tshark tells of it.
fn agree(mine: &Value, theirs: &Value) -> bool {
    let facts = [
        "carrier", "sni", "version", "suite", "resumed", "serials", "staple",
    ];
    let same = facts.iter().all(|fact| mine[*fact] == theirs[*fact]);
    let not_later = |fact: &str| match (mine[fact].as_u64(), theirs[fact].as_u64()) {
        (Some(mine), Some(theirs)) => mine <= theirs,
        (mine, theirs) => mine == theirs,
    };
    same && not_later("client_hello") && not_later("server_hello")
}

/// tshark 4.0 loses the thread where the client makes a new hello after a Retry or a version negotiation.
#[test]
fn new_hellos_of_one_quic_connection_are_told_apart() {
    for name in ["aioquic-retry", "aioquic-version-negotiation"] {
        let file = |kind: &str| packaged(&format!("captures/handshakes/{name}.{kind}"));
        let found = listed::of(&file("pcap"), Some(&file("keylog")));
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0]["sni"], "site.test");
        assert_eq!(found[0]["resumed"], false);
        let serials = found[0]["serials"].as_array().expect("serials");
        assert_eq!(serials.len(), 3, "{name}");
        assert_eq!(serials[0], "500a1b2c3d4e5f60718293a4b5c6d7e8f90");
    }
}

/// A client may go on from another address once the handshake is confirmed (RFC 9000 9), and any NAT may give
/// it another port. What was read of the handshake stays, and the rest is neither another handshake nor a
/// fault.
#[test]
fn a_quic_client_that_moves_is_still_the_one_that_said_hello() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [
        "handshakes/aioquic-aes256",
        "handshakes/aioquic-chacha20",
        "handshakes/aioquic-v2",
        "handshakes/aioquic-resumed-early-data",
        "lab/10a-chromium-http3-aia",
    ] {
        let capture = packaged(&format!("captures/{name}.pcap"));
        let keylog = packaged(&format!("captures/{name}.keylog"));
        let keylog = keylog.exists().then_some(keylog);
        let mut bytes = std::fs::read(&capture).expect("a capture");
        let moved = move_clients(&mut bytes);
        assert!(moved > 2, "{name}: {moved} datagrams moved");
        let elsewhere = folder.path().join("moved.pcap");
        std::fs::write(&elsewhere, bytes).expect("room");
        let before = listed::of(&capture, keylog.as_deref());
        assert_eq!(listed::of(&elsewhere, keylog.as_deref()), before, "{name}");
        let faults = |path: &Path| listed::read(path, keylog.as_deref()).finish();
        let [after, before] = [&elsewhere, &capture].map(|path| faults(path).coverage.anomalies);
        assert_eq!(after, before, "{name}");
    }
}

/// Gives the clients of QUIC another port from their first packet with a short header on (RFC 9000 17.3), and
/// tells how many datagrams that concerns. For pcap files of Ethernet in little-endian order, as tcpdump
/// writes them.
fn move_clients(pcap: &mut [u8]) -> usize {
    const MOVED: u16 = 20_000;
    let (mut at, mut moved, mut gone) = (24, 0, std::collections::BTreeSet::new());
    while let Some(header) = pcap.get(at..at + 16) {
        let length = u32::from_le_bytes(header[8..12].try_into().expect("four octets")) as usize;
        let frame = &mut pcap[at + 16..at + 16 + length];
        at += 16 + length;
        let (protocol, ip) = match (&frame[12..14], frame[14] & 0x0f) {
            ([0x08, 0x00], words) => (frame[23], usize::from(words) * 4),
            ([0x86, 0xdd], _) => (frame[20], 40),
            _ => continue,
        };
        if protocol != 17 {
            continue;
        }
        let udp = &mut frame[14 + ip..];
        let port = |from: &[u8]| u16::from_be_bytes([from[0], from[1]]);
        let (from, to) = (port(udp), port(&udp[2..]));
        let short = udp.get(8).is_some_and(|first| first & 0xc0 == 0x40);
        // Servers sit below, in these captures as by custom.
        let (client, place) = if from > to { (from, 0) } else { (to, 2) };
        if short && from > to && to != 53 {
            gone.insert(client);
        }
        if gone.contains(&client) {
            udp[place..place + 2].copy_from_slice(&(client ^ MOVED).to_be_bytes());
            moved += 1;
        }
    }
    moved
}
