#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 300
# tags: slow alone
# What a network costs a guest: its start, its memory, and the host while nobody
# uses it. Bounds are for a host that others use too.
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *


def start(*args):
    begin = time.monotonic()
    r = guest(*args, "--", "true")
    assert r.returncode == 0 and not r.stderr, r
    return time.monotonic() - begin


times = {"none": [], "nat": []}
for i in range(13):
    for kind in times:
        times[kind].append(start("--net", kind))
# Pairs, so that what else the host does is in both.
more = statistics.median(b - a for a, b in zip(times["none"], times["nat"])) * 1000
base = statistics.median(times["none"]) * 1000
ok(more < max(15, base * 0.2), f"a start takes {more:.1f} ms longer than the {base:.1f} ms without a network", times)

pss, cpu = {}, {}
for kind in ("none", "nat"):
    g = Guest("--net", kind, "--", "sh", "-c", "echo up; read x")
    g.expect("up\n")
    time.sleep(2)
    pss[kind] = pss_kib(g.family())
    before = cpu_seconds(g.family())
    begin = time.monotonic()
    time.sleep(6)
    cpu[kind] = (cpu_seconds(g.family()) - before) / (time.monotonic() - begin)
    g.type("\n")
    g.wait()
ok(pss["nat"] - pss["none"] < 4 << 10, f"an idle guest takes {pss['nat'] - pss['none']} KiB more memory", pss)
ok(cpu["nat"] < max(0.01, cpu["none"] + 0.01), f"an idle guest takes {cpu['nat'] * 100:.2f} % of a CPU, {cpu['none'] * 100:.2f} % without a network", cpu)
done()
