//! Which process a packet belongs to, where the tool that captured it wrote that down.
//!
//! | tool | where | layout from |
//! |---|---|---|
//! | tcpdump of macOS | PKTAP link header | Apple, bsd/net/pktap.h |
//! | the same, `-k` | process blocks of pcapng, here written out as a comment | Apple, libpcap |
//! | PCAPdroid | last 32 bytes of a frame, or comments and custom blocks of pcapng | its sources |
//! | ptcpdump | packet comments, one `Key: value` a line | its sources |
//! | RustNet | packet comments, `rustnet key=value ...` | its sources |
//! | etl2pcapng | packet comments, `PID=n` | its sources |
//!
//! All functions are pure, and return `None` for what they do not recognise.

use crate::event::Process;
use crate::frame::{Frame, LinkType};

/// `PTH_FLAG_V2_HDR` in the flags, which stand at byte 36 in both versions of the header.
const PKTAP_V2: u32 = 0x0008_0000;
const TRAILER: usize = 32;
const TRAILER_MAGIC: [u8; 4] = [0x01, 0x07, 0x20, 0x21];

/// From whatever a frame has; a comment comes first, since it says more than the few bytes of a header can.
/// Looking is cheap when there is nothing; finding something allocates.
#[must_use]
#[inline]
pub fn process_of_frame(frame: &Frame<'_>) -> Option<Process> {
    // What most frames are.
    if frame.comment.is_none()
        && frame.link == LinkType::ETHERNET
        && !frame.bytes.last_chunk::<TRAILER>().is_some_and(is_trailer)
    {
        return None;
    }
    process_of_any(frame)
}

#[inline(always)]
fn is_trailer(bytes: &[u8; TRAILER]) -> bool {
    bytes.first_chunk() == Some(&TRAILER_MAGIC)
}

fn process_of_any(frame: &Frame<'_>) -> Option<Process> {
    if let Some(process) = frame.comment.and_then(process_of_comment) {
        return Some(process);
    }
    match frame.link {
        // LINKTYPE_USER2 is anybody's, so the header is checked.
        LinkType(149 | 258) => process_of_pktap(frame.bytes),
        // The trailer brings an Ethernet header of its own, which some tools take off again.
        LinkType::ETHERNET | LinkType::RAW => process_of_trailer(frame.bytes),
        _ => None,
    }
}

/// From a frame that begins with a PKTAP header (LINKTYPE_PKTAP, or LINKTYPE_USER2 as Apple writes it).
/// Where a daemon works for another process, that one (the effective process) is named, with the daemon as its parent.
///
/// Fields are in the byte order of the capturing host, and all that ever had PKTAP are little-endian.
#[must_use]
pub fn process_of_pktap(frame: &[u8]) -> Option<Process> {
    let (pid, name, effective_pid, effective) = if word(frame, 36)? & PKTAP_V2 == 0 {
        // The length, which grew from 108 to 156 over the years.
        if !(108..=1_024).contains(&word(frame, 0)?) {
            return None;
        }
        (
            word(frame, 52)?,
            c_text(frame.get(56..73)?),
            word(frame, 84)?,
            c_text(frame.get(88..105)?),
        )
    } else {
        let header = frame.get(..usize::from(*frame.first()?))?;
        let at = |index: usize| match header.get(index) {
            None | Some(0) => None,
            Some(offset) => {
                let rest = header.get(usize::from(*offset)..)?;
                c_text(rest.get(..17).unwrap_or(rest))
            }
        };
        (word(header, 28)?, at(4), word(header, 32)?, at(5))
    };
    // Absent processes are -1, and 0 is the kernel.
    let known = |pid: u32| (1..=i32::MAX.unsigned_abs()).contains(&pid);
    let (pid, name, through) = match effective {
        Some(other) if known(effective_pid) => (effective_pid, other, name),
        _ => (pid, name?, None),
    };
    known(pid).then(|| Process {
        pid: Some(pid),
        parent: through.filter(|daemon| *daemon != name),
        ..bare(name, "pktap")
    })
}

/// From the trailer that PCAPdroid adds to Ethernet frames: magic, user number, application name of 20
/// bytes, frame check sequence; network byte order.
#[must_use]
pub fn process_of_trailer(frame: &[u8]) -> Option<Process> {
    let trailer = frame.get(frame.len().checked_sub(TRAILER)?..)?;
    let rest = trailer.strip_prefix(&TRAILER_MAGIC)?;
    let (user, rest) = rest.split_first_chunk()?;
    // -1 is an unknown application.
    let user = u32::try_from(i32::from_be_bytes(*user)).ok()?;
    let name = c_text(rest.get(..20)?)?;
    Some(Process {
        user: Some(user.to_string()),
        ..bare(name, "pcapdroid")
    })
}

