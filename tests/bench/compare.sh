#!/bin/sh
# CPU time, wall time and peak memory of whylencr beside cat, tcpdump and whatever else reads captures here.
#
#   tests/bench/compare.sh [-n ROUNDS] [-b BINARY] [-s MB] [CAPTURE...]
#
# All tools read each capture in turn, round after round, so that other load on the machine meets all of them
# alike; printed are medians, the spread of the CPU time, and the ratio to tcpdump's CPU time. tcpdump is given
# a filter that matches next to nothing, so that it reads everything and keeps nothing. tshark, Zeek and Suricata are
# slow and get one round.
#
# Without captures three are made, of MB megabytes each: by `gencap` (mixes of whole traffic with known truth) where that
# is on the path, else by the example `hostile` of this package, whose captures are of one kind each.
set -eu
rounds=5
binary=target/release/whylencr
size=100
while getopts n:b:s: flag; do
    case $flag in
    n) rounds=$OPTARG ;;
    b) binary=$OPTARG ;;
    s) size=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ]; then
    made=$(mktemp -d)
    trap 'rm -rf "$made"' EXIT
    hostile=$(dirname "$binary")/examples/hostile
    if command -v gencap >/dev/null; then
        for mix in mix handshakes dns; do
            gencap --mix $mix --size "$size" --seed 7 --out "$made/$mix.pcap" --truth "$made/$mix.json" >&2
        done
    elif [ -x "$hostile" ]; then
        for kind in gzip-bomb half-open-tls endless-names; do
            "$hostile" $kind "${size}000000" "$made/$kind.pcap"
        done
    else
        echo "give captures, or build a generator first: cargo build --release --example hostile" >&2
        exit 1
    fi
    set -- "$made"/*.pcap
fi
python3 - "$rounds" "$binary" "$@" <<'PY'
import os, shutil, statistics, sys, time

rounds, binary, captures = int(sys.argv[1]), sys.argv[2], sys.argv[3:]

FIELDS = """frame.number frame.time_epoch ip.src ip.dst tcp.stream dns.qry.name dns.a dns.aaaa dns.cname
    tls.handshake.type tls.handshake.extensions_server_name x509af.serialNumber x509ce.uniformResourceIdentifier
    http.host http.request.uri""".split()

def run(command):
    """CPU seconds, wall seconds and peak MiB of one run."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: failed")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun, usage.ru_maxrss / 1024

print(f"{'capture':<24} {'tool':<10} {'CPU s':>8} {'least':>8} {'most':>8} {'wall s':>8} {'MiB':>6} {'MB/s':>8} {'ratio':>7}")
for capture in captures:
    tools = {
        "cat": ["cat", capture],
        "tcpdump": ["tcpdump", "-r", capture, "-w", os.devnull, "port 1"],
        "whylencr": [binary, "--threads", "1", capture],
        "2 threads": [binary, "--threads", "2", capture],
        "3 threads": [binary, "--threads", "3", capture],
        "tshark": ["tshark", "-n", "-r", capture, "-Y", "frame.number == 0"],
        # What it takes to answer by hand, of every frame.
        "its fields": ["tshark", "-n", "-r", capture, "-T", "fields"] + [part for field in FIELDS for part in ("-e", field)],
        "zeek": ["zeek", "-C", "-b", "-r", capture],
        "suricata": ["suricata", "--runmode", "single", "-l", os.devnull, "-r", capture],
    }
    tools = {name: command for name, command in tools.items() if shutil.which(command[0])}
    results = {name: [] for name in tools}
    for turn in range(rounds):
        for name, command in tools.items():
            if name not in ("tshark", "its fields", "zeek", "suricata") or turn == 0:
                results[name].append(run(command))
    size = os.path.getsize(capture) / 1e6
    reference = statistics.median(r[0] for r in results.get("tcpdump") or results["cat"])
    for name, runs in results.items():
        cpu = [r[0] for r in runs]
        median = statistics.median(cpu)
        wall = statistics.median(r[1] for r in runs)
        peak = max(r[2] for r in runs)
        print(f"{os.path.basename(capture):<24} {name:<10} {median:8.3f} {min(cpu):8.3f} {max(cpu):8.3f} "
              f"{wall:8.3f} {peak:6.0f} {size / max(wall, 1e-6):8.0f} {median / max(reference, 1e-6):7.2f}")
PY
