#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# The software switch as its members see it: learning, flooding, VLANs, and
# members that do what they may not.
from switchlib import *

same(net("add", "lan").returncode, 0, "a switch is made")
a, b, c = (Member("lan", n, i) for i, n in enumerate("abc", 1))
ok(a.ok and b.ok and c.ok, "three members join", a.answer)
same(a.answer["ok"]["mtu"], 1500, "and learn its MTU")

# ---- learning and flooding ----
a.send(BROADCAST, b"hello all")
same([m.payloads(1) for m in (b, c)], [[b"hello all"]] * 2, "a broadcast reaches all others")
ok(a.empty(), "and not who sent it")
a.send(b.mac, b"hello b")
same(b.payloads(1), [b"hello b"], "a frame goes to the member that has the address")
ok(c.empty(), "and to no other")
behind = mac(100)
a.send(behind, b"who is it")
same([m.payloads(1) for m in (b, c)], [[b"who is it"]] * 2, "an address that nobody has is flooded")
b.send(a.mac, b"me", src=behind)
same(a.payloads(1), [b"me"], "a member may have more addresses than one")
a.send(behind, b"to behind")
same(b.payloads(1), [b"to behind"], "which are learned")
ok(c.empty(), "as no other gets their frames any more")
c.send(a.mac, b"moved", src=behind)
a.recv()
a.send(behind, b"to c")
same([c.payloads(1), b.empty()], [[b"to c"], True], "an address that moves is learned anew")
c.send(a.mac, b"I am b", src=b.mac)
ok(a.empty(), "nobody sends with the address that another joined with")
a.send(b.mac, b"still b")
same([b.payloads(1), c.empty()], [[b"still b"], True], "and takes no frames by that")
same(stats("lan", "c")["stats"]["tx"]["dropped"], {"source": 1}, "which is counted")
a.send(b"\x01\0\x5e\0\0\5", b"multicast")
same([m.payloads(1) for m in (b, c)], [[b"multicast"]] * 2, "multicast is flooded")
a.send(bytes.fromhex("0180c2000001"), b"pause")
ok(b.empty(), "frames of flow control are not")

# ---- names and addresses ----
d = Member("lan", "d", 2)
same(d.answer, {"error": "b has the address 52:54:00:00:00:02 on the switch lan already; give this one another mac="}, "a MAC twice is refused")
d = Member("lan", "a", 20)
same(d.name, "a:2", "a guest's second card has a name of its own")
same(net("ls", "lan").stdout.splitlines()[4].split()[:4], ["4", "a:2", "52:54:00:00:00:14", "1"], "ls shows it")
d.close()
ok(wait_until(lambda: len(ask("lan", {"op": "ls"})["ok"]["ports"]) == 3), "a member that goes leaves no port")

# ---- one member's addresses do not drive out others' ----
b.send(a.mac, b"me again", src=behind)
a.recv()
for i in range(3000):
    c.send(mac(9999), b"flood", src=b"\x02\1\2" + struct.pack("!I", i)[1:])
    if i % 100 == 99:
        a.frames(100)
        b.frames(100)
ok(stats("lan", "c")["addresses"] <= 512, "a member that has many addresses has 512 learned", stats("lan", "c")["addresses"])
a.send(behind, b"still there")
same([b.payloads(1), c.empty()], [[b"still there"], True], "and nobody else's are forgotten")

# ---- VLANs ----
same(net("add", "vlan").returncode, 0, "a switch for VLANs")
u1, u2 = Member("vlan", "u1", 1), Member("vlan", "u2", 2)
v1, v2 = Member("vlan", "v1", 11, vlan=10), Member("vlan", "v2", 12, vlan=10)
t = Member("vlan", "t", 21, trunk=[10, 20])
n = Member("vlan", "n", 22, vlan=10, trunk=[20, 30])
every = [u1, u2, v1, v2, t, n]


def who(sender, dst, payload, tag=None, src=None):
    """Who gets it, and as what."""
    sender.send(dst, payload, tag, src=src)
    time.sleep(0.05)
    got = {}
    for m in every:
        for f in m.frames(3, 0):
            is_tagged = f[12:14] == b"\x81\0"
            got[m.name] = (struct.unpack("!H", f[14:16])[0] if is_tagged else None, f[18 if is_tagged else 14:])
    return got


