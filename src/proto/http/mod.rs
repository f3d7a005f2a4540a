//! HTTP/1.x (RFC 9110, RFC 9112): requests and their responses on one connection.
//!
//! A [`Request`] is reported when its body has ended, or when its response begins if that is sooner; a
//! [`Response`] when its body has ended, so that both can say how long the body was. Responses are matched
//! with requests by order, which is the only thing HTTP/1 offers.
#![warn(clippy::indexing_slicing)]

mod body;
mod head;
mod keep;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::event::{AnomalyKind, EventKind, Request, Response};
use crate::flow::{Appetite, Chunk, Close, Ending, FlowId, Gap, Side};
use crate::frame::FrameNo;
use crate::proto::held::Held;
use crate::proto::{Context, Probe, tls_probe, went_on_after_hello};
use crate::time::Timestamp;

use self::body::{Body, Chunked, Fed, Framing, Keep, Lost};
use self::head::{Length, MessageHead, RequestHead, ResponseHead};
use self::keep::Interest;

pub(crate) use self::head::{looks_like_request, looks_like_response};

/// Malformed heads after which a connection is taken for something else.
const FAULTS: u8 = 4;
/// Bytes a client may send behind CONNECT before the proxy answered: one flight.
const HOLD: usize = 32 << 10;

/// What the session does after a chunk.
#[derive(Debug)]
pub(crate) enum Next {
    /// Goes on with this reader.
    Stay(Appetite),
    /// A proxy opened a tunnel; what is held is the first of what travels in it.
    Tunnel {
        target: String,
        port: u16,
        held: Held,
        next_index: u32,
    },
}

/// The reader of one connection.
#[derive(Debug, Default)]
pub(crate) struct Http {
    requests: Half,
    responses: Half,
    /// The request whose body is being read, until it is reported.
    asking: Option<Box<Request>>,
    /// The response whose body is being read.
    answering: Option<Answering>,
    /// Requests without a response head so far.
    waiting: VecDeque<Exchange>,
    /// Requests given up for the limit, whose responses will come first.
    overrun: u32,
    next_index: u32,
    /// Client bytes behind a CONNECT that is not answered yet.
    held: Held,
    faults: u8,
}

/// One direction.
#[derive(Debug, Default)]
struct Half {
    phase: Phase,
    /// The part of a head that came so far.
    head: Vec<u8>,
    /// Where the message being read began.
    first: (Timestamp, FrameNo),
    /// The last chunk.
    last: (Timestamp, FrameNo),
}

#[derive(Debug, Default)]
enum Phase {
    /// At a head, or in one.
    #[default]
    Head,
    /// In a body.
    Body(Body),
    /// Behind a CONNECT request, until the response tells what the bytes are.
    Hold,
    /// Bytes are missing; the next head begins a chunk.
    Lost,
}

/// What is remembered of a request until its response comes.
#[derive(Debug)]
struct Exchange {
    index: u32,
    method: Method,
    interest: Interest,
}

/// Methods that decide how the response is framed (RFC 9112 6.3).
#[derive(Debug)]
enum Method {
    Head,
    Connect { target: String, port: u16 },
    Other,
}

#[derive(Debug)]
struct Answering {
    response: Box<Response>,
    coding: head::Coding,
    /// Its request was not seen.
    orphan: bool,
    /// False for orphans that tell nothing by themselves.
    report: bool,
}

impl Http {
    /// `next_index` goes on where the connection's requests outside a tunnel ended.
    pub(crate) fn new(next_index: u32) -> Self {
        Self {
            next_index,
            ..Self::default()
        }
    }

    /// Takes bytes of either side.
    pub(crate) fn data(&mut self, flow: FlowId, chunk: Chunk<'_>, cx: &mut Context) -> Next {
        let next = match chunk.side {
            Side::Client => self.client(flow, chunk, cx),
            Side::Server => self.server(flow, chunk, cx),
        };
        if self.faults >= FAULTS {
            return Next::Stay(Appetite::Done);
        }
        next
    }

