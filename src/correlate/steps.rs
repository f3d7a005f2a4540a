//! Where the clock of the capture stepped back: somebody set it, a machine went on after a sleep, or files
//! were put one behind the other in the wrong order.
//!
//! Frames are in a file in the order in which they were taken, so correlation goes by a time that never steps
//! back: from a step on it runs ahead of the clock by what the step was. Only what is held against dates in
//! the world (those of certificates and answers), and what a report shows, is by the clock of the capture.
//! Where no clock steps back, and that is nearly everywhere, both are one.

use std::sync::Arc;

use crate::event::EventKind;
use crate::finding::{Finding, Handshake, Learned, Report, Seen, Visit};
use crate::flow::Close;
use crate::frame::FrameNo;
use crate::time::{Span, Timestamp};

/// Queues bring frames out of order by less.
const STEP: Span = Span::from_secs(1);
/// A frame that was late, and not a clock that was set, is followed soon by one whose time is right again. So
/// it is where two interfaces have two clocks.
const SOON: Span = Span::from_secs(1);
/// A machine that captures hears something every day. After a longer silence, it was off or asleep or it is
/// another capture, and its clock may be another one: those of small devices begin anew, and are set when the
/// network is there (RFC 5905 A.5.5.3: steps, however large).
const SILENCE: Span = Span::from_secs(86_400);
/// More steps than this are no clock at all.
const MOST: usize = 1 << 16;
/// No two frames on both sides of a step have one time.
const BEHIND: Span = Span::from_nanos(1);

/// See the module.
#[derive(Debug, Default)]
pub struct Steps {
    steps: Vec<Step>,
    /// The time of the first frame.
    first: Option<Timestamp>,
    /// The newest frame with its time by the clock.
    newest: Option<(FrameNo, Timestamp)>,
    /// How far time is ahead of the clock.
    ahead: Span,
    /// The last step back: from which time, to which, and how far time was ahead before.
    back: Option<(Timestamp, Timestamp, Span)>,
    /// When, after a long silence, something came again.
    resumed: Vec<Timestamp>,
}

/// From here on, time is so far ahead of the clock.
#[derive(Clone, Copy, Debug)]
struct Step {
    frame: FrameNo,
    from: Timestamp,
    ahead: Span,
}

impl Steps {
    /// Takes note of a frame and its time by the clock.
    #[inline]
    pub fn seen(&mut self, frame: FrameNo, at: Timestamp) {
        let before = self.newest;
        // What was held back is told with the frame that it came in.
        if before.is_some_and(|(newest, _)| frame <= newest) {
            return;
        }
        self.newest = Some((frame, at));
        let Some((_, last)) = before else {
            self.first = Some(at);
            return;
        };
        if at < last.minus(STEP) {
            self.back = Some((last, at, self.ahead));
            self.step(frame, at, last.plus(self.ahead).plus(BEHIND).since(at));
        } else if let Some((left, first, ahead)) = self.back
            && at.since(last) >= left.since(first)
        {
            // As far as it went back it came forward again, to where it was.
            self.back = None;
            let later = at.plus(ahead) > last.plus(self.ahead);
            if later && last.since(first) < SOON && at.since(left) < SOON {
                self.step(frame, at, ahead);
            }
        } else if at > last.plus(SILENCE) && self.resumed.len() < MOST {
            self.resumed.push(at.plus(self.ahead));
        }
    }

    fn step(&mut self, frame: FrameNo, at: Timestamp, ahead: Span) {
        if self.steps.len() < MOST {
            self.ahead = ahead;
            self.steps.push(Step {
                frame,
                from: at.plus(ahead),
                ahead,
            });
        }
    }

    /// How far time is ahead after so many steps.
    fn ahead_after(&self, steps: usize) -> Span {
        let last = steps.checked_sub(1).and_then(|last| self.steps.get(last));
        last.map_or(Span::ZERO, |step| step.ahead)
    }

    /// Whether the clock never stepped back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The time at which the clock showed this, at a frame.
    #[must_use]
    pub fn time(&self, frame: FrameNo, clock: Timestamp) -> Timestamp {
        if self.steps.is_empty() {
            return clock;
        }
        let steps = self.steps.partition_point(|step| step.frame <= frame);
        clock.plus(self.ahead_after(steps))
    }

    /// What the clock showed at a time.
    #[must_use]
    pub fn clock(&self, time: Timestamp) -> Timestamp {
        time.minus(self.setting(time))
    }

    /// How far time was ahead of the clock then: the same for all that was timed by a clock that nobody set
    /// back in between.
    #[must_use]
    pub fn setting(&self, time: Timestamp) -> Span {
        self.ahead_after(self.steps.partition_point(|step| step.from <= time))
    }

    /// Which clock it was: how far time was ahead of it then, and after how many long silences. What fits one
    /// says nothing of another.
    #[must_use]
    pub fn setting_of(&self, time: Timestamp) -> (Span, usize) {
        let silences = self.resumed.partition_point(|at| *at <= time);
        (self.setting(time), silences)
    }

    /// The time at which the clock shows this now.
    #[must_use]
    pub fn from_now(&self, clock: Timestamp) -> Timestamp {
        clock.plus(self.ahead)
    }

    /// What the clock would have shown at a time, had it been set as it is now.
    #[must_use]
    pub fn as_now(&self, time: Timestamp) -> Timestamp {
        time.minus(self.ahead)
    }

