#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow
# 200 guests come and go: no process, file or descriptor is left, and none of them is
# in the way of the next.
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machineslib import *


def processes():
    """All of this test's session or with its folder in their environment: [(pid, name)]."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                mine = os.environ["XDG_RUNTIME_DIR"].encode() in f.read()
            with open(f"/proc/{pid}/stat") as f:
                name, state = f.read().split(")")[0].split("(")[1], None
            if mine and int(pid) != os.getpid():
                found.append((int(pid), name))
        except (OSError, IndexError):
            pass
    return found


def files():
    return sorted(os.path.join(d, f) for top in (RUN, MACHINES, TMP) if os.path.exists(top) for d, _, names in os.walk(top) for f in names)


start("first")
same(run("stop", "first").returncode, 0, "one before")
run("rm", "first")
before = files(), len(os.listdir("/proc/self/fd"))
bad = []
for i in range(200):
    r = run("run", "-d", "--name", "g", *(["--rm"] if i % 2 else []))
    if r.returncode:
        bad.append((i, r))
    if i % 10 == 0 and run("exec", "g", "--", "echo", "yes").stdout != b"yes\n":
        bad.append((i, "exec"))
    r = run("stop", "g")
    if r.returncode:
        bad.append((i, r))
same(bad[:3], [], "200 times: start and stop")
run("rm", "g")
ok(wait_until(lambda: not processes()), "no process is left", processes())
same(files(), before[0], "no file is left")
same(len(os.listdir("/proc/self/fd")), before[1], "no descriptor is left")
start("g")
n = open_files("g")
for i in range(200):
    run("exec", "g", "--", "true") if i % 4 == 0 else run("ps", "-q")
ok(wait_until(lambda: open_files("g") == n), "200 clients leave no descriptor in a guest's process", n, open_files("g"))
same(run("stop", "g").returncode, 0, "the last one")
done()
