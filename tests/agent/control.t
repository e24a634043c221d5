#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# ps, exec, console and stop, without a kernel.
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

state = os.path.join(os.environ["XDG_RUNTIME_DIR"], "ring3")
names = lambda: run("ps", "-q").stdout.decode().split()


def guest(name, *args):
    p = spawn("run", "--name", name, *args, *([] if "--init" in args else sh("echo up; exec sleep 60")),
              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline()
    wait_until(lambda: name in names())
    return p


same(run("ps", "-q").stdout, b"", "no guests at first")
a = guest("alpha")
b = guest("beta")
same(names(), ["alpha", "beta"], "ps lists the guests")
info = [json.loads(line) for line in run("ps", "--json").stdout.splitlines()]
same([(i["name"], i["pid"], i["state"], i["command"][0]) for i in info],
     [("alpha", a.pid, "running", "sh"), ("beta", b.pid, "running", "sh")], "and what they are")
ok(b"alpha" in run("ps").stdout and b"sleep 60" in run("ps").stdout, "also for people")

r = run("run", "--name", "alpha", "--", "true")
ok(r.returncode == 125 and b"running already" in r.stderr, "a name is given once", r)
r = run("run", "--name", "a/b", "--", "true")
ok(r.returncode == 125 and b"letters" in r.stderr, "a name that cannot be one is refused", r)

r = run("exec", "alpha", "--", "sh", "-c", "cat; echo err >&2; exit 5", input=b"in\n")
same((r.stdout, r.stderr, r.returncode), (b"in\n", b"err\n", 5), "exec runs a command in a running guest")
data = os.urandom(20_000_000)
r = run("exec", "alpha", "cat", input=data)
ok(r.stdout == data, "20 MB through exec are identical", len(r.stdout))
r = run("exec", "alpha", "--", "no-such-command")
same(r.returncode, 127, "no such command is 127")
many = [spawn("exec", "alpha", "--", "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE) for i in range(8)]
for i, p in enumerate(many):
    p.stdin.write(b"%d" % i * 1000)
    p.stdin.close()
same([p.stdout.read()[:1] for p in many], [b"%d" % i for i in range(8)], "eight at once do not mix")
for p in many:
    p.wait()
t = Terminal(FAKE, "exec", "alpha", "--", "sh", "-c", "stty size; read x; echo got $x", rows=11, cols=22)
ok(t.expect("11 22"), "exec on a terminal has one", t.text)
t.type("word\n")
ok(t.expect("got word"), "and its input", t.text)
same((t.wait(), t.restored()), (0, True), "and leaves it as it was")
t.close()

p = spawn("exec", "alpha", "--", "sh", "-c", "echo $$; exec sleep 60", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
pid = int(p.stdout.readline())
p.kill()
p.wait()
ok(wait_until(lambda: not os.path.exists(f"/proc/{pid}")), "the command of an exec that was killed is hung up on")
p = spawn("exec", "alpha", "--", "sh", "-c", "echo $$; exec sleep 60", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
p.stdout.readline()
p.send_signal(signal.SIGTERM)
same(p.wait(10), 143, "signals are passed by exec")

# A client that floods, or speaks nonsense, harms itself only.
for text in (b"nonsense\n", b"{}\n", b'{"op": 1}\n', b'{"op": "fly"}\n', b"x" * 100000, b'{"op": "exec"}\n' + b"y" * 5000):
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(state, "alpha.sock"))
    s.settimeout(5)
    try:
        s.sendall(text)
        while s.recv(65536):
            pass
    except OSError:
        pass
    s.close()
same(run("exec", "alpha", "--", "echo", "fine").stdout, b"fine\n", "clients that speak nonsense harm nobody")

# What follows a request in the same packet is for whom the request was to.
def client(first):
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(state, "alpha.sock"))
    s.settimeout(5)
    s.sendall(first)
    return s


def answer(s, until):
    got = b""
    try:
        while until not in got and (data := s.recv(65536)):
            got += data
    except OSError:
        pass
    return got


# The session's number is not known before; a wrong one ends the session, which shows that the frame was read.
s = client(b'{"op": "exec"}\n' + struct.pack("<IHH", 0, 99, 7))
start = time.monotonic()
ok(b'"ok":true' in answer(s, b"never") and time.monotonic() - start < 4, "a frame behind a request to exec is read as one")
s.close()
s = client(b'{"op": "exec"')
time.sleep(0.1)
s.sendall(b"}\n")
ok(b'"ok":true' in answer(s, b"\n"), "a request may come in pieces")
s.close()

many = [client(b'{"op": "exec"}\n') for _ in range(255)]
same([b'"ok":true' in answer(s, b"\n") for s in many].count(True), 255, "255 clients have a session each")
r = run("exec", "alpha", "--", "true")
ok(r.returncode == 125 and b"too many commands" in r.stderr and "alpha" in names(),
   "one more is refused, but whoever asks something is answered", r, names())
for s in many:
    s.close()
same(run("exec", "alpha", "--", "echo", "again").stdout, b"again\n", "when they are gone there is room again")

b.send_signal(signal.SIGSTOP)
r = run("ps")
ok(b"beta" in r.stdout and b"silent" in r.stdout and b"alpha" in r.stdout, "a guest that was stopped does not stop ps", r)
r = run("exec", "beta", "--", "true")
ok(r.returncode == 125 and b"stopped" in r.stderr, "nor exec", r)
b.send_signal(signal.SIGCONT)
p = spawn("exec", "beta", "--", "sleep", "60", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
time.sleep(0.5)
start = time.monotonic()
r = run("stop", "beta")
same((r.returncode, b.wait(10), names()), (0, 120, ["alpha"]), "stop ends a guest and waits for it")
ok(p.wait(10) == 120 and b"guest ended" in p.stderr.read(), "an exec in it is told")
ok(not os.path.exists(os.path.join(state, "beta.sock")), "nothing is left of it")
a.kill()
a.wait()
same(names(), [], "ps does not list a guest that was killed")
ok(not os.path.exists(os.path.join(state, "alpha.sock")), "and removes what it left")
r = run("stop", "alpha")
ok(r.returncode == 1 and b"no guest called alpha" in r.stderr, "stop says what is not there", r)
r = run("exec", "alpha", "--", "true")
ok(r.returncode == 125 and b"no guest called alpha" in r.stderr, "so does exec", r)

a = guest("alpha")
a.kill()
a.wait()
b = guest("beta")
same(sorted(os.listdir(state)), ["beta.lock", "beta.sock"], "the next guest removes what one that was killed left")
run("stop", "--force", "beta")
b.wait(10)
a = guest("alpha")
a.kill()
a.wait()
a = guest("alpha")
same(names(), ["alpha"], "a name left behind can be used again")
run("stop", "--force", "alpha")
same(a.wait(10), 120, "stop --force ends at once")

# Whatever ends and starts at the same time under one name: one of them has it, and can be reached.
twice, lost, none = [], [], []
for i in range(40):
    a = guest("delta")
    a.kill()
    a.wait()
    many = [spawn("run", "--name", "delta", *sh("echo up; exec sleep 60"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                  stderr=subprocess.DEVNULL) for _ in range(4)] + [spawn("ps", "-q", stdout=subprocess.DEVNULL) for _ in range(2)]
    up = [p for p in many[:4] if p.stdout.readline() == b"up\n"]
    many[4].wait()
    many[5].wait()
    twice += [i] if len(up) > 1 else []
    none += [i] if not up else []
    lost += [i] if run("exec", "delta", "--", "echo", "here").stdout != b"here\n" else []
    for p in up:
        p.kill()
    for p in many[:4]:
        p.wait()
same((twice, none, lost), ([], [], []), "one of four that start at once gets the name that a dead one left, and is reached by it")

c = guest("gamma", "--init", "/sbin/init")
p = spawn("console", "gamma", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
ok(b"fake kernel" in p.stdout.readline(), "console shows what was written before")
p.stdin.write(b"hello\n")
p.stdin.flush()
seen = b""
while b"hello" not in seen:
    line = p.stdout.readline()
    if not line:
        break
    seen += line
ok(b"hello" in seen, "and passes what is typed", seen)
s = socket.socket(socket.AF_UNIX)
s.connect(os.path.join(state, "gamma.sock"))
s.settimeout(5)
s.sendall(b'{"op": "console"}\nword behind the line\n')
ok(b"word behind the line" in answer(s, b"behind the line"), "what follows a request for the console is typed on it")
s.close()
p.stdin.write(b"off\n")
p.stdin.flush()
same((p.wait(10), c.wait(10)), (0, 0), "it ends with the guest")
done()
