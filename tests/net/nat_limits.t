#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow alone
# ring3-net's bounds: bandwidth, connections, the log; many connections at once.
import sys
import os
import resource
import threading
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from natlib import *


def serve(ready):
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    s = Servers()
    for a in [OUT4, OUT6] + [f"198.18.0.{i}" for i in range(3, 10)]:
        s.listen(a, 7)
        s.udp(a, 7)
    s.udp(OUT4, 9, "dns")
    ready()
    s.run(lambda m: None)


_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if hard < 2300:
    hard = min(hard, 1024)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
world(serve, {})


def nofile(n):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))


# ---- bandwidth ----

RATE = 2000000
TRIES = 8       # a busy host lets nobody use all of it; more than it is never right


def rate_is(measure, what):
    rates = []
    while len(rates) < TRIES and not (rates and rates[-1] > RATE * 0.9):
        rates.append(measure())
    ok(rates[-1] > RATE * 0.9 and max(rates) < RATE * 1.1, f"{what} {rates[-1]:.0f} bytes a second", rates)


g = Guest("--rate", str(RATE))
frame = eth(ip(GUEST4, OUT4, UDP, udp(GUEST4, OUT4, 2000, 9, b"x" * 20000)))
stop = False


def push():
    try:
        while not stop:
            g.frames.send(b"\0" * 12 + frame)
    except OSError:
        pass


t = threading.Thread(target=push, daemon=True)
t.start()
time.sleep(1)


def sent():
    a, t0 = g.stats()["from_guest_bytes"], time.monotonic()
    time.sleep(4)
    return (g.stats()["from_guest_bytes"] - a) / (time.monotonic() - t0)


rate_is(sent, f"--rate {RATE}: the guest sends")
stop = True
g.end()

# Towards the guest, by a published port.
g = Guest("--rate", str(RATE), "--publish", "127.0.0.1:6000:6000/udp")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
stop = False


def flood():
    while not stop:
        s.sendto(b"y" * 20000, ("127.0.0.1", 6000))
        time.sleep(0.001)


def received(seconds=4):
    t0, got = time.monotonic(), 0
    while time.monotonic() - t0 < seconds:
        p = g.rx(lambda p: p.proto == UDP, 0.02)
        while p:
            got += len(p.frame)
            p = g.rx(lambda p: p.proto == UDP, 0.001)
    return got / (time.monotonic() - t0)


threading.Thread(target=flood, daemon=True).start()
received(1)
rate_is(received, "and gets")
stop = True
g.end()

# ---- connections a second ----

g = Guest("--connection-rate", "50", log=True)
g.ping(GATEWAY4)
sport = 10000


def connected():
    """Connections a second, after the burst, and how many were tried."""
    global sport
    answered, t0, first = 0, time.monotonic(), sport
    while time.monotonic() - t0 < 4:
        sport += 1
        g.tx(eth(ip(GUEST4, OUT4, TCP, tcp(GUEST4, OUT4, sport, 7, 5, 0, SYN))))
        p = g.rx(lambda p: p.proto == TCP and p.flags == SYN | ACK, 0.004)
        if p:
            answered += time.monotonic() - t0 > 1
            g.tx(eth(ip(GUEST4, OUT4, TCP, tcp(GUEST4, OUT4, p.dport, 7, 6, p.seq + 1, RST | ACK))))
    return answered / 3, (sport - first) / 4


tries = []
while len(tries) < TRIES and not (tries and tries[-1][0] >= 45):
    tries.append(connected())
ok(tries[-1][0] >= 45 and max(t[0] for t in tries) <= 55, f"--connection-rate 50: {tries[-1][0]:.1f} a second of {tries[-1][1]:.0f}", tries)
lines = g.logs()
ok(any("--connection-rate" in l.get("reason", "") for l in lines), "what is over it is in the log")
g.end()

# ---- many at once ----

g = Guest(log=True, limits=nofile(min(hard, 1024)))
conns = [g.connect(OUT4, 7, timeout=10) for _ in range(500)]
is_(len([c for c in conns if not isinstance(c, str)]), 500, "500 connections are open at once, with 1024 descriptors")
for i, c in enumerate(conns):
    c.send(b"hello %d" % i)
