#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 100
# tags: alone
# A vCPU waits for the manager of a space that the host does not run: the others
# sleep now and then, in case that it is for them, and all goes on afterwards.
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import *

# Written is what the victim executes: the copy replaces a page that is mapped in its space.
WORK = r"""
echo up
while read word; do case $word in
victim) taskset -c 0 sh -c 'while :; do :; done' & V=$!; echo runs ;;
halt) kill -STOP $V; taskset -c 1 sh -c 'while :; do :; done' & sleep 0.2; echo halted ;;
write) for at in $(cat /proc/$V/syscall); do :; done; at=$((at))
	taskset -c 0 dd if=/proc/$V/mem bs=1 skip=$at count=1 2> /dev/null > /tmp/byte
	taskset -c 0 dd if=/tmp/byte of=/proc/$V/mem bs=1 seek=$at conv=notrunc 2> /dev/null; echo "written $?" ;;
yields) set -- $(grep FYD: /proc/interrupts); echo "yields $(($2 + $3))" ;;
end) kill -CONT $V; kill $(jobs -p); exit 7 ;;
esac; done
"""


def busiest(g):
    """Which space has run most in half a second."""
    before = {pid: cpu_seconds([pid]) for pid in named(g, "ring3-space")}
    time.sleep(0.5)
    return max(before, key=lambda pid: cpu_seconds([pid]) - before[pid])


g = Guest("--cpus", "2", "--", "sh", "-c", WORK, timeout=90)
ok(g.expect("up\n"), "a guest at work", g.text)
ask(g, "victim", rb"runs")
time.sleep(0.5)
pid = busiest(g)
victim = births([pid])
ask(g, "halt", rb"halted")
yields = ask(g, "yields", rb"yields (\d+)\n")
os.kill(pid, signal.SIGSTOP)
g.type("write\n")
ok(not wait_until(lambda: b"written" in g.text, 3), "who changes its memory waits for its manager", g.text)
os.kill(pid, signal.SIGCONT)
ok(wait_until(lambda: b"written 0\n" in g.text, 20), "and goes on with it", g.text)
now = ask(g, "yields", rb"yields (\d+)\n")
print(f"# {yields} forced yields before, {now} after")
ok(yields and now and int(now) >= int(yields) + 4, "meanwhile the other vCPU yielded several times", yields, now)
ok(alive(victim), "its process is the same")
same(messages(g), [], "and nobody complained")
g.type("end\n")
same(g.wait(30), 7, "it ends by itself")
done()
