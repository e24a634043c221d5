#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# ring3 top: once without a terminal, live on one, sorted, its terminal as it was afterwards.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machineslib import *

r = run("top", "--interval", "0.2")
ok(r.returncode == 0 and r.stdout.startswith(b"0 guests") and r.stdout.count(b"\n") == 2, "without guests", r.stdout, r.stderr)
for name in ("aa", "bb"):
    start(name)
r = run("top", "--interval", "0.2")
lines = r.stdout.decode().splitlines()
ok(r.returncode == 0 and lines[0].startswith("2 guests, ") and lines[1].split()[:2] == ["NAME", "CPU%"] and b"\033" not in r.stdout,
   "one look without a terminal", r.stdout, r.stderr)
same(sorted(line.split()[0] for line in lines[2:]), ["aa", "bb"], "has a line for each guest")
ok(all(float(word) >= 0 for line in lines[2:] for word in line.split()[1:6]), "and numbers", lines)
same([line.split()[0] for line in run("top", "-i", "0.2", "--sort", "name").stdout.decode().splitlines()[2:]], ["aa", "bb"], "sorted by name")
same(run("top", "-i", "0.2", "-n", "2").stdout.count(b"NAME"), 2, "as many looks as were asked for")
for words, why in ((["--sort", "x"], b"cpu, mem, disk, net or name"), (["aa"], b"takes only options"), (["-n", "0"], b"rounds")):
    r = run("top", *words)
    ok(r.returncode == 125 and why in r.stderr and r.stderr.count(b"\n") == 1, f"top {' '.join(words)}", r.stderr)
term = Terminal(FAKE, "top", "-i", "0.3", rows=10)
ok(term.expect("2 guests", 20), "live on a terminal")
ok(term.raw(), "which tells keys")
term.type("a")
ok(term.expect("by name", 20), "a key sorts")
start("cc")
ok(term.expect("3 guests", 20), "a guest that comes is shown")
for i in range(6):
    start(f"d{i}")
ok(term.expect("more", 20), "more than there are lines are counted")
term.type("q")
same(term.wait(), 0, "q ends it")
ok(term.restored(), "the terminal is as before")
term.close()
for name in ("aa", "bb", "cc", *(f"d{i}" for i in range(6))):
    run("stop", name)
done()
