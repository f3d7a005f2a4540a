use proptest::prelude::*;

use crate::flow::{ClientBy, Ending};
use crate::proto::Context;
use crate::proto::testkit::{
    C, GOES_ON, S, Turn, brief, ends, hello, play, play_on, same_however_cut, says,
};

/// A talk that ends in the client's hello.
fn upgraded(port: u16, talk: &[(crate::flow::Side, &[u8])]) -> Vec<String> {
    let mut turns: Vec<Turn> = talk
        .iter()
        .map(|(side, bytes)| says(*side, bytes))
        .collect();
    turns.push(says(C, hello("mail.example")));
    same_however_cut(port, &turns);
    brief(&play(port, &turns))
}

fn carried_by(protocol: &str) -> Vec<String> {
    vec![format!("hello StartTls({protocol:?})")]
}

#[test]
fn smtp() {
    let talk: [(_, &[u8]); 6] = [
        (S, b"220-mx.example ESMTP\r\n220 ready\r\n"),
        (C, b"EHLO me\r\n"),
        (S, b"250-mx.example\r\n250-STARTTLS\r\n250 HELP\r\n"),
        (C, b"NOOP\r\nstarttls\r\n"),
        (S, b"250 ok\r\n"),
        (S, b"220 2.0.0 Ready\r\n"),
    ];
    assert_eq!(upgraded(25, &talk), carried_by("SMTP"));
    assert_eq!(upgraded(2525, &talk), carried_by("SMTP"));
    let lmtp: [(_, &[u8]); 5] = [
        (S, b"220 lmtp\r\n"),
        (C, b"LHLO me\r\n"),
        (S, b"250 STARTTLS\r\n"),
        (C, b"STARTTLS\r\n"),
        (S, b"220 go\r\n"),
    ];
    assert_eq!(upgraded(24, &lmtp), carried_by("LMTP"));
}

#[test]
fn a_refused_upgrade_may_be_asked_for_again() {
    let talk: [(_, &[u8]); 6] = [
        (S, b"220 mx\r\n"),
        (C, b"STARTTLS\r\n"),
        (S, b"454 not now\r\n"),
        (C, b"EHLO x\r\nSTARTTLS\r\n"),
        (S, b"250 x\r\n"),
        (S, b"220 go\r\n"),
    ];
    assert_eq!(upgraded(25, &talk), carried_by("SMTP"));
}

#[test]
fn imap_pop3_ftp_nntp_sieve_irc() {
    let talk: [(_, &[u8]); 5] = [
        (S, b"* OK IMAP4rev1 STARTTLS\r\n"),
        (C, b"a1 CAPABILITY\r\n"),
        (S, b"* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"),
        (C, b"a2 STARTTLS\r\n"),
        (S, b"* OK still here\r\na2 OK begin\r\n"),
    ];
    assert_eq!(upgraded(143, &talk), carried_by("IMAP"));
    let talk: [(_, &[u8]); 3] = [
        (S, b"+OK POP3 ready\r\n"),
        (C, b"STLS\r\n"),
        (S, b"+OK begin\r\n"),
    ];
    assert_eq!(upgraded(110, &talk), carried_by("POP3"));
    let talk: [(_, &[u8]); 3] = [
        (S, b"220 FTP\r\n"),
        (C, b"AUTH TLS\r\n"),
        (S, b"234 go\r\n"),
    ];
    assert_eq!(upgraded(21, &talk), carried_by("FTP"));
    let talk: [(_, &[u8]); 3] = [
        (S, b"200 news\r\n"),
        (C, b"STARTTLS\r\n"),
        (S, b"382 go\r\n"),
    ];
    assert_eq!(upgraded(119, &talk), carried_by("NNTP"));
    let talk: [(_, &[u8]); 3] = [
        (S, b"\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\n"),
        (C, b"STARTTLS\r\n"),
        (S, b"OK \"go\"\r\n"),
    ];
    assert_eq!(upgraded(4190, &talk), carried_by("ManageSieve"));
    let talk: [(_, &[u8]); 3] = [
        (C, b"CAP LS 302\r\nNICK me\r\nSTARTTLS\r\n"),
        (S, b":irc.example NOTICE * :Looking up\r\n"),
        (S, b":irc.example 670 me :go\r\n"),
    ];
    assert_eq!(upgraded(6667, &talk), carried_by("IRC"));
}

