#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: alone
# A guest that computes on all CPUs of the host leaves a part of each to the
# loops of another session. With a tick every 4 ms Linux 6.18 left it little or nothing.
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from host import *

SECONDS = 5
SHARE = 0.15    # measured: 0.22 to 0.43, with that tick 0 to 0.14


def loop(cpu, seconds):
    """The share of a host CPU that a loop gets."""
    os.sched_setaffinity(0, {cpu})
    used, began = time.process_time(), time.monotonic()
    while time.monotonic() - began < seconds:
        pass
    return (time.process_time() - used) / (time.monotonic() - began)


def session(cpus, seconds=SECONDS):
    """The shares that loops on these CPUs get in one session of their own: {CPU: share}."""
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.setsid()
        loops = []
        for cpu in cpus:
            loops.append(os.fork())
            if not loops[-1]:
                os.write(w, b"%d %.3f\n" % (cpu, loop(cpu, seconds)))
                os._exit(0)
        for each in loops:
            os.waitpid(each, 0)
        os._exit(0)
    os.close(w)
    os.waitpid(pid, 0)
    with open(r) as f:
        return {int(cpu): float(share) for cpu, share in map(str.split, f)}


cpus = sorted(os.sched_getaffinity(0))
# The share of a third says nothing: it needs a host that does nothing else.
for _ in range(30):
    alone = session(cpus, 0.5)
    if min(alone.values()) > 0.85:
        break
    time.sleep(1.5)
else:
    skip_all(f"host: it is busy, loops get {alone} without a guest")
g = Guest("--mem", "512M", "--cpus", str(len(cpus)), "--", "sh", "-c",
          "for i in $(seq $(nproc)); do while :; do :; done & done; echo up; wait")
if ok(g.expect("up\n"), "a guest computes on all CPUs", g.text):
    time.sleep(0.5)
    shares = session(cpus)
    print("#", shares)
    for cpu in cpus:
        ok(shares.get(cpu, 0) >= SHARE, f"it leaves CPU {cpu} to others", shares)
g.close()
done()
