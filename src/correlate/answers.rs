//! Responses to answers: bodies are decoded and checked when they arrive, then let go.

mod faults;
mod lists;

use std::sync::Arc;

use crate::event::{Body, Response};
use crate::finding::{ContactKind, Failure, Signature};
use crate::flow::{Close, Ending, Side};
use crate::frame::FrameNo;
use crate::pki::cert::{Certificate, Interner, Serial};
use crate::pki::crl::{self, CrlFacts};
use crate::pki::ocsp::{self, CertStatus, OcspResponse, ResponseStatus};
use crate::pki::{issuer_certificates, verify};
use crate::time::Timestamp;

use lists::Lists;

pub(super) use faults::CLOCK_SLACK;
pub use faults::{Asked, Fault, faults, is_about};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answered {
    /// HTTP status; 0 when no head came.
    pub status: u16,
    /// When its last byte came.
    pub at: Timestamp,
    /// The same by the clock of the capture.
    pub clock: Timestamp,
    /// First frame.
    pub first_frame: FrameNo,
    /// When that was captured.
    pub first_at: Timestamp,
    /// Last frame.
    pub frame: FrameNo,
    /// Content-Type.
    pub content_type: Option<String>,
    /// Location.
    pub location: Option<String>,
    /// Whether the body came whole.
    pub complete: bool,
    /// Body bytes on the wire.
    pub body_len: u64,
    /// What the body is.
    pub object: Object,
    /// Signature over it.
    pub signature: Signature,
}

/// A decoded body.
#[derive(Clone, Debug)]
pub enum Object {
    /// Nothing kept, or no body.
    None,
    /// An OCSP response.
    Ocsp(Arc<OcspResponse>),
    /// A CRL: its head, the bytes while there is room for them, and the known serials it lists.
    Crl {
        /// Head.
        facts: Arc<CrlFacts>,
        /// Bytes, for serials that become known later.
        body: Option<Body>,
        /// Serials known when it arrived.
        listed: Vec<(Serial, CertStatus)>,
    },
    /// Issuer certificates.
    Certificates(Vec<Arc<Certificate>>),
    /// Kept, but nothing of these.
    Foreign,
}

/// Reads responses.
#[derive(Debug)]
pub struct Reader {
    /// Certificates to check signatures against.
    pub trust: verify::Trust,
    interner: Interner,
    lists: Lists,
}

impl Reader {
    /// `crl_room` bytes of CRLs are kept for later questions.
    #[must_use]
    pub fn new(trust: verify::Trust, crl_room: usize) -> Self {
        Self {
            trust,
            interner: Interner::default(),
            lists: Lists::new(crl_room),
        }
    }

    /// Takes note that an answer with this list is kept no more.
    pub fn give_back(&mut self, list: &Body) {
        self.lists.give_back(list);
    }

    /// Decodes a response that ended at a time, which may differ from what the clock showed; `known` lists
    /// the serials of certificates seen so far.
    pub fn read<'a>(
        &mut self,
        (at, clock): (Timestamp, Timestamp),
        frame: FrameNo,
        response: &Response,
        known: impl Iterator<Item = &'a Serial>,
    ) -> Answered {
        let mut answer = Answered {
            status: response.status,
            at,
            clock,
            first_frame: response.first_frame,
            first_at: response.first_at,
            frame,
            content_type: response.content_type.clone(),
            location: response.location.clone(),
            complete: response.complete,
            body_len: response.body_len,
            object: Object::None,
            signature: Signature::Unchecked,
        };
        if let Some(body) = &response.body
            && !body.is_empty()
        {
            (answer.object, answer.signature) = self.decode(clock, body, response.complete, known);
        }
        answer
    }

    fn decode<'a>(
        &mut self,
        at: Timestamp,
        body: &Body,
        complete: bool,
        known: impl Iterator<Item = &'a Serial>,
    ) -> (Object, Signature) {
        if let Ok(response) = ocsp::parse_response(body) {
            let signature = verify::verify_ocsp(body, &response, &self.trust, at);
            return (Object::Ocsp(Arc::new(response)), signature);
        }
        if let Ok(list) = crl::open(body) {
            let signature = if complete {
                verify::verify_crl(body, &self.trust, at)
            } else {
                Signature::Unchecked
            };
            let serials: Vec<Serial> = known.cloned().collect();
            let listed = list.find_all(&serials);
            let object = Object::Crl {
                facts: Arc::new(list.facts()),
                body: self.lists.keep(body),
                listed,
            };
            return (object, signature);
        }
        let certs: Vec<Arc<Certificate>> = issuer_certificates(body)
            .iter()
            .filter_map(|der| self.interner.intern(der).ok())
            .collect();
        match certs.first() {
            Some(first) => {
                let signature = verify::verify_certificate(first, &self.trust);
                (Object::Certificates(certs), signature)
            }
            None => (Object::Foreign, Signature::Unchecked),
        }
    }
}

