//! DNS (RFC 1035), mDNS (RFC 6762) and LLMNR (RFC 4795): questions, answers, and the answers that never came.
//!
//! Datagrams come straight from the engine, DNS over TCP through `stream::DnsStream`. Both meet here, because
//! an answer is only worth something together with its question.
#![warn(clippy::indexing_slicing)]

mod message;
mod pending;
pub(crate) mod stream;
mod svcb;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;
use std::net::SocketAddr;

use foldhash::quality::RandomState;

use crate::event::{
    Anomaly, AnomalyKind, DnsAnswer, DnsOutcome, DnsQuery, DnsTransport, Event, EventKind, Name,
};
use crate::flow::{FlowId, Scope};
use crate::frame::FrameNo;
use crate::limits::Limits;
use crate::recent::Sequence;
use crate::time::{Span, Timestamp};

use self::message::{Answers, Header, name_end, read_name, read_u16};
use self::pending::{Key, Pending, State, Table};

/// The same question again within this time is the same packet seen twice (a bridge, the `any` device):
/// stub resolvers wait hundreds of milliseconds before they ask again.
const SEEN_TWICE: Span = Span::from_millis(20);

/// An answer this little before its question is that question's: frames of the two directions change places
/// on their way into a capture.
const OUT_OF_ORDER: Span = Span::from_secs(1);

/// Questions that may wait under one id between the same ports; real clients ask one or two (A and AAAA).
const SAME_ID: usize = 16;

/// Which kind of lookup travels between these UDP ports, if any.
#[must_use]
pub fn transport(src_port: u16, dst_port: u16) -> Option<DnsTransport> {
    for port in [dst_port, src_port] {
        match port {
            53 => return Some(DnsTransport::Udp),
            5353 => return Some(DnsTransport::Mdns),
            5355 => return Some(DnsTransport::Llmnr),
            _ => {}
        }
    }
    None
}

/// One message and where it was seen.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// When its last frame was captured.
    pub at: Timestamp,
    /// That frame.
    pub frame: FrameNo,
    /// The flow that its events will name.
    pub flow: FlowId,
    /// How it travelled.
    pub transport: DnsTransport,
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// VLAN and tunnel stack.
    pub scope: Scope,
    /// The same without what may mark one direction only ([`crate::wire::Packet::base`]).
    pub base: Scope,
    /// The message, without the length prefix of TCP.
    pub payload: &'a [u8],
    /// Whether the capture cut its end off.
    pub cut: bool,
}

/// Matches answers with questions; bounded by [`Limits::dns_pending`].
#[derive(Debug, Default)]
pub struct Dns {
    pending: Table,
    answers: Answers,
    name: String,
    hasher: RandomState,
    /// Highest time seen.
    now: Timestamp,
    /// The scope of an answer, and that of its question.
    joined: Option<(Scope, Scope)>,
    /// Names whose every lookup is told of. Of others only what an answer says of addresses is told, not by
    /// which aliases, and no question: correlation learns what it needs from their answers. None: everything
    /// is told of everything.
    pub wanted: Option<fn(&str) -> bool>,
}

/// The one question of a message.
#[derive(Clone, Copy, Debug)]
struct Question {
    qtype: u16,
    /// Hash of its bytes in lower case; 0 when they mean something only together with others.
    bytes: u64,
    /// Offset behind it.
    end: usize,
}

impl Question {
    /// None when the name is malformed or something is missing.
    fn read(payload: &[u8], hasher: &RandomState) -> Option<Self> {
        let (behind, whole) = name_end(payload, Header::LEN)?;
        let end = behind + 4;
        let name = payload.get(Header::LEN..behind).filter(|_| whole);
        let qtype = read_u16(payload, behind)?;
        Some(Self {
            qtype,
            bytes: name.map_or(0, |name| folded_hash(name, qtype, hasher) | 1),
            end,
        })
    }
}

impl Dns {
    /// Takes one message. Returns whether it was one: other protocols use these ports too.
    pub fn message(
        &mut self,
        message: &Message<'_>,
        limits: &Limits,
        events: &mut Vec<Event>,
    ) -> bool {
        self.now = self.now.max(message.at);
        self.expire(self.now, limits, events);
        let Some(header) = Header::read(message.payload) else {
            // Probes without payload are sent to this port, too.
            if !message.cut && !message.payload.is_empty() {
                anomaly(message, events, "shorter than a DNS header");
            }
            return message.cut;
        };
        // Updates, notifications and the like (RFC 6895 2.2) look nothing up.
        if header.opcode != 0 {
            return true;
        }
        let mut name = std::mem::take(&mut self.name);
        let known = self.standard(message, header, &mut name, limits, events);
        self.name = name;
        known
    }

