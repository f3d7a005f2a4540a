//! Live interfaces through libpcap.
//!
//! ```text
//!  device --> thread --> batch --+
//!  device --> thread --> batch --+--> bounded queue --> Running::next
//! ```
//!
//! A capture thread only copies frames and never waits for analysis: what finds no room is dropped and
//! counted, as the kernel does, and both counts are told by [`Running::lost`].

mod bulk;
mod devices;
mod queue;
mod watch;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pcap::{Active, BreakLoop, Capture, Linktype, Precision, TimestampType};

use self::bulk::Bulk;
pub use self::devices::{Device, devices};
use self::queue::Queue;
pub use self::queue::{Batch, Message};
use self::watch::Watch;
use super::bpf::plain;
use crate::frame::{InterfaceId, LinkType};
use crate::time::Timestamp;

/// Whose clock frames are stamped by (pcap-tstamp(7)).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Clock {
    /// The host's, when the frame reaches it.
    #[default]
    Host,
    /// The adapter's, kept to the host's time.
    Adapter,
    /// The adapter's, whatever time it has.
    AdapterUnsynced,
}

/// How to capture.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names of devices; `any` is all of them (Linux).
    pub devices: Vec<String>,
    /// Filter in the language of tcpdump.
    pub filter: Option<String>,
    /// Ask the devices for frames that are not for this host.
    pub promiscuous: bool,
    /// Longest captured length in bytes.
    pub snaplen: u32,
    /// Buffer of the kernel in bytes, for each device.
    pub buffer: u32,
    /// Hand over each frame at once instead of collecting for some milliseconds.
    pub immediate: bool,
    /// Whose time stamps; a device that does not offer them gives the host's.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            devices: Vec::new(),
            filter: None,
            promiscuous: false,
            // What tcpdump takes: more than any frame, offloaded ones included.
            snaplen: 262_144,
            buffer: 16 << 20,
            immediate: false,
            clock: Clock::Host,
        }
    }
}

/// Why a device cannot be captured from.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system forbids it.
    #[error("no permission to capture on {device}: {why}")]
    Permission {
        /// Which device.
        device: String,
        /// What libpcap says.
        why: String,
    },
    /// There is no such device.
    #[error("there is no interface {device} ({why}); `whylencr interfaces` lists them")]
    NoDevice {
        /// Which device.
        device: String,
        /// What libpcap says.
        why: String,
    },
    /// The filter is not understood, or not for this device.
    #[error("the filter cannot be set on {device}: {why}")]
    Filter {
        /// Which device.
        device: String,
        /// What libpcap says.
        why: String,
    },
    /// Anything else.
    #[error("cannot capture on {device}: {why}")]
    Other {
        /// Which device.
        device: String,
        /// What libpcap says.
        why: String,
    },
}

/// Open devices that are not read yet: the time to give up privileges.
pub struct Live {
    opened: Vec<Opened>,
}

struct Opened {
    name: String,
    capture: Capture<Active>,
    link: LinkType,
    nanos: bool,
    /// The adapter refused to stamp frames.
    clock_refused: bool,
}

/// Opens all devices.
///
/// # Errors
///
/// The first that fails.
pub fn open(options: &Options) -> Result<Live, Error> {
    let mut named = HashSet::new();
    let devices = options.devices.iter().filter(|name| named.insert(*name));
    let opened = devices.map(|name| open_one(name, options));
    Ok(Live {
        opened: opened.collect::<Result<_, _>>()?,
    })
}