    /// Bytes of one side are missing.
    pub(crate) fn gap(&mut self, flow: FlowId, gap: Gap, cx: &mut Context) -> Next {
        match gap.side {
            Side::Client => self.client_gap(flow, gap, cx),
            Side::Server => {
                if let Some(tunnel) = self.server_gap(flow, gap, cx) {
                    return tunnel;
                }
            }
        }
        Next::Stay(Appetite::More)
    }

    /// Whether what is held behind an unanswered CONNECT is a TLS handshake that went on, so that the answer
    /// must have been there and was not captured.
    pub(crate) fn tunnel_without_answer(&mut self, flow: FlowId, cx: &mut Context) -> Option<Next> {
        matches!(self.requests.phase, Phase::Hold)
            .then_some(())
            .filter(|()| tls_probe(self.held.bytes(Side::Client)) == Probe::Yes)?;
        let exchange = self.waiting.pop_back()?;
        let Method::Connect { target, port } = exchange.method else {
            return None;
        };
        let (at, frame) = self.requests.last;
        cx.anomaly(
            at,
            frame,
            flow,
            AnomalyKind::StreamGap,
            "the answer of the proxy is missing",
        );
        Some(self.tunnel(target, port))
    }

    /// The flow is over: reports what never ended.
    pub(crate) fn close(&mut self, flow: FlowId, close: &Close, cx: &mut Context) {
        self.cut_request_head(flow, cx);
        self.end_request(flow, false, cx);
        let _tunnel = self.cut_response_head(flow, cx);
        if let Phase::Body(body) = std::mem::take(&mut self.responses.phase) {
            let ended = body.is_until_close() && close.how == Ending::Finished;
            self.end_response(flow, body, ended, cx);
        }
        self.answer_waiting_with_nothing(flow, (close.at, close.frame), 0, cx);
    }
}

/// The client's side.
impl Http {
    fn client(&mut self, flow: FlowId, chunk: Chunk<'_>, cx: &mut Context) -> Next {
        self.requests.last = (chunk.at, chunk.frame);
        if matches!(self.requests.phase, Phase::Lost) {
            if looks_like_request(chunk.bytes) != Probe::Yes {
                return Next::Stay(Appetite::More);
            }
            self.requests.phase = Phase::Head;
        }
        let limit = cx.limits.http_head;
        let mut rest = chunk.bytes;
        while !rest.is_empty() && self.faults < FAULTS {
            match &mut self.requests.phase {
                Phase::Head => match self
                    .requests
                    .take_head(&mut rest, looks_like_request, limit)
                {
                    Taken::More => break,
                    Taken::Not(why) => self.fault(flow, Side::Client, why, cx),
                    Taken::Head(bytes) => match head::request(&bytes) {
                        Some(head) => self.begin_request(flow, head, cx),
                        None => self.fault(flow, Side::Client, "request head cannot be read", cx),
                    },
                },
                Phase::Body(body) => match body.feed(rest, cx) {
                    Fed::All => break,
                    Fed::End(used) => {
                        rest = rest.get(used..).unwrap_or_default();
                        self.end_request(flow, true, cx);
                    }
                    Fed::Broken => {
                        self.end_request(flow, false, cx);
                        self.fault(flow, Side::Client, "chunked request body is broken", cx);
                    }
                },
                Phase::Hold => {
                    let used = chunk.bytes.len() - rest.len();
                    self.held.push(Chunk {
                        offset: chunk.offset + used as u64,
                        bytes: rest,
                        ..chunk
                    });
                    if went_on_after_hello(self.held.bytes(Side::Client))
                        && let Some(next) = self.tunnel_without_answer(flow, cx)
                    {
                        return next;
                    }
                    if self.held.bytes(Side::Client).len() > HOLD {
                        return Next::Stay(Appetite::Done);
                    }
                    break;
                }
                Phase::Lost => break,
            }
        }
        Next::Stay(Appetite::More)
    }

