//! One direction of a connection: where it is, and how a head is taken off it.

use std::borrow::Cow;

use crate::frame::FrameNo;
use crate::proto::{Context, Probe};
use crate::time::Timestamp;

use super::body::Body;
use super::head;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Half {
    pub(super) phase: Phase,
    /// The part of a head that came so far.
    pub(super) head: Vec<u8>,
    /// Bytes of this side came, or went missing.
    pub(super) seen: bool,
    /// Where the message being read began.
    pub(super) first: (Timestamp, FrameNo),
    /// The last chunk.
    pub(super) last: (Timestamp, FrameNo),
}

#[derive(Debug, Default)]
pub(super) enum Phase {
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

/// What [`Half::take_head`] found.
pub(super) enum Taken<'a> {
    /// The head goes on.
    More,
    /// It is no head, for this reason.
    Not(&'static str),
    /// Here it is, with its blank line.
    Head(Cow<'a, [u8]>),
}

impl Half {
    /// Takes a head off the front of `rest`, or keeps what there is of it.
    pub(super) fn take_head<'a>(
        &mut self,
        rest: &mut &'a [u8],
        begins: fn(&[u8]) -> Probe,
        cx: &mut Context,
    ) -> Taken<'a> {
        const TOO_LONG: &str = "a head is over the limit";
        let limit = cx.limits.http_head;
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
        if cx.held().bodies.saturating_add(rest.len()) > cx.limits.bodies_total {
            return Taken::Not("too much is held over all flows");
        }
        let before = self.head.len();
        self.head.extend_from_slice(rest);
        cx.held_mut().bodies += rest.len();
        // The blank line may have begun in the last three bytes of the chunk before.
        match head::end_of_head(&self.head, before.saturating_sub(3)) {
            Some(end) if end <= limit => {
                let mut head = self.release(cx);
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

    /// Whether the next byte begins a message.
    pub(super) fn is_between(&self) -> bool {
        matches!(self.phase, Phase::Head) && self.head.is_empty()
    }

    /// The head that will never be whole.
    pub(super) fn take_cut_head(&mut self, cx: &mut Context) -> Option<Vec<u8>> {
        if !matches!(self.phase, Phase::Head) || self.head.is_empty() {
            return None;
        }
        Some(self.release(cx))
    }

    /// Goes on to `phase`, whatever the half was in the middle of.
    pub(super) fn leave_for(&mut self, phase: Phase, cx: &mut Context) {
        if let Phase::Body(mut body) = std::mem::replace(&mut self.phase, phase) {
            body.release(cx);
        }
        self.release(cx);
    }

    /// Gives up the part of a head that is held.
    pub(super) fn release(&mut self, cx: &mut Context) -> Vec<u8> {
        let held = &mut cx.held_mut().bodies;
        *held = held.saturating_sub(self.head.len());
        std::mem::take(&mut self.head)
    }
}
