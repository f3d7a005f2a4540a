//! PPP of modems in HDLC-like framing (RFC 1662): flags between frames, bytes escaped, a check sequence.
//! Frames go over transfers as they come. Nothing says that a pipe is a modem's, so the check sequence has to
//! be right, and what it covers has to begin like PPP.

use super::super::super::Undecoded;
use super::super::super::rest::Rest;
use super::super::super::walk::{Inner, Next, Walk};
use super::super::streams::{Key, Kind, Open};
use super::super::{check, ends, multilink};
use crate::frame::LinkType;

const PPP: LinkType = LinkType(9);
const FLAG: u8 = 0x7e;
const ESCAPE: u8 = 0x7d;
const FCS: usize = 2;
/// Some packets of the usual size (RFC 1661 6.1), with all bytes escaped.
const MOST: usize = 8_192;
/// Whether frames of the pipe were seen already.
const PROVEN: u32 = 1;

/// The frames that end in a transfer; None where nothing is PPP.
pub(super) fn frames<'a>(
    walk: &mut Walk<'a, '_>,
    endpoint: u8,
    transfer: Rest<'a>,
) -> Option<Result<Next<'a>, Undecoded>> {
    let (at, key) = (
        walk.at,
        Key {
            lane: walk.lane(),
            kind: Kind::UsbPpp,
            number: endpoint.into(),
        },
    );
    let streams = &mut walk.fragments.streams;
    let open = streams.take(at, &key);
    if open.is_none() && transfer.u8(0) != Some(FLAG) {
        return None;
    }
    let (mut bytes, mut number) = open.map_or((Vec::new(), 0), |open| (open.bytes, open.number));
    bytes.extend_from_slice(transfer.bytes);
    let mut pieces: Vec<&[u8]> = bytes.split(|byte| *byte == FLAG).collect();
    let last = pieces.pop().unwrap_or_default();
    let frames: Vec<Inner> = pieces
        .iter()
        .filter_map(|piece| frame(piece))
        .map(|frame| Inner::whole(PPP, frame))
        .collect();
    if !frames.is_empty() {
        number = PROVEN;
    }
    let begun = unescaped(last);
    let packet = Rest {
        bytes: &begun,
        cut: 0,
    };
    let whose = ends(Next::Ppp(packet));
    let waits = number == PROVEN || begun.starts_with(&[0xff, 0x03]) || whose.is_some();
    // What the capture cut goes on elsewhere.
    if waits && transfer.cut == 0 && last.len() <= MOST {
        streams.put(Open {
            key,
            at,
            number,
            bytes: last.to_vec(),
        });
    }
    match walk.several(frames) {
        Ok(None) if !waits => None,
        Ok(None) => {
            walk.fragments.latest = whose;
            Some(Err(Undecoded::LinkFragment))
        }
        Ok(Some(next)) => Some(Ok(next)),
        Err(why) => Some(Err(why)),
    }
}

/// What stands between two flags, without its check sequence.
fn frame(piece: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = unescaped(piece);
    if bytes.len() <= FCS || check::crc16(u16::MAX, &bytes) != check::GOOD_PPP {
        return None;
    }
    bytes.truncate(bytes.len() - FCS);
    multilink::begins_ppp(Rest {
        bytes: &bytes,
        cut: 0,
    })
    .then_some(bytes)
}

fn unescaped(piece: &[u8]) -> Vec<u8> {
    let mut escaped = false;
    let bytes = piece.iter().filter_map(|byte| {
        if *byte == ESCAPE {
            escaped = true;
            return None;
        }
        Some(
            *byte
                ^ if std::mem::take(&mut escaped) {
                    0x20
                } else {
                    0
                },
        )
    });
    bytes.collect()
}
