#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 200
# Ten machines, more than are started at a time, on one network: each reaches the last.
# On a terminal the progress is a line that lives, elsewhere a line for each machine.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lablib import *  # noqa: F403

text = "networks: {lan: {subnet: 10.4.0.0/24}}\nservices:\n" + "".join(
    f"  m{i}: {{mem: 96M, networks: [lan]}}\n" for i in range(10))
folder = lab("many", text)
p = ring3("up", "--parallel", "4", folder)
ok(p.returncode == 0, "ten machines come up", p.stderr)
lines = p.stderr.splitlines()
ok(len(lines) == 11 and all(line.startswith("ring3: ") for line in lines) and "10 machines are up" in lines[-1], "a line for each, and one for all", p.stderr)
same(len(guests()), 10, "they run")
out = [inside(f"many.m{i}", "ping -q -c 1 -W 20 m9 > /dev/null && echo yes").strip() for i in range(9)]
same(out, ["yes"] * 9, "each reaches the last by its name")
ring3("down", folder)
same(left(), [], "nothing is left")

t = Terminal(RING3, "up", folder, cols=80)
t.wait(100)
text = t.text.decode(errors="replace")
ok(t.proc.returncode == 0 and "of 10 up; many.m" in text and "\r\x1b[K" in text, "on a terminal a line shows how far it is", repr(text[-800:]))
ok(max(len(part) for part in re.split(r"\r\x1b\[K|[\r\n]+", text)) <= 80, "which fits into it")
t.close()
ring3("down", folder)
same(left(), [], "nothing is left")
done()
