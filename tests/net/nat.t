#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# ring3-net without a guest: addresses, neighbours, DHCP, pings, TCP, UDP, offloads.
import sys
import os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from natlib import *


def serve(ready):
    s = Servers()
    for addr in (OUT4, OUT6):
        s.listen(addr, 7)
        s.udp(addr, 7)
    ready()
    s.run()


world(serve, {})
g = Guest(log=True)
is_(g.ready["ipv4"], {"address": GUEST4, "prefix": 24, "gateway": GATEWAY4, "dns": DNS4}, "ready: the guest's IPv4")
is_(g.ready["ipv6"]["address"], GUEST6, "ready: its IPv6")
is_((g.ready["mtu"], g.ready["offload"], g.ready["publish"]), (65520, True, []), "ready: MTU, offloads, no published ports")

# Neighbours.
g.tx(b"\xff" * 6 + MAC + b"\x08\x06" + bytes.fromhex("0001080006040001") + MAC + packed(GUEST4) + b"\0" * 6 + packed(GATEWAY4))
p = g.rx(lambda p: p.type == 0x806, neighbours=False)
ok(p is not None and p.body[14:18] == packed(GATEWAY4), "ARP: the gateway answers")
g.tx(b"\xff" * 6 + MAC + b"\x08\x06" + bytes.fromhex("0001080006040001") + MAC + packed(GUEST4) + b"\0" * 6 + packed("10.0.2.77"))
ok(g.rx(lambda p: p.type == 0x806 and p.body[6:8] == b"\0\2", 0.3, neighbours=False) is None, "ARP: nobody else does")
m = struct.pack("!BBHI", 133, 0, 0, 0)
m = m[:2] + struct.pack("!H", checksum(pseudo(LINK6, "ff02::2", ICMP6, 8) + m)) + m[4:]
g.tx(eth(ip(LINK6, "ff02::2", ICMP6, m, ttl=255), dst=b"\x33\x33\0\0\0\2"))
p = g.rx(lambda p: p.proto == ICMP6 and p.icmp[0] == 134, neighbours=False)
ok(p is not None and packed("fd72:696e:6733::") in p.body, "a router advertisement has the prefix")


def dhcp(kind, extra=b""):
    m = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, 0x1234, 0, 0, 0, 0, 0, 0) + MAC + b"\0" * 10 + b"\0" * 192
    m += bytes.fromhex("63825363") + bytes([53, 1, kind]) + extra + b"\xff" + b"\0" * 200
    g.tx(eth(ip("0.0.0.0", "255.255.255.255", UDP, udp("0.0.0.0", "255.255.255.255", 68, 67, m)), dst=b"\xff" * 6))
    p = g.rx(lambda p: p.proto == UDP and p.dport == 68)
    return p.data if p else b""


offer = dhcp(1)
is_(offer[16:20], packed(GUEST4), "DHCP offers the guest's address")
a = dhcp(3, b"\x32\x04" + packed(GUEST4))
is_(a[16:20], packed(GUEST4), "DHCP acknowledges it")
ok(b"\x06\x04" + packed(DNS4) in a and b"\x03\x04" + packed(GATEWAY4) in a, "with resolver and router")

# Pings.
is_([g.ping(a) for a in (GATEWAY4, DNS4, GATEWAY6)], ["pong"] * 3, "the gateway and the resolver answer pings")
if os.path.exists("/proc/sys/net/ipv4/ping_group_range") and open("/proc/sys/net/ipv4/ping_group_range").read().split() == ["0", "0"]:
    is_(g.ping(OUT4), "pong", "a ping goes outside")
    is_(g.ping(OUT6), "pong", "an ICMPv6 ping too")
else:
    skip("pings outside", "host: no ping sockets")

# TCP and UDP outside.
for dst in (OUT4, OUT6):
    c = g.connect(dst, 7)
    if not ok(not isinstance(c, str), f"TCP to {dst} connects"):
        continue
    blob = os.urandom(1200)
    c.send(blob)
    is_(c.recv(1200), blob, "and carries data both ways")
    c.close()
    c.recv(1)
    ok(c.closed, "and closes")
    is_(g.connect(dst, 99), "reset", "a port where nobody listens is refused")
    is_(g.udp(dst, 7, b"datagram"), b"datagram", f"UDP to {dst} is answered")
    big = os.urandom(60000)
    is_(g.udp(dst, 7, big), big, "also with 60,000 bytes")
is_(g.udp(OUT4, 99, b"x"), "icmp 3 3", "a closed UDP port is reported")

# Offloads: checksums and segments that the guest leaves to us.
seg = udp(GUEST4, OUT4, 4001, 7, b"no checksum", good=False)
g.tx(eth(ip(GUEST4, OUT4, UDP, seg)), struct.pack("<BBHHHHH", NEEDS_CSUM, 0, 0, 0, 34, 6, 0))
p = g.rx(lambda p: p.proto == UDP and p.dport == 4001)
is_(p and p.data, b"no checksum", "UDP whose checksum is ours to make")
ok(p is not None and g.last_hdr[0] == DATA_VALID, "and of what comes the guest need not look at it")
for dst, gso in ((OUT4, GSO_TCPV4), (OUT6, GSO_TCPV6)):
    c = g.connect(dst, 7)
    l4 = 34 if gso == GSO_TCPV4 else 54
    head = l4 + 20
    data = os.urandom(65535 - head + 14)
    src = g.addr(dst)
    seg = tcp(src, dst, c.sport, 7, c.seq, c.ack, ACK | PSH, data, good=False)
    g.tx(eth(ip(src, dst, TCP, seg)), struct.pack("<BBHHHHH", NEEDS_CSUM, gso, head, 1400, l4, 16, 0))
    c.seq += len(data)
    got = c.recv(len(data), 10)
    ok(got == data, f"a TCP frame of 65,535 bytes in segments of 1,400, to {dst}")
    c.close()