    fn begin_request(&mut self, flow: FlowId, head: RequestHead, cx: &mut Context) {
        let index = self.next_index;
        self.next_index = self.next_index.wrapping_add(1);
        let (first_at, first_frame) = self.requests.first;
        let request = Box::new(Request {
            index,
            method: head.method,
            host: head.host,
            port: head.port,
            path: head.path,
            form: head.form,
            minor_version: head.minor_version,
            agent: head.agent,
            content_type: head.message.content_type,
            conditional: head.conditional,
            header_order: head.header_order,
            body: None,
            body_len: 0,
            first_frame,
            first_at,
        });
        let interest = Interest::of(&request);
        let method = match request.method.as_str() {
            "HEAD" => Method::Head,
            "CONNECT" => Method::Connect {
                target: request
                    .host
                    .as_ref()
                    .map_or_else(|| request.path.clone(), |host| host.as_str().to_owned()),
                port: request.port.unwrap_or(443),
            },
            _ => Method::Other,
        };
        let connect = matches!(method, Method::Connect { .. });
        self.expect_answer(
            flow,
            Exchange {
                index,
                method,
                interest,
            },
            cx,
        );
        let framing = match (head.message.chunked, head.message.length) {
            (true, _) => Some(Framing::Chunked(Chunked::START)),
            (false, Length::Bytes(1..)) if connect => None,
            (false, Length::Bytes(length @ 1..)) => Some(Framing::Length(length)),
            (false, Length::Bytes(0) | Length::Absent) => None,
            (false, Length::Bad) => {
                self.fault(flow, Side::Client, "Content-Length cannot be read", cx);
                None
            }
        };
        let keep = interest.request_body(&request, &cx.limits);
        self.asking = Some(request);
        match framing {
            Some(framing) => self.requests.phase = Phase::Body(Body::new(framing, keep)),
            None => {
                self.flush_request(flow, cx);
                if connect {
                    self.requests.phase = Phase::Hold;
                }
            }
        }
    }

    fn expect_answer(&mut self, flow: FlowId, exchange: Exchange, cx: &mut Context) {
        if self.waiting.len() >= cx.limits.http_pipeline.max(1) {
            if self.overrun == 0 {
                let (at, frame) = self.requests.last;
                cx.anomaly(
                    at,
                    frame,
                    flow,
                    AnomalyKind::LimitReached,
                    "too many requests without a response",
                );
            }
            self.overrun = self.overrun.saturating_add(1);
            let keep = self.waiting.len() - 1;
            let at = self.requests.last;
            self.answer_waiting_with_nothing(flow, at, keep, cx);
        }
        self.waiting.push_back(exchange);
    }

    /// `ended` tells whether the body's end was seen.
    fn end_request(&mut self, flow: FlowId, ended: bool, cx: &mut Context) {
        let Phase::Body(mut body) = std::mem::take(&mut self.requests.phase) else {
            return;
        };
        if let Some(mut request) = self.asking.take() {
            request.body_len = body.len();
            if ended {
                match body.finish(head::Coding::Identity, cx) {
                    Ok(body) => request.body = body,
                    Err(lost) => self.report_lost(flow, Side::Client, lost, cx),
                }
            } else {
                body.release(cx);
            }
            self.asking = Some(request);
            self.flush_request(flow, cx);
        } else {
            body.release(cx);
        }
    }

    /// Reports the request being read as far as it is known.
    fn flush_request(&mut self, flow: FlowId, cx: &mut Context) {
        if let Some(request) = self.asking.take() {
            let (at, frame) = self.requests.last;
            cx.emit(at, frame, flow, EventKind::Request(request));
        }
    }

