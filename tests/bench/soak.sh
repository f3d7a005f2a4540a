#!/bin/sh
# Replays captures over a veth pair in turn, for a time, beside the tool; prints its memory every minute, loss and
# processor time.
#   sudo tests/bench/soak.sh MINUTES MBIT TOOL CAPTURE...
# Several captures, so that the same connections do not come again while the tool remembers them (two minutes).
# Needs root, iproute2 and tcpreplay.
set -eu
minutes=$1 mbit=$2 tool=$3
shift 3
ns="whylencr$$"
work=$(mktemp -d)
end() {
    ip netns pids "$ns" 2>/dev/null | xargs -r kill 2>/dev/null || true
    sleep 1
    ip netns delete "$ns" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
ip netns add "$ns"
ip -n "$ns" link add in type veth peer name out
ip -n "$ns" link set in mtu 9000 up
ip -n "$ns" link set out mtu 9000 up
ip netns exec "$ns" sh -c "exec $tool -i in --format ndjson -o $work/findings.ndjson --metrics $work/metrics" 2>"$work/said" &
sleep 1
pid=$(ip netns pids "$ns" | head -1)
(while :; do
    for capture in "$@"; do
        ip netns exec "$ns" tcpreplay -q -K --mbps="$mbit" -i out "$capture" >/dev/null 2>&1 || exit
    done
done) &
replay=$!
for minute in $(seq 0 "$minutes"); do
    awk -v minute="$minute" -v findings="$(wc -l <"$work/findings.ndjson")" \
        '/VmRSS|RssAnon/ { kb = kb " " $1 " " $2 } END { print minute " min:" kb " kB; lines: " findings }' "/proc/$pid/status"
    [ "$minute" = "$minutes" ] || sleep 60
done
kill "$replay"
sleep 2
# User and system time in ticks of a hundredth of a second, proc_pid_stat(5).
busy=$(awk '{print ($14 + $15) / 100}' "/proc/$pid/stat")
kill -INT "$pid"
sleep 5
tail -1 "$work/said"
echo "processor: $busy s; lines of findings: $(wc -l <"$work/findings.ndjson")"
grep -E '^whylencr_contacts' "$work/metrics"