impl Answered {
    /// Holds the answer against its question: a good signature is not enough to rely on it.
    pub fn hold_against(&mut self, asked: &Asked<'_>) {
        if self.signature == Signature::Verified && !faults(self, asked).is_empty() {
            self.signature = Signature::Unfit;
        }
    }

    /// Bytes that it takes beside itself, roughly; lists have a limit of their own.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = [&self.content_type, &self.location];
        let texts: usize = texts.into_iter().flatten().map(String::capacity).sum();
        texts
            + match &self.object {
                Object::Ocsp(response) => response.weight(),
                Object::Crl { facts, listed, .. } => {
                    let urls: usize = facts.idp_urls.iter().map(String::capacity).sum();
                    urls + facts.issuer.capacity()
                        + listed.len() * size_of::<(Serial, CertStatus)>()
                }
                Object::Certificates(certs) => certs.iter().map(|c| c.weight()).sum(),
                Object::None | Object::Foreign => 0,
            }
    }

    /// What the body shows the request to have been after.
    #[must_use]
    pub fn kind(&self) -> ContactKind {
        match self.object {
            Object::Ocsp(_) => ContactKind::Ocsp,
            Object::Crl { .. } => ContactKind::Crl,
            Object::Certificates(_) => ContactKind::Issuer,
            Object::None | Object::Foreign => ContactKind::Unknown,
        }
    }

    /// What is wrong with it, if anything.
    #[must_use]
    pub fn failure(&self, close: Option<&Close>) -> Option<Failure> {
        if self.status >= 400 {
            return Some(Failure::Http(self.status));
        }
        if let Object::Ocsp(response) = &self.object
            && response.status != ResponseStatus::Successful
        {
            return Some(Failure::OcspError(response.status.code()));
        }
        if !self.complete && self.body_len > 0 {
            return Some(match close.map(|c| c.how) {
                Some(Ending::Reset(Side::Server)) => Failure::Reset,
                Some(Ending::Reset(Side::Client)) => Failure::Abandoned,
                _ => Failure::Incomplete,
            });
        }
        None
    }

    /// Serials among `known` that this answer says are revoked.
    #[must_use]
    pub fn revoked(&self, known: &[Serial]) -> Vec<(Serial, CertStatus)> {
        match &self.object {
            Object::Ocsp(response) => response
                .answers
                .iter()
                .filter(|a| matches!(a.status, CertStatus::Revoked { .. }))
                .map(|a| (a.id.serial.clone(), a.status))
                .collect(),
            Object::Crl {
                body: Some(body), ..
            } => crl::open(body).map_or_else(|_| Vec::new(), |l| l.find_all(known)),
            Object::Crl {
                body: None, listed, ..
            } => listed.clone(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of 100 MB exists once.
    #[test]
    fn a_list_stays_where_it_was_read() {
        let body = Body::from(include_bytes!("../pki/testdata/leaf.crl").to_vec());
        let mut reader = Reader::new(verify::Trust::builtin(), body.len());
        let response = Response {
            index: 0,
            unasked: false,
            torn: [false; 2],
            status: 200,
            content_type: None,
            location: None,
            server: None,
            date: None,
            complete: true,
            body_len: body.len() as u64,
            body: Some(body.clone()),
            first_frame: FrameNo::new(1),
            first_at: Timestamp::EPOCH,
        };
        let mut read = || {
            reader.read(
                (Timestamp::EPOCH, Timestamp::EPOCH),
                FrameNo::new(1),
                &response,
                [].into_iter(),
            )
        };
        let Object::Crl {
            body: Some(kept), ..
        } = read().object
        else {
            panic!("a list")
        };
        assert_eq!(kept.as_ptr(), body.as_ptr());
        // There was room for one, and those who fetch the same share it.
        let Object::Crl {
            body: Some(again), ..
        } = read().object
        else {
            panic!("the same list")
        };
        assert_eq!(again.as_ptr(), body.as_ptr());
    }
}
