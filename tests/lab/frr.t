#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
# tags: slow extra
# The labs of examples/: ten machines, six of them routers with OSPF by FRR, from a Kathara
# lab's unchanged folder, and the same in YAML. Each computer reaches each other one.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lablib import *  # noqa: F403

REPO = os.environ["REPO"]
root = subprocess.run([REPO + "/scripts/mkroot", "--key", "network"], stdout=subprocess.PIPE, text=True).stdout.strip()
# To make it takes minutes, which is longer than all of these tests.
if not os.path.exists(root):
    skip_all("there is no root disk with FRR; scripts/mkroot network makes one")


def all_reach(lab):
    """Pings of all pairs that have no answer yet."""
    left = []
    for a in range(1, 5):
        out = inside(f"{lab}.pc{a}", "for b in 1 2 3 4; do ping -q -c 1 -W 1 192.168.$b.2 > /dev/null || echo no $b; done")
        left += [(a, line) for line in out.splitlines()]
    return left


for name, file in (("ospf", "kathara-lab_ospf"), ("ospf-yaml", "ospf.yaml")):
    p = ring3("up", "--root", root, f"{REPO}/examples/labs/{file}", timeout=400)
    ok(p.returncode == 0, f"{file}: ten machines are up", p.stderr)
    same(len(guests()), 10, "they run")
    wait_until(lambda: not all_reach(name), 120)
    same(all_reach(name), [], "each computer reaches each other one")
    out = inside(f"{name}.r1", "ip route show proto ospf")
    ok(out.count("192.168.") == 3, "as routes of OSPF say", out)
    out = inside(f"{name}.r2", "vtysh -c 'show ip ospf neighbor'")
    ok(out.count("Full/") == 2, "a router has two neighbors", out)
    p = ring3("down", name)
    ok(p.returncode == 0 and left() == [], "down leaves nothing", p.stderr, left())
done()
