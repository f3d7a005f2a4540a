//! OCSPRequest (RFC 6960 4.1).

use crate::pki::PkiError;
use crate::pki::der::{only, tag};
use crate::pki::ocsp::{CertId, Dialect, MAX_IDS, OcspRequest, has_nonce};

const REQUEST: &str = "an OCSP request (RFC 6960 4.1)";

/// Reads an OCSPRequest. A signature is passed over: nothing here depends on who asks.
///
/// # Errors
///
/// When `der` is not one well-formed OCSPRequest from its first byte to its last, or asks more than 256 questions.
pub fn parse_request(der: &[u8]) -> Result<OcspRequest, PkiError> {
    let mut outer = only(der, tag::SEQUENCE, REQUEST)?.inner();
    let mut body = outer.read(tag::SEQUENCE, REQUEST)?.inner();
    let signature = outer.optional(tag::constructed(0))?;
    outer.end(REQUEST)?;

    let version = body.optional(tag::constructed(0))?;
    let requestor = body.optional(tag::constructed(1))?;
    let list = body.read(tag::SEQUENCE, REQUEST)?;
    let extensions = body.optional(tag::constructed(2))?;
    body.end(REQUEST)?;

    let mut ids = Vec::with_capacity(1);
    let mut with_parameters = 0;
    let mut list = list.inner();
    while !list.is_empty() {
        if ids.len() == MAX_IDS {
            return Err(PkiError::TooMany(MAX_IDS));
        }
        let mut request = list.read(tag::SEQUENCE, REQUEST)?.inner();
        let (id, parameters) = CertId::read(request.read(tag::SEQUENCE, REQUEST)?, REQUEST)?;
        request.optional(tag::constructed(0))?;
        request.end(REQUEST)?;
        with_parameters += usize::from(parameters);
        ids.push(id);
    }
    if ids.is_empty() {
        return Err(PkiError::NotA(REQUEST));
    }
    let plain = signature.is_none() && requestor.is_none();
    let dialect = match (version.is_some(), with_parameters) {
        (false, n) if plain && n == ids.len() => Dialect::Common,
        (true, n) if plain && n == ids.len() => Dialect::ExplicitVersion,
        (false, 0) if plain => Dialect::NoParameters,
        _ => Dialect::Other,
    };
    Ok(OcspRequest {
        ids,
        nonce: extensions.is_some_and(has_nonce),
        dialect,
    })
}
