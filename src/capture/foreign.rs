//! What an input is when it is no capture that can be read here, and what its owner can do about it.

use super::error::Error;

/// Formats known by their first bytes: magic, name, how to convert.
const KNOWN: &[(&[u8], &str, Todo)] = &[
    (
        b"GMBU",
        "a Microsoft Network Monitor 2.x capture",
        Todo::Editcap,
    ),
    (
        b"RTSS",
        "a Microsoft Network Monitor 1.x capture",
        Todo::Editcap,
    ),
    (b"snoop\0\0\0", "a snoop capture (Solaris)", Todo::Editcap),
    (
        b"TRSNIFF data    \x1a",
        "a Sniffer capture (DOS)",
        Todo::Editcap,
    ),
    (
        b"XCP\0",
        "a Sniffer or NetXRay capture (Windows)",
        Todo::Editcap,
    ),
    (
        b"\x7fver",
        "an EtherPeek or OmniPeek capture",
        Todo::Editcap,
    ),
    (
        b"ObserverPktBuffe",
        "a Network Instruments Observer capture",
        Todo::Editcap,
    ),
    (b"iptrace ", "an AIX iptrace capture", Todo::Editcap),
    (b"EyeSDN", "an EyeSDN capture", Todo::Editcap),
    (b"\x05VNF", "a Visual Networks capture", Todo::Editcap),
    (
        b"\xaa\xaa\xaa\xaa\x20\0\0\0",
        "an InfoVista 5Views capture",
        Todo::Editcap,
    ),
    (
        b"TR\0d\0\0",
        "an HP-UX nettl trace",
        Todo::Again("tcpdump -w out.pcap"),
    ),
    (
        b"\x01\x10\x4c\0\x01\x05",
        "a Novell LANalyzer capture",
        Todo::Editcap,
    ),
    (
        b"+---------+---------------+----------+",
        "a K12 text capture",
        Todo::Editcap,
    ),
    (
        b"\0\0\x02\0\x12\x05\0\x10",
        "a Tektronix K12 capture",
        Todo::Editcap,
    ),
    (
        b"\x42\xd2\0\x34\x12\x66\x22\x88",
        "a RADCOM capture",
        Todo::Editcap,
    ),
    (b"LOGG", "a Vector BLF trace", Todo::Editcap),
    (
        b"Session Transcript",
        "a Catapult DCT2000 trace",
        Todo::Again("tcpdump -w out.pcap"),
    ),
    (b"btsnoop\0", "a Bluetooth capture (BTSnoop)", Todo::Editcap),
    (b"BZh", "compressed with bzip2", Todo::Unpack("bunzip2")),
    (b"PK\x03\x04", "a ZIP archive", Todo::Unpack("unzip")),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7-Zip archive",
        Todo::Unpack("7z x"),
    ),
    (b"Rar!\x1a\x07", "a RAR archive", Todo::Unpack("unrar x")),
    (
        b"\x1f\x9d",
        "compressed with compress",
        Todo::Unpack("uncompress"),
    ),
    (b"LZIP", "compressed with lzip", Todo::Unpack("lzip -d")),
    (b"\x5d\0\0", "compressed with lzma", Todo::Unpack("unlzma")),
    (b"MSCF", "a Windows cabinet", Todo::Unpack("cabextract")),
    (b"ElfFile\0", "a Windows event log", Todo::NoNetwork),
    (b"\x7fELF", "a program", Todo::NoNetwork),
    (b"%PDF", "a PDF document", Todo::NoNetwork),
    (b"SQLite format 3\0", "an SQLite database", Todo::NoNetwork),
];

/// pcap by kinship (Mesquita's and Navtel's), read by nobody, editcap included: their record layouts are not
/// documented.
const UNREAD_PCAP: &[u32] = &[0xa1b2_34cd, 0xa12b_3c4d];

