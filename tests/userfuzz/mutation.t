#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# needs: kernel-mutation
# timeout: 3000
"""A kernel whose flushes do not wait for the manager is found within a minute, by what
processes see alone; the same kernel before that is not. See docs/walls.md."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fuzz import *

# What processes see is to find it, not what the kernel knows of itself.
QUIET = "quiet ring3_debug_spaces=0"
mutation_kernel()
seed = int(time.time())
found, said = fuzz(2, 20, seed, append=QUIET)
ok(not found, f"seed {seed}: with all walls nothing is found", *found[:8], said)
found, said = fuzz(2, 60, seed, append=QUIET, before="echo ack > /sys/module/ring3/parameters/mutation")
ok(any("FINDING" in line for line in found), f"seed {seed}: without acknowledgements something is found", *found[:8], said)
print("#", *found[:3], said)
done()
