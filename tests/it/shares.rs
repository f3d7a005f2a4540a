//! Flows that are shared out come to what they come to in one: the same events in the same order, whatever
//! the number of shares, where batches end, and which limits bite.

use std::path::{Path, PathBuf};

use whylencr::capture::process::process_of_frame;
use whylencr::capture::{self, Item, Reader};
use whylencr::engine::shares::{Dispatcher, Share, merge};
use whylencr::engine::{Batch, Extractor};
use whylencr::frame::{Frame, NameHint};
use whylencr::limits::Limits;

use crate::hostile::{self, Kind};
use crate::packaged;

/// Whatever takes in what comes.
enum Way {
    Whole(Box<Extractor>),
    /// In batches of so many.
    Shared(Box<Dispatcher>, Vec<Share>, usize),
    Gathered,
}

/// Tells all that happens.
struct Teller {
    way: Way,
    came: usize,
    events: Vec<String>,
    /// How many of them shares told.
    merged: usize,
}

impl Teller {
    fn new(extractor: Extractor, shares: usize, batch: usize) -> Self {
        let way = if shares == 0 {
            Way::Whole(Box::new(extractor))
        } else {
            let (dispatcher, shares) = extractor.share_out(shares);
            Way::Shared(Box::new(dispatcher), shares, batch)
        };
        Self {
            way,
            came: 0,
            events: Vec::new(),
            merged: 0,
        }
    }

    fn take(&mut self, item: Item<'_>) {
        self.came += 1;
        match (&mut self.way, item) {
            (Way::Whole(whole), Item::Frame(frame)) => match process_of_frame(&frame) {
                None => whole.push(frame),
                Some(process) => whole.push_of(frame, process),
            },
            (Way::Whole(whole), Item::Secrets(lines)) => drop(whole.secrets(lines)),
            (Way::Whole(whole), Item::NameHint(hint)) => whole.name_hint(hint),
            (Way::Shared(dispatcher, ..), Item::Frame(frame)) => match process_of_frame(&frame) {
                None => dispatcher.push(frame),
                Some(process) => dispatcher.push_of(frame, process),
            },
            (Way::Shared(dispatcher, ..), Item::Secrets(lines)) => dispatcher.secrets(lines),
            (Way::Shared(dispatcher, ..), Item::NameHint(hint)) => dispatcher.name_hint(hint),
            _ => {}
        }
        self.tell();
    }

    fn tell(&mut self) {
        let shared = matches!(self.way, Way::Shared(..));
        let events = match &mut self.way {
            Way::Whole(whole) => whole.take_events(),
            Way::Shared(dispatcher, shares, every) if self.came.is_multiple_of(*every) => {
                let batch = dispatcher.take_batch(Batch::default());
                merge(shares.iter_mut().map(|share| share.work(&batch)).collect())
            }
            _ => return,
        };
        let lines = events.iter().map(|event| format!("{event:?}"));
        self.merged += if shared { lines.len() } else { 0 };
        self.events.extend(lines);
    }

    fn gather(&mut self) {
        let way = std::mem::replace(&mut self.way, Way::Gathered);
        self.way = match way {
            Way::Shared(dispatcher, shares, _) => {
                let whole = Extractor::gather(*dispatcher, shares).expect("there was a share");
                Way::Whole(Box::new(whole))
            }
            way => way,
        };
    }

    fn end(mut self) -> Tale {
        self.gather();
        self.tell();
        let coverage = match &mut self.way {
            Way::Whole(whole) => {
                whole.close();
                format!("{:?}", whole.coverage())
            }
            _ => unreachable!("it was gathered"),
        };
        self.tell();
        Tale {
            events: self.events,
            coverage,
            merged: self.merged,
        }
    }
}

/// All that was told.
struct Tale {
    events: Vec<String>,
    /// How many of these shares told.
    merged: usize,
    /// What was read.
    coverage: String,
}

/// Which frames of a capture come, and how.
#[derive(Clone, Copy, Debug)]
enum Spoiling {
    None,
    /// Only so many bytes of each.
    Cut(usize),
    /// Every so-manieth is missing.
    Without(usize),
    /// Neighbours change places.
    Swapped,
}

fn told(
    items: &[Owned],
    limits: &Limits,
    spoiling: Spoiling,
    (shares, batch): (usize, usize),
) -> Tale {
    let mut teller = Teller::new(Extractor::new(limits.clone()), shares, batch);
    let mut order: Vec<&Owned> = items.iter().collect();
    match spoiling {
        Spoiling::Without(each) => {
            let mut number = 0;
            order.retain(|_| {
                number += 1;
                number % each != 0
            });
        }
        Spoiling::Swapped => order.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1)),
        Spoiling::None | Spoiling::Cut(_) => {}
    }
    for item in order {
        item.give(spoiling, |item| teller.take(item));
    }
    teller.end()
}