    fn client_gap(&mut self, flow: FlowId, gap: Gap, cx: &mut Context) {
        match &mut self.requests.phase {
            Phase::Head => {
                self.cut_request_head(flow, cx);
                if !matches!(self.requests.phase, Phase::Hold) {
                    self.requests.phase = Phase::Lost;
                }
            }
            Phase::Body(body) => match body.gap(gap.missing, cx) {
                Some(false) => {}
                Some(true) => self.end_request(flow, true, cx),
                None => {
                    self.end_request(flow, false, cx);
                    self.requests.phase = Phase::Lost;
                }
            },
            Phase::Hold => self.held.clear(Side::Client),
            Phase::Lost => {}
        }
    }

    /// What came of a request head before the rest went missing.
    fn cut_request_head(&mut self, flow: FlowId, cx: &mut Context) {
        let Some(head) = self.requests.take_cut_head() else {
            return;
        };
        if looks_like_request(&head) == Probe::Yes
            && let Some(head) = head::mend(&head).as_deref().and_then(head::request)
        {
            self.begin_request(flow, head, cx);
            self.end_request(flow, false, cx);
        }
        let (at, frame) = self.requests.last;
        cx.anomaly(
            at,
            frame,
            flow,
            AnomalyKind::StreamGap,
            "a request head is cut",
        );
    }
}

/// The server's side.
impl Http {
    fn server(&mut self, flow: FlowId, chunk: Chunk<'_>, cx: &mut Context) -> Next {
        self.responses.last = (chunk.at, chunk.frame);
        if matches!(self.responses.phase, Phase::Lost) {
            if looks_like_response(chunk.bytes) != Probe::Yes {
                return self.lost_in_tunnel(flow, chunk, cx);
            }
            self.responses.phase = Phase::Head;
            // A client that does not pipeline had its earlier answers before it asked again.
            let at = self.responses.last;
            self.answer_waiting_with_nothing(flow, at, 1, cx);
        }
        let limit = cx.limits.http_head;
        let mut rest = chunk.bytes;
        while !rest.is_empty() && self.faults < FAULTS {
            match &mut self.responses.phase {
                Phase::Head => match self
                    .responses
                    .take_head(&mut rest, looks_like_response, limit)
                {
                    Taken::More => break,
                    Taken::Not(why) => self.fault(flow, Side::Server, why, cx),
                    Taken::Head(bytes) => match head::response(&bytes) {
                        Some(head) => {
                            let used = chunk.bytes.len() - rest.len();
                            let rest = Chunk {
                                offset: chunk.offset + used as u64,
                                bytes: rest,
                                ..chunk
                            };
                            if let Some(next) = self.begin_response(flow, head, rest, cx) {
                                return next;
                            }
                        }
                        None => self.fault(flow, Side::Server, "response head cannot be read", cx),
                    },
                },
                Phase::Body(body) => {
                    // The answer to a HEAD that was not seen: what follows is the next answer.
                    let orphan = self.answering.as_ref().is_some_and(|a| a.orphan);
                    if orphan && body.len() == 0 && looks_like_response(rest) == Probe::Yes {
                        self.finish_response(flow, true, cx);
                        continue;
                    }
                    match body.feed(rest, cx) {
                        Fed::All => break,
                        Fed::End(used) => {
                            rest = rest.get(used..).unwrap_or_default();
                            self.finish_response(flow, true, cx);
                        }
                        Fed::Broken => {
                            self.finish_response(flow, false, cx);
                            self.fault(flow, Side::Server, "chunked body is broken", cx);
                        }
                    }
                }
                Phase::Hold | Phase::Lost => break,
            }
        }
        Next::Stay(Appetite::More)
    }

