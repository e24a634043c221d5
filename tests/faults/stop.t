#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 200
# Processes of a guest that the host stops for a while, each kind and all at
# once: afterwards the guest goes on as if nothing had been, its clock included.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

STOP = 1.5
CPUS = 2

# Two that count and check, one that sleeps, one that forks: all the time.
WORK = r"""
spin() { n=0; while :; do n=$((n + 1)); [ $((n % 50000)) = 0 ] && echo "spin $1 $n"; done; }
spin a & spin b &
while :; do sleep 0.1; echo "slept"; done &
while :; do x=$(seq 100 | md5sum); [ "${x%% *}" = d632eba71107bf7bc3ec423eab256d78 ] || echo "WRONG $x"; done &
echo up
while read word; do case $word in
DATE
end) kill $(jobs -p); exit 7 ;;
*) echo "word $word" ;;
esac; done
""".replace("DATE", DATE)


def lines(g, what):
    return g.text.count(what)


g = Guest("--cpus", str(CPUS), "--", "sh", "-c", WORK, timeout=150)
ok(g.expect("up\n"), "a guest at work", g.text)
first = clock(g)
right_clock(first, "its clock is the host's")


def tell(pid, sig):
    try:
        os.kill(pid, sig)
    except ProcessLookupError:
        pass                # a guest's process that has ended meanwhile


kinds = {
    "the monitor": lambda: [g.monitor()],
    "the zygote": lambda: named(g, "ring3-zygote"),
    "all spaces": lambda: named(g, "ring3-space"),
    "one space after the other": None,
    "ring3 itself": lambda: [g.proc.pid],
    "all of them": lambda: g.family(),
}
for what, find in kinds.items():
    family = set(g.family())
    if find:
        pids = find()
        for pid in pids:
            tell(pid, signal.SIGSTOP)
        time.sleep(STOP)
        for pid in pids:
            tell(pid, signal.SIGCONT)
    else:
        for pid in named(g, "ring3-space"):
            try:
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.15)
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
    marks = [b"spin a", b"spin b", b"slept"]
    before = [lines(g, m) for m in marks]
    ok(wait_until(lambda: all(lines(g, m) > n for m, n in zip(marks, before)), 20),
       f"{what} stopped for a while: all goes on", before, [lines(g, m) for m in marks], g.text[-2000:])
    same(ask(g, "again", rb"(?m)^word (again)\n"), b"again", f"{what}: and it listens")
    now = clock(g)
    right_clock(now, f"{what}: its clock is the host's")
    right_uptime(first, now, f"{what}: its uptime has no gap")

# Many times and briefly, while everything hands over to each other.
for i in range(60):
    for pid in (pids := [p for p in g.family()[1:] if i % 3 or comm(p) == "ring3-space"]):
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            pass
    time.sleep(0.005)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
    time.sleep(0.02)
before = lines(g, b"slept")
ok(wait_until(lambda: lines(g, b"slept") > before, 20), "stopped sixty times in three seconds: it goes on")
ok(b"WRONG" not in g.text, "what it computed meanwhile is right", g.text[-2000:])
same(messages(g), [], "and nobody complained")
g.type("end\n")
same(g.wait(30), 7, "it ends by itself")

# What is stopped can be ended.
for what, find in (("the monitor", lambda g: [g.monitor()]), ("everything below ring3", lambda g: g.family()[1:])):
    g = Guest("--", "sh", "-c", "echo up; exec sleep 1000", timeout=100)
    g.expect("up\n")
    family = births(g.family())
    for pid in find(g):
        os.kill(pid, signal.SIGSTOP)
    g.proc.terminate()
    time.sleep(0.2)
    g.proc.terminate()
    ok(g.wait(30) is not None, f"{what} stopped: it can be ended", g.text)
    ok(wait_until(lambda: not alive(family), 10), f"{what} stopped: no process is left", alive(family))
    g.close()
done()
