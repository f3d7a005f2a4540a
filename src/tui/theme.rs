//! Colours and signs. A status always has a shape and a word besides its colour.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::finding::{Finding, Severity};
use crate::report::prose;

/// A set of colours.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ThemeName {
    /// For dark backgrounds.
    #[default]
    Dark,
    /// For light backgrounds.
    Light,
    /// Bright on black, bold.
    HighContrast,
    /// Colours that people with any colour vision tell apart (Okabe and Ito).
    ColorBlind,
    /// No colour at all.
    Mono,
}

impl ThemeName {
    /// All of them, in the order in which the key goes through them.
    pub const ALL: [Self; 5] = [
        Self::Dark,
        Self::Light,
        Self::HighContrast,
        Self::ColorBlind,
        Self::Mono,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::ColorBlind => "color-blind",
            Self::Mono => "mono",
        }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|t| *t == self).unwrap_or(0);
        Self::ALL
            .get((place + 1) % Self::ALL.len())
            .copied()
            .unwrap_or_default()
    }
}

/// Styles by meaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    pub(super) text: Style,
    pub(super) dim: Style,
    pub(super) strong: Style,
    pub(super) accent: Style,
    pub(super) border: Style,
    pub(super) focus: Style,
    pub(super) bar: Style,
    pub(super) key: Style,
    pub(super) selected: Style,
    pub(super) resting: Style,
    pub(super) good: Style,
    pub(super) fair: Style,
    pub(super) bad: Style,
    pub(super) dns: Style,
    pub(super) tcp: Style,
    pub(super) tls: Style,
    pub(super) wait: Style,
    pub(super) fetch: Style,
}

impl Theme {
    pub(super) fn of(name: ThemeName) -> Self {
        let plain = Style::new();
        let fg = |color| plain.fg(color);
        let bold = plain.add_modifier(Modifier::BOLD);
        let reverse = plain.add_modifier(Modifier::REVERSED);
        match name {
            ThemeName::Dark => Self {
                text: plain,
                dim: fg(Color::Indexed(245)),
                strong: bold,
                accent: fg(Color::Indexed(80)).add_modifier(Modifier::BOLD),
                border: fg(Color::Indexed(240)),
                focus: fg(Color::Indexed(80)),
                bar: plain.bg(Color::Indexed(236)).fg(Color::Indexed(252)),
                key: fg(Color::Indexed(80)),
                selected: plain
                    .bg(Color::Indexed(24))
                    .fg(Color::Indexed(231))
                    .add_modifier(Modifier::BOLD),
                resting: plain.bg(Color::Indexed(237)),
                good: fg(Color::Indexed(114)),
                fair: fg(Color::Indexed(221)),
                bad: fg(Color::Indexed(210)).add_modifier(Modifier::BOLD),
                dns: fg(Color::Indexed(183)),
                tcp: fg(Color::Indexed(248)),
                tls: fg(Color::Indexed(75)),
                wait: fg(Color::Indexed(221)),
                fetch: fg(Color::Indexed(114)),
            },
            ThemeName::Light => Self {
                text: plain,
                dim: fg(Color::Indexed(242)),
                strong: bold,
                accent: fg(Color::Indexed(25)).add_modifier(Modifier::BOLD),
                border: fg(Color::Indexed(248)),
                focus: fg(Color::Indexed(25)),
                bar: plain.bg(Color::Indexed(254)).fg(Color::Indexed(236)),
                key: fg(Color::Indexed(25)),
                selected: plain
                    .bg(Color::Indexed(25))
                    .fg(Color::Indexed(231))
                    .add_modifier(Modifier::BOLD),
                resting: plain.bg(Color::Indexed(254)),
                good: fg(Color::Indexed(28)),
                fair: fg(Color::Indexed(130)),
                bad: fg(Color::Indexed(124)).add_modifier(Modifier::BOLD),
                dns: fg(Color::Indexed(91)),
                tcp: fg(Color::Indexed(243)),
                tls: fg(Color::Indexed(25)),
                wait: fg(Color::Indexed(130)),
                fetch: fg(Color::Indexed(28)),
            },
            ThemeName::HighContrast => Self {
                text: fg(Color::White),
                dim: fg(Color::White),
                strong: fg(Color::White).add_modifier(Modifier::BOLD),
                accent: fg(Color::LightYellow).add_modifier(Modifier::BOLD),
                border: fg(Color::White),
                focus: fg(Color::LightYellow).add_modifier(Modifier::BOLD),
                bar: plain.bg(Color::White).fg(Color::Black),
                key: fg(Color::LightYellow).add_modifier(Modifier::BOLD),
                selected: plain
                    .bg(Color::LightYellow)
                    .fg(Color::Black)
                    .add_modifier(Modifier::BOLD),
                resting: reverse,
                good: fg(Color::LightGreen).add_modifier(Modifier::BOLD),
                fair: fg(Color::LightYellow).add_modifier(Modifier::BOLD),
                bad: fg(Color::LightRed).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
                dns: fg(Color::LightMagenta),
                tcp: fg(Color::White),
                tls: fg(Color::LightCyan),
                wait: fg(Color::LightYellow),
                fetch: fg(Color::LightGreen),
            },
            ThemeName::ColorBlind => Self {
                text: plain,
                dim: fg(Color::Indexed(246)),
                strong: bold,
                accent: fg(Color::Rgb(86, 180, 233)).add_modifier(Modifier::BOLD),
                border: fg(Color::Indexed(242)),
                focus: fg(Color::Rgb(86, 180, 233)),
                bar: plain.bg(Color::Indexed(236)).fg(Color::Indexed(252)),
                key: fg(Color::Rgb(86, 180, 233)),
                selected: plain
                    .bg(Color::Rgb(0, 90, 140))
                    .fg(Color::Indexed(231))
                    .add_modifier(Modifier::BOLD),
                resting: plain.bg(Color::Indexed(237)),
                good: fg(Color::Rgb(86, 180, 233)),
                fair: fg(Color::Rgb(240, 228, 66)),
                bad: fg(Color::Rgb(213, 94, 0)).add_modifier(Modifier::BOLD),
                dns: fg(Color::Rgb(204, 121, 167)),
                tcp: fg(Color::Indexed(248)),
                tls: fg(Color::Rgb(86, 180, 233)),
                wait: fg(Color::Rgb(240, 228, 66)),
                fetch: fg(Color::Rgb(230, 159, 0)),
            },
            ThemeName::Mono => Self {
                text: plain,
                dim: plain.add_modifier(Modifier::DIM),
                strong: bold,
                accent: bold,
                border: plain.add_modifier(Modifier::DIM),
                focus: bold,
                bar: reverse,
                key: bold,
                selected: reverse,
                resting: plain.add_modifier(Modifier::UNDERLINED),
                good: plain,
                fair: plain,
                bad: bold,
                dns: plain,
                tcp: plain,
                tls: plain,
                wait: plain.add_modifier(Modifier::DIM),
                fetch: bold,
            },
        }
    }

