#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
# tags: slow
# What a guest whose root is hostile makes this host send: read from the wire and
# from the loopback, not from what ring3 says. It sends frames as they are, and by
# sockets. Each kind is seen where it is allowed, so that seeing none means something.
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import natlib as n
from world import *

HOST_PORT, OUT_PORT = 4242, 8100
LABEL = b"ring3-leak-"
LONG = ".".join(["x" * 49] * 4)

world = World()
for path, text in (("nsswitch.conf", "hosts: files dns\n"), ("resolv.conf", f"nameserver {OUT4}\noptions timeout:1 attempts:1\n")):
    with open(os.path.join(TMP, path), "w") as f:
        f.write(text)
call("mount", "--bind", os.path.join(TMP, "resolv.conf"), "/etc/resolv.conf")


class Wire(threading.Thread):
    """Packets that leave by one device: (destination, protocol, bytes behind its header)."""

    def __init__(self, device):
        super().__init__(daemon=True)
        self.seen = []
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.bind((device, 0))
        self.start()

    def run(self):
        while True:
            data, where = self.sock.recvfrom(70000)
            if where[2] == socket.PACKET_OUTGOING:
                self.take(data)

    def take(self, data):
        kind, p = data[12:14], data[14:]
        if kind == b"\x08\x00":
            self.seen.append((socket.inet_ntoa(p[16:20]), p[9], p[(p[0] & 15) * 4:]))
        elif kind == b"\x86\xdd":
            # Neighbours and listeners, which are the host's own.
            if not (p[6] == n.ICMP6 and p[40] in range(130, 138)) and not (p[6] == 0 and p[40] == n.ICMP6):
                self.seen.append((n.norm(p[24:40]), p[6], p[40:]))

    def since(self):
        time.sleep(0.5)
        seen, self.seen = self.seen, []
        return seen


lo, out = Wire("lo"), Wire("out0")


def source(dst):
    return n.GUEST6 if ":" in dst else n.GUEST4


def plain(dst, port, label, src=None):
    """One packet of each protocol."""
    src = src or source(dst)
    text = LABEL + label
    return [n.ip(src, dst, n.TCP, n.tcp(src, dst, 2000, port, 1, 0, n.SYN)),
            n.ip(src, dst, n.UDP, n.udp(src, dst, 2000, port, text + b"-udp")),
            n.ip(src, dst, n.UDP, n.udp(src, dst, 2000, 53, n.dns_query(f"{LONG}.{label.decode()}.test"))),
            n.ip(src, dst, n.ICMP6 if ":" in dst else n.ICMP, n.icmp_echo(src, dst, 7, 1, text + b"-ping"))]


def pieces(dst, port, label):
    """A datagram in two fragments; one whose fragments overlap; of IPv6 by its header."""
    src, text = source(dst), LABEL + label + b"-fragment"
    seg = n.udp(src, dst, 2001, port, text * 8)
    if ":" in dst:
        head = [bytes([n.UDP, 0]) + struct.pack("!HI", off | more, 99) for off, more in ((0, 1), (64, 0))]
        return [n.ip(src, dst, 44, head[0] + seg[:64]), n.ip(src, dst, 44, head[1] + seg[64:])]
    other = n.udp(src, dst, 2002, port, text * 8)
    return [n.ip(src, dst, n.UDP, seg[:64], ident=5, off=0x2000), n.ip(src, dst, n.UDP, seg[64:], ident=5, off=8),
            n.ip(src, dst, n.UDP, other[:64], ident=6, off=0x2000), n.ip(src, dst, n.UDP, other[:64], ident=6, off=0x2000),
            n.ip(src, dst, n.UDP, other[32:], ident=6, off=4)]


