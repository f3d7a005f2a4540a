//! What people know of an 802.11 network, as lines of Wireshark's `80211_keys` say it.

use super::super::super::tables::{digit, octets};

/// A key that was given.
#[derive(Clone, Eq, PartialEq)]
pub(in crate::wire) enum Secret {
    /// `wpa-pwd`: a passphrase, and the network it is of if that is said.
    Passphrase(Box<[u8]>, Option<Box<[u8]>>),
    /// `wpa-psk`: a pairwise master key, whatever it was agreed on with.
    Master(Box<[u8]>),
    /// `msk`: what EAP gave both ends, of which the master key is the beginning.
    Session(Box<[u8]>),
    /// `tk`: a temporal key itself.
    Temporal(Box<[u8]>),
    /// `wep`.
    Wep(Box<[u8]>),
}

impl Secret {
    /// From the two fields of a line.
    pub(in crate::wire) fn of(kind: &[u8], key: &[u8]) -> Result<Self, &'static str> {
        let key_of = |lengths: &[usize], problem| match octets(key) {
            Some(key) if lengths.contains(&key.len()) => Ok(key.into_boxed_slice()),
            _ => Err(problem),
        };
        match kind {
            b"wpa-pwd" => Self::passphrase(key),
            b"wpa-psk" => key_of(
                &[32, 48],
                "a master key (wpa-psk) has 64 or 96 hexadecimal digits",
            )
            .map(Self::Master),
            b"msk" => {
                key_of(&[64], "a session key (msk) has 128 hexadecimal digits").map(Self::Session)
            }
            b"tk" => key_of(
                &[16, 32],
                "a temporal key (tk) has 32 or 64 hexadecimal digits",
            )
            .map(Self::Temporal),
            b"wep" => key_of(
                &[5, 13, 16],
                "a WEP key has 10, 26 or 32 hexadecimal digits",
            )
            .map(Self::Wep),
            _ => Err("80211_keys has the kinds wpa-pwd, wpa-psk, msk, tk and wep"),
        }
    }

    /// Whether a name that is heard may be what it lacks.
    pub(super) const fn takes_names(&self) -> bool {
        !matches!(
            self,
            Self::Passphrase(_, Some(_)) | Self::Temporal(_) | Self::Wep(_)
        )
    }

    /// A passphrase, and after a colon the name of a network; what has a colon inside writes it `%3a`.
    fn passphrase(text: &[u8]) -> Result<Self, &'static str> {
        let mut parts = text.split(|byte| *byte == b':');
        let (passphrase, ssid) = (parts.next().unwrap_or_default(), parts.next());
        if parts.next().is_some() {
            return Err("a colon inside a passphrase or an SSID is written %3a");
        }
        let written = "a percent sign is written %25, or stands before two hexadecimal digits";
        let passphrase = unescaped(passphrase).ok_or(written)?;
        if !(8..=63).contains(&passphrase.len()) {
            return Err("a passphrase (wpa-pwd) has 8 to 63 characters");
        }
        let ssid = ssid.filter(|ssid| !ssid.is_empty()).map(unescaped);
        let ssid = match ssid {
            None => None,
            Some(None) => return Err(written),
            Some(Some(ssid)) if ssid.len() > 32 => return Err("an SSID has at most 32 bytes"),
            Some(Some(ssid)) => Some(ssid.into_boxed_slice()),
        };
        Ok(Self::Passphrase(passphrase.into_boxed_slice(), ssid))
    }
}

impl std::fmt::Debug for Secret {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    loop {
        rest = match *rest {
            [] => return Some(bytes),
            [b'%', high, low, ref after @ ..] => {
                bytes.push(digit(high)? << 4 | digit(low)?);
                after
            }
            [b'%', ..] => return None,
            [byte, ref after @ ..] => {
                bytes.push(byte);
                after
            }
        }
    }
}
