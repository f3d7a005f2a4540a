use proptest::prelude::*;

use super::*;
use crate::proto::tls::testing::{Hello, vec8, vec16};

fn read(hello: &Hello) -> (ClientHello, Option<&'static str>) {
    client_hello(&hello.body(), Carrier::Tls, FrameNo::new(1), false, true)
}

fn server(version: u16, random: [u8; 32], extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend(random);
    body.extend(vec8(&[7; 32]));
    body.extend([0x13, 0x01, 0]);
    if !extensions.is_empty() {
        body.extend(vec16(extensions));
    }
    body
}

#[test]
fn facts_of_a_full_hello() {
    let mut hello = Hello::new("Shop.Example.");
    hello.session_id = vec![1; 32];
    hello.alpn(&[b"h2", b"\x00\xff"]);
    hello.versions(&[0x5a5a, 0x0304, 0x0303]);
    for kind in [STATUS_REQUEST, EARLY_DATA, ENCRYPTED_CLIENT_HELLO] {
        hello.extension(kind, &[0]);
    }
    let (facts, problem) = read(&hello);
    assert_eq!(problem, None);
    assert_eq!(facts.sni, Some(Name::new("shop.example")));
    assert_eq!(*facts.alpn, ["h2", "\\x00\\xff"]);
    assert_eq!(facts.max_version, TLS13);
    assert!(facts.status_request && facts.early_data);
    assert_eq!(facts.ech, Ech::Offered);
    assert_eq!(facts.random, [0x5a; 32]);
    // The session id of a TLS 1.3 client stands for nothing.
    assert!(!facts.offers_resumption);
}

#[test]
fn resumption_is_offered_by_id_ticket_or_key() {
    let plain = Hello::new("a.example");
    let mut by_id = Hello::new("a.example");
    by_id.session_id = vec![1; 32];
    let mut empty_ticket = Hello::new("a.example");
    empty_ticket.extension(SESSION_TICKET, &[]);
    let mut ticket = Hello::new("a.example");
    ticket.extension(SESSION_TICKET, &[1]);
    let mut key = Hello::new("a.example");
    key.versions(&[0x0304]);
    key.extension(PRE_SHARED_KEY, &[1]);
    let offers = [plain, by_id, empty_ticket, ticket, key].map(|h| read(&h).0.offers_resumption);
    assert_eq!(offers, [false, true, false, true, true]);
}

#[test]
fn a_hello_without_extensions_is_whole() {
    let (facts, problem) = read(&Hello::new(""));
    assert_eq!((facts.sni, problem), (None, None));
    assert_eq!(facts.max_version, 0x0303);
}

#[test]
fn an_unfit_server_name_is_no_name() {
    for name in [&b""[..], b"a b", b"\xff\xfe", &[b'a'; 300]] {
        let mut hello = Hello::new("");
        hello.extension(SERVER_NAME, &vec16(&[&[0][..], &vec16(name)].concat()));
        let (facts, problem) = read(&hello);
        assert_eq!(facts.sni, None);
        assert_eq!(problem, Some("malformed server_name in a ClientHello"));
    }
    let mut other_kind = Hello::new("");
    other_kind.extension(SERVER_NAME, &vec16(&[&[9][..], &vec16(b"x")].concat()));
    assert_eq!(read(&other_kind).1, None);
}

#[test]
fn a_cut_hello_gives_what_stands_before_the_cut() {
    let mut hello = Hello::new("shop.example");
    hello.alpn(&[b"h2"]);
    let body = hello.body();
    let name_end = body.windows(7).position(|w| w == b"example").unwrap() + 7;
    for cut in 0..body.len() {
        let (facts, problem) =
            client_hello(&body[..cut], Carrier::Tls, FrameNo::new(1), false, false);
        assert_eq!(facts.sni.is_some(), cut >= name_end, "cut at {cut}");
        assert_eq!(&*facts.ja4, "");
        assert_eq!(problem, Some("ClientHello is cut short by the capture"));
    }
}

#[test]
fn broken_hellos_are_told() {
    let body = Hello::new("shop.example").body();
    let (facts, problem) = client_hello(&body[..60], Carrier::Tls, FrameNo::new(1), false, true);
    assert_eq!(problem, Some("ClientHello ends early"));
    assert_eq!(&*facts.ja4, "");
    let longer = [&body[..], &[0]].concat();
    let (facts, problem) = client_hello(&longer, Carrier::Tls, FrameNo::new(1), false, true);
    assert_eq!(problem, Some("ClientHello has bytes after its extensions"));
    assert!(facts.sni.is_some());
}

