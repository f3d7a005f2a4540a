#!/bin/sh
# How time and memory grow with contacts, connections and devices (tests/support/hostile/scale.rs). Each capture is made, read and
# removed.
#
#   tests/bench/scale.sh [-b BINARY] [-n COUNT,COUNT,...] [-t THREADS] [KIND ...]
set -eu
binary=target/release/whylencr
counts=
threads=1
while getopts b:n:t: flag; do
    case $flag in
    b) binary=$OPTARG ;;
    n) counts=$(echo "$OPTARG" | tr , ' ') ;;
    t) threads=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
make=$(dirname "$binary")/examples/hostile
[ -x "$make" ] || { echo "build it first: cargo build --release --example hostile" >&2; exit 1; }
file=$(mktemp)
trap 'rm -f "$file"' EXIT
printf '%-20s %8s %12s %8s %8s %8s %10s\n' capture count bytes 'CPU s' 'wall s' 'peak MiB' 'us each'
for kind in ${*:-findings-by-devices findings-by-time findings-dense flows devices}; do
    case $kind in
    devices) default='1000 2000 5000 10000' ;;
    *) default='10000 20000 50000 100000' ;;
    esac
    for count in ${counts:-$default}; do
        "$make" "$kind" "$count" "$file"
        python3 - "$binary" "$file" "$kind" "$count" "$threads" <<'PY'
import os, sys, time
binary, file, kind, count, threads = sys.argv[1:]
begun = time.monotonic()
child = os.fork()
if child == 0:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.execvp(binary, [binary, "--threads", threads, "--format", "ndjson", file])
_, status, usage = os.wait4(child, 0)
if os.waitstatus_to_exitcode(status) != 0:
    raise SystemExit(f"{kind} {count}: failed")
cpu = usage.ru_utime + usage.ru_stime
print(f"{kind:<20} {count:>8} {os.path.getsize(file):>12} {cpu:8.2f} {time.monotonic() - begun:8.2f} "
      f"{usage.ru_maxrss / 1024:8.0f} {cpu / int(count) * 1e6:10.1f}")
PY
    done
done
