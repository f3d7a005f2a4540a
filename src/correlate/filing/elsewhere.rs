//! What is asked of other CAs where reports are not about them.
//!
//! Clients check the certificates of every CA alike, so that a handshake may stand still for another CA's
//! responder at the very time at which something is fetched from lencr.org. What other CAs were asked is no
//! contact then, and yet explains what would else be held against sites of Let's Encrypt.

use super::*;
use crate::correlate::answers::{Answered, Object};
use crate::event::Response;
use crate::finding::Signature;

impl State {
    /// Files a request to another CA.
    pub(super) fn asked_elsewhere(
        &mut self,
        (at, frame): (Timestamp, FrameNo),
        id: FlowId,
        request: Box<Request>,
        host: Name,
        ocsp: Option<OcspRequest>,
    ) {
        let weight = log::weight_of(&request, ocsp.as_ref());
        if self.elsewhere.requests.len() >= self.limits.elsewhere {
            self.let_go_elsewhere();
        }
        let full = self.elsewhere.requests.len() >= self.limits.elsewhere;
        let Some(flow) = self.flows.get_mut(&id) else {
            return;
        };
        if full || !self.elsewhere.has_room(weight) {
            self.limit_reached();
            return self.strained(id, at);
        }
        let connects = &mut self.elsewhere.connects;
        connects
            .entry(id)
            .or_insert_with(|| Box::new(flow.connect(id, host.clone(), Watch::OtherCa)));
        let number = self.elsewhere.add_request(flow.request(
            (at, frame),
            id,
            (request, ocsp),
            (host, Watch::OtherCa),
        ));
        flow.waiting.push_back(number);
    }

    /// What came back. That it came, and when, is all that matters, unless it alone tells what was asked.
    pub(super) fn answered_elsewhere(
        &mut self,
        (at, frame): (Timestamp, FrameNo),
        id: FlowId,
        number: RequestNo,
        response: &Response,
    ) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.waiting.retain(|waiting| *waiting != number);
        }
        let untold =
            |request: &RequestRecord| request.ocsp.is_none() && request.request.method == "POST";
        let untold = self.elsewhere.request(number).is_some_and(untold);
        let body = response.body.as_ref().filter(|_| untold);
        let parsed = body.and_then(|body| ocsp::parse_response(body).ok());
        let mut answer = Answered {
            status: response.status,
            at,
            clock: self.steps.clock(at),
            first_frame: response.first_frame,
            first_at: response.first_at,
            frame,
            content_type: None,
            location: None,
            complete: response.complete,
            body_len: response.body_len,
            object: parsed.map_or(Object::None, |parsed| Object::Ocsp(Arc::new(parsed))),
            signature: Signature::Unchecked,
        };
        if !self.elsewhere.has_room(answer.weight()) {
            answer.object = Object::None;
        }
        if let Some(record) = self.elsewhere.request_mut(number) {
            record.answer = Some(answer);
        }
    }

    /// Makes room: what lies furthest back explains least of what is still to come. Contacts of that time may lack it.
    fn let_go_elsewhere(&mut self) {
        let third = self.limits.elsewhere / 3;
        let Some(until) = self.elsewhere.requests.get(third).map(|r| r.at) else {
            return;
        };
        let old = self.elsewhere.requests.iter().take_while(|r| r.at < until);
        let clients: Vec<(HostKey, Timestamp)> = old.map(|r| (r.client_key, r.at)).collect();
        for (client, at) in clients {
            self.strained_client(Some(client), at);
        }
        self.limit_reached();
        let flows = &self.flows;
        let is_open = |flow| flows.contains_key(&flow);
        self.elsewhere.forget(until, until, is_open);
    }
}
