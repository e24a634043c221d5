#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# timeout: 1200
"""A kernel whose flushes do not wait for the manager is found within a minute, by what
processes see alone; the same kernel before that is not. See docs/walls.md."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fuzz import *

p = subprocess.run([os.environ["REPO"] + "/kernel/build.sh", "--dev", "--no-modules", "--config-fragment", "tiny",
                    "--config-fragment", "mutation"], stdout=subprocess.PIPE, check=True)
os.environ["RING3_KERNEL"] = p.stdout.decode().strip() + "/vmlinux"
os.environ.pop("RING3_MODULES", None)
seed = int(time.time())
found, said = fuzz(2, 20, seed)
ok(not found, f"seed {seed}: with all walls nothing is found", *found[:8], said)
found, said = fuzz(2, 60, seed, before="echo ack > /sys/module/ring3/parameters/mutation")
ok(any("FINDING" in line for line in found), f"seed {seed}: without acknowledgements something is found", *found[:8], said)
print("#", *found[:3], said)
done()
