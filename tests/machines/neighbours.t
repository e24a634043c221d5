#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 280
# tags: slow alone
# A guest that takes all it can, beside one with the same limits that does its work: that gets at least 80 per cent of what
# it gets beside an idle one. RING3_TEST_ROUNDS: how often each is measured (2); RING3_TEST_SECONDS: for how long (1).
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

ROUNDS, SECONDS = int(os.environ.get("RING3_TEST_ROUNDS", 2)), float(os.environ.get("RING3_TEST_SECONDS", 1))
# So that both have it at the same time, whatever the host.
SHARE = min(0.4 * os.cpu_count(), 1)
LIMITS = ["--mem", "192M", "--cpu-limit", f"{SHARE:.2f}", "--pids-limit", "64", "--root", os.environ["RING3_ROOT"] + ",rate=20M,iops=2000",
          "--net", "nat", "--net-rate", "5M,100"]
# Programs, files and computing: how many turns in a second of the guest's.
WORK = f"""t() {{ read up rest < /proc/uptime; t=${{up%.*}}${{up#*.}}; }}
t; end=$((t + {int(SECONDS * 100)})); n=0
while t; [ $t -lt $end ]; do (:); head -c 20000 /dev/zero > /tmp/work; i=0; while [ $i -lt 200 ]; do i=$((i + 1)); done; n=$((n + 1)); done; echo $n"""
HOGS = {
    "a CPU loop": "for i in 1 2 3 4; do (while :; do :; done) & done; wait",
    "a fork bomb": "f() { f | f & }; while :; do f; sleep 0.1; done",
    "a memory hog": "mkdir -p /m; mount -t tmpfs -o size=1G none /m; while :; do head -c 300M /dev/zero > /m/a; tail /dev/zero; rm -f /m/a; done",
    "a disk filler": "while :; do head -c 400M /dev/zero > /fill; sync; cat /fill > /dev/null; rm -f /fill; done",
    "a packet flood": "while :; do bash -c 'exec 3> /dev/udp/10.0.2.2/9; while :; do dd if=/dev/zero bs=1400 count=10000 >&3; done'; done",
}


def turns():
    r = run("exec", "good", "--", "sh", "-c", WORK)
    return int(r.stdout) if r.returncode == 0 and r.stdout.strip().isdigit() else 0


def start(name):
    r = run("run", "-d", "--name", name, *LIMITS)
    return r.returncode == 0 or ok(False, f"{name} starts", r.stderr)


def others():
    """CPUs' worth of time that the host spends on something else, with no guest at work."""
    def spent():
        with open("/proc/stat") as f:
            n = [int(x) for x in f.readline().split()[1:]]
        return sum(n[:3]) + sum(n[5:8])
    before = spent()
    time.sleep(1)
    return (spent() - before) / TICK


used = {}


def beside(hog):
    """The most turns beside a guest that does this."""
    start("bad")
    if hog:
        subprocess.Popen([RING3, "exec", "bad", "--", "sh", "-c", hog], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
    got = [turns() for _ in range(ROUNDS)]
    s = json.loads(run("stats", "--json", "bad").stdout or "{}")
    used[hog] = max(used.get(hog, 0), sum(s.get(k, 0) for k in ("monitor_ns", "spaces_ns", "backends_ns")) / 1e9)
    run("kill", "bad")
    wait_until(lambda: b"bad" not in run("ps", "-q").stdout)
    run("rm", "bad")
    return max(got)


start("good")
turns()
# Whatever else the host does is no guest's fault, so it is the best of each that counts; and measured again if that was not enough.
idle = max(beside(None), beside(None))
for what, hog in HOGS.items():
    busy = 0
    for attempt in range(4):
        busy = max(busy, beside(hog))
        if busy >= 0.8 * idle:
            break
        idle = max(idle, beside(None))
    what = f"{what}: the neighbour gets {busy:.0f} turns, {100 * busy / max(idle, 1):.0f} % of {idle:.0f}"
    good = idle and busy >= 0.8 * idle and used[hog] > used[None] + 0.3
    # What two guests do not get, they cannot share.
    if not good and (other := others()) > os.cpu_count() - 2 * SHARE:
        skip(what, f"host: it spends {other:.1f} of its {os.cpu_count()} CPUs on something else")
    else:
        ok(good, what, f"it used {used[hog]:.1f} s, an idle one {used[None]:.1f} s")
same(run("stop", "good").returncode, 0, "it ends well")
done()
