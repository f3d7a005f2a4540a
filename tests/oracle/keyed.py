#!/usr/bin/env python3
"""Makes the conversations of src/wire/tests/keyed, 802.11, 802.15.4, ESP and PDCP with keys that are known, and has tshark open them.

    tests/oracle/keyed.py wlan|wpan|esp|lte|nr > src/wire/tests/keyed/NAME.txt
    tests/oracle/keyed.py --check

Lines are `= NAME`, `link NUMBER`, `key LINE` as Wireshark's tables have it, and frames: `> HEX` with the packet of a client, `< HEX` with the
answer, `- HEX` with none.
"""
import hashlib, hmac, pathlib, struct, subprocess, sys, tempfile, zlib

from cryptography.hazmat.primitives import cmac, keywrap
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES

SEGMENT = "68656c6c6f2c20776f726c64"  # "hello, world"
AP, STA = bytes([2, 0, 0, 0, 9, 9]), bytes([2, 0, 0, 0, 0, 0x0C])
HOST, REPEATER = bytes([2, 0, 0, 0, 0, 5]), bytes([2, 0, 0, 0, 8, 8])
EVERYBODY = bytes([0xFF] * 6)
LLC = bytes([0xAA, 0xAA, 3, 0, 0, 0])
ANONCE, SNONCE = bytes(range(32)), bytes(range(100, 132))


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def ipv4(src, dst, protocol, payload):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0x1234, 0x4000, 64, protocol, 0) + src + dst
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def segment(back, src, dst):
    ports = (443, 40000) if back else (40000, 443)
    text = struct.pack(">HHIIBBHHH", *ports, 1, 2, 0x80, 0x18, 0x1000, 0, 0) + bytes([1, 1, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0])
    text += bytes.fromhex(SEGMENT)
    pseudo = src + dst + struct.pack(">HH" if len(src) == 4 else ">IHBB", *((6, len(text)) if len(src) == 4 else (len(text), 0, 0, 6)))
    return text[:16] + struct.pack(">H", checksum(pseudo + text)) + text[18:]


CLIENT, SERVER = bytes([10, 0, 0, 1]), bytes([192, 0, 2, 9])


def packet(back):
    src, dst = (SERVER, CLIENT) if back else (CLIENT, SERVER)
    return ipv4(src, dst, 6, segment(back, src, dst))


# 802.11.

def crc(data):
    return struct.pack("<I", zlib.crc32(data))


def rc4(key, data, skip=0):
    """RC4 with keys of any length."""
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for at in range(skip + len(data)):
        i = (i + 1) & 255
        j = (j + state[i]) & 255
        state[i], state[j] = state[j], state[i]
        if at >= skip:
            out.append(data[at - skip] ^ state[(state[i] + state[j]) & 255])
    return bytes(out)


def aes_box():
    def times(a, b):
        product = 0
        while b:
            product ^= a if b & 1 else 0
            a = (a << 1) ^ (0x11B if a & 0x80 else 0)
            b >>= 1
        return product
    box = []
    for value in range(256):
        inverse = next((other for other in range(256) if times(value, other) == 1), 0)
        box.append(inverse ^ 0x63 ^ ((inverse * 0x101 << 1 ^ inverse * 0x101 << 2 ^ inverse * 0x101 << 3 ^ inverse * 0x101 << 4) >> 8 & 255))
    return box


BOX = aes_box()


def mixed(key, sender, counter):
    def wide(byte):
        twice = (BOX[byte] << 1 ^ (0x11B if BOX[byte] & 0x80 else 0)) & 255
        return twice << 8 | twice ^ BOX[byte]
    def s(value):
        high = wide(value >> 8)
        return wide(value & 255) ^ (high << 8 & 0xFFFF | high >> 8)
    k = struct.unpack("<8H", key)
    low, high = counter & 0xFFFF, counter >> 16
    p = [high & 0xFFFF, high >> 16, *struct.unpack("<3H", sender)]
    for i in range(8):
        for at in range(4):
            p[at] = (p[at] + s(p[at - 1] ^ k[2 * at + i % 2])) & 0xFFFF
        p[4] = (p[4] + s(p[3] ^ k[i % 2]) + i) & 0xFFFF
    q = [*p, (p[4] + low) & 0xFFFF]
    ror = lambda value: value >> 1 | (value & 1) << 15
    for at in range(6):
        q[at] = (q[at] + s(q[at - 1] ^ k[at])) & 0xFFFF
    q[0] = (q[0] + ror(q[5] ^ k[6])) & 0xFFFF
    q[1] = (q[1] + ror(q[0] ^ k[7])) & 0xFFFF
    for at in range(2, 6):
        q[at] = (q[at] + ror(q[at - 1])) & 0xFFFF
    t1 = low >> 8
    return bytes([t1, (t1 | 0x20) & 0x7F, low & 255, (q[5] ^ k[0]) >> 1 & 255]) + struct.pack("<6H", *q)


