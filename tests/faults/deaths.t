#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# Many of a guest's processes end on the host at once, again and again, while its
# only vCPU waits for others of them: it goes on each time. Two processes compute
# beside it, so that what it is told comes late.
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

SECONDS = 150 if os.environ.get("RING3_TEST_FULL") == "1" else 15
WORK = churning("1 2 3 4 5 6")

seed = int(os.environ.get("SEED", os.getpid()))
random.seed(seed)
print(f"# SEED={seed}")

beside = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(2)]
try:
    g = Guest("--cpus", "1", "--", "sh", "-c", "echo old; read x\n" + WORK, timeout=SECONDS + 100)
    g.expect("old\n")
    time.sleep(0.3)
    old = set(named(g, "ring3-space"))
    g.type("\n")
    ok(g.expect("up\n"), "a guest that forks all the time", g.text)
    killed, answered, n = 0, True, 0
    end = time.monotonic() + SECONDS
    while answered and time.monotonic() < end:
        time.sleep(random.random() * 0.05)
        for pid in named(g, "ring3-space"):
            if pid not in old and random.random() < 0.7:
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass
        n += 1
        answered = ask(g, f"n{n}", rb"(?m)^word (n\d+)\n", 40) == f"n{n}".encode()
    ok(answered and killed >= 20, f"many ended at once, {n} times: it goes on each time", killed, g.text[-2000:])
    print(f"# {killed} processes")
    g.type("end\n")
    same(g.wait(30), 7, "it ends by itself")
finally:
    for p in beside:
        p.kill()
        p.wait()
done()
