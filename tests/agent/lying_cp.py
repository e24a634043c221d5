#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# An agent that answers `ring3 cp NAME:PATH LOCAL` with what is in the file $LIE,
# and has a command that never ends.
import os
import socket
import struct
import sys

if sys.argv[1:2] != ["--serve-fd"]:
    sys.exit(2)
s = socket.socket(fileno=int(sys.argv[2]))
s.setblocking(True)
buf = b""


def frame(kind, session, payload=b""):
    return struct.pack("<IHH", len(payload), kind, session) + payload


def next_frame():
    global buf
    while len(buf) < 8 or len(buf) < 8 + struct.unpack_from("<I", buf)[0]:
        data = s.recv(65536)
        if not data:
            sys.exit(0)
        buf += data
    n, kind, session = struct.unpack_from("<IHH", buf)
    payload, buf = buf[8:8 + n], buf[8 + n:]
    return kind, session, payload


s.sendall(frame(1, 0, struct.pack("<IIII4Q64s", 0x41336e72, 1, 262144, 1, 1, 2, 3, 4, b"lying")))
while True:
    kind, session, payload = next_frame()
    if kind == 13:
        sys.exit(0)
    if kind != 2:
        continue
    s.sendall(frame(10, session, struct.pack("<I", 77)))
    if b"--pack" not in payload:
        continue
    with open(os.environ["LIE"], "rb") as f:
        lie = f.read()
    for i in range(0, min(len(lie), 200000), 60000):
        s.sendall(frame(4, session, lie[i:i + 60000]))
    said = frame(5, session, b"\x1b[2Jit lies\n") if b"talk" in payload else b""
    s.sendall(frame(4, session) + said + frame(5, session) + frame(11, session, struct.pack("<II", 0, 0)))
