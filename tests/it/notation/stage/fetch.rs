//! Fetches: a request, its answer, and what became of the connection.

use std::sync::Arc;

use whylencr::event::{EventKind, Response, TargetForm};
use whylencr::flow::{Ending, Side, Transport};
use whylencr::frame::FrameNo;
use whylencr::time::{Span, Timestamp};

use super::{Connection, Open, SYN, Stage, process_of, scope_of};
use crate::notation::agents;
use crate::notation::words::{Words, span};
use crate::notation::world::{Status, World};

impl Stage {
    /// `at fetch CLIENT -> SERVER WHAT [ANSWER] [in SPAN] [by AGENT] [on CONNECTION] [torn requests | answers] [cut] [dated SPAN] ..`
    pub(in crate::notation) fn fetch(&mut self, at: Timestamp, mut words: Words<'_>) {
        let mut ends = self.ends(&mut words, 80, Transport::Tcp);
        let mut question = self.question(&mut words);
        let (mut body, mut took, mut status) = (Reply::Fitting, Span::from_millis(20), 200);
        let (mut connection, mut proxied, mut syn, mut agent) = (None, false, SYN, "firefox");
        let (mut process, mut about, mut conditional, mut connect) = (None, None, false, false);
        let (mut this, mut next) = (Span::from_secs(-86_400), Span::from_secs(6 * 86_400));
        let (mut forwarded, mut tunnelled, mut unasked) = (false, false, false);
        let mut heard = None;
        let mut clock = None;
        let (mut torn, mut cut, mut dated) = ([false; 2], false, None);
        let (mut method, mut forged, mut location, mut sends) = (None, false, None, 0);
        while let Some(word) = words.next() {
            match word {
                "good" | "gives-it" => {}
                "revoked" => body = Reply::Ocsp(Status::Revoked),
                "unknown" => body = Reply::Ocsp(Status::Unknown),
                "lists" => body = Reply::Crl(words.take_while(|w| self.world.get(w).is_some())),
                "gives" => body = Reply::Issuer(words.need("a CA").to_owned()),
                "ocsp-error" => {
                    body = Reply::OcspError(words.need("a code").parse().expect("a code"));
                }
                "text" => body = Reply::Text,
                "http" => {
                    status = words.need("a status").parse().expect("a status");
                    body = Reply::Empty;
                }
                "lost" => body = Reply::Lost,
                "none" => body = Reply::Nothing(Ending::CaptureEnded),
                "reset" => body = Reply::Nothing(Ending::Reset(Side::Server)),
                "left" => body = Reply::Nothing(Ending::Reset(Side::Client)),
                "about" => about = Some(words.need("a certificate").to_owned()),
                "point" => question.point = Some(words.need("a URL").to_owned()),
                "stale" => (this, next) = (Span::from_secs(-9 * 86_400), Span::from_secs(-86_400)),
                "future" => this = Span::from_secs(2 * 86_400),
                "expires" => next = span(words.need("a time")).expect("a time"),
                "issued" => this = span(words.need("a time")).expect("a time"),
                "in" => took = span(words.need("a time")).expect("a time"),
                "by" => agent = words.need("a client"),
                "on" => connection = Some(words.need("a connection").to_owned()),
                "proxied" => proxied = true,
                "conditional" => conditional = true,
                "forwarded" => forwarded = true,
                "tunnelled" => tunnelled = true,
                "unasked" => unasked = true,
                "cut" => cut = true,
                "dated" => dated = Some(span(words.need("a time")).expect("a time")),
                "torn" => match words.need("whose messages are missing before") {
                    "requests" => torn[Side::Client.index()] = true,
                    "answers" => torn[Side::Server.index()] = true,
                    other => words.refuse(other),
                },
                "syn" => {
                    syn = Span::from_nanos(-span(words.need("a time")).expect("a time").as_nanos());
                }
                "method" => method = Some(words.need("a method").to_owned()),
                "process" => process = Some(process_of(words.need("a process"))),
                "scope" => ends.scope = scope_of(&mut words),
                "forged" => forged = true,
                "moved" => location = Some(words.need("a URL").to_owned()),
                "sends" => sends = words.need("bytes").parse().expect("a number"),
                "connect" => connect = true,
                "heard" => match words.need("which side") {
                    "client" => heard = Some(Side::Client),
                    "server" => heard = Some(Side::Server),
                    other => words.refuse(other),
                },
                "clock" => clock = Some(words.need("a number").parse().expect("a number")),
                "port" => ends
                    .client
                    .set_port(words.need("a port").parse().expect("a port")),
                other => words.refuse(other),
            }
        }
        let known = connection.as_ref().and_then(|c| self.named.get(c).copied());
        let (flow, index) = match known {
            Some(known) => (known.flow, known.requests),
            None => {
                let flow = self.open(at.plus(syn), ends, true);
                self.add(
                    at.plus(Span::from_millis(-3)).max(at.plus(syn)),
                    flow,
                    EventKind::Connected,
                );
                (flow, 0)
            }
        };
        if let Some(side) = heard {
            self.heard.insert(flow, side);
        }
        if let (Some(_), Some(seen)) = (clock, self.last_sighting_of(ends.client.ip())) {
            seen.tsval = clock;
        }
        if let Some(process) = process {
            self.add(at, flow, EventKind::Process(Arc::new(process)));
        }
        let mut request = agents::request(agent, &question, method.as_deref());
        request.index = index;
        request.first_at = at;
        request.conditional |= conditional;
        request.tunnelled = tunnelled;
        if sends > 0 {
            request.body_len = sends;
            request.body = Some(vec![b'x'; usize::try_from(sends).expect("a small number")].into());
        }
        if connect {
            request.method = "CONNECT".to_owned();
            request.form = TargetForm::Authority;
        }
        if forwarded {
            request.header_order.push_str(",via");
        }
        if proxied {
            request.form = TargetForm::Absolute;
        }
        let sent = if unasked { 0 } else { 300 + request.body_len };
        if !unasked {
            self.add(at, flow, EventKind::Request(Box::new(request)));
        }
        let end = at.plus(took);
        if matches!(body, Reply::Lost) {
            self.flows.entry(flow).or_insert(Open {
                client: at,
                bytes: sent,
                closed: false,
            });
            if let Some(connection) = connection {
                let requests = index + 1;
                self.named.insert(connection, Connection { flow, requests });
            }
            return;
        }
        if let Reply::Nothing(how) = body {
            let response = response(index, 0, end, None, None);
            self.add(end, flow, EventKind::Response(Box::new(response)));
            if how == Ending::CaptureEnded {
                self.flows.entry(flow).and_modify(|open| open.bytes += sent);
            } else {
                self.close(end, flow, how, sent);
            }
            return;
        }
        let (this, next) = (at.plus(this).as_secs(), at.plus(next).as_secs());
        let (kind, mut bytes) = self.reply(body, &question, about, (this, next));
        if let Some(last) = bytes.as_mut().and_then(|b| b.last_mut()).filter(|_| forged) {
            *last ^= 1;
        }
        let mut response = response(index, status, end, kind, bytes);
        response.location = location;
        response.unasked = unasked;
        response.torn = torn;
        response.date = dated.map(|ahead| end.plus(ahead));
        if cut {
            (response.body, response.complete) = (None, false);
        }
        self.add(end, flow, EventKind::Response(Box::new(response)));
        let open = self.flows.entry(flow).or_insert(Open {
            client: at,
            bytes: 0,
            closed: false,
        });
        open.bytes += sent;
        open.client = at;
        if let Some(connection) = connection {
            let requests = index + 1;
            self.named.insert(connection, Connection { flow, requests });
        } else {
            self.close(end.plus(Span::from_millis(1)), flow, Ending::Finished, 0);
        }
    }

