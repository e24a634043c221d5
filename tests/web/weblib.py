# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of `ring3 web`, down to the bytes, and the server itself (of the program that RING3_WEB_TEST_PROGRAM names)."""
import base64
import json
import os
import re
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

BUILD = os.environ["BUILD"]


def have_server():
    return os.path.exists(os.path.join(BUILD, "web", "ring3-web"))


class Server:
    def __init__(self, program, *options):
        self.proc = subprocess.Popen([program, "web", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE)
        self.url = self.proc.stdout.readline().decode().strip()
        m = re.fullmatch(r"http://([0-9.]+|\[[0-9a-f:]+\]):(\d+)/([0-9a-f]{32})/", self.url)
        if not m:
            raise RuntimeError(f"no address: {self.url!r} {self.proc.stderr.read()!r}")
        self.address, self.port, self.token = m[1].strip("[]"), int(m[2]), m[3]
        self.host = f"{m[1]}:{self.port}"

    def connect(self):
        s = socket.create_connection((self.address, self.port), timeout=20)
        return s

    def ask(self, path="", method="GET", headers=None, token=None, raw=None):
        """(status, headers, body) of one request."""
        s = self.connect()
        all_headers = {"Host": self.host, "Connection": "close", **(headers or {})}
        path = raw if raw is not None else f"/{self.token if token is None else token}/{path}"
        s.sendall(f"{method} {path} HTTP/1.1\r\n".encode() +
                  "".join(f"{k}: {v}\r\n" for k, v in all_headers.items() if v is not None).encode() + b"\r\n")
        data = b""
        while True:
            try:
                piece = s.recv(65536)
            except ConnectionError:
                break
            if not piece:
                break
            data += piece
        s.close()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1]) if len(lines[0].split()) > 1 else 0
        return status, dict((k.lower(), v) for k, v in (line.split(": ", 1) for line in lines[1:] if ": " in line)), body

    def state(self):
        status, _, body = self.ask("state.json")
        return json.loads(body) if status == 200 else None

    def end(self):
        if self.proc.poll() is None:
            self.proc.terminate()
        try:
            self.proc.wait(10)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        return self.proc.returncode


class WebSocket:
    """RFC 6455, the client's side. status is that of the answer to the handshake, 101 if it is one."""

    def __init__(self, server, path, protocol, headers=None, token=None):
        self.sock = server.connect()
        self.buf = b""
        key = base64.b64encode(os.urandom(16)).decode()
        all_headers = {"Host": server.host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                       "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": protocol, **(headers or {})}
        token = server.token if token is None else token
        self.sock.sendall(f"GET /{token}/{path} HTTP/1.1\r\n".encode() +
                          "".join(f"{k}: {v}\r\n" for k, v in all_headers.items() if v is not None).encode() + b"\r\n")
        while b"\r\n\r\n" not in self.buf:
            try:
                piece = self.sock.recv(4096)
            except ConnectionError:
                piece = b""
            if not piece:
                break
            self.buf += piece
        head, _, self.buf = self.buf.partition(b"\r\n\r\n")
        words = head.split()
        self.status = int(words[1]) if len(words) > 1 else 0

    def send(self, data, binary=False, op=None):
        if isinstance(data, str):
            data = data.encode()
        mask = os.urandom(4)
        head = bytes([0x80 | (op or (2 if binary else 1))])
        n = len(data)
        head += bytes([0x80 | n]) if n < 126 else bytes([0xfe]) + struct.pack(">H", n) if n < 65536 else bytes([0xff]) + struct.pack(">Q", n)
        self.sock.sendall(head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data)))

    def need(self, n):
        while len(self.buf) < n:
            try:
                piece = self.sock.recv(1 << 20)
            except ConnectionError:
                piece = b""
            if not piece:
                return False
            self.buf += piece
        return True

    def receive(self):
        """(opcode, payload) of the next message, whole; None: it was closed."""
        whole = b""
        first = None
        while True:
            if not self.need(2):
                return None
            op, n = self.buf[0], self.buf[1] & 127
            at = 2
            if n == 126:
                if not self.need(4):
                    return None
                n, at = struct.unpack(">H", self.buf[2:4])[0], 4
            elif n == 127:
                if not self.need(10):
                    return None
                n, at = struct.unpack(">Q", self.buf[2:10])[0], 10
            if not self.need(at + n):
                return None
            payload, self.buf = self.buf[at:at + n], self.buf[at + n:]
            if op & 15 == 9:
                self.send(payload, op=10)
                continue
            if op & 15 == 8:
                return None
            first = first or op & 15
            whole += payload
            if op & 0x80:
                return first, whole

    def close(self):
        self.sock.close()


class Live(WebSocket):
    """What a page has: messages a second, and requests."""

    def __init__(self, server, **more):
        super().__init__(server, "live", "ring3-live", **more)
        self.last = 0

    def message(self):
        m = self.receive()
        return m and json.loads(m[1])

    def state(self, good, seconds=20):
        """The first message for which good(message) holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            m = self.message()
            if m is None:
                return None
            if "state" in m and good(m):
                return m
        return None

    def ask(self, **request):
        self.last += 1
        self.send(json.dumps({"id": self.last, **request}))
        while True:
            m = self.message()
            if m is None or m.get("id") == self.last:
                return m


class Term(WebSocket):
    def __init__(self, server, kind, machine, cols=80, rows=24, **more):
        super().__init__(server, f"term?kind={kind}&machine={machine}&cols={cols}&rows={rows}", "ring3-term", **more)
        self.text = b""
        self.status_line = None

    def expect(self, want, seconds=20, ack=True):
        end = time.monotonic() + seconds
        want = want.encode() if isinstance(want, str) else want
        self.sock.settimeout(seconds)
        at = self.text.find(want)
        while at < 0:
            if time.monotonic() > end:
                return False
            try:
                m = self.receive()
            except TimeoutError:
                return False
            if m is None:
                return False
            if m[0] == 2:
                old = max(0, len(self.text) - len(want))
                self.text += m[1]
                at = self.text.find(want, old)
                if at < 0:
                    self.text = self.text[-65536:]
                if ack:
                    self.send(json.dumps({"ack": len(m[1])}))
            else:
                self.status_line = json.loads(m[1])
        self.text = self.text[at + len(want):]
        return True

    def exit(self):
        """The command's exit status."""
        while self.status_line is None:
            m = self.receive()
            if m is None:
                return None
            if m[0] == 2:
                self.text += m[1]
            else:
                self.status_line = json.loads(m[1])
        return self.status_line.get("exit")

    def type(self, text):
        self.send(text, binary=True)
