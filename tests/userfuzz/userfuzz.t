#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# timeout: 400
"""Random user code of several uids for a minute on one CPU and on two: whatever it does,
all processes see their own memory, code and registers. Seeds differ from run to run;
what is found is found again, mostly, by: tests/userfuzz/run MINUTES CPUS SEED."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fuzz import *

for cpus in map(int, os.environ.get("RING3_TEST_CPUS", "1 2").split()):
    seed = int(time.time()) * 10 + cpus
    found, said = fuzz(cpus, 60, seed)
    ok(not found, f"{cpus} CPU, seed {seed}: nothing is found", *found[:8], said)
    print("#", said)
done()
