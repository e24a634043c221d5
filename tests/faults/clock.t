#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 150
# The host's wall clock is set, back and forth, by seconds and by years: a guest
# keeps its own time, its timers, and its end. Only who starts later sees it.
# The host's clock stays what it is: what asks for it gets another answer.
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

OFFSET = os.path.join(TMP, "offset")
AUXV = os.path.join(BUILD, "tests/boot/auxv")
# Without its vDSO, which would tell the time of the real host.
HOST = [WALLCLOCK, OFFSET, "--", AUXV, "33", "-1"]
DAY = 86400

WORK = r"""
while :; do sleep 0.1; echo slept; done &
echo up
while read word; do case $word in
DATE
timers) timeout 0.3 sleep 5; echo "timers $?" ;;
end) kill $!; exit 7 ;;
esac; done
""".replace("DATE", DATE)


def set_clock(seconds):
    with open(OFFSET + ".new", "w") as f:
        f.write(f"{seconds}\n")
    os.rename(OFFSET + ".new", OFFSET)


if subprocess.run([AUXV, "33", "-1", "true"]).returncode == 77:
    skip_all("host: processes cannot be traced")
set_clock(5 * DAY)
now = float(subprocess.run([*HOST, "date", "+%s"], stdout=subprocess.PIPE, check=True).stdout)
ok(abs(now - 5 * DAY - time.time()) < 5, "a host whose clock is set", now)
wait = "import ctypes; t = (ctypes.c_long * 2)(1, 0); ctypes.CDLL(None).clock_nanosleep(0, 1, t, None)"
subprocess.run([*HOST, os.path.realpath(sys.executable), "-c", wait], check=True)
with open(OFFSET + ".waits") as f:
    same(f.read(), "1\n", "who waits for a time of it is noticed")
os.unlink(OFFSET + ".waits")

set_clock(0)
g = On(HOST, "--cpus", "2", "--", "sh", "-c", WORK)
ok(g.expect("up\n"), "a guest", g.text)
first = clock(g)
right_clock(first, "its clock is the host's when it starts")
for jump in (3600, -3600, 1, -1, 30 * 365 * DAY, -40 * 365 * DAY):
    set_clock(jump)
    start, slept = time.monotonic(), g.text.count(b"slept")
    same(ask(g, "timers", rb"(?m)^timers (\d+)\n"), b"124", f"{jump:+} s: its timers run out")
    took = time.monotonic() - start
    ok(0.3 <= took < 10, f"{jump:+} s: when they should", took)
    ok(wait_until(lambda: g.text.count(b"slept") > slept + 1, 10), f"{jump:+} s: who sleeps wakes up", g.text[-500:])
    now = clock(g)
    right_clock(now, f"{jump:+} s: its clock goes on as it was")
    right_uptime(first, now, f"{jump:+} s: its uptime has no gap")
slept = g.text.count(b"slept")
for i in range(200):
    set_clock((-1) ** i * 1000 * i)
    time.sleep(0.005)
ok(wait_until(lambda: g.text.count(b"slept") > slept + 5, 10), "set two hundred times in a second: it goes on")
g.type("end\n")
start = time.monotonic()
same(g.wait(30), 7, "it ends by itself")
ok(time.monotonic() - start < 10, "and does not wait for a time that is gone", time.monotonic() - start)

set_clock(-DAY)
g = On(HOST, "--", "sh", "-c", "echo up; date +%s; exec sleep 1000", timeout=4)
start = time.monotonic()
ok(g.expect("up\n") and wait_until(lambda: re.search(rb"up\n(\d+)\n", g.text), 10), "a guest on a host that lives a day ago", g.text)
day = int(re.search(rb"up\n(\d+)\n", g.text)[1]) - time.time()
ok(abs(day + DAY) < 5, "lives a day ago, too", day)
set_clock(-2 * DAY)
same(g.wait(30), 124, "--timeout, and the clock set back: it ends")
ok(3.5 < time.monotonic() - start < 15, "in time", time.monotonic() - start)
ok(not os.path.exists(OFFSET + ".waits"), "nobody waited for a time of the wall clock")
done()
