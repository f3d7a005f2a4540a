//! The contacts of one pass, shared out to threads.
//!
//! Each contact is weighed against what was filed and what the pass before came to, and never against another
//! one of its own pass. So it does not matter who weighs it and when, as long as what comes of it is taken in
//! order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::Judge;
use crate::correlate::contacts::Contact;

/// Contacts that a thread takes at once. Neighbours are held against the same handshakes.
const BLOCK: usize = 32;

/// Blocks that are done and not taken yet, for each thread.
const DONE: usize = 4;

impl Judge<'_> {
    /// Does `work` on the first `all` contacts, with their places, and has what comes of it taken in the
    /// order of the contacts.
    pub(in crate::correlate) fn share<R: Send>(
        &self,
        all: usize,
        work: impl Fn(usize, &Contact) -> R + Sync,
        mut take: impl FnMut(usize, R),
    ) {
        let next = AtomicUsize::new(0);
        let blocks = all.div_ceil(BLOCK);
        let threads = self.threads.get().min(blocks);
        if threads > 1 {
            let (done, results) = sync_channel(threads * DONE);
            thread::scope(|scope| {
                for _ in 0..threads {
                    let (done, next, work) = (done.clone(), &next, &work);
                    let task = move || self.work_off((next, all), work, &done);
                    // Without threads all is done below.
                    let _ = thread::Builder::new().spawn_scoped(scope, task);
                }
                drop(done);
                let mut early = BTreeMap::new();
                let mut due = 0;
                for (block, result) in results {
                    early.insert(block, result);
                    while let Some(result) = early.remove(&due) {
                        for (place, one) in (due * BLOCK..).zip(result) {
                            take(place, one);
                        }
                        due += 1;
                    }
                }
            });
        }
        let left = next.load(Ordering::Relaxed).saturating_mul(BLOCK);
        for (place, contact) in self.places_from(left, all) {
            take(place, work(place, contact));
        }
    }

    /// One thread: block after block until there is none.
    fn work_off<R>(
        &self,
        (next, all): (&AtomicUsize, usize),
        work: &impl Fn(usize, &Contact) -> R,
        done: &SyncSender<(usize, Vec<R>)>,
    ) {
        loop {
            let block = next.fetch_add(1, Ordering::Relaxed);
            let first = block.saturating_mul(BLOCK);
            let contacts = self.places_from(first, all).take(BLOCK);
            let result: Vec<R> = contacts.map(|(place, c)| work(place, c)).collect();
            if result.is_empty() || done.send((block, result)).is_err() {
                break;
            }
        }
    }

    /// Contacts from a place on, up to the end of `all`.
    fn places_from(&self, first: usize, all: usize) -> impl Iterator<Item = (usize, &Contact)> {
        (first..all).map_while(|place| Some((place, self.contact(place)?)))
    }
}