data = bytes(range(250)) * 10
seg = udp(GUEST4, OUT4, 4002, 7, data, good=False)
g.tx(eth(ip(GUEST4, OUT4, UDP, seg)), struct.pack("<BBHHHHH", NEEDS_CSUM, GSO_UDP, 42, 1000, 34, 6, 0))
got = [p.data if (p := g.rx(lambda p: p.proto == UDP and p.dport == 4002)) else b"" for _ in range(3)]
is_([len(d) for d in got], [1000, 1000, 500], "a UDP frame of three datagrams is cut")
is_(b"".join(got), data, "into what they were")
before = g.stats()["malformed"]
bad = [struct.pack("<BBHHHHH", *h) for h in (
    (NEEDS_CSUM, 0, 0, 0, 33, 6, 0), (NEEDS_CSUM, 0, 0, 0, 34, 7, 0), (NEEDS_CSUM, 0, 0, 0, 65535, 65535, 0),
    (0, GSO_UDP, 42, 1000, 34, 6, 0), (NEEDS_CSUM, GSO_UDP, 42, 0, 34, 6, 0), (NEEDS_CSUM, GSO_TCPV4, 42, 10, 34, 6, 0),
    (NEEDS_CSUM, 99, 42, 10, 34, 6, 0), (NEEDS_CSUM, GSO_UDP, 42, 1, 34, 6, 0), (NEEDS_CSUM, 3, 42, 1000, 34, 6, 0))]
for h in bad:
    g.tx(eth(ip(GUEST4, OUT4, UDP, udp(GUEST4, OUT4, 4003, 7, b"x" * 3000))), h)
g.tx(b"short")
g.frames.send(b"x")
g.frames.send(b"\0" * 66000)
is_(g.stats()["malformed"] - before, len(bad) + 3, "hostile virtio headers and lengths are dropped and counted")
is_(g.udp(OUT4, 7, b"still"), b"still", "and nothing else")

# A datagram in fragments.
seg = udp(GUEST4, OUT4, 4004, 7, b"f" * 3000)
for off in range(0, len(seg), 1000):
    more = 0x2000 if off + 1000 < len(seg) else 0
    g.tx(eth(ip(GUEST4, OUT4, UDP, seg[off:off + 1000], ident=77, off=off // 8 | more)))
p = g.rx(lambda p: p.proto == UDP and p.dport == 4004)
is_(p and p.data, b"f" * 3000, "a datagram in fragments arrives")

# The host.
for dst, what in ((GATEWAY4, "gateway"), (GATEWAY6, "IPv6 gateway"), ("127.0.0.1", "loopback"), (HOST4, "host's own address"),
                  (HOST6, "host's own IPv6 address"), ("0.0.0.0", "0.0.0.0"), ("::1", "::1"), ("::ffff:127.0.0.1", "IPv4-mapped loopback"),
                  (f"::ffff:{HOST4}", "IPv4-mapped address"), (f"2002:c612:1::1", "6to4 form"), (f"64:ff9b::{HOST4}", "NAT64 form"),
                  ("169.254.169.254", "link-local address")):
    is_((g.connect(dst, 7), g.udp(dst, 7, b"x")[:4]), ("reset", "icmp"), f"not reached: the {what}")
# An address that comes while it runs.
run("ip", "addr", "add", "198.18.0.78/24", "dev", "veth0")
is_(g.connect("198.18.0.78", 7), "reset", "not reached: an address that the host has got meanwhile")
refused = [l for l in g.logs() if l["event"] == "refused"]
ok(len(refused) > 20 and all("reason" in l for l in refused), "each refusal is a line of the log")
is_(g.end(), 0, "it ends when the parent is gone")

g = Guest("--host")
s = Servers()
listener = socket.create_server(("127.0.0.1", 777))
c = g.connect(GATEWAY4, 777)
ok(not isinstance(c, str), "--host: the host's loopback is reached by the gateway")
is_(g.connect("169.254.1.1", 7) in ("reset",), False, "--host: link-local addresses are tried")
is_(g.connect("0.0.0.0", 777), "reset", "--host: 0.0.0.0 is nobody")
is_(g.connect("10.0.2.99", 777), "reset", "nobody is at other addresses of the guest's network")
g.frames.close()
is_(g.p.wait(5), 0, "it ends when the guest's device is gone")

g = Guest("--mtu", "1500", "--ipv6", "none", "--ipv4", "192.168.77.0/24")
is_((g.ready["ipv4"]["address"], g.ready.get("ipv6"), g.ready["mtu"]), ("192.168.77.15", None, 1500), "other networks and MTUs")
g.end()
done()
