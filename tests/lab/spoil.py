"""Labelled captures as a bad capture point would have taken them, for `scoreboard DIR`.

    python3 spoil.py FROM DIR HOW AMOUNT

FROM holds truth.json, pcap files and pki, as lab.py writes them. HOW: `loss` of a share of the frames, `start` after a share of
them, `reorder` within so many frames, `snaplen` in octets, `clock` with a grain in seconds, `side` of the servers (0) or of the
clients (1), all that a mirror of one direction gives. The truth stays as it is: a fetch whose
frames are gone is missed, and its finding, if the same was asked again, is that of the other one.
"""

import json
import pathlib
import random
import shutil
import struct
import sys

HEADER, RECORD = 24, 16


def spoil(frames, how, amount, chance):
    if how == "loss":
        return [f for f in frames if chance.random() >= amount]
    if how == "start":
        return frames[int(len(frames) * amount):]
    if how == "reorder":
        return [f for _, f in sorted((i + chance.random() * amount, f) for i, f in enumerate(frames))]
    if how == "snaplen":
        return [(s, u, data[:int(amount)], length) for s, u, data, length in frames]
    if how == "clock":
        grain = int(amount * 1e6)
        return [(s, u // grain * grain, data, length) for s, u, data, length in frames]
    if how == "side":
        return [f for f in frames if is_of_side(f[2], amount)]
    raise SystemExit(f"{how}: not known")


def is_of_side(frame, side):
    from together import Packet
    packet = Packet(frame)
    source, destination = packet.ports
    return packet.source is None or (source > destination) == bool(side)


def read(file):
    capture = file.read_bytes()
    if capture[:4] != b"\xd4\xc3\xb2\xa1":
        return None, []
    frames, at = [], HEADER
    while at + RECORD <= len(capture):
        seconds, micros, captured, length = struct.unpack_from("<4I", capture, at)
        frames.append((seconds, micros, capture[at + RECORD:at + RECORD + captured], length))
        at += RECORD + captured
    return capture[:HEADER], frames


def main():
    source, out, how, amount = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    (out / "gen").mkdir(parents=True)
    (out / "gen/truth.json").write_text("{}")
    shutil.copytree(source / "pki", out / "lab/pki")
    kept = []
    for one in json.loads((source / "truth.json").read_text()):
        header, frames = read(source / one["file"])
        if header is None:
            continue
        with open(out / "lab" / one["file"], "wb") as file:
            file.write(header)
            for seconds, micros, data, length in spoil(frames, how, amount, random.Random(one["file"])):
                file.write(struct.pack("<4I", seconds, micros, len(data), length) + data)
        keylog = source / str(one.get("keylog"))
        if keylog.is_file():
            shutil.copy(keylog, out / "lab")
        kept.append(one)
    (out / "lab/truth.json").write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