    /// Two scopes of which the last answer said that they are one: its own, and that of its question.
    pub fn take_joined(&mut self) -> Option<(Scope, Scope)> {
        self.joined.take()
    }

    /// Reports the questions that have waited longer than [`Limits::dns_timeout`] at `now`.
    #[inline]
    pub fn expire(&mut self, now: Timestamp, limits: &Limits, events: &mut Vec<Event>) {
        self.now = self.now.max(now);
        if self.pending.is_due(self.now) {
            self.give_up(limits, events);
        }
    }

    /// When the next question has waited too long, or is forgotten; the end of time when none waits.
    #[inline]
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.pending.next_due()
    }

    fn give_up(&mut self, limits: &Limits, events: &mut Vec<Event>) {
        let (now, timeout, wanted) = (self.now, limits.dns_timeout, self.wanted);
        self.pending.due(now, |pending| {
            // Unless it was asked again in the meantime.
            if pending.state == State::Waiting && pending.last_at.plus(timeout) <= now {
                unanswered(pending, now, wanted, events);
                pending.state = State::GivenUp;
            }
            // A late answer is still wanted with its question.
            let until = pending.keep_until(timeout);
            (until > now).then_some(until)
        });
    }

    /// The capture is over: whatever still waits stays unanswered.
    pub fn finish(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        self.now = self.now.max(now);
        while let Some(mut pending) = self.pending.pop() {
            if pending.state == State::Waiting {
                unanswered(&mut pending, self.now, self.wanted, events);
            }
        }
        // The report needs the room.
        self.pending = Table::default();
    }

    /// A message with opcode QUERY.
    fn standard(
        &mut self,
        message: &Message<'_>,
        header: Header,
        name: &mut String,
        limits: &Limits,
        events: &mut Vec<Event>,
    ) -> bool {
        let question = match header.questions {
            1 => {
                let Some(question) = Question::read(message.payload, &self.hasher) else {
                    if !message.cut {
                        anomaly(message, events, "question cannot be read");
                    }
                    return message.cut;
                };
                Some(question)
            }
            0 if header.response => None,
            // More than one question is only asked with mDNS (RFC 9619), and not for names we follow.
            _ if message.transport == DnsTransport::Mdns => return true,
            _ => {
                anomaly(message, events, "not one question");
                return true;
            }
        };
        match (header.response, question) {
            (false, Some(question)) => self.query(message, header, name, question, limits, events),
            (_, question) => self.answer(message, header, name, question, limits, events),
        }
        true
    }

    /// The lookup that a question belongs to. Its name is read into `name` only where the bytes do not tell already:
    /// answers repeat them, as do questions that are asked again.
    fn about(
        &mut self,
        key: &Key,
        message: &Message<'_>,
        question: Question,
        name: &mut String,
        fits: impl Fn(&Pending) -> bool,
    ) -> Option<Sequence> {
        let mut others = false;
        let same = self.pending.find(key, |pending| {
            others = true;
            question.bytes != 0 && question.bytes == pending.question && fits(pending)
        });
        if same.is_some() {
            return same;
        }
        read_name(message.payload, Header::LEN, name)?;
        let asks = |p: &Pending| p.name.as_ref().is_some_and(|asked| asked.as_str() == name);
        let same = |p: &Pending| p.qtype == question.qtype && asks(p) && fits(p);
        others.then(|| self.pending.find(key, same)).flatten()
    }

    fn query(
        &mut self,
        message: &Message<'_>,
        header: Header,
        name: &mut String,
        question: Question,
        limits: &Limits,
        events: &mut Vec<Event>,
    ) {
        let key = self.key(message, header.id, message.src, message.dst);
        let here = |pending: &Pending| pending.key.scope == key.scope;
        let known = self.about(&key, message, question, name, here);
        let told = self.wanted.is_none();
        let known = known.and_then(|known| self.pending.at(known));
        let (attempt, asked) = match known {
            Some(pending)
                if pending.attempts == 0
                    && message.at.since(pending.last_at).abs() < OUT_OF_ORDER =>
            {
                pending.attempts = 1;
                (0, told.then(|| pending.asked(message.payload, name)))
            }
            Some(pending) if message.at.since(pending.last_at).abs() < SEEN_TWICE => return,
            Some(pending) if pending.state == State::Waiting => {
                let attempt = pending.attempts;
                pending.attempts = pending.attempts.saturating_add(1);
                pending.last_at = pending.last_at.max(message.at);
                (attempt, told.then(|| pending.asked(message.payload, name)))
            }
            // Id and ports may be used again for a new lookup.
            known => {
                let asked = match &known {
                    Some(old) => old.asked(message.payload, name),
                    None => Name::folded(name),
                };
                let again = told.then(|| asked.clone());
                let pending = Pending {
                    key,
                    name: Some(asked),
                    qtype: question.qtype,
                    question: question.bytes,
                    attempts: 1,
                    state: State::Waiting,
                    flow: message.flow,
                    frame: message.frame,
                    first_at: message.at,
                    last_at: message.at,
                };
                match known {
                    Some(old) => *old = pending,
                    None => self.remember(pending, message, limits, events),
                }
                (0, again)
            }
        };
        let Some(name) = asked else { return };
        let query = DnsQuery {
            client: message.src,
            server: message.dst,
            id: header.id,
            name,
            qtype: question.qtype,
            transport: message.transport,
            attempt,
        };
        emit(message, events, EventKind::DnsQuery(query));
    }

    fn answer(
        &mut self,
        message: &Message<'_>,
        header: Header,
        name: &mut String,
        question: Option<Question>,
        limits: &Limits,
        events: &mut Vec<Event>,
    ) {
        let key = self.key(message, header.id, message.dst, message.src);
        let digest = State::Answered(self.hasher.hash_one(message.payload));
        // Whose directions are tagged unlike has its question under another tag, where nothing else answered it.
        let fits = |pending: &Pending| {
            let here = pending.key.scope == key.scope;
            here || pending.state == State::Waiting || pending.state == digest
        };
        let pending = match question {
            Some(question) => self.about(&key, message, question, name, fits),
            // Servers that choke on a question answer with the bare header.
            None => self.pending.find(&key, |pending| {
                fits(pending) && pending.state == State::Waiting && header.answers == 0
            }),
        };
        let mut pending = pending.and_then(|pending| self.pending.at(pending));
        if pending.as_ref().is_some_and(|p| p.state == digest) {
            return;
        }
        let at = question.map_or(Header::LEN, |question| question.end);
        let own = pending.as_mut().and_then(|pending| pending.name.take());
        // What was told of already gave its name away; a second, different answer brings it along.
        if own.is_none() && pending.is_some() {
            read_name(message.payload, Header::LEN, name);
        }
        let asked = own.as_ref().map_or(name.as_str(), Name::as_str);
        let answers = &mut self.answers;
        answers.read(
            message.payload,
            at,
            header.answers,
            question.map(|question| (asked, question.qtype)),
        );
        let (name, qtype) = match (question, answers.stated.take()) {
            (Some(question), _) => (own.unwrap_or_else(|| Name::folded(name)), question.qtype),
            (None, stated) => {
                let known = pending.as_ref().map(|pending| pending.qtype);
                match own.zip(known).or(stated) {
                    Some(known) => known,
                    None => return,
                }
            }
        };
        let cut = answers.cut && message.cut;
        if answers.bad || (answers.cut && !message.cut && !header.truncated) {
            anomaly(message, events, "an answer record cannot be read");
        }
        let outcome = outcome(header, answers);
        if let Some(pending) = &pending
            && pending.key.scope != key.scope
        {
            self.joined = Some((key.scope, pending.key.scope));
        }
        let whole = self.wanted.is_none_or(|wanted| wanted(name.as_str()));
        let silent =
            !whole && !cut && answers.addresses.is_empty() && answers.ech_public_names.is_empty();
        let mut answer = DnsAnswer {
            client: message.dst,
            server: message.src,
            id: header.id,
            name,
            qtype,
            transport: message.transport,
            scope: pending.as_ref().map_or(key.scope, |p| p.key.scope),
            cut,
            outcome,
            whole,
            chain: if whole { answers.aliases() } else { Vec::new() },
            addresses: answers.addresses.as_slice().into(),
            ech_public_names: std::mem::take(&mut answers.ech_public_names),
            query_frame: None,
            asked_at: None,
            took: None,
            attempts: 0,
        };
        if let Some(pending) = pending.filter(|pending| pending.attempts > 0) {
            answer.query_frame = Some(pending.frame);
            answer.asked_at = Some(pending.first_at);
            answer.took = Some(message.at.since(pending.first_at));
            answer.attempts = pending.attempts;
            pending.state = digest;
        } else {
            let pending = Pending {
                key,
                name: None,
                qtype,
                question: question.map_or(0, |question| question.bytes),
                attempts: 0,
                state: digest,
                flow: message.flow,
                frame: message.frame,
                first_at: message.at,
                last_at: message.at,
            };
            self.remember(pending, message, limits, events);
        }
        if !silent {
            emit(message, events, EventKind::DnsAnswer(Box::new(answer)));
        }
    }

    fn key(&self, message: &Message<'_>, id: u16, client: SocketAddr, server: SocketAddr) -> Key {
        let scopes = (message.scope, message.base);
        let key = Key::new(id, message.transport, scopes, client, server);
        self.pending.key(key)
    }

    /// Whom a multicast question is for is not known, so nobody can fail to answer it.
    fn remember(
        &mut self,
        pending: Pending,
        message: &Message<'_>,
        limits: &Limits,
        events: &mut Vec<Event>,
    ) {
        if pending.key.transport == DnsTransport::Mdns {
            return;
        }
        while self.pending.len() >= limits.dns_pending.max(1) {
            let Some(oldest) = self.pending.pop() else {
                break;
            };
            if oldest.state == State::Waiting {
                let anomaly = Anomaly {
                    kind: AnomalyKind::LimitReached,
                    detail: "too many lookups wait for their answers",
                };
                emit(message, events, EventKind::Anomaly(anomaly));
            }
        }
        // Who asks many things with one id gets answers to the newest.
        let due = message.at.plus(limits.dns_timeout);
        self.pending.insert(pending, due, SAME_ID);
    }
}

