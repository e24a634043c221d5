#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# SIGKILL on the host, at any moment of a guest's work: a process of it is one
# process of it; the zygote or the monitor is its end, said in one sentence;
# ring3 itself, too. (During the boot, and which is which: tests/boot/many.t.)
import os
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

SPACES = 40		# processes killed under one guest
ENDS = 4		# guests ended in each way

WORK = churning("a b c")

seed = int(os.environ.get("SEED", os.getpid()))
random.seed(seed)
print(f"# SEED={seed}")


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


# ---- spaces ----

# Those of PID 1, the agent and the shell are older than the work; many.t kills them.
g = Guest("--cpus", "2", "--", "sh", "-c", "echo old; read x\n" + WORK, timeout=100)
g.expect("old\n")
time.sleep(0.3)
old = set(named(g, "ring3-space"))
g.type("\n")
ok(g.expect("up\n"), "a guest that forks all the time", g.text)
killed = 0
answered = True
end = time.monotonic() + 60
while killed < SPACES and answered and time.monotonic() < end:
    time.sleep(random.random() * 0.1)
    young = [pid for pid in named(g, "ring3-space") if pid not in old]
    if young and kill(random.choice(young)):
        killed += 1
        answered = ask(g, f"n{killed}", rb"(?m)^word (n\d+)\n", 20) == f"n{killed}".encode()
ok(answered and killed >= SPACES / 2, f"{killed} of its processes killed: it goes on each time", g.text[-2000:])
said = [line for line in messages(g) if "signal 9 on the host ended process" in line]
ok(said, "it is said", *messages(g))
print(f"# of {killed}, {len(said)} were said: at most so many a second are")
same([line for line in messages(g) if line not in said], [], "and nothing else is")
g.type("end\n")
same(g.wait(30), 7, "it ends by itself")


# ---- the rest ----

def ends(what, find, want, words):
    bad = []
    for i in range(ENDS):
        g = Guest("--cpus", str(1 + i % 2), "--", "sh", "-c", WORK, timeout=60)
        up = g.expect("up\n")
        time.sleep(random.random() * 0.4)
        family = births(g.family())
        victims = find(g)
        for pid in victims:
            kill(pid)
        status = g.wait(30)
        rest = not wait_until(lambda: not alive(family), 10) and alive(family)
        said = messages(g)
        if not up or not victims or status != want or rest or len(said) != len(words) or any(not re.search(w, s) for w, s in zip(words, said)):
            bad.append((i, up, status, rest, said, g.text[-500:]))
        g.close()
    same(bad, [], f"{what} killed under load: the guest ends with {want}, " +
         ("it is said once, " if words else "") + "nothing stays")


ends("the zygote", lambda g: named(g, "ring3-zygote"), 122, ["zygote"])
ends("the monitor", lambda g: named(g, "ring3-monitor"), 122, ["monitor was killed by signal 9"])
ends("ring3", lambda g: [g.proc.pid], -9, [])
ends("zygote and monitor", lambda g: named(g, "ring3-zygote") + named(g, "ring3-monitor"), 122, ["monitor was killed by signal 9|zygote"])
done()
