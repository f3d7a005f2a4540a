//! Files that come beside captures: CA certificates, certificates of sites.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::engine::Config;
use crate::pki::cert::Certificate;
use crate::pki::pem;

use super::Args;

/// A certificate file is small; whatever is larger is something else.
const LARGEST: u64 = 16 << 20;

/// What the engine needs from the command line.
pub(super) fn config(args: &Args) -> anyhow::Result<Config> {
    let mut config = Config {
        all_cas: args.all_cas,
        ..Config::default()
    };
    for path in &args.ca {
        let ders = certificates(path)?;
        config.trust.add_certificates(&ders);
    }
    for path in &args.certs {
        for der in certificates(path)? {
            // An unreadable one among many is no reason to stop: the rest still helps.
            if let Ok(cert) = Certificate::parse(&der) {
                config.supplied.push(Arc::new(cert));
            }
        }
    }
    Ok(config)
}

/// The certificates of a file, or of all files of a folder.
fn certificates(path: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut ders = Vec::new();
    for file in files(path)? {
        let size = fs::metadata(&file)
            .with_context(|| format!("cannot read {}", file.display()))?
            .len();
        anyhow::ensure!(
            size <= LARGEST,
            "{} is too large for a certificate file",
            file.display()
        );
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        ders.extend(pem::certificates(&bytes));
    }
    anyhow::ensure!(
        !ders.is_empty(),
        "no certificate (PEM or DER) in {}",
        path.display()
    );
    Ok(ders)
}

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let meta = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !meta.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries =
        fs::read_dir(path).with_context(|| format!("cannot read the folder {}", path.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.is_file())
        .collect();
    found.sort();
    Ok(found)
}
