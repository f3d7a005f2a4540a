//! DNS over TCP (RFC 7766): messages behind two length octets, several on a connection, cut anywhere.

use crate::event::DnsTransport;
use crate::flow::{Appetite, Chunk, Endpoints, FlowId, Side};
use crate::proto::{Context, Probe};

use super::Message;

/// A zone transfer moves megabytes; lookups on one connection do not.
const LOOKUPS: u64 = 1 << 20;

/// Messages that cannot be read after which a connection is taken for something else.
const FAULTS: u8 = 4;

/// One connection to port 53.
#[derive(Debug, Default)]
pub(crate) struct DnsStream {
    /// The unfinished message of each side with its length octets.
    waiting: [Vec<u8>; 2],
    seen: u64,
    faults: u8,
}

impl DnsStream {
    /// Whether a connection may begin with these bytes: a length, and a header with one question at most.
    pub(crate) fn begins(bytes: &[u8]) -> Probe {
        let (length, message) = match bytes {
            [high, low, message @ ..] => (u16::from_be_bytes([*high, *low]), message),
            _ => return Probe::NeedMore,
        };
        let opcode_and_z = message.get(2).is_none_or(|flags| flags & 0x78 == 0);
        match message.get(4..6) {
            _ if length < 12 || !opcode_and_z => Probe::No,
            None => Probe::NeedMore,
            Some([0, 0 | 1]) => Probe::Yes,
            Some(_) => Probe::No,
        }
    }

    /// Memory it holds beside itself.
    pub(crate) fn weight(&self) -> usize {
        self.waiting.iter().map(Vec::capacity).sum()
    }

    pub(crate) fn data(
        &mut self,
        flow: FlowId,
        ends: &Endpoints,
        chunk: Chunk<'_>,
        cx: &mut Context,
    ) -> Appetite {
        self.seen += chunk.bytes.len() as u64;
        if self.seen > LOOKUPS {
            return Appetite::Done;
        }
        let waiting = match chunk.side {
            Side::Client => &mut self.waiting[0],
            Side::Server => &mut self.waiting[1],
        };
        let mut rest = chunk.bytes;
        while !rest.is_empty() {
            let wanted = match (waiting.as_slice(), rest) {
                ([], [high, low, ..]) | ([high], [low, ..]) | ([high, low, ..], _) => {
                    2 + usize::from(u16::from_be_bytes([*high, *low]))
                }
                _ => 2,
            };
            let missing = wanted.saturating_sub(waiting.len());
            let Some((now, later)) = rest.split_at_checked(missing) else {
                waiting.extend_from_slice(rest);
                break;
            };
            rest = later;
            let whole = if waiting.is_empty() {
                now
            } else {
                waiting.extend_from_slice(now);
                waiting.as_slice()
            };
            let (src, dst) = match chunk.side {
                Side::Client => (ends.client, ends.server),
                Side::Server => (ends.server, ends.client),
            };
            let known = cx.dns_message(&Message {
                at: chunk.at,
                frame: chunk.frame,
                flow,
                transport: DnsTransport::Tcp,
                src,
                dst,
                scope: ends.scope,
                base: ends.scope,
                payload: whole.get(2..).unwrap_or_default(),
                cut: false,
            });
            waiting.clear();
            self.faults += u8::from(!known);
            if self.faults >= FAULTS {
                return Appetite::Done;
            }
        }
        Appetite::More
    }
}
