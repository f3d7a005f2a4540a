"""Kills the tool at random moments, and sees whether what it wrote opens.

    sudo python3 tests/bench/kill.py CAPTURE [TIMES] [TOOL]

A capture is replayed over a veth pair in a loop; several copies of the tool write findings and frames. Each is killed
(SIGKILL) after 0.3 to 9 seconds. When what they started has ended too, every line of findings must be a record, and the
frames must be read to the end, by the tool itself and by Wireshark's capinfos.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

AT_ONCE = 8


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def one(tool, ns, folder, number, results):
    chance = random.Random(number)
    lines, frames = folder / f"{number}.ndjson", folder / f"{number}.pcapng"
    child = subprocess.Popen(["ip", "netns", "exec", ns, tool, "-i", "in", "-q", "--format", "ndjson", "-o", lines,
                              "-w", frames, *(["--write-all"] if number % 2 else [])], stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.3, 9))
    try:
        started = pathlib.Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    except OSError:
        started = []
    child.send_signal(signal.SIGKILL)
    child.wait()
    while any(is_running(pid) for pid in started):
        time.sleep(0.01)
    records, bad = 0, []
    if lines.exists():
        for line in lines.read_bytes().split(b"\n"):
            try:
                records += bool(line and json.loads(line))
            except ValueError:
                bad.append("a record")
    kept = 0
    if frames.exists():
        kept = frames.stat().st_size
        read = subprocess.run([tool, "--format", "ndjson", frames], capture_output=True, text=True)
        if read.returncode != 0:
            bad.append(f"frames: exit {read.returncode}: {read.stderr.strip()}")
        other = subprocess.run(["capinfos", "-c", frames], capture_output=True, text=True)
        if other.returncode != 0 or other.stderr.strip():
            bad.append(f"capinfos: exit {other.returncode}: {other.stderr.strip()}")
        frames.unlink()
    results.append((number, records, kept, bad))


def main():
    capture, times = sys.argv[1], int((sys.argv + ["200"])[2]) if len(sys.argv) > 2 else 200
    tool = sys.argv[3] if len(sys.argv) > 3 else "target/release/whylencr"
    ns, results = f"whylencr{os.getpid()}", []
    ip("netns", "add", ns)
    replay = None
    try:
        ip("-n", ns, "link", "add", "in", "type", "veth", "peer", "name", "out")
        for device in ("in", "out"):
            ip("-n", ns, "link", "set", device, "mtu", "9000", "up")
        replay = subprocess.Popen(["ip", "netns", "exec", ns, "tcpreplay", "-q", "-K", "--loop=0", "--mbps=40", "-i", "out",
                                   capture], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with tempfile.TemporaryDirectory() as folder:
            waiting = list(range(times))

            def work():
                while waiting:
                    one(tool, ns, pathlib.Path(folder), waiting.pop(), results)
            threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        if replay:
            replay.kill()
            replay.wait()
        ip("netns", "delete", ns)
    bad = [r for r in results if r[3]]
    print(f"{len(results)} kills: {sum(r[1] for r in results)} records in {sum(r[1] > 0 for r in results)} files, "
          f"{sum(r[2] for r in results) / 1e6:.0f} MB of frames in {sum(r[2] > 0 for r in results)} files; damaged: {len(bad)}")
    for number, _, _, why in bad[:20]:
        print(number, why)
    return bool(bad)


sys.exit(main())