is_(sum(c.recv(len(b"hello %d" % i)) == b"hello %d" % i for i, c in enumerate(conns)), 500, "each carries its own data")
is_(g.stats()["connections"], 500, "and is counted")
# Datagrams fill the rest; then the oldest of them go first.
most = None
for i in range(700):
    g.tx(eth(ip(GUEST4, OUT4, UDP, udp(GUEST4, OUT4, 20000 + i, 7, b"fill"))))
    if i % 50 == 49:
        while g.rx(lambda p: p.proto == UDP, 0.05):
            pass
most = g.stats()["connections"]
ok(800 < most <= 1024 - 96, f"no more than the descriptors allow: {most}")
time.sleep(1.1)
is_(g.udp(OUT4, 7, b"newest", sport=30000), b"newest", "another datagram has room")
c = g.connect(OUT4, 7)
ok(not isinstance(c, str), "so has another connection: datagrams that were idle longest went")
is_(sum((c.send(b"again"), c.recv(5) == b"again")[1] for c in conns[:20]), 20, "no connection did")
refused = None
g.logs()
more = []
for i in range(700):
    c = g.connect(OUT4, 7)
    if isinstance(c, str):
        refused = c
        break
    more.append(c)
    if i % 100 == 0:
        g.logs(0.02)
is_(refused, "reset", f"with {500 + len(more)} connections another one is refused")
ok(any(l.get("reason") == "too many connections" for l in g.logs()), "with a line of the log")
c = more.pop()
c.close()
c.recv(1, 2)
c.put(RST | ACK)
time.sleep(0.2)
ok(not isinstance(g.connect(OUT4, 7), str), "when one has ended there is room again")
is_(g.end(), 0, "it ends")

g = Guest(expect="error", limits=nofile(60))
ok("ulimit -n" in g.ready["message"], f"too few descriptors: {g.ready['message']}")
g.end()

# ---- 1,000 connections a second ----

g = Guest()
g.ping(GATEWAY4)
t0 = time.monotonic()
done_ = 0
for i in range(1000):
    c = g.connect(OUT4, 7)
    if not isinstance(c, str):
        done_ += 1
        c.put(RST | ACK)
t = time.monotonic() - t0
is_(done_, 1000, f"1,000 connections one after the other, in {t:.2f} s")
time.sleep(0.3)
is_(g.stats()["connections"], 0, "of which nothing is left")
g.end()

# ---- the log ----

g = Guest("--egress", "none", log=True)
for i in range(3000):
    g.tx(eth(ip(GUEST4, OUT4, TCP, tcp(GUEST4, OUT4, 5000, i + 1, 5, 0, SYN))))
    if i % 100 == 0:
        while g.rx(timeout=0.001):
            pass
lines = g.logs(1.5)
g.tx(eth(ip(GUEST4, OUT4, TCP, tcp(GUEST4, OUT4, 5000, 1, 5, 0, SYN))))
lines += g.logs(0.5)
omitted = sum(l["lines"] for l in lines if l["event"] == "omitted")
written = len([l for l in lines if l["event"] == "refused"])
ok(omitted > 0 and written < 2900, f"a flood of refusals: {written} lines, {omitted} left out")
is_(written + omitted, 3001, "and it says how many")
ok(all(isinstance(l["time"], float) for l in lines), "each line has its time")
g.end()
# A reader that is gone or slow holds nobody up.
g = Guest("--egress", "none", log=True)
os.close(g.log_read)
is_(g.connect(OUT4, 7), "reset", "a log whose reader is gone")
is_(g.end(), 0, "does not end it")
g = Guest("--egress", "none", log=True)
for i in range(1500):
    g.tx(eth(ip(GUEST4, OUT4, TCP, tcp(GUEST4, OUT4, 5000, i + 1, 5, 0, SYN))))
    if i % 100 == 0:
        while g.rx(timeout=0.001):
            pass
is_(g.ping(GATEWAY4), "pong", "a log that nobody reads holds up nobody")
g.end()
done()