    /// What is asked: `ocsp A [B]`, `crl A`, `issuer A`, `url URL`, each of which may be followed by `at URL`.
    fn question(&mut self, words: &mut Words<'_>) -> Question {
        let kind = words.need("a question");
        let mut question = Question::default();
        match kind {
            "ocsp" => question.about = words.take_while(|w| self.world.get(w).is_some()),
            "crl" | "issuer" => question.about = vec![words.need("a certificate").to_owned()],
            "url" => question.url = words.need("a URL").to_owned(),
            other => words.refuse(other),
        }
        if let Some(cert) = question
            .about
            .first()
            .and_then(|label| self.world.get(label))
        {
            let (urls, usual) = match kind {
                "ocsp" => (&cert.ocsp_urls, Kind::Ocsp),
                "crl" => (&cert.crl_urls, Kind::Crl),
                _ => (&cert.issuer_urls, Kind::Issuer),
            };
            question.kind = usual;
            question.url = urls.first().cloned().unwrap_or_default();
        }
        if words.take("at") {
            question.url = words.need("a URL").to_owned();
        }
        assert!(
            !question.url.is_empty(),
            "{:?} names no URL for {kind}",
            question.about
        );
        if question.kind == Kind::Ocsp {
            question.der = Some(self.world.question(&question.about));
        }
        question
    }

