#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# An agent that lies, in place of r3init: mostly valid frames, some of them
# wrong, from the seed in $HOSTILE_SEED.
import os
import random
import socket
import struct
import sys

if sys.argv[1:2] != ["--serve-fd"]:
    sys.exit(2)
s = socket.socket(fileno=int(sys.argv[2]))
rng = random.Random(int(os.environ["HOSTILE_SEED"]))


def frame(kind, session, payload=b"", length=None):
    return struct.pack("<IHH", len(payload) if length is None else length, kind, session) + payload


hello = struct.pack("<IIII4Q64s", 0x41336e72, 1, 262144, 1, 1, 2, 3, 4, b"hostile")
messages = [
    lambda: frame(4, 1, rng.randbytes(rng.randrange(0, 4000))),
    lambda: frame(5, 1, b"text\x1b[2J\n"),
    lambda: frame(4, 1, b"x" * 65536),
    lambda: frame(6, 1, struct.pack("<II", 3, rng.randrange(100000))),
    lambda: frame(10, 1, struct.pack("<I", 77)),
    lambda: frame(7, 1, struct.pack("<I", 3)),
]
wrong = [
    lambda: frame(rng.randrange(0, 70000) & 0xffff, rng.randrange(0, 400), rng.randbytes(rng.randrange(0, 64))),
    lambda: frame(rng.randrange(1, 16), 1, rng.randbytes(rng.randrange(0, 16))),
    lambda: frame(4, 1, b"", length=rng.choice([65537, 1 << 20, 0x7fffffff, 0xffffffff])),
    lambda: frame(6, 1, struct.pack("<II", rng.randrange(0, 8), rng.choice([0xffffffff, 1 << 24, 1 << 31]))),
    lambda: frame(11, 1, struct.pack("<II", rng.getrandbits(32), rng.getrandbits(32))),
    lambda: frame(12, rng.randrange(0, 2), rng.randbytes(rng.randrange(0, 4096))),
    lambda: frame(1, 0, hello),
    lambda: rng.randbytes(rng.randrange(1, 200)),
    lambda: frame(11, 1, struct.pack("<II", 0, 0)) * 3,
]
try:
    s.sendall(frame(1, 0, hello if rng.random() < 0.9 else bytes(rng.choice([b"", hello[:50], hello + b"x"]))))
    for i in range(rng.randrange(1, 60)):
        s.sendall((rng.choice(wrong) if rng.random() < 0.05 else rng.choice(messages))())
        if rng.random() < 0.3:
            s.setblocking(False)
            try:
                s.recv(65536)
            except BlockingIOError:
                pass
            s.setblocking(True)
except OSError:
    pass
