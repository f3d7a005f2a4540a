//! `--redact`: the key of the pseudonyms, and what of the command line itself would tell too much.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::crypto;
use crate::report::Options;
use crate::report::redact::Redaction;

use super::Args;
use super::args::RedactArg;

/// Below this a key can be guessed, and with it every pseudonym of an IPv4 address be undone.
const SHORTEST_KEY: usize = 16;

/// What `--redact` asks for.
///
/// # Errors
/// When the key file cannot be read or is too short, or the system has no random numbers.
pub(super) fn redaction(args: &Args) -> anyhow::Result<Option<Redaction>> {
    let Some(level) = args.redact else {
        return Ok(None);
    };
    let key = match &args.redact_key {
        Some(path) => stable(path)?,
        None => fresh()?,
    };
    Ok(Some(Redaction {
        key,
        sites: level == RedactArg::Sites,
    }))
}

/// Folders name people and customers; the name of the file itself is left for the user to judge.
pub(super) fn sources(options: &mut Options) {
    let files = options
        .interfaces
        .iter_mut()
        .filter_map(|i| i.file.as_mut());
    for name in options.sources.iter_mut().chain(files) {
        if let Some(file) = Path::new(name.as_str()).file_name() {
            *name = file.to_string_lossy().into_owned();
        }
    }
}

fn stable(path: &Path) -> anyhow::Result<[u8; 32]> {
    let secret = fs::read(path)
        .with_context(|| format!("cannot read the redaction key {}", path.display()))?;
    anyhow::ensure!(
        secret.len() >= SHORTEST_KEY,
        "the redaction key {} has {} bytes, which could be guessed; make one with: head -c 32 /dev/urandom > {}",
        path.display(),
        secret.len(),
        path.display()
    );
    Ok(crypto::sha256(&secret))
}

/// A key for this run alone.
pub(super) fn fresh() -> anyhow::Result<[u8; 32]> {
    let mut key = [0; 32];
    SystemRandom::new()
        .fill(&mut key)
        .map_err(|_| anyhow::anyhow!("the system gave no random numbers for --redact"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Interface;
    use clap::Parser as _;

    fn args(words: &[&str]) -> Args {
        let program = std::iter::once(&"whylencr");
        Args::try_parse_from(program.chain(words)).expect("these are arguments")
    }

    #[test]
    fn without_a_key_every_run_has_its_own() {
        let args = args(&["--redact", "a.pcap"]);
        let [a, b] = [(); 2].map(|()| redaction(&args).unwrap().unwrap());
        assert_ne!(a.key, b.key);
        assert!(!a.sites);
        assert_eq!(args.captures.len(), 1, "the capture is no level");
    }

    #[test]
    fn a_key_file_is_stable_and_long_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "sixteen bytes ok").unwrap();
        let args = args(&["--redact=sites", "--redact-key", path.to_str().unwrap()]);
        let [a, b] = [(); 2].map(|()| redaction(&args).unwrap().unwrap());
        assert_eq!(a.key, b.key);
        assert!(a.sites);
        fs::write(&path, "short").unwrap();
        let error = redaction(&args).unwrap_err().to_string();
        assert!(error.contains("5 bytes"), "{error}");
    }

    #[test]
    fn folders_are_left_out() {
        let mut options = Options {
            sources: vec!["/home/alice/case 7/a.pcap".into(), "-".into()],
            interfaces: vec![Interface {
                file: Some("/home/alice/case 7/a.pcap".into()),
                name: None,
            }],
            ..Options::default()
        };
        sources(&mut options);
        assert_eq!(options.sources, ["a.pcap", "-"]);
        assert_eq!(options.interfaces[0].file.as_deref(), Some("a.pcap"));
    }
}