def michael(key, data):
    left, right = struct.unpack("<II", key)
    data += b"\x5a" + bytes(4)
    data += bytes(-len(data) % 4)
    rol = lambda value, bits: (value << bits | value >> (32 - bits)) & 0xFFFFFFFF
    for (word,) in struct.iter_unpack("<I", data):
        left ^= word
        right ^= rol(left, 17)
        left = (left + right) & 0xFFFFFFFF
        right ^= (left & 0xFF00FF00) >> 8 | (left & 0x00FF00FF) << 8
        left = (left + right) & 0xFFFFFFFF
        right ^= rol(left, 3)
        left = (left + right) & 0xFFFFFFFF
        right ^= rol(left, 30)
        left = (left + right) & 0xFFFFFFFF
    return struct.pack("<II", left, right)


def prf(key, label, data, length):
    out, number = b"", 0
    while len(out) < length:
        out += hmac.new(key, label + b"\0" + data + bytes([number]), "sha1").digest()
        number += 1
    return out[:length]


def kdf(name):
    def of(key, label, data, length):
        out, number = b"", 1
        while len(out) < length:
            out += hmac.new(key, struct.pack("<H", number) + label + data + struct.pack("<H", length * 8), name).digest()
            number += 1
        return out[:length]
    return of


TKIP, CCMP, GCMP, GCMP256, CCMP256 = 2, 4, 8, 9, 10
LONG = {TKIP: 32, CCMP: 16, GCMP: 16, GCMP256: 32, CCMP256: 32}


def aes_mac(key, data):
    mac = cmac.CMAC(AES(key))
    mac.update(data)
    return mac.finalize()


