//! Why an answer must not be relied on, however good its signature is (RFC 6960 3.2, RFC 5280 6.3.3).

use std::sync::Arc;

use crate::correlate::answers::{Answered, Object};
use crate::correlate::log::kind_of_path;
use crate::event::Request;
use crate::finding::ContactKind;
use crate::pki::cert::Certificate;
use crate::pki::endpoint::{HostRole, PathRole, path_role};
use crate::pki::hierarchy::Hierarchy;
use crate::pki::ocsp::{OcspRequest, OcspResponse, ResponseStatus};
use crate::time::{Span, Timestamp};

/// Clocks of captures and devices are rarely off by more.
pub(in crate::correlate) const CLOCK_SLACK: Span = Span::from_secs(300);

/// 2015-06-04, when the first certificate of Let's Encrypt's hierarchy was made. A capture dated before has
/// no clock: its times are counted from its start, or nobody set them.
const HIERARCHY_BEGINS: Timestamp = Timestamp::from_secs(1_433_376_000);

/// One reason.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// No answer for a serial asked about.
    OtherSerial,
    /// About another CA (its name, where it is known).
    OtherIssuer(String),
    /// A list that says it belongs at this other address.
    OtherPoint(String),
    /// Past its nextUpdate, given here.
    Stale(Timestamp),
    /// Before its thisUpdate, given here.
    Future(Timestamp),
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The request, where the capture has it.
    pub request: Option<&'a Request>,
    /// Its URL.
    pub url: Option<&'a str>,
    /// The OCSP question in it.
    pub ocsp: Option<&'a OcspRequest>,
    /// What the host is, for a host of Let's Encrypt.
    pub role: Option<&'a HostRole>,
}

/// All reasons against an answer.
#[must_use]
pub fn faults(answer: &Answered, asked: &Asked<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    match &answer.object {
        Object::Ocsp(response) if response.status == ResponseStatus::Successful => {
            if let Some(question) = asked.ocsp {
                faults.extend(other_subject(question, response));
            }
            for one in &response.answers {
                faults.extend(time(answer.clock, one.this_update, one.next_update));
            }
        }
        Object::Crl { facts, .. } => {
            faults.extend(other_ca(asked, facts.issuer_cn.as_deref()));
            // RFC 5280 6.3.3 b 2: a point that names itself must be the one it was fetched from.
            let fits = |idp: &String| asked.url.is_none_or(|url| idp.eq_ignore_ascii_case(url));
            if asked.role.is_some()
                && let Some(first) = facts.idp_urls.first()
                && !facts.idp_urls.iter().any(fits)
            {
                faults.push(Fault::OtherPoint(first.clone()));
            }
            faults.extend(time(answer.clock, facts.this_update, facts.next_update));
        }
        Object::Certificates(certs) => {
            let faults_of = |cert: &Arc<Certificate>| other_ca(asked, cert.subject_cn.as_deref());
            if certs.iter().all(|cert| faults_of(cert).is_some()) {
                faults.extend(certs.first().and_then(faults_of));
            }
        }
        Object::Ocsp(_) | Object::None | Object::Foreign => {}
    }
    faults.dedup();
    faults
}

/// Whether an answer is about what was asked, as far as both say what they are about.
#[must_use]
pub fn is_about(answer: &Answered, asked: &Asked<'_>) -> Option<bool> {
    let asks_by_path = || {
        let request = asked.request?;
        (kind_of_path(&request.path) != ContactKind::Unknown).then_some(false)
    };
    match (&answer.object, asked.ocsp) {
        (Object::Ocsp(response), Some(question)) => (response.status == ResponseStatus::Successful)
            .then(|| other_subject(question, response).is_none()),
        (Object::Ocsp(_), None) => asks_by_path(),
        (Object::Crl { .. } | Object::Certificates(_), Some(_)) => Some(false),
        (Object::Crl { facts, .. }, None) => {
            let same = |idp: &String| asked.url.map(|url| idp.eq_ignore_ascii_case(url));
            let mut named = facts.idp_urls.iter().filter_map(same).peekable();
            if named.peek().is_some() {
                return Some(named.any(|same| same));
            }
            other_ca(asked, facts.issuer_cn.as_deref()).map(|_| false)
        }
        (Object::Certificates(certs), None) => {
            let other = |cert: &Arc<Certificate>| other_ca(asked, cert.subject_cn.as_deref());
            certs
                .iter()
                .all(|cert| other(cert).is_some())
                .then_some(false)
        }
        (Object::None | Object::Foreign, _) => None,
    }
}

/// The CertIDs of an answer are those of the question (RFC 6960 3.2 item 1).
fn other_subject(question: &OcspRequest, response: &OcspResponse) -> Option<Fault> {
    let mut same_serial = false;
    for answer in &response.answers {
        for asked in question
            .ids
            .iter()
            .filter(|id| id.serial == answer.id.serial)
        {
            same_serial = true;
            // Hashes of different kinds do not compare.
            let comparable = asked.hash == answer.id.hash;
            if !comparable
                || asked.issuer_key_hash == answer.id.issuer_key_hash
                    && asked.issuer_name_hash == answer.id.issuer_name_hash
            {
                return None;
            }
        }
    }
    Some(if same_serial {
        Fault::OtherIssuer(String::new())
    } else {
        Fault::OtherSerial
    })
}

/// The CA in a host's label makes what the host serves. Only a name of another CA of the hierarchy speaks
/// against that: a private hierarchy in the place of the real one may call its CAs what it likes, and its
/// signatures tell that story. Where the capture lacks the request, the host is what the address was looked
/// up as last, and all hosts of a delivery network share addresses.
fn other_ca(asked: &Asked<'_>, cn: Option<&str>) -> Option<Fault> {
    let role = asked.role?;
    let (Some(wanted), Some(cn)) = (role.ca, cn) else {
        return None;
    };
    let compared = asked.request.is_some_and(|request| {
        matches!(
            path_role(role, &request.method, &request.path),
            PathRole::Shard(_) | PathRole::RootCrl | PathRole::IssuerCert
        )
    });
    let known = || Hierarchy::builtin().by_name(cn).is_some();
    (compared && wanted != cn && known()).then(|| Fault::OtherIssuer(cn.to_owned()))
}

fn time(at: Timestamp, this: Timestamp, next: Option<Timestamp>) -> Option<Fault> {
    if at < HIERARCHY_BEGINS {
        return None;
    }
    if this > at.plus(CLOCK_SLACK) {
        return Some(Fault::Future(this));
    }
    let next = next.filter(|next| next.plus(CLOCK_SLACK) < at)?;
    Some(Fault::Stale(next))
}
