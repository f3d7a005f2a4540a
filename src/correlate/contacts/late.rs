//! Answers that came although the connection had been reset: somebody on the way forged the RST (RFC 9293
//! 3.5.3; filters of states do), and the server, which knows nothing of it, answers. To us its words are
//! those of a connection of their own.

use super::*;

/// Contacts whose connection was reset before the answer, by its ends.
pub(super) struct Reset(HashMap<(SocketAddr, SocketAddr), usize>);

impl Reset {
    pub(super) fn of(contacts: &[Contact]) -> Self {
        let waiting = contacts.iter().enumerate().filter_map(|(index, contact)| {
            let reset = contact.failure == Some(Failure::Reset);
            let ends = (
                SocketAddr::new(contact.client.ip, contact.port?),
                contact.server?,
            );
            reset.then_some((ends, index))
        });
        Self(waiting.collect())
    }

    /// The contact that an answer was for.
    pub(super) fn take(&mut self, connect: &ConnectRecord, record: &AnswerRecord) -> Option<usize> {
        let rest = record.first.then_some((connect.client, connect.server))?;
        self.0.remove(&rest)
    }
}

/// The answer came after all.
pub(super) fn came(contact: &mut Contact, record: &AnswerRecord, connect: &ConnectRecord) {
    let answer = &record.answer;
    contact.stage = Stage::Answered;
    contact.frames.response = span_frames(answer.first_frame, answer.frame);
    contact.ended_at = contact.ended_at.max(answer.at);
    contact.failure = answer.failure(connect.close.as_ref());
    contact.answer = Some(answer.clone());
}

/// Whether nothing but the end of a connection was captured, or the signs of life of one that idles (RFC 9293
/// 3.6, 3.8.4): what it was for is over since long, as where a machine has slept.
pub(super) fn is_end(connect: &ConnectRecord) -> bool {
    let close = connect.close.as_ref();
    let silent = close.is_some_and(|close| close.bytes == [0; 2]);
    silent && !connect.from_start && connect.connected_at.is_none() && !connect.tls
}
