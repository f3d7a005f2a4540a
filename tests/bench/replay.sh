#!/bin/sh
# Replays a capture over a veth pair beside the tool; prints loss, processor time and memory.
#   sudo tests/bench/replay.sh CAPTURE MBIT [LOOPS] [TOOL]
# Needs root, iproute2 and tcpreplay.
set -eu
capture=$1 mbit=$2 loops=${3:-1} tool=${4:-target/release/whylencr}
ns="whylencr$$"
work=$(mktemp -d)
end() {
    ip netns delete "$ns" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
ip netns add "$ns"
ip -n "$ns" link add in type veth peer name out
ip -n "$ns" link set in mtu 9000 up
ip -n "$ns" link set out mtu 9000 up
ip netns exec "$ns" sh -c "exec $tool -i in --format ndjson -o $work/findings.ndjson" 2>"$work/said" &
sleep 1
pid=$(ip netns pids "$ns" | head -1)
: >"$work/memory"
(while [ -d "/proc/$pid" ]; do
    grep VmRSS "/proc/$pid/status" 2>/dev/null | awk '{print $2}' >>"$work/memory"
    sleep 2
done) &
ip netns exec "$ns" tcpreplay -q -K --loop="$loops" --mbps="$mbit" -i out "$capture" >"$work/replay" 2>&1 || true
sleep 2
# User and system time in ticks of a hundredth of a second, proc_pid_stat(5).
busy=$(awk '{print ($14 + $15) / 100}' "/proc/$pid/stat")
kill -INT "$pid"
wait
grep -E 'Actual|Rated' "$work/replay"
tail -1 "$work/said"
echo "processor: $busy s; findings: $(wc -l <"$work/findings.ndjson")"
echo "resident memory (kB), every 2 s: $(tr '\n' ' ' <"$work/memory")"