#[test]
fn server_hellos() {
    let versions = [0, 43, 0, 2, 3, 4];
    let key = [0, 41, 0, 2, 0, 0];
    let tls12 = server_hello(&server(0x0303, [1; 32], &[])).unwrap();
    assert_eq!(
        (tls12.version, tls12.resumed, tls12.retry),
        (0x0303, None, false)
    );
    let full = server_hello(&server(0x0303, [1; 32], &versions)).unwrap();
    assert_eq!(
        (full.version, full.suite, full.resumed),
        (TLS13, 0x1301, Some(false))
    );
    let resumed = server_hello(&server(0x0303, [1; 32], &[versions, key].concat())).unwrap();
    assert_eq!(resumed.resumed, Some(true));
    let retry = server_hello(&server(0x0303, RETRY_RANDOM, &versions)).unwrap();
    assert_eq!((retry.retry, retry.resumed), (true, None));
    let draft = server_hello(&server(0x0303, [1; 32], &[0, 43, 0, 2, 0x7f, 0x1c])).unwrap();
    assert_eq!(draft.version, TLS13);
    let short = server(0x0303, [1; 32], &versions);
    assert!(server_hello(&short[..short.len() - 1]).is_err());
}

#[test]
fn grease_is_recognised() {
    assert!((0..16).all(|n: u16| is_grease(0x0a0a + n * 0x1010)));
    assert!(!is_grease(0x0a1a) && !is_grease(0x1301));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), whole: bool) {
        let (facts, problem) = client_hello(&bytes, Carrier::Dtls, FrameNo::new(1), false, whole);
        prop_assert!(whole || problem.is_some());
        prop_assert!(facts.alpn.len() <= ALPN_KEPT);
        let _ = server_hello(&bytes);
    }

    #[test]
    fn any_extensions(list in prop::collection::vec((0_u16..60, prop::collection::vec(any::<u8>(), 0..20)), 0..20)) {
        let mut hello = Hello::new("");
        hello.extensions = list;
        let (facts, problem) = read(&hello);
        prop_assert!(problem.is_none_or(|p| p.contains("server_name")));
        prop_assert_eq!(facts.ja4.len(), 36);
    }
}

/// Another reader's view of a hello: extension types in order, server name, protocol names.
fn second_opinion(body: &[u8]) -> (Vec<u16>, Option<String>, Vec<String>) {
    use tls_parser::{TlsExtension, TlsExtensionType, TlsMessageHandshake};
    let message = crate::proto::tls::testing::message(1, body);
    let (_, parsed) = tls_parser::parse_tls_message_handshake(&message).unwrap();
    let tls_parser::TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) = parsed else {
        panic!("no ClientHello");
    };
    let extensions = hello.ext.map_or(Vec::new(), |ext| {
        let (rest, list) = tls_parser::parse_tls_client_hello_extensions(ext).unwrap();
        assert!(rest.is_empty());
        list
    });
    let (mut name, mut alpn) = (None, Vec::new());
    for extension in &extensions {
        match extension {
            TlsExtension::SNI(names) => {
                name = names
                    .first()
                    .map(|(_, name)| String::from_utf8_lossy(name).into_owned());
            }
            TlsExtension::ALPN(names) => {
                alpn = names
                    .iter()
                    .map(|name| name.escape_ascii().to_string())
                    .collect();
            }
            _ => {}
        }
    }
    let types = extensions.iter().map(|e| TlsExtensionType::from(e).0);
    (types.collect(), name, alpn)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_readers_agree(
        name in "[a-z]{1,20}\\.example",
        protocols in prop::collection::vec("[a-z0-9/.]{1,9}", 1..4),
        // Types that the other reader passes on untouched: it takes 0x1a9a for GREASE.
        others in prop::collection::vec((100_u16..9_000, prop::collection::vec(any::<u8>(), 0..20)), 0..9),
    ) {
        let mut hello = Hello::new(&name);
        hello.alpn(&protocols.iter().map(String::as_bytes).collect::<Vec<_>>());
        hello.extensions.extend(others.into_iter().filter(|(kind, _)| kind & 0x0f0f != 0x0a0a));
        let (facts, problem) = read(&hello);
        let (types, other_name, other_alpn) = second_opinion(&hello.body());
        prop_assert_eq!(problem, None);
        prop_assert_eq!(facts.sni.map(|n| n.as_str().to_owned()), other_name);
        prop_assert_eq!(&facts.alpn[..], other_alpn);
        let ours = ClientFields::read(&hello.body(), false).extensions.map(|(kind, _)| kind).collect::<Vec<_>>();
        prop_assert_eq!(ours, types);
    }
}
