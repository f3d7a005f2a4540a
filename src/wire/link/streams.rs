//! Bytes of which the rest comes in later frames of the same sender, in order: PPP on a pipe of USB, sections of a transport stream,
//! packets of X.25 and of GPRS in parts.

use std::collections::VecDeque;

use super::super::walk::Lane;
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

/// No packet is longer, and what carries it adds little or doubles some bytes of it.
const MOST: usize = 65_535;

/// What makes bytes belong together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Key {
    pub(super) lane: Lane,
    pub(super) kind: Kind,
    /// A number within the lane: of a pipe, a program, a circuit.
    pub(super) number: u32,
}

/// Who keeps the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    UsbPpp,
    Transport,
    Gse,
    X25,
    Sndcp,
    EtherCat,
}

/// Bytes whose rest is to come.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) key: Key,
    /// When the latest of them came.
    pub(super) at: Timestamp,
    /// The sender's number for the latest of them, where it has one.
    pub(super) number: u32,
    pub(super) bytes: Vec<u8>,
}

/// All that is open, oldest first.
#[derive(Debug)]
pub(in crate::wire) struct Streams {
    open: VecDeque<Open>,
    most: usize,
    age: Span,
}

impl Streams {
    pub(in crate::wire) const fn new(limits: &Limits) -> Self {
        Self {
            open: VecDeque::new(),
            most: limits.streams,
            age: limits.streams_age,
        }
    }

    /// Takes out what is open under a key, unless it is too old to go on.
    pub(super) fn take(&mut self, at: Timestamp, key: &Key) -> Option<Open> {
        let place = self.open.iter().position(|open| open.key == *key)?;
        let open = self.open.remove(place)?;
        (at.since(open.at).abs() <= self.age).then_some(open)
    }

    /// Keeps what is open still.
    pub(super) fn put(&mut self, open: Open) {
        if open.bytes.len() > MOST {
            return;
        }
        if self.open.len() >= self.most {
            self.open.pop_front();
        }
        self.open.push_back(open);
    }
}