    /// Starts a response; `rest` follows its head. Returns what the session does when the connection becomes
    /// something else.
    fn begin_response(
        &mut self,
        flow: FlowId,
        head: ResponseHead,
        rest: Chunk<'_>,
        cx: &mut Context,
    ) -> Option<Next> {
        // Interim responses (RFC 9110 15.2) announce another one.
        if matches!(head.status, 100..=199) && head.status != 101 {
            return None;
        }
        let exchange = if self.overrun > 0 {
            self.overrun -= 1;
            None
        } else {
            self.waiting.pop_front()
        };
        let content_type = head.message.content_type.as_deref();
        let (index, interest, report) = match &exchange {
            Some(exchange) => (exchange.index, exchange.interest, true),
            None => {
                let index = self.next_index;
                let report = keep::speaks_for_itself(content_type);
                if report {
                    self.next_index = self.next_index.wrapping_add(1);
                }
                (index, Interest::default(), report)
            }
        };
        if self
            .asking
            .as_ref()
            .is_some_and(|asking| asking.index == index)
        {
            if let (Some(asking), Phase::Body(body)) = (&mut self.asking, &self.requests.phase) {
                asking.body_len = body.len();
            }
            self.flush_request(flow, cx);
        }
        let (first_at, first_frame) = self.responses.first;
        let keep = interest.response_body(content_type, &cx.limits);
        let framing = response_framing(&head, exchange.as_ref());
        let status = head.status;
        self.answering = Some(Answering {
            response: Box::new(Response {
                index,
                status,
                content_type: head.message.content_type,
                location: head.location,
                server: head.server,
                body: None,
                complete: false,
                body_len: 0,
                first_frame,
                first_at,
            }),
            coding: head.message.coding,
            orphan: exchange.is_none(),
            report,
        });
        if head.message.length == Length::Bad && !head.message.chunked {
            self.note(
                flow,
                Side::Server,
                AnomalyKind::BadHttp,
                "Content-Length cannot be read",
                cx,
            );
        }
        self.responses.phase = Phase::Body(Body::new(
            framing.unwrap_or(Framing::Length(0)),
            framing.map_or(Keep::No, |_| keep),
        ));
        if framing.is_none_or(|framing| framing == Framing::Length(0)) {
            self.finish_response(flow, true, cx);
        }
        match exchange.map(|exchange| exchange.method) {
            _ if status == 101 => Some(Next::Stay(Appetite::Done)),
            Some(Method::Connect { target, port }) => match status {
                200..=299 => {
                    if !rest.bytes.is_empty() {
                        self.held.push(rest);
                    }
                    Some(self.tunnel(target, port))
                }
                // Refused, or asked for credentials: the client may try again on this connection.
                _ => {
                    self.requests.phase = Phase::Head;
                    let mut held = std::mem::take(&mut self.held);
                    while let Some(chunk) = held.front() {
                        let next = self.client(flow, chunk, cx);
                        held.pop();
                        if matches!(next, Next::Tunnel { .. }) {
                            return Some(next);
                        }
                    }
                    None
                }
            },
            _ => None,
        }
    }

    fn finish_response(&mut self, flow: FlowId, whole: bool, cx: &mut Context) {
        if let Phase::Body(body) = std::mem::take(&mut self.responses.phase) {
            self.end_response(flow, body, whole, cx);
        }
    }

    /// `ended` tells whether the body's end was seen.
    fn end_response(&mut self, flow: FlowId, mut body: Body, ended: bool, cx: &mut Context) {
        let Some(answering) = self.answering.take() else {
            body.release(cx);
            return;
        };
        let mut response = answering.response;
        response.body_len = body.len();
        response.complete =
            body.is_gapless() && (ended || (body.is_until_close() && body.is_whole_der()));
        if response.complete || body.is_kept() {
            match body.finish(answering.coding, cx) {
                Ok(body) if response.complete => response.body = body,
                Ok(_) => {}
                Err(lost) => self.report_lost(flow, Side::Server, lost, cx),
            }
        }
        if answering.report {
            let (at, frame) = self.responses.last;
            cx.emit(at, frame, flow, EventKind::Response(response));
        }
    }

