//! EAPOL-Key frames (IEEE 802.11-2020 12.7.2), by which a station and an access point agree on keys.

use super::super::super::rest::Rest;
use super::elements::{Cipher, Security, elements};
use super::fast::Transition;
use crate::crypto::mac::Digest;
use crate::crypto::{block, wlan};
use crate::event::Mac;

/// An EAPOL-Key frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyFrame<'a> {
    /// All of it, from the version of EAPOL on.
    whole: &'a [u8],
    info: u16,
    /// Of the group key in it, where no element tells (WPA).
    key_len: u16,
    pub(super) nonce: [u8; 32],
    vector: [u8; 16],
    /// Length of its integrity code, which suites of 192 bits have longer.
    code: usize,
    pub(super) data: &'a [u8],
}

/// Which message of a handshake it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Message {
    /// The first of an access point, with its nonce alone.
    First,
    /// The first of a station.
    Second,
    /// The second of an access point, with the key of the group.
    Third,
    /// The key of the group, at another time.
    Group,
}

const PAIRWISE: u16 = 0x0008;
const ACK: u16 = 0x0080;
const CODE: u16 = 0x0100;
const SEALED: u16 = 0x1000;

impl<'a> KeyFrame<'a> {
    /// From what follows the EtherType.
    pub(super) fn of(rest: Rest<'a>) -> Option<Self> {
        const KEY: u8 = 3;
        const CODE_AT: usize = 81;
        let [_, kind, high, low, descriptor] = rest.array(0)?;
        if kind != KEY || !matches!(descriptor, 2 | 254) {
            return None;
        }
        let whole = rest
            .bytes
            .get(..4 + usize::from(u16::from_be_bytes([high, low])))?;
        let rest = Rest {
            bytes: whole,
            cut: 0,
        };
        let (code, data) = [16, 24].into_iter().find_map(|code| {
            let data = rest.after(CODE_AT + code)?;
            let data = (usize::from(data.be16(0)?) + 2 == data.bytes.len()).then_some(data)?;
            Some((code, data.bytes.get(2..)?))
        })?;
        Some(Self {
            whole,
            info: rest.be16(5)?,
            key_len: rest.be16(7)?,
            nonce: rest.array(17)?,
            vector: rest.array(49)?,
            code,
            data,
        })
    }

    pub(super) fn message(&self) -> Option<Message> {
        let has = |flag| self.info & flag != 0;
        match (has(PAIRWISE), has(ACK), has(CODE)) {
            (true, true, false) => Some(Message::First),
            (true, true, true) => Some(Message::Third),
            // The fourth has no data.
            (true, false, true) if !self.data.is_empty() => Some(Message::Second),
            (false, true, true) => Some(Message::Group),
            _ => None,
        }
    }

    /// All of it, to be looked at again later.
    pub(super) const fn whole(&self) -> &'a [u8] {
        self.whole
    }

    /// The version of the key descriptor, which says how code and data are made.
    const fn version(&self) -> u16 {
        self.info & 7
    }

    /// Whether the integrity code is of this key (12.7.3, table 12-8).
    fn proves(&self, key: &[u8], management: u8) -> bool {
        const CODE_AT: usize = 81;
        let Some((head, rest)) = self.whole.split_at_checked(CODE_AT) else {
            return false;
        };
        let Some((code, tail)) = rest.split_at_checked(self.code) else {
            return false;
        };
        let zeros = [0; 24];
        let parts = [head, zeros.get(..self.code).unwrap_or_default(), tail];
        let made = match (self.version(), management) {
            (1, _) => Digest::Md5.hmac(key, &parts),
            (2, _) => Digest::Sha1.hmac(key, &parts),
            (3, _) | (0, 8 | 9) => {
                block::cmac(key, &parts.concat()).map_or_else(Vec::new, Vec::from)
            }
            (0, 11 | 18) => Digest::Sha256.hmac(key, &parts),
            (0, 12 | 13) => Digest::Sha384.hmac(key, &parts),
            _ => return false,
        };
        made.get(..self.code) == Some(code)
    }
}

/// Keys of a station and its access point.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Transient {
    security: Security,
    confirmation: Box<[u8]>,
    encryption: Box<[u8]>,
    temporal: Box<[u8]>,
}

impl Transient {
    /// From a master key in a network, if it is that of the station's message (12.7.1.3).
    pub(super) fn of(
        (master, ssid): (&[u8], &[u8]),
        security: Security,
        pair: (Mac, Mac),
        nonce: &[u8; 32],
        second: &KeyFrame<'_>,
    ) -> Option<Self> {
        const LABEL: &[u8] = b"Pairwise key expansion";
        let (digest, length) = Self::shape(security)?;
        let keys = if security.is_fast() {
            let transition = Transition::of(second.data)?;
            let nonces = [nonce, &second.nonce];
            transition.keys(digest, (master, ssid), pair, nonces, length)?
        } else {
            let (access_point, station) = pair;
            let data = [
                access_point.0.min(station.0).as_slice(),
                access_point.0.max(station.0).as_slice(),
                nonce.min(&second.nonce),
                nonce.max(&second.nonce),
            ]
            .concat();
            let mut keys = vec![0; length];
            match digest {
                Digest::Sha1 => wlan::prf(master, LABEL, &data, &mut keys),
                digest => wlan::kdf(digest, master, LABEL, &data, &mut keys),
            }
            keys
        };
        let keys = Self::split(security, &keys)?;
        keys.proves(second).then_some(keys)
    }

