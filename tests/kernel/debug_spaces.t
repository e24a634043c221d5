#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# needs: kernel-mutation
# timeout: 3000
"""The debug configuration of kernel/configs/debug-spaces.config: a page that goes
back to the allocator while a space may have it is a BUG. Correct programs find
none; a kernel that does not wait for acknowledgements is found within a minute."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "boot"))
from host import *

REPO = os.environ["REPO"]
FULL = os.environ.get("RING3_TEST_FULL") == "1"
FOUND = r"ring3: page 0x[0-9a-f]+ is (freed|handed out) while a space may have it mapped"
WORK = r"""
cd /tmp && gcc -O1 -pthread -x c -o work - || exit 9
[ -z "MUTATION" ] || echo MUTATION > /sys/module/ring3/parameters/mutation || exit 8
./work SECONDS; echo "work $?"
dmesg | grep -E 'BUG|WARNING|Oops|corrupt|poison.*overwritten' | head
echo end
"""

mutation_kernel()


def work(cpus, seconds, mutation=""):
    text = WORK.replace("SECONDS", str(seconds)).replace("MUTATION", mutation)
    with open(os.path.join(HERE, "debug_spaces.c"), "rb") as source:
        r = run("run", "--timeout", str(seconds + 120), "--mem", "512M", "--cpus", str(cpus), "--append",
                "oops=panic page_poison=1", *sh(text), stdin=source, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=seconds + 150)
    return r.returncode, r.stdout.decode(errors="replace")


for cpus in 1, 2:
    status, out = work(cpus, 300 if FULL else 25)
    m = re.search(r"^touched (\d+) mapped (\d+) files (\d+) forks (\d+) code (\d+)\nwell\nwork 0\nend$", out, re.M)
    ok(status == 0 and m and all(int(n) > 10 for n in m.groups()), f"{cpus} CPUs: no page is freed too early", status, out[-3000:])
    print("#", m and m.group(0).splitlines()[0])
status, out = work(2, 60, "ack")
ok(status == 121 and re.search(FOUND, out), "without acknowledgements one is, and that is found within a minute", status, out[-3000:])
done()