def odd(dst, port, label):
    """Other protocols, options, headers, tunnels."""
    src, inner = source(dst), plain(dst, port, label)[1]
    found = [n.ip(src, dst, proto, inner) for proto in (4, 41, 47, 132)]
    if ":" not in dst:
        route = bytes([131, 7, 4]) + n.packed(dst) + b"\0"
        found.append(n.ip(src, OUT4, n.UDP, n.udp(src, OUT4, 2003, 80, LABEL + label), options=route))
    else:
        found.append(n.ip(src, dst, 60, bytes([n.UDP, 0, 1, 4, 0, 0, 0, 0]) + n.udp(src, dst, 2003, port, LABEL + label)))
    return found


# Others of its own network a guest may have.
SPOOFED = ("127.0.0.1", n.GATEWAY4, n.DNS4, "10.0.3.15", OUT4, HOST4, "0.0.0.0", "255.255.255.255", "::1", n.GATEWAY6, OUT6, HOST6)


def spoofed(dst, port, label):
    return [p for s in SPOOFED if (":" in s) == (":" in dst) for p in plain(dst, port, label, s)]


GUEST = r"""
import socket, struct, sys
own = bytes.fromhex(open("/sys/class/net/eth0/address").read().strip().replace(":", ""))
card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
card.bind(("eth0", 0))
def tries(what, *args):
    try:
        return what(*args)
    except OSError as e:
        return e
def sends(kind, text, where):
    s = socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, kind)
    s.settimeout(1)
    tries(s.connect, where)
    tries(s.send, text)
    s.close()
print("up", flush=True)
for line in sys.stdin:
    word, *args = line.split()
    if word == "frame":
        f = bytes.fromhex(args[0])
        tries(card.send, f[:6] + own + f[12:])
    elif word == "socket":
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            sends(kind, b"ring3-leak-socket" * 2000, (args[0], int(args[1])))
    elif word == "name":
        tries(socket.getaddrinfo, args[0], 80)
    elif word == "fetch":
        s = socket.create_connection((args[0], 80), 5)
        s.send(b"GET /\r\n\r\n")
        print("fetched", s.recv(100)[:12], flush=True)
    else:
        print("sent", flush=True)
"""


def hostile(lines, *options, fetch=None):
    """A guest that does all of it. What left by the loopback, and by the wire."""
    g = Guest(*options, "--", "python3", "-c", GUEST)
    if not g.expect("up\n"):
        ok(False, "the guest starts", g.text)
    lo.since(), out.since()
    if fetch:
        g.type(f"fetch {fetch}\n")
        ok(g.expect("fetched b'HTTP/1.0 200"), f"{fetch} answers, as a rule allows it", g.text)
    g.type("".join(lines) + "end\n")
    g.expect("sent\n", 90)
    # What the back end still holds.
    time.sleep(1.5)
    seen = lo.since(), out.since()
    ok(b"sent\n" in g.text and g.proc.poll() is None, f"a guest has sent {len(lines)} lines and goes on", g.text[-500:])
    g.close()
    return seen


def frames(packets):
    return [f"frame {n.eth(p).hex()}\n" for p in packets]


def names(packets):
    """What was seen, for a reader."""
    return sorted({f"{dst} protocol {proto} {data[:60]!r}" for dst, proto, data in packets})[:20]


# ---- this host ----

OWN = (HOST4, HOST6, "127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::ffff:127.0.0.1", f"::ffff:{HOST4}", f"::{HOST4}", f"64:ff9b::{HOST4}",
       "2002:c000:201::1", "169.254.169.254", "192.0.2.255", "255.255.255.255", "224.0.0.1", "ff02::1", n.GATEWAY4, n.GATEWAY6)
lines = []
for dst in OWN:
    for make in (plain, pieces, odd, spoofed):
        lines += frames(make(n.norm(dst), HOST_PORT, b"own"))
    lines.append(f"socket {dst} {HOST_PORT}\n")
