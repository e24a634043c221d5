#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# The control protocol (docs/control.md): requests with ids, events, `ring3 api`, and
# clients that send anything, too much, too slowly, or read nothing.
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machineslib import *

start("a")

# As it is meant.
c = Client("a")
for i in ({"op": "info", "id": 1}, {"op": "ping", "id": "two"}, {"op": "stats", "id": None}, {"op": "info", "id": {"a": [3]}}):
    c.send(**i)
answers = [c.receive() for _ in range(4)]
same(sorted(json.dumps(a.get("id")) for a in answers), sorted(json.dumps(i) for i in (1, "two", None, {"a": [3]})), "each answer has its request's id")
ok(all(a["ok"] for a in answers), "many requests on one connection", answers)
same(c.ask(op="nothing", id=4), {"ok": False, "error": "unknown \"op\"", "id": 4}, "an unknown operation")
same(c.ask(op="info")["guest"]["protocol"], 1, "the protocol's version")
c.close()
r = run("api", "a", input=b'{"op":"ping","id":1}\n{"op":"stats","id":2}\n{"op":"info","id":3}\n')
lines = [json.loads(line) for line in r.stdout.splitlines()]
same((r.returncode, sorted(a["id"] for a in lines), all(a["ok"] for a in lines)), (0, [1, 2, 3], True), "ring3 api answers all that stdin has, and ends")
for args, status, why in ((["api"], 125, b"which guest"), (["api", "x"], 1, b"no guest called x"), (["events", "x"], 1, b"no guest called x"),
                          (["stats", "x"], 1, b"no guest called x"), (["stats", "--json", "--once"], 125, b"exclude each other"), (["stats", "-i", "0"], 125, b"interval")):
    r = run(*args)
    ok(r.returncode == status and why in r.stderr, f"{' '.join(args)}: {status}", r)

# Statistics.
r = run("stats", "--once")
ok(r.stdout.split()[:2] == [b"NAME", b"USER%"] and b"\na " in r.stdout, "stats --once", r.stdout)
same([json.loads(line)["name"] for line in run("stats", "-j").stdout.splitlines()], ["a"], "stats --json")
text = run("stats", "--prometheus", "a").stdout.decode()
ok(all(line.startswith("#") or line.count(" ") == 1 and float(line.split()[1]) >= 0 for line in text.splitlines()) and
   "ring3_memory_bytes{guest=\"a\"} 1073741824\n" in text and text.count("# TYPE") == text.count("# HELP") > 5, "stats --prometheus", text)
live = spawn("stats", "-i", "0.1", "a", stdout=subprocess.PIPE)
heads = sum(live.stdout.readline().startswith(b"NAME") for _ in range(6))
same(heads, 3, "stats goes on")
live.stdout.close()
ok(live.wait(10) in (1, -signal.SIGPIPE), "and ends when nobody reads it", live.returncode)

# Events.
every = spawn("events", stdout=subprocess.PIPE)
one = Client("a")
same(one.ask(op="events"), {"ok": True}, "a client listens")
time.sleep(0.3)
start("b", command=["sh", "-c", "sleep 1; exit 7"])
ok(wait_until(lambda: info("b") is None), "another guest comes and goes")
seen = [json.loads(every.stdout.readline()) for _ in range(2)]
same([(e["event"], e["name"], e.get("status")) for e in seen], [("ready", "b", None), ("exit", "b", 7)], "ring3 events tells of it")
ok(all(abs(e["time"] / 1000 - time.time()) < 30 for e in seen), "with the time", seen)
run("rm", "b")
start("r", "--restart", "on-failure:1", command=["sh", "-c", "sleep 0.5; exit 3"])
same(run("wait", "r").returncode, 3, "one that is started again")
same([json.loads(every.stdout.readline())["event"] for _ in range(5)], ["ready", "restart", "boot", "ready", "exit"], "all of its life")
every.terminate()
every.wait()

# As it is not meant.
def raw(data, shut=True):
    """What comes back, until the other side closes."""
    s = Client("a").sock
    got = b""
    try:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        while part := s.recv(65536):
            got += part
    except (BrokenPipeError, ConnectionResetError):
        pass
    s.close()
    return got