/// From the comment of a packet.
#[must_use]
pub fn process_of_comment(comment: &str) -> Option<Process> {
    // Further comments may follow on lines of their own, as in an evidence capture.
    let first = comment.lines().next().unwrap_or_default();
    let process = if let Some(fields) = first.strip_prefix("rustnet ") {
        of_rustnet(fields)
    } else if let Some(rest) = first.strip_prefix("PID=") {
        of_etl2pcapng(rest)
    } else {
        of_lines(comment)
    };
    process.filter(|process| !process.name.is_empty())
}

/// `process=curl pid=4242 ppid=1 uid=0 attr=... pod=... container=...`; spaces in values are underscores.
fn of_rustnet(fields: &str) -> Option<Process> {
    let mut process = bare(String::new(), "packet comment");
    for (key, value) in fields.split(' ').filter_map(|field| field.split_once('=')) {
        match key {
            "process" => value.clone_into(&mut process.name),
            "pid" => process.pid = value.parse().ok(),
            "uid" => process.user = Some(value.to_owned()),
            "container" => process.unit = Some(value.to_owned()),
            "pod" if process.unit.is_none() => process.unit = Some(value.to_owned()),
            _ => {}
        }
    }
    name_or_pid(process)
}

/// `PID=1234`, then perhaps `ProcessorNumber=3`. It is the process in whose context Windows logged the
/// packet, so the idle and system processes (0, 4, -1) say nothing.
fn of_etl2pcapng(rest: &str) -> Option<Process> {
    let digits = rest.split(' ').next()?;
    let process = Process {
        pid: Some(
            digits
                .parse()
                .ok()
                .filter(|pid: &u32| !matches!(*pid, 0 | 4 | u32::MAX))?,
        ),
        ..bare(String::new(), "packet comment")
    };
    name_or_pid(process)
}

/// `Key: value` lines of ptcpdump, which the process blocks of macOS and PCAPdroid are brought to.
fn of_lines(comment: &str) -> Option<Process> {
    let mut process = bare(String::new(), "packet comment");
    let (mut command, mut app, mut seen) = (None, None, false);
    for line in comment.lines() {
        if line == "pktap" {
            process.source = "pktap";
        } else if let Some(user) = line.strip_prefix("u-").filter(|user| is_number(user)) {
            process.source = "pcapdroid";
            process.user = Some(user.to_owned());
        }
        let Some((key, value)) = line.split_once(": ") else {
            continue;
        };
        let value = value.trim();
        match key {
            "PID" => {
                process.pid = value.parse().ok();
                seen |= process.pid.is_some();
            }
            "Cmd" | "Comm" => command = Some(value),
            "App" => app = Some(value),
            "Args" if !value.is_empty() => process.command = Some(value.to_owned()),
            "UserId" => process.user = Some(value.to_owned()),
            // What macOS says of a daemon: name and number.
            "Through" => {
                let name = value.rsplit_once(' ').map_or(value, |(name, _)| name);
                process.parent = Some(name.to_owned());
            }
            "ParentCmd" | "ParentComm" => process.parent = Some(base_name(value).to_owned()),
            "ContainerName" if !value.is_empty() => process.unit = Some(value.to_owned()),
            "PodName" if process.unit.is_none() => process.unit = Some(value.to_owned()),
            _ => {}
        }
    }
    if process.source == "pcapdroid" {
        process.command = command.map(str::to_owned);
        app.or(command)?.clone_into(&mut process.name);
        return Some(process);
    }
    // Any comment may have a line with a colon; a process number makes it one of these.
    if !seen {
        return None;
    }
    base_name(command.unwrap_or_default()).clone_into(&mut process.name);
    name_or_pid(process)
}

/// A process known only by its number is called by it.
fn name_or_pid(mut process: Process) -> Option<Process> {
    if process.name.is_empty() {
        process.name = format!("pid {}", process.pid?);
    }
    Some(process)
}

