# SPDX-License-Identifier: GPL-2.0-or-later
"""MINUTES CPUS SEED...: for tests/userfuzz/run. A new guest every five minutes, each with a
seed of its own; all go on after a finding. RING3_TEST_APPEND has words for their kernels.
The last line says what came out."""
import os
import sys
import time

from fuzz import *

PIECE = 300


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    cpus = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    end, bad = time.monotonic() + minutes * 60, 0
    while (left := end - time.monotonic()) > 5:
        found, said = fuzz(cpus, int(min(left, PIECE)), seed, *sys.argv[4:],
                           append="quiet " + os.environ.get("RING3_TEST_APPEND", ""))
        for line in found:
            print(time.strftime("%H:%M:%S"), line, flush=True)
        print(time.strftime("%H:%M:%S"), said, flush=True)
        bad += len(found)
        seed += 1000003
    print(f"{minutes:g} minutes on {cpus} CPUs: " + (f"{bad} findings" if bad else "clean"))
    return 1 if bad else 0


sys.exit(main())
