//! The handshake of WireGuard (J. Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", 5.4), seen
//! by who has the private keys of one of its ends: Noise IKpsk2 with X25519, ChaCha20-Poly1305 and BLAKE2s.

use blake2::digest::consts::U16;
use blake2::digest::{Digest, KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac};

use super::{Cipher, Opener};

/// A key of X25519, or one that both ends share.
pub type Key = [u8; 32];

/// Length of the first message.
pub const INITIATION: usize = 148;
/// Length of the second.
pub const RESPONSE: usize = 92;

const CONSTRUCTION: &[u8] = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
const IDENTIFIER: &[u8] = b"WireGuard v1 zx2c4 Jason@zx2c4.com";

/// What opens the data of one handshake.
#[derive(Debug)]
pub struct Session {
    /// The static public key of who began it.
    pub initiator: Key,
    /// Opens what is sent to who began it.
    pub to_initiator: Opener,
    /// Opens what is sent to the other end.
    pub to_responder: Opener,
}

/// The public key of a private one.
#[must_use]
pub fn public(private: &Key) -> Key {
    x25519_dalek::x25519(*private, x25519_dalek::X25519_BASEPOINT_BYTES)
}

/// What a first message proves with that its sender knows the public key of whom it is for.
#[must_use]
pub fn proof_key(public: &Key) -> Key {
    hash(&[b"mac1----", public])
}

/// Whether a first message is for the end of which this is the [`proof_key`].
#[must_use]
pub fn is_for(initiation: &[u8; INITIATION], proof_key: &Key) -> bool {
    let (said, proof) = initiation.split_at(116);
    let Ok(mut mac) = <Blake2sMac<U16> as KeyInit>::new_from_slice(proof_key) else {
        return false;
    };
    Mac::update(&mut mac, said);
    proof.get(..16) == Some(mac.finalize().into_bytes().as_slice())
}

/// The ephemeral public key of a first message.
#[must_use]
pub fn initiator_ephemeral(initiation: &[u8; INITIATION]) -> Key {
    part(initiation, 8)
}

/// The ephemeral public key of a second message.
#[must_use]
pub fn responder_ephemeral(response: &[u8; RESPONSE]) -> Key {
    part(response, 12)
}

/// Opens a handshake. `private` gives the private key of a public one, where it is known: the static and the
/// ephemeral one of either end are enough. None when they are not, or what is sealed does not fit.
pub fn open(
    initiation: &[u8; INITIATION],
    response: &[u8; RESPONSE],
    responder: &Key,
    shared: &Key,
    private: impl Fn(&Key) -> Option<Key>,
) -> Option<Session> {
    let agreed = |one: &Key, other: &Key| {
        let known = private(one).map(|key| (key, other));
        let (key, public) = known.or_else(|| Some((private(other)?, one)))?;
        Some(x25519_dalek::x25519(key, *public))
    };
    let (ours, theirs) = (
        initiator_ephemeral(initiation),
        responder_ephemeral(response),
    );
    let mut chain = hash(&[CONSTRUCTION]);
    let mut said = hash(&[&chain, IDENTIFIER]);
    said = hash(&[&said, responder]);

    [chain] = derive(&chain, &ours);
    said = hash(&[&said, &ours]);
    let key;
    [chain, key] = derive(&chain, &agreed(&ours, responder)?);
    let sealed: [u8; 48] = part(initiation, 40);
    let initiator: Key = unseal(&key, &said, sealed)?;
    said = hash(&[&said, &sealed]);
    let key;
    [chain, key] = derive(&chain, &agreed(&initiator, responder)?);
    let sealed: [u8; 28] = part(initiation, 88);
    let _: [u8; 12] = unseal(&key, &said, sealed)?;
    said = hash(&[&said, &sealed]);

    [chain] = derive(&chain, &theirs);
    said = hash(&[&said, &theirs]);
    [chain] = derive(&chain, &agreed(&ours, &theirs)?);
    [chain] = derive(&chain, &agreed(&initiator, &theirs)?);
    let (mixed, key);
    [chain, mixed, key] = derive(&chain, shared);
    said = hash(&[&said, &mixed]);
    let _: [u8; 0] = unseal::<16, 0>(&key, &said, part(response, 44))?;

    let [to_responder, to_initiator] = derive(&chain, &[]);
    let opener = |key: Key| Opener::new(Cipher::ChaCha20Poly1305, &key, [0; 12]);
    Some(Session {
        initiator,
        to_initiator: opener(to_initiator)?,
        to_responder: opener(to_responder)?,
    })
}

/// Opens what was sealed with a key that is used once.
fn unseal<const SEALED: usize, const PLAIN: usize>(
    key: &Key,
    associated: &[u8],
    mut sealed: [u8; SEALED],
) -> Option<[u8; PLAIN]> {
    let opener = Opener::new(Cipher::ChaCha20Poly1305, key, [0; 12])?;
    let plain = opener.open(0, associated, &mut sealed)?;
    plain.first_chunk().copied()
}

/// HKDF (RFC 5869) with BLAKE2s and no information.
fn derive<const COUNT: usize>(salt: &Key, input: &[u8]) -> [Key; COUNT] {
    let key = hmac(salt, &[input]);
    let mut previous: Option<Key> = None;
    let mut number = 0;
    [(); COUNT].map(|()| {
        number += 1;
        let before = previous.as_ref().map_or(&[][..], |key| &key[..]);
        let next = hmac(&key, &[before, &[number]]);
        previous = Some(next);
        next
    })
}

/// HMAC (RFC 2104) with BLAKE2s, whose blocks have 64 bytes.
fn hmac(key: &Key, parts: &[&[u8]]) -> Key {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let mut inner = Blake2s256::new();
    Digest::update(&mut inner, padded(0x36));
    for part in parts {
        Digest::update(&mut inner, part);
    }
    hash(&[&padded(0x5c), &inner.finalize()])
}

fn hash(parts: &[&[u8]]) -> Key {
    let mut hash = Blake2s256::new();
    for part in parts {
        Digest::update(&mut hash, part);
    }
    hash.finalize().into()
}

/// `LENGTH` bytes of a message, of which there are as many.
fn part<const LENGTH: usize>(message: &[u8], at: usize) -> [u8; LENGTH] {
    let bytes = message.get(at..).and_then(<[u8]>::first_chunk);
    bytes.copied().unwrap_or([0; LENGTH])
}
