#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# ring3-vsock without a guest: this test is the guest's device, `ring3 run` and programs of the host, and lies as each of them.
import array
import os
import select
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

VSOCK = os.path.join(os.environ["BUILD"], "vsock/ring3-vsock")
CID, HOST, STREAM = 5, 2, 1
REQUEST, RESPONSE, RST, SHUTDOWN, RW, UPDATE, ASK = range(1, 8)
HDR = struct.Struct("<QQIIIHHIII")
BUF = 256 << 10
FIRST = 1 << 30


class World:
    other = None                # a cid that resets may come from

    def __init__(self, *options):
        self.path = os.path.join(TMP, "v")
        self.device, packets = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.parent, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.path.exists(self.path):
            os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(64)
        for s in packets, control, listener:
            s.setblocking(False)
        given = [packets.fileno(), control.fileno(), listener.fileno()]

        def child():
            high = [os.dup2(fd, 20 + i) for i, fd in enumerate(given)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            os.closerange(6, 64)

        self.proc = subprocess.Popen([VSOCK, "--cid", str(CID), *options], preexec_fn=child, close_fds=False, stderr=subprocess.PIPE)
        for s in packets, control, listener:
            s.close()
        self.device.settimeout(10)
        self.parent.settimeout(10)
        same(self.parent.recv(100), bytes(8), "it says that it is ready")

    def say(self, op, guest, host, data=b"", cid=CID, to=HOST, kind=STREAM, flags=0, alloc=BUF, forwarded=0, length=None):
        self.device.send(HDR.pack(cid, to, guest, host, len(data) if length is None else length, kind, op, flags, alloc, forwarded) + data)

    def hear(self, seconds=5):
        """(op, guest's port, host's port, data, flags, forwarded), or None."""
        if not select.select([self.device], [], [], seconds)[0]:
            return None
        p = self.device.recv(1 << 17)
        src, dst, host, guest, n, kind, op, flags, alloc, forwarded = HDR.unpack_from(p)
        assert (src in (HOST, self.other), dst, kind, n) == (True, CID, STREAM, len(p) - HDR.size), p[:HDR.size]
        return op, guest, host, p[HDR.size:], flags, forwarded

    def ops(self, seconds=0.3):
        found = []
        while (p := self.hear(seconds)):
            found.append(p[0])
        return found

    def client(self, line=None):
        c = socket.socket(socket.AF_UNIX)
        c.settimeout(10)
        c.connect(self.path)
        if line is not None:
            c.sendall(line)
        return c

    def dialled(self, status=0, answer=None):
        """The guest wanted a port of the host: gives it a socket pair's end. Return: port, the other end."""
        number, port = struct.unpack("<II", self.parent.recv(100))
        a, b = socket.socketpair()
        a.settimeout(10)
        fds = [] if status else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [b.fileno()]))]
        self.parent.sendmsg([struct.pack("<Ii", number if answer is None else answer, status)], fds)
        b.close()
        return port, a

    def guest_opens(self, guest, host, **kw):
        self.say(REQUEST, guest, host, **kw)
        port, s = self.dialled()
        p = self.hear()
        assert p and p[:3] == (RESPONSE, guest, host) and port == host, p
        return s

    def host_opens(self, port, **kw):
        c = self.client(b"CONNECT %d\n" % port)
        op, guest, host, *_ = self.hear()
        assert (op, guest) == (REQUEST, port)
        self.say(RESPONSE, guest, host, **kw)
        assert c.recv(100) == b"OK %d\n" % host
        return c, host

    def close(self):
        self.device.close()
        try:
            return self.proc.wait(5)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            return None


def closed(s):
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


w = World()

# ---- what is right ----
s = w.guest_opens(1000, 80)
s.sendall(b"from the host")
same(w.hear()[:4], (RW, 1000, 80, b"from the host"), "what a program of the host writes is a packet")
w.say(RW, 1000, 80, b"from the guest")
same(s.recv(100), b"from the guest", "what the guest writes comes to the program")
w.say(SHUTDOWN, 1000, 80, flags=2)
same(s.recv(100), b"", "when the guest has no more to say, so it is for the program")
s.sendall(b"still")
same(w.hear()[3], b"still", "which may go on")
s.close()
p = w.hear()
ok(p[0] == SHUTDOWN and p[4] & 2, "its end is a shutdown", p)
w.say(SHUTDOWN, 1000, 80, flags=3)
while (p := w.hear()) and p[0] == SHUTDOWN:
    pass
