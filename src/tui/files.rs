//! Files that the UI writes and looks for.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write as _};

use crate::finding::Report;
use crate::report::{self, Format, Options};

/// More paths than this nobody chooses from.
const MOST: usize = 200;

/// Writes a report to a new file; never over another.
pub(super) fn save(
    format: Format,
    path: &str,
    report: &Report,
    options: &Options,
) -> Result<String, String> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(expanded(path))
        .map_err(|error| refused(path, &error))?;
    let mut out = BufWriter::new(file);
    report::write(format, report, options, &mut out)
        .and_then(|()| out.flush())
        .map_err(|error| refused(path, &error))?;
    Ok(format!("Wrote {path}."))
}

/// Why a new file could not be written.
pub(super) fn refused(path: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{path} exists already; choose another name."),
        _ => format!("Cannot write {path}: {error}"),
    }
}

/// A path with the home folder in place of `~`, as shells do it.
pub(super) fn expanded(path: &str) -> String {
    match (path.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest).to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

/// Paths that begin as the text says, in order; folders end in a slash.
pub(super) fn beginning_with(text: &str) -> Vec<String> {
    let (folder, start) = text.split_at(text.rfind('/').map_or(0, |at| at + 1));
    let place = match folder {
        "" => ".".to_owned(),
        folder => expanded(folder),
    };
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    let mut paths: Vec<String> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            // Hidden files are for those who ask for them.
            let wanted =
                name.starts_with(start) && (start.starts_with('.') || !name.starts_with('.'));
            let slash = if entry.path().is_dir() { "/" } else { "" };
            wanted.then(|| format!("{folder}{name}{slash}"))
        })
        .collect();
    paths.sort();
    paths.truncate(MOST);
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_completed_as_they_were_begun() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["one.pcap", "one.txt", "two.pcap", ".hidden"] {
            fs::File::create(folder.path().join(name)).unwrap();
        }
        fs::create_dir(folder.path().join("once")).unwrap();
        let at = |name: &str| format!("{}/{name}", folder.path().display());
        assert_eq!(
            beginning_with(&at("on")),
            [at("once/"), at("one.pcap"), at("one.txt")]
        );
        assert_eq!(beginning_with(&at(".")), [at(".hidden")]);
        assert_eq!(beginning_with(&at("")).len(), 4);
        assert!(beginning_with("/no/such/folder/").is_empty());
    }

    #[test]
    fn nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.txt").display().to_string();
        let write = || save(Format::Text, &path, &Report::default(), &Options::default());
        assert_eq!(write(), Ok(format!("Wrote {path}.")));
        assert!(write().unwrap_err().contains("exists already"));
    }
}
