//! Handshake messages out of fragments that may overlap, repeat and come in any order (RFC 6347 4.2.3).

use std::collections::BTreeMap;

use crate::proto::Context;
use crate::proto::tls::handshake::{CLIENT_HELLO, Message, SERVER_HELLO, Seen};

use super::record::Fragment;

/// Messages that may be joined at one time: a flight has six at most.
const MESSAGES: usize = 8;
/// Runs of bytes of one message that may wait for those between them.
const RUNS: usize = 64;

/// There is no room for a fragment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Full;

/// Joins the messages of one sender.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    /// message_seq of the next message to hand out.
    next: u16,
    waiting: BTreeMap<u16, Partial>,
}

/// A message being joined.
#[derive(Debug)]
pub(super) struct Partial {
    kind: u8,
    len: usize,
    bytes: Vec<u8>,
    /// Disjoint runs of bytes that are there, in order.
    runs: Vec<(usize, usize)>,
    first: Seen,
    last: Seen,
}

impl Joiner {
    /// Memory it holds beside itself, without the bytes of messages.
    pub(super) fn weight(&self) -> usize {
        /// Entries that a node of the tree has room for, and those that it holds at least.
        const NODE: (usize, usize) = (11, 6);
        let nodes = self.waiting.len().div_ceil(NODE.1);
        let runs = |partial: &Partial| 16 + partial.runs.capacity() * size_of::<(usize, usize)>();
        let runs: usize = self.waiting.values().map(runs).sum();
        nodes * NODE.0 * size_of::<(u16, Partial)>() + runs
    }

    /// Takes a fragment; those of messages handed out already are repetitions.
    pub(super) fn insert(
        &mut self,
        fragment: &Fragment<'_>,
        seen: Seen,
        cx: &mut Context,
    ) -> Result<(), Full> {
        // Behind a lost message there is no waiting for it where a hello shows the way.
        let leads = matches!(fragment.kind, CLIENT_HELLO | SERVER_HELLO);
        if fragment.number < self.next {
            return Ok(());
        }
        if !self.waiting.contains_key(&fragment.number) {
            if self.waiting.len() >= MESSAGES || fragment.len > cx.limits.tls_message {
                return Err(Full);
            }
            let partial = Partial {
                kind: fragment.kind,
                len: fragment.len,
                bytes: Vec::new(),
                runs: Vec::new(),
                first: seen,
                last: seen,
            };
            self.waiting.insert(fragment.number, partial);
        }
        if leads && fragment.number > self.next && !self.waiting.contains_key(&self.next) {
            self.next = fragment.number;
        }
        let Some(partial) = self.waiting.get_mut(&fragment.number) else {
            return Ok(());
        };
        if (partial.kind, partial.len) != (fragment.kind, fragment.len) {
            return Ok(());
        }
        partial.insert(fragment, seen, cx)
    }

    /// The next message, once it is whole.
    pub(super) fn pop(&mut self, cx: &mut Context) -> Option<Partial> {
        let whole = self.waiting.get(&self.next).is_some_and(Partial::is_whole);
        if !whole {
            return None;
        }
        let partial = self.waiting.remove(&self.next)?;
        self.next = self.next.saturating_add(1);
        partial.release(cx);
        Some(partial)
    }

    /// The next whole message, whatever is missing before it.
    pub(super) fn skip_to_whole(&mut self, cx: &mut Context) -> Option<Partial> {
        let whole = self.waiting.iter().find(|(_, partial)| partial.is_whole());
        self.next = whole.map(|(number, _)| *number)?;
        self.pop(cx)
    }

    /// Everything that is not whole.
    pub(super) fn drain(&mut self, cx: &mut Context) -> Vec<Partial> {
        let left: Vec<Partial> = std::mem::take(&mut self.waiting).into_values().collect();
        for partial in &left {
            partial.release(cx);
        }
        left
    }
}

impl Partial {
    /// The message, or what there is of it from its beginning.
    pub(super) fn message(&self) -> Message<'_> {
        let end = match self.runs.first() {
            Some((0, end)) => *end,
            _ => 0,
        };
        Message {
            kind: self.kind,
            body: self.bytes.get(..end).unwrap_or_default(),
            whole: self.is_whole(),
            first: self.first,
            last: self.last,
        }
    }

    fn is_whole(&self) -> bool {
        self.len == 0 || self.runs == [(0, self.len)]
    }

    fn insert(
        &mut self,
        fragment: &Fragment<'_>,
        seen: Seen,
        cx: &mut Context,
    ) -> Result<(), Full> {
        let end = fragment.offset + fragment.bytes.len();
        if fragment.bytes.is_empty() || end > self.len {
            return Ok(());
        }
        let known = |(from, to): &(usize, usize)| *from <= fragment.offset && end <= *to;
        if self.runs.iter().any(known) {
            return Ok(());
        }
        let growth = end.saturating_sub(self.bytes.len());
        if self.runs.len() >= RUNS || cx.held().crypto + growth > cx.limits.quic_crypto_total {
            return Err(Full);
        }
        cx.held_mut().crypto += growth;
        self.bytes.resize(self.bytes.len() + growth, 0);
        self.fill(fragment);
        self.runs.push((fragment.offset, end));
        self.runs.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::with_capacity(self.runs.len());
        for (from, to) in self.runs.drain(..) {
            match merged.last_mut() {
                Some((_, last)) if from <= *last => *last = to.max(*last),
                _ => merged.push((from, to)),
            }
        }
        self.runs = merged;
        self.last = seen;
        Ok(())
    }

    /// Copies what is missing: of bytes that come twice the first are believed.
    fn fill(&mut self, fragment: &Fragment<'_>) {
        let end = fragment.offset + fragment.bytes.len();
        let mut at = fragment.offset;
        let there = self.runs.iter().copied().chain([(end, end)]);
        for (from, to) in there.filter(|(_, to)| *to > fragment.offset) {
            let until = from.min(end);
            if at < until
                && let Some(slot) = self.bytes.get_mut(at..until)
                && let Some(bytes) = fragment
                    .bytes
                    .get(at - fragment.offset..until - fragment.offset)
            {
                slot.copy_from_slice(bytes);
            }
            at = at.max(to);
        }
    }

    fn release(&self, cx: &mut Context) {
        let held = &mut cx.held_mut().crypto;
        *held = held.saturating_sub(self.bytes.len());
    }
}