same(p[0], RST, "and the last word a reset")

c, host = w.host_opens(22)
ok(host > FIRST, "programs of the host have ports that nobody else has")
w.say(RW, 22, host, b"x" * 5000)
got = b""
while len(got) < 5000:
    got += c.recv(9000)
same(len(got), 5000, "and get what the guest writes")
w.say(RST, 22, host)
ok(closed(c), "a reset closes it")

c = w.client(b"CONNECT 7\nearly")
op, guest, host, *_ = w.hear()
same(w.ops(0.2), [], "what is written early waits")
w.say(RESPONSE, guest, host)
same((c.recv(20)[:3], w.hear()[3]), (b"OK ", b"early"), "and is sent behind the answer")
c.close()
w.ops()
c = w.client(b"CONNECT 7\n")
op, guest, host, *_ = w.hear()
w.say(RST, guest, host)
ok(closed(c), "a guest that listens on no such port has it closed")

# ---- credit ----
s = w.guest_opens(1, 1, alloc=1000)
s.sendall(b"y" * 5000)
sizes = 0
while (p := w.hear(0.3)) and p[0] == RW:
    sizes += len(p[3])
same(sizes, 1000, "the guest gets what it has room for and no more")
ok(p and p[0] == ASK, "and is asked once for more", p)
for i in range(5):
    w.say(UPDATE, 1, 1, alloc=1000, forwarded=0)
same(w.ops(), [], "one that has none is not asked again and again")
w.say(UPDATE, 1, 1, alloc=1000, forwarded=600)
same(len(w.hear()[3]), 600, "what it has read makes room")
w.say(UPDATE, 1, 1, alloc=10, forwarded=0)
ok(RW not in w.ops(), "one that takes back what it granted gets nothing")
w.say(RST, 1, 1)
ok(closed(s), "it ends")

s = w.guest_opens(2, 2)
for i in range(4):
    w.say(RW, 2, 2, b"z" * 65536)
same(w.ops(0.2).count(RST), 0, "256 KiB are granted, whether the program reads or not")
got = 0
while got < BUF:
    got += len(s.recv(65536))
ops = w.ops()
ok(UPDATE in ops, "when it reads the guest is told", ops)
for i in range(12):
    try:
        w.say(RW, 2, 2, b"z" * 65536)
    except OSError:
        break
ok(RST in w.ops(), "one that sends more than it was granted is cut off")
s.close()

# ---- what is no packet, or of nobody ----
w.device.send(b"short")
w.device.send(bytes(43))
w.say(RW, 9, 9, b"abc", length=2)
w.say(RW, 9, 9, b"abc", length=1 << 31)
w.say(REQUEST, 9, 9, cid=CID + 1)
w.say(REQUEST, 9, 9, cid=1 << 40)
same(w.ops(), [], "what is no packet, or somebody else's, has no answer")
for what, op, more in (("data of no connection", RW, {"data": b"a"}), ("an answer that nobody waits for", RESPONSE, {}), ("a shutdown of nothing", SHUTDOWN, {"flags": 3}),
                       ("another host", REQUEST, {"to": 99}), ("the loopback", REQUEST, {"to": 1}), ("another type", REQUEST, {"kind": 2}), ("an operation that there is not", 77, {})):
    w.other = more.get("to")
    w.say(op, 9, 9, **more)
    p = w.hear()
    ok(p and p[:3] == (RST, 9, 9), f"{what}: a reset", p)
w.say(RST, 9, 9)
same(w.ops(), [], "a reset has no answer")

