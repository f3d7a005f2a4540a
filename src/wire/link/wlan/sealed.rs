//! Protected data frames: WEP (IEEE 802.11-2020 12.3.2), TKIP (12.5.2), CCMP (12.5.3) and GCMP (12.5.5).

use super::super::super::rest::Rest;
use super::elements::Cipher;
use crate::crypto::{block, wlan};
use crate::event::Mac;

/// What the header of a data frame says, as far as ciphers take it in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    control: [u8; 2],
    pub(super) receiver: Mac,
    pub(super) sender: Mac,
    third: [u8; 6],
    sequence: u8,
    fourth: Option<[u8; 6]>,
    quality: Option<u8>,
    /// Whether it is a part of a frame.
    pub(super) part: bool,
}

/// Who sends, as keys are told apart by that: an access point, a station, or there is no telling.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Down,
    Up,
    Either,
}

impl Header {
    /// Of a frame that has data.
    pub(super) fn of(frame: Rest<'_>) -> Option<Self> {
        let control = frame.array::<2>(0)?;
        let sequence = frame.u8(22)?;
        let four = control[1] & 3 == 3;
        let end = if four { 30 } else { 24 };
        Some(Self {
            control,
            receiver: Mac(frame.array(4)?),
            sender: Mac(frame.array(10)?),
            third: frame.array(16)?,
            sequence,
            fourth: if four { Some(frame.array(24)?) } else { None },
            quality: if control[0] & 0x80 == 0 {
                None
            } else {
                Some(frame.u8(end)?)
            },
            part: control[1] & 4 != 0 || sequence & 0x0f != 0,
        })
    }

    fn priority(&self) -> u8 {
        self.quality.unwrap_or_default() & 0x0f
    }

    /// Destination and source, between whatever access points.
    fn ends(&self) -> ([u8; 6], [u8; 6]) {
        let (to, from) = (self.control[1] & 1 != 0, self.control[1] & 2 != 0);
        let destination = if to { self.third } else { self.receiver.0 };
        let source = match (to, from) {
            (_, false) => self.sender.0,
            (false, true) => self.third,
            (true, true) => self.fourth.unwrap_or_default(),
        };
        (destination, source)
    }

    /// What is authenticated beside the data (12.5.3.3.3): what changes on the way is left out. Both ends may
    /// have agreed to count the bit for several frames in one.
    fn associated(&self, several: bool) -> Vec<u8> {
        let [first, mut second] = self.control;
        second &= 0b1100_0111;
        if self.quality.is_some() {
            second &= 0x7f;
        }
        let mut bytes = vec![first & 0x8f, second | 0x40];
        bytes.extend(self.receiver.0);
        bytes.extend(self.sender.0);
        bytes.extend(self.third);
        bytes.extend([self.sequence & 0x0f, 0]);
        bytes.extend(self.fourth.iter().flatten());
        if let Some(quality) = self.quality {
            bytes.extend([quality & if several { 0x8f } else { 0x0f }, 0]);
        }
        bytes
    }

    fn is_aggregate(&self) -> bool {
        self.quality.is_some_and(|quality| quality & 0x80 != 0)
    }
}

/// Opens what follows the header of a frame, up to its check sequence. A part of a frame of TKIP keeps its
/// share of the integrity code.
pub(super) fn open(
    cipher: Cipher,
    key: &[u8],
    way: Way,
    header: &Header,
    sealed: &[u8],
) -> Option<Vec<u8>> {
    /// Bit of the octet with the number of the key: a longer header follows.
    const LONG: u8 = 0x20;
    let long = sealed.get(3)? & LONG != 0;
    if long == (cipher == Cipher::Wep) {
        return None;
    }
    if cipher == Cipher::Wep {
        let (vector, body) = sealed.split_first_chunk::<4>()?;
        let [a, b, c, _] = *vector;
        let mut body = body.to_vec();
        block::rc4(&[&[a, b, c], key].concat(), 0, &mut body);
        return checked(body);
    }
    let (head, body) = sealed.split_first_chunk::<8>()?;
    let [p0, p1, p2, _, p4, p5, p6, p7] = *head;
    match cipher {
        Cipher::Tkip => {
            let (temporal, codes) = key.split_first_chunk::<16>()?;
            let counter = u64::from_be_bytes([0, 0, p7, p6, p5, p4, p0, p2]);
            let mut body = body.to_vec();
            wlan::tkip(temporal, &header.sender.0, counter, &mut body);
            let body = checked(body)?;
            match header.part {
                true => Some(body),
                false => intact(codes, way, header, body),
            }
        }
        Cipher::Ccmp128 | Cipher::Ccmp256 => {
            let mut nonce = [0; 13];
            fill(
                &mut nonce,
                [header.priority()],
                header,
                [p7, p6, p5, p4, p1, p0],
            );
            let code = if key.len() == 16 { 8 } else { 16 };
            authenticated(header, body, code, |associated, body, tag| {
                block::ccm_open(key, &nonce, associated, body, tag)
            })
        }
        _ => {
            let mut nonce = [0; 12];
            fill(&mut nonce, [], header, [p7, p6, p5, p4, p1, p0]);
            authenticated(header, body, 16, |associated, body, tag| {
                block::gcm_open(key, &nonce, associated, body, tag)
            })
        }
    }
}

fn fill<const N: usize>(nonce: &mut [u8], first: [u8; N], header: &Header, number: [u8; 6]) {
    let bytes = first.into_iter().chain(header.sender.0).chain(number);
    for (to, from) in nonce.iter_mut().zip(bytes) {
        *to = from;
    }
}

fn authenticated(
    header: &Header,
    sealed: &[u8],
    code: usize,
    open: impl Fn(&[u8], &mut [u8], &[u8]) -> Option<()>,
) -> Option<Vec<u8>> {
    let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(code)?)?;
    let with = |several| {
        let mut body = body.to_vec();
        open(&header.associated(several), &mut body, tag).map(|()| body)
    };
    with(false).or_else(|| header.is_aggregate().then(|| with(true))?)
}

/// What stands before an integrity check value that is right.
fn checked(mut body: Vec<u8>) -> Option<Vec<u8>> {
    let (plain, check) = body.split_last_chunk::<4>()?;
    if wlan::crc32(plain) != *check {
        return None;
    }
    body.truncate(body.len() - 4);
    Some(body)
}

/// What stands before an integrity code of TKIP that is right. Each direction has a key.
fn intact(codes: &[u8], way: Way, header: &Header, mut body: Vec<u8>) -> Option<Vec<u8>> {
    let (down, up) = codes.split_first_chunk::<8>()?;
    let up = up.first_chunk::<8>()?;
    let (plain, code) = body.split_last_chunk::<8>()?;
    let (destination, source) = header.ends();
    let parts = [
        &destination[..],
        &source[..],
        &[header.priority(), 0, 0, 0],
        plain,
    ];
    let right = |key| wlan::michael(key, &parts) == *code;
    let fits = match way {
        Way::Down => right(down),
        Way::Up => right(up),
        Way::Either => right(down) || right(up),
    };
    if !fits {
        return None;
    }
    body.truncate(body.len() - 8);
    Some(body)
}
