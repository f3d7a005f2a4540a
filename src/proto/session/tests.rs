use std::net::SocketAddr;

use crate::event::{BlindSpot, EventKind};
use crate::flow::{ClientBy, Ending, Endpoints, Transport};
use crate::proto::Context;
use crate::proto::testkit::{
    C, GOES_ON, S, Turn, brief, ends, hello, play, play_on, same_however_cut, says,
};

fn proxied(kind: &str) -> String {
    format!("hello Proxy {{ kind: {kind:?}, target: \"site.example\", port: 443 }}")
}

/// What SOCKS says of a connection to port 443 that is then made.
fn socks(kind: &str, spent: [u64; 2]) -> [String; 3] {
    [
        "tunnel to site.example:443".to_owned(),
        format!("opened {spent:?}"),
        proxied(kind),
    ]
}

#[test]
fn a_session_is_small() {
    assert!(size_of::<super::Session>() <= 48);
}

#[test]
fn tls_is_found_on_any_port() {
    for port in [443, 8443, 25, 53, 80, 12_345] {
        let turns = [says(C, hello("site.example"))];
        assert_eq!(brief(&play(port, &turns)), ["hello Tls"], "{port}");
        same_however_cut(port, &turns);
    }
}

#[test]
fn connect_opens_a_tunnel_for_tls_or_http() {
    let connect = "CONNECT site.example:443 HTTP/1.1\r\nHost: site.example\r\n\r\n";
    let turns = [
        says(C, connect),
        says(S, "HTTP/1.1 200 Connection established\r\n\r\n"),
        says(C, hello("site.example")),
    ];
    assert_eq!(
        brief(&play(3128, &turns)),
        [
            "request 0 CONNECT site.examplesite.example:443 body 0/0".to_owned(),
            "response 0 200 body 0/0".to_owned(),
            proxied("HTTP CONNECT"),
        ]
    );
    same_however_cut(3128, &turns);
    let turns = [
        says(C, connect),
        says(S, "HTTP/1.0 200 OK\r\n\r\n"),
        says(C, "GET /1.crl HTTP/1.1\r\nHost: e7.c.lencr.org\r\n\r\n"),
        says(S, "HTTP/1.1 204 No\r\n\r\n"),
    ];
    assert_eq!(
        brief(&play(3128, &turns))[2..],
        [
            "request 1 GET e7.c.lencr.org/1.crl body 0/0",
            "response 1 204 body 0/0"
        ]
    );
    same_however_cut(3128, &turns);
}

#[test]
fn connect_may_need_credentials_and_a_second_try() {
    let connect = "CONNECT site.example:443 HTTP/1.1\r\nHost: site.example:443\r\n\r\n";
    let turns = [
        says(C, connect),
        says(
            S,
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nnope",
        ),
        says(C, connect),
        says(S, "HTTP/1.1 200 OK\r\n\r\n"),
        says(C, hello("site.example")),
    ];
    let lines = brief(&play(8080, &turns));
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1], "response 0 407 body 0/4");
    assert_eq!(lines[4], proxied("HTTP CONNECT"));
    same_however_cut(8080, &turns);
}

#[test]
fn a_hello_sent_ahead_waits_for_the_proxy() {
    let connect = "CONNECT site.example:443 HTTP/1.1\r\n\r\n";
    let turns = [
        says(C, [connect.as_bytes(), &hello("site.example")].concat()),
        says(S, "HTTP/1.1 200 OK\r\n\r\n"),
        says(C, GOES_ON),
    ];
    let lines = brief(&play(8080, &turns));
    assert_eq!(lines[2], proxied("HTTP CONNECT"));
    same_however_cut(8080, &turns);
    // Only the client's side was captured.
    let turns = [
        says(C, connect),
        says(C, hello("site.example")),
        says(C, GOES_ON),
    ];
    assert_eq!(
        brief(&play(8080, &turns))[1..],
        ["anomaly StreamGap".to_owned(), proxied("HTTP CONNECT")]
    );
    assert_eq!(
        brief(&play(8080, &turns[..2]))[1..],
        ["anomaly StreamGap".to_owned(), proxied("HTTP CONNECT")]
    );
}