fn open_one(name: &str, options: &Options) -> Result<Opened, Error> {
    let failed = |error: &pcap::Error| failure(name, error);
    // Setting an adapter's clock may take a right that capturing does not, or be refused by the driver.
    let (opened, clock_refused) = match activate(name, options, options.clock) {
        Err(_) if options.clock != Clock::Host => (activate(name, options, Clock::Host), true),
        opened => (opened, false),
    };
    let (mut capture, nanos) = opened.map_err(|error| failed(&error))?;
    let cooked = Linktype(LinkType::LINUX_SLL.0.cast_signed());
    if capture.get_datalink() == cooked {
        // The second form says which interface a frame of `any` crossed; older systems lack it.
        let _ = capture.set_datalink(Linktype(LinkType::LINUX_SLL2.0.cast_signed()));
    }
    if let Some(filter) = &options.filter {
        let set = capture.filter(filter, true);
        set.map_err(|error| Error::Filter {
            device: name.to_owned(),
            why: plain(&error),
        })?;
    }
    let link = LinkType(capture.get_datalink().0.unsigned_abs());
    Ok(Opened {
        name: name.to_owned(),
        capture,
        link,
        nanos,
        clock_refused,
    })
}

/// A capture that runs, and whether its times are in nanoseconds.
fn activate(
    name: &str,
    options: &Options,
    clock: Clock,
) -> Result<(Capture<Active>, bool), pcap::Error> {
    let inactive = Capture::from_device(name)?
        // All devices together cannot be promiscuous, and libpcap says so with a warning that the crate
        // takes for a failure.
        .promisc(options.promiscuous && name != ANY)
        .snaplen(i32::try_from(options.snaplen).unwrap_or(i32::MAX))
        .buffer_size(i32::try_from(options.buffer).unwrap_or(i32::MAX))
        .immediate_mode(options.immediate)
        .timeout(TIMEOUT_MS);
    // Asking is answered by a code that the crate does not pass on. Linux always grants it.
    let nanos = cfg!(target_os = "linux");
    let inactive = if nanos {
        inactive.precision(Precision::Nano)
    } else {
        inactive
    };
    let inactive = match clock {
        Clock::Host => inactive,
        // Where the device does not offer it, libpcap stays with the host's.
        Clock::Adapter => inactive.tstamp_type(TimestampType::Adapter),
        Clock::AdapterUnsynced => inactive.tstamp_type(TimestampType::AdapterUnsynced),
    };
    Ok((inactive.open()?, nanos))
}

/// libpcap tells by words alone what went wrong.
fn failure(name: &str, error: &pcap::Error) -> Error {
    let (device, why) = (name.to_owned(), plain(error));
    let said = why.to_lowercase();
    if ["permission", "not permitted", "cap_net_raw"]
        .iter()
        .any(|word| said.contains(word))
    {
        Error::Permission { device, why }
    } else if said.contains("no such device")
        || said.contains("not found")
        || said.contains("doesn't exist")
    {
        Error::NoDevice { device, why }
    } else {
        Error::Other { device, why }
    }
}

impl Live {
    /// Names and link types of the devices, in the order of [`InterfaceId`].
    pub fn interfaces(&self) -> impl Iterator<Item = (&str, LinkType)> {
        self.opened.iter().map(|o| (o.name.as_str(), o.link))
    }

    /// Devices that stamp frames by the host's clock although the adapter's was asked for.
    pub fn clocks_refused(&self) -> impl Iterator<Item = &str> {
        let refused = self.opened.iter().filter(|o| o.clock_refused);
        refused.map(|o| o.name.as_str())
    }

    /// Starts a thread for each device. At most `memory` bytes wait for [`Running::next`].
    #[must_use]
    pub fn start(self, memory: usize) -> Running {
        let shared = Arc::new(Shared {
            queue: Queue::new(memory),
            stop: AtomicBool::new(false),
            queue_lost: AtomicU64::new(0),
            kernel_lost: AtomicU64::new(0),
            device_lost: AtomicU64::new(0),
            bulk_lost: AtomicU64::new(0),
            gone: AtomicU64::new(0),
        });
        let watch = Watch::new(self.opened.iter().map(|o| o.name.clone()));
        let mut breaks = Vec::new();
        let mut threads = Vec::new();
        for (number, mut opened) in (0..).zip(self.opened) {
            breaks.push(opened.capture.breakloop_handle());
            let shared = Arc::clone(&shared);
            threads.push(thread::spawn(move || {
                Worker::new(opened, InterfaceId(number), &shared).run();
                shared.queue.say(Message::Ended);
            }));
        }
        Running {
            shared,
            watch,
            breaks,
            open: threads.len(),
            threads,
            told: 0,
        }
    }
}

