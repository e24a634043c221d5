# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of faults share: guests on hosts that fail them, and a shell in there to talk to."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "boot"))
from host import *

BUILD = os.environ["BUILD"]
FAIL = os.path.join(BUILD, "tests/faults/fail")
WALLCLOCK = os.path.join(BUILD, "tests/faults/wallclock")


def machine_run():
    """What tests/machine does, without a shell between host and guest."""
    env = os.environ
    if not env.get("RING3_TEST_PROGRAM"):
        return [RING3, "run"]
    return [env["RING3_TEST_PROGRAM"], "run"] + (["--cpus", env["RING3_TEST_CPUS"]] if env.get("RING3_TEST_CPUS") else []) + \
        (["--append", env["RING3_TEST_APPEND"]] if env.get("RING3_TEST_APPEND") else [])


class On(Guest):
    """A guest on a host that a program makes for it: [FAIL, RULE..., "--"]."""

    def __init__(self, host, *args, timeout=100):
        self.text = b""
        self.proc = subprocess.Popen([*host, *machine_run(), "--timeout", str(timeout), *args],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()


def named(g, name):
    """Its host processes of that name: ring3-monitor, ring3-zygote, ring3-space."""
    return [pid for pid in g.family() if comm(pid) == name]


def ask(g, line, answer, seconds=30):
    """Types a line. What the guest answers to it; None if that does not come."""
    old = len(re.findall(answer, g.text))
    try:
        g.type(line + "\n")
    except OSError:
        return None
    wait_until(lambda: len(re.findall(answer, g.text)) > old or g.proc.poll() is not None, seconds)
    found = re.findall(answer, g.text)
    return found[-1] if len(found) > old else None


def churning(jobs):
    """For a shell that forks nothing when it is asked; its children do, all the time."""
    return r"""
churn() { while :; do x=$(seq 100 | md5sum); [ "${x%% *}" = d632eba71107bf7bc3ec423eab256d78 ] || echo "hurt $1"; done; }
keep() { while :; do (churn $1); echo "again $1"; done; }
for job in JOBS; do keep $job & done
echo up
while read word; do case $word in
end) kill $(jobs -p); exit 7 ;;
*) echo "word $word" ;;
esac; done
""".replace("JOBS", jobs)


# For a guest's shell: answers clock().
DATE = """date) read up x < /proc/uptime; echo "date $(date +%s.%N) $up" ;;"""


def clock(g):
    """The host's wall clock before and after, and the guest's wall clock and uptime in between."""
    before = time.time()
    got = ask(g, "date", rb"(?m)^date ([0-9.]+) ([0-9.]+)\n")
    return (before, time.time(), *map(float, got)) if got else None


def right_clock(now, what):
    ok(now and now[0] - 0.05 <= now[2] <= now[1] + 0.05, what, now)


def right_uptime(first, now, what):
    ok(now and now[0] - first[1] - 0.05 <= now[3] - first[3] <= now[1] - first[0] + 0.05, what, first, now)


def messages(g):
    return [line for line in g.text.decode(errors="replace").splitlines() if line.startswith("ring3: ")]
