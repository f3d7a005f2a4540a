"""Scenes of the lab as if one device had played several of them within seconds, for `scoreboard DIR`.

    python3 together.py FROM DIR [--captures N] [--seed N] [--scenes LEAST MOST] [--spread SECONDS] [--without WHAT]

FROM holds truth.json, pcap files and pki, as lab.py writes them. Addresses of all clients become those of one, as a busy workstation
has them, or a NAT in front of several. WHAT is left out: `lookups`, `keys`, or half of the `triggers` (the handshakes that a fetch
was for). The truth stays what the servers logged.
"""

import argparse
import copy
import json
import pathlib
import random
import shutil
import socket
import struct

from spoil import read

HOSTS = range(10, 14)
MAC = b"\x02\x00\x00\x00\x00\x10"
BEGIN = 1_796_050_000
IPV4, IPV6, TCP, UDP = 0x0800, 0x86DD, 6, 17


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


ONE = {address(f"192.168.50.{n}"): address("192.168.50.10") for n in HOSTS}
ONE |= {address(f"2001:db8:50::{n}"): address("2001:db8:50::10") for n in HOSTS}
NAMES = {f"192.168.50.{n}": "192.168.50.10" for n in HOSTS} | {f"2001:db8:50::{n}": "2001:db8:50::10" for n in HOSTS}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Packet:
    """An Ethernet frame with IP; anything else has no `source`."""

    def __init__(self, frame):
        self.frame = bytearray(frame)
        kind = int.from_bytes(frame[12:14], "big")
        self.source, self.ports, self.is_v4 = None, (0, 0), kind == IPV4
        if kind == IPV4 and len(frame) >= 34:
            self.inside, self.protocol = 14 + (frame[14] & 15) * 4, frame[23]
            self.places, self.end = (26, 30, 4), 14 + int.from_bytes(frame[16:18], "big")
        elif kind == IPV6 and len(frame) >= 54:
            self.inside, self.protocol = 54, frame[20]
            self.places, self.end = (22, 38, 16), 54 + int.from_bytes(frame[18:20], "big")
        else:
            return
        first, second, size = self.places
        self.source, self.destination = bytes(frame[first:first + size]), bytes(frame[second:second + size])
        if self.protocol in (TCP, UDP) and len(frame) >= self.inside + 4:
            self.ports = struct.unpack_from(">2H", frame, self.inside)

    def moved(self, stations):
        """The same between other addresses, with checksums that are right."""
        for place in (0, 6):
            if bytes(self.frame[place:place + 6]) in stations:
                self.frame[place:place + 6] = MAC
        if self.source is None or not {self.source, self.destination} & ONE.keys():
            return bytes(self.frame)
        first, second, size = self.places
        self.frame[first:first + size] = ONE.get(self.source, self.source)
        self.frame[second:second + size] = ONE.get(self.destination, self.destination)
        if self.is_v4:
            self.frame[24:26] = b"\0\0"
            self.frame[24:26] = checksum(bytes(self.frame[14:self.inside])).to_bytes(2, "big")
        place = self.inside + {TCP: 16, UDP: 6}.get(self.protocol, 0)
        if self.protocol in (TCP, UDP) and place + 2 <= self.end <= len(self.frame):
            length = self.end - self.inside
            pseudo = bytes(self.frame[first:second + size]) + struct.pack(">IBBBB", length, 0, 0, 0, self.protocol)
            self.frame[place:place + 2] = b"\0\0"
            total = checksum(pseudo + bytes(self.frame[self.inside:self.end]))
            self.frame[place:place + 2] = (total or (0xFFFF if self.protocol == UDP else 0)).to_bytes(2, "big")
        return bytes(self.frame)


def compose(source, chosen, chance, options):
    """Frames in order of time, and the fetches in them."""
    frames, fetches = [], []
    for scene in chosen:
        _, captured = read(source / scene["file"])
        packets = [(seconds * 10**6 + micros, Packet(data), length) for seconds, micros, data, length in captured]
        shift = BEGIN * 10**6 + int(chance.uniform(0, options.spread) * 1e6) - packets[0][0]
        stations = {bytes(p.frame[6:12]) for _, p, _ in packets if p.source in ONE}
        gone = set()
        if options.without == "triggers":
            sites = sorted({f["expected_trigger"] for f in scene["fetches"] if f["expected_trigger"]})
            sites = {site for site in sites if chance.random() < 0.5}
            gone = {h["client_port"] for h in scene["handshakes"] if h["site"] in sites}
        for at, packet, length in packets:
            near, far = sorted(packet.ports)
            if options.without == "lookups" and near == 53 or near == 443 and far in gone:
                continue
            frames.append((at + shift, packet.moved(stations), length))
        for fetch in copy.deepcopy(scene["fetches"]):
            fetch["client_ip"] = NAMES.get(fetch["client_ip"], fetch["client_ip"])
            fetch["t_server"] += shift / 1e6
            fetches.append(fetch)
    return sorted(frames, key=lambda frame: frame[0]), sorted(fetches, key=lambda fetch: fetch["t_server"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--captures", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenes", type=int, nargs=2, default=(3, 6))
    parser.add_argument("--spread", type=float, default=8)
    parser.add_argument("--without", choices=("lookups", "keys", "triggers"))
    options = parser.parse_args()
    chance, lab = random.Random(options.seed), options.out / "lab"
    (options.out / "gen").mkdir(parents=True)
    (options.out / "gen/truth.json").write_text("{}")
    shutil.copytree(options.source / "pki", lab / "pki")
    scenes = json.loads((options.source / "truth.json").read_text())
    # Captured at one of the clients, and with fetches that a handshake caused: whether the device saw what a script asks about is another
    # question when it has seen more.
    caused = [all(f["expected_trigger"] and f["client_port"] for f in s["fetches"]) and bool(s["fetches"]) for s in scenes]
    scenes = [s for s, fits in zip(scenes, caused) if fits and s["capture_point"].startswith("c") and s["file"].endswith(".pcap")]
    truth = []
    for number in range(options.captures):
        chosen = chance.sample(scenes, min(chance.randint(*options.scenes), len(scenes)))
        frames, fetches = compose(options.source, chosen, chance, options)
        one = {"file": f"together-{options.seed}-{number}.pcap", "scenario": "together", "fetches": fetches, "handshakes": []}
        with open(lab / one["file"], "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
            for at, data, length in frames:
                file.write(struct.pack("<4I", *divmod(at, 10**6), len(data), max(length, len(data))) + data)
        keys = [options.source / s["keylog"] for s in chosen if s.get("keylog")]
        if keys and options.without != "keys":
            one["keylog"] = one["file"] + ".keylog"
            (lab / one["keylog"]).write_text("".join(file.read_text() for file in keys))
        truth.append(one)
    (lab / "truth.json").write_text(json.dumps(truth))


if __name__ == "__main__":
    main()
