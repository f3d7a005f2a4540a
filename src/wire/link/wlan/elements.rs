//! What management frames and handshakes say of a network: its name, and what protects it.

use super::super::super::rest::Rest;
use crate::event::Mac;

/// A cipher (IEEE 802.11-2020 table 9-149).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cipher {
    Wep,
    Tkip,
    Ccmp128,
    Ccmp256,
    Gcmp128,
    Gcmp256,
}

impl Cipher {
    fn of(suite: [u8; 4]) -> Option<Self> {
        match suite {
            [0, 0x0f, 0xac, kind] | [0, 0x50, 0xf2, kind @ ..=5] => match kind {
                1 | 5 => Some(Self::Wep),
                2 => Some(Self::Tkip),
                4 => Some(Self::Ccmp128),
                8 => Some(Self::Gcmp128),
                9 => Some(Self::Gcmp256),
                10 => Some(Self::Ccmp256),
                _ => None,
            },
            _ => None,
        }
    }

    /// Bytes of its temporal key; of TKIP with both keys of Michael.
    pub(super) const fn key_len(self) -> usize {
        match self {
            Self::Wep => 13,
            Self::Ccmp128 | Self::Gcmp128 => 16,
            Self::Tkip | Self::Ccmp256 | Self::Gcmp256 => 32,
        }
    }
}

/// What two ends agreed to protect frames with (RSNE, 9.4.2.24, and that of WPA before it).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Security {
    pub(super) pairwise: Cipher,
    pub(super) group: Option<Cipher>,
    /// The number of an authentication and key management suite (table 9-151).
    pub(super) management: u8,
}

impl Security {
    /// Whether keys are those of a mobility domain.
    pub(super) const fn is_fast(self) -> bool {
        matches!(self.management, 3 | 4 | 9 | 13)
    }

    /// Bytes of the key that confirms, and of the one that wraps others (table 12-8).
    pub(super) const fn lengths(self) -> (usize, usize) {
        match self.management {
            12 | 13 => (24, 32),
            _ => (16, 16),
        }
    }

    /// From the elements that a station sends in its message of a handshake.
    pub(super) fn of(data: &[u8]) -> Option<Self> {
        let bytes = elements(data).find_map(|(id, body)| match id {
            48 => Some(body),
            221 => body.strip_prefix(&[0, 0x50, 0xf2, 1]),
            _ => None,
        })?;
        let body = Rest { bytes, cut: 0 };
        if body.le16(0)? != 1 {
            return None;
        }
        let group = Cipher::of(body.array(2)?);
        let ciphers = usize::from(body.le16(6)?);
        // A station names the one it chose; 0 is that of the group.
        let pairwise = Cipher::of(body.array(8)?).or(group)?;
        let managements = 8 + 4 * ciphers;
        let [.., management] = match body.le16(managements)? {
            0 => return None,
            _ => body.array::<4>(managements + 2)?,
        };
        Some(Self {
            pairwise,
            group,
            management,
        })
    }
}

/// Elements (9.4.2.1): a number, a length, and what it says.
pub(super) fn elements(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&[id, length], after) = rest.split_first_chunk::<2>()?;
        let (body, after) = after.split_at_checked(usize::from(length))?;
        rest = after;
        Some((id, body))
    })
}

/// The access point that a management frame is of, and the name of the network. Hidden ones say zeros, or nothing.
pub(super) fn network(frame: Rest<'_>) -> Option<(Mac, &[u8])> {
    const HEADER: usize = 24;
    // Before the elements: time, interval and capabilities; capabilities and interval; with the present access point.
    let fixed = match frame.u8(0)? {
        0x80 | 0x50 => 12,
        0x00 => 4,
        0x20 => 10,
        _ => return None,
    };
    let data = frame.after(HEADER + fixed)?;
    let (_, ssid) = elements(data.bytes).find(|(id, _)| *id == 0)?;
    let said = (1..=32).contains(&ssid.len()) && ssid.iter().any(|byte| *byte != 0);
    said.then_some((Mac(frame.array(16)?), ssid))
}