    fn reply(
        &self,
        body: Reply,
        question: &Question,
        about: Option<String>,
        (this, next): (i64, i64),
    ) -> (Option<&'static str>, Option<Vec<u8>>) {
        let about = about.map_or_else(|| question.about.clone(), |one| vec![one]);
        let issuer = |label: &str| self.world.issuer_of(label).to_owned();
        let first = about.first().map(String::as_str);
        match (body, question.kind, first) {
            (Reply::Fitting, Kind::Ocsp, Some(_)) => (
                Some("application/ocsp-response"),
                Some(self.world.status(&about, Status::Good, this, next)),
            ),
            (Reply::Ocsp(status), _, Some(_)) => (
                Some("application/ocsp-response"),
                Some(self.world.status(&about, status, this, next)),
            ),
            (Reply::Fitting, Kind::Crl, Some(label)) => {
                let point = question.point.as_deref().or(Some(&question.url));
                (
                    Some("application/pkix-crl"),
                    Some(self.world.list(&issuer(label), point, &[], this, next)),
                )
            }
            (Reply::Crl(revoked), _, Some(label)) => {
                let point = question.point.as_deref().or(Some(&question.url));
                (
                    Some("application/pkix-crl"),
                    Some(self.world.list(&issuer(label), point, &revoked, this, next)),
                )
            }
            (Reply::Fitting, Kind::Issuer, Some(label)) => {
                let der = self.world.get(&issuer(label)).map(|c| c.der.to_vec());
                (Some("application/pkix-cert"), der)
            }
            (Reply::Issuer(label), ..) => (
                Some("application/pkix-cert"),
                self.world.get(&label).map(|c| c.der.to_vec()),
            ),
            (Reply::OcspError(code), ..) => (
                Some("application/ocsp-response"),
                Some(World::refusal(code)),
            ),
            (Reply::Text, ..) => (Some("text/html"), Some(b"<html>hello</html>".to_vec())),
            _ => (None, None),
        }
    }
}

/// What a request asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub(crate) kind: Kind,
    pub(crate) about: Vec<String>,
    pub(crate) url: String,
    /// The OCSP request.
    pub(crate) der: Option<Vec<u8>>,
    /// What the CRL says about where it is from, when not the URL.
    point: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Kind {
    Ocsp,
    Crl,
    Issuer,
    #[default]
    Other,
}

enum Reply {
    /// What the question deserves.
    Fitting,
    Ocsp(Status),
    OcspError(u8),
    Crl(Vec<String>),
    Issuer(String),
    Text,
    Empty,
    Nothing(Ending),
    /// One that the capture lacks.
    Lost,
}

fn response(
    index: u32,
    status: u16,
    at: Timestamp,
    kind: Option<&'static str>,
    body: Option<Vec<u8>>,
) -> Response {
    let body_len = body.as_ref().map_or(0, |b| b.len() as u64);
    Response {
        index,
        unasked: false,
        torn: [false; 2],
        status,
        content_type: kind.map(str::to_owned),
        location: None,
        server: None,
        date: None,
        body: body.map(Into::into),
        complete: status != 0,
        body_len,
        first_frame: FrameNo::NONE,
        first_at: at,
    }
}
