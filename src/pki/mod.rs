//! Certificates, OCSP, CRLs and what is known about Let's Encrypt: a library over bytes, without any
//! network state. Time is an argument.
//!
//! Every format is read by one small DER walker of our own (`der.rs`). It borrows, skips what it need not
//! know, and lets a certificate with a broken extension still tell its serial and URLs, which the general
//! parsers refuse. Certificates are on the hot path of every handshake: a leaf of 1 kB takes about 5 µs, all
//! but 1 µs of it in digests, where x509-parser walks for 5 µs before any digest (release build, one
//! core); one met before takes 60 ns. x509-parser is the oracle of a test. Facts are read leniently;
//! signatures ([`verify`]) strictly.

#![warn(clippy::indexing_slicing)]

pub(crate) mod base64;
pub mod cert;
pub mod crl;
mod der;
pub mod endpoint;
pub mod hierarchy;
mod issuer;
pub mod lookalike;
pub mod ocsp;
pub mod pem;
mod signed;
mod text;
pub mod verify;

use thiserror::Error;

pub use issuer::issuer_certificates;

/// Why bytes could not be read as the structure they should be.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PkiError {
    /// An element announces more bytes than there are.
    #[error("the bytes end before the DER element does")]
    Truncated,
    /// Indefinite length, a length beyond 4 GiB, or a tag number above 30: no structure read here has them.
    #[error("not a DER element of the kind that certificates use")]
    NotDer,
    /// Sound DER, but not the ASN.1 structure that was expected.
    #[error("not {0}")]
    NotA(&'static str),
    /// Bytes after the end of the structure.
    #[error("bytes follow after the end of {0}")]
    Trailing(&'static str),
    /// More elements than any honest message holds.
    #[error("more than {0} elements where one or two are usual")]
    TooMany(usize),
}
