//! The server's side: responses.

use crate::event::{AnomalyKind, EventKind, Response};
use crate::flow::{Appetite, Chunk, Close, FlowId, Gap, Side};
use crate::proto::{Context, Probe, tls_probe};

use super::body::{Body, Chunked, Fed, Framing, Keep};
use super::half::{Phase, Taken};
use super::head::{self, Length, MessageHead, ResponseHead};
use super::keep::{self, Interest};
use super::{Answering, Exchange, FAULTS, Http, Method, Next, looks_like_response};

impl Http {
    /// `patient`: bytes that answer nothing yet may wait for their request (see [`Http::is_early`]).
    pub(super) fn server(
        &mut self,
        flow: FlowId,
        chunk: Chunk<'_>,
        patient: bool,
        cx: &mut Context,
    ) -> Next {
        if patient && self.early.front().is_some() && !self.is_early(chunk) {
            let next = self.read_early(flow, false, cx);
            if !matches!(next, Next::Stay(Appetite::More)) {
                return next;
            }
        }
        self.responses.seen = true;
        self.responses.last = (chunk.at, chunk.frame);
        if matches!(self.responses.phase, Phase::Lost) {
            if looks_like_response(chunk.bytes) != Probe::Yes {
                return self.lost_in_tunnel(flow, chunk, cx);
            }
            self.responses.phase = Phase::Head;
            // A client that does not pipeline had its earlier answers before it asked again. What it asked
            // after this one began to come (the assembler holds back what lies behind a gap, requests
            // meanwhile do not wait) is answered later.
            let asked = |e: &&Exchange| e.first_frame < chunk.frame;
            let asked = self.waiting.iter().filter(asked).count();
            self.forget_waiting(flow, self.waiting.len() - asked.saturating_sub(1), cx);
        }
        let mut rest = chunk.bytes;
        while !rest.is_empty() && self.faults < FAULTS {
            let used = chunk.bytes.len() - rest.len();
            let left = Chunk {
                offset: chunk.offset + used as u64,
                bytes: rest,
                ..chunk
            };
            if patient && self.responses.is_between() && self.is_early(left) {
                self.early.push(left);
                break;
            }
            match &mut self.responses.phase {
                Phase::Head => match self.responses.take_head(&mut rest, looks_like_response, cx) {
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
                    let unasked = self.answering.as_ref().is_some_and(|a| a.response.unasked);
                    if unasked && body.len() == 0 && looks_like_response(rest) == Probe::Yes {
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
            self.take_waiting()
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
        self.flush_if_asking(flow, index, cx);
        let (first_at, first_frame) = self.responses.first;
        let keep = interest.response_body(content_type, &cx.limits);
        let framing = response_framing(&head, exchange.as_ref());
        let status = head.status;
        self.answering = Some(Answering {
            response: Box::new(Response {
                index,
                unasked: exchange.is_none(),
                torn: self.torn,
                status,
                content_type: head.message.content_type,
                location: head.location,
                server: head.server,
                date: head.date,
                body: None,
                complete: false,
                body_len: 0,
                first_frame,
                first_at,
            }),
            coding: head.message.coding,
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
                    Some(self.tunnel(target, port, cx))
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

    /// The request whose turn it is to be answered. Where messages are missing, none that was sent after this
    /// response began: it can not be what is answered.
    fn take_waiting(&mut self) -> Option<Exchange> {
        let (_, began) = self.responses.first;
        let torn = self.torn.contains(&true);
        let may_be = |e: &Exchange| !torn || e.first_frame < began;
        self.waiting
            .front()
            .is_some_and(may_be)
            .then(|| self.waiting.pop_front())?
    }

    fn finish_response(&mut self, flow: FlowId, whole: bool, cx: &mut Context) {
        if let Phase::Body(body) = std::mem::take(&mut self.responses.phase) {
            self.end_response(flow, body, whole, cx);
        }
    }

    /// `ended` tells whether the body's end was seen.
    pub(super) fn end_response(
        &mut self,
        flow: FlowId,
        mut body: Body,
        ended: bool,
        cx: &mut Context,
    ) {
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

    pub(super) fn server_gap(&mut self, flow: FlowId, gap: Gap, cx: &mut Context) -> Option<Next> {
        self.responses.seen = true;
        match &mut self.responses.phase {
            Phase::Head => {
                let tunnel = self.cut_response_head(flow, cx);
                self.lose(Side::Server);
                return tunnel;
            }
            Phase::Body(body) => match body.gap(gap.missing, cx) {
                Some(false) => {}
                Some(true) => self.finish_response(flow, true, cx),
                None => {
                    self.finish_response(flow, false, cx);
                    self.lose(Side::Server);
                }
            },
            Phase::Hold => {}
            Phase::Lost => self.lose(Side::Server),
        }
        None
    }

    /// What came of a response head before the rest went missing. Returns the tunnel that it opened.
    pub(super) fn cut_response_head(&mut self, flow: FlowId, cx: &mut Context) -> Option<Next> {
        let head = self.responses.take_cut_head(cx)?;
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
        let exchange = self.take_waiting();
        if let (Some(head), Some(exchange)) = (head, exchange) {
            let (first_at, first_frame) = self.responses.first;
            self.flush_if_asking(flow, exchange.index, cx);
            let response = Box::new(Response {
                index: exchange.index,
                unasked: false,
                torn: self.torn,
                status: head.status,
                content_type: head.message.content_type,
                location: head.location,
                server: head.server,
                date: head.date,
                body: None,
                complete: false,
                body_len: 0,
                first_frame,
                first_at,
            });
            cx.emit(at, frame, flow, EventKind::Response(response));
            if let (Method::Connect { target, port }, 200..=299) = (exchange.method, head.status) {
                return Some(self.tunnel(target, port, cx));
            }
        }
        None
    }

    pub(super) fn tunnel(&mut self, target: String, port: u16, cx: &mut Context) -> Next {
        self.requests.leave_for(Phase::Head, cx);
        self.responses.leave_for(Phase::Head, cx);
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

    /// Drops the oldest waiting requests, all but `keep` of them: their answers were not captured.
    pub(super) fn forget_waiting(&mut self, flow: FlowId, keep: usize, cx: &mut Context) {
        while self.waiting.len() > keep {
            if let Some(exchange) = self.waiting.pop_front() {
                self.flush_if_asking(flow, exchange.index, cx);
            }
        }
    }

    /// Reports that the waiting requests got no response.
    pub(super) fn answer_waiting_with_nothing(
        &mut self,
        flow: FlowId,
        close: &Close,
        cx: &mut Context,
    ) {
        while let Some(exchange) = self.waiting.pop_front() {
            self.flush_if_asking(flow, exchange.index, cx);
            let response = Box::new(Response {
                index: exchange.index,
                unasked: false,
                torn: self.torn,
                status: 0,
                content_type: None,
                location: None,
                server: None,
                date: None,
                body: None,
                complete: false,
                body_len: 0,
                first_frame: close.frame,
                first_at: close.at,
            });
            cx.emit(close.at, close.frame, flow, EventKind::Response(response));
        }
    }

    /// A request is reported before what becomes of it.
    fn flush_if_asking(&mut self, flow: FlowId, index: u32, cx: &mut Context) {
        if self.asking.as_ref().is_none_or(|a| a.index != index) {
            return;
        }
        if let (Some(asking), Phase::Body(body)) = (&mut self.asking, &self.requests.phase) {
            asking.body_len = body.len();
        }
        self.flush_request(flow, cx);
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
