//! Room 4: bytes to events.

use crate::event::Event;
use crate::limits::Limits;

pub mod tls;

/// What the readers of all flows work with: where events go, the limits, keys and shared tables.
#[derive(Debug, Default)]
pub struct Context {
    /// Caps and timeouts.
    pub limits: Limits,
    /// Where events go; the engine drains it after every frame.
    pub events: Vec<Event>,
    /// Key log secrets.
    pub keys: tls::secrets::KeyStore,
    /// Certificates decoded so far, shared by fingerprint.
    pub certificates: crate::pki::cert::Interner,
    /// Bytes of HTTP bodies held at this moment, over all flows.
    pub bodies_held: usize,
    /// Encrypted handshake bytes held at this moment for keys that may come, over all flows.
    pub encrypted_held: usize,
}
