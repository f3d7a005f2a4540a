//! Signature algorithms by their identifiers (RFC 3279, 4055, 5758, 8410), checked by ring.

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use crate::pki::der::{Tlv, tag};

/// What the arithmetic says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Check {
    /// The key made the signature.
    Good,
    /// It did not.
    Bad,
    /// An algorithm, key size or curve that is not supported.
    Unsupported,
}

/// Checks `signature` over `message` with a SubjectPublicKeyInfo and an AlgorithmIdentifier.
pub(crate) fn check(key: Tlv<'_>, algorithm: Tlv<'_>, message: &[u8], signature: &[u8]) -> Check {
    let mut fields = key.inner();
    let (Ok(kind), Ok(bits)) = (
        fields.read(tag::SEQUENCE, "a public key"),
        fields.read(tag::BIT_STRING, "a public key"),
    ) else {
        return Check::Unsupported;
    };
    let (Some(kind), Some(bits)) = (Kind::of(kind), bits.bits()) else {
        return Check::Unsupported;
    };
    let Some(verifier) = verifier(kind, algorithm) else {
        return Check::Unsupported;
    };
    // ring takes RSA keys of 1024 to 8192 bits; an encoded key is 12 to 20 bytes longer than its modulus.
    if kind == Kind::Rsa && !(1_024 / 8..8_192 / 8 + 32).contains(&bits.len()) {
        return Check::Unsupported;
    }
    match verifier {
        Some(verifier) => match UnparsedPublicKey::new(verifier, bits).verify(message, signature) {
            Ok(()) => Check::Good,
            Err(_) => Check::Bad,
        },
        // An algorithm for keys of another kind.
        None => Check::Bad,
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    fn of(algorithm: Tlv<'_>) -> Option<Self> {
        let mut fields = algorithm.inner();
        let oid = fields.next()?;
        let parameters = fields.next();
        match oid.content {
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01] => Some(Self::Rsa),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => match parameters?.content {
                [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => Some(Self::P256),
                [0x2b, 0x81, 0x04, 0x00, 0x22] => Some(Self::P384),
                _ => None,
            },
            [0x2b, 0x65, 0x70] => Some(Self::Ed25519),
            _ => None,
        }
    }
}

/// The verifier for an algorithm; the inner None says that it does not go with keys of this kind.
fn verifier(key: Kind, algorithm: Tlv<'_>) -> Option<Option<&'static dyn VerificationAlgorithm>> {
    let mut fields = algorithm.inner();
    let oid = fields.element().ok()?;
    if oid.tag != tag::OID {
        return None;
    }
    let parameters = fields.next();
    if !fields.is_empty() {
        return None;
    }
    let rsa: &'static dyn VerificationAlgorithm = match oid.content {
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, hash] => {
            match hash {
                // Until 2016 in certificates, until 2022 in OCSP responses.
                5 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
                11 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                12 => &signature::RSA_PKCS1_2048_8192_SHA384,
                13 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                10 => return pss(key, parameters?.whole),
                _ => return None,
            }
        }
        // ecdsa-with-SHA256, ecdsa-with-SHA384
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, hash @ (2 | 3)] if parameters.is_none() => {
            return Some(match (key, hash) {
                (Kind::P256, 2) => Some(&signature::ECDSA_P256_SHA256_ASN1),
                (Kind::P256, _) => Some(&signature::ECDSA_P256_SHA384_ASN1),
                (Kind::P384, 2) => Some(&signature::ECDSA_P384_SHA256_ASN1),
                (Kind::P384, _) => Some(&signature::ECDSA_P384_SHA384_ASN1),
                _ => None,
            });
        }
        [0x2b, 0x65, 0x70] if parameters.is_none() => {
            return Some((key == Kind::Ed25519).then_some(&signature::ED25519 as _));
        }
        _ => return None,
    };
    // RFC 4055 5: the parameters are NULL; some signers leave them out.
    match parameters {
        Some(null) if null.tag != tag::NULL || !null.content.is_empty() => None,
        _ => Some((key == Kind::Rsa).then_some(rsa)),
    }
}

/// RSASSA-PSS in its three usual forms: one hash for message and mask, salt as long as the hash (RFC 4055 3.1).
fn pss(key: Kind, parameters: &[u8]) -> Option<Option<&'static dyn VerificationAlgorithm>> {
    let verifier: &'static dyn VerificationAlgorithm = if parameters == pss_parameters(1, 32) {
        &signature::RSA_PSS_2048_8192_SHA256
    } else if parameters == pss_parameters(2, 48) {
        &signature::RSA_PSS_2048_8192_SHA384
    } else if parameters == pss_parameters(3, 64) {
        &signature::RSA_PSS_2048_8192_SHA512
    } else {
        return None;
    };
    Some((key == Kind::Rsa).then_some(verifier))
}

/// `SEQUENCE { [0] { hash }, [1] { id-mgf1 { hash } }, [2] { INTEGER salt } }`; SHA-2 OIDs differ in their last arc.
#[rustfmt::skip]
const fn pss_parameters(hash: u8, salt: u8) -> [u8; 54] {
    [
        0x30, 0x34,
        0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash, 0x05, 0x00,
        0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,
        0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash, 0x05, 0x00,
        0xa2, 0x03, 0x02, 0x01, salt,
    ]
}
