//! Builders of QUIC packets and conversations for tests.

use std::net::{Ipv4Addr, SocketAddr};

use ccm::KeyInit as _;
use ccm::aead::AeadInPlace as _;
use ccm::consts::{U12, U16};
use ring::aead;

use crate::crypto::Hash;
use crate::event::{BeatKind, Event, EventKind};
use crate::flow::{
    Appetite, Chunk, ClientBy, Close, Ending, Endpoints, FlowId, Scope, Side, Transport,
};
use crate::frame::FrameNo;
use crate::proto::Context;
use crate::proto::tls::testing::{Hello, message, vec8, vec16};
use crate::time::Timestamp;

use super::Quic;
use super::header::{LongType, version};
use super::scheme::Scheme;

pub(super) const FLOW: FlowId = FlowId(3);
/// The connection id of the examples in RFC 9001 and RFC 9369.
pub(super) const DCID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

/// Seals packets of one side at one level with AES-128-GCM, or AES-128-CCM, and SHA-256.
#[derive(Clone)]
pub(super) struct Sealer {
    version: u32,
    kind: LongType,
    dcid: Vec<u8>,
    secret: [u8; 32],
    ccm: bool,
}

impl Sealer {
    pub(super) fn initial(version: u32, dcid: &[u8], side: Side) -> Self {
        let salt = Scheme::of(version).unwrap().salt();
        let initial = Hash::Sha256.extract(&salt, dcid);
        let label = ["client in", "server in"][side.index()];
        let mut secret = [0; 32];
        assert!(
            Hash::Sha256
                .prk(initial.as_bytes())
                .expand_label(label, &mut secret)
        );
        let dcid = if side == Side::Client {
            dcid.to_vec()
        } else {
            Vec::new()
        };
        Self {
            version,
            kind: LongType::Initial,
            dcid,
            secret,
            ccm: false,
        }
    }

    pub(super) fn handshake(version: u32, side: Side, secret: [u8; 32]) -> Self {
        let dcid = if side == Side::Client {
            DCID.to_vec()
        } else {
            Vec::new()
        };
        Self {
            version,
            kind: LongType::Handshake,
            dcid,
            secret,
            ccm: false,
        }
    }

    pub(super) fn with_ccm(mut self) -> Self {
        self.ccm = true;
        self
    }

    pub(super) fn to(mut self, dcid: &[u8]) -> Self {
        self.dcid = dcid.to_vec();
        self
    }

    /// A packet with a 4-byte packet number.
    pub(super) fn packet(&self, number: u32, payload: &[u8]) -> Vec<u8> {
        let scheme = Scheme::of(self.version).unwrap();
        let form = (0..4)
            .map(|kind| 0xc3 | kind << 4)
            .find(|f| scheme.long_type(*f) == self.kind);
        let mut header = vec![form.unwrap()];
        header.extend(self.version.to_be_bytes());
        header.extend(vec8(&self.dcid));
        header.extend(vec8(b"scid"));
        if self.kind == LongType::Initial {
            header.push(0);
        }
        let length = u16::try_from(4 + payload.len() + 16).unwrap();
        header.extend((0x4000 | length).to_be_bytes());
        header.extend(number.to_be_bytes());
        self.seal(&header, u64::from(number), payload)
    }

    /// Protects a packet (RFC 9001 5.3, 5.4); `header` ends with the packet number.
    pub(super) fn seal(&self, header: &[u8], number: u64, payload: &[u8]) -> Vec<u8> {
        let [key_label, iv_label, mask_label] = Scheme::of(self.version).unwrap().labels();
        let (mut key, mut nonce, mut mask_key) = ([0; 16], [0; 12], [0; 16]);
        let prk = Hash::Sha256.prk(&self.secret);
        assert!(prk.expand_label(key_label, &mut key));
        assert!(prk.expand_label(iv_label, &mut nonce));
        assert!(prk.expand_label(mask_label, &mut mask_key));
        for (byte, number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        let mut sealed = payload.to_vec();
        if self.ccm {
            let ccm = ccm::Ccm::<aes::Aes128, U16, U12>::new(&key.into());
            let tag = ccm
                .encrypt_in_place_detached(&nonce.into(), header, &mut sealed)
                .unwrap();
            sealed.extend_from_slice(&tag);
        } else {
            let key = aead::UnboundKey::new(&aead::AES_128_GCM, &key).unwrap();
            let key = aead::LessSafeKey::new(key);
            let nonce = aead::Nonce::assume_unique_for_key(nonce);
            key.seal_in_place_append_tag(nonce, aead::Aad::from(header), &mut sealed)
                .unwrap();
        }

        let number_len = usize::from(header[0] & 3) + 1;
        let mut packet = [header, &sealed].concat();
        let number_at = header.len() - number_len;
        let mask_key =
            aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &mask_key).unwrap();
        let mask = mask_key
            .new_mask(&packet[number_at + 4..number_at + 20])
            .unwrap();
        packet[0] ^= mask[0] & 0x0f;
        for (byte, mask) in packet[number_at..]
            .iter_mut()
            .take(number_len)
            .zip(&mask[1..])
        {
            *byte ^= mask;
        }
        packet
    }
}

pub(super) fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x06];
    frame.extend((0x8000_0000 | u32::try_from(offset).unwrap()).to_be_bytes());
    frame.extend((0x4000 | u16::try_from(data.len()).unwrap()).to_be_bytes());
    frame.extend(data);
    frame
}

/// What [`key_log`] gives for Handshake packets of both sides.
pub(super) const KEYS: [u8; 32] = [0x42; 32];