s = w.guest_opens(3, 3)
w.say(REQUEST, 3, 3)
same(w.hear()[0], RST, "a request for what there is ends it")
ok(closed(s), "for the program, too")
w.say(REQUEST, 4, 4)
w.say(RW, 4, 4, b"too soon")
same(w.hear()[0], RST, "so does data before the answer")
w.dialled()
same(w.ops(), [], "and an answer that comes then is dropped")
w.say(REQUEST, 5, 5)
w.dialled(answer=12345)
same(w.ops(), [], "an answer to nothing is dropped as well")
w.say(RST, 5, 5)
w.say(REQUEST, 6, 6)
w.dialled(status=-111)
same(w.hear()[:3], (RST, 6, 6), "a port of the host that nobody listens on is a reset")
c, host = w.host_opens(8)
w.say(RESPONSE, 8, host)
same(w.hear()[0], RST, "a second answer ends it")

# A guest that is owed more answers than it takes is not listened to, and nothing grows.
w.device.settimeout(1)
sent = 0
try:
    for sent in range(20000):
        w.say(RW, 40, sent & 0xffff, b"")
except (TimeoutError, BlockingIOError, socket.timeout):
    pass
ok(sent < 19999, "a flood of nonsense has to wait when its answers are not taken", sent)
with open(f"/proc/{w.proc.pid}/statm") as f:
    pages = int(f.read().split()[1])
ok(pages < 8192, "and costs no memory", pages)
ok(w.ops(), "it is answered when they are")
w.device.settimeout(10)
w.guest_opens(50, 50).close()
w.ops()

# The driver starts anew.
c, host = w.host_opens(9)
s = w.guest_opens(51, 51)
w.say(RW, 51, 51, b"last words")
waiting = w.client()
w.device.send(b"\0")
p = w.device.recv(100)
while len(p) > 1:
    p = w.device.recv(100)
ok(p, "what comes from now on is for the new driver: the back end says so")
ok(closed(c), "when the driver starts anew connections are closed")
same((s.recv(100), closed(s)), (b"last words", True), "what it had written is not lost")
waiting.sendall(b"CONNECT 3\n")
same(w.hear()[0], REQUEST, "who has not called yet may")

# ---- programs that do not behave ----
for line in b"HELLO\n", b"CONNECT\n", b"CONNECT \n", b"CONNECT -1\n", b"CONNECT 4294967295\n", b"CONNECT 99999999999999\n", b"CONNECT 1x\n", b"CONNECT 80" + b" " * 40, b"\n":
    ok(closed(w.client(line)), f"{line[:24]!r} closes the connection")
c = w.client(b"CONN")
c.sendall(b"ECT 12\n")
same(w.hear()[:2], (REQUEST, 12), "a line may come in parts")
c.close()
ok(RST in w.ops(), "who leaves before the answer takes it back")
crowd = []
for i in range(1100):
    try:
        c = socket.socket(socket.AF_UNIX)
        c.setblocking(False)
        c.connect(w.path)
        crowd.append(c)
    except (BlockingIOError, OSError):
        break
    if i % 32 == 0:
        time.sleep(0.005)
ok(len(crowd) >= 200, "many may be connected", len(crowd))
w.say(REQUEST, 60, 60)
for c in crowd:
    c.close()
time.sleep(0.2)
w.device.settimeout(0.2)
w.ops()
w.device.settimeout(10)
while select.select([w.parent], [], [], 0)[0]:
    w.dialled(status=-1)
w.ops()
s = w.guest_opens(61, 61)
ok(True, "and when they have gone all is as before")

# ---- the jail ----
with open(f"/proc/{w.proc.pid}/status") as f:
    status = f.read()
ok("Seccomp:\t2" in status, "it has a list of system calls", status)
ok("CapEff:\t0000000000000000" in status, "and no capabilities")
same(w.close(), 0, "it ends when its device does")

r = subprocess.run([VSOCK, "--cid", "x"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, close_fds=True)
ok(r.returncode == 1 and b"usage" in r.stderr, "a wrong option is a sentence", r.stderr)
r = subprocess.run([VSOCK], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, close_fds=True)
ok(r.returncode == 1 and b"ring3 run --vsock" in r.stderr, "so is a start by hand", r.stderr)
done()
