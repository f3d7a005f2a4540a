//! Connections whose secrets are known.

use super::*;

#[test]
fn rfc_8448_simple_handshake_with_keys() {
    let mut talk = Talk::new();
    assert_eq!(
        rfc8448_talk(talk.all_keys()),
        [
            "beat Client ClientHello 196",
            "hello server",
            "beat Server ServerFlight 90",
            "server 0304 Some(false)",
            "beat Server EncryptedHandshake 674",
            "chain Server 02 by keys",
            "beat Client EncryptedHandshake 53",
        ]
    );
    talk.say(Server, 95, &hex(rfc8448::NEW_SESSION_TICKET)).say(
        Client,
        100,
        &hex(rfc8448::CLIENT_DATA),
    );
    assert!(!talk.is_done());
    talk.say(Server, 105, &hex(rfc8448::SERVER_DATA));
    assert!(talk.is_done());
    assert_eq!(
        talk.all(),
        [
            "beat Server EncryptedHandshake 222",
            "beat Client AppData 67",
            "beat Server AppData 67"
        ]
    );
    assert_eq!(talk.cx.keys.used(), 1);
    talk.close();
}

#[test]
fn an_alert_is_read_with_keys() {
    let mut talk = Talk::new();
    rfc8448_talk(talk.all_keys());
    talk.say(Client, 95, &hex(rfc8448::CLIENT_DATA))
        .say(Client, 99, &hex(rfc8448::CLIENT_ALERT));
    assert_eq!(
        talk.all(),
        [
            "beat Client AppData 67",
            "beat Client Alert 19",
            "alert Client Some(0)"
        ]
    );
}

#[test]
fn keys_that_come_late_open_what_was_held() {
    let mut talk = Talk::new();
    talk.cx.keys.expecting = true;
    assert_eq!(
        rfc8448_talk(&mut talk)[4..],
        ["beat Server Encrypted 674", "beat Client Encrypted 53"]
    );
    assert!(talk.cx.held().encrypted > 0);
    talk.all_keys();
    assert!(talk.poked);
    assert_eq!(talk.all(), ["chain Server 02 by keys"]);
    assert_eq!(talk.cx.held().encrypted, 0);
    talk.close();
}

#[test]
fn keys_may_come_when_the_flow_is_bulk_already() {
    let mut talk = Talk::new();
    talk.cx.keys.expecting = true;
    rfc8448_talk(&mut talk);
    talk.say(Client, 100, &hex(rfc8448::CLIENT_DATA))
        .say(Server, 105, &hex(rfc8448::SERVER_DATA));
    assert!(talk.is_done());
    talk.all();
    talk.all_keys();
    assert_eq!(talk.all(), ["chain Server 02 by keys"]);
    talk.close();
}

#[test]
fn nothing_is_held_when_no_keys_are_expected() {
    let mut talk = Talk::new();
    rfc8448_talk(&mut talk);
    assert_eq!(talk.cx.held().encrypted, 0);
}

#[test]
fn holding_is_bounded() {
    let mut talk = Talk::new();
    talk.cx.keys.expecting = true;
    talk.cx.limits.tls_held_total = 500;
    let words = rfc8448_talk(&mut talk);
    assert!(words.contains(&"encrypted handshake not held back for keys that may come".to_owned()));
    assert!(talk.cx.held().encrypted <= 500);
    talk.close();
}

#[test]
fn a_wrong_key_is_told_once_and_shows_nothing() {
    let mut talk = Talk::new();
    let wrong = "00".repeat(32);
    talk.key("SERVER_HANDSHAKE_TRAFFIC_SECRET", &wrong)
        .key("CLIENT_HANDSHAKE_TRAFFIC_SECRET", &wrong);
    rfc8448_talk(&mut talk);
    talk.say(Client, 95, &hex(rfc8448::CLIENT_DATA)).close();
    let mut again = Talk::new();
    again.key("SERVER_HANDSHAKE_TRAFFIC_SECRET", &wrong);
    let words = rfc8448_talk(&mut again);
    let told = words
        .iter()
        .filter(|word| word.contains("does not open"))
        .count();
    assert_eq!(
        (told, words.iter().any(|word| word.contains("chain"))),
        (1, false)
    );
    assert_eq!(again.cx.keys.used(), 0);
}

#[test]
fn a_gap_in_an_encrypted_flight_is_told_when_keys_are_there() {
    let flight = hex(rfc8448::SERVER_FLIGHT);
    for (keys, told) in [(true, 1), (false, 0)] {
        let mut talk = Talk::new();
        if keys {
            talk.all_keys();
        }
        talk.say(Client, 0, &hex(rfc8448::CLIENT_HELLO))
            .say(Server, 10, &hex(rfc8448::SERVER_HELLO))
            .say(Server, 10, &flight[..200])
            .lose(Server, 100)
            .say(Server, 10, &flight[300..])
            .say(Client, 90, &hex(rfc8448::CLIENT_FINISHED));
        let words = talk.facts();
        assert_eq!(
            words.iter().filter(|word| word.contains("missing")).count(),
            told
        );
        talk.close();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn keys_in_any_order_give_the_same_facts(order in Just([0, 1, 2, 3]).prop_shuffle(), before in 0_usize..5) {
        let lines = [
            ("SERVER_HANDSHAKE_TRAFFIC_SECRET", rfc8448::SERVER_HANDSHAKE),
            ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", rfc8448::CLIENT_HANDSHAKE),
            ("SERVER_TRAFFIC_SECRET_0", rfc8448::SERVER_TRAFFIC),
            ("CLIENT_TRAFFIC_SECRET_0", rfc8448::CLIENT_TRAFFIC),
        ];
        let mut talk = Talk::new();
        talk.cx.keys.expecting = true;
        for line in &order[..before.min(4)] {
            talk.key(lines[*line].0, lines[*line].1);
        }
        let mut words = rfc8448_talk(&mut talk);
        for line in &order[before.min(4)..] {
            talk.key(lines[*line].0, lines[*line].1);
        }
        words.extend(talk.close().all());
        words.retain(|word| !word.starts_with("beat"));
        prop_assert_eq!(words, ["hello server", "server 0304 Some(false)", "chain Server 02 by keys"]);
    }
}