class Network:
    """An access point and a station that agree on keys."""

    def __init__(self, master, cipher=CCMP, group=None, management=2, wpa=False):
        self.master, self.cipher, self.group, self.management, self.wpa = master, cipher, group or cipher, management, wpa
        self.version = 1 if cipher == TKIP else 2 if management in (1, 2) else 3 if management in (4, 5, 6) else 0
        self.long = management == 12
        self.gtk = bytes(range(0x40, 0x40 + LONG[self.group]))
        self.numbers, self.replay = 0, 0
        self.agree(ANONCE, SNONCE)

    def fast(self, nonces=bytes(64), code=bytes(16), more=b""):
        """Elements of a mobility domain."""
        holders = bytes([1, 6]) + AP + bytes([3, 7]) + b"holder1"
        own = bytes(2) + code + nonces + holders + more
        return bytes([54, 3, 1, 2, 0]), bytes([55, len(own)]) + own

    def fast_keys(self, anonce, snonce, length):
        sha = kdf("sha256")
        first = sha(self.master, b"FT-R0", bytes([len(SSID)]) + SSID + bytes([1, 2, 7]) + b"holder1" + STA, 48)[:32]
        second = sha(first, b"FT-R1", AP + STA, 32)
        return sha(second, b"FT-PTK", snonce + anonce + AP + STA, length)

    def moves(self):
        """The two frames of an association by which a station moves here."""
        robust = self.element()
        head = lambda kind, one, other: bytes([kind, 0, 0, 0]) + one + other + AP + b"\0\0"
        def elements(number, more):
            domain, own = self.fast(self.anonce + self.snonce, more=more)
            code = aes_mac(self.kck, STA + AP + bytes([number]) + robust + domain + own)
            return robust + domain + self.fast(self.anonce + self.snonce, code, more)[1]
        name = bytes([0, len(SSID)]) + SSID
        yield head(0x20, AP, STA) + bytes(4) + REPEATER + name + elements(5, b"")
        wrapped = keywrap.aes_key_wrap(self.kek, self.gtk)
        group = bytes([2, 11 + len(wrapped), 1, 0, len(self.gtk)]) + bytes(8) + wrapped
        yield head(0x30, STA, AP) + bytes(6) + elements(6, group)

    def agree(self, anonce, snonce):
        self.anonce, self.snonce = anonce, snonce
        data = min(AP, STA) + max(AP, STA) + min(anonce, snonce) + max(anonce, snonce)
        expand = kdf("sha384") if self.long else prf if self.management in (1, 2) else kdf("sha256")
        kck, kek = (24, 32) if self.long else (16, 16)
        length = kck + kek + LONG[self.cipher]
        keys = expand(self.master, b"Pairwise key expansion", data, length)
        if self.management in (4, 9):
            keys = self.fast_keys(anonce, snonce, length)
        self.kck, self.kek, self.tk = keys[:kck], keys[kck:kck + kek], keys[kck + kek:]

    def element(self):
        if self.wpa:
            suite = lambda kind: bytes([0, 0x50, 0xF2, kind])
            body = suite(1) + struct.pack("<H", 1) + suite(self.group) + b"\1\0" + suite(self.cipher) + b"\1\0" + suite(self.management)
            return bytes([221, len(body)]) + body
        suite = lambda kind: bytes([0, 0x0F, 0xAC, kind])
        body = struct.pack("<H", 1) + suite(self.group) + b"\1\0" + suite(self.cipher) + b"\1\0" + suite(self.management) + b"\0\0"
        return bytes([48, len(body)]) + body

    def code(self, frame):
        if self.version == 1:
            return hmac.new(self.kck, frame, "md5").digest()
        if self.version == 2:
            return hmac.new(self.kck, frame, "sha1").digest()[:16]
        if self.long:
            return hmac.new(self.kck, frame, "sha384").digest()[:24]
        return aes_mac(self.kck, frame)

    def key(self, info, nonce, data, length=0):
        code = 24 if self.long else 16
        head = struct.pack(">BHHQ", 254 if self.wpa else 2, info | self.version, length, self.replay) + nonce + bytes(32)
        tail = struct.pack(">H", len(data)) + data
        frame = bytes([2, 3]) + struct.pack(">H", len(head) + code + len(tail)) + head
        proof = self.code(frame + bytes(code) + tail) if info & 0x100 else bytes(code)
        return LLC + b"\x88\x8e" + frame + proof + tail

    def wrapped(self, data):
        if self.version == 1:
            return rc4(bytes(16) + self.kek, data, 256)
        data = data if len(data) % 8 == 0 and len(data) > 15 else data + b"\xdd" + bytes(-(len(data) + 1) % 8)
        return keywrap.aes_key_wrap(self.kek, data)

    def handshake(self, protect=False):
        """The four messages, and for WPA the two of the group."""
        frame = (lambda back, data: self.data(back, data, llc=b"")) if protect else (lambda back, data: self.clear(back, data))
        rekey = 0x200 if protect else 0
        kde = bytes([0xDD, 6 + len(self.gtk), 0, 0x0F, 0xAC, 1, 1, 0]) + self.gtk
        self.replay += 1
        yield frame(True, self.key(0x008A & ~2 | rekey, self.anonce, b"", 32 if self.cipher == TKIP else 16))
        fast = b"".join(self.fast()) if self.management in (4, 9) else b""
        yield frame(False, self.key(0x0108 | rekey, self.snonce, self.element() + fast))
        self.replay += 1
        if self.wpa:
            yield frame(True, self.key(0x01C8, self.anonce, self.element(), 32))
        else:
            yield frame(True, self.key(0x13C8, self.anonce, self.wrapped(self.element() + kde), LONG[self.cipher]))
        yield frame(False, self.key(0x0308, bytes(32), b""))
        if self.wpa:
            self.replay += 1
            group = self.key(0x0390, bytes(32), self.wrapped(self.gtk), len(self.gtk))
            yield self.data(True, group, llc=b"")

    def clear(self, back, body, kind=0x08):
        ways = bytes([2]) + b"\0\0" + STA + AP + AP if back else bytes([1]) + b"\0\0" + AP + STA + AP
        return bytes([kind]) + ways + b"\x10\0" + body

    def beacon(self, ssid):
        body = bytes(8) + struct.pack("<HH", 100, 0x11) + bytes([0, len(ssid)]) + ssid
        return bytes([0x80, 0, 0, 0]) + EVERYBODY + AP + AP + b"\0\0" + body

    def data(self, back, body=None, llc=LLC + b"\x08\0", qos=None, to=None, four=False, part=None, ht=False, aggregate=False):
        body = llc + (packet(back) if body is None else body)
        self.numbers += 1
        kind, flags = 0x08 if qos is None else 0x88, 0x40 | (3 if four else 2 if back else 1)
        number, more = part or (0, False)
        flags |= (4 if more else 0) | (0x80 if ht else 0)
        group = to is not None
        receiver, sender = (to or STA, AP) if back else (AP, STA)
        third = HOST
        sequence = struct.pack("<H", (self.numbers << 4 if part is None else 0x700) | number)
        fourth = (HOST if back else REPEATER) if four else b""
        head = bytes([kind, flags, 0, 0]) + receiver + sender + third + sequence + fourth
        if qos is not None:
            head += struct.pack("<H", qos | (0x80 if aggregate else 0))
        tail = bytes(4) if ht else b""
        key, cipher, index = (self.gtk, self.group, 1) if group else (self.tk, self.cipher, 0)
        return head + tail + seal(cipher, key, head, body, self.numbers, index, back, part)


def associated(head):
    first, second = head[0] & 0x8F, head[1] & 0xC7 | 0x40
    qos = head[0] & 0x80
    if qos:
        second &= 0x7F
    end = 30 if head[1] & 3 == 3 else 24
    text = bytes([first, second]) + head[4:22] + bytes([head[22] & 0x0F, 0]) + head[24:end]
    return text + (bytes([head[end] & 0x0F, 0]) if qos else b"")


def seal(cipher, key, head, body, number, index, back, part):
    end = 30 if head[1] & 3 == 3 else 24
    priority = head[end] & 0x0F if head[0] & 0x80 else 0
    sender = head[10:16]
    n = struct.pack(">Q", number)[2:]
    if cipher == TKIP:
        destination, source = (head[4:10], head[16:22]) if back else (head[16:22], sender)
        if part is None:
            body += michael(key[16:24] if back else key[24:32], destination + source + bytes([priority, 0, 0, 0]) + body)
        vector = bytes([n[4], (n[4] | 0x20) & 0x7F, n[5], 0x20 | index << 6, n[3], n[2], n[1], n[0]])
        return vector + rc4(mixed(key[:16], sender, number), body + crc(body))
    vector = bytes([n[5], n[4], 0, 0x20 | index << 6, n[3], n[2], n[1], n[0]])
    if cipher in (CCMP, CCMP256):
        tag = 8 if cipher == CCMP else 16
        return vector + AESCCM(key, tag).encrypt(bytes([priority]) + sender + n, body, associated(head))
    return vector + AESGCM(key).encrypt(sender + n, body, associated(head))


