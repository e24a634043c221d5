#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# libring3's Python bindings and a machine that lies: no guest, a socket that answers what it likes. Each call ends in
# bounded time with an exception of one sentence, and the process lives.
import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

os.environ["RING3_LIBRARY"] = os.path.join(os.environ["BUILD"], "lib", "libring3.so.0")
sys.path.insert(0, os.path.join(os.environ["REPO"], "lib", "python"))
import fcntl

import ring3

DIR = os.path.join(os.environ["XDG_RUNTIME_DIR"], "ring3")
os.makedirs(DIR, mode=0o700, exist_ok=True)
os.chmod(DIR, 0o700)
# A name is somebody's whose lock is held.
lock = os.open(os.path.join(DIR, "liar.lock"), os.O_CREAT | os.O_RDWR, 0o600)
fcntl.flock(lock, fcntl.LOCK_EX)
server = socket.socket(socket.AF_UNIX)
server.bind(os.path.join(DIR, "liar.sock"))
server.listen(20)
lie = None


def serve():
    while True:
        s, _ = server.accept()
        threading.Thread(target=one, args=(s,), daemon=True).start()


def one(s):
    try:
        line = b""
        while not line.endswith(b"\n"):
            got = s.recv(1)
            if not got:
                return
            line += got
        lie(s, json.loads(line))
    except OSError:
        pass
    finally:
        s.close()


threading.Thread(target=serve, daemon=True).start()


def say(data, then=0):
    def fn(s, req):
        s.sendall(data)
        time.sleep(then)
    return fn


def flood(s, req):
    while True:
        s.sendall(b"x" * 65536)


def drip(s, req):
    while True:
        s.sendall(b"x")
        time.sleep(0.05)


def frame(kind, payload=b"", session=1):
    return struct.pack("<IHH", len(payload), kind, session) + payload


def session(*frames, id=1, window=65536, then=60):
    def fn(s, req):
        s.sendall(json.dumps({"ok": True, "session": id, "window": window}).encode() + b"\n")
        for f in frames:
            s.sendall(f)
        time.sleep(then)
    return fn


def fails(how, what, call, kinds, limit=20.0):
    global lie
    lie = how
    began = time.monotonic()
    try:
        got = call()
    except ring3.Error as e:
        took = time.monotonic() - began
        # A lie is called one: that the time is up afterwards is no answer to it.
        right = e.errno == kinds if isinstance(kinds, int) else e.errno == errno.EPROTO if kinds is E_ else isinstance(e, kinds)
        ok(right and str(e) and "\n" not in str(e) and not any(ord(ch) < 32 for ch in str(e)) and took < limit, what, type(e), repr(str(e))[:300], took)
        return e
    ok(False, what, "no exception", repr(got)[:300])


lie = say(b"")
m = ring3.open("liar")
E_ = ring3.Error
E_invalid = errno.EINVAL
ask = lambda: m.request("ping", timeout=3)
fails(say(b'{"ok":tru\n'), "JSON that is none", ask, E_)
fails(say(b'[1,2]\n'), "no object", ask, E_)
fails(say(b'"ok"\n'), "a text", ask, E_)
fails(say(b'\n'), "an empty line", ask, E_)
fails(say(b'{"ok":false}\n'), "an error without words", ask, E_)
fails(say(b'{"ok":false,"error":""}\n'), "or an empty one", ask, E_)
fails(session(frame(12, struct.pack("<II", 2, 0))), "a command that was not started, for no reason", lambda: m.run(["x"], timeout=5), ring3.NotStarted)
fails(say(b'{"ok":false,"error":7}\n'), "an error that is a number", ask, E_)
fails(say(b'{"ok":false,"error":{"a":"b"}}\n'), "or an object", ask, E_)
e = fails(say(b'{"ok":false,"error":"a\\u001b[31mb\\nc"}\n'), "an error for a terminal", ask, E_)
e = fails(say(b'{"ok":false,"error":"' + b"z" * 200000 + b'"}\n'), "a long one", ask, E_)
ok(e and len(str(e)) < 1024, "is cut")
fails(say(b'{"ok":true,"a":' + b"[" * 100000 + b'\n'), "a deep one", ask, E_)
fails(flood, "an answer without an end", ask, (ring3.Error,))
fails(drip, "one that never comes to its end", ask, ring3.Timeout)
fails(say(b"", 60), "no answer", ask, ring3.Timeout)
fails(say(b""), "the connection ends", ask, ring3.NotRunning)
fails(say(b'{"ok":true}\n'), "info without a guest", m.info, E_)
fails(say(b'{"ok":true,"device":[]}\n'), "a device that is none", lambda: m.attach("disk", "/x", timeout=1), E_)
lie = say(b'{"ok":true,"device":{"name":"' + b"n" * 500 + b'\\u001b","guest":5}}\n')
same([len(w) for w in m.attach("disk", "/x", timeout=1)], [63, 0], "one whose name is too long is cut")

