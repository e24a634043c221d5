#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# --egress: what rules allow is reached, and nothing else, by whatever way.
import sys
import os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from natlib import *

ZONE = {"www.example.org": ["198.18.0.2"], "example.org": ["198.18.0.3"], "a.b.example.org": ["198.18.0.4"],
        "other.test": ["198.18.0.5"], "badexample.org": ["198.18.0.6"], "port.test": ["198.18.0.7"], "v6.example.org": [OUT6],
        "loop.example.org": ["127.0.0.1"], "own.example.org": [HOST4], "mapped.example.org": ["::ffff:127.0.0.1"]}
count = tempfile.mktemp()


def serve(ready):
    s = Servers()
    for i in range(2, 10):
        for port in (80, 443, 7000):
            s.listen(f"198.18.0.{i}", port)
            s.udp(f"198.18.0.{i}", port)
    for a in (OUT6, "2001:db8:1::3"):
        s.listen(a, 80)
        s.udp(a, 80)
    s.udp("198.18.0.9", 53, "dns")
    s.udp("198.18.0.8", 53)
    # What arrives at .8 must be nothing: it is no server of any rule.
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)
    raw.bind(("veth1", 0x800))
    pid = os.fork()
    if not pid:
        libc.prctl(1, signal.SIGKILL)
        n = 0
        f = open(count, "w")
        while True:
            p = raw.recv(65536)
            if p[30:34] == packed("198.18.0.8"):
                n += 1
                f.seek(0)
                f.write(f"{n}\n")
                f.flush()

    def dns(m):
        name, at = dns_name(m, 12)
        qtype = struct.unpack("!H", m[at:at + 2])[0]
        addrs = [a for a in ZONE.get(name.lower(), []) if (":" in a) == (qtype == 28)]
        records = b"".join(struct.pack("!HHHIH", 0xc00c, qtype, 1, 5, len(packed(a))) + packed(a) for a in addrs)
        return m[:2] + bytes([0x81, 0x80 | (0 if name.lower() in ZONE else 3)]) + struct.pack("!HHHH", 1, len(addrs), 0, 0) + m[12:at + 4] + records
    ready()
    s.run(dns)


def arrived():
    time.sleep(0.3)
    text = open(count).read().split() if os.path.exists(count) else []
    return int(text[0]) if text else 0


def yes(c):
    return "connects" if not isinstance(c, str) else c


world(serve, {"/etc/hosts": "127.0.0.1 localhost\n198.18.0.8 hidden.test\n", "/etc/resolv.conf": "nameserver 198.18.0.9\n",
              "/etc/nsswitch.conf": "hosts: files dns\n"})
pings = open("/proc/sys/net/ipv4/ping_group_range").read().split() == ["0", "0"]

g = Guest("--egress", "*.example.org,port.test:443,198.18.0.6:7000-7001,[2001:db8:1::3]:80", log=True)
is_(yes(g.connect("198.18.0.2", 80)), "reset", "an address that no name gave yet is refused")
is_(g.udp("198.18.0.2", 80, b"x"), "icmp 3 13", "by UDP too")
is_(g.ping("198.18.0.2"), "icmp 3 13", "and by ping")
is_(g.dns("www.example.org"), (0, ["198.18.0.2"], False), "an allowed name resolves")
is_(yes(g.connect("198.18.0.2", 80)), "connects", "then its address is connected to")
is_(g.udp("198.18.0.2", 7000, b"x"), b"x", "and sent to")
if pings:
    is_(g.ping("198.18.0.2"), "pong", "and pinged")
is_(g.dns("a.b.example.org")[0], 0, "* stands for any number of labels")
is_(g.dns("example.org")[0], 3, "but not for none")
is_(g.dns("badexample.org")[0], 3, "nor for a part of one")
is_(g.dns("other.test"), (3, [], False), "another name does not exist")
is_(yes(g.connect("198.18.0.5", 80)), "reset", "and its address is not reached")
is_(g.dns("port.test")[0], 0, "a name with a port resolves")
is_((yes(g.connect("198.18.0.7", 443)), yes(g.connect("198.18.0.7", 80))), ("connects", "reset"), "that port is connected to, no other")
if pings:
    is_(g.ping("198.18.0.7"), "icmp 3 13", "a rule with a port allows no ping")
