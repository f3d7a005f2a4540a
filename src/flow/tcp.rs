//! TCP's rules, without state of their own: sequence arithmetic, whose segment it is, who is the client.
//!
//! References are to RFC 9293 unless said otherwise.

use crate::flow::ClientBy;
use crate::flow::entry::{Entry, Phase};
use crate::flow::key::End;
use crate::flow::over::Over;
use crate::time::{Span, Timestamp};
use crate::wire::Segment;

/// How far `to` lies after `from` (section 3.4); negative when before.
pub(super) const fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// What a segment means for the flow that its ports belong to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Meaning {
    /// It is of this flow.
    Own,
    /// A leftover of a flow that is over, or nothing a receiver would accept.
    Stray,
    /// The flow is over, though its end was not seen: the segment belongs to a new one on the same ports.
    NewFlow,
    /// A SYN where a connection stands. Either the end forgot the connection, then the SYN is answered with
    /// a challenge (RFC 5961 section 4) or with a SYN-ACK; or it is forged. What follows tells.
    Doubtful,
}

/// Whose segment it is.
#[inline(always)]
pub(super) fn meaning<S>(
    entry: &Entry<S>,
    end: End,
    segment: &Segment<'_>,
    now: Timestamp,
) -> Meaning {
    match entry.phase {
        Phase::Opening => meaning_while_opening(entry, end, segment),
        Phase::Reading | Phase::Counting => meaning_while_open(entry, end, segment, now),
    }
}

/// Whether a receiver would take this RST for its own (section 3.5.2, RFC 5961 section 3).
pub(super) fn resets<S>(entry: &Entry<S>, end: End, segment: &Segment<'_>) -> bool {
    let half = entry.halves.of(end);
    if entry.phase == Phase::Opening && end != entry.client {
        // In SYN-SENT only the acknowledgement of the SYN counts.
        return segment.flags & Segment::ACK != 0 && acknowledges_syn(entry, segment);
    }
    if !half.known {
        return true;
    }
    // Windows of more than 16 MiB are rare, and a blind forger still misses 99 of 100 times.
    is_near(half.next, segment.seq)
}

/// Whether two sequence numbers are of one and the same connection.
pub(super) const fn is_near(one: u32, other: u32) -> bool {
    distance(one, other).unsigned_abs() <= WINDOW
}

/// Whether the acknowledgement number fits the SYN that opened the flow, with or without its data.
pub(super) fn acknowledges_syn<S>(entry: &Entry<S>, segment: &Segment<'_>) -> bool {
    let half = entry.halves.of(entry.client);
    let behind_syn = distance(half.base(), segment.ack);
    behind_syn >= 0 && distance(half.next, segment.ack) <= 0
}

/// Whether a segment shows that the connection stands: the server accepted the SYN, or the client
/// acknowledges that it did.
pub(super) fn connects<S>(entry: &Entry<S>, end: End, segment: &Segment<'_>) -> bool {
    if segment.flags & Segment::ACK == 0 || segment.flags & Segment::RST != 0 {
        return false;
    }
    if end == entry.client {
        return segment.flags & Segment::SYN == 0;
    }
    acknowledges_syn(entry, segment)
}

/// Which end of a first segment that is no SYN is the client, and why.
pub(super) fn client_by_port(end: End, source: u16, destination: u16) -> (End, ClientBy) {
    let (from, to) = (PortClass::of(source), PortClass::of(destination));
    match from.cmp(&to) {
        std::cmp::Ordering::Less => (end.other(), ClientBy::Port),
        std::cmp::Ordering::Greater => (end, ClientBy::Port),
        std::cmp::Ordering::Equal if from == PortClass::System && source < destination => {
            (end.other(), ClientBy::Port)
        }
        std::cmp::Ordering::Equal if from == PortClass::System && source > destination => {
            (end, ClientBy::Port)
        }
        std::cmp::Ordering::Equal => (end, ClientBy::First),
    }
}

/// Payload bytes of a segment on the wire, cut ones included.
pub(super) fn payload_len(segment: &Segment<'_>) -> u32 {
    u32::try_from(segment.payload.len())
        .unwrap_or(u32::MAX)
        .saturating_add(segment.cut)
}

/// Sequence number of the first payload byte: a SYN takes one before it (section 3.4).
pub(super) const fn payload_seq(segment: &Segment<'_>) -> u32 {
    segment
        .seq
        .wrapping_add((segment.flags & Segment::SYN != 0) as u32)
}

/// Sequence numbers this far ahead cannot be in any window: the largest is 1 GiB (RFC 7323 section 2.3).
pub(super) const FAR: u32 = 1 << 30;

