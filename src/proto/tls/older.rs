//! What TLS 1.2 carries (RFC 5246 6.2.3.3, RFC 5288, RFC 7905), opened with the master secret of a key log as long as there may be packets in
//! it. Nothing else is sought there: certificates are in clear.

use crate::crypto::{Cipher, Hash, Opener};
use crate::flow::Side;
use crate::proto::packets::Inside;
use crate::proto::tls::reader::{Reader, Scene};
use crate::proto::tls::record::{APPLICATION_DATA, Piece};
use crate::proto::tls::secrets::Label;

const TLS12: u16 = 0x0303;

/// The protected records of both sides.
#[derive(Debug, Default)]
pub(super) struct Older {
    pub(super) server_random: Option<[u8; 32]>,
    state: State,
    /// How many records each side has protected so far.
    numbers: [u64; 2],
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
    opener: Opener,
    /// The record at hand.
    body: Vec<u8>,
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
        if piece.header.kind != APPLICATION_DATA || matches!(self.older.state, State::Closed) {
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
        let Some(plain) = open(self.lock.suite, &sender.opener, number, minor, &mut body) else {
            self.older.close();
            self.inside = Inside::Nothing;
            return;
        };
        if !plain.is_empty() {
            self.carried(side, scene.seen, plain, scene);
        }
        if !self.inside.is_read() {
            self.older.close();
        } else if !std::mem::replace(&mut self.opened, true) {
            scene.cx.keys.count_use();
        }
    }

    /// Openers for both sides, if there is a master secret (RFC 5246 6.3).
    fn senders(&self, scene: &Scene<'_>) -> Option<[Sender; 2]> {
        if self.version != Some(TLS12) {
            return None;
        }
        let (cipher, hash) = Cipher::of_older_suite(self.lock.suite?)?;
        let (client, server) = (self.lock.random?, self.older.server_random?);
        let master = scene.cx.keys.get(&client, Label::Master)?;
        let (key, salt) = (cipher.key_len(), salt_len(cipher));
        let mut block = [0; 2 * (32 + 12)];
        let block = block.get_mut(..2 * (key + salt))?;
        let seed = [server, client].concat();
        hash.expand(master.as_bytes(), b"key expansion", &seed, block);
        let (keys, salts) = block.split_at(2 * key);
        let sender = |key: &[u8], salt: &[u8]| {
            let mut iv = [0; 12];
            iv.get_mut(..salt.len())?.copy_from_slice(salt);
            let opener = Opener::new(cipher, key, iv)?;
            let body = Vec::new();
            Some(Sender { opener, body })
        };
        let ((one, other), (first, second)) = (keys.split_at(key), salts.split_at(salt));
        Some([sender(one, first)?, sender(other, second)?])
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
    suite: Option<u16>,
    opener: &Opener,
    number: u64,
    minor: u8,
    body: &'a mut [u8],
) -> Option<&'a [u8]> {
    const TAG: usize = 16;
    let (cipher, _): (Cipher, Hash) = Cipher::of_older_suite(suite?)?;
    let (nonce, sealed) = match cipher {
        Cipher::ChaCha20Poly1305 => (number, body),
        _ => {
            let (explicit, sealed) = body.split_first_chunk_mut::<8>()?;
            (u64::from_be_bytes(*explicit), sealed)
        }
    };
    let length = u16::try_from(sealed.len().checked_sub(TAG)?).ok()?;
    let [high, low] = length.to_be_bytes();
    let mut associated = [0; 13];
    let (of_number, header) = associated.split_first_chunk_mut::<8>()?;
    *of_number = number.to_be_bytes();
    header.copy_from_slice(&[APPLICATION_DATA, 3, minor, high, low]);
    opener.open(nonce, &associated, sealed).map(|plain| &*plain)
}
