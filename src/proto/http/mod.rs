//! HTTP/1.x (RFC 9110, RFC 9112): requests and their responses on one connection.
//!
//! A [`Request`] is reported when its body has ended, or when its response begins if that is sooner; a
//! [`Response`] when its body has ended, so that both can say how long the body was. Responses are matched
//! with requests by order, which is the only thing HTTP/1 offers. A request that the server left without an
//! answer gets one with status 0 at the end; one whose answer the capture lost gets none.
#![warn(clippy::indexing_slicing)]

mod body;
mod date;
mod half;
mod head;
mod keep;
mod requests;
mod responses;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::event::{AnomalyKind, Request, Response};
use crate::flow::{Appetite, Chunk, Close, Ending, FlowId, Gap, Side};
use crate::frame::FrameNo;
use crate::proto::held::Held;
use crate::proto::{Context, Probe, tls_probe};
use crate::time::Span;

use self::body::Lost;
use self::half::{Half, Phase};
use self::keep::Interest;

pub(crate) use self::head::{looks_like_request, looks_like_response};

/// Malformed heads after which a connection is taken for something else.
const FAULTS: u8 = 4;
/// How long an answer may wait for its request to come out of order.
const OUT_OF_ORDER: Span = Span::from_secs(1);
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
    tunnelled: bool,
    /// The capture began inside the connection.
    joined: bool,
    /// Whose messages may be missing, by [`Side::index`].
    torn: [bool; 2],
    /// Server bytes that came before their request.
    early: Held,
    /// Client bytes behind a CONNECT that is not answered yet.
    held: Held,
    faults: u8,
}

/// What is remembered of a request until its response comes.
#[derive(Debug)]
struct Exchange {
    index: u32,
    /// Where the request began.
    first_frame: FrameNo,
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
    /// False where the request was not seen and the answer tells nothing by itself.
    report: bool,
}

impl Http {
    /// `next_index` goes on where the connection's requests outside a tunnel ended; `tunnelled` says whether
    /// there is one.
    pub(crate) fn new(next_index: u32, tunnelled: bool) -> Self {
        Self {
            next_index,
            tunnelled,
            ..Self::default()
        }
    }

    /// The capture began inside the connection: `side` is at a head, the other one may be anywhere.
    pub(crate) fn join_at(&mut self, side: Side) {
        self.half(side.other()).phase = Phase::Lost;
        self.joined = true;
    }

    /// Memory it holds beside itself, without heads and bodies.
    pub(crate) fn weight(&self) -> usize {
        let waiting = self.waiting.capacity() * size_of::<Exchange>();
        let asking = self.asking.as_deref().map_or(0, Request::weight);
        let answering = self.answering.as_ref().map_or(0, |a| a.response.weight());
        waiting + asking + answering + self.early.weight() + self.held.weight()
    }

    /// Takes bytes of either side.
    pub(crate) fn data(&mut self, flow: FlowId, chunk: Chunk<'_>, cx: &mut Context) -> Next {
        let stale = |first: Chunk<'_>| chunk.at.since(first.at) >= OUT_OF_ORDER;
        if chunk.side == Side::Client && self.early.front().is_some_and(stale) {
            let next = self.read_early(flow, false, cx);
            if !matches!(next, Next::Stay(Appetite::More)) {
                return next;
            }
        }
        let next = match chunk.side {
            Side::Client => match self.client(flow, chunk, cx) {
                Next::Stay(Appetite::More) if self.asking.is_none() => {
                    self.read_early(flow, true, cx)
                }
                other => other,
            },
            Side::Server => self.server(flow, chunk, true, cx),
        };
        if self.faults >= FAULTS {
            return Next::Stay(Appetite::Done);
        }
        next
    }

