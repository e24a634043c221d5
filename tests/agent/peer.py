# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's end of the agent's protocol, frame by frame."""
import os
import socket
import struct
import subprocess

HELLO, RUN, STDIN, STDOUT, STDERR, CREDIT, CLOSE, WINCH, SIGNAL, STARTED, EXIT, ERROR, POWER, END = range(1, 15)


def frame(kind, session, payload=b"", length=None):
    return struct.pack("<IHH", len(payload) if length is None else length, kind, session) + payload


def hello(magic=0x41336e72, version=1, window=262144):
    return frame(HELLO, 0, struct.pack("<IIII4Q64s", magic, version, window, 0, 0, 0, 0, 0, b""))


def request(*argv, flags=0, uid=None, argc=None, envc=0, strings=None):
    if strings is None:
        strings = b"\0" + b"".join(a.encode() + b"\0" for a in argv)
    if uid is not None:
        flags |= 8
    return struct.pack("<IIIII4H", flags, uid or 0, uid or 0, len(argv) if argc is None else argc, envc, 24, 80, 0, 0) + strings


class Agent:
    def __init__(self):
        a, b = socket.socketpair()
        self.proc = subprocess.Popen([os.environ["R3INIT"], "--serve-fd", str(b.fileno())], pass_fds=[b.fileno()],
                                     stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        b.close()
        self.s = a
        self.s.settimeout(10)
        self.buf = b""
        self.gone = False

    def send(self, data):
        try:
            self.s.sendall(data)
        except OSError:
            self.gone = True

    def frame(self):
        try:
            while len(self.buf) < 8 or len(self.buf) < 8 + struct.unpack_from("<I", self.buf)[0]:
                data = self.s.recv(65536)
                if not data:
                    return None
                self.buf += data
        except OSError:
            return None
        n, kind, session = struct.unpack_from("<IHH", self.buf)
        payload, self.buf = self.buf[8:8 + n], self.buf[8 + n:]
        return kind, session, payload

    def until(self, kind, session):
        while (f := self.frame()):
            if f[:2] == (kind, session):
                return f[2]
        return None

    def end(self):
        self.s.close()
        try:
            return self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            return "hangs"


def agent():
    a = Agent()
    a.frame()
    a.send(hello())
    return a
