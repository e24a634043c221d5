#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# tags: slow alone
# What an idle guest costs the host: under 1 % of a core, and less than 64 MB
# of memory for a guest of 512 MB that has booted to a shell.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from host import *

SECONDS = 10
WAIT = 3    # what was set going by the boot has ended by then


def used(pids):
    before, start = cpu_seconds(pids), time.monotonic()
    time.sleep(SECONDS)
    return (cpu_seconds(pids) - before) / (time.monotonic() - start)


def idle(what, family):
    time.sleep(WAIT)
    pids = family()
    share = used(pids)
    pss = pss_kib(pids)
    print(f"# {what}: {len(pids)} processes, {share * 100:.2f} % of a core, PSS {pss / 1024:.1f} MiB")
    same(set(family()), set(pids), f"{what}: no process comes or goes")
    ok(share < 0.01, f"{what}: less than 1 % of a core", f"{share * 100:.2f} %")
    return pids, pss


t = Terminal(RING3, "run", "--timeout", "120", "--mem", "512M")
t.type("PS1='@'\"@ \"\n")
ok(t.expect("@@ ", 60), "a 512 MB guest shows its shell", t.text)
pids, pss = idle("shell", lambda: descendants(t.proc.pid))
ok(len(pids) >= 4, "ring3, monitor, zygote and spaces were all counted", pids)
ok(pss * 1024 < 64_000_000, "shell: its processes hold less than 64 MB", f"{pss} KiB",
   *(f"{pid} {open(f'/proc/{pid}/comm').read().strip()} {pss_kib([pid])} KiB" for pid in pids))
t.type("exit\n")
same(t.wait(30), 0, "the shell is still there")
t.close()

g = Guest("--", "sleep", "60")
idle("sleep", g.family)
g.close()
done()
