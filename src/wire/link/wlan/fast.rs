//! Fast transitions between access points of a mobility domain (IEEE 802.11-2020 12.7.1.6, 13): keys are made
//! of one more level each, and agreed on in two frames of the association instead of four of their own.

use super::super::super::rest::Rest;
use super::elements::elements;
use crate::crypto::mac::Digest;
use crate::crypto::wlan::kdf;
use crate::event::Mac;

/// What both ends say of a transition in their elements (9.4.2.46, 9.4.2.47).
#[derive(Clone, Copy, Debug)]
pub(super) struct Transition<'a> {
    domain: [u8; 2],
    /// Who has the key of the first level, and of the second.
    first: &'a [u8],
    second: [u8; 6],
    pub(super) code: [u8; 16],
    /// Of the access point and of the station.
    pub(super) nonces: [[u8; 32]; 2],
    /// The key of the group, wrapped, with its length.
    pub(super) group: Option<(usize, &'a [u8])>,
    /// What the integrity code is of, behind both addresses and the number of the frame: elements, in which
    /// it is itself zero.
    body: [&'a [u8]; 2],
    own: &'a [u8],
}

const ROBUST: u8 = 48;
const DOMAIN: u8 = 54;
const TRANSITION: u8 = Transition::ELEMENT;

impl<'a> Transition<'a> {
    /// The number of its element, which stations that talk directly have as well.
    pub(super) const ELEMENT: u8 = 55;

    /// From the elements of a frame.
    pub(super) fn of(data: &'a [u8]) -> Option<Self> {
        let find = |wanted| elements(data).find_map(|(id, body)| (id == wanted).then_some(body));
        let (domain, own) = (find(DOMAIN)?, find(TRANSITION)?);
        let rest = Rest { bytes: own, cut: 0 };
        let parts = own.get(82..)?;
        let part = |wanted| elements(parts).find_map(|(id, body)| (id == wanted).then_some(body));
        Some(Self {
            domain: *domain.first_chunk()?,
            first: part(3).filter(|name| (1..=48).contains(&name.len()))?,
            second: *part(1)?.first_chunk()?,
            code: rest.array(2)?,
            nonces: [rest.array(18)?, rest.array(50)?],
            // Number, length, counter, key.
            group: part(2).and_then(|body| Some((usize::from(*body.get(2)?), body.get(11..)?))),
            body: [find(ROBUST)?, domain],
            own,
        })
    }

    /// The temporal keys of a master key in a network.
    pub(super) fn keys(
        &self,
        digest: Digest,
        (master, ssid): (&[u8], &[u8]),
        (access_point, station): (Mac, Mac),
        [of_access_point, of_station]: [&[u8; 32]; 2],
        length: usize,
    ) -> Option<Vec<u8>> {
        let length_of = |bytes: &[u8]| u8::try_from(bytes.len()).ok();
        let first = [
            &[length_of(ssid)?],
            ssid,
            &self.domain,
            &[length_of(self.first)?],
            self.first,
            &station.0,
        ];
        let size = digest.output_len();
        let mut level = vec![0; size + 16];
        kdf(digest, master, b"FT-R0", &first.concat(), &mut level);
        let mut second = vec![0; size];
        let names = [self.second, station.0].concat();
        kdf(digest, level.get(..size)?, b"FT-R1", &names, &mut second);
        let all = [
            &of_station[..],
            of_access_point,
            &access_point.0,
            &station.0,
        ];
        let mut keys = vec![0; length];
        kdf(digest, &second, b"FT-PTK", &all.concat(), &mut keys);
        Some(keys)
    }

    /// What the integrity code of a frame of an association is of (13.8.4, 13.8.5).
    pub(super) fn proven(&self, (access_point, station): (Mac, Mac), number: u8) -> Vec<u8> {
        let mut text = [&station.0[..], &access_point.0, &[number]].concat();
        let [robust, domain] = self.body;
        let all = [(ROBUST, robust), (DOMAIN, domain), (TRANSITION, self.own)];
        push_elements(&mut text, all);
        text
    }
}

/// Adds elements as an integrity code is of them: it is itself zero in its own.
pub(super) fn push_elements<const N: usize>(text: &mut Vec<u8>, all: [(u8, &[u8]); N]) {
    for (id, body) in all {
        // As long as an element can be.
        text.extend([id, u8::try_from(body.len()).unwrap_or_default()]);
        let begins = text.len();
        text.extend(body);
        if id == TRANSITION {
            let code = text.iter_mut().skip(begins + 2).take(16);
            code.for_each(|byte| *byte = 0);
        }
    }
}

/// A frame of an association by which a station moves: both ends, its number, its elements.
pub(super) fn moved(frame: Rest<'_>) -> Option<((Mac, Mac), u8, &[u8])> {
    let (receiver, sender) = (Mac(frame.array(4)?), Mac(frame.array(10)?));
    match frame.u8(0)? {
        0x20 => Some(((receiver, sender), 5, frame.after(24 + 10)?.bytes)),
        0x30 => Some(((sender, receiver), 6, frame.after(24 + 6)?.bytes)),
        _ => None,
    }
}

/// The name of the network in such elements.
pub(super) fn ssid(data: &[u8]) -> Option<&[u8]> {
    elements(data).find_map(|(id, body)| (id == 0).then_some(body))
}
