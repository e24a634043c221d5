#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: alone
# ring3-net's resolver: names as the host resolves them, over UDP and TCP.
import sys
import os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from natlib import *

LONG = ".".join(["a" * 49] * 4) + ".example.org"
MAX = ".".join(["b" * 62] * 4)
ZONE = {"www.example.org": {1: ["192.0.2.80", "192.0.2.81"], 28: ["2001:db8::80"]},
        "v4.example.org": {1: ["192.0.2.4"]}, LONG: {1: ["192.0.2.200"]}, MAX: {1: ["192.0.2.201"]},
        "big.example.org": {1: [f"192.0.2.{i}" for i in range(1, 32)]}, "slow.example.org": {1: ["192.0.2.9"]},
        "plain": {1: ["192.0.2.66"]}, "plain.search.test": {1: ["192.0.2.67"]}, "x.example.org": {1: ["192.0.2.10"]}}
seen = []


def serve(ready):
    s = Servers()
    s.udp(OUT4, 53, "dns")

    def dns(m):
        name, at = dns_name(m, 12)
        qtype = struct.unpack("!H", m[at:at + 2])[0]
        name = name.lower()
        if name.startswith("seen-"):    # how often was a name asked for
            n = sum(x.startswith(name[5:]) for x in seen)
            answers = [struct.pack("!HHHIH", 0xc00c, 1, 1, 5, 4) + bytes([192, 0, 2, min(n, 250)])]
            return m[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, 1, 0, 0) + m[12:at + 4] + answers[0]
        seen.append(name)
        if name.startswith("drop"):
            return None
        if name.startswith("fail"):
            return m[:2] + b"\x81\x82" + m[4:6] + b"\0" * 6 + m[12:at + 4]
        if name.startswith("slow"):
            time.sleep(0.5)
        records = b""
        n = 0
        if qtype == 16 and name == "txt.example.org":
            records, n = struct.pack("!HHHIH", 0xc00c, 16, 1, 5, 6) + b"\x05hello", 1
        elif qtype == 12 and name.endswith("arpa"):
            wire = b"\3ptr\7example\3org\0"
            records, n = struct.pack("!HHHIH", 0xc00c, 12, 1, 5, len(wire)) + wire, 1
        for a in ZONE.get(name, {}).get(qtype, []):
            data = packed(a)
            records += struct.pack("!HHHIH", 0xc00c, qtype, 1, 5, len(data)) + data
            n += 1
        rcode = 0 if name in ZONE or n else 3
        return m[:2] + bytes([0x81, 0x80 | rcode]) + struct.pack("!HHHH", 1, n, 0, 0) + m[12:at + 4] + records
    ready()
    s.run(dns)


world(serve, {"/etc/hosts": "127.0.0.1 localhost\n192.0.2.33 hosts.test hosts-alias\n2001:db8::33 hosts.test\n192.0.2.34 only4\n",
              "/etc/resolv.conf": f"search search.test\nnameserver {OUT4}\noptions timeout:1 attempts:1\n",
              "/etc/nsswitch.conf": "hosts: files dns\n"})
g = Guest(log=True)
is_(g.dns("hosts.test"), (0, ["192.0.2.33"], False), "A of a name in the host's /etc/hosts")
is_(g.dns("hosts.test", 28), (0, ["2001:db8::33"], False), "AAAA of it")
is_(g.dns("HOSTS-alias"), (0, ["192.0.2.33"], False), "an alias, whatever the case")
is_(g.dns("only4", 28), (0, [], False), "no such record is no such name")
is_(g.dns("www.example.org"), (0, ["192.0.2.80", "192.0.2.81"], False), "A of a name server's name")
is_(g.dns("www.example.org", 28), (0, ["2001:db8::80"], False), "AAAA of it")
is_(g.dns("v4.example.org", 28), (0, [], False), "a name without AAAA")
is_(g.dns("nope.example.org"), (3, [], False), "a name that does not exist")
is_(g.dns("plain"), (0, ["192.0.2.66"], False), "the search list is not applied")
is_(g.dns(LONG), (0, ["192.0.2.200"], False), f"a name of {len(LONG)} letters")
is_(g.dns(MAX), (0, ["192.0.2.201"], False), f"a name of {len(MAX)} letters")
is_(g.dns("33.2.0.192.in-addr.arpa", 12), (0, ["hosts.test"], False), "PTR of an address in /etc/hosts")
is_(g.dns("99.2.0.192.in-addr.arpa", 12), (0, ["ptr.example.org"], False), "PTR of a name server's")
rev = ".".join(reversed(packed("2001:db8::33").hex())) + ".ip6.arpa"
is_(g.dns(rev, 12), (0, ["hosts.test"], False), "PTR of an IPv6 address")
is_(g.dns("txt.example.org", 16), (0, [b"\x05hello"], False), "TXT by the host's name servers")
is_(g.dns("fail.example.org")[0], 2, "a server that fails is SERVFAIL")
is_(g.dns("drop.example.org", timeout=12)[0], 2, "one that does not answer too, some time later")
is_(g.dns("hosts.test", over="tcp"), (0, ["192.0.2.33"], False), "over TCP")
is_(g.dns("www.example.org", 28, DNS6), (0, ["2001:db8::80"], False), "by the resolver's IPv6 address")
is_(g.dns("hosts.test", 1, DNS6, over="tcp"), (0, ["192.0.2.33"], False), "the same over TCP")
is_(g.dns("big.example.org"), (0, [], True), "an answer longer than 512 bytes is cut")
is_(len(g.dns("big.example.org", edns=4096)[1]), 31, "but not for who takes longer ones")
is_(len(g.dns("big.example.org", over="tcp")[1]), 31, "or comes by TCP")
m = g.dns("WwW.eXample.org", raw=True)
ok(b"\3WwW\7eXample\3org" in m, "the question comes back as it was asked")

