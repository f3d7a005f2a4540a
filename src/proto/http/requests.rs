//! The client's side: requests.

use crate::event::{AnomalyKind, EventKind, Request};
use crate::flow::{Appetite, Chunk, FlowId, Gap, Side};
use crate::proto::{Context, Probe, went_on_after_hello};

use super::body::{Body, Chunked, Fed, Framing};
use super::half::{Phase, Taken};
use super::head::{self, Length, RequestHead};
use super::keep::Interest;
use super::{Exchange, FAULTS, HOLD, Http, Method, Next, looks_like_request};

impl Http {
    pub(super) fn client(&mut self, flow: FlowId, chunk: Chunk<'_>, cx: &mut Context) -> Next {
        self.requests.last = (chunk.at, chunk.frame);
        if matches!(self.requests.phase, Phase::Lost) {
            if looks_like_request(chunk.bytes) != Probe::Yes {
                return Next::Stay(Appetite::More);
            }
            self.requests.phase = Phase::Head;
        }
        let mut rest = chunk.bytes;
        while !rest.is_empty() && self.faults < FAULTS {
            match &mut self.requests.phase {
                Phase::Head => match self.requests.take_head(&mut rest, looks_like_request, cx) {
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
            tunnelled: self.tunnelled,
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
                first_frame,
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
            self.forget_waiting(flow, self.waiting.len() - 1, cx);
        }
        self.waiting.push_back(exchange);
    }

    /// `ended` tells whether the body's end was seen.
    pub(super) fn end_request(&mut self, flow: FlowId, ended: bool, cx: &mut Context) {
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
    pub(super) fn flush_request(&mut self, flow: FlowId, cx: &mut Context) {
        if let Some(request) = self.asking.take() {
            let (at, frame) = self.requests.last;
            cx.emit(at, frame, flow, EventKind::Request(request));
        }
    }

    pub(super) fn client_gap(&mut self, flow: FlowId, gap: Gap, cx: &mut Context) {
        match &mut self.requests.phase {
            Phase::Head => {
                self.cut_request_head(flow, cx);
                if !matches!(self.requests.phase, Phase::Hold) {
                    self.lose(Side::Client);
                }
            }
            Phase::Body(body) => match body.gap(gap.missing, cx) {
                Some(false) => {}
                Some(true) => self.end_request(flow, true, cx),
                None => {
                    self.end_request(flow, false, cx);
                    self.lose(Side::Client);
                }
            },
            Phase::Hold => self.held.clear(Side::Client),
            Phase::Lost => self.lose(Side::Client),
        }
    }

    /// What came of a request head before the rest went missing.
    pub(super) fn cut_request_head(&mut self, flow: FlowId, cx: &mut Context) {
        let Some(head) = self.requests.take_cut_head(cx) else {
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
