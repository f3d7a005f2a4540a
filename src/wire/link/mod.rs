//! Link headers by capture link type; each ends in an EtherType, in PPP or in IP.
//!
//! Numbers are those of the tcpdump registry (LINKTYPE_), and the DLT_ values that differ from them where
//! writers store those instead.

mod bluetooth;
mod check;
pub(super) mod cluster;
mod docsis;
mod ends;
mod equipment;
pub(super) mod ethercat;
pub(super) mod ethernet;
mod fibre;
mod gfp;
mod gprs;
pub(super) mod gse;
pub(super) mod infiniband;
pub(super) mod llc;
mod lowpan;
mod mesh;
pub(super) mod mpls;
mod multilink;
mod netlink;
mod parts;
pub(super) mod ppp;
mod pseudo;
mod rare;
pub(super) mod streams;
pub(super) mod transport;
mod unsure;
mod usb;
mod vehicles;
mod vj;
mod wimax;
mod wlan;
mod wpan;
pub(super) mod x25;
mod zigbee;

use super::rest::Rest;
use super::walk::{Next, Walk};
use super::{Undecoded, tunnel};
use crate::event::Mac;
use crate::frame::{Frame, LinkType};

pub(super) use bluetooth::Bluetooth;
pub(super) use ends::ends;
use equipment::Juniper;
pub(super) use mesh::Meshes;
pub(super) use multilink::Bundles;
pub(super) use parts::Parts;
pub(super) use pseudo::{LOOPBACK, cooked_sender, family};
pub(super) use rare::ax25;
pub(super) use streams::Streams;
pub(super) use vj::Headers;
pub(super) use wlan::{Keys as WlanKeys, Secret as WlanSecret};
pub(super) use wpan::Secret as WpanSecret;
pub(super) use x25::Circuits;

/// Whether frames of this link type can be decoded at all.
#[must_use]
pub fn link_supported(link: LinkType) -> bool {
    kind(link) != Kind::Unknown
}

/// A name of the link type for people; "unknown" where this room has none.
#[must_use]
pub fn link_name(link: LinkType) -> &'static str {
    match link.0 {
        0 => "BSD loopback",
        1 => "Ethernet",
        3 => "AX.25",
        6 => "Token Ring",
        7 | 129 => "ARCNET",
        8 => "SLIP",
        9 => "PPP",
        10 => "FDDI",
        11 | 100 => "ATM LLC",
        12 | 14 | 101 => "raw IP",
        13 => "IPsec or ATM",
        15 | 102 => "BSD/OS SLIP",
        16 | 18 => "BSD/OS PPP or ATM",
        103 => "BSD/OS PPP",
        32 => "Redback SmartEdge",
        50 => "PPP in HDLC",
        51 => "PPPoE",
        99 => "Symantec Enterprise Firewall",
        104 | 112 => "Cisco HDLC",
        105 => "802.11",
        107 => "Frame Relay",
        108 => "OpenBSD loopback",
        109 => "OpenBSD IPsec",
        113 => "Linux cooked v1",
        117 => "OpenBSD PF log",
        119 => "802.11 with Prism header",
        19 | 106 => "classical IP over ATM",
        122 => "IP over Fibre Channel",
        123 => "SunATM",
        127 => "802.11 with radiotap header",
        128 => "TZSP",
        130..=137 | 164 | 167 | 168 | 174 | 179..=181 | 183 | 184 | 194 | 200 => {
            "Juniper line card"
        }
        138 => "IP over IEEE 1394",
        143 => "DOCSIS",
        149 | 258 => "Apple PKTAP",
        163 => "802.11 with AVS header",
        166 => "PPP of pppd",
        169 => "GPRS LLC",
        178 => "Juniper Ethernet",
        182 => "multilink Frame Relay",
        192 => "802.11 or other with PPI header",
        195 | 215 | 230 | 283 => "802.15.4",
        170 | 171 => "GFP",
        187 | 201 | 251 | 254..=256 => "Bluetooth",
        224 | 225 => "Fibre Channel",
        186 | 189 | 220 | 249 | 266 => "USB",
        196 => "SITA",
        197 => "Endace ERF",
        202 => "AX.25 with KISS header",
        203 => "LAPD",
        204 => "PPP with direction",
        205 => "Cisco HDLC with direction",
        206 => "Frame Relay with direction",
        226 => "Solaris IPNET",
        227 => "SocketCAN",
        228 => "raw IPv4",
        229 => "raw IPv6",
        239 => "Linux NFLOG",
        240 | 241 => "netANALYZER",
        242 => "IP over InfiniBand",
        243 => "MPEG transport stream",
        253 => "Linux netlink",
        259 => "EPON",
        272 => "Nordic Bluetooth sniffer",
        273 => "Excentis recorder",
        274 => "Ethernet with preamble",
        276 => "Linux cooked v2",
        279 => "Elektrobit recorder",
        280 => "VPP dispatch trace",
        281 | 282 | 284 | 285 => "Ethernet with switch tag",
        147..=162 => "private use",
        _ => "unknown",
    }
}

