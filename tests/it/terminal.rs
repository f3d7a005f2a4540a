//! The terminal UI as people meet it: the real program in a pseudo-terminal, keys in, a screen out.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use vt100::{MouseProtocolMode, Parser};

use crate::packaged;

const CAPTURE: &str = "captures/lab/30-mixed-two-hosts.pcapng";
/// Far longer than anything takes; only a failure waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program in a terminal.
struct Session {
    master: Box<dyn MasterPty + Send>,
    /// Kept open, so that the terminal outlives the program and can be looked at.
    _slave: Box<dyn SlavePty + Send>,
    keyboard: Arc<Mutex<Box<dyn std::io::Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    parser: Arc<Mutex<Parser>>,
    /// Everything that was written to the terminal.
    raw: Arc<Mutex<Vec<u8>>>,
}

/// How a session starts.
struct Setup<'a> {
    args: &'a [&'a str],
    size: (u16, u16),
    env: &'a [(&'a str, &'a str)],
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            args: &[CAPTURE],
            size: (80, 24),
            env: &[],
        }
    }
}

impl Session {
    fn start(setup: &Setup<'_>) -> Self {
        let mut command = CommandBuilder::new(assert_cmd::cargo::cargo_bin!("whylencr"));
        command.args(setup.args);
        Self::run(command, setup)
    }

    /// The same with a shell before it: `$0` is the program.
    fn start_in_shell(script: &str, setup: &Setup<'_>) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", script]);
        command.arg(assert_cmd::cargo::cargo_bin!("whylencr"));
        Self::run(command, setup)
    }