run_it = lambda: m.run(["x"], timeout=1, max_output=1000)
for sid, window, what in ((0, 65536, "session 0"), (257, 65536, "session 257"), (1 << 40, 65536, "a huge session"), ("1", 65536, "a session that is a text"),
                          (1, 1, "a small window"), (1, 1 << 31, "a huge window"), (1, -1, "a negative window"), (1, None, "no window")):
    fails(session(id=sid, window=window), what, run_it, E_)
OUT, CREDIT, EXIT, ERROR = 4, 6, 11, 12
fails(session(struct.pack("<IHH", 0xffffffff, OUT, 1)), "a frame of 4 GiB", run_it, E_)
fails(session(struct.pack("<IHH", 65537, OUT, 1)), "one byte more than a frame may have", run_it, E_)
fails(session(frame(99)), "a frame of an unknown type", run_it, E_)
fails(session(frame(2, b"x" * 30)), "one that only we send", run_it, E_)
fails(session(frame(OUT, b"x", 2)), "one of another command", run_it, E_)
fails(session(*[frame(OUT, b"x" * 65536)] * 5), "more than was granted", lambda: m.exec(["x"]).wait(2), E_)
fails(session(frame(CREDIT, struct.pack("<II", 3, 0xffffffff))), "a grant of 4 GiB", run_it, E_)
fails(session(frame(CREDIT, struct.pack("<II", 4, 5))), "a grant for stdout", run_it, E_)
fails(session(frame(EXIT, b"123")), "an exit that is too short", run_it, E_)
fails(session(frame(ERROR, b"1")), "an error that is too short", run_it, E_)
fails(session(frame(ERROR, struct.pack("<II", 2, 0) + b"q" * 4000)), "one that is long", run_it, ring3.NotStarted)
fails(session(b"", then=0), "it ends in the middle of a command", run_it, ring3.NotRunning)
fails(session(struct.pack("<IHH", 10, OUT, 1) + b"12345", then=0), "or of a frame", run_it, ring3.NotRunning)
fails(session(), "a command of which nothing is heard", run_it, ring3.Timeout)
lie = session(frame(OUT, b"good"), frame(EXIT, struct.pack("<II", 0x1ff, 0)))
same(m.run(["x"], timeout=5), ring3.Result(255, b"good", b""), "an exit status is one byte")


def events(*lines):
    def fn(s, req):
        s.sendall(b'{"ok":true}\n' + b"".join(lines))
        time.sleep(0.2)
    return fn


fails(events(b"no JSON\n"), "an event that is none", lambda: list(m.events(timeout=1)), E_)
fails(events(b'{"event":7}\n'), "or has no name", lambda: list(m.events(timeout=1)), E_)
fails(events(), "no event, and the end", lambda: list(m.events(timeout=1)), ring3.NotRunning)
lie = events(b'{"event":"ready"}\n', b'{"event":"exit","status":3}\n')
same([e["event"] for e in m.events(timeout=1)], ["ready", "exit"], "two events, and the end")
fails(say(b'{"ok":true}\n', 60), "one that says that it ends, and does not, is asked for no longer than it may take", lambda: m.stop(timeout=0.5), ring3.Timeout, 40)

# Who wants an answer in time.
fails(say(b"", 60), "no answer to a command, in the time that it has", lambda: m.run(["x"], timeout=0.3), ring3.Timeout, 2)
fails(say(b"", 60), "a request that no machine takes is not sent", lambda: m.attach("disk", "/" + "x" * 300000, timeout=1), E_invalid, 2)
fails(say(b"", 60), "nor is a device that is another request", lambda: m.attach("op", "stop"), E_invalid, 2)


def slow_line(s, req):
    s.sendall(b'{"ok":true}\n{"event":"re')
    time.sleep(1.5)
    s.sendall(b'ady"}\n')
    time.sleep(20)