    /// The same of a station that moves, by the one frame that has all of it.
    pub(super) fn of_moved(
        (master, ssid): (&[u8], &[u8]),
        security: Security,
        pair: (Mac, Mac),
        transition: &Transition<'_>,
    ) -> Option<Self> {
        const REQUEST: u8 = 5;
        let (digest, length) = Self::shape(security)?;
        let [of_access_point, of_station] = &transition.nonces;
        let nonces = [of_access_point, of_station];
        let keys = transition.keys(digest, (master, ssid), pair, nonces, length)?;
        let keys = Self::split(security, &keys)?;
        keys.proves_move(pair, REQUEST, transition).then_some(keys)
    }

    /// Whether a frame of an association was made with these keys.
    pub(super) fn proves_move(
        &self,
        pair: (Mac, Mac),
        number: u8,
        transition: &Transition<'_>,
    ) -> bool {
        let made = block::cmac(&self.confirmation, &transition.proven(pair, number));
        made == Some(transition.code)
    }

    /// The key of the group in a frame that [`Self::proves_move`].
    pub(super) fn moved_group(&self, transition: &Transition<'_>) -> Option<(Cipher, Vec<u8>)> {
        let (length, wrapped) = transition.group?;
        let key = block::unwrap(&self.encryption, wrapped)?;
        self.fitting(key.get(..length)?)
    }

    /// The hash that keys are made with, and how many bytes of them there are.
    fn shape(security: Security) -> Option<(Digest, usize)> {
        let digest = match security.management {
            12 | 13 => Digest::Sha384,
            3..=6 | 8 | 9 | 11 | 18 => Digest::Sha256,
            1 | 2 => Digest::Sha1,
            // Of tunnels and others the keys are made otherwise.
            _ => return None,
        };
        let (confirmation, encryption) = security.lengths();
        Some((
            digest,
            confirmation + encryption + security.pairwise.key_len(),
        ))
    }

    fn split(security: Security, keys: &[u8]) -> Option<Self> {
        let (confirmation, encryption) = security.lengths();
        let (confirmation, rest) = keys.split_at_checked(confirmation)?;
        let (encryption, temporal) = rest.split_at_checked(encryption)?;
        Some(Self {
            security,
            confirmation: confirmation.into(),
            encryption: encryption.into(),
            temporal: temporal.into(),
        })
    }

    /// Of two stations, which have nothing to confirm and no group.
    pub(super) fn direct(security: Security, temporal: &[u8]) -> Option<Self> {
        let fits = security.pairwise.key_len() == temporal.len();
        fits.then(|| Self {
            security,
            confirmation: Box::default(),
            encryption: Box::default(),
            temporal: temporal.into(),
        })
    }

    pub(super) const fn cipher(&self) -> Cipher {
        self.security.pairwise
    }

    pub(super) fn temporal(&self) -> &[u8] {
        &self.temporal
    }

    /// Whether a message was made with these keys.
    pub(super) fn proves(&self, message: &KeyFrame<'_>) -> bool {
        // A key of no bytes proves nothing.
        !self.confirmation.is_empty()
            && message.proves(&self.confirmation, self.security.management)
    }

    /// The key of the group in a message that [`Self::proves`].
    pub(super) fn group(&self, message: &KeyFrame<'_>) -> Option<(Cipher, Vec<u8>)> {
        /// Bytes of the stream that are not used.
        const SKIP: usize = 256;
        if message.data.is_empty() {
            return None;
        }
        // Before RSN all of the data is the key, and nothing says that it is encrypted.
        let bare = message.message() == Some(Message::Group) && message.info & SEALED == 0;
        if message.info & SEALED == 0 && !bare {
            return None;
        }
        let data = match message.version() {
            1 => {
                let mut data = message.data.to_vec();
                let key = [&message.vector[..], &self.encryption].concat();
                block::rc4(&key, SKIP, &mut data);
                data
            }
            _ => block::unwrap(&self.encryption, message.data)?,
        };
        let key = match bare {
            true => data.get(..usize::from(message.key_len))?,
            // Behind its number and a reserved byte (12.7.2, table 12-9).
            false => elements(&data)
                .filter(|(id, _)| *id == 221)
                .find_map(|(_, body)| body.strip_prefix(&[0, 0x0f, 0xac, 1])?.get(2..))?,
        };
        self.fitting(key)
    }

    /// A key of the group, if its cipher has such.
    fn fitting(&self, key: &[u8]) -> Option<(Cipher, Vec<u8>)> {
        let cipher = self.security.group?;
        let fits = match cipher {
            Cipher::Wep => matches!(key.len(), 5 | 13),
            cipher => key.len() == cipher.key_len(),
        };
        fits.then(|| (cipher, key.to_vec()))
    }
}

impl std::fmt::Debug for Transient {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transient").finish_non_exhaustive()
    }
}