/// Reads the link header of a frame, or of a frame inside a capture header (PKTAP, PPI, TZSP).
pub(super) fn open<'a>(
    walk: &mut Walk<'a, '_>,
    link: LinkType,
    rest: Rest<'a>,
) -> Result<Next<'a>, Undecoded> {
    match kind(link) {
        Kind::Unknown => Err(Undecoded::UnknownLink),
        Kind::Ethernet => Ok(Next::Ethernet(rest)),
        Kind::EthernetAfter(header) => Ok(Next::Ethernet(skip(rest, header)?)),
        Kind::SwitchTag(tag) => ethernet::switch_tagged(walk, rest, tag),
        Kind::Ip => Ok(Next::Ip(rest)),
        Kind::IpAfter(header) => Ok(Next::Ip(skip(rest, header)?)),
        Kind::LlcAfter { header, address } => {
            if let Some(at) = address {
                walk.mac = rest.array(at).and_then(source);
            }
            Ok(Next::Llc(skip(rest, header)?))
        }
        Kind::EtherTypeAt { at, header } => {
            let ether_type = rest.be16(at).ok_or_else(|| short(rest))?;
            Ok(Next::EtherType(ether_type, skip(rest, header)?))
        }
        Kind::Slip => pseudo::slip(walk, rest),
        Kind::Ppp => Ok(Next::Ppp(rest)),
        Kind::PppInHdlc => ppp::ppp_or_cisco(rest),
        Kind::CiscoHdlc { direction } => ppp::cisco_or_ppp(skip(rest, direction)?),
        Kind::PppWithDirection => ppp::with_direction(walk, rest),
        Kind::FrameRelay { direction } => llc::frame_relay(skip(rest, direction)?),
        Kind::MultilinkFrameRelay => multilink::frame_relay(rest),
        Kind::Pppoe => ethernet::pppoe(walk, rest),
        Kind::Family => pseudo::loopback(rest),
        Kind::Sll => pseudo::sll(walk, rest),
        Kind::Sll2 => pseudo::sll2(walk, rest),
        Kind::PfLog => pseudo::pflog(rest),
        Kind::Nflog => netlink::log(walk, rest),
        Kind::Netlink => netlink::frame(walk, rest),
        Kind::TransportStream => transport::frame(walk, rest),
        Kind::Gprs => gprs::frame(walk, rest),
        Kind::CableRecorder => docsis::recorded(rest),
        Kind::Recorder => cluster::recorder(rest),
        Kind::Lapd => x25::lapd(rest),
        Kind::Sita => x25::sita(rest),
        Kind::NetlinkMessage => netlink::message(walk, rest),
        Kind::Pktap => pseudo::pktap(walk, rest),
        Kind::Ppi => pseudo::ppi(walk, rest),
        Kind::Erf => equipment::erf(rest),
        Kind::Juniper(kind) => equipment::juniper(kind, rest),
        Kind::Atm => equipment::atm(rest),
        Kind::SunAtm => equipment::sun_atm(rest),
        Kind::Tzsp => tunnel::tzsp_frame(walk, rest),
        Kind::GtpUser => tunnel::gtp_frame(walk, rest),
        Kind::Epon => rare::epon(rest),
        Kind::Arcnet { addresses } => rare::arcnet(rest, addresses),
        Kind::Ax25 => ax25(rest),
        Kind::Gfp => gfp::frame(rest),
        Kind::FibreChannel { delimiter } => fibre::frame(skip(rest, delimiter)?),
        Kind::BsdOs => unsure::bsd_os(rest),
        Kind::AtmOrBsdOs => unsure::atm_or_bsd_os(rest),
        Kind::IpsecOrAtm => unsure::ipsec_or_atm(rest),
        Kind::Kiss => rare::kiss(rest),
        Kind::Vpp => rare::vpp(rest),
        Kind::Symantec => rare::symantec(walk, rest),
        Kind::SmartEdge => rare::smart_edge(rest),
        Kind::BluetoothH4 => bluetooth::h4(walk, rest),
        Kind::BluetoothH4WithDirection => bluetooth::h4_with_direction(walk, rest),
        Kind::BluetoothMonitor => bluetooth::monitor(walk, rest),
        Kind::BluetoothRadio => bluetooth::radio::packet(walk, rest),
        Kind::BluetoothRadioWithHeader => bluetooth::radio::with_header(walk, rest),
        Kind::NordicBluetooth => bluetooth::radio::nordic(walk, rest),
        Kind::ClassicBluetooth => bluetooth::classic::packet(walk, rest),
        Kind::BluetoothOverWlan => bluetooth::over_wlan(walk, rest),
        Kind::Docsis => docsis::frame(walk, rest),
        Kind::Wpan { check } => wpan::frame(walk, rest, check),
        Kind::WpanWithPreamble => wpan::with_preamble(walk, rest),
        Kind::WpanTap => wpan::tap(walk, rest),
        Kind::Usb(header) => usb::first(walk, header, rest),
        Kind::Subframe => wlan::subframe(walk, rest),
        Kind::SwappedWlan => wlan::swapped(walk, rest),
        Kind::Wlan => wlan::frame(walk, rest, wlan::Padding::None, wlan::Check::Absent),
        Kind::Radiotap => wlan::radiotap(walk, rest),
        Kind::PrismOrAvs => wlan::prism_or_avs(walk, rest),
    }
}

