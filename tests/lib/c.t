#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# libring3 as a C program sees it: tests/lib/libtest.c says what, on a guest in the background. And what the
# library shows: the functions of its header, and nothing else.
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

BUILD, REPO = os.environ["BUILD"], os.environ["REPO"]
os.environ["RING3_PROGRAM"] = RING3
r = run("run", "-d", "--name", "a", "--mem", "256M", "--net", "none")
same(r.returncode, 0, "a guest in the background")
p = subprocess.Popen([os.path.join(BUILD, "tests", "lib", "libtest"), "a"], stdout=subprocess.PIPE, text=True)
plan = seen = 0
for line in p.stdout:
    if line.startswith("1.."):
        plan = int(line[3:])
    elif line.startswith(("ok ", "not ok ")):
        seen += 1
        ok(line.startswith("ok "), line.split(" - ", 1)[1].strip())
    else:
        print(line, end="")
same((p.wait(), plan), (0, seen), "it came to its end")

lib = os.path.join(BUILD, "lib", "libring3.so.0")
shown = {w[2].split("@")[0] for w in (line.split() for line in subprocess.run(["nm", "-D", "--defined-only", lib], stdout=subprocess.PIPE, text=True).stdout.splitlines()) if w[1] == "T"}
with open(os.path.join(REPO, "lib", "ring3.h")) as f:
    header = set(re.findall(r"\b(ring3_\w+)\(", re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)))
same(sorted(shown), sorted(header), "the library has what its header has, and nothing else")
with open(os.path.join(REPO, "lib", "python", "ring3.py")) as f:
    bound = {"ring3_" + name for name in re.findall(r'_declare\("(\w+)"', f.read())}
same(sorted(header - bound), [], "and so have the Python bindings")
with open(os.path.join(REPO, "man", "libring3.3")) as f:
    page = f.read()
same([name for name in sorted(header) if name not in page], [], "each is in the manual page")
done()