same(who(v1, BROADCAST, b"10"), {"v2": (None, b"10"), "t": (10, b"10"), "n": (None, b"10")},
     "a broadcast stays in its VLAN: untagged on access ports, tagged on trunks, untagged on a native one")
same(who(u1, BROADCAST, b"1"), {"u2": (None, b"1")}, "ports of which nothing was said are in VLAN 1")
same(who(t, BROADCAST, b"20", tag=20), {"n": (20, b"20")}, "tagged frames go from trunk to trunk")
same(who(t, BROADCAST, b"pcp", tag=0xa000 | 20), {"n": (0xa000 | 20, b"pcp")}, "with their priority")
same(who(t, BROADCAST, b"10", tag=10), {"v1": (None, b"10"), "v2": (None, b"10"), "n": (None, b"10")}, "and from trunk to access ports")
same(who(n, BROADCAST, b"native"), {"v1": (None, b"native"), "v2": (None, b"native"), "t": (10, b"native")}, "untagged frames are the native VLAN's")
same(who(t, BROADCAST, b"30", tag=30), {}, "a trunk takes no other VLAN")
same(who(t, BROADCAST, b"untagged"), {}, "nor frames without a tag if it has no native VLAN")
same(who(v1, BROADCAST, b"hop", tag=20), {}, "an access port takes no tags")
same(who(v1, v2.mac, b"prio", tag=0xe000), {"v2": (None, b"prio")}, "but that of VLAN 0, which is a priority")
same(who(n, BROADCAST, struct.pack("!HH", 20, 0x88b5) + b"double", tag=10, src=None) , {"v1": (None, struct.pack("!HH", 20, 0x88b5) + b"double"),
     "v2": (None, struct.pack("!HH", 20, 0x88b5) + b"double"), "t": (10, struct.pack("!HH", 20, 0x88b5) + b"double")},
     "the native VLAN's frames may have its tag")
n.raw(header() + BROADCAST + n.mac + struct.pack("!HHHHH", 0x8100, 10, 0x8100, 20, 0x88b5) + b"double")
same(who(u1, u1.mac, b""), {}, "a second tag behind the native VLAN's does not get into another VLAN")
same(who(u1, v1.mac, b"across"), {}, "a known address of another VLAN is not reached")
same(who(v1, t.mac, b"to trunk"), {"t": (10, b"to trunk")}, "that of a trunk is, from its VLANs")
same(who(v1, BROADCAST, b"x" * 1500), {"v2": (None, b"x" * 1500), "t": (10, b"x" * 1500), "n": (None, b"x" * 1500)},
     "a tag does not count for the MTU")
same(net("set", "vlan", "v2", "vlan=20").returncode, 0, "a port changes its VLAN")
same(sorted(who(v1, BROADCAST, b"10")), ["n", "t"], "and is gone from the old one")
same(sorted(who(t, BROADCAST, b"20", tag=20)), ["n", "v2"], "and in the new one")
same(net("set", "vlan", "v2", "trunk=10+20-22").returncode, 0, "it becomes a trunk")
same(net("ls", "vlan").stdout.splitlines()[4].split()[3:5], ["-", "10+20-22"], "which ls shows")

# ---- a tag on frames with offloads ----
v1.raw(tcp_gso(t.mac, v1.mac, b"z" * 4000))
m = t.recv()
same(m and struct.unpack("<BBHHHHH", m[:12])[:6], (NEEDS_CSUM, TCPV4, 58, 1448, 38, 16), "the offload header counts the tag")
t.raw(header(NEEDS_CSUM, TCPV4, 58, 1448, 38, 16) + eth(v1.mac, t.mac, tcp_gso(v1.mac, t.mac, b"z" * 4000)[26:], 0x0800, 10))
m = v1.recv()
same(m and m == tcp_gso(v1.mac, t.mac, b"z" * 4000), True, "and is right when the tag is gone")

# ---- gone ----
same(net("rm", "lan", "vlan").returncode, 0, "switches are removed")
same(a.sock.recv(100), b"", "whose members see the end")
same(os.listdir(STATE), [], "and which leave no file")
done()
