#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
"""Parked spaces whose guest thread is kept on a host CPU that their vCPU has left end
instead of serving again, and such as fit are parked in their place."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "attack"))
from suite import *

WORK = "for i in $(seq 40); do /bin/true; done"
host = sorted(os.sched_getaffinity(0))


def vcpu(pid):
    """Threads of the monitor that are kept on one host CPU."""
    return [t for t in map(int, os.listdir(f"/proc/{pid}/task")) if len(os.sched_getaffinity(t)) == 1]


def parked(guest):
    """Some, after processes have ended in the guest; on a busy host that takes several tries."""
    for _ in range(15):
        run("exec", name, "--", "sh", "-c", WORK)
        if found := births(Target.parked(guest)):
            return found
    return {}


def main():
    guest = Guest("--name", name, "--cpus", "1", "--", "sh", "-c", "echo up; exec sleep 1000", timeout=110)
    try:
        if not ok(guest.expect("up\n", 30), "a guest", guest.text.decode(errors="replace")):
            return
        before, kept = parked(guest), vcpu(guest.monitor())
        if not before or not kept:
            skip("spaces whose vCPU has moved end", "host: so busy that no space is parked, or no vCPU kept")
            return
        for t in kept:
            at = min(os.sched_getaffinity(t))
            os.sched_setaffinity(t, [next(c for c in host if c != at)])
        p = run("exec", name, "--", "sh", "-c", WORK + "; echo done")
        same(p.stdout, b"done\n", "with its vCPU on another host CPU the guest works")
        ok(wait_until(lambda: not alive(before), 20), "spaces that were parked for the old one have ended", alive(before))
    finally:
        guest.close()


name = f"moved-{os.getpid()}"
if len(host) < 2:
    print("1..0 # SKIP host: one CPU")
else:
    main()
    done()