/// An ACK of the first packets.
pub(super) const ACK: [u8; 6] = [0x02, 0x01, 0x40, 0x00, 0x00, 0x01];

/// A ClientHello message.
pub(super) fn client_hello(sni: &str, random: u8) -> Vec<u8> {
    let mut hello = Hello::new(sni);
    hello.versions(&[0x0304]);
    hello.alpn(&[b"h3"]);
    let mut body = hello.body();
    body[2..34].fill(random);
    message(1, &body)
}

/// A ServerHello message of TLS 1.3 with TLS_AES_128_GCM_SHA256.
pub(super) fn server_hello(retry: bool) -> Vec<u8> {
    let mut random = [0x77; 32];
    if retry {
        // SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3).
        random = crate::crypto::sha256(b"HelloRetryRequest");
    }
    let extensions = [&[0, 43][..], &vec16(&[3, 4])].concat();
    let body = [
        &[3, 3][..],
        &random,
        &[0, 0x13, 0x01, 0],
        &vec16(&extensions),
    ]
    .concat();
    message(2, &body)
}

/// A key log with [`KEYS`] for the hello with this random.
pub(super) fn key_log(random: u8) -> String {
    let line = |side: &str| {
        let (random, secret) = (format!("{random:02x}").repeat(32), "42".repeat(32));
        format!("{side}_HANDSHAKE_TRAFFIC_SECRET {random} {secret}\n")
    };
    line("CLIENT") + &line("SERVER")
}

/// One flow and its reader.
pub(super) struct Talk {
    pub(super) quic: Quic,
    pub(super) ends: Endpoints,
    pub(super) cx: Context,
    pub(super) appetite: Appetite,
    frame: u64,
}

impl Talk {
    pub(super) fn new() -> Self {
        let end = |last, port| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), port));
        Self {
            quic: Quic::new(),
            ends: Endpoints {
                transport: Transport::Udp,
                client: end(1, 50_000),
                server: end(2, 443),
                scope: Scope::default(),
                decided: ClientBy::First,
            },
            cx: Context::default(),
            appetite: Appetite::More,
            frame: 0,
        }
    }

    /// One datagram in the next frame, a hundredth of a second after the one before.
    pub(super) fn send(&mut self, side: Side, datagram: &[u8]) -> Vec<String> {
        self.frame += 1;
        let at = Timestamp::from_nanos(i64::try_from(self.frame).unwrap() * 10_000_000);
        let frame = FrameNo::new(self.frame);
        let chunk = Chunk {
            side,
            offset: self.frame - 1,
            at,
            frame,
            bytes: datagram,
        };
        self.appetite = self.quic.data(FLOW, &mut self.ends, chunk, &mut self.cx);
        self.told()
    }

    pub(super) fn client(&mut self, datagram: &[u8]) -> Vec<String> {
        self.send(Side::Client, datagram)
    }

    pub(super) fn server(&mut self, datagram: &[u8]) -> Vec<String> {
        self.send(Side::Server, datagram)
    }

    pub(super) fn poke(&mut self) -> Vec<String> {
        self.quic.poke(FLOW, &mut self.ends, &mut self.cx);
        self.told()
    }

    pub(super) fn close(&mut self) -> Vec<String> {
        let close = Close {
            how: Ending::CaptureEnded,
            at: Timestamp::EPOCH,
            frame: FrameNo::new(self.frame),
            bytes: [0; 2],
            packets: [0; 2],
            last_payload: [None; 2],
            connect: None,
            turnaround: None,
        };
        self.quic.close(FLOW, &self.ends, &close, &mut self.cx);
        self.told()
    }

    fn told(&mut self) -> Vec<String> {
        self.cx.events.drain(..).map(|event| tell(&event)).collect()
    }
}

/// Hello of version 1 and the server's answer: what most conversations begin with.
pub(super) fn begin(talk: &mut Talk) {
    let hello = crypto(0, &client_hello("example.org", 1));
    talk.client(&Sealer::initial(version::V1, &DCID, Side::Client).packet(0, &hello));
    let hello = crypto(0, &server_hello(false));
    talk.server(&Sealer::initial(version::V1, &DCID, Side::Server).packet(0, &hello));
}

/// An event in short: its frame, then what matters here.
fn tell(event: &Event) -> String {
    let what = match &event.kind {
        EventKind::ClientHello(hello) => {
            let sni = hello.sni.as_ref().map_or("-", |name| name.as_str());
            let second = if hello.second { " again" } else { "" };
            format!("hello{second} {sni} since {}", hello.first_frame)
        }
        EventKind::ServerHello(hello) if hello.retry => "retry".into(),
        EventKind::ServerHello(hello) => format!("server hello {:04x}", hello.suite),
        EventKind::Beat(beat) => {
            let kind = match beat.kind {
                BeatKind::EncryptedHandshake => "Finished".into(),
                kind => format!("{kind:?}"),
            };
            format!("{:?} {kind} {}", beat.side, beat.record_len)
        }
        EventKind::Chain(chain) => format!(
            "{:?} chain of {} by {:?} since {}",
            chain.side,
            chain.certs.len(),
            chain.provenance,
            chain.first_frame
        ),
        EventKind::Staple(_) => "staple".into(),
        EventKind::CertificateRequest => "certificate request".into(),
        EventKind::Alert(alert) => format!("{:?} alert {:?}", alert.side, alert.description),
        EventKind::Anomaly(anomaly) => format!("{:?}", anomaly.kind),
        other => format!("{other:?}"),
    };
    format!("{} {what}", event.frame)
}