    /// Bytes of one side are missing.
    pub(crate) fn gap(&mut self, flow: FlowId, gap: Gap, cx: &mut Context) -> Next {
        match gap.side {
            Side::Client => {
                self.client_gap(flow, gap, cx);
                // What came early may answer a request behind the gap, which was held back until the gap was given up.
                if self.waiting.is_empty() {
                    return Next::Stay(Appetite::More);
                }
                self.read_early(flow, true, cx)
            }
            Side::Server => {
                if let tunnel @ Next::Tunnel { .. } = self.read_early(flow, false, cx) {
                    return tunnel;
                }
                let tunnel = self.server_gap(flow, gap, cx);
                tunnel.unwrap_or(Next::Stay(Appetite::More))
            }
        }
    }

    /// Bytes of a side are missing, and where its next message begins is not known.
    fn lose(&mut self, side: Side) {
        self.half(side).phase = Phase::Lost;
        if let Some(torn) = self.torn.get_mut(side.index()) {
            *torn = true;
        }
    }

    /// Whether a server speaks before it was asked. No HTTP/1 server does, but the frames of the two
    /// directions change places on their way into a capture: the request comes in a moment.
    fn is_early(&self, chunk: Chunk<'_>) -> bool {
        let held = self.early.bytes(Side::Server).len();
        let since = self.early.front().map_or(chunk.at, |first| first.at);
        !self.joined
            && !matches!(self.requests.phase, Phase::Lost)
            && self.waiting.is_empty()
            && self.overrun == 0
            && chunk.at.since(since) < OUT_OF_ORDER
            && held + chunk.bytes.len() <= HOLD
    }

    /// Reads what came early: its request has come, or (not `patient`) will not.
    fn read_early(&mut self, flow: FlowId, patient: bool, cx: &mut Context) -> Next {
        let mut early = std::mem::take(&mut self.early);
        while let Some(chunk) = early.front() {
            let next = self.server(flow, chunk, patient, cx);
            early.pop();
            if let Next::Tunnel {
                target,
                port,
                mut held,
                next_index,
            } = next
            {
                held.append(early);
                return Next::Tunnel {
                    target,
                    port,
                    held,
                    next_index,
                };
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
        Some(self.tunnel(target, port, cx))
    }

    /// No more bytes will come, only the end: drops what waits to be read.
    pub(crate) fn let_go(&mut self) {
        self.held = Held::default();
        self.early = Held::default();
    }

    /// The flow is over: reports what never ended.
    pub(crate) fn close(&mut self, flow: FlowId, close: &Close, cx: &mut Context) {
        let _tunnel = self.read_early(flow, false, cx);
        self.cut_request_head(flow, cx);
        self.end_request(flow, false, cx);
        let _tunnel = self.cut_response_head(flow, cx);
        if let Phase::Body(body) = std::mem::take(&mut self.responses.phase) {
            let ended = body.is_until_close() && close.how == Ending::Finished;
            self.end_response(flow, body, ended, cx);
        }
        let [_, from_server] = close.packets;
        let lost = matches!(self.responses.phase, Phase::Lost) && self.responses.seen;
        if from_server > 0 && !lost {
            self.answer_waiting_with_nothing(flow, close, cx);
        }
    }
}

impl Http {
    /// A message that breaks the grammar: what follows on that side is looked at again where a chunk
    /// begins with a head.
    fn fault(&mut self, flow: FlowId, side: Side, detail: &'static str, cx: &mut Context) {
        self.note(flow, side, AnomalyKind::BadHttp, detail, cx);
        self.faults = self.faults.saturating_add(1);
        self.half(side).leave_for(Phase::Lost, cx);
    }

    fn report_lost(&mut self, flow: FlowId, side: Side, lost: Lost, cx: &mut Context) {
        let (kind, detail) = match lost {
            Lost::Gap => (AnomalyKind::StreamGap, "a kept body has a gap"),
            Lost::Limit => (AnomalyKind::LimitReached, "a body is too large to keep"),
            Lost::Bomb => (
                AnomalyKind::LimitReached,
                "a body unpacks to far more than a list or certificate could",
            ),
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
