#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# Sockets between a guest and programs of the host: `ring3 run --vsock`.
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../boot"), HERE]
from host import *

BIG = 8 << 20
DIR = os.path.join(TMP, "sockets")
os.mkdir(DIR)
PATH = os.path.join(DIR, "vm")

# The guest's side: what it does follows the words it reads from its stdin.
GUEST = r'''
import hashlib, socket, sys, threading
A = socket.AF_VSOCK
def pour(s, n):
    h = hashlib.sha256()
    block = bytes(range(251)) * 300
    while n:
        d = block[:min(n, len(block))]
        s.sendall(d); h.update(d); n -= len(d)
    return h.hexdigest()
def drink(s):
    h = hashlib.sha256(); n = 0
    while (d := s.recv(1 << 16)):
        h.update(d); n += len(d)
    return "%d %s" % (n, h.hexdigest())
def serve(port, fn):
    l = socket.socket(A); l.bind((socket.VMADDR_CID_ANY, port)); l.listen(128)
    def loop():
        while True:
            c, peer = l.accept()
            threading.Thread(target=lambda c=c, peer=peer: fn(c, peer), daemon=True).start()
    threading.Thread(target=loop, daemon=True).start()
def echo(c, peer):
    while (d := c.recv(1 << 16)): c.sendall(d)
    c.close()
serve(1, echo)
serve(2, lambda c, p: (c.sendall(drink(c).encode()), c.close()))
serve(3, lambda c, p: (pour(c, BIG), c.close()))
serve(4, lambda c, p: (c.sendall(b"%d" % p[0]), c.close()))
sleepers = []
serve(5, lambda c, p: sleepers.append(c))
print("ready", flush=True)
for line in sys.stdin:
    word, *args = line.split()
    try:
        if word == "call":
            s = socket.socket(A); s.settimeout(10); s.connect((int(args[1]) if len(args) > 1 else 2, int(args[0])))
            s.sendall(b"the guest calls"); s.shutdown(socket.SHUT_WR)
            print("heard", drink(s), flush=True)
        elif word == "pour":
            s = socket.socket(A); s.connect((2, int(args[0])))
            print("poured", pour(s, BIG), flush=True); s.close()
        elif word == "cid":
            import fcntl, struct
            with open("/dev/vsock") as f: print("cid", struct.unpack("I", fcntl.ioctl(f, 0x7b9, bytes(4)))[0], flush=True)
        elif word == "wake":
            print("woke", [drink(c) for c in sleepers], flush=True)
    except OSError as e:
        print("error", e.errno, flush=True)
'''.replace("BIG", str(BIG))
BLOCK = bytes(range(251)) * 300
WHOLE = (BLOCK * (BIG // len(BLOCK) + 1))[:BIG]
SUM = hashlib.sha256(WHOLE).hexdigest()


class Vm:
    def __init__(self, option, *more):
        self.proc = subprocess.Popen([os.environ["RING3"], "run", "--net", "none", "--timeout", "120", "--vsock", option, *more, "--", "python3", "-u", "-c", GUEST],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.err = ""
        self.reader = threading.Thread(target=self.read_err, daemon=True)
        self.reader.start()
        self.ready = self.line() == "ready\n"

    def read_err(self):
        for line in self.proc.stderr:
            self.err += line

    def line(self):
        return self.proc.stdout.readline()

    def do(self, text):
        self.proc.stdin.write(text + "\n")
        self.proc.stdin.flush()
        return self.line()

    def close(self):
        self.proc.stdin.close()
        return self.proc.wait()


def call(port, path=PATH):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(path)
    s.sendall(b"CONNECT %d\n" % port)
    line = b""
    while not line.endswith(b"\n"):
        d = s.recv(1)
        if not d:
            return None
        line += d
    assert line.startswith(b"OK "), line
    return s


def drink(s):
    h, n = hashlib.sha256(), 0
    while (d := s.recv(1 << 16)):
        h.update(d)
        n += len(d)
    return n, h.hexdigest()


def listen(port):
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{PATH}_{port}")
    s.listen(64)
    s.settimeout(30)
    return s


# ---- bad input ----
with open(os.path.join(TMP, "file"), "w"):
    pass
busy = socket.socket(socket.AF_UNIX)
busy.bind(os.path.join(TMP, "busy"))
busy.listen(1)
for option, words in (("", "needs a value"), (",cid=5", "needs the path"), ("x,cid=2", "from 3 to"), ("x,cid=4294967295", "from 3 to"), ("x,cid=", "there may be ,cid=N"), ("x,a=b", "there may be ,cid=N"),
                      (TMP + "/none/x", "there is no folder"), (TMP + "/file", "is no socket"), (TMP + "/file/x", "cannot be opened"), (TMP + "/busy", "somebody listens"),
                      (TMP + "/" + "x" * 70, "too long")):
    r = run("run", "--net", "none", "--vsock", option, "--", "true")
    ok(r.returncode == 125 and words.encode() in r.stderr and r.stderr.count(b"\n") == 1, f"--vsock {option.replace(TMP, '')[:20]}: one sentence, nothing started", r.returncode, r.stderr)
same(sorted(os.listdir(TMP)), ["busy", "file", "sockets"], "and nothing was left")
old = socket.socket(socket.AF_UNIX)
old.bind(PATH)
old.close()

# ---- both ways ----
host1 = listen(7)
vm = Vm(PATH + ",cid=42")
ok(vm.ready, "a guest starts, although somebody left a socket there", vm.err)
same(oct(os.stat(PATH).st_mode & 0o777), "0o700", "its socket is the user's alone")
same(vm.do("cid"), "cid 42\n", "it has the cid that it was given")
s = call(1)
s.sendall(b"hello")
same(s.recv(100), b"hello", "a program of the host calls one of the guest")
s.shutdown(socket.SHUT_WR)
same(s.recv(100), b"", "and ends")
same(call(4).recv(10), b"2", "the caller has the host's cid")
ok(call(99) is None, "a port that nobody listens on closes the connection")


def answer(l):
    c, _ = l.accept()
    got = b""
    while (d := c.recv(100)):
        got += d
    c.sendall(got + b", the host hears")
    c.close()
    return got


t = threading.Thread(target=answer, args=(host1,))
t.start()
want = b"the guest calls, the host hears"
same(vm.do("call 7"), f"heard {len(want)} {hashlib.sha256(want).hexdigest()}\n", "a program of the guest calls one of the host")
t.join()
same(vm.do("call 8"), "error 104\n", "a port of the host that nobody listens on is refused")
same(vm.do("call 7 77"), "error 104\n", "another host is refused at once")

# ---- much ----
s = call(2)
threading.Thread(target=lambda: (s.sendall(WHOLE), s.shutdown(socket.SHUT_WR))).start()
got = b""
while (d := s.recv(200)):
    got += d
same(got.decode(), f"{BIG} {SUM}", "8 MB to the guest")
same(drink(call(3)), (BIG, SUM), "8 MB from the guest")
host2 = listen(9)
heard = []
t = threading.Thread(target=lambda: heard.append(drink(host2.accept()[0])))
t.start()
same(vm.do("pour 9"), f"poured {SUM}\n", "a guest that calls pours as much")
t.join()
same(heard, [(BIG, SUM)], "all of which comes")
many = []
for i in range(200):
    many.append(call(1))
    many[-1].sendall(b"%d" % i)
    many[-1].recv(10)
for i, s in enumerate(many):
    s.sendall(b"again %d" % i)
same([s.recv(20) for s in many], [b"again %d" % i for i in range(200)], "two hundred at once, each its own")
for s in many:
    s.close()

# ---- slow ones ----
s = call(5)
s.setblocking(False)
n = 0
try:
    while n < 64 << 20:
        n += s.send(bytes(65536))
        time.sleep(0.001)
except BlockingIOError:
    pass
ok(n < 2 << 20, "who writes to a guest's program that does not read has to wait", n)
s2 = call(1)
s2.sendall(b"others do not")
same(s2.recv(100), b"others do not", "others do not wait with it")
s.close()
line = vm.do("wake")
ok(str(n) in line, "and it gets all when it reads", line, n)
s = call(3)
time.sleep(0.3)
s.close()
s2.sendall(b"on")
same(s2.recv(10), b"on", "a program that leaves in the middle harms nobody")
info = [json.loads(line) for line in run("ps", "--json").stdout.splitlines()]
ok(any(g.get("vsock") == {"path": PATH, "cid": 42} for g in info), "ring3 ps --json has it", info)

# ---- its end ----
pid = int(subprocess.run(["pgrep", "-P", str(vm.proc.pid), "ring3-vsock"], stdout=subprocess.PIPE, text=True).stdout.split()[0])
os.kill(pid, signal.SIGKILL)
ok(wait_until(lambda: "ring3-vsock was killed by signal 9" in vm.err), "when its back end is killed ring3 says so in a sentence", vm.err)
same(vm.do("wake")[:4], "woke", "the guest goes on")
ok(wait_until(lambda: not os.path.exists(PATH)), "the socket is gone")
same(vm.close(), 0, "and it ends")
same([line for line in vm.err.splitlines() if line.startswith("ring3: ")][1:], [], "with nothing else to say")

os.unlink(PATH + "_7")
vm = Vm(DIR)
ok(vm.ready and os.path.exists(DIR + "/vsock.sock"), "a folder has the socket in it")
r = run("run", "--net", "none", "--vsock", DIR, "--", "true")
ok(r.returncode == 125 and b"another guest perhaps" in r.stderr, "a second guest has to have another", r.stderr)
vm.proc.kill()
vm.proc.wait()
ok(wait_until(lambda: subprocess.run(["pgrep", "ring3-vsock", "-u", str(os.geteuid()), "-P", "1"], stdout=subprocess.PIPE).stdout == b""), "its back end ends with ring3")
vm = Vm(DIR)
ok(vm.ready, "the next one takes its place")
vm.close()
ok(not os.path.exists(DIR + "/vsock.sock"), "and leaves nothing behind")
done()
