#!/bin/sh
# Dumps the terminal UI at 80x24 and 160x48 into docs/screen-*.txt and the README, with the real program in tmux.
# Usage: docs/screens.sh [BINARY]
set -eu
cd "$(dirname "$0")/.."
binary=${1:-target/release/whylencr}
capture=captures/lab/30-mixed-two-hosts.pcapng
server="whylencr-screens-$$"
work=$(mktemp -d)
trap 'tmux -L "$server" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

keys() { tmux -L "$server" send-keys -t ui "$@"; }

await() { # words: waits until the screen shows them
    for _ in $(seq 200); do
        if tmux -L "$server" capture-pane -p -t ui | grep -qF -- "$1"; then return; fi
        sleep 0.05
    done
    echo "the screen never showed: $1" >&2
    exit 1
}

look() { # title
    printf '## %s\n\n' "$1"
    tmux -L "$server" capture-pane -p -t ui
    printf '\n'
}

shoot() { # columns rows: opens the UI, walks through it, prints what is seen
    tmux -L "$server" new-session -d -s ui -x "$1" -y "$2" \
        "env -u NO_COLOR LC_ALL=C.UTF-8 XDG_CONFIG_HOME=/nonexistent $binary --ca captures/lab/pki $capture"
    await "Contacts 13"; await "● STRONG"
    look "No key yet: whylencr $(basename "$capture")"
    keys Enter; await "Contact #1"
    look "Enter: why this contact happened, in full"
    keys l; await "Contact #2"
    look "l: the next contact, one without a single site, and what would settle it"
    keys Escape; await "Contacts 13"
    keys g; await "by site"
    look "Esc g: contacts by site"
    keys 2; await "This site"
    look "2: the sites"
    keys 1; await "by site"
    keys g g g g; await "Not grouped"
    keys /; await "Filter:"
    keys -l 'kind:ocsp -c'; await "confidence:"
    look "1 / kind:ocsp -c: a filter, checked and completed while it is typed"
    keys Escape; await "Contacts 13"
    keys b; await "0000  "
    look "Esc b: the bytes of the frames that prove it, the proof marked (in colour)"
    keys Escape; await "Timeline"
    keys '?'; await "Keys:"
    look "Esc ?: the keys"
    keys q; sleep 0.2; keys q
    tmux -L "$server" kill-session -t ui 2>/dev/null || true
}

first() { # file section: one picture of a dump
    awk -v wanted="$2" '/^## /{n++; next} n == wanted' "$1" | sed -e '1d' -e 's/ *$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

for size in 80x24 160x48; do
    shoot "${size%x*}" "${size#*x}" >"$work/$size"
    cp "$work/$size" "docs/screen-$size.txt"
done

{
    printf '```\n'; first "$work/80x24" 1; printf '```\n\n'
    printf 'Enter tells the whole story of the contact:\n\n'
    printf '```\n'; first "$work/80x24" 2; printf '```\n\n'
    printf '<details><summary>The same on a terminal of 160 columns</summary>\n\n'
    printf '```\n'; first "$work/160x48" 1; printf '```\n\n</details>\n'
} >"$work/readme"
awk -v part="$work/readme" '
    /<!-- screens: made by docs\/screens.sh -->/ { print; while ((getline line < part) > 0) print line; skip = 1; next }
    /<!-- end of screens -->/ { skip = 0 }
    !skip
' README.md >"$work/README.md"
cp "$work/README.md" README.md
