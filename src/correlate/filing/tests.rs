//! What hides lookups and names, told by port, name and protocol.

use super::*;
use crate::correlate::{Config, Correlator};
use crate::event::{ClientHello, Ech, FlowOpened};
use crate::flow::{ClientBy, Scope};
use crate::time::Span;

/// The blind spots of one handshake.
fn spots(port: u16, carrier: Carrier, sni: &str, alpn: &[&str]) -> Vec<BlindSpot> {
    let transport = match carrier {
        Carrier::Quic { .. } | Carrier::Dtls | Carrier::Ike => Transport::Udp,
        _ => Transport::Tcp,
    };
    let opened = FlowOpened {
        ends: Endpoints {
            transport,
            client: ([10, 0, 0, 5], 50_000).into(),
            server: ([192, 0, 2, 1], port).into(),
            scope: Scope(0),
            decided: ClientBy::Syn,
        },
        interface: InterfaceId(0),
        from_start: true,
    };
    let hello = ClientHello {
        carrier,
        first_frame: FrameNo::new(1),
        sni: (!sni.is_empty()).then(|| Name::new(sni)),
        ech: Ech::Absent,
        alpn: alpn.iter().map(ToString::to_string).collect(),
        max_version: 0x0304,
        status_request: false,
        offers_resumption: false,
        early_data: false,
        ja4: Arc::default(),
        second: false,
        random: [7; 32],
    };
    let mut correlator = Correlator::new(Config::default());
    for kind in [
        EventKind::FlowOpened(opened),
        EventKind::ClientHello(Box::new(hello)),
    ] {
        correlator.ingest(Event {
            at: Timestamp::EPOCH,
            frame: FrameNo::new(1),
            flow: FlowId(1),
            kind,
        });
    }
    let report = correlator.report(Coverage::default());
    report.coverage.blind.into_keys().collect()
}

#[test]
fn hidden_lookups_are_told() {
    let quic = Carrier::Quic { version: 1 };
    let cases = [
        (853, Carrier::Tls, "", &[][..], Some(BlindSpot::Dot)),
        (853, quic.clone(), "", &["doq"], Some(BlindSpot::Doq)),
        (8853, quic.clone(), "", &["doq"], Some(BlindSpot::Doq)),
        (443, Carrier::Tls, "", &["dot"], Some(BlindSpot::Dot)),
        (
            443,
            Carrier::Tls,
            "dns.google",
            &["h2"],
            Some(BlindSpot::Doh),
        ),
        (
            443,
            quic.clone(),
            "family.cloudflare-dns.com",
            &["h3"],
            Some(BlindSpot::Doh),
        ),
        (
            443,
            quic.clone(),
            "mask.icloud.com",
            &["h3"],
            Some(BlindSpot::TlsProxy),
        ),
        (
            443,
            Carrier::Tls,
            "consumer-masque.cloudflareclient.com",
            &["h2"],
            Some(BlindSpot::TlsProxy),
        ),
        (443, Carrier::Tls, "notdns.google.example", &["h2"], None),
        (443, quic, "shop.example", &["h3"], None),
    ];
    for (port, carrier, sni, alpn, spot) in cases {
        let found = spots(port, carrier, sni, alpn);
        assert_eq!(
            found,
            spot.into_iter().collect::<Vec<_>>(),
            "{port} {sni} {alpn:?}"
        );
    }
}

#[test]
fn tls_to_a_proxy_is_told_where_proxies_listen() {
    assert_eq!(
        spots(3128, Carrier::Tls, "proxy.example", &[]),
        [BlindSpot::TlsProxy]
    );
    assert_eq!(spots(443, Carrier::Tls, "proxy.example", &[]), []);
    // Inside the tunnel that a proxy opened everything shows.
    let tunnelled = Carrier::Proxy {
        kind: "HTTP CONNECT",
        target: "shop.example".to_owned(),
        port: 443,
    };
    assert_eq!(spots(3128, tunnelled, "shop.example", &[]), []);
}

/// A client at 10.0.0.5 that is told that a name does not exist, at a time in milliseconds.
fn denied(number: u64, name: &str, at: i64) -> Event {
    let asked_at = Timestamp::EPOCH.plus(Span::from_millis(at));
    let answer = DnsAnswer {
        client: ([10, 0, 0, 5], 40_000).into(),
        server: ([127, 0, 0, 53], 53).into(),
        id: 1,
        name: Name::new(name),
        qtype: 1,
        transport: DnsTransport::Udp,
        scope: Scope(0),
        cut: false,
        outcome: DnsOutcome::NoSuchName,
        whole: true,
        chain: Vec::new(),
        addresses: Vec::new(),
        ech_public_names: Vec::new(),
        query_frame: Some(FrameNo::new(2 * number)),
        asked_at: Some(asked_at),
        took: Some(Span::ZERO),
        attempts: 1,
    };
    Event {
        at: asked_at,
        frame: FrameNo::new(2 * number + 1),
        flow: FlowId(number),
        kind: EventKind::DnsAnswer(Box::new(answer)),
    }
}

#[test]
fn who_asks_without_a_pause_leaves_room_for_what_others_ask() {
    let mut config = Config::default();
    config.limits.findings = 40;
    let mut correlator = Correlator::new(config);
    for number in 0..400 {
        let at = i64::try_from(number).expect("small") * 5;
        correlator.ingest(denied(number, "yr2.c.lencr.org", at));
    }
    correlator.ingest(denied(400, "e8.c.lencr.org", 3_000));
    let report = correlator.report(Coverage::default());
    let hosts: Vec<&str> = report.findings.iter().map(|f| f.host.as_str()).collect();
    assert_eq!(hosts, ["yr2.c.lencr.org", "e8.c.lencr.org"]);
}
