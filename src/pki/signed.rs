//! The frame that certificates, CRLs and OCSP answers share: something to be signed, an algorithm, a signature.

use crate::pki::PkiError;
use crate::pki::der::{Reader, Tlv, only, tag};

/// `SEQUENCE { toBeSigned, AlgorithmIdentifier, BIT STRING, ... }`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    /// What is signed.
    pub(crate) body: Tlv<'a>,
    /// AlgorithmIdentifier.
    pub(crate) algorithm: Tlv<'a>,
    /// Signature bits.
    pub(crate) signature: &'a [u8],
    /// What follows (certificates of a BasicOCSPResponse).
    pub(crate) rest: Reader<'a>,
}

impl<'a> Signed<'a> {
    /// Takes `der` apart; nothing may follow it.
    pub(crate) fn new(der: &'a [u8], what: &'static str) -> Result<Self, PkiError> {
        let mut rest = only(der, tag::SEQUENCE, what)?.inner();
        let body = rest.read(tag::SEQUENCE, what)?;
        let algorithm = rest.read(tag::SEQUENCE, what)?;
        let signature = rest.read(tag::BIT_STRING, what)?;
        Ok(Self {
            body,
            algorithm,
            signature: signature.bits().ok_or(PkiError::NotA(what))?,
            rest,
        })
    }

    /// The same, when nothing may follow the signature.
    pub(crate) fn alone(der: &'a [u8], what: &'static str) -> Result<Self, PkiError> {
        let signed = Self::new(der, what)?;
        signed.rest.end(what)?;
        Ok(signed)
    }
}