/// Devices being read.
pub struct Running {
    shared: Arc<Shared>,
    watch: Watch,
    breaks: Vec<BreakLoop>,
    threads: Vec<JoinHandle<()>>,
    open: usize,
    told: u64,
}

struct Shared {
    queue: Queue,
    stop: AtomicBool,
    queue_lost: AtomicU64,
    kernel_lost: AtomicU64,
    device_lost: AtomicU64,
    bulk_lost: AtomicU64,
    /// Devices that went away.
    gone: AtomicU64,
}

/// Frames that were lost, by place.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lost {
    /// By our own queue.
    pub queue: u64,
    /// By the buffer of the kernel.
    pub kernel: u64,
    /// By the device or its driver.
    pub device: u64,
    /// Bulk data of connections that were known, let go first when analysis fell behind.
    pub bulk: u64,
}

impl Lost {
    /// All together.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.queue + self.kernel + self.device + self.bulk
    }
}

impl Running {
    /// The next message, waiting for it at most so long.
    pub fn next(&mut self, timeout: Duration) -> Option<Message> {
        if let Some(message) = self.watch.next() {
            return Some(message);
        }
        let message = self.shared.queue.take(timeout);
        if matches!(message, Some(Message::Ended)) {
            self.open = self.open.saturating_sub(1);
        }
        message
    }

    /// Takes a batch back to be filled again.
    pub fn recycle(&self, batch: Batch) {
        self.shared.queue.recycle(batch);
    }

    /// Whether every device is read no more, and nothing waits.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.open == 0
    }

    /// Frames lost so far.
    #[must_use]
    pub fn lost(&self) -> Lost {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Lost {
            queue: count(&self.shared.queue_lost),
            kernel: count(&self.shared.kernel_lost),
            device: count(&self.shared.device_lost),
            bulk: count(&self.shared.bulk_lost),
        }
    }

    /// How many devices went away, and are read no more.
    #[must_use]
    pub fn gone(&self) -> u64 {
        self.shared.gone.load(Ordering::Relaxed)
    }

    /// Frames lost since this was asked last.
    pub fn newly_lost(&mut self) -> u64 {
        let sum = self.lost().sum();
        let new = sum.saturating_sub(self.told);
        self.told = sum;
        new
    }

    /// Ends the threads, each after what the kernel has for it. What they read stays in the queue.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for handle in &self.breaks {
            handle.breakloop();
        }
    }

    /// Waits for the threads, after [`Self::is_over`].
    pub fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The name that stands for all devices.
pub const ANY: &str = "any";
/// Frames are collected by the kernel for so long, unless immediate.
const TIMEOUT_MS: i32 = 10;
/// A batch that finds no room grows up to this size, and then frames are lost.
const BATCH: usize = 1 << 20;
/// Frames taken in one call: batches should not outgrow the cache of the processor.
const BURST: usize = 2_048;
/// The kernel is asked this often what it lost.
const COUNTED: Duration = Duration::from_millis(250);
/// A device that failed is tried again this often.
const RETRY: Duration = Duration::from_millis(500);

/// The end waits for frames that the kernel has at most so long.
const DRAIN: Duration = Duration::from_millis(200);

struct Worker<'a> {
    opened: Opened,
    shared: &'a Shared,
    batch: Batch,
    bulk: Bulk,
    last: pcap::Stat,
    counted: Instant,
}

impl<'a> Worker<'a> {
    fn new(opened: Opened, interface: InterfaceId, shared: &'a Shared) -> Self {
        let batch = Queue::batch(interface, opened.link);
        Self {
            opened,
            shared,
            batch,
            bulk: Bulk::default(),
            last: pcap::Stat {
                received: 0,
                dropped: 0,
                if_dropped: 0,
            },
            counted: Instant::now(),
        }
    }

