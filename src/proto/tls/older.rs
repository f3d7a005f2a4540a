//! What TLS 1.0 to 1.2 carries (RFC 5246 6.2.3, RFC 5288, RFC 7905), opened with the master secret of a key
//! log as long as there may be packets in it. Nothing else is sought there: certificates are in clear.

use crate::crypto::mac::Digest;
use crate::crypto::older::{self as cbc, Suite, expand_1_0};
use crate::crypto::{Cipher, Hash, Opener};
use crate::flow::Side;
use crate::proto::packets::Inside;
use crate::proto::tls::reader::{Reader, Scene};
use crate::proto::tls::record::{APPLICATION_DATA, Piece};
use crate::proto::tls::secrets::Label;

const TLS10: u16 = 0x0301;
const TLS11: u16 = 0x0302;
const TLS12: u16 = 0x0303;
/// The longest block of a cipher.
const BLOCK: usize = 16;

/// The protected records of both sides.
#[derive(Debug, Default)]
pub(super) struct Older {
    pub(super) server_random: Option<[u8; 32]>,
    /// Whether MACs are of what was encrypted (RFC 7366).
    pub(super) encrypt_then_mac: bool,
    state: State,
    /// How many records each side has protected so far.
    numbers: [u64; 2],
    /// What the next record of each side is chained to in TLS 1.0.
    chains: [Chain; 2],
}

/// The last bytes of a protected record.
#[derive(Debug, Default)]
struct Chain {
    /// Of the record before the one at hand.
    before: [u8; BLOCK],
    latest: [u8; BLOCK],
}

impl Chain {
    fn take(&mut self, piece: &Piece<'_>) {
        if piece.begins {
            self.before = self.latest;
        }
        let all = [&self.latest, piece.body].concat();
        if let Some(latest) = all.last_chunk() {
            self.latest = *latest;
        }
    }
}

#[derive(Debug, Default)]
enum State {
    /// No record with data came yet.
    #[default]
    Unknown,
    Open(Box<[Sender; 2]>),
    /// Nothing is opened.
    Closed,
}

/// One sender.
#[derive(Debug)]
struct Sender {
    records: Records,
    /// The record at hand.
    body: Vec<u8>,
    /// What was too little to tell what it begins.
    said: Vec<u8>,
}

/// How its records are opened.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "they are boxed with those of the other side"
)]
enum Records {
    Authenticated(Cipher, Opener),
    /// In CBC mode; the block of a cipher that chains records.
    Chained(cbc::Opener, Option<usize>),
}

impl Older {
    /// Bytes are lost.
    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// Memory it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        match &self.state {
            State::Open(senders) => {
                let bodies = senders.iter().map(|sender| sender.body.capacity());
                size_of::<[Sender; 2]>() + bodies.sum::<usize>()
            }
            _ => 0,
        }
    }
}

impl Reader {
    /// A run of a record that is protected, of whatever kind: all of them are counted.
    pub(super) fn older(&mut self, side: Side, piece: &Piece<'_>, scene: &mut Scene<'_>) {
        let numbers = &mut self.older.numbers;
        let [client, server] = numbers;
        let counter = match side {
            Side::Client => client,
            Side::Server => server,
        };
        let number = *counter;
        *counter = counter.wrapping_add(u64::from(piece.ends));
        if matches!(self.older.state, State::Closed) {
            return;
        }
        let [client, server] = &mut self.older.chains;
        let chain = match side {
            Side::Client => client,
            Side::Server => server,
        };
        if self.version == Some(TLS10) {
            chain.take(piece);
        }
        let vector = chain.before;
        if piece.header.kind != APPLICATION_DATA {
            return;
        }
        if matches!(self.older.state, State::Unknown) {
            self.older.state = match self.senders(scene) {
                Some(senders) => State::Open(Box::new(senders)),
                None => State::Closed,
            };
        }
        let State::Open(senders) = &mut self.older.state else {
            return;
        };
        let [client, server] = senders.as_mut();
        let sender = match side {
            Side::Client => client,
            Side::Server => server,
        };
        if piece.begins {
            sender.body.clear();
        }
        sender.body.extend_from_slice(piece.body);
        if !piece.ends {
            return;
        }
        let mut body = std::mem::take(&mut sender.body);
        let minor = piece.header.minor;
        let Some(plain) = open(&sender.records, number, minor, &vector, &mut body) else {
            self.older.close();
            self.inside = Inside::Nothing;
            return;
        };
        // Against attacks on chained records some say nothing first, or one byte alone (CVE-2011-3389).
        let undecided = matches!(self.inside, Inside::Unknown);
        if undecided && plain.len() + sender.said.len() <= 1 {
            sender.said.extend_from_slice(plain);
            return;
        }
        let said = std::mem::take(&mut sender.said);
        match said.as_slice() {
            [] if plain.is_empty() => {}
            [] => self.carried(side, scene.seen, plain, scene),
            said => self.carried(side, scene.seen, &[said, plain].concat(), scene),
        }
        if !self.inside.is_read() {
            self.older.close();
        } else if !std::mem::replace(&mut self.opened, true) {
            scene.cx.keys.count_use();
        }
    }