    fn run(mut command: CommandBuilder, setup: &Setup<'_>) -> Self {
        let (cols, rows) = setup.size;
        let size = PtySize {
            rows,
            cols,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        command.cwd(packaged(""));
        for name in [
            "NO_COLOR",
            "SSH_CONNECTION",
            "SSH_TTY",
            "XDG_CONFIG_HOME",
            "LC_CTYPE",
            "LANG",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        // What is not asked for cannot be late.
        command.env("COLORFGBG", "15;0");
        command.env("LC_ALL", "C.UTF-8");
        command.env("HOME", "/nonexistent");
        for (name, value) in setup.env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the tool starts");
        let parser = Arc::new(Mutex::new(parser(setup.size)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let mut output = pair.master.try_clone_reader().expect("its output");
        let (screen, bytes) = (Arc::clone(&parser), Arc::clone(&raw));
        let keyboard = Arc::new(Mutex::new(pair.master.take_writer().expect("its keyboard")));
        let answers = Arc::clone(&keyboard);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                // A terminal with a white background, should anybody ask.
                if buffer[..count].windows(6).any(|w| w == b"\x1b]11;?") {
                    let answer = b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?1;2c";
                    let mut keyboard = answers.lock().unwrap();
                    let _ = keyboard.write_all(answer).and_then(|()| keyboard.flush());
                }
                screen.lock().unwrap().process(&buffer[..count]);
                bytes.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            keyboard,
            master: pair.master,
            _slave: pair.slave,
            child,
            parser,
            raw,
        }
    }

    fn text(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// Waits until the screen shows some words.
    fn shows(&self, words: &str) -> &Self {
        self.waits(words, |text| text.contains(words));
        self
    }

    /// Waits until the screen no longer shows some words.
    fn shows_no(&self, words: &str) -> &Self {
        self.waits(words, |text| !text.contains(words));
        self
    }

    fn waits(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let text = self.text();
            if holds(&text) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "waited for {what:?}:\n{text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Types: characters as they are, keys by their bytes.
    fn types(&mut self, keys: &str) -> &mut Self {
        let mut keyboard = self.keyboard.lock().unwrap();
        keyboard.write_all(keys.as_bytes()).expect("typed");
        keyboard.flush().expect("typed");
        drop(keyboard);
        self
    }

    fn resize(&self, (cols, rows): (u16, u16)) {
        let size = PtySize {
            rows,
            cols,
            ..PtySize::default()
        };
        *self.parser.lock().unwrap() = parser((cols, rows));
        self.master.resize(size).expect("another size");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.process_id().expect("it runs").to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", name, &pid])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the end; the exit code.
    fn ends(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                // What it wrote last may still be on its way.
                self.waits("the end of the UI", |_| !self.is_taken());
                return status.exit_code();
            }
            assert!(began.elapsed() < PATIENCE, "still runs:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the terminal is in any state a shell would not want.
    fn is_taken(&self) -> bool {
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        let modes = self.master.get_termios().expect("modes").local_flags;
        let modes = format!("{modes:?}");
        screen.alternate_screen()
            || screen.hide_cursor()
            || screen.bracketed_paste()
            || screen.mouse_protocol_mode() != MouseProtocolMode::None
            || !(modes.contains("ICANON") && modes.contains("ECHO"))
    }

    /// Whether it wrote in the accent of the light theme.
    fn is_light(&self) -> bool {
        self.wrote(b"38;5;25;") || self.wrote(b"38;5;25m")
    }

    fn wrote(&self, bytes: &[u8]) -> bool {
        let raw = self.raw.lock().unwrap();
        raw.windows(bytes.len()).any(|window| window == bytes)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It has ended already unless a test failed.
        let _ = self.child.kill();
    }
}

fn parser((cols, rows): (u16, u16)) -> Parser {
    Parser::new(rows.try_into().unwrap(), cols.try_into().unwrap(), 0)
}

const ESC: &str = "\x1b";
const ENTER: &str = "\r";

#[test]
fn every_screen_can_be_walked_and_quitting_restores_the_terminal() {
    let mut ui = Session::start(&Setup::default());
    ui.shows("Contacts 13").shows("1 Contacts");
    assert!(ui.is_taken() && !ui.is_light());
    for (key, words) in [
        ("2", "Sites 7"),
        ("3", "Devices "),
        ("4", "Lookups "),
        ("5", "Alerts "),
        ("6", "What this capture cannot show"),
        ("7", "Signs and words"),
        ("1", "Contacts 13"),
        (ENTER, "Contact #"),
        (ESC, "Contacts 13"),
        ("?", "Keys: Contacts"),
        (ESC, "Timeline"),
        (":", "Actions"),
    ] {
        ui.types(key).shows(words);
    }
    ui.types(ESC).shows_no("Actions");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
    assert!(!ui.text().contains("Contacts"), "{}", ui.text());
}

#[test]
fn why_is_five_keys_away() {
    // Nothing read beforehand: the first screen says why already, Enter says it in full.
    let mut ui = Session::start(&Setup::default());
    ui.shows("╭ Why ").shows("client").shows("Enter details");
    ui.types(ENTER).shows("very probably caused");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
}

#[test]
fn a_filter_narrows_the_list_and_the_export() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out.json");
    let mut ui = Session::start(&Setup::default());
    ui.shows("Contacts 13");
    ui.types("/kind:cr").shows("Filter: ");
    ui.types("\t").shows("/kind:crl").shows("Filter: 3 of 13");
    ui.types(ENTER).shows("Contacts 3 of 13");
    ui.types("e").shows("Export 3 of 13 contacts");
    ui.types("j").shows("whylencr.json");
    // Ctrl-U empties the line.
    ui.types(&format!("\x15{}{ENTER}", file.display()))
        .shows("Wrote ");
    let written = std::fs::read(&file).expect("written");
    let document: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(document["findings"].as_array().map(Vec::len), Some(3));
    // Never over another file.
    ui.types(&format!("ej\x15{}{ENTER}", file.display()))
        .shows("exists already");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
}

#[test]
fn copying_goes_through_the_terminal() {
    let mut ui = Session::start(&Setup::default());
    ui.shows("Contacts 13");
    ui.types("yw").shows("Copied the why");
    assert!(ui.wrote(b"\x1b]52;c;"));
    ui.types("q");
    assert_eq!(ui.ends(), 0);
}

#[test]
fn another_size_is_another_picture() {
    let mut ui = Session::start(&Setup::default());
    ui.shows("Contacts 13");
    ui.resize((160, 48));
    ui.shows("╭ Activity").shows("client");
    ui.resize((60, 16));
    ui.shows("Contacts 13").shows_no("Timeline");
    ui.resize((40, 10));
    ui.shows("needs 60 columns");
    ui.resize((80, 24));
    ui.shows("Contacts 13").shows("Timeline");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
}

#[test]
fn a_signal_restores_the_terminal_and_shows_in_the_exit_code() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut ui = Session::start(&Setup::default());
        ui.shows("Contacts 13");
        ui.signal(signal);
        assert_eq!(ui.ends(), code, "{signal}");
    }
}

#[test]
fn stopping_gives_the_terminal_back_and_going_on_takes_it_again() {
    for by_key in [false, true] {
        let mut ui = Session::start(&Setup::default());
        ui.shows("Contacts 13");
        if by_key {
            ui.types("\x1a");
        } else {
            ui.signal("TSTP");
        }
        ui.waits("the shell's screen", |_| !ui.is_taken());
        ui.signal("CONT");
        ui.shows("Contacts 13");
        assert!(ui.is_taken());
        ui.types("2").shows("Sites 7");
        ui.types("q");
        assert_eq!(ui.ends(), 0);
    }
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "no release can be told to panic")]
fn a_panic_restores_the_terminal_before_it_is_told() {
    let mut ui = Session::start(&Setup {
        env: &[
            ("WHYLENCR_REHEARSE_PANIC", "screen"),
            ("RUST_BACKTRACE", "0"),
        ],
        ..Setup::default()
    });
    ui.shows("Contacts 13");
    // Ctrl-L
    ui.types("\x0c");
    assert_eq!(ui.ends(), 101);
    ui.shows("rehearsed mistake");
    assert!(!ui.text().contains("Contacts 13"), "{}", ui.text());
}

#[test]
#[cfg_attr(not(debug_assertions), ignore = "no release can be told to panic")]
fn a_panic_of_the_reader_is_told_on_the_screen() {
    let mut ui = Session::start(&Setup {
        env: &[("WHYLENCR_REHEARSE_PANIC", "reader")],
        ..Setup::default()
    });
    ui.shows("cut short");
    ui.types("6").shows("reader); the results so far stand");
    ui.types("q");
    assert_eq!(ui.ends(), 3);
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_text() {
    let dumb = Setup {
        env: &[("TERM", "dumb")],
        ..Setup::default()
    };
    let mut ui = Session::start(&dumb);
    assert_eq!(ui.ends(), 0);
    assert!(!ui.wrote(b"\x1b["), "{}", ui.text());
    let asked = Setup {
        args: &["--format", "tui", CAPTURE],
        ..dumb
    };
    let mut ui = Session::start(&asked);
    assert_eq!(ui.ends(), 1);
    ui.shows("TERM=dumb").shows("--format text");
}

#[test]
fn without_colour_nothing_is_coloured() {
    let mut ui = Session::start(&Setup {
        env: &[("NO_COLOR", "1")],
        ..Setup::default()
    });
    ui.shows("Contacts 13").shows("● strong");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
    // SGR 38 and 48 choose colours, 30 to 37 too.
    let raw = String::from_utf8_lossy(&ui.raw.lock().unwrap()).into_owned();
    for colour in [
        "\x1b[38;", "\x1b[48;", ";38;", ";48;", "\x1b[31m", "\x1b[36m",
    ] {
        assert!(!raw.contains(colour), "{colour:?}");
    }
}

#[test]
fn a_light_background_gets_the_light_theme() {
    let told = Setup {
        env: &[("COLORFGBG", "0;15")],
        ..Setup::default()
    };
    let mut ui = Session::start(&told);
    ui.shows("Contacts 13");
    assert!(ui.is_light());
    ui.types("q");
    assert_eq!(ui.ends(), 0);
    // Asked, the terminal answers at once; a busy machine may still be too slow for the time that is given.
    let light = (0..20).any(|_| {
        let mut ui = Session::start(&Setup {
            env: &[("COLORFGBG", "")],
            ..Setup::default()
        });
        ui.shows("Contacts 13");
        ui.types("q");
        assert_eq!(ui.ends(), 0);
        ui.is_light()
    });
    assert!(light);
}

#[test]
fn the_configuration_sets_keys_theme_and_columns_and_errors_name_their_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("whylencr");
    std::fs::create_dir(&home).expect("made");
    let file = home.join("config.toml");
    let text = "theme = \"mono\"\ncolumns = [\"device\", \"site\"]\n[keys]\nsort = \"Ctrl-X\"\nquit = \"Q\"\n";
    std::fs::write(&file, text).expect("written");
    let env = [("XDG_CONFIG_HOME", folder.path().to_str().expect("UTF-8"))];
    let mut ui = Session::start(&Setup {
        env: &env,
        size: (160, 48),
        ..Setup::default()
    });
    ui.shows("  device           site").shows("Ctrl-X sort");
    ui.types("\x18").shows("Sorted by site");
    ui.types("?").shows("Ctrl-X           sort by");
    ui.types("Qs").shows_no("Keys:").shows_no("Sorted by");
    ui.types("Q");
    assert_eq!(ui.ends(), 0);
    std::fs::write(&file, "\n[keys]\nsrot = \"x\"\n").expect("written");
    for args in [
        &[CAPTURE][..],
        &["--config", file.to_str().expect("UTF-8"), CAPTURE],
    ] {
        let mut ui = Session::start(&Setup {
            args,
            env: &env,
            size: (160, 24),
        });
        assert_eq!(ui.ends(), 1);
        ui.shows("config.toml, line 3: there is no action 'srot'; did you mean 'sort'?");
    }
    let mut ui = Session::start(&Setup {
        args: &["--config", "/no/such/file", CAPTURE],
        ..Setup::default()
    });
    assert_eq!(ui.ends(), 1);
    ui.shows("cannot read the configuration /no/such/file");
}

#[test]
fn another_capture_is_opened_from_inside() {
    let mut ui = Session::start(&Setup::default());
    ui.shows("Contacts 13");
    ui.types("O")
        .shows("Open another capture")
        .shows("captures/lab/");
    ui.types("01a\t").shows("01a-firefox-ocsp-tls12.pcap");
    ui.types(ENTER).shows(" whylencr  01a-firefox");
    ui.shows_no("13 contacts");
    // What cannot be opened leaves what is there.
    ui.types("O\x15no/such.pcap")
        .types(ENTER)
        .shows("cannot open no/such.pcap");
    ui.types("O\x15README.md").types(ENTER).shows("README.md");
    ui.shows(" whylencr  01a-firefox");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
}

#[test]
fn what_cannot_be_read_is_told_before_the_screen_is_taken() {
    for (path, words) in [
        ("no/such.pcap", "cannot open no/such.pcap"),
        ("README.md", "README.md is a text file"),
    ] {
        let mut ui = Session::start(&Setup {
            args: &[path],
            ..Setup::default()
        });
        assert_eq!(ui.ends(), 1);
        ui.shows(words);
        assert!(!ui.wrote(b"\x1b[?1049h"), "no screen was taken");
    }
}

#[test]
fn the_evidence_is_written_from_inside_and_explains_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("proof.pcapng");
    let mut ui = Session::start(&Setup {
        size: (120, 30),
        ..Setup::default()
    });
    ui.shows("Contacts 13");
    // The palette knows it by what it does.
    ui.types(":write the").shows("write the frames that prove");
    ui.types(ENTER).shows("frames that prove 13 contacts");
    ui.types(&format!("\x15{}{ENTER}", file.display()));
    ui.shows("frames to ");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
    let mut ui = Session::start(&Setup {
        args: &[file.to_str().expect("UTF-8")],
        ..Setup::default()
    });
    ui.shows("Contacts 13");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
}

#[test]
fn a_capture_on_standard_input_leaves_the_keyboard_to_the_terminal() {
    // The writer stays, as a live one would: what came so far is shown although nothing follows.
    let script = format!("(cat {CAPTURE}; exec sleep 600) | $0 -r -");
    let mut ui = Session::start_in_shell(&script, &Setup::default());
    ui.shows("Contacts 13");
    ui.types("2").shows("Sites 7");
    ui.types("1b").shows("There is no file to read them from");
    ui.types(ESC).shows_no("There is no file");
    ui.types("q");
    ui.waits("the end of the UI", |_| !ui.is_taken());
}

#[test]
fn a_growing_file_is_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("growing.pcapng");
    let whole = std::fs::read(packaged(CAPTURE)).expect("the capture");
    std::fs::write(&file, &whole[..whole.len() / 2]).expect("written");
    let mut ui = Session::start(&Setup {
        args: &["--follow", file.to_str().expect("UTF-8")],
        ..Setup::default()
    });
    ui.shows("Contacts ").shows_no("Contacts 13");
    std::fs::write(&file, &whole).expect("written");
    ui.shows("Contacts 13");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
}

#[test]
fn pseudonyms_are_there_from_the_start_when_asked_for() {
    let mut ui = Session::start(&Setup {
        args: &["--redact", CAPTURE],
        size: (160, 48),
        ..Setup::default()
    });
    ui.shows("Contacts 13")
        .shows("REDACTED")
        .shows_no("2001:db8:50::11");
    ui.types("R").shows("2001:db8:50::11");
    ui.types("q");
    assert_eq!(ui.ends(), 0);
}