/// A segment within this distance of the last one is of the same connection.
const WINDOW: u32 = 16 << 20;

/// Common stacks wait this long before they use the ports of a connection again (TIME-WAIT).
const QUIET: Span = Span::from_secs(60);

/// RFC 6335 section 6 has three ranges; Linux begins its ephemeral ports at 32768 already.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum PortClass {
    System,
    Registered,
    Ephemeral,
}

impl PortClass {
    const fn of(port: u16) -> Self {
        match port {
            0..1_024 => Self::System,
            1_024..32_768 => Self::Registered,
            32_768.. => Self::Ephemeral,
        }
    }
}

/// Whose segment it is when the connection on its ports is over: never [`Meaning::Own`].
pub(super) fn meaning_after_close(over: &Over, end: End, segment: &Segment<'_>) -> Meaning {
    if segment.flags & Segment::RST != 0 {
        return Meaning::Stray;
    }
    if segment.flags & Segment::SYN != 0 {
        // A copy of the old SYN (or the retry of a refused one) opens nothing; its SYN-ACK would.
        return if over.is_syn(end, segment.seq) {
            Meaning::Stray
        } else {
            Meaning::NewFlow
        };
    }
    let Some(next) = over.next(end).filter(|_| payload_len(segment) > 0) else {
        return Meaning::Stray;
    };
    let ahead = distance(next, payload_seq(segment));
    let far = ahead.unsigned_abs() > WINDOW;
    // An end that reset a connection sends nothing new on it: then the RST was forged.
    let goes_on = ahead >= 0 && over.reset_by == Some(end);
    if far || goes_on {
        Meaning::NewFlow
    } else {
        Meaning::Stray
    }
}

fn meaning_while_opening<S>(entry: &Entry<S>, end: End, segment: &Segment<'_>) -> Meaning {
    let syn = segment.flags & Segment::SYN != 0;
    let ack = segment.flags & Segment::ACK != 0;
    if !syn {
        return Meaning::Own;
    }
    if end == entry.client {
        // A retransmitted SYN is the same segment (section 3.8.1); another number is another attempt.
        return if entry.halves.of(end).is_syn(segment.seq) {
            Meaning::Own
        } else {
            Meaning::NewFlow
        };
    }
    // Without ACK: simultaneous open (section 3.5).
    if !ack || acknowledges_syn(entry, segment) {
        Meaning::Own
    } else {
        Meaning::Stray
    }
}

fn meaning_while_open<S>(
    entry: &Entry<S>,
    end: End,
    segment: &Segment<'_>,
    now: Timestamp,
) -> Meaning {
    let half = entry.halves.of(end);
    let syn = segment.flags & Segment::SYN != 0;
    let ack = segment.flags & Segment::ACK != 0;
    if let Some(doubt) = entry.live.as_ref().and_then(|live| live.doubt) {
        let accepted = end != doubt.end && syn && ack && segment.ack == doubt.isn.wrapping_add(1);
        let continued = end == doubt.end
            && !syn
            && ack
            && segment.flags & Segment::RST == 0
            && segment.seq == doubt.isn.wrapping_add(1);
        if accepted || continued {
            return Meaning::NewFlow;
        }
    }
    if !syn || half.is_syn(segment.seq) {
        return Meaning::Own;
    }
    if ack {
        // Its SYN-ACK may come late (captured out of order), but one for another SYN is not its own.
        return if !half.known && acknowledges_syn(entry, segment) {
            Meaning::Own
        } else {
            Meaning::Stray
        };
    }
    let ending = End::BOTH.iter().any(|end| entry.halves.of(*end).fin);
    let quiet = now.since(entry.used) >= QUIET;
    let empty = entry.live.is_none();
    if ending || quiet || empty {
        Meaning::NewFlow
    } else {
        Meaning::Doubtful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_wrap() {
        assert_eq!(distance(u32::MAX, 4), 5);
        assert_eq!(distance(4, u32::MAX), -5);
        assert_eq!(distance(7, 7), 0);
    }

    #[test]
    fn the_client_of_a_flow_without_syn_is_told_by_ports_then_by_who_speaks() {
        for (source, destination, client) in [
            (443, 50_000, (End::High, ClientBy::Port)),
            (50_000, 443, (End::Low, ClientBy::Port)),
            (8_443, 50_000, (End::High, ClientBy::Port)),
            (1_022, 22, (End::Low, ClientBy::Port)),
            (22, 1_022, (End::High, ClientBy::Port)),
            (50_000, 40_000, (End::Low, ClientBy::First)),
            (123, 123, (End::Low, ClientBy::First)),
        ] {
            assert_eq!(client_by_port(End::Low, source, destination), client);
        }
    }
}