/// An item that is kept.
enum Owned {
    Frame(Frame<'static>, Option<String>, Vec<u8>),
    Secrets(Vec<u8>),
    Hint(NameHint),
}

impl Owned {
    fn give(&self, spoiling: Spoiling, mut take: impl FnMut(Item<'_>)) {
        match self {
            Self::Frame(frame, comment, bytes) => {
                let length = match spoiling {
                    Spoiling::Cut(length) => length.min(bytes.len()),
                    _ => bytes.len(),
                };
                let bytes = &bytes[..length];
                take(Item::Frame(Frame {
                    no: frame.no,
                    at: frame.at,
                    link: frame.link,
                    interface: frame.interface,
                    wire_len: frame.wire_len,
                    crossing: frame.crossing,
                    comment: comment.as_deref(),
                    bytes,
                }));
            }
            Self::Secrets(lines) => take(Item::Secrets(lines)),
            Self::Hint(hint) => take(Item::NameHint(hint.clone())),
        }
    }
}

fn kept(item: Item<'_>) -> Option<Owned> {
    Some(match item {
        Item::Frame(frame) => {
            let comment = frame.comment.map(str::to_owned);
            let bytes = frame.bytes.to_vec();
            let frame = Frame {
                no: frame.no,
                at: frame.at,
                link: frame.link,
                interface: frame.interface,
                wire_len: frame.wire_len,
                crossing: frame.crossing,
                comment: None,
                bytes: &[],
            };
            Owned::Frame(frame, comment, bytes)
        }
        Item::Secrets(lines) => Owned::Secrets(lines.to_vec()),
        Item::NameHint(hint) => Owned::Hint(hint),
        Item::Dropped(_) | Item::Interface(_) => return None,
    })
}

/// Holds any number of shares against none. Gives how many events there are, and how many of them shares told.
fn assert_equal(
    what: &str,
    items: &[Owned],
    limits: &Limits,
    spoiling: Spoiling,
) -> (usize, usize) {
    let whole = told(items, limits, spoiling, (0, 1));
    let mut merged = 0;
    for way in [(1, 1), (2, 7), (3, 100), (4, 1_000), (8, 1)] {
        let shared = told(items, limits, spoiling, way);
        let most = whole.events.len().max(shared.events.len());
        let of = |tale: &Tale, at: usize| tale.events.get(at).cloned();
        if let Some(at) = (0..most).find(|at| of(&whole, *at) != of(&shared, *at)) {
            let (one, other) = (of(&whole, at), of(&shared, at));
            panic!("{what} {spoiling:?} {way:?}, event {at}:\n{one:?}\n{other:?}");
        }
        assert_eq!(
            whole.coverage, shared.coverage,
            "{what} {spoiling:?} {way:?}"
        );
        merged = shared.merged;
    }
    (whole.events.len(), merged)
}

fn captures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![packaged("captures")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if capture::open(&path).is_ok() {
                found.push(path);
            }
        }
    }
    found
}

/// The capture, and its key log in the midst of it, if there is one.
fn with_keys(path: &Path) -> Vec<Owned> {
    let mut source = capture::open(path).expect("a capture");
    let mut items = Vec::new();
    while let Some(item) = source.next_item() {
        items.extend(kept(item));
    }
    if let Ok(log) = std::fs::read(path.with_extension("keylog")) {
        items.insert(items.len() / 2, Owned::Secrets(log));
    }
    items
}

fn exhausting(kind: Kind) -> Vec<Owned> {
    let mut bytes = Vec::new();
    hostile::write(kind, 400_000, &mut bytes).expect("memory takes it");
    let mut bytes = bytes.as_slice();
    let mut reader = Reader::new(&mut bytes).expect("a capture");
    let mut items = Vec::new();
    while let Some(item) = reader.next_item() {
        items.extend(kept(item));
    }
    items
}

/// Packets of captures, a few of each in turn, as if they were of one network.
fn mixed(mut captures: Vec<Vec<Owned>>) -> Vec<Owned> {
    let mut mixed = Vec::new();
    while !captures.is_empty() {
        captures.retain_mut(|items| {
            mixed.extend(items.drain(..items.len().min(3)));
            !items.is_empty()
        });
    }
    mixed
}

#[test]
fn any_number_of_shares_tells_the_same() {
    let (mut count, mut events, mut merged) = (0, 0, 0);
    for path in captures() {
        let items = with_keys(&path);
        let name = path.display().to_string();
        let limits = Limits::default();
        count += 1;
        let (all, shared) = assert_equal(&name, &items, &limits, Spoiling::None);
        (events, merged) = (events + all, merged + shared);
        for spoiling in [Spoiling::Cut(90), Spoiling::Without(5), Spoiling::Swapped] {
            assert_equal(&name, &items, &limits, spoiling);
        }
    }
    assert!(count > 100, "{count} captures");
    assert!(
        merged > 10_000 && events > merged,
        "{merged} of {events} events"
    );
}

#[test]
fn limits_bite_the_same_flows_in_any_number_of_shares() {
    let mut limits = Limits::default();
    limits.flows = 40;
    limits.readers_total = 32 << 10;
    limits.out_of_order_total = 8 << 10;
    limits.tls_held_total = 8 << 10;
    limits.quic_crypto_total = 8 << 10;
    limits.bodies_total = 64 << 10;
    limits.dns_pending = 20;
    limits.fragments_datagrams = 4;
    for kind in Kind::ALL {
        let items = exhausting(kind);
        assert_equal(kind.name(), &items, &limits, Spoiling::None);
        assert_equal(kind.name(), &items, &limits, Spoiling::Swapped);
    }
    let items = mixed(captures().iter().map(|path| with_keys(path)).collect());
    let (events, merged) = assert_equal("mixed", &items, &limits, Spoiling::None);
    assert!(
        merged > 10_000 && events > merged,
        "{merged} of {events} events"
    );
    let (_, merged) = assert_equal("mixed", &items, &Limits::default(), Spoiling::None);
    assert!(merged > 10_000, "{merged}");
}
