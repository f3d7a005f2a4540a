//! Key logs on their way into the engine, also those that are larger than the memory spent on secrets.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::capture::Item;
use crate::capture::merge;
use crate::engine::{Config, Engine};
use crate::proto::tls::secrets::random_of_line;
use crate::wire::{table_keys, tunnel_keys, unusable_key};

/// Key logs of more bytes than this may hold more secrets than are kept: of those only what the captures call for
/// is taken, for which the captures are read once more.
const LARGE: u64 = 32 << 20;
/// Bytes read at a time.
const PIECE: u64 = 1 << 20;
/// A line is a label, a random and a secret: less than 300 bytes.
const LONGEST_LINE: u64 = 4 << 10;
/// Lines of one key log that are said to be unusable; who has more of them sees what is wrong by these.
const TOLD: usize = 5;

/// Reads key logs into the engine.
pub(super) fn read(
    engine: &mut Engine,
    keylogs: &[PathBuf],
    captures: &[PathBuf],
) -> anyhow::Result<()> {
    read_above(LARGE, engine, keylogs, captures)
}

fn read_above(
    large: u64,
    engine: &mut Engine,
    keylogs: &[PathBuf],
    captures: &[PathBuf],
) -> anyhow::Result<()> {
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |data| data.len());
    let again = captures.iter().all(|path| path.is_file());
    let wanted = if again && keylogs.iter().map(size).sum::<u64>() > large {
        Some(randoms(captures)?)
    } else {
        None
    };
    for path in keylogs {
        let secrets = one(engine, path, wanted.as_ref())
            .with_context(|| format!("cannot read the key log {}", path.display()))?;
        if secrets == 0 {
            eprintln!(
                "whylencr: {} holds no line of a key log (NSS, WireGuard, or Wireshark's 80211_keys, esp_sa, ieee802154_keys, pdcp_lte_ue_keys and pdcp_nr_ue_keys)",
                path.display()
            );
        }
    }
    Ok(())
}

/// Tells of lines that look like those of Wireshark's tables of keys and cannot be used.
fn tell_unusable(path: &Path, piece: &[u8], lines: &mut usize, told: &mut usize) {
    for line in piece.split_inclusive(|byte| *byte == b'\n') {
        *lines += 1;
        if *told < TOLD
            && let Some(why) = unusable_key(line)
        {
            eprintln!("whylencr: {}, line {lines}: {why}", path.display());
            *told += 1;
        }
    }
}

/// The same of what a key log that may grow has so far.
pub(super) fn tell_unusable_of(path: &Path) {
    if path.is_file()
        && let Ok(file) = File::open(path)
    {
        let mut piece = Vec::new();
        let (mut lines, mut told) = (0, 0);
        if BufReader::new(file)
            .take(PIECE)
            .read_to_end(&mut piece)
            .is_ok()
        {
            tell_unusable(path, &piece, &mut lines, &mut told);
        }
    }
}

/// Reads one key log piece by piece; gives how many of its lines are secrets.
fn one(
    engine: &mut Engine,
    path: &Path,
    wanted: Option<&HashSet<[u8; 32]>>,
) -> std::io::Result<usize> {
    let mut file = BufReader::new(File::open(path)?);
    let (mut piece, mut secrets) = (Vec::new(), 0);
    let (mut lines, mut told) = (0, 0);
    loop {
        piece.clear();
        file.by_ref().take(PIECE).read_to_end(&mut piece)?;
        if piece.is_empty() {
            return Ok(secrets);
        }
        file.by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut piece)?;
        tell_unusable(path, &piece, &mut lines, &mut told);
        let Some(wanted) = wanted else {
            secrets += engine.secrets(&piece);
            continue;
        };
        let mut kept = Vec::new();
        for line in piece.split(|byte| *byte == b'\n') {
            let Some(random) = random_of_line(line) else {
                continue;
            };
            secrets += 1;
            if wanted.contains(&random) {
                kept.extend_from_slice(line);
                kept.push(b'\n');
            }
        }
        // Of layers below TCP there are few, and nothing in a capture calls for one of them.
        for of_layers in [tunnel_keys(&piece), table_keys(&piece)] {
            secrets += of_layers.split(|byte| *byte == b'\n').count() - 1;
            kept.extend(of_layers);
        }
        engine.secrets(&kept);
    }
}

/// The randoms by which key logs name the connections of captures.
fn randoms(captures: &[PathBuf]) -> anyhow::Result<HashSet<[u8; 32]>> {
    let mut engine = Engine::new(Config::default());
    let mut source = merge::open_all(captures, None)?;
    while let Some(item) = source.next_item() {
        if let Item::Frame(frame) = item {
            engine.push(frame);
        }
    }
    engine.close();
    let handshakes = engine.handshakes();
    Ok(handshakes.iter().filter_map(|h| h.random).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_key_log_what_the_captures_call_for_is_taken() {
        let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/lab");
        let capture = lab.join("02b-chromium-aia-tls13-keylog.pcap");
        let mut text = std::fs::read(lab.join("02b-chromium-aia-tls13-keylog.keylog")).unwrap();
        for number in 0..20_000_u32 {
            let random = format!("{number:08x}").repeat(8);
            let line = format!("SERVER_TRAFFIC_SECRET_0 {random} {random}\n");
            text.extend_from_slice(line.as_bytes());
        }
        let folder = tempfile::tempdir().unwrap();
        let keylog = folder.path().join("keys.log");
        std::fs::write(&keylog, &text).unwrap();
        let read = |large: u64| {
            let mut engine = Engine::new(Config::default());
            let captures = [capture.clone()];
            read_above(large, &mut engine, std::slice::from_ref(&keylog), &captures).unwrap();
            let mut source = merge::open_all(&captures, None).unwrap();
            while let Some(item) = source.next_item() {
                if let Item::Frame(frame) = item {
                    engine.push(frame);
                }
            }
            engine.close();
            engine.report().coverage
        };
        let (all, wanted) = (read(u64::MAX), read(1_000));
        assert!(all.keys.0 > 20_000);
        assert!(wanted.keys.0 < 1_000, "{}", wanted.keys.0);
        assert!(wanted.keys.1 > 0);
        assert_eq!(wanted.keys.1, all.keys.1);
        assert_eq!(wanted.handshakes_keys, all.handshakes_keys);
    }
}
