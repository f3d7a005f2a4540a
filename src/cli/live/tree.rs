//! Which traffic belongs to a program that was started for it, told by process and time.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use crate::capture::sockets::{Kind, Sockets};
use crate::event::Process;
use crate::wire::{Body, Packet, Segment};

/// Connections of one program. The oldest are not told apart from others when there are more.
const FLOWS: usize = 65_536;
const DNS: u16 = 53;

/// The connections of a program and of those that it started.
#[derive(Debug, Default)]
pub(super) struct Tree {
    flows: HashSet<Flow>,
}

/// Both ends, the lower one first.
type Flow = (Kind, SocketAddr, SocketAddr);

impl Tree {
    /// Whether a packet belongs to the program. `process` is the one that opens a connection with it.
    ///
    /// A connection whose process was gone before it could be asked for counts as the program's: short-lived
    /// programs are what is run like this. Lookups are everybody's, since a daemon may make them.
    pub(super) fn admits(
        &mut self,
        packet: &Packet<'_>,
        process: Option<&Process>,
        sockets: &mut Sockets,
    ) -> bool {
        let (kind, src_port, dst_port) = match &packet.body {
            Body::Tcp(s) => (Kind::Stream, s.src_port, s.dst_port),
            Body::Udp(d) => (Kind::Datagrams, d.src_port, d.dst_port),
            Body::Unreachable(_) | Body::Other(_) => return true,
        };
        if src_port == DNS || dst_port == DNS {
            return true;
        }
        let src = SocketAddr::new(packet.src, src_port);
        let dst = SocketAddr::new(packet.dst, dst_port);
        let flow = (kind, src.min(dst), src.max(dst));
        let opens = match &packet.body {
            Body::Tcp(s) => s.flags & (Segment::SYN | Segment::ACK) == Segment::SYN,
            _ => !self.flows.contains(&flow),
        };
        if !opens {
            return self.flows.contains(&flow);
        }
        let mut of = |local: SocketAddr, asked: Option<&Process>| {
            if !sockets.is_own(local.ip()) {
                return Whose::NotHere;
            }
            let owner = match asked {
                Some(process) => Some(process.clone()),
                None => sockets.owner(kind, local),
            };
            match owner.and_then(|process| process.pid) {
                Some(pid) if sockets.is_family(pid) => Whose::Ours,
                Some(_) => Whose::Other,
                None => Whose::Unknown,
            }
        };
        let ours = match of(src, process) {
            Whose::Ours => true,
            Whose::Unknown => kind == Kind::Stream || is_public(packet.dst),
            Whose::Other | Whose::NotHere => matches!(of(dst, None), Whose::Ours),
        };
        if ours {
            if self.flows.len() >= FLOWS {
                self.flows.clear();
            }
            self.flows.insert(flow);
        } else {
            // Its ports were used before by a connection of the program.
            self.flows.remove(&flow);
        }
        ours
    }
}

enum Whose {
    Ours,
    Other,
    Unknown,
    NotHere,
}

/// Datagrams of nobody to all and sundry on the network here are not what a program was run for.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_multicast() || ip.is_broadcast()),
        IpAddr::V6(ip) => !ip.is_multicast(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::frame::{Frame, FrameNo, InterfaceId, LinkType};
    use crate::limits::Limits;
    use crate::time::Timestamp;
    use crate::wire::Decoder;

    /// A TCP segment without payload, as `etherparse` writes it.
    fn segment(src: SocketAddr, dst: SocketAddr, syn: bool) -> Vec<u8> {
        let (IpAddr::V4(from), IpAddr::V4(to)) = (src.ip(), dst.ip()) else {
            panic!("IPv4 in this test");
        };
        let builder = etherparse::PacketBuilder::ipv4(from.octets(), to.octets(), 64).tcp(
            src.port(),
            dst.port(),
            1,
            1_000,
        );
        let builder = if syn { builder.syn() } else { builder.ack(2) };
        let mut bytes = Vec::new();
        builder.write(&mut bytes, &[]).expect("a packet");
        bytes
    }

    fn admits(tree: &mut Tree, sockets: &mut Sockets, bytes: &[u8]) -> bool {
        let frame = Frame {
            no: FrameNo::new(1),
            at: Timestamp::from_secs(1),
            link: LinkType::RAW,
            interface: InterfaceId(0),
            wire_len: 40,
            crossing: None,
            comment: None,
            bytes,
        };
        let mut decoder = Decoder::new(&Limits::default());
        let packet = decoder.decode(&frame).expect("a packet");
        tree.admits(&packet, None, sockets)
    }

    #[test]
    fn connections_of_the_family_pass_with_all_that_follows() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = listener.local_addr().expect("an address");
        let client = TcpStream::connect(server).expect("a connection");
        let local = client.local_addr().expect("an address");
        let (syn, ack) = (segment(local, server, true), segment(server, local, false));

        let mut family = Sockets::nearby(Some(std::process::id()));
        let mut tree = Tree::default();
        assert!(
            !admits(&mut tree, &mut family, &ack),
            "its beginning was not seen"
        );
        assert!(admits(&mut tree, &mut family, &syn));
        assert!(admits(&mut tree, &mut family, &ack));

        // The same connection, when this test is not of the family.
        let mut strangers = Sockets::nearby(Some(u32::MAX));
        let mut tree = Tree::default();
        assert!(!admits(&mut tree, &mut strangers, &syn));
        assert!(!admits(&mut tree, &mut strangers, &ack));
    }
}