# The cache.
for _ in range(20):
    g.dns("x.example.org")
is_(g.dns("seen-x.example.org")[1], ["192.0.2.1"], "twenty queries ask the name server once")

# Several at once; a second one is not held up by a slow one.
c = g.connect(DNS4, 53)
q = [dns_query("hosts.test", ident=1), dns_query("v4.example.org", ident=2), dns_query("nope.test", ident=3)]
c.send(b"".join(struct.pack("!H", len(x)) + x for x in q))
got = c.recv(2 + len(q[0]) + 16 + 2 + len(q[1]) + 16 + 2 + len(q[2]), 5)
ids = []
while len(got) > 2:
    n = struct.unpack("!H", got[:2])[0]
    ids.append(struct.unpack("!H", got[2:4])[0])
    got = got[2 + n:]
is_(ids, [1, 2, 3], "three queries in one TCP connection")
for i in range(6):
    g.tx(eth(ip(GUEST4, DNS4, UDP, udp(GUEST4, DNS4, 3000 + i, 53, dns_query(f"drop{i}.test", ident=i)))))
t = time.monotonic()
is_(g.dns("hosts.test", 1)[0], 0, "six names that time out do not hold up another")
ok(time.monotonic() - t < 0.5, "at all")
n = len([1 for i in range(120) if not g.tx(eth(ip(GUEST4, DNS4, UDP, udp(GUEST4, DNS4, 4000, 53, dns_query(f"drop{i}.flood.test", ident=i)))))])
fails = 0
while (p := g.rx(lambda p: p.proto == UDP and p.dport == 4000, 1)) is not None:
    fails += dns_answer(p.data)[0] == 2
ok(fails >= 120 - 64 - 8, f"of 120 queries at once those above the bound are refused ({fails})")

# Hostile queries.
bad = [b"", b"\0" * 11, b"\0" * 12, dns_query("hosts.test")[:-3], b"\0\1\1\0\0\2" + b"\0" * 6,
       b"\0\1\1\0\0\1" + b"\0" * 6 + b"\xc0\x0c\0\1\0\1", b"\0\1\1\0\0\1" + b"\0" * 6 + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
       b"\0\1\1\0\0\1" + b"\0" * 6 + b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\x3f" + b"c" * 63 + b"\x3f" + b"d" * 63 + b"\0\0\1\0\1",
       b"\0\1\x81\0\0\1" + b"\0" * 6 + b"\0\0\1\0\1", os.urandom(300)]
for b in bad:
    g.tx(eth(ip(GUEST4, DNS4, UDP, udp(GUEST4, DNS4, 5000, 53, b))))
codes = []
while (p := g.rx(lambda p: p.proto == UDP and p.dport == 5000, 0.5)) is not None:
    codes.append(dns_answer(p.data)[0])
ok(set(codes) <= {1, 4}, f"hostile queries are FORMERR or NOTIMP ({codes})")
is_(g.dns("we ird$.example.org")[0], 3, "a name that no host can have does not exist")
is_(g.dns("")[0], 5, "the root has no address")
is_(g.dns("www.example.org", 252)[0], 4, "no zone transfers")
c = g.connect(DNS4, 53)
c.send(b"\xff\xff" + b"x" * 1200)
c.recv(1, 2)
ok(c.closed, "a TCP query that is too long ends the connection")
conns = [g.connect(DNS4, 53) for _ in range(40)]
ok(all(not isinstance(c, str) for c in conns), "forty connections to the resolver, more than it keeps")
is_(g.dns("hosts.test")[0], 0, "it still resolves")
is_(g.udp(DNS4, 54, b"x"), "icmp 3 13", "no other port of it")
is_(g.connect(DNS4, 80), "reset", "neither by TCP")

is_(g.end(), 0, "it ends")
done()