/// Hash of a question, the same in any letter case (0x20 encoding): a name as it stands on the wire, of at
/// most 255 octets.
fn folded_hash(name: &[u8], qtype: u16, hasher: &RandomState) -> u64 {
    let mut folded = [0_u8; 256];
    let Some(room) = folded.get_mut(..name.len()) else {
        return 0;
    };
    room.copy_from_slice(name);
    // Lengths of labels are below 64, so that none of them is a letter.
    room.make_ascii_lowercase();
    hasher.hash_one((&*room, qtype))
}

fn outcome(header: Header, answers: &Answers) -> DnsOutcome {
    let of_use = answers.of_type || !answers.addresses.is_empty();
    match header.rcode {
        0 if of_use => DnsOutcome::Answered,
        0 if header.truncated => DnsOutcome::Truncated,
        // The record of use may be in the part that was not captured.
        0 if answers.cut => DnsOutcome::Answered,
        0 => DnsOutcome::NoData,
        2 => DnsOutcome::ServerFailure,
        3 => DnsOutcome::NoSuchName,
        5 => DnsOutcome::Refused,
        other => DnsOutcome::Failed(other),
    }
}

fn unanswered(
    pending: &mut Pending,
    now: Timestamp,
    wanted: Option<fn(&str) -> bool>,
    events: &mut Vec<Event>,
) {
    let Some(name) = pending.name.take() else {
        return;
    };
    if wanted.is_some_and(|wanted| !wanted(name.as_str())) {
        return;
    }
    let key = &pending.key;
    let answer = DnsAnswer {
        client: key.client(),
        server: key.server(),
        id: key.id,
        name,
        qtype: pending.qtype,
        transport: key.transport,
        scope: key.scope,
        cut: false,
        outcome: DnsOutcome::Unanswered,
        whole: true,
        chain: Vec::new(),
        addresses: Vec::new(),
        ech_public_names: Vec::new(),
        query_frame: Some(pending.frame),
        asked_at: Some(pending.first_at),
        took: None,
        attempts: pending.attempts,
    };
    events.push(Event {
        at: now,
        frame: pending.frame,
        flow: pending.flow,
        kind: EventKind::DnsAnswer(Box::new(answer)),
    });
}

fn emit(message: &Message<'_>, events: &mut Vec<Event>, kind: EventKind) {
    events.push(Event {
        at: message.at,
        frame: message.frame,
        flow: message.flow,
        kind,
    });
}

fn anomaly(message: &Message<'_>, events: &mut Vec<Event>, detail: &'static str) {
    let kind = AnomalyKind::BadDns;
    emit(
        message,
        events,
        EventKind::Anomaly(Anomaly { kind, detail }),
    );
}
