//! Rooms use only what lies before them (ARCHITECTURE.md): every `crate::` path of `src` against one table.

use std::path::{Path, PathBuf};

use crate::packaged;

/// What each room may use, besides itself and the vocabulary. `cli` and `main` are looms: everything.
const MAY_USE: &[(&str, &[&str])] = &[
    ("capture", &[]),
    ("wire", &["flow", "crypto"]),
    ("flow", &["wire", "recent"]),
    ("proto", &["wire", "flow", "pki", "crypto", "recent"]),
    ("pki", &["crypto"]),
    ("crypto", &[]),
    ("correlate", &["pki", "crypto", "flow", "recent"]),
    ("engine", &["wire", "flow", "proto", "pki", "correlate"]),
    ("report", &["pki", "crypto", "flow"]),
    ("evidence", &["report", "wire", "flow"]),
    ("filter", &["report", "wire", "flow", "pki"]),
    ("tui", &["report", "filter", "pki", "flow"]),
    ("time", &[]),
    ("frame", &[]),
    ("limits", &[]),
    ("recent", &[]),
    ("event", &["flow", "pki"]),
    ("finding", &["flow", "pki"]),
];

/// Modules of values, which every room speaks.
const VOCABULARY: &[&str] = &["time", "frame", "event", "finding", "limits"];

#[test]
fn rooms_use_only_what_they_may() {
    let source = packaged("src");
    let mut offending = Vec::new();
    for file in files(&source) {
        let room = room(&source, &file);
        let Some((_, may)) = MAY_USE.iter().find(|(name, _)| *name == room) else {
            assert!(
                matches!(room.as_str(), "lib" | "main" | "cli"),
                "`{room}` is not in the table"
            );
            continue;
        };
        let text = std::fs::read_to_string(&file).expect("a readable file");
        // Tests may borrow from anywhere.
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        if file
            .components()
            .any(|c| c.as_os_str().to_string_lossy().starts_with("test"))
        {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in line.split("crate::").skip(1) {
                let used: String = used
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let fine = used == room
                    || used.is_empty()
                    || VOCABULARY.contains(&used.as_str())
                    || may.contains(&used.as_str())
                    || used.chars().next().is_some_and(char::is_uppercase);
                if !fine {
                    offending.push(format!(
                        "{}:{}: {room} uses {used}",
                        file.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(offending.is_empty(), "{}", offending.join("\n"));
}

/// The core asks no clock, file, socket or environment.
#[test]
fn the_core_touches_nothing_outside() {
    let source = packaged("src");
    let core = [
        "wire",
        "flow",
        "proto",
        "pki",
        "correlate",
        "engine",
        "crypto",
    ];
    for file in files(&source) {
        if !core.contains(&room(&source, &file).as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a readable file");
        for outside in [
            "std::fs",
            "std::env::",
            "std::net::Tcp",
            "std::net::Udp",
            "SystemTime",
            "Instant::now",
            "std::thread",
        ] {
            // Threads that only share out work whose results are taken in order: no outside is asked.
            let shares = outside == "std::thread" && file.ends_with("correlate/judge/share.rs");
            assert!(
                shares || !text.contains(outside),
                "{}: {outside}",
                file.display()
            );
        }
    }
}

fn room(source: &Path, file: &Path) -> String {
    let inside = file.strip_prefix(source).expect("a file of src");
    let first = inside.components().next().expect("a name");
    Path::new(first.as_os_str())
        .with_extension("")
        .to_string_lossy()
        .into_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
