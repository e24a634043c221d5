#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# A switch whose members are hostile, slow or gone, whose clients ask nonsense,
# and whose process was killed; and what it may do on the host.
import random
import re
import signal

from switchlib import *

same(net("add", "lan", "--mtu", "1400").returncode, 0, "a switch with an MTU of its own")
a, b, c = Member("lan", "a", 1), Member("lan", "b", 2), Member("lan", "c", 3)
same(a.answer["ok"]["mtu"], 1400, "which its members learn")


def alive(what):
    a.send(b.mac, b"alive")
    return same(b.payloads(1, 5), [b"alive"], what)


def drops(name):
    return stats("lan", name)["stats"]["tx"]["dropped"]


# ---- frames ----
good = tcp_gso(b.mac, c.mac, b"x" * 5000, 1300)
for what, message, reason in (
        ("one byte", b"x", "length"),
        ("half a header", header()[:6], "length"),
        ("a header without a frame", header(), "length"),
        ("half an Ethernet header", header() + b"\2" * 13, "length"),
        ("a frame longer than the MTU", header() + eth(b.mac, c.mac, b"x" * 1401), "mtu"),
        ("a frame longer than any", header() + eth(b.mac, c.mac, b"x" * 66000), "length"),
        ("segments longer than the MTU", tcp_gso(b.mac, c.mac, b"x" * 5000, 1361), "mtu"),
        ("a checksum behind the frame", header(1, start=60000, offset=16) + good[12:100], "header"),
        ("a checksum at its end", header(1, start=70, offset=17) + good[12:100], "header"),
        ("a GSO type that there is not", header(1, 77, 54, 1300, 34, 16) + good[12:], "header"),
        ("a GSO size of 0", header(1, TCPV4, 54, 0, 34, 16) + good[12:], "header"),
        ("a GSO size of 1", header(1, TCPV4, 54, 1, 34, 16) + good[12:], "header"),
        ("GSO without a checksum", header(0, TCPV4, 54, 1300, 34, 16) + good[12:], "header"),
        ("GSO of what is no IP", header(1, TCPV4, 54, 1300, 34, 16) + eth(b.mac, c.mac, b"x" * 5000), "header"),
        ("UFO", header(1, UDP, 54, 1300, 34, 16) + good[12:], "header"),
        ("a group as source", header() + eth(b.mac, b"\3" * 6, b"x"), "source")):
    before = drops("c").get(reason, 0)
    c.raw(message)
    ok(wait_until(lambda: drops("c").get(reason, 0) == before + 1), f"{what} is dropped and counted", drops("c"))
ok(b.empty(), "none of them reaches another member")
c.sock.send(b"")
alive("an empty message is no end")
ok(wait_until(lambda: drops("c").get("length", 0) == 6), "and counted")
rest = header(9, TCPV4 | 0x80, 999, 1300, 34, 16, 77) + good[12:]
c.raw(rest)
same(b.recv()[:12], header(1, TCPV4 | 0x80, 54, 1300, 34, 16), "fields of a header that nobody needs are made right")
random.seed(1)
for i in range(3000):
    m = bytearray(random.choice((good, header() + eth(b.mac, c.mac, b"x" * 60), udp_gso(b.mac, c.mac, b"y" * 3000))))
    for _ in range(random.randrange(1, 6)):
        m[random.randrange(min(len(m), 80))] = random.randrange(256)
    c.raw(bytes(m[:random.randrange(len(m) + 1)] if random.random() < 0.1 else m))
    if i % 50 == 49:
        for m in (a, b, c):
            while m.recv(0.002):
                pass
for m in (a, b, c):
    while m.recv(0.2):
        pass
alive("3000 broken frames harm nobody")

# ---- descriptors do not stick ----
pid = ask("lan", {"op": "ls"})["ok"]["pid"]


def descriptors():
    return len(os.listdir(f"/proc/{pid}/fd"))


try:
    # Clients that have gone may not have been seen to go.
    time.sleep(0.5)
    before = descriptors()
    for _ in range(50):
        socket.send_fds(c.sock, [header() + eth(b.mac, c.mac, b"fd")], [0, 1, 2])
        b.recv()
    ok(wait_until(lambda: descriptors() == before), "descriptors that a member sends are not kept", before, descriptors())
    ask("lan", {"op": "ls"}, [0, 1, 2])
    ask("lan", {"op": "capture", "port": "nobody"}, [0, 1, 2])
    ok(wait_until(lambda: descriptors() == before), "nor those of requests that have none")