/// The frames that an 802.11 aggregate, a USB transfer or a concatenation of DOCSIS holds, each as a frame of
/// its own; None for all other frames.
#[inline]
pub(in crate::wire) fn subframes<'a>(
    frame: &Frame<'a>,
) -> Option<impl Iterator<Item = Frame<'a>> + use<'a>> {
    match kind(frame.link) {
        kind @ (Kind::Wlan
        | Kind::Radiotap
        | Kind::PrismOrAvs
        | Kind::Ppi
        | Kind::Usb(_)
        | Kind::Netlink
        | Kind::Docsis) => several(kind, frame),
        _ => None,
    }
}

/// Kept apart from the question, which every frame is asked.
#[inline(never)]
fn several<'a>(kind: Kind, frame: &Frame<'a>) -> Option<impl Iterator<Item = Frame<'a>> + use<'a>> {
    let rest = Rest::of(frame);
    let (mut aggregated, mut transfer, mut concatenated, mut messages) = (None, None, None, None);
    match kind {
        Kind::Usb(header) => transfer = Some(usb::packets(header, rest)?),
        Kind::Docsis => concatenated = Some(docsis::subframes(rest)?),
        Kind::Netlink => messages = Some(netlink::messages(rest)?),
        _ => aggregated = Some(aggregate(kind, rest)?),
    }
    let whole = *frame;
    let aggregate = aggregated.into_iter().flatten();
    let transfer = transfer.into_iter().flat_map(|(crossing, packets)| {
        packets.map(move |packet| (packet.link, packet.rest, Some(crossing)))
    });
    let concatenated = concatenated.into_iter().flatten();
    let messages = messages.into_iter().flatten();
    let each = aggregate.map(move |rest| (SUBFRAME, rest, whole.crossing));
    let frames = concatenated.map(move |rest| (whole.link, rest, whole.crossing));
    let messages = messages.map(move |rest| (NETLINK_MESSAGE, rest, whole.crossing));
    Some(
        each.chain(transfer)
            .chain(frames)
            .chain(messages)
            .map(move |(link, rest, crossing)| Frame {
                link,
                bytes: rest.bytes,
                wire_len: u32::try_from(rest.wire_len()).unwrap_or(u32::MAX),
                crossing,
                ..whole
            }),
    )
}

