//! Every stage by itself: reading, decoding, flows, reassembly, hellos, certificates, lookups, OCSP, a CRL of 100,000
//! entries, a contact weighed against 1,000 handshakes.
//!
//! `cargo bench --bench stages [-- NAME]`

#![expect(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    reason = "a measurement of captures made here"
)]

#[expect(dead_code, reason = "the example and the tests make every kind")]
#[path = "../support/hostile/mod.rs"]
mod hostile;

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use whylencr::capture::{Item, Reader};
use whylencr::correlate::Correlator;
use whylencr::engine::{Config, Engine};
use whylencr::event::{
    Carrier, ClientHello, Event, EventKind, FlowOpened, Name, Request, TargetForm,
};
use whylencr::finding::Coverage;
use whylencr::flow::{
    Appetite, Arrived, Chunk, ClientBy, Close, Endpoints, FlowId, Gap, Scope, Shard, Side, Stream,
    Table, Transport, Witness,
};
use whylencr::frame::{FrameNo, InterfaceId};
use whylencr::limits::Limits;
use whylencr::pki::cert::{Certificate, Serial};
use whylencr::pki::{crl, ocsp};
use whylencr::proto::tls::hello;
use whylencr::time::{Span, Timestamp};
use whylencr::wire::{Decoder, Packet};

const SIZE: u64 = 2_000_000;

fn capture(kind: hostile::Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    hostile::write(kind, SIZE, &mut bytes).expect("memory takes it");
    bytes
}

