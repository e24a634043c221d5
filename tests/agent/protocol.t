#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# timeout: 300
# Both ends of the agent's protocol against a peer that lies. FUZZ=N for more.
import os
import random
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *
from peer import *

rounds = int(os.environ.get("FUZZ", "150"))


def rejected(what, *frames):
    a = agent()
    for f in frames:
        a.send(f)
    while a.frame():
        pass
    same(a.end(), 1, f"the agent ends at {what}")


for bad in (hello(magic=1), hello(version=2), hello(window=0), hello(window=1 << 30), frame(RUN, 1, request("true")),
            frame(HELLO, 0, b"")):
    a = Agent()
    a.frame()
    a.send(bad)
    while a.frame():
        pass
    same(a.end(), 1, "the agent ends at a wrong HELLO")
run_cat = frame(RUN, 1, request("cat"))
rejected("a frame that is too long", frame(STDIN, 1, b"", length=65537))
rejected("a RUN that is too long", frame(RUN, 1, b"", length=(1 << 20) + 1))
rejected("an unknown type", frame(99, 1))
rejected("a number used twice", run_cat, run_cat)
rejected("more than it granted", frame(RUN, 1, request("sleep", "5")), *[frame(STDIN, 1, bytes(65536))] * 6)
rejected("a credit that overflows", run_cat, frame(CREDIT, 1, struct.pack("<II", STDOUT, 0xffffffff)))
rejected("a credit of the wrong size", run_cat, frame(CREDIT, 1, b"x"))
rejected("a signal that is none", run_cat, frame(SIGNAL, 1, struct.pack("<I", 4000)))
rejected("its own kind of frame", run_cat, frame(EXIT, 1, bytes(8)))

for what, payload in (("nothing", b""), ("no strings", request(strings=b"", argc=1)), ("no end", request(strings=b"\0cat", argc=1)),
                      ("too many words", request("cat", argc=1 << 20)), ("words that overflow", request("cat", argc=0xffffffff, envc=2)),
                      ("fewer words than said", request("cat", argc=5)), ("no command", request())):
    a = agent()
    a.send(frame(RUN, 1, payload))
    got = a.until(ERROR, 1)
    a.send(frame(RUN, 1, request("echo", "alive")))
    ok(got and a.until(STDOUT, 1) == b"alive\n", f"a RUN with {what} is an error, and the agent goes on", got)
    a.end()

a = agent()
a.send(frame(RUN, 1, request("cat")) + frame(STDIN, 1, b"abc") + frame(STDIN, 1) + frame(STDIN, 1, b"late"))
same((a.until(STDOUT, 1), a.until(EXIT, 1)), (b"abc", bytes(8)), "input after the end of input is dropped")
a.send(frame(STDIN, 1, b"x") + frame(CREDIT, 1, bytes(8)) + frame(RUN, 1, request("echo", "again")))
same(a.until(STDOUT, 1), b"again\n", "frames that cross the end of a session do no harm")
a.until(EXIT, 1)        # until then it counts
for i in range(2, 258):
    a.send(frame(RUN, i, request("sleep", "30")))
started = set()
while len(started) < 256 and (f := a.frame()):
    started |= {f[1]} if f[0] == STARTED else set()
a.send(frame(RUN, 300, request("true")))
said = a.until(ERROR, 300) or b"nothing"
ok(started == set(range(2, 258)) and b"too many" in said, "256 sessions run, one more is refused", len(started), said)
for i in range(2, 258):
    a.send(frame(END, i))
got = 0
while got < 256 and (f := a.frame()):
    got += f[0] == EXIT
same(got, 256, "and all of them end when hung up on")
a.end()

valid = [lambda r: frame(RUN, r.randrange(1, 5), request("cat")), lambda r: frame(RUN, r.randrange(1, 5), request("yes")),
         lambda r: frame(RUN, r.randrange(1, 5), request("cat", flags=1)),
         lambda r: frame(STDIN, r.randrange(1, 5), r.randbytes(r.randrange(0, 3000))),
         lambda r: frame(CREDIT, r.randrange(1, 5), struct.pack("<II", r.choice([4, 5]), r.randrange(100000))),
         lambda r: frame(CLOSE, r.randrange(1, 5), struct.pack("<I", r.choice([4, 5]))),
         lambda r: frame(WINCH, r.randrange(0, 5), struct.pack("<4H", 1, 2, 3, 4)),
         lambda r: frame(SIGNAL, r.randrange(1, 5), struct.pack("<I", r.choice([1, 2, 15, 28]))),
         lambda r: frame(END, r.randrange(1, 5))]
wrong = [lambda r: frame(r.randrange(0, 65536), r.randrange(0, 65536), r.randbytes(r.randrange(0, 100))),
         lambda r: frame(r.randrange(1, 15), r.randrange(0, 6), r.randbytes(r.randrange(0, 60))),
         lambda r: frame(RUN, r.randrange(1, 6), r.randbytes(r.randrange(0, 300))),
         lambda r: r.randbytes(r.randrange(1, 100)),
         lambda r: frame(STDIN, 1, b"", length=r.getrandbits(32))]
bad = []
for seed in range(rounds):
    r = random.Random(seed)
    a = agent()
    for i in range(r.randrange(1, 60)):
        a.send((r.choice(wrong) if r.random() < 0.03 else r.choice(valid))(r))
    status = a.end()
    err = a.proc.stderr.read()
    if status not in (0, 1) or err:
        bad.append((seed, status, err[-500:]))
ok(not bad, f"{rounds} hosts that lie: the agent ends or goes on, no more", bad[:3])

os.environ["R3INIT"] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile_agent.py")
bad = []
for seed in range(rounds):
    try:
        r = run("run", "--timeout", "20", *sh("true"), env=dict(os.environ, HOSTILE_SEED=str(seed)), input=b"in" * 1000,
                timeout=30)
        if r.returncode < 0 or r.returncode == 124 or b"runtime error" in r.stderr or b"Sanitizer" in r.stderr:
            bad.append((seed, r.returncode, r.stderr[-500:]))
    except subprocess.TimeoutExpired:
        bad.append((seed, "hangs"))
ok(not bad, f"{rounds} agents that lie: ring3 ends with a status", bad[:3])
done()