def directly(number):
    """What two stations agree on with each other: an answer, a confirmation."""
    suite = lambda kind: bytes([0, 0x0F, 0xAC, kind])
    robust = b"\1\0" + suite(7) + b"\1\0" + suite(4) + b"\1\0" + suite(7) + b"\0\2"
    link, timeout = AP + STA + HOST, bytes([2]) + struct.pack("<I", 43200)
    key = kdf("sha256")(hashlib.sha256(ANONCE + SNONCE).digest(), b"TDLS PMK", min(STA, HOST) + max(STA, HOST) + AP, 32)[:16]
    element = lambda kind, body: bytes([kind, len(body)]) + body
    own = lambda code: element(55, bytes(2) + code + ANONCE + SNONCE)
    text = element(101, link) + element(48, robust) + element(56, timeout)
    code = aes_mac(key, STA + HOST + bytes([number]) + text + own(bytes(16)))
    fixed = bytes([2, 12, number - 1, 0, 0, 7]) + (b"\0\0" if number == 2 else b"")
    return fixed + element(48, robust) + own(code) + element(56, timeout) + element(101, link)


def wep(key, back, index=0):
    body = LLC + b"\x08\0" + packet(back)
    flags = bytes([0x42]) + b"\0\0" + STA + AP + HOST if back else bytes([0x41]) + b"\0\0" + AP + STA + HOST
    vector = bytes([1, 2, 3 + back])
    return b"\x08" + flags + b"\x10\0" + vector + bytes([index << 6]) + rc4(vector + key, body + crc(body))


def parts(network, body, back=False):
    """A frame in two parts, each protected."""
    middle = 40
    return [network.data(back, body[:middle], llc=b"", part=(0, True)), network.data(back, body[middle:], llc=b"", part=(1, False))]


def aggregate(back, to, source):
    body = LLC + b"\x08\0" + packet(back)
    frame = to + source + struct.pack(">H", len(body)) + body
    return frame + bytes(-len(frame) % 4)


PASSPHRASE, SSID = b"a long secret", b"net:work"
PSK = hashlib.pbkdf2_hmac("sha1", PASSPHRASE, SSID, 4096, 32)
MASTER = bytes(range(0x80, 0xA0))
LONG_MASTER = bytes(range(0x80, 0xB0))
SESSION = bytes(range(0x80, 0xC0))
WITH_NAME = '"wpa-pwd","a long secret:net%3awork"'
of_master = lambda master: f'"wpa-psk","{master.hex()}"'


def radiotap(frame, checked=True, padded=False):
    return bytes([0, 0, 9, 0, 2, 0, 0, 0, 0x10 | (0x20 if padded else 0)]) + frame + (crc(frame) if checked else b"")


def ethernet(payload):
    return bytes([2, 0, 0, 0, 1, 5, 2, 0, 0, 0, 1, 0x0C, 8, 0]) + payload


NEAR, FAR = bytes([198, 51, 100, 1]), bytes([203, 0, 113, 2])


def in_udp(port, payload):
    return ethernet(ipv4(NEAR, FAR, 17, struct.pack(">HHHH", 50000, port, 8 + len(payload), 0) + payload))