    fn server_gap(&mut self, flow: FlowId, gap: Gap, cx: &mut Context) -> Option<Next> {
        match &mut self.responses.phase {
            Phase::Head => {
                let tunnel = self.cut_response_head(flow, cx);
                self.responses.phase = Phase::Lost;
                return tunnel;
            }
            Phase::Body(body) => match body.gap(gap.missing, cx) {
                Some(false) => {}
                Some(true) => self.finish_response(flow, true, cx),
                None => {
                    self.finish_response(flow, false, cx);
                    self.responses.phase = Phase::Lost;
                }
            },
            Phase::Hold | Phase::Lost => {}
        }
        None
    }

    /// What came of a response head before the rest went missing. Returns the tunnel that it opened.
    fn cut_response_head(&mut self, flow: FlowId, cx: &mut Context) -> Option<Next> {
        let head = self.responses.take_cut_head()?;
        let (at, frame) = self.responses.last;
        cx.anomaly(
            at,
            frame,
            flow,
            AnomalyKind::StreamGap,
            "a response head is cut",
        );
        let head = head::mend(&head).as_deref().and_then(head::response);
        if head
            .as_ref()
            .is_some_and(|head| matches!(head.status, 100..=199))
        {
            return None;
        }
        // An answer came, even when nothing of it can be read.
        let exchange = self.waiting.pop_front();
        if let (Some(head), Some(exchange)) = (head, exchange) {
            let (first_at, first_frame) = self.responses.first;
            if self
                .asking
                .as_ref()
                .is_some_and(|a| a.index == exchange.index)
            {
                self.flush_request(flow, cx);
            }
            let response = Box::new(Response {
                index: exchange.index,
                status: head.status,
                content_type: head.message.content_type,
                location: head.location,
                server: head.server,
                body: None,
                complete: false,
                body_len: 0,
                first_frame,
                first_at,
            });
            cx.emit(at, frame, flow, EventKind::Response(response));
            if let (Method::Connect { target, port }, 200..=299) = (exchange.method, head.status) {
                return Some(self.tunnel(target, port));
            }
        }
        None
    }

    fn tunnel(&mut self, target: String, port: u16) -> Next {
        Next::Tunnel {
            target,
            port,
            held: std::mem::take(&mut self.held),
            next_index: self.next_index,
        }
    }

    /// The proxy's answer was lost, and the server already speaks TLS.
    fn lost_in_tunnel(&mut self, flow: FlowId, chunk: Chunk<'_>, cx: &mut Context) -> Next {
        if tls_probe(chunk.bytes) == Probe::Yes
            && let Some(Next::Tunnel {
                target,
                port,
                mut held,
                next_index,
            }) = self.tunnel_without_answer(flow, cx)
        {
            held.push(chunk);
            return Next::Tunnel {
                target,
                port,
                held,
                next_index,
            };
        }
        Next::Stay(Appetite::More)
    }

    /// Reports that the oldest waiting requests got no response, all but `keep` of them.
    fn answer_waiting_with_nothing(
        &mut self,
        flow: FlowId,
        (at, frame): (Timestamp, FrameNo),
        keep: usize,
        cx: &mut Context,
    ) {
        while self.waiting.len() > keep {
            let Some(exchange) = self.waiting.pop_front() else {
                return;
            };
            if self
                .asking
                .as_ref()
                .is_some_and(|a| a.index == exchange.index)
            {
                self.flush_request(flow, cx);
            }
            let response = Box::new(Response {
                index: exchange.index,
                status: 0,
                content_type: None,
                location: None,
                server: None,
                body: None,
                complete: false,
                body_len: 0,
                first_frame: frame,
                first_at: at,
            });
            cx.emit(at, frame, flow, EventKind::Response(response));
        }
    }
}