except PermissionError:
    skip("descriptors that a member sends are not kept", "host: /proc of a process in a user namespace is not readable")

# ---- a member that does not read ----
slow = Member("lan", "slow", 9)
for i in range(400):
    a.raw(tcp_gso(slow.mac, a.mac, bytes(60000), 1300))
s = stats("lan", "slow")["stats"]["rx"]
ok(s["dropped"].get("queue", 0) > 0 and s["waiting"] < 100, "a member that does not read has a bounded queue", s)
alive("and stops nobody else")
for i in range(5000):
    a.send(slow.mac, b"small")
ok(stats("lan", "slow")["stats"]["rx"]["waiting"] <= 1024, "also of small frames")
got = 0
while slow.recv(0.3):
    got += 1
ok(got > 10, "it gets what was kept when it reads again", got)
a.send(slow.mac, b"again")
same(slow.payloads(1), [b"again"], "and what comes then")
slow.close()

# ---- members that come and go ----
for i in range(300):
    m = Member("lan", f"m{i}", 1000 + i)
    m.send(BROADCAST, b"bye")
    m.close()
    if i % 20 == 19:
        for m in (a, b, c):
            while m.recv(0.001):
                pass
ok(wait_until(lambda: len(ask("lan", {"op": "ls"})["ok"]["ports"]) == 3), "300 members have come and gone")
many = []
while len(many) < 200:
    m = Member("lan", f"many{len(many)}", 2000 + len(many))
    many.append(m)
    if not m.ok:
        break
same((len(many), many[-1].answer), (126, {"error": "the switch lan is full: it has 128 ports"}), "a switch has 128 ports, and says when it is full")
l = len(ask("lan", {"op": "ls"})["ok"]["ports"])
same(l, 128, "all of which are listed")
for m in many:
    m.close()
for m in (a, b, c):
    while m.recv(0.05):
        pass

# ---- clients ----
for what, message, want in (
        ("no JSON", b"hello", "this is no request"),
        ("half of it", b'{"op":', "this is no request"),
        ("two", b'{"op":"ls"}{"op":"ls"}', "this is no request"),
        ("a list", b"[1]", "this is no request"),
        ("something deep", b'{"op":' + b"[" * 1000 + b"]" * 1000 + b"}", "this is no request"),
        ("an operation that there is not", {"op": "dance"}, "a switch cannot dance"),
        ("a join without a name", {"join": {}}, "a member has to say its name"),
        ("a join as a number", {"join": 5}, "options have to be an object"),
        ("a name with a slash", {"join": {"name": "a/b"}}, "a port's name is up to 63 letters"),
        ("a long name", {"join": {"name": "a" * 64}}, "a port's name is up to 63 letters"),
        ("a MAC of a group", {"join": {"name": "x", "mac": "01:00:00:00:00:00"}}, "mac has to be the address of one card"),
        ("a VLAN of text", {"join": {"name": "x", "vlan": "7"}}, "a VLAN has to be a number"),
        ("VLAN 4095", {"join": {"name": "x", "vlan": 4095}}, "a VLAN has to be a number from 0 to 4094"),
        ("VLAN 1.5", {"join": {"name": "x", "vlan": 1.5}}, "a VLAN has to be a number from 1 to 4094"),
        ("a trunk that is none", {"join": {"name": "x", "trunk": {}}}, "trunk has to be an array"),
        ("a negative delay", {"join": {"name": "x", "rx": {"delay_ms": -1}}}, "delay_ms has to be a number from 0"),
        ("a loss of nothing", b'{"join":{"name":"x","loss":NaN}}', "loss has to be a number from 0 to 100"),
        ("a key that there is not", {"join": {"name": "x", "color": 1}}, "a port has no color"),
        ("a new MAC", {"op": "set", "port": "a", "mac": "52:54:00:00:00:99"}, "a port has no mac that could be changed"),
        ("an uplink without a descriptor", {"op": "add-uplink", "name": "up"}, "an uplink needs a name and a descriptor")):
    e = ask("lan", message).get("error", "")
    ok(want in e, f"asked {what}, it refuses", e)
silent = [connect("lan") for _ in range(31)]
time.sleep(0.1)
same(ask("lan", {"op": "ls"}).keys(), {"ok": 1}.keys(), "31 clients that say nothing are no harm")
# The one before may not have been seen to go.
for _ in range(3):
    more = connect("lan")
    silent.append(more)
    e = more.recv(1000) if select.select([more], [], [], 0.5)[0] else b""
    if e:
        break
