#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 200
# tags: slow alone
# --cpu-affinity, and what taskset or a cpuset leave to a guest: its vCPUs, the
# threads of its processes, and all else that runs for it never leave the list.
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from host import *

MINE = sorted(os.sched_getaffinity(0))
# System calls, a process with threads, and forks, on each CPU of the guest.
LOAD = r"""
for i in $(seq $(nproc)); do
	dd if=/dev/zero of=/dev/null bs=1 count=1000000000 2>/dev/null &
	(while :; do x=$(echo | cat); done) &
done
perl -e 'use threads; for (1 .. 3) { threads->create(sub { while (1) { select(undef, undef, undef, 0.001) } }) } sleep 1000' &
echo up
while read -r line; do eval "$line"; echo "status $?"; done
"""


def threads(g, pids=None):
    """(process, thread, what it may run on) of all that runs for the guest."""
    found = []
    for pid in pids or g.family()[1:]:
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/status") as f:
                    text = f.read()
                if re.search(r"^State:\s*[ZX]", text, re.M):
                    continue        # it runs nowhere any more
                name = re.search(r"^Name:\s*(\S+)", text, re.M)[1]
                cpus = re.search(r"^Cpus_allowed_list:\s*(\S+)", text, re.M)[1]
                found.append((pid, name, cpus))
        except OSError:
            pass            # it has ended meanwhile
    return found


def numbers(text):
    cpus = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def watch(g, seconds):
    """All that was seen in this time."""
    seen, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        seen |= set(threads(g))
        time.sleep(0.02)
    return seen


def outside(seen, cpus):
    return sorted(t for t in seen if not numbers(t[2]) <= set(cpus))


def start(*options):
    return Guest("--mem", "1G", *options, "--", "sh", "-c", LOAD)


def works(g, what):
    old = len(g.text)
    g.type("x=$(seq 1000 | md5sum); [ \"$x\" = '53d025127ae99ab79e8502aae2d9bea6  -' ]\n")
    ok(wait_until(lambda: b"status 0\n" in g.text[old:], 60), what, g.text[-500:])


def kept(what, cpus, *options, homes=None, taskset=None):
    mask = os.sched_getaffinity(0)
    if taskset is not None:
        os.sched_setaffinity(0, taskset)        # as the caller's; the guest inherits it
    g = start(*options)
    os.sched_setaffinity(0, mask)
    if ok(g.expect("up\n"), f"{what}: a guest at work", g.text):
        seen = watch(g, 1.5)
        ok(len({p for p, _, _ in seen}) > 5 and not outside(seen, cpus), f"{what}: nothing is elsewhere", outside(seen, cpus))
        if homes:
            got = {n: c for _, n, c in threads(g, [g.monitor()]) if n.startswith("vcpu")}
            same(got, homes, f"{what}: each vCPU is where it was put")
        works(g, f"{what}: it works")
    g.close()
    wait_until(lambda: g.proc.poll() is not None)


def refused(text, *want):
    r = run("run", "--cpu-affinity", text, "--", "true", timeout=30)
    err = r.stderr.decode()
    ok(r.returncode == 125 and not r.stdout and err.count("\n") == 1 and "--cpu-affinity" in err and all(w in err for w in want),
       f"--cpu-affinity '{text}' is refused", r.returncode, err)


for text in ("x", "", "1-", "3-1", "0,", ",0", "0-1:0", "-1", "0 1", "0x1", "99999999999999999999"):
    refused(text, "give host CPUs")
refused(f"{MINE[0]},{MINE[0]}", "twice")
refused("512", "0 to 511")
refused("511", "this host has no CPU 511")

if len(MINE) < 2:
    skip("where a guest runs", "host: it has one CPU only")
    done()
a, b = MINE[:2]

os.sched_setaffinity(0, {a})
refused(f"{a},{b}", "may use", "taskset")
os.sched_setaffinity(0, MINE)

kept("one CPU for two vCPUs", [b], "--cpus", "2", "--cpu-affinity", str(b), homes={"vcpu0": str(b), "vcpu1": str(b)})
kept("two CPUs in an order", [a, b], "--cpus", "2", "--cpu-affinity", f"{b},{a}", homes={"vcpu0": str(b), "vcpu1": str(a)})
kept("more vCPUs than CPUs", [a, b], "--cpus", "3", "--cpu-affinity", f"{a},{b}",
     homes={"vcpu0": str(a), "vcpu1": str(b), "vcpu2": str(a)})
kept("without pinning", [b], "--cpus", "2", "--no-pin", "--cpu-affinity", str(b))
kept("one vCPU", [b], "--cpus", "1", "--cpu-affinity", str(b), homes={"vcpu0": str(b)})
kept("the caller's affinity", [b], "--cpus", "2", taskset={b}, homes={"vcpu0": str(b), "vcpu1": str(b)})

# ---- a vCPU uses the CPU of one that has nothing to do ----

BORROW = r"""
taskset -c 0 dd if=/dev/zero of=/dev/null bs=1 count=1000000000 2>/dev/null & echo up; read x
taskset -c 1 sh -c 'while :; do :; done' & echo both; read x
"""


def place_of(g, name):
    return [c for _, n, c in threads(g, [g.monitor()]) if n == name]


g = Guest("--mem", "1G", "--cpus", "2", "--cpu-affinity", f"{a},{b}", "--", "sh", "-c", BORROW)
if ok(g.expect("up\n"), "one vCPU makes system calls, the other sleeps", g.text):
    ok(wait_until(lambda: place_of(g, "vcpu0") == [str(b)], 10), "the one goes to the other's CPU", place_of(g, "vcpu0"))
    g.type("\n")
    g.expect("both\n")
    ok(wait_until(lambda: place_of(g, "vcpu0") == [str(a)], 10), "when that has work, it is back", place_of(g, "vcpu0"))
    seen = {c for _, n, c in watch(g, 1) if n == "vcpu0"}
    same(seen, {str(a)}, "and stays")
g.close()

# ---- the host takes a CPU away while the guest runs ----


def confine(g, cpus):
    """taskset -ap for each process of the guest, as it has them now."""
    for pid in g.family()[1:]:
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue        # it has ended meanwhile
        for task in tasks:
            try:
                os.sched_setaffinity(int(task), cpus)
            except OSError:
                pass


for cpus in (1, 2):
    g = start("--cpus", str(cpus), "--cpu-affinity", f"{a},{b}")
    if not ok(g.expect("up\n"), f"{cpus} vCPUs at work", g.text):
        continue
    confine(g, {a})
    time.sleep(0.5)
    # What was made while it was moved.
    confine(g, {a})
    seen = watch(g, 2)
    ok(len({p for p, _, _ in seen}) > 10 and not outside(seen, [a]), f"{cpus} vCPUs: what is new stays where the rest was moved",
       outside(seen, [a]))
    works(g, f"{cpus} vCPUs: it goes on with fewer CPUs of the host")
    confine(g, {a, b})
    works(g, f"{cpus} vCPUs: and with more again")
    g.type("exit 4\n")
    same(g.wait(), 4, f"{cpus} vCPUs: it ends well")
    g.close()
done()