/// The frames of an 802.11 aggregate.
fn aggregate(kind: Kind, rest: Rest<'_>) -> Option<impl Iterator<Item = Rest<'_>>> {
    match kind {
        Kind::Ppi => {
            let inside = self::kind(LinkType(rest.le32(4)?));
            wlan::subframes(inside, rest.after(usize::from(rest.le16(2)?))?)
        }
        kind => wlan::subframes(kind, rest),
    }
}

/// A frame of an 802.11 aggregate, for which the registry has no number: no file can hold this one.
const SUBFRAME: LinkType = LinkType(u32::MAX);

/// 802.11 whose frame control bytes are swapped, as CAPWAP brings it from some access points.
pub(super) const SWAPPED_WLAN: LinkType = LinkType(u32::MAX - 1);

/// One of the messages of a frame of netlink.
const NETLINK_MESSAGE: LinkType = LinkType(u32::MAX - 2);

/// L2CAP that LLC announces.
const BLUETOOTH_OVER_WLAN: LinkType = LinkType(u32::MAX - 3);

/// See [`super::GTP_USER`].
pub(super) const GTP_USER: LinkType = LinkType(u32::MAX - 4);

/// The frame from byte `n` on, or why there is none.
pub(super) fn skip(rest: Rest<'_>, n: usize) -> Result<Rest<'_>, Undecoded> {
    rest.after(n).ok_or_else(|| short(rest))
}

/// A link header that does not fit the frame.
pub(super) const fn short(rest: Rest<'_>) -> Undecoded {
    rest.lacks(Undecoded::CutBeforeIp, Undecoded::BadLink)
}

/// A source address; zeros are what loopback devices and empty fields hold.
pub(super) const fn source(octets: [u8; 6]) -> Option<Mac> {
    match octets {
        [0, 0, 0, 0, 0, 0] => None,
        _ => Some(Mac(octets)),
    }
}

/// How the header of a link type is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Ethernet,
    /// One of the frames of an 802.11 aggregate.
    Subframe,
    /// See [`SWAPPED_WLAN`].
    SwappedWlan,
    EthernetAfter(usize),
    /// Ethernet with a switch chip's tag of so many bytes after the addresses.
    SwitchTag(usize),
    Ip,
    IpAfter(usize),
    LlcAfter {
        header: usize,
        address: Option<usize>,
    },
    EtherTypeAt {
        at: usize,
        header: usize,
    },
    Slip,
    Ppp,
    PppInHdlc,
    CiscoHdlc {
        direction: usize,
    },
    PppWithDirection,
    FrameRelay {
        direction: usize,
    },
    MultilinkFrameRelay,
    Pppoe,
    Family,
    Sll,
    Sll2,
    PfLog,
    Nflog,
    Netlink,
    TransportStream,
    Gprs,
    CableRecorder,
    Recorder,
    Lapd,
    Sita,
    /// See [`NETLINK_MESSAGE`].
    NetlinkMessage,
    Pktap,
    Ppi,
    Erf,
    Juniper(Juniper),
    Atm,
    SunAtm,
    Tzsp,
    Docsis,
    /// 802.15.4 with so many bytes of check sequence.
    Wpan {
        check: usize,
    },
    WpanWithPreamble,
    WpanTap,
    BluetoothH4,
    BluetoothH4WithDirection,
    BluetoothMonitor,
    BluetoothRadio,
    BluetoothRadioWithHeader,
    NordicBluetooth,
    ClassicBluetooth,
    /// See [`BLUETOOTH_OVER_WLAN`].
    BluetoothOverWlan,
    /// See [`GTP_USER`].
    GtpUser,
    Epon,
    Arcnet {
        addresses: usize,
    },
    Ax25,
    Gfp,
    FibreChannel {
        delimiter: usize,
    },
    BsdOs,
    AtmOrBsdOs,
    IpsecOrAtm,
    Kiss,
    Vpp,
    Symantec,
    SmartEdge,
    Usb(usb::Header),
    Wlan,
    Radiotap,
    PrismOrAvs,
    Unknown,
}

const fn kind(link: LinkType) -> Kind {
    match link.0 {
        0 | 108 => Kind::Family,
        1 => Kind::Ethernet,
        3 => Kind::Ax25,
        // Access control, frame control, two addresses; source routing is not looked for.
        6 => Kind::LlcAfter {
            header: 14,
            address: Some(8),
        },
        7 => Kind::Arcnet { addresses: 2 },
        8 => Kind::Slip,
        9 => Kind::Ppp,
        10 => Kind::LlcAfter {
            header: 13,
            address: Some(7),
        },
        11 | 100 => Kind::LlcAfter {
            header: 0,
            address: None,
        },
        12 | 14 | 101 | 228 | 229 => Kind::Ip,
        13 => Kind::IpsecOrAtm,
        15 | 102 | 103 => Kind::BsdOs,
        16 | 18 => Kind::AtmOrBsdOs,
        32 => Kind::SmartEdge,
        50 => Kind::PppInHdlc,
        51 => Kind::Pppoe,
        99 => Kind::Symantec,
        104 | 112 => Kind::CiscoHdlc { direction: 0 },
        105 => Kind::Wlan,
        107 => Kind::FrameRelay { direction: 0 },
        // Address family, SPI, flags.
        109 => Kind::IpAfter(12),
        113 => Kind::Sll,
        117 => Kind::PfLog,
        119 | 163 => Kind::PrismOrAvs,
        // RFC 2625 network header: two 8-byte addresses.
        122 => Kind::LlcAfter {
            header: 16,
            address: None,
        },
        127 => Kind::Radiotap,
        // Two 8-byte addresses, then an EtherType.
        138 => Kind::EtherTypeAt { at: 16, header: 18 },
        143 => Kind::Docsis,
        // 149 is USER2, which Apple's tcpdump used before PKTAP was registered.
        149 | 258 => Kind::Pktap,
        166 | 204 => Kind::PppWithDirection,
        170 | 171 => Kind::Gfp,
        186 => Kind::Usb(usb::Header::FreeBsd),
        187 => Kind::BluetoothH4,
        189 => Kind::Usb(usb::Header::Linux(48)),
        192 => Kind::Ppi,
        195 => Kind::Wpan { check: wpan::FCS },
        197 => Kind::Erf,
        201 => Kind::BluetoothH4WithDirection,
        202 => Kind::Kiss,
        205 => Kind::CiscoHdlc { direction: 1 },
        206 => Kind::FrameRelay { direction: 1 },
        215 => Kind::WpanWithPreamble,
        220 => Kind::Usb(usb::Header::Linux(64)),
        224 => Kind::FibreChannel { delimiter: 0 },
        225 => Kind::FibreChannel { delimiter: 4 },
        226 => Kind::IpAfter(24),
        230 => Kind::Wpan { check: 0 },
        239 => Kind::Nflog,
        240 => Kind::EthernetAfter(4),
        // The same with preamble and start delimiter.
        241 => Kind::EthernetAfter(12),
        // Global routing header, then the encapsulation header of RFC 4391.
        242 => Kind::EtherTypeAt { at: 40, header: 44 },
        249 => Kind::Usb(usb::Header::UsbPcap),
        251 => Kind::BluetoothRadio,
        253 => Kind::Netlink,
        169 => Kind::Gprs,
        273 => Kind::CableRecorder,
        279 => Kind::Recorder,
        243 => Kind::TransportStream,
        203 => Kind::Lapd,
        196 => Kind::Sita,
        254 => Kind::BluetoothMonitor,
        255 => Kind::ClassicBluetooth,
        256 => Kind::BluetoothRadioWithHeader,
        259 => Kind::Epon,
        266 => Kind::Usb(usb::Header::Darwin),
        272 => Kind::NordicBluetooth,
        274 => Kind::EthernetAfter(8),
        276 => Kind::Sll2,
        280 => Kind::Vpp,
        281 | 284 => Kind::SwitchTag(4),
        282 => Kind::EthernetAfter(4),
        283 => Kind::WpanTap,
        285 => Kind::SwitchTag(8),
        // Classical IP over ATM (RFC 2225), with its LLC header or without.
        19 | 106 => Kind::Atm,
        123 => Kind::SunAtm,
        128 => Kind::Tzsp,
        129 => Kind::Arcnet { addresses: 4 },
        133 => Kind::Juniper(Juniper::Gateway),
        135 => Kind::Juniper(Juniper::Atm(8)),
        136 => Kind::Juniper(Juniper::Services),
        137 => Kind::Juniper(Juniper::Atm(4)),
        167 | 178 => Kind::Juniper(Juniper::Ethernet),
        179 => Kind::Juniper(Juniper::Ppp),
        180 => Kind::Juniper(Juniper::FrameRelay),
        181 => Kind::Juniper(Juniper::CiscoHdlc),
        182 => Kind::MultilinkFrameRelay,
        183 => Kind::Juniper(Juniper::IpAfter(18)),
        130..=132 | 134 | 164 | 168 | 174 | 184 | 194 | 200 => Kind::Juniper(Juniper::Bundle),
        u32::MAX => Kind::Subframe,
        0xffff_fffe => Kind::SwappedWlan,
        0xffff_fffd => Kind::NetlinkMessage,
        0xffff_fffc => Kind::BluetoothOverWlan,
        0xffff_fffb => Kind::GtpUser,
        _ => Kind::Unknown,
    }
}
