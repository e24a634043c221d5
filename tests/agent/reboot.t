#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow alone
# Guests that reboot: started again, but not as fast as they can.
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *

starts = lambda text: text.count(b"fake kernel")
r = run("run", "--timeout", "4", "--init", "/sbin/init", "--append", "fake.reboot")
ok(r.returncode == 124 and 3 <= starts(r.stdout) <= 8, "a guest that reboots at once is started a few times in 4 s", r.returncode,
   starts(r.stdout), r.stderr)
lines = [line for line in r.stderr.decode().splitlines() if line.startswith("ring3: ")]
ok(len(lines) == starts(r.stdout) - 1 and all("rebooted again" in line and "started again in" in line for line in lines),
   "which is said each time", lines)

p = spawn("run", "--name", "again", "--init", "/sbin/init", "--append", "fake.reboot", stdin=subprocess.DEVNULL,
          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
while p.poll() is None and b"in 1.00 s" not in p.stderr.readline():
    pass
ok(b'"rebooting"' in run("ps", "--json").stdout, "ps says what it waits for", run("ps", "--json").stdout)
start = time.monotonic()
p.send_signal(signal.SIGTERM)
ok(p.wait(10) == 143 and time.monotonic() - start < 0.8, "meanwhile a signal ends it at once", p.returncode, time.monotonic() - start)

p = spawn("run", "--name", "again", "--init", "/sbin/init", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def next_start(ran):
    """How long it takes from the reboot to the next start."""
    while b"fake console" not in p.stdout.readline():
        pass
    time.sleep(ran)
    start = time.monotonic()
    p.stdin.write(b"reboot\n")
    p.stdin.flush()
    while b"fake kernel" not in p.stdout.readline():
        pass
    return time.monotonic() - start


took = [next_start(0), next_start(0), next_start(0), next_start(10.1), next_start(0)]
ok(took[1] >= 0.25 and took[2] >= 0.5 and max(took[0], took[3]) < 0.25 and took[4] >= 0.25,
   "one that ran for a while is started again at once", took)
p.kill()
p.wait()
done()
