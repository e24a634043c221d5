# SPDX-License-Identifier: GPL-2.0-or-later
"""Members of a software switch, without guests: programs on its socket."""
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

RING3 = os.environ["RING3"]
STATE = os.path.join(os.environ.get("XDG_RUNTIME_DIR", f"/tmp/ring3-{os.getuid()}"), "ring3", "net")
NEEDS_CSUM = 1
TCPV4, UDP, TCPV6, UDP_L4 = 1, 3, 4, 5
BROADCAST = b"\xff" * 6


def net(*words, timeout=20, **kw):
    return subprocess.run([RING3, "net", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=True, **kw)


def connect(switch):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # The path may be longer than a socket's address.
    d = os.open(STATE, os.O_RDONLY)
    s.connect(f"/proc/self/fd/{d}/{switch}.sock")
    os.close(d)
    s.settimeout(5)
    return s


def ask(switch, request, fds=()):
    s = connect(switch)
    text = request if isinstance(request, bytes) else json.dumps(request).encode()
    socket.send_fds(s, [text], list(fds))
    answer = json.loads(s.recv(1 << 18))
    s.close()
    return answer


def stats(switch, port):
    ports = ask(switch, {"op": "ls"})["ok"]["ports"]
    return next(p for p in ports if p["name"] == port)


def mac(n):
    return bytes([0x52, 0x54, 0, 0, n >> 8, n & 255])


def mac_text(m):
    return ":".join(f"{b:02x}" for b in m)


def header(flags=0, gso=0, hdr_len=0, size=0, start=0, offset=0, buffers=0):
    return struct.pack("<BBHHHHH", flags, gso, hdr_len, size, start, offset, buffers)


def eth(dst, src, payload=b"", proto=0x88b5, tag=None):
    return dst + src + (b"" if tag is None else struct.pack("!HH", 0x8100, tag)) + struct.pack("!H", proto) + payload


def csum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return s


def ipv4(proto, payload, src=b"\x0a\0\0\1", dst=b"\x0a\0\0\2", ident=1):
    h = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0x4000, 64, proto, 0, src, dst)
    return h[:10] + struct.pack("!H", csum(h) ^ 0xffff) + h[12:] + payload


def ipv6(proto, payload, src=b"\xfd" + b"\0" * 14 + b"\1", dst=b"\xfd" + b"\0" * 14 + b"\2"):
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, 64) + src + dst + payload


def pseudo4(proto, length, src=b"\x0a\0\0\1", dst=b"\x0a\0\0\2"):
    return csum(src + dst + struct.pack("!HH", proto, length))


def pseudo6(proto, length, src=b"\xfd" + b"\0" * 14 + b"\1", dst=b"\xfd" + b"\0" * 14 + b"\2"):
    return csum(src + dst + struct.pack("!IHBB", length, 0, 0, proto))


def tcp_gso(dst, src, data, size=1448, v6=False, flags=0x19, seq=1000):
    """A TCP segment larger than the wire, as a guest's card gets it."""
    length = 20 + len(data)
    h = struct.pack("!HHIIBBHHH", 50001, 50002, seq, 7, 0x50, flags, 500, pseudo6(6, length) if v6 else pseudo4(6, length), 0)
    ip = ipv6(6, h + data) if v6 else ipv4(6, h + data)
    l4 = 14 + (40 if v6 else 20)
    return header(NEEDS_CSUM, TCPV6 if v6 else TCPV4, l4 + 20, size, l4, 16) + eth(dst, src, ip, 0x86dd if v6 else 0x0800)


def udp_gso(dst, src, data, size=1000):
    length = 8 + len(data)
    h = struct.pack("!HHHH", 50001, 50002, length, pseudo4(17, length))
    return header(NEEDS_CSUM, UDP_L4, 42, size, 34, 6) + eth(dst, src, ipv4(17, h + data), 0x0800)


class Member:
    def __init__(self, switch, name, number=None, **options):
        self.mac = mac(number) if number is not None else None
        self.sock = connect(switch)
        for o in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            self.sock.setsockopt(socket.SOL_SOCKET, o, 4 << 20)
        join = {"name": name, **options}
        if number is not None:
            join.setdefault("mac", mac_text(self.mac))
        self.sock.send(json.dumps({"join": join}).encode())
        self.answer = json.loads(self.sock.recv(65536))
        self.ok = "ok" in self.answer
        self.name = self.answer["ok"]["name"] if self.ok else None

    def raw(self, message):
        try:
            self.sock.send(message)
        except socket.timeout:
            return False
        return True

    def send(self, dst, payload=b"", tag=None, proto=0x88b5, src=None):
        return self.raw(header() + eth(dst, src or self.mac, payload, proto, tag))

    def recv(self, timeout=1.0):
        """One message: header and frame; None if there is none in time."""
        if not select.select([self.sock], [], [], timeout)[0]:
            return None
        m = self.sock.recv(70000)
        return m or None

    def frames(self, n, timeout=1.0):
        """n frames without headers, or as many as come in time; then none more at once."""
        got = []
        end = time.monotonic() + timeout
        while len(got) < n:
            m = self.recv(max(0, end - time.monotonic()))
            if m is None:
                break
            got.append(m[12:])
        return got

    def payloads(self, n, timeout=1.0):
        return [f[14:] for f in self.frames(n, timeout)]

    def empty(self, timeout=0.1):
        return self.recv(timeout) is None

    def close(self):
        self.sock.close()