    /// Openers for both sides, if there is a master secret (RFC 5246 6.3).
    fn senders(&self, scene: &Scene<'_>) -> Option<[Sender; 2]> {
        let version = self.version.filter(|it| (TLS10..=TLS12).contains(it))?;
        let suite = self.lock.suite?;
        let (client, server) = (self.lock.random?, self.older.server_random?);
        let master = scene.cx.keys.get(&client, Label::Master)?;
        let seed = [server, client].concat();
        let sender = |records| {
            let (body, said) = (Vec::new(), Vec::new());
            Sender {
                records,
                body,
                said,
            }
        };
        if let Some(suite) = Suite::of(suite) {
            let (key, mac) = (suite.key_len, suite.mac.output_len());
            let mut block = vec![0; 2 * (key + mac)];
            let label = b"key expansion";
            match (version, suite.hash) {
                (TLS10 | TLS11, _) => expand_1_0(master.as_bytes(), label, &seed, &mut block),
                (_, Digest::Sha384) => {
                    Hash::Sha384.expand(master.as_bytes(), label, &seed, &mut block);
                }
                _ => Hash::Sha256.expand(master.as_bytes(), label, &seed, &mut block),
            }
            let (macs, keys) = block.split_at(2 * mac);
            let chained = (version == TLS10).then(|| suite.cipher.block());
            let with = |mac_key: &[u8], key: &[u8]| {
                let outside = self.older.encrypt_then_mac;
                let opener = cbc::Opener::new(suite, key, mac_key, outside);
                sender(Records::Chained(opener, chained))
            };
            let ((one, other), (first, second)) = (macs.split_at(mac), keys.split_at(key));
            return Some([with(one, first), with(other, second)]);
        }
        let (cipher, hash) = Cipher::of_older_suite(suite).filter(|_| version == TLS12)?;
        let (key, salt) = (cipher.key_len(), salt_len(cipher));
        let mut block = [0; 2 * (32 + 12)];
        let block = block.get_mut(..2 * (key + salt))?;
        hash.expand(master.as_bytes(), b"key expansion", &seed, block);
        let (keys, salts) = block.split_at(2 * key);
        let with = |key: &[u8], salt: &[u8]| {
            let mut iv = [0; 12];
            iv.get_mut(..salt.len())?.copy_from_slice(salt);
            let opener = Opener::new(cipher, key, iv)?;
            Some(sender(Records::Authenticated(cipher, opener)))
        };
        let ((one, other), (first, second)) = (keys.split_at(key), salts.split_at(salt));
        Some([with(one, first)?, with(other, second)?])
    }
}

/// Bytes of the nonce that keys come with. Of GCM the others stand in the record (RFC 5288 3).
const fn salt_len(cipher: Cipher) -> usize {
    match cipher {
        Cipher::ChaCha20Poly1305 => 12,
        _ => 4,
    }
}

/// Opens a record with data.
fn open<'a>(
    records: &Records,
    number: u64,
    minor: u8,
    vector: &[u8; BLOCK],
    body: &'a mut [u8],
) -> Option<&'a [u8]> {
    const TAG: usize = 16;
    let mut head = [0; 11];
    let (of_number, of_kind) = head.split_first_chunk_mut::<8>()?;
    *of_number = number.to_be_bytes();
    of_kind.copy_from_slice(&[APPLICATION_DATA, 3, minor]);
    let (cipher, opener) = match records {
        Records::Authenticated(cipher, opener) => (cipher, opener),
        Records::Chained(opener, block) => {
            let vector = match block {
                Some(block) => Some(vector.get(BLOCK - block..)?),
                None => None,
            };
            return opener.open(vector, &head, body);
        }
    };
    let (nonce, sealed) = match cipher {
        Cipher::ChaCha20Poly1305 => (number, body),
        _ => {
            let (explicit, sealed) = body.split_first_chunk_mut::<8>()?;
            (u64::from_be_bytes(*explicit), sealed)
        }
    };
    let length = u16::try_from(sealed.len().checked_sub(TAG)?).ok()?;
    let associated = [&head[..], &length.to_be_bytes()].concat();
    opener.open(nonce, &associated, sealed).map(|plain| &*plain)
}
