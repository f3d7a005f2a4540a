//! Every handshake of the bundled captures, held against what tshark finds in them with the same keys:
//! `captures/handshakes.json`, made by `tests/oracle/handshakes.py`.

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
