//! What the capture room hands to the engine: frames, and the records that travel with them.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU64;

use smallvec::SmallVec;

use crate::time::Timestamp;

/// The number of a frame, counted from 1 as Wireshark counts, so that evidence can be looked up there.
/// Over several inputs it counts the merged order, which is the number the frame has after `mergecap`.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FrameNo(NonZeroU64);

impl FrameNo {
    /// What no frame has: of what no frame of its own brought about.
    pub const NONE: Self = Self::new(0);

    /// From the number; none is as high as [`u64::MAX`].
    #[must_use]
    pub const fn new(number: u64) -> Self {
        // One higher, so that a frame that may be missing takes no room for saying so.
        match NonZeroU64::new(number.wrapping_add(1)) {
            Some(next) => Self(next),
            None => Self(NonZeroU64::MAX),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get() - 1
    }
}

/// The frames that show something: one or two as a rule, so that they take no memory of their own.
pub type Frames = SmallVec<[FrameNo; 2]>;

impl Default for FrameNo {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Debug for FrameNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FrameNo").field(&self.get()).finish()
    }
}

impl fmt::Display for FrameNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}

/// A link-layer header type: a LINKTYPE_ value of the tcpdump registry.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkType(pub u32);

impl LinkType {
    /// LINKTYPE_NULL: BSD loopback, address family in the writer's byte order.
    pub const NULL: Self = Self(0);
    /// LINKTYPE_ETHERNET.
    pub const ETHERNET: Self = Self(1);
    /// LINKTYPE_RAW: IPv4 or IPv6 by its version nibble.
    pub const RAW: Self = Self(101);
    /// LINKTYPE_LOOP: OpenBSD loopback, address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// LINKTYPE_LINUX_SLL: Linux cooked capture, first form.
    pub const LINUX_SLL: Self = Self(113);
    /// LINKTYPE_LINUX_SLL2: Linux cooked capture, second form.
    pub const LINUX_SLL2: Self = Self(276);
}

/// An interface of the whole run, counted from 0 over all inputs and sections.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InterfaceId(pub u32);

/// Which way a frame crossed the interface, where the capture recorded it (pcapng `epb_flags`,
/// cooked headers say it again in the wire room).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Crossing {
    /// Received by the capturing host.
    Inbound,
    /// Sent by the capturing host.
    Outbound,
}

/// One captured frame. `bytes` may be shorter than `wire_len` (snap length).
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its number.
    pub no: FrameNo,
    /// When it was captured.
    pub at: Timestamp,
    /// Link-layer header type of its interface.
    pub link: LinkType,
    /// Interface it came from.
    pub interface: InterfaceId,
    /// Length on the wire in bytes.
    pub wire_len: u32,
    /// Direction, where recorded.
    pub crossing: Option<Crossing>,
    /// Packet comment, where one was recorded (some tools put the process there).
    pub comment: Option<&'a str>,
    /// What was captured.
    pub bytes: &'a [u8],
}

/// An address-to-name record of the capture file (pcapng name resolution block). A hint only: whoever
/// wrote the file may have resolved it later, so it is shown but never proves anything.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameHint {
    /// Address.
    pub address: IpAddr,
    /// Names given for it.
    pub names: Vec<String>,
}
