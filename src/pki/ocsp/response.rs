//! OCSPResponse (RFC 6960 4.2).

use crate::pki::PkiError;
use crate::pki::der::{Tlv, only, tag};
use crate::pki::ocsp::{CertId, CertStatus, MAX_IDS, OcspResponse, ResponseStatus, SingleResponse};
use crate::pki::signed::Signed;

const RESPONSE: &str = "an OCSP response (RFC 6960 4.2)";

/// id-pkix-ocsp-basic.
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// Reads an OCSPResponse. Signature and embedded certificates are left to [`crate::pki::verify`].
///
/// # Errors
///
/// When `der` is not one well-formed OCSPResponse from its first byte to its last, when a successful one is
/// not of the basic type, or holds more than 256 answers.
pub fn parse_response(der: &[u8]) -> Result<OcspResponse, PkiError> {
    let (status, bytes) = outer(der)?;
    let mut response = OcspResponse {
        status,
        produced_at: None,
        answers: Vec::new(),
        responder_key_hash: None,
        responder_name: None,
        has_certificates: false,
    };
    let Some(bytes) = bytes else {
        return if status == ResponseStatus::Successful {
            Err(PkiError::NotA(RESPONSE))
        } else {
            Ok(response)
        };
    };
    let mut signed = Signed::new(bytes, RESPONSE)?;
    response.has_certificates =
        certificates(&mut signed)?.is_some_and(|list| !list.content.is_empty());
    let mut fields = signed.body.inner();
    fields.optional(tag::constructed(0))?;
    let responder = fields.element()?;
    match responder.tag {
        0xa1 => response.responder_name = Some(responder.content.to_vec()),
        0xa2 => {
            let hash = only(responder.content, tag::OCTET_STRING, RESPONSE)?;
            response.responder_key_hash = Some(hash.content.to_vec());
        }
        _ => return Err(PkiError::NotA(RESPONSE)),
    }
    response.produced_at = fields.read(tag::GENERALIZED_TIME, RESPONSE)?.time();
    let mut list = fields.read(tag::SEQUENCE, RESPONSE)?.inner();
    while !list.is_empty() {
        if response.answers.len() == MAX_IDS {
            return Err(PkiError::TooMany(MAX_IDS));
        }
        response
            .answers
            .push(single(list.read(tag::SEQUENCE, RESPONSE)?)?);
    }
    fields.optional(tag::constructed(1))?;
    fields.end(RESPONSE)?;
    Ok(response)
}

/// The signed part of a successful response and the certificates that come with it.
pub(crate) fn basic(der: &[u8]) -> Result<(Signed<'_>, Option<Tlv<'_>>), PkiError> {
    match outer(der)? {
        (ResponseStatus::Successful, Some(bytes)) => {
            let mut signed = Signed::new(bytes, RESPONSE)?;
            let certificates = certificates(&mut signed)?;
            Ok((signed, certificates))
        }
        _ => Err(PkiError::NotA(RESPONSE)),
    }
}

/// `OCSPResponse ::= SEQUENCE { responseStatus, [0] { SEQUENCE { responseType, OCTET STRING } } OPTIONAL }`
fn outer(der: &[u8]) -> Result<(ResponseStatus, Option<&[u8]>), PkiError> {
    let mut fields = only(der, tag::SEQUENCE, RESPONSE)?.inner();
    let status = fields.read(tag::ENUMERATED, RESPONSE)?;
    let status = match status.small().ok_or(PkiError::NotA(RESPONSE))? {
        0 => ResponseStatus::Successful,
        1 => ResponseStatus::MalformedRequest,
        2 => ResponseStatus::InternalError,
        3 => ResponseStatus::TryLater,
        5 => ResponseStatus::SigRequired,
        6 => ResponseStatus::Unauthorized,
        other => ResponseStatus::Other(other),
    };
    let bytes = fields.optional(tag::constructed(0))?;
    fields.end(RESPONSE)?;
    let Some(bytes) = bytes else {
        return Ok((status, None));
    };
    let mut bytes = only(bytes.content, tag::SEQUENCE, RESPONSE)?.inner();
    if bytes.read(tag::OID, RESPONSE)?.content != BASIC {
        return Err(PkiError::NotA("an OCSP response of the basic type"));
    }
    let basic = bytes.read(tag::OCTET_STRING, RESPONSE)?;
    bytes.end(RESPONSE)?;
    Ok((status, Some(basic.content)))
}

/// `certs [0] SEQUENCE OF Certificate OPTIONAL`, the last field.
fn certificates<'a>(signed: &mut Signed<'a>) -> Result<Option<Tlv<'a>>, PkiError> {
    let list = signed.rest.optional(tag::constructed(0))?;
    signed.rest.end(RESPONSE)?;
    list.map(|list| only(list.content, tag::SEQUENCE, RESPONSE))
        .transpose()
}

fn single(response: Tlv<'_>) -> Result<SingleResponse, PkiError> {
    let mut fields = response.inner();
    let (id, _) = CertId::read(fields.read(tag::SEQUENCE, RESPONSE)?, RESPONSE)?;
    let status = fields.element()?;
    let status = match status.tag {
        0x80 => CertStatus::Good,
        0x82 => CertStatus::Unknown,
        0xa1 => {
            let mut info = status.inner();
            let at = info.read(tag::GENERALIZED_TIME, RESPONSE)?.time();
            let reason = info.optional(tag::constructed(0))?;
            info.end(RESPONSE)?;
            CertStatus::Revoked {
                at: at.ok_or(PkiError::NotA(RESPONSE))?,
                reason: reason
                    .and_then(|reason| reason.inner().next())
                    .and_then(Tlv::small),
            }
        }
        _ => return Err(PkiError::NotA(RESPONSE)),
    };
    let this_update = fields.read(tag::GENERALIZED_TIME, RESPONSE)?.time();
    let next_update = fields.optional(tag::constructed(0))?;
    fields.optional(tag::constructed(1))?;
    fields.end(RESPONSE)?;
    Ok(SingleResponse {
        id,
        status,
        this_update: this_update.ok_or(PkiError::NotA(RESPONSE))?,
        next_update: next_update
            .and_then(|time| time.inner().next())
            .and_then(Tlv::time),
    })
}