impl Http {
    /// A message that breaks the grammar: what follows on that side is looked at again where a chunk
    /// begins with a head.
    fn fault(&mut self, flow: FlowId, side: Side, detail: &'static str, cx: &mut Context) {
        self.note(flow, side, AnomalyKind::BadHttp, detail, cx);
        self.faults = self.faults.saturating_add(1);
        let half = self.half(side);
        half.phase = Phase::Lost;
        half.head = Vec::new();
    }

    fn report_lost(&mut self, flow: FlowId, side: Side, lost: Lost, cx: &mut Context) {
        let (kind, detail) = match lost {
            Lost::Gap => (AnomalyKind::StreamGap, "a kept body has a gap"),
            Lost::Limit => (AnomalyKind::LimitReached, "a body is too large to keep"),
            Lost::Coding => (AnomalyKind::BadHttp, "a content coding cannot be undone"),
        };
        self.note(flow, side, kind, detail, cx);
    }

    fn note(
        &mut self,
        flow: FlowId,
        side: Side,
        kind: AnomalyKind,
        detail: &'static str,
        cx: &mut Context,
    ) {
        let (at, frame) = self.half(side).last;
        cx.anomaly(at, frame, flow, kind, detail);
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.requests,
            Side::Server => &mut self.responses,
        }
    }
}

/// What [`Half::take_head`] found.
enum Taken<'a> {
    /// The head goes on.
    More,
    /// It is no head, for this reason.
    Not(&'static str),
    /// Here it is, with its blank line.
    Head(std::borrow::Cow<'a, [u8]>),
}

impl Half {
    /// Takes a head off the front of `rest`, or keeps what there is of it.
    fn take_head<'a>(
        &mut self,
        rest: &mut &'a [u8],
        begins: fn(&[u8]) -> Probe,
        limit: usize,
    ) -> Taken<'a> {
        const TOO_LONG: &str = "a head is over the limit";
        if self.head.is_empty() {
            // Empty lines before a message are to be ignored (RFC 9112 2.2).
            let blank = rest
                .iter()
                .take_while(|b| matches!(b, b'\r' | b'\n'))
                .count();
            *rest = rest.get(blank..).unwrap_or_default();
            if rest.is_empty() {
                return Taken::More;
            }
            self.first = self.last;
            if let Some(end) = head::end_of_head(rest, 0) {
                if end > limit {
                    return Taken::Not(TOO_LONG);
                }
                let (head, behind) = rest.split_at(end);
                *rest = behind;
                return Taken::Head(head.into());
            }
        }
        let before = self.head.len();
        self.head.extend_from_slice(rest);
        // The blank line may have begun in the last three bytes of the chunk before.
        match head::end_of_head(&self.head, before.saturating_sub(3)) {
            Some(end) if end <= limit => {
                let mut head = std::mem::take(&mut self.head);
                head.truncate(end);
                *rest = rest.get(end - before..).unwrap_or_default();
                Taken::Head(head.into())
            }
            None if begins(&self.head) == Probe::No => Taken::Not("no message where one should be"),
            None if self.head.len() <= limit => {
                *rest = &[];
                Taken::More
            }
            _ => Taken::Not(TOO_LONG),
        }
    }

    /// The head that will never be whole.
    fn take_cut_head(&mut self) -> Option<Vec<u8>> {
        if !matches!(self.phase, Phase::Head) || self.head.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut self.head))
    }
}

/// RFC 9112 6.3; None where no body can be.
fn response_framing(head: &ResponseHead, exchange: Option<&Exchange>) -> Option<Framing> {
    let MessageHead {
        length, chunked, ..
    } = head.message;
    match (exchange.map(|exchange| &exchange.method), head.status) {
        (Some(Method::Head), _) | (_, 101 | 204 | 304) => None,
        (Some(Method::Connect { .. }), 200..=299) => None,
        _ if chunked => Some(Framing::Chunked(Chunked::START)),
        _ => match length {
            Length::Bytes(length) => Some(Framing::Length(length)),
            Length::Absent | Length::Bad => Some(Framing::UntilClose),
        },
    }
}