for what, data in {
        "nothing": b"", "half a line": b'{"op": "info"', "no JSON": b"hello\n", "no object": b"[1]\n", "a number": b"5\n", "no op": b"{}\n",
        "an op that is none": b'{"op": 5}\n', "an op that is null": b'{"op": null}\n', "bytes": bytes(range(256)) + b"\n", "NUL": b"\0\0\0\n",
        "no UTF-8": b'{"op": "\xff\xfe"}\n', "too long": b'{"op": "' + b"x" * 100000 + b'"}\n', "too long, without an end": b"x" * 100000,
        "too deep": b"[" * 3000 + b"\n", "a deep object": b'{"op":' * 500 + b"\n", "frames": b"\x04\0\0\0\x07\0\x01\0abcd\n", "a long id": b'{"op":"info","id":"' + b"y" * 4000 + b'"}\n'}.items():
    got = raw(data)
    lines = got.splitlines()
    fine = all(json.loads(line).get("ok") in (True, False) for line in lines)
    ok(fine and len(got) < 16384 and info("a"), f"{what}: an answer in JSON, or none", got[:300])
for op, bad in (("kill", {"signal": "x"}), ("kill", {"signal": 10**30}), ("kill", {}), ("rename", {"to": "../x"}), ("rename", {"to": 5}), ("rename", {}), ("stats", {"x": [1] * 500})):
    c = Client("a")
    got = c.ask(op=op, **bad)
    ok("ok" in got and (op == "stats" or not got["ok"]), f"{op} {str(bad)[:30]}: refused", got)
    c.close()

rng = random.Random(20)
words = [b'{', b'}', b'"op"', b':', b'"info"', b'"stats"', b'"ping"', b'"events"', b'"exec"', b'"console"', b'"wait"', b'"id"', b',', b'[', b']', b'1e999', b'\n', b'\n', b'"\\ud800"', b'\0', b'null', b' ' * 50]
for _ in range(300):
    s = Client("a").sock
    s.settimeout(0.01)
    try:
        s.sendall(b"".join(rng.choices(words, k=rng.randrange(60))))
        s.recv(1000)
    except OSError:
        pass
    s.close()
ok(info("a") and run("exec", "a", "--", "echo", "yes").stdout == b"yes\n", "300 clients of random words")

slow = Client("a")
for byte in b'{"op":"ping"}':
    slow.sock.sendall(bytes([byte]))
    ok_now = info("a")
slow.sock.sendall(b"\n")
same((slow.receive(), bool(ok_now)), ({"ok": True}, True), "a request a byte at a time, and others are served meanwhile")

# Who does not read is not waited for, and costs no memory without end.
memory = lambda: int(open(f"/proc/{info('a')['pid']}/statm").read().split()[1]) * 4096
before = memory()
deaf = Client("a")
deaf.sock.settimeout(5)
sent, end = 0, None
try:
    while sent < 200000:
        deaf.sock.sendall(b'{"op":"info"}\n' * 100)
        sent += 100
except OSError as e:
    end = e
ok(end is not None, "who asks and never reads is cut off", sent)
ok(memory() - before < 4 << 20, "without much memory", before, memory())
deaf.close()

n = open_files("a")
many = []
try:
    for _ in range(400):
        many.append(Client("a"))
except OSError:
    pass
for c in many:
    c.close()
ok(wait_until(lambda: info("a")), "400 connections at once, and it answers again")
same(run("exec", "a", "--", "echo", "yes").stdout, b"yes\n", "and serves")
ok(wait_until(lambda: open_files("a") <= n), "nothing is left of them", n, open_files("a"))

# Another user is none of its business, even if the directory let him in.
if os.getuid():
    skip("another user is refused", "host: only root can be another user")
else:
    os.chmod(RUN, 0o711)
    os.chmod(os.path.join(RUN, "a.sock"), 0o666)
    pid = os.fork()
    if not pid:
        got = 1
        try:
            os.chdir(RUN)
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            s = socket.socket(socket.AF_UNIX)
            s.connect("a.sock")
            got = 2
            s.sendall(b'{"op":"info"}\n')
            got = 3 if s.recv(100) else 2
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            os._exit(got)
    same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 2, "another user is refused")
    os.chmod(RUN, 0o700)
same(run("stop", "a").returncode, 0, "and it stops as ever")
done()
