//! Several inputs in the order of time, numbered as Wireshark numbers the file that `mergecap` makes.
//!
//! Each input keeps its own order, and the earliest of their next packets comes first. Of packets with
//! the same time stamp the one of the later input comes first: that is what mergecap does, and frame
//! numbers must agree with it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::reader::{FrameStep, Step};
use super::source::{Options, ReadAhead, Source, open_with};
use super::window::WINDOW;
use super::{Ended, Error, Item, Warning};
use crate::frame::{Frame, FrameNo, InterfaceId};
use crate::time::Timestamp;

/// Read buffers of all inputs together.
const BUFFERS: usize = 32 << 20;
/// Inputs held open at one time while they wait for their turn; well below the usual limit of 1024 files.
const OPEN_AT_ONCE: usize = 64;

/// Several inputs read as one.
pub struct Merged {
    lanes: Vec<Lane>,
    /// The next frame of every input that has one.
    heads: BinaryHeap<(Reverse<Timestamp>, usize)>,
    /// The input whose step was handed out last.
    turn: Option<usize>,
    /// Inputs before this one have been asked for their first step.
    fresh: usize,
    frames: u64,
    interfaces: u32,
    buffer: usize,
}

struct Lane {
    path: PathBuf,
    state: State,
    /// The frame that waits in `heads`.
    head: Option<FrameStep>,
    /// From the interfaces of this input to those of the run.
    interfaces: Vec<InterfaceId>,
    size: Option<u64>,
}

enum State {
    Open(Box<Source>),
    /// Looked into and closed again, until its first frame is due.
    Waiting,
    /// Read to its end and closed.
    Over(Over),
}

/// What remains of an input that was read.
struct Over {
    name: String,
    format: String,
    ended: Ended,
    warnings: Vec<Warning>,
    consumed: u64,
}

/// Opens inputs to be read as one; `-` is standard input. With one input nothing is reordered.
///
/// # Errors
///
/// As [`super::open`], for the first input that cannot be opened.
pub fn open_all(paths: &[PathBuf], follow: Option<&Arc<AtomicBool>>) -> Result<Merged, Error> {
    open_ahead(paths, follow, ReadAhead::Never, 0)
}

/// The same with so many inputs, the first ones, of which threads of their own read and decompress what `ahead` says.
///
/// # Errors
///
/// As [`open_all`].
pub fn open_ahead(
    paths: &[PathBuf],
    follow: Option<&Arc<AtomicBool>>,
    ahead: ReadAhead,
    threads: usize,
) -> Result<Merged, Error> {
    let buffer = (BUFFERS / paths.len().max(1)).clamp(64 << 10, WINDOW);
    let mut merged = Merged {
        lanes: Vec::with_capacity(paths.len()),
        heads: BinaryHeap::new(),
        turn: None,
        fresh: 0,
        frames: 0,
        interfaces: 0,
        buffer,
    };
    for (file, path) in paths.iter().enumerate() {
        let mut source = open_with(
            path,
            &Options {
                file: u32::try_from(file).unwrap_or(u32::MAX),
                buffer,
                follow: follow.cloned(),
                // What is closed again until its turn comes needs no thread.
                ahead: if file < threads && paths.len() <= OPEN_AT_ONCE {
                    ahead
                } else {
                    ReadAhead::Never
                },
            },
        )?;
        let size = source.size();
        // A file can be opened again later, a pipe cannot; a followed one may have no frame for long.
        let mut state = None;
        if paths.len() > OPEN_AT_ONCE && size.is_some() && follow.is_none() {
            while let Some(step) = source.advance() {
                if let Step::Frame(frame) = step {
                    merged.heads.push((Reverse(frame.at), file));
                    state = Some(State::Waiting);
                    break;
                }
            }
        }
        merged.lanes.push(Lane {
            path: path.clone(),
            state: state.unwrap_or_else(|| State::Open(Box::new(source))),
            head: None,
            interfaces: Vec::new(),
            size,
        });
    }
    Ok(merged)
}

