//! Processes that a capture tool wrote beside the packet.

use crate::event::Process;
use crate::frame::Frame;

/// The process a frame belongs to, where the frame itself says so: Apple's PKTAP header, or the trailer
/// PCAPdroid adds on request. Worth asking once per flow, not per packet.
#[must_use]
pub fn process_of(frame: &Frame<'_>) -> Option<Process> {
    match frame.link.0 {
        149 | 258 => pktap(frame.bytes),
        1 => pcapdroid(frame.bytes),
        _ => None,
    }
}

/// The process that opened the socket, or the one on whose behalf it did (the "effective" process: a
/// system daemon fetches for an app).
fn pktap(bytes: &[u8]) -> Option<Process> {
    let field = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let header = bytes.get(..usize::try_from(field(0)?).ok()?)?;
    let named = |pid_at: usize, name_at: usize| {
        let name = text(header.get(name_at..name_at + 17)?)?;
        // 0 is the kernel, and -1 stands for "unknown".
        let pid = field(pid_at).filter(|&pid| pid != 0 && pid != u32::MAX);
        Some((pid, name))
    };
    let effective = named(84, 88);
    let own = named(52, 56);
    let parent = match (&effective, &own) {
        (Some(one), Some(other)) if one != other => Some(other.1.clone()),
        _ => None,
    };
    let (pid, name) = effective.or(own)?;
    Some(Process {
        pid,
        name,
        parent,
        source: "pktap",
        ..Process::default()
    })
}

/// The last 32 bytes: magic number, user, app name, check sum.
fn pcapdroid(bytes: &[u8]) -> Option<Process> {
    let trailer = bytes.last_chunk::<32>()?;
    let (magic, rest) = trailer.split_first_chunk::<4>()?;
    let (user, rest) = rest.split_first_chunk::<4>()?;
    if *magic != [0x01, 0x07, 0x20, 0x21] {
        return None;
    }
    let user = i32::from_be_bytes(*user);
    Some(Process {
        name: text(rest.get(..20)?)?,
        user: (user >= 0).then(|| user.to_string()),
        source: "pcapdroid",
        ..Process::default()
    })
}

/// A zero-terminated name; None if empty.
fn text(field: &[u8]) -> Option<String> {
    let name = field.split(|&byte| byte == 0).next()?;
    (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, InterfaceId, LinkType};
    use crate::time::Timestamp;

    fn ask(link: u32, bytes: &[u8]) -> Option<Process> {
        process_of(&Frame {
            no: FrameNo(1),
            at: Timestamp::EPOCH,
            link: LinkType(link),
            interface: InterfaceId(0),
            wire_len: u32::try_from(bytes.len()).unwrap(),
            crossing: None,
            comment: None,
            bytes,
        })
    }

    #[test]
    fn pktap_names_the_process_served() {
        let mut header = vec![0_u8; 108];
        header[0] = 108;
        header[52] = 77;
        header[56..63].copy_from_slice(b"mDNSRes");
        let own = ask(258, &header).unwrap();
        assert_eq!((own.pid, own.name.as_str()), (Some(77), "mDNSRes"));
        header[84] = 99;
        header[88..94].copy_from_slice(b"Safari");
        let both = ask(149, &header).unwrap();
        assert_eq!((both.pid, both.name.as_str()), (Some(99), "Safari"));
        assert_eq!(both.parent.as_deref(), Some("mDNSRes"));
        assert_eq!(ask(258, &header[..60]), None);
    }

    #[test]
    fn pcapdroid_trailer_names_the_app() {
        let mut frame = vec![0_u8; 60];
        frame.extend([0x01, 0x07, 0x20, 0x21, 0, 0, 0x27, 0x10]);
        frame.extend(b"Firefox\0\0\0\0\0\0\0\0\0\0\0\0\0");
        frame.extend([1, 2, 3, 4]);
        let app = ask(1, &frame).unwrap();
        assert_eq!(app.name, "Firefox");
        assert_eq!(app.user.as_deref(), Some("10000"));
        assert_eq!(ask(1, &frame[..80]), None);
    }
}