is_((yes(g.connect("198.18.0.6", 7000)), yes(g.connect("198.18.0.6", 80))), ("connects", "reset"), "an address with ports")
is_((yes(g.connect("2001:db8:1::3", 80)), yes(g.connect(OUT6, 80))), ("connects", "reset"), "an IPv6 address with a port")
is_(g.udp(OUT6, 80, b"x"), "icmp 1 1", "UDP over IPv6 is refused by ICMPv6")
is_(g.dns("v6.example.org", 28)[1], [OUT6], "an allowed name with an IPv6 address")
is_(yes(g.connect(OUT6, 80)), "connects", "that is reached then")
for name in ("loop.example.org", "own.example.org"):
    addr = g.dns(name)[1][0]
    is_(yes(g.connect(addr, 80)), "reset", f"an allowed name gives {addr}, which is the host: not reached")
m = g.dns("mapped.example.org", 28)
is_([yes(g.connect(a, 80)) for a in m[1] if ":" in a], ["reset"] * len([a for a in m[1] if ":" in a]), "neither as an IPv4-mapped address")

# Leaks: .8 is in no rule, so nothing may arrive there, by whatever trick.
before = arrived()
H = "198.18.0.8"
long = ".".join(["x" * 49] * 4) + ".test"
is_([g.dns(n, t, over=o)[0] for n in (long, "secret-data.test", "hidden.test", "8.0.18.198.in-addr.arpa") for t in (1, 28, 16, 12) for o in ("udp", "tcp")],
    [3] * 32, "names outside the rules do not exist, of any type, over UDP and TCP")
is_(g.udp(H, 53, dns_query("www.example.org")), "icmp 3 13", "another name server is no exception")
is_((yes(g.connect(H, 80)), g.udp(H, 80, b"x"), g.ping(H)), ("reset", "icmp 3 13", "icmp 3 13"), "TCP, UDP, ping: refused")
for src in ("198.18.0.2", GATEWAY4, DNS4, "127.0.0.1", "10.0.2.255", "0.0.0.0", "255.255.255.255"):
    g.tx(eth(ip(src, H, UDP, udp(src, H, 1000, 80, b"spoofed"))))
    g.tx(eth(ip(src, H, TCP, tcp(src, H, 1000, 80, 1, 0, SYN))))
    g.tx(eth(ip(src, "198.18.0.2", UDP, udp(src, "198.18.0.2", 1000, 80, b"spoofed"))))
seg = udp(GUEST4, H, 1001, 80, b"f" * 64)
g.tx(eth(ip(GUEST4, H, UDP, seg[:8], ident=1, off=0x2000)))
g.tx(eth(ip(GUEST4, H, UDP, seg[8:], ident=1, off=1)))
# A first fragment to an allowed port, and one that writes another port over it.
seg = udp(GUEST4, "198.18.0.6", 1002, 80, b"o" * 64)
for first in (7000, 80):
    head = struct.pack("!H", 1002) + struct.pack("!H", first) + seg[4:]
    g.tx(eth(ip(GUEST4, "198.18.0.6", UDP, head[:24], ident=2, off=0x2000)))
g.tx(eth(ip(GUEST4, "198.18.0.6", UDP, seg[24:], ident=2, off=3)))
# Two fragments of different packets, TCP in fragments, tiny fragments.
seg = tcp(GUEST4, H, 1003, 80, 1, 0, SYN)
g.tx(eth(ip(GUEST4, H, TCP, seg[:8], ident=3, off=0x2000)))
g.tx(eth(ip(GUEST4, H, TCP, seg[8:], ident=3, off=1)))
# Source routes and other options.
for opt in (bytes([131, 7, 4]) + packed(H) + b"\0", bytes([137, 7, 4]) + packed(H) + b"\0", b"\x94\4\0\0"):
    g.tx(eth(ip(GUEST4, "198.18.0.2", UDP, udp(GUEST4, "198.18.0.2", 1004, 80, b"opt"), options=opt)))
# IPv6 with IPv4 inside, and extension headers.
for a in (f"::ffff:{H}", f"::{H}", "2002:c612:8::1", f"64:ff9b::{H}"):
    is_(yes(g.connect(a, 80)) in ("reset",) and g.udp(a, 80, b"x")[:5] == "icmp ", True, f"{a}: refused")
