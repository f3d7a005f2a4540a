//! Answers whose requests the capture lacks: a mirror that gives one direction only, a capture begun too
//! late, a lost frame.
//!
//! An answer of a CA says by itself what was asked: a response is about the certificates that the request was
//! about (RFC 6960 4.2.2.3), and a list that is one of several names the place where it belongs (RFC 5280
//! 5.2.5).

use super::*;
use crate::correlate::answers::{Answered, Asked, Object};
use crate::correlate::case::split_url;
use crate::correlate::log::AnswerRecord;
use crate::event::Response;
use crate::pki::crl::CrlFacts;
use crate::pki::endpoint::Service;
use crate::pki::hierarchy::{Environment, Hierarchy};
use crate::pki::ocsp::OcspRequest;

impl State {
    /// Whether an answer that belongs to no request can be told whose it is.
    pub(super) fn may_file_unasked(&self, id: FlowId, response: &Response) -> bool {
        let known = self.log.connects.contains_key(&id);
        known || response.body.is_some() && self.flows.contains_key(&id)
    }

    /// Files an answer that belongs to no request.
    pub(super) fn answered_unasked(&mut self, id: FlowId, index: u32, mut answer: Answered) {
        if self.log.answers.len() >= self.limits.findings {
            return self.limit_reached();
        }
        let known = self.log.connects.contains_key(&id);
        let Some(flow) = self.flows.get(&id) else {
            return;
        };
        let told = self.host_of(&answer, &flow.ends);
        if !known {
            let Some((host, watch)) = told.clone() else {
                return;
            };
            let connect = flow.connect(id, host, watch);
            self.log.connects.insert(id, Box::new(connect));
        }
        let Some(connect) = self.log.connects.get_mut(&id) else {
            return;
        };
        // All hosts of a CA may share their addresses, so what came tells better which one it was than the
        // lookup before.
        let (host, watch) = told.unwrap_or_else(|| (connect.host.clone(), connect.watch.clone()));
        answer.hold_against(&Asked {
            request: None,
            url: None,
            ocsp: None,
            role: watch.role(),
        });
        connect.requests += 1;
        self.log.answers.push(AnswerRecord {
            flow: id,
            index,
            first: connect.requests == 1,
            host,
            watch,
            answer,
        });
    }

    /// The host that an answer is from: the one that a list says it belongs to or, since responses and
    /// certificates name none, one that the address was given for and that serves what this CA makes.
    fn host_of(&self, answer: &Answered, ends: &Endpoints) -> Option<(Name, Watch)> {
        if let Object::Crl { facts, .. } = &answer.object
            && let Some(own) = own_host(facts, self.all_cas)
        {
            return Some(own);
        }
        let (service, ca) = self.maker(answer)?;
        self.told_host(service, ca, ends)
    }

    /// The responder of the CA that a request asks about, when the request does not name it (HTTP/1.0 has no
    /// Host). All of Let's Encrypt's have names of one form.
    pub(super) fn responder_of(&self, asked: &OcspRequest, ends: &Endpoints) -> Option<Name> {
        let id = asked.ids.first()?;
        let hierarchy = Hierarchy::builtin();
        let ca = hierarchy.by_issuer_name(id)?;
        if let Some((host, _)) = self.told_host(Service::Ocsp, &ca.name, ends) {
            return Some(host);
        }
        let ca = hierarchy.by_cert_id(id)?;
        let label = ca.label.as_deref()?;
        (ca.environment == Environment::Production)
            .then(|| Name::new(&format!("{label}.o.lencr.org")))
    }

    /// The latest name that the address was given for and that serves what this CA makes.
    fn told_host(&self, service: Service, ca: &str, ends: &Endpoints) -> Option<(Name, Watch)> {
        let told = self.watched_addresses.get(&plain(ends.server.ip()))?;
        let fits = |name: &Name| match watch(name.as_str()) {
            Some(Watch::Known(role)) => {
                (role.service == service && role.ca == Some(ca)).then_some(Watch::Known(role))
            }
            _ => None,
        };
        let fitting = told
            .iter()
            .filter_map(|(who, name, at)| Some((*who, *at, name, fits(name)?)));
        let client = HostKey::client_of(ends);
        let (_, _, name, watch) = fitting.max_by_key(|(who, at, ..)| (*who == client, *at))?;
        Some((name.clone(), watch))
    }

    /// What an answer is, and the name of the CA that makes it.
    fn maker<'a>(&'a self, answer: &'a Answered) -> Option<(Service, &'a str)> {
        match &answer.object {
            Object::Ocsp(response) => {
                let id = &response.answers.first()?.id;
                let mut shown = self.handshakes.with_serial(&id.serial);
                let issuer = shown.find_map(|record| {
                    let chain = &record.shown.chain;
                    chain
                        .iter()
                        .find(|cert| cert.serial == id.serial)?
                        .issuer_cn
                        .as_deref()
                });
                let known = || Some(Hierarchy::builtin().by_issuer_name(id)?.name.as_str());
                Some((Service::Ocsp, issuer.or_else(known)?))
            }
            Object::Crl { facts, .. } => Some((Service::Crl, facts.issuer_cn.as_deref()?)),
            Object::Certificates(certs) => {
                Some((Service::Issuer, certs.first()?.subject_cn.as_deref()?))
            }
            Object::None | Object::Foreign => None,
        }
    }
}

/// The host that a list says it belongs to.
fn own_host(facts: &CrlFacts, all_cas: bool) -> Option<(Name, Watch)> {
    facts.idp_urls.iter().find_map(|url| {
        let (host, _) = split_url(url)?;
        let host = Name::new(host);
        let watch = watch(host.as_str()).or_else(|| all_cas.then_some(Watch::OtherCa))?;
        Some((host, watch))
    })
}