def wlan():
    """Name, link type, key, frames with their kinds."""
    def whole(network, **options):
        frames = [("-", frame) for frame in network.handshake()]
        return frames + [(">", network.data(False, **options)), ("<", network.data(True, **options))]

    network = Network(PSK)
    frames = whole(network) + [("<", network.data(True, to=EVERYBODY))]
    yield "WPA2, CCMP, passphrase with SSID", 105, WITH_NAME, frames
    yield "WPA2, CCMP, passphrase alone", 105, '"wpa-pwd","a long secret"', [("-", network.beacon(SSID)), *frames]
    yield "with check sequences", 105, WITH_NAME, [(kind, frame + crc(frame)) for kind, frame in frames]
    yield "radiotap with check sequences", 127, WITH_NAME, [(kind, radiotap(frame)) for kind, frame in frames]
    yield "PPI", 192, WITH_NAME, [(kind, bytes([0, 0, 8, 0, 105, 0, 0, 0]) + frame) for kind, frame in frames]
    tzsp = bytes([1, 0, 0, 0x12, 1])
    yield "TZSP", 1, WITH_NAME, [(kind, in_udp(37008, tzsp + frame)) for kind, frame in frames]
    yield "quality of service, TID 6", 105, WITH_NAME, whole(Network(PSK), qos=6)
    yield "quality of service, HT control", 105, WITH_NAME, whole(Network(PSK), qos=5, ht=True)
    yield "four addresses", 105, WITH_NAME, whole(Network(PSK), four=True)
    yield "four addresses, quality of service", 105, WITH_NAME, whole(Network(PSK), four=True, qos=1)

    network = Network(PSK, TKIP, wpa=True)
    yield "WPA, TKIP", 105, WITH_NAME, whole(network) + [("<", network.data(True, to=EVERYBODY))]
    network = Network(PSK, CCMP, TKIP)
    yield "WPA2, CCMP, TKIP for the group", 105, WITH_NAME, whole(network) + [("<", network.data(True, to=EVERYBODY))]
    network = Network(PSK, TKIP)
    yield "WPA2, TKIP", 105, WITH_NAME, whole(network)

    for name, cipher, management, master, line in [
        ("PSK with SHA-256, CCMP", CCMP, 6, PSK, WITH_NAME),
        ("PSK with SHA-256, CCMP-256", CCMP256, 6, MASTER, of_master(MASTER)),
        ("SAE, CCMP", CCMP, 8, MASTER, of_master(MASTER)),
        ("SAE, GCMP-128", GCMP, 8, MASTER, of_master(MASTER)),
        ("192 bits, GCMP-256", GCMP256, 12, LONG_MASTER, of_master(LONG_MASTER)),
        ("802.1X, CCMP, session key", CCMP, 1, SESSION[:32], f'"msk","{SESSION.hex()}"'),
    ]:
        network = Network(master, cipher, management=management)
        frames = whole(network, qos=0) + [("<", network.data(True, to=EVERYBODY))]
        yield name, 105, line, frames

    for name, management, master, line in [("PSK", 4, PSK, WITH_NAME), ("SAE", 9, MASTER, of_master(MASTER))]:
        network = Network(master, management=management)
        frames = whole(network, qos=0) + [("<", network.data(True, to=EVERYBODY))]
        yield f"a mobility domain, {name}", 105, line, [("-", network.beacon(SSID)), *frames]
        network = Network(master, management=management)
        frames = [("-", frame) for frame in network.moves()]
        frames += [(">", network.data(False)), ("<", network.data(True)), ("<", network.data(True, to=EVERYBODY))]
        yield f"a station that moves, {name}", 105, line, [("-", network.beacon(SSID)), *frames]

    network = Network(PSK)
    frames = whole(network)
    network.agree(bytes([7] * 32), bytes([8] * 32))
    again, old = Network(PSK), []
    again.numbers = 50
    for at, message in enumerate(network.handshake()):
        # What protects it is what was agreed on before.
        old.append(("-", again.data(at % 2 == 0, message[24:], llc=b"")))
    yield "keys anew, under the old ones", 105, WITH_NAME, frames + old + [(">", network.data(False)), ("<", network.data(True))]

    network = Network(PSK)
    frames = [("-", frame) for frame in network.handshake()]
    for number in (2, 3):
        frames.append(("-", network.data(False, directly(number), llc=LLC + b"\x89\x0d")))
    nonces = ANONCE + SNONCE
    key = kdf("sha256")(hashlib.sha256(nonces).digest(), b"TDLS PMK", min(STA, HOST) + max(STA, HOST) + AP, 32)[16:]
    for back in (False, True):
        receiver, sender = (STA, HOST) if back else (HOST, STA)
        head = bytes([0x88, 0x40, 0, 0]) + receiver + sender + AP + b"\x10\0" + b"\0\0"
        frames.append(("<" if back else ">", head + seal(CCMP, key, head, LLC + b"\x08\0" + packet(back), 1, 0, back, None)))
    yield "two stations", 105, WITH_NAME, frames

    network = Network(PSK)
    handshake = [("-", frame) for frame in network.handshake()]
    body = LLC + b"\x08\0" + packet(False)
    one, two = parts(network, body)
    yield "in parts, CCMP", 105, WITH_NAME, [*handshake, ("-", one), (">", two)]
    network = Network(PSK, TKIP, wpa=True)
    handshake = [("-", frame) for frame in network.handshake()]
    one, two = parts(network, body + michael(network.tk[24:32], HOST + STA + bytes(4) + body))
    yield "in parts, TKIP", 105, WITH_NAME, [*handshake, ("-", one), (">", two)]
    network = Network(PSK)
    handshake = [("-", frame) for frame in network.handshake()]
    several = network.data(False, aggregate(False, HOST, STA), llc=b"", qos=0, aggregate=True)
    yield "an aggregate", 105, WITH_NAME, [*handshake, (">", several)]

    network = Network(PSK)
    frames = [(">", network.data(False)), ("<", network.data(True, qos=3))]
    yield "temporal key, CCMP", 105, f'"tk","{network.tk.hex()}"', frames
    network = Network(PSK, GCMP, management=8)
    yield "temporal key, GCMP", 105, f'"tk","{network.tk.hex()}"', [(">", network.data(False)), ("<", network.data(True))]
    network = Network(PSK, TKIP)
    yield "temporal key, TKIP", 105, f'"tk","{network.tk.hex()}"', [(">", network.data(False)), ("<", network.data(True))]
    for length in (5, 13, 16):
        key = bytes(range(1, length + 1))
        yield f"WEP, {length} bytes", 105, f'"wep","{key.hex()}"', [(">", wep(key, False)), ("<", wep(key, True, 2))]


# 802.15.4.