lie = slow_line
seen = m.events(timeout=0.3)
got = []
for _ in range(20):
    try:
        got.append(next(seen)["event"])
        break
    except ring3.Timeout:
        pass
same(got, ["ready"], "the first half of an event is kept until the other comes")
waiter = threading.Thread(target=lambda: fails(lie, "one thread waits for an event", lambda: ring3._call(ring3._events_next, seen._last, 4000, ctypes.byref(ctypes.c_void_p())), ring3.Timeout))
waiter.start()
time.sleep(0.5)
began = time.monotonic()
try:
    next(seen)
except ring3.Timeout:
    pass
ok(time.monotonic() - began < 2, "another one has its own time", time.monotonic() - began)
waiter.join()
seen.close()

# "ring3" that does not end when it is told to.
stubborn = os.path.join(TMP, "stubborn")
with open(stubborn, "w") as f:
    f.write("#!/bin/sh\ntrap '' TERM\nexec sleep 30\n")
os.chmod(stubborn, 0o755)
os.environ["RING3_PROGRAM"] = stubborn
lie = say(b"")
fails(lie, "a program that does not end is ended", lambda: m.copy_in("/etc/hostname", "/x", timeout=0.5), ring3.Timeout, 15)


# What is closed by one thread while another one is in a call.
USED = """
import sys, threading, time
sys.path.insert(0, sys.argv[1])
import ring3
c = ring3.open("liar").exec(["x"])
went = []
def read():
    try:
        c.read(timeout=1)
    except ring3.Error as e:
        went.append(type(e).__name__)
t = threading.Thread(target=read)
t.start()
time.sleep(0.3)
c.close()
junk = [bytes(range(256)) * n for n in range(1, 50)]
t.join()
print(went)
"""
lie = session(then=20)
r = subprocess.run([sys.executable, "-c", USED, os.path.join(os.environ["REPO"], "lib", "python")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                   timeout=60, env={**os.environ, "MALLOC_PERTURB_": "165"})
same((r.returncode, r.stdout), (0, "['Timeout']\n"), "a command that is closed while another thread reads lives until that returns")

# Little text, much memory.
def peak():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


for part, what in (b"{}", "empty objects"), (b"[]", "empty lists"), (b"0", "numbers"):
    line = b'{"ok":true,"a":[' + b",".join([part] * (200000 // (len(part) + 1))) + b"]}\n"
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")
    before = peak()
    fails(say(line), f"an answer of {what}", ask, E_)
    ok(peak() - before < 8192, "takes no memory", peak() - before)

# Descriptors that nobody asked for: the host closes them in the call that receives, and some take their time.
def lingering():
    server = socket.create_server(("127.0.0.1", 0))
    a = socket.create_connection(server.getsockname())
    b, _ = server.accept()
    server.close()
    a.setblocking(False)
    try:
        while True:
            a.send(b"x" * 65536)
    except BlockingIOError:
        pass
    a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 15))
    return a, b


def passes(s, req):
    a, other = lingering()
    # The client is busy with what comes before, so that the last who has it is the client.
    s.sendall(b'{"ok":true,"x":"' + b"x" * 100000)
    try:
        socket.send_fds(s, [b'"}\n'], [a.fileno()])
    except PermissionError:
        s.sendall(b'"}\n')
    a.close()
    time.sleep(20)
    other.close()


try:
    server.getsockopt(socket.SOL_SOCKET, 83)
except OSError:
    skip("a descriptor whose end takes long", "host: before Linux 6.16 descriptors cannot be kept out")
else:
    lie = passes
    began = time.monotonic()
    ok(m.request("ping", timeout=2)["ok"] and time.monotonic() - began < 5, "a descriptor whose end takes long holds up nothing", time.monotonic() - began)

# Memory: a machine that lies a thousand times costs nothing.
def rss():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def fds():
    return len(os.listdir("/proc/self/fd"))


def many(n):
    global lie
    for i in range(n):
        lie = session(frame(OUT, b"x" * 5000), frame(99), then=0) if i % 2 else say(b'{"ok":tru\n')
        try:
            run_it() if i % 2 else ask()
        except ring3.Error:
            pass


many(100)
before = rss(), fds()
many(600)
ok(wait_until(lambda: fds() <= before[1] + 1) and rss() < before[0] + 1024, "600 lies leave no descriptor and no memory", before, (rss(), fds()))
done()
