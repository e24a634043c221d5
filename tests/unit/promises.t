#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SPECIFICATION.md: each promise has a number of its own, and tests that exist."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import *

TOP = os.environ.get("REPO", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def tests():
    for suite in os.listdir(os.path.join(TOP, "tests")):
        folder = os.path.join(TOP, "tests", suite)
        if os.path.isdir(folder):
            yield from (f"{suite}/{f[:-2]}" for f in os.listdir(folder) if f.endswith(".t"))
    out = subprocess.run(["meson", "introspect", "--tests", os.environ["BUILD"]], check=True, stdout=subprocess.PIPE).stdout
    for t in json.loads(out):
        suite = t["suite"][0].split(":")[-1] if t["suite"] else "unit"
        yield t["name"] if "/" in t["name"] else f"{'unit' if suite == 'ring3' else suite}/{t['name']}"


with open(os.path.join(TOP, "SPECIFICATION.md")) as f:
    rows = re.findall(r"^\| ([A-Z]+\d+) \|.*\| ([^|]*) \|$", f.read(), re.M)
numbers = [number for number, _ in rows]
ok(len(numbers) >= 150, f"{len(numbers)} promises")
same(sorted({n for n in numbers if numbers.count(n) > 1}), [], "each has a number of its own")
there = set(tests())
suites = {name.split("/")[0] for name in there}
missing = [(number, name) for number, cell in rows for name in re.findall(r"`([a-z_]+(?:/[\w.-]+)?)`", cell)
           if name not in there and name not in suites]
same(missing, [], "their tests exist")
same([number for number, cell in rows if not re.search(r"`[a-z_]+", cell)], [], "none is without a test")
done()
