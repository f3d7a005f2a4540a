//! The traces of RFC 8448 beside the simple handshake, with key log lines made from the secrets they state.

use super::rfc8448::{client_auth, compatibility, resumed, retry};
use super::*;

/// Takes the four secrets of a trace as lines of a key log.
fn keys(talk: &mut Talk, random: &str, secrets: [&str; 4]) {
    let labels = [
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ];
    for (label, secret) in labels.iter().zip(secrets) {
        let line = format!("{label} {random} {secret}");
        assert!(talk.cx.keys.add_line(line.as_bytes()));
    }
}

/// Plays records of both sides, one frame each.
fn play(talk: &mut Talk, records: &[(Side, &str)]) -> Vec<String> {
    for (millis, (side, record)) in (0..).step_by(10).zip(records) {
        talk.say(*side, millis, &hex(record));
    }
    assert!(talk.cx.keys.used() <= 1);
    let words = talk.close().all();
    assert!(
        !words.iter().any(|w| w.contains("does not open")),
        "{words:?}"
    );
    words
}

#[test]
fn section_4_resumed_with_early_data() {
    let records = [
        (Client, resumed::CLIENT_HELLO),
        (Client, resumed::EARLY_DATA),
        (Server, resumed::SERVER_HELLO),
        (Server, resumed::SERVER_FLIGHT),
        (Client, resumed::END_OF_EARLY_DATA),
        (Client, resumed::CLIENT_FINISHED),
        (Client, resumed::CLIENT_DATA),
        (Server, resumed::SERVER_DATA),
    ];
    for with_keys in [true, false] {
        let mut talk = Talk::new();
        if with_keys {
            let secrets = [
                resumed::CLIENT_HANDSHAKE,
                resumed::SERVER_HANDSHAKE,
                resumed::CLIENT_TRAFFIC,
                resumed::SERVER_TRAFFIC,
            ];
            keys(&mut talk, resumed::RANDOM, secrets);
        }
        let words = play(&mut talk, &records);
        let facts: Vec<&String> = words.iter().filter(|w| !w.starts_with("beat")).collect();
        // A session that was resumed shows no certificate, with or without keys.
        assert_eq!(facts, ["hello server", "server 0304 Some(true)"]);
        assert!(
            words.contains(&"beat Client AppData 23".to_owned()),
            "{words:?}"
        );
    }
}

#[test]
fn section_5_hello_retry_request() {
    let mut talk = Talk::new();
    let secrets = [
        retry::CLIENT_HANDSHAKE,
        retry::SERVER_HANDSHAKE,
        retry::CLIENT_TRAFFIC,
        retry::SERVER_TRAFFIC,
    ];
    keys(&mut talk, retry::RANDOM, secrets);
    let records = [
        (Client, retry::CLIENT_HELLO),
        (Server, retry::HELLO_RETRY_REQUEST),
        (Client, retry::SECOND_CLIENT_HELLO),
        (Server, retry::SERVER_HELLO),
        (Server, retry::SERVER_FLIGHT),
        (Client, retry::CLIENT_FINISHED),
        (Client, retry::CLIENT_ALERT),
    ];
    let mut words = play(&mut talk, &records);
    words.retain(|word| !word.starts_with("beat"));
    assert_eq!(
        words,
        [
            "hello server",
            "retry",
            "hello server again",
            "server 0304 Some(false)",
            "chain Server 02 by keys",
            "alert Client Some(0)",
        ]
    );
    assert_eq!(talk.cx.keys.used(), 1);
}

#[test]
fn section_6_client_authentication() {
    let mut talk = Talk::new();
    let secrets = [
        client_auth::CLIENT_HANDSHAKE,
        client_auth::SERVER_HANDSHAKE,
        client_auth::CLIENT_TRAFFIC,
        client_auth::SERVER_TRAFFIC,
    ];
    keys(&mut talk, client_auth::RANDOM, secrets);
    let records = [
        (Client, client_auth::CLIENT_HELLO),
        (Server, client_auth::SERVER_HELLO),
        (Server, client_auth::SERVER_FLIGHT),
        (Client, client_auth::CLIENT_FLIGHT),
        (Client, client_auth::CLIENT_ALERT),
    ];
    let mut words = play(&mut talk, &records);
    words.retain(|word| !word.starts_with("beat"));
    assert_eq!(
        words,
        [
            "hello server",
            "server 0304 Some(false)",
            "CertificateRequest",
            "chain Server 07 by keys",
            "chain Client 01 by keys",
            "alert Client Some(0)",
        ]
    );
}

#[test]
fn section_7_compatibility_mode() {
    let mut talk = Talk::new();
    let secrets = [
        compatibility::CLIENT_HANDSHAKE,
        compatibility::SERVER_HANDSHAKE,
        compatibility::CLIENT_TRAFFIC,
        compatibility::SERVER_TRAFFIC,
    ];
    keys(&mut talk, compatibility::RANDOM, secrets);
    let records = [
        (Client, compatibility::CLIENT_HELLO),
        (Server, compatibility::SERVER_HELLO),
        (Server, compatibility::CHANGE_CIPHER_SPEC),
        (Server, compatibility::SERVER_FLIGHT),
        (Client, compatibility::CHANGE_CIPHER_SPEC),
        (Client, compatibility::CLIENT_FINISHED),
        (Client, compatibility::CLIENT_ALERT),
    ];
    let mut words = play(&mut talk, &records);
    words.retain(|word| !word.starts_with("beat"));
    assert_eq!(
        words,
        [
            "hello server",
            "server 0304 Some(false)",
            "chain Server 02 by keys",
            "alert Client Some(0)",
        ]
    );
}