ok(b"too many clients" in e, "with some more it says so", e)
end = time.monotonic()
ok(wait_until(lambda: select.select([silent[0]], [], [], 0)[0], 15) and silent[0].recv(10) == b"", "who says nothing for ten seconds is sent away")
alive("while frames go on")

# ---- the jail ----
status = open(f"/proc/{pid}/status").read()
ok(re.search(r"^Seccomp:\s*2$", status, re.M), "the switch runs behind a list of system calls")
ok(re.search(r"^NoNewPrivs:\s*1$", status, re.M) and re.search(r"^CapEff:\s*0+$", status, re.M) and re.search(r"^CapBnd:\s*0+$", status, re.M),
   "without capabilities", status)
rss = int(re.search(r"^VmRSS:\s*(\d+)", status, re.M).group(1))
ok(rss < 100000, "and has not kept much memory", rss)

# ---- names ----
for words, code, want in (
        (["add", "lan"], 1, "there is a switch called lan already; choose another name or end it with: ring3 net rm lan"),
        (["add", "a/b"], 1, "a/b cannot be the name of a switch"),
        (["add"], 125, "ring3 net add [OPTIONS] NAME"),
        (["add", "x", "--mtu", "67"], 125, "--mtu 67: give a number from 68 to 65520"),
        (["add", "x", "--uplink", "wifi"], 125, "--uplink wifi: give nat or tap:NAME"),
        (["add", "x", "--uplink", "tap:abcdefghijklmnop"], 125, "a network device's name has 1 to 15 letters"),
        (["rm", "nobody"], 1, "there is no switch called nobody"),
        (["stats", "nobody"], 1, "there is no switch called nobody"),
        (["ls", "../x"], 1, "../x is not the name of a switch"),
        (["dance"], 125, "unknown word dance"),
        (["set", "lan", "a"], 125, "something is missing"),
        (["ls", "lan", "more"], 125, "unexpected word more")):
    r = net(*words)
    ok(r.returncode == code and want in r.stderr and r.stderr.count("\n") == 1, f"ring3 net {' '.join(words)}: one sentence", r.returncode, r.stderr)
same(json.loads(net("ls", "--json").stdout)["name"], "lan", "--json is JSON")

# ---- gone ----
os.kill(pid, signal.SIGSTOP)
r = net("ls", "lan")
ok("the switch lan does not answer" in r.stderr, "a switch that was stopped: said after five seconds", r.stderr)
os.kill(pid, signal.SIGKILL)
same(b.sock.recv(100), b"", "members of a switch that was killed see the end")
wait_until(lambda: "there is no switch" in net("ls", "lan").stderr)
r = net("ls", "lan")
ok("there is no switch called lan" in r.stderr, "whose name is free", r.stderr)
same(net("ls").stdout.count("\n"), 1, "and which is in no list")
same(net("add", "lan").returncode, 0, "it can be made anew")
pid = ask("lan", {"op": "ls"})["ok"]["pid"]
os.kill(pid, signal.SIGKILL)
wait_until(lambda: not os.path.exists(f"/proc/{pid}"))
same(net("add", "lan").returncode, 0, "also when nobody has looked since its end")
same(net("rm", "lan").returncode, 0, "and removed")

# A member that says that it is the router.
net("add", "lan")
up, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
ask("lan", {"op": "add-uplink", "name": "nat"}, [theirs.fileno()])
a, b = Member("lan", "a", 1), Member("lan", "b", 2)
router = bytes.fromhex("52550a000202")
up.settimeout(2)
up.send(header() + eth(BROADCAST, router, b"the router"))
same((a.payloads(1), b.payloads(1)), ([b"the router"], [b"the router"]), "an uplink's router is heard")
b.send(BROADCAST, b"no, me", src=router)
b.send(BROADCAST, b"b's own")
same(a.payloads(2, 0.5), [b"b's own"], "a member cannot send with its address")
same(up.recv(70000)[26:], b"b's own", "nor to the uplink")
a.send(router, b"for the router")
same((up.recv(70000)[26:], b.payloads(1, 0.3)), (b"for the router", []), "nor get what is for it")
same(stats("lan", "b")["stats"]["tx"]["dropped"].get("source"), 1, "and it is counted")
net("rm", "lan")
same(os.listdir(STATE), [], "nothing is left")
done()
