#!/bin/sh
# Dumps the terminal UI at 80x24 and 160x48 into docs/screen-*.txt, with the real binary in tmux.
# Usage: docs/screens.sh [BINARY]
set -eu
cd "$(dirname "$0")/.."
binary=${1:-target/release/whylencr}
capture=captures/lab/30-mixed-two-hosts.pcapng
server="whylencr-screens-$$"
trap 'tmux -L "$server" kill-server 2>/dev/null || true' EXIT

shoot() { # columns rows: opens the UI, walks through it, prints what is seen
    tmux -L "$server" new-session -d -s ui -x "$1" -y "$2" \
        "env LC_ALL=C.UTF-8 $binary --ca captures/lab/pki $capture"
    sleep 2
    look "The first screen: whylencr $(basename "$capture")"
    tmux -L "$server" send-keys -t ui Enter; sleep 0.4
    look "Enter: why this contact happened"
    tmux -L "$server" send-keys -t ui Escape; sleep 0.4
    tmux -L "$server" send-keys -t ui g; sleep 0.4
    look "Esc g: contacts by site"
    tmux -L "$server" send-keys -t ui 2; sleep 0.4
    look "2: the sites"
    tmux -L "$server" send-keys -t ui 1; sleep 0.2
    tmux -L "$server" send-keys -t ui / ; sleep 0.2
    tmux -L "$server" send-keys -t ui -l 'kind:ocsp -c'; sleep 0.4
    look "1 / kind:ocsp -c: a filter, checked and completed while it is typed"
    tmux -L "$server" send-keys -t ui Escape; sleep 0.2
    tmux -L "$server" send-keys -t ui '?'; sleep 0.4
    look "Esc ?: the keys"
    tmux -L "$server" send-keys -t ui q q
    tmux -L "$server" kill-session -t ui 2>/dev/null || true
}

look() {
    printf '%s\n\n' "## $1"
    tmux -L "$server" capture-pane -p -t ui
    printf '\n'
}

for size in 80x24 160x48; do
    shoot "${size%x*}" "${size#*x}" >"docs/screen-$size.txt"
done