#[test]
fn socks_in_its_versions() {
    let five: &[&[Turn]] = &[
        &[
            says(C, [5, 2, 0, 2]),
            says(S, [5, 0]),
            says(C, b"\x05\x01\x00\x03\x0csite.example\x01\xbb"),
            says(S, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        ],
        &[
            says(C, [5, 1, 2]),
            says(S, [5, 2]),
            says(C, b"\x01\x02me\x03pwd"),
            says(S, [1, 0]),
            says(C, b"\x05\x01\x00\x03\x0csite.example\x01\xbb"),
            says(S, b"\x05\x00\x00\x03\x01x\x00\x00"),
        ],
    ];
    let four = [
        says(C, b"\x04\x01\x01\xbb\x00\x00\x00\x01me\0site.example\0"),
        says(S, [0, 0x5a, 0, 0, 0, 0, 0, 0]),
    ];
    for (talk, kind, spent) in [
        (five[0], "SOCKS5", [23, 12]),
        (five[1], "SOCKS5", [30, 12]),
        (&four[..], "SOCKS4", [24, 8]),
    ] {
        let mut turns = talk.to_vec();
        turns.push(says(C, hello("site.example")));
        assert_eq!(brief(&play(1080, &turns)), socks(kind, spent));
        same_however_cut(1080, &turns);
    }
}

/// Two queues of a card may bring an answer before what it answers.
#[test]
fn socks_is_read_when_the_answer_comes_first() {
    let five = [
        says(S, [5, 0]),
        says(C, [5, 1, 0]),
        says(C, b"\x05\x01\x00\x03\x0csite.example\x01\xbb"),
        says(S, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        says(C, hello("site.example")),
    ];
    let early = [
        says(S, [5, 2]),
        says(S, [1, 0]),
        says(C, [5, 2, 0, 2]),
        says(S, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        says(C, b"\x01\x02me\x03pwd"),
        says(C, b"\x05\x01\x00\x03\x0csite.example\x01\xbb"),
        says(C, hello("site.example")),
    ];
    let four = [
        says(S, [0, 0x5a, 0, 0, 0, 0, 0, 0]),
        says(C, b"\x04\x01\x01\xbb\x00\x00\x00\x01me\0site.example\0"),
        says(C, hello("site.example")),
    ];
    for (turns, kind, spent) in [
        (&five[..], "SOCKS5", [22, 12]),
        (&early, "SOCKS5", [31, 14]),
        (&four, "SOCKS4", [24, 8]),
    ] {
        assert_eq!(brief(&play(1080, turns)), socks(kind, spent));
        same_however_cut(1080, turns);
    }
    // What only looks like an answer is let be once the client has spoken.
    let other = [
        says(S, [5, 0]),
        says(C, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n"),
    ];
    assert_eq!(
        brief(&play(8080, &other))[0],
        "request 0 GET h.example/ body 0/0"
    );
}

#[test]
fn socks_names_addresses_too_and_refusals_end_it() {
    let target = |request: &[u8], reply: &[u8]| {
        let turns = [
            says(C, [5, 1, 0]),
            says(S, [5, 0]),
            says(C, request),
            says(S, reply),
            says(C, hello("x")),
        ];
        brief(&play(9050, &turns)).join("")
    };
    let granted = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    assert!(
        target(&[5, 1, 0, 1, 192, 0, 2, 7, 0, 80], &granted).contains("\"192.0.2.7\", port: 80")
    );
    let mut six = vec![5, 1, 0, 4, 0x20, 1, 0x0d, 0xb8];
    six.extend([0; 11]);
    six.extend([1, 1, 0xbb]);
    assert!(target(&six, &granted).contains("\"2001:db8::1\", port: 443"));
    assert_eq!(
        target(
            &[5, 1, 0, 1, 192, 0, 2, 7, 0, 80],
            &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]
        ),
        "tunnel to 192.0.2.7:80refused"
    );
    let refused = [
        says(C, b"\x04\x01\x00\x50\x00\x00\x00\x01me\0site.example\0"),
        says(S, [0, 0x5b, 0, 0, 0, 0, 0, 0]),
    ];
    assert_eq!(
        brief(&play(1080, &refused)),
        ["tunnel to site.example:80", "refused"]
    );
    same_however_cut(1080, &refused);
    let four = [
        says(C, b"\x04\x01\x00\x50\xc0\x00\x02\x07me\0"),
        says(S, [0, 0x5a, 0, 0, 0, 0, 0, 0]),
        says(C, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n"),
    ];
    let events = play(1080, &four);
    assert_eq!(
        brief(&events)[..3],
        [
            "tunnel to 192.0.2.7:80",
            "opened [11, 8]",
            "request 0 GET h.example/ body 0/0"
        ]
    );
    assert!(matches!(&events[2].kind, EventKind::Request(request) if request.tunnelled));
}

#[test]
fn starttls_inside_a_tunnel_keeps_the_tunnels_target() {
    let turns = [
        says(C, [5, 1, 0]),
        says(S, [5, 0]),
        says(C, b"\x05\x01\x00\x03\x0csite.example\x01\xbb"),
        says(S, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        says(S, "220 mx\r\n"),
        says(C, "STARTTLS\r\n"),
        says(S, "220 go\r\n"),
        says(C, hello("site.example")),
    ];
    assert_eq!(brief(&play(1080, &turns)), socks("SOCKS5", [22, 12]));
    same_however_cut(1080, &turns);
}

#[test]
fn the_balancers_header_tells_the_client() {
    let v2 = |command: u8, family: u8, addresses: &[u8]| {
        let head = [command, family, 0, u8::try_from(addresses.len()).unwrap()];
        [b"\r\n\r\n\0\r\nQUIT\n", &head[..], addresses].concat()
    };
    let four = [198, 51, 100, 7, 10, 0, 0, 1, 0x13, 0x88, 1, 0xbb];
    let mut six = [0; 36];
    (six[0], six[1], six[15]) = (0x20, 0x01, 9);
    (six[32], six[33]) = (0x13, 0x88);
    let cases = [
        (
            b"PROXY TCP4 198.51.100.7 10.0.0.1 5000 443\r\n".to_vec(),
            "198.51.100.7:5000",
        ),
        (
            b"PROXY TCP6 2001::9 2001::1 5000 443\r\n".to_vec(),
            "[2001::9]:5000",
        ),
        (v2(0x21, 0x11, &four), "198.51.100.7:5000"),
        (v2(0x21, 0x21, &six), "[2001::9]:5000"),
        // On its own behalf, of an unknown family, or no address at all.
        (v2(0x20, 0x11, &four), ""),
        (v2(0x21, 0x31, &four), ""),
        (v2(0x21, 0x11, &four[..5]), ""),
        (b"PROXY UNKNOWN\r\n".to_vec(), ""),
        (b"PROXY TCP4 2001::9 2001::1 5000 443\r\n".to_vec(), ""),
        (b"PROXY TCP4 \xff\xff\r\n".to_vec(), ""),
    ];
    for (header, client) in cases {
        let turns = [says(C, [header, hello("site.example")].concat())];
        let mut told = Vec::new();
        if !client.is_empty() {
            told.push(format!("RealClient({client})"));
        }
        told.push("hello Tls".to_owned());
        assert_eq!(brief(&play(443, &turns)), told);
        same_however_cut(443, &turns);
    }
}

#[test]
fn tunnels_in_tunnels_have_an_end() {
    let mut turns = Vec::new();
    for _ in 0..50 {
        turns.push(says(C, "CONNECT a.example:443 HTTP/1.1\r\n\r\n"));
        turns.push(says(S, "HTTP/1.1 200 OK\r\n\r\n"));
    }
    assert!(play(8080, &turns).len() < 40);
    let all = "PROXY UNKNOWN\r\n".repeat(100);
    assert!(play(8080, &[says(C, all)]).is_empty());
}

#[test]
fn what_hides_the_rest_is_said_once() {
    assert_eq!(
        brief(&play(22, &[says(S, "SSH-2.0-OpenSSH_9.9\r\n")])),
        ["blind Ssh"]
    );
    let reset = [&[0, 14, 0x38][..], &[7; 13]].concat();
    assert_eq!(brief(&play(443, &[says(C, &reset)])), ["blind OpenVpn"]);
    assert!(play(443, &[says(C, "random text of no protocol\r\n")]).is_empty());
}

#[test]
fn datagrams_are_told_by_their_shape() {
    let blind = |port: u16, bytes: &[u8]| {
        let ends = Endpoints {
            transport: Transport::Udp,
            ..ends(port, ClientBy::First)
        };
        let mut cx = Context::default();
        let turns = [says(C, bytes), says(C, bytes)];
        brief(&play_on(ends, &turns, &[], Ending::Expired, &mut cx)).join(" ")
    };
    let spot = |spot: BlindSpot| format!("blind {spot:?}");
    let mut wireguard = vec![0; 148];
    wireguard[0] = 1;
    assert_eq!(blind(51_820, &wireguard), spot(BlindSpot::WireGuard));
    assert_eq!(blind(40_000, &wireguard), spot(BlindSpot::WireGuard));
    let openvpn = [&[0x38][..], &[9; 13]].concat();
    assert_eq!(blind(1194, &openvpn), spot(BlindSpot::OpenVpn));
    let mut ike = [
        &[7; 16][..],
        &[33, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 40],
        &[0; 12],
    ]
    .concat();
    assert_eq!(blind(500, &ike), spot(BlindSpot::Ipsec));
    ike.splice(..0, [0; 4]);
    assert_eq!(blind(4500, &ike), spot(BlindSpot::Ipsec));
    assert_eq!(blind(4500, &[9; 80]), spot(BlindSpot::Ipsec));
    assert_eq!(blind(4500, &[0xff]), "");
    assert_eq!(blind(40_000, &[9; 80]), "");
}

#[test]
fn ends_taken_for_each_other_are_put_right() {
    let mut ends = ends(8080, ClientBy::Port);
    std::mem::swap(&mut ends.client, &mut ends.server);
    let client: SocketAddr = ends.server;
    let mut cx = Context::default();
    // The end taken for the server asks.
    let turns = [
        says(S, "GET / HTTP/1.1\r\nHost: h.example\r\n\r\n"),
        // From here on sides are meant by the new ends.
        says(S, "HTTP/1.1 204 No\r\n\r\n"),
    ];
    let events = play_on(ends, &turns, &[], Ending::Finished, &mut cx);
    assert_eq!(
        brief(&events),
        [
            "request 0 GET h.example/ body 0/0",
            "response 0 204 body 0/0"
        ]
    );
    assert_eq!(client.port(), 50_000);
}

#[test]
fn a_tunnel_lets_go_of_the_answer_that_was_being_read() {
    let mut ahead = b"CONNECT site.example:443 HTTP/1.1\r\n\r\n".to_vec();
    ahead.extend(hello("site.example"));
    // Found by the fuzzer: the proxy's answer ends after its first byte. Whatever is held is counted, so it
    // must be given back.
    let turns = [says(C, ahead), says(S, "H")];
    assert_eq!(brief(&play(3128, &turns))[2..], [proxied("HTTP CONNECT")]);
    same_however_cut(3128, &turns);
}