MOTES = bytes([2, 0, 0, 0xFF, 0xFE, 0, 0, 0x0C]), bytes([2, 0, 0, 0xFF, 0xFE, 0, 0, 5])
HOSTS = bytes.fromhex("20010db8000000000000000000000001"), bytes.fromhex("20010db8000000000000000000000009")


def wpan():
    def frame(back, key, level, elements=(b"", b""), mode=1, version=1):
        src, dst = HOSTS[::-1] if back else HOSTS
        near, far = MOTES[::-1] if back else MOTES
        of_header, of_payload = elements
        control = 0x0001 | 0x0008 | 0x0040 | 3 << 10 | version << 12 | 3 << 14 | (0x0200 if of_header else 0)
        counter = 7 + back
        networks = struct.pack("<H", 0xABCD)
        if version == 2:
            control &= ~0x0040
        head = struct.pack("<HB", control, 9) + networks + far[::-1] + near[::-1]
        head += bytes([level | mode << 3]) + struct.pack("<I", counter) + {0: b"", 1: b"\1", 2: bytes(4) + b"\1"}[mode] + of_header
        body = of_payload + bytes([0x7A, 0, 6]) + src + dst + segment(back, src, dst)
        tag = (0, 4, 8, 16)[level & 3]
        return ("<" if back else ">"), head + AESCCM(key, tag).encrypt(near + struct.pack(">IB", counter, level), body, head)

    key = bytes(range(0x50, 0x60))
    line = lambda kind, text=None: f'"{(text or key).hex()}","1","{kind}"'
    for level in (5, 6, 7):
        yield f"802.15.4, level {level}", 230, line("No hash"), [frame(back, key, level) for back in (False, True)]
    yield "802.15.4, key with source", 230, line("No hash"), [frame(back, key, 5, mode=2) for back in (False, True)]
    yield "802.15.4, key that is not said", 230, line("No hash"), [frame(back, key, 5, mode=0) for back in (False, True)]
    elements = bytes([0x00, 0x3F]), bytes([1, 0x88, 9, 0, 0xF8])
    yield "802.15.4 with elements", 230, line("No hash"), [frame(back, key, 6, elements, version=2) for back in (False, True)]
    made = hmac.new(key, bytes(4) + b"Thread", "sha256").digest()[16:]
    yield "802.15.4, Thread", 230, line("Thread hash"), [frame(back, made, 5) for back in (False, True)]
    checked = lambda text: text + struct.pack("<H", fcs(text))
    yield "802.15.4 with check sequence", 195, line("No hash"), [(way, checked(text)) for way, text in (frame(back, key, 5) for back in (False, True))]


def fcs(text):
    check = 0
    for byte in text:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ (0x8408 if check & 1 else 0)
    return check


# ESP.

def trailer(block, payload, number):
    padding = -(len(payload) + 2) % block
    return payload + bytes(range(1, padding + 1)) + bytes([padding, number])