#[test]
fn xmpp() {
    let talk: [(_, &[u8]); 4] = [
        (C, b"<?xml version='1.0'?><stream:stream to='example'>"),
        (
            S,
            b"<?xml version='1.0'?><stream:stream><stream:features>\
              <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
        ),
        (C, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        (S, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'></proceed>"),
    ];
    assert_eq!(upgraded(5222, &talk), carried_by("XMPP"));
}

#[test]
fn ldap() {
    let request = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
    let talk: [(_, &[u8]); 2] = [
        (C, request),
        (
            S,
            b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00",
        ),
    ];
    assert_eq!(upgraded(389, &talk), carried_by("LDAP"));
    let refused = [
        says(C, request),
        says(
            S,
            b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00",
        ),
    ];
    assert!(play(389, &refused).is_empty());
}

#[test]
fn postgres() {
    let ssl: &[u8] = &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
    let gss: &[u8] = &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x30];
    assert_eq!(
        upgraded(5432, &[(C, gss), (S, b"N"), (C, ssl), (S, b"S")]),
        carried_by("PostgreSQL")
    );
    assert!(play(5432, &[says(C, ssl), says(S, "N"), says(C, hello("x"))]).is_empty());
}

#[test]
fn mysql() {
    let greeting = [&[74, 0, 0, 0, 10][..], b"8.0.36\0", &[1; 66]].concat();
    let request = |flags: u8| [&[32, 0, 0, 1, 0x0d, flags][..], &[0; 30]].concat();
    assert_eq!(
        upgraded(3306, &[(S, &greeting), (C, &request(0xae))]),
        carried_by("MySQL")
    );
    let plain = [
        says(S, &greeting),
        says(C, request(0xa6)),
        says(C, hello("x")),
    ];
    assert!(play(3306, &plain).is_empty());
}

#[test]
fn rdp() {
    let request = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00";
    let confirm = b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x1f\x08\x00\x02\x00\x00\x00";
    assert_eq!(
        upgraded(3389, &[(C, request), (S, confirm)]),
        carried_by("RDP")
    );
}

#[test]
fn a_hello_shows_an_upgrade_whose_talk_was_not_captured() {
    // The server's side is missing: the client went on, so it was answered.
    let turns = [
        says(C, b"EHLO me\r\nSTARTTLS\r\n"),
        says(C, hello("mail.example")),
        says(C, GOES_ON),
    ];
    assert_eq!(brief(&play(25, &turns)), carried_by("SMTP"));
    // The request is missing.
    let turns = [
        says(S, b"220 mx\r\n"),
        Turn::Lacks(C, 19),
        Turn::Lacks(S, 30),
        says(C, hello("mail.example")),
    ];
    assert_eq!(brief(&play(25, &turns)), carried_by("SMTP"));
}

#[test]
fn plain_talk_is_left_alone_after_a_while() {
    let turns: Vec<_> = std::iter::once(says(S, b"220 mx\r\n"))
        .chain((0..100).map(|_| says(C, b"some mail that goes on and on\r\n".repeat(64))))
        .chain([says(C, hello("x"))])
        .collect();
    assert!(play(25, &turns).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_panic(
        turns in proptest::collection::vec(
            (any::<bool>(), 0_usize..9, proptest::collection::vec(any::<u8>(), 1..40)),
            1..12,
        ),
        port in prop::sample::select(vec![25_u16, 443, 5432, 6667, 53]),
    ) {
        let starts: [&[u8]; 9] = [
            b"", b"220 x\r\n", b"STARTTLS\r\n", b"<?xml <starttls>", b"\x30\x0c\x02\x01\x01\x78",
            &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f], b"\x03\x00\x00\x13\x0e\xe0", b"\x4a\0\0\0\x0a8.\0",
            b"\x05\x01\x00",
        ];
        let turns: Vec<_> = turns
            .into_iter()
            .map(|(client, start, bytes)| {
                says(if client { C } else { S }, [starts[start], &bytes].concat())
            })
            .collect();
        let mut cx = Context::default();
        play_on(ends(port, ClientBy::First), &turns, &[], Ending::Finished, &mut cx);
    }
}
