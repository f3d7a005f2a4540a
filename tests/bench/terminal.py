#!/usr/bin/env python3
"""How quickly the terminal UI answers, measured from outside in a pseudo-terminal.

Usage: terminal.py BINARY CAPTURE [ROUNDS]

Prints the time from start to the first picture, and the time from a key to the picture that answers it while the
capture is still being read (half the keys open the help, the other half close it again).
"""

import fcntl
import os
import pty
import select
import statistics
import struct
import sys
import termios
import time


class Session:
    def __init__(self, command):
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
            os.execv(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""

    def until(self, words, limit=30.0):
        """Reads until the words were written; the time of it."""
        end = time.monotonic() + limit
        while words not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise SystemExit(f"waited in vain for {words!r}")
            self.seen += os.read(self.fd, 65536)
        return time.monotonic()

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:  # how Linux says that the other end is closed
                    return

    def press(self, key, words):
        """Milliseconds from a key to the words that answer it."""
        self.seen = b""
        pressed = time.monotonic()
        os.write(self.fd, key)
        return (self.until(words) - pressed) * 1e3

    def end(self):
        os.write(self.fd, b"q")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self.drain(0.05)
            time.sleep(0.01)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
        raise SystemExit("it does not quit")


def spread(times):
    times = sorted(times)
    return (
        f"median {statistics.median(times):.1f} ms, "
        f"95 % {times[int(len(times) * 0.95)]:.1f} ms, worst {times[-1]:.1f} ms of {len(times)}"
    )


def main():
    binary, capture = os.path.abspath(sys.argv[1]), sys.argv[2]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    first, keys = [], []
    for _ in range(rounds):
        session = Session([binary, capture])
        first.append((session.until(b"Contacts") - session.began) * 1e3)
        for _ in range(20):
            # Somebody who types; spread over the first seconds of reading.
            session.drain(0.03)
            keys.append(session.press(b"?", b"Keys:"))
            session.drain(0.03)
            keys.append(session.press(b"\x1b", b"Why"))
        session.end()
    print("first picture:", spread(first))
    print("key to picture:", spread(keys))


main()