    fn run(mut self) {
        let mut failing = false;
        while !self.shared.stop.load(Ordering::Relaxed) {
            match self.take() {
                Ok(_) if failing => {
                    failing = false;
                    let notice = format!("{} is back", self.opened.name);
                    self.shared.queue.say(Message::Notice(notice));
                }
                Ok(_) => {}
                // Woken up to stop.
                Err(_) if self.shared.stop.load(Ordering::Relaxed) => break,
                Err(error) => {
                    let why = plain(&error);
                    if why.contains("disappeared") {
                        self.end();
                        break;
                    }
                    if !failing {
                        failing = true;
                        let name = &self.opened.name;
                        let notice = format!("{name}: {why}; trying again");
                        self.shared.queue.say(Message::Notice(notice));
                    }
                    self.pause();
                }
            }
            self.deliver();
            if self.counted.elapsed() >= COUNTED {
                self.count();
            }
        }
        self.drain();
    }

    /// One buffer of the kernel.
    fn take(&mut self) -> Result<usize, pcap::Error> {
        let Self {
            opened,
            shared,
            batch,
            bulk,
            ..
        } = self;
        let (nanos, link) = (opened.nanos, opened.link);
        let pressed = shared.queue.is_pressed();
        opened.capture.dispatch(Some(BURST), |packet| {
            if bulk.is_bulk(link, packet.data, packet.header.len) && pressed {
                shared.bulk_lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
            if batch.weight() >= BATCH && !shared.queue.offer(batch) {
                shared.queue_lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let stamp = time(packet.header.ts.tv_sec, packet.header.ts.tv_usec, nanos);
            batch.push(stamp, packet.header.len, packet.data);
        })
    }

    fn deliver(&mut self) {
        if !self.batch.is_empty() {
            self.shared.queue.offer(&mut self.batch);
        }
    }

    /// What the kernel still has when capturing ends. For a time only, since a flooded device never runs dry.
    fn drain(mut self) {
        // What came last is still being collected.
        thread::sleep(2 * Duration::from_millis(TIMEOUT_MS.unsigned_abs().into()));
        let Self { opened, .. } = self;
        let Ok(capture) = opened.capture.setnonblock() else {
            return;
        };
        self.opened = Opened { capture, ..opened };
        let until = Instant::now() + DRAIN;
        // The wake-up call may still be pending, and is told as an error once.
        let mut woken = false;
        while Instant::now() < until {
            match self.take() {
                Ok(0) => break,
                Err(_) if woken => break,
                Err(_) => woken = true,
                Ok(_) => self.deliver(),
            }
        }
        self.deliver();
        let rest = self.batch.len() as u64;
        self.shared.queue_lost.fetch_add(rest, Ordering::Relaxed);
        self.count();
    }

    /// A socket stays with the interface that it was opened for, also when there is another of the same name;
    /// and to open one takes rights that were given up.
    fn end(&self) {
        let name = &self.opened.name;
        self.shared.gone.fetch_add(1, Ordering::Relaxed);
        let notice = format!(
            "{name} is gone, and is captured from no more; start again where it comes back"
        );
        self.shared.queue.say(Message::Interrupted(notice));
    }

    fn pause(&self) {
        let until = Instant::now() + RETRY;
        while Instant::now() < until && !self.shared.stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The counters of libpcap have 32 bits and wrap.
    fn count(&mut self) {
        self.counted = Instant::now();
        if let Ok(now) = self.opened.capture.stats() {
            let since = |now: u32, last: u32| u64::from(now.wrapping_sub(last));
            let kernel = since(now.dropped, self.last.dropped);
            let device = since(now.if_dropped, self.last.if_dropped);
            self.shared.kernel_lost.fetch_add(kernel, Ordering::Relaxed);
            self.shared.device_lost.fetch_add(device, Ordering::Relaxed);
            self.last = now;
        }
    }
}

/// A time of libpcap, whose parts differ in type between systems.
fn time(secs: impl Into<i64>, parts: impl Into<i64>, nanos: bool) -> Timestamp {
    let parts = parts.into();
    let parts = if nanos {
        parts
    } else {
        parts.saturating_mul(1_000)
    };
    let secs = secs.into().saturating_mul(1_000_000_000);
    Timestamp::from_nanos(secs.saturating_add(parts))
}