def esp_packets(cipher, key, check, check_key, mode="tunnel", spi=0x1234ABCD, v6=False, esn=False, icv=0):
    near, far = (bytes.fromhex("20010db8000700000000000000000001"), bytes.fromhex("20010db8000700000000000000000002")) if v6 else (NEAR, FAR)
    for number, back in enumerate((False, True), 1):
        src, dst = (far, near) if back else (near, far)
        inside, kind = (packet(back), 4) if mode != "transport" else (segment(back, src, dst), 6)
        head, vector = struct.pack(">II", spi, number), bytes(range(16, 32))
        upper = bytes(4) if esn else b""
        associated = head[:4] + upper + head[4:]
        name = cipher.replace("Des", "DES").split(" [")[0]
        if name == "NULL":
            body = trailer(4, inside, kind)
        elif name == "AES-CBC":
            stream = Cipher(AES(key), modes.CBC(vector)).encryptor()
            body = vector + stream.update(trailer(16, inside, kind))
        elif name == "TripleDES-CBC":
            stream = Cipher(TripleDES(key), modes.CBC(vector[:8])).encryptor()
            body = vector[:8] + stream.update(trailer(8, inside, kind))
        elif name == "AES-CTR":
            stream = Cipher(AES(key[:-4]), modes.CTR(key[-4:] + vector[:8] + bytes([0, 0, 0, 1]))).encryptor()
            body = vector[:8] + stream.update(trailer(4, inside, kind))
        elif name.startswith("AES-GCM"):
            tag = icv or int(name.split(" with ")[1].split()[0])
            body = vector[:8] + AESGCM(key[:-4]).encrypt(key[-4:] + vector[:8], trailer(4, inside, kind), associated)
            body = body[:len(body) - 16 + tag]
        else:
            body = vector[:8] + ChaCha20Poly1305(key[:-4]).encrypt(key[-4:] + vector[:8], trailer(4, inside, kind), associated)
        text = head + body
        if check.startswith("HMAC"):
            digest, bits = {"MD5": ("md5", 96), "SHA-1": ("sha1", 96), "SHA-256-96": ("sha256", 96), "SHA-256-128": ("sha256", 128),
                            "SHA-384": ("sha384", 192), "SHA-512": ("sha512", 256)}[next(
                word for word in ("MD5", "SHA-1", "SHA-256-96", "SHA-256-128", "SHA-384", "SHA-512") if f"HMAC-{word}-" in check.split(" ")[0] + "-")]
            text += hmac.new(check_key, text + upper, digest).digest()[:bits // 8]
        elif check.startswith("ANY") and not icv:
            text += bytes(range(int(check.split()[1]) // 8))
        if mode == "udp":
            ports = (4500, 60000) if back else (60000, 4500)
            yield "<" if back else ">", ethernet(ipv4(src, dst, 17, struct.pack(">HHHH", *ports, 8 + len(text), 0) + text))
        elif v6:
            outer = struct.pack(">IHBB", 6 << 28, len(text), 50, 64) + src + dst + text
            yield "<" if back else ">", bytes([2, 0, 0, 0, 1, 5, 2, 0, 0, 0, 1, 0x0C, 0x86, 0xDD]) + outer
        else:
            yield "<" if back else ">", ethernet(ipv4(src, dst, 50, text))


def esp():
    key = lambda length: bytes(range(1, length + 1))
    none, cbc = "NULL", "AES-CBC [RFC3602]"
    sha1, sha256 = "HMAC-SHA-1-96 [RFC2404]", "HMAC-SHA-256-128 [RFC4868]"
    gcm = lambda octets: f"AES-GCM with {octets} octet ICV [RFC4106]"
    chacha = "ChaCha20 with Poly1305 [RFC7634]"
    cases = [
        ("NULL, SHA-1", "NULL", 0, sha1, 20, {}),
        ("AES-CBC, SHA-1", cbc, 16, sha1, 20, {}),
        ("AES-CBC of 192 bits, MD5", cbc, 24, "HMAC-MD5-96 [RFC2403]", 16, {}),
        ("AES-CBC of 256 bits, SHA-256", cbc, 32, sha256, 32, {}),
        ("AES-CBC, SHA-256 in 96 bits", cbc, 16, "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]", 32, {}),
        ("AES-CBC, SHA-384", cbc, 16, "HMAC-SHA-384-192 [RFC4868]", 48, {}),
        ("AES-CBC, SHA-512", cbc, 16, "HMAC-SHA-512-256 [RFC4868]", 64, {}),
        ("AES-CBC, no check", cbc, 16, none, 0, {}),
        ("AES-CBC, unknown check", cbc, 16, "ANY 96 bit authentication [no checking]", 0, {}),
        ("AES-CBC, transport", cbc, 16, sha1, 20, {"mode": "transport"}),
        ("AES-CBC, unknown check, transport", cbc, 16, "ANY 128 bit authentication [no checking]", 0, {"mode": "transport"}),
        ("AES-CBC in UDP", cbc, 16, sha1, 20, {"mode": "udp"}),
        ("AES-CBC over IPv6", cbc, 16, sha1, 20, {"v6": True}),
        ("AES-CBC, numbers of 64 bits", cbc, 16, sha256, 32, {"esn": True}),
        ("Triple DES, SHA-1", "TripleDES-CBC [RFC2451]", 24, sha1, 20, {}),
        ("AES-CTR, SHA-1", "AES-CTR [RFC3686]", 20, sha1, 20, {}),
        ("AES-GCM, 8 bytes", gcm(8), 20, none, 0, {}),
        ("AES-GCM, 12 bytes", gcm(12), 20, none, 0, {}),
        ("AES-GCM, 16 bytes", gcm(16), 36, none, 0, {}),
        ("AES-GCM of 192 bits in UDP", gcm(16), 28, none, 0, {"mode": "udp"}),
        ("AES-GCM, numbers of 64 bits", gcm(16), 20, none, 0, {"esn": True}),
        ("AES-GCM of strongSwan, 16 bytes", "AES-GCM [RFC4106]", 20, "ANY 128 bit authentication [no checking]", 0, {"icv": 16}),
        ("AES-GCM of strongSwan, 12 bytes", "AES-GCM [RFC4106]", 20, "ANY 64 bit authentication [no checking]", 0, {"icv": 12}),
        ("Triple DES of strongSwan", "TripleDes-CBC [RFC2451]", 24, sha1, 20, {}),
        ("ChaCha20", chacha, 36, none, 0, {}),
        ("ChaCha20, transport", chacha, 36, none, 0, {"mode": "transport"}),
    ]
    for at, (name, cipher, length, check, check_length, options) in enumerate(cases):
        v6 = options.get("v6")
        addresses = [("*", "*"), ("198.51.100.1", "203.0.113.2")][at % 2] if not v6 else ("*", "*")
        frames = list(esp_packets(cipher, key(length), check, key(check_length)[::-1], **options))
        hexed = lambda key: "0x" + key.hex() if key else ""
        line = lambda src, dst: ",".join(f'"{field}"' for field in (
            "IPv6" if v6 else "IPv4", src, dst, "0x1234abcd", cipher, hexed(key(length)), check, hexed(key(check_length)[::-1])))
        lines = line(*addresses) if addresses[0] == "*" else line(*addresses) + "\n" + line(*addresses[::-1])
        yield name, 1, lines, frames


# PDCP.

def ciphered(key, count, bearer, down, data):
    """TS 33.401 B.1.3."""
    first = struct.pack(">IB", count, bearer << 3 | down << 2) + bytes(11)
    return Cipher(AES(key), modes.CTR(first)).encryptor().update(data)


def in_udp(down, text):
    ends = [bytes([198, 51, 100, 1]), bytes([203, 0, 113, 2])]
    return ethernet(ipv4(*ends[::-1 if down else 1], 17, struct.pack(">HHHH", 50000, 50001, 8 + len(text), 0) + text))


def pdcp(generation):
    key = bytes(range(16))
    hexed = key.hex()
    line = ",".join(f'"{field}"' for field in (9, *[hexed] * (3 if generation == "lte" else 4)))
    cases = {
        "lte": [("7 bits that go round", 7, [126, 127, 128, 129], {}), ("12 bits", 12, [1, 2], {}), ("15 bits", 15, [5, 6], {}),
                ("18 bits", 18, [0x30000, 0x30001], {})],
        "nr": [("12 bits that go round", 12, [4095, 4096], {}), ("18 bits", 18, [7, 8], {}), ("18 bits, integrity", 18, [7, 8], {"code": True}),
               ("SDAP", 12, [1, 2], {"sdap": True}), ("SDAP, integrity", 18, [1, 2], {"sdap": True, "code": True})],
    }
    for name, bits, counts, options in cases[generation]:
        frames = []
        for count in counts:
            for down in (0, 1):
                code, sdap = options.get("code"), options.get("sdap")
                body = packet(bool(down)) + (bytes([1, 2, 3, 4]) if code else b"")
                number = count % (1 << bits)
                size = {7: 1, 18: 3}.get(bits, 2)
                head = (number | 0x80 << 8 * (size - 1)).to_bytes(size, "big") + (b"A" if sdap else b"")
                if generation == "lte":
                    fields = b"pdcp-lte" + bytes([0, 2, 0, 2, bits, 3, down, 4, 1, 13, 0, 3, 14, 0, 9])
                else:
                    fields = b"pdcp-nr" + bytes([2, 2, bits, 3, down, 4, 1, 5, 3, 6, 0, 9])
                    fields += (bytes([15]) if code else b"") + (bytes([16, 3]) if sdap else b"")
                text = fields + b"\x01" + head + ciphered(key, count, 2, down, body)
                frames.append(("<" if down else ">", in_udp(down, text)))
        yield f"PDCP of {generation.upper()}, {name}", 1, line, frames


def of_pdcp(generation, cipher):
    name = f"pdcp-{generation}"
    return [f"--enable-heuristic=pdcp_{generation}_udp", f"-o{name}.decipher_userplane:TRUE",
            f"-o{name}.check_sequence_numbers:Only-PDCP-frames", f"-o{name}.default_ciphering_algorithm:{cipher}"]


KINDS = {"lte": (lambda: pdcp("lte"), "pdcp_lte_ue_keys", of_pdcp("lte", "EEA2 (AES)")),
         "nr": (lambda: pdcp("nr"), "pdcp_nr_ue_keys", of_pdcp("nr", "NEA2 (AES)")),
         "wpan": (wpan, "ieee802154_keys", []),
         "wlan": (wlan, "80211_keys", ["-owlan.enable_decryption:TRUE"]),
         "esp": (esp, "esp_sa", ["-oesp.enable_encryption_decode:TRUE", "-oesp.enable_authentication_check:TRUE"])}


def show(kind):
    for name, link, key, frames in KINDS[kind][0]():
        print(f"= {name}\nlink {link}")
        print("".join(f"key {line}\n" for line in key.split("\n")), end="")
        print("".join(f"{way} {frame.hex()}\n" for way, frame in frames), end="")


def opened(link, table, key, options, frames):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "fixture.pcap")
        records = (struct.pack("<IIII", 1, at, len(frame), len(frame)) + frame for at, (_, frame) in enumerate(frames))
        file.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link) + b"".join(records))
        asked = ["-T", "fields", "-e", "tcp.payload", *options]
        asked += [f"-ouat:{table}:{line}" for line in key.split("\n")]
        run = subprocess.run(["tshark", "-r", file, *asked], capture_output=True, text=True)
        lines = run.stdout.split("\n")[:len(frames)]
        if len(lines) < len(frames):
            print(run.stderr.split("UAT: ")[-1].splitlines()[-1])
            return [False] * len(frames)
        return [SEGMENT in line for line in lines]


def check():
    wrong = 0
    for kind, (cases, table, options) in KINDS.items():
        for name, link, key, frames in cases():
            more = ["-oesp.enable_null_encryption_decode_heuristic:FALSE"] if kind == "esp" else []
            found = opened(link, table, key, options + more, frames)
            missing = [at for at, (way, _) in enumerate(frames) if (way != "-") != found[at]]
            wrong += bool(missing)
            if missing:
                print(f"{kind}, {name}: tshark says otherwise of frames {missing}")
    print(f"{wrong} of the conversations are not as tshark has them")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    elif len(sys.argv) == 2 and sys.argv[1] in KINDS:
        show(sys.argv[1])
    else:
        sys.exit(__doc__)