enum Todo {
    Editcap,
    /// To be captured again with this: editcap has no link type in pcapng for what stands before its frames.
    Again(&'static str),
    Unpack(&'static str),
    NoNetwork,
}

/// Says what `name` is by its first bytes, which are no capture.
pub(super) fn explain(name: &str, head: &[u8]) -> Error {
    let foreign = |what, advice: String| Error::Foreign {
        name: name.to_owned(),
        what,
        advice,
    };
    let editcap = || {
        format!(
            "convert it with: editcap -F pcapng {} out.pcapng",
            quoted(name)
        )
    };
    let again =
        |tool: &str| format!("its frames have no form in pcapng; capture again with: {tool}");
    if head.is_empty() {
        return Error::Empty {
            name: name.to_owned(),
        };
    }
    if let Some((_, what, todo)) = KNOWN.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return foreign(
            what,
            match todo {
                Todo::Editcap => editcap(),
                Todo::Again(tool) => again(tool),
                Todo::Unpack(tool) => format!("unpack it first: {tool} {}", quoted(name)),
                Todo::NoNetwork => "it holds no network packets".to_owned(),
            },
        );
    }
    if let Some(&magic) = head.first_chunk::<4>()
        && UNREAD_PCAP
            .iter()
            .any(|known| u32::from_le_bytes(magic) == *known || u32::from_be_bytes(magic) == *known)
    {
        return foreign(
            "a variant of pcap that is documented nowhere",
            "capture again with a tool that writes plain pcap or pcapng".to_owned(),
        );
    }
    // Each page of a NetScaler trace says so, at different places in its versions.
    if [&b"NetScaler V"[..], b"NetScaler Performance Data"]
        .iter()
        .any(|sign| head.windows(sign.len()).any(|part| part == *sign))
    {
        return foreign(
            "a NetScaler trace",
            again("start nstrace -traceformat PCAP"),
        );
    }
    if head.get(257..262) == Some(b"ustar") {
        return foreign(
            "a tar archive",
            format!("unpack it first: tar -xf {}", quoted(name)),
        );
    }
    if let Some((what, advice)) = text(head) {
        return foreign(what, advice.to_owned());
    }
    // These have no magic number of their own.
    let lower = name.to_ascii_lowercase();
    if lower.ends_with(".ncf") || lower.ends_with(".ncfx") {
        return foreign("a CommView capture, by its name", editcap());
    }
    if lower.ends_with(".etl") {
        return foreign(
            "a Windows event trace, by its name",
            format!(
                "convert it with: pktmon etl2pcap {0} or, for a trace by netsh: etl2pcapng {0} out.pcapng",
                quoted(name)
            ),
        );
    }
    if lower.ends_with(".erf") {
        return foreign("an Endace ERF capture, by its name", editcap());
    }
    if head.iter().all(|byte| *byte == 0) {
        return foreign(
            "full of zero bytes at its start",
            "the disk was probably full or the download unfinished; fetch it again".to_owned(),
        );
    }
    Error::Unknown {
        name: name.to_owned(),
        quoted: quoted(name),
        begins: head
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// Recognises text, and a few texts that people take for captures.
fn text(head: &[u8]) -> Option<(&'static str, &'static str)> {
    if head.starts_with(&[0xff, 0xfe]) {
        return Some(("a text file in UTF-16", "give the capture itself"));
    }
    let head = head.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(head);
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    if !head.iter().all(printable) {
        return None;
    }
    let start = String::from_utf8_lossy(head)
        .trim_start()
        .to_ascii_lowercase();
    let first = start.lines().next().unwrap_or_default();
    Some(if start.starts_with("version https://git-lfs") {
        (
            "a Git LFS pointer",
            "fetch the real file with: git lfs pull",
        )
    } else if start.starts_with("<!doctype html") || start.starts_with("<html") {
        (
            "an HTML page",
            "the download probably needs a login or another link; fetch the capture again",
        )
    } else if start.starts_with("<?xml") || start.starts_with("<pdml") || start.starts_with("<psml")
    {
        (
            "an XML file",
            "give the capture it was made from (PDML and PSML are printouts)",
        )
    } else if start.starts_with('{') || start.starts_with('[') {
        (
            "a JSON file",
            "give the capture it was made from (HAR files and tshark -T json hold no packets)",
        )
    } else if first.starts_with("client_random ")
        || first.contains("_traffic_secret")
        || start.starts_with("# ssl/tls secrets")
    {
        (
            "a TLS key log",
            "give it with --keylog, next to the capture",
        )
    } else if first.starts_with("local_static_private_key") {
        (
            "a WireGuard key log",
            "give it with --keylog, next to the capture",
        )
    } else if first.contains(" ip ") && first.contains(" > ") {
        (
            "the printed output of tcpdump",
            "capture again with -w: tcpdump -w out.pcap",
        )
    } else if start.starts_with("0000 ")
        || start.starts_with("000000 ")
        || start.starts_with("0000:")
    {
        (
            "a hex dump",
            "turn it into a capture with: text2pcap IN out.pcapng",
        )
    } else {
        ("a text file", "give the capture itself")
    })
}

/// Ready to be pasted into a shell.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stranger_is_named_and_told_what_to_do() {
        for (head, says) in [
            (
                &b"GMBU\x00\x02"[..],
                "my file is a Microsoft Network Monitor 2.x capture, which is not read here; convert it with: editcap -F pcapng 'my file' out.pcapng",
            ),
            (b"snoop\0\0\0\0\0\0\x02", "snoop"),
            (b"\xaa\xaa\xaa\xaa\x20\0\0\0\0\0", "5Views"),
            (b"btsnoop\0\0\0\0\x01", "editcap"),
            (b"TR\0d\0\0\0\0", "nettl"),
            (b"\x01\x10\x4c\0\x01\x05Trace", "LANalyzer"),
            (b"+---------+---------------+----------+\n", "K12"),
            (b"PK\x03\x04....", "unpack it first: unzip 'my file'"),
            (b"<!DOCTYPE html><html>", "an HTML page"),
            (
                b"version https://git-lfs.github.com/spec/v1\n",
                "git lfs pull",
            ),
            (
                b"12:00:01.5 IP 10.0.0.1.53 > 10.0.0.2.99: UDP",
                "tcpdump -w out.pcap",
            ),
            (b"CLIENT_RANDOM 00 11", "--keylog"),
            (b"just words\n", "a text file"),
            (b"", "is empty"),
            (b"\0\0\0\0\0\0\0\0", "zero bytes"),
            (b"\x01\x02\x03\x04", "it begins with 01 02 03 04"),
            (b"\xcd\x34\xb2\xa1", "documented nowhere"),
            (
                b"\x01\x02\x03\x04",
                "convert it with: editcap -F pcapng 'my file' out.pcapng",
            ),
            (b"\0\0\x02\0\x12\x05\0\x10\0", "Tektronix"),
            (b"\x42\xd2\0\x34\x12\x66\x22\x88", "RADCOM"),
            (b"Session Transcript\n", "DCT2000"),
            (b"\x01\0\0\0NetScaler V20 Performance Data\0", "NetScaler"),
        ] {
            let message = explain("my file", head).to_string();
            assert!(message.contains(says), "{message}");
        }
        assert!(
            explain("a.NCF", b"\x53\0\x53\0")
                .to_string()
                .contains("a CommView capture, by its name")
        );
        assert!(
            explain("a.etl", b"\0\0\x01\0")
                .to_string()
                .contains("etl2pcapng a.etl")
        );
    }
}
