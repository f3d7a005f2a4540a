//! Answers to their requests.
//!
//! HTTP/1 pairs them by order alone. Where the capture lacks messages of a connection the order may mislead,
//! and what an answer is about decides: a CertID names one certificate (RFC 6960 4.1.1), a list the place
//! where it belongs (RFC 5280 5.2.5).

use super::*;
use crate::correlate::answers::{Answered, Asked, is_about};
use crate::correlate::log::RequestRecord;
use crate::event::Response;

impl State {
    pub(super) fn responded(
        &mut self,
        at: Timestamp,
        frame: FrameNo,
        id: FlowId,
        response: &Response,
    ) {
        if let (Some(flow), Some(date)) = (self.flows.get(&id), response.date) {
            let server = flow.ends.server.ip();
            let setting = self.steps.setting_of(response.first_at);
            let clock = response.first_at.minus(setting.0);
            self.dates.said((server, setting), clock, date);
        }
        let by_order = self
            .waiting(id)
            .find(|(_, asked)| asked.request.index == response.index);
        let by_order = by_order.map(|(number, _)| number);
        if let Some(number) = by_order.filter(|number| number.elsewhere) {
            return self.answered_elsewhere((at, frame), id, number, response);
        }
        if by_order.is_none() && !(response.unasked && self.may_file_unasked(id, response)) {
            return;
        }
        let answer = self.read(at, frame, response);
        match self.asked_for(id, by_order, response, &answer) {
            Some(number) => self.answered(id, number, answer),
            None => self.answered_unasked(id, response.index, answer),
        }
    }

    /// Requests of a flow that are not answered yet, in order.
    fn waiting(&self, id: FlowId) -> impl Iterator<Item = (RequestNo, &RequestRecord)> {
        let flow = self.flows.get(&id).into_iter();
        let numbers = flow.flat_map(|flow| &flow.waiting);
        let requests =
            numbers.filter_map(|number| Some((*number, self.log_of(*number).request(*number)?)));
        requests.filter(|(_, request)| request.answer.is_none())
    }

    /// Where a request was filed.
    pub(in crate::correlate) const fn log_of(&self, number: RequestNo) -> &Log {
        if number.elsewhere {
            &self.elsewhere
        } else {
            &self.log
        }
    }

    /// The request that an answer belongs to, of those that the capture has.
    fn asked_for(
        &self,
        id: FlowId,
        by_order: Option<RequestNo>,
        response: &Response,
        answer: &Answered,
    ) -> Option<RequestNo> {
        if response.torn == [false; 2] {
            return by_order;
        }
        let fits = |request: &RequestRecord| with_asked(request, |asked| is_about(answer, asked));
        let paired = by_order.and_then(|number| self.log.request(number));
        if paired.is_some_and(|request| fits(request) != Some(false)) {
            return by_order;
        }
        let mut others = self
            .waiting(id)
            .filter(|(number, _)| !number.elsewhere)
            .filter(|(_, other)| other.request.first_frame <= response.first_frame);
        if let Some((number, _)) = others.find(|(_, other)| fits(other) == Some(true)) {
            return Some(number);
        }
        // It may answer a request that is missing, which does not show where that was the last one.
        None
    }

    fn answered(&mut self, id: FlowId, number: RequestNo, mut answer: Answered) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.waiting.retain(|waiting| *waiting != number);
        }
        if let Some(record) = self.log.request_mut(number) {
            with_asked(record, |asked| answer.hold_against(asked));
            record.answer = Some(answer);
        }
    }
}

fn with_asked<T>(record: &RequestRecord, then: impl FnOnce(&Asked<'_>) -> T) -> T {
    let url = log::url_of(&record.host, &record.request);
    then(&Asked {
        request: Some(&record.request),
        url: url.as_deref(),
        ocsp: record.ocsp.as_ref(),
        role: record.watch.role(),
    })
}