    /// Brings the times in an event, of which the clock tells, to the times at which it did.
    pub fn align(&self, frame: FrameNo, kind: &mut EventKind) {
        if self.steps.is_empty() {
            return;
        }
        match kind {
            EventKind::Request(request) => {
                request.first_at = self.time(request.first_frame, request.first_at);
            }
            EventKind::Response(response) => {
                response.first_at = self.time(response.first_frame, response.first_at);
            }
            EventKind::DnsAnswer(answer) => {
                let asked = answer.query_frame.unwrap_or(frame);
                answer.asked_at = answer.asked_at.map(|at| self.time(asked, at));
            }
            EventKind::FlowClosed(close) => self.end(close),
            _ => {}
        }
    }

    fn end(&self, close: &mut Close) {
        close.at = self.time(close.frame, close.at);
        // Nothing was said after the end.
        let steps = self.steps.partition_point(|step| step.frame <= close.frame);
        let said = |clock: Timestamp| {
            let times = (0..=steps).rev().map(|n| clock.plus(self.ahead_after(n)));
            times
                .into_iter()
                .find(|at| *at <= close.at)
                .unwrap_or(close.at)
        };
        close.last_payload = close.last_payload.map(|last| last.map(said));
    }

    /// The first and the last time of a capture, of which the clock showed at least the one and at most the other.
    #[must_use]
    pub fn span(&self, span: Option<(Timestamp, Timestamp)>) -> Option<(Timestamp, Timestamp)> {
        match (self.first, self.newest) {
            (Some(first), Some((_, newest))) if !self.steps.is_empty() => {
                Some((first, self.from_now(newest)))
            }
            _ => span,
        }
    }

    /// Gives the times of a report by the clock of the capture.
    pub fn show(&self, report: &mut Report) {
        if self.steps.is_empty() {
            return;
        }
        let clock = |at: &mut Timestamp| *at = self.clock(*at);
        for Finding {
            at,
            began_at,
            ended_at,
            ..
        } in &mut report.findings
        {
            [at, began_at, ended_at].into_iter().for_each(clock);
        }
        self.show_handshakes(&mut report.handshakes);
        self.show_handshakes(&mut report.around);
        for lookup in &mut report.lookups {
            let at = self.clock(lookup.at);
            if at != lookup.at {
                Arc::make_mut(lookup).at = at;
            }
        }
        for dossier in &mut report.dossiers {
            let Visit { at, .. } = &mut dossier.first;
            clock(at);
            if let Learned::Lookup { at, .. } = &mut dossier.learned {
                clock(at);
            }
        }
        for outage in &mut report.outages {
            clock(&mut outage.since);
            clock(&mut outage.until);
            outage.over_at.as_mut().map(clock);
        }
        for alert in &mut report.alerts {
            alert.since.as_mut().map(clock);
        }
    }

    /// The same of handshakes.
    pub fn show_handshakes(&self, handshakes: &mut [Handshake]) {
        if self.steps.is_empty() {
            return;
        }
        for handshake in handshakes {
            let seen: &mut Seen = handshake;
            let beats = seen.beats.iter();
            seen.beats = beats.map(|(at, no, b)| (self.clock(at), no, b)).collect();
            seen.hello_at = self.clock(seen.hello_at);
            for at in [
                &mut seen.opened_at,
                &mut seen.server_hello_at,
                &mut seen.certificate_at,
                &mut seen.first_data_at,
            ] {
                *at = at.map(|at| self.clock(at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: i64) -> Timestamp {
        Timestamp::EPOCH.plus(Span::from_millis(millis))
    }

    /// Times, in whole milliseconds, of frames that bear these.
    fn times(clock: &[i64]) -> Vec<i64> {
        let mut steps = Steps::default();
        let frame = |at: usize| FrameNo::new(at as u64 + 1);
        for (at, clock) in clock.iter().enumerate() {
            steps.seen(frame(at), millis(*clock));
        }
        let times: Vec<Timestamp> = clock
            .iter()
            .enumerate()
            .map(|(at, clock)| steps.time(frame(at), millis(*clock)))
            .collect();
        for (time, clock) in times.iter().zip(clock) {
            assert_eq!(steps.clock(*time), millis(*clock), "and back");
        }
        let since = times.iter().map(|time| time.since(Timestamp::EPOCH));
        since.map(|since| since.as_nanos() / 1_000_000).collect()
    }

    #[test]
    fn time_goes_on_where_the_clock_steps_back() {
        assert_eq!(times(&[0, 100, 90, 9_000]), [0, 100, 90, 9_000]);
        assert_eq!(
            times(&[5_000, 5_100, 100, 150, 4_000, 9_000]),
            [5_000, 5_100, 5_100, 5_150, 9_000, 14_000]
        );
        assert_eq!(
            times(&[9_000, 5_000, 5_100, 0, 50]),
            [9_000, 9_000, 9_100, 9_100, 9_150]
        );
    }

    #[test]
    fn a_late_frame_is_no_step_for_those_after_it() {
        assert_eq!(
            times(&[5_000, 5_100, 100, 5_200, 5_300]),
            [5_000, 5_100, 5_100, 5_200, 5_300]
        );
        // Two interfaces whose clocks differ.
        assert_eq!(
            times(&[5_000, 2_000, 2_010, 5_020, 2_030, 5_040]),
            [5_000, 5_000, 5_010, 5_020, 5_020, 5_040]
        );
    }

    #[test]
    fn what_was_held_back_has_the_time_of_its_frame() {
        let mut steps = Steps::default();
        for (no, at) in [
            (1, 10_000),
            (9, 20_000),
            (2, 11_000),
            (10, 5_000),
            (11, 5_010),
        ] {
            steps.seen(FrameNo::new(no), millis(at));
        }
        assert_eq!(steps.time(FrameNo::new(2), millis(11_000)), millis(11_000));
        assert_eq!(
            steps.time(FrameNo::new(11), millis(5_010)),
            millis(20_010).plus(BEHIND)
        );
    }
}
