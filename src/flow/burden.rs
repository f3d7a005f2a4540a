//! What the readers of all flows hold together, and whose turn it is to give it up.

use std::collections::VecDeque;

use crate::flow::FlowId;
use crate::flow::lru::Slot;
use crate::time::Timestamp;

/// The sum of all weights ([`crate::flow::Stream::weight`]), and the readers that have one in a line: whoever
/// was not used since it joined the line is the next to give up, the others join it again (the clock
/// algorithm, which is nearly the order of last use and costs nothing per packet).
#[derive(Debug)]
pub(super) struct Burden {
    total: usize,
    limit: usize,
    line: VecDeque<Turn>,
}

/// A reader in the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) slot: Slot,
    pub(super) flow: FlowId,
    /// When it had last been used as it joined.
    pub(super) used: Timestamp,
}

impl Burden {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            total: 0,
            limit,
            line: VecDeque::new(),
        }
    }

    /// A reader that weighed `before` weighs `after`.
    pub(super) fn shift(&mut self, before: usize, after: usize) {
        self.total = self.total.saturating_sub(before).saturating_add(after);
    }

    /// Whether someone has to give up.
    pub(super) const fn is_over(&self) -> bool {
        self.total > self.limit
    }

    /// Puts a reader at the end of the line.
    pub(super) fn join(&mut self, turn: Turn) {
        self.line.push_back(turn);
    }

    /// There is no reader any more.
    pub(super) fn clear(&mut self) {
        self.total = 0;
        self.line = VecDeque::new();
    }

    /// Whose turn it is.
    pub(super) fn next(&mut self) -> Option<Turn> {
        self.line.pop_front()
    }

    /// Drops those that `stays` denies once there are more than `most`: flows that end leave their turns behind.
    pub(super) fn tidy(&mut self, most: usize, stays: impl Fn(&Turn) -> bool) {
        if self.line.len() > most {
            self.line.retain(stays);
        }
    }
}
