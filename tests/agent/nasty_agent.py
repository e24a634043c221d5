#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# An agent that keeps to the protocol, in place of r3init, but whose texts are
# $NASTY_TEXT: as the kernel's name, and as an error of $NASTY: session or link.
# With $NASTY output, it ends the output of a session that it was not asked for.
import os
import socket
import struct
import sys

s = socket.socket(fileno=int(sys.argv[2]))
s.setblocking(True)
text = bytes.fromhex(os.environ["NASTY_TEXT"])


def send(kind, session, payload):
    s.sendall(struct.pack("<IHH", len(payload), kind, session) + payload)


send(1, 0, struct.pack("<IIII4Q64s", 0x41336e72, 1, 262144, 1, 1, 2, 3, 4, text))
if os.environ["NASTY"] == "link":
    send(12, 0, struct.pack("<II", 5, 125) + text)
if os.environ["NASTY"] == "output":
    s.recv(120)
    send(4, 1, b"")
# Until there is a session: HELLO comes before, and what else a guest is told.
got = b""
while data := s.recv(65536):
    got += data
    while len(got) >= 8 and len(got) >= 8 + struct.unpack_from("<I", got)[0]:
        length, _, session = struct.unpack_from("<IHH", got)
        got = got[8 + length:]
        if session == 1 and os.environ["NASTY"] == "session":
            send(12, 1, struct.pack("<II", 4, 1) + text)
        if session == 1:
            os.environ["NASTY"] = ""
