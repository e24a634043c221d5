#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 400
# tags: slow alone
# What the cables of a switch do: delay, jitter, loss, duplicates, order and rate
# are within 10 % of what was set, and change while frames are under way.
import threading

from switchlib import *

net("add", "lan")
a, b = Member("lan", "a", 1), Member("lan", "b", 2)


def configure(text, port="b"):
    r = net("set", "lan", port, text)
    if r.returncode:
        ok(False, f"set {text}", r.stderr)


def near(got, want, what, part=0.1):
    return ok(abs(got - want) <= want * part, f"{what}: {want:g}", f"got {got:g}")


def tries(measure, want, what, part=0.1):
    """A busy host makes single measurements wrong, and none right that should be wrong."""
    for _ in range(12):
        got = measure()
        if abs(got - want) <= want * part:
            break
    return near(got, want, what, part)


def drain():
    while a.recv(0.02) or b.recv(0.02):
        pass


def one_way(n, gap=0.002, sender=a, to=b):
    """Times of n frames from one member to the other, in ms."""
    times = []

    def receive():
        for _ in range(n):
            m = to.recv(5)
            if m is None:
                return
            times.append((time.monotonic() - struct.unpack("d", m[26:34])[0]) * 1000)

    t = threading.Thread(target=receive)
    t.start()
    for _ in range(n):
        sender.send(to.mac, struct.pack("d", time.monotonic()) + b"x" * 40)
        time.sleep(gap)
    t.join()
    return times