fn bare(name: String, source: &'static str) -> Process {
    Process {
        pid: None,
        name,
        command: None,
        user: None,
        parent: None,
        unit: None,
        source,
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Text up to the first NUL; `None` when there is none.
fn c_text(bytes: &[u8]) -> Option<String> {
    let text = bytes.split(|byte| *byte == 0).next()?;
    (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pktap_names_the_process_the_daemon_works_for() {
        let mut frame = vec![0_u8; 156];
        frame[0] = 156;
        frame[52..56].copy_from_slice(&300_u32.to_le_bytes());
        frame[56..66].copy_from_slice(b"trustd\0\0\0\0");
        frame[84..88].copy_from_slice(&u32::MAX.to_le_bytes());
        let process = process_of_pktap(&frame).unwrap();
        assert_eq!((process.pid, process.name.as_str()), (Some(300), "trustd"));

        frame[84..88].copy_from_slice(&411_u32.to_le_bytes());
        frame[88..94].copy_from_slice(b"Safari");
        let process = process_of_pktap(&frame).unwrap();
        assert_eq!((process.pid, process.name.as_str()), (Some(411), "Safari"));
        assert_eq!(process.parent.as_deref(), Some("trustd"));
        for cut in 0..105 {
            assert!(process_of_pktap(&frame[..cut]).is_none(), "cut at {cut}");
        }
    }

    #[test]
    fn a_frame_is_asked_where_its_link_type_can_answer() {
        let mut bytes = vec![0_u8; 60];
        bytes.extend(TRAILER_MAGIC);
        bytes.extend(7_i32.to_be_bytes());
        bytes.extend([b'a'; 24]);
        let frame = |link, comment| Frame {
            no: crate::frame::FrameNo::new(1),
            at: crate::time::Timestamp::EPOCH,
            link,
            interface: crate::frame::InterfaceId(0),
            wire_len: 92,
            crossing: None,
            comment,
            bytes: &bytes,
        };
        let name = |link, comment| process_of_frame(&frame(link, comment)).map(|found| found.name);
        assert_eq!(name(LinkType::ETHERNET, None), Some("a".repeat(20)));
        assert_eq!(name(LinkType::RAW, None), Some("a".repeat(20)));
        assert_eq!(
            name(LinkType::ETHERNET, Some("PID: 9\nCmd: /bin/x")),
            Some("x".into()),
            "the comment says more"
        );
        assert_eq!(
            name(LinkType::ETHERNET, Some("seen twice")),
            Some("a".repeat(20)),
            "not every comment names a process"
        );
        assert_eq!(name(LinkType::LINUX_SLL, None), None);
        assert_eq!(name(LinkType(149), None), None);
    }

    #[test]
    fn pktap_version_2_finds_names_by_their_offsets() {
        let mut frame = vec![0_u8; 64];
        frame[0] = 57;
        frame[4] = 40;
        frame[28..32].copy_from_slice(&77_u32.to_le_bytes());
        frame[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        frame[36..40].copy_from_slice(&PKTAP_V2.to_le_bytes());
        frame[40..45].copy_from_slice(b"curl\0");
        let process = process_of_pktap(&frame).unwrap();
        assert_eq!((process.pid, process.name.as_str()), (Some(77), "curl"));
        frame[4] = 200;
        assert!(process_of_pktap(&frame).is_none());
    }

    #[test]
    fn pcapdroid_trailer_names_the_application() {
        let mut frame = vec![0_u8; 60];
        frame.extend(TRAILER_MAGIC);
        frame.extend(10_123_i32.to_be_bytes());
        frame.extend(b"Firefox\0\0\0\0\0\0\0\0\0\0\0\0\0");
        frame.extend([1, 2, 3, 4]);
        let process = process_of_trailer(&frame).unwrap();
        assert_eq!(process.name, "Firefox");
        assert_eq!(process.user.as_deref(), Some("10123"));
        assert!(process_of_trailer(&frame[..91]).is_none());
        frame[64..68].copy_from_slice(&(-1_i32).to_be_bytes());
        assert!(process_of_trailer(&frame).is_none());
    }

    #[test]
    fn comments_of_every_tool_are_read() {
        let of = |comment| {
            let process = process_of_comment(comment)?;
            Some((process.name, process.pid, process.source))
        };
        let ptcpdump = "PID: 812\nCmd: /usr/bin/curl\nArgs: curl https://example.org\nParentPID: 7\nParentCmd: /bin/bash\nParentArgs: -bash\nContainerName: web\nContainerId: ab";
        let process = process_of_comment(ptcpdump).unwrap();
        assert_eq!(process.command.as_deref(), Some("curl https://example.org"));
        assert_eq!(process.parent.as_deref(), Some("bash"));
        assert_eq!(process.unit.as_deref(), Some("web"));
        let daemon = process_of_comment("pktap\nPID: 5\nCmd: Safari\nThrough: trust agent 9");
        assert_eq!(daemon.unwrap().parent.as_deref(), Some("trust agent"));
        for (comment, expected) in [
            (ptcpdump, Some(("curl", Some(812), "packet comment"))),
            (
                "rustnet process=Web_Content pid=42 uid=1000 app=TLS",
                Some(("Web_Content", Some(42), "packet comment")),
            ),
            ("rustnet direction=outgoing", None),
            (
                "PID=1234 ProcessorNumber=1",
                Some(("pid 1234", Some(1234), "packet comment")),
            ),
            ("PID=4", None),
            (
                "u-10123\nCmd: org.mozilla.firefox\nApp: Firefox",
                Some(("Firefox", None, "pcapdroid")),
            ),
            ("u-10123", None),
            (
                "\npktap\nPID: 5\nCmd: Safari\nThrough: trustd 9",
                Some(("Safari", Some(5), "pktap")),
            ),
            ("look here: this one is late", None),
            ("Cmd: nothing without a number", None),
            ("", None),
        ] {
            let expected = expected.map(|(name, pid, source)| (name.to_owned(), pid, source));
            assert_eq!(of(comment), expected, "{comment}");
        }
    }
}
