#!/bin/sh
# Peak memory of whylencr on captures made to exhaust it (tests/support/hostile). Each is made, read and removed.
#
#   tests/bench/hostile.sh [-s BYTES] [-b BINARY] [KIND ...]
#
# By default the flood of SYNs has 2 GB and the others 200 MB, which for the handshakes is more than 100,000 connections.
set -eu
size=
binary=target/release/whylencr
while getopts s:b: flag; do
    case $flag in
    s) size=$OPTARG ;;
    b) binary=$OPTARG ;;
    *) exit 2 ;;
    esac
done
make=$(dirname "$binary")/examples/hostile
[ -x "$make" ] || { echo "build it first: cargo build --release --example hostile" >&2; exit 1; }
shift $((OPTIND - 1))
file=$(mktemp)
trap 'rm -f "$file"' EXIT
printf '%-16s %12s %8s %8s %8s\n' capture bytes 'CPU s' 'wall s' 'peak MiB'
for kind in ${*:-syn-flood tiny-segments endless-names half-open-tls huge-hellos endless-heads quic-initials dtls-hellos \
    new-certificates long-requests huge-questions huge-issuers watched-names gzip-bomb}; do
    bytes=${size:-200000000}
    [ "$kind" = syn-flood ] && bytes=${size:-2000000000}
    "$make" "$kind" "$bytes" "$file"
    python3 - "$binary" "$file" "$kind" <<'PY'
import os, sys, time
binary, file, kind = sys.argv[1:]
begun = time.monotonic()
child = os.fork()
if child == 0:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.execvp(binary, [binary, "--threads", "1", "--format", "json", file])
_, status, usage = os.wait4(child, 0)
if os.waitstatus_to_exitcode(status) != 0:
    raise SystemExit(f"{kind}: failed")
print(f"{kind:<16} {os.path.getsize(file):>12} {usage.ru_utime + usage.ru_stime:8.2f} "
      f"{time.monotonic() - begun:8.2f} {usage.ru_maxrss / 1024:8.0f}")
PY
done
