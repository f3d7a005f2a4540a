//! Keys of Initial packets (RFC 9001 5.2): they come from the client's first destination connection id
//! alone, so whoever saw that packet can open both sides' Initials.

use crate::crypto::{Cipher, Hash};
use crate::flow::Side;

use super::BySide;
use super::header::Long;
use super::protection::{Opened, PacketKeys};
use super::scheme::Scheme;

/// Initial keys by the connection id they come from. One id serves several versions: a server may answer
/// version 1 in version 2, keyed by the same id (RFC 9368 2, RFC 9369 4.1).
#[derive(Debug)]
pub(super) struct InitialKeys {
    dcid: Vec<u8>,
    schemes: Vec<(Scheme, BySide<PacketKeys>)>,
}

impl InitialKeys {
    /// Opens `packet` as the first Initial of a client: with the keys of the id it is addressed to.
    pub(super) fn of_first(packet: &Long<'_>, largest: Option<u64>) -> Option<(Self, Opened)> {
        let keys = derive(packet.scheme, packet.dcid)?;
        let opened = keys.client.open(packet, largest)?;
        let keys = Self {
            dcid: packet.dcid.to_vec(),
            schemes: vec![(packet.scheme, keys)],
        };
        Some((keys, opened))
    }

    /// Opens a packet of `side`.
    pub(super) fn open(
        &mut self,
        side: Side,
        packet: &Long<'_>,
        largest: Option<u64>,
    ) -> Option<Opened> {
        let fits = |(scheme, _): &&(Scheme, _)| *scheme == packet.scheme;
        if self.schemes.iter().find(fits).is_none() {
            let keys = derive(packet.scheme, &self.dcid)?;
            self.schemes.push((packet.scheme, keys));
        }
        let (_, keys) = self.schemes.iter().find(fits)?;
        keys.of(side).open(packet, largest)
    }

    /// Memory it holds beside itself.
    pub(super) fn weight(&self) -> usize {
        self.schemes.capacity() * size_of::<(Scheme, BySide<PacketKeys>)>()
    }

    /// The id they come from.
    pub(super) fn dcid(&self) -> &[u8] {
        &self.dcid
    }
}

fn derive(scheme: Scheme, dcid: &[u8]) -> Option<BySide<PacketKeys>> {
    let initial = Hash::Sha256.extract(&scheme.salt(), dcid);
    let initial = Hash::Sha256.prk(initial.as_bytes());
    let side = |label| {
        let mut secret = [0; 32];
        if !initial.expand_label(label, &mut secret) {
            return None;
        }
        PacketKeys::derive(scheme, Cipher::Aes128Gcm, &Hash::Sha256.prk(&secret))
    };
    Some(BySide {
        client: side("client in")?,
        server: side("server in")?,
    })
}