    pub(super) const fn status(&self, status: Status) -> Style {
        match status {
            Status::Proven | Status::Strong => self.good,
            Status::Likely | Status::Possible | Status::Unexplained => self.fair,
            Status::Odd => self.bad,
        }
    }

    pub(super) const fn severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::Info => self.dim,
            Severity::Low => self.text,
            Severity::Medium => self.fair,
            Severity::High => self.bad,
        }
    }
}

/// How a finding stands, as far as its sign and colour go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    Proven,
    Strong,
    Likely,
    Possible,
    Unexplained,
    Odd,
}

impl Status {
    pub(super) fn of(finding: &Finding) -> Self {
        match prose::standing(finding) {
            "proven" => Self::Proven,
            "strong" => Self::Strong,
            "likely" => Self::Likely,
            "possible" => Self::Possible,
            "unexplained" => Self::Unexplained,
            _ => Self::Odd,
        }
    }
}

/// Signs of the screen: for terminals that know Unicode, and for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glyphs {
    pub(super) border: border::Set<'static>,
    pub(super) open: &'static str,
    pub(super) folded: &'static str,
    pub(super) mark: &'static str,
    pub(super) alert: &'static str,
    pub(super) bullet: &'static str,
    pub(super) thumb: &'static str,
    pub(super) track: &'static str,
    pub(super) levels: [&'static str; 9],
    pub(super) dns: &'static str,
    pub(super) tcp: &'static str,
    pub(super) tls: &'static str,
    pub(super) wait: &'static str,
    pub(super) fetch: &'static str,
    pub(super) data: &'static str,
    pub(super) tick: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    pub(super) no: &'static str,
    pub(super) yes: &'static str,
    ascii: bool,
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

impl Glyphs {
    pub(super) const fn of(ascii: bool) -> Self {
        if ascii {
            Self {
                border: ASCII_BORDER,
                open: "v",
                folded: ">",
                mark: "*",
                alert: "!",
                bullet: "-",
                thumb: "#",
                track: ":",
                levels: [" ", ".", ".", ":", ":", "|", "|", "#", "#"],
                dns: "-",
                tcp: ".",
                tls: "=",
                wait: "~",
                fetch: "#",
                data: "_",
                tick: "|",
                up: "^",
                down: "v",
                no: "x",
                yes: "+",
                ascii,
            }
        } else {
            Self {
                border: border::ROUNDED,
                open: "▾",
                folded: "▸",
                mark: "★",
                alert: "▲",
                bullet: "•",
                thumb: "┃",
                track: "│",
                levels: [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
                dns: "▬",
                tcp: "╌",
                tls: "━",
                wait: "░",
                fetch: "█",
                data: "┈",
                tick: "┊",
                up: "↑",
                down: "↓",
                no: "✗",
                yes: "✓",
                ascii,
            }
        }
    }

    pub(super) const fn status(&self, status: Status) -> &'static str {
        match (status, self.ascii) {
            (Status::Proven, false) => "◆",
            (Status::Strong, false) => "●",
            (Status::Likely, false) => "◐",
            (Status::Possible, false) => "○",
            (Status::Odd, false) => "▲",
            (Status::Proven, true) => "#",
            (Status::Strong, true) => "@",
            (Status::Likely, true) => "o",
            (Status::Possible, true) => ".",
            (Status::Odd, true) => "!",
            (Status::Unexplained, _) => "?",
        }
    }
}