g.tx(eth(ip(GUEST6, OUT6, 0, b"\x11\0\0\0\0\0\0\0" + udp(GUEST6, OUT6, 1005, 80, b"ext"))))
g.tx(eth(ip(GUEST6, OUT6, 44, b"\x11\0\0\0\0\0\0\1" + udp(GUEST6, OUT6, 1005, 80, b"frag"))))
# SCTP, IP in IP, GRE.
for proto in (132, 4, 41, 47):
    g.tx(eth(ip(GUEST4, H, proto, ip(GUEST4, H, UDP, udp(GUEST4, H, 1006, 80, b"inner")))))
# Frames that lie about their lengths.
good = ip(GUEST4, H, UDP, udp(GUEST4, H, 1007, 80, b"len"))
for cut in (15, 20, 27, 33):
    g.tx(eth(good)[:14 + cut])
# ACKs and data without a connection, answers nobody asked for.
for flags in (ACK, RST, FIN | ACK, SYN | ACK, SYN | FIN, SYN | RST, 0):
    g.tx(eth(ip(GUEST4, H, TCP, tcp(GUEST4, H, 1008, 80, 1, 1, flags, b"data"))))
for t in (0, 3, 5, 11, 13):
    g.tx(eth(ip(GUEST4, H, ICMP, icmp_echo(GUEST4, H, 1, 1)[:0] + bytes([t]) + icmp_echo(GUEST4, H, 1, 1)[1:])))
for dst in ("255.255.255.255", "10.0.2.255", "224.0.0.251", "239.1.1.1"):
    g.tx(eth(ip(GUEST4, dst, UDP, udp(GUEST4, dst, 1009, 80, b"all"))))
seen = []
while (p := g.rx(timeout=0.3)) is not None:
    seen.append(p)
is_(g.udp("198.18.0.2", 7000, b"still"), b"still", "what is allowed still is")
is_(arrived() - before, 0, "nothing of it arrived")
is_([p.data for p in seen if p.proto == UDP and p.dport == 1002], [], "fragments that overlap do not reach a port that is not allowed")

# From outside: an answer comes only from whom the rules allow.
lines = g.logs()
kinds = {(l["event"], l.get("proto")) for l in lines}
ok({("connect", "tcp"), ("flow", "udp"), ("refused", "tcp"), ("refused", "udp"), ("refused", "dns"), ("refused", "icmp")} <= kinds,
   "the log has connections, flows, refusals of each kind")
one = [l for l in lines if l["event"] == "connect" and l["dst"] == "198.18.0.2"][0]
is_((one["name"], one["port"], one["src"]), ("www.example.org", 80, GUEST4), "a connection's line has the name")
is_([l["name"] for l in lines if l.get("proto") == "dns"][0], "example.org", "a name's refusal says which")
is_(g.end(), 0, "it ends")

g = Guest("--egress", "none")
is_((yes(g.connect(OUT4, 80)), g.udp(OUT4, 80, b"x"), g.dns("www.example.org")[0]), ("reset", "icmp 3 13", 3), "none: nothing is reached")
is_(g.ping(GATEWAY4), "pong", "but the gateway, by ping")
g.end()
g = Guest("--egress", "198.18.0.0/29,hidden.test")
is_((yes(g.connect("198.18.0.7", 80)), yes(g.connect("198.18.0.8", 80))), ("connects", "reset"), "a network")
is_(g.dns("hidden.test"), (0, ["198.18.0.8"], False), "a name of the hosts file")
is_(yes(g.connect("198.18.0.8", 80)), "connects", "whose address is then reached")
if pings:
    is_(g.ping("198.18.0.3"), "pong", "a rule without ports allows pings")
is_(yes(g.connect(GATEWAY4, 80)), "reset", "the host is no part of any rule")
m = g.dns("www.example.org", raw=True, edns=1232)
ok(b"no rule of ring3's --egress" in m, "who can read extended errors is told why a name does not exist")
g.end()
g = Guest("--host", "--egress", "127.0.0.1:777")
l = socket.create_server(("127.0.0.1", 777))
l2 = socket.create_server(("127.0.0.1", 778))
is_((yes(g.connect(GATEWAY4, 777)), yes(g.connect(GATEWAY4, 778)), yes(g.connect(GATEWAY6, 777))), ("connects", "reset", "reset"), "--host, with rules: the host's ports that they name")
g.end()
g = Guest("--host", "--egress", f"{GATEWAY4}:778")
is_((yes(g.connect(GATEWAY4, 778)), yes(g.connect(GATEWAY4, 777))), ("connects", "reset"), "or by the gateway's address")
g.end()
done()