listener = socket.create_server(("::", HOST_PORT), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
datagrams.bind(("::", HOST_PORT))
listener.settimeout(0)
datagrams.settimeout(0)


def arrived():
    count = 0
    for take in (listener.accept, lambda: datagrams.recv(65536)):
        try:
            while take():
                count += 1
        except BlockingIOError:
            pass
    return count


local, wire = hostile(lines)
same(names(local), [], "nothing that a guest sends comes to this host's loopback or addresses")
same(arrived(), 0, "by what listens there, too")
same(names(p for p in wire if p[0] not in (OUT4, OUT6)), [], "nor does it leave for where only this host could be meant")
local, wire = hostile(lines, "--net", "nat,host")
protos = {p[1] for p in local}
ok({n.TCP, n.UDP} <= protos and arrived() > 1, "with nat,host they do, so this would have been seen", names(local))

# ---- rules ----

# OUT4 is allowed at TCP and UDP port 80, by a name. AWAY is routed there, too.
AWAY = "198.51.100.9"
lines = []
for dst in (OUT4, AWAY, OUT6):
    for kind, make in ((b"plain", plain), (b"pieces", pieces), (b"odd", odd), (b"spoofed", spoofed)):
        lines += frames(make(dst, OUT_PORT, kind))
    lines.append(f"socket {dst} {OUT_PORT}\n")
for server in (n.DNS4, n.DNS6):
    for kind in (1, 28, 16, 255):
        lines += frames([n.ip(source(server), server, n.UDP, n.udp(source(server), server, 2100 + kind, 53, n.dns_query(f"{LONG}.resolver.test", kind)))])
lines += frames(spoofed(OUT4, 80, b"allowed"))
lines += [f"name {LONG}.libc.test\n", "name other.test\n"]


def kinds(wire):
    """Which of what was tried is there."""
    found = set()
    for dst, proto, data in wire:
        six = "6" if ":" in dst else ""
        if proto == n.TCP and data[2:4] == struct.pack("!H", OUT_PORT):
            found.add("TCP" + six)
        elif proto == n.UDP and data[2:4] == b"\0\x35" and b"x" * 49 in data:
            found.add("long name")
        elif proto in (n.ICMP, n.ICMP6) and b"-ping" in data:
            found.add("ping" + six)
        elif b"-fragment" in data:
            found.add("fragments" + six)
        elif b"-socket" in data:
            found.add("socket" + six)
        elif proto == n.UDP and b"-udp" in data:
            found.add("UDP" + six)
    return found


_, wire = hostile(lines)
same(kinds(wire), {"TCP", "TCP6", "UDP", "UDP6", "ping", "ping6", "fragments", "socket", "long name"},
     "without rules TCP, UDP, pings, fragments (IPv4), datagrams of 32,000 bytes and names of 200 letters are seen on the wire")
same(names(p for p in wire if b"-spoofed" in p[2] or b"spoofed" in p[2] or b"-allowed" in p[2] or b"-odd" in p[2]), [],
     "but nothing from an address that is not the guest's, and no tunnels, options and extension headers")
_, wire = hostile(lines + ["name allowed.name\n"], "--egress", "server.test:80,allowed.name", fetch="server.test")
allowed = [p for p in wire if p[0] == OUT4 and p[1] == n.TCP and p[2][2:4] == b"\0\x50"]
# IPv6 addresses of server.test are asked for as well, as its IPv4 one is in the hosts file.
questions = [p for p in wire if p[0] == OUT4 and p[1] == n.UDP and p[2][2:4] == b"\0\x35" and p[2][20:].startswith((b"\7allowed\4name\0", b"\6server\4test\0"))]
ok(allowed and questions, "with rules: the connection and the questions that they allow", names(wire))
same(names(p for p in wire if p not in allowed and p not in questions), [], "and nothing else leaves, whatever it is")
ok(not any(LABEL in p[2] for p in allowed), "nor in what is allowed")
_, wire = hostile(lines, "--egress", "none")
same(names(wire), [], "--egress none: not one packet")
world.close()
done()
