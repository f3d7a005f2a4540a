//! Stations of one access point that talk to each other directly (TDLS, IEEE 802.11-2020 11.20, 12.7.8). What
//! they agree on goes through the access point, protected by the keys that each has with it; who opens that
//! has all that their own key is made of.

use super::super::super::rest::Rest;
use super::eapol::Transient;
use super::elements::{Security, elements};
use super::fast::{Transition, push_elements};
use crate::crypto::mac::Digest;
use crate::crypto::{block, sha256, wlan};
use crate::event::Mac;

/// The keys that a message makes, and whose they are. It follows LLC and SNAP.
pub(super) fn agreed(rest: Rest<'_>) -> Option<((Mac, Mac), Transient)> {
    const LINK: u8 = 101;
    const TIMEOUT: u8 = 56;
    const ROBUST: u8 = 48;
    // Payload, category, action.
    let (number, data) = match rest.array::<3>(0)? {
        // With status, token, capabilities.
        [2, 12, 1] => (2, rest.after(8)?.bytes),
        [2, 12, 2] => (3, rest.after(6)?.bytes),
        _ => return None,
    };
    let find = |wanted| elements(data).find(|(id, _)| *id == wanted);
    let (link, robust, timeout) = (find(LINK)?, find(ROBUST)?, find(TIMEOUT)?);
    let own = elements(data).find(|(id, _)| *id == Transition::ELEMENT)?;
    let fields = Rest {
        bytes: own.1,
        cut: 0,
    };
    let (one, other) = (fields.array::<32>(18)?, fields.array::<32>(50)?);
    let ends = Rest {
        bytes: link.1,
        cut: 0,
    };
    let (access_point, initiator, responder) = (
        ends.array::<6>(0)?,
        ends.array::<6>(6)?,
        ends.array::<6>(12)?,
    );

    let input = sha256(&[one.min(other), one.max(other)].concat());
    let context = [
        initiator.min(responder),
        initiator.max(responder),
        access_point,
    ];
    let mut keys = [0; 32];
    wlan::kdf(
        Digest::Sha256,
        &input,
        b"TDLS PMK",
        &context.concat(),
        &mut keys,
    );
    let (confirmation, temporal) = keys.split_at(16);

    let mut text = [&initiator[..], &responder, &[number]].concat();
    push_elements(&mut text, [link, robust, timeout, own]);
    if block::cmac(confirmation, &text) != Some(fields.array(2)?) {
        return None;
    }
    let keys = Transient::direct(Security::of(data)?, temporal)?;
    Some(((Mac(initiator), Mac(responder)), keys))
}
