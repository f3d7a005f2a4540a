//! Captures that begin late, miss bytes or hold something else.

use super::*;
use crate::flow::ClientBy;

#[test]
fn a_cut_hello_and_a_cut_certificate() {
    let hello = client_hello();
    let flight = record(
        22,
        &[server_hello(0x0303, false), certificate(), certificate()].concat(),
    );
    let mut talk = Talk::new();
    talk.say(Client, 0, &hello[..hello.len() - 3])
        .lose(Client, 3)
        .say(Server, 1, &flight[..600])
        .lose(Server, u64::try_from(flight.len() - 600).unwrap())
        .say(Server, 2, &record(22, &message(14, b"")));
    assert_eq!(
        talk.facts(),
        [
            "hello shop.example",
            "ClientHello is cut short by the capture",
            "server 0303 Some(false)",
            "chain Server 02",
            "Certificate message is cut short by the capture",
        ]
    );
}

#[test]
fn a_lost_flight_is_told() {
    let flight = record(
        22,
        &[server_hello(0x0303, false), certificate(), message(14, b"")].concat(),
    );
    let mut talk = Talk::new();
    talk.say(Client, 0, &client_hello()).lose(Server, 700);
    talk.say(Server, 1, &flight[flight.len() - 4..]);
    talk.say(Client, 2, &record(22, &message(16, &[0; 32])));
    assert_eq!(
        talk.facts(),
        [
            "hello shop.example",
            "bytes of the server's handshake are missing"
        ]
    );
}

#[test]
fn a_side_whose_start_is_missing_is_found_again() {
    let mut talk = Talk::new();
    let rest = [&[0x55; 700][..], &record(22, &message(14, b""))].concat();
    let finished = [change_cipher_spec(), record(22, &[0xaa; 40])].concat();
    talk.say(Client, 0, &client_hello())
        .say(Server, 10, &rest)
        .say(
            Client,
            20,
            &[record(22, &message(16, &[0; 32])), finished].concat(),
        )
        .say(Client, 30, &record(23, &[0; 60]));
    assert_eq!(
        talk.all()[1..],
        [
            "hello shop.example",
            "bytes of the server's handshake are missing",
            "beat Server ServerFlight 4",
            "beat Client KeyExchange 36",
            "beat Client AppData 60",
        ]
    );
}

#[test]
fn garbage_is_told() {
    let mut talk = Talk::new();
    talk.say(Client, 0, b"220 not TLS at all\r\n");
    assert!(talk.is_done());
    assert_eq!(talk.all(), ["no TLS record where one must begin"]);
}

#[test]
fn mid_stream_is_quiet_and_soon_done() {
    let mut talk = Talk::new();
    for _ in 0..4 {
        talk.say(Server, 0, &record(23, &[0; 100]));
    }
    assert!(talk.is_done());
    assert_eq!(talk.all(), [""; 0]);
    let mut sealed = Talk::new();
    sealed.say(Client, 0, &record(22, &[0xee; 40]));
    assert!(sealed.is_done());
    assert_eq!(sealed.all(), [""; 0]);
}

#[test]
fn a_swapped_start_is_put_right() {
    let mut talk = Talk::new();
    let (client, server) = (talk.ends.client, talk.ends.server);
    talk.say(Server, 0, &client_hello());
    assert_eq!((talk.ends.client, talk.ends.server), (server, client));
    assert_eq!(talk.ends.decided, ClientBy::Payload);
    talk.say(
        Server,
        10,
        &record(22, &[server_hello(0x0303, false), certificate()].concat()),
    );
    assert_eq!(
        talk.facts()[1..],
        ["server 0303 Some(false)", "chain Server 02"]
    );
    let mut one_sided = Talk::new();
    one_sided.say(Client, 0, &record(22, &server_hello(0x0304, false)));
    assert_eq!(one_sided.facts(), ["server 0304 Some(false)"]);
    assert_eq!(one_sided.ends.decided, ClientBy::Payload);
}
