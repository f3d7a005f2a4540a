//! Bytes of which the rest comes in later frames of the same sender, in order: PPP on a pipe of USB, sections
//! of a transport stream, packets of X.25, of GPRS and of 3G in parts, frames in segments of a tunnel.

use std::collections::VecDeque;

use super::super::walk::Lane;
use crate::limits::Limits;
use crate::time::{Span, Timestamp};

/// No packet is longer, and what carries it adds little or doubles some bytes of it.
const MOST: usize = 65_535;

/// What makes bytes belong together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::wire) struct Key {
    pub(in crate::wire) lane: Lane,
    pub(in crate::wire) kind: Kind,
    /// A number within the lane: of a pipe, a program, a circuit.
    pub(in crate::wire) number: u32,
}

/// Who keeps the bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::wire) enum Kind {
    UsbPpp,
    Transport,
    Gse,
    X25,
    Sndcp,
    EtherCat,
    Stt,
    Wassp,
    Rlc,
}

/// Bytes whose rest is to come.
#[derive(Debug)]
pub(in crate::wire) struct Open {
    pub(in crate::wire) key: Key,
    /// When the latest of them came.
    pub(in crate::wire) at: Timestamp,
    /// The sender's number for the latest of them, where it has one.
    pub(in crate::wire) number: u32,
    pub(in crate::wire) bytes: Vec<u8>,
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
    pub(in crate::wire) fn take(&mut self, at: Timestamp, key: &Key) -> Option<Open> {
        let place = self.open.iter().position(|open| open.key == *key)?;
        let open = self.open.remove(place)?;
        (at.since(open.at).abs() <= self.age).then_some(open)
    }

    /// Keeps what is open still.
    pub(in crate::wire) fn put(&mut self, open: Open) {
        if open.bytes.len() > MOST {
            return;
        }
        if self.open.len() >= self.most {
            self.open.pop_front();
        }
        self.open.push_back(open);
    }
}
