#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
# tags: slow
# ring3-net towards a guest with large windows: more than 64 KB under way, and what
# is lost on the way or lied about. The content is compared byte by byte.
import sys
import os
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import threading
from natlib import *

SCALE = 7
MSS = 1400
PATTERN = random.Random(17).randbytes(1 << 16)
PUBLISHED = 8080


def stream(start, n):
    """Bytes of what the servers send."""
    data = PATTERN * (n // len(PATTERN) + 2)
    return data[start % len(PATTERN):][:n]


def serve(ready):
    """Port 7 + N sends 2**N KiB and closes; port 6 sends for ever."""
    def one(c, n):
        try:
            left = n
            while left:
                k = min(left, 1 << 20)
                c.sendall(stream(n - left, k))
                left -= k
            c.close()
        except OSError:
            c.close()

    def listen(family, addr, port, n):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((addr, port))
        s.listen(200)
        while True:
            threading.Thread(target=one, args=(s.accept()[0], n), daemon=True).start()
    for family, addr in ((socket.AF_INET, OUT4), (socket.AF_INET6, OUT6)):
        for port, n in ((6, 1 << 40), *((7 + i, 1024 << i) for i in range(13))):
            threading.Thread(target=listen, args=(family, addr, port, n), daemon=True).start()
    time.sleep(0.5)
    ready()
    time.sleep(1000)


def options(p):
    return p.body[20:(p.body[12] >> 4) * 4]


class Receiver:
    """A guest's end of a connection; window is what it has room for."""

    def __init__(self, g, dst, port, window, scale=SCALE):
        self.g, self.dst, self.port, self.scale = g, norm(dst), port, scale
        self.src, self.sport = g.addr(dst), g.port()
        self.window, self.seq, self.data, self.early, self.ended = window, 1000, bytearray(), {}, False
        opts = b"\2\4" + struct.pack("!H", MSS) + (b"\1\3\3" + bytes([scale]) if scale is not None else b"")
        self.put(SYN, options=opts, win=65535)
        p = g.rx(self.mine, 20)
        self.offered = options(p)
        self.seq += 1
        self.ack = self.first = p.seq + 1
        self.put(ACK)

    def put(self, flags, options=b"", win=None, ack=None):
        win = self.window >> (self.scale or 0) if win is None else win
        self.g.tx(eth(ip(self.src, self.dst, TCP, tcp(self.src, self.dst, self.sport, self.port, self.seq,
                                                      (self.ack if ack is None else ack) if flags & ACK else 0, flags, options=options, win=win))))

    def mine(self, p):
        return p.proto == TCP and p.src == self.dst and p.sport == self.port and p.dport == self.sport

    def take(self, timeout=0.15):
        """One segment, (offset in the stream, data); None if nothing comes."""
        p = self.g.rx(self.mine, timeout)
        if p is None:
            return None
        self.ended = self.ended or bool(p.flags & (FIN | RST))
        self.reset = bool(p.flags & RST)
        return (p.seq - self.first) & 0xffffffff, p.data

    def flood(self):
        """All that comes without an acknowledgement: {offset: data}."""
        got = {}
        while (s := self.take(2)) is not None:
            if s[1] and s[0] in got:
                break                # it begins again
            if s[1]:
                got[s[0]] = s[1]
        return got

    def whole(self, n, lose=0, seconds=120):
        """Receives n bytes as TCP does, losing segments."""
        end = time.monotonic() + seconds
        dice = random.Random(4)
        while len(self.data) < n and time.monotonic() < end:
            s = self.take(1)
            if s is None or (dice.random() < lose and s[1]):
                continue
            at, data = s
            if at > len(self.data):
                self.early[at] = data
            elif at + len(data) > len(self.data):
                self.data += data[len(self.data) - at:]
                while (more := self.early.pop(len(self.data), None)) is not None:
                    self.data += more
            self.ack = self.first + len(self.data)
            self.put(ACK)
        return bytes(self.data)


world(serve, {})
g = Guest("--mtu", "1500", "--publish", f"{PUBLISHED}:80")

# ---- the handshake ----

r = Receiver(g, OUT4, 6, 200 << 10)
ok(b"\3\3\0" in r.offered, "a guest that offers window scaling is offered it")

# ---- more than 64 KB ----

got = r.flood()
most = max(at + len(d) for at, d in got.items())
ok(150 << 10 < most <= 200 << 10, f"a window of 200 KiB is used, and not more than it ({most})")
same_ = b"".join(got[at] for at in sorted(got))
is_(same_ == stream(0, len(same_)), True, "by what was sent")

# ---- what is lost ----

first = min(got)
begin = time.monotonic()
s = None
while time.monotonic() - begin < 5 and (s is None or s[0] != first):
    s = r.take(1)
ok(s is not None and s[0] == first and s[1] == got[first], "what is not acknowledged comes again after a time")
step = len(got[first])
for i in range(1, 9):
    while r.take(0.05):
        pass
    r.ack = r.first + i * 4 * step
    begin = time.monotonic()
    for _ in range(4):
        r.put(ACK)
    while (s := r.take(2)) is not None and s[0] != i * 4 * step:
        pass
    took = time.monotonic() - begin
    # A busy host takes its time; by the timer it is never sooner than after 200 ms.
    if s and took < 0.15:
        break
ok(s is not None and took < 0.15, f"after three duplicate acknowledgements at once ({took * 1000:.0f} ms)")
r.put(RST | ACK)
for dst in (OUT4, OUT6):
    for lose in (0, 0.02, 0.2):
        n = 512 << 10 if lose < 0.1 else 64 << 10
        r = Receiver(g, dst, 7 + (n // 1024).bit_length() - 1, 300 << 10)
        ok(r.whole(n, lose) == stream(0, n), f"{n} bytes from {dst} with {lose:.0%} of the segments lost", len(r.data))
        end = time.monotonic() + 20
        while not r.ended and time.monotonic() < end:
            r.take(1)
            r.put(ACK)
        ok(r.ended, "and then its end")
        r.ack += 1
        r.put(FIN | ACK)

# ---- windows ----

r = Receiver(g, OUT4, 6, 0)
first = r.flood()
ok(sum(map(len, first.values())) <= 65535, "no more than the window that its SYN said comes to a guest whose window is 0", sum(map(len, first.values())))
at = max((at + len(d) for at, d in first.items()), default=0)
r.ack = r.first + at
r.put(ACK)
while r.take(0.05):
    pass
s = r.take(0.5)
ok(s is None or len(s[1]) <= 1, "then nothing but a probe", s and len(s[1]))
r.window = 100 << 10
r.put(ACK)
s = r.flood()
ok(sum(map(len, s.values())) > 65535, "and it goes on when the window opens", sum(map(len, s.values())))
r.put(RST | ACK)
r = Receiver(g, OUT4, 6, 50000, scale=None)
is_(b"\3\3" in r.offered, False, "a guest without window scaling is not offered it")
got = r.flood()
ok(sum(map(len, got.values())) <= 50000, "its window holds", sum(map(len, got.values())))
r.put(RST | ACK)

# ---- lies ----

def drain(seconds):
    """Whatever comes, unread."""
    end = time.monotonic() + seconds
    while select.select([g.frames], [], [], max(0, end - time.monotonic()))[0]:
        g.frames.recv(70000)
    g.queue = []


conns = [Receiver(g, OUT4, 6, 0, scale=14) for _ in range(40)]
for r in conns:
    r.put(ACK, win=65535)
drain(3)
rss = int(next(l for l in open(f"/proc/{g.p.pid}/status") if l.startswith("VmRSS")).split()[1])
ok(rss < 48 << 10, f"windows of a gigabyte that are never acknowledged cost {rss} KiB in all")
for r in conns:
    # Acknowledges what was never sent, what was long ago, and all that is between.
    for ack in (r.first + (1 << 31), r.first - 1, r.first + (1 << 30), 0, r.first + 1, r.first + 77):
        r.put(ACK, ack=ack & 0xffffffff)
    r.put(ACK, win=0)
    r.put(SYN, options=b"\3\3\xff")
    r.put(SYN, options=b"\3\0\1\1")
    r.put(SYN, options=b"\1\1\1\3")
    r.put(RST | ACK)
drain(1)
r = Receiver(g, OUT4, 7, 100 << 10)
is_(r.whole(1024), stream(0, 1024), "it goes on after lies about what came")
is_(g.p.poll(), None, "and is alive")

# ---- published ----

client = socket.socket()
client.settimeout(20)
t = threading.Thread(target=client.connect, args=(("127.0.0.1", PUBLISHED),))
t.start()
p = g.rx(lambda p: p.proto == TCP and p.dport == 80 and p.flags & SYN)
ok(p is not None and b"\3\3\0" in options(p), "a connection to a published port offers window scaling")
r = Receiver.__new__(Receiver)
r.g, r.dst, r.port, r.src, r.sport, r.scale = g, p.src, p.sport, GUEST4, 80, SCALE
r.window, r.seq, r.data, r.early, r.ended, r.first = 300 << 10, 5000, bytearray(), {}, False, p.seq + 1
r.ack = r.first
r.put(SYN | ACK, options=b"\2\4" + struct.pack("!H", MSS) + b"\1\3\3" + bytes([SCALE]), win=65535)
r.seq += 1
t.join()
threading.Thread(target=lambda: (client.sendall(stream(0, 512 << 10)), client.shutdown(socket.SHUT_WR)), daemon=True).start()
r.put(ACK)
got = r.flood()
ok(sum(map(len, got.values())) > 150 << 10, "and uses it", sum(map(len, got.values())))
ok(r.whole(512 << 10, 0.02) == stream(0, 512 << 10), "512 KiB into the guest with losses", len(r.data))
is_(g.end(), 0, "it ends")
done()