impl Merged {
    /// The next packet or record of all inputs; `None` when all have ended. Records other than packets
    /// come as soon as their input reaches them. Frames are numbered from 1 and interfaces from 0 over
    /// all inputs.
    pub fn next_item(&mut self) -> Option<Item<'_>> {
        let (index, step) = if self.alone() {
            (0, self.advance_alone()?)
        } else {
            self.advance()?
        };
        match &step {
            Step::Frame(_) => self.frames += 1,
            Step::Interface(_) => {
                let id = InterfaceId(self.interfaces);
                self.interfaces = self.interfaces.saturating_add(1);
                self.lanes.get_mut(index)?.interfaces.push(id);
            }
            _ => {}
        }
        let lane = self.lanes.get(index)?;
        let State::Open(source) = &lane.state else {
            return None;
        };
        let id = |local: u32| {
            let known = lane.interfaces.get(local as usize);
            known.copied().unwrap_or_default()
        };
        Some(source.item(step, FrameNo::new(self.frames), id))
    }

    /// The next packet of a sole input, when it is in memory already: nearly all are. None says nothing of
    /// what comes next, which [`Self::next_item`] does.
    ///
    /// Who asks for this first has the frame in registers: to look at an [`Item`] as soon as it is written
    /// stalls the processor.
    #[inline(always)]
    pub fn next_plain(&mut self) -> Option<Frame<'_>> {
        let [
            Lane {
                state: State::Open(source),
                interfaces,
                ..
            },
        ] = self.lanes.as_mut_slice()
        else {
            return None;
        };
        let step = source.advance_plain()?;
        self.frames += 1;
        let interface = interfaces.get(step.interface as usize);
        let interface = interface.copied().unwrap_or_default();
        Some(source.plain(&step, FrameNo::new(self.frames), interface))
    }

    /// Inputs that were cut or damaged: their names, and how they ended.
    pub fn damaged(&self) -> impl Iterator<Item = (&str, &Ended)> {
        self.lanes
            .iter()
            .filter_map(|lane| match &lane.state {
                State::Open(source) => Some((source.name(), source.ended())),
                State::Waiting => None,
                State::Over(over) => Some((over.name.as_str(), &over.ended)),
            })
            .filter(|(_, ended)| !ended.is_clean())
    }

    /// Oddities that did not stop the reading, with the names of their inputs.
    pub fn warnings(&self) -> impl Iterator<Item = (&str, &Warning)> {
        self.lanes.iter().flat_map(|lane| {
            let (name, warnings) = match &lane.state {
                State::Open(source) => (source.name(), source.warnings()),
                State::Waiting => ("", &[][..]),
                State::Over(over) => (over.name.as_str(), over.warnings.as_slice()),
            };
            warnings.iter().map(move |warning| (name, warning))
        })
    }

    /// Names and formats of the inputs that were begun, in order.
    pub fn formats(&self) -> impl Iterator<Item = (&str, String)> {
        self.lanes.iter().filter_map(|lane| match &lane.state {
            State::Open(source) => Some((source.name(), source.format())),
            State::Waiting => None,
            State::Over(over) => Some((over.name.as_str(), over.format.clone())),
        })
    }

    /// Bytes of the files read so far.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        let consumed = self.lanes.iter().map(|lane| match &lane.state {
            State::Open(source) => source.consumed(),
            State::Waiting => 0,
            State::Over(over) => over.consumed,
        });
        consumed.sum()
    }

    /// Length of all files together; `None` when one of the inputs is a pipe.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.lanes.iter().map(|lane| lane.size).sum()
    }

    /// How many of the inputs that are open have a thread of their own that reads them.
    #[must_use]
    pub fn read_ahead(&self) -> usize {
        let states = self.lanes.iter().map(|lane| &lane.state);
        let ahead = |state: &&State| matches!(state, State::Open(source) if source.is_read_ahead());
        states.filter(ahead).count()
    }

    /// Frames handed out so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Whether there is one input only, which is open: then there is nothing to compare.
    fn alone(&self) -> bool {
        matches!(
            self.lanes.as_slice(),
            [Lane {
                state: State::Open(_),
                ..
            }]
        )
    }

    fn advance_alone(&mut self) -> Option<Step> {
        let lane = self.lanes.first_mut()?;
        if let State::Open(source) = &mut lane.state
            && let Some(step) = source.advance()
        {
            return Some(step);
        }
        lane.close();
        None
    }

    /// The input whose turn it is, and its step.
    fn advance(&mut self) -> Option<(usize, Step)> {
        let lanes = self.lanes.len();
        loop {
            if let Some(index) = self.turn.take() {
                let lane = self.lanes.get_mut(index)?;
                let State::Open(source) = &mut lane.state else {
                    continue;
                };
                match source.advance() {
                    None => lane.close(),
                    Some(Step::Frame(frame)) => {
                        // Most often the same input goes on, and with one input always.
                        let due = (Reverse(frame.at), index);
                        if self.fresh == lanes && self.heads.peek().is_none_or(|head| *head <= due)
                        {
                            self.turn = Some(index);
                            return Some((index, Step::Frame(frame)));
                        }
                        lane.head = Some(frame);
                        self.heads.push(due);
                    }
                    Some(step) => {
                        self.turn = Some(index);
                        return Some((index, step));
                    }
                }
            }
            if self.fresh < lanes {
                // One that waits closed is in `heads` already.
                if let Some(State::Open(_)) = self.lanes.get(self.fresh).map(|lane| &lane.state) {
                    self.turn = Some(self.fresh);
                }
                self.fresh += 1;
                continue;
            }
            let (_, index) = self.heads.pop()?;
            self.turn = Some(index);
            let buffer = self.buffer;
            let lane = self.lanes.get_mut(index)?;
            if let Some(frame) = lane.head.take() {
                return Some((index, Step::Frame(frame)));
            }
            lane.open_again(index, buffer);
        }
    }
}

impl Lane {
    fn open_again(&mut self, index: usize, buffer: usize) {
        let options = Options {
            file: u32::try_from(index).unwrap_or(u32::MAX),
            buffer,
            follow: None,
            ahead: ReadAhead::Never,
        };
        self.state = match open_with(&self.path, &options) {
            Ok(source) => State::Open(Box::new(source)),
            Err(error) => State::Over(Over {
                name: self.path.display().to_string(),
                format: "lost".to_owned(),
                ended: Ended::Cut {
                    offset: 0,
                    what: format!("it was there at first, but then: {error}"),
                },
                warnings: Vec::new(),
                consumed: 0,
            }),
        };
    }

    /// Gives the file and its buffer back: a rotated set may have thousands.
    fn close(&mut self) {
        if let State::Open(source) = &self.state {
            self.state = State::Over(Over {
                name: source.name().to_owned(),
                format: source.format(),
                ended: source.ended().clone(),
                warnings: source.warnings().to_vec(),
                consumed: source.consumed(),
            });
        }
    }
}