/// Hands every frame of a capture to `take`.
fn frames(bytes: &[u8], mut take: impl FnMut(whylencr::frame::Frame<'_>)) {
    let mut reader = Reader::new(bytes).expect("a capture");
    while let Some(item) = reader.next_item() {
        if let Item::Frame(frame) = item {
            take(frame);
        }
    }
}

/// A reader of streams that wants everything, or nothing, and keeps none of it.
struct Sink(Appetite);

impl<C> Stream<C> for Sink {
    fn data(&mut self, _: FlowId, _: &mut Endpoints, chunk: Chunk<'_>, _: &mut C) -> Appetite {
        black_box(chunk);
        self.0
    }

    fn gap(&mut self, _: FlowId, _: &mut Endpoints, _: Gap, _: &mut C) -> Appetite {
        self.0
    }

    fn close(&mut self, _: FlowId, _: &Endpoints, _: &Close, _: &mut C) {}

    fn weight(&self) -> usize {
        0
    }
}

/// Hears of flows and keeps nothing.
struct Nobody;

impl Witness for Nobody {
    fn opened(
        &mut self,
        _: FlowId,
        _: Timestamp,
        _: FrameNo,
        _: &Endpoints,
        _: InterfaceId,
        _: bool,
    ) {
    }
    fn connected(&mut self, _: FlowId, _: Timestamp, _: FrameNo) {}
    fn sighted(
        &mut self,
        _: FlowId,
        _: Timestamp,
        _: FrameNo,
        _: Side,
        _: &Packet<'_>,
        _: Option<u32>,
    ) {
    }
    fn closed(&mut self, _: FlowId, _: Timestamp, _: FrameNo, _: &Close) {}
    fn conflict(&mut self, _: FlowId, _: Timestamp, _: FrameNo, _: Side) {}
    fn limit(&mut self, _: FlowId, _: Timestamp, _: FrameNo, _: &'static str) {}
}

fn through_table(bytes: &[u8], appetite: Appetite) {
    let limits = Limits::default();
    let mut decoder = Decoder::new(&limits);
    let mut table: Table<Sink> = Table::new(&limits);
    frames(bytes, |frame| {
        let Ok(packet) = decoder.decode(&frame) else {
            return;
        };
        let mut make = |_: FlowId, _: &Endpoints| Sink(appetite);
        let arrived = Arrived {
            at: frame.at,
            frame: frame.no,
            interface: frame.interface,
            shard: Shard::of(&packet),
            flow: FlowId(frame.no.get()),
        };
        table.packet(&arrived, &packet, &mut make, &mut Nobody);
    });
    table.finish(&mut Nobody);
}

fn packets(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("capture of 2 MB");
    group.throughput(Throughput::Bytes(SIZE));
    let bulk = capture(hostile::Kind::GzipBomb);
    let flood = capture(hostile::Kind::SynFlood);
    let disorder = capture(hostile::Kind::TinySegments);
    let names = capture(hostile::Kind::EndlessNames);
    group.bench_function("read", |b| b.iter(|| frames(&flood, |f| _ = black_box(f))));
    group.bench_function("decode", |b| {
        let mut decoder = Decoder::new(&Limits::default());
        b.iter(|| frames(&flood, |frame| _ = black_box(decoder.decode(&frame))));
    });
    group.bench_function("flows, new ones", |b| {
        b.iter(|| through_table(&flood, Appetite::Done));
    });
    group.bench_function("flows, bulk that nobody reads", |b| {
        b.iter(|| through_table(&bulk, Appetite::Done));
    });
    group.bench_function("reassembly in order", |b| {
        b.iter(|| through_table(&bulk, Appetite::More));
    });
    group.bench_function("reassembly of disorder", |b| {
        b.iter(|| through_table(&disorder, Appetite::More));
    });
    group.bench_function("lookups", |b| {
        b.iter(|| {
            let mut engine = Engine::new(Config::default());
            frames(&names, |frame| engine.push(frame));
            engine
        });
    });
}

/// A ClientHello body (RFC 8446 4.1.2) of the usual size.
fn client_hello() -> Vec<u8> {
    let extension = |kind: u16, data: &[u8]| {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        bytes
    };
    let name = b"www.example.com";
    let mut sni = ((name.len() + 3) as u16).to_be_bytes().to_vec();
    sni.push(0);
    sni.extend((name.len() as u16).to_be_bytes());
    sni.extend(name);
    let extensions = [
        extension(0, &sni),
        extension(5, &[1, 0, 0, 0, 0]),
        extension(10, &[0, 4, 0, 29, 0, 23]),
        extension(13, &[0, 6, 4, 3, 8, 4, 4, 1]),
        extension(16, b"\x00\x0c\x02h2\x08http/1.1"),
        extension(43, &[4, 3, 4, 3, 3]),
        extension(51, &[[0, 36, 0, 29, 0, 32].to_vec(), vec![7; 32]].concat()),
    ]
    .concat();
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.push(0);
    body.extend([0, 8, 0x13, 1, 0x13, 2, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    body
}

fn objects(bench: &mut Criterion) {
    let hello = client_hello();
    bench.bench_function("ClientHello with fingerprint", |b| {
        b.iter(|| hello::client_hello(&hello, Carrier::Tls, FrameNo::new(1), false, true));
    });
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params =
        rcgen::CertificateParams::new(vec!["www.example.com".to_owned()]).expect("a name");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key).expect("a certificate");
    bench.bench_function("certificate", |b| {
        b.iter(|| Certificate::parse(certificate.der()));
    });
    bench.bench_function("OCSP request in a path", |b| {
        let path = "/ME8wTTBLMEkwRzAHBgUrDgMCGgQUSFhV4AjqHbWxd3oZg7mXmOyHPjkEFEiFqjXJGZnAVLXYVvYXAi7PIp8XAgYFoGCh0xM%3D";
        b.iter(|| ocsp::request_of_path(path).map(|der| ocsp::parse_request(&der)));
    });
    let mut revoked: Vec<rcgen::RevokedCertParams> = Vec::new();
    for number in 0..100_000_u64 {
        revoked.push(rcgen::RevokedCertParams {
            serial_number: rcgen::SerialNumber::from(number * 7 + 1_000_000_000),
            revocation_time: rcgen::date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
    }
    let issuer = rcgen::Issuer::from_params(&params, &key);
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2026, 1, 9),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked,
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let list = list.signed_by(&issuer).expect("a list");
    let last = Serial::new(&(99_999_u64 * 7 + 1_000_000_000).to_be_bytes()[4..]);
    bench.bench_function("serial in a CRL of 100,000", |b| {
        b.iter(|| {
            let list = crl::open(list.der()).expect("a list");
            black_box(list.find(&last))
        });
    });
}

/// One device that opened `handshakes` connections in the half minute before it asked a responder.
fn busy_device(handshakes: u32) -> Correlator {
    let mut correlator = Correlator::new(Config::default());
    let client = |port: u32| SocketAddr::new(Ipv4Addr::new(10, 0, 0, 5).into(), port as u16);
    let opened = |flow: u32, server: IpAddr, port: u16| {
        let ends = Endpoints {
            transport: Transport::Tcp,
            client: client(20_000 + flow),
            server: SocketAddr::new(server, port),
            scope: Scope::default(),
            decided: ClientBy::Syn,
        };
        EventKind::FlowOpened(FlowOpened {
            ends,
            interface: InterfaceId(0),
            from_start: true,
        })
    };
    let mut number = 0;
    let mut tell = |flow: u32, kind: EventKind| {
        number += 1;
        correlator.ingest(Event {
            at: Timestamp::from_secs(1_700_000_000).plus(Span::from_millis(number * 10)),
            frame: FrameNo::new(number.unsigned_abs()),
            flow: FlowId(u64::from(flow) + 1),
            kind,
        });
    };
    for flow in 0..handshakes {
        let [.., high, low] = flow.to_be_bytes();
        tell(
            flow,
            opened(flow, Ipv4Addr::new(93, 0, high, low).into(), 443),
        );
        let (mut hello, _) =
            hello::client_hello(&client_hello(), Carrier::Tls, FrameNo::new(1), false, true);
        hello.sni = Some(Name::new(&format!("s{flow}.example.com")));
        let hello: Box<ClientHello> = Box::new(hello);
        tell(flow, EventKind::ClientHello(hello));
    }
    tell(
        handshakes,
        opened(handshakes, Ipv4Addr::new(23, 1, 2, 3).into(), 80),
    );
    let request = Request {
        index: 0,
        method: "GET".to_owned(),
        host: Some(Name::new("r10.o.lencr.org")),
        port: None,
        path: "/ME8wTTBLMEkwRzAHBgUrDgMCGgQUSFhV4AjqHbWxd3oZg7mXmOyHPjkEFEiFqjXJGZnAVLXYVvYXAi7PIp8XAgYFoGCh0xM%3D".to_owned(),
        form: TargetForm::Origin,
        tunnelled: false,
        minor_version: 1,
        agent: Some("Microsoft-CryptoAPI/10.0".to_owned()),
        content_type: None,
        conditional: false,
        header_order: "host,user-agent".to_owned(),
        body: None,
        body_len: 0,
        first_frame: FrameNo::new(1),
        first_at: Timestamp::from_secs(1_700_000_000),
    };
    tell(handshakes, EventKind::Request(Box::new(request)));
    correlator
}

fn correlation(bench: &mut Criterion) {
    let correlator = busy_device(1_000);
    let report = correlator.report(Coverage::default());
    assert_eq!(report.findings.len(), 1);
    bench.bench_function("report on a contact with 1,000 candidates", |b| {
        b.iter(|| correlator.report(Coverage::default()));
    });
    bench.bench_function("filing of 2,000 events", |b| {
        b.iter_batched(|| (), |()| busy_device(1_000), BatchSize::LargeInput);
    });
}

criterion_group! {
    name = stages;
    config = Criterion::default().sample_size(20);
    targets = packets, objects, correlation
}
criterion_main!(stages);