def median(values):
    return sorted(values)[len(values) // 2] if values else -1


def numbered(n, size=60, sender=a, to=b, batch=50):
    """Numbers of those of n frames that arrive, in their order."""
    got = []
    stop = threading.Event()

    def receive():
        while True:
            m = to.recv(0.3)
            if m is None:
                if stop.is_set():
                    return
                continue
            got.append(struct.unpack("!I", m[26:30])[0])

    t = threading.Thread(target=receive)
    t.start()
    for i in range(n):
        sender.send(to.mac, struct.pack("!I", i) + b"x" * size)
        if i % batch == batch - 1:
            time.sleep(0.002)
    stop.set()
    t.join()
    return got


# ---- delay ----
base = min(one_way(100))
ok(base < 2, "without a delay a frame takes less than 2 ms", base)
configure("delay=20ms")
t = one_way(100)
ok(len(t) == 100 and min(t) >= 19.9, "no frame is early", min(t))
tries(lambda: median(one_way(100)), 20, "delay in ms")
tries(lambda: median(one_way(100, sender=b, to=a)), 20, "and in the other direction")
configure("rx.delay=5ms,tx.delay=0")
tries(lambda: median(one_way(100)), 5, "rx.delay is of what the member receives")
ok(min(one_way(50, sender=b, to=a)) < 4, "and of nothing else")
configure("delay=1s")
for i in range(3):
    a.send(b.mac, bytes([i]))
time.sleep(0.05)
configure("delay=0")
same(b.payloads(3, 0.5), [b"\0", b"\1", b"\2"], "what is under way comes when the delay is taken away")

# ---- jitter ----
configure("delay=20ms,jitter=10ms")


def jittered():
    global t
    t = one_way(60, gap=0.022)
    return sum(t) / len(t)


tries(jittered, 20, "delay with jitter, mean in ms")
ok(10 <= min(t) < 13 and max(t) > 27, "jitter spreads it from 10 to 30 ms", min(t), max(t))
got = numbered(2000)
same(got, sorted(got), "and keeps the order")
drain()
configure("delay=0,jitter=0")

# ---- loss ----
configure("rx.loss=5%")
N = 20000
got = numbered(N)
near((N - len(got)) / N * 100, 5, "loss in percent")
same(stats("lan", "b")["stats"]["rx"]["lost"], N - len(got), "which is counted")
configure("rx.loss=30%")
got = numbered(5000)
near((5000 - len(got)) / 50, 30, "loss in percent, changed")
configure("loss=100%")
same([numbered(100), numbered(100, sender=b, to=a)], [[], []], "a cut cable passes nothing, in either direction")
configure("loss=0")
same(len(numbered(100)), 100, "and all when it is mended")

# ---- duplicates ----
configure("rx.duplicate=10%")
got = numbered(10000)
near((len(got) - 10000) / 100, 10, "duplicates in percent")
same(sorted(set(got)), list(range(10000)), "and every frame comes")
configure("duplicate=0")

# ---- order ----
configure("rx.reorder=10%")
got = numbered(10000)
late = sum(1 for i in range(1, len(got)) if got[i] < got[i - 1])
near(late / 100, 10, "frames out of order in percent")
same(sorted(got), list(range(10000)), "and every frame comes")
configure("reorder=0")

# ---- rate ----
def throughput(bytes_on_wire, frame, packets):
    """Mbit/s on the wire, to b: of a burst that waits for its turn."""
    wire = len(frame) - 12 + (packets - 1) * 54
    n = max(1, bytes_on_wire // wire)
    threading.Thread(target=lambda: [a.raw(frame) for _ in range(n)]).start()
    total, first, last = 0, None, None
    while True:
        m = b.recv(0.5)
        if m is None:
            break
        last = time.monotonic()
        if first is None:
            first = last
            continue
        total += len(m) - 12 + (-(-(len(m) - 66) // 1448) - 1) * 54 if m[1] else len(m) - 12
    return total * 8 / (last - first) / 1e6


small = header() + eth(b.mac, a.mac, b"x" * 1486)
large = tcp_gso(b.mac, a.mac, b"x" * 57920)
for rate, frame, packets, what in ((1, small, 1, "small frames"), (10, small, 1, "small frames"), (50, large, 40, "large frames in packets"),
                                   (300, large, 40, "large frames")):
    configure(f"rate={rate}mbit")
    # The queue holds 100 ms and at least 128 KiB.
    tries(lambda: throughput(max(100000, rate * 11000), frame, packets), rate, f"rate of {what} in Mbit/s")
configure("rate=1mbit")
for _ in range(300):
    a.raw(small)
got = len(b.frames(300, 3))
ok(80 <= got <= 100, "a queue of 128 KiB waits for its turn", got)
ok(stats("lan", "a")["stats"]["tx"]["cable_full"] + stats("lan", "b")["stats"]["rx"]["cable_full"] == 300 - got, "and the rest is counted")
configure("rate=0")
drain()

# ---- large frames and loss ----
def checked(f):
    """A TCP packet's sequence number, length and flags, if its checksums are right."""
    ip, tcp = f[14:34], f[34:]
    if csum(ip) != 0xffff or csum(ip[12:20] + struct.pack("!HH", 6, len(tcp)) + tcp) != 0xffff:
        return None
    return struct.unpack("!I", tcp[4:8])[0], len(tcp) - 20, tcp[13]


def complete(m):
    """As the receiver's card would."""
    flags, _, _, _, start, offset, _ = struct.unpack("<BBHHHHH", m[:12])
    f = bytearray(m[12:])
    if flags & NEEDS_CSUM:
        at = start + offset
        f[at:at + 2] = struct.pack("!H", csum(bytes(f[start:])) ^ 0xffff)
    return bytes(f)


data = os.urandom(5000)
m = tcp_gso(b.mac, a.mac, data)
a.raw(m)
same(b.recv() == m, True, "a large frame passes as it is")
configure("rx.duplicate=0.001%")
a.raw(m)
got = [b.recv() for _ in range(4)]
same([x and x[1] for x in got], [0] * 4, "where single packets are lost or repeated it becomes packets")
got = [complete(x) for x in got]
same([checked(x) for x in got], [(1000, 1448, 0x10), (2448, 1448, 0x10), (3896, 1448, 0x10), (5344, 656, 0x19)], "of the right length, with right checksums")
same(b"".join(x[54:] for x in got), data, "and the same data")
configure("duplicate=0,rx.loss=20%")
seen = 0
for _ in range(200):
    a.raw(tcp_gso(b.mac, a.mac, b"x" * 14480))
    while b.recv(0.005):
        seen += 1
near((2000 - seen) / 20, 20, "loss in percent of the packets of large frames", 0.15)
configure("loss=0")

# ---- bounds ----
configure("delay=10s")
sent = 0
end = time.monotonic() + 3
while time.monotonic() < end and stats("lan", "b")["stats"]["rx"]["cable_full"] == 0:
    for _ in range(200):
        a.raw(tcp_gso(b.mac, a.mac, b"x" * 60000))
s = stats("lan", "b")["stats"]["rx"]
ok(s["cable_full"] > 0 and s["waiting"] * 60000 <= 33 << 20, "a cable holds 32 MiB, and counts what it does not", s)
same(net("rm", "lan").returncode, 0, "the switch ends with full cables")

# ---- what cannot be ----
net("add", "lan")
a = Member("lan", "a", 1)
for text, want in (
        ("delay=20", "delay=20: give a time up to 10s, like 20ms or 0.5s"),
        ("delay=11s", "give a time up to 10s"),
        ("loss=101%", "loss=101%: give a percentage from 0% to 100%"),
        ("loss=nan", "give a percentage"),
        ("reorder=60%", "give a percentage from 0% to 50%"),
        ("rate=7kbit", "give bits a second from 8kbit to 100gbit"),
        ("rate=10mb", "give bits a second"),
        ("jitter=5ms", "a jitter of 5 ms is more than the delay of 0 ms"),
        ("vlan=4095", "vlan=4095: give a VLAN from 1 to 4094"),
        ("trunk=10-5", "trunk=10-5: give VLANs from 1 to 4094"),
        ("delya=1ms", "delya is not known; a port has vlan, trunk, mac, delay"),
        ("delay", "give NAME=VALUE"),
        ("mac=52:54:00:00:00:09", "mac= is said when a guest joins")):
    r = net("set", "lan", "a", text)
    ok(r.returncode and want in r.stderr and r.stderr.count("\n") == 1, f"set {text} is refused by one sentence", r.stderr)
r = net("set", "lan", "nobody", "delay=1ms")
ok('the switch lan has no port nobody; "ring3 net ls lan" lists them' in r.stderr, "and a port that is not there", r.stderr)
net("rm", "lan")
r = net("set", "lan", "a", "delay=1ms")
ok("there is no switch called lan" in r.stderr, "and a switch that is gone", r.stderr)
done()
